//! `/etc/shells`: what `update-shells` of debianutils makes of the shells that packages declare.

use super::Root;
use super::generated::Additions;

const TEMPLATE: &str = "usr/share/debianutils/shells";
const DECLARED: &str = "usr/share/debianutils/shells.d/";
const SHELLS: &str = "etc/shells";

/// What is there already (the template, and what scripts have added), then every declared shell and where it really is.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let Some((template, package)) = root.content(TEMPLATE) else { return };
    let there = root.nodes().get(SHELLS).and_then(|node| root.bytes(node)).unwrap_or(template);
    let mut text = String::from_utf8_lossy(there).into_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let mut known: Vec<String> = text.lines().map(|line| shell(line).to_owned()).collect();
    let declared = root.contents(DECLARED).into_values();
    for file in std::iter::once(template).chain(declared) {
        for declared in String::from_utf8_lossy(file).lines().map(shell).filter(|shell| shell.starts_with('/')) {
            let real = root.place(declared).map(|path| format!("/{path}"));
            for shell in std::iter::once(declared.to_owned()).chain(real) {
                if !known.contains(&shell) {
                    text.push_str(&shell);
                    text.push('\n');
                    known.push(shell);
                }
            }
        }
    }
    out.file(SHELLS, text, package.newest);
}

/// A line without its comment.
fn shell(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}
