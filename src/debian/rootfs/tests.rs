//! What effects make of a root, and what goes into the layers then.

use super::super::fixtures::{Archive, file, folder, link};
use super::super::layer::plan;
use super::super::local::Local;
use super::super::script::{Alternative, Effect, Emulations, Kind, ModeChange, Owner, System};
use super::*;

const PASSWD: &[u8] = b"root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33:www-data:/var/www:/usr/sbin/nologin\n";
const GROUP: &[u8] = b"root:*:0:\nwww-data:*:33:\nshadow:*:42:\nnogroup:*:65534:\n";

fn archive(at: &std::path::Path) -> Archive {
    let mut archive = Archive::new(at);
    archive.add(
        "base-passwd",
        "",
        &[file("usr/share/base-passwd/passwd.master", 0o644, PASSWD), file("usr/share/base-passwd/group.master", 0o644, GROUP)],
    );
    archive.add("passwd", "", &[folder("etc"), file("usr/bin/passwd", 0o4755, b"")]);
    archive.add("base-files", "", &[link("bin", "usr/bin"), folder("var"), folder("var/lib"), folder("usr/bin")]);
    archive.add(
        "redis",
        "",
        &[
            folder("etc/redis"),
            file("etc/redis/redis.conf", 0o644, b"port 1\n"),
            file("usr/bin/redis", 0o755, b"1"),
            ("usr/bin/redis-too", tar::EntryType::Link, "./usr/bin/redis", 0o755, b""),
            file("usr/bin/awk-a", 0o755, b"a"),
            file("usr/bin/awk-b", 0o755, b"b"),
            file("usr/share/man/awk-b.1", 0o644, b"b"),
        ],
    );
    archive
}

fn base() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let root = install(None, &archive.segments(&["base-files", "base-passwd", "passwd", "redis"]), &Emulations::builtin()).unwrap();
    (folder, root)
}

fn owner(user: &str, group: &str) -> Owner {
    let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Owner { user: some(user), group: some(group) }
}

fn redis_user() -> Effect {
    let [name, home, shell] = ["redis", "/var/lib/redis", "/usr/sbin/nologin"].map(str::to_owned);
    Effect::User { name: name.clone(), uid: None, group: Some(name), gecos: String::new(), home, shell, make_home: true }
}

/// `mode:uid:gid` of a path.
fn ids(root: &Root, path: &str) -> String {
    root.nodes().get(path).map_or("nothing".into(), |node| format!("{:o}:{}:{}", node.mode, node.uid, node.gid))
}

fn text(root: &Root, path: &str) -> String {
    String::from_utf8(root.read(path).unwrap()).unwrap()
}

#[test]
fn users_get_their_lines_their_shadows_and_their_homes() {
    let (_folder, mut root) = base();
    root.apply(redis_user()).unwrap();
    assert!(text(&root, "/etc/passwd").ends_with("redis:x:122:122::/var/lib/redis:/usr/sbin/nologin\n"));
    assert!(text(&root, "/etc/passwd").starts_with("root:x:0:0:root:"));
    assert!(text(&root, "/etc/group").ends_with("redis:x:122:\n"));
    assert_eq!((ids(&root, "etc/shadow"), ids(&root, "etc/gshadow")), ("640:0:42".into(), "640:0:42".into()));
    // 1,700,000,000 seconds, the time of the packages.
    assert_eq!(text(&root, "/etc/shadow").lines().last(), Some("redis:!:19675::::::"));
    assert_eq!(ids(&root, "var/lib/redis"), "755:122:122");
    assert_eq!(root.user("redis"), Some((122, 122, "/var/lib/redis".into())));
    root.apply(Effect::Member { user: "redis".into(), group: "shadow".into() }).unwrap();
    assert!(text(&root, "/etc/group").contains("shadow:x:42:redis\n"));
    assert!(root.apply(Effect::Member { user: "none".into(), group: "shadow".into() }).unwrap_err().contains("none"));
    // Who writes the file itself makes users too.
    let more = text(&root, "/etc/passwd") + "x:*:77:77::/:/bin/false\n";
    root.apply(Effect::File { path: "/etc/passwd".into(), bytes: more.into(), mode: None, owner: Owner::default() }).unwrap();
    assert_eq!(root.user("x"), Some((77, 77, "/".into())));
    assert!(text(&root, "/etc/shadow").ends_with("x:!:19675::::::\n"));
}

