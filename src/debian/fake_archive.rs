//! Tests against an archive of our own: a small HTTP server that signs, breaks off, lies and counts as told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use pgp::composed::{ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedPublicKey, SignedSecretKey};
use pgp::ser::Serialize;
use pgp::types::Password;
use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::lock::{Lock, LockedPackage};
use super::lock_file::{read_lock, tests::container};
use super::sources::Host;
use crate::catalog::{Architecture, Catalog, DebianSettings};
use crate::image::Digest;
use crate::progress::Silent;
use crate::{Kind, Result};

mod programs;
mod renewal;
mod repositories;
mod silence;
mod trust;

/// One file of the server.
#[derive(Clone, Default)]
struct Served {
    bytes: Vec<u8>,
    /// How many times to break off after half of what was asked for.
    cuts: usize,
    /// Whether ranges are ignored.
    whole_only: bool,
    /// How long nothing is said before the answer.
    silence: std::time::Duration,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Served>,
    /// `GET path range`, in order.
    asked: Vec<String>,
}

#[derive(Clone)]
struct Server {
    state: Arc<Mutex<State>>,
    url: String,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Server { state, url }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        self.state.lock().unwrap().files.insert(path.to_owned(), Served { bytes: bytes.to_vec(), ..Served::default() });
    }

    fn remove(&self, path: &str) {
        self.state.lock().unwrap().files.remove(path);
    }

    fn change(&self, path: &str, change: impl FnOnce(&mut Served)) {
        change(self.state.lock().unwrap().files.get_mut(path).unwrap());
    }

    /// What was asked for since the last call, of paths that contain `part`.
    fn asked(&self, part: &str) -> Vec<String> {
        let mut state = self.state.lock().unwrap();
        let asked = state.asked.iter().filter(|line| line.contains(part)).cloned().collect();
        state.asked.clear();
        asked
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let (mut from, mut known) = (None, String::new());
    for line in lines {
        let line = line.ok()?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse::<usize>().ok();
        }
        if let Some(etag) = line.strip_prefix("if-none-match:") {
            known = etag.trim().to_owned();
        }
    }
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{path} {}", from.map(|f| f.to_string()).unwrap_or_default()).trim_end().to_owned());
    let Some(file) = state.files.get_mut(&path) else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    };
    let etag = Digest::of(&file.bytes).short();
    if known == format!("\"{etag}\"") && path.ends_with("InRelease") {
        return write!(stream, "HTTP/1.1 304 Not Modified\r\nETag: \"{etag}\"\r\nConnection: close\r\n\r\n").ok();
    }
    let from = from.filter(|from| !file.whole_only && *from < file.bytes.len());
    let body = file.bytes[from.unwrap_or(0)..].to_vec();
    let end = if file.cuts > 0 { body.len() / 2 } else { body.len() };
    file.cuts = file.cuts.saturating_sub(1);
    let (total, silence) = (file.bytes.len(), file.silence);
    drop(state);
    std::thread::sleep(silence);
    let (status, range) = match from {
        Some(from) => ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1)),
        None => ("200 OK", String::new()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nETag: \"{etag}\"\r\n{range}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).ok()?;
    stream.write_all(&body[..end]).ok()
}

/// A signed archive with one package, `hello`, a catalog that wants it, and a place for both.
struct World {
    server: Server,
    key: SignedSecretKey,
    folder: tempfile::TempDir,
    catalog: Catalog,
}

const DEB: &str = "/debian/pool/main/h/hello/hello_1_all.deb";
const PACKAGES: &str = "/debian/dists/sid/main/binary-amd64/Packages.gz";
const RELEASE: &str = "/debian/dists/sid/InRelease";

/// A key that signs.
fn signing_key() -> SignedSecretKey {
    let mut key = SecretKeyParamsBuilder::default();
    key.key_type(KeyType::Ed25519Legacy).can_sign(true).primary_user_id("Fake Archive <fake@example.org>".into());
    key.build().unwrap().generate(rand::thread_rng()).unwrap()
}

fn signed(text: &str, key: &SignedSecretKey) -> String {
    let message = CleartextSignedMessage::sign(rand::thread_rng(), text, &key.primary_key, &Password::empty()).unwrap();
    message.to_armored_string(ArmorOptions::default()).unwrap()
}

