//! The checks explained, in one place: `verify --explain`, the rules of SARIF reports and `docs/checks.md` are made from it.
//!
//! Every `match` names every check: a new one does not compile before it has its words.

use super::report::{Check, Verdict};

impl Check {
    /// The worst it says: a check that only ever warns is not an error by default.
    pub const fn severity(self) -> Verdict {
        match self {
            Check::ConfigPlatform
            | Check::IndexPlatform
            | Check::MediaTypes
            | Check::LayerDigests
            | Check::LayerDuplicates
            | Check::ElfMachine
            | Check::ElfInterpreter
            | Check::ElfLibraries
            | Check::Links
            | Check::Entrypoint
            | Check::User
            | Check::Setuid
            | Check::UsrMerge
            | Check::Packages
            | Check::Parity
            | Check::Reproducible => Verdict::Fail,
            Check::Scripts | Check::MaintainerScripts => Verdict::Warn,
        }
    }

    /// Why it matters: what has gone wrong where nobody looked.
    pub const fn why(self) -> &'static str {
        match self {
            Check::ConfigPlatform => {
                "An engine chooses an image by the platform that its config and index claim, and newer ones refuse to unpack an image \
                 that claims another than the host's. Images of descheduler (#1886), kube-state-metrics (#1615), coredns (#5365) and \
                 calico (#4256) were published with a config that said amd64 over content for arm64."
            }
            Check::LayerDigests => {
                "Everything else that is proven of an image is proven of bytes. A layer that is not what its digest says was damaged on \
                 a disk or on the way, and an engine that compares, as it should, cannot pull it."
            }
            Check::LayerDuplicates => {
                "The image specification forbids a layer to name a path twice (\"Image Layer Filesystem Changeset\"): which of the two \
                 wins is up to whoever unpacks it. Packages put one after the other into a tar do just that with every folder they \
                 share."
            }
            Check::ElfMachine => {
                "Metadata can be right where the programs are not: every arm64 tag of atmos (cloudposse/atmos#2931) held amd64 programs, \
                 and calico (#13183) and kube-router (#2106) had the same. Emulation hides it, because a machine that has QEMU runs them \
                 all the same. The machine alone is not enough either: class and byte order tell 32 from 64 bits and ppc64 from ppc64le."
            }
            Check::ElfInterpreter => {
                "The kernel answers \"no such file or directory\" for a program that is there when its loader is not. It happens when a \
                 program was built on another distribution (musl, Nix), or when a layer puts a folder where /lib or /lib64 was a link."
            }
            Check::Entrypoint => {
                "What the image is for is the one thing that nobody runs before it is published for another architecture. A name that is \
                 not on PATH, a file that the image's user may not run, or a script whose interpreter is missing shows on the first start \
                 only."
            }
            Check::Links => {
                "A link that leads nowhere is a library, an alternative or a certificate that is not there: its package is missing, or a \
                 script that would have made its target did not run."
            }
            Check::IndexPlatform => {
                "An engine takes from an index the member that claims its platform, and looks no further. Two members swapped, one listed twice \
                 or a variant that is not the config's give every user of an architecture the wrong image, or none, under a tag that works \
                 on the machine of whoever pushed it."
            }
            Check::MediaTypes => {
                "Registries and engines decide by the media type how a blob is unpacked: containerd refuses what it does not know, and zstd \
                 that calls itself gzip breaks the pull in the middle. Manifests that mix the families of Docker and OCI are taken by some \
                 registries and refused by others."
            }
            Check::ElfLibraries => {
                "A program without one of its libraries ends before its first line. The package is missing, was built for another \
                 distribution, or the library lies where the image's own loader does not look. Every program is loaded as that loader \
                 would load it, so it shows without running anything."
            }
            Check::Scripts => {
                "The kernel answers \"no such file or directory\" for a script whose interpreter is missing, and shows the script's name. \
                 Minimal images leave out bash, python or perl and keep the scripts that want them."
            }
            Check::User => {
                "An engine that cannot find the user of the config by name refuses to start the container; with a folder it may not enter, \
                 the program fails at its first file. Both show on the first start only."
            }
            Check::Setuid => {
                "A setuid program that is open to writing is root for whoever gets into the container, and every one that is not needed is a \
                 way up. Packages bring a known few; others came with a layer that kept the modes of somebody's disk. Capabilities of \
                 files give a part of root's rights in the same way, and one that the container lacks keeps the program from starting."
            }
            Check::UsrMerge => {
                "In distributions of today /bin, /lib and /sbin are links into /usr. A layer that brings a real folder there covers the link, \
                 and with it the loader: nothing in the image starts any more. It happens when files for /lib are put into a tar of their own."
            }
            Check::Packages => {
                "Scanners see what the package database says and nothing else. An image without one looks free of vulnerabilities, and \
                 packages of another architecture are those of the wrong image."
            }
            Check::MaintainerScripts => {
                "Packages are installed without running their scripts, so that no emulation is needed for other architectures. What a \
                 script would have done and nobody did has to be said, or an image silently lacks it."
            }
            Check::Parity => {
                "A tag promises the same program on every architecture. Built apart, one of them gets yesterday's package, another entrypoint \
                 or mode, or lacks a folder, and whoever meets it looks for the mistake in their own setup."
            }
            Check::Reproducible => {
                "An image that comes out of its inputs every time can be checked by others, needs no trust in the machine that built it, and \
                 is pushed once. A clock, an order or a machine's own path in it shows as the first byte that is not the same."
            }
        }
    }

    /// What to do when it warns or fails.
    pub const fn remedy(self) -> &'static str {
        match self {
            Check::ConfigPlatform => {
                "Build the image for the platform it is published as, with `--target`; of an index that others made, have the named member \
                 replaced. Do not correct the metadata alone: see what elf-machine says."
            }
            Check::LayerDigests => {
                "Pull or copy the image again; a layer that a registry does not have any more has to be pushed again. One of the local store is thrown away when this is found: `catamaran build` makes it anew."
            }
            Check::LayerDuplicates => {
                "Make the layer with a tool that writes each path once; engines keep the last entry, and `umoci repack` or a rebuild does \
                 the same for good."
            }
            Check::ElfMachine => {
                "Take the build of the named file for this architecture: it came out of the wrong package, stage or download. Files that \
                 are foreign on purpose (firmware, test data) are waived by their path."
            }
            Check::ElfInterpreter => "Add the package that has the loader (libc6 for Debian's), or take a build for this distribution.",
            Check::Entrypoint => {
                "Correct `entrypoint` in containers.toml, add the package that has the program, or let the image's user run it: by the mode of \
                 the file and of every folder on the way to it, with the groups of /etc/group. The finding names what was looked for, and where."
            }
            Check::Links => "Add the package that has the target, make the link right with `links`, or waive the path with the reason.",
            Check::IndexPlatform => {
                "Make the index again from members whose platform is read from their configs, as `catamaran push` and `catamaran index` do. \
                 A member that could not be read has to be pushed again."
            }
            Check::MediaTypes => {
                "Push the image again with a tool that writes the type it compresses with; `catamaran copy` does not change types, so mend the \
                 source."
            }
            Check::ElfLibraries => {
                "Add the package that has the library. Where it is in the image but not found, set RUNPATH or `LD_LIBRARY_PATH`, or name its \
                 folder in /etc/ld.so.conf.d and have ldconfig run; a plugin whose host brings it is waived by its path."
            }
            Check::Scripts => {
                "Add the package that has the interpreter, or leave the script out; one that nobody runs is waived by its path."
            }
            Check::User => "Add the user with a package or a `files` entry, or give `user` as numbers, which need no entry.",
            Check::Setuid => {
                "Take the bits away with a layer of the right modes, and capabilities with `setcap -r`; leave the package out, or waive the \
                 path with the reason."
            }
            Check::UsrMerge => "Put the files below usr/ instead: `usr/lib/…` for `lib/…`.",
            Check::Packages => {
                "Leave the package database in the image; Catamaran writes `/var/lib/dpkg/status.d`, as distroless images do. Take the build of \
                 the named package for this architecture."
            }
            Check::MaintainerScripts => {
                "Look at what the named script would have made. When the image needs it, make it with `files` or `links`, say how the \
                 script is to be understood with `[debian] emulations`, or choose another package; else waive it with the reason."
            }
            Check::Parity => {
                "Build all architectures from one lock (`catamaran update` renews it for all), or waive the path that only one can have. \
                 `catamaran compare` shows all that is different. The first architecture is what the others are held against: of a container \
                 whatever is verified, as far as there are images of what containers.toml and the lock say now."
            }
            Check::Reproducible => {
                "The finding names the layer, the path and the field or byte. What a local file brings has to be made reproducibly; anything \
                 else is a mistake of Catamaran that we would like to hear of."
            }
        }
    }
}

