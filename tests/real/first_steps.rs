//! The first hour: a container is added, the cache is looked after, shells complete.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Project, Ran, Registry, need};
use crate::screen::Screen;

/// A file that has comments, and something after its containers.
const BEGUN: &str = "# Ours.\n[defaults]\ntargets = [\"x86_64\"] # for now\n\n[debian]\nsuite = \"trixie\"\n";

#[test]
fn a_package_is_added_by_its_name_and_builds() {
    let project = Project::new(BEGUN).with_releases("trixie");
    let empty = project.run(&["list"]);
    assert!(empty.code == 0 && empty.err.contains("defines no containers yet; `catamaran add"), "{empty:?}");
    assert_eq!(project.json(&["list", "--json"])["targets"], serde_json::json!([]));
    project.run(&["build"]).fails(2, &["this file defines no containers", "catamaran add"]);
    let shown = project.ok(&["add", "fd-find", "--dry-run"]);
    let entry = "[containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n";
    assert_eq!(shown, entry);
    let file = project.path().join("containers.toml");
    assert_eq!(fs::read_to_string(&file).unwrap(), BEGUN);

    let added = project.json(&["add", "fd-find", "--json"]);
    assert_eq!((&added["written"], &added["line"], &added["container"]["name"]), (&true.into(), &8.into(), &"fd".into()), "{added}");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{BEGUN}\n{entry}"));
    project.ok(&["build"]);
    let list = project.json(&["list", "--json"]);
    assert_eq!(list["targets"][0]["state"], "built", "{list}");

    project.run(&["add", "fd-find"]).fails(2, &["has a container `fd` already, on line 8", "catamaran add NAME fd-find"]);
    assert_eq!(project.run(&["add", "search", "fd-find", "--dry-run"]).out, entry.replace("containers.fd", "containers.search"));
}

#[test]
fn an_empty_file_is_enough_to_begin_with() {
    let project = Project::new("").with_releases("trixie");
    project.ok(&["add", "jq"]);
    assert_eq!(fs::read_to_string(project.path().join("containers.toml")).unwrap(), "[containers.jq]\npackages = [\"jq\"]\n");
}

#[test]
fn what_cannot_be_added_is_explained_and_the_file_is_as_it_was() {
    let text = format!("{BEGUN}components = [\"main\"]\n");
    let project = Project::new(&text).with_releases("trixie");
    let refused = |words: &[&str], said: &[&str]| project.run(words).fails(2, said);
    refused(&["add", "awk"], &["several provide it", "mawk", "gawk"]);
    refused(&["add", "tools", "jq", "ripgrpe"], &["`ripgrpe`", "ripgrep"]);
    refused(&["add", "box", "steam-installer"], &["steam-installer", "component contrib"]);
    refused(&["add", "libonig5"], &["ships no program", "--entrypoint"]);
    refused(&["add", "openssh-client"], &["several programs", "ssh-keygen", "--entrypoint scp"]);
    refused(&["add", "Tools", "jq"], &["cannot be a container's name"]);
    refused(&["add", "intel-microcode", "jq", "--target", "x86_46"], &["did you mean `x86_64`?"]);
    assert_eq!(fs::read_to_string(project.path().join("containers.toml")).unwrap(), text);
}

#[test]
fn a_package_that_an_architecture_lacks_is_refused() {
    let project = Project::new("[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\n").with_releases("trixie");
    project.run(&["add", "virtualbox-guest", "iucode-tool"]).fails(2, &["iucode-tool", "exists for x86_64", "targets"]);
}

#[test]
fn a_program_is_added_by_what_it_is_called() {
    // The index of this suite has not changed for long; a mirror that has an old one says so and is of no use here.
    let project = Project::new("[defaults]\ntargets = [\"x86_64\"]\n[debian]\nsuite = \"bookworm\"\n");
    assert_eq!(project.ok(&["add", "rg", "--dry-run"]), "[containers.rg]\npackages = [\"ripgrep\"]\n");
    project.run(&["add", "fd"]).fails(2, &["several ship a program of that name", "fd-find", "catamaran add fd fd"]);
    project.run(&["add", "zzz-no-such-program"]).fails(2, &["zzz-no-such-program"]);
}

