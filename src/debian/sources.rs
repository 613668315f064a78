//! Which archives are read, and where: the file, the environment, the host's own apt sources, Debian's servers.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use url::Url;

use super::http::shown;
use crate::catalog::{DebianSettings, DebianSource};
use crate::{Error, Result};

/// The main archive, as it is called in `containers.lock`.
pub(crate) const DEBIAN: &str = "debian";
/// The security archive, as it is called in `containers.lock`.
pub(crate) const SECURITY: &str = "debian-security";

const BUILT_IN: &str = "http://ftp.debian.org/debian";
const BUILT_IN_SECURITY: &str = "http://security.debian.org/debian-security";
const SNAPSHOT: &str = "http://snapshot.debian.org/archive";

/// One suite of one archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// [`DEBIAN`], [`SECURITY`], or the name of another repository: what the lock calls it.
    pub archive: String,
    /// The NAME of `[debian.sources.NAME]`, if it is one of those.
    pub name: Option<String>,
    /// `trixie`, `trixie-updates`, `trixie-security`.
    pub suite: String,
    /// The archive's root; ends in a slash.
    pub base: Url,
    /// The setting that `base` comes from, for advice.
    pub setting: String,
    /// The components that are read.
    pub components: Vec<String>,
    /// Its keyring file as `containers.toml` has it, if not the embedded one.
    pub keyring: Option<PathBuf>,
    /// Whether a release past its `Valid-Until` is refused.
    pub check_valid_until: bool,
}

/// Everything that is read.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// The suites, in the order in which equal versions are preferred.
    pub suites: Vec<Source>,
    pools: Vec<(String, Vec<Url>)>,
    /// The snapshot archive: below it `ARCHIVE/MOMENT/` is that archive as it was then.
    snapshot: Url,
}

/// What this machine says about mirrors, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// `CATAMARAN_DEBIAN_MIRROR`.
    pub mirror: Option<String>,
    /// `CATAMARAN_DEBIAN_SECURITY_MIRROR`.
    pub security_mirror: Option<String>,
    /// The URIs of the host's apt sources, in their order.
    pub apt: Vec<String>,
}

impl Host {
    /// Reads the environment and `/etc/apt`.
    pub fn read() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Host {
            mirror: variable("CATAMARAN_DEBIAN_MIRROR"),
            security_mirror: variable("CATAMARAN_DEBIAN_SECURITY_MIRROR"),
            apt: apt_sources(Path::new("/etc/apt")),
        }
    }
}

impl Source {
    /// The table of `containers.toml` that it is written in.
    pub fn table(&self) -> String {
        self.name.as_ref().map_or_else(|| "[debian]".to_owned(), |name| format!("[debian.sources.{name}]"))
    }
}

/// Where the snapshot archive's address is set.
pub(crate) const SNAPSHOT_SETTING: &str = "`snapshot-mirror` under [debian]";

/// Where the address of the archive that the lock calls `archive` is set.
pub(crate) fn setting(archive: &str) -> String {
    match archive {
        DEBIAN => "`mirror` under [debian] or with CATAMARAN_DEBIAN_MIRROR".to_owned(),
        SECURITY => "`security-mirror` under [debian] or with CATAMARAN_DEBIAN_SECURITY_MIRROR".to_owned(),
        name => format!("`url` under [debian.sources.{name}]"),
    }
}

