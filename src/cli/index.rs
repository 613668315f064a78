//! `catamaran index`: joins images that other machines pushed by digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::drive::{Drive, Link};
use super::outputs;
use super::printer::Printer;
use super::push;
use super::push::SendArgs;
use crate::catalog::{Architecture, Catalog, Target, select};
use crate::image::Digest;
use crate::release::PushedDigests;
use crate::session::{Command, IndexRequest};
use crate::{Error, Result};

/// `index`
#[derive(Debug, Args)]
#[command(
    after_help = "Each build machine runs `catamaran push VERSION --digests-only --out-digests FILE`; one job then joins what they pushed. A \
                  member whose config is not for the architecture it is given as is refused.\nOtherwise as `catamaran \
                  push`.\n\nExamples:\n  catamaran index 1.2.0 --from amd64.json --from arm64.json --yes\n  catamaran index 1.2.0 fd --image \
                  x86_64=sha256:9f2c… --image aarch64=sha256:7ac1… --tags latest"
)]
pub struct IndexArgs {
    /// The version (the first tag), then the container of --image, or those of --from [default: all in the files]
    #[arg(value_name = "VERSION [NAME]")]
    pub words: Vec<String>,
    /// An image that was pushed by digest
    #[arg(long, value_name = "TARGET=DIGEST", value_parser = super::index::member)]
    pub image: Vec<(Architecture, Digest)>,
    /// What a build machine pushed, as `push --digests-only --out-digests FILE` wrote it
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// Further tags; '' for none
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub tags: Option<Vec<String>>,
    /// Refuse containers of which an architecture is missing, whatever --yes accepts
    #[arg(long)]
    pub complete: bool,
    /// Run every check over every image first
    #[arg(long)]
    pub verify: bool,
    /// How it is sent
    #[command(flatten)]
    pub send: SendArgs,
}

/// Plans and, when everything allows it, publishes the index and the tags.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &IndexArgs) -> Result<()> {
    outputs::can_be_written(&args.send, None, |name| std::env::var_os(name))?;
    let files = args.from.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let request = request(catalog, args, &files, |name| std::env::var(name).ok())?;
    drive.run(Command::PlanIndex(request)).await?;
    push::publish(drive, printer, &args.send, None).await
}

fn read(path: &Path) -> Result<PushedDigests> {
    let error = |source| Error::usage(format!("{} cannot be read", path.display())).source(source);
    let mut bytes = Vec::new();
    // One byte more than is taken, so that a file that is too large is called that.
    let file = std::fs::File::open(path).map_err(error)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, PushedDigests::MAX_BYTES + 1), &mut bytes).map_err(error)?;
    PushedDigests::parse(&bytes, &path.display().to_string())
}

/// `TARGET=DIGEST`, as `--image` takes it.
pub(super) fn member(text: &str) -> Result<(Architecture, Digest), String> {
    let (architecture, digest) = push::for_target(text, "TARGET=DIGEST, such as aarch64=sha256:…")?;
    Ok((architecture, digest.parse::<Digest>().map_err(|error| error.to_string())?))
}

/// What to join: the images of `--image`, which are the named container's, and those of the files.
fn request(
    catalog: &Catalog,
    args: &IndexArgs,
    files: &[PushedDigests],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<IndexRequest> {
    let (version, names) = push::version_and_names(catalog, &args.words, &environment)?;
    // Names that do not exist are told apart from names nobody pushed.
    select(catalog, names, &[])?;
    let mut members = Members::default();
    match (args.image.as_slice(), names) {
        ([], _) => {}
        (images, [name]) => {
            images
                .iter()
                .try_for_each(|(architecture, digest)| members.add(catalog, Target::new(name.as_str(), *architecture), *digest))?;
        }
        _ => {
            return Err(Error::usage("--image TARGET=DIGEST is an image of one container: name it after the version")
                .hint("catamaran index 1.2.0 fd --image aarch64=sha256:…; files of --from name theirs themselves"));
        }
    }
    let mut registry = args.send.registry.clone();
    for (file, path) in files.iter().zip(&args.from) {
        if file.version != version {
            return Err(Error::usage(format!("{} is of version {}, not {version}", path.display(), file.version))
                .hint("join what was pushed as one version"));
        }
        let host = registry.get_or_insert_with(|| file.registry.clone()).clone();
        if host != file.registry {
            return Err(Error::usage(format!("the images of {} are at {}, not {host}", path.display(), file.registry))
                .hint("an index can only join images of its own registry"));
        }
        for image in file.images.iter().filter(|i| names.is_empty() || names.iter().any(|n| n == i.target.container.as_str())) {
            let here = format!("{host}/{}", catalog.registry.repository_of(&image.target.container));
            if image.repository != here {
                return Err(Error::usage(format!(
                    "{} was pushed to {}, and would be looked for in {here}",
                    image.target, image.repository
                ))
                .hint("use the same containers.toml on every machine"));
            }
            members.add(catalog, image.target.clone(), image.digest)?;
        }
    }
    let members: Vec<(Target, Digest)> = members.0.into_iter().collect();
    if let Some(missing) = names.iter().find(|name| !members.iter().any(|(target, _)| target.container.as_str() == name.as_str())) {
        return Err(
            Error::usage(format!("no image of {missing} was given")).hint("give --image TARGET=DIGEST, or --from a file that has it")
        );
    }
    if members.is_empty() {
        return Err(Error::usage("there is nothing to join")
            .hint("give --image TARGET=DIGEST or --from FILE, as `catamaran push VERSION --digests-only` printed and wrote them"));
    }
    if args.complete {
        are_complete(catalog, &members)?;
    }
    let tags = push::tags(args.tags.as_deref(), &environment)?;
    Ok(IndexRequest { version, members, tags, force: args.send.force, registry, verify: args.verify })
}

/// Refuses containers of which not every target was given. What is given without `--complete` is a matter of a gate, which warns.
fn are_complete(catalog: &Catalog, members: &[(Target, Digest)]) -> Result<()> {
    let given = |target: &Target| members.iter().any(|(member, _)| member == target);
    let begun = |target: &Target| members.iter().any(|(member, _)| member.container == target.container);
    let missing: Vec<String> =
        catalog.targets().into_iter().filter(|target| begun(target) && !given(target)).map(|target| target.to_string()).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::failed(format!("nothing was sent: no image of {} was given", missing.join(", ")))
            .hint("look at what built it; without --complete the others can be joined")),
    }
}

