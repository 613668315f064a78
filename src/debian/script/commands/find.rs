//! `find`: what it would print. Questions about times are not known; what it would do with what it finds is done
//! when all of that is known.

use super::paths::worse;
use super::regular::compile;
use crate::debian::script::Kind;
use crate::debian::script::shell::{Shell, Status, matches};

/// How much it looks at.
pub(super) const NAMES: usize = 20_000;
/// How many things it acts on.
const ACTED_ON: usize = 2_000;

/// A part of the expression.
enum Test {
    Name(String),
    Path(String),
    Regex(Option<regex::Regex>),
    Type(String),
    /// By number or name.
    User(String),
    Group(String),
    Empty,
    True,
    /// Nobody knows.
    Unknown,
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

/// What is done besides printing.
#[derive(Clone, PartialEq)]
enum Action {
    None,
    /// `-exec … ;` or `-exec … +`, with `{}` where the name goes.
    Run(Vec<String>),
    Delete,
    /// Something else, or several.
    Other,
}

struct Reader<'w> {
    words: std::slice::Iter<'w, String>,
    lowest: usize,
    deepest: usize,
    /// What it does with everything it finds.
    action: Action,
    /// What is printed of each: `%p`, `%f` …; `None` when it is not known.
    format: Option<String>,
    depth: usize,
}

pub(super) fn find(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let split = arguments.iter().position(|a| a.starts_with(['-', '(', '!'])).unwrap_or(arguments.len());
    let (roots, words) = arguments.split_at(split);
    let mut roots = roots.to_vec();
    if roots.is_empty() {
        roots.push(".".into());
    }
    let all = roots.len();
    roots.retain(|root| shell.kind(&shell.path(root)).is_some());
    if roots.is_empty() {
        if arguments[..split].iter().any(|root| shell.is_open(&shell.path(root))) {
            shell.print(None);
            return None;
        }
        return Some(1);
    }
    let mut reader =
        Reader { words: words.iter(), lowest: 0, deepest: usize::MAX, action: Action::None, format: Some("%p\\n".into()), depth: 0 };
    let test = reader.any();
    let mut found = Vec::new();
    for root in &roots {
        walk(shell, root, 0, reader.deepest, &mut found);
    }
    let mut out = Some(String::new());
    let mut hits = 0;
    for (path, depth) in found.iter().filter(|(_, depth)| *depth >= reader.lowest) {
        match test.holds(shell, path) {
            Some(false) => continue,
            Some(true) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let root = roots.iter().find(|root| path.starts_with(root.as_str())).map_or("", String::as_str);
                let rest = path[root.len()..].trim_start_matches('/');
                let line = reader.format.as_ref().map(|format| {
                    format
                        .replace("%p", path)
                        .replace("%f", name)
                        .replace("%P", rest)
                        .replace("\\n", "\n")
                        .replace("%d", &depth.to_string())
                });
                out = out.zip(line.filter(|line| !line.contains('%'))).map(|(out, line)| out + &line);
            }
            None => out = None,
        }
        hits += 1;
    }
    if hits > 0 && reader.action != Action::None {
        // What is found for certain, when everything is certain.
        let names = out.filter(|_| hits <= ACTED_ON && reader.format.as_deref() == Some("%p\\n"));
        let names = names.map(|names| names.lines().map(str::to_owned).collect::<Vec<_>>());
        return match names {
            Some(names) if names.len() == hits => act(shell, &reader.action, names),
            _ => shell.refuse("find acts on what it finds"),
        };
    }
    shell.print(if reader.action == Action::None { out } else { Some(String::new()) });
    Some(u8::from(all != roots.len()))
}