#[test]
fn modes_and_owners_reach_hard_links_and_what_is_below_but_not_what_is_settled() {
    let (_folder, mut root) = base();
    root.apply(redis_user()).unwrap();
    let chown = |path: &str, recursive| Effect::Owner { path: path.into(), owner: owner("redis", "redis"), recursive, follow: true };
    let chmod = |path: &str, bits| Effect::Mode { path: path.into(), change: ModeChange::Bits(bits), recursive: false };
    root.apply(chown("/etc/redis", true)).unwrap();
    root.apply(chmod("/etc/redis/redis.conf", 0o640)).unwrap();
    assert_eq!((ids(&root, "etc/redis"), ids(&root, "etc/redis/redis.conf")), ("755:122:122".into(), "640:122:122".into()));
    root.apply(Effect::Mode { path: "/bin/redis-too".into(), change: ModeChange::Symbolic("u+s".into()), recursive: false }).unwrap();
    assert_eq!((ids(&root, "usr/bin/redis"), ids(&root, "usr/bin/redis-too")), ("4755:0:0".into(), "4755:0:0".into()));
    root.apply(Effect::StatOverride { path: "/usr/bin/redis".into(), mode: 0o2755, owner: owner("root", "shadow") }).unwrap();
    root.apply(chmod("/usr/bin/redis", 0o700)).unwrap();
    assert_eq!(ids(&root, "usr/bin/redis"), "2755:0:42");
    assert!(root.apply(chmod("/none", 0o700)).unwrap_err().contains("/none"));
    let unknown = Effect::Owner { path: "/etc".into(), owner: owner("", "nobodys"), recursive: false, follow: true };
    assert!(root.apply(unknown).unwrap_err().contains("nobodys"));
}

#[test]
fn capabilities_stay_and_go_as_on_linux() {
    let (_folder, mut root) = base();
    let raw = "cap_net_raw=ep".parse().unwrap();
    let setcap = |path: &str, capabilities| Effect::Capabilities { path: path.into(), capabilities };
    let (program, other) = ("/usr/bin/redis", "/usr/bin/redis-too");
    root.apply(setcap(other, Some(raw))).unwrap();
    assert_eq!((root.capabilities(program), root.capabilities(other)), (Some(raw), Some(raw)));
    let mode = ModeChange::Symbolic("u+s,g+s".into());
    root.apply(Effect::Mode { path: program.into(), change: mode, recursive: false }).unwrap();
    root.apply(Effect::Rename { from: program.into(), to: "/usr/bin/moved".into() }).unwrap();
    assert_eq!((root.capabilities("/bin/moved"), ids(&root, "usr/bin/moved")), (Some(raw), "6755:0:0".into()));
    let to = "/usr/bin/copy".to_owned();
    root.apply(Effect::Copy { from: "/usr/bin/moved".into(), to, mode: None, owner: Owner::default() }).unwrap();
    assert_eq!(root.capabilities("/usr/bin/copy"), None);
    // Copies of a packaged file are files of their own.
    root.apply(Effect::Copy { from: other.into(), to: "/etc/copy".into(), mode: None, owner: Owner::default() }).unwrap();
    root.apply(Effect::Mode { path: "/etc/copy".into(), change: ModeChange::Bits(0o600), recursive: false }).unwrap();
    assert_eq!((ids(&root, "etc/copy"), ids(&root, "usr/bin/redis-too")), ("600:0:0".into(), "6755:0:0".into()));
    // The same owner is another one too; setuid and setgid go as well.
    let chown = |path: &str| Effect::Owner { path: path.into(), owner: owner("root", ""), recursive: false, follow: true };
    root.apply(chown("/usr/bin/moved")).unwrap();
    assert_eq!((root.capabilities("/usr/bin/moved"), ids(&root, "usr/bin/moved")), (None, "755:0:0".into()));
    // Whoever writes to a file is no longer who was trusted with them.
    for path in ["/etc/redis/redis.conf", "/usr/bin/awk-a"] {
        root.apply(setcap(path, Some(raw))).unwrap();
    }
    root.apply(Effect::File { path: "/etc/redis/redis.conf".into(), bytes: b"2".into(), mode: None, owner: Owner::default() }).unwrap();
    assert_eq!((root.capabilities("/etc/redis/redis.conf"), root.capabilities("/usr/bin/awk-a")), (None, Some(raw)));
    root.apply(setcap("/usr/bin/awk-a", None)).unwrap();
    assert_eq!(root.capabilities("/usr/bin/awk-a"), None);
    assert!(root.apply(setcap("/usr/bin", Some(raw))).unwrap_err().contains("no regular file"));
}

