//! Wrong input, broken archives, a full disk, Ctrl-C: a clear error, the right exit code, and a rerun that just works.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Project, Ran, leftovers, need, wait_for};
use crate::registries::big_image;

#[test]
fn every_mistake_in_the_file_is_shown_at_once() {
    let project = Project::new("[defaults]\ntargets = [\"x86_46\"]\n\n[containers.fd]\npakages = [\"fd-find\"]\nentrypoint = 3\n");
    let ran = project.run(&["list"]);
    ran.fails(2, &["containers.toml:2", "x86_64", "containers.toml:5", "packages", "containers.toml:6", "^"]);
}

#[test]
fn a_syntax_error_shows_its_place() {
    Project::new("[containers.fd\npackages = [\"fd-find\"]\n").run(&["list"]).fails(2, &["containers.toml:1", "^"]);
}

#[test]
fn no_file_at_all_is_explained() {
    let project = Project::new("");
    fs::remove_file(project.path().join("containers.toml")).unwrap();
    project.run(&["build"]).fails(2, &["containers.toml", "hint"]);
}

#[test]
fn unknown_names_are_answered_with_near_ones() {
    let project = Project::fd(None).with_downloads();
    project.run(&["build", "fdd"]).fails(2, &["fdd", "fd"]);
    project.run(&["build", "--target", "arm46"]).fails(2, &["arm46", "aarch64"]);
    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    fs::write(project.path().join("containers.toml"), text.replace("\"fd-find\"", "\"fd-fnid\"")).unwrap();
    let lock = fs::read(project.path().join("containers.lock")).unwrap();
    project.run(&["build"]).fails(2, &["fd-fnid", "fd-find"]);
    assert_eq!(fs::read(project.path().join("containers.lock")).unwrap(), lock, "the lock was touched");
}

#[test]
fn a_password_in_the_file_is_refused_and_not_repeated() {
    let project =
        Project::new("[registry]\nhost = \"ghcr.io\"\npassword = \"hunter2-secret\"\n[containers.fd]\npackages = [\"fd-find\"]\n");
    project.run(&["list"]).fails(2, &["password", "env"]);
}

#[test]
fn an_unreachable_mirror_is_a_network_error() {
    let project = Project::fd(None);
    let nowhere = "http://127.0.0.1:9/debian";
    let ran =
        Ran::of(project.command().env("CATAMARAN_DEBIAN_MIRROR", nowhere).env("CATAMARAN_DEBIAN_SECURITY_MIRROR", nowhere).arg("build"));
    ran.fails(3, &["127.0.0.1:9", "hint"]);
    assert!(!project.path().join("containers.lock").exists());
}

/// Serves `folder` over HTTP until the test ends; for a mirror whose content we break.
fn serve(folder: std::path::PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            std::thread::spawn(move || answer(stream, &folder));
        }
    });
    format!("http://{address}/debian")
}

