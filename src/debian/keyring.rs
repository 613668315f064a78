//! Whose signatures are trusted: the embedded Debian archive keyring, or a file of the user's.
//!
//! Certificates are checked here once (self-signatures, revocation, key flags, expiry: RFC 9580, 5.2.3), so that
//! `signature` only meets keys made for signing, and knows what to think of each.

use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use pgp::composed::{Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, PublicSubkey, Signature, SignatureType};
use pgp::types::{Fingerprint, KeyDetails, Tag};

use crate::error::IoContext;
use crate::{Error, Result};

/// See `keyring/README.md` for where these are from.
const EMBEDDED: [&[u8]; 6] = [
    include_bytes!("keyring/debian-archive-bookworm-automatic.pgp"),
    include_bytes!("keyring/debian-archive-bookworm-security-automatic.pgp"),
    include_bytes!("keyring/debian-archive-bookworm-stable.pgp"),
    include_bytes!("keyring/debian-archive-trixie-automatic.pgp"),
    include_bytes!("keyring/debian-archive-trixie-security-automatic.pgp"),
    include_bytes!("keyring/debian-archive-trixie-stable.pgp"),
];

/// A keyring file larger than this is not one.
const MAX_KEYRING: u64 = 16 << 20;

/// Keys made for signing.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    pub keys: Vec<SigningKey>,
}

/// A key made for signing, whether it may, and until when.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pub key: Key,
    pub standing: Standing,
    /// Unix time; signatures made before are not its own.
    pub created: u64,
    /// Unix time from which on it is no longer valid.
    pub expires: Option<u64>,
}

/// What is to be thought of a key, the last word last: it may be in a keyring more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Its owner has said with unsafe hashes only what it is for, so that anyone may have said it.
    Weak,
    Good,
    /// Its owner has withdrawn it.
    Revoked,
}

impl Standing {
    /// Of a key that was `revoked` or not, and of which its owner has last said something with `newest`.
    fn of(revoked: bool, newest: &Signature) -> Self {
        match (revoked, is_strong(newest)) {
            (true, _) => Standing::Revoked,
            (false, true) => Standing::Good,
            (false, false) => Standing::Weak,
        }
    }

    /// Why a key of this standing proves nothing.
    pub fn fault(self) -> Option<&'static str> {
        match self {
            Standing::Good => None,
            Standing::Weak => Some("is certified only with a hash that is no longer safe (SHA-1 or older)"),
            Standing::Revoked => Some("was revoked"),
        }
    }
}

/// Primary or subordinate.
#[derive(Debug)]
pub(crate) enum Key {
    Primary(PublicKey),
    Subkey(PublicSubkey),
}

impl SigningKey {
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.key {
            Key::Primary(key) => key.fingerprint(),
            Key::Subkey(key) => key.fingerprint(),
        }
    }

    /// Whether `signature` is this key's over `data`.
    pub fn verifies(&self, signature: &Signature, data: &[u8]) -> bool {
        match &self.key {
            Key::Primary(key) => signature.verify(key, data).is_ok(),
            Key::Subkey(key) => signature.verify(key, data).is_ok(),
        }
    }

    /// Whether `signature` says that this key made it.
    pub fn is_issuer(&self, signature: &Signature) -> bool {
        let (fingerprint, id) = match &self.key {
            Key::Primary(key) => (key.fingerprint(), key.legacy_key_id()),
            Key::Subkey(key) => (key.fingerprint(), key.legacy_key_id()),
        };
        let fingerprints = signature.issuer_fingerprint();
        match fingerprints.is_empty() {
            false => fingerprints.contains(&&fingerprint),
            true => signature.issuer_key_id().contains(&&id),
        }
    }
}

/// When the keys of a keyring that may sign expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringNote {
    /// One for each key; `None` for one that does not.
    pub expiries: Vec<Option<Timestamp>>,
}

impl KeyringNote {
    /// What the keyring in this program is called.
    pub const EMBEDDED: &'static str = "embedded Debian keyring";
}

impl Keyring {
    /// What is to be known of it before it is needed.
    pub fn note(&self) -> KeyringNote {
        let good = self.keys.iter().filter(|key| key.standing == Standing::Good);
        let expiry =
            |key: &SigningKey| key.expires.map(|at| Timestamp::from_second(at.try_into().unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX));
        KeyringNote { expiries: good.map(expiry).collect() }
    }

    /// Debian's own.
    pub fn embedded() -> Result<Self> {
        let mut keyring = Keyring::default();
        for bytes in EMBEDDED {
            keyring.add(bytes).map_err(|problem| Error::failed(format!("the embedded Debian keyring is damaged: {problem}")))?;
        }
        Ok(keyring)
    }