#[test]
fn the_best_alternative_wins_with_its_slaves() {
    let (_folder, mut root) = base();
    let install = |path: &str, priority, slaves: &[&str]| {
        let slave = |path: &&str| ("/usr/share/man/awk.1".to_owned(), "awk.1".to_owned(), (*path).to_owned());
        let slaves = slaves.iter().map(slave).collect();
        Effect::Alternative(Alternative { link: "/usr/bin/awk".into(), name: "awk".into(), path: path.into(), priority, slaves })
    };
    root.apply(install("/usr/bin/awk-b", 5, &["/usr/share/man/awk-b.1"])).unwrap();
    assert_eq!(root.link("/etc/alternatives/awk.1").as_deref(), Some("/usr/share/man/awk-b.1"));
    root.apply(install("/usr/bin/awk-a", 5, &["/usr/share/man/none.1"])).unwrap();
    assert_eq!(root.link("/etc/alternatives/awk").as_deref(), Some("/usr/bin/awk-b"), "the first of equals stays");
    root.apply(install("/usr/bin/awk-a", 9, &["/usr/share/man/none.1"])).unwrap();
    assert_eq!(root.link("/bin/awk").as_deref(), Some("/etc/alternatives/awk"));
    assert_eq!(root.physical("/bin/awk").as_deref(), Some("usr/bin/awk-a"));
    assert_eq!((root.link("/usr/share/man/awk.1"), root.link("/etc/alternatives/awk.1")), (None, None));
    assert!(root.apply(install("/usr/bin/none", 99, &[])).unwrap_err().contains("/usr/bin/none"));
}

#[test]
fn files_links_and_folders_are_made_moved_and_removed() {
    let (_folder, mut root) = base();
    let directory =
        |path: &str, parents| Effect::Directory { path: path.into(), mode: Some(0o710), owner: owner("root", "www-data"), parents };
    assert!(root.apply(directory("/srv/a/b", false)).is_err());
    root.apply(directory("/srv/a/b", true)).unwrap();
    assert_eq!((ids(&root, "srv/a"), ids(&root, "srv/a/b")), ("755:0:0".into(), "710:0:33".into()));
    let link = |target: &str, force| Effect::Link { path: "/srv/l".into(), target: target.into(), force };
    root.apply(link("a/b", false)).unwrap();
    root.apply(link("a/b", false)).unwrap();
    assert!(root.apply(link("a", false)).is_err());
    root.apply(Effect::File { path: "/srv/l/f".into(), bytes: b"x".to_vec(), mode: Some(0o600), owner: Owner::default() }).unwrap();
    assert_eq!(root.kind("/srv/a/b/f"), Some(Kind::File { mode: 0o600, size: 1 }));
    let copy = Effect::Copy { from: "/bin/redis-too".into(), to: "/srv/a".into(), mode: None, owner: Owner::default() };
    root.apply(copy).unwrap();
    assert_eq!(root.kind("/srv/a/redis-too"), Some(Kind::File { mode: 0o755, size: 1 }));
    root.apply(Effect::Rename { from: "/srv/a".into(), to: "/srv/c".into() }).unwrap();
    assert_eq!(
        (root.list("/srv"), root.list("/srv/c"), root.list("/srv/c/b")),
        (vec!["c".into(), "l".into()], vec!["b".into(), "redis-too".into()], vec!["f".into()])
    );
    assert!(root.apply(Effect::Rename { from: "/srv".into(), to: "/srv/c/d".into() }).is_err());
    assert!(root.apply(Effect::Remove { path: "/srv/c".into(), recursive: false }).is_err());
    root.apply(Effect::Remove { path: "/srv/c".into(), recursive: true }).unwrap();
    assert_eq!((root.kind("/srv/c/b"), root.list("/srv")), (None, vec!["l".into()]));
    assert!(root.apply(Effect::File { path: "/none/f".into(), bytes: Vec::new(), mode: None, owner: Owner::default() }).is_err());
}

