//! What a maintainer script would do, found out without running it (R18).
//!
//! A script is parsed, and evaluated against a [`System`] that is only looked at and told. Commands that mean nothing in an image
//! (services, debconf, byte compilation) are no-ops, those that are understood become [`Effect`]s, and everything else is
//! [`Unhandled`]: said, never guessed.

#[cfg(test)]
mod catalog_tests;
mod commands;
#[cfg(test)]
mod dictionary_tests;
mod effect;
mod emulations;
mod evaluate;
#[cfg(test)]
mod evaluate_tests;
#[cfg(test)]
mod memory_system;
mod reason;
mod shell;
mod trigger;
#[cfg(test)]
mod unknown_tests;

pub(super) use effect::{Alternative, Class, Effect, Evaluation, Kind, ModeChange, Owner, System, Unhandled};
pub(super) use emulations::Emulations;
pub(super) use evaluate::{Call, evaluate};
pub(super) use trigger::{Reaction, Trigger, reaction, triggers};
