//! What is awaited of the engine: told when it takes more than a moment, with the time and a way to stop when it takes long.

use super::action::Action;
use super::model::{Model, Screen};
use super::msg::Request;
use super::text;
use crate::session::{Command, Run, RunId};

/// A moment, in milliseconds: what takes no longer is not worth a word.
const MOMENT: u64 = 150;
/// From when on it takes long, in milliseconds.
const LONG: u64 = 5_000;

/// The run that is awaited longest, unless it has begun only a moment ago. Builds and publications have screens of their own.
fn longest(model: &Model) -> Option<(RunId, &Request, &Run)> {
    let running = model.requests.iter().filter_map(|(id, request)| {
        let run = model.state.runs.get(id).filter(|run| run.is_running())?;
        (!matches!(request, Request::Build | Request::Publish | Request::Other)).then_some((*id, request, run))
    });
    running.min_by_key(|(_, _, run)| run.started).filter(|(_, _, run)| waited(model, run) >= MOMENT)
}

fn waited(model: &Model, run: &Run) -> u64 {
    model.now.saturating_sub(run.started)
}

/// Whether something is awaited that can be stopped.
pub fn is_awaited(model: &Model) -> bool {
    longest(model).is_some()
}

/// ```text
/// ⠙ planning the release: registry  0:07  x cancels
/// ```
pub fn words(model: &Model) -> Option<String> {
    // The list of builds has a row for what runs, and its time.
    let (_, request, run) = longest(model).filter(|_| model.screen != Screen::Builds)?;
    let what = match request {
        Request::Catalog => "reading containers.toml".into(),
        Request::Verify(subjects) => match subjects.as_slice() {
            [one] => format!("checking {one}"),
            many => format!("checking {}", text::count(many.len(), "image")),
        },
        Request::Inspect(subject) => format!("reading {subject}"),
        Request::ListFiles(subject) => format!("listing the files of {subject}"),
        Request::Compare(subject) => format!("comparing {subject}"),
        Request::Plan => "planning the release".into(),
        Request::Build | Request::Publish | Request::Other => return None,
    };
    let mut out = format!("{} {}", model.theme.turning(model.now), text::printable(&what));
    if let Some(phase) = &run.phase {
        out.push_str(&format!(": {}", text::printable(phase)));
    }
    if waited(model, run) >= LONG {
        out.push_str(&format!("  {}", text::clock(waited(model, run))));
        let keys = model.keymap.keys(model.screen.scope(), Action::Cancel);
        out.extend(keys.first().map(|key| format!("  {key} cancels")));
    }
    Some(out)
}

/// Stops what is awaited.
pub fn cancel(model: &Model) -> Vec<Command> {
    longest(model).map(|(run, ..)| Command::Cancel { run: Some(run), target: None }).into_iter().collect()
}

/// In how many milliseconds there is something to say of what has begun, if it takes until then.
pub fn next_word(model: &Model) -> Option<u64> {
    let begun = model.requests.keys().filter_map(|id| model.state.runs.get(id)).filter(|run| run.is_running());
    begun.map(|run| waited(model, run)).filter(|waited| *waited < MOMENT).map(|waited| MOMENT - waited).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::EventKind;
    use crate::tui::fixture::{event, model, screen};
    use crate::tui::{Msg, update};

    /// A check of both images of fd that began at 1,000 ms.
    fn checking() -> Model {
        let mut model = model();
        update(&mut model, Msg::Tick(1_000));
        model.keys("v").unwrap();
        model.feed(&event(2, 1_000, EventKind::RunStarted { command: "verify".into() }));
        model
    }

    #[test]
    fn what_takes_long_is_told_with_its_time_and_the_key_that_ends_it() {
        let mut m = checking();
        assert!(!screen(&mut m, 80, 24).contains("checking"));
        assert_eq!(m.next_change(), Some(125));
        update(&mut m, Msg::Tick(1_150));
        assert!(screen(&mut m, 80, 24).contains("checking 2 images"), "{}", screen(&mut m, 80, 24));
        assert!(!screen(&mut m, 80, 24).contains("cancels"));
        update(&mut m, Msg::Tick(8_000));
        m.feed(&event(2, 8_000, EventKind::RunPhaseChanged { phase: "scan".into() }));
        for height in [10, 24] {
            let shown = screen(&mut m, 80, height);
            assert!(shown.contains("checking 2 images: scan  0:07  x cancels"), "{shown}");
        }
        assert!(matches!(m.keys("x").unwrap()[0], Command::Cancel { run: Some(RunId(2)), target: None }));
        m.feed(&event(2, 8_100, EventKind::RunFinished { failed: 0, took: 7_100 }));
        assert!(!screen(&mut m, 80, 24).contains("cancels"));
        assert!(m.keys("x").unwrap().is_empty(), "nothing is awaited any more");
    }

    #[test]
    fn without_motion_the_first_word_comes_in_time_too() {
        let mut m = checking();
        m.theme.spinner = false;
        assert_eq!(m.next_change(), Some(MOMENT));
        update(&mut m, Msg::Tick(1_150));
        assert_eq!(m.next_change(), Some(1_000));
    }
}
