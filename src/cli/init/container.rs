//! What a Dockerfile says, as an entry of `containers.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Array, InlineTable, Key, Value};

use super::dockerfile::{Content, File, Found};
use crate::catalog::{ContainerName, Problems, Starter, parse};
use crate::{Error, Result};

/// Longer lists have a line for each item.
const WIDTH: usize = 110;

/// A container called after the folder it is for.
pub(super) fn name_of(folder: &str) -> String {
    let lower: String = folder.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = lower.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let name: String = name.chars().take(60).collect();
    let name = name.trim_end_matches('-');
    if ContainerName::problem(name).is_none() { name.to_owned() } else { "app".to_owned() }
}

/// `starter` with a container called `name`, as `file` (the Dockerfile) has it. A line that the catalog does not take becomes a
/// comment that says why.
///
/// # Errors
/// The file would not be right in spite of that.
pub(super) fn with_container(starter: &Starter, name: &str, file: &str, found: &Found) -> Result<(String, Vec<String>)> {
    let mut lines = entry(name, file, found);
    let mut refused = Vec::new();
    // What is refused may have hidden what else is wrong; nothing hides more than once.
    for _ in 0..ROUNDS {
        let starter = Starter { suite: found.suite.clone(), containers: lines.join("\n") + "\n", ..starter.clone() };
        let text = starter.to_string();
        let problems = match parse("containers.toml".as_ref(), &text) {
            Ok(_) => return Ok((text, refused)),
            Err(problems) => problems,
        };
        let begin = text.lines().count() - lines.len();
        for (line, message) in lines_of(&problems) {
            let Some(line) = line.checked_sub(begin + 1).and_then(|at| lines.get_mut(at)).filter(|line| !line.starts_with('#')) else {
                continue;
            };
            let why = one_line(&message);
            *line = format!("# {} # {why}", line.trim_start());
            refused.push(why);
        }
    }
    Err(Error::bug(format!("{file} became a containers.toml that is not right")))
}

/// How often lines are taken back.
const ROUNDS: usize = 8;

/// The line of each problem, from 1, and what is wrong there.
fn lines_of(problems: &Problems) -> Vec<(usize, String)> {
    // Counted once, not from the top for every problem.
    let ends: Vec<usize> = problems.source.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
    let line = |span: &Range<usize>| ends.partition_point(|end| *end < span.start) + 1;
    problems.problems.iter().filter_map(|problem| Some((line(problem.span.as_ref()?), problem.message.clone()))).collect()
}

/// The lines of the entry: each is a key, an item of a list, or a comment.
fn entry(name: &str, file: &str, found: &Found) -> Vec<String> {
    let mut lines = vec![format!("# From {}.", one_line(file)), format!("[containers.{name}]")];
    match found.packages.is_empty() {
        true => lines.push("packages = [\"base-files\"] # the Dockerfile installs none, and an image is made of packages".into()),
        false => list(&mut lines, "packages", &found.packages),
    }
    // A base image without a command starts a shell.
    let shell = ["bash".to_owned()];
    lines.push(format!("entrypoint = {}", array(if found.entrypoint.is_empty() { &shell } else { &found.entrypoint })));
    if !found.cmd.is_empty() {
        lines.push(format!("cmd = {}", array(&found.cmd)));
    }
    lines.extend(found.user.iter().map(|user| format!("user = {}", escaped(user))));
    lines.extend(found.workdir.iter().map(|workdir| format!("workdir = {}", escaped(workdir))));
    if !found.expose.is_empty() {
        list(&mut lines, "expose", &found.expose);
    }
    if !found.volumes.is_empty() {
        list(&mut lines, "volumes", &found.volumes);
    }
    files(&mut lines, &found.files);
    let tables = [("env", &found.env), ("labels", &found.labels)];
    for (key, pairs) in tables.into_iter().filter(|(_, pairs)| !pairs.is_empty()) {
        table(&mut lines, name, key, pairs);
    }
    if found.recommends {
        lines.push("# apt installed with these what they recommend; `recommends = true` in [debian] does it too.".into());
    }
    if !found.notes.is_empty() {
        lines.push(format!("# Not taken over from {}:", one_line(file)));
    }
    lines.extend(found.notes.iter().map(|note| format!("#   line {}: {}", note.line, one_line(&note.text))));
    lines
}

fn array(words: &[String]) -> String {
    Value::Array(words.iter().map(|word| escaped(word)).collect::<Array>()).to_string()
}

fn list(lines: &mut Vec<String>, key: &str, words: &[String]) {
    let line = format!("{key} = {}", array(words));
    if line.len() <= WIDTH {
        return lines.push(line);
    }
    lines.push(format!("{key} = ["));
    lines.extend(words.iter().map(|word| format!("  {},", escaped(word))));
    lines.push("]".into());
}

fn files(lines: &mut Vec<String>, files: &[File]) {
    if files.is_empty() {
        return;
    }
    lines.push("files = [".into());
    for File { content, to, mode, owner } in files {
        let mut item = InlineTable::new();
        match content {
            Content::From(path) => item.insert("from", escaped(path)),
            Content::Text(text) => item.insert("text", escaped(text)),
        };
        item.insert("to", escaped(to));
        mode.iter().for_each(|mode| drop(item.insert("mode", escaped(mode))));
        owner.iter().for_each(|owner| drop(item.insert("owner", escaped(owner))));
        lines.push(format!("  {item},"));
    }
    lines.push("]".into());
}

fn table(lines: &mut Vec<String>, name: &str, key: &str, pairs: &BTreeMap<String, String>) {
    lines.push(format!("[containers.{name}.{key}]"));
    lines.extend(pairs.iter().map(|(name, value)| format!("{} = {}", Key::new(name).display_repr(), escaped(value))));
}

/// A string on one line: TOML's basic form, whose escapes JSON's are among.
fn escaped(text: &str) -> Value {
    let json = serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    json.parse().unwrap_or_else(|_| text.into())
}

fn one_line(text: &str) -> String {
    crate::printable::printable(text, usize::MAX)
}
