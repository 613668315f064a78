//! Local files in whole images: where they land, what they replace, what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::catalog::{Architecture, Catalog, FileContent, LocalFile, PathTemplate, Target};
use crate::debian::fixtures::{Archive, catalog, file, folder, link};
use crate::debian::{Builder, Lock};
use crate::image::{Image, LayerRecords, Store, Witnessed};
use crate::progress::Silent;

/// A project, the packages it builds from, and a cache.
struct World {
    project: tempfile::TempDir,
    cache: tempfile::TempDir,
    archive: Archive,
    lock: Lock,
    _debs: tempfile::TempDir,
}

fn from(from: &str, to: &str) -> LocalFile {
    LocalFile { content: FileContent::From(PathTemplate::parse(from).unwrap()), to: to.into(), mode: None, owner: None }
}

fn text(text: &str, to: &str) -> LocalFile {
    LocalFile { content: FileContent::Text(text.into()), ..from("x", to) }
}

impl World {
    fn new() -> Self {
        let debs = tempfile::tempdir().unwrap();
        let mut archive = Archive::new(debs.path());
        archive.add(
            "base-files",
            "",
            &[
                folder("usr/bin"),
                folder("etc"),
                folder("var/run"),
                file("usr/lib/os-release", 0o644, b"ID=debian\n"),
                link("var/alias", "../srv/real"),
                folder("srv/real"),
            ],
        );
        archive.add(
            "base-passwd",
            "",
            &[
                file("usr/share/base-passwd/passwd.master", 0o644, b"root:*:0:0::/root:/bin/sh\nwww-data:*:33:33::/:/x\n"),
                file("usr/share/base-passwd/group.master", 0o644, b"root:*:0:\nwww-data:*:33:\nstaff:*:50:\n"),
            ],
        );
        archive.add("tool", "", &[file("usr/bin/tool", 0o755, b"#!/bin/sh\n"), file("etc/tool.conf", 0o644, b"packaged")]);
        let lock = archive.lock(&["base-files", "base-passwd"], &["tool"]);
        World { project: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap(), archive, lock, _debs: debs }
    }

