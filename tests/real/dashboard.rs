//! The program in a terminal of its own, as a person drives it: the dashboard, and what a push asks.

use std::time::Duration;

use crate::harness::{Project, Registry, judge, need, wait_for};
use crate::screen::Screen;

impl Screen {
    pub fn open(project: &Project, columns: u16, rows: u16) -> Self {
        Self::run(project, columns, rows, &[])
    }

    fn run(project: &Project, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::start(project.command().args(arguments), columns, rows)
    }
}

#[test]
fn pick_build_inspect_and_release_in_a_small_terminal() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_downloads();
    let mut screen = Screen::open(&project, 80, 24);
    screen.shows("Images");
    screen.shows("fd");
    screen.keys("ab"); // all, build
    screen.keys("2");
    screen.shows("Builds");
    screen.until("both builds to end", Duration::from_secs(120), |s| project_is_built(&project) && !s.text().contains("queued"));
    screen.keys("1");
    screen.shows("verified");
    screen.keys("i");
    screen.shows("Inspect");
    screen.shows("linux/amd64");
    screen.until("both to be verified and nothing to run", Duration::from_secs(60), |s| s.text().matches("✓ verified").count() == 2);
    screen.until("the build run to end", Duration::from_secs(20), |s| settled(&s.text()));
    assert_eq!(screen.quits(), 0);
    screen.is_restored();
}

/// No spinner turns in the tab of builds.
fn settled(text: &str) -> bool {
    !text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))
}

fn project_is_built(project: &Project) -> bool {
    project.digests().iter().all(|(_, digest)| digest.starts_with("sha256:"))
}

#[test]
fn the_terminal_is_restored_after_a_signal() {
    let project = Project::fd(None);
    let mut screen = Screen::open(&project, 100, 30);
    screen.shows("Images");
    let pid = screen.pid().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
    screen.ended();
    screen.is_restored();
}

#[test]
fn a_terminal_that_goes_away_leaves_no_process_behind() {
    need("tmux", "tmux");
    let project = Project::fd(None);
    let socket = project.path().join("tmux");
    let socket = socket.to_str().expect("a plain path");
    let program = project.command();
    let mut tmux = std::process::Command::new("tmux");
    tmux.args(["-S", socket, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30"]).arg(program.get_program());
    tmux.current_dir(project.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => tmux.env(name, value),
            None => tmux.env_remove(name),
        };
    }
    assert!(tmux.status().expect("tmux starts").success());
    wait_for("the dashboard", || judge("tmux", &["-S", socket, "capture-pane", "-p"]).contains("Images"));
    let pid = judge("tmux", &["-S", socket, "list-panes", "-F", "#{pane_pid}"]).trim().to_owned();
    judge("tmux", &["-S", socket, "kill-server"]); // the window is closed
    let process = std::path::Path::new("/proc").join(pid);
    wait_for("the dashboard to end with its terminal", || !process.exists());
}

#[test]
fn a_storm_of_sizes_leaves_a_whole_frame() {
    let project = Project::fd(None);
    let mut screen = Screen::open(&project, 120, 40);
    screen.shows("not built"); // the first frame comes before the catalog
    for n in 0..1_000_u16 {
        screen.resize(20 + n * 2 % 180, 5 + n % 50);
    }
    screen.resize(100, 30);
    screen.keys("\x0c"); // redraw
    screen.until("a whole frame", Duration::from_secs(30), |s| s.text().contains("1 Images") && s.text().contains("? help"));
    assert!(screen.text().contains("fd "), "{}", screen.text());
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
    screen.is_restored();
}

#[test]
fn a_broken_file_is_shown_and_mended_without_leaving() {
    let project = Project::fd(None);
    let good = std::fs::read_to_string(project.path().join("containers.toml")).unwrap();
    std::fs::write(project.path().join("containers.toml"), "[containers.fd]\npakages = []\n").unwrap();
    let mut screen = Screen::open(&project, 100, 30);
    screen.shows("pakages");
    std::fs::write(project.path().join("containers.toml"), good).unwrap();
    screen.keys("R"); // read again
    screen.shows("not built");
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
    screen.is_restored();
}

#[test]
fn a_push_with_warnings_asks_for_a_reason_and_the_version() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["build", "--target", "x86_64"]);
    let push = ["push", "1.0.0", "--target", "x86_64", "--tags=", "--receipt", "receipt.json"];
    // No reason, no push; and a version typed wrongly is none either.
    for typed in [vec![("Type why they are accepted", "\r")], vec![("Type why", "because\r"), ("Type 1.0.0 to publish", "1.0\r")]] {
        let mut screen = Screen::run(&project, 120, 40, &push);
        screen.shows("fd lacks aarch64");
        for (asked, answer) in typed {
            screen.shows(asked);
            screen.keys(answer);
        }
        screen.shows("not confirmed");
        assert_eq!(screen.ended(), 1);
    }
    assert!(registry.requests().iter().all(|r| r.starts_with("HEAD ") || r.starts_with("GET ")));

    let mut screen = Screen::run(&project, 120, 40, &push);
    screen.shows("Type why they are accepted");
    screen.keys("arm64 follows tomorrow\r");
    screen.shows("Type 1.0.0 to publish");
    screen.keys("1.0.0\r");
    screen.shows("because: arm64 follows tomorrow");
    assert_eq!(screen.ended(), 0);
    let receipt = std::fs::read_to_string(project.path().join("receipt.json")).unwrap();
    assert!(receipt.contains("\"reason\": \"arm64 follows tomorrow\""), "{receipt}");
}

