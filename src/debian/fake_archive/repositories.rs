//! Other repositories beside Debian's, and packages that are not where they are looked for.

use super::*;
use crate::catalog::DebianSource;

const DATE: &str = "Date: Sat, 12 Sep 2026 07:55:41 UTC\n";

/// A world with the repository `acme` beside its archive, which has a `tool` and a newer `hello`.
fn with_acme(fields: &str) -> World {
    let mut world = World::new();
    let key = signing_key();
    let fields = format!("Suite: stable\nCodename: nova\n{DATE}{fields}");
    world.put_suite("acme", "stable", &fields, &[("main", "tool 2\nhello 2")], |text| signed(text, &key));
    let armored = SignedPublicKey::from(key).to_armored_string(ArmorOptions::default()).unwrap();
    std::fs::create_dir(world.folder.path().join("keys")).unwrap();
    std::fs::write(world.folder.path().join("keys/acme.asc"), armored).unwrap();
    let source = DebianSource {
        url: Some(format!("{}/acme", world.server.url)),
        suite: "stable".into(),
        components: vec!["main".into()],
        keyring: Some("keys/acme.asc".into()),
        check_valid_until: None,
    };
    world.catalog.debian.sources.insert("acme".into(), source);
    world.catalog.containers[0].debian_packages.push("tool".into());
    world
}

fn locked(lock: &Lock, name: &str) -> String {
    let package = lock.packages.iter().find(|p| p.name == name).unwrap();
    format!("{} of {}", package.version, package.archive)
}

#[tokio::test]
async fn another_repository_is_in_the_lock_by_its_name() {
    let world = with_acme("");
    let lock = world.lock().await.unwrap();
    assert_eq!(
        (locked(&lock, "tool"), locked(&lock, "hello"), locked(&lock, "base-files")),
        ("2 of acme".into(), "2 of acme".into(), "1 of debian".into())
    );
    let text = std::fs::read_to_string(world.catalog.lock_path()).unwrap();
    assert!(!text.contains("127.0.0.1") && !text.contains("http"), "{text}");
    world.server.asked("");
    assert_eq!(world.lock().await.unwrap(), lock);
    assert_eq!(world.server.asked(""), Vec::<String>::new());

    let package = lock.packages.iter().find(|p| p.name == "tool").unwrap();
    let fetcher = world.archive().fetcher().of(&lock);
    fetcher.fetch(package, &|_| {}, &CancellationToken::new()).await.unwrap();
    assert_eq!(world.server.asked(".deb"), [DEB.replace("/debian/", "/acme/")]);
}

#[tokio::test]
async fn advice_is_about_the_table_of_the_source_and_its_dates_may_be_its_own() {
    let mut world = with_acme("Valid-Until: Sat, 19 Sep 2026 07:55:41 UTC\n");
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.advice().unwrap(), "try another mirror, or set check-valid-until = false under [debian.sources.acme]");
    world.catalog.debian.sources.get_mut("acme").unwrap().check_valid_until = Some(false);
    world.lock().await.unwrap();
    std::fs::remove_file(world.catalog.lock_path()).unwrap();
    world.catalog.debian.sources.get_mut("acme").unwrap().url = Some("http://127.0.0.1:9/".into());
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.advice().unwrap(), "check the network; another address can be named with `url` under [debian.sources.acme]");
}

#[tokio::test]
async fn a_mistyped_suite_is_answered_with_the_one_that_was_meant() {
    let mut world = with_acme("");
    world.catalog.debian.sources.get_mut("acme").unwrap().suite = "stabel".into();
    let error = world.lock().await.unwrap_err();
    let table = "[debian.sources.acme]";
    assert_eq!(error.advice().unwrap(), format!("did you mean `stable`? check `suite` under {table} and `url` under {table}"));
}

#[tokio::test]
async fn a_repository_is_trusted_by_its_own_keyring_only() {
    let mut world = with_acme("");
    world.catalog.debian.sources.get_mut("acme").unwrap().keyring = None;
    let error = world.lock().await.unwrap_err().message();
    assert!(error.contains("InRelease of acme stable is not trusted: signed by the unknown key"), "{error}");
    world.catalog.debian.sources.get_mut("acme").unwrap().keyring = Some("keys/none.asc".into());
    let error = world.lock().await.unwrap_err().message();
    assert!(error.contains("keys/none.asc"), "{error}");
}

#[tokio::test]
async fn a_pin_names_the_source() {
    let mut world = with_acme("");
    world.catalog.debian.pins.insert("h*".into(), "sid".into());
    assert_eq!(locked(&world.lock().await.unwrap(), "hello"), "1 of debian");
    // It also wins over what is locked.
    world.catalog.debian.pins.insert("hello".into(), "acme".into());
    assert_eq!(locked(&world.lock().await.unwrap(), "hello"), "2 of acme");
    world.catalog.debian.pins.insert("tool".into(), "3*".into());
    let error = world.lock().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.message().contains("there is tool 2 of stable for x86_64"), "{error}");
}

#[tokio::test]
async fn what_is_not_automatic_comes_only_when_nothing_else_does() {
    let mut world = with_acme("NotAutomatic: yes\nButAutomaticUpgrades: yes\n");
    let lock = world.lock().await.unwrap();
    assert_eq!((locked(&lock, "tool"), locked(&lock, "hello")), ("2 of acme".into(), "1 of debian".into()));
    world.catalog.debian.pins.insert("hello".into(), "stable".into());
    assert_eq!(locked(&world.lock().await.unwrap(), "hello"), "2 of acme");
}

#[tokio::test]
async fn another_suite_of_debian_needs_no_address() {
    let mut world = World::new();
    let fields = format!("Suite: sid-backports\nCodename: sid-backports\n{DATE}NotAutomatic: yes\n");
    world.put_suite("debian", "sid-backports", &fields, &[("main", "hello 2")], |text| signed(text, &world.key));
    let source =
        DebianSource { url: None, suite: "sid-backports".into(), components: vec!["main".into()], keyring: None, check_valid_until: None };
    world.catalog.debian.sources.insert("backports".into(), source);
    assert_eq!(locked(&world.lock().await.unwrap(), "hello"), "1 of debian");
    world.catalog.debian.pins.insert("hello".into(), "backports".into());
    assert_eq!(locked(&world.lock().await.unwrap(), "hello"), "2 of debian");
}

#[tokio::test]
async fn a_package_of_another_component_is_found_there() {
    let mut world = World::new();
    let fields = format!("Suite: unstable\nCodename: sid\n{DATE}");
    let components = [("main", "base-files 1\nbase-passwd 1\nhello 1"), ("contrib", "steam 1")];
    world.put_suite("debian", "sid", &fields, &components, |text| signed(text, &world.key));
    world.catalog.containers[0].debian_packages.push("steam".into());
    let error = world.lock().await.unwrap_err();
    assert!(error.message().contains("there is no package `steam` for x86_64"), "{error}");
    assert_eq!(error.advice().unwrap(), "`steam` is in the component contrib of sid: add it to `components` under [debian]");
    world.catalog.debian.components.push("contrib".into());
    assert_eq!(locked(&world.lock().await.unwrap(), "steam"), "1 of debian");
}
