//! What is measured on: projects built by the program itself from the archive that this machine is configured for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use catamaran::catalog::{self, Catalog};
use catamaran::debian::{self, Lock, LockedPackage};

/// A dozen of servers and languages: 198 packages in trixie.
const CLOSURE: &str = "\
[defaults]
targets = [\"x86_64\"]
base = [\"bash\", \"coreutils\"]
[containers.closure]
packages = [\"nginx\", \"redis\", \"python3\", \"postgresql-17\", \"nodejs\", \"default-jre-headless\", \"git\", \"curl\", \"ruby\", \"php-cli\", \"perl\", \"sqlite3\"]
entrypoint = \"bash\"
";
const FD: &str = "\
[defaults]
targets = [\"x86_64\", \"aarch64\"]
base = [\"bash\", \"coreutils\"]
[containers.fd]
packages = [\"fd-find\"]
entrypoint = \"fdfind\"
";
/// Containers of the build that has nothing to do.
const MANY: usize = 100;

/// All projects, and the cache they share.
pub struct Ground {
    /// `fd` for two architectures.
    pub fd: Project,
    /// Some 200 packages for one.
    pub closure: Project,
    /// A hundred containers for two.
    pub many: Project,
    /// The program's cache folder.
    pub cache: PathBuf,
}

/// A project that has been built.
pub struct Project {
    /// Its `containers.toml`.
    pub catalog: Catalog,
    /// What it is made of.
    pub lock: Lock,
}

impl Ground {
    /// Builds whatever is not there yet.
    pub fn prepare() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
        let cache = root.join("cache");
        let fd = Project::build(&root.join("fd"), FD, &cache);
        let closure = Project::build(&root.join("closure"), CLOSURE, &cache);
        // Packages that need little besides themselves: the point is to have many images, not large ones.
        let mut many = FD.split_once("[containers").expect("a container").0.to_owned();
        let libraries = closure.lock.packages.iter().filter(|p| p.name.starts_with("lib") && !p.name.starts_with("libnode"));
        for name in libraries.map(|package| &package.name).take(MANY) {
            many += &format!("[containers.\"{}\"]\npackages = [\"{name}\"]\nentrypoint = \"bash\"\n", name.replace(['.', '+'], "-"));
        }
        let many = Project::build(&root.join("many"), &many, &cache);
        assert_eq!(many.catalog.containers.len(), MANY, "the closure has fewer libraries");
        Ground { fd, closure, many, cache }
    }

    /// The .deb of `package`, as the build has fetched it.
    pub fn deb(&self, package: &LockedPackage) -> PathBuf {
        let archive = debian::Archive::new(&self.fd.catalog.debian, self.fd.catalog.folder(), self.cache.clone()).expect("an archive");
        archive.fetcher().cached(package).unwrap_or_else(|| panic!("{} is not in the cache: delete {}", package.name, self.cache.display()))
    }
}

impl Project {
    fn build(folder: &Path, containers: &str, cache: &Path) -> Self {
        fs::create_dir_all(folder).expect("a writable target folder");
        let path = folder.join("containers.toml");
        fs::write(&path, containers).expect("a writable target folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_catamaran"));
        command.current_dir(folder).args(["build", "--output", "plain"]).stdin(Stdio::null());
        command.env("CATAMARAN_CACHE_DIR", cache).env("CATAMARAN_STATE_DIR", folder.join("state"));
        let done = command.output().expect("catamaran starts");
        let said = String::from_utf8_lossy(&done.stderr);
        let last: Vec<&str> = said.lines().rev().take(12).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        assert!(
            done.status.success(),
            "these benches measure on packages of a Debian archive, and building {} failed:\n{}",
            path.display(),
            last.join("\n")
        );
        let catalog = catalog::load(&path).expect("it was built from this");
        let lock = debian::read_lock(&catalog.lock_path()).expect("a readable lock").expect("a build writes a lock");
        Project { catalog, lock }
    }
}
