//! Command lines taken apart as getopt_long(3) does.

/// Options and operands of a command line.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// In order; short ones by their letter, long ones by their name.
    given: Vec<(String, Option<String>)>,
    /// What is no option.
    pub operands: Vec<String>,
}

impl Options {
    /// Takes `arguments` apart. `valued` names, separated by blanks, the options that take a value: letters or long names.
    pub(super) fn parse(arguments: &[String], valued: &str) -> Options {
        let valued: Vec<&str> = valued.split(' ').collect();
        let mut options = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                options.operands.extend(rest.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                match long.split_once('=') {
                    Some((name, value)) => options.given.push((name.to_owned(), Some(value.to_owned()))),
                    None if valued.contains(&long) => options.given.push((long.to_owned(), rest.next().cloned())),
                    None => options.given.push((long.to_owned(), None)),
                }
            } else if argument.len() > 1 && argument.starts_with('-') {
                for (at, letter) in argument.char_indices().skip(1) {
                    let name = letter.to_string();
                    if valued.contains(&name.as_str()) {
                        let attached = &argument[at + letter.len_utf8()..];
                        let value = if attached.is_empty() { rest.next().cloned() } else { Some(attached.to_owned()) };
                        options.given.push((name, value));
                        break;
                    }
                    options.given.push((name, None));
                }
            } else {
                options.operands.push(argument.clone());
            }
        }
        options
    }

    /// Whether any of `names` was given.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.given.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The last value of any of `names`.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        self.given.iter().rev().find(|(name, _)| names.contains(&name.as_str())).and_then(|(_, value)| value.as_deref())
    }

    /// Every value of any of `names`.
    pub(super) fn values<'a>(&'a self, names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(|(name, _)| names.contains(&name.as_str())).filter_map(|(_, value)| value.as_deref())
    }

    /// An option that is not among `known` (names separated by blanks).
    pub(super) fn stranger(&self, known: &str) -> Option<&str> {
        self.given.iter().map(|(name, _)| name.as_str()).find(|name| !known.split(' ').any(|k| k == *name))
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn options_are_taken_apart_like_getopt() {
        let words: Vec<String> = ["-Rm0640", "--owner=root", "-g", "adm", "a", "--", "-b"].map(str::to_owned).to_vec();
        let options = Options::parse(&words, "m g o owner");
        assert!(options.has(&["R"]));
        assert_eq!(options.value(&["m"]), Some("0640"));
        assert_eq!(options.value(&["o", "owner"]), Some("root"));
        assert_eq!(options.value(&["g"]), Some("adm"));
        assert_eq!(options.operands, ["a", "-b"]);
        assert_eq!(options.stranger("R m owner"), Some("g"));
    }
}
