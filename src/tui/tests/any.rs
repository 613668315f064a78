//! Any events, keys, sizes and strings, in any order: never a panic, never a cell outside.

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::catalog::Architecture;
use crate::image::Digest;
use crate::session::{Event, EventKind, RunId};
use crate::tui::fixture::{self, built, catalog, comparison, event, inspection, listing, planned, published, report, target};
use crate::tui::log_file::Page;
use crate::tui::{Effect, Model, Msg, update, view};
use crate::verify::Verdict;

const NASTY: [&str; 8] = [
    "日本語テスト",
    "👩‍👩‍👧‍👦 family",
    "\u{1b}[31mred\u{1b}[0m",
    "a\rb\r",
    "nul\0",
    "\u{202e}rtl",
    "",
    "x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x",
];

fn any_event() -> impl Strategy<Value = Event> {
    let t = (0usize..6, prop::bool::ANY)
        .prop_map(|(i, x)| target(fixture::NAMES[i].0, if x { Architecture::X86_64 } else { Architecture::Aarch64 }));
    (0usize..31, t, 0usize..NASTY.len(), 0u64..6, 0u64..100_000).prop_map(|(kind, t, s, run, at)| {
        let text = NASTY[s].to_owned();
        let failure =
            || crate::session::Failure { kind: crate::error::Kind::Failed, message: NASTY[s].into(), hint: Some(NASTY[7 - s].into()) };
        let image = built(&t);
        match kind {
            0 => Event { run: RunId(run), ..catalog() },
            1 => event(run, at, EventKind::RunStarted { command: "build".into() }),
            2 => event(run, at, EventKind::BuildQueued { target: t }),
            3 => event(run, at, EventKind::BuildStarted { log: Some(format!("/state/runs/1/{t}.log").into()), target: t }),
            4 => event(run, at, EventKind::PhaseChanged { target: t, phase: text }),
            5 => event(run, at, EventKind::Progressed { target: t, done: at, total: run * 1000, unit: crate::progress::Unit::Bytes }),
            6 => event(run, at, EventKind::OutputReceived { target: t, lines: vec![text; (at % 2000) as usize] }),
            7 => event(run, at, EventKind::BuildFinished { target: t, outcome: crate::session::Outcome::Failed(failure()), took: at }),
            8 => event(run, at, EventKind::BuildFinished { target: t, outcome: crate::session::Outcome::Succeeded { image }, took: at }),
            9 => inspection(&t),
            10 => report(&t, at % 2 == 0),
            11 => event(run, at, EventKind::VerifyStarted { subject: t.to_string(), target: Some(t) }),
            12 => planned(run, "1.5.0", Verdict::Pass),
            13 => event(run, at, EventKind::PublishStarted { version: text, bytes: at }),
            14 => event(run, at, EventKind::BlobProgressed { container: t.container, digest: Digest::of(b"x"), sent: at, total: run }),
            15 => event(
                run,
                at,
                EventKind::TagPublished {
                    container: t.container,
                    reference: text,
                    digest: Digest::of(b"x"),
                    change: crate::release::TagChange::New,
                },
            ),
            16 => published(run, "1.5.0").into_iter().nth_back(1).unwrap(),
            17 => event(run, at, EventKind::RunFinished { failed: 1, took: 1 }),
            18 => event(run, at, EventKind::RunFailed { failure: failure() }),
            19 => event(run, at, EventKind::RunOutput { lines: vec![text; 3] }),
            20 => event(run, at, EventKind::RunPhaseChanged { phase: text }),
            21 => event(run, at, EventKind::TagRolledBack { container: t.container, reference: text, digest: None }),
            22 => listing(&t, at % 2 == 0),
            23 => comparison(t.container.as_str()),
            24 => event(run, at, EventKind::TagRuleRead { latest: at % 2 == 0, why: text }),
            25 => event(run, at, EventKind::OutputReceived { target: t, lines: vec![format!("error: {text}").repeat(2_000); 3] }),
            26 => event(run, at, EventKind::LoadProgressed { target: t, done: at, total: run * 1000 }),
            27 => event(run, at, EventKind::TestStarted { target: t, command: vec![text.clone(), text], log: Some("/x".into()) }),
            28 => event(run, at, EventKind::TestOutput { target: t, lines: vec![text; (at % 2000) as usize] }),
            29 => {
                let outcome = crate::session::TestOutcome::Failed { code: None, message: text, hint: None };
                event(run, at, EventKind::TestFinished { target: t, outcome, took: at })
            }
            _ => event(
                run,
                at,
                EventKind::CatalogLoaded { path: "x".into(), registry: Some(text), targets: Vec::new(), published: Default::default() },
            ),
        }
    })
}

