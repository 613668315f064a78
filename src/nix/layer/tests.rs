//! Layers against the digests that the real nix2container declared of the same trees.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::image::{History, media_type};
use crate::nix::document::{Content, Options, Perm, Rewrite};

/// The tree of `tests/data/nix/fixture.sh`.
struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix/fixture.sh");
        assert!(Command::new("sh").arg(script).current_dir(folder.path()).status().unwrap().success());
        Fixture(folder)
    }

    fn layer(&self, paths: &[StorePath]) -> Digest {
        made(paths, self.0.path())
    }
}

impl Drop for Fixture {
    /// Folders that nobody may write to cannot be emptied.
    fn drop(&mut self) {
        let _ = Command::new("chmod").args(["-R", "u+w"]).arg(self.0.path()).status();
    }
}

fn path(path: &str) -> StorePath {
    StorePath { path: path.into(), options: Options::default() }
}

/// As `copyToRoot` has it.
fn to_root(path: &str) -> StorePath {
    let rewrite = Some(Rewrite { regex: format!("^{path}"), repl: String::new() });
    StorePath { path: path.into(), options: Options { rewrite, perms: Vec::new() } }
}

fn perm(regex: &str, mode: &str) -> Perm {
    Perm { regex: regex.into(), mode: mode.into(), uid: 0, gid: 0, uname: String::new(), gname: String::new() }
}

fn with(mut path: StorePath, perms: &[Perm]) -> StorePath {
    path.options.perms = perms.to_vec();
    path
}

/// What is declared of `paths`, by whoever has a history.
fn layer(paths: &[StorePath], digest: Digest, size: Option<u64>) -> Regenerated {
    let paths: Arc<[StorePath]> = paths.into();
    let history = Some(History { created_by: Some("nix2container".into()), ..History::default() });
    let content = Content::Paths(Arc::clone(&paths));
    Regenerated::new(Layer { digest, diff_id: digest, size, media_type: media_type::LAYER_TAR.into(), content, history }, paths)
}

fn made(paths: &[StorePath], base: &Path) -> Digest {
    made_by(paths, base, Generator { mtime: 1, group_has_the_owners_name: false })
}

fn made_by(paths: &[StorePath], base: &Path, generator: Generator) -> Digest {
    let tree = Arc::new(Tree::of(paths.into(), base).unwrap());
    let expected = length(&tree, generator);
    let (digest, size) = Digest::of_reader(Stream::of(tree, generator).unwrap()).unwrap();
    assert_eq!(size, expected);
    digest
}

#[track_caller]
fn is(found: Digest, expected: &str) {
    assert_eq!(found.hex()[..expected.len()], *expected);
}

#[test]
fn upstreams_own_vectors_come_out() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("nix");
    fs::create_dir_all(folder.path().join("data/layer1")).unwrap();
    fs::create_dir(&base).unwrap();
    let file = folder.path().join("data/layer1/file1");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path().join("data/layer1"), fs::Permissions::from_mode(0o755)).unwrap();
    let plain = path("../data/layer1/file1");
    is(made(std::slice::from_ref(&plain), &base), "cc45bd46eca903b0900ebb997dffd5778904dca9ec02e7375dd1e653dfb61e2e");
    let changed = with(plain, &[perm(".*file1", "0641")]);
    is(made(&[changed], &base), "adf74a52f9e1bcd7dab77193455fa06743b979cf5955148010e5becedba4f72d");
}

