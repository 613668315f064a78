//! Registries that are reached through a proxy, under a name that only the proxy can find.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Project, Ran, Registry, Terms, need};
use crate::registries::{big_image, certificate, signed};

/// What the registry is called behind the proxy (RFC 6761: no DNS server knows `.test`).
const NAME: &str = "registry.test";

/// A proxy (RFC 9110, 9.3.6 and 7.6.3): CONNECT and absolute addresses; `registry.test` is this machine to it.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy)]
enum Manner {
    Open,
    /// Wants `acme` with `secret-word`.
    Password,
    /// Makes no connection to anyone.
    Closed,
}

impl Proxy {
    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || Self::serve(stream, manner, &log));
            }
        });
        Proxy { address, asked }
    }

    fn serve(mut client: TcpStream, manner: Manner, log: &Mutex<Vec<String>>) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if client.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let text = String::from_utf8(head.clone()).unwrap();
        let line = text.lines().next().unwrap().to_owned();
        log.lock().unwrap().push(line.clone());
        let proof = format!("proxy-authorization: basic {}", STANDARD.encode("acme:secret-word")).to_ascii_lowercase();
        let refusal = match manner {
            Manner::Closed => Some("403 Forbidden"),
            Manner::Password if !text.lines().any(|l| l.to_ascii_lowercase() == proof) => Some("407 Proxy Authentication Required"),
            _ => None,
        };
        if let Some(status) = refusal {
            let _ = client.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes());
            return;
        }
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let to = target.trim_start_matches("http://").split('/').next().unwrap().replace(NAME, "127.0.0.1");
        let mut server = TcpStream::connect(to).unwrap();
        if method == "CONNECT" {
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        } else {
            // Servers take absolute addresses too (RFC 9112, 3.2.2), so that what follows need not be understood.
            server.write_all(&head).unwrap();
        }
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// `command` with these variables, and none of this machine's that say something about proxies.
fn with<'c>(command: &'c mut Command, variables: &[(&str, &str)]) -> &'c mut Command {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(variables.iter().copied())
}

