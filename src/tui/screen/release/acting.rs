//! What keys and clicks do in the wizard.

use std::collections::BTreeSet;

use super::state::{
    FIELDS, Step, accepted, anew, containers, entered, forget_plan, hint, is_sending, moves_latest, plan, publication, replan,
};
use super::{mend, result, tags};
use crate::release::{Consent, Plan};
use crate::session::Command;
use crate::tui::action::Action;
use crate::tui::hint::key;
use crate::tui::model::{Model, Screen};
use crate::tui::msg::{Effect, Level};
use crate::tui::spot::Spot;
use crate::verify::Verdict;

/// The mouse was clicked on `spot`, `twice` when this was the second time: the cursor goes there, a mark or a switch is set, a step that
/// is over comes back.
pub fn click(model: &mut Model, spot: Spot, twice: bool) -> Vec<Command> {
    match (spot, model.release.step) {
        (Spot::Step(step), _) => return go_to_step(model, step),
        (Spot::Row(row), Step::Select) => model.release.cursor = row,
        (Spot::Mark(row), Step::Select) => {
            model.release.cursor = row;
            select(model, Action::Mark);
            model.release.cursor = row;
            return Vec::new();
        }
        (Spot::Row(field), Step::Tags) => model.release.field = field,
        (Spot::Mark(field), Step::Tags) => {
            model.release.field = field;
            return act(model, Action::Mark);
        }
        // What can be copied is copied: enter would begin another release.
        (Spot::Row(row), Step::Result) => {
            model.release.scroll = row;
            return if twice { act(model, Action::Copy) } else { Vec::new() };
        }
        _ => return Vec::new(),
    }
    if twice { act(model, Action::Open) } else { Vec::new() }
}

/// Back to a step that is over, as esc goes back; the next one begins as with enter.
fn go_to_step(model: &mut Model, step: Step) -> Vec<Command> {
    let at = model.release.step;
    if step as usize == at as usize + 1 {
        return act(model, Action::Open);
    }
    if step > at {
        let key = key(model, Action::Open);
        hint(model, format!("one step after the other: {key} goes on"));
    } else if matches!(at, Step::Push | Step::Result) && step < at {
        hint(model, "what has been sent cannot be taken back by going back");
    }
    while model.release.step > step && !matches!(model.release.step, Step::Push | Step::Result) {
        back(model);
    }
    Vec::new()
}

/// Does what `action` means here.
pub fn act(model: &mut Model, action: Action) -> Vec<Command> {
    model.release.hint = None;
    match (model.release.step, action) {
        (_, Action::Open) => return forward(model),
        (_, Action::Back) => back(model),
        (Step::Push, Action::Cancel) => return vec![Command::Cancel { run: model.release.run, target: None }],
        (Step::Select, action) => select(model, action),
        (Step::Tags, Action::FocusNext | Action::Down) => model.release.field = (model.release.field + 1) % FIELDS.len(),
        (Step::Tags, Action::FocusPrevious | Action::Up) => model.release.field = (model.release.field + FIELDS.len() - 1) % FIELDS.len(),
        (Step::Tags, Action::Mark) if model.release.field == 2 => model.release.latest = Some(moves_latest(model) != Some(true)),
        (Step::Tags, Action::Mark) => model.release.force = !model.release.force,
        (Step::Gates, Action::AcceptWarnings) => match plan(model).map(Plan::verdict) {
            Some(Verdict::Warn) => model.release.accepting = true,
            Some(Verdict::Fail) => hint(model, "a gate blocks this release; that cannot be accepted"),
            _ => hint(model, "there is nothing to accept"),
        },
        (Step::Gates | Step::Preview, Action::Replan) => return replan(model),
        (Step::Gates, Action::Copy | Action::CopyAll) => match mend::command_to_copy(model) {
            Some(text) => model.effects.push(Effect::Copy { what: text.clone(), text }),
            None => hint(model, "no gate here names a command"),
        },
        (Step::Preview, Action::Copy | Action::CopyAll) => {
            let text = result::dry_run(model);
            model.effects.push(Effect::Copy { what: text.clone(), text });
        }
        (Step::Result, Action::WriteReceipt) => write_receipt(model),
        (Step::Push | Step::Result, Action::Copy | Action::CopyAll) => copy(model, action == Action::CopyAll),
        (_, Action::Up) => model.release.scroll = model.release.scroll.saturating_sub(1),
        (_, Action::Down) => model.release.scroll += 1,
        (_, Action::PageUp) => model.release.scroll = model.release.scroll.saturating_sub(10),
        (_, Action::PageDown) => model.release.scroll += 10,
        (_, Action::Top) => model.release.scroll = 0,
        _ => {}
    }
    // What is scrolled past the end would have to be scrolled back line by line.
    model.release.scroll = model.release.scroll.min(super::view::lines(model).saturating_sub(1));
    Vec::new()
}

