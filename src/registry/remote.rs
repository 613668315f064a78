//! An image at a registry, as an [`Image`]: verify, inspect and copy need not know where it is.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use reqwest::header::RANGE;
use reqwest::{Method, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::auth::Scope;
use super::client::Registry;
use super::failure::Failure;
use crate::image::{
    Blobs, Descriptor, Digest, Gathering, Image, ImageConfig, Index, IndexMembers, Manifest, Platform, RegistryReference, Room, Tree,
    media_type,
};
use crate::{Error, Result};

/// The largest config we read.
const MAX_CONFIG: u64 = 4 << 20;
/// More members than any real index has.
const MAX_MEMBERS: usize = 512;

impl Registry {
    /// The images `reference` names: one, or every member of an index with the platform the index claims.
    ///
    /// Attestations are left out, and so are members that cannot be read while others can: every image knows of them
    /// ([`IndexMembers::unreadable`]). Layers are read when they are opened, from blocking threads.
    pub async fn images(&self, reference: &RegistryReference) -> Result<Vec<(Option<Platform>, Image)>> {
        let repository = &reference.repository;
        let wanted = wanted(reference);
        let top = self.manifest(repository, &wanted).await?;
        let name = self.name(repository, &wanted);
        if !media_type::is_index(&top.descriptor.media_type) {
            return Ok(vec![(None, self.image(repository, top.descriptor, &top.bytes, &name).await?)]);
        }
        let index = Index::parse(&top.bytes, &name)?;
        if index.manifests.len() > MAX_MEMBERS {
            return Err(Error::failed(format!("{name} has {} members; at most {MAX_MEMBERS} are read", index.manifests.len())));
        }
        // At the same time, as far as the host's limit lets them.
        let (name, all, room) = (&name, &index.manifests, &Room::default());
        let members = all.iter().enumerate().map(|(at, member)| async move {
            let outcome = match member.is_attestation() || IndexMembers::repeats(member, &all[..at]) {
                true => None,
                false => Some(self.member(repository, member, name).await.and_then(|image| room.for_image(image))),
            };
            (member.clone(), outcome)
        });
        let images = IndexMembers::join(top.descriptor.digest, join_all(members).await)?;
        Ok(images.into_iter().map(|image| (image.descriptor.platform.clone(), image)).collect())
    }

    /// A member of the index `name`.
    async fn member(&self, repository: &str, member: &Descriptor, name: &str) -> Result<Image> {
        let digest = member.digest.to_string();
        let fetched = self.manifest(repository, &digest).await.map_err(|e| e.context(format!("reading a member of {name}")))?;
        if media_type::is_index(&fetched.descriptor.media_type) {
            return Err(Error::failed(format!("{name} has an index as a member ({digest}); nested indexes are not read")));
        }
        let mut descriptor = fetched.descriptor;
        descriptor.platform.clone_from(&member.platform);
        self.image(repository, descriptor, &fetched.bytes, &self.name(repository, &digest)).await
    }

    /// Everything `reference` names, byte for byte: the index with all its members, attestations too.
    ///
    /// # Errors
    /// It is not there, a member is missing, or something is neither image nor index.
    pub async fn tree(&self, reference: &RegistryReference) -> Result<Tree> {
        let (repository, wanted) = (&reference.repository, wanted(reference));
        let top = self.manifest(repository, &wanted).await?;
        let (name, digest) = (self.name(repository, &wanted), top.descriptor.digest);
        let mut gathering = Gathering::default();
        let each_once = |members: Vec<Descriptor>| members.into_iter().map(|member| (member.digest, member));
        let mut missing: BTreeMap<Digest, Descriptor> =
            each_once(gathering.add(top.descriptor, top.bytes.as_ref().into(), &name)?).collect();
        while !missing.is_empty() {
            let members = missing.keys().map(|digest| async {
                let fetched = self.manifest(repository, &digest.to_string()).await;
                fetched.map_err(|e| e.context(format!("reading a member of {name}")))
            });
            let mut next = BTreeMap::new();
            for fetched in try_join_all(members).await? {
                next.extend(each_once(gathering.add(fetched.descriptor, fetched.bytes.as_ref().into(), &name)?));
            }
            missing = next;
            missing.retain(|digest, _| !gathering.has(digest));
        }
        gathering.finish(&digest, self.blobs(repository))
    }

    /// The blobs of a repository.
    fn blobs(&self, repository: &str) -> Arc<dyn Blobs> {
        Arc::new(RemoteBlobs { registry: self.clone(), repository: repository.into(), runtime: Handle::current() })
    }

    /// The one image with this manifest, of a repository.
    async fn image(&self, repository: &str, descriptor: Descriptor, bytes: &Bytes, name: &str) -> Result<Image> {
        let manifest = Manifest::parse(bytes, name)?;
        // Without its config an image is damaged, which is not the network's fault.
        let config_bytes = self.small_blob(repository, &manifest.config).await.map_err(|error| match error.is_outage() {
            true => error,
            false => Error::failed(format!("the config of {name} cannot be read")).source(error).hint("push the image again"),
        })?;
        let config = ImageConfig::parse(&config_bytes, &format!("the config of {name}"))?;
        let blobs = self.blobs(repository);
        Ok(Image {
            descriptor,
            index: None,
            manifest: Arc::new(manifest),
            manifest_bytes: bytes.as_ref().into(),
            config: Arc::new(config),
            config_bytes: config_bytes.into(),
            blobs,
        })
    }

    /// Reads a small blob whole and checks it.
    async fn small_blob(&self, repository: &str, blob: &Descriptor) -> Result<Vec<u8>> {
        if blob.size > MAX_CONFIG {
            return Err(Error::failed(format!("blob {} has {} bytes; a config has at most {MAX_CONFIG}", blob.digest, blob.size)));
        }
        let (sender, mut receiver) = mpsc::channel(1);
        let mut bytes = Vec::new();
        let (done, ()) = tokio::join!(self.download(repository, blob, sender), async {
            while let Some(chunk) = receiver.recv().await {
                bytes.extend_from_slice(&chunk);
            }
        });
        done?;
        match Digest::of(&bytes) == blob.digest {
            true => Ok(bytes),
            false => {
                let what = format!("blob {} of {}/{repository} has other content than its digest says", blob.digest, self.host());
                Err(Error::network(what).as_answer())
            }
        }
    }

    /// Downloads a blob into `sink`, going on where a broken connection left off. Ends early when nobody listens.
    async fn download(&self, repository: &str, blob: &Descriptor, sink: mpsc::Sender<Bytes>) -> Result<()> {
        let doing = format!("reading blob {} of {}/{repository}", blob.digest.short(), self.host());
        let url = self.0.endpoint.url(repository, &["blobs", &blob.digest.to_string()]);
        let scope = Scope::pull(repository);
        let got = std::sync::atomic::AtomicU64::new(0);
        use std::sync::atomic::Ordering::Relaxed;
        let attempt = || async {
            let from = got.load(Relaxed);
            let shape = move |r: reqwest::RequestBuilder| if from > 0 { r.header(RANGE, format!("bytes={from}-")) } else { r };
            let mut response = self.exchange(&scope, Method::GET, &url, &doing, &shape).await?;
            let mut skip = match response.status() {
                StatusCode::PARTIAL_CONTENT => 0,
                status if status.is_success() => from,
                StatusCode::NOT_FOUND => return Err(self.declined(response, &doing, repository).await.answered()),
                _ => return Err(self.declined(response, &doing, repository).await),
            };
            loop {
                let chunk = self.wait().hear(&doing, response.chunk()).await?;
                let Some(mut chunk) = chunk.map_err(|error| Failure::connection(error, self.host(), &doing, true))? else { break };
                let skipped = chunk.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
                skip -= skipped as u64;
                let _ = chunk.split_to(skipped);
                if got.fetch_add(chunk.len() as u64, Relaxed) + chunk.len() as u64 > blob.size {
                    return Err(Error::network(format!("{doing}: it is longer than its {} bytes", blob.size)).as_answer().into());
                }
                if !chunk.is_empty() && sink.send(chunk).await.is_err() {
                    return Ok(());
                }
            }
            match got.load(Relaxed) {
                all if all == blob.size => Ok(()),
                part => {
                    let what = format!("{doing}: it ended after {part} of {} bytes", blob.size);
                    Err(Failure::from(Error::network(what).as_answer()).transient())
                }
            }
        };
        loop {
            let before = got.load(Relaxed);
            match self.0.patience.retry(attempt).await {
                // As with uploads, patience is for standing still.
                Err(failure) if failure.transient && got.load(Relaxed) > before => {}
                done => return Ok(done?),
            }
        }
    }
}

/// What of the repository: the digest where there is one, else the tag.
fn wanted(reference: &RegistryReference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, tag) => tag.clone().unwrap_or_else(|| "latest".into()),
    }
}

