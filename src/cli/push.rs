//! `catamaran push`: plan, gates, consent, publish.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use clap::Args;

use super::confirm::{self, Consent as Needs};
use super::drive::{Drive, Link};
use super::outputs;
use super::printer::{Printer, Results};
use super::show;
use crate::catalog::{Architecture, Catalog, Target, near, select};
use crate::image::Reference;
use crate::release::{Consent, Plan, Purpose, PushedDigests, Receipt};
use crate::session::{Command, PushRequest};
use crate::{Error, Result};

/// `push`
#[derive(Debug, Args)]
#[command(
    after_help = "Tags: VERSION first, then --tags; without --tags, `latest` if the branch is main.\nWithout --yes the version has to be \
                  typed on a terminal; elsewhere --yes or --reason is needed only when a gate warns.\nVERSION and TAGS are also read from the \
                  environment: `VERSION=1.2.0 TAGS=1.2,latest catamaran push fd`.\n\nExamples:\n  catamaran push 1.2.0 --dry-run\n  catamaran \
                  push 1.2.0 fd --tags 1.2,latest --yes\n  catamaran push 1.2.0 --target aarch64 --digests-only --out-digests arm64.json\n\nIn GitHub \
                  Actions the outputs version, digest-NAME, digest-NAME-TARGET, reference-NAME, digests and receipt are set ($GITHUB_OUTPUT), \
                  and a table is written to $GITHUB_STEP_SUMMARY."
)]
pub struct PushArgs {
    /// The version (the first tag), then containers [default: all]
    #[arg(value_name = "VERSION [NAME]")]
    pub words: Vec<String>,
    /// Further tags; '' for none
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub tags: Option<Vec<String>>,
    /// Only these architectures
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Architecture>,
    /// Push the images by digest only, without index and tags: for `catamaran index` on another machine
    #[arg(long, conflicts_with = "tags")]
    pub digests_only: bool,
    /// An image that `nix build` has made of the one container named, instead of those that were built here
    #[arg(long, value_name = "TARGET=nix:FILE", value_parser = super::push::given, conflicts_with = "target")]
    pub image: Vec<(Architecture, PathBuf)>,
    /// With --digests-only: also write what was pushed to this file, for `catamaran index --from`
    #[arg(long, value_name = "FILE", requires = "digests_only")]
    pub out_digests: Option<PathBuf>,
    /// How it is sent
    #[command(flatten)]
    pub send: SendArgs,
}

/// What every command that sends understands.
#[derive(Clone, Debug, Default, Args)]
pub struct SendArgs {
    /// Show the plan and stop
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Do not ask; accept warnings of gates
    #[arg(long, short)]
    pub yes: bool,
    /// Accept warnings of gates for this reason, which goes into the receipt
    #[arg(long, value_name = "WORDS", value_parser = super::confirm::reason)]
    pub reason: Option<String>,
    /// Overwrite a version that exists and differs; look at every blob at the registry, and send what it has lost
    #[arg(long)]
    pub force: bool,
    /// Push to this registry instead of the one in containers.toml
    #[arg(long, value_name = "HOST[:PORT]")]
    pub registry: Option<String>,
    /// Also write the receipt to this file
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
}

/// Plans and, when everything allows it, publishes.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &PushArgs) -> Result<()> {
    outputs::can_be_written(&args.send, args.out_digests.as_deref(), |name| std::env::var_os(name))?;
    let request = request(catalog, args, |name| std::env::var(name).ok())?;
    drive.run(Command::Plan(request)).await?;
    publish(drive, printer, &args.send, args.out_digests.as_deref()).await
}

/// Shows the plan that the state has, asks where that is needed, and carries it out.
pub(super) async fn publish<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &SendArgs, out_digests: Option<&Path>) -> Result<()> {
    let Some(plan) = drive.state.plan.clone() else {
        return Err(Error::bug("the engine made no plan"));
    };
    if args.dry_run {
        return dry_run(printer, &plan);
    }
    show_plan(printer, &plan);
    let mut agreed = Consent { accept_warnings: args.yes, reason: args.reason.clone(), force: args.force };
    let needs = confirm::consent(&plan, args.yes, args.reason.is_some(), printer.interactive);
    if needs.is_err() && printer.results == Results::Document {
        // Whoever reads the result finds in it which gates forbid it.
        printer.document(&Verdicted::of(&plan))?;
    }
    match needs? {
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
        if printer.results == Results::Document {
            printer.document(&Verdicted::of(now))?;
        }
    }
    let failed = ended?;
    let Some(publication) = drive.state.publication.as_ref().filter(|p| p.receipt.is_some()) else {
        return Err(Error::bug("the push ended without a receipt"));
    };
    if let Some(receipt) = publication.receipt.clone() {
        print(printer, &receipt)?;
        // Whatever happens to our notes, the images are there by now.
        outputs::hand_on(args, out_digests, &receipt, publication.receipt_path.as_deref())
            .map_err(|e| e.context("it is published, but"))?;
    }
    if failed > 0 { super::build::outcome(&drive.state, failed) } else { Ok(()) }
}

/// A plan as a document, with whether it may be carried out.
#[derive(Serialize)]
struct Verdicted<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// No gate forbids it. Gates that warn need `--yes` or `--reason`.
    publishable: bool,
}

impl<'a> Verdicted<'a> {
    fn of(plan: &'a Plan) -> Self {
        Verdicted { plan, publishable: plan.refusal(true, false).is_none() }
    }
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
        Results::Document => printer.document(&Verdicted::of(plan))?,
        Results::Text => printer.result(&show::plan(plan, printer.out_color)),
    }
    // Warnings are for whoever does it for real.
    confirm::consent(plan, true, false, false).map(drop)
}

