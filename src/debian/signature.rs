//! Clear-signed text (RFC 9580, chapter 7), as in `InRelease`: who signed it, and what exactly.

use pgp::packet::{Signature, SignatureType};

use super::cleartext::Cleartext;
use super::keyring::{Keyring, is_strong};
use crate::{Error, Result};

/// Clocks may differ by this many seconds.
const CLOCK_SKEW: u64 = 24 * 60 * 60;

/// The signed text of `bytes`, if one of `keyring`'s keys signed it.
///
/// Only what comes out of here may be parsed: text around the signed block is refused. `now` is Unix time; `past` accepts
/// keys and signatures that have expired since they signed, for archives of the past. `what` is named in errors.
pub(crate) fn signed_text(bytes: &[u8], keyring: &Keyring, now: u64, past: bool, what: &str) -> Result<String> {
    let refused = |why: String| Error::network(format!("{what} is not trusted: {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not text".into()))?.trim_end();
    let message = Cleartext::read(text).map_err(|why| refused(format!("it is not signed text: {why}")))?;
    let mut good = false;
    let mut reasons = Vec::new();
    for signature in &message.signatures {
        match check(signature, &message.signed, keyring, now, past) {
            Ok(()) => good = true,
            Err(Verdict::Forged(why)) => return Err(refused(why)),
            Err(Verdict::Worthless(why)) => reasons.push(why),
        }
    }
    if !good {
        reasons.sort();
        reasons.dedup();
        return Err(refused(if reasons.is_empty() { "it has no signature".into() } else { reasons.join("; ") }));
    }
    Ok(message.signed)
}

enum Verdict {
    /// It names a key we trust, but is not that key's: the text was altered.
    Forged(String),
    /// It proves nothing.
    Worthless(String),
}

fn check(signature: &Signature, signed: &str, keyring: &Keyring, now: u64, past: bool) -> Result<(), Verdict> {
    let worthless = |why: &str| Err(Verdict::Worthless(why.into()));
    let Some(key) = keyring.keys.iter().filter(|key| key.is_issuer(signature)).max_by_key(|key| key.standing) else {
        let issuer = signature.issuer_fingerprint().first().map(|f| format!("{f:X}"));
        let issuer = issuer.or_else(|| signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase())).unwrap_or("?".into());
        return Err(Verdict::Worthless(format!("signed by the unknown key {issuer}")));
    };
    let name = format!("{:X}", key.fingerprint());
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return worthless("a signature is not one over text");
    }
    if let Some(fault) = key.standing.fault() {
        return Err(Verdict::Worthless(format!("the key {name} {fault}")));
    }
    if !is_strong(signature) {
        let hash = signature.hash_alg().map_or("an unknown hash".into(), |hash| format!("{hash:?}"));
        return Err(Verdict::Worthless(format!("the signature of {name} uses {hash}, which is no longer safe")));
    }
    if !key.verifies(signature, signed.as_bytes()) {
        return Err(Verdict::Forged(format!("the signature of {name} does not fit the text")));
    }
    let Some(made) = signature.created().map(|time| u64::from(time.as_secs())) else {
        return worthless("a signature does not say when it was made");
    };
    if made < key.created || made > now + CLOCK_SKEW {
        return worthless("a signature was made before its key or in the future; is this machine's clock right?");
    }
    let moment = if past { made } else { now };
    if key.expires.is_some_and(|end| moment >= end) {
        return Err(Verdict::Worthless(format!("the key {name} has expired")));
    }
    let lifetime = signature.signature_expiration_time().map_or(0, |d| u64::from(d.as_secs()));
    if lifetime > 0 && moment >= made + lifetime {
        return worthless("a signature has expired");
    }
    Ok(())
}
