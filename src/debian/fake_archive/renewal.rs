//! Renewing a lock: what changes, and what no archive should do to it by itself.

use super::*;
use crate::debian::{Renewal, Update};

async fn update(world: &World, write: bool, allow_downgrades: bool) -> Result<Renewal> {
    let how = Update { write, allow_downgrades };
    world.archive().update(&world.catalog, &[], how, &Silent, &CancellationToken::new()).await
}

fn lines(renewal: &Renewal) -> Vec<String> {
    renewal.changes.iter().map(ToString::to_string).collect()
}

/// Puts `hello` in this version on the server, in a release of that day of September.
fn publish(world: &World, version: u32, day: u32) {
    let fields = format!("Suite: unstable\nCodename: sid\nDate: Sat, {day} Sep 2026 07:55:41 UTC\n");
    let packages = format!("base-files 1\nbase-passwd 1\nhello {version}");
    world.put_suite("debian", "sid", &fields, &[("main", &packages)], |text| signed(text, &world.key));
}

#[tokio::test]
async fn an_update_says_what_changes_and_writes_only_when_told() {
    let world = World::new();
    let all = ["base-files 1 added (x86_64)", "base-passwd 1 added (x86_64)", "hello 1 added (x86_64)"];
    assert_eq!(lines(&update(&world, false, false).await.unwrap()), all);
    assert_eq!(read_lock(&world.catalog.lock_path()).unwrap(), None);
    assert_eq!(lines(&update(&world, true, false).await.unwrap()), all);
    assert!(read_lock(&world.catalog.lock_path()).unwrap().is_some());
    let again = update(&world, true, false).await.unwrap();
    assert_eq!((lines(&again), again.warnings), (vec![], vec![]));
}

#[tokio::test]
async fn an_archive_that_goes_back_is_shown_and_taken_only_when_asked_for() {
    let world = World::new();
    publish(&world, 2, 19);
    update(&world, true, false).await.unwrap();
    let lock = std::fs::read(world.catalog.lock_path()).unwrap();
    publish(&world, 1, 12);
    let shown = update(&world, false, false).await.unwrap();
    assert_eq!(lines(&shown), ["hello 2 → 1 (x86_64): older than before"]);
    assert_eq!(
        shown.warnings,
        [
            "debian sid is of 2026-09-12T07:55:41Z, older than containers.lock, which was made from that of 2026-09-19T07:55:41Z",
            "hello would go back to an older version",
        ]
    );
    let error = update(&world, true, false).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.message().starts_with("containers.lock stays as it is: debian sid is of 2026-09-12"), "{error}");
    assert!(error.advice().unwrap().contains("--allow-downgrades"));
    assert_eq!(std::fs::read(world.catalog.lock_path()).unwrap(), lock);
    update(&world, true, true).await.unwrap();
    assert_eq!(world.package().await.version, "1");
}

#[tokio::test]
async fn other_bytes_under_the_same_version_are_a_change_with_a_warning() {
    let world = World::new();
    let mut old = update(&world, true, false).await.unwrap().lock;
    // As if the archive had published other bytes since.
    for package in &mut old.packages {
        package.sha256 = crate::debian::Hex(Digest::of(package.name.as_bytes()));
    }
    crate::debian::lock_file::write_lock(&world.catalog.lock_path(), &old).unwrap();
    let shown = update(&world, false, false).await.unwrap();
    assert_eq!(lines(&shown)[2], "hello 1 → 1 (x86_64): other content under the same version");
    assert_eq!(
        shown.warnings,
        ["base-files, base-passwd, hello: each has other content under the version it had: ask whoever publishes it why"]
    );
}

#[tokio::test]
async fn an_index_unpacks_to_no_more_than_it_may() {
    let world = World::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b'\n'), 64 << 20), &mut gzip).unwrap();
    let bomb = gzip.finish().unwrap();
    let file = "main/binary-amd64/Packages.gz";
    let sums = format!(" {} {} {file}\n", Digest::of(&bomb).hex(), bomb.len());
    let date = "Date: Sat, 12 Sep 2026 07:55:41 UTC";
    let release = format!("Suite: unstable\nCodename: sid\n{date}\nArchitectures: amd64\nComponents: main\nSHA256:\n{sums}");
    world.server.put(&format!("/debian/dists/sid/{file}"), &bomb);
    world.server.put(RELEASE, signed(&release, &world.key).as_bytes());
    let message = world.lock().await.unwrap_err().message();
    assert!(
        message.contains("it unpacks to more than") && message.contains(&format!("{}/debian/dists/sid/{file}", world.server.url)),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_missing_of_a_suite_is_said() {
    let world = World::new();
    world.server.put("/debian/dists/sid/Release", b"Suite: sid");
    world.server.remove(RELEASE);
    let error = world.lock().await.unwrap_err();
    assert!(error.message().contains("has a Release with its signature apart, but no InRelease"), "{error}");
    world.server.remove("/debian/dists/sid/Release");
    let error = world.lock().await.unwrap_err();
    assert!(error.message().starts_with("the archive has no suite `sid`"), "{error}");
}
