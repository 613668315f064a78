//! Flakes built by a real Nix: found, evaluated, built together, stopped, and taken into the store as images that everything else takes
//! like any other. The derivations write real documents of nix2container, with digests by another writer of tars.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::copying::raw;
use crate::harness::{Project, Ran, Registry, judge, need, wait_for};
use crate::screen::Screen;

/// Flakes are on, and nothing is asked of the network.
const CONFIG: &str = "experimental-features = nix-command flakes\nsubstituters =\n";
const HOST: &str = std::env::consts::ARCH;

/// A project that leaves its containers to a flake: three with images, one of which cannot be built, and one that takes for ever.
struct Flake {
    project: Project,
    /// In the command line of what takes for ever.
    mark: String,
}

impl Flake {
    fn new(registry: Option<&Registry>) -> Self {
        need("nix", "nix-bin");
        need("python3", "python3");
        need("gcc", "build-essential");
        let registry =
            registry.map(|r| format!("[registry]\nhost = \"{}\"\nrepository = \"nix/{{container}}\"\n", r.host)).unwrap_or_default();
        let project = Project::new(&format!("{registry}[defaults]\nbuilder = \"nix\"\n[nix]\nflake = \"./flake\"\n"));
        let mark = format!(
            "600.{}",
            project.path().file_name().unwrap().to_string_lossy().bytes().map(u64::from).sum::<u64>() + u64::from(std::process::id())
        );
        let flake = project.path().join("flake");
        fs::create_dir(&flake).unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix");
        fs::copy(data.join("ustar.py"), flake.join("ustar.py")).unwrap();
        let text = fs::read_to_string(data.join("flake.nix")).unwrap();
        fs::write(flake.join("flake.nix"), text.replace("@salt@", &mark).replace("@host@", HOST)).unwrap();
        Flake { project, mark }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command();
        command.args(arguments).env("NIX_CONFIG", CONFIG);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "catamaran {arguments:?}\n{}\n{}", ran.out, ran.err);
        ran.out
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    fn edit(&self, from: &str, to: &str) {
        let file = self.project.path().join("flake/flake.nix");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        fs::write(file, text.replace(from, to)).unwrap();
    }

    /// The state of every target, by container.
    fn states(&self) -> Vec<(String, String)> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = self.json(&["list", "--json"]);
        list["targets"].as_array().unwrap().iter().map(|target| (word(&target["container"]), word(&target["state"]))).collect()
    }

    fn nix(&self, arguments: &[&str]) -> Ran {
        Ran::of(Command::new(arguments[0]).args(&arguments[1..]).env("NIX_CONFIG", CONFIG).current_dir(self.project.path().join("flake")))
    }

    /// Processes that take for ever.
    fn sleepers(&self) -> usize {
        let Ok(processes) = fs::read_dir("/proc") else { return 0 };
        let line = |entry: std::io::Result<fs::DirEntry>| fs::read(entry.ok()?.path().join("cmdline")).ok();
        let marked = |line: &Vec<u8>| String::from_utf8_lossy(line).split('\0').any(|word| word == self.mark);
        processes.filter_map(line).filter(marked).count()
    }
}

