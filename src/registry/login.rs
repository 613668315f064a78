//! Which credentials answer for a registry, and whether it takes them: what `doctor` says. Never a secret.

use std::path::PathBuf;

use reqwest::Method;

use super::auth::Scope;
use super::body::bounded;
use super::client::Registry;
use crate::{Error, Result};

/// A login that was tried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Where the credentials come from, in words.
    pub source: String,
    /// Nobody had any, and the registry may want some for writing.
    pub anonymous: bool,
    /// What to do to have some.
    pub advice: String,
    /// Where certificates for this host were read from.
    pub certificates: Vec<PathBuf>,
}

impl Registry {
    /// Proves the credentials for `repository`, or for the registry as a whole: a token is fetched, or `GET /v2/` is asked
    /// with the password. Nothing is sent that changes anything.
    ///
    /// # Errors
    /// It cannot be reached, or does not take the credentials.
    pub async fn log_in(&self, repository: Option<&str>) -> Result<Login> {
        self.ping().await?;
        let authority = &self.0.authority;
        let scope = Scope::pull(repository.unwrap_or_default());
        let certificates = self.0.certificates.clone();
        if authority.is_open() {
            let source = "nothing is asked for: it is open to everyone".to_owned();
            return Ok(Login { source, anonymous: false, advice: String::new(), certificates });
        }
        let credential = authority.credential(&scope.repository).await?;
        let advice = authority.advice(&scope.repository).await;
        let anonymous = credential.proof.is_none();
        match repository {
            Some(repository) if !anonymous => drop(self.authenticate(repository).await?),
            _ if authority.has_tokens() => {
                drop(self.0.patience.retry(|| authority.authorization(&self.0.http, &scope)).await?);
            }
            _ if anonymous => return Err(Error::network(format!("{} asks for credentials", self.host())).hint(advice)),
            _ => {
                let doing = format!("logging in to {}", self.host());
                let response = self.request(&scope, Method::GET, &self.0.endpoint.ping(), &doing, &|r| r).await?;
                if !response.status().is_success() {
                    return Err(self.declined(response, &doing, "").await.into());
                }
                let _ = bounded(response, 64 << 10).await;
            }
        }
        Ok(Login { source: credential.source, anonymous, advice, certificates })
    }
}