impl World {
    fn new() -> Self {
        let key = signing_key();
        let folder = tempfile::tempdir().unwrap();
        let mut public = Vec::new();
        SignedPublicKey::from(key.clone()).to_writer(&mut public).unwrap();
        std::fs::write(folder.path().join("keys.pgp"), public).unwrap();
        let server = Server::start();
        let debian = DebianSettings {
            suite: "sid".into(),
            mirror: Some(format!("{}/debian", server.url)),
            keyring: Some("keys.pgp".into()),
            ..DebianSettings::default()
        };
        let container = container("hello", &["hello"], &[Architecture::X86_64]);
        let path = folder.path().join("containers.toml");
        let catalog = Catalog { path, debian, containers: vec![container], ..Catalog::default() };
        let world = World { server, key, folder, catalog };
        world.publish("Date: Sat, 12 Sep 2026 07:55:41 UTC\n");
        world
    }

    /// Puts everything on the server, `fields` into the release.
    fn publish(&self, fields: &str) {
        let fields = format!("Suite: unstable\nCodename: sid\n{fields}");
        self.put_suite("debian", "sid", &fields, &[("main", "base-files 1\nbase-passwd 1\nhello 1")], |text| signed(text, &self.key));
    }

    /// Puts a suite below `root` on the server, each component with its packages, `name version` in lines.
    fn put_suite(&self, root: &str, suite: &str, fields: &str, components: &[(&str, &str)], sign: impl Fn(&str) -> String) {
        let (mut names, mut sums) = (Vec::new(), String::new());
        for (component, lines) in components {
            let mut packages = String::new();
            for (name, version) in lines.lines().filter_map(|line| line.split_once(' ')) {
                let deb = b"not really a package, but long enough to be cut in half".repeat(40);
                let (size, sha) = (deb.len(), Digest::of(&deb).hex());
                let path = "pool/main/h/hello/hello_1_all.deb";
                packages +=
                    &format!("Package: {name}\nVersion: {version}\nArchitecture: all\nFilename: {path}\nSize: {size}\nSHA256: {sha}\n\n");
                self.server.put(&format!("/{root}/{path}"), &deb);
            }
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(packages.as_bytes()).unwrap();
            let gzip = gzip.finish().unwrap();
            names.push(*component);
            let file = format!("{component}/binary-amd64/Packages.gz");
            sums += &format!(" {} {} {file}\n", Digest::of(&gzip).hex(), gzip.len());
            self.server.put(&format!("/{root}/dists/{suite}/{file}"), &gzip);
        }
        let components = names.join(" ");
        let release = format!("Architectures: amd64\nComponents: {components}\nAcquire-By-Hash: yes\n{fields}SHA256:\n{sums}");
        self.server.put(&format!("/{root}/dists/{suite}/InRelease"), sign(&release).as_bytes());
    }

    fn archive(&self) -> Archive {
        let cache = self.folder.path().join("cache");
        Archive::on(&self.catalog.debian, self.folder.path(), cache, &Host::default()).unwrap()
    }

    async fn lock(&self) -> Result<Lock> {
        let (lock, _) = self.archive().lock(&self.catalog, &self.catalog.targets(), false, &Silent, &CancellationToken::new()).await?;
        Ok(lock)
    }

    async fn package(&self) -> LockedPackage {
        self.lock().await.unwrap().packages.into_iter().find(|p| p.name == "hello").unwrap()
    }

    async fn fetch(&self, package: &LockedPackage) -> Result<std::path::PathBuf> {
        self.archive().fetcher().fetch(package, &|_| {}, &CancellationToken::new()).await
    }

    /// What is in the package cache.
    fn cached(&self) -> Vec<String> {
        let names = |path: &Path| -> Vec<String> {
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path().extension().unwrap().to_string_lossy().into_owned()).collect()
        };
        names(&self.folder.path().join("cache/debian/packages"))
    }
}

#[tokio::test]
async fn a_lock_and_a_warm_cache_ask_nothing() {
    let world = World::new();
    let package = world.package().await;
    assert_eq!((package.version.as_str(), package.architecture.as_str()), ("1", "all"));
    let path = world.fetch(&package).await.unwrap();
    assert_eq!(Digest::of(&std::fs::read(path).unwrap()), package.sha256.0);
    assert!(!world.server.asked("").is_empty());
    world.fetch(&world.package().await).await.unwrap();
    assert_eq!(world.server.asked(""), Vec::<String>::new());
}