#[derive(Clone, Debug)]
enum Step_ {
    Event(Box<Event>),
    Key(&'static str),
    Size(u16, u16),
    Mouse(u16, u16, u8),
    Page(u64, usize),
    Tick(u64),
}

fn any_step() -> impl Strategy<Value = Step_> {
    const KEYS: [&str; 58] = [
        "1",
        "2",
        "3",
        "4",
        "j",
        "k",
        "h",
        "l",
        "g",
        "G",
        "<pgup>",
        "<pgdn>",
        "<enter>",
        "<enter>",
        "<enter>",
        "<esc>",
        "<tab>",
        "<shift-tab>",
        "/",
        ":",
        "?",
        "T",
        "M",
        "m",
        "<space>",
        "a",
        "b",
        "B",
        "v",
        "V",
        "i",
        "p",
        "x",
        "X",
        "r",
        "L",
        "z",
        "w",
        "f",
        "y",
        "Y",
        "[",
        "]",
        "<lt>",
        "<gt>",
        "D",
        "W",
        "1.5.0",
        "n",
        "日",
        "s",
        "t",
        "&",
        "E",
        "=",
        "w",
        "v",
        "<end>",
    ];
    prop_oneof![
        3 => any_event().prop_map(|e| Step_::Event(Box::new(e))),
        4 => prop::sample::select(KEYS.to_vec()).prop_map(Step_::Key),
        1 => (0u16..130, 0u16..60).prop_map(|(w, h)| Step_::Size(w, h)),
        1 => (0u16..130, 0u16..60, 0u8..4).prop_map(|(x, y, how)| Step_::Mouse(x, y, how)),
        1 => (0u64..9_000, 0usize..40).prop_map(|(first, n)| Step_::Page(first, n)),
        1 => (0u64..200_000).prop_map(Step_::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn any_events_keys_and_sizes_are_drawn_without_panic_and_inside(steps in prop::collection::vec(any_step(), 1..60), theme in 0usize..crate::tui::theme::BUILT_IN.len()) {
        use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
        let name = crate::tui::theme::BUILT_IN[theme].0;
        let mut m = Model::with_theme(name).unwrap();
        for step in steps {
            match step {
                Step_::Event(e) => drop(update(&mut m, Msg::Engine(e))),
                Step_::Key(keys) => drop(m.keys(keys).unwrap()),
                Step_::Size(w, h) => drop(update(&mut m, Msg::Resize(w, h))),
                Step_::Mouse(column, row, how) => {
                    let kind = match how {
                        0 => MouseEventKind::ScrollUp,
                        1 => MouseEventKind::Down(MouseButton::Left),
                        2 => MouseEventKind::Drag(MouseButton::Left),
                        _ => MouseEventKind::Up(MouseButton::Left),
                    };
                    update(&mut m, Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
                }
                Step_::Page(first, n) => {
                    // Whatever was asked for, this comes back: of the log that is looked at, or of another.
                    let path = m.effects.iter().rev().find_map(|e| match e {
                        Effect::ReadLog(path, _) => Some(path.clone()),
                        _ => None,
                    });
                    let path = path.unwrap_or_else(|| "/state/runs/1/curl/aarch64.log".into());
                    let found = if n % 2 == 0 { (0, 0) } else { (1, 2) };
                    let lines: Vec<String> = (0..n).map(|i| NASTY[i % NASTY.len()].to_owned()).collect();
                    let page = Page { path, first, lines, total: first + n as u64, at: (n > 0).then_some(first), found };
                    update(&mut m, Msg::LogRead(Ok(page)));
                }
                Step_::Tick(now) => drop(update(&mut m, Msg::Tick(now))),
            }
            // Drawn into the middle of a larger buffer's worth of area: every cell index is checked by the buffer.
            let mut buffer = Buffer::empty(Rect::new(0, 0, m.width, m.height));
            let cursor = view(&m, &mut buffer);
            if let Some(cursor) = cursor {
                prop_assert!(buffer.area.contains(cursor), "{cursor:?}");
            }
        }
    }
}
