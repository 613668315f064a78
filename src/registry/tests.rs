//! The whole client against a registry that misbehaves.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::client::Registry;
use super::credentials::{Credentials, Variables};
use super::fault_server::{FaultServer, Reply, Request, reply};
use super::retry::Patience;
use super::silence::Silence;
use super::{Arrival, Stored};
use crate::Kind;
use crate::catalog::{RegistrySettings, Secret, Setting};
use crate::image::{Blobs, Descriptor, Digest, Image, Index, Manifest, media_type};

const PATIENCE: Patience = Patience {
    retries: 3,
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_secs(2),
    silent_retries: 1,
    answer: Silence { told_after: Duration::from_millis(100), limit: Duration::from_millis(400) },
};

/// A client whose password is `hunter2`.
pub(super) fn client(server: &FaultServer) -> Registry {
    let settings = RegistrySettings {
        username: Some(Setting::Literal("me".into())),
        password: Some(Secret { variable: "PASSWORD".into() }),
        ..RegistrySettings::default()
    };
    let variables = Variables::from_fn(|name| (name == "PASSWORD").then(|| "hunter2".to_owned()));
    Registry::with_patience(&server.host, Credentials::new(&settings, variables), PATIENCE).unwrap()
}

#[derive(Debug)]
struct Fixed(Vec<u8>);