impl Sources {
    /// The archives `settings` ask for, on this `host`.
    pub fn new(settings: &DebianSettings, host: &Host) -> Result<Self> {
        let find = |file: &Option<String>, variable: &Option<String>, name: &str, ending: &str, built_in: &str| {
            if let Some(text) = file {
                return parse(text).map_err(|error| error.context(format!("`{name}` under [debian]")));
            }
            if let Some(text) = variable {
                let variable = if ending == DEBIAN { "CATAMARAN_DEBIAN_MIRROR" } else { "CATAMARAN_DEBIAN_SECURITY_MIRROR" };
                return parse(text).map_err(|error| error.context(variable));
            }
            // Only real Debian archives: an Ubuntu host's mirrors have other packages under the same names.
            let of_host = host
                .apt
                .iter()
                .filter_map(|text| parse(text).ok())
                .find(|url| url.path_segments().and_then(|mut s| s.rfind(|part| !part.is_empty())) == Some(ending));
            of_host.map_or_else(|| parse(built_in), Ok)
        };
        let mirror = find(&settings.mirror, &host.mirror, "mirror", DEBIAN, BUILT_IN)?;
        let security = find(&settings.security_mirror, &host.security_mirror, "security-mirror", SECURITY, BUILT_IN_SECURITY)?;

        // By hash the ordinary mirror is as good as the snapshot archive, and not rate-limited; so packages are asked
        // of it first. Indexes of the past only the snapshot archive has.
        let (mut base, mut security_base) = (mirror.clone(), security.clone());
        let (mut pool, mut security_pool) = (vec![mirror], vec![security]);
        let snapshot = match &settings.snapshot_mirror {
            Some(text) => parse(text).map_err(|error| error.context("`snapshot-mirror` under [debian]"))?,
            None => parse(SNAPSHOT)?,
        };
        if let Some(stamp) = &settings.snapshot {
            base = of_moment(&snapshot, DEBIAN, stamp)?;
            security_base = of_moment(&snapshot, SECURITY, stamp)?;
            pool.push(base.clone());
            security_pool.push(security_base.clone());
        }

        let suite = &settings.suite;
        let of_debian = |archive: &str, suite: String, base: &Url| Source {
            archive: archive.to_owned(),
            name: None,
            suite,
            base: base.clone(),
            setting: if settings.snapshot.is_some() { SNAPSHOT_SETTING.to_owned() } else { setting(archive) },
            components: settings.components.clone(),
            keyring: settings.keyring.clone(),
            check_valid_until: settings.check_valid_until,
        };
        let mut suites = vec![of_debian(DEBIAN, suite.clone(), &base)];
        // Unstable has neither: fixes go straight into it.
        if !matches!(suite.as_str(), "sid" | "unstable" | "experimental" | "rc-buggy") {
            suites.push(of_debian(DEBIAN, format!("{suite}-updates"), &base));
            suites.push(of_debian(SECURITY, format!("{suite}-security"), &security_base));
        }
        let mut pools = vec![(DEBIAN.to_owned(), pool), (SECURITY.to_owned(), security_pool)];
        for (name, source) in &settings.sources {
            let (base, setting) = match &source.url {
                None => (base.clone(), suites[0].setting.clone()),
                Some(url) => {
                    let url = parse(url).map_err(|error| error.context(format!("`url` under [debian.sources.{name}]")))?;
                    pools.push((name.clone(), vec![url.clone()]));
                    (url, setting(name))
                }
            };
            suites.push(Source {
                archive: archive_of(name, source).to_owned(),
                name: Some(name.clone()),
                suite: source.suite.clone(),
                base,
                setting,
                components: source.components.clone(),
                keyring: source.keyring.clone().or_else(|| settings.keyring.clone()),
                check_valid_until: source.check_valid_until.unwrap_or(settings.check_valid_until),
            });
        }
        Ok(Sources { suites, pools, snapshot })
    }

    /// Where files of `archive` are asked for, in this order.
    pub fn pool(&self, archive: &str) -> &[Url] {
        self.pools.iter().find(|(name, _)| name == archive).map_or(&[], |(_, urls)| urls)
    }

    /// The root of `archive` as it was at `moment`.
    pub fn past(&self, archive: &str, moment: Timestamp) -> Result<Url> {
        of_moment(&self.snapshot, archive, &moment.strftime("%Y%m%dT%H%M%SZ").to_string())
    }
}

/// What the lock calls the archive of `[debian.sources.NAME]`: a suite of Debian's own archive is in that archive.
pub(crate) fn archive_of<'a>(name: &'a str, source: &DebianSource) -> &'a str {
    if source.url.is_some() { name } else { DEBIAN }
}

fn of_moment(snapshot: &Url, archive: &str, moment: &str) -> Result<Url> {
    parse(snapshot.join(&format!("{archive}/{moment}/")).map_or_else(|_| snapshot.to_string(), String::from).as_str())
}