#[test]
fn a_flake_is_found_built_verified_and_published() {
    need("skopeo", "skopeo");
    let registry = Registry::start();
    let flake = Flake::new(Some(&registry));
    let matrix = flake.nix(&["nix", "eval", ".#containerMatrix", "--json"]);
    assert_eq!(flake.ok(&["matrix"]).trim_end(), matrix.out.trim_end());
    let never = |name: &str| (name.to_owned(), "never".to_owned());
    assert_eq!(flake.states(), ["bad", "good", "other", "slow"].map(never));

    // One that fails does not keep the others from being built, and says why.
    let built = flake.run(&["build", "bad", "good", "other"]);
    let derivation = format!("image-bad-{}.json.drv", flake.mark);
    built.fails(1, &[&derivation, "exit code 3", "no luck today", "nix log", "1 of 3 targets could not be built"]);
    assert_eq!(flake.states().iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>(), ["never", "built", "built", "never"]);

    // Unchanged as long as the derivation is the same.
    let again = flake.json(&["build", "good", "other", "--json"]);
    assert!(again["targets"].as_array().unwrap().iter().all(|target| target["outcome"] == "cached"), "{again}");
    flake.edit("message = \"hello\"", "message = \"hello again\"");
    flake.run(&["push", "1.0.0", "good", "--yes"]).fails(1, &["catamaran build"]);
    let changed = flake.json(&["build", "good", "other", "--json"]);
    let outcome = |name: &str| {
        let targets = changed["targets"].as_array().unwrap();
        targets.iter().find(|target| target["container"] == name).map(|target| target["outcome"].clone()).unwrap()
    };
    assert_eq!((outcome("good"), outcome("other")), ("succeeded".into(), "cached".into()));

    // Nix keeps what was built, on our account.
    let inspected = flake.json(&["inspect", "good", "--json"]);
    assert!(inspected.to_string().contains("sha256:"), "{inspected}");
    let document = fs::read_link(walk(&flake.project.cache().join("nix/roots"), &format!("good/{HOST}"))).unwrap();
    let roots = flake.nix(&["nix-store", "--query", "--roots", &document.display().to_string()]);
    assert!(roots.out.contains("nix/roots"), "{roots:?}");

    flake.ok(&["verify", "good", "other"]);
    flake.ok(&["push", "1.0.0", "good", "--tags", "stable", "--yes"]);
    let (_, manifest) = raw(&format!("docker://{}/nix/good:stable", registry.host));
    let document: Value = serde_json::from_slice(&fs::read(&document).unwrap()).unwrap();
    let config = judge("skopeo", &["inspect", "--tls-verify=false", "--config", &format!("docker://{}/nix/good:1.0.0", registry.host)]);
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"][0], document["layers"][0]["diff_ids"]);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    judge(
        "skopeo",
        &[
            "copy",
            "--src-tls-verify=false",
            &format!("docker://{}/nix/good:1.0.0", registry.host),
            &format!("oci:{}:x", flake.project.path().join("back").display()),
        ],
    );
}

