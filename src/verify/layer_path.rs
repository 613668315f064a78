//! What the name of a tar's member means: a path in the image, or a whiteout of one.

use crate::image::EntryKind;

/// The path in the image: as engines see it, `/`-rooted and cleaned, without the leading slash.
pub(super) fn normal(path: &[u8]) -> String {
    let mut out: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(out.pop()),
            part => out.push(part),
        }
    }
    text_of_path(&out.join(&b'/'))
}

/// Whether the relative name `path` leads out of the folder it is unpacked in. Docker unpacks no such layer; containerd and podman
/// take it for what [`normal`] makes of it. A name that begins with a slash begins at the image's root, and stays there.
pub(super) fn leaves(path: &[u8]) -> bool {
    let mut depth = 0_usize;
    !path.starts_with(b"/")
        && path.split(|b| *b == b'/').any(|part| {
            match part {
                b"" | b"." => {}
                b".." if depth == 0 => return true,
                b".." => depth -= 1,
                _ => depth += 1,
            }
            false
        })
}

/// A path as text. Bytes that are no UTF-8 are written as `\xff`, so that two paths that differ in them stay two.
pub(super) fn text_of_path(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// Whiteouts (image-spec, "Image Layer Filesystem Changeset"): what `path` hides, when it is one.
pub(super) fn whiteout(path: &str) -> Option<(String, EntryKind)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    // What hides no name is a file like any other.
    let hidden = name.strip_prefix(".wh.").filter(|hidden| !matches!(*hidden, "" | "." | ".."))?;
    if hidden == ".wh..opq" {
        return Some((folder.to_owned(), EntryKind::Opaque));
    }
    let path = if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") };
    Some((path, EntryKind::Whiteout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_image() {
        assert_eq!(normal(b"/../..//a/./b/../c/"), "a/c");
        assert_eq!(normal(b"./"), "");
        for (name, out) in [("../x", true), ("a/../../x", true), ("./..", true), ("a/../x", false), ("/../x", false), ("..x/a", false)] {
            assert_eq!(leaves(name.as_bytes()), out, "{name}");
        }
    }
}
