//! TLS to an engine: `ca.pem`, `cert.pem` and `key.pem` of one folder, as Docker's command line and its contexts keep them
//! (Docker documentation, "Protect the Docker daemon socket").

use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Identity};

use crate::{Error, Result, read_at_most};

/// Larger files are no certificates.
const MAX_PEM: u64 = 1 << 20;
/// The variable that asks for TLS.
const ASKED: &str = "DOCKER_TLS_VERIFY";
/// The variable that names the folder.
const FOLDER: &str = "DOCKER_CERT_PATH";

/// How an engine proves that it is the one, and we that we may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tls {
    /// Where the certificates are. None of them has to be there: then the system's authorities count, and nothing is proven to
    /// the engine.
    pub folder: PathBuf,
    /// Any certificate of the engine is taken: a context can ask for that.
    pub unverified: bool,
}

impl Tls {
    /// What the environment asks for, as Docker's command line reads it; `usual` is the folder without one that is named.
    pub fn asked(variable: impl Fn(&str) -> Option<String>, usual: Option<PathBuf>) -> Result<Option<Self>> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set(ASKED).is_none() {
            return Ok(None);
        }
        let folder = set(FOLDER).map(PathBuf::from).or(usual);
        let folder = folder.ok_or_else(|| Error::usage(format!("{ASKED} asks for TLS, but nothing says where the certificates are")));
        let folder = folder.map_err(|error| error.hint(format!("set {FOLDER} to the folder of ca.pem, cert.pem and key.pem")))?;
        if !folder.is_dir() {
            return Err(Error::usage(format!("{ASKED} asks for TLS, and there is no folder {}", folder.display()))
                .hint(format!("set {FOLDER} to the folder of ca.pem, cert.pem and key.pem")));
        }
        Ok(Some(Tls { folder, unverified: false }))
    }

    /// A client that speaks it.
    pub fn applied(&self, builder: ClientBuilder) -> Result<ClientBuilder> {
        // The engine's own client speaks HTTP/1.1.
        let mut builder = builder.https_only(true).http1_only();
        if self.unverified {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let authority = self.folder.join("ca.pem");
        if authority.exists() {
            let certificates = Certificate::from_pem_bundle(&read(&authority)?).ok().filter(|found| !found.is_empty());
            let certificates = certificates.ok_or_else(|| {
                Error::usage(format!("{} holds no certificate authority", authority.display()))
                    .hint("it has to be PEM: -----BEGIN CERTIFICATE----- …")
            })?;
            builder = builder.tls_certs_only(certificates);
        }
        let (certificate, key) = (self.folder.join("cert.pem"), self.folder.join("key.pem"));
        match (certificate.exists(), key.exists()) {
            (false, false) => Ok(builder),
            (true, true) => {
                let mut pem = read(&certificate)?;
                pem.push(b'\n');
                pem.extend(read(&key)?);
                // The library's own message could quote the key.
                let identity = Identity::from_pem(&pem).map_err(|_| {
                    let both = format!("{} and {}", certificate.display(), key.display());
                    Error::usage(format!("{both} are not a certificate and its private key"))
                        .hint("both have to be PEM, and the key without a password")
                })?;
                Ok(builder.identity(identity))
            }
            (there, _) => {
                let (there, missing) = if there { (certificate, key) } else { (key, certificate) };
                Err(Error::usage(format!("{} is there without {}", there.display(), missing.display()))
                    .hint("put the other one beside it, or remove both"))
            }
        }
    }

    /// What to do when the two do not agree.
    pub fn advice(&self) -> String {
        let folder = self.folder.display();
        format!("ca.pem in {folder} has to have signed the engine's certificate, which names its host; the engine has to trust cert.pem")
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let too_large = || Error::usage(format!("{} is larger than {MAX_PEM} bytes; certificates are not", path.display()));
    read_at_most(path, MAX_PEM)?.ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_variables_decide() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let asked = |verify: &str, path: &str, usual: Option<PathBuf>| {
            Tls::asked(|name| Some(if name == ASKED { verify.to_owned() } else { path.to_owned() }), usual)
        };
        assert_eq!(asked("", &place, None).unwrap(), None);
        let found = Tls { folder: folder.path().to_owned(), unverified: false };
        assert_eq!(asked("1", &place, Some("/other".into())).unwrap(), Some(found.clone()));
        assert_eq!(asked("1", "", Some(place.into())).unwrap(), Some(found));
        assert!(asked("1", "/nowhere at all", None).unwrap_err().message().contains("/nowhere at all"));
        assert!(asked("1", "", None).unwrap_err().advice().unwrap().contains(FOLDER));
    }

    #[test]
    fn what_is_no_certificate_is_named_and_never_quoted() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls { folder: folder.path().to_owned(), unverified: false };
        let applied = || tls.applied(reqwest::Client::builder());
        assert!(applied().is_ok());
        for (name, part) in
            [("cert.pem", "key.pem"), ("key.pem", "are not a certificate and its private key"), ("ca.pem", "holds no certificate")]
        {
            std::fs::write(folder.path().join(name), "hunter2").unwrap();
            let error = applied().unwrap_err();
            assert!(error.message().contains(name) && error.message().contains(part) && error.advice().is_some(), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }
}