/// Does with each of `names`, in the order in which they are found, what find is told.
fn act(shell: &mut Shell<'_>, action: &Action, mut names: Vec<String>) -> Status {
    let mut status = Some(0);
    match action {
        Action::Run(words) => {
            for name in names {
                let fields: Vec<_> = words.iter().map(|word| Some(word.replace("{}", &name))).collect();
                shell.in_subshell(|shell| shell.invoke(&fields));
                status = worse(status, shell.status);
            }
        }
        Action::Delete => {
            names.reverse();
            for name in names {
                let path = shell.path(&name);
                let command = if shell.kind(&path) == Some(Kind::Directory) && shell.system.link(&path).is_none() { "rmdir" } else { "rm" };
                shell.in_subshell(|shell| shell.invoke(&[Some(command.to_owned()), Some(path)]));
                status = worse(status, shell.status);
            }
        }
        Action::None | Action::Other => return shell.refuse("find acts on what it finds"),
    }
    status
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.as_slice().first().map(String::as_str)
    }

    fn any(&mut self) -> Test {
        self.depth += 1;
        let mut ways = vec![self.all()];
        while self.depth < 50 && matches!(self.peek(), Some("-o" | "-or")) {
            self.words.next();
            ways.push(self.all());
        }
        if ways.len() > 1 && self.action != Action::None {
            self.action = Action::Other;
        }
        self.depth -= 1;
        Test::Or(ways)
    }

    fn all(&mut self) -> Test {
        let mut tests = Vec::new();
        while let Some(word) = self.peek() {
            if matches!(word, ")" | "-o" | "-or" | ",") || self.depth >= 50 {
                break;
            }
            tests.push(self.one());
        }
        Test::And(tests)
    }

    /// It acts where the tests before it hold: known only when it is the last word, and the one action.
    fn does(&mut self, action: Action) -> Test {
        let last = self.words.as_slice().is_empty() && self.depth <= 1;
        let only = last && self.action == Action::None;
        self.action = if only { action } else { Action::Other };
        if only { Test::True } else { Test::Unknown }
    }

    fn one(&mut self) -> Test {
        let Some(word) = self.words.next() else { return Test::Unknown };
        let mut value = || self.words.next().cloned().unwrap_or_default();
        match word.as_str() {
            "!" | "-not" => {
                self.depth += 1;
                let inside = if self.depth < 50 { self.one() } else { Test::Unknown };
                self.depth -= 1;
                Test::Not(Box::new(inside))
            }
            "(" => {
                let inside = self.any();
                if self.peek() == Some(")") {
                    self.words.next();
                }
                inside
            }
            "-name" => Test::Name(value()),
            "-path" | "-wholename" => Test::Path(value()),
            "-regex" => Test::Regex(compile(&format!("^\\({}\\)$", value()), false, false)),
            "-type" => Test::Type(value()),
            "-maxdepth" => {
                self.deepest = value().parse().unwrap_or(usize::MAX);
                Test::True
            }
            "-mindepth" => {
                self.lowest = value().parse().unwrap_or(0);
                Test::True
            }
            "-print" | "-depth" | "-xdev" | "-mount" | "-follow" | "-a" | "-and" | "-true" | "-noleaf" => Test::True,
            "-print0" => {
                // Whoever reads zeros reads names without blanks as well.
                Test::True
            }
            "-printf" => {
                self.format = Some(value());
                Test::True
            }
            "-exec" | "-execdir" | "-ok" => {
                let words: Vec<String> = self.words.by_ref().take_while(|word| *word != ";" && *word != "+").cloned().collect();
                self.does(if word == "-exec" { Action::Run(words) } else { Action::Other })
            }
            "-delete" => self.does(Action::Delete),
            "-fprint" | "-ls" => self.does(Action::Other),
            "-empty" => Test::Empty,
            "-user" | "-uid" => Test::User(value()),
            "-group" | "-gid" => Test::Group(value()),
            "-perm" | "-newer" | "-mtime" | "-size" | "-links" | "-ctime" | "-atime" | "-mmin" | "-lname" => {
                value();
                Test::Unknown
            }
            _ => Test::Unknown,
        }
    }
}

impl Test {
    fn holds(&self, shell: &Shell<'_>, path: &str) -> Option<bool> {
        match self {
            Test::Name(pattern) => Some(matches(pattern, path.trim_end_matches('/').rsplit('/').next().unwrap_or_default())),
            Test::Path(pattern) => Some(matches(pattern, path)),
            Test::Regex(regex) => regex.as_ref().map(|regex| regex.is_match(path)),
            Test::Type(letters) => {
                let here = shell.path(path);
                let letter = match (shell.system.link(&here).is_some(), shell.kind(&here)) {
                    (true, _) => "l",
                    (_, Some(Kind::Directory)) => "d",
                    (_, Some(Kind::File { .. })) => "f",
                    _ => return None,
                };
                Some(letters.split(',').any(|wanted| wanted == letter))
            }
            Test::User(user) => {
                let wanted = user.parse().ok().or_else(|| shell.system.user(user).map(|(uid, ..)| uid))?;
                shell.owner(&shell.path(path)).map(|(uid, _)| uid == wanted)
            }
            Test::Group(group) => {
                let wanted = group.parse().ok().or_else(|| shell.system.group(group))?;
                shell.owner(&shell.path(path)).map(|(_, gid)| gid == wanted)
            }
            Test::Empty => {
                let here = shell.path(path);
                Some(match shell.kind(&here)? {
                    Kind::File { size, .. } => size == 0,
                    Kind::Directory => shell.entries(&here).is_empty(),
                    Kind::Special => false,
                })
            }
            Test::True => Some(true),
            Test::Unknown => None,
            Test::Not(inside) => inside.holds(shell, path).map(|holds| !holds),
            Test::And(tests) => {
                let answers: Vec<Option<bool>> = tests.iter().map(|test| test.holds(shell, path)).collect();
                if answers.contains(&Some(false)) { Some(false) } else { answers.into_iter().collect::<Option<Vec<_>>>().map(|_| true) }
            }
            Test::Or(tests) => {
                let answers: Vec<Option<bool>> = tests.iter().map(|test| test.holds(shell, path)).collect();
                if answers.contains(&Some(true)) { Some(true) } else { answers.into_iter().collect::<Option<Vec<_>>>().map(|_| false) }
            }
        }
    }
}

pub(super) fn walk(shell: &Shell<'_>, path: &str, depth: usize, deepest: usize, found: &mut Vec<(String, usize)>) {
    if found.len() > NAMES || depth > 60 {
        return;
    }
    found.push((path.to_owned(), depth));
    let here = shell.path(path);
    if depth < deepest && shell.system.link(&here).is_none() && shell.kind(&here) == Some(Kind::Directory) {
        for name in shell.entries(&here) {
            walk(shell, &format!("{}/{name}", path.trim_end_matches('/')), depth + 1, deepest, found);
        }
    }
}
