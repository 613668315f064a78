use proptest::prelude::*;

use super::*;

fn fd() -> NewContainer {
    NewContainer { name: "fd".into(), packages: vec!["fd-find".into()], entrypoint: Some("fdfind".into()), targets: Vec::new() }
}

fn extended(text: &str) -> String {
    extend(Path::new("containers.toml"), text, &fd()).unwrap().0
}

const FD: &str = "[containers.fd]\npackages = [\"fd-find\"]\nentrypoint = \"fdfind\"\n";

#[test]
fn an_entry_stands_behind_the_last_container_and_a_blank_line() {
    let rg = "[containers.rg]\npackages = [\"ripgrep\"] # fast\n# entrypoint = \"rg\"\n";
    assert_eq!(extended(""), FD);
    assert_eq!(extended("# mine\n"), format!("# mine\n\n{FD}"));
    assert_eq!(extended(rg), format!("{rg}\n{FD}"));
    assert_eq!(extended(rg.trim_end()), format!("{rg}\n{FD}"));
    assert_eq!(extended(&format!("{rg}\n")), format!("{rg}\n{FD}"));
    let nix = "# The other builder.\n[nix]\nflake = \".\"\n";
    assert_eq!(extended(&format!("{rg}\n{nix}")), format!("{rg}\n{FD}\n{nix}"));
    let waived = "[[containers.rg.waive]]\ncheck = \"links\"\nreason = \"known\"\n";
    assert_eq!(extended(&format!("{rg}{waived}\n{nix}")), format!("{rg}{waived}\n{FD}\n{nix}"));
    assert_eq!(extended("[defaults]\r\nbase = []\r\n"), format!("[defaults]\r\nbase = []\r\n\r\n{}", FD.replace('\n', "\r\n")));
}

#[test]
fn a_header_inside_a_text_is_no_header() {
    let text = "[containers.rg]\npackages = [\"ripgrep\"]\nfiles = [{ text = \"\"\"\n[nix]\n\"\"\", to = \"/x\" }]\n\n[debian]\nsuite = \"trixie\"\n";
    let (new, catalog) = extend(Path::new("containers.toml"), text, &fd()).unwrap();
    assert_eq!(new, text.replace("[debian]", &format!("{FD}\n[debian]")));
    assert_eq!(catalog.containers.len(), 2);
}

#[test]
fn names_and_targets_are_written_as_toml_wants_them() {
    let targets = vec![Architecture::X86_64, Architecture::S390x];
    let new = NewContainer { name: "python3.13".into(), packages: vec!["python3.13".into(), "tzdata".into()], entrypoint: None, targets };
    let text = "[containers.\"python3.13\"]\npackages = [\"python3.13\", \"tzdata\"]\ntargets = [\"x86_64\", \"s390x\"]\n";
    assert_eq!(new.text(), text);
    let (_, catalog) = extend(Path::new("containers.toml"), "", &new).unwrap();
    assert_eq!(catalog.container("python3.13").unwrap().targets, new.targets);
}

#[test]
fn what_cannot_be_extended_is_said() {
    let refused = |text: &str| extend(Path::new("containers.toml"), text, &fd()).unwrap_err();
    let twice = refused("[containers.fd]\npackages = [\"fd-find\"]\n");
    assert_eq!(twice.message(), "containers.toml has a container `fd` already, on line 1");
    assert!(twice.advice().unwrap().contains("catamaran add NAME fd-find"));
    for inline in ["containers = { rg = { packages = [\"ripgrep\"] } }\n", "containers.rg.packages = [\"ripgrep\"]\n"] {
        assert!(refused(inline).advice().unwrap().contains(FD), "{inline}");
    }
    assert!(refused("[default]\n").message().contains("did you mean `defaults`?"));
    assert!(refused("[defaults\n").message().contains("1 problem"));
    assert!(refused("[containers.x]\nname = \"fd\"\npackages = [\"jq\"]\n").message().contains("already"));
}

proptest! {
    /// Whatever is in the file: it is refused, or all of it is still there, and so are its containers.
    #[test]
    fn nothing_else_changes(text in "(\\[containers\\.[a-c]\\]\n|\\[nix\\]\n|\\[\\[waive\\]\\]\n|packages = \\[\"jq\"\\]\n|check = \"links\"\n|reason = \"x\"\n|flake = \".\"|# x\n|\n|\r\n|[ -~]){0,14}") {
        let path = Path::new("containers.toml");
        if let Ok((new, after)) = extend(path, &text, &fd()) {
            let entry = fd().text();
            let at = new.replace("\r\n", "\n").find(&entry).unwrap();
            let rest = new.replace("\r\n", "\n");
            let rest = format!("{}{}", &rest[..at], &rest[at + entry.len()..]);
            let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(lines(&rest), lines(&text));
            prop_assert!(after.container("fd").is_some());
            if let Ok(before) = parse(path, &text) {
                prop_assert_eq!(after.containers.len(), before.containers.len() + 1);
            }
        }
    }
}
