//! Keys and signatures that prove nothing: expired, revoked, made with SHA-1.

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Duration, KeyDetails, Tag, Timestamp};

use super::*;

const DAY: u32 = 24 * 60 * 60;
/// 2020-01-01
const THEN: u32 = 1_577_836_800;

fn key_of(kind: KeyType, created: u32) -> SignedSecretKey {
    let mut key = SecretKeyParamsBuilder::default();
    key.key_type(kind).can_sign(true).created_at(Timestamp::from_secs(created)).primary_user_id("Old <old@example.org>".into());
    key.build().unwrap().generate(rand::thread_rng()).unwrap()
}

/// With the newer kinds of keys SHA-1 cannot even be written.
const RSA: KeyType = KeyType::Rsa(2048);

fn config(key: &SignedSecretKey, kind: SignatureType, hash: HashAlgorithm, made: u32, more: Vec<SubpacketData>) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, key.primary_key.algorithm(), hash);
    let data =
        [SubpacketData::SignatureCreationTime(Timestamp::from_secs(made)), SubpacketData::IssuerFingerprint(key.primary_key.fingerprint())];
    config.hashed_subpackets = data.into_iter().chain(more).map(|data| Subpacket::regular(data).unwrap()).collect();
    config
}

/// Makes its owner's only word on `key` one with this hash and lifetime.
fn certify(key: &mut SignedSecretKey, hash: HashAlgorithm, made: u32, lifetime: Option<u32>) {
    let mut flags = KeyFlags::default();
    flags.set_sign(true);
    let lifetime = lifetime.map(|seconds| SubpacketData::KeyExpirationTime(Duration::from_secs(seconds)));
    let more = [SubpacketData::KeyFlags(flags)].into_iter().chain(lifetime).collect();
    let config = config(key, SignatureType::CertPositive, hash, made, more);
    let public = SignedPublicKey::from(key.clone()).primary_key;
    let user = &key.details.users[0];
    let signature = config.sign_certification_third_party(&key.primary_key, &Password::empty(), &public, Tag::UserId, &user.id).unwrap();
    key.details.users[0].signatures = vec![signature];
    key.details.direct_signatures.clear();
}

/// Signs as told.
fn signed_so(text: &str, key: &SignedSecretKey, hash: HashAlgorithm, made: u32, more: Vec<SubpacketData>) -> String {
    let sign = |text: &str| {
        Ok(vec![config(key, SignatureType::Text, hash, made, more).sign(&key.primary_key, &Password::empty(), text.as_bytes())?])
    };
    CleartextSignedMessage::new_many(text, sign).unwrap().to_armored_string(ArmorOptions::default()).unwrap()
}

/// A world whose archive is signed by `key` as `sign` says, and which trusts that key.
fn world(key: &SignedSecretKey, sign: impl Fn(&str) -> String) -> World {
    let world = World::new();
    let mut public = Vec::new();
    SignedPublicKey::from(key.clone()).to_writer(&mut public).unwrap();
    std::fs::write(world.folder.path().join("keys.pgp"), public).unwrap();
    let fields = "Suite: unstable\nCodename: sid\nDate: Wed, 01 Jan 2020 08:00:00 UTC\n";
    world.put_suite("debian", "sid", fields, &[("main", "base-files 1\nbase-passwd 1\nhello 1")], sign);
    world
}

#[tokio::test]
async fn an_expired_key_proves_nothing_but_about_the_past() {
    let mut key = key_of(KeyType::Ed25519Legacy, THEN);
    certify(&mut key, HashAlgorithm::Sha256, THEN, Some(30 * DAY));
    let fingerprint = format!("{:X}", key.primary_key.fingerprint());
    let mut world = world(&key, |text| signed_so(text, &key, HashAlgorithm::Sha256, THEN + DAY, Vec::new()));
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains(&format!("the key {fingerprint} has expired")), "{error}");

    world.catalog.debian.snapshot = Some("20200102T000000Z".into());
    world.catalog.debian.snapshot_mirror = Some(format!("{}/past", world.server.url));
    let fields = "Suite: unstable\nCodename: sid\nDate: Wed, 01 Jan 2020 08:00:00 UTC\n";
    let sign = |text: &str| signed_so(text, &key, HashAlgorithm::Sha256, THEN + DAY, Vec::new());
    let packages = [("main", "base-files 1\nbase-passwd 1\nhello 1")];
    world.put_suite("past/debian/20200102T000000Z", "sid", fields, &packages, sign);
    world.lock().await.unwrap();
    // What was signed after the key's end was never its owner's.
    let sign = |text: &str| signed_so(text, &key, HashAlgorithm::Sha256, THEN + 31 * DAY, Vec::new());
    world.put_suite("past/debian/20200102T000000Z", "sid", &fields.replace("08:00", "09:00"), &packages, sign);
    std::fs::remove_file(world.catalog.lock_path()).unwrap();
    std::fs::remove_dir_all(world.folder.path().join("cache")).unwrap();
    let error = world.lock().await.unwrap_err();
    assert!(error.message().contains("has expired"), "{error}");
}

#[tokio::test]
async fn a_revoked_key_proves_nothing() {
    let good = signing_key();
    let mut key = key_of(KeyType::Ed25519Legacy, THEN);
    let public = SignedPublicKey::from(key.clone()).primary_key;
    let revocation = config(&key, SignatureType::KeyRevocation, HashAlgorithm::Sha256, THEN + DAY, Vec::new());
    key.details.revocation_signatures = vec![revocation.sign_key(&key.primary_key, &Password::empty(), &public).unwrap()];
    let world = world(&key, |text| signed(text, &key));
    let revoked = format!("the key {:X} was revoked", key.primary_key.fingerprint());
    // Alone, it makes no keyring.
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.message().contains(&revoked), "{error}");
    // Beside a good key that did not sign, it is as if nobody had.
    let mut both = Vec::new();
    for key in [good, key] {
        SignedPublicKey::from(key).to_writer(&mut both).unwrap();
    }
    std::fs::write(world.folder.path().join("keys.pgp"), both).unwrap();
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains(&format!("InRelease of debian sid is not trusted: {revoked}")), "{error}");
}

#[tokio::test]
async fn a_key_that_only_sha1_vouches_for_proves_nothing() {
    let mut key = key_of(RSA, THEN);
    certify(&mut key, HashAlgorithm::Sha1, THEN, None);
    let world = world(&key, |text| signed(text, &key));
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.message().contains("has no key that may sign") && error.message().contains("no longer safe (SHA-1 or older)"), "{error}");
}

#[tokio::test]
async fn a_signature_with_sha1_proves_nothing() {
    let key = key_of(RSA, THEN);
    let world = world(&key, |text| signed_so(text, &key, HashAlgorithm::Sha1, THEN + DAY, Vec::new()));
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(error.message().contains("uses Sha1, which is no longer safe"), "{error}");
}

#[tokio::test]
async fn a_signature_past_its_end_proves_nothing() {
    let key = key_of(KeyType::Ed25519Legacy, THEN);
    let end = || vec![SubpacketData::SignatureExpirationTime(Duration::from_secs(30 * DAY))];
    let world = world(&key, |text| signed_so(text, &key, HashAlgorithm::Sha256, THEN + DAY, end()));
    let error = world.lock().await.unwrap_err();
    assert!(error.message().contains("a signature has expired"), "{error}");
}