#[test]
fn a_release_typed_key_by_key_arrives() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["build"]);
    let mut screen = Screen::open(&project, 80, 24);
    screen.shows("verified");
    screen.keys("p");
    screen.shows("[x] fd");
    screen.keys("\r");
    screen.shows("a release needs a version");
    for key in ["1", ".", "5", ".", "0"] {
        screen.keys(key);
    }
    screen.shows("fd:1.5.0-arm64");
    screen.keys("\r");
    screen.until("the gates", Duration::from_secs(60), |s| s.text().contains("Every gate is open") || s.text().contains("W accepts"));
    if screen.text().contains("W accepts") {
        screen.keys("Wtyped by a test\r");
        screen.shows("warnings accepted: typed by a test");
    }
    screen.keys("\r");
    screen.shows("type 1.5.0 to send it");
    assert!(registry.requests().iter().all(|r| r.starts_with("HEAD ") || r.starts_with("GET ")), "nothing is sent before");
    screen.keys("1.5.0\r");
    screen.shows("is published");
    screen.keys("w"); // the receipt, into this folder
    screen.shows("written to receipt-");
    screen.keys("1");
    screen.shows("↑ published");
    screen.until("nothing to run", Duration::from_secs(20), |s| settled(&s.text()));
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
    screen.is_restored();
    let tags: Vec<String> = registry.requests().into_iter().filter(|r| r.starts_with("PUT ") && r.contains("/manifests/1.5.0")).collect();
    assert!(!tags.is_empty(), "{:?}", registry.requests());
    let receipts = std::fs::read_dir(project.path()).unwrap().flatten();
    assert_eq!(receipts.filter(|e| e.file_name().to_string_lossy().starts_with("receipt-")).count(), 1);
    // The next session knows what this one published.
    let mut screen = Screen::open(&project, 80, 24);
    screen.shows("PUBLISHED");
    screen.shows("1.5.0");
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
}

#[test]
fn a_file_that_somebody_else_changes_is_read_again_and_an_idle_screen_is_silent() {
    let project = Project::fd(None);
    let path = project.path().join("containers.toml");
    let mut screen = Screen::open(&project, 100, 30);
    screen.shows("not built");
    screen.until("the first look to be over", Duration::from_secs(20), |s| settled(&s.text()));
    let before = screen.bytes;
    screen.watch(Duration::from_secs(3));
    assert_eq!(screen.bytes, before, "an idle dashboard writes nothing");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[containers.rg]\npackages = [\"ripgrep\"]\n")).unwrap();
    screen.shows("ripgrep");
    // A mistake is shown without a key, and so is that it is mended.
    std::fs::write(&path, format!("{text}\n[containers.rg]\npakages = []\n")).unwrap();
    screen.shows("cannot be used");
    std::fs::write(&path, text).unwrap();
    screen.until("it to be mended", Duration::from_secs(20), |s| !s.text().contains("cannot be used"));
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
}

#[test]
fn where_there_is_nothing_enter_begins_a_catalog() {
    let project = Project::fd(None);
    let path = project.path().join("containers.toml");
    std::fs::remove_file(&path).unwrap();
    let mut screen = Screen::open(&project, 80, 24);
    screen.shows("no containers.toml here");
    screen.keys("\r");
    screen.shows("ripgrep");
    assert!(std::fs::read_to_string(&path).unwrap().contains("[containers.rg]"));
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
    screen.is_restored();
}