#[test]
fn a_diverted_file_moves_and_the_diverter_keeps_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = archive(folder.path());
    archive.add("wrapper", "", &[file("usr/bin/redis", 0o755, b"wrapper")]);
    let segments = archive.segments(&["base-files", "redis", "wrapper"]);
    let error = install(None, &segments, &Emulations::builtin()).unwrap_err();
    assert!(error.message().contains("/usr/bin/redis is in redis 1 and in wrapper 1"), "{error}");

    let mut root = Root::default();
    root.unpack(&segments).unwrap();
    root.divert("/usr/bin/redis", "/usr/bin/redis.real", Some("wrapper"), true).unwrap();
    root.settle().unwrap();
    let owner = |path: &str| match root.nodes()[path].content {
        Content::Packaged { segment, .. } => root.segments()[segment].package.clone(),
        _ => String::new(),
    };
    assert_eq!((owner("usr/bin/redis"), owner("usr/bin/redis.real")), ("wrapper".into(), "redis".into()));
    // A package that comes later is diverted as well; an alias of a merged path is nobody's.
    archive.add("late", "", &[file("usr/bin/awk-c", 0o755, b"late")]);
    root.divert("/usr/bin/awk-c", "/usr/bin/awk-d", None, false).unwrap();
    root.divert("/bin/awk-a", "/bin/awk-z", Some("base-files"), false).unwrap();
    root.unpack(&archive.segments(&["late"])).unwrap();
    assert!(root.nodes().contains_key("usr/bin/awk-d") && !root.nodes().contains_key("usr/bin/awk-c"));
    assert!(root.nodes().contains_key("usr/bin/awk-a") && !root.nodes().contains_key("usr/bin/awk-z"));
}

#[test]
fn a_directory_and_what_another_package_has_there_are_as_for_dpkg() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = archive(folder.path());
    archive.add(
        "linked",
        "",
        &[file("opt/real/own", 0o644, b""), link("opt/alias", "real"), link("opt/gone", "nowhere"), file("opt/plain", 0o644, b"")],
    );
    let hard = ("opt/alias/hard", tar::EntryType::Link, "./opt/alias/f", 0o644, &b""[..]);
    let with_folder = |path| crate::debian::fixtures::folder(path);
    archive.add("through", "", &[with_folder("opt/alias"), file("opt/alias/f", 0o644, b"1"), hard, with_folder("opt/alias/deep")]);
    archive.add("over-file", "", &[with_folder("opt/plain")]);
    archive.add("over-nothing", "", &[with_folder("opt/gone")]);
    archive.add("same", "", &[with_folder("opt/alias"), file("opt/alias/own", 0o644, b"")]);
    archive.add("broken", "", &[with_folder("srv/a"), link("srv/a", "b"), file("srv/a/f", 0o644, b"")]);
    let builtin = Emulations::builtin();
    // Whether it is in the same layer or in the one below.
    for below in [&["base-files", "linked"][..], &["base-files"]] {
        let install_with = |name: &str| {
            let lower = install(None, &archive.segments(below), &builtin)?;
            let own = if below.len() > 1 { archive.segments(&[name]) } else { archive.segments(&["linked", name]) };
            install(Some(&lower), &own, &builtin)
        };
        let root = install_with("through").unwrap();
        let paths: Vec<&str> = root.nodes().keys().map(String::as_str).filter(|path| path.starts_with("opt/")).collect();
        assert_eq!(
            paths,
            ["opt/alias", "opt/gone", "opt/plain", "opt/real", "opt/real/deep", "opt/real/f", "opt/real/hard", "opt/real/own"]
        );
        let refused = |name: &str| install_with(name).unwrap_err();
        let message = "/opt/plain is in linked 1 and in over-file 1: a file or link in one is a directory in the other";
        assert!(refused("over-file").message() == message || refused("over-file").message().contains("a directory in one is a file"));
        assert!(refused("over-nothing").message().starts_with("/opt/gone is in linked 1 and in over-nothing 1"));
        assert!(refused("same").message().contains("/opt/real/own is in linked 1 and in same 1"));
    }
    let error = install(None, &archive.segments(&["base-files", "broken"]), &builtin).unwrap_err();
    assert!(error.message().starts_with("broken 1 has /srv/a as a file or link and as a directory"), "{error}");
    assert!(error.advice().unwrap().starts_with("broken is broken"));
}

#[test]
fn a_script_cannot_make_a_whiteout() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = archive(folder.path());
    archive.add_with("foe", "", &[("postinst", "#!/bin/sh\necho x > /etc/.wh.passwd\n")], &[]);
    let (base, foe) = (archive.segments(&["base-files", "base-passwd", "passwd"]), archive.segments(&["foe"]));
    let error = plan(&base, &foe, &Local::default(), &Emulations::builtin(), 2).unwrap_err();
    assert!(error.message().starts_with("a maintainer script makes /etc/.wh.passwd: engines take"), "{error}");
}

