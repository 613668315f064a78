//! A file system as the headers of its tars have it: what was built, and what others made of the same packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use catamaran::image::FileCapabilities;
use sha2::{Digest as _, Sha256};

/// Files by path, without a slash before or after.
pub type Files = BTreeMap<String, File>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// `d`, `l`, `f`: hard links count as files.
    pub kind: char,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub link: String,
    /// Of the content.
    pub sha256: [u8; 32],
    /// Of files below 256 KiB.
    pub bytes: Option<Vec<u8>>,
    /// The attribute `security.capability`; of a hard link, that of its file.
    pub capabilities: Option<FileCapabilities>,
}

/// Adds what `tar` holds to `files`; a path twice in one tar is a mistake (R16), a whiteout removes.
pub fn read_tar(files: &mut Files, tar: impl Read) {
    let mut seen = BTreeSet::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let clean = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap().trim_start_matches("./").trim_end_matches('/').to_owned();
        let path = clean(&entry.path_bytes());
        if path.is_empty() {
            continue;
        }
        assert!(seen.insert(path.clone()), "{path} is in the tar twice");
        if let Some((folder, name)) = path.rsplit_once('/').or(Some(("", &path)))
            && let Some(hidden) = name.strip_prefix(".wh.")
        {
            let gone = if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") };
            files.retain(|path, _| *path != gone && !path.starts_with(&format!("{gone}/")));
            continue;
        }
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => 'd',
            tar::EntryType::Symlink => 'l',
            tar::EntryType::Regular | tar::EntryType::Link => 'f',
            _ => continue,
        };
        let target = entry.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default();
        let (mut sha256, mut bytes, mut capabilities) = ([0; 32], None, capability(&mut entry));
        match entry.header().entry_type() {
            tar::EntryType::Link => {
                let first = &files[&clean(&target)];
                (sha256, bytes) = (first.sha256, first.bytes.clone());
                // Ours has them before every name of a file, GNU tar's before the first.
                assert!(capabilities.is_none() || capabilities == first.capabilities, "{path}");
                capabilities = first.capabilities.clone();
            }
            tar::EntryType::Regular if entry.size() < 256 << 10 => {
                let mut read = Vec::new();
                entry.read_to_end(&mut read).unwrap();
                (sha256, bytes) = (Sha256::digest(&read).into(), Some(read));
            }
            tar::EntryType::Regular => {
                let (mut hash, mut buffer) = (Sha256::new(), vec![0; 128 << 10]);
                while let count @ 1.. = entry.read(&mut buffer).unwrap() {
                    hash.update(&buffer[..count]);
                }
                sha256 = hash.finalize().into();
            }
            _ => {}
        }
        let header = entry.header();
        let link = if kind == 'l' { String::from_utf8(target).unwrap() } else { String::new() };
        let (mode, uid, gid) = (header.mode().unwrap() & 0o7777, header.uid().unwrap(), header.gid().unwrap());
        files.insert(path, File { kind, mode, uid, gid, link, sha256, bytes, capabilities });
    }
}

fn capability(entry: &mut tar::Entry<'_, impl Read>) -> Option<FileCapabilities> {
    let mut records = entry.pax_extensions().unwrap().into_iter().flatten().map(Result::unwrap);
    records.find(|record| record.key() == Ok("SCHILY.xattr.security.capability")).map(|record| FileCapabilities::read(record.value_bytes()))
}

/// The image `name` in the layout `out`: all its layers.
pub fn image(out: &Path, name: &str) -> Files {
    let blob = |digest: &str| out.join("blobs").join(digest.replace(':', "/"));
    let json = |path: PathBuf| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let index = json(out.join("index.json"));
    let named = index["manifests"].as_array().unwrap().iter().find(|m| m["annotations"]["org.opencontainers.image.ref.name"] == name);
    let manifest = json(blob(named.unwrap_or_else(|| panic!("{name} is in the layout"))["digest"].as_str().unwrap()));
    let mut files = Files::new();
    for layer in manifest["layers"].as_array().unwrap() {
        let file = fs::File::open(blob(layer["digest"].as_str().unwrap())).unwrap();
        read_tar(&mut files, flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file)));
    }
    files
}

/// What must be the same for every architecture: where there is machine code, or its name, files differ.
pub fn neutral(files: &Files) -> BTreeMap<&str, (char, u32, u64, u64, Option<&FileCapabilities>)> {
    const OWN: [&str; 8] = ["i386", "x86", "aarch64", "amd64", "arm64", "lib64", "ld-linux", ".build-id"];
    let all = files.iter().filter(|(path, _)| !OWN.iter().any(|word| path.contains(word)));
    all.map(|(path, f)| (path.as_str(), (f.kind, f.mode, f.uid, f.gid, f.capabilities.as_ref()))).collect()
}

/// The text of a small file that must be there.
#[track_caller]
pub fn text(files: &Files, path: &str) -> String {
    let file = files.get(path).unwrap_or_else(|| panic!("there is no {path}"));
    String::from_utf8(file.bytes.clone().unwrap_or_else(|| panic!("{path} is large"))).unwrap()
}
