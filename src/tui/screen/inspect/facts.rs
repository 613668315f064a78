//! The overview: what the config claims, what the files are, and the numbers, one column per architecture.

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::state::{Column, columns, cursor};
use super::view::{Grid, view_cursor};
use crate::tui::model::Model;
use crate::tui::status;
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, scrollbar, window};
use crate::verify::{Check, CheckResult, Verdict};

/// One line: a label and a value per architecture.
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// A value per column.
    pub values: Vec<Value>,
    /// Whether architectures should agree on it.
    pub should_agree: bool,
}

/// One value and how it looks.
pub struct Value {
    /// As text.
    pub text: String,
    /// How it looks.
    pub meaning: Meaning,
    /// Its symbol, when it is a verdict.
    pub glyph: Option<Glyph>,
}

impl Fact {
    /// Whether the architectures say different things.
    pub fn differs(&self) -> bool {
        self.values.windows(2).any(|w| w[0].text != w[1].text)
    }
}

fn plain(text: impl Into<String>) -> Value {
    Value { text: text.into(), meaning: Meaning::Text, glyph: None }
}

/// The lines, as the differences switch leaves them.
pub fn rows(model: &Model) -> Vec<Fact> {
    let columns = columns(model);
    let mut rows = Vec::new();
    let mut add = |label, should_agree, value: &dyn Fn(&Column<'_>) -> Value| {
        rows.push(Fact { label, should_agree, values: columns.iter().map(value).collect() });
    };
    add("state", false, &|c| of_state(model, c));
    add("config says", false, &|c| of_check(c, Check::ConfigPlatform, |i| i.platform.to_string()));
    add("ELF files say", false, &|c| of_check(c, Check::ElfMachine, |_| "not checked yet".into()));
    add("entrypoint is", false, &|c| of_check(c, Check::Entrypoint, |_| "not checked yet".into()));
    add("checks", false, &of_checks);
    let read = |value: fn(&crate::session::Inspection) -> String| {
        move |c: &Column<'_>| c.inspection.map_or_else(|| missing(model, c), |i| plain(value(i)))
    };
    add("size", false, &read(|i| text::bytes(i.size)));
    add("layers", true, &read(|i| i.layers.len().to_string()));
    add("packages", true, &read(|i| i.packages.len().to_string()));
    add("entrypoint", true, &read(|i| i.config.config.entrypoint.join(" ")));
    add("cmd", true, &read(|i| i.config.config.cmd.join(" ")));
    add("user", true, &read(|i| i.config.config.user.clone().unwrap_or_default()));
    add("workdir", true, &read(|i| i.config.config.working_dir.clone().unwrap_or_default()));
    add("env", true, &read(|i| i.config.config.env.join(" ")));
    add("ports", true, &read(|i| i.config.config.exposed_ports.keys().cloned().collect::<Vec<_>>().join(" ")));
    add("created", true, &read(|i| i.config.created.clone().unwrap_or_default()));
    add("manifest", false, &read(|i| i.digest.to_string()));
    rows.retain(|r| r.values.iter().any(|v| !v.text.is_empty()));
    if model.inspect.only_differences {
        rows.retain(|r| r.differs() || r.values.iter().any(|v| v.meaning == Meaning::Mismatch));
    }
    rows
}

fn of_state(model: &Model, column: &Column<'_>) -> Value {
    let status = match (&column.target, column.report) {
        (Some(target), _) => status::of(model, target),
        (None, Some(report)) => status::of_report(report),
        (None, None) => return plain("read"),
    };
    Value { text: status.word, meaning: status.meaning, glyph: Some(status.glyph) }
}

/// A check's own words; before it has ended, what `claim` says.
fn of_check(column: &Column<'_>, check: Check, claim: fn(&crate::session::Inspection) -> String) -> Value {
    let claimed = column.inspection.map(|i| claim(i));
    let Some(result) = column.report.and_then(|report| report.result(check)) else {
        return Value { text: claimed.unwrap_or_default(), meaning: Meaning::Muted, glyph: None };
    };
    let (glyph, mut meaning) = status::of_verdict(result.verdict);
    if result.verdict == Verdict::Fail {
        meaning = Meaning::Mismatch;
    }
    let text = match (check, claimed, result.verdict) {
        // The claim itself is what there is to see; why it is wrong stands behind it.
        (Check::ConfigPlatform, Some(claim), Verdict::Fail | Verdict::Warn) => format!("{claim}: {}", result.summary),
        (Check::ConfigPlatform, Some(claim), _) => claim,
        _ => short(result).into_owned(),
    };
    Value { text, meaning, glyph: Some(glyph) }
}

