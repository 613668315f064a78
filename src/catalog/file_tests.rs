use super::*;
use crate::catalog::{Architecture, BuilderKind, FileContent, LayerCompression, PathTemplate};

fn read(text: &str) -> Result<Catalog, Problems> {
    parse(Path::new("containers.toml"), text)
}

fn problems(text: &str) -> String {
    read(text).unwrap_err().render(false)
}

fn problems_of_mirror(mirror: &str) -> String {
    problems(&format!("[debian]\nmirror = \"{mirror}\"\n[containers.a]\npackages = [\"jq\"]\n"))
}

/// The help of the only problem.
fn help(text: &str) -> String {
    let problems = read(text).unwrap_err().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].help.clone().unwrap_or_default()
}

#[test]
fn the_example_of_the_design_is_read_whole() {
    let catalog = read(
        r#"
[registry]
host = "ghcr.io"
repository = "acme/tools/{container}"
username = { env = "GITHUB_ACTOR", default = "acme" }
password = { env = "GITHUB_TOKEN" }

[defaults]
builder = "debian"
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils"]
layers = 10

[debian]
suite = "trixie"
components = ["main"]
snapshot = "20261101T000000Z"
check-valid-until = false

[nix]
flake = ".#x"
builders = ["ssh-ng://builder aarch64-linux"]
extra-args = ["--impure"]

[containers.rg]
packages = ["ripgrep"]
entrypoint = "rg"

[containers.fd]
name = "fd-find"
packages = { debian = ["fd-find"], nix = ["fd"] }
entrypoint = ["fdfind", "--color=never"]
targets = ["arm64"]
cmd = ["."]
env = { LANG = "C.UTF-8" }
labels = { "org.example.a" = "b" }
annotations = { "org.example.c" = "d" }
user = "1000:1000"
workdir = "/work"
expose = ["80", "53/udp"]
volumes = ["/data"]
links = { "/usr/bin/fd" = "fdfind" }
files = [{ from = "a/{target}", to = "/etc/a", owner = "app" }, { text = "x\n", to = "/etc/b", mode = "0600" }]
layers = 3
test = ["--version"]
"#,
    )
    .unwrap();
    assert_eq!(catalog.registry.password, Some(Secret { variable: "GITHUB_TOKEN".into() }));
    assert!(!catalog.debian.check_valid_until);
    assert_eq!(catalog.nix.extra_args, ["--impure"]);
    let [rg, fd] = &catalog.containers[..] else { panic!("{catalog:?}") };
    assert_eq!((rg.name.as_str(), rg.line, rg.builder), ("rg", 25, BuilderKind::Debian));
    assert_eq!(rg.nix_packages, rg.debian_packages);
    assert_eq!(rg.targets, [Architecture::X86_64, Architecture::Aarch64]);
    assert_eq!((fd.name.as_str(), &fd.targets[..]), ("fd-find", &[Architecture::Aarch64][..]));
    assert_eq!((fd.debian_packages.as_slice(), fd.nix_packages.as_slice()), (&["fd-find".to_owned()][..], &["fd".to_owned()][..]));
    assert_eq!(fd.expose, ["80/tcp", "53/udp"]);
    let [a, b] = &fd.files[..] else { panic!("{:?}", fd.files) };
    assert_eq!((a.to.as_str(), a.mode, a.owner.as_deref()), ("/etc/a", None, Some("app")));
    assert_eq!(a.content, FileContent::From(PathTemplate::parse("a/{target}").unwrap()));
    assert_eq!((&b.content, b.mode, &b.owner), (&FileContent::Text("x\n".into()), Some(0o600), &None));
    assert_eq!((rg.layers, fd.layers), (Some(10), Some(3)));
}

