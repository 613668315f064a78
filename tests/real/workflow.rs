//! The workflow for GitHub Actions, run here by its own texts: jobs as processes with a checkout, a home and a cache each, a real
//! registry, and nothing between the jobs but artifacts and outputs (`tests/workflow/github.py`).

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Project, Ran, Registry, judge, need};

const WORKFLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/workflows/containers.yaml");
const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workflow/github.py");

/// Two containers that are right, and one whose images cannot be.
const CONTAINERS: &str = "[containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n[containers.shell]\npackages = [\"bash\"]\nentrypoint = \"bash\"\n\
                          [containers.broken]\npackages = [\"bash\"]\nentrypoint = \"no-such-command\"\n";

/// A project in a repository, with a registry that wants a password.
fn project(registry: &Registry, containers: &str) -> Project {
    let project = Project::new(&format!(
        "[registry]\nhost = \"{}\"\nrepository = \"tools/{{container}}\"\nusername = {{ env = \"GITHUB_ACTOR\" }}\npassword = {{ env = \"GITHUB_TOKEN\" }}\n{containers}",
        registry.host
    ))
    .with_segments();
    fs::remove_file(project.path().join("containers.lock")).unwrap();
    commit(&project, &["containers.toml"]);
    project
}

fn commit(project: &Project, files: &[&str]) {
    let path = project.path().to_str().unwrap();
    let who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    judge("git", &["-C", path, "init", "--quiet", "--initial-branch", "main"]);
    judge("git", &[&["-C", path, "add"], files].concat());
    judge("git", &[&["-C", path], &who[..], &["commit", "--quiet", "--message", "x"]].concat());
}

/// Runs the workflow and gives its report; the folder is where its jobs are.
fn run(project: &Project, place: &Path, arguments: &[&str]) -> (i32, Value) {
    need("python3", "python3-yaml");
    let mut command = Command::new("python3");
    command.args([RUNNER, WORKFLOW]).arg(project.path()).args([
        "--program",
        env!("CARGO_BIN_EXE_catamaran"),
        "--actor",
        "bot",
        "--token",
        "secret",
    ]);
    command.arg("--place").arg(place).arg("--cache").arg(project.cache()).args(arguments);
    // A job inherits nothing; the mirror of the other tests is its, too.
    if let Ok(mirror) = std::env::var("CATAMARAN_DEBIAN_MIRROR") {
        command.arg("--env").arg(format!("CATAMARAN_DEBIAN_MIRROR={mirror}"));
    }
    let ran = Ran::of(&mut command);
    let report = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.out, ran.err));
    (ran.code, report)
}

/// The jobs of one kind: what is in each, and how it ended.
fn ends(report: &Value, kind: &str) -> Vec<(String, String)> {
    let jobs = report["jobs"].as_array().unwrap().iter().filter(|job| job["job"] == kind);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut ends: Vec<_> = jobs
        .map(|job| {
            (format!("{} {}", word(&job["matrix"]["container"]), word(&job["matrix"]["target"])).trim().to_owned(), word(&job["result"]))
        })
        .collect();
    ends.sort();
    ends
}

/// All that the jobs have said, for when something is not as it should be.
fn logs(report: &Value) -> String {
    let jobs = report["jobs"].as_array().unwrap().iter();
    jobs.filter_map(|job| fs::read_to_string(job["log"].as_str()?).ok().map(|log| format!("{}\n{log}\n", job["log"]))).collect()
}

/// The architectures of the published index, as skopeo reads them, and its digest.
fn published(registry: &Registry, container: &str, tag: &str) -> (Vec<String>, String) {
    let at = format!("docker://{}/tools/{container}:{tag}", registry.host);
    let asked = ["inspect", "--tls-verify=false", "--creds", "bot:secret"];
    let index: Value = serde_json::from_str(&judge("skopeo", &[&asked[..], &["--raw", &at]].concat())).unwrap();
    let digest = judge("skopeo", &[&asked[..], &["--format", "{{.Digest}}", &at]].concat()).trim().to_owned();
    let members = index["manifests"].as_array().unwrap();
    // Each member as an engine of its architecture would take it.
    for member in members {
        let architecture = member["platform"]["architecture"].as_str().unwrap();
        let config = judge("skopeo", &[&["--override-arch", architecture][..], &asked[..], &["--config", &at]].concat());
        assert_eq!(serde_json::from_str::<Value>(&config).unwrap()["architecture"], architecture);
    }
    (members.iter().map(|m| m["platform"]["architecture"].as_str().unwrap().to_owned()).collect(), digest)
}

