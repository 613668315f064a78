//! Blobs that are made while they are sent, such as layers that are compressed on their way: their digest is known at their end
//! only, which is when an upload in chunks asks for it (distribution-spec, "Pushing a blob in chunks").

use std::io;
use std::sync::Arc;

use tokio::sync::Mutex as AsyncMutex;

use super::blob_stream::Content;
use super::chunks::Session;
use super::client::Registry;
use super::failure::Failure;
use super::form::refuses_this_way;
use super::upload::{Errand, Opened};
use crate::error::read_error;
use crate::image::{Blobs, Descriptor, Digest};
use crate::{Error, Result};

impl Registry {
    /// Brings what `maker` makes of `blob` to `repository`, and says its digest and length. `maker` has to make the same bytes each
    /// time: after a cut they are made again, and what has arrived is not sent again.
    ///
    /// `progress` hears how many bytes have been handed over. A registry that takes whole blobs only gets one: then it is made
    /// twice, for its digest and to be sent.
    pub async fn put_made(
        &self,
        repository: &str,
        blob: &Descriptor,
        maker: &Arc<dyn Blobs>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(Digest, u64)> {
        match self.put_in_chunks(repository, blob, maker, progress).await {
            Err(failure) if refuses_this_way(&failure) => {}
            done => return Ok(done?),
        }
        let (source, plain) = (Arc::clone(maker), blob.clone());
        let measured = tokio::task::spawn_blocking(move || measure(&*source, &plain)).await;
        let (digest, size) = measured.map_err(|error| Error::bug("measuring a blob stopped unexpectedly").source(error))??;
        let made = Descriptor::new(blob.media_type.clone(), digest, size);
        let whole: Arc<dyn Blobs> = Arc::new(Only { maker: Arc::clone(maker), blob: blob.clone() });
        self.put_blob(repository, &made, &whole, None, progress).await?;
        Ok((digest, size))
    }

    async fn put_in_chunks(
        &self,
        repository: &str,
        blob: &Descriptor,
        maker: &Arc<dyn Blobs>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(Digest, u64), Failure> {
        let _place = self.0.uploads.enter().await;
        let doing = format!("pushing what is made of {} to {}/{repository}", blob.digest.short(), self.host());
        let content = Content { blobs: Arc::clone(maker), blob: blob.clone(), known: false };
        let errand = Errand { repository, content, progress, doing };
        let course: AsyncMutex<Option<Session>> = AsyncMutex::new(None);
        loop {
            let before = arrived(&course).await;
            match self.0.patience.retry(|| self.make_once(&errand, &course)).await {
                // As with other blobs, patience is for standing still.
                Err(failure) if failure.transient && arrived(&course).await > before => {}
                done => return done,
            }
        }
    }

    /// One try, from where the one before ended.
    async fn make_once(&self, errand: &Errand<'_>, course: &AsyncMutex<Option<Session>>) -> Result<(Digest, u64), Failure> {
        let mut course = course.lock().await;
        if let Some(cut) = course.take() {
            // A lost answer may have been a good one.
            if let Some((digest, size)) = cut.closed
                && self.find_blob_raw(errand.repository, &digest).await?.is_some()
            {
                return Ok((digest, size));
            }
            *course = self.resume(errand, &cut).await?;
        }
        if course.is_none() {
            *course = match self.open_upload(errand, None).await? {
                Opened::Session(session) => Some(session),
                Opened::Mounted => None,
            };
        }
        match course.as_mut() {
            Some(session) => self.put_chunks(errand, session).await,
            None => Err(Error::bug(format!("{}: nothing was to be mounted", errand.doing)).into()),
        }
    }
}

async fn arrived(course: &AsyncMutex<Option<Session>>) -> u64 {
    course.lock().await.as_ref().map_or(0, |session| session.offset)
}

/// Digest and length of what `maker` makes of `blob`.
fn measure(maker: &dyn Blobs, blob: &Descriptor) -> Result<(Digest, u64)> {
    Digest::of_reader(maker.open(blob)?).map_err(|error| read_error(error, format_args!("reading blob {}", blob.digest)))
}

/// What `maker` makes of `blob`, whatever it is asked for.
#[derive(Debug)]
struct Only {
    maker: Arc<dyn Blobs>,
    blob: Descriptor,
}

impl Blobs for Only {
    fn open(&self, _: &Descriptor) -> Result<Box<dyn io::Read + Send>> {
        self.maker.open(&self.blob)
    }
}