#[test]
fn every_layer_of_the_fixture_comes_out() {
    let fixture = Fixture::new();
    let document = crate::nix::Document::parse(include_bytes!("../../../tests/data/nix/image.json")).unwrap();
    for layer in &document.layers {
        let Content::Paths(paths) = &layer.content else { panic!("{layer:?}") };
        assert_eq!(fixture.layer(paths), layer.digest);
    }
    let paths: Vec<StorePath> = document
        .layers
        .iter()
        .flat_map(|layer| match &layer.content {
            Content::Paths(paths) => paths.to_vec(),
            Content::File(_) => Vec::new(),
        })
        .collect();
    // All in one, and a file that is copied to the root, of which nothing is left.
    is(fixture.layer(&paths), "df93295e");
    is(fixture.layer(&[to_root("fx/dddd-plain.txt")]), "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
    is(fixture.layer(&[to_root("fx/cccc-root2")]), "f554d796");
    is(fixture.layer(&[to_root("fx/bbbb-root")]), "1fe3b724");
}

/// A store path with a program in a folder of its own, and what is declared of it.
fn store() -> (tempfile::TempDir, PathBuf, Digest, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nix/store/0abc-app-1.0");
    fs::create_dir_all(path.join("bin")).unwrap();
    fs::write(path.join("bin/app"), "app").unwrap();
    fs::write(path.join("readme"), "read").unwrap();
    for file in ["bin/app", "readme", "bin", ""] {
        let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
        fs::File::open(path.join(file)).unwrap().set_modified(second).unwrap();
    }
    let paths = [self::path(path.to_str().unwrap())];
    let tree = Tree::of(paths.as_slice().into(), Path::new("")).unwrap();
    let size = length(&tree, Generator { mtime: 1, group_has_the_owners_name: false });
    (folder, path, made(&paths, Path::new("")), size)
}

#[test]
fn what_was_changed_removed_or_collected_is_named() {
    let (_folder, at, digest, size) = store();
    let paths = [path(at.to_str().unwrap())];
    let open = || layer(&paths, digest, Some(size)).open(Path::new(""));
    assert_eq!(Digest::of_reader(open().unwrap()).unwrap(), (digest, size));
    // The same length: only who has read it can know, and asks why.
    fs::write(at.join("bin/app"), "APP").unwrap();
    let found = Digest::of_reader(open().unwrap()).unwrap().0;
    assert_ne!(found, digest);
    let error = layer(&paths, digest, Some(size)).explain(Path::new(""));
    assert!(error.message().contains(&format!("is {}/bin/app", at.display())), "{error}");
    assert!(error.advice().unwrap().contains(&format!("--repair-path {}", at.display())), "{error:?}");
    // Another length is known before.
    fs::write(at.join("bin/app"), "x".repeat(1000)).unwrap();
    let error = open().err().unwrap().message();
    assert!(error.contains(&format!("{digest}")) && error.contains(&format!("{} bytes instead of {size}", size + 512)), "{error}");
    fs::remove_dir_all(&at).unwrap();
    let error = open().err().unwrap().message();
    assert!(error.contains(&format!("nix-store --realise {}", at.display())), "{error}");
}

#[test]
fn a_declared_digest_that_never_was_is_refused_with_what_to_look_at() {
    let (_folder, at, _, size) = store();
    let path = path(at.to_str().unwrap());
    // A group that is named: two versions may have made it, so it is hashed before it is handed out.
    let mut named = perm("app", "");
    named.gname = "app".into();
    let paths = [with(path, &[named])];
    let error = layer(&paths, Digest::of(b"no"), Some(size)).open(Path::new("")).err().unwrap();
    assert!(error.message().contains("no version of nix2container makes it"), "{error}");
    assert!(error.advice().unwrap().contains("nix-store --verify-path"), "{error:?}");
}

#[test]
fn older_versions_of_nix2container_are_recognised() {
    let fixture = Fixture::new();
    let mut named = perm("order", "");
    (named.uname, named.gname) = ("app".into(), "users".into());
    let paths = [with(path("fx/aaaa-app-1.0"), &[named])];
    let mut digests = Vec::new();
    for (mtime, group_has_the_owners_name) in [(1, false), (1, true), (0, true)] {
        let digest = made_by(&paths, fixture.0.path(), Generator { mtime, group_has_the_owners_name });
        // Documents of all times: with a history, with an empty one, with none.
        for history in [None, Some(History::default())] {
            let mut regenerated = layer(&paths, digest, None);
            regenerated.layer.history = history;
            let size = regenerated.measure(fixture.0.path()).unwrap();
            let read = Digest::of_reader(regenerated.open(fixture.0.path()).unwrap()).unwrap();
            assert_eq!(read, (digest, size));
        }
        digests.push(digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 3);
}

#[test]
fn paths_that_meet_have_to_agree_and_the_last_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str, content: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    file("a/etc/same", "aaaa");
    file("b/etc/same", "bbbb");
    file("c/etc/same", "ccccc");
    file("d/etc", "d");
    fs::create_dir_all(folder.path().join("e/etc")).unwrap();
    symlink("a", folder.path().join("e/etc/same")).unwrap();
    let layer = |paths: &[&str]| made(&paths.iter().map(|path| to_root(path)).collect::<Vec<_>>(), folder.path());
    assert_eq!(layer(&["a", "b"]), layer(&["b"]));
    assert_eq!(layer(&["b", "a"]), layer(&["a"]));
    let refused = |a: &str, b: &str| Tree::of([to_root(a), to_root(b)].into(), folder.path()).err().unwrap().message();
    assert!(refused("a", "c").contains("both go to /etc/same, and they have 4 and 5 bytes"), "{}", refused("a", "c"));
    assert!(refused("a", "d").contains("one has a folder there, the other a file"), "{}", refused("a", "d"));
    assert!(refused("a", "e").contains("the other a symbolic link"), "{}", refused("a", "e"));
    let permitted = with(to_root("b"), &[perm("same", "0600")]);
    let error = Tree::of([to_root("a"), permitted].into(), folder.path()).err().unwrap().message();
    assert!(error.contains("different permissions"), "{error}");
    fs::set_permissions(folder.path().join("b/etc/same"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(refused("a", "b").contains("their modes are"), "{}", refused("a", "b"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_no_layer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    for now in ["", "1234", "123456789"] {
        fs::write(&file, "12345").unwrap();
        let tree = Arc::new(Tree::of([path("x")].into(), folder.path()).unwrap());
        fs::write(&file, now).unwrap();
        let read = Digest::of_reader(Stream::of(tree, Generator { mtime: 1, group_has_the_owners_name: false }).unwrap());
        assert!(read.unwrap_err().to_string().contains("than the 5 bytes it had a moment ago"), "{now}");
    }
    let tree = Arc::new(Tree::of([path("x")].into(), folder.path()).unwrap());
    fs::remove_file(&file).unwrap();
    let read = Digest::of_reader(Stream::of(tree, Generator { mtime: 1, group_has_the_owners_name: false }).unwrap());
    assert!(read.unwrap_err().to_string().contains("is not there"));
}

#[test]
fn a_stream_that_nobody_reads_to_its_end_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("large")).unwrap();
    file.set_len(1 << 30).unwrap();
    let tree = Arc::new(Tree::of([path("large")].into(), folder.path()).unwrap());
    let watch = Arc::downgrade(&tree);
    let mut stream = Stream::of(tree, Generator { mtime: 1, group_has_the_owners_name: false }).unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    drop(stream);
    let began = std::time::Instant::now();
    while watch.strong_count() > 0 {
        assert!(began.elapsed().as_secs() < 10, "the thread goes on without anybody to read what it makes");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// What Python's `tarfile` makes of the same tree.
#[test]
fn another_writer_makes_the_same_bytes() {
    let (_folder, at, digest, size) = store();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix/ustar.py");
    let ran = Command::new("python3").arg(script).arg(&at).output().expect("this test needs python3: apt-get install python3");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(String::from_utf8(ran.stdout).unwrap().trim(), format!("{digest} {size}"));
}
