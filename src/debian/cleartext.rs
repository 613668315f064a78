//! The cleartext signature framework (RFC 9580, chapter 7): what was signed, and by which signatures.
//!
//! The crate `pgp` reads it too, but looks through all it has so far with every line, in time that grows with the square of what
//! a mirror sends before any signature is known to be good. So the text is cut out here, and `pgp` gets what is around it.

use memchr::memmem;
use pgp::composed::CleartextSignedMessage;
use pgp::packet::Signature;

/// The most around the text: headers and signatures. Debian's have some 3 kB.
const MAX_AROUND: usize = 256 << 10;

/// A text with signatures that say nothing yet: nobody has checked them.
pub(super) struct Cleartext {
    /// What the signatures are over: without escapes and spaces at the ends of lines, which end with CR and LF.
    pub signed: String,
    /// All of them.
    pub signatures: Vec<Signature>,
}

impl Cleartext {
    /// Reads `text`, which is one message and nothing else. What is wrong with it is said in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let (headers, text, signatures) = split(text).ok_or("it does not have a text between headers and signatures")?;
        if headers.len() + signatures.len() > MAX_AROUND {
            return Err(format!("it has more than {MAX_AROUND} bytes of headers and signatures"));
        }
        let around = CleartextSignedMessage::from_string(&[headers, signatures].concat());
        let (around, _) = around.map_err(|error| error.to_string())?;
        Ok(Cleartext { signed: canonical(text), signatures: around.signatures().to_vec() })
    }
}

/// Headers with the empty line behind them, text, signatures.
fn split(message: &str) -> Option<(&str, &str, &str)> {
    let mut lines = message.split_inclusive('\n').scan(0, |end, line| {
        *end += line.len();
        Some((*end, line))
    });
    let (headers, _) = lines.find(|(_, line)| matches!(*line, "\n" | "\r\n"))?;
    let (headers, rest) = message.split_at(headers);
    if rest.starts_with("-----") {
        return Some((headers, "", rest));
    }
    let end = memmem::find(rest.as_bytes(), b"\n-----")? + 1;
    let (text, signatures) = rest.split_at(end);
    // The last line break belongs to the signatures.
    let text = text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(text);
    Some((headers, text, signatures))
}

/// As it was signed (7.1, 7.2).
fn canonical(text: &str) -> String {
    let mut signed = String::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive('\n') {
        // A lone CR is no line break.
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line.strip_suffix('\r').unwrap_or(line), "\r\n"),
            None => (line, ""),
        };
        signed.push_str(line.strip_prefix("- ").unwrap_or(line).trim_end_matches([' ', '\t']));
        signed.push_str(end);
    }
    signed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A real block of signatures; whose text it is does not matter here.
    fn signatures() -> String {
        let release = std::fs::read_to_string("fuzz/corpus/release/signed").expect("a signed release of the corpus");
        release[release.find("-----BEGIN PGP SIGNATURE-----").expect("signatures")..].to_owned()
    }

    proptest! {
        /// The crate, which reads the whole message line by line, is the judge.
        #[test]
        fn what_is_read_is_what_pgp_reads(lines in proptest::collection::vec("(- |-{1,6}| )?[ -~]{0,12}[ \t]{0,2}\r?", 0..12), crlf: bool) {
            let end = if crlf { "\r\n" } else { "\n" };
            let head = ["-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA512", ""].join(end);
            let message = format!("{head}{end}{}{end}{}", lines.join(end), signatures());
            let ours = Cleartext::read(message.trim_end());
            match CleartextSignedMessage::from_string(message.trim_end()) {
                Ok((theirs, _)) => {
                    let ours = ours.unwrap();
                    prop_assert_eq!(ours.signed, theirs.signed_text());
                    prop_assert_eq!(&ours.signatures[..], theirs.signatures());
                }
                Err(_) => prop_assert!(ours.is_err()),
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(-----BEGIN PGP SIGNED MESSAGE-----\n|Hash: SHA512\n|\n|-----BEGIN PGP SIGNATURE-----\n|[ -~]|\r){0,30}") {
            let _ = Cleartext::read(&text);
        }
    }

    #[test]
    fn a_text_of_millions_of_lines_takes_no_time() {
        let head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n";
        let text = Cleartext::read(&format!("{head}{}{}", "\n".repeat(8 << 20), signatures().trim_end())).unwrap();
        assert_eq!(text.signed.len(), ((8 << 20) - 1) * 2);
        let endless = Cleartext::read(&format!("-----BEGIN PGP SIGNED MESSAGE-----\n{}\n", "Hash: SHA512\n".repeat(1 << 20)));
        assert!(endless.is_err());
        let endless = Cleartext::read(&format!("-----BEGIN PGP SIGNED MESSAGE-----\n{}\n\n-----", "Hash: SHA512\n".repeat(1 << 20)));
        assert!(endless.err().unwrap().contains("more than"));
    }
}