#[test]
fn what_is_stopped_leaves_no_process_and_what_was_collected_is_told() {
    let flake = Flake::new(None);
    let mut child = flake.command(&["build", "slow", "good", "--jobs", "3"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the build that takes for ever", || flake.sleepers() > 0);
    wait_for("the other one", || flake.states().contains(&("good".into(), "built".into())));
    judge("kill", &["-INT", &child.id().to_string()]);
    let began = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    wait_for("its end", || flake.sleepers() == 0);

    let root = walk(&flake.project.cache().join("nix/roots"), &format!("good/{HOST}"));
    let document = fs::read_link(&root).unwrap();
    fs::remove_file(&root).unwrap();
    let deleted = flake.nix(&["nix-store", "--delete", &document.display().to_string()]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert!(flake.states().contains(&("good".into(), "stale".into())));
    let copied = flake.run(&["copy", "good", "oci:out"]);
    copied.fails(1, &["was collected as garbage", "build it again"]);
    flake.ok(&["build", "good"]);
    flake.ok(&["copy", "good", "oci:out"]);
}

/// In the dashboard: found, built, one given up that stands in the way of another, verified, and what it runs.
#[test]
fn one_target_is_given_up_and_what_waited_behind_it_is_built() {
    let flake = Flake::new(None);
    let mut screen = Screen::start(&flake.command(&[]), 120, 36);
    screen.shows("found in the flake");
    screen.keys("B");
    // One thing at a time, as Nix does it unless it is told otherwise: what comes after the one that takes for ever has to wait.
    screen.until("the build that takes for ever", Duration::from_secs(60), |_| flake.sleepers() > 0);
    screen.keys("/slow\r");
    screen
        .until("only that one", Duration::from_secs(20), |screen| screen.text().contains("1 container") && !screen.text().contains("good"));
    screen.keys("x");
    screen.until("an end of it", Duration::from_secs(30), |_| flake.sleepers() == 0);
    screen.keys("\x1b");
    screen.until("all others to end", Duration::from_secs(120), |screen| {
        let text = screen.text();
        text.matches("✓ verified").count() >= 2 && text.contains("✗ failed") && text.contains("⊘ cancelled")
    });
    screen.keys("/good\r");
    screen.shows("/bin/good");
    screen.keys("i");
    screen.shows("linux/");
    assert_eq!(screen.quits(), 1); // one has failed
}

#[test]
fn what_is_wrong_with_a_flake_is_said_with_what_to_do() {
    let flake = Flake::new(None);
    Ran::of(flake.command(&["list"]).env("NIX_CONFIG", "")).fails(2, &["nix-command", "experimental-features = nix-command flakes"]);
    let nowhere = tempfile::tempdir().unwrap();
    Ran::of(flake.command(&["list"]).env("PATH", nowhere.path())).fails(2, &["there is no `nix` on the PATH", "nix-bin"]);
    flake.edit("containerMatrix =", "containerMatrx =");
    flake.run(&["list"]).fails(2, &["containerMatrix", "containers.toml"]);
    // Containers of the file need no matrix; what the flake has is said.
    let file = flake.project.path().join("containers.toml");
    let text = fs::read_to_string(&file).unwrap();
    let container = |name: &str| format!("[containers.{name}]\npackages = [\"x\"]\ntargets = [\"{HOST}\"]\n");
    let containers: String = ["goud", "good", "broken", "far"].map(container).concat();
    fs::write(&file, format!("{text}{containers}")).unwrap();
    let built = flake.run(&["build"]);
    built.fails(1, &["vax-netbsd", "[nix] builders"]);
    built.fails(
        1,
        &[&format!("has no output `goudContainer-{HOST}`"), &format!("did you mean `goodContainer-{HOST}`?"), "this one is broken"],
    );
    assert!(flake.states().contains(&("good".into(), "built".into())), "{:?}", flake.states());
    // In a repository, Nix sees what is tracked.
    judge("git", &["init", "-q", &flake.project.path().join("flake").display().to_string()]);
    flake.run(&["build", "good"]).fails(2, &["git add"]);
    fs::write(&file, text.replace("./flake", "./elsewhere")).unwrap();
    flake.run(&["list"]).fails(2, &["elsewhere", "[nix] flake"]);
}

#[test]
fn the_image_of_a_macs_builder_is_looked_for_in_a_binary_cache_and_copied_there() {
    need("nix", "nix-bin");
    let project = Project::new("[defaults]\ntargets = [\"x86_64\"]\n");
    // A system as nix-darwin makes one, as far as it matters: its closure has the settings of the machine, which name the image.
    let system = |name: &str, starts: bool| {
        let expression = format!(
            r#"let
              make = name: script: derivation {{ inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ]; }};
              image = make "nixos-image-{salt}" "PATH=/bin:/usr/bin; mkdir $out; echo {salt} > $out/nixos.qcow2";
              settings = make "rosetta-builder.yaml" "printf 'mounts:\n- location: /var/lib/keys\nimages:\n- location: %s\n' ${{image}}/nixos.qcow2 > $out";
            in make "darwin-system" "echo {starts} > $out""#,
            salt = std::process::id(),
            starts = if starts { "${settings}" } else { "nothing" },
        );
        let link = project.path().join(name);
        let made = Ran::of(Command::new("nix-build").args(["-E", &expression, "-o"]).arg(&link).env("NIX_CONFIG", CONFIG));
        assert_eq!(made.code, 0, "{}", made.err);
        link.to_str().unwrap().to_owned()
    };
    let (with, without) = (system("with", true), system("without", false));
    let cache = format!("file://{}/cache", project.path().display());
    let ask = |arguments: &[&str]| {
        let ran = Ran::of(project.command().args(["doctor", "--json", "--cache"]).args(arguments).env("NIX_CONFIG", CONFIG));
        let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
        let found =
            document["findings"].as_array().unwrap().iter().find(|finding| finding["subject"] == "builder's image").unwrap().clone();
        let word = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        (word("verdict"), word("found"), word("fix"))
    };
    let (verdict, found, fix) = ask(&[&cache, "--system", &with]);
    assert!(
        verdict == "fail" && found.contains("nixos-image-") && found.contains("is not in") && fix.contains("--upload"),
        "{found} {fix}"
    );
    let (verdict, found, _) = ask(&[&cache, "--system", &with, "--upload"]);
    assert!(verdict == "pass" && found.ends_with("now"), "{found}");
    // Nix itself says so too, and finds it there the next time.
    let image = found.split(' ').next().unwrap();
    assert_eq!(Ran::of(Command::new("nix").args(["path-info", "--store", &cache, image]).env("NIX_CONFIG", CONFIG)).code, 0);
    assert_eq!(ask(&[&cache, "--system", &with]).0, "pass");
    let (verdict, found, _) = ask(&[&cache, "--system", &without]);
    assert!(verdict == "skip" && found.contains("no nix-rosetta-builder"), "{found}");
    let (verdict, found, fix) = ask(&[&cache, "--system", "/nowhere"]);
    assert!(verdict == "fail" && found.contains("/nowhere") && fix.contains("darwin-rebuild"), "{found}");
    let (verdict, found, _) = ask(&["http://127.0.0.1:1", "--system", &with]);
    assert!(verdict == "fail" && found.contains("127.0.0.1:1"), "{found}");
}

/// The file below `folder` whose path ends in `end`.
fn walk(folder: &Path, end: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(end) {
                return path;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    panic!("{end} is not below {}", folder.display());
}
