//! Proving who we are: Basic, or a token from the token server (distribution, "Token Authentication").

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::body::bounded;
use super::challenge::Challenge;
use super::credentials::{Credential, Credentials};
use super::docker_config::{Proof, basic};
use super::endpoint::{Endpoint, authority};
use super::failure::Failure;
use super::silence::{Silence, Wait};
use crate::Error;
use crate::waiting::Listener;

/// How long a token lives when the server does not say (distribution, "Token Response Fields").
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// Tokens are some kilobytes.
const MAX_TOKEN_ANSWER: usize = 1 << 20;

/// The rights a request needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    /// In which repository.
    pub repository: String,
    /// To write, not only to read.
    pub push: bool,
    /// And to read in this one, to mount a blob from it.
    pub from: Option<String>,
}

impl Scope {
    pub fn pull(repository: &str) -> Self {
        Scope { repository: repository.to_owned(), push: false, from: None }
    }

    pub fn push(repository: &str) -> Self {
        Scope { repository: repository.to_owned(), push: true, from: None }
    }

    /// In the token server's words.
    fn words(&self) -> Vec<String> {
        if self.repository.is_empty() {
            return Vec::new(); // a login as such, as `docker login` does it
        }
        let actions = if self.push { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{actions}", self.repository);
        std::iter::once(own).chain(self.from.iter().map(|from| format!("repository:{from}:pull"))).collect()
    }
}

/// How the registry wants to be convinced.
#[derive(Clone, Debug)]
enum Scheme {
    /// Not at all.
    Open,
    Basic,
    Bearer {
        realm: Url,
        service: Option<String>,
    },
}

/// What a token server granted.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    expires: Instant,
    /// The actions it names for the repository, when the token can be read (a JWT with `access`).
    actions: Option<Vec<String>>,
}

/// One scope's token; its lock makes sure that it is asked for once.
#[derive(Default)]
struct Slot {
    token: Option<Token>,
    /// The scope the registry asked for, when it was not ours.
    asked: Option<String>,
}

/// Keeps credentials and tokens for one registry.
pub(super) struct Authority {
    endpoint: Endpoint,
    credentials: Credentials,
    /// Who hears that a token server is waited for, and how long it may be.
    listener: Listener,
    silence: Silence,
    scheme: Mutex<Option<Scheme>>,
    known: AsyncMutex<BTreeMap<String, Credential>>,
    slots: Mutex<BTreeMap<Scope, Arc<AsyncMutex<Slot>>>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    access: Vec<Granted>,
}

#[derive(Deserialize)]
struct Granted {
    name: String,
    #[serde(default)]
    actions: Vec<String>,
}

impl Authority {
    pub fn new(endpoint: Endpoint, credentials: Credentials, listener: Listener, silence: Silence) -> Self {
        let (scheme, known, slots) = Default::default();
        Authority { endpoint, credentials, listener, silence, scheme, known, slots }
    }

    /// Whether the registry has said what it wants.
    pub fn is_settled(&self) -> bool {
        lock(&self.scheme).is_some()
    }

    /// Whether the registry serves without any proof.
    pub fn is_open(&self) -> bool {
        matches!(*lock(&self.scheme), Some(Scheme::Open))
    }

    /// Whether a token server stands between us and the registry.
    pub fn has_tokens(&self) -> bool {
        matches!(*lock(&self.scheme), Some(Scheme::Bearer { .. }))
    }

    /// The registry served a request without proof.
    pub fn served(&self) {
        lock(&self.scheme).get_or_insert(Scheme::Open);
    }

