use super::super::plan;
use super::*;
use crate::catalog::{Architecture, Target};
use crate::image::{Digest, Platform};
use crate::release::*;
use crate::verify::Verdict;

pub(in crate::cli) fn a_plan(verdict: Verdict) -> Plan {
    let digest = Digest::of(b"image");
    let tag = |tag: &str, change| PlannedTag { tag: tag.into(), to: digest, change };
    let image = PlannedImage {
        target: Target::new("fd", Architecture::Aarch64),
        platform: Platform::linux(Architecture::Aarch64),
        digest,
        size: 400,
        presence: Presence::Upload,
        tag: None,
        blobs: vec![
            PlannedBlob { digest, size: 2048, presence: Presence::Upload, from: None },
            PlannedBlob { digest: Digest::of(b"base"), size: 4096, presence: Presence::Shared, from: Some("ghcr.io/acme/tools/rg".into()) },
        ],
        waived: vec![],
    };
    let container = ContainerPlan {
        container: "fd".into(),
        repository: "ghcr.io/acme/tools/fd".into(),
        images: vec![image],
        index: None,
        tags: vec![tag("1.2.0", TagChange::New), tag("latest", TagChange::Moves { from: Digest::of(b"old") })],
    };
    let gate =
        Gate { id: "verified".into(), verdict, message: "1 image has warnings".into(), hint: Some("look at it".into()), files: vec![] };
    Plan {
        schema: 1,
        purpose: Purpose::Release,
        version: "1.2.0".into(),
        registry: "ghcr.io".into(),
        credentials: "GITHUB_TOKEN (environment)".into(),
        tag_rule: "version, then latest: the branch is main".into(),
        containers: vec![container],
        gates: vec![gate],
    }
}

#[test]
fn a_plan_shows_what_would_happen() {
    insta::assert_snapshot!(plan(&a_plan(Verdict::Warn), false), @r###"
    Plan of 1.2.0
      registry     ghcr.io
      credentials  GITHUB_TOKEN (environment)
      tags         version, then latest: the branch is main
      to send      2.4 KiB
      blobs        1 to send, 0 there already, 1 shared

    fd  ghcr.io/acme/tools/fd
      + send  image linux/arm64  6105d6cc76af  6.4 KiB  2 blobs: 1 to send, 1 mounted from ghcr.io/acme/tools/rg
      tag 1.2.0   → 6105d6cc76af  + new
      tag latest  → 6105d6cc76af  ~ moves from cba06b5736fa

    Gates
      ! warn  verified  1 image has warnings
          look at it
    "###);
}

pub(in crate::cli) fn a_receipt() -> Receipt {
    let digest = Digest::of(b"image");
    let image = PublishedImage {
        target: Target::new("fd", Architecture::Aarch64),
        platform: Platform::linux(Architecture::Aarch64),
        digest,
        size: 400,
        waived: vec![],
    };
    Receipt {
        schema: 1,
        purpose: Purpose::Release,
        version: "1.2.0".into(),
        registry: "ghcr.io".into(),
        started: "2026-11-22T22:15:00Z".into(),
        finished: "2026-11-22T22:15:09Z".into(),
        accepted_warnings: vec!["dirty".into()],
        reason: Some("a hotfix".into()),
        containers: vec![PublishedContainer {
            container: "fd".into(),
            repository: "ghcr.io/acme/tools/fd".into(),
            digest: Some(digest),
            images: vec![image],
            tags: vec![PublishedTag { tag: "1.2.0".into(), digest, change: TagChange::New }],
        }],
        uploaded_bytes: 2048,
        uploaded_blobs: 1,
        present_blobs: 0,
    }
}

#[test]
fn a_receipt_has_whole_digests() {
    insta::assert_snapshot!(receipt(&a_receipt(), false), @r###"
    ✓ Published 1.2.0
      ghcr.io/acme/tools/fd:1.2.0  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d  new
        linux/arm64                sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
    sent 2.0 KiB in 1 blob, 0 blobs there already
    ! accepted: dirty
      because: a hotfix
    "###);
}
