//! Releases that are cut off: by the death of the registry, by our own, by somebody else. No tag ever names half of something.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::Rng;

use crate::harness::{Project, Registry, wait_for};
use crate::reader::{Trap, Wire, manifest, request, whole};
use crate::screen::Screen;

const TAGS: [&str; 4] = ["1.0.0-amd64", "1.0.0-arm64", "1.0.0", "latest"];
const PUSH: [&str; 5] = ["push", "1.0.0", "--tags", "latest", "--yes"];

/// A project whose images are built.
fn built(settings: &str) -> Project {
    let project = Project::fd(None).with_segments();
    point(project.path(), settings);
    project.ok(&["build"]);
    project
}

/// Where the project's images go: `HOST REPOSITORY`.
fn point(folder: &Path, settings: &str) {
    let (host, repository) = settings.split_once(' ').unwrap();
    let file = folder.join("containers.toml");
    let text = fs::read_to_string(&file).unwrap();
    let rest = &text[text.find("[defaults]").unwrap()..];
    fs::write(&file, format!("[registry]\nhost = \"{host}\"\nrepository = \"{repository}/{{container}}\"\n{rest}")).unwrap();
}

#[test]
fn a_registry_that_dies_at_any_step_leaves_no_half_and_the_rerun_completes() {
    let project = built("127.0.0.1:1 tools");
    let manifests = "PUT /v2/tools/fd/manifests/";
    // Which request it dies at, and what we may say then.
    let steps: [(String, usize, &str); 7] = [
        ("PUT /v2/tools/fd/blobs/uploads/".into(), 1, "no tag was set"),
        ("PUT /v2/tools/fd/blobs/uploads/".into(), 4, "no tag was set"),
        (format!("{manifests}sha256"), 1, "no tag was set"),
        (format!("{manifests}sha256"), 3, "no tag was set"),
        (format!("{manifests}1.0.0-a"), 2, "perhaps public"),
        (format!("{manifests}1.0.0 "), 1, "perhaps public"),
        (format!("{manifests}latest "), 1, "perhaps public"),
    ];
    std::thread::scope(|scope| {
        for (line, nth, said) in steps {
            let project = &project;
            scope.spawn(move || {
                let registry = Arc::new(Mutex::new(Registry::start()));
                let address = registry.lock().unwrap().host.clone();
                let dying = Arc::clone(&registry);
                let spring = Box::new(move || dying.lock().unwrap().stop());
                let wire = Wire::to(&address, Trap { line: line.clone(), nth, spring, answer: None });
                let push = [&PUSH[..], &["--registry", &wire.host]].concat();
                project.run(&push).fails(3, &[said, "run it again"]);

                registry.lock().unwrap().restart();
                let public: Vec<&str> = TAGS.into_iter().filter(|tag| whole(&address, "tools/fd", tag).is_some()).collect();
                match line.as_str() {
                    l if l.ends_with("latest ") => assert_eq!(public, TAGS[..3], "{line}"),
                    l if l.ends_with("1.0.0 ") => assert_eq!(public, TAGS[..2], "{line}"),
                    l if l.ends_with("1.0.0-a") => assert_eq!(public.len(), 1, "{line}: {public:?}"),
                    _ => assert!(public.is_empty(), "{line}: {public:?}"),
                }
                project.ok(&push);
                let digests: Vec<_> = TAGS.iter().map(|tag| whole(&address, "tools/fd", tag)).collect();
                assert!(digests.iter().all(Option::is_some) && digests[2] == digests[3], "{line}: {digests:?}");
            });
        }
    });
}

