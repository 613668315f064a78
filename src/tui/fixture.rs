//! Events as an engine would send them, for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ratatui::buffer::Buffer;

use super::{Model, Msg, frame, update};
use crate::catalog::{Architecture, BuilderKind, Target};
use crate::error::Kind;
use crate::image::{Digest, Entry, EntryKind, ExecutionConfig, ImageConfig, InstalledPackage, Platform, read_elf};
use crate::progress::Unit;
use crate::release::{
    ContainerPlan, Gate, Plan, PlannedBlob, PlannedImage, PlannedIndex, PlannedTag, Presence, PublishedContainer, PublishedImage,
    PublishedTag, Purpose, Receipt, TagChange,
};
use crate::session::{
    BuiltImage, Event, EventKind, Failure, ImageState, Inspection, LastPublished, LayerSummary, Listing, Outcome, RunId, TargetSummary,
};
use crate::verify::{Aspect, Check, CheckResult, Comparison, Finding, ListedFile, Report, Row, Section, Side, Verdict};

pub const NAMES: [(&str, &str); 6] =
    [("fd", "fd-find"), ("rg", "ripgrep"), ("jq", "jq"), ("sqlite3", "sqlite3"), ("curl", "curl"), ("git", "git")];

pub fn event(run: u64, at: u64, kind: EventKind) -> Event {
    Event { schema: 1, seq: at, at, run: RunId(run), kind }
}

/// The catalog was read; nothing else has happened.
pub fn model() -> Model {
    let mut model = Model::with_theme("auto").unwrap();
    model.feed(&catalog());
    model.feed(&event(1, 6, EventKind::TagRuleRead { latest: true, why: "the branch is main (git)".into() }));
    model.feed(&event(1, 6, EventKind::RunFinished { failed: 0, took: 1 }));
    model
}

/// What a screen of this size shows.
pub fn screen(model: &mut Model, width: u16, height: u16) -> String {
    update(model, Msg::Resize(width, height));
    text_of(&frame(model, width, height))
}

/// The text of a buffer, line by line.
fn text_of(buffer: &Buffer) -> String {
    let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..buffer.area.height).map(line).collect::<Vec<_>>().join("\n")
}

pub fn target(name: &str, architecture: Architecture) -> Target {
    Target::new(name, architecture)
}

pub fn built(target: &Target) -> BuiltImage {
    BuiltImage { digest: Digest::of(target.to_string().as_bytes()), size: 25_270_681, layers: 2, packages: 41, entrypoint: Vec::new() }
}

fn summary(name: &str, package: &str, line: usize, architecture: Architecture, state: ImageState) -> TargetSummary {
    TargetSummary {
        target: target(name, architecture),
        builder: BuilderKind::Debian,
        packages: vec![package.into()],
        entrypoint: vec![name.into()],
        line,
        usual: Some(41_000),
        state,
    }
}

pub fn catalog() -> Event {
    let mut targets = Vec::new();
    for (i, (name, package)) in NAMES.into_iter().enumerate() {
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            let image = built(&target(name, architecture));
            let state = match i {
                0 | 1 => ImageState::Built { image, verified: true },
                2 => ImageState::Built { image, verified: false },
                3 => ImageState::Stale { image },
                _ => ImageState::Never,
            };
            targets.push(summary(name, package, 12 + i * 4, architecture, state));
        }
    }
    event(
        1,
        5,
        EventKind::CatalogLoaded {
            path: PathBuf::from("containers.toml"),
            registry: Some("ghcr.io/acme/tools/{container}".into()),
            targets,
            published: BTreeMap::from([("fd".into(), last_published())]),
        },
    )
}

/// fd as it was published three days before the catalog was read.
fn last_published() -> LastPublished {
    let digest = Digest::of(b"before");
    LastPublished {
        version: "1.4.2".into(),
        at: "2026-11-19T22:10:00Z".into(),
        age: 3 * 24 * 3_600,
        digest: Some(digest),
        images: BTreeMap::new(),
        tags: BTreeMap::from([("1.4.2".into(), digest), ("latest".into(), digest)]),
    }
}

pub fn failure() -> Failure {
    Failure {
        kind: Kind::Failed,
        message: "could not resolve `libgit2-9.9`: no such package in trixie/main".into(),
        hint: Some("catamaran update renews the lock".into()),
    }
}