#[test]
fn defaults_apply_where_a_container_is_silent() {
    let catalog = read("[containers.jq]\npackages = [\"jq\"]\n").unwrap();
    assert_eq!(catalog.base, ["bash", "coreutils"]);
    let jq = &catalog.containers[0];
    assert_eq!((jq.entrypoint.as_slice(), jq.test.as_slice()), (&["jq".to_owned()][..], &["--help".to_owned()][..]));
    let catalog = read("[defaults]\ntargets = [\"s390x\"]\nbuilder = \"nix\"\n[containers.jq]\npackages = [\"jq\"]\n").unwrap();
    assert_eq!(catalog.containers[0].targets, [Architecture::S390x]);
    assert_eq!(catalog.containers[0].builder, BuilderKind::Nix);
    let text = "[defaults]\ncompression = \"zstd\"\n[containers.jq]\npackages = [\"jq\"]\n[containers.fd]\npackages = [\"fd\"]\ncompression = \"gzip\"\n";
    let compressions: Vec<LayerCompression> = read(text).unwrap().containers.iter().map(|c| c.compression).collect();
    assert_eq!(compressions, [LayerCompression::Zstd, LayerCompression::Gzip]);
    assert!(problems(&text.replace("\"zstd\"", "\"zst\"")).contains("did you mean `zstd`?"));
    assert!(problems(&text.replace("\"zstd\"", "\"brotli\"")).contains("unknown compression `brotli`"));
}