    /// A file of the project.
    fn write(&self, path: &str, content: &[u8], mode: u32) {
        let path = self.project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn catalog(&self, files: Vec<LocalFile>, links: &[(&str, &str)]) -> Catalog {
        let mut catalog = catalog("tool");
        catalog.path = self.project.path().join("containers.toml");
        catalog.containers[0].files = files;
        catalog.containers[0].links = links.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        catalog
    }

    fn build(&self, catalog: &Catalog) -> Result<Image> {
        let store = Store::open(self.cache.path().join("images"))?;
        let records = LayerRecords::new(self.cache.path().join("content"));
        let builder = Builder::with_cores(self.cache.path().to_owned(), store.clone(), records, Witnessed::default(), 2);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (target, cancel) = (Target::new("x", Architecture::X86_64), CancellationToken::new());
        let build = builder.build(catalog, &target, &self.lock, &self.archive, Arc::new(Silent), &cancel);
        store.image(&runtime.block_on(build)?)
    }

    fn inputs(&self, catalog: &Catalog) -> String {
        let target = Target::new("x", Architecture::X86_64);
        Builder::inputs(catalog, &target, &self.lock, self.cache.path()).unwrap().unwrap().to_string()
    }

    /// Why `files` and `links` cannot be built.
    fn refusal(&self, files: Vec<LocalFile>, links: &[(&str, &str)]) -> String {
        let error = self.build(&self.catalog(files, links)).unwrap_err();
        assert!(error.advice().is_some(), "no advice: {error}");
        error.message()
    }
}

/// The application layer's entries, `type mode uid:gid content`; no path twice, parents before what is in them.
fn listing(image: &Image) -> BTreeMap<String, String> {
    let mut raw = Vec::new();
    let blob = image.blobs.open(image.manifest.layers.last().unwrap()).unwrap();
    flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut raw).unwrap();
    let mut out = BTreeMap::new();
    for entry in tar::Archive::new(&raw[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = String::new();
        entry.by_ref().take(30).read_to_string(&mut content).unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let link = entry.link_name_bytes().map(|l| String::from_utf8(l.into_owned()).unwrap()).unwrap_or_default();
        let header = entry.header();
        let kind = header.entry_type().as_byte() as char;
        let ids = (header.uid().unwrap(), header.gid().unwrap());
        assert_eq!(header.mtime().unwrap(), 1_700_000_000, "{path}");
        let text = format!("{kind} {:o} {}:{} {link}{content}", header.mode().unwrap(), ids.0, ids.1);
        assert_eq!(out.insert(path.clone(), text), None, "{path} appears twice");
    }
    out
}

#[test]
fn files_folders_and_links_land_where_they_are_sent() {
    let world = World::new();
    world.write("target/x86_64/app", b"app", 0o700);
    world.write("conf", b"local", 0o664);
    world.write("www/sub/page", b"page", 0o644);
    world.write("www/run", b"run", 0o744);
    symlink("sub/page", world.project.path().join("www/link")).unwrap();
    let owned = |file: LocalFile, owner: &str| LocalFile { owner: Some(owner.into()), ..file };
    let files = vec![
        LocalFile { mode: Some(0o4750), ..owned(from("target/{target}/app", "/bin/app"), "root:staff") },
        from("conf", "/etc/tool.conf"),
        text("ID=ours\n", "/usr/lib/os-release"),
        owned(from("www", "/var/alias/www"), "www-data"),
        text("lock", "/var/run/x"),
    ];
    let mut catalog = world.catalog(files, &[("/usr/bin/t", "tool"), ("/bin/u", "../etc/u")]);
    catalog.containers[0].entrypoint = vec!["t".into()];
    let image = world.build(&catalog).unwrap();
    assert_eq!(image.config.config.entrypoint, ["/usr/bin/t"]);
    assert_eq!(image.config.history[1].created_by.as_deref(), Some("catamaran: tool (1 package) + 9 local files"));
    let mut layer = listing(&image);
    layer.retain(|path, _| !path.starts_with("var/lib/dpkg"));
    let expected = [
        ("etc/tool.conf", "0 644 0:0 local"),
        ("run/x", "0 644 0:0 lock"),
        ("srv/real/www/", "5 755 33:33 "),
        ("srv/real/www/link", "2 777 33:33 sub/page"),
        ("srv/real/www/run", "0 755 33:33 run"),
        ("srv/real/www/sub/", "5 755 33:33 "),
        ("srv/real/www/sub/page", "0 644 33:33 page"),
        ("usr/bin/app", "0 4750 0:50 app"),
        ("usr/bin/t", "2 777 0:0 tool"),
        ("usr/bin/tool", "0 755 0:0 #!/bin/sh\n"),
        ("usr/bin/u", "2 777 0:0 ../etc/u"),
        ("usr/lib/os-release", "0 644 0:0 ID=ours\n"),
    ];
    assert_eq!(layer, expected.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
}

#[test]
fn an_image_of_base_packages_and_local_files_alone_has_two_layers() {
    let mut world = World::new();
    world.lock = world.archive.lock(&["base-files", "base-passwd"], &[]);
    world.write("app", b"app", 0o755);
    let mut catalog = world.catalog(vec![from("app", "/opt/deep/app")], &[]);
    catalog.containers[0].entrypoint = vec!["/opt/deep/app".into()];
    let image = world.build(&catalog).unwrap();
    assert_eq!(listing(&image).into_keys().collect::<Vec<_>>(), ["opt/deep/", "opt/deep/app"]);
    assert_eq!(image.config.history[1].created_by.as_deref(), Some("catamaran: 1 local file"));
}

#[test]
fn only_content_names_and_the_executable_bit_decide_the_bytes() {
    let (one, two) = (World::new(), World::new());
    // Large enough for a record of its hash.
    let large: Vec<u8> = (0..1_500_000u32).map(|n| (n % 251) as u8).collect();
    for (world, file, program) in [(&one, 0o600, 0o700), (&two, 0o666, 0o777)] {
        world.write("in/b", &large, file);
        world.write("in/a", b"a", program);
    }
    let catalogs = [&one, &two].map(|world| world.catalog(vec![from("in", "/opt/in")], &[]));
    assert_eq!(one.inputs(&catalogs[0]), two.inputs(&catalogs[1]));
    let image = one.build(&catalogs[0]).unwrap();
    assert_eq!(image.descriptor.digest, two.build(&catalogs[1]).unwrap().descriptor.digest);

    // A change of one byte, without a change of length, is noticed however soon it comes.
    let inputs = one.inputs(&catalogs[0]);
    let mut changed = large;
    changed[1_000_000] ^= 1;
    one.write("in/b", &changed, 0o600);
    assert_ne!(one.inputs(&catalogs[0]), inputs);
    assert_ne!(one.build(&catalogs[0]).unwrap().descriptor.digest, image.descriptor.digest);
    two.write("in/a", b"a", 0o644);
    assert_ne!(two.inputs(&catalogs[1]), inputs);
}

#[test]
fn a_remembered_hash_is_used_only_for_the_very_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, memos) = (folder.path().join("big"), folder.path().join("memos"));
    fs::write(&path, vec![1; 2 << 20]).unwrap();
    let first = super::memo::digest(&path, &memos).unwrap();
    // Just written: it may still change without its times changing.
    assert!(!memos.exists());
    std::thread::sleep(std::time::Duration::from_millis(3200));
    assert_eq!(super::memo::digest(&path, &memos).unwrap(), first);
    assert_eq!(fs::read_dir(&memos).unwrap().count(), 1);
    assert_eq!(super::memo::digest(&path, &memos).unwrap(), first);
    fs::write(&path, vec![2; 2 << 20]).unwrap();
    assert_ne!(super::memo::digest(&path, &memos).unwrap(), first);
}

