//! Small images for the tests of this room and its fuzz target, made with the `tar` crate.

// Part of tests and fuzz targets only; what is wrong here may end them. A fuzz target uses few of them.
#![allow(clippy::unwrap_used)]
#![cfg_attr(fuzzing, allow(dead_code, unreachable_pub))]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use super::report::{CheckResult, Report};
use super::{Check, Circumstances, Known, verify};
use crate::image::{Blobs, Descriptor, Digest, ExecutionConfig, Image, ImageConfig, Manifest, Platform, media_type};
use crate::progress::Silent;
use crate::{Error, Result};

/// A layer's tar in the making.
pub(super) struct Layer(pub tar::Builder<Vec<u8>>);

impl Layer {
    pub(super) fn new() -> Self {
        Layer(tar::Builder::new(Vec::new()))
    }

    fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_uid(0);
        header.set_gid(0);
        header
    }

    pub(super) fn file(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Self::header(tar::EntryType::Regular, mode, content.len() as u64);
        self.0.append_data(&mut header, path, content).unwrap();
        self
    }

    /// The attribute `security.capability` of what is added next.
    pub(super) fn capabilities(mut self, value: &[u8]) -> Self {
        self.0.append_pax_extensions([("SCHILY.xattr.security.capability", value)]).unwrap();
        self
    }

    pub(super) fn folder(mut self, path: &str) -> Self {
        self.0.append_data(&mut Self::header(tar::EntryType::Directory, 0o755, 0), path, &[][..]).unwrap();
        self
    }

    pub(super) fn symlink(mut self, path: &str, target: &str) -> Self {
        self.0.append_link(&mut Self::header(tar::EntryType::Symlink, 0o777, 0), path, target).unwrap();
        self
    }

    pub(super) fn hard_link(mut self, path: &str, target: &str) -> Self {
        self.0.append_link(&mut Self::header(tar::EntryType::Link, 0o644, 0), path, target).unwrap();
        self
    }

    pub(super) fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

/// A 64-bit little-endian program for `machine` that wants `interpreter`.
pub(super) fn elf(machine: u16, interpreter: &str) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend(2u16.to_le_bytes());
    out.extend(machine.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend([0u64.to_le_bytes(), 64u64.to_le_bytes(), 0u64.to_le_bytes()].concat());
    out.extend(0u32.to_le_bytes());
    let count = u16::from(!interpreter.is_empty());
    out.extend([64u16, 56, count, 64, 0, 0].map(u16::to_le_bytes).concat());
    if count == 1 {
        out.extend([3u32.to_le_bytes(), 4u32.to_le_bytes()].concat());
        let length = interpreter.len() as u64 + 1;
        out.extend([120u64, 0, 0, length, length, 1].map(u64::to_le_bytes).concat());
        out.extend(interpreter.as_bytes());
        out.push(0);
    }
    out
}

/// A 64-bit little-endian ELF file with a dynamic section, being described.
#[derive(Clone, Debug)]
pub(super) struct Dynamic {
    machine: u16,
    interpreter: Option<String>,
    /// Tags and their strings.
    strings: Vec<(u64, String)>,
    flags_1: u64,
}

impl Dynamic {
    /// A program for x86-64 that `interpreter` starts.
    pub(super) fn program(interpreter: &str) -> Self {
        Dynamic { interpreter: Some(interpreter.into()), ..Self::library("") }
    }

    /// A library for x86-64, with a soname unless that is empty.
    pub(super) fn library(soname: &str) -> Self {
        let strings = if soname.is_empty() { Vec::new() } else { vec![(14, soname.to_owned())] };
        Dynamic { machine: 62, interpreter: None, strings, flags_1: 0 }
    }

    pub(super) fn machine(self, machine: u16) -> Self {
        Dynamic { machine, ..self }
    }

    pub(super) fn needs(mut self, names: &[&str]) -> Self {
        self.strings.extend(names.iter().map(|name| (1, (*name).to_owned())));
        self
    }

    pub(super) fn rpath(mut self, folders: &str) -> Self {
        self.strings.push((15, folders.into()));
        self
    }

    pub(super) fn runpath(mut self, folders: &str) -> Self {
        self.strings.push((29, folders.into()));
        self
    }

    pub(super) fn flags_1(self, flags_1: u64) -> Self {
        Dynamic { flags_1, ..self }
    }

