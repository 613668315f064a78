//! The dashboard as a whole: keys in, commands out; events in, cells out.

mod any;
mod gates;
mod images;
mod logs;
mod mouse;
mod release;
mod running;
mod seen;
mod snapshots;
mod states;

use ratatui::style::Modifier;

use super::fixture::{
    building, catalog, event, failure, inspection, model, output, plan, planned, published, publishing, report, screen, target,
};
use super::model::Quit;
use super::screen::release::Step;
use super::{Effect, Model, Msg, Screen, frame, update};
use crate::catalog::Architecture;
use crate::session::{Command, Event, EventKind, ImageState, RunId};
use crate::verify::Verdict;

fn feed(model: &mut Model, events: impl IntoIterator<Item = Event>) {
    events.into_iter().for_each(|e| model.feed(&e));
}

fn targets(command: &Command) -> Vec<String> {
    match command {
        Command::Build(request) => request.targets.iter().map(ToString::to_string).collect(),
        Command::Verify(request) => request.references.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn b_builds_the_row_the_cell_or_what_is_marked() {
    let mut m = model();
    assert_eq!(targets(&m.keys("b").unwrap()[0]), ["fd/x86_64", "fd/aarch64"]);
    assert_eq!(targets(&m.keys("jlb").unwrap()[0]), ["rg/x86_64"]);
    assert_eq!(targets(&m.keys("<space>jl<space>b").unwrap()[0]), ["rg/x86_64", "sqlite3/aarch64"]);
    assert!(m.images.marked.is_empty());
    assert!(targets(&m.keys("B").unwrap()[0]).is_empty());
}

#[test]
fn only_what_is_built_is_verified_and_the_rest_says_why() {
    let mut m = model();
    assert_eq!(targets(&m.keys("v").unwrap()[0]), ["fd/x86_64", "fd/aarch64"]);
    assert!(m.keys("Gv").unwrap().is_empty());
    assert!(m.notices.last().unwrap().text.contains("not built yet"));
    assert_eq!(targets(&m.keys("V").unwrap()[0]).len(), 8);
}

#[test]
fn the_filter_takes_letters_that_are_keys_elsewhere() {
    let mut m = model();
    assert!(m.keys("/sqb<enter>").unwrap().is_empty());
    assert!(screen(&mut m, 80, 24).contains("No container is like"));
    m.keys("<esc>/sql").unwrap();
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("▌ sqlite3") && !shown.contains("ripgrep"), "{shown}");
    assert_eq!(targets(&m.keys("<enter>b").unwrap()[0]), ["sqlite3/x86_64", "sqlite3/aarch64"]);
}

#[test]
fn a_failure_comes_to_the_front_with_its_reason_and_the_command_that_repeats_it() {
    let mut m = model();
    m.keys("B").unwrap();
    feed(&mut m, building(2));
    m.keys("2").unwrap();
    let shown = screen(&mut m, 100, 30);
    for needle in ["✗ git", "libgit2-9.9", "catamaran update renews", "catamaran build git --target x86_64", "last lines", "queued"] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    assert_eq!(targets(&m.keys("r").unwrap()[0]), ["git/x86_64"]);
    let stopped = m.keys("jjx").unwrap();
    assert!(
        matches!(&stopped[0], Command::Cancel { run: Some(RunId(2)), target: Some(t) } if t.to_string() == "curl/aarch64"),
        "{stopped:?}"
    );
    assert!(matches!(m.keys("X").unwrap()[0], Command::Cancel { run: None, target: None }));
}

#[test]
fn rows_of_builds_do_not_move_while_they_are_looked_at() {
    let mut m = model();
    m.keys("B2").unwrap();
    feed(&mut m, building(2));
    let before = m.builds.order.clone();
    m.feed(&event(
        2,
        50_000,
        EventKind::BuildFinished { target: target("curl", Architecture::Aarch64), outcome: crate::session::Outcome::Cancelled, took: 1 },
    ));
    assert_eq!(m.builds.order, before);
    m.keys("1").unwrap();
    m.feed(&event(2, 50_001, EventKind::RunPhaseChanged { phase: "index".into() }));
    assert_ne!(m.builds.order, before);
}

#[test]
fn scrolling_up_pauses_the_log_and_the_end_resumes_it() {
    let mut m = model();
    m.keys("B2").unwrap();
    feed(&mut m, building(2));
    let curl = target("curl", Architecture::Aarch64);
    super::screen::builds::select(&mut m, &curl);
    m.keys("<pgup>").unwrap();
    m.feed(&output(2, 43_000, &curl, 40, 50));
    assert!(screen(&mut m, 100, 30).contains("below"));
    m.keys("G").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("amd64.deb 89") && !shown.contains("paused"), "{shown}");
    m.keys("/DEB 17<enter>").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("match 1/1") && shown.contains("amd64.deb 17"), "{shown}");
    m.keys("<esc>Y").unwrap();
    assert!(matches!(m.effects.last(), Some(Effect::Copy { what, .. }) if what == "90 lines"), "{:?}", m.effects.last());
}