    /// The keyring file at `path`, binary or ASCII-armored.
    pub fn open(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).at("opening the keyring", path)?;
        file.take(MAX_KEYRING + 1).read_to_end(&mut bytes).at("reading the keyring", path)?;
        if bytes.len() as u64 > MAX_KEYRING {
            return Err(Error::usage(format!("{} is too large to be a keyring", path.display())));
        }
        let mut keyring = Keyring::default();
        keyring.add(&bytes).map_err(|problem| {
            Error::usage(format!("{} is not an OpenPGP keyring: {problem}", path.display()))
                .hint("gpg --export KEY… > FILE writes one (not the .kbx format of a GnuPG home)")
        })?;
        if !keyring.keys.iter().any(|key| key.standing == Standing::Good) {
            let faulty = keyring.keys.iter().filter_map(|key| Some(format!("{:X} {}", key.fingerprint(), key.standing.fault()?)));
            let faults: Vec<String> = faulty.collect();
            let why = if faults.is_empty() { String::new() } else { format!(": the key {}", faults.join("; the key ")) };
            return Err(Error::usage(format!("{} has no key that may sign{why}", path.display()))
                .hint("get the archive's present keyring from its owner"));
        }
        Ok(keyring)
    }

    /// Adds the keys of `bytes` that were made for signing; damaged and other ones are left out.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let certificates: Box<dyn Iterator<Item = _>> = match bytes.starts_with(b"-----BEGIN") {
            true => SignedPublicKey::from_armor_many(bytes).map_err(|error| error.to_string())?.0,
            false => SignedPublicKey::from_bytes_many(bytes).map_err(|error| error.to_string())?,
        };
        let before = self.keys.len();
        let mut problem = None;
        for certificate in certificates {
            match certificate {
                Ok(certificate) => self.certify(&certificate),
                Err(error) => problem = Some(error.to_string()),
            }
        }
        match problem {
            Some(problem) if self.keys.len() == before => Err(problem),
            _ => Ok(()),
        }
    }

    /// Takes over the keys of one certificate.
    fn certify(&mut self, certificate: &SignedPublicKey) {
        let primary = &certificate.primary_key;
        let details = &certificate.details;
        let revoked = details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok());
        // The newest self-signature counts; others' certifications (Debian's keys carry many) say nothing about the key.
        let users = details.users.iter().filter(|user| {
            !user
                .signatures
                .iter()
                .any(|s| s.typ() == Some(SignatureType::CertRevocation) && s.verify_certification(primary, Tag::UserId, &user.id).is_ok())
        });
        let certifications = users.flat_map(|user| {
            user.signatures.iter().filter(|s| s.is_certification() && s.verify_certification(primary, Tag::UserId, &user.id).is_ok())
        });
        // Debian's direct signatures only name who may revoke; one that says what the key is for counts as well.
        let says_use = |s: &&Signature| s.key_flags().sign() || s.key_flags().certify();
        let direct = details.direct_signatures.iter().filter(says_use).filter(|s| s.verify_key(primary).is_ok());
        let Some(newest) = certifications.chain(direct).max_by_key(|s| (is_strong(s), created(s))) else { return };
        let standing = Standing::of(revoked, newest);
        let primary_created = u64::from(primary.created_at().as_secs());
        let primary_expires = expiry(primary_created, newest);
        if newest.key_flags().sign() {
            self.keys.push(SigningKey { key: Key::Primary(primary.clone()), standing, created: primary_created, expires: primary_expires });
        }
        for subkey in &certificate.public_subkeys {
            if let Some((binding, own)) = binding(subkey, primary) {
                let standing = if standing == Standing::Good { own } else { standing };
                let created = u64::from(subkey.key.created_at().as_secs());
                let expires = [expiry(created, binding), primary_expires].into_iter().flatten().min();
                self.keys.push(SigningKey { key: Key::Subkey(subkey.key.clone()), standing, created, expires });
            }
        }
    }
}

/// The newest valid binding of a signing subkey, and what becomes of the subkey by it.
fn binding<'a>(subkey: &'a SignedPublicSubKey, primary: &PublicKey) -> Option<(&'a Signature, Standing)> {
    let mine = |s: &&Signature| s.verify_subkey_binding(primary, &subkey.key).is_ok();
    let revoked = subkey.signatures.iter().filter(|s| s.typ() == Some(SignatureType::SubkeyRevocation)).any(|s| mine(&s));
    let bindings = subkey.signatures.iter().filter(|s| s.typ() == Some(SignatureType::SubkeyBinding));
    let newest = bindings.filter(mine).max_by_key(|s| (is_strong(s), created(s)))?;
    // A subkey that signs must agree to belong to the primary key (RFC 9580, 5.2.1.9).
    let agreed = newest.embedded_signature().is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    let standing = Standing::of(revoked, newest);
    (newest.key_flags().sign() && agreed).then_some((newest, standing))
}

fn expiry(key_created: u64, signature: &Signature) -> Option<u64> {
    let lifetime = signature.key_expiration_time().map(|d| u64::from(d.as_secs())).filter(|d| *d > 0)?;
    Some(key_created + lifetime)
}

fn created(signature: &Signature) -> u32 {
    signature.created().map_or(0, |time| time.as_secs())
}

/// Whether the signature's hash is one that collisions are not known for.
pub(crate) fn is_strong(signature: &Signature) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(signature.hash_alg(), Some(Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_keys_are_the_documented_ones() {
        let keyring = Keyring::embedded().unwrap();
        let readme = include_str!("keyring/README.md");
        let fingerprint = |k: &SigningKey| format!("{:X}", k.fingerprint());
        let primaries: Vec<&SigningKey> = keyring.keys.iter().filter(|k| matches!(k.key, Key::Primary(_))).collect();
        assert_eq!(primaries.len(), 6);
        for key in primaries {
            assert!(readme.contains(&fingerprint(key)), "{}", fingerprint(key));
        }
        // Four automatic keys sign with a subkey.
        assert_eq!(keyring.keys.len(), 10);
        assert!(keyring.keys.iter().all(|k| k.expires.is_some() && k.standing == Standing::Good));
    }

    #[test]
    fn what_is_not_a_keyring_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for bytes in [&b""[..], b"hello", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnonsense", &EMBEDDED[0][..100]] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(Keyring::open(&path).unwrap_err().kind(), crate::Kind::Usage);
        }
    }
}
