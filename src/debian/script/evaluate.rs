//! One maintainer script, evaluated as dpkg would call it on a first installation.

use super::shell::{Flow, Shell, is_bash, is_shell, parse};
use super::{Class, Emulations, Evaluation, System, Unhandled};

/// Longer scripts are not read; the longest in Debian has 60 KB.
const LIMIT: usize = 1 << 20;

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
    let emulation = emulations.fitting(call);

    let mut shell = Shell::new(call, system, &emulation.no_ops);
    shell.state.answers.extend(emulation.answers.iter().map(|(question, answer)| (question.clone(), Some(answer.clone()))));
    if !emulation.replace(&mut shell) {
        run(call, &mut shell);
    }
    shell.hand_on_withheld();
    let class = match (shell.unhandled.is_empty(), shell.effects) {
        (false, _) => Class::Unhandled,
        (true, 0) => Class::NoOp,
        (true, _) => Class::Emulated,
    };
    Evaluation { class, unhandled: shell.unhandled }
}

fn run(call: &Call<'_>, shell: &mut Shell<'_>) {
    let whole = |why: String| Unhandled { command: format!("the whole {} of {}", call.script, call.package), why };
    if call.text.len() > LIMIT {
        return shell.unhandled.push(whole("it is longer than 1 MiB".into()));
    }
    let text = String::from_utf8_lossy(call.text);
    if !is_shell(&text) {
        let first: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(60).collect();
        return shell.unhandled.push(whole(format!("it is no shell script: it begins with `{first}`")));
    }
    shell.state.errexit =
        text.lines().next().is_some_and(|line| line.split_whitespace().skip(1).any(|flag| flag.starts_with('-') && flag.contains('e')));
    shell.state.bash = is_bash(&text);
    let list = match parse(&text) {
        Ok(list) => list,
        Err(why) => return shell.unhandled.push(whole(format!("it cannot be parsed: {why}"))),
    };
    let flow = shell.list(&list);
    if let Some((command, why)) = shell.too_much.take() {
        let why = format!("neither this nor what comes after it in the script was done: {why}");
        return shell.unhandled.push(Unhandled { command: command.to_string(), why });
    }
    let at_end = flow == Flow::Exit || flow == Flow::Return || !shell.state.errexit;
    if at_end && matches!(shell.status, Some(1..)) && shell.certain() {
        let command = shell.failed.clone().unwrap_or_else(|| shell.command.clone());
        shell
            .unhandled
            .push(Unhandled { command: command.to_string(), why: "the installation would fail here, so nothing after it was done".into() });
    }
}
