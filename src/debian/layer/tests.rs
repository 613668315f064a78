//! Any number of layers makes the same file system, as an independent reader unpacks them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::super::fixtures::{Archive, File, file, folder, link};
use super::super::local::Local;
use super::super::script::Emulations;
use super::super::segment::{Segment, Workers};
use super::*;
use crate::catalog::LayerCompression;
use crate::image::{Capabilities, Store};

/// What is at a path: type, mode, owner, time, link, content, capabilities.
type Seen = (u8, u32, u64, u64, u64, String, Vec<u8>, Vec<u8>);

/// Packages that meet in every way: shared folders with other modes, diversions, scripts that change what others ship (below and
/// beside), hard links, alternatives, copies, removals.
fn archive(at: &std::path::Path) -> Archive {
    let mut archive = Archive::new(at);
    let passwd: &[u8] = b"root:*:0:0:root:/root:/bin/sh\nwww-data:*:33:33::/var/www:/x\n";
    archive.add(
        "base-passwd",
        "",
        &[
            file("usr/share/base-passwd/passwd.master", 0o644, passwd),
            file("usr/share/base-passwd/group.master", 0o644, b"root:*:0:\nwww-data:*:33:\nstaff:*:50:\n"),
        ],
    );
    archive.add(
        "base-files",
        "",
        &[
            folder("usr/bin"),
            folder("etc"),
            ("tmp", tar::EntryType::Directory, "", 0o1777, b""),
            folder("var/lib"),
            file("etc/common.conf", 0o644, b"common"),
            file("etc/gone.conf", 0o644, b"gone"),
            file("usr/bin/plain", 0o755, b"plain"),
        ],
    );
    let big = vec![b'x'; 300_000];
    archive.add("liba1", "Source: a\n", &[folder("usr/lib/a"), file("usr/lib/a/liba.so.1", 0o644, &big)]);
    archive.add(
        "liba-bin",
        "Source: a (1.2)\n",
        &[file("usr/bin/a", 0o755, b"a"), ("usr/bin/b", tar::EntryType::Link, "./usr/bin/a", 0o755, b"")],
    );
    archive.add_with(
        "daemon",
        "",
        &[(
            "postinst",
            "#!/bin/sh\nset -e\nadduser --system --group --home /var/lib/daemon daemon\nchown daemon:daemon /etc/daemon /etc/daemon/conf\nchmod 640 /etc/daemon/conf\nchmod 700 /usr/lib/a\nrm -f /etc/gone.conf\ncp /usr/share/daemon/default /etc/default.daemon\nchmod 4755 /usr/bin/plain\nsetcap cap_chown=ep /usr/bin/b || true\n",
        )],
        &[folder("etc/daemon"), file("etc/daemon/conf", 0o644, b"port"), file("usr/share/daemon/default", 0o644, b"default")],
    );
    archive.add_with(
        "wrapper",
        "Depends: liba-bin\n",
        &[("preinst", "#!/bin/sh\nset -e\ndpkg-divert --package wrapper --add --rename --divert /usr/bin/a.real /usr/bin/a\n")],
        &[file("usr/bin/a", 0o755, b"wrapped"), ("etc/daemon", tar::EntryType::Directory, "", 0o750, b"")],
    );
    archive.add_with(
        "pager",
        "",
        &[("postinst", "#!/bin/sh\nupdate-alternatives --install /usr/bin/pager pager /usr/bin/less 50\n")],
        &[file("usr/bin/less", 0o755, b"less"), link("usr/share/doc/pager", "less"), folder("usr/share/doc/less")],
    );
    let setcap = "#!/bin/sh\nset -e\nif command -v setcap >/dev/null && setcap cap_net_raw+ep /usr/bin/plain; then chmod u-s /usr/bin/plain; \
                  else chmod u+s /usr/bin/plain; fi\n";
    archive.add_with("ping", "", &[("postinst", setcap)], &[folder("usr/share/doc/ping")]);
    archive.add("libcap2-bin", "", &[file("sbin/setcap", 0o755, b"x")]);
    let names: Vec<String> = (0..6).map(|n| format!("usr/share/small{n}/file")).collect();
    for (index, name) in names.iter().enumerate() {
        let entries: Vec<File<'_>> = vec![folder("usr/share/common"), file(name, 0o644, name.as_bytes())];
        archive.add(&format!("small{index}"), "", &entries);
    }
    archive
}

