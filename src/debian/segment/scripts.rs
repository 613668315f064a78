//! A package's maintainer scripts, and which of its files they talk about.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::Hex;
use super::super::deb::Control;
use super::canonical::canonical;
use crate::image::Digest;

/// The control files that decide what happens at installation: scripts, triggers, conffiles, and what debconf asks.
const KEPT: [&str; 8] = ["conffiles", "config", "postinst", "postrm", "preinst", "prerm", "templates", "triggers"];
/// A longer one is kept by its digest alone. The longest script in Debian main has some 100 KiB.
const MAX_TEXT: usize = 512 << 10;
/// Together, files that are kept only because a script names their folder may have this many bytes.
pub(super) const MAX_IN_FOLDERS: u64 = 256 << 10;
/// Folders of documentation, which scripts name without reading them.
const DOCUMENTATION: [&str; 5] = ["usr/share/doc/", "usr/share/info/", "usr/share/locale/", "usr/share/man/", "usr/share/lintian/"];

/// A control file other than the stanza.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Script {
    /// Of the file as packaged.
    pub sha256: Hex,
    /// What it says; `None` when it is no text (a compiled program) or too long to be one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// The scripts and related control files of a package, by name.
pub(super) fn read(control: &Control) -> BTreeMap<String, Script> {
    let script = |name: &&str| {
        let bytes = control.get(*name)?;
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_TEXT && !text.contains('\0'));
        let text = text.map(|text| if *name == "templates" { untranslated(text) } else { text.to_owned() });
        Some(((*name).to_owned(), Script { sha256: Hex(Digest::of(bytes)), text }))
    };
    KEPT.iter().filter_map(script).collect()
}

/// debconf templates without translations and descriptions: what a script can ask for is left.
fn untranslated(text: &str) -> String {
    let wanted = ["Template:", "Type:", "Default:", "Choices:"];
    let mut lines = text.lines().filter(|line| line.is_empty() || wanted.iter().any(|field| line.starts_with(field))).peekable();
    let mut out = String::new();
    while let Some(line) = lines.next() {
        if !line.is_empty() || lines.peek().is_some_and(|next| !next.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The paths that a package's scripts name.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    paths: BTreeSet<String>,
}

impl Mentions {
    /// Every absolute path in the scripts that run when a package is installed.
    pub(super) fn of(scripts: &BTreeMap<String, Script>) -> Self {
        let mut paths = BTreeSet::new();
        for text in ["config", "postinst", "preinst"].iter().filter_map(|name| scripts.get(*name)?.text.as_deref()) {
            for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._+@%:~-".contains(c))) {
                let Some(start) = word.find('/') else { continue };
                let path = word[start..].trim_matches('/');
                if path.contains('/') {
                    paths.insert(canonical(path));
                }
            }
        }
        Mentions { paths }
    }

    /// Whether a script names this very file.
    pub(super) fn names(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// Whether a script names a folder of its own that the file is in: scripts put paths together.
    pub(super) fn names_folder_of(&self, path: &str) -> bool {
        let own = (path.starts_with("usr/share/") && path.matches('/').count() > 2) || path.starts_with("etc/");
        own && !DOCUMENTATION.iter().any(|folder| path.starts_with(folder))
            && path.match_indices('/').any(|(end, _)| self.paths.contains(&path[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> Mentions {
        Mentions::of(&read(&Control::from([("postinst".to_owned(), text.as_bytes().to_vec())])))
    }

    #[test]
    fn paths_are_found_wherever_a_script_has_them() {
        let found =
            mentions("CONF=/etc/x/x.conf\ncp \"/lib/a/b\" ${ROOT}/usr/share/x/y;for f in /usr/share/pkg/*.conf; do :; done\n# /single");
        for path in ["etc/x/x.conf", "usr/lib/a/b", "usr/share/x/y"] {
            assert!(found.names(path), "{path}");
        }
        assert!(found.names_folder_of("usr/share/pkg/a.conf") && found.names_folder_of("usr/share/pkg/b/c"));
        assert!(!found.names("single") && !found.names_folder_of("usr/share/other/a"));
        assert!(!mentions("/usr/share/doc/x").names_folder_of("usr/share/doc/x/copyright"));
    }

    #[test]
    fn a_program_is_known_by_its_digest_only() {
        let control = Control::from([("preinst".to_owned(), b"\x7fELF\0\xff".to_vec()), ("md5sums".to_owned(), Vec::new())]);
        let scripts = read(&control);
        assert_eq!((scripts.len(), &scripts["preinst"].text), (1, &None));
    }

    #[test]
    fn templates_keep_what_scripts_ask_for() {
        let text = "Template: a/b\nType: select\nDefault: x\nDescription: y\n long\nDescription-de.UTF-8: z\n\nTemplate: c\nType: note\n";
        assert_eq!(untranslated(text), "Template: a/b\nType: select\nDefault: x\n\nTemplate: c\nType: note\n");
    }
}
