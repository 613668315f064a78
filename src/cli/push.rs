//! `catamaran push`: plan, gates, consent, publish.

use std::sync::Arc;

use super::args::PushArgs;
use super::confirm::{self, Consent as Needs};
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::show;
use crate::catalog::{Catalog, near, select};
use crate::release::{Consent, Plan};
use crate::session::{Command, PushRequest};
use crate::{Error, Result};

/// Plans and, when everything allows it, publishes.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &PushArgs) -> Result<()> {
    let request = request(catalog, args, |name| std::env::var(name).ok())?;
    drive.run(Command::Plan(request)).await?;
    publish(drive, printer, args).await
}

/// Shows the plan that the state has, asks where that is needed, and carries it out.
pub(super) async fn publish<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &PushArgs) -> Result<()> {
    let Some(plan) = drive.state.plan.clone() else {
        return Err(Error::failed("the engine made no plan").hint("this is a bug; please report it"));
    };
    if args.dry_run {
        return dry_run(printer, &plan);
    }
    show_plan(printer, &plan);
    let mut agreed = Consent { accept_warnings: args.yes, reason: args.reason.clone(), force: args.force };
    match confirm::consent(&plan, args.yes, args.reason.is_some(), printer.interactive)? {
        Needs::Given => {}
        Needs::Version => confirm::ask(drive, printer, &plan).await?,
        Needs::ReasonAndVersion => {
            agreed.reason = Some(confirm::ask_reason(drive, printer).await?);
            confirm::ask(drive, printer, &plan).await?;
        }
    }
    let ended = drive.run(Command::Publish { plan: Box::new(Plan::clone(&plan)), consent: agreed }).await;
    if ended.is_err()
        && let Some(now) = drive.state.plan.as_ref().filter(|now| !Arc::ptr_eq(now, &plan))
    {
        // It was refused because it no longer matches: this is what would match.
        show_plan(printer, now);
    }
    receipt(drive, printer, ended?)
}

/// The plan is what one consents to, not the result: it goes to stderr.
fn show_plan(printer: &Printer, plan: &Plan) {
    if printer.mode != super::printer::Mode::Quiet && printer.results != Results::Events {
        printer.note(&show::plan(plan, printer.err_color));
    }
}

/// Prints the plan as the result; a plan that could not be carried out is a failure.
fn dry_run(printer: &Printer, plan: &Plan) -> Result<()> {
    match printer.results {
        Results::Events => {}
        Results::Document => printer.document(plan)?,
        Results::Text => printer.result(&show::plan(plan, printer.out_color)),
    }
    // Warnings are for whoever does it for real.
    confirm::consent(plan, true, false, false).map(drop)
}

/// Prints the receipt.
pub(super) fn receipt<L: Link>(drive: &Drive<L>, printer: &Printer, failed: usize) -> Result<()> {
    let receipt = drive.state.publication.as_ref().and_then(|p| p.receipt.as_ref().map(Arc::clone));
    match (&receipt, printer.results) {
        (Some(receipt), Results::Document) => printer.document(receipt.as_ref())?,
        (Some(receipt), Results::Text) => printer.result(&show::receipt(receipt, printer.out_color)),
        _ => {}
    }
    match receipt {
        _ if failed > 0 => super::build::outcome(&drive.state, failed),
        Some(_) => Ok(()),
        None => Err(Error::failed("the push ended without a receipt").hint("this is a bug; please report it")),
    }
}

