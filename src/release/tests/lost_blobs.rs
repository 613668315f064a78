//! Registries that lose blobs, or do not keep what they take.

use super::*;

/// Removes one blob of `acme/fd`, a whole layer, and says which.
fn lose(kept: &Kept) -> Vec<u8> {
    let mut kept = kept.lock().unwrap();
    let path = kept.iter().find(|(path, bytes)| path.contains("/fd/blobs/") && bytes.starts_with(b"base")).unwrap().0.clone();
    kept.remove(&path).unwrap()
}

async fn forced(server: &FaultServer, candidates: &[Candidate], names: &[&str]) -> Plan {
    let tags = tags(names);
    plan(&client(server), &PlanRequest { force: true, ..request(&tags, candidates) }, &CancellationToken::new()).await.unwrap()
}

#[tokio::test]
async fn a_lost_blob_is_sent_again_before_a_new_tag_and_with_force() {
    let (server, kept) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    published(&server, &planned(&server, &candidates, &["1.0"]).await.unwrap(), &candidates).await.unwrap();
    let count = |kept: &Kept| kept.lock().unwrap().keys().filter(|path| path.contains("/blobs/sha256:")).count();
    let whole = count(&kept);

    // Nothing new: the tags are believed, at one HEAD each.
    let blob = lose(&kept);
    assert!(planned(&server, &candidates, &["1.0"]).await.unwrap().is_done());
    for (names, force) in [(&["1.0"][..], true), (&["1.0", "stable"], false), (&["1.1"], false)] {
        let plan = if force { forced(&server, &candidates, names).await } else { planned(&server, &candidates, names).await.unwrap() };
        assert_eq!((plan.bytes_to_upload(), plan.is_done()), (blob.len() as u64, false), "{names:?}");
        let receipt = published(&server, &plan, &candidates).await.unwrap();
        assert_eq!((receipt.uploaded_blobs, count(&kept)), (1, whole), "{names:?}");
        lose(&kept);
    }
}

#[tokio::test]
async fn what_a_manifest_is_refused_for_is_sent_again_once_and_then_given_up() {
    let unknown = || Reply::Answer(400, vec![], br#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#.to_vec());
    // An image, an index, a tag; each of them once, and then always.
    for (asked, always) in [("sha256:", false), ("1.0-arm64", false), ("1.0", false), ("sha256:", true), ("1.0", true)] {
        let (server, _) = registry(move |r, kept| {
            let this =
                r.method == "PUT" && r.target.contains(&format!("/manifests/{asked}")) && (asked != "1.0" || r.target.ends_with("/1.0"));
            (this && (always || kept.lock().unwrap().insert("refused".into(), vec![]).is_none())).then(unknown)
        })
        .await;
        let candidates = [candidate(&server.host, "fd", "fd")];
        let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
        let done = published(&server, &plan, &candidates).await;
        let sent = server.lines().iter().filter(|l| l.starts_with("PUT") && l.contains("digest=")).count();
        assert!(sent >= 9, "{asked}: every blob of an image is sent a second time: {sent}");
        if always {
            let error = done.unwrap_err();
            assert!(error.advice().unwrap().contains("it was sent again, and is still missed"), "{error:?}");
            let tries = server.lines().iter().filter(|l| l.starts_with("PUT") && l.ends_with("/manifests/1.0")).count();
            assert_eq!(tries, if asked == "1.0" { 2 } else { 0 });
        } else {
            assert_eq!(done.unwrap().containers[0].tags.len(), 3, "{asked}");
        }
    }
}

#[tokio::test]
async fn a_blob_that_was_taken_and_is_not_there_is_named() {
    let (server, _) = registry(|r, kept| {
        (r.method == "PUT" && r.target.ends_with("/manifests/1.0")).then(|| lose(kept));
        None
    })
    .await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let error = published(&server, &plan, &candidates).await.unwrap_err();
    let layers = candidates[0].images.iter().flat_map(|i| &i.image.manifest.layers);
    assert!(layers.into_iter().any(|layer| error.message().contains(&format!("blob {} of fd/", layer.digest))), "{error}");
    let advice = error.advice().unwrap();
    assert!(advice.contains("--force") && advice.contains("already public: ") && advice.contains("fd:1.0 names sha256:"), "{advice}");
}

#[tokio::test]
async fn images_of_other_machines_that_lost_a_blob_are_not_joined() {
    let (server, kept) = registry(|_, _| None).await;
    let mut candidates = [candidate(&server.host, "fd", "fd")];
    let tags = tags(&["1.0"]);
    let by_digest = PlanRequest { purpose: Purpose::Digests, ..request(&tags, &candidates) };
    let digests = plan(&client(&server), &by_digest, &CancellationToken::new()).await.unwrap();
    published(&server, &digests, &candidates).await.unwrap();
    lose(&kept);
    candidates[0].images.iter_mut().for_each(|image| image.verdict = None);
    let join = PlanRequest { purpose: Purpose::Index, lock: &LockState::Unused, ..request(&tags, &candidates) };
    let joined = plan(&client(&server), &join, &CancellationToken::new()).await.unwrap();
    let gate = gate(&joined, "architectures");
    assert!(gate.verdict == Verdict::Fail && gate.message.contains("no longer has blob sha256:"), "{gate:?}");
    assert!(gate.hint.as_ref().unwrap().contains("--digests-only --force") && joined.refusal(true, true).is_some());
}

#[tokio::test]
async fn our_own_copy_that_is_damaged_is_named_with_its_file() {
    #[derive(Debug)]
    struct Damaged;
    impl Blobs for Damaged {
        fn open(&self, _: &Descriptor) -> Result<Box<dyn Read + Send>> {
            Ok(Box::new(Cursor::new(b"rubbish".to_vec())))
        }
        fn file(&self, blob: &Descriptor) -> Option<std::path::PathBuf> {
            Some(Path::new("/cache/images/blobs/sha256").join(blob.digest.hex()))
        }
    }
    let (server, _) = registry(|_, _| None).await;
    let mut candidates = [candidate(&server.host, "fd", "fd")];
    candidates[0].images[0].image.blobs = Arc::new(Damaged);
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    let error = published(&server, &plan, &candidates).await.unwrap_err();
    assert!(error.message().contains("is damaged") && error.kind() == Kind::Failed, "{error}");
    let advice = error.advice().unwrap();
    assert!(advice.contains("remove /cache/images/blobs/sha256/") && advice.contains("catamaran build fd"), "{advice}");
}