fn parse(text: &str) -> Result<Url> {
    let mut url = Url::parse(text.trim()).map_err(|error| {
        Error::usage(format!("not the address of an archive: {error}")).hint("it looks like http://ftp.debian.org/debian")
    })?;
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return Err(Error::usage(format!("{} is neither http, https nor file", shown(&url))));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// The URIs of all apt sources below `folder`, in apt's order. Unreadable files are apt's business, not ours.
fn apt_sources(folder: &Path) -> Vec<String> {
    let mut uris = Vec::new();
    let mut files = vec![folder.join("sources.list")];
    let parts = folder.join("sources.list.d");
    let mut found: Vec<_> = std::fs::read_dir(parts).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    files.append(&mut found);
    for file in files {
        let read = || std::fs::metadata(&file).ok().filter(|m| m.len() < 1 << 20).and_then(|_| std::fs::read_to_string(&file).ok());
        match file.extension().and_then(|e| e.to_str()) {
            Some("list") => uris.extend(read().iter().flat_map(|text| one_line(text))),
            Some("sources") => uris.extend(read().iter().flat_map(|text| deb822(text))),
            _ => {}
        }
    }
    uris
}

/// sources.list(5), one-line style: `deb [options] URI suite component…`.
fn one_line(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let rest = line.split('#').next()?.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1.trim_start() } else { rest };
        rest.split_whitespace().next().map(str::to_owned)
    });
    lines.collect()
}

/// sources.list(5), deb822 style.
fn deb822(text: &str) -> Vec<String> {
    let Ok(paragraphs) = text.parse::<deb822_fast::Deb822>() else { return Vec::new() };
    let wanted = paragraphs.iter().filter(|p| {
        p.get("Types").is_some_and(|types| types.split_whitespace().any(|t| t == "deb"))
            && !p.get("Enabled").is_some_and(|v| matches!(v.trim().to_ascii_lowercase().as_str(), "no" | "false" | "0" | "off"))
    });
    wanted.flat_map(|p| p.get("URIs").unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bases(settings: &DebianSettings, host: &Host) -> Vec<String> {
        Sources::new(settings, host).unwrap().suites.iter().map(|s| format!("{} {}", s.suite, s.base)).collect()
    }

    #[test]
    fn the_file_comes_before_the_environment_the_host_and_debian() {
        let mut settings = DebianSettings::default();
        let mut host = Host::default();
        assert_eq!(
            bases(&settings, &host),
            [
                "trixie http://ftp.debian.org/debian/",
                "trixie-updates http://ftp.debian.org/debian/",
                "trixie-security http://security.debian.org/debian-security/"
            ]
        );
        host.apt = one_line(
            "# deb http://no.example/debian x\ndeb-src http://no.example/debian x main\ndeb http://archive.example/ubuntu noble main\n\
             deb [arch=amd64 signed-by=/x] http://apt.example/debian/ trixie main # here\n",
        );
        host.apt.extend(deb822(
            "Types: deb\nURIs: http://sec.example/debian-security\nSuites: x\n\nEnabled: no\nTypes: deb\nURIs: http://no.example/debian\n",
        ));
        assert_eq!(bases(&settings, &host)[0], "trixie http://apt.example/debian/");
        assert_eq!(bases(&settings, &host)[2], "trixie-security http://sec.example/debian-security/");
        host.mirror = Some("https://env.example/debian".into());
        assert_eq!(bases(&settings, &host)[1], "trixie-updates https://env.example/debian/");
        settings.mirror = Some("file:///srv/debian".into());
        assert_eq!(bases(&settings, &host)[1], "trixie-updates file:///srv/debian/");
    }

    #[test]
    fn a_snapshot_has_the_indexes_and_the_mirror_is_asked_first_for_packages() {
        let settings = DebianSettings { snapshot: Some("20261101T000000Z".into()), ..DebianSettings::default() };
        let sources = Sources::new(&settings, &Host::default()).unwrap();
        assert_eq!(sources.suites[0].base.as_str(), "http://snapshot.debian.org/archive/debian/20261101T000000Z/");
        let pool: Vec<&str> = sources.pool(SECURITY).iter().map(Url::as_str).collect();
        assert_eq!(
            pool,
            ["http://security.debian.org/debian-security/", "http://snapshot.debian.org/archive/debian-security/20261101T000000Z/"]
        );
    }

    #[test]
    fn a_bad_mirror_is_a_usage_error_that_hides_its_password() {
        let settings = DebianSettings { mirror: Some("ftp://me:hunter2@x.example/debian".into()), ..DebianSettings::default() };
        let error = Sources::new(&settings, &Host::default()).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Usage);
        assert!(error.message().contains("`mirror` under [debian]") && !error.message().contains("hunter2"), "{error}");
    }

    proptest! {
        #[test]
        fn any_sources_file_is_read(text in "(deb |Types: deb|URIs: |\\[|\\]|#|[a-z:/ ]|\n){0,30}") {
            one_line(&text);
            deb822(&text);
        }
    }
}
