//! `InRelease`: what a suite consists of, signed (Debian Wiki "RepositoryFormat", apt-secure(8)).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::http::{Answer, Fault, Http, Validators, shown};
use super::keyring::Keyring;
use super::signature::signed_text;
use super::sources::Source;
use crate::image::{Digest, replace_file};
use crate::{Error, Result};

/// The largest `InRelease` accepted; Debian's have 0.2 MB.
const MAX_RELEASE: u64 = 16 << 20;
/// For those who mistype one; every other name is as good.
const KNOWN_SUITES: [&str; 14] = [
    "bookworm",
    "bookworm-backports",
    "bullseye",
    "duke",
    "experimental",
    "forky",
    "oldstable",
    "sid",
    "stable",
    "stable-backports",
    "testing",
    "trixie",
    "trixie-backports",
    "unstable",
];
/// Clocks may differ by this many seconds.
const CLOCK_SKEW: i64 = 24 * 60 * 60;

/// What a suite consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// When it was made.
    pub date: Timestamp,
    /// `main`, `contrib`, …
    pub components: Vec<String>,
    /// Debian's names.
    pub architectures: Vec<String>,
    /// Whether files can be asked for by their hash.
    pub by_hash: bool,
    /// Whether what is newer in it is taken without being asked for.
    pub automatic: bool,
    /// Whether packages of architecture `all` stand in an index of their own and nowhere else.
    pub separate_all: bool,
    /// The `Packages` indexes below the suite's folder, compressed or not.
    pub files: BTreeMap<String, (Digest, u64)>,
    /// The same for the `Contents` indexes: which package ships which file.
    pub contents: BTreeMap<String, (Digest, u64)>,
}

/// How strictly a release is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// The present.
    pub now: Timestamp,
    /// Whether a release past its `Valid-Until` is refused.
    pub check_valid_until: bool,
    /// Whether it is from the snapshot archive, so that nothing in it can be current.
    pub past: bool,
}

/// The release of `source`, from the archive or, when that says it has not changed, from `cache`.
pub(crate) async fn read(
    http: &Http,
    source: &Source,
    keyring: &Keyring,
    policy: Policy,
    cache: &Path,
    cancel: &CancellationToken,
) -> Result<Release> {
    let what = format!("{} {}", source.archive, source.suite);
    let url = source
        .base
        .join(&format!("dists/{}/InRelease", source.suite))
        .map_err(|error| Error::usage(format!("`{}` is not the name of a suite", source.suite)).source(error))?;
    let path = cached_path(cache, source);
    let cached = Cached::load(&path);
    let bytes = http
        .with_retries(cancel, || async {
            match http.ask(&url, &source.setting, 0, cached.as_ref().map(|c| &c.validators)).await? {
                Answer::NotModified => match &cached {
                    Some(cached) => Ok(Cached { validators: cached.validators.clone(), content: cached.content.clone() }),
                    None => Err(Fault::lasting(Error::network(format!("{} answered that it has not changed, unasked", shown(&url))))),
                },
                Answer::Body(body) => {
                    let validators = body.validators.clone();
                    Ok(Cached { validators, content: body.bytes(MAX_RELEASE).await? })
                }
                Answer::Missing => Err(Fault::lasting(missing(http, source, &url).await)),
            }
        })
        .await?;
    let text = signed_text(&bytes.content, keyring, seconds(policy.now), policy.past, &format!("InRelease of {what}"));
    let table = source.table();
    let text = text.map_err(|error| {
        error.hint(format!(
            "a mirror or proxy may have altered it; try another mirror, or name the archive's keyring with `keyring` under {table}"
        ))
    })?;
    let release = parse(&text, &source.suite, policy, &table).map_err(|error| error.context(format!("InRelease of {what}")))?;
    // Only what was found good is kept, and only for next time: a full disk must not fail the build here.
    if cached.as_ref().map(|c| &c.content) != Some(&bytes.content) {
        bytes.store(&path)?;
    }
    Ok(release)
}