#[test]
fn the_base_layer_does_not_know_what_is_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let (base, more) = (archive.segments(&["base-files", "base-passwd"]), archive.segments(&["passwd", "redis"]));
    let (alone, both) = (
        plan(&base, &[], &Local::default(), &Emulations::builtin(), 2).unwrap(),
        plan(&base, &more, &Local::default(), &Emulations::builtin(), 2).unwrap(),
    );
    assert_eq!(alone.layers[0].recipe(), both.layers[0].recipe());
    assert_eq!((alone.layers.len(), both.layers.len()), (1, 2));
    // `passwd` brings shadow files, so the accounts are written anew above.
    let above: Vec<&str> = both.layers[1].files.iter().map(|(path, _)| path.as_str()).collect();
    assert!(["etc/group", "etc/passwd", "etc/gshadow", "etc/shadow"].iter().all(|path| above.contains(path)), "{above:?}");
}

#[test]
fn a_trigger_of_a_script_calls_who_waits_for_it_and_so_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = archive(folder.path());
    archive.add_with(
        "first",
        "",
        &[("postinst", "#!/bin/sh\ndpkg-trigger --no-await update-second\n")],
        &[file("usr/share/doc/first/copyright", 0o644, b"")],
    );
    let second = "#!/bin/sh\nif [ \"$1\" = triggered ]; then echo $2 > /etc/second; dpkg-trigger /usr/share/third/x; fi\n";
    archive.add_with(
        "second",
        "",
        &[("postinst", second), ("triggers", "interest-noawait update-second\n")],
        &[file("usr/share/doc/second/copyright", 0o644, b"")],
    );
    let third = "#!/bin/sh\nif [ \"$1\" = triggered ]; then echo $2 > /etc/third; dpkg-trigger update-second; fi\n";
    archive.add_with(
        "third",
        "",
        &[("postinst", third), ("triggers", "interest /usr/share/third\n")],
        &[file("usr/share/doc/third/copyright", 0o644, b"")],
    );
    let own = archive.segments(&["base-files", "base-passwd", "passwd", "first", "second", "third"]);
    let root = install(None, &own, &Emulations::builtin()).unwrap();
    assert_eq!((text(&root, "/etc/second"), text(&root, "/etc/third")), ("update-second\n".into(), "/usr/share/third\n".into()));
    let calls = root.scripts.iter().filter(|outcome| outcome.script.starts_with("postinst triggered"));
    assert_eq!(calls.map(|outcome| outcome.package.as_str()).collect::<Vec<_>>(), ["second", "third"]);
}

#[test]
fn a_preinst_does_not_find_what_dpkg_unpacks_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = archive(folder.path());
    // squid's, about its own configuration and that of another package.
    let script = "#!/bin/sh\nset -e\nif [ ! -e /etc/squid.conf ]; then ln -sf /etc/squid.conf /etc/disabled; fi\nrm -f /etc/squid.conf\n\
                  for f in /etc/squid.*; do [ ! -e $f ] || touch /etc/wrong; done\n[ ! -d /var/spool/squid ] || touch /etc/wrong\n\
                  mkdir -p /var/spool/squid; [ ! -d /var/spool/squid ] || chown www-data /var/spool/squid\n\
                  [ ! -e /etc/redis/redis.conf ] || touch /etc/right\n[ ! -d /usr/lib/squid ] || touch /etc/wrong\n\
                  [ -d /etc/redis ] && [ -d /usr/lib ] && touch /usr/lib/squid-too && rm -rf /usr/lib/squid /etc/redis\n\
                  mkdir -p /var/cache/squid && rm -rf /var/cache/squid\n";
    archive.add_with(
        "squid",
        "",
        &[("preinst", script)],
        &[
            file("etc/squid.conf", 0o644, b"x"),
            super::super::fixtures::folder("var/spool/squid"),
            super::super::fixtures::folder("usr/lib/squid"),
            super::super::fixtures::folder("var/cache/squid"),
            file("usr/lib/squid/helper", 0o755, b"x"),
        ],
    );
    let root = install(None, &archive.segments(&["base-files", "base-passwd", "redis", "squid"]), &Emulations::default()).unwrap();
    // debugpy's removes what an old version may have left, and not what is unpacked then.
    let there =
        ["etc/disabled", "etc/squid.conf", "etc/right", "usr/lib/squid", "usr/lib/squid/helper", "usr/lib/squid-too", "var/cache/squid"];
    assert!(there.iter().all(|path| root.nodes().contains_key(*path)));
    assert!(!["etc/wrong", "etc/redis/redis.conf"].iter().any(|path| root.nodes().contains_key(*path)));
    assert_eq!(ids(&root, "var/spool/squid"), "755:33:0");
}