/// `CATAMARAN_KILLS` says how many times; a few by default, so that the suite stays fast.
#[test]
fn kill_9_at_a_random_moment_shows_no_reader_a_half_and_the_rerun_completes() {
    let kills: usize = std::env::var("CATAMARAN_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let registry = Registry::start();
    let project = built(&format!("{} unharmed", registry.host));
    let began = Instant::now();
    project.ok(&PUSH);
    let span = began.elapsed();
    let unharmed: Vec<_> = TAGS.iter().map(|tag| whole(&registry.host, "unharmed/fd", tag)).collect();
    let mut cut = 0;
    for n in 0..kills {
        let repository = format!("kill{n}/fd");
        point(project.path(), &format!("{} kill{n}", registry.host));
        let moment = span.mul_f64(rand::thread_rng().gen_range(0.1..1.0));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Somebody pulls all the while.
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    TAGS.iter().rev().for_each(|tag| drop(whole(&registry.host, &repository, tag)));
                }
            });
            let mut child = project.command().args(PUSH).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moment);
            child.kill().unwrap();
            cut += usize::from(!child.wait().unwrap().success());
            let ran = project.run(&PUSH);
            over.store(true, Ordering::Relaxed);
            assert_eq!(ran.code, 0, "killed after {moment:?}: {}", ran.err);
        });
        let now: Vec<_> = TAGS.iter().map(|tag| whole(&registry.host, &repository, tag)).collect();
        assert_eq!(now, unharmed, "killed after {moment:?}");
    }
    assert!(cut * 2 >= kills, "only {cut} of {kills} releases were really cut off, of {span:?} each");
}

#[test]
fn a_tag_that_somebody_moves_meanwhile_stops_the_release_and_the_new_plan_is_shown() {
    let registry = Registry::start();
    let project = built(&format!("{} tools", registry.host));
    project.ok(&["push", "0.9.0", "--tags", "latest", "--yes"]);
    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    fs::write(project.path().join("containers.toml"), format!("{text}env = {{ NEXT = \"yes\" }}\n")).unwrap();
    project.ok(&["build"]);

    // While our first blob is on its way, somebody else publishes the same version.
    let address = registry.host.clone();
    let spring = Box::new(move || {
        let (_, bytes) = manifest(&address, "tools/fd", "0.9.0").unwrap();
        let kind = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
        let (status, ..) = request(&address, "PUT", "/v2/tools/fd/manifests/1.0.0", &kind, &bytes).unwrap();
        assert_eq!(status, 201);
    });
    let wire = Wire::to(&registry.host, Trap { line: "POST /v2/tools/fd/blobs/uploads/".into(), nth: 1, spring, answer: None });
    let before = whole(&registry.host, "tools/fd", "latest");
    let ran = project.run(&[&PUSH[..], &["--registry", &wire.host]].concat());
    ran.fails(
        1,
        &["the plan no longer matches", "tools/fd:1.0.0 named nothing when it was made", "no tag was set", "1.0.0 exists and differs"],
    );
    assert_eq!(ran.err.matches("Plan of 1.0.0").count(), 2, "{}", ran.err);
    assert_eq!(whole(&registry.host, "tools/fd", "1.0.0"), before);
    assert_eq!(whole(&registry.host, "tools/fd", "latest"), before);
    assert_eq!(whole(&registry.host, "tools/fd", "1.0.0-amd64"), None);
}

#[test]
fn a_tag_that_may_not_be_set_puts_the_moved_ones_back() {
    let registry = Registry::start();
    let project = built(&format!("{} tools", registry.host));
    project.ok(&PUSH);
    let before = whole(&registry.host, "tools/fd", "latest");
    let text = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    fs::write(project.path().join("containers.toml"), format!("{text}env = {{ NEXT = \"yes\" }}\n")).unwrap();
    project.ok(&["build"]);

    // Something before the registry that forbids one tag, as immutable tags are forbidden.
    let answer = Some("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let line = "PUT /v2/tools/fd/manifests/stable ".into();
    let wire = Wire::to(&registry.host, Trap { line, nth: 1, spring: Box::new(|| {}), answer });
    let push = ["push", "2.0.0", "--tags", "latest,stable", "--yes", "--registry", &wire.host];
    let ran = project.run(&push);
    // This registry deletes no tags, so the new ones stay, and are named.
    let stays = "names sha256:";
    ran.fails(3, &["403", "latest names", "again", "already public: ", "tools/fd:2.0.0", stays, "does not delete tags", "run it again"]);
    assert_eq!(whole(&registry.host, "tools/fd", "latest"), before);
    assert_eq!(whole(&registry.host, "tools/fd", "stable"), None);
    project.ok(&push);
    let tags = ["2.0.0", "latest", "stable"].map(|tag| whole(&registry.host, "tools/fd", tag));
    assert!(tags[0].is_some() && tags[0] != before && tags.iter().all(|t| *t == tags[0]), "{tags:?}");
}

/// A way to the registry on which nothing is answered from the version's tag on, and whether that has been asked for.
fn silent_from(registry: &Registry, version: &str) -> (Wire, Arc<AtomicBool>) {
    let stuck = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&stuck);
    let spring = Box::new(move || {
        noticed.store(true, Ordering::Relaxed);
        loop {
            std::thread::park();
        }
    });
    let line = format!("PUT /v2/tools/fd/manifests/{version} ");
    (Wire::to(&registry.host, Trap { line, nth: 1, spring, answer: None }), stuck)
}

