//! Commands that run other commands.

use super::options::Options;
use crate::debian::script::shell::{Shell, Status, Value};

/// `env [NAME=VALUE]… COMMAND`.
pub(super) fn env(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let assigns = |a: &Value| a.as_deref().is_some_and(|a| a.starts_with('-') || a.contains('='));
    let from = arguments.iter().position(|a| !assigns(a)).unwrap_or(arguments.len());
    run(shell, &arguments[from..])
}

/// `nice`, `nohup`, `setsid` …: options, then the command.
pub(super) fn prefix(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    if arguments.first().is_some_and(|a| a.as_deref().is_some_and(|a| a.starts_with('-'))) {
        return shell.refuse("its options are not known");
    }
    run(shell, arguments)
}

/// `setpriv … -- COMMAND`, `runuser … -- COMMAND`: as another user, so that only what does nothing can be told.
pub(super) fn as_user(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let dashes = arguments.iter().position(|a| a.as_deref() == Some("--"));
    let name = dashes.and_then(|at| arguments.get(at + 1)).cloned().flatten().unwrap_or_default();
    if matches!(super::treatment(&name), Some(super::Treatment::Nothing(_))) {
        return Some(0);
    }
    shell.print(None);
    shell.refuse("what another user's command does is not known")
}

/// `su [-s SHELL] USER -c TEXT`: what the user asks is answered; what the user would change is not done, for who may change what
/// is not worked out.
pub(super) fn su(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let known: Option<Vec<String>> = arguments.iter().cloned().collect();
    let options = Options::parse(&known.unwrap_or_default(), "c s command shell");
    let user = options.operands.iter().find(|word| *word != "-").and_then(|name| shell.system.user(name));
    let (Some(text), Some((uid, gid, _))) = (options.value(&["c", "command"]), user) else { return as_user(shell, arguments) };
    shell.in_subshell(|shell| {
        (shell.state.ids, shell.state.errexit) = ((uid, gid), false);
        shell.in_doubt("what that user may change", |shell| shell.source(text))
    });
    shell.status
}

/// `sh -c TEXT`, `sh -e -c TEXT`, `sh FILE`.
pub(super) fn sh(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_deref() {
            Some(flags) if flags.starts_with('-') && flags.ends_with('c') => {
                let Some(Some(text)) = words.next() else { return shell.refuse("what it runs is not known") };
                let text = text.clone();
                shell.in_subshell(|shell| shell.source(&text));
                return shell.status;
            }
            Some(flag) if flag.starts_with('-') => {}
            Some(file) => {
                let mut fields = vec![Some(shell.path(file))];
                fields.extend(words.cloned());
                return run(shell, &fields);
            }
            None => return shell.refuse("what it runs is not known"),
        }
    }
    shell.refuse("it reads commands from its input")
}

/// `xargs [-r] COMMAND`: with what is read as further arguments.
pub(super) fn xargs(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let input = shell.input();
    let Some(input) = input else { return shell.refuse("its input is not known") };
    let words: Vec<Value> = input.split_whitespace().map(|word| Some(word.to_owned())).collect();
    let flags = arguments.iter().take_while(|a| a.as_deref().is_some_and(|a| a.starts_with('-'))).count();
    if words.is_empty() {
        return Some(0);
    }
    if arguments[..flags].iter().flatten().any(|flag| !matches!(flag.as_str(), "-r" | "--no-run-if-empty" | "-0")) {
        return shell.refuse("its options are not known");
    }
    let fields: Vec<Value> = arguments[flags..].iter().cloned().chain(words).collect();
    run(shell, &fields)
}

fn run(shell: &mut Shell<'_>, fields: &[Value]) -> Status {
    shell.in_subshell(|shell| shell.invoke(fields));
    shell.status
}