#[test]
fn the_workflow_publishes_what_is_right_and_builds_nothing_twice() {
    need("skopeo", "skopeo");
    need("git", "git");
    let registry = Registry::with_password("bot", "secret");
    let project = project(&registry, CONTAINERS);
    let place = tempfile::tempdir().unwrap();

    let (code, report) =
        run(&project, &place.path().join("one"), &["--input", "version=1.0.0", "--input", "push=true", "--input", "tags=stable,next"]);
    let words = |ends: &[(&str, &str)]| ends.iter().map(|(job, end)| ((*job).to_owned(), (*end).to_owned())).collect::<Vec<_>>();
    let built = words(&[
        ("broken aarch64", "failure"),
        ("broken x86_64", "failure"),
        ("fd aarch64", "success"),
        ("fd x86_64", "success"),
        ("shell aarch64", "success"),
        ("shell x86_64", "success"),
    ]);
    assert_eq!((code, ends(&report, "build")), (1, built), "{}", logs(&report));
    let joined = words(&[("broken", "failure"), ("fd", "success"), ("shell", "success")]);
    assert_eq!(ends(&report, "manifest"), joined, "{}", logs(&report));
    let mut digests = Vec::new();
    for container in ["fd", "shell"] {
        let (architectures, digest) = published(&registry, container, "1.0.0");
        assert_eq!(architectures, ["amd64", "arm64"]);
        for tag in ["stable", "next"] {
            assert_eq!(published(&registry, container, tag).1, digest, "{container}:{tag}");
        }
        digests.push(digest);
    }
    let repositories = registry.data().join("docker/registry/v2/repositories/tools");
    assert!(repositories.join("fd").exists() && !repositories.join("broken").exists(), "nothing of a container that failed");
    // The machine that joins has sent no layer and no config.
    let joining = place.path().join("one/manifest-1/summary.md");
    assert!(fs::read_to_string(&joining).unwrap().contains(" in 0 blobs; "), "{joining:?}");

    // Two jobs for all targets: within a job, too, one container's failure is its own. The versions are those that are committed.
    fs::copy(place.path().join("one/artifacts/lock/containers.lock"), project.path().join("containers.lock")).unwrap();
    commit(&project, &["containers.lock"]);
    let arguments = ["--input", "version=1.0.1", "--input", "push=true", "--variable", "CATAMARAN_SHARDS=2"];
    let (_, report) = run(&project, &place.path().join("two"), &arguments);
    let built = words(&[("broken fd shell aarch64", "failure"), ("broken fd shell x86_64", "failure")]);
    assert_eq!(ends(&report, "build"), built, "{}", logs(&report));
    assert_eq!(ends(&report, "manifest"), words(&[("broken", "failure"), ("fd shell", "success")]), "{}", logs(&report));
    for (container, digest) in ["fd", "shell"].iter().zip(digests) {
        assert_eq!(published(&registry, container, "1.0.1").1, digest, "the same images, the same index");
        assert_eq!(published(&registry, container, "latest").1, digest, "on main, `latest` comes along");
    }
}

