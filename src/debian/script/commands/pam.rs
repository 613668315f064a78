//! `pam-auth-update`: a generator, unless a script wants other profiles than those that are on by default.

use super::generate;
use super::options::Options;
use crate::debian::script::shell::{Shell, Status};

pub(super) fn update(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    if Options::parse(arguments, "root").has(&["enable", "disable", "remove"]) {
        return shell.refuse("profiles are chosen by their defaults only");
    }
    generate(shell, "pam-auth-update")
}
