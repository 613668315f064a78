//! Java's trusted certificates, `/etc/ssl/certs/java/cacerts`: what `ca-certificates-java` makes by running Java (R7).
//!
//! A JKS key store: every OpenJDK from 8 on reads it, whatever its default type, and unlike PKCS #12 it has no salts, so the same
//! certificates are the same bytes. Its password is the customary one; there is no secret in it.

use std::collections::BTreeMap;

use sha1::{Digest as _, Sha1};

use super::Root;
use super::ca_certificates::{SHIPPED, only_certificate, pem_name};
use super::generated::Additions;

const PASSWORD: &str = "changeit";
/// What Java mixes into the digest (`sun.security.provider.JavaKeyStore`).
const SALT: &[u8] = b"Mighty Aphrodite";
const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;

/// The store, for images that have `ca-certificates-java`.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let (Some(java), Some(certificates)) = (root.package("ca-certificates-java"), root.package("ca-certificates")) else { return };
    let mtime = java.newest.max(certificates.newest);
    let entries: BTreeMap<String, Vec<u8>> = root
        .contents(SHIPPED)
        .into_iter()
        .filter_map(|(path, pem)| Some((format!("debian:{}", pem_name(path)).to_lowercase(), only_certificate(pem)?)))
        .collect();
    out.directory("etc/ssl/certs/java", 0o755, 0, mtime);
    out.file("etc/ssl/certs/java/cacerts", key_store(&entries, mtime), mtime);
}

/// A JKS key store of trusted certificates by alias, all of the same age.
fn key_store(entries: &BTreeMap<String, Vec<u8>>, seconds: u64) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend([MAGIC, VERSION, entries.len() as u32].map(u32::to_be_bytes).concat());
    for (alias, der) in entries {
        out.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        out.extend(text(alias));
        out.extend((seconds * 1000).to_be_bytes());
        out.extend(text("X.509"));
        out.extend((der.len() as u32).to_be_bytes());
        out.extend_from_slice(der);
    }
    let mut digest = Sha1::new();
    PASSWORD.encode_utf16().for_each(|unit| digest.update(unit.to_be_bytes()));
    digest.update(SALT);
    digest.update(&out);
    out.extend(digest.finalize());
    out
}

/// Text as `DataOutput.writeUTF` has it: modified UTF-8 after its length.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for unit in text.encode_utf16() {
        match unit {
            1..0x80 => bytes.push(unit as u8),
            0 | 0x80..0x800 => bytes.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
            _ => bytes.extend([0xe0 | (unit >> 12) as u8, 0x80 | ((unit >> 6) & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]),
        }
    }
    // Aliases come from file names, which are shorter than this.
    bytes.truncate(usize::from(u16::MAX));
    [(bytes.len() as u16).to_be_bytes().as_slice(), &bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_its_certificates_and_ends_in_its_digest() {
        let entries = BTreeMap::from([("debian:ü.pem".to_owned(), vec![1, 2, 3])]);
        let store = key_store(&entries, 1);
        assert_eq!(store[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1]);
        assert_eq!(store[12..18], [0, 0, 0, 2, 0, 13]);
        assert_eq!(store.len(), 12 + 4 + 15 + 8 + 7 + 4 + 3 + 20);
        assert_eq!(text("a\0€"), [0, 6, b'a', 0xc0, 0x80, 0xe2, 0x82, 0xac]);
        assert_ne!(key_store(&entries, 2), store);
    }
}