const ALL: [&str; 13] =
    ["liba1", "liba-bin", "daemon", "wrapper", "pager", "ping", "libcap2-bin", "small0", "small1", "small2", "small3", "small4", "small5"];

/// The layers written, and read back one on top of the other by rules of image-spec ("Applying Changesets").
fn unpacked(folder: &std::path::Path, plans: &[LayerPlan]) -> BTreeMap<String, Seen> {
    let store = Store::open(folder.join("images")).unwrap();
    let mut system: BTreeMap<String, Seen> = BTreeMap::new();
    let mut above_base = BTreeSet::new();
    for (number, plan) in plans.iter().enumerate() {
        let layer =
            write(plan, LayerCompression::Gzip, &folder.join("segments"), &store, &Workers::new(1), &CancellationToken::new()).unwrap();
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(&store.read(&layer.digest).unwrap()[..]).read_to_end(&mut tar).unwrap();
        let mut here = BTreeSet::new();
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap().trim_end_matches('/').to_owned();
            let capabilities = capabilities(&mut entry);
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(here.insert(path.clone()), "{path} twice in layer {number}");
            let parent = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if plans.len() > 2 && number > 0 {
                assert!(parent.is_empty() || here.contains(parent), "{path} in layer {number} without its folder");
            }
            let header = entry.header();
            let kind = header.entry_type().as_byte();
            if let Some(gone) = path.rsplit('/').next().unwrap().strip_prefix(".wh.") {
                let gone = if parent.is_empty() { gone.to_owned() } else { format!("{parent}/{gone}") };
                let below = format!("{gone}/");
                system.retain(|path, _| *path != gone && !path.starts_with(&below));
                continue;
            }
            if kind != b'5' {
                let below = format!("{path}/");
                system.retain(|other, _| !other.starts_with(&below));
                assert!(number == 0 || above_base.insert(path.clone()), "{path} is in two layers");
            }
            let link = entry.link_name_bytes().map(|l| String::from_utf8(l.into_owned()).unwrap()).unwrap_or_default();
            let numbers = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
            system.insert(path, (kind, numbers.0, numbers.1, numbers.2, numbers.3, link, content, capabilities));
        }
        // What is told of the layer without reading it is what was written.
        match content(plan, &layer) {
            Some(told) => assert_eq!(told.entries.iter().map(|entry| entry.path()).collect::<BTreeSet<_>>(), here, "layer {number}"),
            None => assert!(here.iter().any(|path| path.contains(".wh.")), "only whiteouts have to be read"),
        }
    }
    system
}

/// The only PAX record there may be, but for a long name's.
fn capabilities(entry: &mut tar::Entry<'_, &[u8]>) -> Vec<u8> {
    let records = entry.pax_extensions().unwrap().into_iter().flatten().map(Result::unwrap);
    let values = records.filter(|record| record.key() != Ok("path"));
    values
        .flat_map(|record| {
            assert_eq!(record.key(), Ok("SCHILY.xattr.security.capability"));
            record.value_bytes().to_vec()
        })
        .collect()
}

fn planned(base: &[Arc<Segment>], own: &[Arc<Segment>], layers: usize) -> Vec<LayerPlan> {
    plan(base, own, &Local::default(), &Emulations::builtin(), layers).unwrap().layers
}

#[test]
fn scripts_and_diversions_across_layers_come_out_as_in_one() {
    let at = tempfile::tempdir().unwrap();
    let archive = archive(at.path());
    let (base, own) = (archive.segments(&["base-files", "base-passwd"]), archive.segments(&ALL));
    let two = unpacked(at.path(), &planned(&base, &own, 2));
    // What the packages were made for has happened.
    assert_eq!((&*two["usr/bin/a"].6, &*two["usr/bin/a.real"].6), (&b"wrapped"[..], &b"a"[..]));
    assert_eq!((two["usr/lib/a"].1, two["etc/daemon/conf"].1, two["usr/bin/plain"].1), (0o700, 0o640, 0o755));
    assert!(!two.contains_key("etc/gone.conf") && two.contains_key("etc/default.daemon"));
    // Of the base, and of both names of a packaged file, in whatever layer.
    let given = |text: &str| text.parse::<Capabilities>().unwrap().to_bytes();
    assert_eq!((&two["usr/bin/plain"].7, &two["usr/bin/a.real"].7), (&given("cap_net_raw=ep"), &given("cap_chown=ep")));
    assert_eq!(two.values().filter(|seen| !seen.7.is_empty()).count(), 3);
    assert_eq!(two["usr/bin/pager"].5, "/etc/alternatives/pager");
    for layers in 3..14 {
        let plans = planned(&base, &own, layers);
        assert!(plans.len() <= layers && plans.len() > 2);
        assert_eq!(plans.iter().map(|plan| plan.packages).sum::<usize>(), base.len() + own.len());
        let many = unpacked(at.path(), &plans);
        assert_eq!(many, two, "{layers} layers");
    }
}

