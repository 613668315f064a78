//! Packages that mean harm or are broken: refused with the entry named. What dpkg takes stays allowed.

use std::io::Read;

use super::super::deb::tests::{deb, wrap};
use super::super::deb::{Deb, unreadable};
use super::make::physical_md5sums;
use super::rewritten;
use super::stanza::normalise;
use crate::Result;
use crate::image::{Entry, EntryKind};

/// A raw tar entry: name, type, link target, size claimed, content.
fn entry(name: &[u8], kind: u8, link: &[u8], size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.as_old_mut().linkflag = [kind];
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(7);
    header.set_size(size);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn file(name: &[u8]) -> Vec<u8> {
    entry(name, b'0', b"", 3, b"abc")
}

fn read(entries: &[Vec<u8>]) -> Result<Vec<Entry>> {
    let tar = [entries.concat(), vec![0; 1024]].concat();
    rewritten(&tar[..]).map(|(_, entries)| entries)
}

#[test]
fn what_no_package_may_have_is_refused_by_name() {
    let mut foreign = file(b"./usr/x");
    let mut header = tar::Header::from_byte_slice(&foreign[..512]).clone();
    header.set_uid(1 << 40);
    header.set_cksum();
    foreign[..512].copy_from_slice(header.as_bytes());
    let cases: Vec<(Vec<Vec<u8>>, &str)> = vec![
        (vec![file(b"./../etc/shadow")], "path `./../etc/shadow` leaves the root"),
        (vec![file(b"usr/../../x")], "path `usr/../../x` leaves the root"),
        (vec![file(b"./etc/.wh.passwd")], "path `./etc/.wh.passwd`: engines take `.wh.passwd` for a whiteout, and would delete passwd"),
        (vec![file(b"./etc/.wh..wh..opq")], "would delete all that lies beside it"),
        (vec![entry(b"./etc/.wh.x/", b'5', b"", 0, b"")], "engines take `.wh.x` for a whiteout"),
        (vec![entry(b"./etc/.wh.x", b'2', b"y", 0, b"")], "engines take `.wh.x` for a whiteout"),
        (vec![entry(b"././@LongLink", b'L', b"", 300, &[b'a'; 300]), file(b"./x")], "a name of 300 bytes, of 255"),
        (vec![entry(b"./a", b'1', b"../b", 0, b"")], "path `../b` leaves the root"),
        (vec![entry(b"./a", b'1', b"./b", 0, b""), file(b"./b")], "`a` is a hard link to `b`, which it does not have"),
        (vec![entry(b"./a", b'1', b"./a", 0, b"")], "`a` is a hard link to `a`, which it does not have"),
        (vec![entry(b"./dev/sda", b'4', b"", 0, b"")], "`dev/sda` is a device"),
        (vec![entry(b"./dev/null", b'3', b"", 0, b"")], "`dev/null` is a device"),
        (vec![entry(b"./l", b'2', b"x", 3, b"abc")], "`l` is no regular file and has content"),
        (vec![entry(b"./d/", b'5', b"", 512, &[0; 512])], "`d` is no regular file and has content"),
        (vec![entry(b"./pax", b'x', b"", 0, b"")], "`pax` is a tar entry of type 'x'"),
        (vec![entry(b"./pax", b'g', b"", 0, b"")], "`pax` is a tar entry of type 'g'"),
        (vec![entry(b"./sparse", b'S', b"", 0, b"")], "`sparse` is a tar entry of type 'S'"),
        (vec![entry(b"./volume", b'V', b"", 0, b"")], "`volume` is a tar entry of type 'V'"),
        (vec![file(b"./bin/x"), file(b"./usr/bin/x")], "two of its entries are `/usr/bin/x`"),
        (vec![file(b"./x"), file(b"x")], "two of its entries are `/x`"),
        (vec![file(b"./")], "two of its entries are `/`"),
        (vec![file(b"./usr/\xff")], "path `./usr/\u{fffd}` is not UTF-8"),
        (vec![foreign], "`usr/x` belongs to 1099511627776:0"),
        (vec![entry(b"./huge", b'0', b"", 1 << 50, b"abc")], "its data ends within `huge`"),
        (vec![entry(b"././@LongLink", b'L', b"", 5000, &[b'a'; 5000]), file(b"./x")], "a name longer than 4096 bytes"),
    ];
    for (entries, message) in cases {
        let error = read(&entries).expect_err(message);
        assert!(error.message().contains(message), "{}\nnot: {message}", error.message());
    }
}

#[test]
fn what_dpkg_takes_is_taken() {
    let entries = read(&[
        entry(b"./", b'5', b"", 0, b""),
        file(b"/usr/absolute"),
        entry(b"./usr/old", 0, b"", 3, b"abc"),
        entry(b"./usr/contiguous", b'7', b"", 3, b"abc"),
        entry(b"./usr/out", b'2', b"../../../../etc", 0, b""),
        entry(b"./usr/pipe", b'6', b"", 0, b""),
        entry(b"./usr/hard", b'1', b"./usr/old", 0, b""),
    ])
    .unwrap();
    let paths: Vec<&str> = entries.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(paths, ["usr/absolute", "usr/old", "usr/contiguous", "usr/out", "usr/pipe", "usr/hard"]);
    assert_eq!(entries[3].kind, EntryKind::Symlink { target: "../../../../etc".into() });
}

#[test]
fn what_follows_the_end_of_the_archive_is_no_part_of_it() {
    let entries = read(&[file(b"./a"), vec![0; 1024], file(b"./b")]).unwrap();
    assert_eq!(entries.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_tar_cut_within_an_entry_is_an_error() {
    let tar = [file(b"./a"), file(b"./b")].concat();
    for end in 1..tar.len() {
        // Cut between entries it is as for dpkg: the end of the file is the end of the archive.
        let between = end % 1024 == 0;
        assert_eq!(rewritten(&tar[..end]).is_ok(), between, "cut at {end}");
    }
}

/// What comes of reading a whole .deb.
fn whole(bytes: &[u8]) -> Result<u64> {
    let mut deb = Deb::open(bytes)?;
    deb.control()?;
    let mut data = deb.data()?;
    std::io::copy(&mut data, &mut std::io::sink()).map_err(unreadable)
}

#[test]
fn a_few_bytes_cannot_unpack_to_the_whole_disk() {
    let zeros = |length: u64| zstd::encode_all(std::io::repeat(0).take(length), 1).unwrap();
    let control = zstd::encode_all(&wrap(&[("control", b"Package: a\n")])[..], 1).unwrap();
    let bomb = deb_of(&control, &zeros(400 << 20));
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let error = whole(&bomb).unwrap_err();
    assert!(error.message().contains("a member unpacks to more than 2"), "{error}");
    // As much as a package of zeros may well have.
    assert_eq!(whole(&deb_of(&control, &zeros(200 << 20))).unwrap(), 200 << 20);
    let control = zstd::encode_all(&wrap(&[("control", &vec![b'a'; 65 << 20])])[..], 1).unwrap();
    let error = whole(&deb_of(&control, &zeros(1))).unwrap_err();
    assert!(error.message().contains(&format!("a member unpacks to more than {} bytes", 64 << 20)), "{error}");
}

/// A .deb of two zstd members.
fn deb_of(control: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in [("debian-binary", &b"2.0\n"[..]), ("control.tar.zst", control), ("data.tar.zst", data)] {
        out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100644, bytes.len()).bytes());
        out.extend(bytes);
        out.extend(&b"\n"[..bytes.len() % 2]);
    }
    out
}

#[test]
fn members_and_control_files_come_once_and_in_order() {
    let fine = deb(&[("control", "Package: a\n")], b"", "");
    whole(&fine).unwrap();
    let error = whole(&deb(&[("control", "Package: a\n"), ("control", "Package: b\n")], b"", "")).unwrap_err();
    assert!(error.message().contains("its control member has `control` twice"), "{error}");
    let error = whole(&deb(&[("postinst", "#!/bin/sh\n")], b"", "")).unwrap_err();
    assert!(error.message().contains("has no `control` file"), "{error}");
    // The control member a second time where the data should be.
    let start = fine.windows(11).position(|w| w == b"control.tar").unwrap();
    let end = fine.windows(8).position(|w| w == b"data.tar").unwrap();
    let twice = [&fine[..end], &fine[start..end], &fine[end..]].concat();
    let error = whole(&twice).unwrap_err();
    assert!(error.message().contains("where `data.tar` should be there is `control.tar`"), "{error}");
}

#[test]
fn control_files_are_text() {
    assert!(normalise(b"Package: \xff\n").unwrap_err().message().contains("its `control` is not UTF-8"));
    assert!(physical_md5sums(b"0123456789abcdef0123456789abcdef  usr/\xff\n").unwrap_err().message().contains("not UTF-8"));
    assert!(physical_md5sums(b"0123456789abcdef0123456789abcdef  ../x\n").is_err());
}