/// Why there is no `InRelease` at `url`.
async fn missing(http: &Http, source: &Source, url: &Url) -> Error {
    let suite = &source.suite;
    let apart = match url.join("Release") {
        Ok(url) => matches!(http.ask(&url, &source.setting, 0, None).await, Ok(Answer::Body(_))),
        Err(_) => false,
    };
    if apart {
        return Error::network(format!("{} has a Release with its signature apart, but no InRelease", shown(&source.base))).hint(
            "only InRelease is read: text and signature in one file cannot come from different moments; whoever publishes the \
             archive makes one with `gpg --clearsign -o InRelease Release`",
        );
    }
    let asked = ["-updates", "-security"].iter().find_map(|end| suite.strip_suffix(end)).unwrap_or(suite);
    let near = KNOWN_SUITES.iter().map(|known| (strsim::damerau_levenshtein(asked, known), known)).min();
    let near = near.filter(|(distance, _)| (1..=2).contains(distance)).map(|(_, known)| format!("did you mean `{known}`? "));
    Error::network(format!("the archive has no suite `{suite}`: {} does not exist", shown(url))).hint(format!(
        "{}check `suite` under {} and {}",
        near.unwrap_or_default(),
        source.table(),
        source.setting
    ))
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// One file per suite and archive address, whatever the address contains.
fn cached_path(cache: &Path, source: &Source) -> PathBuf {
    cache.join(format!("{}-{}.InRelease", source.suite.replace('/', "_"), Digest::of(source.base.as_str().as_bytes()).short()))
}

/// An `InRelease` with what the server said about it, in one file so that they cannot come apart.
struct Cached {
    validators: Validators,
    content: Vec<u8>,
}

impl Cached {
    const MAGIC: &str = "catamaran-release 1";

    fn load(path: &Path) -> Option<Self> {
        if fs::metadata(path).ok()?.len() > MAX_RELEASE + 4096 {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let mut parts = bytes.splitn(4, |c| *c == b'\n');
        let mut line = || std::str::from_utf8(parts.next()?).ok().map(str::to_owned);
        if line()? != Self::MAGIC {
            return None;
        }
        let (etag, last_modified) = (line()?, line()?);
        let some = |text: String| (!text.is_empty()).then_some(text);
        let validators = Validators { etag: some(etag), last_modified: some(last_modified) };
        Some(Cached { validators, content: parts.next()?.to_vec() })
    }

    fn store(&self, path: &Path) -> Result<()> {
        let line = |text: &Option<String>| text.clone().unwrap_or_default().replace(['\n', '\r'], "");
        let mut bytes =
            format!("{}\n{}\n{}\n", Self::MAGIC, line(&self.validators.etag), line(&self.validators.last_modified)).into_bytes();
        bytes.extend_from_slice(&self.content);
        replace_file(path, &bytes)
    }
}

/// Reads the signed text of an `InRelease` and checks that it is `suite`, now. `table` is where the suite is asked for, for advice.
pub(crate) fn parse(text: &str, suite: &str, policy: Policy, table: &str) -> Result<Release> {
    let mut fields: BTreeMap<String, &str> = BTreeMap::new();
    let (mut files, mut contents) = (BTreeMap::new(), BTreeMap::new());
    let mut section = String::new();
    for line in text.lines() {
        if let Some(entry) = line.strip_prefix(' ') {
            // The other sections repeat this one with weaker hashes.
            if section == "sha256" {
                index_entry(entry, &mut files, &mut contents);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            section = name.to_ascii_lowercase();
            if fields.insert(section.clone(), value.trim()).is_some() {
                return Err(Error::network(format!("the field {name} stands in it twice")));
            }
        } else if !line.trim().is_empty() {
            return Err(Error::network(format!("not a field: {:?}", line.chars().take(60).collect::<String>())));
        }
    }
    let field = |name: &str| fields.get(name).copied();
    let words = |name: &str| field(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();

    let names = [field("suite"), field("codename")];
    if !names.contains(&Some(suite)) {
        let found: Vec<&str> = names.into_iter().flatten().collect();
        return Err(Error::network(format!("it is for `{}`, not for `{suite}`", found.join("` and `")))
            .hint("the mirror serves another suite under this name; try another mirror"));
    }
    let date = field("date").and_then(time).ok_or_else(|| Error::network("it has no valid Date"))?;
    if date.as_second() > policy.now.as_second() + CLOCK_SKEW {
        return Err(Error::network(format!("its date, {date}, is in the future")).hint("is this machine's clock right?"));
    }
    if let Some(until) = field("valid-until") {
        let until = time(until).ok_or_else(|| Error::network("its Valid-Until is not a date"))?;
        if policy.check_valid_until && !policy.past && policy.now > until {
            return Err(Error::network(format!(
                "it was valid until {until} only; the mirror is out of date, or someone withholds updates"
            ))
            .hint(format!("try another mirror, or set check-valid-until = false under {table}")));
        }
    }
    if files.is_empty() {
        return Err(Error::network("it lists no Packages index with a SHA-256"));
    }
    // Security's components are called `updates/main` while its files lie below `main`.
    let components = words("components").into_iter().map(|c| c.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    let architectures = words("architectures");
    let separate_all =
        architectures.iter().any(|a| a == "all") && !words("no-support-for-architecture-all").iter().any(|what| what == "Packages");
    let yes = |name: &str| field(name) == Some("yes");
    let (by_hash, automatic) = (yes("acquire-by-hash"), !yes("notautomatic"));
    Ok(Release { date, components, architectures, by_hash, automatic, separate_all, files, contents })
}

/// ` HASH SIZE PATH`, if it is an index of binary packages or of what is in them.
fn index_entry(entry: &str, files: &mut BTreeMap<String, (Digest, u64)>, contents: &mut BTreeMap<String, (Digest, u64)>) {
    let mut words = entry.split_whitespace();
    let (Some(hash), Some(size), Some(path)) = (words.next(), words.next(), words.next()) else { return };
    let kind = match path.rsplit('/').next() {
        Some("Packages" | "Packages.gz" | "Packages.xz") => files,
        Some(name) if name.starts_with("Contents-") && name.ends_with(".gz") => contents,
        _ => return,
    };
    if let (Ok(digest), Ok(size)) = (Digest::from_hex(hash), size.parse()) {
        kind.insert(path.to_owned(), (digest, size));
    }
}

/// `Sat, 12 Sep 2026 07:55:41 UTC`.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim().strip_suffix("UTC").or_else(|| text.trim().strip_suffix("GMT")).or_else(|| text.trim().strip_suffix("+0000"))?;
    // The day of the week says nothing new.
    let rest = text.split_once(',').map_or(text, |(_, rest)| rest);
    let civil = jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S", rest.trim()).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "42c23aaca08e8225ed0449360724b91531952cbe4ce3bbf189298a7108f40a85";

    fn policy(now: &str) -> Policy {
        Policy { now: now.parse().unwrap(), check_valid_until: true, past: false }
    }

    fn text() -> String {
        format!(
            "Suite: stable-security\r\nCodename: trixie-security\r\nDate: Sat, 21 Nov 2026 00:53:03 UTC\r\n\
             Valid-Until: Sat, 28 Nov 2026 00:53:03 UTC\r\nAcquire-By-Hash: yes\r\nArchitectures: amd64 arm64\r\n\
             Components: updates/main updates/contrib\r\nMD5Sum:\r\n e3b0c44298fc1c149afbf4c8996fb924 0 main/binary-amd64/Packages\r\n\
             SHA256:\r\n {HASH} 12 main/binary-amd64/Packages.gz\r\n {HASH} 12 main/Contents-amd64.gz\r\n"
        )
    }

    #[test]
    fn the_suite_its_dates_and_indexes_are_read() {
        let release = parse(&text(), "trixie-security", policy("2026-11-22T00:00:00Z"), "[debian]").unwrap();
        assert_eq!(release.date.to_string(), "2026-11-21T00:53:03Z");
        assert_eq!(release.components, ["main", "contrib"]);
        assert!(release.by_hash && !release.separate_all);
        assert_eq!(release.files.keys().collect::<Vec<_>>(), ["main/binary-amd64/Packages.gz"]);
        assert_eq!(release.contents.keys().collect::<Vec<_>>(), ["main/Contents-amd64.gz"]);
        assert!(parse(&text(), "stable-security", policy("2026-11-22T00:00:00Z"), "[debian]").is_ok());
    }

    #[test]
    fn another_suite_and_wrong_times_are_refused() {
        let refused = |suite: &str, policy: Policy| parse(&text(), suite, policy, "[debian]").unwrap_err().message();
        assert!(refused("bookworm-security", policy("2026-11-22T00:00:00Z")).contains("not for `bookworm-security`"));
        assert!(refused("trixie-security", policy("2026-11-29T00:00:00Z")).contains("valid until"));
        assert!(refused("trixie-security", policy("2026-11-01T00:00:00Z")).contains("in the future"));
        let lenient = Policy { check_valid_until: false, ..policy("2027-11-29T00:00:00Z") };
        assert!(parse(&text(), "trixie-security", lenient, "[debian]").is_ok());
        let past = Policy { past: true, ..policy("2027-11-29T00:00:00Z") };
        assert!(parse(&text(), "trixie-security", past, "[debian]").is_ok());
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        let twice = format!("{}Suite: other\r\n", text());
        assert!(parse(&twice, "trixie-security", policy("2026-11-22T00:00:00Z"), "[debian]").unwrap_err().message().contains("twice"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(Suite: |Date: |SHA256:|Valid-Until: | [0-9a-f]{64} |UTC|x|\n|\r|[ -~]){0,20}") {
            let _ = parse(&text, "x", policy("2026-11-22T00:00:00Z"), "[debian]");
            let _ = time(&text);
        }
    }
}