#[test]
fn on_a_terminal_it_asks() {
    let project = Project::new(BEGUN).with_releases("trixie");
    let file = project.path().join("containers.toml");
    let mut command = project.command();
    command.args(["add", "jq"]);
    // Ctrl-D is no answer.
    for (answer, written) in [("n\r", false), ("\x04", false), ("\r", true)] {
        let mut screen = Screen::start(&command, 100, 30);
        screen.until("the question", std::time::Duration::from_secs(60), |screen| screen.text().contains("[Y/n]"));
        assert!(screen.text().contains("packages = [\"jq\"]"), "{}", screen.text());
        screen.keys(answer);
        assert_eq!(screen.ended() == 0, written);
        assert_eq!(fs::read_to_string(&file).unwrap() != BEGUN, written);
    }
}

#[test]
fn everything_can_be_thrown_away_and_comes_back_the_same() {
    let project = Project::fd(None).with_segments();
    project.ok(&["build"]);
    let digests = project.digests();
    let info = project.json(&["cache", "info", "--json"]);
    let stock = |name: &str| info["stocks"].as_array().unwrap().iter().find(|stocked| stocked["stock"] == name).cloned();
    assert_eq!(info["images"], 2);
    for name in ["packages", "segments", "images", "layers", "records", "releases", "logs"] {
        assert!(stock(name).is_some_and(|stocked| stocked["bytes"].as_u64() > Some(0)), "{name}: {info}");
    }
    assert!(stock("other").is_none_or(|stocked| stocked["bytes"] == 0), "{info}");

    // What the lock and the images need is not old enough at any age.
    let kept = project.json(&["cache", "prune", "--older-than", "0d", "--json"]);
    let went: Vec<&str> = kept["stocks"].as_array().unwrap().iter().map(|stocked| stocked["stock"].as_str().unwrap()).collect();
    assert!(went.iter().all(|stock| ["releases", "logs", "leftovers", "local-files"].contains(stock)), "{kept}");
    let nowhere =
        project.command().env("CATAMARAN_DEBIAN_MIRROR", "http://127.0.0.1:9/debian").args(["build", "--locked"]).output().unwrap();
    assert!(nowhere.status.success(), "{}", String::from_utf8_lossy(&nowhere.stderr));
    assert_eq!(project.digests(), digests);

    let before = fs::read_dir(project.cache().join("images/blobs/sha256")).unwrap().count();
    project.ok(&["cache", "prune", "--all", "--images", "--dry-run"]);
    assert_eq!(fs::read_dir(project.cache().join("images/blobs/sha256")).unwrap().count(), before);
    let pruned = project.json(&["cache", "prune", "--all", "--images", "--json"]);
    assert!(pruned["bytes"].as_u64() > Some(10 << 20) && pruned["left"].as_u64() < Some(4096), "{pruned}");
    assert!(project.digests().iter().all(|(_, digest)| digest == "none"));
    project.ok(&["build", "--locked"]);
    assert_eq!(project.digests(), digests);
}

#[test]
fn nothing_is_thrown_away_while_another_process_is_at_work() {
    let project = Project::fd(None).with_downloads();
    // A build that waits: its mirror takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/debian", silent.local_addr().unwrap());
    let mut command = project.command();
    command.args(["update"]).env("CATAMARAN_DEBIAN_MIRROR", &mirror).stderr(std::process::Stdio::null());
    let mut building = command.spawn().unwrap();
    let (_connection, _) = silent.accept().unwrap();
    project.run(&["cache", "prune", "--all"]).fails(1, &["another catamaran is at work", "nothing was removed"]);
    building.kill().unwrap();
    building.wait().unwrap();
    // A killed process holds no lock.
    project.ok(&["cache", "prune", "--all"]);
}