#[test]
fn every_problem_is_shown_at_once_in_file_order() {
    insta::assert_snapshot!(problems(r#"[registry]
password = "hunter2"

[defaults]
targets = "x86_64"

[containers.Fd]
pakages = ["fd-find"]

[containers.rg]
packages = ["Ripgrep"]
targets = ["x86_46"]
expose = [80]
"#), @r###"
error: a password does not belong in this file: it is committed, and secrets stay in the environment
 --> containers.toml:2:12
  |
2 | password = *********
  |            ^^^^^^^^^ this is a literal password
  |
  = help: name the variable that holds it: `password = { env = "GITHUB_TOKEN" }`; if this one was ever committed, revoke it

error: `targets` must be an array of strings
 --> containers.toml:5:11
  |
5 | targets = "x86_64"
  |           ^^^^^^^^ this is a string
  |
  = help: write `targets = ["x86_64"]`

error: `Fd` cannot be a container's name: a container's name has lower-case letters, digits, `.`, `_` and `-` only
 --> containers.toml:7:13
  |
7 | [containers.Fd]
  |             ^^
  |
  = help: write `fd`

error: unknown key `pakages` in `[containers.Fd]`
 --> containers.toml:8:1
  |
8 | pakages = ["fd-find"]
  | ^^^^^^^
  |
  = help: did you mean `packages`?

error: `Ripgrep` is not a Debian package name
  --> containers.toml:11:13
   |
11 | packages = ["Ripgrep"]
   |             ^^^^^^^^^
   |
   = help: Debian's names are lower case: `ripgrep`

error: unknown architecture `x86_46`
  --> containers.toml:12:12
   |
12 | targets = ["x86_46"]
   |            ^^^^^^^^
   |
   = help: did you mean `x86_64`?

error: each of `expose` must be a string
  --> containers.toml:13:11
   |
13 | expose = [80]
   |           ^^ this is a whole number
   |
   = help: put it in quotes: `"80"`
"###);
}

#[test]
fn several_syntax_errors_come_together_without_their_echoes() {
    insta::assert_snapshot!(problems("[containers.rg]\npackages = [\"ripgrep\"\nentrypoint = \n\n[containers.rg]\npackages = [\"a b\"]\n"), @r###"
    error: missing comma between array elements, expected `,`
     --> containers.toml:3:1
      |
    3 | entrypoint = 
      | ^
      |
      = help: is a `]` or `}` missing at the end of the line above?
    "###);
}

#[test]
fn each_wrong_value_has_its_own_advice() {
    let container = |line: &str| help(&format!("[containers.a]\npackages = [\"jq\"]\n{line}\n"));
    assert_eq!(container("builder = \"debain\""), "did you mean `debian`?");
    assert_eq!(container("targets = [\"amd64\", \"x86_64\"]"), "name it once");
    assert_eq!(container("entrypoint = \"jq -r\""), r#"no shell splits it; write `entrypoint = ["jq", "-r"]`"#);
    assert_eq!(container("env = { PORT = 80 }"), "put it in quotes: `\"80\"`");
    assert_eq!(container("user = 1000"), "put it in quotes: `\"1000\"`");
    assert_eq!(container("workdir = \"work\""), "write `/work`");
    assert_eq!(container("ports = [\"80\"]"), "did you mean `expose`?");
    assert_eq!(container("suite = \"sid\""), "`suite` belongs in `[debian]`");
    assert_eq!(container("targets = []"), "for example `targets = [\"x86_64\", \"aarch64\"]`");
    assert!(help("[containers.a]\npackages = []\n").starts_with("name at least one"));
    assert!(help("[containers.a]\n").starts_with("say what to install"));
    assert!(help("").contains("`catamaran add ripgrep`") && help("").contains("[containers.rg]"));
    assert!(help("[containers.a]\npackages = [\"a1\"]\n[containers.b]\nname = \"a\"\npackages = [\"a1\"]\n").contains("line 1"));
}

#[test]
fn a_literal_password_is_refused_and_not_repeated_in_the_message() {
    let text = "[registry]\npassword = { env = \"T\", default = \"hunter2\" }\n[containers.a]\npackages = [\"jq\"]\n";
    let problems = read(text).unwrap_err();
    assert!(problems.problems[0].message.contains("secrets stay in the environment"));
    assert!(!crate::Error::from(problems).message().contains("hunter2"));
    for text in ["[registry]\npassword = hunter2\n", "[registry]\npassword = \"hunter2\n", "registry = { password = \"hunter2\" }\n"] {
        assert!(!read(text).unwrap_err().render(false).contains("hunter2"), "{text}");
    }
    let problems = read("[registry]\nhost = \"me:hunter2@ghcr.io\"\n").unwrap_err();
    assert!(problems.problems.iter().any(|p| p.message.contains("credentials")) && !problems.render(false).contains("hunter2"));
    assert!(!problems_of_mirror("http://me:hunter2@x/").contains("hunter2"));
    assert!(!problems_of_mirror("me:hunter2@x").contains("hunter2"));
}

#[test]
fn a_file_that_cannot_be_read_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("containers.toml");
    assert!(load(&path).unwrap_err().render(false).contains("cannot read"));
    std::fs::write(&path, b"# \xff\n").unwrap();
    assert!(load(&path).unwrap_err().render(false).contains("containers.toml:1:3"));
    std::fs::write(&path, vec![b'#'; MAX_FILE_SIZE as usize + 1]).unwrap();
    assert!(load(&path).unwrap_err().render(false).contains("more than"));
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that are likely to meet in a real file, right or wrong.
    fn piece() -> impl Strategy<Value = String> {
        let words = [
            "[registry]",
            "[containers.a]",
            "[containers.\"ä\"]",
            "[[containers]]",
            "[defaults]",
            "packages",
            "targets",
            "password",
            "files",
            "=",
            "[",
            "]",
            "{",
            "}",
            "\"x86_64\"",
            "\"jq\"",
            "\"ä\\u0000\"",
            "1",
            "0xff",
            "-1",
            "1.5",
            "true",
            "2026-11-22",
            "\n",
            "\n",
            ",",
            ".",
            "'",
            "\"\"\"",
            "#",
            "\u{feff}",
            "\r",
            "\t",
            "env",
            "default",
            "mode",
            "layers",
        ];
        prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"]
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_or_the_renderer_panic(pieces in prop::collection::vec(piece(), 0..60)) {
            if let Err(problems) = read(&pieces.join(" ")) {
                prop_assert!(!problems.problems.is_empty());
                prop_assert!(!problems.render(false).is_empty());
            }
        }

        #[test]
        fn bytes_that_are_no_text_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("containers.toml");
            std::fs::write(&path, bytes).unwrap();
            // No random bytes define a container.
            prop_assert!(!load(&path).unwrap_err().render(true).is_empty());
        }
    }
}

#[test]
fn our_own_file_is_valid() {
    let catalog = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/containers.toml"))).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(catalog.targets().len(), 14);
}

#[test]
fn certificates_of_a_registry_are_found_beside_the_file_and_come_in_pairs() {
    let text = "[registry]\nhost = \"a.example\"\nca = \"keys/ca.pem\"\nclient-cert = \"/etc/c.pem\"\nclient-key = \"k.pem\"\ninsecure = true\n[containers.jq]\npackages = [\"jq\"]\n";
    let registry = parse(Path::new("/project/containers.toml"), text).unwrap().registry;
    let path = |text: &str| Some(std::path::PathBuf::from(text));
    assert_eq!((registry.ca, registry.client_cert), (path("/project/keys/ca.pem"), path("/etc/c.pem")));
    assert_eq!((registry.client_key, registry.insecure), (path("/project/k.pem"), true));
    let lone = text.replace("client-key = \"k.pem\"\n", "");
    let problems = parse(Path::new("/project/containers.toml"), &lone).unwrap_err().problems;
    assert!(problems.iter().any(|p| p.message.contains("`client-cert` needs `client-key`")), "{problems:?}");
}
