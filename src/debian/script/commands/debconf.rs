//! debconf's shell commands (debconf-devel(7)), as its noninteractive frontend answers them: every question with its default.
//!
//! Templates and `config` are read as `/var/lib/dpkg/info/PACKAGE.templates` and `.config`.

use crate::debian::script::shell::{Shell, Status, Value, is_shell};

/// What debconf does before a postinst: it runs the package's `config`, which may answer questions itself.
pub(super) fn configure(shell: &mut Shell<'_>) {
    let path = format!("/var/lib/dpkg/info/{}.config", shell.call.package);
    if shell.call.script != "postinst" || std::mem::replace(&mut shell.configured, true) {
        return;
    }
    let Some(text) = shell.system.read(&path).and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| is_shell(text)) else { return };
    shell.in_subshell(|shell| {
        shell.state.errexit = false;
        shell.source(&text)
    });
}

/// `db_get QUESTION`: the answer into `RET`.
pub(super) fn get(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let answer = arguments.first().cloned().flatten().map(|question| answer(shell, &question));
    match answer {
        Some(Some(answer)) => {
            shell.set("RET", answer);
            Some(0)
        }
        // No such question: debconf answers 10.
        Some(None) => {
            shell.set("RET", Some(String::new()));
            Some(10)
        }
        None => {
            shell.set("RET", None);
            None
        }
    }
}

/// `db_set QUESTION VALUE`.
pub(super) fn set(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    if let [Some(question), rest @ ..] = arguments {
        let value = rest.iter().cloned().collect::<Option<Vec<String>>>().map(|words| words.join(" "));
        shell.state.answers.insert(question.clone(), value);
    }
    Some(0)
}

/// `db_input`: the noninteractive frontend shows nothing, and says so with 30.
pub(super) fn input(_: &mut Shell<'_>, _: &[Value]) -> Status {
    Some(30)
}

/// What only debconf's database knows: `RET` is not known.
pub(super) fn unknown(shell: &mut Shell<'_>, _: &[Value]) -> Status {
    shell.set("RET", None);
    Some(0)
}

/// `db_fget QUESTION FLAG`: what the script has set; else nothing was ever seen.
pub(super) fn flag(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let known = named(arguments).map(|name| shell.state.answers.get(&name).cloned().unwrap_or_else(|| Some("false".into())));
    shell.set("RET", known.flatten());
    Some(0)
}

/// `db_fset QUESTION FLAG VALUE`.
pub(super) fn set_flag(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    if let Some(name) = named(arguments) {
        shell.state.answers.insert(name, arguments.get(2).cloned().flatten());
    }
    Some(0)
}

/// What the flag of a question is kept as among the answers. No question has a blank in its name.
fn named(arguments: &[Value]) -> Option<String> {
    match arguments {
        [Some(question), Some(flag), ..] => Some(format!("{question} {flag}")),
        _ => None,
    }
}

/// The answer to a question; the outer `None` when the package asks no such thing.
fn answer(shell: &Shell<'_>, question: &str) -> Option<Value> {
    if let Some(given) = shell.state.answers.get(question) {
        return Some(given.clone());
    }
    let path = format!("/var/lib/dpkg/info/{}.templates", shell.call.package);
    let Some(bytes) = shell.system.read(&path) else { return Some(None) };
    match default(&String::from_utf8_lossy(&bytes), question) {
        Some(default) => Some(Some(default)),
        // A question of another package, whose templates may be anything.
        None if !question.starts_with(&format!("{}/", shell.call.package)) => Some(None),
        None => None,
    }
}

/// The default of a template; `None` when there is no such template.
fn default(templates: &str, question: &str) -> Option<String> {
    let mut here = false;
    let mut found = None;
    for line in templates.lines() {
        if let Some(name) = line.strip_prefix("Template:") {
            here = name.trim() == question;
            if here {
                found = Some(String::new());
            }
        } else if let Some(value) = line.strip_prefix("Default:")
            && here
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::default;

    #[test]
    fn a_template_has_its_default_and_an_unknown_one_has_none() {
        let text = "Template: a/b\nType: boolean\nDefault: true\n\nTemplate: a/c\nType: string\n";
        assert_eq!(default(text, "a/b").as_deref(), Some("true"));
        assert_eq!(default(text, "a/c").as_deref(), Some(""));
        assert_eq!(default(text, "a/d"), None);
    }
}
