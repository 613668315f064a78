//! COPY and ADD as entries of `files`, where they name files of the project one by one.

use super::commands::short;
use super::form::{MALFORMED, exec_form, is_malformed};
use super::lines::Instruction;
use super::stage::{Stage, without_options};
use super::variables::Variables;
use super::words::words;
use super::{Content, File, Mistake};

/// What an architecture is called in a path: Docker's own variable, and our placeholder.
const PLACEHOLDERS: [(&str, &str); 1] = [("TARGETARCH", "{oci}")];

/// `path` as an absolute one without `.` and doubled slashes, from `folder` (`/` if there is none).
pub(super) fn absolute(folder: Option<&str>, path: &str) -> String {
    let begun = if path.starts_with('/') { "" } else { folder.unwrap_or_default() };
    let mut parts: Vec<&str> = Vec::new();
    for part in begun.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Takes a COPY or an ADD.
pub(super) fn copy(stage: &mut Stage, instruction: &Instruction, variables: &mut Variables) -> Result<(), Mistake> {
    let Instruction { line, keyword, arguments, heredocs } = instruction;
    let told = |stage: &mut Stage, why: &str| stage.note(*line, format!("{keyword} {}: {why}", short(arguments)));
    let rest = without_options(arguments);
    let options = &arguments[..arguments.len() - rest.len()];
    let (mut mode, mut owner) = (None, None);
    for option in options.split_whitespace() {
        match option.split_once('=').unwrap_or((option, "")) {
            ("--chmod", value) => mode = Some(value.to_owned()),
            ("--chown", value) => owner = Some(value.to_owned()),
            ("--from", from) => {
                told(stage, &format!("`{}` makes it; build it first and name the file: `files = [{{ from = …, to = … }}]`", short(from)));
                return Ok(());
            }
            ("--link", _) => {}
            _ => {
                told(stage, &format!("`{}` is not known here", short(option)));
                return Ok(());
            }
        }
    }
    // `[ab].conf` is a pattern; one that has quotes was to be a list.
    if is_malformed(rest) && rest.contains(['"', '\'']) {
        told(stage, MALFORMED);
        return Ok(());
    }
    let before = variables.all();
    PLACEHOLDERS.iter().for_each(|(name, placeholder)| variables.set(name, placeholder));
    let all = match exec_form(rest) {
        Some(words) => Ok(words.into_iter().map(|word| (word, true)).collect()),
        None => words(rest, variables).map(|words| words.into_iter().map(|word| (word.text, word.known)).collect::<Vec<_>>()),
    };
    variables.restart(before);
    let all = all?;
    let Some(((to, _), sources)) = all.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        let message = format!("{keyword} needs what to copy and where to");
        return Err(Mistake { line: *line, message, hint: "for example `COPY app.conf /etc/app.conf`".into() });
    };
    if all.iter().any(|(_, known)| !known) {
        told(stage, "not known before it is built");
        return Ok(());
    }
    let into_folder = to.ends_with('/') || to == "." || sources.len() > 1;
    let to = absolute(stage.found.workdir.as_deref(), to);
    let mut texts = heredocs.iter();
    for (source, _) in sources {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let inside = |name: &str| if into_folder { absolute(Some(&to), name) } else { to.clone() };
        if source.starts_with("<<") {
            let Some(heredoc) = texts.next() else { continue };
            match heredoc.expands && heredoc.body.contains(['$', '\\']) {
                true => told(stage, "variables in a text are not filled in here"),
                false => {
                    let (content, to) = (Content::Text(heredoc.body.clone()), inside(&heredoc.name));
                    stage.found.files.push(File { content, to, mode: mode.clone(), owner: owner.clone() });
                }
            }
        } else if let Some(why) = not_plain(keyword, source) {
            told(stage, why);
        } else {
            let from = absolute(None, source).trim_start_matches('/').to_owned();
            // A folder's content goes into the folder that is named; one that a build makes is not there yet, but a slash says what it is.
            let to = if source.ends_with('/') || (stage.is_folder)(&from) { to.clone() } else { inside(name) };
            stage.found.files.push(File { content: Content::From(from), to, mode: mode.clone(), owner: owner.clone() });
        }
    }
    Ok(())
}

/// Why `source` is no file that an entry of `files` could name.
fn not_plain(keyword: &str, source: &str) -> Option<&'static str> {
    let archive = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst"];
    if source.contains("://") || source.starts_with("git@") {
        Some("nothing is fetched here but packages; fetch it first, and name the file in `files`")
    } else if absolute(None, source) == "/" {
        Some("the whole folder; name in `files` what belongs into the image")
    } else if source.contains(['*', '?', '[']) {
        Some("a pattern; name its files in `files`, or their folder")
    } else if keyword == "ADD" && archive.iter().any(|end| source.ends_with(end)) {
        Some("archives are not unpacked here; name in `files` the folder of what is in it")
    } else {
        None
    }
}
