//! RUN it: commands in, events out, one fold of events into state.
//!
//! `Command → engine → Event → State → (cli display | tui view)`. Front ends know this room and what it hands out.

mod activity;
mod add;
mod build;
mod cache;
mod check;
mod command;
mod compare;
mod compress;
mod copy;
mod discover;
mod doctor;
mod doctor_debian;
mod doctor_engine;
mod doctor_nix;
mod emitter;
mod engine;
mod event;
mod folders;
mod history;
mod in_use;
mod inspect;
mod join;
mod layout;
mod load;
mod log;
mod nix;
mod noted;
mod payload;
mod proposal;
mod prove;
mod publish;
mod rebuild;
mod replay;
mod siblings;
mod state;
mod subject;
mod survey;
mod test;
mod test_outcome;
mod unused;
mod update;
mod verify;

/// What an update changes; named here because front ends know only the session.
pub use crate::debian::{Change, ChangeWarning};
/// Which engine, and what it is.
pub use crate::runtime::{EngineChoice, EngineFacts};
pub use activity::{Added, BlobState, Build, Phase, Publication, Run, RunEnd, Trial, Update, Verification};
pub use add::{Proposal, ProposeRequest};
pub use cache::{CacheReport, PruneRequest, Pruned, Stocked};
pub use command::{
    BuildRequest, Command, DiagnoseRequest, IndexRequest, PushRequest, ReleaseRequest, RunId, UpdateRequest, VerifyRequest, VmCache,
};
pub use compare::CompareRequest;
pub use copy::{Copied, CopyRequest};
pub use discover::load_catalog;
pub use doctor::{Diagnosis, Finding};
pub use engine::{Commands, Ended, Options, Session, start};
pub use event::{Event, EventKind};
pub use folders::Folders;
pub use history::published_tags;
pub use load::{LoadRequest, Loaded};
pub use log::{KEPT_LINES, Log};
pub use payload::{BuiltImage, Failure, ImageState, Inspection, LastPublished, LayerSummary, Listing, NotCompared, Outcome, TargetSummary};
pub use replay::replay;
pub use state::State;
pub use survey::Stock;
pub use test::{DEFAULT_TIME_LIMIT, NO_NETWORK, TestRequest};
pub use test_outcome::TestOutcome;