#[tokio::test]
async fn an_unchanged_release_is_not_sent_again_and_its_index_is_kept() {
    let mut world = World::new();
    world.lock().await.unwrap();
    world.server.asked("");
    world.catalog.base.push("hello".into());
    let lock = world.lock().await.unwrap();
    assert!(lock.bases[0].packages.contains(&"hello=1".to_owned()));
    assert_eq!(world.server.asked(""), [RELEASE]);
}

#[tokio::test]
async fn an_index_without_measure_is_not_fetched() {
    let world = World::new();
    let bomb = |text: &str| format!("{text} {} 99999999999 main/binary-amd64/Packages\n", Digest::of(b"").hex());
    let fields = "Suite: unstable\nCodename: sid\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n";
    world.put_suite("debian", "sid", fields, &[("main", "hello 1")], |text| signed(&bomb(text), &world.key));
    let error = world.lock().await.unwrap_err();
    assert!(error.message().contains("main/binary-amd64/Packages.gz of debian sid is larger than an index may be"), "{error}");
    assert_eq!(world.server.asked("Packages"), Vec::<String>::new());
}

#[tokio::test]
async fn a_stale_lock_is_refused_when_locked() {
    let mut world = World::new();
    world.lock().await.unwrap();
    world.catalog.base.push("hello".into());
    world.server.asked("");
    let targets = world.catalog.targets();
    let error = world.archive().lock(&world.catalog, &targets, true, &Silent, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.message().contains("base layer of x86_64 has changed"), "{error}");
    assert_eq!(world.server.asked(""), Vec::<String>::new());
}

#[tokio::test]
async fn an_altered_release_is_refused() {
    let world = World::new();
    world.server.change(RELEASE, |file| {
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        file.bytes = text.replace("Components: main", "Components: main evil").into_bytes();
    });
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains("does not fit the text"), "{error}");
    assert_eq!(read_lock(&world.catalog.lock_path()).unwrap(), None);
}

#[tokio::test]
async fn text_outside_the_signature_is_refused() {
    for (before, after) in [("Suite: sid\n", ""), ("", "\nSuite: sid\n")] {
        let world = World::new();
        world.server.change(RELEASE, |file| file.bytes = [before.as_bytes(), &file.bytes, after.as_bytes()].concat());
        assert!(world.lock().await.unwrap_err().message().contains("not trusted"));
    }
}

#[tokio::test]
async fn a_key_that_is_not_in_the_keyring_is_not_trusted() {
    let mut world = World::new();
    world.catalog.debian.keyring = None;
    let error = world.lock().await.unwrap_err();
    assert!(error.message().contains("unknown key"), "{error}");
}

#[tokio::test]
async fn a_release_past_its_time_is_refused_unless_told_otherwise() {
    let mut world = World::new();
    world.publish("Date: Fri, 30 Oct 2020 08:08:01 UTC\nValid-Until: Fri, 06 Nov 2020 08:08:01 UTC\n");
    assert!(world.lock().await.unwrap_err().message().contains("valid until 2020-11-06"));
    world.catalog.debian.check_valid_until = false;
    assert!(world.lock().await.is_ok());
}

#[tokio::test]
async fn an_altered_index_is_refused() {
    let world = World::new();
    world.server.change(PACKAGES, |file| file.bytes[20] ^= 1);
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains("not what the signed release promises"), "{error}");
}

#[tokio::test]
async fn a_damaged_cached_index_is_fetched_again() {
    let mut world = World::new();
    world.lock().await.unwrap();
    let releases = world.folder.path().join("cache/debian/releases");
    let index =
        std::fs::read_dir(releases).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "index")).unwrap();
    let mut bytes = std::fs::read(&index).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&index, bytes).unwrap();
    world.catalog.base.push("hello".into());
    world.server.asked("");
    world.lock().await.unwrap();
    assert!(world.server.asked("Packages.gz").len() == 1);
}

#[tokio::test]
async fn a_wrong_package_is_tried_once_more_and_never_kept() {
    let world = World::new();
    let package = world.package().await;
    world.server.change(DEB, |file| file.bytes[7] ^= 1);
    world.server.asked("");
    let error = world.fetch(&package).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    let message = error.message();
    assert!(message.contains("package hello 1 (all)") && message.contains(&package.sha256.0.to_string()), "{message}");
    assert_eq!(world.server.asked(DEB), [DEB, DEB]);
    assert!(!world.cached().contains(&"deb".to_owned()));
    // What is left over does no harm when the mirror is mended.
    world.server.change(DEB, |file| file.bytes[7] ^= 1);
    world.fetch(&package).await.unwrap();
    assert_eq!(world.cached(), ["deb"]);
}

