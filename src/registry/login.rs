//! Whether a registry answers, which credentials answer for it, and whether it takes them. Never a secret.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};

use super::auth::Scope;
use super::body::{bounded, is_web_page};
use super::client::Registry;
use super::failure::Failure;
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
    /// Asks the registry whether it is one (`GET /v2/`) and what proof it wants. Asked once.
    ///
    /// # Errors
    /// It cannot be reached, or something else answers.
    pub async fn ping(&self) -> Result<()> {
        if !self.0.authority.is_settled() {
            self.0.patience.retry(|| self.ping_once()).await?;
        }
        Ok(())
    }

    async fn ping_once(&self) -> Result<(), Failure> {
        let doing = format!("reaching {}", self.host());
        let request = self.0.http.get(self.0.endpoint.ping());
        let response = self.wait().hear(&doing, self.send_once(request, &doing)).await??;
        match response.status() {
            StatusCode::UNAUTHORIZED => {
                self.0.authority.refused(None, response.headers()).await?;
                let _ = bounded(response, 64 << 10).await;
                Ok(())
            }
            status if status.is_success() => {
                let body = bounded(response, 64 << 10).await.unwrap_or_default();
                if is_web_page(&body) {
                    return Err(Failure::web_page(&doing));
                }
                self.0.authority.served();
                Ok(())
            }
            status => {
                let failure = Failure::answer(response, self.host(), &doing).await;
                let absent = status == StatusCode::NOT_FOUND;
                Err(if absent { failure.hint("is it a registry? it knows no /v2/ (distribution-spec)") } else { failure })
            }
        }
    }

    /// Proves that the credentials for `repository` are accepted, without sending anything, and says where they come from.
    ///
    /// With a token server: a token to push is asked for, and read where it can be. With Basic: `GET /v2/` again.
    pub async fn authenticate(&self, repository: &str) -> Result<String> {
        self.ping().await?;
        let authority = &self.0.authority;
        if authority.is_open() {
            return Ok("anonymous (the registry asks for no credentials)".into());
        }
        let credential = authority.credential(repository).await?;
        let scope = Scope::push(repository);
        if authority.has_tokens() {
            if self.0.patience.retry(|| authority.lacks_push(&self.0.http, &scope)).await? {
                return Err(Error::network(format!("the token server of {} does not grant pushing to {repository}", self.host()))
                    .hint(authority.advice(repository).await));
            }
        } else if credential.proof.is_none() {
            return Err(Error::network(format!("{} asks for credentials", self.host())).hint(authority.advice(repository).await));
        } else {
            let doing = "logging in";
            let response = self.request(&scope, Method::GET, &self.0.endpoint.ping(), doing, &|r| r).await?;
            if !response.status().is_success() {
                return Err(self.declined(response, doing, repository).await.into());
            }
            let _ = bounded(response, 64 << 10).await;
        }
        Ok(credential.source)
    }

    /// Whether a token server stands before the registry, so that every repository needs a proof of its own.
    pub fn has_tokens(&self) -> bool {
        self.0.authority.has_tokens()
    }

    /// Where the credentials for `repository` come from, in words; `None` when nobody has looked yet, or looking failed.
    pub async fn credentials_source(&self, repository: &str) -> Option<String> {
        match self.0.authority.is_open() {
            true => Some("anonymous (the registry asks for no credentials)".into()),
            false => self.0.authority.known_credential(repository).await.map(|c| c.source),
        }
    }

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