#[test]
fn inspecting_reads_and_checks_each_image_once() {
    let mut m = model();
    let asked = m.keys("<enter>").unwrap();
    assert_eq!(m.screen, Screen::Inspect);
    assert_eq!(asked.iter().filter(|c| matches!(c, Command::Inspect(_))).count(), 2);
    assert_eq!(asked.iter().filter(|c| matches!(c, Command::Verify(v) if v.references.len() == 2)).count(), 1);
    assert!(m.keys("1<enter>").unwrap().is_empty());
    let asked = m.keys(":inspect ghcr.io/a/b:1<enter>").unwrap();
    assert!(matches!(&asked[0], Command::Inspect(r) if r.to_string() == "docker://ghcr.io/a/b:1"), "{asked:?}");
}

#[test]
fn an_architecture_that_lies_is_seen_side_by_side() {
    let mut m = model();
    m.keys("jj<enter>").unwrap();
    for a in [Architecture::X86_64, Architecture::Aarch64] {
        let t = target("jq", a);
        feed(&mut m, [inspection(&t), report(&t, a == Architecture::Aarch64)]);
    }
    let shown = screen(&mut m, 120, 40);
    let counts = format!("1 fail, {} pass", crate::verify::Check::ALL.len() - 1);
    for needle in
        ["config says", "✓ linux/arm64", "✓ 312 ELF files, all x86-64", "✗ 3 of 312 ELF files are x86-64", "! wrong arch", counts.as_str()]
    {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    m.keys("<enter><enter>").unwrap();
    let shown = screen(&mut m, 120, 40);
    for needle in ["/usr/lib/libfoo.so.1", "expected     AArch64", "found        x86-64", "build it for arm64"] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    m.keys("<esc>[[").unwrap();
    let shown = screen(&mut m, 120, 40);
    assert!(shown.contains("8.14.1-2") && shown.contains("≠ 8.14.1-1"), "{shown}");
    m.keys("D").unwrap();
    assert!(!screen(&mut m, 120, 40).contains("coreutils"));
    m.keys("D[[").unwrap();
    assert!(screen(&mut m, 120, 40).contains("▾ config"));
    m.keys("j<enter>").unwrap();
    assert!(screen(&mut m, 120, 40).contains("▸ config  { 3 }"));
    m.keys("Y").unwrap();
    assert!(matches!(m.effects.last(), Some(Effect::Copy { text, .. }) if text.contains("\"/usr/bin/jq\"")), "{:?}", m.effects.last());
}

#[test]
fn nothing_is_sent_before_the_version_is_typed() {
    let mut m = model();
    m.keys("4").unwrap();
    assert_eq!(m.release.chosen.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["fd", "rg"]);
    assert!(m.keys("<enter>bad version<enter>").unwrap().is_empty());
    let asked = m.keys("<ctrl-u>1.5.0").unwrap();
    assert!(asked.is_empty());
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("fd:1.5.0-arm64  → the aarch64 image"), "{shown}");
    let asked = m.keys("<enter>").unwrap();
    assert!(matches!(&asked[0], Command::Plan(r) if r.version == "1.5.0" && r.targets.len() == 4 && r.tags.is_none()), "{asked:?}");
    assert!(m.keys("<enter>").unwrap().is_empty());
    m.feed(&planned(2, "1.5.0", Verdict::Warn));
    assert!(m.keys("<enter>").unwrap().is_empty());
    assert_eq!(m.release.step, Step::Gates);
    assert!(screen(&mut m, 80, 24).contains("W accept"));
    // A reason is asked for; none, and one that is taken back, accept nothing.
    assert!(m.keys("W<enter>").unwrap().is_empty());
    assert!(screen(&mut m, 120, 40).contains("type why; the receipt keeps it"));
    assert!(m.keys("hot<esc><enter>").unwrap().is_empty());
    assert_eq!(m.release.step, Step::Gates);
    m.keys("Wa hot fix: it's").unwrap();
    for (width, height) in [(120, 40), (60, 12)] {
        let shown = screen(&mut m, width, height);
        assert!(shown.contains("why are they accepted? a hot fix: it's"), "{shown}");
    }
    m.keys("<enter>").unwrap();
    for (width, height) in [(120, 40), (60, 12)] {
        let shown = screen(&mut m, width, height);
        assert!(shown.contains("[x] warnings accepted: a hot fix: it's"), "{shown}");
    }
    m.keys("<enter>").unwrap();
    let shown = screen(&mut m, 120, 40);
    for needle in ["nothing has been sent", "GITHUB_TOKEN", "latest       → ", "moves from", "type 1.5.0 to send it", "4 images"] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    assert!(m.keys("<enter>1.5<enter>").unwrap().is_empty());
    let sent = m.keys(".0<enter>").unwrap();
    let [Command::Publish { plan: shown, consent }] = sent.as_slice() else { panic!("{sent:?}") };
    assert!(consent.reason.as_deref() == Some("a hot fix: it's") && !consent.accept_warnings && !consent.force);
    assert_eq!(**shown, plan("1.5.0", Verdict::Warn));
    feed(&mut m, publishing(3, "1.5.0"));
    assert!(screen(&mut m, 120, 40).contains("40 %") || screen(&mut m, 120, 40).contains("39 %"));
    feed(&mut m, published(3, "1.5.0"));
    let shown = screen(&mut m, 120, 40);
    for needle in ["docker pull ghcr.io/acme/tools/fd@sha256:", "catamaran push 1.5.0 fd rg --yes", "was read back", "receipt"] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
}

