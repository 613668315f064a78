//! Emacs's add-on packages (Debian Emacs Policy): what they have in `packages/install` runs for each flavour of Emacs, whichever of the
//! two is configured last. The programs that see to it are in Perl, so they are done here.

use super::paths::{there, worse};
use crate::debian::script::shell::{Shell, Status, Value};
use crate::debian::script::{Effect, Owner};

const PACKAGES: &str = "/usr/lib/emacsen-common/packages";
const STATE: &str = "/var/lib/emacsen-common/state";

/// `emacs-install FLAVOUR`: every add-on that is there, for this flavour.
pub(super) fn install(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let [options @ .., flavour] = arguments else { return Some(2) };
    if options.iter().any(|option| option == "--preinst") {
        return Some(0);
    }
    let mut status = touch(shell, "flavor", flavour);
    let mut addons = names(shell, &format!("{PACKAGES}/install"));
    // The others build upon it; among themselves they are taken in the order of their names, and not of their dependencies.
    addons.sort_by_key(|name| name != "emacsen-common");
    for addon in addons {
        let is_new = there(shell, &format!("{PACKAGES}/compat/{addon}"));
        if !is_new || there(shell, &format!("{STATE}/package/installed/{addon}")) {
            status = worse(status, run(shell, &addon, flavour));
        }
    }
    status
}

/// `emacs-package-install PACKAGE`: one add-on, for every flavour that is there.
pub(super) fn package_install(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let [options @ .., addon] = arguments else { return Some(2) };
    if options.iter().any(|option| option == "--preinst") {
        return Some(0);
    }
    let mut status = touch(shell, "package", addon);
    for flavour in names(shell, &format!("{STATE}/flavor/installed")) {
        status = worse(status, run(shell, addon, &flavour));
    }
    status
}

/// `emacs` itself in scripts: it compiles, or says its version.
pub(super) fn emacs(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let has = |option: &str| arguments.iter().flatten().any(|argument| argument == option);
    if has("batch-byte-compile") {
        // Bytecode is a cache: Emacs reads the source where there is none.
        return Some(0);
    }
    shell.print(None);
    if has("--version") {
        return Some(0);
    }
    shell.refuse("what `emacs` does is not known")
}

/// What stands in a folder, without an editor's leavings.
fn names(shell: &Shell<'_>, folder: &str) -> Vec<String> {
    shell.entries(folder).into_iter().filter(|name| !name.starts_with('.') && !name.ends_with('~')).collect()
}

/// Remembers that `name` is there.
fn touch(shell: &mut Shell<'_>, sort: &str, name: &str) -> Status {
    let path = format!("{STATE}/{sort}/installed/{name}");
    if there(shell, &path) {
        return Some(0);
    }
    shell.apply(Effect::File { path, bytes: Vec::new(), mode: None, owner: Owner::default() })
}

fn run(shell: &mut Shell<'_>, addon: &str, flavour: &str) -> Status {
    let script = format!("{PACKAGES}/install/{addon}");
    if !there(shell, &script) {
        return Some(0);
    }
    let fields = [script, flavour.to_owned()].map(Some);
    shell.in_subshell(|shell| shell.invoke(&fields));
    shell.status
}