/// `docs/checks.md`: every check as it is explained here.
pub fn checks_markdown() -> String {
    let mut out = String::from(
        "# Checks\n\nWhat `catamaran verify` proves of every image, and every build of its own. Made from `src/verify/explain.rs`; a test \
         keeps it true.\n`catamaran verify --explain CHECK` says the same, `catamaran verify --list` has them all on one page.\n\n\
         Each check ends with a verdict: `pass`; `skip`, when there is nothing to check; `warn`, worth a look; `fail`, wrong; `waived`, \
         found and accepted.\n`verify` exits with 1 when an image fails, with `--fail-on warn` also when one warns.\nWhat cannot be read is listed in every report, whose verdict is `fail` then, and \
         does not keep the rest from being checked. The exit code is 2\nwhen a reference names nothing, else 3 when the network, a \
         registry or credentials kept something from being checked, else as above.\nOf Windows images in an index, what the index and \
         their configs say is checked, and nothing inside.\n\n\
         A finding that is known and accepted is waived in `containers.toml`, for one container or with `[[waive]]` for all:\n\n\
         ```toml\n[[containers.fd.waive]]\ncheck = \"links\"\npath = \"usr/share/doc/**\"      # optional; * stays within a folder, ** does \
         not\nreason = \"the documentation is left out\"\nuntil = \"2027-01-01\"          # optional; the last day (UTC) on which it counts\n\
         ```\n\nIt stays in every report with its reason, and in the receipt of a release. A waiver that has expired, or that nothing needs \
         any more, is a warning.\nWaivers are for images of their container, built here or joined by `catamaran index --verify`; \
         `catamaran verify REF --waivers-of NAME` applies them to one from elsewhere.\n",
    );
    for check in Check::ALL {
        out.push_str(&format!("\n## {check}\n\nProves that {}.\n\n", check.about()));
        let worst = if check.severity() == Verdict::Fail { "" } else { " It never fails: the worst it says is `warn`." };
        out.push_str(&format!("**Why.** {}\n\n**What to do.** {}{worst}\n", check.why(), check.remedy()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_checks_are_the_checks() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md");
        if std::env::var_os("CATAMARAN_WRITE_DOCS").is_some() {
            std::fs::write(path, checks_markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, checks_markdown(), "CATAMARAN_WRITE_DOCS=1 cargo test --lib documented renews it");
    }

    #[test]
    fn every_text_is_whole_sentences() {
        for check in Check::ALL {
            for text in [check.why(), check.remedy()] {
                assert!(text.len() > 40 && text.ends_with('.') && !text.contains("  "), "{check}: {text}");
            }
        }
    }
}
