use super::*;
use crate::catalog::parse;
use crate::cli::printer::Mode;

fn arguments(folder: &Path) -> InitArgs {
    InitArgs { folder: folder.into(), dockerfile: None, github: false, gitlab: false, just: false, force: false, dry_run: false }
}

fn run_in(args: &InitArgs) -> Result<String> {
    let (printer, out, _) = Printer::captured(Results::Text, Mode::Plain);
    run(&printer, args)?;
    Ok(out.text())
}

#[test]
fn nothing_that_is_there_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = arguments(folder.path());
    let file = folder.path().join(FILE_NAME);
    args.dry_run = true;
    assert!(run_in(&args).unwrap().contains("# [containers.rg]") && !file.exists());
    args.dry_run = false;
    let said = run_in(&args).unwrap();
    assert!(said.starts_with("wrote ") && said.contains("`catamaran add NAME PACKAGE`"), "{said}");
    std::fs::write(&file, "mine").unwrap();
    let error = run_in(&args).unwrap_err();
    assert!(error.message().starts_with("containers.toml is there already") && error.kind() == crate::Kind::Usage, "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    args.force = true;
    std::fs::write(folder.path().join("Dockerfile"), "FROM debian").unwrap();
    assert!(run_in(&args).unwrap().contains("there is a Dockerfile"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), Starter::default().to_string());
}

#[test]
fn a_new_project_gets_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = arguments(&folder.path().join("new/project"));
    args.dry_run = true;
    run_in(&args).unwrap();
    assert!(!folder.path().join("new").exists());
    args.dry_run = false;
    run_in(&args).unwrap();
    assert!(args.folder.join(FILE_NAME).exists());
    let error = run_in(&arguments(&args.folder.join(FILE_NAME))).unwrap_err();
    assert!(error.message().ends_with("containers.toml is no folder") && error.kind() == crate::Kind::Usage, "{error}");
}

#[test]
fn a_dockerfile_becomes_a_container() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("My Tools");
    std::fs::create_dir(&project).unwrap();
    let dockerfile = project.join("Dockerfile");
    std::fs::write(&dockerfile, "FROM debian:12-slim\nRUN apt-get update && apt-get install -y curl\nRUN pip install x\nUSER Root\n")
        .unwrap();
    let args = InitArgs { dockerfile: Some(dockerfile.clone()), ..arguments(&project) };
    let said = run_in(&args).unwrap();
    assert!(said.contains("line 3: `pip install x`") && said.contains("`Root` is not a user"), "{said}");
    let text = std::fs::read_to_string(project.join(FILE_NAME)).unwrap();
    let catalog = parse(FILE_NAME.as_ref(), &text).unwrap();
    assert_eq!((catalog.debian.suite.as_str(), catalog.containers[0].name.as_str()), ("bookworm", "my-tools"));
    assert_eq!(catalog.containers[0].debian_packages, ["curl"]);
    assert!(text.contains("# user = \"Root\" # `Root` is not a user"), "{text}");

    std::fs::write(&dockerfile, "RNU x").unwrap();
    std::fs::remove_file(project.join(FILE_NAME)).unwrap();
    let error = run_in(&args).unwrap_err();
    assert!(error.message().contains("Dockerfile:1: `RNU`") && error.message().contains("nothing was written"), "{error}");
    assert_eq!(std::fs::read_dir(&project).unwrap().count(), 1);
}

#[test]
fn workflows_are_added_to_a_project_that_has_its_catalog() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), "mine").unwrap();
    let args = InitArgs { github: true, gitlab: true, just: true, ..arguments(folder.path()) };
    let said = run_in(&args).unwrap();
    assert!(said.contains("next: commit what was written"), "{said}");
    for path in [".github/workflows/containers.yaml", ".gitlab-ci.yml", crate::catalog::GITLAB_JOBS, "justfile"] {
        assert!(said.contains(path) && folder.path().join(path).exists(), "{path}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join(FILE_NAME)).unwrap(), "mine");
    let error = run_in(&args).unwrap_err();
    assert!(error.message().contains(".gitlab-ci.yml, .gitlab/catamaran.yml, justfile are there already"), "{error}");
}
