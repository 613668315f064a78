//! Draws the rail of steps and the step itself.

use ratatui::layout::Rect;

use super::state::{Step, is_sending, plan, publication};
use super::{gates, preview, push, result, select, tags};
use crate::tui::action::Action;
use crate::tui::model::Model;
use crate::tui::spot::Spot;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, beside_scrollbar, panel, right_of, row, scrollbar};
use crate::verify::Verdict;

/// One line of a page: pieces, and what a click on it does.
type Line = (Vec<(String, Meaning)>, Option<Action>);

/// Lines of a step that can be longer than the screen.
pub struct Page {
    lines: Vec<Line>,
}

impl Page {
    /// An empty page.
    pub fn new() -> Self {
        Page { lines: Vec::new() }
    }

    /// Adds a line in one meaning.
    pub fn line(&mut self, text: impl Into<String>, meaning: Meaning) {
        self.lines.push((vec![(text.into(), meaning)], None));
    }

    /// Adds a line of pieces.
    pub fn pieces(&mut self, pieces: Vec<(String, Meaning)>) {
        self.lines.push((pieces, None));
    }

    /// Adds a key with what it does, behind `before`; a click does it too. Nothing is said of a key that the user has taken away.
    pub fn key(&mut self, before: String, key: &str, word: &str, action: Action) {
        if !key.is_empty() {
            let pieces = vec![(before, Meaning::Warning), (key.to_owned(), Meaning::Accent), (format!(" {word}"), Meaning::Text)];
            self.lines.push((pieces, Some(action)));
        }
    }

    /// Adds an empty line.
    pub fn blank(&mut self) {
        self.lines.push((Vec::new(), None));
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Draws the page from line `first` on.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, first: usize) {
        let height = usize::from(area.height);
        let first = first.min(self.lines.len().saturating_sub(height));
        let text = beside_scrollbar(area, self.lines.len());
        for (i, line) in self.lines.iter().skip(first).take(height).enumerate() {
            let (pieces, action) = line;
            let pieces: Vec<_> = pieces.iter().map(|(t, m)| (t.as_str(), canvas.style(*m))).collect();
            canvas.spans(row(text, i), &pieces);
            if let Some(action) = action {
                canvas.spot(row(text, i), Spot::Do(*action));
            }
        }
        scrollbar(canvas, area, &(first..(first + height).min(self.lines.len())), self.lines.len());
    }
}

/// How many lines the present step has to scroll through.
pub fn lines(model: &Model) -> usize {
    match model.release.step {
        Step::Gates => gates::page(model, 80).len(),
        Step::Preview => preview::page(model).len(),
        Step::Push => push::len(model),
        Step::Result => result::copyable(model).len(),
        Step::Select | Step::Tags => 1,
    }
}

/// ```text
///  ✓ Select              ╭─ Version and tags ─────────────────────────╮
///  ▌ Version and tags    │                                            │
///  · Gates               │                                            │
///  · Plan                │                                            │
///  · Push                │                                            │
///  · Result              ╰────────────────────────────────────────────╯
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    let inside = if body.width >= 70 {
        let rail = 24;
        for (i, step) in Step::ALL.into_iter().enumerate() {
            view_step(model, canvas, row(Rect { width: rail, ..below(body, 1) }, i * 2), step);
        }
        panel(canvas, right_of(body, rail), model.release.step.title(), &note(model), true)
    } else {
        let title = format!("{}/6 {}", model.release.step as usize + 1, model.release.step.title());
        panel(canvas, body, &title, &note(model), true)
    };
    let inside = Rect { width: inside.width.saturating_sub(2), ..right_of(inside, 1) };
    match model.release.step {
        Step::Select => select::view(model, canvas, inside),
        Step::Tags => tags::view(model, canvas, inside),
        Step::Gates => gates::view(model, canvas, inside),
        Step::Preview => preview::view(model, canvas, inside),
        Step::Push => push::view(model, canvas, inside),
        Step::Result => result::view(model, canvas, inside),
    }
}

fn note(model: &Model) -> String {
    match model.release.step {
        Step::Push | Step::Result => String::new(),
        _ => "nothing has been sent".into(),
    }
}

fn view_step(model: &Model, canvas: &mut Canvas<'_>, line: Rect, step: Step) {
    let here = step == model.release.step;
    let failed = match step {
        Step::Gates => plan(model).is_some_and(|p| p.verdict() == Verdict::Fail) || model.release.failure.is_some(),
        Step::Push => publication(model).is_some_and(|p| p.failure.is_some()),
        _ => false,
    };
    let busy = here && (model.release.planning || (step == Step::Push && is_sending(model)));
    let (glyph, meaning) = if failed {
        (canvas.glyph(Glyph::Fail), Meaning::Failure)
    } else if busy {
        (model.theme.turning(model.now), Meaning::Running)
    } else if step < model.release.step || (here && step == Step::Result) {
        (canvas.glyph(Glyph::Pass), Meaning::Success)
    } else if here {
        (canvas.glyph(Glyph::Caret), Meaning::Accent)
    } else {
        (canvas.glyph(Glyph::Never), Meaning::Muted)
    };
    canvas.spot(line, Spot::Step(step));
    canvas.text(right_of(line, 1), glyph, meaning);
    canvas.text(right_of(line, 4), step.title(), if here { Meaning::Title } else { Meaning::Muted });
}
