//! `load` and `test` against real engines: Docker's and Podman's, as people have them and as they fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::copying::Podman;
use crate::docker::Docker;
use crate::harness::{Project, Ran, judge, need, wait_for};

/// One program in a small image, for both architectures; and an image whose program no machine can run.
const BOX: &str = r#"
[defaults]
targets = ["x86_64", "aarch64"]
base = ["busybox-static"]
[containers.box]
packages = ["busybox-static"]
entrypoint = "busybox"
test = ["echo", "both hulls"]
[containers.odd]
packages = ["busybox-static"]
targets = ["aarch64"]
entrypoint = "odd"
files = [{ from = "odd", to = "/usr/bin/odd", mode = "0755" }]
"#;

/// The head of an ELF program for RISC-V, which no test machine runs.
fn odd_program() -> Vec<u8> {
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(120, 0);
    head[16..20].copy_from_slice(&[2, 0, 243, 0]);
    head[52..56].copy_from_slice(&[64, 0, 56, 0]);
    head
}

fn boxes() -> Project {
    let project = Project::new(BOX).with_releases("trixie");
    fs::write(project.path().join("odd"), odd_program()).unwrap();
    project
}

/// `catamaran` in `project`, with no engine that the surroundings name.
fn alone(project: &Project) -> Command {
    let mut command = project.command();
    for name in ["DOCKER_HOST", "CONTAINER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
        command.env_remove(name);
    }
    command.env("HOME", project.path()).env("XDG_RUNTIME_DIR", project.path());
    command
}

fn with(project: &Project, engine: &str, arguments: &[&str]) -> Ran {
    // `--` ends the options: the engine comes before.
    let (command, rest) = arguments.split_first().unwrap();
    Ran::of(alone(project).args([command, "--engine", engine]).args(rest))
}

/// The same, in a mount namespace in which nothing lies in `folder`; programs are looked for where its `INNER_PATH` says.
fn without(folder: &str, command: &Command) -> Command {
    need("unshare", "util-linux");
    let mut hidden = Command::new("unshare");
    let script = "mkdir -p \"$0\" && mount -t tmpfs none \"$0\" && PATH=${INNER_PATH:-$PATH} exec \"$@\"";
    hidden.args(["--mount", "sh", "-c", script, folder]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => hidden.env(name, value),
            None => hidden.env_remove(name),
        };
    }
    hidden.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    hidden
}

