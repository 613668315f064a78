//! Which loader a program asks for, and what that one does of its own accord.

/// The loaders there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum Family {
    /// glibc's ld.so(8).
    Glibc,
    /// musl's, which is its C library too.
    Musl,
}

/// One loader of the image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) struct Loader {
    pub family: Family,
    /// The folders it searches last, in order.
    pub folders: Vec<String>,
    /// Whether `/etc/ld.so.cache` is its cache.
    pub cache: bool,
    /// What `$LIB` stands for (ld.so(8), "Dynamic string tokens").
    pub lib: String,
    /// The name that programs ask for it by.
    pub name: String,
}

impl Loader {
    /// The loader that programs call `interpreter` and that really is at `real` (no leading slash).
    ///
    /// Its folders are compiled in. Distributions choose them by where the loader itself is: beside it, in `/lib` and `/usr/lib`.
    /// A loader anywhere else was built for a place of its own, as those of Nix are, and knows only that one.
    pub(super) fn of(interpreter: &str, real: &str, musl_path: impl Fn(&str) -> Option<Vec<String>>) -> Self {
        let name = interpreter.rsplit('/').next().unwrap_or_default().to_owned();
        let folder = real.rsplit_once('/').map_or("", |(folder, _)| folder);
        let strings = |folders: &[&str]| folders.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>();
        if let Some(architecture) = name.strip_prefix("ld-musl-").map(|rest| rest.split('.').next().unwrap_or_default()) {
            // `PREFIX/lib/ld-musl-ARCH.so.1` reads `PREFIX/etc/ld-musl-ARCH.path`.
            let prefix = interpreter.rsplitn(3, '/').nth(2).unwrap_or_default();
            let folders = musl_path(&format!("{prefix}/etc/ld-musl-{architecture}.path"));
            let folders = folders.unwrap_or_else(|| strings(&["/lib", "/usr/local/lib", "/usr/lib"]));
            return Loader { family: Family::Musl, folders, cache: false, lib: String::new(), name };
        }
        let (folders, lib) = match folder.strip_prefix("usr/").unwrap_or(folder) {
            "lib" => (strings(&["/lib", "/usr/lib"]), "lib"),
            lib @ ("lib64" | "lib32" | "libx32" | "libo32") => (vec![format!("/{lib}"), format!("/usr/{lib}")], lib),
            // Debian's multiarch.
            lib if lib.strip_prefix("lib/").is_some_and(|triplet| triplet.contains("-linux-") && !triplet.contains('/')) => {
                (vec![format!("/{lib}"), format!("/usr/{lib}"), "/lib".into(), "/usr/lib".into()], lib)
            }
            _ => {
                let lib = folder.rsplit('/').next().unwrap_or_default().to_owned();
                return Loader { family: Family::Glibc, folders: vec![format!("/{folder}")], cache: false, lib, name };
            }
        };
        Loader { family: Family::Glibc, folders, cache: true, lib: lib.to_owned(), name }
    }

    /// Whether the loader itself is what a program means by the library `name`.
    pub(super) fn is_itself(&self, name: &str) -> bool {
        // musl's libraries are all one file (`load_library` of its dynlink.c).
        const PARTS: [&str; 7] = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];
        let part = || name.strip_prefix("lib").and_then(|rest| rest.split_once('.')).map(|(part, _)| part);
        name == self.name || (self.family == Family::Musl && part().is_some_and(|part| PARTS.contains(&part)))
    }
}

/// Folder and name of glibc's loader at `real`, when Debian has it elsewhere, and the folder where Debian has it.
pub(super) fn unlike_debian(real: &str) -> Option<(&str, &str, &'static str)> {
    let (folder, name) = real.rsplit_once('/')?;
    let debian = match name {
        "ld-linux-x86-64.so.2" => "lib/x86_64-linux-gnu",
        "ld-linux-aarch64.so.1" => "lib/aarch64-linux-gnu",
        "ld-linux-armhf.so.3" => "lib/arm-linux-gnueabihf",
        "ld-linux.so.3" => "lib/arm-linux-gnueabi",
        "ld-linux.so.2" => "lib/i386-linux-gnu",
        "ld-linux-riscv64-lp64d.so.1" => "lib/riscv64-linux-gnu",
        "ld64.so.2" => "lib/powerpc64le-linux-gnu",
        "ld64.so.1" => "lib/s390x-linux-gnu",
        _ => return None,
    };
    let usual = matches!(folder.strip_prefix("usr/").unwrap_or(folder), "lib" | "lib64");
    usual.then_some((folder, name, debian))
}

