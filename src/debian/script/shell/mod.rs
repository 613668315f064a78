//! An interpreter of shell scripts that knows what it does not know.
//!
//! Every value and every exit status may be unknown. What hangs on an unknown condition is evaluated in doubt: nothing of it is done,
//! and whatever it would have done is said to be unhandled. A path that makes the installation fail is not taken: the question is what
//! an installation that succeeds has done.

mod alias;
mod arithmetic;
mod ast;
mod doubt;
mod expand;
mod files;
mod parse;
mod parse_command;
mod pattern;
mod perhaps;
mod redirect;
mod run;
mod simple;
mod state;
mod streams;
mod word;
mod work;

pub(super) use parse::parse;
pub(super) use pattern::matches;
pub(super) use perhaps::UNKNOWN;
pub(super) use simple::{is_bash, is_shell};
pub(super) use state::{Flow, Shell, State, Status, Value};
