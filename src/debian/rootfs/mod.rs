//! Files no package ships: what maintainer scripts would have made, made from the packages' own data instead.
//!
//! Pure functions from the union of segments to files, one module per rule group (R1–R17 of the builder reference).

mod base_files;
mod ca_certificates;
mod generated;
mod hygiene;
mod libc;
mod metadata;
mod passwd;
mod subject_hash;
mod tzdata;
mod union;
mod usr_merge;

pub(super) use generated::{Content, Generated, Rootfs};
pub(super) use union::Union;

/// Everything generated for an image made of `union`, in order of path, and what is worth a remark.
pub(super) fn generate(union: &Union<'_>) -> Rootfs {
    let mut rootfs = Rootfs::default();
    for rule in [
        usr_merge::generate,
        base_files::generate,
        passwd::generate,
        ca_certificates::generate,
        tzdata::generate,
        libc::generate,
        metadata::generate,
        hygiene::generate,
    ] {
        rule(union, &mut rootfs);
    }
    rootfs
}
