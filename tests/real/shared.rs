//! What tests have in common when it is not their matter: indexes, package files and segments, fetched and made once.
//!
//! Every project gets copies, so what a test does to its own is no other's concern. `builds.rs`, `bad_input.rs` and the filling
//! itself begin with less.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard};

use crate::harness::{Project, Ran, copy_folder};

/// Package files that every test may share: content addressed, so sharing changes nothing but the time.
static SHARED_CACHE: LazyLock<PathBuf> = LazyLock::new(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));

/// What this run has put into the shared cache. Whoever holds it may read there, and nobody writes meanwhile.
fn shared() -> MutexGuard<'static, BTreeSet<String>> {
    static SHARED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    SHARED.lock().expect("an earlier test has filled the shared cache")
}

fn copy_shared(project: &Project, part: &str) {
    copy_folder(&SHARED_CACHE.join(part), &project.cache().join(part));
}

impl Project {
    /// Lets this project start with the indexes of `suite` that other tests have fetched; it asks whether they are current.
    pub fn with_releases(self, suite: &str) -> Self {
        let mut shared = shared();
        if shared.insert(suite.to_owned()) {
            Project::new(&format!(
                "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\n[debian]\nsuite = \"{suite}\"\n[containers.any]\npackages = [\"bash\"]\n"
            ))
            .fill(&["update"]);
        }
        copy_shared(&self, "debian/releases");
        self
    }

    /// Lets this project start with the package files, indexes and lock that other tests have fetched.
    pub fn with_downloads(self) -> Self {
        let mut shared = shared();
        if shared.insert("fd".to_owned()) {
            let program = Path::new(env!("CARGO_BIN_EXE_catamaran"));
            let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
            // What an earlier build of the program has made proves nothing of this one.
            if changed(&SHARED_CACHE.join("debian/segments")) <= changed(program) {
                for made in ["images", "content", "debian/segments", "debian/layers", "debian/scripts"] {
                    let _ = fs::remove_dir_all(SHARED_CACHE.join(made));
                }
            }
            let filler = Project::fd(None);
            filler.fill(&["build"]);
            fs::copy(filler.path().join("containers.lock"), SHARED_CACHE.join("containers.lock")).expect("the lock was written");
        }
        copy_shared(&self, "debian/packages");
        copy_shared(&self, "debian/releases");
        fs::copy(SHARED_CACHE.join("containers.lock"), self.path().join("containers.lock")).expect("a copy of the lock");
        self
    }

    /// Like [`Project::with_downloads`], with what this very program has made of the packages too: for tests that are about what
    /// happens to finished images.
    pub fn with_segments(self) -> Self {
        let project = self.with_downloads();
        let _shared = shared();
        copy_shared(&project, "debian/segments");
        project
    }

    /// Runs in this project and keeps what is fetched and made in the shared cache.
    fn fill(&self, arguments: &[&str]) {
        let done = Ran::of(self.command().env("CATAMARAN_CACHE_DIR", &*SHARED_CACHE).args(arguments));
        assert_eq!(done.code, 0, "filling the shared cache: {}", done.err);
    }
}