#[test]
fn ascii_and_no_motion_draw_nothing_else() {
    let project = Project::fd(None);
    let mut screen = Screen::run(&project, 80, 24, &["--ascii", "--no-motion", "--theme", "dracula"]);
    screen.shows("not built");
    let odd: String = screen.text().chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(odd, "", "{}", screen.text());
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
}

#[test]
fn the_guided_release_asks_four_questions_and_for_the_version() {
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    let mut screen = Screen::run(&project, 120, 40, &["--ui", "plain"]);
    for (asked, answer) in
        [("Which containers?", "1"), ("Which version?", "2.0.0"), ("Further tags?", "-"), ("Publish, or only", "publish")]
    {
        screen.shows(asked);
        screen.keys(&format!("{answer}\r"));
    }
    screen.shows("catamaran release 2.0.0 fd --tags=");
    screen.until("the plan", Duration::from_secs(120), |s| s.text().contains("Type why they") || s.text().contains("Type 2.0.0"));
    if screen.text().contains("Type why they") {
        screen.keys("a test\r");
    }
    screen.shows("Type 2.0.0 to publish");
    screen.keys("2.0.0\r");
    assert_eq!(screen.ended(), 0, "{}", screen.text());
    assert!(registry.requests().iter().any(|r| r == "PUT /v2/tools/fd/manifests/2.0.0"), "{:?}", registry.requests());
}

#[test]
fn a_recording_is_played_back() {
    let project = Project::fd(None).with_segments();
    let recording = project.ok(&["build", "--output", "json"]);
    std::fs::write(project.path().join("build.jsonl"), recording).unwrap();
    let mut screen = Screen::run(&project, 100, 30, &["replay", "build.jsonl", "--speed", "0"]);
    screen.shows("the recording ends here");
    screen.shows("✓ fd");
    screen.keys("r");
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
    screen.is_restored();
}

#[test]
fn of_two_builds_the_one_that_fails_says_why_and_logs_stream_to_the_terminal_and_back() {
    let project = Project::fd(None).with_downloads();
    let path = project.path().join("containers.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[containers.broken]\npackages = [\"no-such-package\"]\n")).unwrap();
    let mut screen = Screen::open(&project, 80, 24);
    screen.shows("not built");
    screen.keys("ab2"); // all, build, watch
    screen.shows("no-such-package");
    screen.shows("catamaran build broken --target");
    screen.keys("S");
    screen.until("the normal screen", Duration::from_secs(20), |s| !s.terminal.screen().alternate_screen());
    screen.shows("streaming; S returns");
    screen.keys("S");
    screen.until("the dashboard", Duration::from_secs(20), |s| s.terminal.screen().alternate_screen() && s.text().contains("2 Builds"));
    screen.until("fd to be built", Duration::from_secs(120), |s| s.text().matches("✓ fd").count() == 2);
    // Up to what succeeded: its log, when each line was said, and only some of them.
    screen.keys("gkkkt&segment\r");
    screen.shows(" lines  ");
    screen.keys("\x1b");
    screen.until("the builds to end", Duration::from_secs(60), |s| settled(&s.text()));
    assert_eq!(screen.quits(), 1, "a build failed");
    assert!(screen.text().contains("no-such-package"), "why stays on the terminal\n{}", screen.text());
    screen.is_restored();
}

/// Where `words` stand on the screen: column and line, from 1, as terminals count.
#[track_caller]
fn place(screen: &Screen, words: &str) -> (usize, usize) {
    let text = screen.text();
    let found = text.lines().enumerate().find_map(|(y, line)| Some((line[..line.find(words)?].chars().count() + 1, y + 1)));
    found.unwrap_or_else(|| panic!("no `{words}` on the screen\n{text}"))
}