    /// Header, program headers, interpreter, strings, dynamic section; file offsets are addresses.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let interpreter: Vec<u8> = self.interpreter.iter().flat_map(|path| path.bytes().chain([0])).collect();
        let count = 2 + u16::from(self.interpreter.is_some());
        let interpreter_at = 64 + 56 * u64::from(count);
        let strings_at = interpreter_at + interpreter.len() as u64;
        let (mut strings, mut tags) = (vec![0u8], Vec::new());
        for (tag, text) in &self.strings {
            tags.push((*tag, strings.len() as u64));
            strings.extend(text.bytes().chain([0]));
        }
        tags.extend([(5, strings_at), (0x6fff_fffb, self.flags_1), (0, 0)]);
        let dynamic_at = strings_at + strings.len() as u64;
        let end = dynamic_at + 16 * tags.len() as u64;
        let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        out.extend([3u16.to_le_bytes(), self.machine.to_le_bytes()].concat());
        out.extend(1u32.to_le_bytes());
        out.extend([0u64, 64, 0].map(u64::to_le_bytes).concat());
        out.extend(0u32.to_le_bytes());
        out.extend([64u16, 56, count, 64, 0, 0].map(u16::to_le_bytes).concat());
        let mut part = |kind: u32, at: u64, size: u64| {
            out.extend([kind.to_le_bytes(), 4u32.to_le_bytes()].concat());
            out.extend([at, at, at, size, size, 1].map(u64::to_le_bytes).concat());
        };
        if self.interpreter.is_some() {
            part(3, interpreter_at, interpreter.len() as u64);
        }
        part(1, 0, end);
        part(2, dynamic_at, end - dynamic_at);
        out.extend(interpreter);
        out.extend(strings);
        out.extend(tags.iter().flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat()));
        out
    }
}

/// `ld.so.cache` that names `paths` by their last names.
pub(super) fn ld_cache(paths: &[&str]) -> Vec<u8> {
    let mut strings = Vec::new();
    let mut entries = Vec::new();
    for path in paths {
        let at = 48 + 24 * paths.len() + strings.len();
        let name = at + path.rfind('/').map_or(0, |slash| slash + 1);
        strings.extend(path.bytes().chain([0]));
        entries.extend([0x303u32, name as u32, at as u32, 0, 0, 0].map(u32::to_le_bytes).concat());
    }
    let mut out = b"glibc-ld.so.cache1.1".to_vec();
    out.extend([paths.len() as u32, strings.len() as u32, 2, 0, 0, 0, 0].map(u32::to_le_bytes).concat());
    out.extend(entries);
    out.extend(strings);
    out
}

#[derive(Debug)]
struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Memory {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let bytes = self.0.get(&blob.digest).cloned().ok_or_else(|| Error::failed("no such blob"))?;
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }
}

/// An image being described; [`Sample::image`] makes it whole and true.
pub(super) struct Sample {
    pub architecture: &'static str,
    pub os: &'static str,
    pub config: ExecutionConfig,
    /// Media type, blob, uncompressed content.
    pub layers: Vec<(&'static str, Vec<u8>, Vec<u8>)>,
}

impl Sample {
    pub(super) fn new(architecture: &'static str) -> Self {
        Sample { architecture, os: "linux", config: ExecutionConfig::default(), layers: Vec::new() }
    }

    pub(super) fn layer(mut self, layer: Layer) -> Self {
        let tar = layer.tar();
        self.layers.push((media_type::LAYER_GZIP, gzip(&tar), tar));
        self
    }

    pub(super) fn raw(mut self, media_type: &'static str, blob: Vec<u8>, content: &[u8]) -> Self {
        self.layers.push((media_type, blob, content.to_vec()));
        self
    }

    pub(super) fn entrypoint(mut self, command: &str) -> Self {
        self.config.entrypoint = vec![command.into()];
        self
    }

    pub(super) fn image(self) -> Image {
        let mut config =
            ImageConfig { architecture: self.architecture.into(), os: self.os.into(), config: self.config, ..Default::default() };
        config.rootfs.kind = "layers".into();
        config.rootfs.diff_ids = self.layers.iter().map(|(_, _, content)| Digest::of(content)).collect();
        let config_bytes = config.to_bytes();
        let layers = self.layers.iter().map(|(media_type, blob, _)| Descriptor::of(*media_type, blob)).collect();
        let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config_bytes), layers, BTreeMap::new());
        let manifest_bytes = manifest.to_bytes();
        Image {
            descriptor: Descriptor::of(media_type::MANIFEST, &manifest_bytes),
            index: None,
            manifest: Arc::new(manifest),
            manifest_bytes: manifest_bytes.into(),
            config: Arc::new(config),
            config_bytes: config_bytes.into(),
            blobs: Arc::new(Memory(self.layers.into_iter().map(|(_, blob, _)| (Digest::of(&blob), blob)).collect())),
        }
    }

    pub(super) fn report(self) -> Report {
        report(&self.image())
    }
}

pub(super) fn report(image: &Image) -> Report {
    verify(image, "sample", &Circumstances::default(), &Known::default(), &mut |_| {}, &Silent, &|| false).unwrap().0
}

/// The result of one check.
pub(super) fn result(report: &Report, check: Check) -> &CheckResult {
    report.result(check).unwrap()
}

/// `fail usr/bin/x`: verdict and path of each finding.
pub(super) fn findings(report: &Report, check: Check) -> Vec<String> {
    result(report, check).findings.iter().map(|f| format!("{} {}", f.verdict, f.path.as_deref().unwrap_or("-"))).collect()
}

/// Claims another platform in the descriptor, as an index does.
pub(super) fn claim(image: &mut Image, architecture: &str, variant: Option<&str>) {
    let platform = Platform { architecture: architecture.into(), os: "linux".into(), variant: variant.map(str::to_owned) };
    image.descriptor.platform = Some(platform);
}