#[test]
fn a_blocked_gate_and_a_failed_plan_stop_the_release() {
    let mut m = model();
    m.keys("4<enter>1.5.0<enter>").unwrap();
    m.feed(&planned(2, "1.5.0", Verdict::Fail));
    assert!(m.keys("W<enter>").unwrap().is_empty());
    assert_eq!(m.release.step, Step::Gates);
    assert!(matches!(m.keys("r").unwrap()[0], Command::Plan(_)));
    m.feed(&event(3, 9, EventKind::RunFailed { failure: failure() }));
    assert!(screen(&mut m, 80, 24).contains("libgit2-9.9"));
    // A plan for something else is not taken for ours.
    assert!(matches!(m.keys("<enter>").unwrap()[0], Command::Plan(_)));
    m.feed(&planned(9, "9.9.9", Verdict::Pass));
    assert!(m.keys("<enter>").unwrap().is_empty());
}

#[test]
fn quitting_asks_while_something_runs_and_ctrl_c_escalates() {
    let mut m = model();
    m.keys("q").unwrap();
    assert_eq!(m.quit, Quit::Now);
    let mut m = model();
    m.keys("B").unwrap();
    feed(&mut m, building(2));
    m.keys("q").unwrap();
    assert!(screen(&mut m, 80, 24).contains("stop everything and quit"));
    m.keys("<esc>").unwrap();
    assert_eq!((m.quit, m.overlays.len()), (Quit::No, 0));
    assert!(m.keys("<ctrl-c>").unwrap().is_empty());
    assert!(matches!(m.keys("<ctrl-c>").unwrap()[0], Command::Cancel { run: None, target: None }));
    assert_eq!(m.quit, Quit::Stopping);
    m.feed(&event(2, 60_000, EventKind::RunFailed { failure: failure() }));
    assert_eq!(m.quit, Quit::Now);
}

#[test]
fn ctrl_c_acts_inside_dialogs_and_inputs() {
    let mut m = model();
    for inside in ["?", ":", "T", "/x", "4<enter>"] {
        m.quit = Quit::No;
        m.keys(inside).unwrap();
        m.keys("<ctrl-c>").unwrap();
        assert_eq!(m.quit, Quit::Now, "{inside}");
    }
}

#[test]
fn themes_are_previewed_and_taken_back() {
    let mut m = model();
    m.keys("Tj").unwrap();
    assert_eq!(m.theme.name, "dark");
    m.keys("<esc>").unwrap();
    assert_eq!(m.theme.name, "auto");
    m.config = Some("/home/a/.config/catamaran/config.toml".into());
    m.keys("Tj<enter>").unwrap();
    assert_eq!((m.theme.name.as_str(), m.overlays.len()), ("dark", 0));
    assert_eq!(m.effects, [Effect::KeepTheme { config: m.config.clone().unwrap(), theme: "dark".into() }]);
}

