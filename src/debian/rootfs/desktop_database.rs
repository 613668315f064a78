//! `/usr/share/applications/mimeinfo.cache`: which programs open files of which type, as `update-desktop-database` of
//! desktop-file-utils gathers it from `.desktop` files. GIO and xdg-open look nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use super::Root;
use super::generated::Additions;

const FOLDER: &str = "usr/share/applications";
const CACHE: &str = "usr/share/applications/mimeinfo.cache";

/// First parts of types that may be there: those of RFC 2046 and its successors, and of freedesktop.org.
const MEDIA: [&str; 13] = [
    "application",
    "audio",
    "font",
    "image",
    "model",
    "text",
    "video",
    "message",
    "multipart",
    "inode",
    "x-content",
    "x-scheme-handler",
    "chemical",
];
/// Types that may be there although their first parts may not.
const EXCEPTIONS: [&str; 13] = [
    "misc/ultravox",
    "flv-application/octet-stream",
    "zz-application/zz-winassoc-123",
    "zz-application/zz-winassoc-cab",
    "zz-application/zz-winassoc-cdr",
    "zz-application/zz-winassoc-doc",
    "zz-application/zz-winassoc-hlp",
    "zz-application/zz-winassoc-ini",
    "zz-application/zz-winassoc-lwp",
    "zz-application/zz-winassoc-lzh",
    "zz-application/zz-winassoc-mdb",
    "zz-application/zz-winassoc-uu",
    "zz-application/zz-winassoc-xls",
];

/// The cache, for images that have the program.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let Some(program) = root.nodes().get("usr/bin/update-desktop-database") else { return };
    let mut mtime = root.age(program);
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, found) in root.below(FOLDER).filter(|(path, _)| path.ends_with(".desktop")) {
        // It may be a link.
        let Some((_, node)) = root.resolve(path) else { continue };
        mtime = mtime.max(root.age(node)).max(root.age(found));
        // A file in a folder is called after both.
        let name = path[FOLDER.len() + 1..].replace('/', "-");
        match root.bytes(node) {
            Some(text) => {
                for of in opened(&String::from_utf8_lossy(text)) {
                    types.entry(of).or_default().insert(name.clone());
                }
            }
            None => out.remarks.push(format!("/{path} cannot be read; /{CACHE} is without it")),
        }
    }
    let mut text = "[MIME Cache]\n".to_owned();
    for (of, names) in types {
        text.push_str(&format!("{of}={};\n", Vec::from_iter(names).join(";")));
    }
    out.file(CACHE, text, mtime);
}

/// The types that a program opens (Desktop Entry Specification); none when it is hidden or its file is not a desktop entry.
fn opened(text: &str) -> Vec<String> {
    let (mut group, mut is_hidden, mut types) = (None, false, Vec::new());
    for line in text.lines().map(str::trim_ascii_start).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            let Some(name) = name.trim_ascii_end().strip_suffix(']') else { return Vec::new() };
            group = Some(name);
            continue;
        }
        let (Some(group), Some((key, value))) = (group, line.split_once('=')) else { return Vec::new() };
        match (group, key.trim_ascii_end()) {
            ("Desktop Entry", "Hidden") => is_hidden = matches!(value.trim_ascii(), "true" | "1"),
            ("Desktop Entry", "MimeType") => types = list(value.trim_ascii_start()),
            _ => {}
        }
    }
    types.retain(|of| !is_hidden && may_be(of));
    types
}

/// A list separated by semicolons, in which `\;` is one.
fn list(value: &str) -> Vec<String> {
    let (mut items, mut item, mut chars) = (Vec::new(), String::new(), value.chars());
    while let Some(c) = chars.next() {
        match c {
            ';' => items.push(std::mem::take(&mut item)),
            '\\' => item.push(match chars.next() {
                Some('s') => ' ',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(c @ (';' | '\\')) => c,
                _ => return Vec::new(),
            }),
            c => item.push(c),
        }
    }
    items.extend((!item.is_empty()).then_some(item));
    items.iter().map(|item| item.trim_ascii_end().to_owned()).collect()
}

/// Whether the program takes `of` for a type.
fn may_be(of: &str) -> bool {
    let is_token = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f && !b"()<>@,;:\\\"/[]?=".contains(&byte));
    let Some((media, _)) = of.split_once('/').filter(|(_, sub)| !sub.is_empty() && is_token(sub)) else { return false };
    let is_private = media.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-")) && is_token(media);
    MEDIA.contains(&media) || is_private || EXCEPTIONS.contains(&of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_program_opens_is_in_its_entry() {
        let entry = |more: &str| opened(&format!("# x\n[Desktop Entry]\nName=a\n{more}\n[Desktop Action new]\nMimeType=text/html;\n"));
        assert_eq!(
            entry("MimeType = text/plain;x-Thing/a ;nothing;a/b;zz-application/zz-winassoc-uu"),
            ["text/plain", "x-Thing/a", "zz-application/zz-winassoc-uu"]
        );
        assert_eq!(entry("MimeType=text/a\\;b;text/c;"), ["text/c"]);
        for nothing in ["MimeType=text/plain\nHidden=true", "MimeType=text/plain\nrubbish", "MimeType=text/plain;\\x;", ""] {
            assert!(entry(nothing).is_empty(), "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in "(\\[Desktop Entry\\]\n|MimeType=|Hidden=|[a-z/;\\\\é\n=x-]){0,20}") {
            let _ = opened(&text);
        }
    }
}
