//! The forms in which a blob can be sent, and which comes next when a registry (or what stands before it) does not take one.

use reqwest::StatusCode;

use super::failure::Failure;

/// A form of upload. All begin with a POST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// One PUT with all of it (distribution-spec, "POST then PUT"): the fewest requests, and every registry should take it.
    #[default]
    Whole,
    /// One PATCH with all of it and no `Content-Range`, then a PUT without content. No specification has it, but it is how docker,
    /// containers/image and go-containerregistry send blobs, so that some registries have been tried with nothing else.
    Streamed,
    /// PATCHes that say which part they are, then a PUT (distribution-spec, "Pushing a blob in chunks"): for what lets no large
    /// request through.
    Chunks,
}

impl Form {
    /// The form to try next when a blob was refused in this one; `None` when there is none, or the failure is not about the form.
    pub fn after(self, failure: &Failure) -> Option<Form> {
        if failure.transient || !refuses_this_way(failure) {
            return None;
        }
        match (self, failure.status) {
            // As much in another request would not be taken either.
            (Form::Whole | Form::Streamed, Some(StatusCode::PAYLOAD_TOO_LARGE)) | (Form::Streamed, _) => Some(Form::Chunks),
            (Form::Whole, _) => Some(Form::Streamed),
            (Form::Chunks, _) => None,
        }
    }
}

/// Whether an answer may mean that the registry (or a proxy before it) does not take blobs in the way it was tried: whole, or in
/// chunks.
pub(super) fn refuses_this_way(failure: &Failure) -> bool {
    let explained =
        ["DIGEST_INVALID", "DENIED", "UNAUTHORIZED", "NAME_INVALID", "NAME_UNKNOWN", "TOOMANYREQUESTS"].iter().any(|c| failure.has_code(c));
    !explained && failure.status.is_some_and(|s| matches!(s.as_u16(), 400 | 404 | 405 | 411 | 413 | 416 | 501))
}