/// The images to join, one for each target.
#[derive(Default)]
struct Members(BTreeMap<Target, Digest>);

impl Members {
    fn add(&mut self, catalog: &Catalog, target: Target, digest: Digest) -> Result<()> {
        // Says which container or architecture is unknown.
        select(catalog, &[target.container.to_string()], &[target.architecture])?;
        match self.0.insert(target.clone(), digest).filter(|other| *other != digest) {
            Some(other) => Err(Error::usage(format!("two images were given for {target}: {other} and {digest}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Platform;
    use crate::release::PushedImage;

    const X86: Architecture = Architecture::X86_64;
    const ARM: Architecture = Architecture::Aarch64;

    fn file(container: &str, architecture: Architecture, digest: &str) -> PushedDigests {
        let image = PushedImage {
            target: Target::new(container, architecture),
            repository: format!("reg.example/tools/{container}"),
            platform: Platform::linux(architecture),
            digest: Digest::of(digest.as_bytes()),
            size: 400,
        };
        PushedDigests { schema: 1, version: "1.0".into(), registry: "reg.example".into(), images: vec![image] }
    }

    fn request_of(words: &[&str], images: &[(Architecture, &str)], files: &[PushedDigests]) -> Result<IndexRequest> {
        let text = "[registry]\nhost = \"reg.example\"\nrepository = \"tools/{container}\"\n[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\n\
                    [containers.rg]\npackages = [\"ripgrep\"]\n[containers.fd]\npackages = [\"fd-find\"]\n";
        let catalog = crate::catalog::parse("containers.toml".as_ref(), text).unwrap();
        let args = IndexArgs {
            words: words.iter().filter(|w| **w != "all").map(|w| (*w).to_owned()).collect(),
            image: images.iter().map(|(a, d)| (*a, Digest::of(d.as_bytes()))).collect(),
            from: files.iter().enumerate().map(|(n, _)| format!("{n}.json").into()).collect(),
            tags: None,
            complete: words.contains(&"all"),
            verify: false,
            send: SendArgs::default(),
        };
        request(&catalog, &args, files, |_| None)
    }

    #[test]
    fn images_come_from_the_arguments_and_from_files() {
        let given = request_of(&["1.0", "fd"], &[(X86, "x")], &[file("fd", ARM, "a")]).unwrap();
        let targets: Vec<String> = given.members.iter().map(|(target, _)| target.to_string()).collect();
        assert_eq!((targets, given.registry.as_deref()), (vec!["fd/x86_64".into(), "fd/aarch64".into()], Some("reg.example")));
        let both = [file("fd", ARM, "a"), file("rg", ARM, "b")];
        assert_eq!(request_of(&["1.0"], &[], &both).unwrap().members.len(), 2);
        assert_eq!(request_of(&["1.0", "rg"], &[], &both).unwrap().members.len(), 1);
    }

    #[test]
    fn a_container_that_lacks_an_architecture_is_not_complete() {
        let [arm, x86] = [file("fd", ARM, "a"), file("fd", X86, "x")];
        request_of(&["1.0", "all"], &[], &[arm.clone(), x86]).unwrap();
        let error = request_of(&["1.0", "all"], &[], &[arm]).unwrap_err();
        assert!(error.message().contains("no image of fd/x86_64") && error.kind() == crate::Kind::Failed, "{error}");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (words, images, files, part) in [
            (vec!["1.0"], vec![(X86, "x")], vec![], "name it after the version"),
            (vec!["1.0"], vec![], vec![], "nothing to join"),
            (vec!["1.0", "fd"], vec![(Architecture::Riscv64, "x")], vec![], "riscv64"),
            (vec!["1.0", "fd"], vec![(X86, "x"), (X86, "y")], vec![], "two images were given for fd/x86_64"),
            (vec!["2.0"], vec![], vec![file("fd", ARM, "a")], "0.json is of version 1.0, not 2.0"),
            (vec!["1.0", "rg"], vec![], vec![file("fd", ARM, "a")], "no image of rg"),
            (vec!["1.0", "fdd"], vec![], vec![file("fd", ARM, "a")], "fdd"),
            (vec!["1.0"], vec![], vec![file("other", ARM, "a")], "other"),
        ] {
            let error = request_of(&words, &images, &files).unwrap_err();
            assert!(error.message().contains(part) && error.kind() == crate::Kind::Usage, "{part}: {error}");
        }
        let mut elsewhere = file("fd", ARM, "a");
        elsewhere.images[0].repository = "reg.example/other/fd".into();
        assert!(request_of(&["1.0"], &[], &[elsewhere]).unwrap_err().message().contains("would be looked for in reg.example/tools/fd"));
    }
}
