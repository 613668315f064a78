//! Computing the plan: only HEAD and GET, as few as possible.
//!
//! The tags are asked for first. A tag that names what it should proves its manifest is there, and where every tag of a container
//! does, its blobs are taken to be there: so a release that is at the registry already costs one HEAD for each tag and nothing else.
//! Before a tag is set, or when asked with `force`, every blob is looked at: a registry can lose one and still show the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::candidate::{Candidate, CandidateImage, LockState};
use super::index::index_of;
use super::plan::{ContainerPlan, Plan, PlannedBlob, PlannedImage, PlannedIndex, PlannedTag, Presence, Purpose, TagChange};
use super::reach::reach;
use super::tags::{Tags, check_tag};
use super::{gates, neighbours};
use crate::image::{Descriptor, Digest};
use crate::registry::{Found, Registry};
use crate::verify::Verdict;
use crate::{Error, Result};

/// What a plan is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PlanRequest<'a> {
    /// The tags, the version first: see [`super::choose_tags`].
    pub tags: &'a Tags,
    /// What is to be released.
    pub candidates: &'a [Candidate],
    /// The catalog's folder, whose git status is a gate.
    pub folder: &'a Path,
    /// A version that exists and differs may be overwritten; every blob is looked at, also where all tags are as they should be.
    pub force: bool,
    /// What it is for.
    pub purpose: Purpose,
    /// How the lock stands to the catalog.
    pub lock: &'a LockState,
    /// Other repositories of the registry, without host, that may have layers in common with these.
    pub neighbours: &'a [String],
}

/// Computes what a push would do, and evaluates every gate. Sends nothing.
///
/// # Errors
/// What was asked for makes no sense (kind usage), or it was cancelled. A registry that does not answer is a failed gate of the
/// plan, not an error: then what the registry has is unknown, and the plan says so.
pub async fn plan(registry: &Registry, request: &PlanRequest<'_>, cancel: &CancellationToken) -> Result<Plan> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::interrupted()),
        planned = make(registry, request) => planned,
    }
}

async fn make(registry: &Registry, request: &PlanRequest<'_>) -> Result<Plan> {
    let PlanRequest { tags, candidates, folder, force, purpose, lock, neighbours } = *request;
    let version = tags.tags.first().ok_or_else(|| Error::usage("a release needs a version"))?;
    if candidates.is_empty() {
        return Err(Error::usage("there is nothing to release").hint("name a container, or define one in containers.toml"));
    }
    let drafts: Vec<Draft> = candidates.iter().map(|c| Draft::new(registry.host(), c, tags, purpose)).collect::<Result<_>>()?;
    let mut places = BTreeMap::new();
    for draft in &drafts {
        if let Some(other) = places.insert(&draft.path, &draft.candidate.container) {
            return Err(Error::usage(format!("{other} and {} both go to {}", draft.candidate.container, draft.candidate.repository))
                .hint("put {container} into [registry] repository of containers.toml"));
        }
    }

    let paths: Vec<&str> = drafts.iter().map(|d| d.path.as_str()).collect();
    // None waits for the others: a large work tree takes git longer than the registry takes.
    let ((mut reachable, mut credentials, source), git_clean, git_tag) =
        tokio::join!(reach(registry, &paths), gates::git_clean(folder), gates::git_tag(folder, version));
    let mut containers = planned(&drafts, &drafts.iter().map(|_| Survey::unasked()).collect::<Vec<_>>(), &BTreeMap::new());
    if reachable.verdict == Verdict::Pass && credentials.verdict == Verdict::Pass {
        match try_join_all(drafts.iter().map(|draft| draft.survey(registry, force))).await {
            Ok(surveys) => {
                let missing = missing(&drafts, &surveys);
                let elsewhere = neighbours::find(registry, neighbours, &missing).await;
                containers = planned(&drafts, &surveys, &elsewhere);
            }
            Err(error) => reachable = gates::failed("registry", &error),
        }
    } else if reachable.verdict != Verdict::Pass {
        credentials = gates::gate("credentials", Verdict::Skip, "the registry did not answer", None);
    }
    let known = reachable.verdict == Verdict::Pass && credentials.verdict == Verdict::Pass;
    let architectures = gates::incomplete_members(&containers, purpose).unwrap_or_else(|| gates::architectures(candidates, purpose));

    let mut plan = Plan {
        schema: 1,
        purpose,
        version: version.clone(),
        registry: registry.host().to_owned(),
        credentials: source,
        tag_rule: match purpose {
            Purpose::Digests => "none: images go by digest, to be joined with `catamaran index`".into(),
            Purpose::Release | Purpose::Index => tags.rule.clone(),
        },
        containers,
        gates: vec![
            gates::current(candidates, purpose),
            gates::lock(lock),
            gates::verified(candidates, purpose),
            architectures,
            gates::platforms(candidates),
        ],
    };
    let free = match known {
        true => gates::version_free(&plan, force),
        false => gates::gate("version-free", Verdict::Skip, "what the registry has is not known", None),
    };
    plan.gates.extend([reachable, credentials, free, git_clean, git_tag]);
    Ok(plan)
}

