//! A terminal that takes little, or nothing, while builds say a hundred thousand lines a second.

use std::time::{Duration, Instant};

use crate::feed::Feed;
use crate::harness::Project;
use crate::screen::{FAST, Screen};

/// More memory than this is more than what is kept of every log, KiB.
const FLAT: u64 = 8 * 1024;

/// The dashboard over builds elsewhere, when it has as many of their lines as it keeps.
fn flooded() -> (Project, Feed, Screen) {
    let project = Project::fd(None);
    let pipe = project.path().join("pipe");
    let feed = Feed::start(&pipe, 8, 100_000);
    let mut screen = Screen::start(project.command().arg("replay").arg(&pipe), 160, 50);
    screen.seen("the builds", Duration::from_secs(20), |s| s.text().contains("8 running"));
    screen.keys("LLL");
    let before = Instant::now();
    while feed.said() < 100_000 {
        screen.watch(Duration::from_millis(100));
        assert!(before.elapsed() < Duration::from_secs(60), "only {} lines were taken in a minute", feed.said());
    }
    (project, feed, screen)
}

/// Presses ctrl-c twice (the first asks) and says how long the end took.
fn interrupt(screen: &mut Screen) -> Duration {
    let pressed = Instant::now();
    screen.keys("\x03\x03");
    while screen.child.try_wait().expect("a child").is_none() {
        assert!(pressed.elapsed() < Duration::from_secs(10), "it does not end");
        screen.watch(Duration::from_millis(5));
    }
    pressed.elapsed()
}

#[test]
fn a_slow_line_gets_fewer_frames_and_delays_neither_the_work_nor_the_end() {
    let (_project, feed, mut screen) = flooded();
    screen.reads(10_000); // a frame takes some 180 ms then
    screen.watch(Duration::from_secs(2)); // what was on its way
    let (memory, said, frames) = (screen.memory("RssAnon"), feed.said(), screen.frames());
    screen.watch(Duration::from_secs(5));
    assert!(feed.said() > said + 50_000, "the work goes on: {} lines in 5 s", feed.said() - said);
    let frames = screen.frames() - frames;
    // A fast line gets three hundred.
    assert!((5..80).contains(&frames), "{frames} frames in 5 s");
    assert!(screen.memory("RssAnon") < memory + FLAT, "{} KiB, then {}", memory, screen.memory("RssAnon"));
    let took = interrupt(&mut screen);
    assert!(took < Duration::from_secs(3), "ctrl-c took {took:?}");
    screen.reads(FAST);
    screen.ended();
    screen.is_restored();
}

#[test]
fn a_terminal_that_takes_nothing_holds_nobody_up() {
    let (_project, feed, mut screen) = flooded();
    screen.reads(0);
    screen.watch(Duration::from_secs(1));
    let (memory, said) = (screen.memory("RssAnon"), feed.said());
    screen.watch(Duration::from_secs(5));
    assert!(feed.said() > said + 50_000, "the work goes on: {} lines in 5 s", feed.said() - said);
    assert!(screen.memory("RssAnon") < memory + FLAT, "{} KiB, then {}", memory, screen.memory("RssAnon"));
    let took = interrupt(&mut screen);
    assert!(took < Duration::from_secs(3), "ctrl-c took {took:?}");
    screen.is_cooked();
}

#[test]
fn lines_that_stream_to_a_slow_terminal_make_the_builds_wait_and_memory_stays_flat() {
    let (_project, feed, mut screen) = flooded();
    screen.keys("S");
    screen.watch(Duration::from_secs(1));
    screen.reads(20_000);
    screen.watch(Duration::from_secs(2));
    let (memory, said) = (screen.memory("RssAnon"), feed.said());
    screen.watch(Duration::from_secs(5));
    assert!(feed.said() < said + 20_000, "{} lines in 5 s", feed.said() - said);
    assert!(screen.memory("RssAnon") < memory + FLAT, "{} KiB, then {}", memory, screen.memory("RssAnon"));
    let took = interrupt(&mut screen);
    assert!(took < Duration::from_secs(3), "ctrl-c took {took:?}");
}