pub fn output(run: u64, at: u64, target: &Target, from: usize, n: usize) -> Event {
    let lines = (from..from + n).map(|i| format!("fetched pool/main/b/bash/bash_5.2.37-2_amd64.deb {i}")).collect();
    event(run, at, EventKind::OutputReceived { target: target.clone(), lines })
}

/// A build of everything that is not built: one done, one failed, the others at work and waiting.
pub fn building(run: u64) -> Vec<Event> {
    let (c, g) = ("curl", "git");
    let (x, a) = (Architecture::X86_64, Architecture::Aarch64);
    let mut out = vec![event(run, 100, EventKind::RunStarted { command: "build".into() })];
    out.push(event(run, 101, EventKind::RunPhaseChanged { phase: "lock".into() }));
    out.push(event(
        run,
        102,
        EventKind::RunOutput { lines: vec!["resolved 41 packages for curl".into(), "resolved 63 packages for git".into()] },
    ));
    for t in [target(c, x), target(c, a), target(g, x), target(g, a)] {
        out.push(event(run, 110, EventKind::BuildQueued { target: t }));
    }
    for t in [target(c, x), target(c, a), target(g, x)] {
        out.push(event(
            run,
            200,
            EventKind::BuildStarted { target: t.clone(), log: Some(PathBuf::from(format!("/state/runs/1/{t}.log"))) },
        ));
        out.push(event(run, 210, EventKind::PhaseChanged { target: t.clone(), phase: "fetch".into() }));
        out.push(output(run, 220, &t, 0, 40));
        out.push(event(run, 230, EventKind::Progressed { target: t, done: 6_200_000, total: 10_000_000, unit: Unit::Bytes }));
    }
    out.push(event(
        run,
        41_000,
        EventKind::BuildFinished { target: target(c, x), outcome: Outcome::Succeeded { image: built(&target(c, x)) }, took: 40_800 },
    ));
    out.push(event(run, 42_000, EventKind::BuildFinished { target: target(g, x), outcome: Outcome::Failed(failure()), took: 41_800 }));
    out
}

pub fn inspection(t: &Target) -> Event {
    let layer = |seed: &str, size, by: &str| LayerSummary {
        digest: Digest::of(seed.as_bytes()),
        diff_id: None,
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".into(),
        size,
        created_by: Some(by.into()),
        entries: Some(2_104),
    };
    let package = |name: &str, version: &str| InstalledPackage {
        name: name.into(),
        version: version.into(),
        architecture: t.architecture.debian().into(),
    };
    let curl = if t.architecture == Architecture::X86_64 { "8.14.1-2" } else { "8.14.1-1" };
    let platform = Platform::linux(t.architecture);
    let config = ImageConfig {
        created: Some("2026-11-01T00:00:00Z".into()),
        architecture: platform.architecture.clone(),
        os: "linux".into(),
        config: ExecutionConfig {
            entrypoint: vec![format!("/usr/bin/{}", t.container)],
            env: vec!["PATH=/usr/local/bin:/usr/bin:/bin".into(), "LANG=C.UTF-8".into()],
            working_dir: Some("/".into()),
            ..ExecutionConfig::default()
        },
        ..ImageConfig::default()
    };
    let inspection = Inspection {
        schema: 1,
        subject: t.to_string(),
        target: Some(t.clone()),
        digest: built(t).digest,
        media_type: "application/vnd.oci.image.manifest.v1+json".into(),
        platform,
        size: built(t).size,
        config,
        layers: vec![
            layer(&format!("base{}", t.architecture), 18_874_368, "base: bash coreutils"),
            layer(&t.to_string(), 6_396_313, "fd-find"),
        ],
        packages: vec![package("bash", "5.2.37-2"), package("coreutils", "9.7-3"), package("curl", curl), package("libc6", "2.41-12")],
        annotations: Default::default(),
    };
    event(7, 50_000, EventKind::Inspected { inspection: Arc::new(inspection) })
}