#[tokio::test]
async fn what_the_mirror_has_dropped_comes_from_the_snapshot_of_the_locks_day() {
    let mut world = World::new();
    world.catalog.debian.snapshot_mirror = Some(format!("{}/snapshots", world.server.url));
    let lock = world.lock().await.unwrap();
    let package = world.package().await;
    let mut deb = Vec::new();
    world.server.change(DEB, |file| deb = file.bytes.clone());
    world.server.remove(DEB);
    let fetch = async || world.archive().fetcher().of(&lock).fetch(&package, &|_| {}, &CancellationToken::new()).await;
    let error = fetch().await.unwrap_err();
    assert!(error.message().contains("neither the mirror nor the snapshot archive has"), "{error}");

    // The release is of 2026-09-12 07:55:41; the snapshot before that moment may not have what is new in it.
    let past = DEB.replace("/debian/", "/snapshots/debian/20260913T075541Z/");
    world.server.put(&past, &deb);
    world.server.asked("");
    fetch().await.unwrap();
    assert_eq!(world.server.asked(""), [DEB.to_owned(), DEB.replace("/debian/", "/snapshots/debian/20260912T075541Z/"), past]);
}

#[tokio::test]
async fn a_cut_connection_is_resumed_where_it_broke() {
    let world = World::new();
    let package = world.package().await;
    world.server.change(DEB, |file| file.cuts = 2);
    world.server.asked("");
    let received = std::sync::atomic::AtomicU64::new(0);
    let count = |bytes| {
        received.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    world.archive().fetcher().fetch(&package, &count, &CancellationToken::new()).await.unwrap();
    let size = package.size;
    assert_eq!(world.server.asked(DEB), [DEB.to_owned(), format!("{DEB} {}", size / 2), format!("{DEB} {}", size / 2 + size / 4)]);
    assert_eq!(received.into_inner(), size);
}

#[tokio::test]
async fn what_an_earlier_run_received_is_used_even_when_ranges_are_not() {
    for whole_only in [false, true] {
        let world = World::new();
        let package = world.package().await;
        world.server.change(DEB, |file| (file.cuts, file.whole_only) = (10, whole_only));
        assert!(world.fetch(&package).await.unwrap_err().message().contains("broke"));
        assert_eq!(world.cached(), ["part"]);
        world.server.change(DEB, |file| file.cuts = 0);
        world.server.asked("");
        world.fetch(&package).await.unwrap();
        assert!(world.server.asked(DEB)[0].len() > DEB.len(), "it asked for the rest");
        assert_eq!(world.cached(), ["deb"]);
    }
}

#[tokio::test]
async fn a_package_that_is_gone_says_how_to_go_on() {
    let world = World::new();
    let package = world.package().await;
    world.server.remove(DEB);
    let error = world.fetch(&package).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.advice().unwrap().contains("catamaran update"), "{error}");
}

#[tokio::test]
async fn an_unreachable_mirror_is_a_network_error() {
    let mut world = World::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    world.catalog.debian.mirror = Some(format!("http://me:hunter2@127.0.0.1:{port}/debian"));
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains("could not reach") && !error.message().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn many_fetches_of_one_package_are_one_download() {
    let world = World::new();
    let package = world.package().await;
    world.server.asked("");
    // Two fetchers are two processes as far as the cache can tell.
    let (one, two) = (world.archive().fetcher(), world.archive().fetcher());
    let cancel = CancellationToken::new();
    let all = (0..20).map(|i| if i % 2 == 0 { &one } else { &two }.fetch(&package, &|_| {}, &cancel));
    futures_util::future::try_join_all(all).await.unwrap();
    assert_eq!(world.server.asked(DEB), [DEB]);
    assert_eq!(world.cached(), ["deb"]);
}

#[tokio::test]
async fn cancelling_stops_at_once() {
    let world = World::new();
    let package = world.package().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = world.archive().fetcher().fetch(&package, &|_| {}, &cancel).await.unwrap_err();
    assert!(error.is_interrupted());
}