#[test]
fn the_footer_shows_what_can_be_done_and_always_the_way_on() {
    let mut m = model();
    for (width, height) in [(40, 10), (80, 24), (120, 40), (200, 50)] {
        for keys in ["1", "2", "3", "4"] {
            m.keys(keys).unwrap();
            let shown = screen(&mut m, width, height);
            let last = shown.lines().last().unwrap();
            assert!(last.contains(": commands") && last.contains("? help"), "{keys} {width}: {last}");
        }
    }
    m.keys("1").unwrap();
    assert!(screen(&mut m, 80, 24).lines().last().unwrap().contains("b build"));
}

#[test]
fn without_colours_the_cursor_is_still_seen() {
    let mut m = Model::with_theme("no-color").unwrap();
    m.feed(&catalog());
    let buffer = frame(&m, 80, 24);
    assert!(buffer.content.iter().any(|c| c.modifier.contains(Modifier::REVERSED)));
    assert!(buffer.content.iter().all(|c| c.fg == ratatui::style::Color::Reset && c.bg == ratatui::style::Color::Reset));
}

#[test]
fn an_unreadable_catalog_says_what_and_what_to_do() {
    let mut m = Model::with_theme("auto").unwrap();
    m.sent(super::Request::Catalog, RunId(1));
    assert!(screen(&mut m, 80, 24).contains("reading containers.toml"));
    m.feed(&event(1, 5, EventKind::RunFailed { failure: failure() }));
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("cannot be used") && shown.contains("libgit2") && shown.contains("R reads it again"), "{shown}");
    assert!(matches!(m.keys("R").unwrap()[0], Command::LoadCatalog));
}

#[test]
fn too_small_a_terminal_says_so() {
    let mut m = model();
    assert!(screen(&mut m, 39, 12).contains("needs 40x10, is 39x12"));
    assert!(screen(&mut m, 40, 10).contains("fd"));
}

#[test]
fn an_idle_dashboard_never_asks_for_a_frame() {
    let mut m = model();
    assert_eq!(m.next_change(), None);
    m.keys("B").unwrap();
    feed(&mut m, building(2));
    assert_eq!(m.next_change(), Some(125));
}

#[test]
fn a_stale_image_is_not_called_verified() {
    let mut m = model();
    let shown = screen(&mut m, 80, 24);
    assert!(shown.lines().any(|l| l.contains("sqlite3") && l.contains("○ stale")), "{shown}");
    assert!(matches!(m.state.targets[6].state, ImageState::Stale { .. }));
    let t = target("sqlite3", Architecture::X86_64);
    m.feed(&report(&t, false));
    assert!(screen(&mut m, 80, 24).lines().any(|l| l.contains("sqlite3") && l.contains("○ stale")));
}

#[test]
fn what_is_missing_is_said_at_the_field_and_is_gone_when_bytes_go_out() {
    let mut m = model();
    m.keys("4<enter>1.5.0<enter>").unwrap();
    m.feed(&planned(2, "1.5.0", Verdict::Pass));
    m.keys("<enter>1.5<enter>").unwrap();
    for (width, height) in [(80, 24), (40, 10), (120, 40)] {
        let shown = screen(&mut m, width, height);
        assert!(shown.contains("type 1.5.0 to send it ❯ 1.5") || width == 40, "{shown}");
        assert!(m.visible_notices().all(|n| !n.text.contains("nothing has been sent")));
    }
    assert!(screen(&mut m, 80, 24).contains("not 1.5.0: type 1.5.0"));
    assert!(matches!(m.keys(".0<enter>").unwrap()[0], Command::Publish { .. }));
    assert!(!screen(&mut m, 80, 24).contains("nothing has been sent"));
}

#[test]
fn toasts_are_merged_and_never_cover_what_is_typed() {
    let mut m = model();
    m.keys("4<enter>1.5.0<enter>").unwrap();
    m.feed(&planned(2, "1.5.0", Verdict::Pass));
    m.keys("<enter>1.5").unwrap();
    for i in 0..3 {
        m.say(super::Level::Error, "the same long thing is said again and again until nobody can bear it any more");
        m.say(super::Level::Error, format!("another thing {i}"));
    }
    assert_eq!(m.visible_notices().count(), 4);
    let shown = screen(&mut m, 60, 24);
    assert!(shown.contains("❯ 1.5") && shown.contains("another thing 2") && shown.contains("B to send:"), "{shown}");
}

#[test]
fn the_next_release_inherits_neither_force_nor_tags() {
    let mut m = model();
    m.keys("4<enter>1.5.0<tab>stable<tab><tab><space>").unwrap();
    assert!(m.release.force);
    let asked = m.keys("<enter>").unwrap();
    assert!(matches!(&asked[0], Command::Plan(r) if r.force && r.tags.is_some()));
    m.feed(&planned(2, "1.5.0", Verdict::Pass));
    m.keys("<enter>1.5.0<enter>").unwrap();
    feed(&mut m, publishing(3, "1.5.0"));
    feed(&mut m, published(3, "1.5.0"));
    m.keys("<enter>").unwrap();
    assert_eq!((m.release.step, m.release.force, m.release.tags.value(), m.release.version.value()), (Step::Select, false, "", ""));
}

