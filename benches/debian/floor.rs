//! What a build cannot do without, over the very bytes of its packages, in seconds of one core: packages are xz, layers are gzip,
//! and both digests of a layer are SHA-256. Nothing else is in here: no file, no tar, no solver, no registry. A budget that is below
//! these figures, divided by the number of cores, cannot be met: for a release of `fd` for two architectures, for an image of some
//! 200 packages, and for one package of 2 MB that has changed, for two architectures again (what else is in its layer is hashed on top).

use std::io::Read;
use std::time::Duration;

use catamaran::debian::LockedPackage;
use criterion::{Bencher, Criterion, SamplingMode, Throughput};
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};

use crate::ground::Ground;

/// As in `src/debian/segment`: bytes in a gzip member, and the level of its compressor.
const MEMBER: usize = 1 << 20;
const LEVEL: i32 = 1;

/// Times `work` by the processor's clock of this thread: other programs may be busy meanwhile.
fn on_one_core<T>(bencher: &mut Bencher<'_>, mut work: impl FnMut() -> T) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a clock that goes forward");
    bencher.iter_custom(|times| {
        let begin = now();
        for _ in 0..times {
            std::hint::black_box(work());
        }
        now() - begin
    });
}

/// Every step, once over everything, for each of the three.
pub fn bytes(criterion: &mut Criterion, ground: &Ground) {
    let (fd, closure) = (&ground.fd.lock.packages, &ground.closure.lock.packages);
    // That which `benches/one_changed.sh` changes.
    steps(criterion, ground, "floor, one package x 2", &mut fd.iter().filter(|package| package.name == "libssl3t64"));
    steps(criterion, ground, "floor, fd x 2", &mut fd.iter());
    steps(criterion, ground, "floor, closure", &mut closure.iter());
}

fn steps(criterion: &mut Criterion, ground: &Ground, name: &str, packages: &mut dyn Iterator<Item = &LockedPackage>) {
    let debs: Vec<Vec<u8>> = packages.map(|package| std::fs::read(ground.deb(package)).expect("a package")).collect();
    let packed: Vec<&[u8]> = debs.iter().map(|deb| data(deb)).collect();
    let tars: Vec<Vec<u8>> = packed.iter().map(|data| unpacked(data)).collect();
    let mut members: Vec<(Vec<u8>, usize)> = Vec::new();
    let mut compressor = Compressor::new(CompressionLvl::new(LEVEL).expect("a level"));
    let mut compress = |piece: &[u8], out: &mut Vec<u8>| {
        out.resize(compressor.gzip_compress_bound(piece.len()), 0);
        let length = compressor.gzip_compress(piece, out).expect("room for it");
        out.truncate(length);
    };
    for piece in tars.iter().flat_map(|tar| tar.chunks(MEMBER)) {
        let mut member = Vec::new();
        compress(piece, &mut member);
        members.push((member, piece.len()));
    }

    let total = |bytes: &[Vec<u8>]| bytes.iter().map(|b| b.len() as u64).sum::<u64>();
    let layers: u64 = members.iter().map(|(member, _)| member.len() as u64).sum();
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Bytes(total(&tars)));
    group.bench_function("xz, decompress packages", |b| on_one_core(b, || packed.iter().map(|data| unpacked(data).len()).sum::<usize>()));
    let mut out = Vec::new();
    group.bench_function("deflate, compress layers", |b| {
        on_one_core(b, || tars.iter().flat_map(|tar| tar.chunks(MEMBER)).for_each(|piece| compress(piece, &mut out)));
    });
    let mut decompressor = Decompressor::new();
    group.bench_function("inflate, decompress layers", |b| {
        on_one_core(b, || {
            for (member, length) in &members {
                out.resize(*length, 0);
                decompressor.gzip_decompress(member, &mut out).expect("what was compressed");
            }
        });
    });
    // The tar of a layer (diff id) and its blob. The packages' own digests come on top where they are read.
    group.throughput(Throughput::Bytes(total(&tars) + layers));
    group.bench_function("SHA-256 of layers, plain and compressed", |b| {
        on_one_core(b, || {
            let mut hashes = [Sha256::new(), Sha256::new()];
            tars.iter().for_each(|tar| hashes[0].update(tar));
            members.iter().for_each(|(member, _)| hashes[1].update(member));
            hashes.map(Sha256::finalize)
        });
    });
    group.throughput(Throughput::Bytes(total(&debs)));
    group.bench_function("SHA-256 of packages", |b| {
        on_one_core(b, || debs.iter().map(Sha256::digest).for_each(|digest| _ = std::hint::black_box(digest)))
    });
}

/// The data member of a .deb (deb(5)), still compressed.
fn data(deb: &[u8]) -> &[u8] {
    let mut rest = deb.strip_prefix(b"!<arch>\n").expect("an ar archive");
    loop {
        let (header, body) = rest.split_at(60);
        let size: usize = std::str::from_utf8(&header[48..58]).expect("digits").trim().parse().expect("a length");
        if header.starts_with(b"data.tar") {
            assert!(header.starts_with(b"data.tar.xz"), "Debian has begun to compress packages in another way");
            return &body[..size];
        }
        rest = &body[size.next_multiple_of(2)..];
    }
}

fn unpacked(data: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    let stream = liblzma::stream::Stream::new_stream_decoder(u64::MAX, liblzma::stream::IGNORE_CHECK).expect("a decoder");
    liblzma::read::XzDecoder::new_stream(data, stream).read_to_end(&mut tar).expect("a package of the archive");
    tar
}
