//! A reader of a registry that trusts nothing: whatever a tag names must be there whole. And a wire that can be cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One request with nothing but the standard library: status, digest header, body. `None` when nobody answers.
pub fn request(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, String, Vec<u8>)> {
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    // HTTP/1.0: the answer ends with the connection, and is never in chunks.
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut digest = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("docker-content-digest") => digest = value.to_owned(),
            Some(_) => {}
            None => break,
        }
    }
    let mut bytes = Vec::new();
    if method != "HEAD" {
        reader.read_to_end(&mut bytes).ok()?;
    }
    Some((status, digest, bytes))
}

const ACCEPT: (&str, &str) = ("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json");

/// The manifest a tag or digest names: its digest and content.
pub fn manifest(host: &str, repository: &str, reference: &str) -> Option<(String, Vec<u8>)> {
    let (status, digest, bytes) = request(host, "GET", &format!("/v2/{repository}/manifests/{reference}"), &[ACCEPT], b"")?;
    (status == 200).then_some((digest, bytes))
}

/// What `reference` names, if anything; fails the test when not all of it is there.
#[track_caller]
pub fn whole(host: &str, repository: &str, reference: &str) -> Option<String> {
    let (digest, bytes) = manifest(host, repository, reference)?;
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{repository}:{reference}: {error}"));
    for member in document["manifests"].as_array().into_iter().flatten() {
        let member = member["digest"].as_str().unwrap();
        assert_eq!(whole(host, repository, member).as_deref(), Some(member), "{repository}:{reference} names {member}, which is not there");
    }
    let layers = document["layers"].as_array().into_iter().flatten();
    for blob in layers.chain(document.get("config")) {
        let path = format!("/v2/{repository}/blobs/{}", blob["digest"].as_str().unwrap());
        let answer = request(host, "HEAD", &path, &[], b"").map(|(status, ..)| status);
        assert_eq!(answer, Some(200), "{repository}:{reference} needs {path}, which is not there");
    }
    Some(digest)
}

/// What to do once, and at which request line (and the how-manieth of them) it is done.
pub struct Trap {
    pub line: String,
    pub nth: usize,
    pub spring: Box<dyn FnOnce() + Send>,
    /// What is answered in the registry's place; the request is then not passed on.
    pub answer: Option<&'static str>,
}

/// A wire to a registry: passes bytes on, and springs a trap before it passes on a certain request.
pub struct Wire {
    pub host: String,
}

impl Wire {
    pub fn to(registry: &str, trap: Trap) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let (registry, trap) = (registry.to_owned(), Arc::new(Mutex::new(Some(trap))));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Nobody there: the client is hung up on, as by a machine whose registry has just died.
                let Ok(server) = TcpStream::connect(&registry) else { continue };
                let (Ok(mut back_from), Ok(mut back_to)) = (server.try_clone(), client.try_clone()) else { continue };
                let trap = Arc::clone(&trap);
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut back_from, &mut back_to);
                    let _ = back_to.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || pass_on(client, server, &trap));
            }
        });
        Wire { host }
    }
}

fn pass_on(mut client: TcpStream, mut server: TcpStream, trap: &Mutex<Option<Trap>>) {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(n @ 1..) = client.read(&mut chunk) {
        let sprung = {
            let mut trap = trap.lock().unwrap();
            match trap.as_mut() {
                // A request begins a chunk: the client waits for an answer before it asks again.
                Some(set) if chunk[..n].starts_with(set.line.as_bytes()) => {
                    set.nth -= 1;
                    if set.nth == 0 { trap.take() } else { None }
                }
                _ => None,
            }
        };
        if let Some(trap) = sprung {
            (trap.spring)();
            if let Some(answer) = trap.answer {
                let _ = client.write_all(answer.as_bytes());
                continue;
            }
        }
        if server.write_all(&chunk[..n]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}