/// Pushes to a registry that answers nothing from the version's tag on, and presses Ctrl-C, `twice` or once.
fn pressed(project: &Project, registry: &Registry, version: &str, twice: bool) -> String {
    let (wire, stuck) = silent_from(registry, version);
    let mut command = project.command();
    command.args(["push", version, "--tags", "latest", "--yes", "--registry", &wire.host]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let press = || assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    wait_for("the version's tag to be asked for", || stuck.load(Ordering::Relaxed));
    press();
    let began = Instant::now();
    let (mut said, mut lines) = (String::new(), BufReader::new(child.stderr.take().unwrap()));
    while !said.contains("stopping…") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
    }
    if twice {
        press();
    }
    lines.read_to_string(&mut said).unwrap();
    let took = began.elapsed();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(took.as_secs_f32() < if twice { 0.7 } else { 2.5 }, "{took:?}: {said}");
    assert!(!said.contains("panicked") && !said.contains("Tokio"), "{said}");
    said
}

#[test]
fn ctrl_c_in_the_middle_of_tags_ends_soon_and_says_what_is_public() {
    let registry = Registry::start();
    let project = built(&format!("{} tools", registry.host));
    for (version, twice) in [("1.0.0", false), ("1.1.0", true)] {
        let said = pressed(&project, &registry, version, twice);
        let public = whole(&registry.host, "tools/fd", &format!("{version}-amd64")).unwrap();
        for part in ["for the registry's answer about tags", "; perhaps public", "run it again"] {
            assert!(said.contains(part), "`{part}` is missing from {said}");
        }
        assert!(said.contains(&format!("tools/fd:{version}-amd64 names {public}")), "{said}");
        project.ok(&["push", version, "--tags", "latest", "--yes"]);
    }
}

#[test]
fn leaving_the_dashboard_in_the_middle_of_tags_ends_soon_and_says_what_is_public() {
    let registry = Registry::start();
    let project = built(&format!("{} tools", registry.host));
    // Ctrl-C asks, the second one stops, and a third does not wait for the end.
    for (version, presses, limit) in [("1.0.0", 2, 2.5), ("1.1.0", 3, 0.7)] {
        let (wire, stuck) = silent_from(&registry, version);
        point(project.path(), &format!("{} tools", wire.host));
        let mut screen = Screen::open(&project, 120, 40);
        screen.shows("fd");
        screen.keys("4\r");
        screen.shows("version");
        screen.keys(&format!("{version}\r"));
        screen.until("the gates", Duration::from_secs(60), |s| s.text().contains("W accepts") || s.text().contains("Every gate is open"));
        let warned = screen.text().contains("W accepts");
        screen.keys(if warned { "Wit has to go out\r\r" } else { "\r" });
        screen.shows(&format!("type {version} to send it"));
        screen.keys(&format!("{version}\r"));
        screen.until("the version's tag to be asked for", Duration::from_secs(60), |_| stuck.load(Ordering::Relaxed));
        screen.keys("\x03");
        screen.shows("stop everything and quit");
        screen.keys("\x03");
        if presses > 2 {
            screen.shows("ctrl-c again does not wait");
            screen.keys("\x03");
        }
        let began = Instant::now();
        assert_eq!(screen.ended(), 130);
        let took = began.elapsed();
        screen.is_restored();
        let public = whole(&registry.host, "tools/fd", &format!("{version}-amd64")).unwrap();
        // Long lines are broken at the terminal's edge.
        let said = screen.text().replace('\n', "");
        for part in [&format!("tools/fd:{version}-amd64 names {public}"), "perhaps public", "run it again"] {
            assert!(said.contains(part), "`{part}` is missing from {said}");
        }
        assert!(took.as_secs_f32() < limit, "{presses} times: {took:?}");
        point(project.path(), &format!("{} tools", registry.host));
        project.ok(&["push", version, "--tags=", "--yes"]);
    }
}
