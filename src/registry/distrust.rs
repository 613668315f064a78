//! What a failed TLS handshake is, and what to do about it: each cause in its own words.

use std::error::Error as StdError;

use rustls::{CertificateError, Error as Tls, OtherError};

use crate::trust::Distrusted;

const NAME_THE_AUTHORITY: &str =
    "name the file of its certificate authority: `ca = \"…\"` in [registry], /etc/docker/certs.d/HOST/ca.crt, or SSL_CERT_FILE";

/// What happened, and what to do.
pub(super) fn explained(error: &Tls, host: &str) -> (String, &'static str) {
    match error {
        Tls::InvalidCertificate(problem) => match distrusted(problem) {
            Some(distrusted) => (format!("the certificate of {host} {distrusted}"), advice(distrusted)),
            None => (format!("the certificate of {host} is not trusted: {problem}"), NAME_THE_AUTHORITY),
        },
        Tls::InvalidMessage(_) => (
            format!("{host} does not speak TLS"),
            "registries are spoken to over HTTPS; plain HTTP only at loopback addresses (localhost, 127.0.0.0/8, ::1) and where \
             `insecure = true` in [registry] or CATAMARAN_INSECURE_REGISTRIES=HOST asks for it",
        ),
        other => (format!("TLS with {host} failed: {other}"), "check the address and the system's clock"),
    }
}

fn distrusted(problem: &CertificateError) -> Option<&Distrusted> {
    match problem {
        CertificateError::Other(OtherError(inner)) => (&**inner as &(dyn StdError + 'static)).downcast_ref(),
        _ => None,
    }
}

fn advice(distrusted: &Distrusted) -> &'static str {
    match distrusted {
        Distrusted::Expired(_) => "whoever runs it has to renew it; or is this machine's clock wrong (`date`)?",
        Distrusted::NotYet(_) => "is this machine's clock wrong (`date`)? if not, whoever runs the registry has to show the one before it",
        Distrusted::OtherName(_) => {
            "write the registry's host as its certificate has it, or have one made for this name (subjectAltName): is it the registry at all?"
        }
        Distrusted::SelfSigned => {
            "if it is the right one, name its file as the authority: `ca = \"…\"` in [registry], or /etc/docker/certs.d/HOST/ca.crt"
        }
        Distrusted::Authority => {
            "make one for the server: sign it with this one (`openssl x509 -req -CA …`) and name the authority's file as `ca`, or let it be \
             self-signed with basicConstraints=CA:FALSE"
        }
        Distrusted::UnknownIssuer(_) | Distrusted::Other(_) => NAME_THE_AUTHORITY,
    }
}