/// The files of `t`; an image that `lies` has a library of the other architecture.
pub fn listing(t: &Target, lies: bool) -> Event {
    let own = if t.architecture == Architecture::X86_64 { 62 } else { 183 };
    let file = |path: &str, machine: u16| {
        let mut head = vec![0; 64];
        head[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        head[16..24].copy_from_slice(&[3, 0, machine as u8, 0, 1, 0, 0, 0]);
        let kind = EntryKind::File { size: 52_104, elf: read_elf(&head), shebang: None, capabilities: None };
        ListedFile { layer: 1, entry: Entry { path: path.into(), kind, mode: 0o755, uid: 0, gid: 0 } }
    };
    let listing = Listing {
        schema: 1,
        subject: t.to_string(),
        target: Some(t.clone()),
        digest: built(t).digest,
        platform: Platform::linux(t.architecture),
        files: vec![file("usr/bin/fdfind", own), file("usr/lib/libfoo.so.1", if lies { 62 } else { own })],
    };
    event(9, 50_050, EventKind::FilesListed { listing: Arc::new(listing) })
}

/// Both architectures of `name` held against each other.
pub fn comparison(name: &str) -> Event {
    let side = |a: Architecture| {
        let t = target(name, a);
        let BuiltImage { digest, size, layers, packages, .. } = built(&t);
        Side { subject: t.to_string(), digest, platform: Platform::linux(a), size, layers, packages, paths: 2_104 }
    };
    let row = |name: &str, left: Option<&str>, right: Option<&str>| Row {
        name: name.into(),
        right_name: None,
        package: None,
        left: left.map(Into::into),
        right: right.map(Into::into),
        differs: true,
    };
    let comparison = Comparison {
        schema: 1,
        left: side(Architecture::X86_64),
        right: side(Architecture::Aarch64),
        across_architectures: true,
        sections: vec![
            Section { aspect: Aspect::Config, compared: 14, different: 0, rows: Vec::new() },
            Section { aspect: Aspect::Packages, compared: 41, different: 1, rows: vec![row("curl", Some("8.14.1-2"), Some("8.14.1-1"))] },
            Section {
                aspect: Aspect::Paths,
                compared: 2_104,
                different: 1_001,
                rows: vec![row("usr/lib/engines/x.so", Some("file"), None)],
            },
        ],
    };
    event(9, 50_200, EventKind::Compared { comparison: Arc::new(comparison) })
}

/// All checks pass, but an image that `lies` has files of the other architecture.
pub fn report(t: &Target, lies: bool) -> Event {
    let machine = if t.architecture == Architecture::X86_64 { "x86-64" } else { "AArch64" };
    let check = |check: Check| {
        let summary = match check {
            Check::ConfigPlatform => format!("linux/{}", t.architecture.oci()),
            Check::ElfMachine => format!("312 ELF files, all {machine}"),
            Check::LayerDigests => "2 layers, all as declared".into(),
            _ => "as it should be".into(),
        };
        CheckResult { check, verdict: Verdict::Pass, summary, findings: Vec::new() }
    };
    let mut checks: Vec<CheckResult> = Check::ALL.into_iter().map(check).collect();
    if lies {
        let elf = checks.iter_mut().find(|c| c.check == Check::ElfMachine).unwrap();
        elf.verdict = Verdict::Fail;
        elf.summary = "3 of 312 ELF files are x86-64".into();
        elf.findings = vec![Finding {
            verdict: Verdict::Fail,
            path: Some("usr/lib/libfoo.so.1".into()),
            layer: Some(Digest::of(b"layer")),
            expected: "AArch64 (64-bit, little-endian)".into(),
            found: "x86-64 (64-bit, little-endian)".into(),
            advice: "the package was made for another architecture; build it for arm64".into(),
            waived: None,
        }];
    }
    let report =
        Report { subject: t.to_string(), digest: built(t).digest, platform: Platform::linux(t.architecture), checks, waivers: vec![] };
    event(8, 50_100, EventKind::VerifyFinished { target: Some(t.clone()), report: Arc::new(report) })
}

pub fn plan(version: &str, worst: Verdict) -> Plan {
    let containers = ["fd", "rg"].map(|name| {
        let repository = format!("ghcr.io/acme/tools/{name}");
        let index = Digest::of(name.as_bytes());
        let images = [Architecture::X86_64, Architecture::Aarch64].map(|a| {
            let t = target(name, a);
            let digest = built(&t).digest;
            let blob = |seed: String, size, presence| PlannedBlob { digest: Digest::of(seed.as_bytes()), size, presence, from: None };
            PlannedImage {
                target: t,
                platform: Platform::linux(a),
                digest,
                size: 812,
                presence: Presence::Upload,
                tag: Some(PlannedTag { tag: format!("{version}-{}", a.oci()), to: digest, change: TagChange::New }),
                blobs: vec![
                    blob(format!("config{name}{a}"), 1_204, Presence::Upload),
                    blob(format!("base{a}"), 18_874_368, Presence::Present),
                    blob(format!("app{name}{a}"), 6_396_313, Presence::Upload),
                ],
                waived: vec![],
            }
        });
        let moved = Digest::of(b"before");
        ContainerPlan {
            container: name.into(),
            repository,
            images: images.to_vec(),
            index: Some(PlannedIndex {
                digest: index,
                size: 740,
                presence: Presence::Upload,
                annotations: Default::default(),
                content: "{}".into(),
            }),
            tags: vec![
                PlannedTag { tag: version.into(), to: index, change: TagChange::New },
                PlannedTag { tag: "latest".into(), to: index, change: TagChange::Moves { from: moved } },
            ],
        }
    });
    let gate = |id: &str, verdict, message: &str, hint: Option<&str>| Gate {
        id: id.into(),
        verdict,
        message: message.into(),
        hint: hint.map(str::to_owned),
        files: Vec::new(),
    };
    Plan {
        schema: 1,
        purpose: Purpose::Release,
        version: version.into(),
        registry: "ghcr.io".into(),
        credentials: "GITHUB_TOKEN (environment)".into(),
        tag_rule: "the branch is main, so latest moves too".into(),
        containers: containers.to_vec(),
        gates: vec![
            gate("verified", Verdict::Pass, "4 images passed every check", None),
            gate("architectures", Verdict::Pass, "fd and rg have x86_64 and aarch64", None),
            gate("version-free", worst, "the work tree has changes that are not committed", Some("commit them, or accept the warning")),
            gate("credentials", Verdict::Pass, "ghcr.io accepts octocat for push", None),
        ],
    }
}

pub fn planned(run: u64, version: &str, worst: Verdict) -> Event {
    event(run, 60_000, EventKind::ReleasePlanned { plan: Arc::new(plan(version, worst)) })
}

/// Half of what the plan sends.
pub fn publishing(run: u64, version: &str) -> Vec<Event> {
    let plan = plan(version, Verdict::Pass);
    let mut out = vec![
        event(run, 61_000, EventKind::RunStarted { command: "push".into() }),
        event(run, 61_000, EventKind::PublishStarted { version: version.into(), bytes: plan.bytes_to_upload() }),
    ];
    for container in &plan.containers {
        for (i, blob) in container.images.iter().flat_map(|i| &i.blobs).enumerate() {
            let (container, digest, size) = (container.container.clone(), blob.digest, blob.size);
            let present = blob.presence == Presence::Present;
            out.push(event(
                run,
                61_100,
                match i % 3 {
                    2 => EventKind::BlobProgressed { container, digest, sent: size * 2 / 5, total: size },
                    _ => EventKind::BlobFinished { container, digest, size, present },
                },
            ));
        }
    }
    out
}

pub fn published(run: u64, version: &str) -> Vec<Event> {
    let plan = plan(version, Verdict::Pass);
    let containers = plan.containers.iter().map(|c| PublishedContainer {
        container: c.container.clone(),
        repository: c.repository.clone(),
        digest: c.index.as_ref().map(|i| i.digest),
        images: c
            .images
            .iter()
            .map(|i| PublishedImage {
                target: i.target.clone(),
                platform: i.platform.clone(),
                digest: i.digest,
                size: i.size,
                waived: vec![],
            })
            .collect(),
        tags: c.all_tags().map(|t| PublishedTag { tag: t.tag.clone(), digest: t.to, change: t.change }).collect(),
    });
    let receipt = Receipt {
        schema: 1,
        purpose: Purpose::Release,
        version: version.into(),
        registry: plan.registry.clone(),
        started: "2026-11-22T22:10:00Z".into(),
        finished: "2026-11-22T22:15:00Z".into(),
        accepted_warnings: Vec::new(),
        reason: None,
        containers: containers.collect(),
        uploaded_bytes: plan.bytes_to_upload(),
        uploaded_blobs: 8,
        present_blobs: 4,
    };
    let mut out = Vec::new();
    for c in &plan.containers {
        for tag in c.all_tags() {
            let reference = format!("{}:{}", c.repository, tag.tag);
            out.push(event(
                run,
                70_000,
                EventKind::TagPublished { container: c.container.clone(), reference, digest: tag.to, change: tag.change },
            ));
        }
    }
    let path = Some(PathBuf::from("/state/receipts/20261122T221500Z-1.5.0.json"));
    out.push(event(run, 71_000, EventKind::ReleaseFinished { receipt: Arc::new(receipt), path }));
    out.push(event(run, 71_001, EventKind::RunFinished { failed: 0, took: 10_000 }));
    out
}