/// A check's summary with what tells architectures apart at its beginning, where a narrow column does not cut it:
/// `407 ELF files, all 64-bit little-endian x86-64` as `x86-64 · 407 files, 64-bit LE`. Other summaries stay.
pub fn short(result: &CheckResult) -> Cow<'_, str> {
    let parts = || {
        let (number, rest) = result.summary.split_once(" ELF file")?;
        let (_, rest) = rest.split_once(", all ").filter(|(plural, _)| matches!(*plural, "" | "s"))?;
        let (bits, rest) = rest.split_once("-bit ")?;
        let (order, rest) = rest.split_once("-endian ")?;
        let order = match order {
            "little" => "LE",
            "big" => "BE",
            _ => return None,
        };
        let (machine, aside) = rest.split_at(rest.find(", ").unwrap_or(rest.len()));
        let files = if number == "1" { "file" } else { "files" };
        Some(format!("{machine} · {number} {files}, {bits}-bit {order}{aside}"))
    };
    match parts() {
        Some(short) if result.check == Check::ElfMachine && result.verdict == Verdict::Pass => Cow::Owned(short),
        _ => Cow::Borrowed(&result.summary),
    }
}

fn of_checks(column: &Column<'_>) -> Value {
    let Some(report) = column.report else { return plain("") };
    let parts = [Verdict::Fail, Verdict::Warn, Verdict::Pass, Verdict::Skip].map(|v| (report.count(v), v));
    let text = parts.iter().filter(|(n, _)| *n > 0).map(|(n, v)| format!("{n} {v}")).collect::<Vec<_>>().join(", ");
    let (glyph, meaning) = status::of_verdict(report.verdict());
    Value { text, meaning, glyph: Some(glyph) }
}

fn missing(model: &Model, column: &Column<'_>) -> Value {
    let failed = model.inspect.failures.get(&column.name);
    let word = if failed.is_some() { "could not be read" } else { "" };
    Value { text: word.into(), meaning: Meaning::Failure, glyph: None }
}

/// ```text
///                  x86_64                       aarch64
/// ▌ state          ✓ verified                   ! wrong arch
///   config says    ✓ linux/amd64                ✓ linux/arm64
///   ELF files say  ✓ 312 ELF files, all x86-64  ✗ 3 of 310 are x86-64
///   entrypoint     fdfind                       =
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rows = rows(model);
    let grid = Grid::new(area, 16, columns(model).len());
    grid.head(model, canvas, "");
    let list = below(area, 1);
    let at = cursor(model).min(rows.len().saturating_sub(1));
    let visible = window(at, rows.len(), usize::from(list.height));
    for (line, index) in visible.clone().enumerate() {
        let fact = &rows[index];
        grid.spots(canvas, line + 1, index);
        grid.label(canvas, line + 1, fact.label, Meaning::Muted);
        for (i, value) in fact.values.iter().enumerate() {
            let cell = grid.cell(i, line + 1);
            let first = fact.values.first().map(|v| v.text.as_str());
            if i > 0 && fact.should_agree && first == Some(value.text.as_str()) && !value.text.is_empty() {
                canvas.text(cell, canvas.glyph(Glyph::Same), Meaning::Muted);
                continue;
            }
            let odd = i > 0 && fact.should_agree && first != Some(value.text.as_str());
            let glyph = if odd { Some(Glyph::Differs) } else { value.glyph };
            let meaning = if odd { Meaning::Changed } else { value.meaning };
            let mark = glyph.map(|g| format!("{} ", canvas.glyph(g))).unwrap_or_default();
            let room = usize::from(cell.width).saturating_sub(text::width(&mark));
            let dots = canvas.glyph(Glyph::Ellipsis);
            let clean = text::printable(&value.text);
            let shown = if fact.label == "manifest" { text::elide_middle(&clean, room, dots) } else { clean };
            let full = format!("{mark}{shown}");
            canvas.text(cell, &full, meaning);
        }
        if index == at {
            view_cursor(canvas, grid.line(line + 1));
        }
    }
    scrollbar(canvas, list, &visible, rows.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_comes_first_and_what_is_not_understood_stays() {
        let result =
            |summary: &str| CheckResult { check: Check::ElfMachine, verdict: Verdict::Pass, summary: summary.into(), findings: Vec::new() };
        for (summary, expected) in [
            ("407 ELF files, all 64-bit little-endian x86-64", "x86-64 · 407 files, 64-bit LE"),
            ("1 ELF file, all 64-bit big-endian S390, 2 BPF programs aside", "S390 · 1 file, 64-bit BE, 2 BPF programs aside"),
            ("no ELF files", "no ELF files"),
            ("312 ELF files, all x86-64", "312 ELF files, all x86-64"),
            ("3 files wrong (of 3 ELF files)", "3 files wrong (of 3 ELF files)"),
        ] {
            assert_eq!(short(&result(summary)), expected);
        }
    }
}
