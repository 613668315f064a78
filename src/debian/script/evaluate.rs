//! One maintainer script, evaluated as dpkg would call it on a first installation.

use super::{Class, Emulations, Evaluation, System, Unhandled};

/// A script and how it is called.
pub(in super::super) struct Call<'a> {
    /// The package.
    pub package: &'a str,
    /// Its version.
    pub version: &'a str,
    /// `preinst` or `postinst`.
    pub script: &'a str,
    /// The script.
    pub text: &'a [u8],
    /// What dpkg passes on a first installation: `install`; `configure` and an empty word.
    pub arguments: &'a [&'a str],
}

/// What the script would do. Effects are applied to `system` as they come up, so that what follows sees them.
pub(in super::super) fn evaluate(call: &Call<'_>, system: &mut dyn System, emulations: &Emulations) -> Evaluation {
    let _ = (system, emulations, call.version, call.text, call.arguments);
    let unhandled = Unhandled { command: format!("{} {}", call.package, call.script), why: "is not evaluated yet".into() };
    Evaluation { class: Class::Unhandled, unhandled: vec![unhandled] }
}
