//! A blob on its way out: read on a blocking thread, checked while it passes, never whole in memory.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use crate::error::read_error;
use crate::image::{Blobs, Descriptor, Digest, Hasher};
use crate::{Error, Result, read_full};

/// One read from the blob. Each is handed from the thread that reads and hashes to the one that sends, so small ones cost more time
/// in waking each other than in work: with 256 KiB a push to loopback takes 1.2 times as long. An upload holds at most four of them.
const CHUNK: usize = 1 << 20;
const IN_FLIGHT: usize = 2;

/// The receiving end of a blob that is being read.
pub(super) struct BlobStream {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    watch: BlobWatch,
}

/// A blob to send, and where it is read.
#[derive(Clone)]
pub(super) struct Content {
    pub blobs: Arc<dyn Blobs>,
    /// What `blobs` is asked for.
    pub blob: Descriptor,
    /// Whether what it gives is exactly that. If not, it is made while it is read, always the same bytes, and nobody knows its
    /// digest and length before its end.
    pub known: bool,
}

/// What is known about a stream while (and after) someone else consumes it.
#[derive(Clone)]
pub(super) struct BlobWatch {
    taken: Arc<AtomicU64>,
    read: Arc<OnceLock<(Digest, u64)>>,
    trouble: Arc<Mutex<Option<Error>>>,
}

impl BlobWatch {
    /// Bytes that have been taken from the stream.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Digest and length of the whole, once it has been read.
    pub fn read(&self) -> Option<(Digest, u64)> {
        self.read.get().copied()
    }

    /// What went wrong on our side, if anything did.
    pub fn trouble(&self) -> Option<Error> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl BlobStream {
    /// Begins to read `content`.
    ///
    /// The stream ends well only when digest and length were the descriptor's, where they are known. The last chunk is held back
    /// until then, so the request that carries a wrong blob is never completed.
    pub fn open(content: Content) -> Self {
        let (sender, chunks) = mpsc::channel(IN_FLIGHT);
        let watch = BlobWatch { taken: Arc::default(), read: Arc::default(), trouble: Arc::default() };
        let (trouble, read) = (Arc::clone(&watch.trouble), Arc::clone(&watch.read));
        tokio::task::spawn_blocking(move || {
            // A panic must not look like a connection that was cut: that would be tried again.
            let pumped = catch_unwind(AssertUnwindSafe(|| pump(&content, &read, &sender))).unwrap_or_else(|_| {
                let what = format!("reading blob {} stopped unexpectedly", content.blob.digest);
                Err(Error::bug(what))
            });
            if let Err(error) = pumped {
                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                let _ = sender.blocking_send(Err(io::Error::other("the blob cannot be read")));
            }
        });
        BlobStream { chunks, watch }
    }

    /// To look at it later.
    pub fn watch(&self) -> BlobWatch {
        self.watch.clone()
    }

    /// The next piece.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let chunk = self.chunks.recv().await?;
        if let Ok(bytes) = &chunk {
            self.watch.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Some(chunk)
    }

    /// As the body of a request.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        futures_util::stream::unfold(self, async |mut stream| stream.next().await.map(|chunk| (chunk, stream)))
    }
}

/// Reads, hashes and hands over; ends early without complaint when nobody listens any more.
fn pump(content: &Content, whole: &OnceLock<(Digest, u64)>, sender: &mpsc::Sender<io::Result<Bytes>>) -> Result<()> {
    let Content { blobs, blob, known } = content;
    let size = if *known { blob.size } else { u64::MAX };
    let mut reader = blobs.open(blob)?;
    let failed = |error: io::Error| read_error(error, format_args!("reading blob {}", blob.digest));
    let wrong = |found: String| {
        blobs.why_other(blob).unwrap_or_else(|| {
            Error::failed(format!("blob {} is damaged: {found}; it was not sent", blob.digest))
                .hint("delete the image from the cache and build it again")
        })
    };
    let (mut hasher, mut read, mut held) = (Hasher::new(), 0_u64, None);
    loop {
        // One byte more than there should be left: a blob that is too long shows itself.
        let mut chunk = vec![0; CHUNK.min(usize::try_from(size - read).unwrap_or(CHUNK).saturating_add(1))];
        let filled = read_full(&mut *reader, &mut chunk).map_err(failed)?;
        chunk.truncate(filled);
        read += filled as u64;
        if read > size {
            return Err(wrong(format!("it has more than its {} bytes", blob.size)));
        }
        if chunk.is_empty() {
            break;
        }
        hasher.update(&chunk);
        if let Some(held) = held.replace(Bytes::from(chunk))
            && sender.blocking_send(Ok(held)).is_err()
        {
            return Ok(());
        }
    }
    let digest = hasher.finish();
    if *known && read != size {
        return Err(wrong(format!("it has {read} of its {} bytes", blob.size)));
    }
    if *known && digest != blob.digest {
        return Err(wrong(format!("its content has the digest {digest}")));
    }
    let _ = whole.set((digest, read));
    if let Some(held) = held {
        let _ = sender.blocking_send(Ok(held));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[derive(Debug)]
    struct Fixed(Vec<u8>);

    impl Blobs for Fixed {
        fn open(&self, _: &Descriptor) -> Result<Box<dyn Read + Send>> {
            Ok(Box::new(io::Cursor::new(self.0.clone())))
        }
    }

    async fn sent(content: Vec<u8>, blob: Descriptor) -> (Vec<u8>, Option<Error>) {
        let mut stream = BlobStream::open(Content { blobs: Arc::new(Fixed(content)), blob, known: true });
        let mut all = Vec::new();
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(_) => break,
            }
        }
        assert_eq!(stream.watch().taken(), all.len() as u64);
        (all, stream.watch().trouble())
    }

    #[tokio::test]
    async fn every_length_arrives_whole() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 7] {
            let content: Vec<u8> = (0..length).map(|n| (n * 31 % 251) as u8).collect();
            let (all, trouble) = sent(content.clone(), Descriptor::of("", &content)).await;
            assert!(all == content && trouble.is_none(), "{length}");
        }
    }

    #[tokio::test]
    async fn a_damaged_blob_is_never_sent_whole() {
        for length in [1, CHUNK, 3 * CHUNK + 5] {
            let content = vec![7_u8; length];
            let good = Descriptor::of("", &content);
            let mut flipped = content.clone();
            flipped[length / 2] ^= 1;
            let longer = [content.clone(), vec![7]].concat();
            for bad in [flipped, longer, content[..length - 1].to_vec()] {
                let (all, trouble) = sent(bad, good.clone()).await;
                assert!(all.len() < length, "{length}");
                assert!(trouble.unwrap().message().contains("is damaged"));
            }
        }
    }
}
