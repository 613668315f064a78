//! Starting the program and the real parts around it, each in folders of its own, each stopped by its pid.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Fails the test when a program is missing, and says which package has it.
pub fn need(program: &str, package: &str) {
    let found = std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    assert!(found, "this test needs `{program}`: apt-get install {package} (tests/run.sh installs everything)");
}

/// A project folder with a `containers.toml`, and a cache and state of its own.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A project with this `containers.toml`.
    pub fn new(containers: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("containers.toml"), containers).expect("a writable folder");
        Project { folder }
    }

    /// fd for both architectures, pushed to `registry` when there is one.
    pub fn fd(registry: Option<&Registry>) -> Self {
        let registry =
            registry.map(|r| format!("[registry]\nhost = \"{}\"\nrepository = \"tools/{{container}}\"\n", r.host)).unwrap_or_default();
        Project::new(&format!(
            "{registry}[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\nbase = [\"bash\", \"coreutils\"]\n\n[containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n"
        ))
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `containers.lock` as it is now.
    pub fn lock(&self) -> toml::Table {
        fs::read_to_string(self.path().join("containers.lock")).expect("a lock").parse().expect("TOML")
    }

    pub fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    /// `catamaran`, in this project, with nothing inherited that could change what it does.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catamaran"));
        command.current_dir(self.path()).env("CATAMARAN_CACHE_DIR", self.cache()).env("CATAMARAN_STATE_DIR", self.path().join("state"));
        command
            .env("CATAMARAN_CONFIG_DIR", self.path().join("config"))
            .env("DOCKER_CONFIG", self.path().join("docker"))
            .stdin(Stdio::null());
        for variable in [
            "VERSION",
            "TAGS",
            "GITHUB_REF_NAME",
            "GITHUB_ACTOR",
            "GITHUB_TOKEN",
            "GITHUB_OUTPUT",
            "GITHUB_STEP_SUMMARY",
            "NO_COLOR",
            "SOURCE_DATE_EPOCH",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }

    /// Runs, expects success, gives standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "catamaran {arguments:?}\n{}\n{}", ran.out, ran.err);
        ran.out
    }

    /// Runs with `--json`-like arguments, expects success, gives the document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("catamaran {arguments:?} printed no JSON ({error}):\n{text}"))
    }

    /// The manifest digests of every built target, by `container/target`.
    pub fn digests(&self) -> Vec<(String, String)> {
        let list = self.json(&["list", "--json"]);
        let targets = list["targets"].as_array().expect("a list of targets");
        let digest = |t: &Value| t["image"]["digest"].as_str().unwrap_or("none").to_owned();
        targets.iter().map(|t| (format!("{}/{}", t["container"].as_str().unwrap(), t["target"].as_str().unwrap()), digest(t))).collect()
    }
}

/// What a finished program left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Ran::from(output)
    }

    /// Expects this exit code, and these words on standard error.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing from:\n{}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a judge and expects it to agree; gives its standard output.
#[track_caller]
pub fn judge(program: &str, arguments: &[&str]) -> String {
    let ran = Ran::of(Command::new(program).args(arguments));
    assert_eq!(ran.code, 0, "{program} {arguments:?}\n{}\n{}", ran.out, ran.err);
    ran.out
}

/// A real `docker-registry` on a loopback port.
pub struct Registry {
    pub host: String,
    child: Child,
    folder: tempfile::TempDir,
}

/// What a registry wants of those who ask.
#[derive(Default)]
pub struct Terms<'a> {
    /// `auth:` of its configuration.
    pub auth: String,
    /// Files in its folder that `auth` names.
    pub files: Vec<(&'static str, String)>,
    /// Certificate, key, and the authority of clients' certificates.
    pub tls: Option<(&'a Path, &'a Path, Option<&'a Path>)>,
}

impl Registry {
    /// Open to everyone.
    pub fn start() -> Self {
        Self::with(Terms::default())
    }

    /// Open to `user` with `password` only.
    pub fn with_password(user: &str, password: &str) -> Self {
        need("htpasswd", "apache2-utils");
        let file = ("htpasswd", judge("htpasswd", &["-Bbn", user, password]));
        Self::with(Terms { auth: "htpasswd: {realm: test, path: FOLDER/htpasswd}".into(), files: vec![file], tls: None })
    }

    /// On these terms; `FOLDER` in them is the registry's own.
    pub fn with(terms: Terms) -> Self {
        need("docker-registry", "docker-registry");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let tls = terms.tls.map(|(certificate, key, clients)| {
            let clients = clients.map(|path| format!(", clientcas: [{}]", path.display())).unwrap_or_default();
            format!(", tls: {{certificate: {}, key: {}{clients}}}", certificate.display(), key.display())
        });
        let auth = if terms.auth.is_empty() { String::new() } else { format!("auth: {{{}}}\n", terms.auth) };
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: FOLDER/data}}, delete: {{enabled: true}}}}\nhttp: {{addr: 127.0.0.1:{port}, secret: test{}}}\n{auth}",
            tls.unwrap_or_default()
        );
        fs::write(folder.path().join("config.yml"), text.replace("FOLDER", &folder.path().display().to_string()))
            .expect("a writable folder");
        for (name, content) in terms.files {
            fs::write(folder.path().join(name), content).expect("a writable folder");
        }
        let child = Self::spawn(folder.path());
        let registry = Registry { host: format!("127.0.0.1:{port}"), child, folder };
        registry.wait();
        registry
    }

    fn spawn(folder: &Path) -> Child {
        let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a writable folder");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(folder.join("config.yml")).stdout(log).stderr(Stdio::null());
        command.spawn().expect("docker-registry starts")
    }

    fn wait(&self) {
        wait_for("docker-registry to answer", || TcpStream::connect(&self.host).is_ok());
    }

    /// The same registry again, after [`Registry::stop`].
    pub fn restart(&mut self) {
        self.child = Self::spawn(self.folder.path());
        self.wait();
    }

    /// What it was asked, as it says itself in its access log: `HEAD /v2/…`, oldest first.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).expect("an access log");
        log.lines().filter_map(|line| Some(line.split('"').nth(1)?.trim_end_matches(" HTTP/1.1").to_owned())).collect()
    }

    /// Every request it has answered, as its access log has it: `ADDRESS:PORT … "GET /v2/ HTTP/1.1" 200 …`.
    pub fn served(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines()
            .filter(|line| line.contains("\" HTTP/") || line.contains(" HTTP/"))
            .filter(|l| l.contains("/v2/"))
            .map(str::to_owned)
            .collect()
    }

    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Where it keeps its files.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits up to ten seconds for `condition`.
#[track_caller]
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(10), "waited ten seconds for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A copy of a folder; hard links would let one test change another's files.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// Every regular file below `folder` that begins like ELF.
pub fn elf_files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder").flatten() {
            let kind = entry.file_type().expect("a file type");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && fs::read(entry.path()).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF")) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// Files below `folder` whose names begin with `.new-` or end in `.part`: what a crash must not leave trusted.
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            found.extend(leftovers(&path));
        } else if name.starts_with(".new-") {
            found.push(path);
        }
    }
    found
}
