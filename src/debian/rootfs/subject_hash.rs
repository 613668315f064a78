//! OpenSSL's subject hash: the name under which it looks for a certificate in a directory (`X509_NAME_hash`).
//!
//! SHA-1 over the canonical encoding of the subject, its first four bytes read as a little-endian number. Canonical means:
//! text as UTF-8, without spaces at the ends, single spaces within, ASCII letters in lower case; and the relative
//! names without the SEQUENCE around them.

use sha1::{Digest as _, Sha1};

/// UTF8String, the type of every canonical text.
const UTF8_STRING: u8 = 12;

/// The subject hash of a certificate in DER; `None` when it cannot be read.
pub(super) fn subject_hash(der: &[u8]) -> Option<u32> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let mut encoded = Vec::new();
    for relative_name in certificate.subject().iter_rdn() {
        let mut attributes: Vec<Vec<u8>> = Vec::new();
        for attribute in relative_name.iter() {
            let value = attribute.attr_value();
            let tag = u8::try_from(value.header.tag().0).ok()?;
            let value = match text(tag, value.data) {
                Some(text) => tlv(UTF8_STRING, text?.as_bytes()),
                None => tlv(tag, value.data),
            };
            attributes.push(tlv(0x30, &[tlv(6, attribute.attr_type().as_bytes()), value].concat()));
        }
        // A SET OF is sorted in DER.
        attributes.sort();
        encoded.extend(tlv(0x31, &attributes.concat()));
    }
    let hash = Sha1::digest(&encoded);
    Some(u32::from_le_bytes(hash.get(..4)?.try_into().ok()?))
}

/// The canonical text of a string type; outer `None` for other types, inner `None` when it is malformed.
fn text(tag: u8, bytes: &[u8]) -> Option<Option<String>> {
    let text = match tag {
        UTF8_STRING => String::from_utf8(bytes.to_vec()).ok(),
        // PrintableString, IA5String, VisibleString, and T61String, which OpenSSL reads as Latin-1.
        19 | 20 | 22 | 26 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
        // UniversalString and BMPString: UTF-32 and UCS-2, big-endian.
        28 => bytes.chunks(4).map(|c| char::from_u32(u32::from_be_bytes(c.try_into().ok()?))).collect(),
        30 => bytes.chunks(2).map(|c| char::from_u32(u32::from(u16::from_be_bytes(c.try_into().ok()?)))).collect(),
        _ => return None,
    };
    Some(text.map(|text| canonical(&text)))
}

fn canonical(text: &str) -> String {
    let is_space = |c: char| matches!(c, ' ' | '\t'..='\r');
    text.split(is_space).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect::<Vec<_>>().join(" ")
}

/// A DER value of `tag`.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().position(|b| *b != 0).unwrap_or(length.len() - 1)..];
    if content.len() < 128 {
        out.push(content.len() as u8);
    } else {
        out.push(0x80 | digits.len() as u8);
        out.extend_from_slice(digits);
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_canonical_as_openssl_does() {
        assert_eq!(canonical("  Foo \t  BAR  Ünïcode "), "foo bar Ünïcode");
        assert_eq!(text(30, &[0, b'A', 0, b'b']), Some(Some("ab".into())));
        assert_eq!(text(4, b"A"), None);
        assert_eq!(tlv(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn junk_has_no_hash() {
        assert_eq!(subject_hash(b"\x30\x03abc"), None);
    }
}