#[test]
fn what_cannot_go_into_an_image_says_why() {
    let world = World::new();
    world.write("a", b"a", 0o644);
    world.write("dir/x", b"x", 0o644);
    let path = |name: &str| world.project.path().join(name).display().to_string();
    let cases = [
        (
            vec![from("out/{oci}/app", "/usr/bin/app")],
            vec![],
            format!("x/x86_64: `out/{{oci}}/app`, which is {} for x86_64, for /usr/bin/app does not exist", path("out/amd64/app")),
        ),
        (vec![from("a", "/")], vec![], format!("x/x86_64: {} is no folder and cannot become `/`", path("a"))),
        (vec![from("a", "/etc")], vec![], format!("x/x86_64: {} cannot become /etc, which is a directory in the image", path("a"))),
        (vec![from("a", "/bin")], vec![], format!("x/x86_64: {} cannot become /bin, which is a directory in the image", path("a"))),
        (
            vec![from("a", "/var/alias")],
            vec![],
            format!("x/x86_64: {} cannot become /var/alias, which is a directory in the image", path("a")),
        ),
        (
            vec![from("dir", "/etc/tool.conf")],
            vec![],
            "x/x86_64: /etc/tool.conf is a file in the image, so nothing can be put below it as /etc/tool.conf".into(),
        ),
        (
            vec![from("a", "/usr/bin/tool/x")],
            vec![],
            "x/x86_64: /usr/bin/tool is a file in the image, so nothing can be put below it as /usr/bin/tool/x".into(),
        ),
        (
            vec![from("dir", "/opt"), text("y", "/opt/x")],
            vec![],
            format!("x/x86_64: /opt/x comes from {} and from `text` in containers.toml", path("dir/x")),
        ),
        (
            vec![text("y", "/bin/y"), text("y", "/usr/bin/y")],
            vec![],
            "x/x86_64: two entries of `files` and `links` are /usr/bin/y in the image".into(),
        ),
        (
            vec![LocalFile { owner: Some("nobdy".into()), ..text("y", "/y") }],
            vec![],
            "x/x86_64: the owner of /y: the image has no user `nobdy` in /etc/passwd".into(),
        ),
        (vec![], vec![("/etc", "x")], "x/x86_64: `links` of x cannot become /etc, which is a directory in the image".into()),
        (vec![text("z", "/l/x")], vec![("/l", "l")], "x/x86_64: /l/x leads through more than 40 links".into()),
        (
            vec![text("x", "/etc/.wh.passwd")],
            vec![],
            "x/x86_64: `text` in containers.toml cannot become /etc/.wh.passwd: engines take `.wh.passwd` for a whiteout, and would \
             delete passwd of the layers below"
                .into(),
        ),
        (
            vec![text("x", &format!("/{}", "n".repeat(256)))],
            vec![],
            format!(
                "x/x86_64: `text` in containers.toml cannot become /{}: a name of 256 bytes, of 255 that a file can have",
                "n".repeat(256)
            ),
        ),
    ];
    for (files, links, message) in cases {
        assert_eq!(world.refusal(files, &links), message);
    }
    assert!(world.refusal(vec![], &[("/etc/.wh.group", "x")]).contains("cannot become /etc/.wh.group: engines take"));
    world.write("hidden/deep/.wh..wh..opq", b"", 0o644);
    assert!(world.refusal(vec![from("hidden", "/etc")], &[]).contains("cannot become /etc/deep/.wh..wh..opq: engines take"));
    world.write("lines/a\nb", b"", 0o644);
    assert!(world.refusal(vec![from("lines", "/srv")], &[]).contains("lines/a\\nb\" is not plain text"));
    let pipe = world.project.path().join("dir/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(world.refusal(vec![from("dir", "/opt")], &[]).contains("neither a file, a folder nor a link"));
}

#[test]
fn a_user_who_is_not_in_the_image_is_refused_unless_the_project_brings_them() {
    let world = World::new();
    let mut catalog = world.catalog(vec![], &[]);
    catalog.containers[0].user = Some("app".into());
    assert_eq!(world.build(&catalog).unwrap_err().message(), "x/x86_64: `user`: the image has no user `app` in /etc/passwd");
    catalog.containers[0].files = vec![text("root:*:0:0::/:/x\napp:*:1000:1000::/:/x\n", "/etc/passwd")];
    assert_eq!(world.build(&catalog).unwrap().config.config.user.as_deref(), Some("app"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, b"one").unwrap();
    let (size, digest) = super::memo::digest(&path, folder.path()).unwrap();
    let content = super::Content::File { path: path.clone(), size, digest };
    content.read(&mut |_| Ok(())).unwrap();
    for other in [&b"two"[..], b"on", b"one more"] {
        fs::write(&path, other).unwrap();
        let mut length = 0;
        let read = content.read(&mut |piece| {
            length += piece.len();
            Ok(())
        });
        assert!(read.unwrap_err().message().contains("was changed while"));
        assert!(length <= 3, "a tar entry must not become longer than its header says");
    }
}
