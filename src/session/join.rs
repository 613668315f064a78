//! Joining images that other machines pushed by digest: read from the registry, held against what they should be.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};

use super::IndexRequest;
use super::engine::Work;
use super::event::EventKind;
use super::noted;
use super::publish::{Wanted, host_of};
use crate::catalog::{Catalog, ContainerName, Target};
use crate::image::{Digest, Image, RegistryReference};
use crate::registry::{Credentials, Registry, Variables};
use crate::release::{self, Candidate, CandidateImage, LockState, Plan, Purpose};
use crate::verify::{Group, Sibling};
use crate::{Error, Result};

/// How many members are read at the same time.
const READ_AT_ONCE: usize = 8;

impl Work {
    /// Computes what joining the images would do, and shows it.
    pub(super) async fn plan_index(&self, request: &IndexRequest) -> Result<Plan> {
        let catalog = self.catalog()?;
        let host = host_of(&catalog, request.registry.as_deref())?;
        let registry = Registry::connect(&host, Credentials::new(&catalog.registry, Variables::of_process()))?;
        let registry = registry.heard_by(Arc::clone(&self.progress));
        let variables = Variables::of_process();
        let tags = release::choose_tags(&request.version, request.tags.as_deref(), catalog.folder(), &variables);
        let (candidates, tags) = tokio::join!(self.members(&catalog, &registry, &request.members, request.verify), tags);
        let wanted = Wanted { tags: tags?, force: request.force, purpose: Purpose::Index, lock: LockState::Unused };
        self.plan_for(&catalog, registry, &candidates?, wanted).await
    }

    /// The images at the registry, as what is to be released; with every check run over them if `verify`.
    pub(super) async fn members(
        &self,
        catalog: &Catalog,
        registry: &Registry,
        members: &[(Target, Digest)],
        verify: bool,
    ) -> Result<Vec<Candidate>> {
        self.emit(EventKind::RunPhaseChanged { phase: "read".into() }).await;
        let read = futures_util::stream::iter(members).map(|(target, digest)| async move {
            let (position, container) = catalog
                .containers
                .iter()
                .enumerate()
                .find(|(_, c)| c.name == target.container)
                .ok_or_else(|| Error::usage(format!("{} has no container `{}`", catalog.path.display(), target.container)))?;
            let path = catalog.registry.repository_of(&container.name);
            let image = self.member(registry, &path, target, digest).await?;
            Ok::<_, Error>((position, target, path, image))
        });
        let read: Vec<_> = read.buffered(READ_AT_ONCE).try_collect().await?;
        let mut candidates: BTreeMap<usize, Candidate> = BTreeMap::new();
        let known = self.known();
        let mut firsts: BTreeMap<usize, Arc<Sibling>> = BTreeMap::new();
        let in_all = |container: &ContainerName| members.iter().filter(|(target, _)| target.container == *container).count();
        for (position, target, path, image) in read {
            self.check_cancelled()?;
            let container = &catalog.containers[position];
            let group = match (firsts.get(&position), in_all(&container.name)) {
                (Some(first), _) => Group::Later(Arc::clone(first)),
                (None, 0 | 1) => Group::Alone,
                (None, members) => Group::First(members - 1),
            };
            let report = match verify {
                true => {
                    let waivers = catalog.waivers_of(container.name.as_str());
                    let (report, facts) = self.check(target, image.clone(), group, &waivers, &known, &self.token).await?;
                    let sibling = || Arc::new(Sibling { subject: target.to_string(), image: image.clone(), facts });
                    firsts.entry(position).or_insert_with(sibling);
                    Some(report)
                }
                false => None,
            };
            let (verdict, waived) = (report.as_ref().map(|r| r.verdict()), report.map(|r| noted::used(&r)).unwrap_or_default());
            let candidate = candidates.entry(position).or_insert_with(|| Candidate {
                container: container.name.clone(),
                repository: format!("{}/{path}", registry.host()),
                targets: container.targets.clone(),
                images: Vec::new(),
                annotations: container.annotations.clone(),
            });
            candidate.images.push(CandidateImage { target: target.clone(), image, verdict, waived, current: None });
        }
        Ok(candidates.into_values().collect())
    }

    async fn member(&self, registry: &Registry, path: &str, target: &Target, digest: &Digest) -> Result<Image> {
        // Parsed, not put together: Docker Hub's official images live below `library/`, and the parser knows.
        let reference: RegistryReference = format!("{}/{path}@{digest}", registry.host()).parse()?;
        let mut images = tokio::select! {
            biased;
            () = self.token.cancelled() => return Err(Error::interrupted()),
            images = registry.images(&reference) => images.map_err(|error| error.context(format!("reading {target}")))?,
        };
        match (images.pop(), images.is_empty()) {
            (Some((None, image)), true) => Ok(image),
            _ => Err(Error::usage(format!("{reference} is an index, not the image of {target}"))
                .hint("give the digest of the image itself, as `catamaran push --digests-only` printed it")),
        }
    }
}
