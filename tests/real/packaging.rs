//! The image of the program itself, which a release publishes: `packaging/image`, with the program under test in it.

use std::fs;
use std::path::Path;

use crate::docker::Docker;
use crate::harness::{Project, Ran};

#[test]
fn the_program_builds_an_image_of_itself_that_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/image");
    let project = Project::new(&fs::read_to_string(folder.join("containers.toml")).unwrap()).with_releases("trixie");
    let host = std::env::consts::ARCH;
    fs::create_dir(project.path().join(host)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_catamaran"), project.path().join(host).join("catamaran")).unwrap();
    // The other architecture's program is made on a machine of its own.
    project.ok(&["build", "--target", host]);
    project.ok(&["verify", &format!("catamaran/{host}")]);
    let docker = Docker::with(&[]);
    let test = |arguments: &[&str]| {
        let base = ["test", "catamaran", "--target", host, "--engine", docker.address()];
        Ran::of(project.command().args(base).args(arguments))
    };
    let said = test(&[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains(concat!("catamaran ", env!("CARGO_PKG_VERSION"))), "{}", said.err);
    // It finds its folders and its certificates there, and git.
    let said = test(&["--", "init", "/tmp/new"]);
    assert_eq!(said.code, 0, "{}", said.err);
}
