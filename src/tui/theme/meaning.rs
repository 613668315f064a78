//! What a thing on the screen can mean: the vocabulary of theme files.

/// What something means. Few on purpose: a theme author thinks in meanings, not in widgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Behind everything.
    Background,
    /// Ordinary text.
    Text,
    /// Text that steps back: labels, units, hints.
    Muted,
    /// Headings.
    Title,
    /// The one accent: keys, the active tab, the cursor's gutter.
    Accent,
    /// Where the cursor is.
    Selection,
    /// Good.
    Success,
    /// At work.
    Running,
    /// Waiting.
    Queued,
    /// Outdated.
    Stale,
    /// Bad.
    Failure,
    /// Worth a look.
    Warning,
    /// Two things that should agree and do not: the architecture that lies.
    Mismatch,
    /// New.
    Added,
    /// Gone.
    Removed,
    /// Different.
    Changed,
    /// Lines between things.
    Border,
    /// Lines around the focused thing.
    BorderFocused,
    /// What a search found.
    Match,
}

impl Meaning {
    /// Every meaning; the position is the discriminant.
    pub const ALL: [Meaning; 19] = [
        Meaning::Background,
        Meaning::Text,
        Meaning::Muted,
        Meaning::Title,
        Meaning::Accent,
        Meaning::Selection,
        Meaning::Success,
        Meaning::Running,
        Meaning::Queued,
        Meaning::Stale,
        Meaning::Failure,
        Meaning::Warning,
        Meaning::Mismatch,
        Meaning::Added,
        Meaning::Removed,
        Meaning::Changed,
        Meaning::Border,
        Meaning::BorderFocused,
        Meaning::Match,
    ];

    /// Its name in theme files, and the meaning it looks like when a theme says nothing about it.
    pub const fn name_and_fallback(self) -> (&'static str, Option<Meaning>) {
        use Meaning as M;
        match self {
            M::Background => ("background", None),
            M::Text => ("text", None),
            M::Muted => ("muted", Some(M::Text)),
            M::Title => ("title", Some(M::Text)),
            M::Accent => ("accent", Some(M::Text)),
            M::Selection => ("selection", None),
            M::Success => ("success", Some(M::Text)),
            M::Running => ("running", Some(M::Accent)),
            M::Queued => ("queued", Some(M::Muted)),
            M::Stale => ("stale", Some(M::Warning)),
            M::Failure => ("failure", Some(M::Text)),
            M::Warning => ("warning", Some(M::Text)),
            M::Mismatch => ("mismatch", Some(M::Failure)),
            M::Added => ("added", Some(M::Success)),
            M::Removed => ("removed", Some(M::Failure)),
            M::Changed => ("changed", Some(M::Warning)),
            M::Border => ("border", Some(M::Muted)),
            M::BorderFocused => ("border_focused", Some(M::Accent)),
            M::Match => ("match", Some(M::Accent)),
        }
    }

    /// What has it, for those who write themes.
    pub const fn about(self) -> &'static str {
        use Meaning as M;
        match self {
            M::Background => "behind everything",
            M::Text => "ordinary text",
            M::Muted => "text that steps back: labels, units, hints",
            M::Title => "headings, and the name of what the cursor is on",
            M::Accent => "keys, the screen in front, the cursor's gutter",
            M::Selection => "where the cursor is",
            M::Success => "built, verified, passed, sent",
            M::Running => "at work",
            M::Queued => "waiting for its turn",
            M::Stale => "an image of an older definition",
            M::Failure => "failed; lines of a log that tell of errors",
            M::Warning => "worth a look; lines of a log that warn",
            M::Mismatch => "two things that should agree and do not: the architecture that lies",
            M::Added => "new: a tag, a file",
            M::Removed => "gone",
            M::Changed => "different; a tag that moves",
            M::Border => "lines between things",
            M::BorderFocused => "lines around what has the keys",
            M::Match => "what a search found",
        }
    }

    /// Its name in theme files.
    pub const fn name(self) -> &'static str {
        self.name_and_fallback().0
    }

    /// The meaning called `name`.
    pub fn named(name: &str) -> Option<Meaning> {
        Meaning::ALL.into_iter().find(|m| m.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_of_a_meaning_is_its_discriminant_and_fallbacks_end() {
        for (position, meaning) in Meaning::ALL.into_iter().enumerate() {
            assert_eq!(meaning as usize, position);
            let chain = std::iter::successors(Some(meaning), |m| m.name_and_fallback().1);
            assert!(chain.take(10).count() < 10, "{meaning:?}");
        }
    }
}
