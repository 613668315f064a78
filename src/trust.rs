//! Which servers are believed over TLS, and what is wrong with a certificate that is not: belongs to everyone.
//!
//! The system's certificate authorities are read when the first certificate has to be judged: that takes some milliseconds, which
//! nobody needs who is spoken to in the clear.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::{Error, Result};

/// Names in a certificate that are shown.
const SHOWN_NAMES: usize = 5;
/// Characters of a name that are shown.
const SHOWN: usize = 120;

/// Which servers a client believes, beyond those the system's authorities vouch for, and who it is itself.
#[derive(Default)]
pub(crate) struct Trust {
    /// Further authorities.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Our own certificate and key.
    pub identity: Option<CertifiedKey>,
}

impl Trust {
    /// For clients that will surely speak TLS: the system's authorities are read now.
    ///
    /// # Errors
    /// There is no authority at all.
    pub fn now(self) -> Result<ClientConfig> {
        let (config, believed) = self.config()?;
        believed.system().map_err(|error| {
            Error::network("cannot prepare TLS")
                .source(error)
                .hint("are certificate authorities installed (ca-certificates), or SSL_CERT_FILE set?")
        })?;
        Ok(config)
    }

    /// For clients that may not need it.
    pub fn when_needed(self) -> Result<ClientConfig> {
        Ok(self.config()?.0)
    }

    /// TLS as the HTTP library does it by itself, but for when authorities are read and what is said of a certificate.
    fn config(self) -> Result<(ClientConfig, Arc<Believed>)> {
        let provider = provider();
        let believed = Arc::new(Believed { provider: Arc::clone(&provider), authorities: self.authorities, system: OnceLock::new() });
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(|error| Error::network("cannot prepare TLS").source(error))?;
        // "Dangerous" is only what does not verify; this one hands every question on.
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::clone(&believed) as Arc<dyn ServerCertVerifier>);
        let mut config = match self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
        Ok((config, believed))
    }
}

/// The cryptography that all our connections use.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[derive(Debug)]
struct Believed {
    provider: Arc<CryptoProvider>,
    authorities: Vec<CertificateDer<'static>>,
    system: OnceLock<Result<Verifier, TlsError>>,
}

impl Believed {
    fn system(&self) -> Result<&Verifier, TlsError> {
        let make = || Verifier::new_with_extra_roots(self.authorities.iter().cloned(), Arc::clone(&self.provider));
        self.system.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Believed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verdict = self.system()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verdict.map_err(|error| match error {
            TlsError::InvalidCertificate(problem) => {
                let distrusted = Distrusted::new(problem, end_entity, intermediates);
                TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrusted))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a server's certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distrusted {
    /// Its time is over; when it was.
    Expired(String),
    /// Its time has not come; when it does.
    NotYet(String),
    /// It is for other names: these.
    OtherName(Vec<String>),
    /// It vouches for itself.
    SelfSigned,
    /// It is an authority's own, which no server may show.
    Authority,
    /// Its authority is not known here: this one.
    UnknownIssuer(String),
    /// Whatever else.
    Other(String),
}

impl Distrusted {
    fn new(problem: CertificateError, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Self {
        use CertificateError as C;
        let parsed = x509_parser::parse_x509_certificate(end_entity).ok().map(|(_, certificate)| certificate);
        let date = |seconds: i64| jiff::Timestamp::from_second(seconds).map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let validity = parsed.as_ref().map(|certificate| certificate.validity());
        match problem {
            C::Expired | C::ExpiredContext { .. } => {
                Distrusted::Expired(validity.and_then(|v| date(v.not_after.timestamp()).ok()).unwrap_or_default())
            }
            C::NotValidYet | C::NotValidYetContext { .. } => {
                Distrusted::NotYet(validity.and_then(|v| date(v.not_before.timestamp()).ok()).unwrap_or_default())
            }
            C::NotValidForNameContext { presented, .. } => {
                Distrusted::OtherName(presented.iter().take(SHOWN_NAMES).map(|name| printable(&plain_name(name))).collect())
            }
            C::NotValidForName => Distrusted::OtherName(Vec::new()),
            C::UnknownIssuer => match parsed {
                Some(certificate) if certificate.subject() == certificate.issuer() => Distrusted::SelfSigned,
                // Of a chain, the one at its end is the one to know.
                Some(certificate) => {
                    let last = intermediates.last().and_then(|der| x509_parser::parse_x509_certificate(der).ok());
                    Distrusted::UnknownIssuer(printable(&last.map_or(certificate, |(_, last)| last).issuer().to_string()))
                }
                None => Distrusted::UnknownIssuer(String::new()),
            },
            // The library has no name of its own for it.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => Distrusted::Authority,
            other => Distrusted::Other(printable(&other.to_string())),
        }
    }
}

impl fmt::Display for Distrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distrusted::Expired(when) => write!(f, "has expired: it was good until {when}"),
            Distrusted::NotYet(when) => write!(f, "is not good before {when}"),
            Distrusted::OtherName(names) if names.is_empty() => write!(f, "is for another name"),
            Distrusted::OtherName(names) => write!(f, "is for another name: it names {}", names.join(", ")),
            Distrusted::SelfSigned => write!(f, "is self-signed: nobody but itself vouches for it, so it is not trusted"),
            Distrusted::Authority => write!(f, "is an authority's (CA:TRUE), which a server may not show as its own"),
            Distrusted::UnknownIssuer(issuer) if issuer.is_empty() => write!(f, "was signed by an unknown authority, so it is not trusted"),
            Distrusted::UnknownIssuer(issuer) => {
                write!(f, "was signed by an authority that this machine does not know ({issuer}), so it is not trusted")
            }
            Distrusted::Other(problem) => write!(f, "is not trusted: {problem}"),
        }
    }
}

impl std::error::Error for Distrusted {}

/// The library writes names with their kinds around them: `DnsName("a.example")`, `IpAddress(10.0.0.1)`.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

/// What a server sends must not drive the terminal.
fn printable(text: &str) -> String {
    crate::printable::printable(text, SHOWN)
}