    /// Takes in a 401: learns the scheme and forgets the token that was refused.
    pub async fn refused(&self, scope: Option<&Scope>, headers: &HeaderMap) -> Result<(), Failure> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|v| v.to_str().ok());
        let (scheme, asked) = match Challenge::best(values) {
            None => {
                return Err(Error::network(format!("{} wants a proof of identity that is neither Basic nor Bearer", self.endpoint.host))
                    .hint("catamaran knows the two schemes of the distribution specification")
                    .into());
            }
            Some(Challenge::Basic) => (Scheme::Basic, None),
            Some(Challenge::Bearer { realm, service, scope }) => {
                let error = || Error::network(format!("{} sends us to a token server whose address is not HTTPS", self.endpoint.host));
                let realm: Url = realm.parse().map_err(|_| error())?;
                if realm.scheme() != "https" && !(realm.scheme() == "http" && self.endpoint.may_be_plain(&realm)) {
                    return Err(error().hint("credentials are not sent there; ask who runs the registry").into());
                }
                (Scheme::Bearer { realm, service }, scope)
            }
        };
        *lock(&self.scheme) = Some(scheme);
        if let Some(scope) = scope {
            let slot = self.slot(scope);
            let mut slot = slot.lock().await;
            slot.token = None;
            slot.asked = asked.filter(|asked| !scope.words().contains(asked));
        }
        Ok(())
    }

    /// The value of `Authorization` for `scope`, as far as the registry has asked for one.
    pub async fn authorization(&self, http: &reqwest::Client, scope: &Scope) -> Result<Option<HeaderValue>, Failure> {
        let scheme = lock(&self.scheme).clone();
        match scheme {
            None | Some(Scheme::Open) => Ok(None),
            Some(Scheme::Basic) => match self.credential(&scope.repository).await?.proof {
                Some(Proof::Password { username, password }) => header(&basic(&username, password.expose_secret())).map(Some),
                Some(Proof::IdentityToken(token) | Proof::RegistryToken(token)) => bearer(&token).map(Some),
                None => Ok(None),
            },
            Some(Scheme::Bearer { realm, service }) => self.token(http, scope, &realm, service.as_deref()).await.map(|t| Some(t.header)),
        }
    }

    /// Whether the token for `scope` can be read and lacks the right to push.
    pub async fn lacks_push(&self, http: &reqwest::Client, scope: &Scope) -> Result<bool, Failure> {
        let scheme = lock(&self.scheme).clone();
        let Some(Scheme::Bearer { realm, service }) = scheme else { return Ok(false) };
        let token = self.token(http, scope, &realm, service.as_deref()).await?;
        Ok(token.actions.is_some_and(|actions| !actions.iter().any(|a| a == "push" || a == "*")))
    }

    /// The credentials for `repository`, looked for once.
    pub async fn credential(&self, repository: &str) -> Result<Credential, Failure> {
        let mut known = self.known.lock().await;
        if let Some(credential) = known.get(repository) {
            return Ok(credential.clone());
        }
        let credential = self.credentials.find(&self.endpoint.host, repository).await?;
        known.insert(repository.to_owned(), credential.clone());
        Ok(credential)
    }

    /// The credentials for `repository`, if they have been found already.
    pub async fn known_credential(&self, repository: &str) -> Option<Credential> {
        self.known.lock().await.get(repository).cloned()
    }

    /// What to do when credentials are missing or wrong.
    pub async fn advice(&self, repository: &str) -> String {
        let advice = self.credentials.advice(&self.endpoint.host);
        match self.credential(repository).await {
            Ok(Credential { proof: Some(_), source }) => format!("the credentials came from {source}; {advice}"),
            _ => format!("no credentials were found; {advice}"),
        }
    }

    async fn token(&self, http: &reqwest::Client, scope: &Scope, realm: &Url, service: Option<&str>) -> Result<Token, Failure> {
        let slot = self.slot(scope);
        let mut slot = slot.lock().await;
        if let Some(token) = slot.token.as_ref().filter(|t| Instant::now() < t.expires) {
            return Ok(token.clone());
        }
        let mut words = scope.words();
        words.extend(slot.asked.clone());
        let token = self.fetch_token(http, scope, realm, service, &words).await?;
        slot.token = Some(token.clone());
        Ok(token)
    }

    async fn fetch_token(
        &self,
        http: &reqwest::Client,
        scope: &Scope,
        realm: &Url,
        service: Option<&str>,
        words: &[String],
    ) -> Result<Token, Failure> {
        let credential = self.credential(&scope.repository).await?;
        let server = &authority(realm).unwrap_or_else(|| self.endpoint.host.clone());
        let name = format!("{}/{}", self.endpoint.host, scope.repository);
        let doing = format!("asking {server} for a token for {}", name.trim_end_matches('/'));
        let mut query: Vec<(&str, &str)> = service.map(|s| ("service", s)).into_iter().collect();
        let request = match &credential.proof {
            Some(Proof::RegistryToken(token)) => {
                return Ok(Token { header: bearer(token)?, expires: Instant::now() + DEFAULT_LIFE, actions: None });
            }
            Some(Proof::IdentityToken(token)) => {
                let scopes = words.join(" ");
                query.extend([("grant_type", "refresh_token"), ("client_id", "catamaran"), ("scope", &scopes)]);
                query.push(("refresh_token", token.expose_secret()));
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
                http.post(realm.clone()).header("content-type", "application/x-www-form-urlencoded").body(body)
            }
            proof => {
                query.extend(words.iter().map(|scope| ("scope", scope.as_str())));
                let request = http.get(realm.clone()).query(&query);
                match proof {
                    Some(Proof::Password { username, password }) => {
                        request.query(&[("account", username)]).header("authorization", header(&basic(username, password.expose_secret()))?)
                    }
                    _ => request,
                }
            }
        };
        let wait = Wait::new(&self.listener, server, self.silence);
        let sent = wait.hear(&doing, request.send()).await?;
        let response = sent.map_err(|error| Failure::connection(error, server, &doing, false))?;
        if !response.status().is_success() {
            let failure = Failure::answer(response, server, &doing).await;
            let refused = failure.status.is_some_and(|s| matches!(s.as_u16(), 400 | 401 | 403));
            let advice = self.credentials.advice(&self.endpoint.host);
            return Err(match (refused, credential.proof.is_some()) {
                (true, true) => failure.hint(format!("the credentials came from {}; {advice}", credential.source)),
                (true, false) => failure.hint(format!("no credentials were found; {advice}")),
                (false, _) => failure,
            });
        }
        let asked = Instant::now();
        let body = bounded(response, MAX_TOKEN_ANSWER).await.map_err(|cut| Failure::cut(cut, server, &doing))?;
        // The parser's own message could quote the token.
        let answer: Option<TokenAnswer> = serde_json::from_slice(&body).ok();
        let filled = |token: &SecretString| !token.expose_secret().is_empty();
        let token = answer.as_ref().and_then(|a| a.token.clone().filter(filled).or_else(|| a.access_token.clone().filter(filled)));
        let Some(token) = token else {
            return Err(Error::network(format!("{doing}: the answer holds no token")).into());
        };
        let life = answer.and_then(|a| a.expires_in).map_or(DEFAULT_LIFE, Duration::from_secs).min(Duration::from_secs(24 * 3600));
        // Renewed a little early, so that a token does not expire on the way.
        let margin = (life / 10).max(Duration::from_secs(5)).min(life / 2);
        Ok(Token { header: bearer(&token)?, expires: asked + (life - margin), actions: actions(token.expose_secret(), &scope.repository) })
    }

    fn slot(&self, scope: &Scope) -> Arc<AsyncMutex<Slot>> {
        Arc::clone(lock(&self.slots).entry(scope.clone()).or_default())
    }
}

