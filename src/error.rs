//! One error for the whole house: what kind, what happened, what to do.
//!
//! Errors are written for the person reading: the message says what happened and to what, the hint says
//! what to do next. The kind decides the exit code (DESIGN: "Exit codes").

use std::fmt;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it was; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A build, a check or a gate failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The network, a registry, an archive or credentials failed.
    Network,
    /// The user stopped it.
    Interrupted,
}

impl Kind {
    /// The process exit code of this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Network => 3,
            Kind::Interrupted => 130,
        }
    }
}

/// What happened, to what, and what to do about it.
///
/// Boxed inside, so that `Result<T, Error>` stays one word wide on the happy path.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    /// See [`Error::as_answer`].
    answered: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message` (lower-case fragment, no full stop).
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), hint: None, answered: false, source: None }))
    }

    /// A build, check or gate failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The network, a registry or credentials failed.
    pub fn network(message: impl Into<String>) -> Self {
        Self::new(Kind::Network, message)
    }

    /// The user stopped it.
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// What cannot happen has happened.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::failed(message).hint("this is a bug in catamaran; please report it")
    }

    /// Adds what the reader can do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the underlying error, shown after the message.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says in front what was being done: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Marks what was told and not merely not reached: the other side has no such thing, or not as it should be. Whoever judges
    /// images has found something out then.
    #[must_use]
    pub fn as_answer(mut self) -> Self {
        self.0.answered = true;
        self
    }

    /// Whether nothing was found out about what was asked for: no network, no permission to look, a server with a fault.
    pub fn is_outage(&self) -> bool {
        self.kind() == Kind::Network && !self.0.answered
    }

    /// What sort of failure it was.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The message with its causes, on one line, without the hint.
    pub fn message(&self) -> String {
        let mut text = self.0.message.clone();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = self.0.source.as_deref().map(|e| e as _);
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.contains(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }

    /// What the reader can do next, if we know.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether the user stopped it.
    pub fn is_interrupted(&self) -> bool {
        self.kind() == Kind::Interrupted
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// Files: adds what was being done to which path, and a hint for the causes a user can mend.
pub trait IoContext<T> {
    /// Turns an I/O error into `doing PATH: cause`.
    fn at(self, doing: &str, path: &std::path::Path) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn at(self, doing: &str, path: &std::path::Path) -> Result<T> {
        self.map_err(|error| io_error(error, doing, path))
    }
}

/// The [`Error`] for an I/O failure while `doing` something to `path`.
pub fn io_error(error: std::io::Error, doing: &str, path: &std::path::Path) -> Error {
    use std::io::ErrorKind as E;
    let hint = match error.kind() {
        E::StorageFull | E::QuotaExceeded => Some(
            "free some space (`catamaran` keeps its cache where CATAMARAN_CACHE_DIR says) and run it again; nothing was left half-written",
        ),
        E::PermissionDenied => Some("check the permissions of that path, or choose another with CATAMARAN_CACHE_DIR / CATAMARAN_STATE_DIR"),
        E::ReadOnlyFilesystem => Some("choose a writable place with CATAMARAN_CACHE_DIR / CATAMARAN_STATE_DIR"),
        _ => None,
    };
    let out = Error::failed(format!("{doing} {}: {error}", path.display()));
    match hint {
        Some(hint) => out.hint(hint),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_map_to_the_documented_exit_codes() {
        let codes: Vec<u8> = [Kind::Failed, Kind::Usage, Kind::Network, Kind::Interrupted].map(Kind::exit_code).to_vec();
        assert_eq!(codes, [1, 2, 3, 130]);
    }

    #[test]
    fn an_answer_is_no_outage() {
        assert!(Error::network("nothing listens").context("reading").is_outage());
        assert!(!Error::network("404").as_answer().context("reading").is_outage() && !Error::failed("x").is_outage());
    }

    #[test]
    fn a_message_names_its_causes_once() {
        let error = Error::network("could not fetch x").source(std::io::Error::other("refused")).hint("try later");
        assert_eq!(error.message(), "could not fetch x: refused");
        assert_eq!(error.context("building fd").message(), "building fd: could not fetch x: refused");
    }
}
