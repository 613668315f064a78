//! Which package ships a program, as an archive's `Contents` say.

use super::super::look_up::LookedUp;
use super::*;

const CONTENTS: &str = "/debian/dists/sid/main/Contents-amd64.gz";

impl World {
    /// Publishes which package ships which file.
    fn ship(&self, lines: &str) {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(lines.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        self.server.put(CONTENTS, &gzip);
        let entry = format!(" {} {} main/Contents-amd64.gz\n", Digest::of(&gzip).hex(), gzip.len());
        let fields = "Suite: unstable\nCodename: sid\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n";
        let packages = "base-files 1\nbase-passwd 1\nhello 1\ngreet 1";
        self.put_suite("debian", "sid", fields, &[("main", packages)], |text| signed(&format!("{text}{entry}"), &self.key));
    }

    async fn look_up(&self, word: &str) -> Result<LookedUp> {
        let wanted = container(word, &[word], &[Architecture::X86_64]);
        self.archive().look_up(&self.catalog, &wanted, true, &Silent, &CancellationToken::new()).await
    }
}

#[tokio::test]
async fn a_program_stands_for_the_package_that_ships_it_and_is_fetched_once() {
    let world = World::new();
    world.ship("usr/bin/hi  x/hello\nusr/bin/both  x/hello,x/greet\nusr/bin/old  x/gone\n");
    let found = world.look_up("hi").await.unwrap();
    assert_eq!((found.packages, found.program.as_deref()), (vec!["hello".to_owned()], Some("hi")));
    assert!(found.lock.packages.iter().any(|package| package.name == "hello"));
    assert_eq!(world.server.asked("Contents"), [CONTENTS]);

    let several = world.look_up("both").await.unwrap_err();
    assert!(several.message().contains("several ship a program of that name: greet, hello"), "{several}");
    assert_eq!(several.advice(), Some("say which, for example `catamaran add both greet`"));
    let gone = world.look_up("old").await.unwrap_err();
    assert!(gone.message().contains("there is no package `old`"), "what the archive no longer has cannot be installed: {gone}");
    // A package is not looked for among programs.
    assert_eq!(world.look_up("hello").await.unwrap().program, None);
    assert_eq!(world.server.asked("Contents"), Vec::<String>::new());
}

#[tokio::test]
async fn contents_that_are_not_what_was_signed_find_nothing() {
    let world = World::new();
    world.ship("usr/bin/hi  x/hello\n");
    world.server.put(CONTENTS, b"usr/bin/hi  x/evil\n");
    let error = world.look_up("hi").await.unwrap_err();
    let said = error.message();
    assert!(
        said.contains("there is no package `hi`") && said.contains("could not be looked up") && said.contains("signed release promises"),
        "{said}"
    );
    assert!(error.advice().is_some());
}