#[test]
fn a_project_without_containers_has_no_jobs_and_one_with_many_has_batches() {
    let project = Project::new("# none yet\n");
    commit(&project, &["containers.toml"]);
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.args([RUNNER, WORKFLOW]).arg(project.path()).args(["--program", env!("CARGO_BIN_EXE_catamaran"), "--input", "push=true"]);
    let ran = Ran::of(command.arg("--place").arg(place.path()));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let results: Vec<&str> = report["jobs"].as_array().unwrap().iter().map(|job| job["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["success", "skipped", "skipped"]);

    let many: String = (0..5000).map(|n| format!("[containers.c{n}]\npackages = [\"bash\"]\n")).collect();
    let lines = Project::new(&many).ok(&["matrix", "--github"]);
    for line in lines.lines().filter(|line| line.contains("include")) {
        let (name, json) = line.split_once('=').unwrap();
        let jobs = serde_json::from_str::<Value>(json).unwrap()["include"].as_array().unwrap().len();
        assert!((200..=256).contains(&jobs), "{name} has {jobs} jobs");
        // GitHub's limit on the outputs of a job.
        assert!(line.len() < 1 << 20, "{name} has {} bytes", line.len());
    }
    assert!(lines.ends_with("jobs=256\n") || lines.contains("jobs=25"), "{}", lines.lines().last().unwrap());
}

/// A tool of the linters and runners that tests/install.sh puts below target/.
fn tool(name: &str) -> String {
    let path = format!("{}/target/tools/bin/{name}", env!("CARGO_MANIFEST_DIR"));
    assert!(Path::new(&path).exists(), "this test needs {path}: tests/install.sh installs it");
    path
}

#[test]
fn gitlab_runs_the_pipeline_that_init_writes() {
    need("python3", "python3-yaml");
    let registry = Registry::with_password("bot", "secret");
    let project = project(&registry, CONTAINERS);
    project.ok(&["init", "--gitlab"]);
    commit(&project, &[".gitlab-ci.yml", ".gitlab"]);
    let place = tempfile::tempdir().unwrap();
    let runner = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workflow/gitlab.py");
    let mut command = Command::new("python3");
    command.arg(runner).arg(project.path()).args(["--program", env!("CARGO_BIN_EXE_catamaran")]);
    command.arg("--place").arg(place.path()).arg("--cache").arg(project.cache());
    for variable in ["PUSH=true", "VERSION=1.0.0", "TAGS=stable", "CATAMARAN_SHARDS=4", "GITHUB_ACTOR=bot", "GITHUB_TOKEN=secret"] {
        command.args(["--variable", variable]);
    }
    let ran = Ran::of(&mut command);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.out, ran.err));
    let said = |job: &Value| format!("{} {}", job["job"].as_str().unwrap(), job["result"].as_str().unwrap());
    let jobs: Vec<String> = report["jobs"].as_array().unwrap().iter().map(said).collect();
    let expected = [
        "discover success",
        "build aarch64 1 of 2 failure",
        "build aarch64 2 of 2 success",
        "build x86_64 1 of 2 failure",
        "build x86_64 2 of 2 success",
        "index broken failure",
        "index fd success",
        "index shell success",
    ];
    assert_eq!(jobs, expected, "{}", logs(&report));
    for container in ["fd", "shell"] {
        assert_eq!(published(&registry, container, "stable"), published(&registry, container, "1.0.0"));
        assert_eq!(published(&registry, container, "1.0.0").0, ["amd64", "arm64"]);
    }
}

#[test]
fn the_recipes_of_the_justfile_do_what_they_say() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    let just = |words: &[&str]| {
        let mut command = Command::new(tool("just"));
        let own = project.command();
        command.current_dir(project.path()).envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["--justfile", concat!(env!("CARGO_MANIFEST_DIR"), "/justfile"), "--working-directory", "."]);
        let ran = Ran::of(command.args(["--set", "catamaran", env!("CARGO_BIN_EXE_catamaran")]).args(words));
        assert_eq!(ran.code, 0, "just {words:?}\n{}\n{}", ran.out, ran.err);
        ran
    };
    just(&["container-build-all", "fd"]);
    for (target, architecture) in [("x86_64", "amd64"), ("aarch64", "arm64")] {
        let layout = format!("oci:{}/result-{target}:fd", project.path().display());
        let config = judge("skopeo", &["--override-arch", architecture, "inspect", "--config", &layout]);
        assert_eq!(serde_json::from_str::<Value>(&config).unwrap()["architecture"], architecture);
    }
    assert!(just(&["container-verify", "fd"]).out.contains("arm64"));
    assert_eq!(just(&["container-matrix"]).out.trim(), project.ok(&["matrix"]).trim());
    just(&["options=--yes", "container-push", "fd", "1.0.0", "latest,stable"]);
    just(&["options=--yes", "container-release", "1.0.0", "latest,stable"]);
    for tag in ["1.0.0", "latest", "stable", "1.0.0-amd64", "1.0.0-arm64"] {
        assert!(crate::reader::whole(&registry.host, "tools/fd", tag).is_some(), "{tag}");
    }
    // What needs an engine: which commands these are. An architecture's default is the reference's.
    let program = env!("CARGO_BIN_EXE_catamaran");
    let all = just(&["--dry-run", "container-all", "rg", "", "x86_64"]).err;
    assert_eq!(
        all.lines().map(|line| line.replacen(program, "catamaran", 1)).collect::<Vec<_>>(),
        ["catamaran build \"$1\" --target \"$3\"", "catamaran load \"$1\" --target \"$3\"", "catamaran test \"${2:-$1}\" --target \"$3\"",]
    );
    for words in
        [&["container-load", "fd"][..], &["container-test", "fd"], &["container-push-x86", "fd", "1.0.0"], &["container-push-arm", "fd"]]
    {
        just(&[&["--dry-run"], words].concat());
    }
}

