//! Every screen at five sizes, with a map of what each cell means: text alone would not notice a colour that is gone.
//!
//! `INSTA_UPDATE=always cargo test --lib tui::tests::snapshots` writes them anew.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

use super::states::{after, at_work, inspected, planning, pressed, sending, states};
use crate::tui::fixture::{building, model, published};
use crate::tui::theme::{Library, Meaning};
use crate::tui::{Model, Msg, frame, update};
use crate::verify::Verdict;

/// Columns and lines.
const SIZES: [(u16, u16); 5] = [(80, 24), (120, 40), (200, 50), (240, 70), (20, 6)];

/// A letter for every meaning, in the order of [`Meaning::ALL`]; the selection is told by capitals.
const LETTERS: &str = " .mta_grqsfwxpdcboh";

/// A theme in which every meaning has a colour of its own.
fn told_apart() -> crate::tui::theme::Theme {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("[meaning]\n");
    for (i, meaning) in Meaning::ALL.into_iter().enumerate() {
        let style = match meaning {
            Meaning::Background => "\"reset\"".to_owned(),
            Meaning::Selection => "{ bg = \"#ffffff\" }".to_owned(),
            _ => format!("\"#0000{i:02x}\""),
        };
        writeln!(text, "{} = {style}", meaning.name()).unwrap();
    }
    std::fs::write(folder.path().join("told-apart.toml"), text).unwrap();
    Library::with_folder(folder.path()).unwrap().load("told-apart").unwrap()
}

fn letter(cell: &Cell) -> char {
    let selected = cell.bg == Color::Rgb(255, 255, 255);
    if cell.symbol().trim().is_empty() {
        return if selected { '_' } else { ' ' };
    }
    let meaning = match cell.fg {
        Color::Rgb(0, 0, i) => LETTERS.chars().nth(usize::from(i)).unwrap_or('?'),
        _ => '.',
    };
    match (selected, meaning) {
        (false, letter) => letter,
        (true, '.') => ':',
        (true, letter) => letter.to_ascii_uppercase(),
    }
}

fn lines(buffer: &Buffer, of: impl Fn(&Cell) -> String) -> String {
    let line = |y| (0..buffer.area.width).map(|x| of(&buffer[(x, y)])).collect::<String>().trim_end().to_owned();
    (0..buffer.area.height).map(|y| line(y) + "\n").collect()
}

/// The model at every size: what is seen, then what it means.
#[track_caller]
fn check(name: &str, mut model: Model) {
    model.theme = told_apart();
    let mut out = String::new();
    for (width, height) in SIZES {
        update(&mut model, Msg::Resize(width, height));
        let buffer = frame(&model, width, height);
        let text = lines(&buffer, |cell| cell.symbol().to_owned());
        let map = lines(&buffer, |cell| letter(cell).to_string());
        write!(out, "== {width}x{height}\n{text}-- meanings\n{map}").unwrap();
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, { insta::assert_snapshot!(name, out) });
}

#[test]
fn images() {
    check("images", after("lj"));
    check("images-filtered", after("<space>/sq"));
    let mut at_home = model();
    at_home.keys("B").unwrap();
    building(2).iter().for_each(|event| at_home.feed(event));
    check("images-building", pressed(at_home, "G"));
    check("images-nothing", Model::with_theme("auto").unwrap());
}

#[test]
fn builds() {
    check("builds", at_work(""));
    check("builds-four", at_work("jLL"));
    check("builds-search", at_work("k/deb 1<enter>"));
    check("builds-nothing", after("2"));
}

#[test]
fn inspect() {
    check("inspect-overview", inspected(""));
    check("inspect-config", inspected("]j"));
    check("inspect-layers", inspected("]]"));
    check("inspect-packages", inspected("]]]"));
    check("inspect-files", inspected("]]]]"));
    check("inspect-checks", inspected("<enter>"));
    check("inspect-compare", inspected("["));
}

#[test]
fn release() {
    check("release-select", after("4"));
    check("release-tags", after("4<enter>1.5.0"));
    check("release-gates", planning(Verdict::Warn, ""));
    check("release-plan", planning(Verdict::Pass, "<enter>1.5"));
    check("release-push", sending());
    let mut done = sending();
    published(3, "1.5.0").iter().for_each(|event| done.feed(event));
    check("release-result", pressed(done, ""));
}

#[test]
fn overlays() {
    check("help", after("?"));
    check("palette", after(":bui"));
    check("themes", after("T"));
    check("finding", inspected("<enter><enter>"));
    check("quit", at_work("q"));
}

#[test]
fn an_ascii_dashboard_is_ascii() {
    let wishes = crate::tui::theme::Wishes { ascii: true, still: true };
    for (name, mut model) in states() {
        model.theme = model.theme.as_wished(wishes);
        let text = lines(&frame(&model, 120, 40), |cell| cell.symbol().to_owned());
        assert!(text.is_ascii(), "{name}: {}", text.lines().find(|line| !line.is_ascii()).unwrap_or_default());
    }
}
