//! The few files whose bytes are kept beside a segment, because generated files are made from them or scripts read them.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long the file `path` may be to be kept. Of those that rules read, only freedesktop.org's description of types comes near it.
pub(super) fn max_kept(path: &str) -> u64 {
    if path.starts_with(MIME) { 4 << 20 } else { 1 << 20 }
}

const MIME: &str = "usr/share/mime/packages/";

/// Whether the bytes of `path` are kept (rules R5–R10 read them, and verification what loaders are told).
pub(super) fn is_kept(path: &str) -> bool {
    const FOLDERS: [(&str, &str); 23] = [
        ("usr/share/base-passwd/", ".master"),
        ("usr/share/base-files/", ""),
        ("usr/share/ca-certificates/", ".crt"),
        ("etc/ld.so.conf.d/", ".conf"),
        ("usr/share/debianutils/", ""),
        ("usr/lib/sysusers.d/", ".conf"),
        ("usr/lib/tmpfiles.d/", ".conf"),
        ("usr/share/pam-configs/", ""),
        ("usr/share/pam/common-", ""),
        ("etc/apache2/mods-available/", ".load"),
        ("etc/apache2/envvars", ""),
        ("usr/share/dbconfig-common/internal/", ""),
        ("usr/lib/emacsen-common/packages/install/", ""),
        ("usr/share/xml-core/catalog.", ""),
        ("usr/share/sgml-base/catalog.", ""),
        ("etc/sgml/", ".cat"),
        ("var/lib/dictionaries-common/wordlist/", ""),
        ("usr/share/hunspell/", ".aff"),
        ("usr/share/myspell/dicts/", ".aff"),
        (MIME, ".xml"),
        ("usr/share/applications/", ".desktop"),
        ("usr/share/glib-2.0/schemas/", ".xml"),
        ("usr/share/glib-2.0/schemas/", ".override"),
    ];
    // Shell libraries that scripts of other packages read; some lie in `/usr/share/PACKAGE/dpkg`.
    const LIBRARY: &str = "maintscript";
    matches!(path, "usr/share/libc-bin/nsswitch.conf" | "etc/ld.so.conf" | "usr/lib/os-release" | "usr/lib/php/php-helper")
        || (path.starts_with("etc/ld-musl-") && path.ends_with(".path"))
        || path.rsplit('/').next().is_some_and(|name| name.contains(LIBRARY))
        || (path.starts_with("usr/share/") && path.contains("/dpkg/"))
        || FOLDERS.iter().any(|(folder, suffix)| path.starts_with(folder) && path.ends_with(suffix))
}

/// Whether a file is a tool that maintainer scripts of other packages may call, written in shell: it is evaluated then.
pub(super) fn is_tool(path: &str, size: u64, shebang: Option<&str>) -> bool {
    const MAX_TOOL: u64 = 64 << 10;
    let is_shell =
        || shebang.and_then(|line| line.split_whitespace().next()).is_some_and(|program| matches!(program, "/bin/sh" | "/bin/bash"));
    path.starts_with("usr/sbin/") && size <= MAX_TOOL && is_shell()
}

/// Kept files by path.
pub(super) type Contents = BTreeMap<String, Bytes>;

/// File content; base64 in JSON, so that it is exact whatever it holds.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        STANDARD.decode(&*text).map(Bytes).map_err(serde::de::Error::custom)
    }
}
