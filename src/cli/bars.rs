//! Progress bars on stderr: what runs now at the bottom, what is done above it.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::display::Display;
use super::fact::{Fact, fact, name};
use super::printer::{Ink, Printer, clean};
use super::quantity::{bytes, count, duration, progress};
use crate::catalog::Target;
use crate::progress::Unit;
use crate::session::{Build, Event, EventKind, Phase, State};

/// Bars at a time; more of them flicker and push the summary off small terminals.
const MAX_BARS: usize = 8;
/// Cells of a bar.
const CELLS: u64 = 20;

/// The display for terminals.
pub(super) struct Bars {
    screen: MultiProgress,
    running: BTreeMap<Target, ProgressBar>,
    summary: Option<ProgressBar>,
    color: bool,
}

impl Bars {
    pub fn new(printer: &Printer) -> Self {
        // Stderr, and nothing at all when it is not a terminal.
        Self::on_target(ProgressDrawTarget::stderr(), printer.err_color)
    }

    fn on_target(target: ProgressDrawTarget, color: bool) -> Self {
        Bars { screen: MultiProgress::with_draw_target(target), running: BTreeMap::new(), summary: None, color }
    }

    fn print(&self, fact: &Fact) {
        let glyph = if fact.glyph.is_empty() { "·" } else { fact.glyph };
        let subject = if fact.subject.is_empty() { String::new() } else { format!("{} ", Ink::Bold.paint(&fact.subject, self.color)) };
        let mut text = format!("{} {subject}{}", fact.ink.paint(glyph, self.color), fact.text);
        for line in fact.tail.iter().chain(&fact.more) {
            text.push_str(&format!("\n    {}", Ink::Dim.paint(line, self.color)));
        }
        // A terminal that went away is no reason to stop the work.
        let _ = self.screen.println(text);
    }

    /// Makes the bars those of the builds that run now, oldest first, at most [`MAX_BARS`].
    fn sync(&mut self, state: &State) {
        let mut open: Vec<(&Target, &Build)> = state.builds.iter().filter(|(_, b)| matches!(b.phase, Phase::Running(_))).collect();
        open.sort_by_key(|(_, build)| build.started);
        let more = open.len().saturating_sub(MAX_BARS);
        open.truncate(MAX_BARS);
        let (screen, running) = (&self.screen, &mut self.running);
        running.retain(|target, bar| {
            let stays = open.iter().any(|(t, _)| *t == target);
            if !stays {
                bar.finish_and_clear();
                screen.remove(bar);
            }
            stays
        });
        let summary = self.summary.get_or_insert_with(|| screen.add(line("{spinner} {wide_msg}")));
        for (target, build) in open {
            let bar = running.entry(target.clone()).or_insert_with(|| {
                let bar = screen.insert_before(summary, line("  {prefix} {wide_msg}"));
                bar.set_prefix(Ink::Bold.paint(&name(target), self.color));
                bar
            });
            bar.set_message(current(build, state.now));
        }
        summary.set_message(overview(state, more));
    }
}

impl Display for Bars {
    fn on(&mut self, event: &Event, state: &State) {
        match &event.kind {
            EventKind::RunOutput { lines } => {
                for text in lines {
                    let _ = self.screen.println(Ink::Dim.paint(&clean(text), self.color));
                }
            }
            EventKind::TestOutput { target, lines } => {
                for text in lines {
                    let subject = Ink::Bold.paint(&name(target), self.color);
                    let _ = self.screen.println(format!("{subject} {}", Ink::Dim.paint(&format!("| {}", clean(text)), self.color)));
                }
            }
            EventKind::RunFinished { .. } | EventKind::RunFailed { .. } => self.finish(),
            _ => {
                if let Some(fact) = fact(event, state) {
                    self.print(&fact);
                }
                self.sync(state);
            }
        }
    }

    fn tick(&mut self, _: &State) {
        if let Some(summary) = &self.summary {
            summary.tick();
        }
    }

    fn finish(&mut self) {
        for bar in std::mem::take(&mut self.running).into_values().chain(self.summary.take()) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
        let _ = self.screen.clear();
    }
}

/// A bar that draws `template` and nothing of its own.
fn line(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template(template) {
        // Not braille: screen readers read it aloud, and some fonts lack it.
        Ok(style) => bar.set_style(style.tick_chars("-\\|/ ")),
        Err(error) => debug_assert!(false, "{template}: {error}"),
    }
    bar
}

/// `fetch [######--------------] 12/88 packages  3.2 s`
fn current(build: &Build, now: u64) -> String {
    let Phase::Running(phase) = &build.phase else { return String::new() };
    let mut text = format!("{:<10}", clean(phase));
    if let Some((done, total, unit)) = build.progress {
        text.push_str(&format!(" {}", meter(done, total, unit)));
    }
    if let Some(started) = build.started {
        text.push_str(&format!("  {}", duration(now.saturating_sub(started))));
    }
    text
}

fn meter(done: u64, total: u64, unit: Unit) -> String {
    if total == 0 {
        return progress(done, total, unit);
    }
    let filled = u128::from(done.min(total)) * u128::from(CELLS) / u128::from(total);
    let filled = usize::try_from(filled).unwrap_or_default();
    format!("[{}{}] {}", "#".repeat(filled), "-".repeat(CELLS as usize - filled), progress(done, total, unit))
}

