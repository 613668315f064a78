//! What a registry can do wrong, one by one: each ends in a clear error or in success, and never shows a credential.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::credentials::{Credentials, Variables};
use super::fault_server::{FaultServer, Reply, Request, reply};
use super::tests::{accepted, blob, client, json, put};
use super::{Arrival, Registry};
use crate::catalog::RegistrySettings;
use crate::image::{Digest, media_type};
use crate::progress::Progress;
use crate::waiting::Lines;
use crate::{Error, Kind};

#[tokio::test]
async fn a_token_that_ends_during_an_upload_is_renewed() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tokens);
    let server = FaultServer::start(move |r: &Request, _| {
        if r.target.starts_with("/token") {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            return json(200, &format!(r#"{{"token":"t{n}","expires_in":3600}}"#));
        }
        let challenge =
            || vec![("WWW-Authenticate", format!(r#"Bearer realm="http://{}/token",service="s""#, r.header("host").unwrap_or_default()))];
        match (r.method.as_str(), r.header("authorization")) {
            (_, None) => Reply::Answer(401, challenge(), vec![]),
            // The first token is over when the blob has been sent.
            ("PUT", Some("Bearer t0")) => Reply::Answer(401, challenge(), vec![]),
            ("POST", _) => accepted("/up"),
            ("PUT", _) => reply(201),
            _ => reply(404),
        }
    })
    .await;
    assert_eq!(put(&client(&server), &blob(100_000)).await.unwrap(), Arrival::Sent);
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_mount_asks_for_the_right_to_read_the_other_repository() {
    let server = FaultServer::start(|r: &Request, _| {
        let host = r.header("host").unwrap_or_default();
        match (r.target.starts_with("/token"), r.header("authorization")) {
            (true, _) => json(200, r#"{"token":"t"}"#),
            (_, Some("Bearer t")) if r.target.contains("mount=") => reply(201),
            _ => Reply::Answer(401, vec![("WWW-Authenticate", format!(r#"Bearer realm="http://{host}/token""#))], vec![]),
        }
    })
    .await;
    let (descriptor, blobs) = blob(10);
    let registry = client(&server);
    assert_eq!(registry.put_blob("a/b", &descriptor, &blobs, Some("c/d"), &|_| {}).await.unwrap(), Arrival::Present);
    let token = server.lines().into_iter().find(|l| l.contains("/token")).unwrap();
    assert!(token.contains("scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%2Fd%3Apull"), "{token}");
}

#[tokio::test]
async fn a_mount_that_is_forbidden_becomes_an_upload() {
    for status in [403, 404, 405] {
        let server = FaultServer::start(move |r, _| match r.method.as_str() {
            "POST" if r.target.contains("mount=") => reply(if status == 405 { 202 } else { status }),
            "POST" => accepted("/up"),
            _ => reply(201),
        })
        .await;
        let (descriptor, blobs) = blob(10);
        let put = client(&server).put_blob("a/b", &descriptor, &blobs, Some("c/d"), &|_| {}).await;
        // 202 without a Location cannot be gone on with, whatever was asked.
        assert_eq!(put.is_ok(), status != 405, "{put:?}");
    }
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_never_sent_to_the_registry() {
    let server = FaultServer::start(|r: &Request, _| match (r.target.as_str(), r.header("authorization")) {
        ("/token", _) => {
            let body = String::from_utf8_lossy(&r.body).into_owned();
            let fine = r.method == "POST" && body.contains("grant_type=refresh_token") && body.contains("refresh_token=hunter2");
            if fine {
                json(200, r#"{"access_token":"short","refresh_token":"hunter2"}"#)
            } else {
                json(400, r#"{"error":"invalid_grant"}"#)
            }
        }
        (_, Some("Bearer short")) => reply(404),
        _ => {
            let realm = format!(r#"Bearer realm="http://{}/token",service="s""#, r.header("host").unwrap_or_default());
            Reply::Answer(401, vec![("WWW-Authenticate", realm)], vec![])
        }
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"hunter2"}}}}}}"#, server.host);
    std::fs::write(home.path().join("config.json"), config).unwrap();
    let folder = home.path().display().to_string();
    let variables = Variables::from_fn(move |name| (name == "DOCKER_CONFIG").then(|| folder.clone()));
    let registry = Registry::connect(&server.host, Credentials::new(&RegistrySettings::default(), variables)).unwrap();
    assert_eq!(registry.find_manifest("a/b", "1").await.unwrap(), None);
    let log = server.log.lock().unwrap();
    let elsewhere = log.iter().filter(|r| r.target != "/token");
    assert!(elsewhere.flat_map(|r| &r.headers).all(|(_, value)| !value.contains("hunter2")));
}

#[tokio::test]
async fn every_refusal_says_what_it_is_and_what_to_do() {
    for (status, words, advice) in [
        (401, "401 Unauthorized", "PASSWORD (environment)"),
        (403, "403 Forbidden", "may these credentials write to"),
        (404, "404 Not Found", "does a/b exist there"),
        (413, "413 Payload Too Large", "client_max_body_size"),
        (429, "429 Too Many Requests", "limits how much it is asked"),
        (500, "500 Internal Server Error", "on the registry's side"),
        (502, "502 Bad Gateway", "what stands before the registry"),
        (503, "503 Service Unavailable", "what stands before the registry"),
        (507, "507 Insufficient Storage", "storage is full"),
    ] {
        let server = FaultServer::start(move |r, _| match (status, r.method.as_str()) {
            (401, _) => Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=\"x\"".into())], vec![]),
            (_, "POST") => accepted("/up"),
            (_, "HEAD" | "GET") => reply(404),
            _ => reply(status),
        })
        .await;
        let error = put(&client(&server), &blob(10)).await.unwrap_err();
        assert!(error.message().contains(words) && error.kind() == Kind::Network, "{status}: {error}");
        assert!(error.message().contains("pushing blob") && error.message().contains("/a/b"), "{error}");
        assert!(error.advice().is_some_and(|said| said.contains(advice)), "{status}: {error:?}");
        assert!(!format!("{error:?}").contains("hunter2") && !format!("{error:?}").contains("aHVudGVyMg"), "{error:?}");
        // What cannot get better is not tried again.
        let tries = server.lines().iter().filter(|l| l.starts_with("PUT")).count();
        assert_eq!(tries > 2, status == 429 || status >= 500, "{status}: {tries}");
    }
}

#[tokio::test]
async fn a_registry_that_is_silent_is_given_up() {
    let server = FaultServer::start(|r, _| {
        if r.method == "PUT" {
            Reply::Silence
        } else if r.method == "POST" {
            accepted("/up")
        } else {
            reply(404)
        }
    })
    .await;
    let began = std::time::Instant::now();
    let error = put(&client(&server), &blob(30_000_000)).await.unwrap_err();
    assert!(error.message().contains("nothing has come or gone") && error.advice().is_some(), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(20));

    let silent = FaultServer::start(|_, _| Reply::Silence).await;
    let lines = Arc::new(Lines::default());
    let registry = client(&silent).heard_by(Arc::clone(&lines) as Arc<dyn Progress>);
    let error = registry.find_manifest("a/b", "1").await.unwrap_err();
    assert!(error.message().contains("did not answer in time"), "{error}");
    assert!(error.advice().unwrap().contains("CATAMARAN_ANSWER_TIMEOUT"), "{error:?}");
    // Each try has taken its time: there is one more, and no third. Who waits with us has heard of both.
    assert_eq!(silent.lines().len(), 2, "{:?}", silent.lines());
    let told = lines.0.lock().unwrap();
    assert!(told.len() >= 2 && told[0].starts_with(&format!("waiting for {} for ", silent.host)), "{told:?}");
}

#[tokio::test]
async fn one_cut_stops_neither_a_login_nor_a_look_for_a_blob() {
    // Every request is hung up on, the first time it is asked; one proof is as good as another.
    async fn server(tokens: bool) -> FaultServer {
        let asked = Mutex::new(BTreeSet::new());
        FaultServer::start(move |r, _| {
            let challenge = match tokens {
                true => format!(r#"Bearer realm="http://{}/token""#, r.header("host").unwrap_or_default()),
                false => "Basic realm=\"x\"".to_owned(),
            };
            match (asked.lock().unwrap().insert((r.line(), r.header("authorization").is_some())), r.target.split('?').next()) {
                (true, _) => Reply::HangUp,
                (_, Some("/token")) => json(200, r#"{"token":"t"}"#),
                _ if r.header("authorization").is_none() => Reply::Answer(401, vec![("WWW-Authenticate", challenge)], vec![]),
                (_, Some("/v2/")) => reply(200),
                _ => reply(404),
            }
        })
        .await
    }
    for tokens in [false, true] {
        let cutting = server(tokens).await;
        client(&cutting).authenticate("a/b").await.unwrap();
        assert_eq!(client(&cutting).find_blob("a/b", &Digest::of(b"x")).await.unwrap(), None);
        client(&server(tokens).await).log_in(None).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_flows_may_take_longer_than_silence() {
    // A manifest in ten pieces, each after a wait; all of them together take longer than an answer may.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let text = br#"{"schemaVersion":2}"#;
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n", media_type::MANIFEST, text.len());
        socket.write_all(head.as_bytes()).await.unwrap();
        for piece in text.chunks(2) {
            tokio::time::sleep(Duration::from_millis(70)).await;
            socket.write_all(piece).await.unwrap();
        }
    });
    let server = FaultServer { host, log: Arc::default(), connections: Arc::default() };
    assert_eq!(&client(&server).manifest("a/b", "1").await.unwrap().bytes[..], text);
}

#[tokio::test]
async fn a_server_that_is_not_the_registry_is_named_when_it_fails() {
    let text = br#"{"schemaVersion":2}"#;
    let failing = FaultServer::start(|_, _| reply(500)).await;
    for (elsewhere, words) in [("127.0.0.1:1".to_owned(), "nothing listens at"), (failing.host.clone(), "answered 500")] {
        let target = format!("http://{elsewhere}/store?sig=hunter2");
        let server = FaultServer::start(move |r, _| match r.target.contains("/blobs/") {
            true => Reply::Answer(307, vec![("Location", target.clone())], vec![]),
            false => Reply::Answer(200, vec![("Content-Type", media_type::MANIFEST.into())], text.to_vec()),
        })
        .await;
        let registry = client(&server);
        let error = Error::from(registry.find_blob_raw("a/b", &Digest::of(b"x")).await.unwrap_err());
        let named = format!("{elsewhere} (where {} sends us)", server.host);
        assert!(error.message().contains(words) && error.message().contains(&named), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    // So is the token server.
    let server = FaultServer::start(|_, _| {
        Reply::Answer(401, vec![("WWW-Authenticate", r#"Bearer realm="http://127.0.0.1:1/token""#.into())], vec![])
    })
    .await;
    let error = client(&server).find_manifest("a/b", "1").await.unwrap_err();
    assert!(error.message().contains("nothing listens at 127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_registry_on_this_machine_that_wants_tls_is_told_of() {
    for text in ["Client sent an HTTP request to an HTTPS server.\n", "<h1>The plain HTTP request was sent to HTTPS port</h1>"] {
        let server = FaultServer::start(move |_, _| Reply::Answer(400, vec![], text.into())).await;
        let registry = client(&server);
        let errors = [
            registry.find_manifest("a/b", "1").await.unwrap_err(),
            registry.ping().await.unwrap_err(),
            put(&registry, &blob(10)).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.message().contains("speaks TLS, and was asked in plain HTTP"), "{error}");
            assert!(error.advice().unwrap().contains("certs.d/HOST/ca.crt"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_manifest_that_is_too_large_or_is_cut_is_not_taken() {
    let server =
        FaultServer::start(|_, _| Reply::Answer(200, vec![("Content-Type", media_type::MANIFEST.into())], vec![b' '; 10 << 20])).await;
    let error = client(&server).manifest("a/b", "1").await.unwrap_err();
    assert!(error.message().contains("it is larger than 4194304 bytes"), "{error}");
    let text = br#"{"schemaVersion":2}"#;
    let cut = FaultServer::start(|_, _| Reply::Cut(vec![("Content-Type", media_type::MANIFEST.into())], text[..9].to_vec(), 10)).await;
    let error = client(&cut).manifest("a/b", "1").await.unwrap_err();
    assert!(error.message().contains("the connection to"), "{error}");
    let lying = FaultServer::start(|_, _| {
        Reply::Answer(
            200,
            vec![("Docker-Content-Digest", Digest::of(b"x").to_string()), ("Content-Type", media_type::MANIFEST.into())],
            text.to_vec(),
        )
    })
    .await;
    let error = client(&lying).manifest("a/b", "1").await.unwrap_err();
    assert!(error.message().contains("the registry says"), "{error}");
}

#[tokio::test]
async fn everything_goes_over_one_connection() {
    let server = FaultServer::start(|r, _| match r.method.as_str() {
        "POST" => accepted("/up"),
        "PUT" => reply(201),
        _ => reply(404),
    })
    .await;
    let registry = client(&server);
    registry.find_manifest("a/b", "1").await.unwrap();
    for length in [10, 500_000] {
        put(&registry, &blob(length)).await.unwrap();
    }
    futures_util::future::join_all(["1", "2", "3"].map(|tag| registry.find_manifest("a/b", tag))).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn too_many_requests_slows_everyone_down() {
    let server = FaultServer::start(|_, before| match before {
        0 => Reply::Answer(429, vec![("Retry-After", "1".into())], vec![]),
        _ => reply(404),
    })
    .await;
    let registry = client(&server);
    let began = std::time::Instant::now();
    let first = registry.find_manifest("a/b", "1");
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let found = registry.find_manifest("a/b", "2").await;
        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        found
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap(), second.unwrap()), (None, None));
}

/// Blobs whose reading ends in a panic, halfway.
#[derive(Debug)]
struct Panicking(u64);

impl crate::image::Blobs for Panicking {
    fn open(&self, _: &crate::image::Descriptor) -> crate::Result<Box<dyn std::io::Read + Send>> {
        struct Half(u64);
        impl std::io::Read for Half {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                assert!(self.0 > 0, "a bug in the middle of a blob");
                let n = buffer.len().min(usize::try_from(self.0).unwrap());
                self.0 -= n as u64;
                Ok(n)
            }
        }
        Ok(Box::new(Half(self.0 / 2)))
    }
}

#[tokio::test]
async fn a_panic_in_the_middle_of_a_blob_is_an_error_once_and_gives_its_place_back() {
    let server = FaultServer::start(|r, _| match r.method.as_str() {
        "POST" => accepted("/up"),
        "HEAD" => reply(404),
        _ => reply(201),
    })
    .await;
    // With all the patience there is: a panic that is printed with its backtrace takes its time on a busy machine.
    let client = Registry::connect(&server.host, Credentials::new(&RegistrySettings::default(), Variables::from_fn(|_| None))).unwrap();
    let good = blob(10_000_000);
    let bad: Arc<dyn crate::image::Blobs> = Arc::new(Panicking(good.0.size));
    // More often than blobs may be on their way at a time: each has given its place back.
    for _ in 0..6 {
        let error = client.put_blob("a/b", &good.0, &bad, None, &|_| {}).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Failed, "{error:?}");
        assert!(error.to_string().contains("stopped unexpectedly"), "{error}");
    }
    assert_eq!(server.lines().iter().filter(|l| l.starts_with("POST")).count(), 6, "{:?}", server.lines());
    assert_eq!(put(&client, &good).await.unwrap(), Arrival::Sent);
}
