//! Registries that lie, dawdle and send elsewhere: each ends in a clear error or in success, with every operation.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fault_server::{FaultServer, Reply, reply};
use super::tests::{accepted, blob, client, json, put};
use super::{Arrival, Stored};
use crate::Kind;
use crate::image::{Descriptor, Digest, media_type};

/// Every status of a registry in trouble, and its words.
const REFUSALS: [(u16, &str); 8] = [
    (401, "401 Unauthorized"),
    (403, "403 Forbidden"),
    (404, "404 Not Found"),
    (413, "413 Payload Too Large"),
    (429, "429 Too Many Requests"),
    (500, "500 Internal Server Error"),
    (502, "502 Bad Gateway"),
    (507, "507 Insufficient Storage"),
];

#[tokio::test]
async fn every_operation_tells_every_refusal_and_tries_again_only_where_it_helps() {
    for (status, words) in REFUSALS {
        let server = FaultServer::start(move |_, _| match status {
            401 => Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=\"x\"".into())], vec![]),
            _ => reply(status),
        })
        .await;
        let transient = status == 429 || status >= 500;
        let check = |what: &str, error: crate::Error, at_most: usize| {
            assert!(error.message().contains(words) && error.kind() == Kind::Network, "{what}, {status}: {error}");
            assert!(error.message().contains("a/b"), "{what}, {status}: {error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            let tries = std::mem::take(&mut *server.log.lock().unwrap()).len();
            assert_eq!(tries > at_most, transient, "{what}, {status}: {tries} tries");
        };
        let bytes = br#"{"schemaVersion":2}"#;
        // Once without a proof and once with one.
        let once = if status == 401 { 2 } else { 1 };
        let found = client(&server).find_manifest("a/b", "1").await;
        if status == 404 {
            assert_eq!(found.unwrap(), None);
            server.log.lock().unwrap().clear();
        } else {
            check("HEAD of a manifest", found.unwrap_err(), once);
        }
        check("GET of a manifest", client(&server).manifest("a/b", "1").await.unwrap_err(), once);
        check("PUT of a manifest", client(&server).put_manifest("a/b", "1", media_type::MANIFEST, bytes).await.unwrap_err(), once);
        check("POST of a blob", put(&client(&server), &blob(10)).await.unwrap_err(), once);
        let reference = format!("{}/a/b:1", server.host).parse().unwrap();
        check("GET of an image", client(&server).images(&reference).await.unwrap_err(), once);
    }
}

#[tokio::test]
async fn a_slow_registry_is_waited_for_and_one_that_is_too_slow_is_named() {
    for (time, there) in [(Duration::from_millis(150), true), (Duration::from_secs(20), false)] {
        let server = FaultServer::start(move |_, _| Reply::Late(time, 404)).await;
        let began = Instant::now();
        match client(&server).find_manifest("a/b", "1").await {
            Ok(None) => assert!(there),
            other => {
                let error = other.unwrap_err();
                assert!(!there && error.message().contains("did not answer in time") && error.advice().is_some(), "{error:?}");
            }
        }
        assert!(began.elapsed() < Duration::from_secs(15));
    }
    // A whole blob may take longer to be put away than an answer.
    let server =
        FaultServer::start(|r, _| if r.method == "POST" { accepted("/up") } else { Reply::Late(Duration::from_millis(1200), 201) }).await;
    assert_eq!(put(&client(&server), &blob(9_000_000)).await.unwrap(), Arrival::Sent);
}

#[tokio::test]
async fn a_blob_that_is_stored_as_something_else_is_no_success() {
    let lie = || vec![("Docker-Content-Digest", Digest::of(b"other").to_string())];
    let server = FaultServer::start(move |r, _| if r.method == "POST" { accepted("/up") } else { Reply::Answer(201, lie(), vec![]) }).await;
    let error = put(&client(&server), &blob(10)).await.unwrap_err();
    assert!(error.message().contains(&format!("the registry stored {} instead", Digest::of(b"other"))), "{error}");
    // An upload that was accepted and not finished is none either.
    let server = FaultServer::start(|_, _| accepted("/up")).await;
    assert!(put(&client(&server), &blob(10)).await.unwrap_err().message().contains("202 Accepted"));
}

