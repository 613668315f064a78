//! Blobs that are made while they are sent, at registries that take them, cut them, lose answers and refuse chunks.

use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::fault_server::{FaultServer, Reply, Request, reply};
use super::tests::{accepted, client};
use crate::image::{Blobs, Compressing, Descriptor, Digest, media_type};

/// A plain layer that does not compress to nothing.
#[derive(Debug)]
struct Plain(Vec<u8>);

impl Blobs for Plain {
    fn open(&self, _: &Descriptor) -> crate::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

/// A layer of `length` bytes, what compresses it, and the compressed form.
fn layer(length: usize) -> (Descriptor, Arc<dyn Blobs>, Vec<u8>) {
    let mut state = 1_u32;
    let noise = (0..length).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let content: Vec<u8> = noise.collect();
    let blob = Descriptor::of(media_type::LAYER_TAR, &content);
    let maker: Arc<dyn Blobs> = Arc::new(Compressing(Arc::new(Plain(content))));
    let mut made = Vec::new();
    maker.open(&blob).unwrap().read_to_end(&mut made).unwrap();
    (blob, maker, made)
}

/// A registry that keeps what PATCH brings; `fault` comes first, and sees what is kept.
async fn registry(fault: impl Fn(&Request, &mut Vec<u8>) -> Option<Reply> + Send + Sync + 'static) -> (FaultServer, Arc<Mutex<Vec<u8>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&kept);
    let server = FaultServer::start(move |r, _| {
        let kept = &mut *store.lock().unwrap();
        if let Some(reply) = fault(r, kept) {
            return reply;
        }
        let range = |kept: &[u8]| vec![("Location", "/up".to_owned()), ("Range", format!("0-{}", kept.len().max(1) - 1))];
        match r.method.as_str() {
            "POST" => {
                kept.clear();
                accepted("/up")
            }
            "GET" => Reply::Answer(204, range(kept), vec![]),
            "PATCH" => {
                kept.extend_from_slice(&r.body);
                Reply::Answer(202, range(kept), vec![])
            }
            "PUT" => {
                if !r.body.is_empty() {
                    kept.clone_from(&r.body);
                }
                let right = r.target.contains(&Digest::of(kept).hex());
                reply(if right { 201 } else { 400 })
            }
            _ => reply(404),
        }
    })
    .await;
    (server, kept)
}

#[tokio::test]
async fn a_layer_is_sent_while_it_is_compressed_and_its_digest_comes_last() {
    for length in [0, 1000, 10_000_000] {
        let (server, kept) = registry(|_, _| None).await;
        let (blob, maker, made) = layer(length);
        let sent = client(&server).put_made("a/b", &blob, &maker, &|_| {}).await.unwrap();
        assert_eq!(sent, (Digest::of(&made), made.len() as u64), "{length}");
        assert!(*kept.lock().unwrap() == made, "{length}");
        let log = server.log.lock().unwrap();
        assert!(log.iter().all(|r| r.body.len() <= 4 << 20), "chunks of at most 4 MiB");
        assert_eq!(log.iter().filter(|r| r.method == "POST").count(), 1);
    }
}

#[tokio::test]
async fn after_a_cut_it_is_made_again_and_only_the_rest_is_sent() {
    let cuts = AtomicUsize::new(0);
    let (server, kept) = registry(move |r, kept| {
        let cut = r.method == "PATCH" && !kept.is_empty() && cuts.fetch_add(1, Ordering::SeqCst) == 0;
        cut.then(|| {
            kept.extend_from_slice(&r.body[..1_000_000]);
            Reply::HangUp
        })
    })
    .await;
    let (blob, maker, made) = layer(10_000_000);
    client(&server).put_made("a/b", &blob, &maker, &|_| {}).await.unwrap();
    assert!(*kept.lock().unwrap() == made);
    let sent: usize = server.log.lock().unwrap().iter().map(|r| r.body.len()).sum();
    assert!(sent < made.len() + (4 << 20), "{sent}");
}

#[tokio::test]
async fn a_closing_answer_that_is_lost_is_looked_for() {
    let there = Arc::new(AtomicUsize::new(0));
    let (server, _) = registry(move |r, kept| match r.method.as_str() {
        "PUT" if r.target.contains(&Digest::of(kept).hex()) => {
            there.store(1, Ordering::SeqCst);
            Some(Reply::HangUp)
        }
        "HEAD" if there.load(Ordering::SeqCst) == 1 && r.target.contains(&Digest::of(kept).hex()) => Some(reply(200)),
        _ => None,
    })
    .await;
    let (blob, maker, made) = layer(5_000_000);
    assert_eq!(client(&server).put_made("a/b", &blob, &maker, &|_| {}).await.unwrap().0, Digest::of(&made));
    assert_eq!(server.lines().iter().filter(|l| l.starts_with("PUT") || l.starts_with("POST")).count(), 2, "{:?}", server.lines());
}

#[tokio::test]
async fn a_registry_that_refuses_chunks_gets_it_whole() {
    for status in [404, 405, 416, 501] {
        let (server, kept) = registry(move |r, _| (r.method == "PATCH").then(|| reply(status))).await;
        let (blob, maker, made) = layer(3_000_000);
        assert_eq!(client(&server).put_made("a/b", &blob, &maker, &|_| {}).await.unwrap().0, Digest::of(&made), "{status}");
        assert!(*kept.lock().unwrap() == made, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_and_a_damaged_layer_are_told() {
    let (server, _) = registry(|r, _| (r.method == "PATCH").then(|| reply(403))).await;
    let (blob, maker, _) = layer(1000);
    let error = client(&server).put_made("a/b", &blob, &maker, &|_| {}).await.unwrap_err();
    assert!(error.message().contains("403 Forbidden") && error.message().contains("/a/b"), "{error}");
    let (server, _) = registry(|_, _| None).await;
    let other = Descriptor { digest: Digest::of(b"other"), ..blob };
    let error = client(&server).put_made("a/b", &other, &maker, &|_| {}).await.unwrap_err();
    assert!(format!("{error:?}").contains("is damaged"), "{error:?}");
    assert!(!server.lines().iter().any(|l| l.starts_with("PUT")), "{:?}", server.lines());
}