fn answer(mut stream: std::net::TcpStream, folder: &std::path::Path) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && request.len() < 8192 {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches("/debian/").to_owned();
    let (status, body) = match fs::read(folder.join(&path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(&body);
}

/// The InRelease of trixie as some other test fetched it, put where a mirror has it.
fn mirror_with(change: impl Fn(String) -> String) -> (tempfile::TempDir, String) {
    let project = Project::fd(None).with_downloads();
    let folder = tempfile::tempdir().unwrap();
    let mut found = 0;
    let mut folders = vec![project.cache().join("debian/releases")];
    while let Some(each) = folders.pop() {
        for entry in fs::read_dir(&each).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if let Ok(text) = fs::read_to_string(entry.path())
                && let Some(begin) = text.find("-----BEGIN PGP SIGNED MESSAGE") // the cache notes validators before it
                && let Some(suite) = ["trixie", "trixie-updates", "trixie-security"].into_iter().find(|s| text.lines().any(|l| l == format!("Codename: {s}")))
            {
                let place = folder.path().join("dists").join(suite);
                fs::create_dir_all(&place).unwrap();
                fs::write(place.join("InRelease"), change(text[begin..].to_owned())).unwrap();
                found += 1;
            }
        }
    }
    assert!(found >= 1, "no InRelease in the cache");
    let url = serve(folder.path().to_owned());
    (folder, url)
}

#[test]
fn a_tampered_release_is_refused() {
    let (_folder, mirror) = mirror_with(|text| text.replacen("Origin: Debian", "Origin: Dobian", 1));
    let project = Project::fd(None);
    let ran =
        Ran::of(project.command().env("CATAMARAN_DEBIAN_MIRROR", &mirror).env("CATAMARAN_DEBIAN_SECURITY_MIRROR", &mirror).arg("build"));
    assert!(ran.code == 1 || ran.code == 3, "{ran:?}");
    ran.fails(ran.code, &["InRelease", "signature"]);
    assert!(!project.path().join("containers.lock").exists());
}

#[test]
fn a_tampered_package_is_refused_and_not_kept() {
    let project = Project::fd(None).with_downloads();
    let lock = project.lock();
    let fd = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"].as_str() == Some("fd-find") && p["architecture"].as_str() == Some("amd64"));
    let fd = fd.expect("fd-find is locked");
    let (path, sha256, size) = (fd["path"].as_str().unwrap(), fd["sha256"].as_str().unwrap(), fd["size"].as_integer().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, vec![0_u8; size as usize]).unwrap(); // right length, wrong content
    let mut kept = Vec::new();
    for entry in fs::read_dir(project.cache().join("debian/packages")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with(sha256) {
            fs::remove_file(entry.path()).unwrap();
            kept.push(entry.path());
        }
    }
    assert_eq!(kept.len(), 1);
    let mirror = serve(folder.path().to_owned());
    let ran = Ran::of(project.command().env("CATAMARAN_DEBIAN_MIRROR", &mirror).args(["build", "--target", "x86_64"]));
    assert!(ran.code == 1 || ran.code == 3, "{ran:?}");
    ran.fails(ran.code, &["fd-find", sha256]);
    assert!(!kept[0].exists(), "the wrong file was kept");
    project.ok(&["build", "--target", "x86_64"]); // the real mirror mends it
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_that_a_rerun_trusts() {
    need("unshare", "util-linux");
    let project = Project::fd(None).with_downloads();
    let program = project.command();
    let cache = project.path().join("small");
    fs::create_dir_all(&cache).unwrap();
    let packages = project.cache().join("debian");
    // A file system of 30 MiB, seen by this one process only, with the downloads in it: room for some segments, not all.
    let script = format!(
        "mount -t tmpfs -o size=30m none {small} && cp -r {packages} {small}/ && {program} build; code=$?; find {small} -name '.new-*' | sed 's/^/left: /' >&2; exit $code",
        small = cache.display(),
        packages = packages.display(),
        program = program.get_program().display(),
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).current_dir(project.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("CATAMARAN_CACHE_DIR", &cache);
    let ran = Ran::of(&mut command);
    ran.fails(1, &["space"]);
    assert!(!ran.err.contains("left: "), "{}", ran.err);
    project.ok(&["build"]);
}

#[test]
fn every_sort_of_failure_has_its_exit_code() {
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    big_image(&project.path().join("big"), 3000);
    big_image(&project.path().join("damaged"), 3000);
    let blobs = project.path().join("damaged/blobs/sha256");
    fs::read_dir(&blobs).unwrap().flatten().for_each(|blob| fs::write(blob.path(), "other").unwrap());
    fs::write(project.path().join("no.tar"), [7; 2000]).unwrap();
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let nothing: Variables = &[];
    let cases: [(Variables, [&str; 2], i32, &str); 11] = [
        // What was named is not there, or cannot be meant.
        (nothing, ["inspect", "oci:none"], 2, "none"),
        (nothing, ["inspect", "docker-archive:none.tar"], 2, "opening none.tar"),
        (nothing, ["inspect", "oci:big:tag"], 2, "has no entry called `tag`"),
        (nothing, ["inspect", "127.0.0.1:1/UPPER:1"], 2, "upper-case"),
        (nothing, ["inspect", "aa"], 2, "has not been built"),
        (&[("CATAMARAN_ANSWER_TIMEOUT", "soon")], ["inspect", "127.0.0.1:1/a/b:1"], 2, "CATAMARAN_ANSWER_TIMEOUT"),
        (&[("DOCKER_HOST", "ftp://x")], ["inspect", "docker-daemon:x"], 2, "DOCKER_HOST"),
        // It is there, and is not right.
        (nothing, ["inspect", "docker-archive:no.tar"], 1, "no.tar"),
        (nothing, ["inspect", "oci:damaged"], 1, "is damaged"),
        // Nobody answers.
        (nothing, ["inspect", "127.0.0.1:1/a/b:1"], 3, "nothing listens at 127.0.0.1:1"),
        (&[("DOCKER_HOST", "unix:///nowhere.sock")], ["inspect", "docker-daemon:x"], 3, "/nowhere.sock"),
    ];
    for (variables, arguments, code, words) in cases {
        let ran = Ran::of(project.command().envs(variables.iter().copied()).args(arguments));
        ran.fails(code, &[words]);
    }
}

#[test]
fn a_full_disk_under_a_copy_names_the_place_and_not_the_content() {
    need("unshare", "util-linux");
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    big_image(&project.path().join("big"), 3_000_000);
    let small = project.path().join("small");
    fs::create_dir_all(&small).unwrap();
    for destination in ["docker-archive:small/x.tar", "oci:small/layout"] {
        let script = format!("mount -t tmpfs -o size=1m none {} && exec \"$0\" copy oci:big {destination}", small.display());
        let mut command = Command::new("unshare");
        let program = project.command();
        command.args(["--mount", "sh", "-c", &script]).arg(program.get_program()).current_dir(project.path());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let ran = Ran::of(&mut command);
        ran.fails(1, &["writing", "small/", "No space left", "there is no room left where small/"]);
        assert!(!ran.err.contains("turned out to be") && !ran.err.contains("damaged"), "{}", ran.err);
    }
}

/// A registry that begins to send the layer of the one image it has, and then says nothing more.
fn stalls_in_the_layer(folder: &std::path::Path) -> String {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let digest = |bytes: &[u8]| catamaran::image::Digest::of(bytes);
    let index: serde_json::Value = serde_json::from_slice(&read("index.json")).unwrap();
    let blob = |digest: &serde_json::Value| read(&format!("blobs/sha256/{}", digest.as_str().unwrap().trim_start_matches("sha256:")));
    let manifest = blob(&index["manifests"][0]["digest"]);
    let parsed: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let (config, layer) = (blob(&parsed["config"]["digest"]), blob(&parsed["layers"][0]["digest"]));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            let body = [&manifest, &config, &layer].into_iter().find(|b| line.contains(&digest(b).hex())).unwrap_or(&manifest);
            let kind = "content-type: application/vnd.oci.image.manifest.v1+json\r\nconnection: close";
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{kind}\r\ncontent-length: {}\r\n\r\n", body.len());
            if body == &layer {
                let _ = stream.write_all(&body[..body.len() / 2]);
                silent.push(stream);
            } else {
                let _ = stream.write_all(body);
            }
        }
    });
    host
}

