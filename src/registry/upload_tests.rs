//! Blobs on their way: what is cut goes on where it ended, and what is refused in one form goes in another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::Arrival;
use super::fault_server::{FaultServer, Reply, reply};
use super::tests::{accepted, blob, client, put};
use crate::image::Digest;

/// Bytes of every PATCH and PUT, in the order they came.
fn sent(server: &FaultServer) -> Vec<u8> {
    server.log.lock().unwrap().iter().filter(|r| r.method == "PATCH").flat_map(|r| r.body.clone()).collect()
}

#[tokio::test]
async fn a_cut_chunk_is_sent_again_from_where_the_registry_is() {
    // Refuses whole blobs; keeps 1 MB of the second chunk and hangs up.
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (store, cuts) = (Arc::clone(&kept), Arc::new(AtomicUsize::new(0)));
    let server = FaultServer::start(move |r, _| {
        let mut kept = store.lock().unwrap();
        let range = |kept: &[u8]| vec![("Location", "/up".to_owned()), ("Range", format!("0-{}", kept.len() - 1))];
        match r.method.as_str() {
            "POST" => accepted("/up"),
            "HEAD" => reply(404),
            "GET" => Reply::Answer(204, range(&kept), vec![]),
            "PATCH" => {
                let from: usize = r.header("content-range").unwrap().split('-').next().unwrap().parse().unwrap();
                if from != kept.len() {
                    return reply(416);
                }
                if kept.len() >= 4 << 20 && cuts.fetch_add(1, Ordering::SeqCst) == 0 {
                    kept.extend_from_slice(&r.body[..1_000_000]);
                    return Reply::HangUp;
                }
                kept.extend_from_slice(&r.body);
                Reply::Answer(202, range(&kept), vec![])
            }
            _ if r.header("content-length") == Some("0") => reply(201),
            _ => reply(413),
        }
    })
    .await;
    let blob = blob(10_000_000);
    assert_eq!(put(&client(&server), &blob).await.unwrap(), Arrival::Sent);
    assert_eq!(Digest::of(&kept.lock().unwrap()), blob.0.digest);
    // Nothing that had arrived was sent again, but for the rest of the chunk that was cut.
    assert!(sent(&server).len() < 10_000_000 + (4 << 20), "{}", sent(&server).len());
    assert_eq!(server.lines().iter().filter(|l| l.starts_with("POST")).count(), 2);
}

#[tokio::test]
async fn a_whole_blob_that_was_cut_goes_on_where_it_ended_or_starts_anew() {
    for remembers in [true, false] {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::clone(&kept);
        let puts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&puts);
        let server = FaultServer::start(move |r, _| match r.method.as_str() {
            "POST" => accepted("/up"),
            "HEAD" => reply(404),
            "GET" if remembers => Reply::Answer(204, vec![("Location", "/up?n=2".into()), ("Range", "0-1999999".into())], vec![]),
            "GET" => reply(404),
            "PATCH" => {
                store.lock().unwrap().extend_from_slice(&r.body);
                Reply::Answer(202, vec![("Location", "/up?n=3".into())], vec![])
            }
            _ if counted.fetch_add(1, Ordering::SeqCst) == 0 => {
                store.lock().unwrap().extend_from_slice(&r.body[..2_000_000]);
                Reply::HangUp
            }
            _ if r.body.is_empty() => reply(201),
            _ => {
                *store.lock().unwrap() = r.body.clone();
                reply(201)
            }
        })
        .await;
        let blob = blob(3_000_000);
        assert_eq!(put(&client(&server), &blob).await.unwrap(), Arrival::Sent);
        assert_eq!(Digest::of(&kept.lock().unwrap()), blob.0.digest, "remembers: {remembers}");
        assert_eq!(sent(&server).len(), if remembers { 1_000_000 } else { 0 });
    }
}

/// A registry that takes blobs in one stream only, and refuses the other forms with `status`. `cuts` streams are cut in the middle.
async fn takes_streams_only(status: u16, cuts: usize) -> (FaultServer, Arc<Mutex<Vec<u8>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (store, left) = (Arc::clone(&kept), Arc::new(AtomicUsize::new(cuts)));
    let server = FaultServer::start(move |r, _| match (r.method.as_str(), r.header("content-range")) {
        ("POST", _) => accepted("/up"),
        ("HEAD" | "GET", _) => reply(404),
        ("PATCH", None) if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() => Reply::HangUp,
        ("PATCH", None) => {
            *store.lock().unwrap() = r.body.clone();
            accepted("/up?all")
        }
        ("PUT", _) if r.body.is_empty() && r.target.starts_with("/up?all&digest=") => reply(201),
        _ => reply(status),
    })
    .await;
    (server, kept)
}

#[tokio::test]
async fn a_registry_that_takes_streams_only_gets_one_and_is_not_asked_for_anything_else_again() {
    for status in [400, 404, 405, 411, 416, 501] {
        let (server, kept) = takes_streams_only(status, 0).await;
        let registry = client(&server);
        for length in [10_000_000, 5_000_000, 10] {
            let blob = blob(length);
            assert_eq!(put(&registry, &blob).await.unwrap(), Arrival::Sent, "{status}");
            assert_eq!(Digest::of(&kept.lock().unwrap()), blob.0.digest);
        }
        let methods: Vec<String> =
            server.lines().iter().filter(|l| !l.starts_with("HEAD") && !l.starts_with("GET")).map(|l| l[..4].to_owned()).collect();
        assert_eq!(methods.join(" "), "POST PUT  POST PATC PUT  POST PATC PUT  POST PATC PUT ", "{status}");
    }
    // A stream that is cut begins again.
    let (server, kept) = takes_streams_only(405, 2).await;
    let blob = blob(3_000_000);
    assert_eq!(put(&client(&server), &blob).await.unwrap(), Arrival::Sent);
    assert_eq!(Digest::of(&kept.lock().unwrap()), blob.0.digest);
    assert_eq!(server.lines().iter().filter(|l| l.starts_with("PATCH")).count(), 3, "{:?}", server.lines());
}

#[tokio::test]
async fn chunks_go_on_where_the_range_that_is_answered_stays_that_of_the_first() {
    // As ECR does; a blob that is too large for one request says nothing of the next one.
    let kept = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&kept);
    let server = FaultServer::start(move |r, _| match r.method.as_str() {
        "POST" => accepted("/up"),
        "PATCH" => {
            store.lock().unwrap().extend_from_slice(&r.body);
            Reply::Answer(202, vec![("Location", "/up".into()), ("Range", format!("0-{}", (4 << 20) - 1))], vec![])
        }
        "PUT" => reply(if r.body.len() > 8 << 20 { 413 } else { 201 }),
        _ => reply(404),
    })
    .await;
    let registry = client(&server);
    let large = blob(15_000_000);
    assert_eq!(put(&registry, &large).await.unwrap(), Arrival::Sent);
    assert_eq!(Digest::of(&kept.lock().unwrap()), large.0.digest);
    let before = server.lines().len();
    put(&registry, &blob(10)).await.unwrap();
    assert_eq!(server.lines().len() - before, 2, "{:?}", server.lines());
}
