//! What a RUN does, command by command: what it installs, what needs no doing here, and what nobody can take over.

use super::Mistake;
use super::variables::Variables;
use super::words::{Token, Word, shell};

/// What a script comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// Packages, in order; some may be there twice.
    pub packages: Vec<String>,
    /// Some of them were installed with what they recommend.
    pub recommends: bool,
    /// Packages that were there for the build only: removed again, here or by a later script.
    pub removed: Vec<String>,
    /// What is not taken over, and why.
    pub left: Vec<String>,
}

/// Words that open a part of a script that may not be run, and those that close it.
const OPENING: [&str; 6] = ["if", "for", "while", "until", "case", "function"];
const CLOSING: [&str; 3] = ["fi", "done", "esac"];
/// Words in front of a command.
const IN_FRONT: [&str; 9] = ["then", "else", "elif", "do", "!", "{", "sudo", "exec", "time"];

/// Reads the commands of `text`.
pub(super) fn script(text: &str, variables: &mut Variables) -> Result<Script, Mistake> {
    let mut script = Script::default();
    let mut depth = 0usize;
    let mut otherwise = false;
    let mut tokens = tokens(text, variables)?;
    tokens.push(Token::Separator);
    let mut command: Vec<Word> = Vec::new();
    // Whether the next word is what a redirection is for, and whether that one writes; the files that the command writes so.
    let mut redirection = None;
    let mut targets: Vec<String> = Vec::new();
    for token in tokens {
        match token {
            Token::Word(word) => match redirection.take() {
                Some(writes) => targets.extend((writes && !word.text.starts_with("/dev/")).then_some(word.text)),
                None => command.push(word),
            },
            Token::Redirection { writes } => redirection = Some(writes),
            Token::Separator | Token::Otherwise => {
                let words = std::mem::take(&mut command);
                let targets = std::mem::take(&mut targets);
                script.left.extend(targets.iter().map(|target| {
                    format!(
                        "{}: `{}` writes it, and no commands run in an image made here; name it in `files`",
                        short(target),
                        shown(&words)
                    )
                }));
                let first = words.first().map_or("", |word| word.text.as_str()).to_owned();
                if OPENING.contains(&first.as_str()) {
                    depth += 1;
                    script.left.push(format!("`{}`: what hangs on a condition is not followed", shown(&words)));
                } else if CLOSING.contains(&first.as_str()) {
                    depth = depth.saturating_sub(1);
                } else {
                    script.command(&words, depth > 0 || otherwise, !targets.is_empty());
                }
                otherwise = token == Token::Otherwise;
                redirection = None;
            }
        }
    }
    Ok(script)
}

/// The tokens of `text`, with the variables that it sets itself.
fn tokens(text: &str, variables: &mut Variables) -> Result<Vec<Token>, Mistake> {
    let tokens = shell(text, variables)?;
    let commands = tokens.split(|token| !matches!(token, Token::Word(_)));
    let set: Vec<(String, String)> = commands
        .filter_map(|command| match command {
            [Token::Word(word)] if word.known && is_assignment(&word.text) => word.text.split_once('='),
            _ => None,
        })
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if set.is_empty() {
        return Ok(tokens);
    }
    let outside = variables.all();
    set.iter().for_each(|(name, value)| variables.set(name, value));
    let tokens = shell(text, variables);
    variables.restart(outside);
    tokens
}

/// Commands that only tidy up, or prepare what comes after: nothing of them is in an image made here.
fn is_housekeeping(words: &[&str]) -> bool {
    const EMPTY_HERE: [&str; 7] =
        ["/var/lib/apt", "/var/cache/apt", "/var/cache/debconf", "/var/log", "/tmp", "/var/tmp", "/etc/apt/apt.conf.d"];
    let is_empty_here =
        |path: &str| EMPTY_HERE.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    match words {
        [] | ["}"] => true,
        ["set" | "true" | ":" | "echo" | "cd" | "exit" | "apt-cache", ..] => true,
        ["rm" | "find", rest @ ..] => {
            let paths: Vec<&str> = rest.iter().copied().filter(|word| word.starts_with('/')).collect();
            !paths.is_empty() && paths.into_iter().all(is_empty_here)
        }
        _ => false,
    }
}