/// The layers that no repository of the release has.
fn missing(drafts: &[Draft<'_>], surveys: &[Survey]) -> BTreeSet<(Digest, u64)> {
    let layers = drafts.iter().flat_map(|draft| &draft.images).flat_map(|i| &i.image.manifest.layers);
    layers.map(|layer| (layer.digest, layer.size)).filter(|(digest, _)| !surveys.iter().any(|s| s.blobs.contains(digest))).collect()
}

/// The plans of all containers, given what the registry has of each. What one repository has or gets, the others are given
/// by mounting it, so its bytes count once.
fn planned<'a>(drafts: &'a [Draft<'a>], surveys: &[Survey], elsewhere: &'a BTreeMap<Digest, String>) -> Vec<ContainerPlan> {
    let mut coming: BTreeMap<Digest, &str> = BTreeMap::new();
    for (draft, survey) in drafts.iter().zip(surveys) {
        for digest in &survey.blobs {
            coming.entry(*digest).or_insert(&draft.candidate.repository);
        }
    }
    coming.extend(elsewhere.iter().map(|(digest, repository)| (*digest, repository.as_str())));
    drafts.iter().zip(surveys).map(|(draft, survey)| draft.planned(survey, &mut coming)).collect()
}

/// One container of the plan, before the registry was asked.
struct Draft<'a> {
    candidate: &'a Candidate,
    /// The repository below the host.
    path: String,
    images: Vec<&'a CandidateImage>,
    /// Tags of the single images; empty when there is one image only.
    image_tags: Vec<String>,
    /// The index and its bytes; `None` for one image, or when it cannot be made (which a gate says).
    index: Option<(Digest, Vec<u8>)>,
    /// The container's own tags and what they will name; empty when there is nothing to name.
    tags: Vec<String>,
    to: Option<Digest>,
}

/// What the registry has of a container.
#[derive(Default)]
struct Survey {
    tags: BTreeMap<String, Found>,
    manifests: BTreeSet<Digest>,
    blobs: BTreeSet<Digest>,
    /// Nobody could be asked: that something is not in here says nothing.
    unasked: bool,
}

impl Survey {
    fn unasked() -> Self {
        Survey { unasked: true, ..Survey::default() }
    }

    /// What becomes of a tag that is to name `to`.
    fn change(&self, tag: &str, to: Digest) -> TagChange {
        match self.tags.get(tag) {
            _ if self.unasked => TagChange::Unknown,
            None => TagChange::New,
            Some(found) if found.digest == to => TagChange::Unchanged,
            Some(found) => TagChange::Moves { from: found.digest },
        }
    }

    fn presence(&self, manifest: &Digest) -> Presence {
        match self.manifests.contains(manifest) {
            _ if self.unasked => Presence::Unknown,
            true => Presence::Present,
            false => Presence::Upload,
        }
    }
}

impl<'a> Draft<'a> {
    fn new(host: &str, candidate: &'a Candidate, tags: &Tags, purpose: Purpose) -> Result<Self> {
        let images = candidate.ordered();
        if purpose == Purpose::Digests {
            let (image_tags, index, tags) = (Vec::new(), None, Vec::new());
            return Ok(Draft { path: candidate.path(host)?, candidate, images, image_tags, index, tags, to: None });
        }
        let version = tags.tags.first().map(String::as_str).unwrap_or_default();
        let several = images.len() > 1;
        let suffixed = images.iter().filter(|_| several).map(|i| format!("{version}-{}", i.target.architecture.tag_suffix()));
        let image_tags: Vec<String> = suffixed.collect();
        for tag in image_tags.iter().chain(&tags.tags) {
            check_tag(tag, "the tag")?;
        }
        if let Some(taken) = image_tags.iter().find(|t| tags.tags.contains(t)) {
            return Err(
                Error::usage(format!("the tag {taken} is the one of a single architecture's image")).hint("leave it out: it is set anyway")
            );
        }
        let index = several.then(|| index_of(candidate).ok()).flatten().map(|index| index.to_bytes()).map(|b| (Digest::of(&b), b));
        let to = match images.as_slice() {
            [only] => Some(manifest_of(only).digest),
            _ => index.as_ref().map(|(digest, _)| *digest),
        };
        let tags = if to.is_some() { tags.tags.clone() } else { Vec::new() };
        Ok(Draft { path: candidate.path(host)?, candidate, images, image_tags, index, tags, to })
    }