/// The blobs of one repository.
struct RemoteBlobs {
    registry: Registry,
    repository: Arc<str>,
    runtime: Handle,
}

impl std::fmt::Debug for RemoteBlobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteBlobs({}/{})", self.registry.host(), self.repository)
    }
}

impl Blobs for RemoteBlobs {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let (sender, chunks) = mpsc::channel(4);
        let (registry, repository, wanted) = (self.registry.clone(), Arc::clone(&self.repository), blob.clone());
        let download = self.runtime.spawn(async move { registry.download(&repository, &wanted, sender).await });
        let mut reader = RemoteReader { chunks, download: Some(download), runtime: self.runtime.clone(), chunk: Bytes::new() };
        // The first piece is waited for here, so that "no such blob" and "not allowed" are errors of opening it.
        if let Some(chunk) = reader.chunks.blocking_recv() {
            reader.chunk = chunk;
        } else {
            reader.outcome()?;
        }
        Ok(Box::new(reader))
    }
}

/// Reads what a download sends.
struct RemoteReader {
    chunks: mpsc::Receiver<Bytes>,
    download: Option<tokio::task::JoinHandle<Result<()>>>,
    runtime: Handle,
    chunk: Bytes,
}

impl RemoteReader {
    /// How the download ended; called once its channel is closed.
    fn outcome(&mut self) -> Result<()> {
        match self.download.take() {
            None => Ok(()),
            // The task has let go of its channel, so it is over or about to be: this does not wait for the network.
            Some(download) => self.runtime.block_on(download).unwrap_or_else(|_| Err(Error::interrupted())),
        }
    }
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return self.outcome().map(|()| 0).map_err(io::Error::other),
            }
        }
        let n = buffer.len().min(self.chunk.len());
        buffer[..n].copy_from_slice(&self.chunk.split_to(n));
        Ok(n)
    }
}
