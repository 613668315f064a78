//! The dashboard in the states that people see it in.

use crate::catalog::Architecture;
use crate::error::Kind;
use crate::session::{EventKind, Failure, RunId};
use crate::tui::fixture::{
    building, comparison, event, failure, inspection, listing, model, planned, published, publishing, report, target,
};
use crate::tui::{Model, Msg, Request, update};
use crate::verify::Verdict;

/// Keys are pressed at an ordinary size.
pub fn after(keys: &str) -> Model {
    pressed(model(), keys)
}

pub fn pressed(mut model: Model, keys: &str) -> Model {
    update(&mut model, Msg::Resize(120, 40));
    model.keys(keys).unwrap();
    // What was said in passing is gone.
    let later = model.now + 10_000;
    update(&mut model, Msg::Tick(later));
    model
}

pub fn at_work(keys: &str) -> Model {
    let mut model = model();
    model.keys("B2").unwrap();
    building(2).iter().for_each(|event| model.feed(event));
    pressed(model, keys)
}

pub fn inspected(keys: &str) -> Model {
    let mut model = after("jj<enter>");
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        let lies = architecture == Architecture::Aarch64;
        let target = target("jq", architecture);
        for event in [inspection(&target), report(&target, lies), listing(&target, lies)] {
            model.feed(&event);
        }
    }
    model.feed(&comparison("jq"));
    pressed(model, keys)
}

pub fn planning(worst: Verdict, keys: &str) -> Model {
    let mut model = after("4<enter>1.5.0<enter>");
    model.feed(&planned(2, "1.5.0", worst));
    pressed(model, keys)
}

pub fn sending() -> Model {
    let mut model = planning(Verdict::Pass, "<enter>1.5.0<enter>");
    publishing(3, "1.5.0").iter().for_each(|event| model.feed(event));
    pressed(model, "")
}

pub fn sent() -> Model {
    let mut model = sending();
    published(3, "1.5.0").iter().for_each(|event| model.feed(event));
    pressed(model, "")
}

/// Sending has failed half-way.
fn cut_off() -> Model {
    let mut model = sending();
    let failure = Failure { kind: Kind::Network, ..failure() };
    model.feed(&event(3, 64_000, EventKind::RunFailed { failure }));
    pressed(model, "")
}

/// A catalog that cannot be read, or that is not there.
fn broken(begin: bool) -> Model {
    let mut model = Model::with_theme("auto").unwrap();
    model.begin = begin.then(|| "/home/a/containers.toml".into());
    model.sent(Request::Catalog, RunId(1));
    model.feed(&event(1, 5, EventKind::RunFailed { failure: failure() }));
    pressed(model, "")
}

/// Every state, with a name for messages.
pub fn states() -> Vec<(&'static str, Model)> {
    let mut built_here = model();
    built_here.keys("B").unwrap();
    building(2).iter().for_each(|event| built_here.feed(event));
    let mut checked = model();
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        checked.feed(&report(&target("fd", architecture), architecture == Architecture::Aarch64));
    }
    vec![
        ("images", after("lj")),
        ("images, checked", pressed(checked, "")),
        ("images, marked and filtered", after("<space>/xyz<enter>")),
        ("images, filter typed", after("/sq")),
        ("images, building", pressed(built_here, "G")),
        ("nothing read", Model::with_theme("auto").unwrap()),
        ("broken", broken(false)),
        ("none", broken(true)),
        ("builds", at_work("")),
        ("builds, four", at_work("jLL")),
        ("builds, nine, with times", at_work("jLLLt")),
        ("builds, zoomed and wrapped", at_work("jwz")),
        ("builds, searched", at_work("k/deb 1<enter>")),
        ("builds, search typed", at_work("k/deb")),
        ("builds, narrowed", at_work("k&deb")),
        ("builds, nothing", after("2")),
        ("inspect, nothing read", after("G<enter>")),
        ("overview", inspected("")),
        ("config", inspected("]j")),
        ("layers", inspected("]]")),
        ("packages", inspected("]]]")),
        ("packages, searched", inspected("]]]/cu")),
        ("files", inspected("]]]]")),
        ("checks", inspected("<enter>")),
        ("compare", inspected("[")),
        ("select", after("4")),
        ("select, not built", after("Gp")),
        ("tags", after("4<enter>")),
        ("tags, typed", after("4<enter>1.4.2<tab>stable<tab>")),
        ("planning", after("4<enter>1.5.0<enter>")),
        ("gates, open", planning(Verdict::Pass, "")),
        ("gates, warned", planning(Verdict::Warn, "")),
        ("gates, reason typed", planning(Verdict::Warn, "Wbecause")),
        ("gates, accepted", planning(Verdict::Warn, "Wbecause<enter>")),
        ("gates, blocked", planning(Verdict::Fail, "")),
        ("plan", planning(Verdict::Pass, "<enter>1.5")),
        ("push", sending()),
        ("push, failed", cut_off()),
        ("result", sent()),
        ("help", after("?")),
        ("palette", after(":bui")),
        ("messages", at_work("M")),
        ("themes", after("T")),
        ("finding", inspected("<enter><enter>")),
        ("quit", at_work("q")),
    ]
}