/// What `$PLATFORM` stands for: `AT_PLATFORM` (getauxval(3)) of the oldest processors of a machine.
pub(super) fn platform(machine: u16) -> Option<&'static str> {
    Some(match machine {
        62 => "x86_64",
        183 => "aarch64",
        40 => "v7l",
        _ => return None,
    })
}

/// `text` with its tokens (`$ORIGIN`, `${LIB}`, …) replaced; `None` when one of them is unknown here, as then the loaders pass
/// over the folder. The second tells whether `$ORIGIN` was one of them.
pub(super) fn expand(text: &str, token: impl Fn(&str) -> Option<String>) -> Option<(String, bool)> {
    let (mut out, mut rest, mut origin) = (String::with_capacity(text.len()), text, false);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = match rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic() && c != '_').unwrap_or(rest.len())),
        };
        out.push_str(&token(name)?);
        origin |= name == "ORIGIN";
        rest = after;
    }
    out.push_str(rest);
    Some((out, origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glibc(real: &str) -> (Vec<String>, bool, String) {
        let loader = Loader::of("/lib64/ld-linux-x86-64.so.2", real, |_| None);
        (loader.folders, loader.cache, loader.lib)
    }

    #[test]
    fn a_loaders_folders_follow_from_its_place() {
        let multiarch = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"].map(str::to_owned).to_vec();
        assert_eq!(glibc("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"), (multiarch.clone(), true, "lib/x86_64-linux-gnu".into()));
        assert_eq!(glibc("lib/x86_64-linux-gnu/ld-2.31.so"), (multiarch, true, "lib/x86_64-linux-gnu".into()));
        assert_eq!(glibc("usr/lib64/ld-linux-x86-64.so.2"), (vec!["/lib64".into(), "/usr/lib64".into()], true, "lib64".into()));
        assert_eq!(glibc("usr/lib/ld-linux-x86-64.so.2"), (vec!["/lib".into(), "/usr/lib".into()], true, "lib".into()));
        let nix = "nix/store/3n58xw4373jp0ljirf06d8077j15pc4j-glibc-2.37-8/lib";
        assert_eq!(glibc(&format!("{nix}/ld-linux-x86-64.so.2")), (vec![format!("/{nix}")], false, "lib".into()));
    }

    #[test]
    fn musl_is_told_by_its_name_and_reads_its_path_file() {
        let path = |path: &str| (path == "/opt/m/etc/ld-musl-x86_64.path").then(|| vec!["/x".to_owned()]);
        assert_eq!(Loader::of("/opt/m/lib/ld-musl-x86_64.so.1", "opt/m/lib/libc.so", path).folders, ["/x"]);
        let loader = Loader::of("/lib/ld-musl-x86_64.so.1", "lib/x86_64-linux-musl/libc.so", path);
        assert_eq!((loader.family, loader.folders.join(":").as_str()), (Family::Musl, "/lib:/usr/local/lib:/usr/lib"));
        for (name, itself) in
            [("libc.so", true), ("libc.musl-x86_64.so.1", true), ("libpthread.so.0", true), ("libz.so.1", false), ("libcap.so.2", false)]
        {
            assert_eq!(loader.is_itself(name), itself, "{name}");
        }
    }

    #[test]
    fn tokens_are_replaced_and_unknown_ones_end_the_folder() {
        let token = |name: &str| match name {
            "ORIGIN" => Some("/opt/x".to_owned()),
            "LIB" => Some("lib64".to_owned()),
            _ => None,
        };
        assert_eq!(expand("$ORIGIN/../${LIB}", token), Some(("/opt/x/../lib64".into(), true)));
        assert_eq!(expand("/a/$LIB/b", token), Some(("/a/lib64/b".into(), false)));
        for bad in ["$PLATFORM/x", "$ORIGINAL", "${ORIGIN", "$"] {
            assert_eq!(expand(bad, token), None, "{bad}");
        }
    }
}
