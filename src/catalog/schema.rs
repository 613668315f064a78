//! The legal keys of every table of `containers.toml`: one table that the reader, its suggestions and its examples share.

/// One legal key.
pub(super) struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// A value that would be right, for error messages.
    pub example: &'static str,
    /// What people who know other tools write instead.
    pub also: &'static [&'static str],
}

/// The keys of one table.
pub(super) struct Table {
    /// The keys.
    pub keys: &'static [Key],
}

const fn key(name: &'static str, example: &'static str, also: &'static [&'static str]) -> Key {
    Key { name, example, also }
}

/// The file itself.
pub(super) const ROOT: Table = Table {
    keys: &[
        key("registry", "", &["push", "publish"]),
        key("defaults", "", &["default"]),
        key("debian", "", &["apt", "deb"]),
        key("nix", "", &[]),
        key("containers", "", &["container", "images", "image"]),
        key("waive", r#"[{ check = "links", reason = "…" }]"#, &["waiver", "waivers", "ignore", "allow"]),
    ],
};

/// `[registry]`.
pub(super) const REGISTRY: Table = Table {
    keys: &[
        key("host", r#""ghcr.io""#, &["url", "server", "registry"]),
        key("repository", r#""acme/tools/{container}""#, &["repo", "path", "name"]),
        key("username", r#"{ env = "GITHUB_ACTOR", default = "acme" }"#, &["user", "login"]),
        key("password", r#"{ env = "GITHUB_TOKEN" }"#, &["token", "secret", "pass"]),
        key("ca", r#""keys/registry-ca.pem""#, &["cacert", "ca-cert", "certificate-authority", "ca_file"]),
        key("client-cert", r#""keys/client.pem""#, &["cert", "client_certificate"]),
        key("client-key", r#""keys/client-key.pem""#, &["key", "private-key"]),
        key("insecure", "true", &["plain-http", "http", "tls-verify"]),
    ],
};

/// `{ env = …, default = … }`.
pub(super) const SETTING: Table = Table {
    keys: &[key("env", r#""GITHUB_ACTOR""#, &["variable", "var", "environment"]), key("default", r#""acme""#, &["fallback", "value"])],
};

/// `[defaults]`.
pub(super) const DEFAULTS: Table = Table {
    keys: &[
        key("builder", r#""debian""#, &["engine", "backend"]),
        key("targets", r#"["x86_64", "aarch64"]"#, &["arch", "architectures", "platforms", "platform"]),
        key("base", r#"["bash", "coreutils"]"#, &["packages", "from"]),
        key("compression", r#""gzip""#, &["compress", "compressor"]),
        key("layers", "10", &["max-layers", "maxLayers"]),
        key("env", r#"{ LANG = "C.UTF-8" }"#, &["environment", "envs"]),
        key("labels", r#"{ "org.opencontainers.image.vendor" = "acme" }"#, &[]),
        key("annotations", r#"{ "org.opencontainers.image.source" = "https://example.org" }"#, &[]),
    ],
};

/// `[debian]`.
pub(super) const DEBIAN: Table = Table {
    keys: &[
        key("suite", r#""trixie""#, &["release", "codename", "distribution"]),
        key("components", r#"["main"]"#, &["sections", "component"]),
        key("mirror", r#""http://ftp.debian.org/debian""#, &["url", "archive"]),
        key("security-mirror", r#""http://security.debian.org/debian-security""#, &["security_mirror", "security"]),
        key("emulations", r#""emulations.toml""#, &["scripts"]),
        key("keyring", r#""keys/archive.asc""#, &["signed-by", "key"]),
        key("snapshot", r#""20261101T000000Z""#, &["date"]),
        key("snapshot-mirror", r#""http://snapshot.debian.org/archive""#, &["snapshot_mirror"]),
        key("check-valid-until", "true", &["check_valid_until", "valid-until"]),
        key("recommends", "false", &["install-recommends", "install_recommends"]),
        key("essential", "false", &["required"]),
        key("sources", r#"{ backports = { suite = "trixie-backports" } }"#, &["source", "repositories"]),
        key("pins", r#"{ curl = "trixie-backports" }"#, &["pin", "preferences", "versions"]),
    ],
};

/// `[debian.sources.NAME]`.
pub(super) const DEBIAN_SOURCE: Table = Table {
    keys: &[
        key("url", r#""https://deb.example.org/""#, &["mirror", "uri", "uris"]),
        key("suite", r#""trixie-backports""#, &["release", "codename", "suites"]),
        key("components", r#"["main"]"#, &["sections", "component"]),
        key("keyring", r#""keys/example.asc""#, &["signed-by", "key"]),
        key("check-valid-until", "true", &["check_valid_until", "valid-until"]),
    ],
};

/// `[nix]`.
pub(super) const NIX: Table = Table {
    keys: &[
        key("flake", r#"".""#, &["url", "path"]),
        key("builders", r#"["ssh-ng://builder aarch64-linux"]"#, &["machines"]),
        key("extra-args", r#"["--impure"]"#, &["extra_args", "args", "options"]),
    ],
};

/// `[containers.NAME]`.
pub(super) const CONTAINER: Table = Table {
    keys: &[
        key("name", r#""rg""#, &[]),
        key("packages", r#"["ripgrep"]"#, &["package", "install", "deps", "dependencies"]),
        key("entrypoint", r#""rg""#, &["entry", "exec", "bin", "binary"]),
        key("cmd", r#"["--help"]"#, &["command", "args", "arguments"]),
        key("targets", r#"["x86_64", "aarch64"]"#, &["arch", "architectures", "platforms", "platform"]),
        key("builder", r#""debian""#, &["engine", "backend"]),
        key("env", r#"{ LANG = "C.UTF-8" }"#, &["environment", "envs"]),
        key("labels", r#"{ "org.opencontainers.image.title" = "rg" }"#, &[]),
        key("annotations", r#"{ "org.opencontainers.image.source" = "https://example.org" }"#, &[]),
        key("user", r#""1000:1000""#, &["uid", "run-as"]),
        key("workdir", r#""/work""#, &["working_dir", "working-dir", "cwd", "dir"]),
        key("expose", r#"["8080/tcp"]"#, &["ports", "port"]),
        key("volumes", r#"["/data"]"#, &["mounts"]),
        key("links", r#"{ "/usr/bin/fd" = "fdfind" }"#, &["symlinks"]),
        key("files", r#"[{ from = "app.conf", to = "/etc/app.conf" }]"#, &["copy", "add"]),
        key("compression", r#""zstd""#, &["compress", "compressor"]),
        key("layers", "10", &["max-layers", "maxLayers"]),
        key("test", r#"["--version"]"#, &["check", "healthcheck"]),
        key("waive", r#"[{ check = "links", reason = "…" }]"#, &["waiver", "waivers", "ignore", "allow"]),
    ],
};

/// `packages = { debian = …, nix = … }`.
pub(super) const PACKAGES: Table =
    Table { keys: &[key("debian", r#"["ripgrep"]"#, &["deb", "apt"]), key("nix", r#"["ripgrep"]"#, &["nixpkgs"])] };

/// `files = [{ … }]`.
pub(super) const FILE: Table = Table {
    keys: &[
        key("from", r#""target/{rust}/release/app""#, &["src", "source", "path"]),
        key("text", r#""verbose = true""#, &["content", "contents"]),
        key("to", r#""/usr/bin/app""#, &["dest", "destination", "dst", "target"]),
        key("mode", r#""0755""#, &["permissions"]),
        key("owner", r#""app:app""#, &["user", "chown"]),
    ],
};

/// `[[waive]]`, `[[containers.NAME.waive]]`.
pub(super) const WAIVER: Table = Table {
    keys: &[
        key("check", r#""links""#, &["id", "rule"]),
        key("path", r#""usr/lib/x/*.so""#, &["paths", "file", "files", "glob"]),
        key("reason", r#""a plugin that nothing here loads""#, &["why", "because", "comment", "justification"]),
        key("until", r#""2027-01-01""#, &["expires", "expiry", "before"]),
    ],
};

/// Tables a stray key may belong to, as they are shown.
const SHOWN: [(&str, &Table); 5] =
    [("[registry]", &REGISTRY), ("[defaults]", &DEFAULTS), ("[debian]", &DEBIAN), ("[nix]", &NIX), ("[containers.NAME]", &CONTAINER)];

impl Table {
    /// The key called `name`.
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }

    /// What to do about the unknown key `word`: the key it was probably meant to be, where it belongs, or all there are.
    pub fn advice(&self, word: &str) -> String {
        let folded = word.to_ascii_lowercase().replace('_', "-");
        let meant = self.keys.iter().find(|k| k.name == folded || k.also.contains(&word) || k.also.contains(&folded.as_str()));
        if let Some(key) = meant.or_else(|| {
            let name = super::near(&folded, self.keys.iter().map(|k| k.name))?;
            self.get(name)
        }) {
            return format!("did you mean `{}`?", key.name);
        }
        if let Some((shown, _)) = SHOWN.iter().find(|(_, table)| table.get(&folded).is_some()) {
            return format!("`{folded}` belongs in `{shown}`");
        }
        let all: Vec<String> = self.keys.iter().map(|k| format!("`{}`", k.name)).collect();
        format!("known here are {}", all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_knows_misspellings_other_tools_and_other_tables() {
        assert_eq!(CONTAINER.advice("pakages"), "did you mean `packages`?");
        assert_eq!(CONTAINER.advice("platforms"), "did you mean `targets`?");
        assert_eq!(DEBIAN.advice("security_mirror"), "did you mean `security-mirror`?");
        assert_eq!(DEFAULTS.advice("suite"), "`suite` belongs in `[debian]`");
        assert_eq!(PACKAGES.advice("zzz"), "known here are `debian`, `nix`");
    }

    #[test]
    fn an_alias_never_shadows_a_key_of_the_same_table() {
        for (shown, table) in SHOWN {
            for key in table.keys {
                assert!(table.keys.iter().all(|other| !other.also.contains(&key.name)), "{shown} {}", key.name);
            }
        }
    }
}