impl Script {
    /// One command; `doubtful`: it may not be run; `told`: it was named already, for the files that it writes.
    fn command(&mut self, words: &[Word], doubtful: bool, told: bool) {
        let mut words = words;
        // `DEBIAN_FRONTEND=noninteractive apt-get …`, `then apt-get …`.
        while let Some((first, rest)) = words.split_first()
            && (IN_FRONT.contains(&first.text.as_str()) || is_assignment(&first.text))
        {
            words = rest;
        }
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let program = texts.first().map_or("", |program| program.rsplit('/').next().unwrap_or(program));
        if matches!(program, "apt-get" | "apt" | "aptitude") {
            self.apt(words, doubtful);
        } else if matches!(program, "useradd" | "adduser" | "groupadd" | "addgroup") {
            self.left.push(format!("`{}`: accounts are those of packages, or of an /etc/passwd among `files`", shown(words)));
        } else if !told && !is_housekeeping(&texts) {
            self.left.push(format!("`{}`: no commands run in an image made here", shown(words)));
        }
    }

    fn apt(&mut self, words: &[Word], doubtful: bool) {
        let mut operands: Vec<&Word> = Vec::new();
        let mut recommends = true;
        let mut suite = None;
        let mut rest = words.iter().skip(1);
        while let Some(word) = rest.next() {
            match word.text.as_str() {
                "--no-install-recommends" | "--without-recommends" | "-R" => recommends = false,
                "-o" | "--option" | "-c" | "--config-file" => {
                    let value = rest.next();
                    recommends &= !value.is_some_and(|value| turns_recommends_off(&value.text));
                }
                "-t" | "--target-release" | "--default-release" => suite = rest.next().map(|suite| suite.text.clone()),
                option if option.starts_with("--target-release=") || option.starts_with("--default-release=") => {
                    suite = option.split_once('=').map(|(_, suite)| suite.to_owned());
                }
                option if option.starts_with('-') => recommends &= !turns_recommends_off(option),
                _ => operands.push(word),
            }
        }
        let Some((what, packages)) = operands.split_first() else { return };
        match what.text.as_str() {
            "install" if doubtful => self.left.push(format!("`{}`: it hangs on a condition", shown(words))),
            "install" => {
                self.left.extend(
                    suite.map(|suite| format!("packages of {suite}: `[debian.sources]` and `[debian.pins]` take some from other suites")),
                );
                self.recommends |= recommends && !packages.is_empty();
                packages.iter().for_each(|word| self.package(word));
            }
            "update" | "upgrade" | "dist-upgrade" | "full-upgrade" | "clean" | "autoclean" | "distclean" | "check" => {}
            "remove" | "purge" | "autoremove" | "autopurge" => self.removed.extend(packages.iter().map(|word| word.text.clone())),
            other => self.left.push(format!("`apt {}`: there is nothing like it here", short(other))),
        }
    }

    /// A word of `apt-get install` (apt-get(8)).
    fn package(&mut self, word: &Word) {
        let text = word.text.as_str();
        if !word.known {
            return self.left.push(format!("`{}`: what it stands for is known to a build only; name its packages", short(text)));
        }
        let (name, version) = text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
        let (name, suite) =
            name.split_once('/').filter(|(name, _)| is_package(name)).map_or((name, None), |(name, suite)| (name, Some(suite)));
        let (name, architecture) = name.split_once(':').map_or((name, None), |(name, architecture)| (name, Some(architecture)));
        if let Some(removed) = name.strip_suffix('-').filter(|name| is_package(name)) {
            return self.left.push(format!("`{removed}-`: nothing is removed, leave it out of `packages`"));
        }
        let name = name.strip_suffix('+').filter(|_| !is_called_with_plus(name)).unwrap_or(name);
        if !is_package(name) {
            let hint = if text.contains(['*', '?', '[']) { "write out the names it stands for" } else { "it is no package of the archive" };
            return self.left.push(format!("`{}`: {hint}", short(text)));
        }
        if let Some(version) = version {
            self.left.push(format!(
                "{name} of version {}: containers.lock pins what is there now; `[debian.pins] {name} = …` asks for one",
                short(version)
            ));
        }
        self.left.extend(
            suite.map(|suite| format!("{name} of {}: `[debian.sources]` and `[debian.pins]` take some from other suites", short(suite))),
        );
        self.left.extend(architecture.map(|of| format!("{name} for {}: the architecture comes from `targets`", short(of))));
        self.packages.push(name.to_owned());
    }
}

fn turns_recommends_off(option: &str) -> bool {
    let lower = option.to_ascii_lowercase();
    let value = lower.split_once("apt::install-recommends").map(|(_, value)| value.trim_start_matches('='));
    value.is_some_and(|value| matches!(value, "0" | "false" | "no" | "off"))
}

/// A name of the archive (Debian Policy 5.6.1).
fn is_package(name: &str) -> bool {
    name.len() >= 2
        && name.len() <= 200
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
}

