//! Patterns for paths in an image: `usr/lib/*.so`, `usr/share/**`.

use std::fmt;

/// What one piece of a pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// This character.
    One(char),
    /// `?`: any one character but `/`.
    Any,
    /// `*`: any number of characters but `/`.
    Within,
    /// `**`: any number of characters.
    Across,
    /// `**/`: nothing, or anything that ends in `/`. It is followed by [`Piece::Folders`], which takes the characters.
    MaybeFolders,
    /// What a [`Piece::MaybeFolders`] takes when it does not take nothing.
    Folders,
}

/// A pattern for a path without leading slash. `*` and `?` stay within a folder, `**` does not, and `**/` may stand for no
/// folder at all, as in `.gitignore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathGlob {
    text: String,
    pieces: Vec<Piece>,
}

impl PathGlob {
    /// Understands `text`; a leading slash counts for nothing.
    pub fn new(text: &str) -> Self {
        let text = text.trim_start_matches('/');
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (taken, piece) = match c {
                '*' if rest.starts_with("**/") => {
                    pieces.push(Piece::MaybeFolders);
                    (3, Piece::Folders)
                }
                '*' if rest.starts_with("**") => (2, Piece::Across),
                '*' => (1, Piece::Within),
                '?' => (1, Piece::Any),
                c => (c.len_utf8(), Piece::One(c)),
            };
            pieces.push(piece);
            rest = &rest[taken..];
        }
        PathGlob { text: text.to_owned(), pieces }
    }

    /// Whether it stands for `path`. Takes time in proportion to both lengths, whatever the pattern.
    pub fn matches(&self, path: &str) -> bool {
        // All the places of the pattern one can be at, followed at the same time.
        let mut at = vec![false; self.pieces.len() + 1];
        self.reach(0, &mut at);
        for c in path.trim_start_matches('/').chars() {
            let mut next = vec![false; at.len()];
            for (i, piece) in self.pieces.iter().enumerate().filter(|(i, _)| at[*i]) {
                let (stays, moves) = match piece {
                    Piece::One(wanted) => (false, c == *wanted),
                    Piece::Any => (false, c != '/'),
                    Piece::Within => (c != '/', false),
                    Piece::Across => (true, false),
                    Piece::MaybeFolders => (false, false),
                    Piece::Folders => (true, c == '/'),
                };
                if stays {
                    self.reach(i, &mut next);
                }
                if moves {
                    self.reach(i + 1, &mut next);
                }
            }
            at = next;
        }
        at[self.pieces.len()]
    }

    /// Marks `place`, and every place that nothing leads to from there.
    fn reach(&self, place: usize, at: &mut [bool]) {
        at[place] = true;
        match self.pieces.get(place) {
            Some(Piece::Within | Piece::Across) => self.reach(place + 1, at),
            Some(Piece::MaybeFolders) => {
                at[place + 1] = true;
                self.reach(place + 2, at);
            }
            _ => {}
        }
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stay_within_a_folder_unless_doubled() {
        for (pattern, path, expected) in [
            ("usr/lib/x/*.so", "usr/lib/x/a.so", true),
            ("/usr/lib/x/*.so", "usr/lib/x/a.so", true),
            ("usr/lib/*.so", "usr/lib/x/a.so", false),
            ("usr/lib/**.so", "usr/lib/x/a.so", true),
            ("usr/**/a.so", "usr/a.so", true),
            ("usr/**/a.so", "usr/lib/x/a.so", true),
            ("usr/**/a.so", "usr/lib/ba.so", false),
            ("**", "", true),
            ("a?c", "a/c", false),
            ("a?c", "aäc", true),
            ("[a]", "[a]", true),
            ("", "a", false),
        ] {
            assert_eq!(PathGlob::new(pattern).matches(path), expected, "{pattern} {path}");
        }
    }

    proptest! {
        /// The same as a regular expression that says the same.
        #[test]
        fn it_is_what_the_regular_expression_is(pattern in "([ab/?*]|\\*\\*|\\*\\*/){0,8}", path in "[ab/]{0,12}") {
            let pattern = pattern.trim_start_matches('/');
            // Three stars in a row could be cut in two ways; ours are cut from the left.
            let mut expression = String::from("^");
            let mut rest = pattern;
            while let Some(c) = rest.chars().next() {
                let (taken, piece) = match c {
                    '*' if rest.starts_with("**/") => (3, "(.*/)?".to_owned()),
                    '*' if rest.starts_with("**") => (2, ".*".to_owned()),
                    '*' => (1, "[^/]*".to_owned()),
                    '?' => (1, "[^/]".to_owned()),
                    c => (1, c.to_string()),
                };
                expression.push_str(&piece);
                rest = &rest[taken..];
            }
            let judge = regex::Regex::new(&format!("{expression}$")).unwrap();
            let path = path.trim_start_matches('/');
            prop_assert_eq!(PathGlob::new(pattern).matches(path), judge.is_match(path));
        }
    }
}
