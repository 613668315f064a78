//! Ctrl-C at a registry that has stopped answering.

use std::time::{Duration, Instant};

use super::*;
use crate::Error;
use crate::catalog::ContainerName;

/// Publishes 1.0 and latest, cancels once the registry has been asked for what `stuck` names, which it never answers.
async fn stopped(stuck: &'static str) -> (Error, Duration) {
    let (server, _) = registry(move |r, _| r.line().contains(stuck).then_some(Reply::Silence)).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0", "latest"]).await.unwrap();
    let cancel = CancellationToken::new();
    let (registry, consent) = (client(&server), Consent::default());
    let publication = publish(&registry, &plan, &candidates, &consent, &Unheard, &cancel);
    let pressing = async {
        while !server.lines().iter().any(|line| line.contains(stuck)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
        Instant::now()
    };
    let (done, pressed) = tokio::join!(publication, pressing);
    (done.unwrap_err().error, pressed.elapsed())
}

#[tokio::test]
async fn it_stops_at_once_and_says_what_is_public() {
    for (stuck, said, unsaid) in [
        ("POST /v2/acme/fd/blobs/", &["no tag was set", "run it again"][..], "public: "),
        ("PUT /v2/acme/fd/manifests/sha256", &["no tag was set", "run it again"], "public: "),
        ("PUT /v2/acme/fd/manifests/1.0-a", &["perhaps public", "fd:1.0-amd64 names sha256:", "not set: 2 of 4"], "; public: "),
        (
            "PUT /v2/acme/fd/manifests/latest",
            &["public: ", "fd:1.0 names sha256:", "not answered: ", "fd:latest names", "run it again"],
            "not set",
        ),
        ("GET /v2/acme/fd/manifests/1.0", &["public: ", "fd:latest names sha256:", "run it again", "read back"], "perhaps"),
    ] {
        let (error, took) = stopped(stuck).await;
        assert!(error.is_interrupted() && took < Duration::from_millis(2500), "{stuck}: {error} after {took:?}");
        let advice = error.advice().unwrap();
        said.iter().for_each(|part| assert!(advice.contains(part), "{stuck}: `{part}` is missing from {advice}"));
        assert!(!advice.contains(unsaid), "{stuck}: {advice}");
    }
}

#[tokio::test]
async fn what_answers_in_time_is_finished() {
    let (server, _) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &candidates, &["1.0", "latest"]).await.unwrap();
    let cancel = CancellationToken::new();
    struct Cancelling(CancellationToken);
    impl Publishing for Cancelling {
        fn blob_progress(&self, _: &ContainerName, _: &Digest, _: u64, _: u64) {}
        fn blob_finished(&self, _: &ContainerName, _: &Digest, _: u64, _: bool) {}
        fn manifest_published(&self, _: &ContainerName, _: &Digest, _: Option<&Platform>, _: bool) {}
        fn phase(&self, phase: &str) {
            if phase == "tags" {
                self.0.cancel();
            }
        }
        fn tag_published(&self, _: &ContainerName, _: &str, _: &Digest, _: &TagChange) {}
        fn tag_rolled_back(&self, _: &ContainerName, _: &str, _: Option<&Digest>) {}
    }
    let listener = Cancelling(cancel.clone());
    let receipt = publish(&client(&server), &plan, &candidates, &Consent::default(), &listener, &cancel).await.unwrap();
    assert_eq!(receipt.containers[0].tags.len(), 4);
}
