//! What a registry is asked for, how often and in which order.

use super::*;

#[tokio::test]
async fn tags_come_last_and_a_second_push_asks_for_each_tag_once() {
    let (server, kept) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd"), candidate(&server.host, "rg", "rg")];
    let plan = planned(&server, &candidates, &["1.0", "latest"]).await.unwrap();
    assert!(server.lines().iter().all(|l| l.starts_with("GET") || l.starts_with("HEAD")));
    assert_eq!(plan.verdict(), Verdict::Pass);
    assert_eq!(plan.containers[0].images[0].tag.as_ref().unwrap().tag, "1.0-amd64");

    let before = server.lines().len();
    let receipt = published(&server, &plan, &candidates).await.unwrap();
    // The base layers (and here the configs) are sent to one repository and mounted in the other.
    assert_eq!((receipt.uploaded_blobs, receipt.present_blobs), (8, 4));
    let writes: Vec<String> =
        server.lines()[before..].iter().filter(|l| l.starts_with("PUT")).map(|l| l.split('?').next().unwrap().to_owned()).collect();
    let rank = |line: &String| match line {
        l if l.contains("/blobs/") => 0,
        l if l.contains("/manifests/sha256:") => 1,
        l if l.ends_with("-amd64") || l.ends_with("-arm64") => 2,
        l if l.ends_with("/1.0") => 3,
        _ => 4,
    };
    assert!(writes.is_sorted_by_key(rank), "{writes:#?}");
    let index = kept.lock().unwrap()["/v2/acme/fd/manifests/1.0"].clone();
    assert_eq!(Digest::of(&index), plan.containers[0].index.as_ref().unwrap().digest);
    assert_eq!(kept.lock().unwrap()["/v2/acme/fd/manifests/latest"], index);

    let before = server.lines().len();
    let registry = client(&server);
    let tags = tags(&["1.0", "latest"]);
    let request = request(&tags, &candidates);
    let cancel = CancellationToken::new();
    let again = super::plan(&registry, &request, &cancel).await.unwrap();
    assert!(again.is_done());
    publish(&registry, &again, &candidates, &Consent::default(), &Unheard, &cancel).await.unwrap();
    let lines = &server.lines()[before..];
    assert_eq!(lines.iter().filter(|l| l.starts_with("HEAD")).count(), 8, "{lines:#?}");
    assert_eq!(lines.len(), 9, "{lines:#?}");
}

#[tokio::test]
async fn a_tag_is_asked_for_when_planning_before_it_is_set_and_after_and_not_once_more() {
    let (server, _) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let registry = client(&server);
    let tags = tags(&["1.0", "latest"]);
    let request = request(&tags, &candidates);
    let cancel = CancellationToken::new();
    let plan = super::plan(&registry, &request, &cancel).await.unwrap();
    publish(&registry, &plan, &candidates, &Consent::default(), &Unheard, &cancel).await.unwrap();
    let lines = server.lines();
    let count = |start: &str, end: &str| lines.iter().filter(|l| l.starts_with(start) && l.ends_with(end)).count();
    for tag in ["1.0-amd64", "1.0-arm64", "latest"] {
        assert_eq!(count("HEAD", &format!("/manifests/{tag}")), 3, "{tag}: {lines:#?}");
    }
    // The version is read back with its bytes.
    assert_eq!((count("HEAD", "/manifests/1.0"), count("GET", "/manifests/1.0")), (2, 1), "{lines:#?}");
    let last_look = lines.iter().rposition(|l| l.starts_with("HEAD") && l.ends_with("/1.0")).unwrap();
    let first_tag = lines.iter().position(|l| l.starts_with("PUT") && l.contains("/manifests/1.0")).unwrap();
    let last_manifest = lines.iter().rposition(|l| l.starts_with("PUT") && l.contains("/manifests/sha256:")).unwrap();
    assert!(last_manifest < last_look && last_look < first_tag, "{lines:#?}");

    // Another version of the same images: what planning has just seen is the look before tags are set, and they are read back.
    let before = lines.len();
    let tags = self::tags(&["1.1", "latest"]);
    let request = self::request(&tags, &candidates);
    let plan = super::plan(&registry, &request, &cancel).await.unwrap();
    publish(&registry, &plan, &candidates, &Consent::default(), &Unheard, &cancel).await.unwrap();
    let lines = &server.lines()[before..];
    let count = |start: &str, end: &str| lines.iter().filter(|l| l.starts_with(start) && l.contains(end)).count();
    assert_eq!((count("HEAD", "/manifests/1.1-"), count("HEAD", "/manifests/latest")), (4, 2), "{lines:#?}");
    // The images by digest, since no tag named them when the plan was made; the index was what `latest` named. Every blob once,
    // since tags are about to name them.
    assert_eq!((count("HEAD", "/manifests/sha256:"), count("HEAD", "/blobs/"), count("PUT", "/manifests/")), (2, 6, 3), "{lines:#?}");
    assert_eq!(lines.len(), 19, "{lines:#?}");
}

#[tokio::test]
async fn tags_of_one_manifest_cost_one_request_each_at_most_and_what_they_show_counts_for_all_repositories() {
    let (server, _) = registry(|_, _| None).await;
    let candidates = ["fd", "rg", "bat"].map(|name| candidate(&server.host, name, name));
    published(&server, &planned(&server, &candidates, &["1.0"]).await.unwrap(), &candidates).await.unwrap();
    let before = server.lines().len();
    published(&server, &planned(&server, &candidates, &["1.0", "a", "b"]).await.unwrap(), &candidates).await.unwrap();
    let lines = &server.lines()[before..];
    let writes: Vec<&String> = lines.iter().filter(|l| !l.starts_with("HEAD") && !l.starts_with("GET")).collect();
    assert_eq!(writes.iter().filter(|l| l.contains("/manifests/a?tag=b")).count(), 1, "{writes:#?}");
    assert_eq!(writes.len(), 2 * 3, "{writes:#?}");
}
