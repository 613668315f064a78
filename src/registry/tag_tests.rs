//! Tags at registries that set several of them with one request, and at those that do not.

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::Stored;
use super::fault_server::{FaultServer, Reply, Request, reply};
use super::manifest::tags_of;
use super::tests::{client, json};
use crate::image::{Digest, media_type};

/// The tags of a request's query, as the headers that confirm them.
fn confirmed(request: &Request) -> Vec<(&'static str, String)> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|part| part.strip_prefix("tag=")).map(|tag| ("OCI-Tag", tag.to_owned())).collect()
}

fn refused() -> Reply {
    json(400, r#"{"errors":[{"code":"MANIFEST_INVALID","message":"no query here"}]}"#)
}

/// What a server that answers with `script` is asked for when three manifests get these tags, one after another.
async fn asked_for_tags(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let server = FaultServer::start(move |r, _| script(r)).await;
    let registry = client(&server);
    for tags in [&["1", "2", "3"][..], &["4", "5"], &["6"]] {
        assert!(matches!(registry.put_tags("a/b", media_type::MANIFEST, b"{}", tags).await.unwrap(), Stored::Yes));
    }
    server
        .lines()
        .iter()
        .map(|line| line.replace(&format!("/v2/a/b/manifests/{}", Digest::of(b"{}")), "DIGEST").replace("/v2/a/b/manifests/", ""))
        .collect()
}

#[tokio::test]
async fn several_tags_are_one_request_where_the_registry_can_and_one_each_where_it_cannot() {
    // Knows nothing of it: docker-registry.
    assert_eq!(asked_for_tags(|_| reply(201)).await, ["PUT 1?tag=2&tag=3", "PUT 2", "PUT 3", "PUT 4", "PUT 5", "PUT 6"]);
    // Knows it, however it is asked.
    let free = asked_for_tags(|r| Reply::Answer(201, confirmed(r), vec![])).await;
    assert_eq!(free, ["PUT 1?tag=2&tag=3", "PUT 4?tag=5", "PUT 6"]);
    // Knows it as specified, and refuses the other form: zot.
    let by_digest = |r: &Request| r.target.contains("/manifests/sha256:") || !r.target.contains('?');
    let strict = move |r: &Request| if by_digest(r) { Reply::Answer(201, confirmed(r), vec![]) } else { refused() };
    assert_eq!(asked_for_tags(strict).await, ["PUT 1?tag=2&tag=3", "PUT DIGEST?tag=1&tag=2&tag=3", "PUT DIGEST?tag=4&tag=5", "PUT 6"]);
    // Knows it as specified, confirms every tag that it sets, and does not look at the query of a tag.
    let deaf = move |r: &Request| match r.target.contains("sha256:") {
        true => Reply::Answer(201, confirmed(r), vec![]),
        false => Reply::Answer(201, vec![("OCI-Tag", r.target.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned())], vec![]),
    };
    assert_eq!(asked_for_tags(deaf).await, ["PUT 1?tag=2&tag=3", "PUT DIGEST?tag=2&tag=3", "PUT DIGEST?tag=4&tag=5", "PUT 6"]);
    // Something before it refuses every query.
    let narrow = asked_for_tags(|r| if r.target.contains('?') { refused() } else { reply(201) }).await;
    assert_eq!(narrow[..2], ["PUT 1?tag=2&tag=3", "PUT DIGEST?tag=1&tag=2&tag=3"]);
    assert_eq!(narrow[2..], ["PUT 1", "PUT 2", "PUT 3", "PUT 4", "PUT 5", "PUT 6"]);
    // Sets only some of them: what it has not confirmed is asked for alone.
    let half = asked_for_tags(|r| Reply::Answer(201, confirmed(r).into_iter().take(1).collect(), vec![])).await;
    assert_eq!(half, ["PUT 1?tag=2&tag=3", "PUT 3", "PUT 4?tag=5", "PUT 6"]);
}

#[tokio::test]
async fn a_registry_that_misses_blobs_is_asked_once_and_again_when_it_has_them() {
    let missing = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"not here"}]}"#;
    let server = FaultServer::start(move |_, before| if before == 0 { json(404, missing) } else { reply(201) }).await;
    let registry = client(&server);
    let put = || registry.put_tags("a/b", media_type::MANIFEST, b"{}", &["1", "2"]);
    assert!(matches!(put().await.unwrap(), Stored::MissesBlobs(_)));
    assert_eq!(server.lines().len(), 1, "{:?}", server.lines());
    assert!(matches!(put().await.unwrap(), Stored::Yes));
    assert_eq!(server.lines().len(), 3, "{:?}", server.lines());
}

proptest! {
    #[test]
    fn any_confirmation_ends_in_tags(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4)) {
        let name = HeaderName::from_static("oci-tag");
        let headers: HeaderMap = values.iter().filter_map(|v| Some((name.clone(), HeaderValue::from_bytes(v).ok()?))).collect();
        prop_assert!(tags_of(&headers).iter().all(|tag| !tag.is_empty() && !tag.contains(',') && tag.trim() == tag));
    }
}