/// `3/8 built, 2 running (1 not shown), 1 failed · plan · sent 1.0 MiB/3.0 MiB`
fn overview(state: &State, hidden: usize) -> String {
    let mut parts = Vec::new();
    if !state.builds.is_empty() {
        let ended = state.builds.values().filter(|b| !b.is_open());
        let (mut done, mut failed) = (0, 0);
        for build in ended {
            if build.image().is_some() { done += 1 } else { failed += 1 }
        }
        let running = state.builds.values().filter(|b| matches!(b.phase, Phase::Running(_))).count();
        let mut text = format!("{done}/{} built", state.builds.len());
        if running > 0 {
            text.push_str(&format!(", {running} running"));
        }
        if hidden > 0 {
            text.push_str(&format!(" ({hidden} not shown)"));
        }
        if failed > 0 {
            text.push_str(&format!(", {failed} failed"));
        }
        parts.push(text);
    }
    for (_, run) in state.running() {
        let Some(phase) = &run.phase else { continue };
        let progress = run.progress.map(|(done, total, unit)| format!(" {}", meter(done, total, unit))).unwrap_or_default();
        parts.push(format!("{}{progress}", clean(phase)));
    }
    for (target, trial) in state.tests.iter().filter(|(_, trial)| trial.outcome.is_none()) {
        parts.push(format!("test {} {}", name(target), duration(state.now.saturating_sub(trial.started))));
    }
    let checking = state.verifications.values().filter(|v| v.report.is_none()).count();
    if checking > 0 {
        parts.push(format!("checking {}", count(checking, "image")));
    }
    if let Some(publication) = state.publication.as_ref().filter(|p| p.receipt.is_none()) {
        let sent = publication.sent();
        parts.push(format!("publish {} {}", clean(&publication.version), meter(sent, publication.bytes, Unit::Bytes)));
        let blobs = publication.blobs.values().filter(|b| b.done).count();
        parts.push(format!("{blobs}/{} blobs, {}", publication.blobs.len(), bytes(sent)));
    }
    if parts.is_empty() { "working".into() } else { parts.join(" · ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::session::{Outcome, RunId};
    use std::io;
    use std::sync::{Arc, Mutex};

    /// A real terminal emulator of 20 × 100 cells.
    #[derive(Clone)]
    struct Screen(Arc<Mutex<vt100::Parser>>);

    impl Default for Screen {
        fn default() -> Self {
            let size = |n| std::num::NonZero::new(n).unwrap();
            Screen(Arc::new(Mutex::new(vt100::Parser::new(size(20), size(100), 0))))
        }
    }

    impl std::fmt::Debug for Screen {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Screen")
        }
    }

    impl Screen {
        fn contents(&self) -> String {
            self.0.lock().unwrap().screen().rows(0, 100).map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
        }

        fn put(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().process(text.as_bytes());
            Ok(())
        }

        fn go(&self, n: usize, letter: char) -> io::Result<()> {
            if n == 0 { Ok(()) } else { self.put(&format!("\u{1b}[{n}{letter}")) }
        }
    }

    impl indicatif::TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.go(n, 'A')
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.go(n, 'B')
        }
        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            self.go(n, 'C')
        }
        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            self.go(n, 'D')
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.put(&format!("{text}\r\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.put("\r\u{1b}[2K")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn running_builds_are_below_and_finished_ones_above() {
        let term = Screen::default();
        let mut bars = Bars::on_target(ProgressDrawTarget::term_like(Box::new(term.clone())), false);
        let mut state = State::default();
        let targets: Vec<Target> = (0..10).map(|n| Target::new(format!("c{n}").as_str(), Architecture::X86_64)).collect();
        let mut kinds: Vec<EventKind> = vec![EventKind::RunStarted { command: "build".into() }];
        kinds.extend(targets.iter().map(|t| EventKind::BuildQueued { target: t.clone() }));
        kinds.extend(targets.iter().map(|t| EventKind::BuildStarted { target: t.clone(), log: None }));
        let failure = crate::session::Failure { kind: crate::Kind::Failed, message: "no space".into(), hint: Some("free some".into()) };
        kinds.push(EventKind::BuildFinished { target: targets[0].clone(), outcome: Outcome::Failed(failure), took: 1500 });
        kinds.push(EventKind::PhaseChanged { target: targets[1].clone(), phase: "fetch".into() });
        kinds.push(EventKind::Progressed { target: targets[1].clone(), done: 1, total: 2, unit: Unit::Packages });
        for (seq, kind) in kinds.into_iter().enumerate() {
            let event = Event { schema: 1, seq: seq as u64, at: 0, run: RunId(1), kind };
            state.apply(&event);
            bars.on(&event, &state);
        }
        let shown = term.contents();
        assert!(shown.contains("✗ c0.x86_64 failed after 1.5 s: no space\n    hint: free some"), "{shown}");
        assert_eq!(shown.lines().filter(|l| l.starts_with("  c")).count(), MAX_BARS, "{shown}");
        assert!(shown.contains("9 running (1 not shown), 1 failed"), "{shown}");
        bars.finish();
        assert!(!term.contents().contains("running"), "{}", term.contents());
        assert!(term.contents().contains("no space"));
    }

    #[test]
    fn a_meter_never_overflows() {
        assert_eq!(meter(5, 2, Unit::Packages), format!("[{}] 5/2 packages", "#".repeat(20)));
        assert!(meter(u64::MAX, u64::MAX, Unit::Entries).starts_with('['));
        assert_eq!(meter(1, 0, Unit::Entries), "1 files");
    }
}
