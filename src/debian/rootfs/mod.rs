//! The root file system (R1–R18 of the builder reference): packages' entries, and what maintainer scripts would have made of
//! them.
//!
//! [`Root`] is the file system while it is made. Packages are unpacked into it (`unpack`, `directories`), rules fill in what
//! installation always makes (`usr_merge`, `base_files`, `passwd`, `tzdata`, `libc`), scripts are evaluated against it in the order
//! dpkg would run them (`effects` does what they ask for), and generators make files from the whole of it (`ca_certificates`,
//! `java_keystore`, `ld_cache`, `pam`, `gsettings`, `mime`, `desktop_database`, `graphviz`, `metadata`). Everything is decided from facts; no
//! package file is opened.

mod accounts;
mod alternatives;
mod base_files;
mod before_unpack;
mod ca_certificates;
mod desktop_database;
mod directories;
mod diversions;
mod effects;
mod generated;
mod glib_table;
mod graphviz;
mod gsettings;
mod hygiene;
mod ids;
mod install;
mod java_keystore;
mod ld_cache;
mod ld_format;
mod libc;
mod metadata;
mod mime;
mod mode;
mod node;
mod order;
mod ownership;
mod pam;
mod passwd;
mod root;
mod scripts;
mod shells;
mod subject_hash;
#[cfg(test)]
mod tests;
mod tzdata;
mod unpack;
mod usr_merge;
mod xml;

use accounts::Accounts;
pub(super) use directories::merged;
pub(super) use install::install;
pub(super) use node::{Content, Node};
pub(super) use root::{MAX_LINKS, Root};
