//! Plan and publication against a small registry in memory, which can be told to fail.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::catalog::{Architecture, RegistrySettings, Target};
use crate::image::{Blobs, Descriptor, Digest, Image, ImageConfig, Manifest, Platform, media_type};
use crate::registry::fault_server::{FaultServer, Reply, Request, reply};
use crate::registry::{Credentials, Registry, Variables};
use crate::verify::Verdict;
use crate::{Kind, Result};

mod failures;
mod lost_blobs;
mod requests;
mod stopping;

#[derive(Debug, Default)]
struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Memory {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0[&blob.digest].clone())))
    }
}

/// An image with a layer that all architectures of one kind share, and one of its own.
fn image(architecture: Architecture, own: &str) -> Image {
    let layers = [format!("base {architecture}").into_bytes(), format!("{own} {architecture}").into_bytes()];
    let platform = Platform::linux(architecture);
    let config = ImageConfig { architecture: platform.architecture, os: platform.os, ..ImageConfig::default() };
    let config_bytes = config.to_bytes();
    let descriptors = layers.iter().map(|l| Descriptor::of(media_type::LAYER_GZIP, l)).collect();
    let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config_bytes), descriptors, BTreeMap::new());
    let bytes = manifest.to_bytes();
    let blobs = layers.into_iter().chain([config_bytes.clone()]).map(|b| (Digest::of(&b), b)).collect();
    Image {
        descriptor: Descriptor::of(media_type::MANIFEST, &bytes),
        index: None,
        manifest: Arc::new(manifest),
        manifest_bytes: bytes.into(),
        config: Arc::new(config),
        config_bytes: config_bytes.into(),
        blobs: Arc::new(Memory(blobs)),
    }
}

const BOTH: [Architecture; 2] = [Architecture::Aarch64, Architecture::X86_64];

fn candidate(host: &str, name: &str, own: &str) -> Candidate {
    let image_of = |a| CandidateImage {
        target: Target::new(name, a),
        image: image(a, own),
        verdict: Some(Verdict::Pass),
        waived: vec![],
        current: Some(true),
    };
    Candidate {
        container: name.into(),
        repository: format!("{host}/acme/{name}"),
        targets: BOTH.to_vec(),
        images: BOTH.map(image_of).to_vec(),
        annotations: BTreeMap::new(),
    }
}

type Kept = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A registry that keeps blobs and manifests by path; `fault` may answer in its place.
async fn registry(fault: impl Fn(&Request, &Kept) -> Option<Reply> + Send + Sync + 'static) -> (FaultServer, Kept) {
    let kept: Kept = Arc::default();
    let own = Arc::clone(&kept);
    let server = FaultServer::start(move |request, _| {
        if let Some(reply) = fault(request, &own) {
            return reply;
        }
        let mut kept = own.lock().unwrap();
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let digest = |bytes: &[u8]| {
            vec![("Docker-Content-Digest", Digest::of(bytes).to_string()), ("Content-Type", media_type::MANIFEST.to_owned())]
        };
        match request.method.as_str() {
            "GET" | "HEAD" if path == "/v2/" => reply(200),
            "GET" | "HEAD" => match kept.get(path) {
                Some(bytes) => Reply::Answer(200, digest(bytes), bytes.clone()),
                None => reply(404),
            },
            "POST" => match query.split('&').find_map(|p| p.strip_prefix("mount=")) {
                Some(mounted) => {
                    let name = format!("{}{}", path.trim_end_matches("uploads/"), mounted.replace("%3A", ":"));
                    kept.insert(name, vec![]);
                    reply(201)
                }
                None => Reply::Answer(202, vec![("Location", path.to_owned())], vec![]),
            },
            "DELETE" => reply(if kept.remove(path).is_some() { 202 } else { 404 }),
            _ => {
                let blob = query.strip_prefix("digest=").map(|d| format!("{}{}", path.trim_end_matches("uploads/"), d.replace("%3A", ":")));
                kept.insert(blob.unwrap_or_else(|| path.to_owned()), request.body.clone());
                if path.contains("/manifests/") {
                    let by_digest = format!("{}/{}", path.rsplit_once('/').unwrap().0, Digest::of(&request.body));
                    kept.insert(by_digest, request.body.clone());
                }
                reply(201)
            }
        }
    })
    .await;
    (server, kept)
}

fn client(server: &FaultServer) -> Registry {
    Registry::connect(&server.host, Credentials::new(&RegistrySettings::default(), Variables::from_fn(|_| None))).unwrap()
}

fn tags(names: &[&str]) -> Tags {
    Tags { tags: names.iter().map(|t| (*t).to_owned()).collect(), rule: "as asked".into() }
}

fn request<'a>(tags: &'a Tags, candidates: &'a [Candidate]) -> PlanRequest<'a> {
    let (folder, purpose, lock) = (Path::new("/nonexistent"), Purpose::Release, &LockState::Fresh);
    PlanRequest { tags, candidates, folder, force: false, purpose, lock, neighbours: &[] }
}

