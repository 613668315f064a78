//! `catamaran release`: build, verify, plan, publish, and check what arrived.

use clap::Args;

use super::build;
use super::drive::{Drive, Link};
use super::outputs;
use super::printer::Printer;
use super::push;
use super::push::PushArgs;
use crate::catalog::Catalog;
use crate::session::{BuildRequest, Command, ReleaseRequest};
use crate::{Error, Result};

/// `release`
#[derive(Debug, Args)]
#[command(
    after_help = "Builds, verifies, shows the plan, pushes, and reads back what was published.\nOtherwise as `catamaran push`.\n\nExamples:\n  \
                  catamaran release 1.2.0 --dry-run\n  catamaran release 1.2.0 --tags 1.2,latest --locked --yes"
)]
pub struct ReleaseArgs {
    /// What to push, and under which names
    #[command(flatten)]
    pub push: PushArgs,
    /// How many targets at a time [default: one per core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Refuse to change containers.lock
    #[arg(long)]
    pub locked: bool,
}

/// Releases what `args` select. The engine builds, verifies and plans; the plan is then shown, consented to and carried
/// out exactly as `push` does it, so that nobody publishes what they have not seen.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &ReleaseArgs) -> Result<()> {
    outputs::can_be_written(&args.push.send, args.push.out_digests.as_deref(), |name| std::env::var_os(name))?;
    if !args.push.image.is_empty() {
        return Err(Error::usage("`release` builds what it sends; --image is for `catamaran push`"));
    }
    let push = push::request(catalog, &args.push, |name| std::env::var(name).ok())?;
    let jobs = args.jobs.map_or(0, usize::from);
    let build = BuildRequest { targets: push.targets.clone(), jobs, locked: args.locked, out: None };
    let request = ReleaseRequest { push, build, dry_run: true, accept_warnings: args.push.send.yes };
    let failed = drive.run(Command::Release(request)).await?;
    // Without a plan the build or a check failed; with one, its gates say what is wrong, and say it better.
    if drive.state.plan.is_none() {
        build::outcome(&drive.state, failed)?;
    }
    push::publish(drive, printer, &args.push.send, args.push.out_digests.as_deref()).await
}