#[test]
fn a_stale_image_is_called_stale_when_it_is_to_be_released() {
    let mut m = model();
    m.keys("4").unwrap();
    assert!(screen(&mut m, 120, 40).lines().any(|l| l.contains("sqlite3") && l.contains("○ stale")));
}

#[test]
fn a_catalog_that_broke_while_open_says_why_until_it_is_mended() {
    let mut m = model();
    m.keys("R").unwrap();
    m.feed(&event(2, 9, EventKind::RunFailed { failure: failure() }));
    update(&mut m, Msg::Tick(100_000));
    let shown = screen(&mut m, 100, 30);
    for needle in ["containers.toml cannot be used", "libgit2-9.9", "R reads it again", "▌ fd"] {
        assert!(shown.contains(needle), "{needle}\n{shown}");
    }
    m.feed(&catalog());
    assert!(!screen(&mut m, 100, 30).contains("cannot be used"));
}

#[test]
fn a_long_catalog_error_keeps_the_way_out_and_scrolls() {
    let mut m = Model::with_theme("auto").unwrap();
    m.sent(super::Request::Catalog, RunId(1));
    let message = (0..60).map(|i| format!("line {i} is wrong")).collect::<Vec<_>>().join("\n");
    let failure = crate::session::Failure { message, ..failure() };
    m.feed(&event(1, 5, EventKind::RunFailed { failure }));
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("line 0 is") && shown.contains("R reads it again"), "{shown}");
    assert!(shown.lines().last().unwrap().contains("R read again"), "{shown}");
    m.keys("G").unwrap();
    let shown = screen(&mut m, 80, 24);
    assert!(shown.contains("line 59 is") && shown.contains("R reads it again"), "{shown}");
}

#[test]
fn the_cursors_architecture_is_always_in_view() {
    let mut m = model();
    update(&mut m, Msg::Resize(40, 10));
    m.keys("ll").unwrap();
    let shown = screen(&mut m, 40, 10);
    assert!(shown.contains("aarch64"), "{shown}");
    assert_eq!(targets(&m.keys("b").unwrap()[0]), ["fd/aarch64"]);
}

#[test]
fn the_palette_builds_all_of_a_container_before_one_architecture() {
    let mut m = model();
    assert_eq!(targets(&m.keys(":build fd<enter>").unwrap()[0]), ["fd/x86_64", "fd/aarch64"]);
    assert_eq!(targets(&m.keys(":build fd aarch<enter>").unwrap()[0]), ["fd/aarch64"]);
}

#[test]
fn esc_goes_back_to_the_builds_one_came_from() {
    let mut m = model();
    m.keys("B").unwrap();
    feed(&mut m, building(2));
    m.keys("2i").unwrap();
    assert_eq!(m.screen, Screen::Inspect);
    m.keys("<esc>").unwrap();
    assert_eq!(m.screen, Screen::Builds);
}

#[test]
fn a_push_is_seen_from_other_screens_and_named_before_quitting() {
    let mut m = model();
    m.keys("4<enter>1.5.0<enter>").unwrap();
    m.feed(&planned(2, "1.5.0", Verdict::Pass));
    m.keys("<enter>1.5.0<enter>").unwrap();
    feed(&mut m, publishing(3, "1.5.0"));
    m.keys("1").unwrap();
    let head = screen(&mut m, 100, 30).lines().next().unwrap().to_owned();
    assert!(head.contains(&format!("4 Release {}", m.theme.turning(m.now))), "{head}");
    m.keys("q").unwrap();
    let shown = screen(&mut m, 100, 30);
    assert!(shown.contains("sending 1.5.0") && shown.contains("public"), "{shown}");
}

#[test]
fn no_difference_between_packages_is_said_in_so_many_words() {
    let mut m = model();
    m.keys("<enter>").unwrap();
    let t = [Architecture::X86_64, Architecture::Aarch64].map(|a| target("fd", a));
    m.keys("]]]").unwrap();
    assert!(!screen(&mut m, 80, 24).contains("names no packages"));
    feed(&mut m, t.iter().map(inspection));
    m.keys("D").unwrap();
    let shown = screen(&mut m, 40, 10);
    assert!(shown.contains("x86_64") && shown.contains("aarch64"), "{shown}");
}