#[test]
fn what_a_killed_copy_has_left_is_swept_by_the_next_one() {
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    big_image(&project.path().join("big"), 3_000_000);
    let from = format!("{}/a/big:1", stalls_in_the_layer(&project.path().join("big")));
    for destination in ["oci:there/layout", "docker-archive:there/x.tar"] {
        let mut child = project.command().args(["copy", &from, destination]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("the copy to begin to write", || !leftovers(&project.path().join("there")).is_empty());
        // Another one that writes at the same time disturbs nobody, and is not disturbed.
        if destination.starts_with("oci:") {
            project.ok(&["copy", "oci:big", &format!("{destination}:other")]);
            assert_eq!(leftovers(&project.path().join("there")).len(), 1, "the first one's file has been swept");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!leftovers(&project.path().join("there")).is_empty());
        // What the other one brought is taken away: there has to be something to write.
        for blob in fs::read_dir(project.path().join("there/layout/blobs/sha256")).unwrap().flatten() {
            if !blob.file_name().to_string_lossy().starts_with(".new-") {
                fs::remove_file(blob.path()).unwrap();
            }
        }
        project.ok(&["copy", "oci:big", destination]);
        assert_eq!(leftovers(&project.path().join("there")), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn ctrl_c_at_any_moment_exits_130_and_a_rerun_just_works() {
    let project = Project::fd(None).with_downloads();
    for delay in [5, 60, 200, 500, 900] {
        let mut child =
            project.command().args(["build", "--output", "plain"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        let pid = child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let mut status = None;
        wait_for("catamaran to stop after Ctrl-C", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        // Before the handler is there the signal itself ends it; after the last image it has simply finished.
        let code = status.unwrap().code();
        assert!(matches!(code, Some(130 | 0) | None), "after {delay} ms: {code:?}");
        assert!(leftovers(&project.cache()).is_empty(), "after {delay} ms: {:?}", leftovers(&project.cache()));
    }
    project.ok(&["build"]);
    project.ok(&["verify", "fd"]);
}
