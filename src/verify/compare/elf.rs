//! What two ELF headers say.

use super::files::is_native;
use super::{Half, Pair};
use crate::image::Elf;
use crate::verify::platform::describe_elf;

/// Whether the headers differ, and what each of them says: where they differ, only that.
///
/// Across architectures each file is expected to be for its own, and that is then no difference.
pub(super) fn compare(pair: &Pair<'_>, left: Option<&Elf>, right: Option<&Elf>) -> (bool, String, String) {
    let (Some(left), Some(right)) = (left, right) else {
        let said = |elf: Option<&Elf>| elf.map_or_else(|| "no ELF file".to_owned(), describe_elf);
        return (left.is_some() != right.is_some(), said(left), said(right));
    };
    let native = |half: &Half<'_>, elf: &Elf| pair.across_architectures && is_native(&half.image.platform(), elf);
    let (mut left_words, mut right_words) = (Vec::new(), Vec::new());
    let expected = native(&pair.left, left) && native(&pair.right, right);
    let same = describe_elf(left) == describe_elf(right) && native(&pair.left, left) == native(&pair.right, right);
    if !expected && !same {
        // Of two that are alike, one is foreign to its image: that is what differs.
        let shown = |half: &Half<'_>, elf: &Elf| match pair.across_architectures && !native(half, elf) {
            true => format!("{}, not for {}", describe_elf(elf), half.image.platform()),
            false => describe_elf(elf),
        };
        left_words.push(shown(&pair.left, left));
        right_words.push(shown(&pair.right, right));
    }
    for ((name, a), (_, b)) in facts(left, pair).into_iter().zip(facts(right, pair)) {
        if a != b && pair.left_names.neutral(&a) != pair.right_names.neutral(&b) {
            left_words.push(said(name, &a));
            right_words.push(said(name, &b));
        }
    }
    if left_words.is_empty() {
        return (false, describe_elf(left), describe_elf(right));
    }
    (true, left_words.join("; "), right_words.join("; "))
}

/// What a header says besides its machine, by name.
fn facts(elf: &Elf, pair: &Pair<'_>) -> [(&'static str, String); 5] {
    let mut needed: Vec<&str> = elf.needed.iter().flatten().map(String::as_str).collect();
    if pair.across_architectures {
        // Some linkers name the dynamic linker in `DT_NEEDED`, others do not; `PT_INTERP` loads it either way.
        needed.retain(|name| !name.starts_with("ld-linux") && !name.starts_with("ld64.so"));
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let folders = [text(&elf.rpath), text(&elf.runpath)].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>();
    [
        ("type", object_type(elf.object_type)),
        ("interpreter", text(&elf.interpreter)),
        ("needs", needed.join(", ")),
        ("soname", text(&elf.soname)),
        ("runpath", folders.join(", ")),
    ]
}

fn said(name: &str, value: &str) -> String {
    if value.is_empty() { format!("no {name}") } else { format!("{name} {value}") }
}

/// `e_type` (gABI, "ELF Header").
fn object_type(number: u16) -> String {
    match number {
        1 => "relocatable".into(),
        2 => "executable".into(),
        3 => "shared".into(),
        4 => "core".into(),
        other => other.to_string(),
    }
}
