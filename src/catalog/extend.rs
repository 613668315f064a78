//! Adds an entry to the text of `containers.toml`: one table more, and not a byte of the rest is another.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, Key, Table, Value};

use super::{Architecture, Catalog, ContainerName, parse};
use crate::{Error, Result};

/// A container that is to be defined.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewContainer {
    /// Its name.
    pub name: ContainerName,
    /// What is installed.
    pub packages: Vec<String>,
    /// What runs; `None` for a command that is called as the container is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entrypoint: Option<String>,
    /// The architectures; none for those of `[defaults]`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub targets: Vec<Architecture>,
}

impl NewContainer {
    /// The entry as it is written: `[containers.NAME]` and its keys, a line each.
    pub fn text(&self) -> String {
        let list = |words: Vec<&str>| Value::from_iter(words).to_string();
        let mut text = format!("[containers.{}]\n", Key::new(self.name.as_str()).display_repr());
        text += &format!("packages = {}\n", list(self.packages.iter().map(String::as_str).collect()));
        if let Some(entrypoint) = &self.entrypoint {
            text += &format!("entrypoint = {}\n", Value::from(entrypoint.as_str()));
        }
        if !self.targets.is_empty() {
            text += &format!("targets = {}\n", list(self.targets.iter().map(|target| target.name()).collect()));
        }
        text
    }
}

/// `text`, the content of `path`, with `new` after the last container, and what it means then.
///
/// # Errors
/// A usage error: there is such a container, the containers are written in a way that no table can be added to, or something is
/// wrong with the file (all of it is told).
pub fn extend(path: &Path, text: &str, new: &NewContainer) -> Result<(String, Catalog)> {
    let (name, shown) = (new.name.as_str(), path.display());
    if let Some(there) = parse(path, text).ok().as_ref().and_then(|catalog| catalog.container(name)) {
        return Err(Error::usage(format!("{shown} has a container `{name}` already, on line {}", there.line)).hint(format!(
            "give the new one another name: `catamaran add NAME {}`; or add to `packages` of [containers.{name}]",
            new.packages.join(" ")
        )));
    }
    // Where it is no TOML, the reader below says why.
    let at = match Document::parse(text) {
        Ok(document) => {
            let containers = document.get("containers");
            if containers.is_some_and(|item| !item.is_table() || item.as_table().is_some_and(Table::is_dotted)) {
                return Err(Error::usage(format!("the containers of {shown} are not written as tables of their own"))
                    .hint(format!("write the entry yourself:\n\n{}", new.text())));
            }
            insertion_point(&document, text)
        }
        Err(_) => text.len(),
    };
    let (before, after) = text.split_at(at);
    let mut entry = String::new();
    if !before.is_empty() {
        let ended = before.ends_with('\n');
        let is_apart = before.ends_with("\n\n") || before.ends_with("\r\n\r\n");
        entry.push_str(if !ended {
            "\n\n"
        } else if !is_apart {
            "\n"
        } else {
            ""
        });
    }
    entry += &new.text();
    if !after.is_empty() && !after.starts_with(['\n', '\r']) {
        entry.push('\n');
    }
    if text.contains("\r\n") {
        entry = entry.replace('\n', "\r\n");
    }
    let extended = format!("{before}{entry}{after}");
    let catalog = parse(path, &extended)?;
    Ok((extended, catalog))
}

/// Behind the last container: before the next table and the comments right above that, or at the end.
fn insertion_point(document: &Document<&str>, text: &str) -> usize {
    let mut headers = Vec::new();
    for (key, item) in document.as_table() {
        let begin = headers.len();
        gather(item, &mut headers);
        headers[begin..].iter_mut().for_each(|(_, is_container)| *is_container = key == "containers");
    }
    headers.sort_unstable();
    let Some(last) = headers.iter().rposition(|(_, is_container)| *is_container) else { return text.len() };
    let Some((next, _)) = headers.get(last + 1) else { return text.len() };
    // Between the end of a value and a header there are only blank lines and comments.
    let mut at = *next;
    while let Some(line) = last_line(&text[..at]) {
        if !text[line.clone()].trim_start().starts_with('#') {
            break;
        }
        at = line.start;
    }
    at
}

/// The last line of `text`, its end included.
fn last_line(text: &str) -> Option<Range<usize>> {
    let inner = text.strip_suffix('\n')?;
    Some(inner.rfind('\n').map_or(0, |end| end + 1)..text.len())
}

/// Where the headers of `item` and of everything in it begin.
fn gather(item: &Item, headers: &mut Vec<(usize, bool)>) {
    let tables: Vec<&Table> = match item {
        Item::Table(table) => vec![table],
        Item::ArrayOfTables(tables) => tables.iter().collect(),
        _ => return,
    };
    for table in tables {
        if !table.is_implicit() && !table.is_dotted() {
            headers.extend(table.span().map(|span| (span.start, false)));
        }
        table.iter().for_each(|(_, item)| gather(item, headers));
    }
}

#[cfg(test)]
#[path = "extend_tests.rs"]
mod tests;
