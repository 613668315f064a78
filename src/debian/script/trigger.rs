//! A package's `triggers` file (deb-triggers(5)), and what is known about the triggers in it.
//!
//! Whoever is interested in a trigger has its postinst called as `triggered NAMES` once something activated it. Most of that is about
//! caches; the table says what it comes to.

use super::reason::{BOOT, CACHE, DOCUMENTATION, MODULES};
use super::shell::matches;

/// One line of a `triggers` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Trigger {
    /// The package is interested in it (else it activates it).
    pub interest: bool,
    /// A name, or the path below which any change activates it.
    pub name: String,
}

/// What a trigger's processing does to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Reaction {
    /// The generator that does the same.
    Generator(&'static str),
    /// Nothing an image has: why.
    Nothing(&'static str),
    /// Nobody knows.
    Unknown,
}

/// The lines of a `triggers` file; what is no directive is left out, as dpkg would not have built such a package.
pub(in super::super) fn triggers(text: &str) -> Vec<Trigger> {
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let interest = match words.next()? {
            "interest" | "interest-await" | "interest-noawait" => true,
            "activate" | "activate-await" | "activate-noawait" => false,
            _ => return None,
        };
        Some(Trigger { interest, name: words.next()?.to_owned() })
    };
    text.lines().filter_map(line).collect()
}

use Reaction::{Generator, Nothing};

const SERVICES: &str = "an image has no running services to reload";

/// Patterns of triggers and what they come to. A file trigger's pattern is that of its folder.
const REACTIONS: &[(&str, Reaction)] = &[
    ("ldconfig", Generator("ldconfig")),
    ("update-ca-certificates", Generator("update-ca-certificates")),
    ("update-ca-certificates-fresh", Generator("update-ca-certificates")),
    ("update-ca-certificates-java", Generator("java-keystore")),
    ("update-ca-certificates-java-fresh", Generator("java-keystore")),
    ("/usr/share/glib-2.0/schemas", Generator("glib-compile-schemas")),
    ("/usr/lib/*/gio/modules", Nothing(MODULES)),
    ("/usr/lib/gio/modules", Nothing(MODULES)),
    ("/usr/share/mime/packages", Generator("update-mime-database")),
    ("/usr/share/debianutils/shells.d", Generator("update-shells")),
    ("/usr/share/applications", Generator("update-desktop-database")),
    ("/usr/share/icons/*", Nothing(CACHE)),
    ("/usr/share/fonts", Nothing(CACHE)),
    ("/usr/share/ghostscript/fonts", Nothing(CACHE)),
    ("/usr/share/app-info/*", Nothing(CACHE)),
    ("/usr/share/swcatalog/*", Nothing(CACHE)),
    ("gmenucache", Nothing(CACHE)),
    ("/usr/share/menu", Nothing(CACHE)),
    ("/usr/share/man", Nothing(DOCUMENTATION)),
    ("/usr/local/share/man", Nothing(DOCUMENTATION)),
    ("/usr/local/man", Nothing(DOCUMENTATION)),
    ("/usr/man", Nothing(DOCUMENTATION)),
    ("/usr/X11R6/man", Nothing(DOCUMENTATION)),
    ("/opt/man", Nothing(DOCUMENTATION)),
    ("/usr/share/info", Nothing(DOCUMENTATION)),
    ("/usr/share/doc-base", Nothing(DOCUMENTATION)),
    ("/usr/share/dbus-1/*", Nothing(SERVICES)),
    ("/etc/dbus-1/*", Nothing(SERVICES)),
    ("nginx-reload", Nothing(SERVICES)),
    ("/etc/php/*", Nothing(SERVICES)),
    ("/etc/mysql", Nothing(SERVICES)),
    ("/etc/systemd/system/*", Nothing(SERVICES)),
    ("libc-upgrade", Nothing(SERVICES)),
    ("libc-bin-upgrade", Nothing(SERVICES)),
    ("/usr/lib/systemd/catalog", Nothing("an index of the journal's messages, and no journal is kept")),
    ("/usr/lib/sysctl.d", Nothing(BOOT)),
    ("/usr/lib/binfmt.d", Nothing(BOOT)),
    ("*/udev/hwdb.d", Nothing(BOOT)),
    ("update-initramfs", Nothing(BOOT)),
    ("linux-update-*", Nothing(BOOT)),
    ("/usr/lib32", Nothing("a warning about libraries that are where they should not be")),
    ("/usr/libo32", Nothing("a warning about libraries that are where they should not be")),
    ("/usr/libx32", Nothing("a warning about libraries that are where they should not be")),
];

/// What the trigger called `name` comes to.
pub(in super::super) fn reaction(name: &str) -> Reaction {
    REACTIONS.iter().find(|(pattern, _)| matches(pattern, name)).map_or(Reaction::Unknown, |(_, reaction)| *reaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::script::commands::generator;
    use proptest::prelude::*;

    #[test]
    fn a_file_is_read_line_by_line() {
        let text = "# Triggers added by dh_makeshlibs/13\nactivate-noawait ldconfig\n\ninterest-noawait /usr/share/man  # x\nnonsense y\n";
        let read: Vec<(bool, String)> = triggers(text).into_iter().map(|t| (t.interest, t.name)).collect();
        assert_eq!(read, [(false, "ldconfig".to_owned()), (true, "/usr/share/man".to_owned())]);
    }

    #[test]
    fn every_generator_of_the_table_exists() {
        for (pattern, reaction) in REACTIONS {
            if let Generator(name) = reaction {
                assert_eq!(generator(name), Some(*name), "{pattern}");
            }
        }
        assert_eq!(reaction("/usr/share/applications"), Generator("update-desktop-database"));
        assert!(matches!(reaction("/usr/lib/x86_64-linux-gnu/gio/modules"), Nothing(_)));
        assert_eq!(reaction("never-heard-of"), Reaction::Unknown);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            let _ = triggers(&text);
        }
    }
}