/// What to push: the version, containers and tags from the arguments, or from `VERSION` and `TAGS` as in the reference
/// system (an empty variable is an absent one).
pub(super) fn request(catalog: &Catalog, args: &PushArgs, environment: impl Fn(&str) -> Option<String>) -> Result<PushRequest> {
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let is_container = |word: &String| catalog.container(word).is_some();
    let (version, names) = match (args.words.split_first(), variable("VERSION")) {
        // `VERSION=1.2.0 catamaran push fd` must never publish a version called `fd`.
        (Some((first, _)), Some(version)) if is_container(first) => (version, &args.words[..]),
        (Some((first, rest)), _) if is_container(first) => {
            let names = std::iter::once(first).chain(rest).map(String::as_str).collect::<Vec<_>>().join(" ");
            return Err(Error::usage(format!("`{first}` is a container; the version comes first"))
                .hint(format!("for example `1.2.0 {names}`, or set VERSION")));
        }
        (Some((first, rest)), _) => (first.clone(), rest),
        (None, Some(version)) => (version, &[][..]),
        (None, None) => {
            return Err(
                Error::usage("which version? it is the first argument, or the variable VERSION").hint("catamaran push 1.2.0 --dry-run")
            );
        }
    };
    tag(&version, "version")?;
    let tags = match &args.tags {
        Some(tags) => Some(tags.iter().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>()),
        None => variable("TAGS").map(|tags| tags.split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect()),
    };
    tags.iter().flatten().try_for_each(|t| tag(t, "tag"))?;
    let targets = select(catalog, names, &args.target)?;
    Ok(PushRequest { version, targets, tags, force: args.force, registry: args.registry.clone() })
}

/// A tag (distribution-spec, "Pulling manifests", `<reference>`): `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. A version gets
/// suffixes for architectures, so it has to be shorter.
fn tag(text: &str, what: &str) -> Result<()> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let room = if what == "version" { 112 } else { 128 };
    let fine = text.len() <= room && text.bytes().next().is_some_and(word) && text.bytes().all(|b| word(b) || b"-.".contains(&b));
    if fine {
        return Ok(());
    }
    let error = Error::usage(format!("`{text}` cannot be a {what}"));
    Err(match near(text, ["--dry-run", "--force", "--yes"]) {
        Some(option) => error.hint(format!("did you mean `{option}`?")),
        None => error.hint(format!("letters, digits, `_`, `.` and `-`, at most {room}, beginning with a letter, a digit or `_`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_of(words: &[&str], tags: Option<&[&str]>, variables: &[(&str, &str)]) -> Result<PushRequest> {
        let text = "[containers.rg]\npackages = [\"ripgrep\"]\n[containers.fd]\npackages = [\"fd-find\"]\n";
        let catalog = crate::catalog::parse("containers.toml".as_ref(), text).unwrap();
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let args = PushArgs {
            words: owned(words),
            tags: tags.map(owned),
            target: vec![],
            dry_run: false,
            yes: false,
            reason: None,
            force: false,
            registry: None,
        };
        request(&catalog, &args, |name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_version_comes_from_the_arguments_or_the_environment() {
        let request = request_of(&["1.2.0", "fd"], None, &[("VERSION", "9"), ("TAGS", "")]).unwrap();
        assert_eq!((request.version.as_str(), request.targets.len(), request.tags), ("1.2.0", 2, None));
        let request = request_of(&["fd"], None, &[("VERSION", "9"), ("TAGS", "a,b")]).unwrap();
        assert_eq!((request.version.as_str(), request.targets.len()), ("9", 2));
        assert_eq!(request.tags.unwrap(), ["a", "b"]);
        assert_eq!(request_of(&[], Some(&[""]), &[("VERSION", "9"), ("TAGS", "a")]).unwrap().tags.unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(request_of(&["fd"], None, &[]).unwrap_err().message().contains("the version comes first"));
        assert!(request_of(&[], None, &[("VERSION", "")]).unwrap_err().message().starts_with("which version?"));
        for bad in ["v 1", "-1", "1/2", "1:2", "ä", ""] {
            assert_eq!(request_of(&[bad], None, &[]).unwrap_err().kind(), crate::Kind::Usage, "{bad}");
        }
        assert!(request_of(&["1", "rgg"], None, &[]).unwrap_err().advice().unwrap().contains("`rg`"));
        assert!(request_of(&["1"], Some(&["a b"]), &[]).is_err());
    }
}