impl Blobs for Fixed {
    fn open(&self, _: &Descriptor) -> crate::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

pub(super) fn blob(length: usize) -> (Descriptor, Arc<dyn Blobs>) {
    let content: Vec<u8> = (0..length).map(|n| (n * 7 % 253) as u8).collect();
    (Descriptor::of(media_type::LAYER_GZIP, &content), Arc::new(Fixed(content)))
}

pub(super) async fn put(registry: &Registry, blob: &(Descriptor, Arc<dyn Blobs>)) -> crate::Result<Arrival> {
    registry.put_blob("a/b", &blob.0, &blob.1, None, &|_| {}).await
}

pub(super) fn accepted(location: &str) -> Reply {
    Reply::Answer(202, vec![("Location", location.to_owned())], vec![])
}

pub(super) fn json(status: u16, text: &str) -> Reply {
    Reply::Answer(status, vec![], text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_blob_is_one_post_and_one_put_with_its_length() {
    let server = FaultServer::start(|r, _| if r.method == "POST" { accepted("/v2/a/b/up?_state=x%2By") } else { reply(201) }).await;
    let blob = blob(1_000_000);
    assert_eq!(put(&client(&server), &blob).await.unwrap(), Arrival::Sent);
    let log = server.log.lock().unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!(log[1].header("content-length"), Some("1000000"));
    assert_eq!(log[1].header("transfer-encoding"), None);
    assert_eq!(log[1].target, format!("/v2/a/b/up?_state=x%2By&digest=sha256%3A{}", blob.0.digest.hex()));
    assert_eq!(Digest::of(&log[1].body), blob.0.digest);
}

#[tokio::test]
async fn a_damaged_blob_never_completes_its_put() {
    let server = FaultServer::start(|r, _| if r.method == "POST" { accepted("/up") } else { reply(201) }).await;
    let (descriptor, _) = blob(700_000);
    let damaged: Arc<dyn Blobs> = Arc::new(Fixed(vec![1; 700_000]));
    let error = put(&client(&server), &(descriptor, damaged)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.message().contains("is damaged"), "{error}");
    let log = server.log.lock().unwrap();
    assert!(log.iter().filter(|r| r.method == "PUT").all(|r| r.body.len() < 700_000));
}

#[tokio::test]
async fn a_token_is_fetched_once_and_renewed_when_refused() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tokens);
    let server = FaultServer::start(move |r: &Request, _| {
        let host = r.header("host").unwrap_or_default();
        if r.target.starts_with("/token") {
            assert!(r.header("authorization").unwrap().starts_with("Basic "));
            let n = counted.fetch_add(1, Ordering::SeqCst) + 1;
            return json(200, &format!(r#"{{"access_token":"t{n}","expires_in":300}}"#));
        }
        // The second token is the good one: the first counts as expired on the way.
        match r.header("authorization") {
            Some("Bearer t2") => reply(404),
            _ => Reply::Answer(401, vec![("WWW-Authenticate", format!(r#"Bearer realm="http://{host}/token",service="s""#))], vec![]),
        }
    })
    .await;
    let registry = client(&server);
    registry.ping().await.unwrap();
    for tag in ["1", "2"] {
        assert_eq!(registry.find_manifest("a/b", tag).await.unwrap(), None);
    }
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
    assert!(
        server.lines().iter().any(|l| l == "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush&account=me"),
        "{:?}",
        server.lines()
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_token_servers_words_and_never_shown() {
    let server = FaultServer::start(|r: &Request, _| match r.target.starts_with("/token") {
        true => json(401, r#"{"details":"incorrect username or password"}"#),
        false => {
            let realm = format!(r#"Bearer realm="http://{}/token""#, r.header("host").unwrap_or_default());
            Reply::Answer(401, vec![("WWW-Authenticate", realm)], vec![])
        }
    })
    .await;
    let error = client(&server).authenticate("a/b").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains("401 Unauthorized: incorrect username or password"), "{error}");
    assert!(error.advice().unwrap().contains("PASSWORD (environment)"), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));

    let basic = FaultServer::start(|_, _| Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=x".into())], vec![])).await;
    let error = client(&basic).authenticate("a/b").await.unwrap_err();
    assert!(error.message().contains("logging in") && error.advice().unwrap().contains("PASSWORD"), "{error:?}");
}

#[tokio::test]
async fn a_token_that_cannot_push_is_noticed_before_anything_is_sent() {
    use base64::Engine;
    let claims = r#"{"access":[{"type":"repository","name":"a/b","actions":["pull"]}]}"#;
    let token = format!("h.{}.s", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims));
    let server = FaultServer::start(move |r: &Request, _| match r.target.starts_with("/token") {
        true => json(200, &format!(r#"{{"token":"{token}"}}"#)),
        false => {
            let realm = format!(r#"Bearer realm="http://{}/token""#, r.header("host").unwrap_or_default());
            Reply::Answer(401, vec![("WWW-Authenticate", realm)], vec![])
        }
    })
    .await;
    let error = client(&server).authenticate("a/b").await.unwrap_err();
    assert!(error.message().contains("does not grant pushing to a/b"), "{error}");
}

#[tokio::test]
async fn a_busy_registry_is_waited_for_as_long_as_it_asks() {
    let server = FaultServer::start(|r, before| match (before, r.method.as_str()) {
        (0, _) => Reply::Answer(429, vec![("Retry-After", "1".into())], vec![]),
        (1, _) => reply(503),
        (_, "POST") => accepted("/up"),
        // The blob is looked for before it is sent again.
        (_, "HEAD") => reply(404),
        _ => reply(201),
    })
    .await;
    let began = std::time::Instant::now();
    assert_eq!(put(&client(&server), &blob(10)).await.unwrap(), Arrival::Sent);
    assert!(began.elapsed() >= Duration::from_secs(1));

    let server = FaultServer::start(|_, _| Reply::Answer(429, vec![("Retry-After", "3600".into())], vec![])).await;
    let error = client(&server).find_manifest("a/b", "1").await.unwrap_err();
    assert_eq!(server.lines().len(), 1);
    assert!(error.message().contains("429"), "{error}");
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_is_looked_for_and_not_sent_twice() {
    let server = FaultServer::start(|r, _| match r.method.as_str() {
        "POST" => accepted("/up"),
        "PUT" => Reply::HangUp,
        _ => Reply::Answer(200, vec![("Content-Length", "10".into())], vec![]),
    })
    .await;
    assert_eq!(put(&client(&server), &blob(10)).await.unwrap(), Arrival::Sent);
    assert_eq!(server.lines().iter().filter(|l| l.starts_with("PUT")).count(), 1);
}

#[tokio::test]
async fn a_registry_that_refuses_whole_blobs_gets_chunks() {
    let server = FaultServer::start(|r, _| match r.method.as_str() {
        "POST" => accepted("/up?n=0"),
        "PATCH" => {
            let last = r.header("content-range").unwrap().rsplit('-').next().unwrap().to_owned();
            Reply::Answer(202, vec![("Location", format!("/up?n={last}")), ("Range", format!("0-{last}"))], vec![])
        }
        _ if r.header("content-length") == Some("0") => reply(201),
        _ => reply(413),
    })
    .await;
    let blob = blob(9_000_000);
    assert_eq!(put(&client(&server), &blob).await.unwrap(), Arrival::Sent);
    let log = server.log.lock().unwrap();
    let patches: Vec<&Request> = log.iter().filter(|r| r.method == "PATCH").collect();
    assert_eq!(patches.len(), 3);
    assert!(patches.iter().all(|p| p.body.len() <= 4 << 20));
    let all: Vec<u8> = patches.iter().flat_map(|p| p.body.clone()).collect();
    assert_eq!(Digest::of(&all), blob.0.digest);
    assert!(log.last().unwrap().target.starts_with("/up?n=8999999&digest="));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_registrys_words_and_names_the_repository() {
    let denied = r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
    let server = FaultServer::start(move |_, _| json(403, denied)).await;
    let error = put(&client(&server), &blob(10)).await.unwrap_err();
    assert!(error.message().contains("403 Forbidden: DENIED: requested access"), "{error}");
    assert!(error.advice().unwrap().contains("/a/b"), "{error:?}");
    assert_eq!(server.lines().len(), 1);

    let silent = FaultServer::start(|_, _| reply(202)).await;
    let error = put(&client(&silent), &blob(10)).await.unwrap_err();
    assert!(error.message().contains("no Location header"), "{error}");

    let nobody = FaultServer { host: "127.0.0.1:1".into(), log: Arc::default(), connections: Arc::default() };
    let error = client(&nobody).ping().await.unwrap_err();
    assert!(error.message().contains("nothing listens at 127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn credentials_go_to_the_registry_only() {
    let elsewhere = FaultServer::start(|_, _| reply(201)).await;
    let location = format!("http://{}/store?sig=1", elsewhere.host);
    let server = FaultServer::start(move |r, _| match r.header("authorization") {
        Some(_) => accepted(&location),
        None => Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=x".into())], vec![]),
    })
    .await;
    assert_eq!(put(&client(&server), &blob(10)).await.unwrap(), Arrival::Sent);
    assert!(server.log.lock().unwrap().iter().any(|r| r.header("authorization") == Some("Basic bWU6aHVudGVyMg==")));
    let log = elsewhere.log.lock().unwrap();
    assert_eq!((log.len(), log[0].header("authorization")), (1, None));
}

#[tokio::test]
async fn a_mount_is_asked_for_and_a_refused_one_becomes_an_upload() {
    let server = FaultServer::start(|r, _| match (r.method.as_str(), r.target.contains("mount=")) {
        ("POST", true) if r.target.contains("from=known") => reply(201),
        ("POST", _) => accepted("/up"),
        _ => reply(201),
    })
    .await;
    let (registry, (descriptor, blobs)) = (client(&server), blob(10));
    assert_eq!(registry.put_blob("a/b", &descriptor, &blobs, Some("known"), &|_| {}).await.unwrap(), Arrival::Present);
    assert_eq!(registry.put_blob("a/b", &descriptor, &blobs, Some("other"), &|_| {}).await.unwrap(), Arrival::Sent);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn manifests_are_checked_both_ways() {
    let text = br#"{"schemaVersion":2}"#;
    let server = FaultServer::start(move |r, _| match r.method.as_str() {
        "PUT" if r.target.ends_with("missing") => json(404, r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#),
        "PUT" => Reply::Answer(201, vec![("Docker-Content-Digest", Digest::of(b"other").to_string())], vec![]),
        // No digest in the header: the bytes are asked for.
        "HEAD" => reply(200),
        _ => Reply::Answer(200, vec![("Content-Type", media_type::MANIFEST.into())], text.to_vec()),
    })
    .await;
    let registry = client(&server);
    let found = registry.find_manifest("a/b", "1").await.unwrap().unwrap();
    assert_eq!((found.digest, found.size), (Digest::of(text), text.len() as u64));
    let wrong = registry.manifest("a/b", &Digest::of(b"x").to_string()).await.unwrap_err();
    assert!(wrong.message().contains("turned out to be"), "{wrong}");
    let changed = registry.put_manifest("a/b", "1", media_type::MANIFEST, text).await.unwrap_err();
    assert!(changed.message().contains("the registry stored"), "{changed}");
    let missing = registry.put_manifest("a/b", "missing", media_type::MANIFEST, text).await.unwrap();
    assert!(matches!(missing, Stored::MissesBlobs(_)));
}

/// Serves one image behind an index with an attestation; the layer breaks off in the middle of its first answer.
async fn remote() -> (FaultServer, Vec<u8>) {
    let layer: Vec<u8> = (0..300_000_u32).map(|n| (n % 241) as u8).collect();
    let config = br#"{"architecture":"arm64","os":"linux"}"#;
    let manifest =
        Manifest::new(Descriptor::of(media_type::CONFIG, config), vec![Descriptor::of(media_type::LAYER_GZIP, &layer)], Default::default())
            .to_bytes();
    let mut member = Descriptor::of(media_type::MANIFEST, &manifest);
    member.platform = Some(crate::image::Platform { architecture: "arm64".into(), os: "linux".into(), variant: Some("v8".into()) });
    let mut attestation = Descriptor::of(media_type::MANIFEST, b"attestation");
    attestation.annotations.insert("vnd.docker.reference.type".into(), "attestation-manifest".into());
    let index = Index::new(vec![member, attestation], Default::default()).to_bytes();
    let served = layer.clone();
    let server = FaultServer::start(move |r, _| {
        let kind = |kind: &str| vec![("Content-Type", kind.to_owned())];
        let is = |bytes: &[u8]| r.target.ends_with(&Digest::of(bytes).to_string());
        if r.target.ends_with("/manifests/1") {
            Reply::Answer(200, kind(media_type::INDEX), index.clone())
        } else if is(&manifest) {
            Reply::Answer(200, kind(media_type::MANIFEST), manifest.clone())
        } else if is(config) {
            Reply::Answer(200, vec![], config.to_vec())
        } else if is(&served) {
            match r.header("range").and_then(|v| v.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()) {
                None => Reply::Cut(vec![], served[..100_000].to_vec(), 200_000),
                Some(from) => Reply::Answer(206, vec![], served[from..].to_vec()),
            }
        } else {
            reply(404)
        }
    })
    .await;
    (server, layer)
}

#[tokio::test]
async fn an_image_is_read_from_a_registry_that_breaks_off() {
    let (server, layer) = remote().await;
    let reference = format!("{}/a/b:1", server.host).parse().unwrap();
    let images: Vec<(Option<_>, Image)> = client(&server).images(&reference).await.unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].0.as_ref().map(ToString::to_string).as_deref(), Some("linux/arm64/v8"));
    assert_eq!(images[0].1.platform().to_string(), "linux/arm64");
    let image = images[0].1.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        image.blobs.open(&image.manifest.layers[0]).unwrap().read_to_end(&mut all).unwrap();
        let missing = image.blobs.open(&Descriptor::of("", b"nothing")).err();
        (all, missing)
    });
    let (all, missing) = read.await.unwrap();
    assert!(all == layer);
    assert!(missing.unwrap().message().contains("404"));
}
