//! Programs of another architecture: what keeps an engine from running them, and how that is changed.
//!
//! The kernel hands them to an emulator when one is registered (binfmt_misc, `Documentation/admin-guide/binfmt-misc.rst`). In a
//! container the emulator is found only when its registration keeps it open (flag `F`).

use std::path::Path;

/// Where the kernel shows what is registered.
const REGISTERED: &str = "/proc/sys/fs/binfmt_misc";

/// Whether the end of a program's output, or what an engine says, tells that the machine cannot run it.
pub fn is_foreign_machine(said: &str) -> bool {
    said.contains("exec format error") || said.contains("Exec format error")
}

/// Whether this machine hands programs for `machine` (as ELF and QEMU call it: `aarch64`) to an emulator, also those in containers.
pub fn emulates(machine: &str) -> bool {
    is_registered(Path::new(REGISTERED), machine)
}

/// What the kernel has registered for programs of one machine.
struct Handler {
    enabled: bool,
    /// Whether it is kept open, and so is found in containers.
    fixed: bool,
}

impl Handler {
    fn of(registered: &Path, machine: &str) -> Option<Self> {
        let text = std::fs::read_to_string(registered.join(format!("qemu-{machine}"))).ok()?;
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        Some(Handler { enabled: text.starts_with("enabled"), fixed: flags.contains('F') })
    }
}

fn is_registered(registered: &Path, machine: &str) -> bool {
    Handler::of(registered, machine).is_some_and(|handler| handler.enabled && handler.fixed)
}

/// What to do so that an engine runs programs for `architecture` (as OCI calls it: `arm64`; as ELF and QEMU do: `aarch64`).
pub fn to_run_foreign(oci: &str, machine: &str) -> String {
    advice(Path::new(REGISTERED), oci, machine)
}

fn advice(registered: &Path, oci: &str, machine: &str) -> String {
    let enable = format!(
        "enable it with an emulator, once on the engine's machine: `docker run --privileged --rm tonistiigi/binfmt --install {oci}`, or \
         on Debian `apt-get install qemu-user-static`; Docker Desktop, OrbStack and Rancher Desktop have it built in"
    );
    match Handler::of(registered, machine) {
        Some(Handler { enabled: false, .. }) => {
            format!("this machine's emulator for it is switched off: `echo 1 > {REGISTERED}/qemu-{machine}`, as root")
        }
        Some(Handler { fixed: false, .. }) => format!(
            "this machine has an emulator for it, which containers cannot reach (its registration lacks the flag F): install \
             `qemu-user-static` instead of `qemu-user`, or `docker run --privileged --rm tonistiigi/binfmt --install {oci}`"
        ),
        _ => enable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_what_the_kernel_has_registered() {
        let folder = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            std::fs::write(folder.path().join("qemu-aarch64"), text).unwrap();
            advice(folder.path(), "arm64", "aarch64")
        };
        assert!(advice(folder.path(), "arm64", "aarch64").contains("--install arm64"));
        assert!(of("disabled\ninterpreter /usr/bin/qemu\nflags: F\n").contains("switched off"));
        assert!(of("enabled\ninterpreter /usr/bin/qemu\nflags: OC\n").contains("lacks the flag F"));
        assert!(of("enabled\ninterpreter /usr/bin/qemu\nflags: POF\n").contains("tonistiigi/binfmt"));
        assert!(is_registered(folder.path(), "aarch64") && !is_registered(folder.path(), "riscv64"));
        for not_reached in ["enabled\nflags: OC\n", "disabled\nflags: F\n", ""] {
            let _ = of(not_reached);
            assert!(!is_registered(folder.path(), "aarch64"), "{not_reached}");
        }
        assert!(is_foreign_machine("standard_init_linux.go:228: exec user process caused: exec format error"));
    }
}
