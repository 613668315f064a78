//! What commands do: one table from names to treatments, and the treatments by subject.

mod accounts;
mod apache;
mod builtins;
mod capabilities;
mod conditions;
mod copies;
mod debconf;
mod dictionaries;
mod dpkg;
mod emacs;
mod filters;
mod find;
mod keys;
mod listing;
mod options;
mod ownership;
mod pam;
mod paths;
mod postfix;
mod postgresql;
mod queries;
mod regular;
mod sed;
mod sgml_catalog;
mod sysusers;
mod table;
mod tmpfiles;
mod wrappers;
mod xml_catalog;

pub(super) use dpkg::{generate, generator};
pub(super) use table::{Treatment, treatment};
