//! Lists, pipelines and compound commands.

use std::rc::Rc;

use super::ast::{AndOr, Command, Kind, List, Pipeline};
use super::doubt::Way;
use super::perhaps::UNKNOWN;
use super::state::{Flow, Function, Shell};
use super::streams::Reader;
use super::{State, matches};

/// So often a loop may have come to its end, each time perhaps, until it is taken to have: `while true; do …; if valid; then break; fi; done`.
const DOUBTFUL_TURNS: usize = 16;

impl<'a> Shell<'a> {
    pub(in super::super) fn list(&mut self, list: &List) -> Flow {
        for item in list {
            let flow = self.and_or(item);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn and_or(&mut self, item: &AndOr) -> Flow {
        self.conditions += usize::from(!item.rest.is_empty());
        let mut flow = self.pipeline(&item.first);
        self.conditions -= usize::from(!item.rest.is_empty());
        let mut checked = item.rest.is_empty() && item.first.ends_script();
        for (number, (and, next)) in item.rest.iter().enumerate() {
            if flow != Flow::Next {
                return flow;
            }
            let last = number + 1 == item.rest.len();
            let run = |shell: &mut Self| {
                shell.conditions += usize::from(!last);
                let flow = shell.pipeline(next);
                shell.conditions -= usize::from(!last);
                flow
            };
            checked = false;
            match (self.status, and) {
                (Some(0), true) | (Some(1..), false) => {
                    flow = run(self);
                    checked = last && next.ends_script();
                }
                (Some(_), _) => {}
                (None, and) => {
                    let skip = |shell: &mut Self| {
                        shell.status = if *and { None } else { Some(0) };
                        Flow::Next
                    };
                    let on = item.first.text();
                    flow = self.alternatives(&on, &[&run, &skip]);
                }
            }
        }
        if flow == Flow::Next && checked {
            return self.check();
        }
        flow
    }

    /// `set -e` after a command that is no condition.
    fn check(&mut self) -> Flow {
        match self.status {
            Some(1..) if self.state.errexit && self.conditions == 0 => {
                self.failed = Some(self.command.clone());
                Flow::Exit
            }
            // An installation that succeeded got past it.
            None if self.state.errexit && self.conditions == 0 => {
                self.status = Some(0);
                Flow::Next
            }
            _ => Flow::Next,
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Flow {
        self.conditions += usize::from(pipeline.negated);
        let flow = match pipeline.commands.as_slice() {
            [one] => self.command_of(one),
            several => {
                let outer = self.streams.clone();
                for (number, command) in several.iter().enumerate() {
                    let last = number + 1 == several.len();
                    let level = self.doubt.len();
                    let kept = (!last).then(|| self.streams.keep(1, Some(String::new()), level));
                    if last {
                        let input = self.streams.input.clone();
                        self.streams = outer.clone();
                        self.streams.input = input;
                    }
                    self.in_subshell(|shell| shell.command_of(command));
                    if let Some(kept) = kept {
                        self.streams.input = Reader::of(kept.borrow_mut().text.take());
                    }
                }
                self.streams = outer;
                Flow::Next
            }
        };
        self.conditions -= usize::from(pipeline.negated);
        if pipeline.negated {
            self.status = self.status.map(|s| u8::from(s == 0));
        }
        flow
    }

    /// Runs `inside` with a copy of the state; an `exit` in it ends only it.
    pub(in super::super) fn in_subshell(&mut self, inside: impl FnOnce(&mut Self) -> Flow) {
        self.spend(self.state.weight());
        let before = self.state.clone();
        let after = self.after.clone();
        self.subshells += 1;
        inside(self);
        self.subshells -= 1;
        self.after = after;
        self.failed = if self.subshells == 0 { None } else { self.failed.take() };
        let State { scratch, scratch_modes, scratch_folders, answers, perhaps, .. } = std::mem::replace(&mut self.state, before);
        (self.state.scratch, self.state.scratch_modes) = (scratch, scratch_modes);
        (self.state.scratch_folders, self.state.answers, self.state.perhaps) = (scratch_folders, answers, perhaps);
    }

    pub(super) fn command_of(&mut self, command: &Rc<Command>) -> Flow {
        let flow = if self.enter() { self.redirected(command) } else { self.give_up() };
        self.depth -= 1;
        flow
    }

    fn redirected(&mut self, command: &Rc<Command>) -> Flow {
        self.command = command.text.as_ref().into();
        if command.redirects.is_empty() {
            return self.kind_of(command);
        }
        let outer = self.streams.clone();
        let mut files = Vec::new();
        for redirect in &command.redirects {
            if !self.redirect(redirect, &mut files) {
                self.streams = outer;
                self.status = Some(1);
                return Flow::Next;
            }
        }
        let flow = self.kind_of(command);
        // `exec >…` changes the shell's own streams.
        let lasting =
            matches!(&command.kind, Kind::Simple { words, .. } if words.len() == 1 && super::expand::literal(&words[0]) == Some("exec"));
        if !lasting {
            self.streams = outer;
        }
        for (path, buffer) in files {
            let text = buffer.borrow_mut().text.take();
            let written = self.status;
            self.command = command.text.as_ref().into();
            let done = if lasting { self.refuse("it redirects the rest of the script to a file") } else { self.write_file(&path, text) };
            self.status = written.and_then(|status| if status == 0 { done } else { Some(status) });
        }
        flow
    }

    fn kind_of(&mut self, command: &Rc<Command>) -> Flow {
        match &command.kind {
            Kind::Simple { assignments, words } => self.simple(assignments, words),
            Kind::Group(list) => self.list(list),
            Kind::Subshell(list) => {
                self.in_subshell(|shell| shell.list(list));
                Flow::Next
            }
            Kind::If { branches, otherwise } => self.conditional(branches, otherwise.as_ref()),
            Kind::Case { subject, arms } => self.case(subject, arms),
            Kind::For { name, words, body } => self.each(name, words.as_deref(), body),
            Kind::While { until, condition, body } => self.repeat(*until, condition, body),
            Kind::Function { name, body } => {
                self.state.functions.insert(name.clone(), Function(body.clone()));
                self.status = Some(0);
                Flow::Next
            }
        }
    }

    fn condition(&mut self, list: &List) -> Flow {
        self.conditions += 1;
        let flow = self.list(list);
        self.conditions -= 1;
        flow
    }

    fn conditional(&mut self, branches: &[(List, List)], otherwise: Option<&List>) -> Flow {
        let Some(((condition, then), rest)) = branches.split_first() else {
            self.status = Some(0);
            return otherwise.map_or(Flow::Next, |list| self.list(list));
        };
        let flow = self.condition(condition);
        if flow != Flow::Next {
            return flow;
        }
        match self.status {
            Some(0) => self.list(then),
            Some(_) => self.conditional(rest, otherwise),
            None => {
                let on = condition.iter().map(|item| item.first.text()).collect::<Vec<_>>().join("; ");
                self.alternatives(&on, &[&|shell| shell.list(then), &|shell| shell.conditional(rest, otherwise)])
            }
        }
    }

    fn case(&mut self, subject: &super::ast::Word, arms: &[(Vec<super::ast::Word>, List)]) -> Flow {
        let text = self.text(subject).filter(|text| !text.contains(UNKNOWN));
        self.status = Some(0);
        let mut possible: Vec<&List> = Vec::new();
        let mut decided = false;
        'arms: for (patterns, list) in arms {
            for pattern in patterns {
                let pattern = self.pattern(pattern);
                let answer = match (&text, &pattern) {
                    (_, Some(pattern)) if pattern == "*" => Some(true),
                    (Some(text), Some(pattern)) => Some(matches(pattern, text)),
                    _ => None,
                };
                match answer {
                    Some(true) => {
                        possible.push(list);
                        decided = true;
                        break 'arms;
                    }
                    Some(false) => {}
                    None => {
                        possible.push(list);
                        break;
                    }
                }
            }
        }
        match possible.as_slice() {
            [] => Flow::Next,
            [one] if decided => self.list(one),
            several => {
                let on = self.command.to_string();
                let ways: Vec<_> = several.iter().map(|list| move |shell: &mut Self| shell.list(list)).collect();
                let mut ways: Vec<Way<'_, 'a>> = ways.iter().map(|way| way as Way<'_, 'a>).collect();
                if !decided {
                    ways.push(&|_| Flow::Next);
                }
                self.alternatives(&on, &ways)
            }
        }
    }

    fn each(&mut self, name: &str, words: Option<&[super::ast::Word]>, body: &List) -> Flow {
        let on = self.command.to_string();
        let values = match words {
            Some(words) => words.iter().flat_map(|word| self.fields(word)).collect(),
            None => self.state.positional.clone(),
        };
        self.status = Some(0);
        for value in values {
            let known = value.is_some();
            self.set(name, value);
            let turn = |shell: &mut Self| shell.list(body);
            let flow = if known { turn(self) } else { self.alternatives(&on, &[&turn, &|_| Flow::Next]) };
            match flow {
                Flow::Next | Flow::Continue(0 | 1) => {}
                Flow::Break(0 | 1) => break,
                Flow::Break(n) => return Flow::Break(n - 1),
                Flow::Continue(n) => return Flow::Continue(n - 1),
                out => return out,
            }
        }
        self.after[2] = None;
        Flow::Next
    }

    fn repeat(&mut self, until: bool, condition: &List, body: &List) -> Flow {
        let on = self.command.to_string();
        // How often it may have ended, and what was so when it first may have.
        let (mut ends, mut first) = (0, None);
        loop {
            if !self.enter() {
                self.depth -= 1;
                return self.give_up();
            }
            self.depth -= 1;
            let flow = self.condition(condition);
            if flow != Flow::Next {
                return flow;
            }
            let turn = |shell: &mut Self| shell.list(body);
            let flow = match self.status {
                Some(status) if (status == 0) != until => turn(self),
                Some(_) => break,
                None => {
                    let flow = self.alternatives(&on, &[&turn, &|_| Flow::Next]);
                    if matches!(flow, Flow::Return | Flow::Exit) {
                        return flow;
                    }
                    break;
                }
            };
            match flow {
                Flow::Next | Flow::Continue(0 | 1) => {}
                Flow::Break(0 | 1) => break,
                Flow::Break(n) => return Flow::Break(n - 1),
                Flow::Continue(n) => return Flow::Continue(n - 1),
                out => return out,
            }
            if self.after[2].is_some() {
                ends += 1;
                if ends == DOUBTFUL_TURNS {
                    first.into_iter().for_each(|first| self.state.merge(first));
                    break;
                }
                first = first.or_else(|| Some(self.state.clone()));
            }
        }
        self.after[2] = None;
        self.status = Some(0);
        Flow::Next
    }
}

impl Pipeline {
    /// Whether `set -e` counts its failure; a compound command that failed did so where failing was allowed.
    fn ends_script(&self) -> bool {
        let simple = |command: &Rc<Command>| matches!(command.kind, Kind::Simple { .. } | Kind::Subshell(_));
        !self.negated && (self.commands.len() > 1 || self.commands.iter().all(simple))
    }

    /// As written.
    fn text(&self) -> String {
        let text = self.commands.iter().map(|c| c.text.as_ref()).collect::<Vec<_>>().join(" | ");
        if self.negated { format!("! {text}") } else { text }
    }
}
