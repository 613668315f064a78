//! `postconf`: Postfix's settings in `/etc/postfix/main.cf`, read and changed (postconf(1), postconf(5)).

use super::options::Options;
use crate::debian::script::shell::{Shell, Status, Value};

const MAIN: &str = "/etc/postfix/main.cf";
/// What Postfix takes for a setting that `main.cf` does not have, of those that scripts ask for.
const DEFAULTS: [(&str, &str); 2] = [("default_transport", "smtp"), ("relay_transport", "relay")];

/// `postconf -e NAME=VALUE…` writes, `postconf -h NAME…` prints values; all else is not known.
pub(super) fn postconf(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let Some(known) = arguments.iter().cloned().collect::<Option<Vec<String>>>() else {
        shell.print(None);
        return shell.refuse("one of its arguments is not known");
    };
    let options = Options::parse(&known, "c");
    if options.stranger("e").is_none() && options.operands.iter().all(|word| word.contains('=')) {
        return edit(shell, &options.operands);
    }
    if options.stranger("h x").is_none() && options.has(&["h"]) {
        let text = shell.read(MAIN).flatten();
        let values = options.operands.iter().map(|name| text.as_deref().and_then(|text| value(text, name)));
        let values: Value = values.collect::<Option<Vec<String>>>().map(|values| values.iter().flat_map(|value| [value, "\n"]).collect());
        let status = values.is_some().then_some(0);
        shell.print(values);
        return status;
    }
    shell.print(None);
    if options.has(&["e", "#", "X", "M", "F", "P"]) { shell.refuse("what it changes is not known") } else { None }
}

/// Writes settings: in place of a line that has one, or at the end.
fn edit(shell: &mut Shell<'_>, settings: &[String]) -> Status {
    let Some(Some(text)) = shell.read(MAIN) else { return shell.refuse(format!("what is in {MAIN} is not known")) };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for setting in settings {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        let (name, value) = (name.trim(), value.trim());
        let line = format!("{name} = {value}");
        let mut places = (0..lines.len()).filter(|at| named(&lines[*at]) == Some(name));
        match places.next() {
            Some(first) => {
                let more = lines[first + 1..].iter().take_while(|line| line.starts_with([' ', '\t'])).count();
                lines.splice(first..=first + more, [line]);
            }
            None => lines.push(line),
        }
    }
    shell.write_file(MAIN, Some(lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()))
}

/// The setting that a line of `main.cf` begins.
fn named(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    (!line.starts_with(['#', ' ', '\t'])).then(|| name.trim_end())
}

/// The value of a setting, if it says so itself.
fn value(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| named(line) != Some(name));
    let value = match lines.next() {
        Some(line) => line.split_once('=')?.1.trim().to_owned(),
        None => DEFAULTS.iter().find(|(known, _)| *known == name)?.1.to_owned(),
    };
    let continued = lines.next().is_some_and(|line| line.starts_with([' ', '\t']));
    (!continued && !value.contains('$')).then_some(value)
}
