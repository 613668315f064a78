//! The steps of a build, each by itself, as the builder does them: on every core, with its checks and its syncs.

use std::hint::black_box;

use catamaran::catalog::{Architecture, LayerCompression};
use catamaran::debian::{Archive, bench};
use catamaran::image::{LayerRecords, ScriptRecords, Store, Witnessed};
use catamaran::progress::Silent;
use catamaran::session::{self, BuildRequest, Command, EventKind, Folders, Options, Outcome};
use catamaran::verify::{Circumstances, Known, verify as run_checks};
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};

use crate::ground::Ground;

const BOTH: [Architecture; 2] = [Architecture::X86_64, Architecture::Aarch64];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// What takes longer than some 20 ms: as few rounds as criterion allows.
fn slow<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group
}

/// From a `Packages` file to a lock.
pub fn index(criterion: &mut Criterion, ground: &Ground) {
    let runtime = runtime();
    let catalog = &ground.fd.catalog;
    let archive = Archive::new(&catalog.debian, catalog.folder(), ground.cache.clone()).expect("an archive");
    let releases = runtime.block_on(bench::Releases::read(&archive)).expect("the archive's releases");
    let text = runtime.block_on(releases.text(Architecture::X86_64)).expect("the archive's index");
    let mut group = slow(criterion, "index");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("scan", |b| b.iter(|| bench::scan(&text, Architecture::X86_64).expect("an index")));
    drop(text);
    let open = || runtime.block_on(releases.open(&BOTH)).expect("cached indexes");
    let everything = open();
    group.throughput(Throughput::Elements(BOTH.len() as u64));
    group.bench_function("open, 2 architectures", |b| b.iter(open));
    group.finish();

    let mut group = criterion.benchmark_group("solve");
    for (name, project) in [("fd x 2", &ground.fd), ("closure", &ground.closure)] {
        let only = runtime.block_on(releases.open(&BOTH[..1])).expect("cached indexes");
        let installable = if name == "closure" { &only } else { &everything };
        let lock = installable.resolve(&project.catalog).expect("a solution");
        group.throughput(Throughput::Elements(lock.packages.len() as u64));
        group.bench_function(name, |b| b.iter(|| installable.resolve(&project.catalog).expect("a solution")));
    }
}

/// From a .deb to a segment: the packages of `fd` for one architecture.
pub fn packages(criterion: &mut Criterion, ground: &Ground) {
    let mine = ground.fd.lock.packages.iter().filter(|package| package.architecture != Architecture::Aarch64.debian());
    let debs: Vec<_> = mine.map(|package| (package, ground.deb(package))).collect();
    let read = || debs.iter().map(|(_, deb)| bench::read_deb(deb).expect("a package")).sum::<u64>();
    let mut group = slow(criterion, "deb");
    group.throughput(Throughput::Bytes(read()));
    group.bench_function("decode, one core", |b| b.iter(read));
    group.finish();

    let mut group = slow(criterion, "segment");
    for (name, how) in [("make, gzip", LayerCompression::Gzip), ("make, zstd", LayerCompression::Zstd)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let maker = bench::SegmentMaker::new(folder.path().to_owned(), how);
        let make = || debs.iter().map(|(package, deb)| maker.make(package, deb).expect("a segment").0).sum::<u64>();
        group.throughput(Throughput::Bytes(make()));
        group.bench_function(name, |b| b.iter(make));
    }
}

/// From segments to layers: the image of some 200 packages.
pub fn layers(criterion: &mut Criterion, ground: &Ground) {
    let target = &ground.closure.catalog.targets()[0];
    let load = || bench::Segments::load(&ground.cache, &ground.closure.lock, target).expect("segments of the build");
    let segments = load();
    let mut group = slow(criterion, "layer");
    group.throughput(Throughput::Elements(segments.count() as u64));
    group.bench_function("facts", |b| b.iter(load));
    group.bench_function("plan", |b| b.iter(|| segments.plan().expect("a plan")));
    let plan = segments.plan().expect("a plan");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a store");
    group.throughput(Throughput::Bytes(plan.write(&ground.cache, &store).expect("layers").0));
    group.bench_function("write", |b| b.iter(|| plan.write(&ground.cache, &store).expect("layers")));
}

/// Every check over the image of some 200 packages, its content recorded.
pub fn verify(criterion: &mut Criterion, ground: &Ground) {
    let catalog = &ground.closure.catalog;
    let store = Store::open_existing(ground.cache.join("images")).expect("the store of the build");
    let built = store.find(&catalog.store_name(&catalog.targets()[0])).expect("a readable store").expect("the image of the build");
    let image = store.image(&built).expect("the image of the build");
    let known = |witnessed| Known {
        records: Some(LayerRecords::new(ground.cache.join("content"))),
        witnessed,
        scripts: Some(ScriptRecords::new(ground.cache.join("debian/scripts"))),
        ..Known::default()
    };
    let circumstances = Circumstances { expected: Some(Architecture::X86_64), ..Circumstances::default() };
    let run = |known: &Known| {
        let report = run_checks(&image, "closure", &circumstances, known, &mut |_| {}, &Silent, &|| false);
        black_box(report.expect("a report"))
    };
    let mut group = slow(criterion, "verify");
    group.throughput(Throughput::Bytes(image.manifest.layers.iter().map(|layer| layer.size).sum()));
    group.bench_function("read whole", |b| b.iter(|| run(&Known::default())));
    group.bench_function("hashed, content recorded", |b| b.iter(|| run(&known(Witnessed::default()))));
    let warm = known(Witnessed::default());
    run(&warm);
    group.throughput(Throughput::Elements(ground.closure.lock.packages.len() as u64));
    group.bench_function("written by this run", |b| b.iter(|| run(&warm)));
}

/// A build of 100 containers for two architectures, all of them up to date: from a fresh session to the end of the run.
pub fn nothing(criterion: &mut Criterion, ground: &Ground) {
    let file = ground.many.catalog.path.clone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folders = Folders { cache: ground.cache.clone(), state: folder.path().join("state"), config: folder.path().join("config") };
    let runtime = runtime();
    let targets = ground.many.catalog.targets().len();
    let build = || {
        let mut session = runtime.block_on(async { session::start(Options { file: Some(file.clone()), folders: folders.clone() }) });
        session.commands.send(Command::Build(BuildRequest::default()));
        let mut cached = 0;
        while let Some(event) = runtime.block_on(session.events.recv()) {
            match event.kind {
                EventKind::BuildFinished { outcome: Outcome::Cached { .. }, .. } => cached += 1,
                EventKind::RunFinished { failed: 0, .. } => break,
                EventKind::RunFinished { .. } | EventKind::RunFailed { .. } => panic!("the build failed: {:?}", event.kind),
                _ => {}
            }
        }
        assert_eq!(cached, targets, "something was built");
    };
    let mut group = slow(criterion, "build");
    group.throughput(Throughput::Elements(targets as u64));
    group.bench_function("nothing to do, 100 x 2", |b| b.iter(build));
}