#[tokio::test]
async fn a_blob_that_is_read_is_no_longer_no_shorter_and_no_other_than_it_should_be() {
    let right = br#"{"architecture":"arm64","os":"linux"}"#.to_vec();
    let mut other = right.clone();
    other[3] ^= 1;
    let longer = [&right[..], b" "].concat();
    let shorter = right[..right.len() - 1].to_vec();
    for (served, words) in [(other, "has other content than its digest says"), (longer, "it is longer than"), (shorter, "it ended after")] {
        let config = Descriptor::of(media_type::CONFIG, &right);
        let manifest = crate::image::Manifest::new(config, vec![], Default::default()).to_bytes();
        let server = FaultServer::start(move |r, _| match r.target.contains("/blobs/") {
            true if r.header("range").is_some() => Reply::Answer(206, vec![], vec![]),
            true => Reply::Answer(200, vec![], served.clone()),
            false => Reply::Answer(200, vec![("Content-Type", media_type::MANIFEST.into())], manifest.clone()),
        })
        .await;
        let reference = format!("{}/a/b:1", server.host).parse().unwrap();
        let error = client(&server).images(&reference).await.unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
    // Layers are read by whoever opens them: there the end is an error too.
    let layer = vec![7_u8; 100_000];
    let blob = Descriptor::of(media_type::LAYER_GZIP, &layer);
    let manifest =
        crate::image::Manifest::new(Descriptor::of(media_type::CONFIG, &right), vec![blob.clone()], Default::default()).to_bytes();
    let name = blob.digest.to_string();
    let server = FaultServer::start(move |r, _| match r.target.contains("/blobs/") {
        true if !r.target.ends_with(&name) => Reply::Answer(200, vec![], right.clone()),
        true if r.header("range").is_some() => reply(500),
        true => Reply::Cut(vec![], layer[..1000].to_vec(), 99_000),
        false => Reply::Answer(200, vec![("Content-Type", media_type::MANIFEST.into())], manifest.clone()),
    })
    .await;
    let reference = format!("{}/a/b:1", server.host).parse().unwrap();
    let (_, image) = client(&server).images(&reference).await.unwrap().remove(0);
    let read = tokio::task::spawn_blocking(move || image.blobs.open(&blob).unwrap().read_to_end(&mut Vec::new()));
    assert!(read.await.unwrap().unwrap_err().to_string().contains("500 Internal Server Error"));
}

#[tokio::test]
async fn an_upload_that_is_redirected_is_sent_there_without_credentials() {
    for status in [307, 308] {
        let elsewhere = FaultServer::start(|_, _| reply(201)).await;
        let target = format!("http://{}/store?sig=1", elsewhere.host);
        let server = FaultServer::start(move |r, _| match (r.header("authorization"), r.method.as_str()) {
            (None, _) => Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=x".into())], vec![]),
            (_, "POST") => accepted("/up"),
            _ => Reply::Answer(status, vec![("Location", target.clone())], vec![]),
        })
        .await;
        let blob = blob(3_000_000);
        assert_eq!(put(&client(&server), &blob).await.unwrap(), Arrival::Sent);
        let log = elsewhere.log.lock().unwrap();
        assert_eq!((log.len(), log[0].line().as_str(), log[0].header("authorization")), (1, "PUT /store?sig=1", None));
        assert_eq!(Digest::of(&log[0].body), blob.0.digest);
    }
    let circle = FaultServer::start(|r, _| match r.method.as_str() {
        "POST" => accepted("/up"),
        _ => Reply::Answer(307, vec![("Location", "/up".into())], vec![]),
    })
    .await;
    assert!(put(&client(&circle), &blob(10)).await.unwrap_err().message().contains("redirected more than 5 times"));
    let plain = FaultServer::start(|r, _| match r.method.as_str() {
        "POST" => accepted("/up"),
        _ => Reply::Answer(307, vec![("Location", "http://storage.example/x".into())], vec![]),
    })
    .await;
    assert!(put(&client(&plain), &blob(10)).await.unwrap_err().message().contains("an address that is not HTTPS"));
}

#[tokio::test]
async fn a_name_the_registry_does_not_take_is_told_in_its_words() {
    let invalid = r#"{"errors":[{"code":"NAME_INVALID","message":"invalid repository name"}]}"#;
    let server = FaultServer::start(move |_, _| json(400, invalid)).await;
    let registry = client(&server);
    let error = put(&registry, &blob(10)).await.unwrap_err();
    assert!(error.message().contains("NAME_INVALID: invalid repository name") && error.message().contains("/a/b"), "{error}");
    let error = registry.put_manifest("a/b", "1", media_type::MANIFEST, b"{}").await.unwrap_err();
    assert!(error.message().contains("NAME_INVALID: invalid repository name"), "{error}");
    assert_eq!(server.lines().len(), 2, "tried once each: {:?}", server.lines());
}

#[tokio::test]
async fn a_manifest_of_ten_megabytes_is_taken_from_nobody_and_told_when_it_is_refused() {
    let huge = Arc::new(vec![b' '; 10 << 20]);
    let server = FaultServer::start({
        let huge = Arc::clone(&huge);
        move |r, _| match r.method.as_str() {
            "PUT" => json(413, r#"{"errors":[{"code":"MANIFEST_INVALID","message":"manifest too large"}]}"#),
            _ => Reply::Answer(200, vec![("Content-Type", media_type::INDEX.into())], huge.to_vec()),
        }
    })
    .await;
    let reference = format!("{}/a/b:1", server.host).parse().unwrap();
    assert!(client(&server).tree(&reference).await.unwrap_err().message().contains("it is larger than 4194304 bytes"));
    let stored: crate::Result<Stored> = client(&server).put_manifest("a/b", "1", media_type::INDEX, &huge).await;
    assert!(stored.unwrap_err().message().contains("manifest too large"));
}

#[tokio::test]
async fn a_web_page_is_no_registry() {
    let page =
        FaultServer::start(|_, _| Reply::Answer(200, vec![("Content-Type", "text/html".into())], b"\n<html>log in</html>".to_vec())).await;
    let registry = client(&page);
    for error in [
        registry.ping().await.unwrap_err(),
        registry.manifest("a/b", "1").await.unwrap_err(),
        registry.find_manifest("a/b", "1").await.unwrap_err(),
    ] {
        assert!(error.message().contains("a web page answers") && error.kind() == Kind::Network && error.advice().is_some(), "{error:?}");
    }
    for body in ["{}", "", "true"] {
        let plain = FaultServer::start(move |_, _| Reply::Answer(200, vec![("Content-Type", "text/html".into())], body.into())).await;
        client(&plain).ping().await.unwrap();
    }
}
