//! Relationships between packages: `Depends`, `Provides`, `Conflicts` and their kind (Debian Policy, chapter 7).

use std::cmp::Ordering;
use std::fmt;

use super::version;

/// How a relation restricts the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`, and the obsolete `<`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and the obsolete `>`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    /// Whether `version` stands in this relation to `bound`.
    pub fn holds(self, version: &str, bound: &str) -> bool {
        let order = version::compare(version, bound);
        match self {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }

    const fn symbol(self) -> &'static str {
        match self {
            Operator::Earlier => "<<",
            Operator::EarlierOrEqual => "<=",
            Operator::Equal => "=",
            Operator::LaterOrEqual => ">=",
            Operator::Later => ">>",
        }
    }
}

/// One package name with what is asked of it: `libc6 (>= 2.38)`, `python3:any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relation<'a> {
    /// The package, concrete or virtual.
    pub name: &'a str,
    /// After the colon: `any`, `native` or an architecture.
    pub qualifier: Option<&'a str>,
    /// In parentheses.
    pub constraint: Option<(Operator, &'a str)>,
}

impl Relation<'_> {
    /// Whether `version` of the package itself will do.
    pub fn accepts(&self, version: &str) -> bool {
        self.constraint.is_none_or(|(operator, bound)| operator.holds(version, bound))
    }

    /// Whether a package that provides the name will do: an unversioned `Provides` never satisfies a versioned
    /// relation (Policy 7.5).
    pub fn accepts_provided(&self, provided: Option<&str>) -> bool {
        match (self.constraint, provided) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((operator, bound)), Some(version)) => operator.holds(version, bound),
        }
    }

    /// Whether a package built for `architecture` can be meant.
    pub fn concerns(&self, architecture: &str) -> bool {
        match self.qualifier {
            None | Some("any" | "native" | "all") => true,
            Some(other) => other == architecture,
        }
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(qualifier) = self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        match self.constraint {
            Some((operator, bound)) => write!(f, " ({} {bound})", operator.symbol()),
            None => Ok(()),
        }
    }
}

/// The alternatives between commas: `a | b (>= 1), c` yields `[a, b (>= 1)]` and `[c]`.
///
/// Lazy, so a field is only read as far as it is needed. What is not a relation comes out as its text.
pub fn alternatives(field: &str) -> impl Iterator<Item = Result<Vec<Relation<'_>>, &str>> {
    field.split(',').map(str::trim).filter(|group| !group.is_empty()).map(|group| group.split('|').map(relation).collect())
}

/// The relations of a field without alternatives: `Provides`, `Conflicts`, `Breaks`.
pub fn relations(field: &str) -> impl Iterator<Item = Result<Relation<'_>, &str>> {
    field.split(',').map(str::trim).filter(|text| !text.is_empty()).map(relation)
}

/// Parses one relation; on failure says which text it was.
pub fn relation(text: &str) -> Result<Relation<'_>, &str> {
    let text = text.trim();
    let (head, constraint) = match text.split_once('(') {
        None => (text, None),
        Some((head, rest)) => (head.trim_end(), Some(constraint(rest).ok_or(text)?)),
    };
    let (name, qualifier) = match head.split_once(':') {
        None => (head, None),
        Some((name, qualifier)) => (name, Some(qualifier)),
    };
    let fine = is_name(name) && qualifier.is_none_or(|q| !q.is_empty() && q.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'));
    fine.then_some(Relation { name, qualifier, constraint }).ok_or(text)
}

fn constraint(text: &str) -> Option<(Operator, &str)> {
    let text = text.strip_suffix(')')?.trim();
    let (operator, bound) = [
        ("<<", Operator::Earlier),
        ("<=", Operator::EarlierOrEqual),
        (">>", Operator::Later),
        (">=", Operator::LaterOrEqual),
        ("=", Operator::Equal),
        ("<", Operator::EarlierOrEqual),
        (">", Operator::LaterOrEqual),
    ]
    .into_iter()
    .find_map(|(symbol, operator)| text.strip_prefix(symbol).map(|bound| (operator, bound.trim_start())))?;
    is_version(bound).then_some((operator, bound))
}

/// Whether `text` can be the name of a package (Policy 5.6.7; capitals and underscores occur in virtual ones).
pub fn is_name(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.' | b'_'))
}

/// Whether `text` has only the characters of a version (Policy 5.6.12).
pub fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'+' | b'-' | b'~' | b':' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_of_the_archive_are_understood() {
        let field = "libc6 (>= 2.38), python3:any, default-mta | mail-transport-agent, libfoo (<< 2~), perl:native (=5.40.1-6)";
        let all: Vec<Vec<String>> = alternatives(field).map(|group| group.unwrap().iter().map(Relation::to_string).collect()).collect();
        assert_eq!(
            all,
            [
                vec!["libc6 (>= 2.38)"],
                vec!["python3:any"],
                vec!["default-mta", "mail-transport-agent"],
                vec!["libfoo (<< 2~)"],
                vec!["perl:native (= 5.40.1-6)"]
            ]
        );
        assert_eq!(alternatives(" , ").count(), 0);
        for bad in ["a (1)", "a (>= )", "a b", "a (>= 1", "a | ", "ä", "-a", "a:", "a (>= 1) x"] {
            assert!(alternatives(bad).any(|group| group.is_err()), "{bad}");
        }
    }

    #[test]
    fn an_unversioned_provides_satisfies_no_versioned_relation() {
        let versioned = relation("awk (>= 1)").unwrap();
        assert!(!versioned.accepts_provided(None));
        assert!(versioned.accepts_provided(Some("1.3")));
        assert!(!versioned.accepts_provided(Some("0.9")));
        assert!(relation("awk").unwrap().accepts_provided(None));
    }

    #[test]
    fn qualifiers_name_architectures() {
        assert!(relation("a:any").unwrap().concerns("amd64"));
        assert!(relation("a:arm64").unwrap().concerns("arm64"));
        assert!(!relation("a:arm64").unwrap().concerns("amd64"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,60}") {
            for group in alternatives(&text) { let _ = group; }
        }

        #[test]
        fn what_is_written_is_read_back(name in "[a-z][a-z0-9+.-]{1,8}", op in "<<|<=|=|>=|>>", bound in "[0-9][0-9a-z.+~-]{0,8}") {
            let text = format!("{name} ({op} {bound})");
            prop_assert_eq!(relation(&text).unwrap().to_string(), text);
        }
    }
}
