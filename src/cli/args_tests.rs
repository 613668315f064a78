use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn lines_of_the_design_are_understood() {
    for line in [
        "",
        "list --json",
        "build",
        "build fd rg --target x86_64,arm64 --jobs 2 --locked --out DIR",
        "add fd-find",
        "add toolbox jq ripgrep --entrypoint bash --target x86_64,arm64 --dry-run --yes --json",
        "completions zsh",
        "man cache prune",
        "man --out DIR",
        "cache info --json",
        "cache prune --older-than 7d --max-size 5G --all --images --dry-run",
        "update",
        "update fd rg --dry-run --json",
        "outdated --json",
        "compare fd",
        "compare fd ghcr.io/acme/fd:1 --target x86_64,arm64 --all --exit-code --json",
        "copy fd oci:x:1 --target arm64 --json",
        "doctor ghcr.io --json",
        "inspect fd/aarch64 --json",
        "verify fd oci:x",
        "verify fd --format sarif --report FILE --fail-on warn --waivers-of fd",
        "verify --list",
        "verify --explain elf-machine",
        "schema",
        "schema report",
        "verify fd --rebuild --json",
        "push 1.2.0 fd --tags a,b --target aarch64 --dry-run --yes --force",
        "push 1.2.0 --digests-only --out-digests FILE --reason why --receipt FILE",
        "release 1.2.0 fd --tags a,b --dry-run --yes",
        "index 1.2.0 fd --image x86_64=sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d --from FILE --verify",
        "matrix",
        "matrix build --github",
        "matrix --gitlab --shards 50",
        "init DIR --dockerfile Dockerfile --github --gitlab --just --force --dry-run",
        "-f x/containers.toml --output plain --color never matrix manifest",
        "build --output json --file x",
    ] {
        let words = std::iter::once("catamaran").chain(line.split_whitespace());
        assert!(Cli::try_parse_from(words).is_ok(), "{line}");
    }
}

#[test]
fn mistakes_are_usage_errors_that_help() {
    for (line, part) in [
        ("buld", "'build'"),
        ("build --target x86_46", "did you mean `x86_64`?"),
        ("build --jobs 0", "jobs"),
        ("push 1 --out-digests FILE", "--digests-only"),
        ("push 1 --reason=", "a reason is needed"),
        ("index 1 fd --image x86_64", "TARGET=DIGEST"),
        ("index 1 fd --image x86_64=sha256:1", "sha256:1"),
        ("verify", "REF"),
        ("add", "NAME"),
        ("cache prune --older-than 7", "30d"),
        ("compare", "REF"),
        ("verify --explain elf-machin", "did you mean `elf-machine`?"),
        ("verify fd --format xml", "junit"),
        ("verify fd --fail-on pass", "warn"),
        ("verify fd --waivers-of F", "lower"),
        ("matrix all", "manifest"),
        ("list --output pretty", "bars"),
    ] {
        let words = std::iter::once("catamaran").chain(line.split_whitespace());
        let error = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(part), "{line}: {error}");
    }
}

#[test]
fn an_empty_tag_list_is_not_the_same_as_none() {
    let tags = |line: &str| match Cli::try_parse_from(line.split(' ')).map(|c| c.command) {
        Ok(Some(Subcommand::Push(push))) => push.tags,
        other => panic!("{other:?}"),
    };
    assert_eq!(tags("catamaran push 1"), None);
    assert_eq!(tags("catamaran push 1 --tags="), Some(vec![String::new()]));
    assert_eq!(tags("catamaran push 1 --tags a,b"), Some(vec!["a".into(), "b".into()]));
}
