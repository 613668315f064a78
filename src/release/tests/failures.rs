//! What goes wrong on the way, and what is public then.

use super::*;

#[tokio::test]
async fn a_plan_that_no_longer_matches_sends_nothing() {
    let (server, kept) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let rebuilt = [candidate(&server.host, "fd", "newer")];
    assert!(published(&server, &plan, &rebuilt).await.unwrap_err().message().contains("has been built anew"));
    kept.lock().unwrap().insert("/v2/acme/fd/manifests/1.0".into(), b"{}".to_vec());
    let error = published(&server, &plan, &candidates).await.unwrap_err();
    assert!(error.message().contains("the plan no longer matches") && error.message().contains("acme/fd:1.0 named nothing"), "{error}");
    assert!(!server.lines().iter().any(|l| l.starts_with("P")));
}

/// A registry whose tag `tag` cannot be written while the switch is on, and which deletes tags if `deletes`.
async fn stubborn(tag: &'static str, deletes: bool) -> (FaultServer, Kept, Arc<Mutex<bool>>) {
    let broken = Arc::new(Mutex::new(true));
    let fault = Arc::clone(&broken);
    let (server, kept) = registry(move |r, _| {
        let refuse = *fault.lock().unwrap() && r.method == "PUT" && r.target.ends_with(&format!("/manifests/{tag}"));
        let immutable = || Reply::Answer(403, vec![], br#"{"errors":[{"code":"DENIED","message":"immutable tag"}]}"#.to_vec());
        let unsupported = (r.method == "DELETE" && !deletes).then(|| reply(405));
        if refuse { Some(immutable()) } else { unsupported }
    })
    .await;
    (server, kept, broken)
}

#[tokio::test]
async fn a_failure_says_what_is_public_and_a_rerun_goes_on() {
    let (server, _, broken) = stubborn("1.0", false).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0", "latest"]).await.unwrap();
    let error = published(&server, &plan, &candidates).await.unwrap_err();
    assert!(error.message().contains("immutable tag"), "{error}");
    let advice = error.advice().unwrap();
    assert!(advice.contains("already public:") && advice.contains("fd:1.0-amd64") && !advice.contains("latest"), "{advice}");

    *broken.lock().unwrap() = false;
    let plan = planned(&server, &candidates, &["1.0", "latest"]).await.unwrap();
    assert_eq!(plan.bytes_to_upload(), 0);
    let receipt = published(&server, &plan, &candidates).await.unwrap();
    assert_eq!((receipt.uploaded_blobs, receipt.containers[0].tags.len()), (0, 4));
}

#[tokio::test]
async fn when_a_tag_fails_the_others_go_back_to_where_they_were() {
    let (server, kept, broken) = stubborn("stable", true).await;
    *broken.lock().unwrap() = false;
    let old = [candidate(&server.host, "fd", "old"), candidate(&server.host, "rg", "old")];
    let plan = planned(&server, &old, &["1.0", "latest", "stable"]).await.unwrap();
    published(&server, &plan, &old).await.unwrap();
    let before = kept.lock().unwrap().clone();

    *broken.lock().unwrap() = true;
    let new = [candidate(&server.host, "fd", "new"), candidate(&server.host, "rg", "new")];
    let plan = planned(&server, &new, &["2.0", "latest", "stable"]).await.unwrap();
    let error = published(&server, &plan, &new).await.unwrap_err();
    let advice = error.advice().unwrap();
    for part in ["fd:2.0 is gone again", "rg:2.0-arm64 is gone again", "latest names", "nothing of this release is public", "run it again"]
    {
        assert!(advice.contains(part), "{part}: {advice}");
    }
    let tags = |kept: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        kept.iter().filter(|(k, _)| k.contains("/manifests/") && !k.contains("sha256:")).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    assert_eq!(tags(&before), tags(&kept.lock().unwrap()));

    *broken.lock().unwrap() = false;
    let plan = planned(&server, &new, &["2.0", "latest", "stable"]).await.unwrap();
    assert_eq!(plan.bytes_to_upload(), 0);
    published(&server, &plan, &new).await.unwrap();
}

#[tokio::test]
async fn a_failure_in_one_container_takes_back_the_tags_of_the_others() {
    let broken = Arc::new(Mutex::new(false));
    let fault = Arc::clone(&broken);
    let (server, kept) = registry(move |r, _| {
        let this = *fault.lock().unwrap() && r.method == "PUT" && r.target.contains("/rg/manifests/") && r.target.ends_with("latest");
        this.then(|| reply(403))
    })
    .await;
    let both = |own: &str| [candidate(&server.host, "fd", own), candidate(&server.host, "rg", own)];
    let old = both("old");
    published(&server, &planned(&server, &old, &["1.0", "latest"]).await.unwrap(), &old).await.unwrap();
    let before = kept.lock().unwrap()["/v2/acme/fd/manifests/latest"].clone();
    *broken.lock().unwrap() = true;
    let new = both("new");
    let error = published(&server, &planned(&server, &new, &["2.0", "latest"]).await.unwrap(), &new).await.unwrap_err();
    let advice = error.advice().unwrap();
    for part in ["fd:latest names", "fd:2.0 is gone again", "fd:2.0-amd64 is gone again", "rg:2.0 is gone again", "nothing of this release"]
    {
        assert!(advice.contains(part), "{part}: {advice}");
    }
    assert_eq!(kept.lock().unwrap()["/v2/acme/fd/manifests/latest"], before);
    assert!(!kept.lock().unwrap().keys().any(|path| path.contains("/manifests/2.0")));
}

#[tokio::test]
async fn a_tag_that_cannot_be_put_back_is_named_with_the_command_that_does_it() {
    let broken = Arc::new(Mutex::new(0));
    let fault = Arc::clone(&broken);
    let (server, _) = registry(move |r, _| {
        let mut asked = fault.lock().unwrap();
        let path = r.target.split('?').next().unwrap();
        let latest = r.method == "PUT" && path.ends_with("/manifests/latest");
        *asked += usize::from(latest && *asked > 0);
        let stable = r.method == "PUT" && path.ends_with("/manifests/stable") && *asked > 0;
        // `stable` may not be set; `latest` may be, but not once more.
        (r.method == "DELETE" || stable || (latest && *asked > 2)).then(|| reply(405))
    })
    .await;
    let old = [candidate(&server.host, "fd", "old")];
    let names = ["1.0", "latest", "stable"];
    let first = published(&server, &planned(&server, &old, &names).await.unwrap(), &old).await.unwrap();
    *broken.lock().unwrap() = 1;
    let new = [candidate(&server.host, "fd", "new")];
    let plan = planned(&server, &new, &["2.0", "latest", "stable"]).await.unwrap();
    let error = published(&server, &plan, &new).await.unwrap_err();
    let (advice, fd) = (error.advice().unwrap(), format!("{}/acme/fd", server.host));
    let (from, to) = (first.containers[0].digest.unwrap(), plan.containers[0].index.as_ref().unwrap().digest);
    for part in [
        format!("{fd}:latest names {to}, and could not be put back: "),
        format!("(it named {from} before; `catamaran copy {fd}@{from} {fd}:latest` puts it back)"),
        format!("{fd}:2.0 names {to}, is new, and stays: the registry does not delete tags"),
        "run it again".into(),
    ] {
        assert!(advice.contains(&part), "{part}: {advice}");
    }
    assert!(!advice.contains("nothing of this release is public"), "{advice}");
}

#[tokio::test]
async fn a_tag_that_moves_while_blobs_are_sent_stops_the_release_before_any_tag() {
    let (server, _) = registry(|r, kept| {
        // Someone else publishes the same version while the index is on its way.
        let index = r.method == "PUT" && r.target.contains("/manifests/sha256") && String::from_utf8_lossy(&r.body).contains("platform");
        index.then(|| kept.lock().unwrap().insert("/v2/acme/fd/manifests/1.0".into(), b"{}".to_vec()));
        None
    })
    .await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let stopped =
        publish(&client(&server), &plan, &candidates, &Consent::default(), &Unheard, &CancellationToken::new()).await.unwrap_err();
    assert!(stopped.stale && stopped.error.message().contains("acme/fd:1.0 named nothing"), "{}", stopped.error);
    assert!(stopped.error.advice().unwrap().contains("no tag was set"), "{:?}", stopped.error.advice());
    assert!(!server.lines().iter().any(|l| l.starts_with("PUT") && l.ends_with("-amd64")));
}

#[tokio::test]
async fn a_manifest_that_vanished_since_the_plan_stops_the_release() {
    let (server, kept) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    published(&server, &plan, &candidates).await.unwrap();
    // Found by its digest; no tag that will stay speaks for it.
    let plan = planned(&server, &candidates, &["1.1", "latest"]).await.unwrap();
    let index = plan.containers[0].index.as_ref().unwrap().digest;
    kept.lock().unwrap().remove(&format!("/v2/acme/fd/manifests/{index}"));
    let stopped =
        publish(&client(&server), &plan, &candidates, &Consent::default(), &Unheard, &CancellationToken::new()).await.unwrap_err();
    assert!(stopped.stale && stopped.error.message().contains("is gone now"), "{}", stopped.error);
    assert!(!kept.lock().unwrap().contains_key("/v2/acme/fd/manifests/latest"));
}

#[tokio::test]
async fn blobs_the_registry_lost_are_sent_again() {
    // Right after uploads GHCR may say that it does not know a blob.
    let (server, _) = registry(|r, kept| {
        let kept = &mut *kept.lock().unwrap();
        let first = r.method == "PUT" && r.target.contains("/manifests/sha256") && kept.insert("lost".into(), vec![]).is_none();
        if first {
            let blob = kept.keys().find(|k| k.contains("/blobs/sha256")).cloned();
            blob.map(|b| kept.remove(&b));
        }
        first.then(|| Reply::Answer(404, vec![], br#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#.to_vec()))
    })
    .await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let receipt = published(&server, &plan, &candidates).await.unwrap();
    assert_eq!(receipt.containers[0].tags.len(), 3);
}

#[tokio::test]
async fn a_tag_that_names_something_else_afterwards_is_no_success() {
    let (server, _) = registry(|r, kept| {
        // Someone else moves the version as soon as it is there.
        let moved = r.method == "GET" && r.target.ends_with("/manifests/1.0");
        moved.then(|| kept.lock().unwrap().insert("/v2/acme/fd/manifests/1.0".into(), b"{}".to_vec()));
        None
    })
    .await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let error = published(&server, &plan, &candidates).await.unwrap_err();
    assert!(error.message().contains("fd:1.0 should name"), "{error}");
}

#[tokio::test]
async fn cancelling_stops_before_any_tag() {
    let (server, _) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let stopped = publish(&client(&server), &plan, &candidates, &Consent::default(), &Unheard, &cancel).await.unwrap_err();
    assert!(stopped.error.is_interrupted());
    assert!(!server.lines().iter().any(|l| l.starts_with("PUT")));
}