/// Presses and lets go the left button there, as xterm's SGR mode reports it.
#[track_caller]
fn click(screen: &mut Screen, words: &str, times: usize) {
    let (x, y) = place(screen, words);
    for _ in 0..times {
        screen.keys(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"));
    }
}

#[test]
fn a_theme_is_chosen_with_the_mouse_and_kept_and_an_unwritable_file_is_told() {
    let project = Project::fd(None);
    let config = project.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "# mine\nmotion = false # calm\n").unwrap();
    let mut screen = Screen::open(&project, 100, 30);
    screen.shows("not built");
    screen.keys("T");
    screen.shows("takes it back");
    click(&mut screen, "dracula", 2);
    screen.shows("kept: theme = \"dracula\"");
    let text = std::fs::read_to_string(config.join("config.toml")).unwrap();
    assert_eq!(text, "# mine\nmotion = false # calm\ntheme = \"dracula\"\n");
    // A folder in its place cannot be written, for root neither.
    std::fs::remove_file(config.join("config.toml")).unwrap();
    std::fs::create_dir(config.join("config.toml")).unwrap();
    screen.keys("Tgj\r");
    screen.shows("the theme is not kept");
    screen.keys("q");
    assert_eq!(screen.ended(), 0);
    screen.is_restored();
}

#[test]
fn with_the_mouse_alone_one_looks_into_an_image_and_m_gives_the_mouse_back() {
    let project = Project::fd(None).with_segments();
    project.ok(&["build"]);
    let mut screen = Screen::open(&project, 120, 40);
    screen.shows("verified");
    click(&mut screen, "fd ", 2);
    screen.shows("[Overview]");
    screen.until("both to be read", Duration::from_secs(60), |s| s.text().contains("linux/arm64"));
    click(&mut screen, " Packages ", 1);
    screen.shows("[Packages]");
    let (x, y) = place(&screen, "coreutils");
    screen.keys(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"));
    screen.until("the cursor on coreutils", Duration::from_secs(20), |s| {
        s.text().lines().any(|line| line.starts_with('▌') && line.contains("coreutils"))
    });
    screen.keys(&format!("\x1b[<65;{x};{y}M")); // the wheel, down
    screen.until("the cursor below", Duration::from_secs(20), |s| {
        s.text().lines().any(|line| line.starts_with('▌') && !line.contains("coreutils"))
    });
    let reported = |screen: &Screen| screen.terminal.screen().mouse_protocol_mode();
    assert_eq!(reported(&screen), vt100::MouseProtocolMode::ButtonMotion);
    screen.keys("m");
    screen.shows("the mouse is the terminal's");
    assert_eq!(reported(&screen), vt100::MouseProtocolMode::None, "the terminal was not told");
    screen.keys("m1");
    screen.shows("the mouse is ours");
    screen.until("nothing to run", Duration::from_secs(20), |s| settled(&s.text()));
    assert_eq!(screen.quits(), 0);
    screen.is_restored();
}

#[test]
fn a_release_of_what_was_never_built_mends_itself_key_by_key() {
    need("git", "git");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        judge("git", &[&["-C", project.path().to_str().unwrap()][..], &identity, arguments].concat())
    };
    std::fs::write(project.path().join(".gitignore"), "*\n!containers.toml\n").unwrap();
    git(&["init", "-q"]);
    git(&["add", "-f", "containers.toml", ".gitignore"]);
    git(&["commit", "-q", "-m", "begin"]);
    let text = std::fs::read_to_string(project.path().join("containers.toml")).unwrap();
    std::fs::write(project.path().join("containers.toml"), format!("{text}# later\n")).unwrap();
    let mut screen = Screen::open(&project, 80, 24);
    screen.shows("not built");
    screen.keys("p\r1.0.0\r");
    screen.shows("b builds it");
    let told = |screen: &Screen| screen.text().matches("has not been built").count();
    screen.until("the notice to go by itself", Duration::from_secs(20), |screen| told(screen) == 1);
    screen.keys("b");
    screen.shows("mending; a new plan follows");
    // Built, verified, planned anew, without another key; what is left can be accepted or mended.
    screen.shows("e opens containers.toml");
    screen.shows("y copies git tag v1.0.0");
    screen.keys("y");
    screen.shows("copied git tag v1.0.0");
    git(&["commit", "-q", "-a", "-m", "later"]);
    git(&["tag", "v1.0.0"]);
    screen.keys("r");
    screen.shows("Every gate is open");
    assert!(registry.requests().iter().all(|r| r.starts_with("HEAD ") || r.starts_with("GET ")), "nothing is sent before");
    screen.keys("\r1.0.0\r");
    screen.shows("is published");
    screen.until("nothing to run", Duration::from_secs(20), |s| settled(&s.text()));
    assert_eq!(screen.quits(), 0);
    screen.is_restored();
}
