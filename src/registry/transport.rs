//! How a host is spoken to: certificate authorities, client certificates, plain HTTP where someone asked for it.
//!
//! `[registry]` of `containers.toml` counts for its own host; for every host the folders count in which Docker
//! (`certs.d/HOST/`: `*.crt` are authorities, `*.cert` and `*.key` a client's pair) and Podman keep the same.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::credentials::Variables;
use super::endpoint::Security;
use crate::catalog::RegistrySettings;
use crate::trust::{self, Trust};
use crate::{Error, Kind, Result, read_at_most};

/// Larger files are no certificates.
const MAX_PEM: u64 = 1 << 20;
/// Files that are looked at in one folder of certificates.
const MAX_FILES: usize = 100;
/// The variable that names hosts spoken to over plain HTTP, separated by commas.
const INSECURE: &str = "CATAMARAN_INSECURE_REGISTRIES";

/// What a host needs beyond the system's certificate authorities.
#[derive(Default)]
pub(super) struct Transport {
    /// Plain HTTP was asked for.
    pub insecure: bool,
    /// Further authorities, and our own certificate and key.
    pub trust: Trust,
    /// The files it came from, for people.
    pub files: Vec<PathBuf>,
}

impl Transport {
    /// What is configured for `host`.
    ///
    /// # Errors
    /// A file that is named or lies there cannot be read, or is no certificate.
    pub fn of(host: &str, settings: &RegistrySettings, variables: &Variables) -> Result<Self> {
        let mut transport = Transport::default();
        let listed = variables.get(INSECURE).is_some_and(|hosts| hosts.split(',').any(|h| h.trim() == host));
        let ours = settings.host.as_deref() == Some(host);
        transport.insecure = listed || (ours && settings.insecure);
        if ours {
            if let Some(path) = &settings.ca {
                transport.trust(path)?;
            }
            if let (Some(certificate), Some(key)) = (&settings.client_cert, &settings.client_key) {
                transport.identify(certificate, key)?;
            }
        }
        for folder in folders(variables) {
            transport.read_folder(&folder.join(host))?;
        }
        Ok(transport)
    }

    /// What that says about how the host is spoken to.
    pub fn security(&self) -> Option<Security> {
        match (self.insecure, self.files.is_empty()) {
            (true, _) => Some(Security::Plain),
            (false, false) => Some(Security::Tls),
            (false, true) => None,
        }
    }

    /// A folder as Docker reads it. One that is not there says nothing.
    fn read_folder(&mut self, folder: &Path) -> Result<()> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).take(MAX_FILES).collect();
        files.sort();
        for path in files {
            match path.extension().and_then(|e| e.to_str()) {
                Some("crt") => self.trust(&path)?,
                Some("cert") if self.trust.identity.is_none() => {
                    let key = path.with_extension("key");
                    if !key.is_file() {
                        return Err(Error::usage(format!("{} has no key beside it", path.display()))
                            .hint(format!("put the private key into {}, or remove the certificate", key.display())));
                    }
                    self.identify(&path, &key)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn trust(&mut self, path: &Path) -> Result<()> {
        let error = |why: &str| {
            Error::usage(format!("{} holds no certificate authority: {why}", path.display()))
                .hint("it has to be PEM: -----BEGIN CERTIFICATE----- …")
        };
        let bytes = read(path)?;
        // The TLS library takes junk without a word and trusts nothing then: looked at here, where it can be explained.
        let mut found = 0;
        for pem in x509_parser::pem::Pem::iter_from_buffer(&bytes) {
            let pem = pem.map_err(|_| error("it is not PEM"))?;
            if pem.label == "CERTIFICATE" {
                pem.parse_x509().map_err(|_| error("a certificate in it is damaged"))?;
                self.trust.authorities.push(CertificateDer::from(pem.contents));
                found += 1;
            }
        }
        if found == 0 {
            return Err(error("there is no certificate in it"));
        }
        self.files.push(path.to_owned());
        Ok(())
    }

    fn identify(&mut self, certificate: &Path, key: &Path) -> Result<()> {
        let (chain, private) = (read(certificate)?, read(key)?);
        let pair = || {
            let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>().ok().filter(|chain| !chain.is_empty())?;
            CertifiedKey::from_der(chain, PrivateKeyDer::from_pem_slice(&private).ok()?, &trust::provider()).ok()
        };
        // The library's own message could quote the key.
        self.trust.identity = Some(pair().ok_or_else(|| {
            Error::usage(format!("{} and {} are not a certificate and its private key", certificate.display(), key.display()))
                .hint("both have to be PEM, and the key without a password")
        })?);
        self.files.extend([certificate.to_owned(), key.to_owned()]);
        Ok(())
    }
}

/// Where Docker and Podman keep certificates by host: the machine's, then the user's.
fn folders(variables: &Variables) -> Vec<PathBuf> {
    let user = variables.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let user = user.or_else(|| variables.get("HOME").map(|home| Path::new(&home).join(".config")));
    let mut folders = vec![PathBuf::from("/etc/docker/certs.d"), "/etc/containers/certs.d".into()];
    folders.extend(user.iter().flat_map(|user| [user.join("docker/certs.d"), user.join("containers/certs.d")]));
    folders
}

/// A file that is not there, or not to be read, is a mistake in what names it.
fn read(path: &Path) -> Result<Vec<u8>> {
    let too_large = || Error::usage(format!("{} is larger than {MAX_PEM} bytes; certificates are not", path.display()));
    read_at_most(path, MAX_PEM).map_err(|error| error.of_kind(Kind::Usage))?.ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(home: &Path, insecure: &'static str) -> Variables {
        let home = home.display().to_string();
        Variables::from_fn(move |name| match name {
            "HOME" => Some(home.clone()),
            INSECURE => Some(insecure.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn plain_http_is_for_the_hosts_that_were_named() {
        let home = tempfile::tempdir().unwrap();
        let settings = RegistrySettings { host: Some("a.example".into()), insecure: true, ..RegistrySettings::default() };
        let insecure = |host: &str| Transport::of(host, &settings, &variables(home.path(), "b.example, c.example:5000")).unwrap().insecure;
        assert!(insecure("a.example") && insecure("b.example") && insecure("c.example:5000"));
        assert!(!insecure("c.example") && !insecure("d.example"));
        let nameless = RegistrySettings { host: None, ..settings };
        assert!(!Transport::of("a.example", &nameless, &variables(home.path(), "")).unwrap().insecure);
    }

    #[test]
    fn what_is_no_certificate_is_named_and_never_quoted() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/docker/certs.d/a.example:5000");
        std::fs::create_dir_all(&folder).unwrap();
        let of = |host: &str| Transport::of(host, &RegistrySettings::default(), &variables(home.path(), ""));
        for (name, text, part) in [
            ("ca.crt", "hunter2", "there is no certificate in it"),
            ("ca.crt", "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n", "is damaged"),
            ("client.cert", "hunter2", "has no key beside it"),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
            let error = of("a.example:5000").err().unwrap();
            assert!(error.message().contains(name) && error.message().contains(part), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"));
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        std::fs::write(folder.join("client.cert"), "hunter2").unwrap();
        std::fs::write(folder.join("client.key"), "hunter2").unwrap();
        assert!(of("a.example:5000").err().unwrap().message().contains("are not a certificate and its private key"));
        assert!(of("a.example").unwrap().files.is_empty());
    }
}
