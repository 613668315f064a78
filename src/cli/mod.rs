//! Front end 1: the command line.
//!
//! A subcommand turns its arguments into a [`Command`](crate::session::Command), a display shows the events while they
//! come in, and the subcommand prints the result from the folded state. Results go to stdout, everything else to stderr.

mod add;
mod args;
mod bars;
mod build;
mod cache;
#[cfg(test)]
mod commands_doc;
mod compare;
mod completions;
mod confirm;
mod copy;
mod display;
mod doctor;
mod drive;
mod fact;
mod github;
mod guided;
mod index;
mod init;
mod inspect;
mod json;
mod list;
mod load;
mod man;
mod matrix;
mod outputs;
mod plain;
mod printer;
mod push;
mod quantity;
mod quiet;
mod release;
mod report;
mod run;
mod schema;
mod show;
mod table;
mod test;
mod update;
mod verify;

pub use add::AddArgs;
pub use args::{Cli, Color, Global, Output, ReplayArgs, Subcommand, Ui};
pub use build::BuildArgs;
pub use cache::{CacheArgs, CacheCommand, PruneArgs};
pub use compare::CompareArgs;
pub use completions::{CompletionsArgs, Shell, complete};
pub use copy::CopyArgs;
pub use doctor::DoctorArgs;
pub use drive::Link;
pub use guided::guided;
pub use index::IndexArgs;
pub use init::InitArgs;
pub use inspect::InspectArgs;
pub use list::ListArgs;
pub use load::{EngineArgs, LoadArgs, Which};
pub use man::ManArgs;
pub use matrix::{MatrixArgs, Part};
pub use printer::Printer;
pub use push::{PushArgs, SendArgs};
pub use release::ReleaseArgs;
pub use run::run;
pub use schema::{SchemaArgs, SchemaOf};
pub use test::TestArgs;
pub use update::{OutdatedArgs, UpdateArgs};
pub use verify::{FailOn, Format, VerifyArgs};
