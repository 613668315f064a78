//! A real Docker engine of the test's own, and a TLS server for what runs in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::harness::{Ran, judge, need, wait_for};

/// A `dockerd` with folders and a socket of its own. It has no bridge: containers have no network, or the host's.
pub struct Docker {
    socket: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Docker {
    /// Starts it. Foreign architectures need a binfmt_misc handler, which `tests/run.sh` registers.
    pub fn start() -> Self {
        assert!(
            fs::read_to_string("/proc/sys/fs/binfmt_misc/qemu-aarch64").is_ok_and(|text| text.starts_with("enabled")),
            "this test runs arm64 images: apt-get install qemu-user-static, and register its binfmt handler (tests/run.sh does both)"
        );
        Self::with(&[])
    }

    /// Starts it with further options.
    pub fn with(options: &[&str]) -> Self {
        need("dockerd", "docker.io");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        let socket = format!("unix://{}", place("docker.sock"));
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let child = Command::new("dockerd")
            .args(["--data-root", &place("data"), "--exec-root", &place("exec"), "--pidfile", &place("pid"), "-H", &socket])
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd starts");
        let docker = Docker { socket, child, _folder: folder };
        wait_for("dockerd to answer (it needs root)", || docker.command(&["version"]).output().is_ok_and(|o| o.status.success()));
        docker
    }

    /// The engine's version: `20` of `20.10.24`.
    pub fn major_version(&self) -> u32 {
        let ran = Ran::of(&mut self.command(&["version", "--format", "{{.Server.Version}}"]));
        ran.out.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_else(|| panic!("no version: {ran:?}"))
    }

    /// Where it answers: `unix://…`.
    pub fn address(&self) -> &str {
        &self.socket
    }

    /// What it calls the image `name`: the digest of its config, where layers are unpacked when they are loaded.
    pub fn id_of(&self, name: &str) -> String {
        let ran = Ran::of(&mut self.command(&["image", "inspect", "--format", "{{.Id}}", name]));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out.trim().to_owned()
    }

    /// Docker's own client, speaking to it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(["-H", &self.socket]).args(arguments);
        command
    }

    /// Pulls `reference` for `linux/ARCHITECTURE`.
    #[track_caller]
    pub fn pull(&self, reference: &str, architecture: &str) {
        let ran = Ran::of(&mut self.command(&["pull", "-q", "--platform", &format!("linux/{architecture}"), reference]));
        assert_eq!(ran.code, 0, "pulling {reference} for {architecture}: {}", ran.err);
    }

    /// Runs `command` in what was pulled last, on the host's network, with `options` of `docker run` before the reference.
    pub fn run(&self, reference: &str, architecture: &str, options: &[&str], command: &[&str]) -> Ran {
        let platform = format!("linux/{architecture}");
        let mut arguments = vec!["run", "--rm", "--network", "host", "--platform", &platform];
        arguments.extend(options);
        arguments.push(reference);
        arguments.extend(command);
        Ran::of(&mut self.command(&arguments))
    }

    /// Forgets what was pulled: the vfs driver keeps a full copy of every layer.
    pub fn forget(&self, reference: &str) {
        let _ = self.command(&["rmi", "-f", reference]).output();
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Asked to end, it ends its containerd too; killed, it would not.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// An HTTPS server on loopback with a certificate nobody trusts but who is told to.
pub struct TlsServer {
    /// `https://127.0.0.1:PORT`.
    pub url: String,
    /// Its certificate, in PEM.
    pub certificate: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
}

impl TlsServer {
    /// Serves a bare git repository as `/repository.git` (the "dumb" protocol: plain files) and `/hello`.
    pub fn start() -> Self {
        need("python3", "python3");
        need("openssl", "openssl");
        need("git", "git");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let text = |name: &str| path(name).display().to_string();
        fs::create_dir(path("www")).expect("a writable folder");
        fs::write(path("www/hello"), "hello over TLS\n").expect("a writable folder");
        judge("git", &["init", "-q", "-b", "main", &text("work")]);
        fs::write(path("work/file"), "cloned over TLS\n").expect("a writable folder");
        let work = text("work");
        judge("git", &["-C", &work, "add", "file"]);
        let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        judge("git", &[&["-C", &work][..], &who, &["commit", "-q", "-m", "one"]].concat());
        judge("git", &["clone", "-q", "--bare", &work, &text("www/repository.git")]);
        judge("git", &["-C", &text("www/repository.git"), "update-server-info"]);
        let (key, certificate) = (text("key.pem"), path("certificate.pem"));
        let subject = ["-subj", "/CN=catamaran test", "-addext", "subjectAltName=IP:127.0.0.1"];
        let files = ["-keyout", &key, "-out", &text("certificate.pem")];
        judge("openssl", &[&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"][..], &files, &subject].concat());
        let program = "import functools, http.server, ssl, sys\n\
            server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[3]))\n\
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
            context.load_cert_chain(sys.argv[1], sys.argv[2])\n\
            server.socket = context.wrap_socket(server.socket, server_side=True)\n\
            open(sys.argv[4], 'w').write(str(server.server_port))\n\
            server.serve_forever()\n";
        let child = Command::new("python3")
            .args(["-c", program, &text("certificate.pem"), &key, &text("www"), &text("port")])
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 starts");
        let mut server = TlsServer { url: String::new(), certificate, child, folder };
        let port = server.folder.path().join("port");
        wait_for("the TLS server to listen", || fs::read_to_string(&port).is_ok_and(|text| !text.is_empty()));
        server.url = format!("https://127.0.0.1:{}", fs::read_to_string(&port).expect("the port"));
        server
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
