//! A real registry with TLS, client certificates, a token server in front of it, and an untimely end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{Project, Ran, Registry, Terms, judge, need, wait_for};

/// Where the registries of these tests are, as certificates say it.
const HERE: &str = "IP:127.0.0.1";

/// Makes a certificate that vouches for itself, for `place` (`IP:127.0.0.1`): its file and its key's.
pub fn certificate(folder: &Path, name: &str, place: &str) -> (PathBuf, PathBuf) {
    need("openssl", "openssl");
    let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}-key.pem")));
    let out = [key.to_str().unwrap(), certificate.to_str().unwrap()];
    let subject = format!("/CN={name}");
    let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &subject];
    judge("openssl", &[&arguments[..], &["-addext", &format!("subjectAltName={place}"), "-keyout", out[0], "-out", out[1]]].concat());
    (certificate, key)
}

/// A certificate for `place` that `authority` has signed: its file and its key's.
pub fn signed(folder: &Path, name: &str, authority: &(PathBuf, PathBuf), place: &str) -> (PathBuf, PathBuf) {
    signed_for(folder, name, authority, place, "2")
}

/// The same for so many days; with none it is over at once.
fn signed_for(folder: &Path, name: &str, authority: &(PathBuf, PathBuf), place: &str, days: &str) -> (PathBuf, PathBuf) {
    let path = |end: &str| folder.join(format!("{name}{end}")).display().to_string();
    fs::write(folder.join("extensions"), format!("subjectAltName={place}\nbasicConstraints=CA:FALSE\n")).unwrap();
    let subject = format!("/CN={name}");
    judge("openssl", &["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &path("-key.pem"), "-out", &path(".csr")]);
    let (ca, ca_key) = (authority.0.to_str().unwrap(), authority.1.to_str().unwrap());
    let extensions = folder.join("extensions").display().to_string();
    let request = ["x509", "-req", "-in", &path(".csr"), "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", days].map(str::to_owned);
    let arguments: Vec<String> = request.into_iter().chain(["-extfile".into(), extensions, "-out".into(), path(".pem")]).collect();
    judge("openssl", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    (path(".pem").into(), path("-key.pem").into())
}

/// A token server (distribution, "Token Authentication Specification") that knows `acme` with `secret-word`.
struct Tokens {
    address: String,
}

impl Tokens {
    fn start(folder: &Path) -> (Self, PathBuf) {
        let (certificate, key) = certificate(folder, "issuer", HERE);
        let der = folder.join("issuer.der");
        judge("openssl", &["x509", "-in", certificate.to_str().unwrap(), "-outform", "DER", "-out", der.to_str().unwrap()]);
        let chain = STANDARD.encode(fs::read(der).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let signer = Arc::new((key, chain, folder.to_owned()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let signer = Arc::clone(&signer);
                std::thread::spawn(move || Self::answer(stream, &signer.0, &signer.1, &signer.2));
            }
        });
        (Tokens { address }, certificate)
    }

    fn answer(stream: TcpStream, key: &Path, chain: &str, folder: &Path) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let right = format!("authorization: Basic {}", STANDARD.encode("acme:secret-word"));
        let (status, body) = match lines.iter().any(|l| l.eq_ignore_ascii_case(&right)) {
            false => ("401 Unauthorized", json!({ "details": "incorrect username or password" })),
            true => {
                let target = lines[0].split(' ').nth(1).unwrap_or_default();
                let url = url::Url::parse(&format!("http://x{target}")).unwrap();
                let scopes = url.query_pairs().filter(|(k, _)| k == "scope").map(|(_, v)| v.into_owned());
                let access: Vec<Value> = scopes
                    .filter_map(|scope| {
                        let mut words = scope.splitn(3, ':');
                        let (kind, name, actions) = (words.next()?.to_owned(), words.next()?.to_owned(), words.next()?.to_owned());
                        Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
                    })
                    .collect();
                ("200 OK", json!({ "token": sign(key, chain, folder, access), "expires_in": 300 }))
            }
        };
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = (&stream).write_all((head + &body).as_bytes());
        let _ = (&stream).read(&mut [0; 1]);
    }

    fn terms(&self, certificate: &Path) -> String {
        format!(
            "token: {{realm: \"http://{}/token\", service: test, issuer: test, rootcertbundle: {}}}",
            self.address,
            certificate.display()
        )
    }
}

/// A token as docker-registry takes it: a JWT (RS256) with the issuer's certificate in its head.
fn sign(key: &Path, chain: &str, folder: &Path, access: Vec<Value>) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let head = json!({ "typ": "JWT", "alg": "RS256", "x5c": [chain] });
    let claims =
        json!({ "iss": "test", "sub": "acme", "aud": "test", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1", "access": access });
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(head.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let file = tempfile::NamedTempFile::new_in(folder).unwrap();
    fs::write(file.path(), &text).unwrap();
    let signature = Command::new("openssl").args(["dgst", "-sha256", "-sign"]).arg(key).arg(file.path()).output().unwrap().stdout;
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A layout with one image of one layer of `size` bytes that cannot be guessed; gives its digest.
pub fn big_image(folder: &Path, size: usize) -> String {
    let mut layer = vec![0_u8; size];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for chunk in layer.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
    let put = |bytes: &[u8]| {
        let digest = catamaran::image::Digest::of(bytes);
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(folder.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        digest.to_string()
    };
    let digest = put(&layer);
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [digest] } }).to_string();
    let manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": put(config.as_bytes()), "size": config.len() },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size }] })
    .to_string();
    let top = put(manifest.as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": top, "size": manifest.len() }] });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    top
}

#[test]
fn a_registry_in_the_clear_needs_nobodys_authorities() {
    let registry = Registry::start();
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    big_image(&project.path().join("big"), 3000);
    let run = |to: &str| {
        let nowhere = [("SSL_CERT_FILE", "/nowhere.pem"), ("SSL_CERT_DIR", "/nowhere")];
        Ran::of(project.command().envs(nowhere).args(["copy", "oci:big", to]))
    };
    let plain = run(&format!("{}/a/big:1", registry.host));
    assert_eq!(plain.code, 0, "{}", plain.err);
    run("registry.test/a/big:1").fails(3, &["SSL_CERT_FILE"]);
}

#[test]
fn tls_with_our_own_authority_and_a_client_certificate() {
    need("skopeo", "skopeo");
    let folder = tempfile::tempdir().unwrap();
    let authority = certificate(folder.path(), "authority", HERE);
    let (server, server_key) = signed(folder.path(), "server", &authority, HERE);
    let (client, client_key) = certificate(folder.path(), "client", HERE);
    let registry = Registry::with(Terms { tls: Some((&server, &server_key, Some(&client))), ..Terms::default() });
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    let digest = big_image(&project.path().join("big"), 300_000);
    let to = format!("{}/a/big:1", registry.host);

    // As Docker and Podman are told about it; first without our own certificate.
    let certs = project.path().join("xdg/containers/certs.d").join(&registry.host);
    fs::create_dir_all(&certs).unwrap();
    fs::copy(&authority.0, certs.join("ca.crt")).unwrap();
    let run = |arguments: &[&str]| Ran::of(project.command().env("XDG_CONFIG_HOME", project.path().join("xdg")).args(arguments));
    run(&["copy", "oci:big", &to]).fails(3, &["wants a client certificate", "client-cert"]);
    fs::copy(&client, certs.join("client.cert")).unwrap();
    fs::copy(&client_key, certs.join("client.key")).unwrap();
    let done = run(&["copy", "oci:big", &to, "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let raw = judge("skopeo", &["inspect", "--raw", "--cert-dir", certs.to_str().unwrap(), &format!("docker://{to}")]);
    assert_eq!(catamaran::image::Digest::of(raw.as_bytes()).to_string(), digest);
    // All of it over one connection, as the registry saw it; the first one was the one it refused.
    let mut ports: Vec<String> =
        registry.served().iter().filter(|l| l.contains("catamaran/")).map(|l| l.split(' ').next().unwrap().to_owned()).collect();
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 1, "{:#?}", registry.served());

    // The same from containers.toml; and an authority that is another one.
    let settings = |ca: &Path| {
        let [ca, cert, key] = [ca, &client, &client_key].map(|p| fs::canonicalize(p).unwrap().display().to_string());
        let host = &registry.host;
        format!(
            "[registry]\nhost = \"{host}\"\nca = \"{ca}\"\nclient-cert = \"{cert}\"\nclient-key = \"{key}\"\n[containers.aa]\npackages = [\"aa\"]\n"
        )
    };
    fs::write(project.path().join("containers.toml"), settings(&authority.0)).unwrap();
    project.ok(&["copy", &to, "oci:back"]);
    fs::write(project.path().join("containers.toml"), settings(&client)).unwrap();
    project.run(&["copy", &to, "oci:back"]).fails(3, &["is not trusted", "ca = "]);
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let authority = certificate(folder.path(), "authority", HERE);
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    big_image(&project.path().join("big"), 3000);
    let config = project.path().join("xdg");
    let run = |host: &str| Ran::of(project.command().env("XDG_CONFIG_HOME", &config).args(["copy", "oci:big", &format!("{host}/a/big:1")]));
    let trusting = |ca: &Path, host: &str| {
        let certs = config.join("containers/certs.d").join(host);
        fs::create_dir_all(&certs).unwrap();
        fs::copy(ca, certs.join("ca.crt")).unwrap();
    };
    let expired = signed_for(folder.path(), "expired", &authority, HERE, "0");
    let other = signed(folder.path(), "other", &authority, "DNS:other.test");
    let alone = {
        let path = |end: &str| folder.path().join(format!("alone{end}"));
        let [key, request, pem] = ["-key.pem", ".csr", ".pem"].map(|end| path(end).display().to_string());
        judge("openssl", &["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=alone", "-keyout", &key, "-out", &request]);
        let extensions = folder.path().join("extensions").display().to_string();
        fs::write(&extensions, format!("subjectAltName={HERE}\nbasicConstraints=CA:FALSE\n")).unwrap();
        judge("openssl", &["x509", "-req", "-in", &request, "-signkey", &key, "-days", "2", "-extfile", &extensions, "-out", &pem]);
        (path(".pem"), path("-key.pem"))
    };
    // What `openssl req -x509` makes when nothing else is asked for.
    let both = certificate(folder.path(), "both", HERE);
    for (shown, words) in [
        (&expired, ["the certificate of 127.0.0.1", "has expired: it was good until 2", "has to renew it"]),
        (&other, ["the certificate of 127.0.0.1", "is for another name: it names other.test", "subjectAltName"]),
        (&alone, ["the certificate of 127.0.0.1", "is self-signed", "name its file as the authority"]),
        (&both, ["the certificate of 127.0.0.1", "is an authority's (CA:TRUE)", "make one for the server"]),
    ] {
        let registry = Registry::with(Terms { tls: Some((&shown.0, &shown.1, None)), ..Terms::default() });
        // Nothing is known of it: this machine is spoken to in the clear.
        run(&registry.host).fails(3, &["speaks TLS, and was asked in plain HTTP", "certs.d/HOST/ca.crt"]);
        trusting(&authority.0, &registry.host);
        run(&registry.host).fails(3, &words);
    }
    // An authority that is not there is a mistake in what names it.
    fs::write(
        project.path().join("containers.toml"),
        "[registry]\nhost = \"127.0.0.1:1\"\nca = \"none.pem\"\n[containers.aa]\npackages = [\"aa\"]\n",
    )
    .unwrap();
    run("127.0.0.1:1").fails(2, &["none.pem"]);
}

#[test]
fn a_token_server_its_refusal_and_a_mount_from_a_second_repository() {
    let folder = tempfile::tempdir().unwrap();
    let (tokens, certificate) = Tokens::start(folder.path());
    let registry = Registry::with(Terms { auth: tokens.terms(&certificate), ..Terms::default() });
    let project = Project::new(&format!(
        "[registry]\nhost = \"{}\"\nrepository = \"tools/{{container}}\"\nusername = \"acme\"\npassword = {{ env = \"WORD\" }}\n[containers.aa]\npackages = [\"aa\"]\n",
        registry.host
    ));
    big_image(&project.path().join("big"), 300_000);
    let run = |word: &str, arguments: &[&str]| {
        let ran = Ran::of(project.command().env("WORD", word).args(arguments));
        for shown in [&ran.out, &ran.err] {
            assert!(!shown.contains(word) && !shown.contains(&STANDARD.encode(format!("acme:{word}"))), "a secret is shown:\n{shown}");
            assert!(!shown.contains("eyJ"), "a token is shown:\n{shown}");
        }
        ran
    };
    let at = |repository: &str| format!("{}/{repository}:1", registry.host);
    run("wrong-word", &["copy", "oci:big", &at("tools/a")]).fails(3, &["incorrect username or password", "WORD (environment)"]);
    let first = run("secret-word", &["copy", "oci:big", &at("tools/a"), "--json", "--output", "plain"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let first: Value = serde_json::from_str(&first.out).unwrap();
    assert!(first["moved"].as_u64().unwrap() > 300_000, "{first}");
    let second: Value = serde_json::from_str(&run("secret-word", &["copy", &at("tools/a"), &at("other/b"), "--json"]).out).unwrap();
    assert_eq!((&second["moved"], &second["digest"]), (&0.into(), &first["digest"]));
    assert!(registry.served().iter().any(|l| l.contains("mount=")), "{:#?}", registry.served());

    let found = |word: &str, code: i32| -> Value {
        let ran = run(word, &["doctor", "--json"]);
        assert_eq!(ran.code, code, "{}\n{}", ran.out, ran.err);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        document["findings"].as_array().unwrap().iter().find(|f| f["subject"].as_str().unwrap().starts_with("registry")).unwrap().clone()
    };
    let good = found("secret-word", 0);
    assert_eq!((&good["verdict"], &good["found"]), (&"pass".into(), &"login works: WORD (environment)".into()));
    let bad = found("wrong-word", 1);
    assert!(bad["verdict"] == "fail" && bad["fix"].as_str().unwrap().contains("WORD"), "{bad}");
}

#[test]
fn images_pushed_by_digest_are_joined_at_a_registry_with_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (tokens, certificate) = Tokens::start(folder.path());
    let registry = Registry::with(Terms { auth: tokens.terms(&certificate), ..Terms::default() });
    let project = Project::fd(Some(&registry)).with_segments();
    let definition = fs::read_to_string(project.path().join("containers.toml")).unwrap();
    let login = "username = \"acme\"\npassword = { env = \"WORD\" }\n[defaults]";
    fs::write(project.path().join("containers.toml"), definition.replace("[defaults]", login)).unwrap();
    let run = |word: &str, arguments: &[&str]| {
        let ran = Ran::of(project.command().env("WORD", word).args(arguments));
        for shown in [&ran.out, &ran.err] {
            assert!(!shown.contains(word) && !shown.contains("eyJ"), "a secret is shown:\n{shown}");
        }
        ran
    };
    let pushed = run("secret-word", &["release", "1.0", "--digests-only", "--out-digests", "digests.json", "--yes"]);
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    let index = ["index", "1.0", "--from", "digests.json", "--tags", "stable", "--verify", "--yes", "--json"];
    run("wrong-word", &index).fails(3, &["incorrect username or password", "WORD (environment)"]);
    assert!(!registry.served().iter().any(|l| l.contains("\"PUT ") && l.contains("/manifests/1.0")), "a tag was set");
    let before = registry.served().len();
    let joined = run("secret-word", &index);
    assert_eq!(joined.code, 0, "{}", joined.err);
    let receipt: Value = serde_json::from_str(&joined.out).unwrap();
    assert_eq!((&receipt["purpose"], &receipt["uploaded_blobs"]), (&"index".into(), &0.into()));
    // No blob is sent to join them, and what is joined was read with the rights of the same login.
    assert!(!registry.served()[before..].iter().any(|l| l.contains("/blobs/uploads/")), "{:#?}", &registry.served()[before..]);
    let host = &registry.host;
    let read = run("secret-word", &["inspect", &format!("{host}/tools/fd:stable"), "--json"]);
    assert_eq!(read.code, 0, "{}", read.err);
    assert!(read.out.contains("arm64") && read.out.contains("amd64"), "{}", read.out);
}

#[test]
fn a_registry_that_is_killed_in_the_middle_of_a_blob_is_waited_for() {
    let mut registry = Registry::start();
    let project = Project::new("[containers.aa]\npackages = [\"aa\"]\n");
    let size = 120_000_000;
    let digest = big_image(&project.path().join("big"), size);
    let to = format!("{}/a/big:1", registry.host);
    let mut command = project.command();
    let child = command.args(["copy", "oci:big", &to, "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let uploads = registry.data().join("docker/registry/v2/repositories/a/big/_uploads");
    let arrived = || -> u64 {
        let files = fs::read_dir(&uploads).into_iter().flatten().flatten().map(|e| e.path().join("data"));
        files.filter_map(|f| fs::metadata(f).ok()).map(|m| m.len()).max().unwrap_or(0)
    };
    wait_for("half of the blob to arrive", || arrived() > size as u64 / 3);
    registry.stop();
    registry.restart();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let copied: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(copied["digest"], digest.as_str());
    project.ok(&["copy", &to, "oci:back"]);

    // A second time nothing is sent: the tag is looked at, and that is all.
    let before = registry.served().len();
    let again = project.json(&["copy", "oci:big", &to, "--json"]);
    assert_eq!(again["moved"], 0);
    let asked = registry.served()[before..].to_vec();
    assert!(asked.iter().all(|l| l.contains("\"HEAD ") || l.contains("\"GET /v2/ ")) && asked.len() <= 2, "{asked:#?}");
}