#[test]
fn https_through_a_proxy_with_an_authority_of_the_environment() {
    need("skopeo", "skopeo");
    let folder = tempfile::tempdir().unwrap();
    let authority = certificate(folder.path(), "authority", "IP:127.0.0.1");
    let (server, key) = signed(folder.path(), "server", &authority, &format!("DNS:{NAME}"));
    let registry = Registry::with(Terms { tls: Some((&server, &key, None)), ..Terms::default() });
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    let digest = big_image(&project.path().join("big"), 300_000);
    let host = registry.host.replace("127.0.0.1", NAME);
    let to = format!("{host}/a/big:1");
    let trust = ("SSL_CERT_FILE", authority.0.to_str().unwrap());
    let run = |variables: &[(&str, &str)]| {
        let ran = Ran::of(with(&mut project.command(), variables).args(["copy", "oci:big", &to]));
        for shown in [&ran.out, &ran.err] {
            assert!(!shown.contains("secret-word") && !shown.contains("acme"), "the proxy's password is shown:\n{shown}");
        }
        ran
    };

    let proxy = Proxy::start(Manner::Password);
    let at = format!("http://acme:secret-word@{}", proxy.address);
    let done = run(&[("HTTPS_PROXY", &at), trust]);
    assert_eq!(done.code, 0, "{}", done.err);
    // All of it through one tunnel.
    assert_eq!(proxy.asked(), [format!("CONNECT {host} HTTP/1.1")]);
    let mut skopeo = Command::new("skopeo");
    let raw = Ran::of(with(&mut skopeo, &[("HTTPS_PROXY", &at), trust]).args(["inspect", "--raw", &format!("docker://{to}")]));
    assert_eq!(catamaran::image::Digest::of(raw.out.as_bytes()).to_string(), digest, "{}", raw.err);

    // Whose fault it is: the registry's certificate, the proxy's password, will or absence; or the name, without a proxy.
    run(&[("HTTPS_PROXY", &at)]).fails(3, &["is not trusted", "SSL_CERT_FILE"]);
    let named = |text: &str| format!("the proxy {} {text}", proxy.address);
    run(&[("HTTPS_PROXY", &at.replace("secret", "wrong")), trust]).fails(3, &[&named("wants a user and a password"), "HTTPS_PROXY"]);
    proxy.asked();
    run(&[("HTTPS_PROXY", &at), ("NO_PROXY", NAME), trust]).fails(3, &[&format!("the name {host} cannot be found")]);
    assert!(proxy.asked().is_empty());
    let closed = Proxy::start(Manner::Closed);
    let words = format!("the proxy {} makes no connection to {host}", closed.address);
    run(&[("ALL_PROXY", &format!("http://{}", closed.address)), trust]).fails(3, &[&words, "NO_PROXY"]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ran = run(&[("https_proxy", &format!("http://{nobody}")), trust]);
    ran.fails(3, &[&format!("the proxy {nobody} does not answer"), &format!("NO_PROXY={NAME} ")]);
    assert!(!ran.err.contains(&format!("nothing listens at {host}")), "{}", ran.err);
}

#[test]
fn plain_http_through_a_proxy_where_it_was_asked_for_and_never_else() {
    let registry = Registry::start();
    let host = registry.host.replace("127.0.0.1", NAME);
    let settings = |insecure| format!("[registry]\nhost = \"{host}\"\ninsecure = {insecure}\n[containers.aa]\npackages = [\"aa\"]\n");
    let project = Project::new(&settings(true));
    let digest = big_image(&project.path().join("big"), 300_000);
    let to = format!("{host}/a/big:1");
    let proxy = Proxy::start(Manner::Open);
    let at = format!("http://{}", proxy.address);
    let run = |variables: &[(&str, &str)]| Ran::of(with(&mut project.command(), variables).args(["copy", "oci:big", &to, "--json"]));

    let done = run(&[("HTTP_PROXY", &at)]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains(&digest), "{}", done.out);
    assert!(proxy.asked().iter().all(|line| line.contains(&format!(" http://{host}/v2/"))), "absolute addresses only");
    assert!(registry.served().iter().any(|l| l.contains("PUT") && l.contains("/manifests/1")), "{:#?}", registry.served());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    run(&[("HTTP_PROXY", &format!("http://{nobody}"))]).fails(3, &[&format!("the proxy {nobody} does not answer")]);

    // Not asked for: TLS or nothing, whatever the proxy would carry.
    fs::write(project.path().join("containers.toml"), settings(false)).unwrap();
    let before = registry.served().len();
    run(&[("HTTP_PROXY", &at), ("HTTPS_PROXY", &at)]).fails(3, &["does not speak TLS", "insecure = true"]);
    assert_eq!(registry.served().len(), before);
}

/// A registry on this machine, in the clear, whose tokens are given out elsewhere.
fn asks_for_tokens_of(issuer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!(
                "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"https://{issuer}/token\",service=\"s\"\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    host
}

#[test]
fn this_machine_is_reached_directly_and_what_it_names_elsewhere_through_the_proxy() {
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    big_image(&project.path().join("big"), 3000);
    let run = |variables: &[(&str, &str)], to: &str| Ran::of(with(&mut project.command(), variables).args(["copy", "oci:big", to]));
    let proxy = Proxy::start(Manner::Closed);
    let at = format!("http://{}", proxy.address);
    let proxies = [("HTTP_PROXY", at.as_str()), ("HTTPS_PROXY", at.as_str())];
    let registry = Registry::start();
    let done = run(&proxies, &format!("{}/a/big:1", registry.host));
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(proxy.asked().is_empty());

    let host = asks_for_tokens_of("tokens.test");
    let words = format!("the proxy {} makes no connection", proxy.address);
    run(&proxies, &format!("{host}/a/big:1")).fails(3, &[&words]);
    let asked = proxy.asked();
    assert!(!asked.is_empty() && asked.iter().all(|line| line == "CONNECT tokens.test:443 HTTP/1.1"), "{asked:?}");
}
