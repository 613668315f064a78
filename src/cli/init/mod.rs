//! `catamaran init`: a project's first files.

mod ci;
mod container;
mod dockerfile;
mod origin;
mod written;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::printer::{Printer, Results};
use super::quantity::count;
use crate::catalog::{FILE_NAME, Starter};
use crate::error::IoContext;
use crate::{Error, Result, read_at_most};
use dockerfile::{Found, Note};
use written::NewFile;

/// `init`
#[derive(Debug, Args)]
#[command(
    after_help = "Of a Dockerfile the last stage counts. Packages that apt installs and what its instructions say of the image are taken \
                  over; what is not stands as a comment in containers.toml, with its line. Nothing is run.\nThe registry is the one beside \
                  the `origin` of git, at GitHub or gitlab.com. No file that is there is changed without --force.\n\nExamples:\n  catamaran \
                  init && catamaran add fd-find && catamaran build\n  catamaran init --dockerfile Dockerfile --dry-run\n  catamaran init \
                  --github --just"
)]
pub struct InitArgs {
    /// The project's folder, made when it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Begin with the container that this Dockerfile describes
    #[arg(long, value_name = "FILE")]
    pub dockerfile: Option<PathBuf>,
    /// Also write .github/workflows/containers.yaml
    #[arg(long)]
    pub github: bool,
    /// Also write .gitlab-ci.yml, and what its jobs do to .gitlab/catamaran.yml
    #[arg(long)]
    pub gitlab: bool,
    /// Also write a justfile
    #[arg(long)]
    pub just: bool,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
    /// Print the files, and write none
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// What `init --json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: u32,
    dry_run: bool,
    files: Vec<ReportedFile<'a>>,
    /// What was not taken over from the Dockerfile.
    not_taken_over: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct ReportedFile<'a> {
    path: &'a Path,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct Told {
    /// The line of the Dockerfile; none where the catalog refused a value of it.
    line: Option<usize>,
    text: String,
}

/// Writes the files.
///
/// # Errors
/// One is there already, cannot be written, or the Dockerfile is none. Nothing is written then.
pub(super) fn run(printer: &Printer, args: &InitArgs) -> Result<()> {
    let folder = &args.folder;
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("{} is no folder", folder.display())).hint("name the folder of a project, or a new one"));
    }
    // A new folder belongs to the repository that it is made in.
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let mut told = Vec::new();
    let mut files = Vec::new();
    let catalog = folder.join(FILE_NAME);
    // Whoever asks for a workflow only has a catalog already.
    let only_more = args.dockerfile.is_none() && (args.github || args.gitlab || args.just);
    if !(only_more && catalog.exists()) {
        let starter = Starter { registry: origin::registry(there), ..Starter::default() };
        let text = match &args.dockerfile {
            Some(file) => from_dockerfile(&starter, folder, file, &mut told)?,
            None => starter.to_string(),
        };
        files.push(NewFile { path: FILE_NAME.into(), text });
    }
    files.extend(ci::files(args));
    if !args.force && !args.dry_run {
        written::are_free(folder, &files)?;
    }
    if !args.dry_run {
        written::write(folder, &files, args.force)?;
    }
    match printer.results {
        Results::Text => printer.result(&words(args, &files, &told)),
        _ => {
            let reported = files.iter().map(|file| ReportedFile { path: &file.path, text: &file.text }).collect();
            printer.document(&Report { schema: 1, dry_run: args.dry_run, files: reported, not_taken_over: told })?;
        }
    }
    Ok(())
}

/// The catalog of a Dockerfile; what is not taken over is added to `told`.
fn from_dockerfile(starter: &Starter, folder: &Path, file: &Path, told: &mut Vec<Told>) -> Result<String> {
    let bytes = read_at_most(file, dockerfile::MAX_BYTES).map_err(|error| error.of_kind(crate::Kind::Usage))?;
    let too_large =
        || Error::usage(format!("{} has more than {} bytes", file.display(), dockerfile::MAX_BYTES)).hint("is it a Dockerfile?");
    let text = String::from_utf8(bytes.ok_or_else(too_large)?)
        .map_err(|_| Error::usage(format!("{} is no text in UTF-8; nothing was written", file.display())).hint("is it a Dockerfile?"))?;
    // What a Dockerfile copies is relative to the folder that it is built in; usually its own.
    let is_folder = |path: &str| folder.join(path).is_dir();
    let found: Found = dockerfile::read(&file.display().to_string(), &text, &is_folder)?;
    let absolute = std::path::absolute(folder).at("looking at", folder)?;
    let name = container::name_of(&absolute.file_name().unwrap_or_default().to_string_lossy());
    let (text, refused) = container::with_container(starter, &name, &file.display().to_string(), &found)?;
    told.extend(found.notes.into_iter().map(|Note { line, text }| Told { line: Some(line), text }));
    told.extend(refused.into_iter().map(|text| Told { line: None, text }));
    Ok(text)
}

/// What was done, and what to do next.
fn words(args: &InitArgs, files: &[NewFile], told: &[Told]) -> String {
    let mut lines = Vec::new();
    for file in files {
        let path = args.folder.join(&file.path);
        let path = path.strip_prefix(".").unwrap_or(&path).display();
        match args.dry_run {
            true => lines.extend([format!("==> {path} <=="), file.text.clone()]),
            false => lines.push(format!("wrote {path}")),
        }
    }
    if let Some(file) = args.dockerfile.as_ref().filter(|_| !told.is_empty()) {
        lines.push(format!("{} of {} not taken over:", count(told.len(), "thing"), file.display()));
        lines.extend(told.iter().map(|told| match told.line {
            Some(line) => format!("  line {line}: {}", told.text),
            None => format!("  {}", told.text),
        }));
    }
    let there = args.folder.join("Dockerfile");
    if args.dockerfile.is_none() && files.iter().any(|file| file.path == Path::new(FILE_NAME)) && there.is_file() {
        let path = there.strip_prefix(".").unwrap_or(&there).display();
        lines.push(format!("there is a Dockerfile: `catamaran init --force --dockerfile {path}` begins with what it says"));
    }
    if !args.dry_run {
        lines.push(next(args, files).into());
    }
    lines.join("\n")
}

fn next(args: &InitArgs, files: &[NewFile]) -> &'static str {
    if !files.iter().any(|file| file.path == Path::new(FILE_NAME)) {
        return "next: commit what was written";
    }
    match args.dockerfile {
        Some(_) => "next: look through containers.toml, then `catamaran build`",
        None => "next: `catamaran add NAME PACKAGE`, then `catamaran build`; or `catamaran` for the dashboard",
    }
}

#[cfg(test)]
mod tests;