    /// Asks what the registry has: tags, then manifests no tag spoke for, then the blobs, unless everything else is as it should be.
    async fn survey(&self, registry: &Registry, force: bool) -> Result<Survey> {
        let mut survey = Survey::default();
        let tags: Vec<&String> = self.image_tags.iter().chain(&self.tags).collect();
        let found = try_join_all(tags.iter().map(|tag| registry.find_manifest(&self.path, tag))).await?;
        for (tag, found) in tags.into_iter().zip(found) {
            if let Some(found) = found {
                survey.manifests.insert(found.digest);
                survey.tags.insert(tag.clone(), found);
            }
        }
        let unspoken: Vec<Digest> = self
            .images
            .iter()
            .map(|i| manifest_of(i).digest)
            .chain(self.index.iter().map(|i| i.0))
            .filter(|d| !survey.manifests.contains(d))
            .collect();
        let looks = unspoken
            .iter()
            .map(|digest| async move { registry.find_manifest(&self.path, &digest.to_string()).await.map(|f| (digest, f.is_some())) });
        survey.manifests.extend(try_join_all(looks).await?.into_iter().filter(|(_, there)| *there).map(|(digest, _)| *digest));

        let all: BTreeSet<Digest> = self.images.iter().flat_map(|i| i.image.manifest.blobs().map(|b| b.digest)).collect();
        if !force && self.is_released(&survey) {
            survey.blobs = all;
            return Ok(survey);
        }
        let looks =
            all.iter().map(|digest| async move { registry.find_blob(&self.path, digest).await.map(|size| (*digest, size.is_some())) });
        let looked = try_join_all(looks).await?;
        survey.blobs.extend(looked.into_iter().filter(|(_, there)| *there).map(|(digest, _)| digest));
        Ok(survey)
    }

    /// Whether every manifest is there, and every tag names what it should.
    fn is_released(&self, survey: &Survey) -> bool {
        let images = || self.images.iter().map(|image| manifest_of(image).digest);
        let tags = self.image_tags.iter().zip(images()).chain(self.tags.iter().zip(self.to.iter().cycle().copied()));
        images().chain(self.index.iter().map(|index| index.0)).all(|digest| survey.manifests.contains(&digest))
            && tags.into_iter().all(|(tag, to)| survey.change(tag, to) == TagChange::Unchanged)
    }

    /// The plan, given what the registry has.
    ///
    /// `coming` knows which repository has a blob, or gets it first.
    fn planned<'b>(&'b self, survey: &Survey, coming: &mut BTreeMap<Digest, &'b str>) -> ContainerPlan {
        let tag = |tag: &String, to: Digest| PlannedTag { tag: tag.clone(), to, change: survey.change(tag, to) };
        let mut images = Vec::new();
        let mut brought = BTreeSet::new();
        for (n, candidate) in self.images.iter().enumerate() {
            let manifest = manifest_of(candidate);
            let own = self.candidate.repository.as_str();
            let blobs = candidate.image.manifest.blobs().map(|blob| {
                let first = *coming.entry(blob.digest).or_insert(own);
                let (presence, from) = match (survey.blobs.contains(&blob.digest), first == own) {
                    _ if survey.unasked => (Presence::Unknown, None),
                    (true, _) => (Presence::Present, None),
                    (false, false) => (Presence::Shared, Some(first.to_owned())),
                    (false, true) if !brought.insert(blob.digest) => (Presence::Shared, None),
                    (false, true) => (Presence::Upload, None),
                };
                PlannedBlob { digest: blob.digest, size: blob.size, presence, from }
            });
            images.push(PlannedImage {
                target: candidate.target.clone(),
                platform: candidate.image.platform(),
                digest: manifest.digest,
                size: manifest.size,
                presence: survey.presence(&manifest.digest),
                blobs: blobs.collect(),
                waived: candidate.waived.clone(),
                tag: self.image_tags.get(n).map(|t| tag(t, manifest.digest)),
            });
        }
        ContainerPlan {
            container: self.candidate.container.clone(),
            repository: self.candidate.repository.clone(),
            images,
            index: self.index.as_ref().map(|(digest, bytes)| PlannedIndex {
                digest: *digest,
                size: bytes.len() as u64,
                presence: survey.presence(digest),
                annotations: self.candidate.annotations.clone(),
                content: String::from_utf8_lossy(bytes).into_owned(),
            }),
            tags: self.to.iter().flat_map(|to| self.tags.iter().map(|t| tag(t, *to))).collect(),
        }
    }
}

/// The manifest's own digest and size, whatever its descriptor claims.
fn manifest_of(candidate: &CandidateImage) -> Descriptor {
    Descriptor::of(candidate.image.descriptor.media_type.clone(), &candidate.image.manifest_bytes)
}