async fn planned(server: &FaultServer, candidates: &[Candidate], names: &[&str]) -> Result<Plan> {
    let tags = tags(names);
    let request = request(&tags, candidates);
    plan(&client(server), &request, &CancellationToken::new()).await
}

async fn published(server: &FaultServer, plan: &Plan, candidates: &[Candidate]) -> Result<Receipt> {
    Ok(publish(&client(server), plan, candidates, &Consent::default(), &Unheard, &CancellationToken::new()).await?)
}

fn gate<'a>(plan: &'a Plan, id: &str) -> &'a Gate {
    plan.gates.iter().find(|g| g.id == id).unwrap()
}

#[tokio::test]
async fn of_a_registry_that_cannot_be_reached_nothing_is_claimed() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let candidates = [candidate(&nobody, "fd", "fd")];
    let registry = Registry::connect(&nobody, Credentials::new(&RegistrySettings::default(), Variables::from_fn(|_| None))).unwrap();
    let tags = tags(&["1.0"]);
    let plan = plan(&registry, &request(&tags, &candidates), &CancellationToken::new()).await.unwrap();
    assert!(!plan.is_known() && !plan.is_done() && plan.bytes_to_upload() == 0 && plan.blob_counts() == (0, 0, 0));
    let container = &plan.containers[0];
    assert!(container.images.iter().all(|i| i.presence == Presence::Unknown && i.blobs.iter().all(|b| b.presence == Presence::Unknown)));
    assert!(
        container.index.as_ref().unwrap().presence == Presence::Unknown && container.all_tags().all(|t| t.change == TagChange::Unknown)
    );
    assert_eq!(plan.refusal(true, true).unwrap().kind(), Kind::Network);
}

#[tokio::test]
async fn one_target_goes_straight_to_its_version() {
    let (server, kept) = registry(|_, _| None).await;
    let mut only = candidate(&server.host, "fd", "fd");
    only.images.truncate(1);
    only.targets.truncate(1);
    let candidates = [only];
    let plan = planned(&server, &candidates, &["1.0"]).await.unwrap();
    assert!(plan.containers[0].index.is_none() && plan.containers[0].images[0].tag.is_none());
    let receipt = published(&server, &plan, &candidates).await.unwrap();
    assert_eq!(receipt.containers[0].digest, Some(plan.containers[0].images[0].digest));
    assert!(kept.lock().unwrap().contains_key("/v2/acme/fd/manifests/1.0"));
    assert!(!kept.lock().unwrap().keys().any(|k| k.ends_with("-arm64")));
}

#[tokio::test]
async fn by_digest_only_nothing_is_tagged_and_the_images_are_read_back() {
    let (server, kept) = registry(|_, _| None).await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let tags = tags(&["1.0"]);
    let request = PlanRequest { purpose: Purpose::Digests, ..request(&tags, &candidates) };
    let digests = plan(&client(&server), &request, &CancellationToken::new()).await.unwrap();
    assert_eq!((digests.containers[0].all_tags().count(), digests.containers[0].index.is_none()), (0, true));
    assert_eq!((gate(&digests, "architectures").verdict, gate(&digests, "version-free").verdict), (Verdict::Skip, Verdict::Skip));
    let receipt = published(&server, &digests, &candidates).await.unwrap();
    assert_eq!((receipt.containers[0].digest, receipt.containers[0].images.len(), receipt.uploaded_blobs), (None, 2, 6));
    assert!(kept.lock().unwrap().keys().filter(|k| k.contains("/manifests/")).all(|k| k.contains("sha256:")));
    let lines = server.lines();
    let (images, blobs) = lines[lines.len() - 8..].split_at(2);
    assert!(images.iter().all(|l| l.starts_with("HEAD /v2/acme/fd/manifests/sha256")), "{images:?}");
    assert!(blobs.iter().all(|l| l.starts_with("HEAD /v2/acme/fd/blobs/sha256")), "{blobs:?}");

    // What arrived is gone again: that is no success.
    let (server, kept) = registry(|r, kept| {
        let lost = r.method == "HEAD" && r.target.contains("/manifests/") && kept.lock().unwrap().len() == 8;
        lost.then(|| kept.lock().unwrap().retain(|k, _| !k.contains("/manifests/")));
        None
    })
    .await;
    let candidates = [candidate(&server.host, "fd", "fd")];
    let request = PlanRequest { candidates: &candidates, ..request };
    let digests = plan(&client(&server), &request, &CancellationToken::new()).await.unwrap();
    let error = published(&server, &digests, &candidates).await.unwrap_err();
    assert!(error.message().contains("is not there"), "{error} {:?}", kept.lock().unwrap().keys());
}

