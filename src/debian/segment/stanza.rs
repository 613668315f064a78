//! The package's own control stanza (Debian Policy 5.3, deb822(5)).

use super::super::deb::damaged;
use crate::Result;

/// The stanza as it goes into the image: verbatim, without blank lines around it, ending in one newline. Stanzas that
/// scanners would choke on (a field twice, a line that is no field) are refused.
pub(in super::super) fn normalise(control: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(control).map_err(|_| damaged("its `control` is not UTF-8"))?;
    let text = text.trim_matches('\n');
    let mut names = std::collections::BTreeSet::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            return Err(damaged("its `control` has more than one stanza"));
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        match line.split_once(':') {
            Some((name, _)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                if !names.insert(name.to_ascii_lowercase()) {
                    return Err(damaged(format!("its `control` has the field `{name}` twice")));
                }
            }
            _ => return Err(damaged(format!("its `control` has the line `{line}`"))),
        }
    }
    Ok(format!("{text}\n"))
}

/// The value of a field that fits one line, or the joined lines of a folded one.
pub(in super::super) fn field(stanza: &str, name: &str) -> Option<String> {
    let mut lines = stanza.lines();
    let first = lines.by_ref().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })?;
    Some(lines.take_while(|line| line.starts_with([' ', '\t'])).fold(first, |value, line| value + " " + line.trim()))
}

/// The package names of a relation field: `Replaces: a (<< 1), b` names `a` and `b`.
pub(in super::super) fn relation_names(value: &str) -> impl Iterator<Item = &str> {
    value.split([',', '|']).filter_map(|r| r.trim().split([' ', '(', '[', ':']).next()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANZA: &str = "Package: a\nVersion: 1:2\nReplaces: b (<< 2),\n c:any, d\nDescription: x\n y\n";

    #[test]
    fn fields_and_relations_are_read() {
        let stanza = normalise(format!("\n{STANZA}\n").as_bytes()).unwrap();
        assert_eq!(stanza, STANZA);
        assert_eq!(field(&stanza, "version").as_deref(), Some("1:2"));
        assert_eq!(relation_names(&field(&stanza, "Replaces").unwrap()).collect::<Vec<_>>(), ["b", "c", "d"]);
        assert_eq!(field(&stanza, "y"), None);
    }

    #[test]
    fn stanzas_that_scanners_refuse_are_refused() {
        for bad in ["Package: a\nPACKAGE: b\n", "Package: a\n\nPackage: b\n", "Package a\n"] {
            assert!(normalise(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