fn select(model: &mut Model, action: Action) {
    let names = containers(model);
    let last = names.len().saturating_sub(1);
    let release = &mut model.release;
    match action {
        Action::Up => release.cursor = release.cursor.saturating_sub(1),
        Action::Down => release.cursor = (release.cursor + 1).min(last),
        Action::Top => release.cursor = 0,
        Action::Bottom => release.cursor = last,
        Action::Mark => {
            release.touched = true;
            if let Some(name) = names.get(release.cursor.min(last))
                && !release.chosen.remove(name)
            {
                release.chosen.insert(name.clone());
            }
            release.cursor = (release.cursor + 1).min(last);
        }
        Action::MarkAll => {
            release.touched = true;
            let all: BTreeSet<_> = names.into_iter().collect();
            release.chosen = if release.chosen == all { BTreeSet::new() } else { all };
        }
        _ => {}
    }
}

fn forward(model: &mut Model) -> Vec<Command> {
    match model.release.step {
        Step::Select if model.release.chosen.is_empty() => {
            let key = key(model, Action::Mark);
            hint(model, format!("choose a container first: {key}"));
        }
        Step::Select => {
            model.release.step = Step::Tags;
            model.release.field = 0;
        }
        Step::Tags => match tags::problem(model) {
            Some(problem) => hint(model, problem),
            None => return replan(model),
        },
        Step::Gates => match plan(model).map(Plan::verdict) {
            None if model.release.failure.is_some() => return replan(model),
            None => hint(model, "the plan is still being computed"),
            Some(Verdict::Fail) => {
                let key = key(model, Action::Replan);
                hint(model, format!("a gate blocks this release; mend it, then {key} plans again"));
            }
            Some(Verdict::Warn) if model.release.accepting => match model.release.reason.value().trim() {
                "" => hint(model, "type why; the receipt keeps it"),
                _ => model.release.accepting = false,
            },
            Some(Verdict::Warn) if accepted(model).is_none() => {
                let key = key(model, Action::AcceptWarnings);
                hint(model, format!("there are warnings: {key} accepts them, with a reason"));
            }
            Some(_) => {
                model.release.step = Step::Preview;
                model.release.scroll = 0;
                model.release.confirm.reset();
            }
        },
        Step::Preview => return send(model),
        Step::Push if is_sending(model) => {
            let key = key(model, Action::Cancel);
            hint(model, format!("still sending; {key} stops it"));
        }
        Step::Push if publication(model).is_some_and(|p| p.receipt.is_some()) => model.release.step = Step::Result,
        // It failed or was stopped: a new plan finds what has arrived and sends only the rest.
        Step::Push => return replan(model),
        Step::Result => {
            anew(model);
            entered(model);
        }
    }
    Vec::new()
}

/// Sends the plan that was shown, if the version was typed.
fn send(model: &mut Model) -> Vec<Command> {
    let Some(shown) = plan(model).cloned() else {
        let key = key(model, Action::Replan);
        hint(model, format!("there is no plan any more; {key} computes one"));
        return Vec::new();
    };
    if model.release.confirm.value().trim() != shown.version {
        hint(model, format!("not {0}: type {0} to send it; nothing has been sent", shown.version));
        return Vec::new();
    }
    model.release.step = Step::Push;
    model.release.run = None;
    model.release.scroll = 0;
    model.release.confirm.reset();
    let consent = Consent { accept_warnings: false, reason: accepted(model), force: model.release.force };
    vec![Command::Publish { plan: Box::new(shown), consent }]
}

fn back(model: &mut Model) {
    let sending = is_sending(model);
    let release = &mut model.release;
    release.scroll = 0;
    match release.step {
        Step::Select | Step::Result => model.screen = Screen::Images,
        Step::Tags => release.step = Step::Select,
        Step::Gates if release.accepting => {
            release.accepting = false;
            release.reason.reset();
        }
        Step::Gates => {
            (release.step, release.field) = (Step::Tags, 0);
            forget_plan(model);
        }
        Step::Preview => release.step = Step::Gates,
        // What has been sent cannot be taken back by going back; the tab can be left while it goes on.
        Step::Push if sending => model.screen = Screen::Images,
        Step::Push => release.step = Step::Tags,
    }
}

/// Puts the receipt into the folder one works in, for those who keep it beside the sources.
fn write_receipt(model: &mut Model) {
    let Some(receipt) = publication(model).and_then(|p| p.receipt.as_deref()) else { return };
    match serde_json::to_string_pretty(receipt) {
        Ok(text) => {
            let name = format!("receipt-{}", receipt.file_name());
            model.effects.push(Effect::Write { path: name.into(), text: text + "\n" });
        }
        Err(error) => model.say(Level::Error, format!("the receipt cannot be written: {error}")),
    }
}

fn copy(model: &mut Model, all: bool) {
    let lines = result::copyable(model);
    let at = model.release.scroll.min(lines.len().saturating_sub(1));
    let taken: Vec<String> = if all { lines } else { lines.into_iter().skip(at).take(1).collect() };
    if taken.is_empty() {
        model.say(Level::Info, "nothing is published yet");
        return;
    }
    let what = if all { format!("{} lines", taken.len()) } else { taken[0].clone() };
    model.effects.push(Effect::Copy { what, text: taken.join("\n") });
}