fn config_of(project: &Project, target: &str) -> String {
    let folder = project.path().join(target.replace('/', "-")).display().to_string();
    project.ok(&["copy", target, &format!("oci:{folder}:x")]);
    let manifest: Value = serde_json::from_str(&judge("skopeo", &["inspect", "--raw", &format!("oci:{folder}:x")])).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn images_go_into_docker_as_they_are_and_run() {
    need("skopeo", "skopeo");
    let docker = Docker::start();
    let project = Project::fd(None).with_segments();
    project.run(&["load", "fd", "--engine", docker.address()]).fails(2, &["fd/x86_64 has not been built", "catamaran build fd"]);
    project.ok(&["build"]);
    let load = |more: &[&str]| with(&project, docker.address(), &[&["load", "fd"], more].concat());
    let inspect = |name: &str| -> Value {
        let ran = Ran::of(&mut docker.command(&["image", "inspect", name]));
        serde_json::from_str::<Value>(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))[0].clone()
    };
    let before = files_below(&project.cache());

    // By default only what the engine runs itself.
    let own = load(&["--json"]);
    assert_eq!(own.code, 0, "{}", own.err);
    let document: Value = serde_json::from_str(&own.out).unwrap();
    assert_eq!((&document["engine"]["product"], document["images"].as_array().unwrap().len()), (&"Docker".into(), 1));
    assert_eq!(inspect("fd:latest")["Id"], config_of(&project, "fd/x86_64"));
    let ran = Ran::of(&mut docker.command(&["run", "--rm", "--network", "none", "fd:latest", "--version"]));
    assert!(ran.code == 0 && ran.out.starts_with("fdfind"), "{ran:?}");

    let all = load(&["--target", "all"]);
    assert_eq!(all.code, 0, "{}", all.err);
    assert!(all.out.contains("there already  fd/x86_64") && all.err.contains("docker run --rm fd:latest"), "{all:?}");
    let foreign = inspect("fd:latest-arm64");
    assert_eq!((&foreign["Id"], &foreign["Architecture"]), (&config_of(&project, "fd/aarch64").into(), &"arm64".into()));
    assert_eq!(inspect("fd:latest")["Architecture"], "amd64");
    assert_eq!(load(&["--as", "acme/fd:dev"]).code, 0);
    assert_eq!(inspect("acme/fd:dev")["Id"], inspect("fd:latest")["Id"]);
    load(&["--as", "x", "--target", "all"]).fails(2, &["2 images cannot all be called `x`"]);
    // Nothing was written on the way.
    assert_eq!(files_below(&project.cache()), before);

    let tested = with(&project, docker.address(), &["test", "fd", "--target", "all", "--json", "--", "--version"]);
    assert_eq!(tested.code, 0, "{}", tested.err);
    let document: Value = serde_json::from_str(&tested.out).unwrap();
    let tests = document["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 2);
    for test in tests {
        assert_eq!(test["outcome"], "passed");
        assert!(test["output"][0].as_str().unwrap().starts_with("fdfind"), "{test}");
    }
    assert_eq!(left_in(&docker), "");
}

/// Every file below `folder`, but for locks.
fn files_below(folder: &Path) -> Vec<String> {
    let listed = judge("find", &[folder.to_str().unwrap(), "-type", "f", "-not", "-name", "*.lock"]);
    let mut files: Vec<String> = listed.lines().map(str::to_owned).collect();
    files.sort();
    files
}

/// The containers an engine has, running or not.
fn left_in(docker: &Docker) -> String {
    Ran::of(&mut docker.command(&["ps", "-aq"])).out
}

#[test]
fn docker_s_tests_are_judged_by_how_they_end() {
    let docker = Docker::start();
    judge_tests(docker.address());
    assert_eq!(left_in(&docker), "");
}

#[test]
fn podman_s_tests_are_judged_by_how_they_end() {
    let podman = Podman::start();
    judge_tests(&Podman::address(podman.folder()));
    let left = Podman::command(podman.folder()).args(["ps", "-aq"]).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

/// Tests that pass, fail, hang, are stopped, and cannot be run at all.
fn judge_tests(engine: &str) {
    let project = boxes();
    let test = |arguments: &[&str]| with(&project, engine, &[&["test"], arguments].concat());
    // Built, loaded and run in one go.
    let passed = test(&["box", "--target", "all"]);
    assert_eq!(passed.code, 0, "{}\n{}", passed.out, passed.err);
    for line in ["box.x86_64 | both hulls", "box.aarch64 | both hulls", "box.aarch64 ✓ test passed"] {
        assert!(passed.err.contains(line), "`{line}` is missing from:\n{}", passed.err);
    }
    let failed = test(&["box", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    failed.fails(1, &["box.x86_64 | out", "box.x86_64 | err", "exit code 3", "already", "error: 1 test failed"]);
    let log = failed.err.lines().find_map(|line| line.split_once("log: ")).expect("a log").1;
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 2);

    let began = Instant::now();
    test(&["box", "--time-limit", "1s", "--", "sleep", "1000"]).fails(1, &["it did not end within 1 s, and was killed", "--time-limit"]);
    assert!(began.elapsed() < Duration::from_secs(60));
    test(&["box", "--", "no-such-applet"]).fails(1, &["box.x86_64 | no-such-applet", "exit code 127"]);
    test(&["odd"]).fails(1, &["odd.aarch64 ✗", "on amd64) cannot run programs for aarch64", "hint: "]);
    // It has no network but its own loopback.
    let network = test(&["box", "--", "sh", "-c", "ls /sys/class/net"]);
    assert!(network.code == 0 && network.err.contains("| lo\n") && !network.err.contains("eth0"), "{network:?}");

    // Stopped: the container is taken away before we go.
    let mut command = alone(&project);
    command.args(["test", "box", "--engine", engine, "--", "sh", "-c", "echo begun; sleep 1000"]);
    let log = project.path().join("said");
    let mut child = command.stderr(fs::File::create(&log).unwrap()).stdout(Stdio::null()).spawn().unwrap();
    wait_for("the test to begin", || fs::read_to_string(&log).unwrap().contains("| begun"));
    judge("kill", &["-INT", &child.id().to_string()]);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(fs::read_to_string(&log).unwrap().contains("cancelled; its container is gone"));
}

#[test]
fn podman_without_a_socket_serves_for_as_long_as_it_is_needed() {
    need("podman", "podman");
    let project = boxes();
    // A storage of its own.
    let place = |name: &str| project.path().join(name).display().to_string();
    let storage = format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n", place("root"), place("run"));
    fs::write(place("storage.conf"), storage).unwrap();
    let limits = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
    fs::write(place("containers.conf"), format!("{limits}[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n")).unwrap();
    let variables = [("CONTAINERS_STORAGE_CONF", place("storage.conf")), ("CONTAINERS_CONF", place("containers.conf"))];
    let run = |arguments: &[&str]| {
        let mut command = alone(&project);
        command.envs(variables.clone()).args(arguments);
        Ran::of(&mut without("/run/podman", &command))
    };
    let tested = run(&["test", "box", "--podman"]);
    assert_eq!(tested.code, 0, "{}", tested.err);
    assert!(tested.err.contains("(podman system service)") && tested.err.contains("| both hulls"), "{}", tested.err);
    let copied = run(&["copy", "box/x86_64", "containers-storage:acme/box:1"]);
    assert_eq!(copied.code, 0, "{}", copied.err);
    let images = Ran::of(Command::new("podman").envs(variables.clone()).args(["images", "--format", "{{.Repository}}:{{.Tag}}"]));
    assert!(images.out.contains("localhost/box:latest") && images.out.contains("acme/box:1"), "{images:?}");
    let read = run(&["inspect", "containers-storage:localhost/box:latest", "--json"]);
    assert!(read.code == 0 && read.out.contains("amd64"), "{read:?}");
    // Nobody serves any more.
    let processes = judge("ps", &["-eo", "args"]);
    assert!(!processes.contains("unix:///tmp/catamaran-podman-"), "{processes}");
}

#[test]
fn an_engine_that_cannot_be_used_is_told_for_what_it_is() {
    need("setpriv", "util-linux");
    let project = boxes();
    project.ok(&["build", "box", "--target", "x86_64"]);
    let mut nobody = alone(&project);
    nobody.args(["load", "box"]).env("INNER_PATH", "/nowhere");
    Ran::of(&mut without("/run", &nobody)).fails(3, &["no container engine was found on this machine", "DOCKER_HOST", "Podman"]);
    nobody.arg("--podman");
    Ran::of(&mut without("/run", &nobody)).fails(3, &["no Podman was found", "podman.socket"]);

    // A disk that is too small for what it is to take: for the archive itself, then only for what comes out of it.
    let disk = Disk::of(&project.path().join("disk"), "4m");
    let docker = Docker::with(&["--data-root", disk.0.to_str().unwrap()]);
    let full = ["box/x86_64: ", "no space left on device", "the engine's disk is full", "docker system prune"];
    with(&project, docker.address(), &["load", "box"]).fails(1, &full);
    judge("mount", &["-o", "remount,size=14m", disk.0.to_str().unwrap()]);
    with(&project, docker.address(), &["load", "box"]).fails(1, &full);
    judge("mount", &["-o", "remount,size=100m", disk.0.to_str().unwrap()]);
    assert_eq!(with(&project, docker.address(), &["load", "box"]).code, 0);

    // Somebody who may not open its socket.
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let socket = docker.address().strip_prefix("unix://").unwrap();
    open(Path::new(socket).parent().unwrap(), 0o755);
    open(Path::new(socket), 0o660);
    let program = project.path().join("catamaran");
    fs::copy(env!("CARGO_BIN_EXE_catamaran"), &program).unwrap();
    judge("chown", &["-R", "nobody", project.path().to_str().unwrap()]);
    let mut denied = Command::new("setpriv");
    denied.args(["--reuid", "nobody", "--clear-groups"]).arg(&program).args(["load", "box", "--engine", docker.address()]);
    denied.current_dir(project.path()).envs(project.command().get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&mut denied).fails(3, &["you may not use the engine at", "permission denied", "usermod -aG docker"]);
    drop(docker);
    drop(disk);
}

/// A file system of its own in memory.
struct Disk(std::path::PathBuf);

impl Disk {
    fn of(folder: &Path, size: &str) -> Self {
        fs::create_dir(folder).unwrap();
        judge("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "none", folder.to_str().unwrap()]);
        Disk(folder.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}
