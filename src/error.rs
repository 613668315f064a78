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

    /// The same error of another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
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

    /// [`IoContext::at`] for a file that the command line, the environment or a setting names: when it is not there, or is no file,
    /// that is a mistake in what was named.
    fn at_named(self, doing: &str, path: &std::path::Path) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn at(self, doing: &str, path: &std::path::Path) -> Result<T> {
        self.map_err(|error| io_error(error, doing, path))
    }

    fn at_named(self, doing: &str, path: &std::path::Path) -> Result<T> {
        use std::io::ErrorKind as E;
        self.map_err(|error| {
            let wrongly_named = matches!(error.kind(), E::NotFound | E::NotADirectory | E::IsADirectory | E::InvalidFilename);
            let error = io_error(error, doing, path);
            if wrongly_named { error.of_kind(Kind::Usage) } else { error }
        })
    }
}

/// Where our own files are, for whose path does not say it.
const OWN_FILES: &str = "`catamaran` keeps its own files where CATAMARAN_CACHE_DIR and CATAMARAN_STATE_DIR say";

/// The [`Error`] for an I/O failure while `doing` something to `path`.
pub fn io_error(error: std::io::Error, doing: &str, path: &std::path::Path) -> Error {
    use std::io::ErrorKind as E;
    let error = match travelled(error) {
        Ok(ours) => return ours.context(format_args!("{doing} {}", path.display())),
        Err(error) => error,
    };
    let hint = match error.kind() {
        E::StorageFull | E::QuotaExceeded => Some(format!(
            "there is no room left where {} is: free some, or choose another place, and run it again; nothing was left half-written; {OWN_FILES}",
            path.display()
        )),
        E::FileTooLarge => {
            Some("the file system, or the limit `ulimit -f` shows, allows no larger file there; choose another place".into())
        }
        E::PermissionDenied => Some(format!("check the permissions of that path; {OWN_FILES}")),
        E::ReadOnlyFilesystem => Some(format!("choose a place that can be written; {OWN_FILES}")),
        _ => None,
    };
    let out = Error::failed(format!("{doing} {}: {error}", path.display()));
    match hint {
        Some(hint) => out.hint(hint),
        None => out,
    }
}

/// The [`Error`] for a failure while `doing` something with bytes that come from anywhere: a file, a registry, another reader.
///
/// An [`Error`] that travelled inside of the `io::Error`, as those of registries do through [`std::io::Read`], comes out as what it
/// was: a connection that was cut stays a failure of the network, and keeps its hint.
pub fn read_error(error: std::io::Error, doing: impl fmt::Display) -> Error {
    match travelled(error) {
        Ok(ours) => ours.context(doing),
        Err(error) => Error::failed(doing.to_string()).source(error),
    }
}

/// Our own error out of one for readers and writers, if there is one in it.
fn travelled(error: std::io::Error) -> Result<Error, std::io::Error> {
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        let kind = error.kind();
        return match error.into_inner().map(|inner| inner.downcast::<Error>()) {
            Some(Ok(ours)) => Ok(*ours),
            Some(Err(other)) => Err(std::io::Error::other(other)),
            None => Err(kind.into()),
        };
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
    fn an_error_comes_out_of_a_reader_as_what_it_was() {
        let cut = || std::io::Error::other(Error::network("the connection was cut").hint("run it again"));
        for error in [io_error(cut(), "writing", Path::new("/x")), read_error(cut(), "reading blob y")] {
            assert_eq!((error.kind(), error.advice()), (Kind::Network, Some("run it again")));
            assert!(error.message().ends_with(": the connection was cut"), "{error}");
        }
        let plain = read_error(std::io::ErrorKind::UnexpectedEof.into(), "reading blob y");
        assert!(plain.kind() == Kind::Failed && plain.message().starts_with("reading blob y: "), "{plain}");
    }

    #[test]
    fn a_full_disk_names_its_place_and_a_wrong_name_is_a_mistake_of_who_named_it() {
        let failed = |kind: std::io::ErrorKind| std::io::Result::<()>::Err(kind.into());
        use std::io::ErrorKind as E;
        for (kind, named, hint) in [
            (E::StorageFull, Kind::Failed, "/big/x.tar"),
            (E::QuotaExceeded, Kind::Failed, "/big/x.tar"),
            (E::FileTooLarge, Kind::Failed, "ulimit -f"),
            (E::PermissionDenied, Kind::Failed, "permissions"),
        ] {
            let error = failed(kind).at_named("writing", Path::new("/big/x.tar")).unwrap_err();
            assert!(error.kind() == named && error.message().contains("/big/x.tar"), "{error}");
            assert!(error.advice().unwrap().contains(hint), "{error:?}");
        }
        for kind in [E::NotFound, E::NotADirectory, E::IsADirectory] {
            assert_eq!(failed(kind).at_named("opening", Path::new("/x")).unwrap_err().kind(), Kind::Usage);
            assert_eq!(failed(kind).at("opening", Path::new("/x")).unwrap_err().kind(), Kind::Failed);
        }
    }

    #[test]
    fn a_message_names_its_causes_once() {
        let error = Error::network("could not fetch x").source(std::io::Error::other("refused")).hint("try later");
        assert_eq!(error.message(), "could not fetch x: refused");
        assert_eq!(error.context("building fd").message(), "building fd: could not fetch x: refused");
    }
}