/// A server for the files of `folder`, which ends with the test.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_action_takes_a_release_only_if_its_checksum_is_right() {
    const JOBS: &str = "on: {workflow_dispatch: {inputs: {}}}\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@x\n      \
                        - uses: ./\n        with: {version: 1.2.3, cache-key: one}\n      - run: catamaran --version && mkdir -p ~/.cache/catamaran/debian/packages && \
                        echo kept >> ~/.cache/catamaran/debian/packages/x && cat ~/.cache/catamaran/debian/packages/x\n";
    let project = Project::new("# none yet\n");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml"), project.path().join("action.yml")).unwrap();
    fs::write(project.path().join("jobs.yaml"), JOBS).unwrap();
    commit(&project, &["action.yml"]);
    // A release as packaging makes one, with a program that says which it is.
    let served = tempfile::tempdir().unwrap();
    let name = format!("catamaran-{}-unknown-linux-musl", std::env::consts::ARCH);
    let release = served.path().join("acme/tools/releases/download/v1.2.3");
    let staged = served.path().join(&name);
    fs::create_dir_all(&release).unwrap();
    fs::create_dir(&staged).unwrap();
    fs::write(staged.join("catamaran"), "#!/bin/sh\necho catamaran 1.2.3\n").unwrap();
    judge("chmod", &["+x", staged.join("catamaran").to_str().unwrap()]);
    let archive = release.join(format!("{name}.tar.gz"));
    judge("tar", &["-czf", archive.to_str().unwrap(), "-C", served.path().to_str().unwrap(), &name]);
    let sum = judge("sha256sum", &[archive.to_str().unwrap()]);
    fs::write(release.join(format!("{name}.tar.gz.sha256")), format!("{}  {name}.tar.gz\n", &sum[..64])).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
    let mut python = Command::new("python3");
    python.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(served.path());
    let _server = Server(python.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap());
    crate::harness::wait_for("the server", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());

    let place = tempfile::tempdir().unwrap();
    let run = |place: &Path| {
        let mut command = Command::new("python3");
        command.arg(RUNNER).arg(project.path().join("jobs.yaml")).arg(project.path()).arg("--place").arg(place);
        let ran = Ran::of(command.args(["--env", &format!("GITHUB_SERVER_URL=http://127.0.0.1:{port}")]));
        (ran.code, fs::read_to_string(place.join("one/log")).unwrap_or(ran.err))
    };
    let (code, log) = run(place.path());
    assert!(code == 0 && log.contains("catamaran 1.2.3\nkept\n"), "{log}");
    // The next run begins with what this one has kept.
    fs::remove_dir_all(place.path().join("one")).unwrap();
    let (code, log) = run(place.path());
    assert!(code == 0 && log.contains("catamaran 1.2.3\nkept\nkept\n"), "{log}");

    fs::write(&archive, "something else").unwrap();
    let (code, log) = run(&place.path().join("other"));
    assert!(code == 1 && log.contains("FAILED") && !log.contains("catamaran 1.2.3"), "{log}");
}

#[test]
fn linters_agree_with_every_file_for_ci() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = tempfile::tempdir().unwrap();
    let project = Project::new("# none yet\n");
    project.ok(&["init", written.path().to_str().unwrap(), "--github", "--gitlab", "--just"]);
    let of = |folder: &Path, name: &str| folder.join(name).display().to_string();
    let (own, users) = (of(root, ".github/workflows/containers.yaml"), of(written.path(), ".github/workflows/containers.yaml"));
    let (action, release) = (of(root, "action.yml"), of(root, ".github/workflows/release.yaml"));
    let schema = tool("check-jsonschema");
    judge(&schema, &["--builtin-schema", "vendor.github-workflows", &own, &users, &release]);
    judge(&schema, &["--builtin-schema", "vendor.github-actions", &action]);
    judge(
        &schema,
        &["--builtin-schema", "vendor.gitlab-ci", &of(written.path(), ".gitlab-ci.yml"), &of(written.path(), ".gitlab/catamaran.yml")],
    );
    judge(&tool("zizmor"), &["--offline", "--no-progress", "--quiet", &own, &users, &release, &action]);
    let just = Ran::of(Command::new(tool("just")).args(["--unstable", "--fmt", "--check", "--justfile", &of(written.path(), "justfile")]));
    assert_eq!(just.code, 0, "{}{}", just.out, just.err);
    // What jobs run, as the linter of shells reads it: `run:` texts of workflow and action, and what `script:` has.
    need("shellcheck", "shellcheck");
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/workflow/scripts.py");
    let texts = judge(
        "python3",
        &[scripts, written.path().join("scripts").to_str().unwrap(), &own, &release, &action, &of(written.path(), ".gitlab/catamaran.yml")],
    );
    let dist = of(root, "packaging/dist.sh");
    let texts: Vec<&str> = texts.lines().chain([dist.as_str()]).collect();
    assert!(texts.len() > 12, "{texts:?}");
    judge("shellcheck", &texts);
}