/// The actions a JWT grants in `repository` (distribution, "Token Authentication Implementation", claim `access`);
/// `None` when the token is not such a JWT. Nothing is trusted because of it: it only explains early what would be refused later.
fn actions(token: &str, repository: &str) -> Option<Vec<String>> {
    let payload = token.split('.').nth(1).filter(|_| token.matches('.').count() == 2)?;
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("access")?;
    let claims: Claims = serde_json::from_value(claims).ok()?;
    Some(claims.access.into_iter().filter(|a| a.name == repository).flat_map(|a| a.actions).collect())
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Failure> {
    header(&format!("Bearer {}", token.expose_secret()))
}

/// A header value that is kept out of every `Debug`.
fn header(text: &str) -> Result<HeaderValue, Failure> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| Error::usage("the credentials hold characters that no HTTP header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_grants_is_read_where_it_can_be() {
        let token = |claims: &str| format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims));
        let granted = token(r#"{"access":[{"type":"repository","name":"a/b","actions":["pull"]}]}"#);
        assert_eq!(actions(&granted, "a/b"), Some(vec!["pull".to_owned()]));
        assert_eq!(actions(&granted, "a/c"), Some(vec![]));
        assert_eq!(actions(&token("{}"), "a/b"), None);
        assert_eq!(actions("opaque", "a/b"), None);
    }

    #[test]
    fn secrets_stay_out_of_debug() {
        let value = header(&basic("me", "hunter2")).unwrap();
        assert!(!format!("{value:?}").contains("Basic"));
    }
}