/// Prints the receipt; of images that went by digest only, what the machine that joins them needs.
fn print(printer: &Printer, receipt: &Receipt) -> Result<()> {
    match (printer.results, receipt.purpose) {
        (Results::Events, _) => Ok(()),
        (Results::Document, Purpose::Digests) => printer.document(&PushedDigests::of(receipt)),
        (Results::Document, _) => printer.document(receipt),
        (Results::Text, _) => {
            printer.result(&show::receipt(receipt, printer.out_color));
            Ok(())
        }
    }
}

/// What to push: the version, containers and tags from the arguments, or from `VERSION` and `TAGS` as in the reference
/// system (an empty variable is an absent one).
pub(super) fn request(catalog: &Catalog, args: &PushArgs, environment: impl Fn(&str) -> Option<String>) -> Result<PushRequest> {
    let (version, names) = version_and_names(catalog, &args.words, &environment)?;
    // What goes by digest has no tags, whatever `TAGS` says to the job that joins it.
    let tags = if args.digests_only { Some(Vec::new()) } else { tags(args.tags.as_deref(), &environment)? };
    let images = images(catalog, names, &args.image)?;
    let targets = match images.as_slice() {
        [] => select(catalog, names, &args.target)?,
        images => images.iter().map(|(target, _)| target.clone()).collect(),
    };
    let SendArgs { force, registry, .. } = args.send.clone();
    Ok(PushRequest { version, targets, tags, force, registry, digests_only: args.digests_only, images })
}

/// `TARGET=nix:FILE` of `--image`.
pub(super) fn given(text: &str) -> Result<(Architecture, PathBuf), String> {
    let (architecture, reference) = for_target(text, "TARGET=nix:FILE, such as x86_64=nix:./result")?;
    match reference.parse() {
        Ok(Reference::Nix(file)) => Ok((architecture, file)),
        _ => Err(format!("`{reference}` is no nix:FILE; `catamaran copy` sends images of any other kind")),
    }
}

/// The two sides of `TARGET=…`, which is written as `form` shows.
pub(super) fn for_target<'t>(text: &'t str, form: &str) -> Result<(Architecture, &'t str), String> {
    let (target, what) = text.split_once('=').ok_or_else(|| format!("write {form}"))?;
    Ok((target.parse::<Architecture>().map_err(|error| error.to_string())?, what))
}

/// The images that were given, each as a target of the one container named.
fn images(catalog: &Catalog, names: &[String], given: &[(Architecture, PathBuf)]) -> Result<Vec<(Target, PathBuf)>> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let [name] = names else {
        return Err(Error::usage("--image gives the images of one container").hint("name it: catamaran push VERSION NAME --image …"));
    };
    let mut images: Vec<(Target, PathBuf)> = Vec::new();
    for (architecture, document) in given {
        for target in select(catalog, std::slice::from_ref(name), &[*architecture])? {
            if images.iter().any(|(other, _)| *other == target) {
                return Err(Error::usage(format!("--image names {architecture} twice")));
            }
            images.push((target, document.clone()));
        }
    }
    Ok(images)
}

/// The version, and the containers named.
pub(super) fn version_and_names<'a>(
    catalog: &Catalog,
    words: &'a [String],
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<(String, &'a [String])> {
    let is_container = |word: &String| catalog.container(word).is_some();
    let (version, names) = match (words.split_first(), variable(environment, "VERSION")) {
        // `VERSION=1.2.0 catamaran push fd` must never publish a version called `fd`.
        (Some((first, _)), Some(version)) if is_container(first) => (version, words),
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
    Ok((version, names))
}

/// The further tags, when something names any.
pub(super) fn tags(given: Option<&[String]>, environment: &impl Fn(&str) -> Option<String>) -> Result<Option<Vec<String>>> {
    let named = |tags: &mut dyn Iterator<Item = &str>| tags.filter(|t| !t.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let tags = match given {
        Some(tags) => Some(named(&mut tags.iter().map(String::as_str))),
        None => variable(environment, "TAGS").map(|tags| named(&mut tags.split(','))),
    };
    tags.iter().flatten().try_for_each(|t| tag(t, "tag"))?;
    Ok(tags)
}

fn variable(environment: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    environment(name).filter(|value| !value.is_empty())
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
            image: vec![],
            digests_only: false,
            out_digests: None,
            send: SendArgs::default(),
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
    fn images_that_are_given_are_those_of_one_container() {
        let text = "[containers.rg]\npackages = [\"ripgrep\"]\n[containers.fd]\npackages = [\"fd-find\"]\n";
        let catalog = crate::catalog::parse("containers.toml".as_ref(), text).unwrap();
        let given = |words: &[&str]| words.iter().map(|word| given(word).unwrap()).collect::<Vec<_>>();
        let both = given(&["aarch64=nix:/a.json", "x86_64=nix:b.json"]);
        let found = images(&catalog, &["fd".into()], &both).unwrap();
        let shown: Vec<String> = found.iter().map(|(target, file)| format!("{target} {}", file.display())).collect();
        assert_eq!(shown, ["fd/aarch64 /a.json", "fd/x86_64 b.json"]);
        assert!(images(&catalog, &[], &both).unwrap_err().message().contains("one container"));
        assert!(images(&catalog, &["fd".into()], &given(&["x86_64=nix:a", "x86_64=nix:b"])).unwrap_err().message().contains("twice"));
        assert!(images(&catalog, &["fd".into()], &given(&["riscv64=nix:a"])).is_err());
        for bad in ["x86_64", "x86_64=oci:a", "x86_64=nix:", "mips=nix:a"] {
            assert!(super::given(bad).is_err(), "{bad}");
        }
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