#[test]
fn without_setcap_a_script_sets_the_bit_as_dpkg_s_would() {
    let at = tempfile::tempdir().unwrap();
    let archive = archive(at.path());
    let base = archive.segments(&["base-files", "base-passwd"]);
    let seen = unpacked(at.path(), &planned(&base, &archive.segments(&["ping"]), 2));
    assert_eq!((seen["usr/bin/plain"].1, seen["usr/bin/plain"].7.len()), (0o4755, 0));
    // The recipe tells capabilities apart, and only them.
    let with = planned(&base, &archive.segments(&["ping", "libcap2-bin"]), 2);
    let mut without = with.clone();
    without[1].segments.iter_mut().for_each(|(_, edits)| {
        edits
            .paths
            .values_mut()
            .flatten()
            .for_each(|placed| assert_eq!(placed.capabilities.take().map(|set| set.permitted), Some(1 << 13)));
    });
    assert_ne!(with[1].recipe(), without[1].recipe());
}

#[test]
fn metadata_is_beside_its_package_and_what_belongs_to_nobody_comes_last() {
    let at = tempfile::tempdir().unwrap();
    let archive = archive(at.path());
    let plans = planned(&archive.segments(&["base-files", "base-passwd"]), &archive.segments(&ALL), 4);
    let [base, a, small, rest] = &plans[..] else { panic!("{} layers", plans.len()) };
    assert_eq!((&base.part, &a.part, &rest.part), (&Part::Base, &Part::Sources(vec!["a".into()]), &Part::Rest));
    assert_eq!((a.packages, small.packages, rest.packages), (2, 11, 0));
    let files = |plan: &LayerPlan| plan.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    let status = files(a).into_iter().filter(|path| !path.ends_with(".md5sums")).collect::<Vec<_>>();
    assert_eq!(status, ["var/lib/dpkg/status.d/liba-bin", "var/lib/dpkg/status.d/liba1"]);
    assert!(!files(rest).iter().any(|path| path.starts_with("var/lib/dpkg/status.d/")));
    assert!(files(rest).contains(&"etc/passwd".to_owned()) && files(rest).contains(&"etc/.wh.gone.conf".to_owned()));
}

#[test]
fn a_layer_of_packages_is_the_same_whatever_else_is_in_the_image() {
    let at = tempfile::tempdir().unwrap();
    let archive = archive(at.path());
    let base = archive.segments(&["base-files", "base-passwd"]);
    let layer_of_a = |own: &[&str]| {
        let plans = planned(&base, &archive.segments(own), 4);
        plans.iter().find(|plan| plan.part == Part::Sources(vec!["a".into()])).expect("a layer").recipe()
    };
    // The daemon's script changes a folder of `a`, which is said again in the last layer.
    assert_eq!(layer_of_a(&["liba1", "liba-bin", "daemon", "small1"]), layer_of_a(&["liba1", "liba-bin", "pager", "small2", "small3"]));
    // A diverted file is in no image twice, so the layer is another one then.
    assert_ne!(layer_of_a(&["liba1", "liba-bin", "wrapper", "small1"]), layer_of_a(&["liba1", "liba-bin", "pager"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_packages_in_any_number_of_layers_make_the_same_file_system(chosen in prop::sample::subsequence(&ALL[..], 1..=ALL.len()), layers in 3usize..14) {
        let at = tempfile::tempdir().unwrap();
        let archive = archive(at.path());
        let (base, own) = (archive.segments(&["base-files", "base-passwd"]), archive.segments(&chosen));
        let two = unpacked(at.path(), &planned(&base, &own, 2));
        let many = unpacked(at.path(), &planned(&base, &own, layers));
        prop_assert_eq!(many, two);
    }
}
