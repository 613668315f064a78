//! RUN it: commands in, events out, one fold of events into state.
//!
//! `Command → engine → Event → State → (cli display | tui view)`. Front ends know this room and what it hands out.

mod command;
mod event;
mod state;

pub use command::{BuildRequest, Command, PushRequest, ReleaseRequest, RunId};
pub use event::{BuiltImage, Event, EventKind, Failure, ImageState, Inspection, LayerSummary, Outcome, TargetSummary};
pub use state::{BlobState, Build, KEPT_LINES, Phase, Publication, Run, RunEnd, State, Verification};