/// `catamaran` as a word that shells find.
fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_catamaran")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&others))).unwrap()
}

fn shell(project: &Project, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(project.path()).env("PATH", path()).env("HOME", project.path());
    let folders = project.command();
    command.envs(
        folders
            .get_envs()
            .filter_map(|(name, value)| value.filter(|_| name.to_string_lossy().starts_with("CATAMARAN_")).map(|value| (name, value))),
    );
    command
}

const TWO: &str = "[containers.fd]\npackages = [\"fd-find\"]\n[containers.firefox]\npackages = [\"firefox-esr\"]\n[containers.rg]\npackages = [\"ripgrep\"]\n";

#[test]
fn bash_completes_commands_containers_and_architectures() {
    need("bash", "bash");
    let registry = Registry::start();
    let project = Project::fd(Some(&registry)).with_segments();
    project.ok(&["build"]);
    project.ok(&["push", "1.4.0", "--tags", "stable", "--yes"]);
    let file = project.path().join("containers.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}[containers.firefox]\npackages = [\"firefox-esr\"]\n")).unwrap();
    let candidates = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let script = format!(
            "source <(catamaran completions bash); COMP_WORDS=({}); COMP_CWORD={}; COMP_LINE={line:?}; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9; \
             $(complete -p catamaran | sed 's/.*-F \\([^ ]*\\).*/\\1/') catamaran \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" "),
            words.len() - 1
        );
        let ran = Ran::of(&mut shell(&project, "bash", &["--norc", "-c", &script]));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        ran.out.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(candidates("catamaran bui"), ["build"]);
    assert_eq!(candidates("catamaran build f"), ["fd", "firefox"]);
    assert_eq!(candidates("catamaran build --target aarch"), ["aarch64"]);
    let references = candidates("catamaran verify fd");
    assert!(references.contains(&"fd".into()) && references.contains(&"fd/aarch64".into()), "{references:?}");
    assert!(candidates("catamaran cache pr").contains(&"prune".into()));
    assert!(!candidates("catamaran add f").contains(&"fd".into()));
    // What was published is known by its receipt.
    assert_eq!(candidates("catamaran push 1."), ["1.4.0"]);
    assert_eq!(candidates("catamaran push 1.5.0 --tags st"), ["stable"]);
}

#[test]
fn fish_completes_with_what_candidates_are_for() {
    need("fish", "fish");
    let project = Project::new(TWO);
    let script = "catamaran completions fish | source; complete -C 'catamaran build f'; complete -C 'catamaran verify oc'";
    let ran = Ran::of(&mut shell(&project, "fish", &["--no-config", "-c", script]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines.contains(&"fd\tfor x86_64, aarch64") && lines.iter().any(|line| line.starts_with("oci:")), "{lines:?}");
}

#[test]
fn zsh_completes_at_a_tab() {
    need("zsh", "zsh");
    let project = Project::new(TWO);
    let mut screen = Screen::start(&shell(&project, "zsh", &["-f"]), 100, 30);
    screen.keys("PS1='ready> '; autoload -Uz compinit; compinit -D; source <(catamaran completions zsh); echo so$((1))far\r");
    screen.shows("so1far");
    screen.keys("catamaran build r\t");
    screen.shows("catamaran build rg");
    screen.keys("\x15catamaran build f\t\t");
    screen.shows("firefox");
    screen.keys("\x15exit\r");
    assert_eq!(screen.ended(), 0);
}

#[test]
fn manual_pages_are_what_man_reads() {
    need("man", "man-db");
    let project = Project::new(TWO);
    project.ok(&["man", "--out", "man1"]);
    let page = project.path().join("man1/catamaran-cache-prune.1");
    let ran = Ran::of(Command::new("man").arg("--warnings").arg("-l").arg(&page).env("MANPAGER", "cat").env("MANWIDTH", "100"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("--older-than") && ran.out.contains("catamaran cache prune"), "{}", ran.out);
}