/// Whether the `+` behind `name` belongs to it, as in `g++`. Behind other names it asks apt to install them; apt knows which packages
/// there are, so those of Debian 12 that end in a single `+` stand here.
fn is_called_with_plus(name: &str) -> bool {
    const SINGLE: [&str; 5] = ["impose+", "memtest86+", "minisat+", "ncbi-blast+", "wmweather+"];
    name.ends_with("++") || SINGLE.contains(&name) || (name.starts_with("elpa-") && name.ends_with('+'))
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A command as a line of a comment.
fn shown(words: &[Word]) -> String {
    short(&words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "))
}

/// Text that stays on its line.
pub(super) fn short(text: &str) -> String {
    let line = crate::printable::printable(text, 71);
    match line.char_indices().nth(70) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Script {
        script(text, &mut Variables::default()).unwrap()
    }

    fn packages(text: &str) -> String {
        let Script { packages, removed, .. } = read(text);
        packages.into_iter().filter(|name| !removed.contains(name)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn packages_of_every_way_to_install() {
        assert_eq!(
            packages("apt-get update && apt-get install -y --no-install-recommends curl git && rm -rf /var/lib/apt/lists/*"),
            "curl git"
        );
        assert_eq!(packages("set -eux; DEBIAN_FRONTEND=noninteractive sudo /usr/bin/apt-get -qq install -o Dpkg::Use-Pty=0 g++"), "g++");
        assert_eq!(packages("yes | apt install curl # git\napt install vim"), "curl vim");
        assert_eq!(packages("apt-get install -y curl gcc && make && apt-get purge -y gcc"), "curl");
        assert_eq!(packages("P='jq curl' && apt-get install -y $P"), "jq curl");
        assert_eq!(packages("apt-get install -y curl+ g++ memtest86+ vim+=2:9"), "curl g++ memtest86+ vim");
    }

    #[test]
    fn what_is_recommended_is_known() {
        assert!(read("apt-get install curl").recommends);
        assert!(!read("apt-get install curl --no-install-recommends").recommends);
        assert!(!read("apt-get -o APT::Install-Recommends=0 install curl").recommends);
        assert!(!read("apt-get update").recommends);
    }

    #[test]
    fn words_that_are_not_plain_names_are_told() {
        let script = read("apt-get install -t sid curl=8.1 vim/bookworm libc6:arm64 gcc- php8-* ./x.deb $X \"$(cat list)\"");
        assert_eq!(script.packages, ["curl", "vim", "libc6"]);
        let left = script.left.join("\n");
        for told in [
            "packages of sid",
            "curl of version 8.1",
            "vim of bookworm",
            "libc6 for arm64",
            "`gcc-`",
            "`php8-*`: write out",
            "`./x.deb`",
            "`$X`",
            "$(cat list)",
        ] {
            assert!(left.contains(told), "{told} is missing from\n{left}");
        }
    }

    #[test]
    fn other_commands_are_told_and_conditions_are_not_followed() {
        let script = read(
            "set -e; pip install x && cd /x; rm -rf /opt/y; if test -f a; then apt-get install -y bb; fi; apt-get install -y cc || apt-get install dd",
        );
        assert_eq!(script.packages, ["cc"]);
        let begin = |line: &String| line.split(':').next().unwrap().to_owned();
        assert_eq!(
            script.left.iter().map(begin).collect::<Vec<_>>(),
            ["`pip install x`", "`rm -rf /opt/y`", "`if test -f a`", "`apt-get install -y bb`", "`apt-get install dd`"]
        );
        assert!(read("curl x | sh > /dev/null").left.len() == 2);
    }

    #[test]
    fn files_that_redirections_write_are_told() {
        let script = read(
            "echo \"hello\" > /etc/foo.conf; echo deb x >> /etc/apt/sources.list && : >/y; printf a >| /z; { true; } >/g; >/e\n\
             apt-get install -y curl >/var/log/apt 2>&1; echo x >&2; echo y >/dev/null 2>/dev/null; true </in; for x in a; do :; done >/f",
        );
        assert_eq!(script.packages, ["curl"]);
        let begin = |line: &String| line.split(" writes it").next().unwrap().to_owned();
        assert_eq!(
            script.left.iter().map(begin).collect::<Vec<_>>(),
            [
                "/etc/foo.conf: `echo hello`",
                "/etc/apt/sources.list: `echo deb x`",
                "/y: `:`",
                "/z: `printf a`",
                "/g: `}`",
                "/e: ``",
                "/var/log/apt: `apt-get install -y curl`",
                "`for x in a`: what hangs on a condition is not followed",
                "/f: `done`"
            ]
        );
    }
}
