//! The shell's own commands: those that change the shell or the way through the script.

use crate::debian::script::shell::{Flow, Shell, Value};

impl Shell<'_> {
    /// Runs `name` when it is one of them.
    pub(in super::super) fn own(&mut self, name: &str, arguments: &[Value]) -> Option<Flow> {
        let first = arguments.first().cloned().flatten();
        let number = || first.as_deref().and_then(|n| n.parse::<u32>().ok());
        Some(match name {
            ":" | "true" | "wait" | "hash" | "ulimit" | "trap" | "times" | "shopt" => self.set_status(Some(0)),
            "alias" => {
                self.define_aliases(arguments);
                self.set_status(Some(0))
            }
            "unalias" => {
                arguments.iter().flatten().for_each(|name| drop(self.state.aliases.remove(name)));
                self.set_status(Some(0))
            }
            "false" => self.set_status(Some(1)),
            "exit" | "return" => {
                if let Some(given) = arguments.first() {
                    self.status = given.as_ref().and_then(|n| n.parse::<u32>().ok()).map(|n| (n & 0xff) as u8);
                }
                if name == "exit" {
                    if matches!(self.status, Some(1..)) {
                        self.failed = Some(self.command.clone());
                    }
                    return Some(Flow::Exit);
                }
                Flow::Return
            }
            "break" | "continue" => {
                self.status = Some(0);
                let loops = number().unwrap_or(1);
                if name == "break" { Flow::Break(loops) } else { Flow::Continue(loops) }
            }
            "shift" if matches!(arguments.first(), Some(None)) => {
                self.state.positional = vec![None; self.state.positional.len()];
                let status = self.refuse("how many arguments it drops is not known");
                self.set_status(status)
            }
            "shift" => {
                let by = number().unwrap_or(1) as usize;
                let enough = by <= self.state.positional.len();
                if enough {
                    self.state.positional.drain(..by);
                }
                self.set_status(Some(u8::from(!enough)))
            }
            "set" => self.set_options(arguments),
            "unset" => {
                for name in arguments.iter().flatten().filter(|a| !a.starts_with('-')) {
                    self.state.variables.remove(name);
                    self.state.functions_remove(name);
                }
                self.set_status(Some(0))
            }
            "export" | "readonly" | "local" | "declare" | "typeset" => {
                for argument in arguments {
                    let Some(argument) = argument else { continue };
                    if argument.starts_with('-') {
                        continue;
                    }
                    let (variable, value) = argument.split_once('=').map_or((argument.as_str(), None), |(n, v)| (n, Some(v)));
                    if matches!(name, "local" | "declare" | "typeset") {
                        self.localise(variable);
                    }
                    if name == "export" {
                        self.state.exported.insert(variable.to_owned());
                    }
                    // dash's `local x` keeps the value that x has.
                    if let Some(value) = value {
                        self.set(variable, Some(value.to_owned()));
                    }
                }
                self.set_status(Some(0))
            }
            "read" => self.read_line(arguments),
            "eval" => match arguments.iter().cloned().collect::<Option<Vec<String>>>() {
                Some(words) => self.source(&words.join(" ")),
                None => {
                    let status = self.refuse("what it evaluates is not known");
                    self.set_status(status)
                }
            },
            "exec" => {
                if arguments.is_empty() {
                    return Some(self.set_status(Some(0)));
                }
                match self.invoke(arguments) {
                    Flow::Next => Flow::Exit,
                    flow => flow,
                }
            }
            "cd" => {
                let folder = first.as_deref().map(|f| self.path(f));
                match folder {
                    Some(folder) if self.kind(&folder) == Some(crate::debian::script::Kind::Directory) => {
                        self.set("PWD", Some(folder.clone()));
                        self.state.folder = folder;
                        self.set_status(Some(0))
                    }
                    Some(folder) => {
                        let status = self.missing(&folder, Some(1));
                        self.set_status(status)
                    }
                    None => {
                        let status = self.refuse("where it goes is not known");
                        self.set_status(status)
                    }
                }
            }
            "pwd" => {
                self.print(Some(format!("{}\n", self.state.folder)));
                self.set_status(Some(0))
            }
            "umask" => {
                match first.as_deref().map(|m| u32::from_str_radix(m, 8)) {
                    Some(Ok(mask)) => self.state.umask = mask & 0o777,
                    Some(Err(_)) => {
                        self.refuse("this form of umask is not known");
                    }
                    None => self.print(Some(format!("{:04o}\n", self.state.umask))),
                }
                self.set_status(Some(0))
            }
            "." | "source" => return Some(self.dot(first.as_deref(), &arguments[arguments.len().min(1)..])),
            "command" | "type" | "which" => return Some(self.whereis(name, arguments)),
            "builtin" => self.invoke(arguments),
            "getopts" => self.next_option(arguments),
            _ => return None,
        })
    }

    fn set_options(&mut self, arguments: &[Value]) -> Flow {
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_deref() {
                Some("--") => {
                    self.state.positional = rest.cloned().collect();
                    break;
                }
                Some("-o" | "+o") => {
                    let on = argument.as_deref() == Some("-o");
                    if rest.next().is_some_and(|name| name.as_deref() == Some("errexit")) {
                        self.state.errexit = on;
                    }
                }
                Some(flags) if flags.len() > 1 && flags.starts_with(['-', '+']) => {
                    if flags.contains('e') {
                        self.state.errexit = flags.starts_with('-');
                    }
                }
                _ => {
                    self.state.positional = std::iter::once(argument.clone()).chain(rest.cloned()).collect();
                    break;
                }
            }
        }
        self.set_status(Some(0))
    }

    fn read_line(&mut self, arguments: &[Value]) -> Flow {
        let raw = arguments.iter().flatten().any(|a| a.starts_with('-') && a.contains('r'));
        let names: Vec<String> = arguments.iter().flatten().filter(|a| !a.starts_with('-')).cloned().collect();
        let line = self.reader().borrow_mut().line();
        let separators = self.get("IFS").unwrap_or_else(|| " \t\n".into());
        match line {
            Some(Some(line)) if raw || !line.contains('\\') => {
                let is_blank = |c: char| c.is_whitespace() && separators.contains(c);
                let mut rest = line.trim_matches(is_blank);
                for (number, name) in names.iter().enumerate() {
                    let value = if number + 1 == names.len() {
                        std::mem::take(&mut rest)
                    } else {
                        let end = rest.find(|c| separators.contains(c)).unwrap_or(rest.len());
                        let value = &rest[..end];
                        let width = rest[end..].chars().next().map_or(0, char::len_utf8);
                        rest = rest[end + width..].trim_start_matches(is_blank);
                        value
                    };
                    self.set(name, Some(value.to_owned()));
                }
                self.set_status(Some(0))
            }
            Some(None) => {
                for name in names {
                    self.set(&name, Some(String::new()));
                }
                self.set_status(Some(1))
            }
            _ => {
                for name in names {
                    self.set(&name, None);
                }
                self.set_status(None)
            }
        }
    }

    /// `getopts LETTERS NAME [ARGUMENT…]`; only options that stand alone (`-v -m X`, not `-vm`) are told apart.
    fn next_option(&mut self, arguments: &[Value]) -> Flow {
        let (Some(Some(letters)), Some(Some(name))) = (arguments.first(), arguments.get(1)) else {
            let status = self.refuse("the options it reads are not known");
            return self.set_status(status);
        };
        let index = self.get("OPTIND").and_then(|n| n.parse::<usize>().ok()).unwrap_or(1).max(1);
        let words = if arguments.len() > 2 { arguments[2..].to_vec() } else { self.state.positional.clone() };
        let option = match words.get(index - 1) {
            None => None,
            Some(Some(word)) if !word.starts_with('-') || word == "-" => None,
            Some(Some(word)) if word == "--" => {
                self.set("OPTIND", Some((index + 1).to_string()));
                None
            }
            Some(word) => match word.as_deref().map(|w| (w, w.chars().nth(1).unwrap_or('?'))) {
                Some((word, letter)) => Some((letter, word[1 + letter.len_utf8()..].to_owned())),
                None => {
                    let status = self.refuse("the options it reads are not known");
                    return self.set_status(status);
                }
            },
        };
        let Some((letter, attached)) = option else {
            self.set(name, Some("?".into()));
            return self.set_status(Some(1));
        };
        let mut next = index + 1;
        match letters.find(letter).filter(|_| letter != ':') {
            Some(at) if letters[at + letter.len_utf8()..].starts_with(':') => {
                let value = if attached.is_empty() {
                    next += 1;
                    words.get(index).cloned().unwrap_or(Some(String::new()))
                } else {
                    Some(attached)
                };
                self.set("OPTARG", value);
                self.set(name, Some(letter.to_string()));
            }
            Some(_) if !attached.is_empty() => {
                let status = self.refuse("options that are written together are not told apart");
                return self.set_status(status);
            }
            Some(_) => self.set(name, Some(letter.to_string())),
            None => self.set(name, Some("?".into())),
        }
        self.set("OPTIND", Some(next.to_string()));
        self.set_status(Some(0))
    }

    fn dot(&mut self, file: Option<&str>, arguments: &[Value]) -> Flow {
        let Some(file) = file else {
            let status = self.refuse("which file it reads is not known");
            return self.set_status(status);
        };
        let path = self.path(file);
        // debconf's commands are in the table; its library only talks to a frontend.
        if path == "/usr/share/debconf/confmodule" {
            super::debconf::configure(self);
            return self.set_status(Some(0));
        }
        match self.read(&path) {
            None => {
                // The shell ends when a file it must read is not there.
                self.failed = Some(self.command.clone());
                self.status = Some(2);
                if self.certain() { Flow::Exit } else { Flow::Next }
            }
            Some(Some(text)) => {
                let outer = (!arguments.is_empty()).then(|| std::mem::replace(&mut self.state.positional, arguments.to_vec()));
                let flow = self.source(&text);
                if let Some(outer) = outer {
                    self.state.positional = outer;
                }
                if flow == Flow::Return { Flow::Next } else { flow }
            }
            Some(None) => {
                let status = match self.may_be_otherwise(&path) {
                    true => self.refuse(format!("what is in {path} is not known")),
                    false => self.refuse("the file it reads is not at hand"),
                };
                self.set_status(status)
            }
        }
    }

    /// `command -v`, `type`, `which`; `command NAME …` runs NAME.
    fn whereis(&mut self, name: &str, arguments: &[Value]) -> Flow {
        let asks = arguments.first().and_then(|a| a.as_deref()).is_some_and(|a| matches!(a, "-v" | "-V"));
        if name == "command" && !asks {
            let arguments = if arguments.first().and_then(|a| a.as_deref()) == Some("-p") { &arguments[1..] } else { arguments };
            return self.invoke(arguments);
        }
        let mut status = Some(0);
        for wanted in arguments {
            match wanted.as_deref() {
                Some(flag) if flag.starts_with('-') => {}
                Some(wanted) if self.is_own(wanted) => self.print(Some(format!("{wanted}\n"))),
                Some(wanted) => match self.find(wanted) {
                    Some(path) => self.print(Some(format!("{path}\n"))),
                    None => status = Some(1),
                },
                None => {
                    self.print(None);
                    status = None;
                }
            }
        }
        self.set_status(status)
    }

    fn is_own(&self, name: &str) -> bool {
        const NAMES: &[&str] = &["cd", "echo", "test", "[", "printf", "read", "export", "set", "true", "false", "command", "type", "local"];
        NAMES.contains(&name) || self.state.has_function(name) || (name.starts_with("db_") && super::treatment(name).is_some())
    }
}