#[tokio::test]
async fn images_of_other_machines_are_joined_only_when_they_are_what_they_are_given_as() {
    let (server, _) = registry(|_, _| None).await;
    let elsewhere = |mut c: Candidate| {
        c.images.iter_mut().for_each(|i| i.verdict = None);
        [c]
    };
    let good = elsewhere(candidate(&server.host, "fd", "fd"));
    let tags = tags(&["1.0"]);
    let pushed = [candidate(&server.host, "fd", "fd")];
    let by_digest = PlanRequest { purpose: Purpose::Digests, ..request(&tags, &pushed) };
    let digests = plan(&client(&server), &by_digest, &CancellationToken::new()).await.unwrap();
    published(&server, &digests, &pushed).await.unwrap();
    let request = PlanRequest { purpose: Purpose::Index, lock: &LockState::Unused, ..request(&tags, &good) };
    let joined = plan(&client(&server), &request, &CancellationToken::new()).await.unwrap();
    let skipped: Vec<&str> = joined.gates.iter().filter(|g| g.verdict == Verdict::Skip).map(|g| g.id.as_str()).collect();
    assert_eq!(skipped, ["current", "lock", "verified", "git-clean", "git-tag"]);
    assert!(joined.refusal(false, false).is_none());

    let mut swapped = good.clone();
    (swapped[0].images[0].target, swapped[0].images[1].target) = (good[0].images[1].target.clone(), good[0].images[0].target.clone());
    let request = PlanRequest { candidates: &swapped, ..request };
    let refused = plan(&client(&server), &request, &CancellationToken::new()).await.unwrap();
    assert_eq!(gate(&refused, "platforms").verdict, Verdict::Fail);
    assert!(refused.refusal(true, true).is_some());
}

#[tokio::test]
async fn what_is_waived_is_said_at_the_gate_and_stays_in_the_plan() {
    let (server, _) = registry(|_, _| None).await;
    let mut waiving = candidate(&server.host, "fd", "fd");
    let (reason, check) = ("the docs are left out".to_owned(), crate::verify::Check::Links);
    let waived = crate::verify::AppliedWaiver { check, path: None, reason, until: None, line: 3, expired: false, findings: 2 };
    for image in &mut waiving.images {
        (image.verdict, image.waived) = (Some(Verdict::Waived), vec![waived.clone()]);
    }
    let plan = planned(&server, &[waiving], &["1.0"]).await.unwrap();
    let verified = gate(&plan, "verified");
    assert_eq!(verified.verdict, Verdict::Pass);
    assert!(verified.message.ends_with("waived: links in fd (the docs are left out)"), "{}", verified.message);
    assert!(plan.containers[0].images.iter().all(|image| image.waived == [waived.clone()]));
}

#[tokio::test]
async fn every_gate_that_fails_is_shown() {
    let (server, kept) = registry(|_, _| None).await;
    kept.lock().unwrap().insert("/v2/acme/fd/manifests/1.0".into(), b"{}".to_vec());
    let mut wrong = candidate(&server.host, "fd", "fd");
    wrong.images[0].verdict = None;
    wrong.images[1].image = image(Architecture::Riscv64, "fd");
    wrong.targets.push(Architecture::S390x);
    let plan = planned(&server, &[wrong], &["1.0"]).await.unwrap();
    let verdict = |id| gate(&plan, id).verdict;
    assert_eq!((verdict("verified"), verdict("platforms"), verdict("architectures")), (Verdict::Fail, Verdict::Fail, Verdict::Warn));
    assert!(gate(&plan, "platforms").message.contains("says linux/riscv64, not linux/amd64"), "{:?}", plan.gates);
    assert_eq!(plan.refusal(true, true).unwrap().kind(), Kind::Failed);

    let good = [candidate(&server.host, "fd", "fd")];
    let plan = planned(&server, &good, &["1.0"]).await.unwrap();
    assert_eq!(gate(&plan, "version-free").verdict, Verdict::Fail);
    assert!(published(&server, &plan, &good).await.unwrap_err().message().contains("exists and differs"));
    assert!(!server.lines().iter().any(|l| l.starts_with("P")));
    assert!(plan.refusal(true, true).is_none());
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused() {
    let (server, _) = registry(|_, _| None).await;
    let fd = candidate(&server.host, "fd", "fd");
    let mut rg = candidate(&server.host, "rg", "rg");
    rg.repository = fd.repository.clone();
    assert!(planned(&server, &[fd.clone(), rg], &["1.0"]).await.unwrap_err().message().contains("both go to"));
    assert!(planned(&server, std::slice::from_ref(&fd), &["1.0", "1.0-amd64"]).await.is_err());
    assert!(planned(&server, &[], &["1.0"]).await.is_err());
    let mut upper = fd;
    upper.repository = format!("{}/Acme/fd", server.host);
    assert!(planned(&server, &[upper], &["1.0"]).await.is_err());
}
