//! The common part of sed: substitutions, deletions and printing, with simple addresses.

use regex::Regex;

use super::options::Options;
use super::regular::compile;
use crate::debian::script::shell::{Shell, Status, Value};

#[derive(Debug)]
enum Address {
    All,
    Line(usize),
    Last,
    Match(Regex),
}

#[derive(Debug)]
enum Action {
    Substitute { pattern: Regex, with: String, all: bool, print: bool },
    Delete,
    Print,
    Quit,
}

#[derive(Debug)]
struct Step {
    address: Address,
    end: Option<Address>,
    negated: bool,
    action: Action,
}

pub(super) fn sed(shell: &mut Shell<'_>, arguments: &[Value]) -> Status {
    let in_place =
        arguments.iter().flatten().any(|a| a.starts_with("-i") || a.starts_with("--in-place") || a == "-ni" || a == "-ri" || a == "-Ei");
    let Some(words) = arguments.iter().cloned().collect::<Option<Vec<String>>>() else {
        if in_place {
            return shell.refuse("one of its arguments is not known");
        }
        shell.print(None);
        return Some(0);
    };
    // -i takes its suffix attached only.
    let plain: Vec<String> = words.iter().filter(|w| !w.starts_with("-i") && !w.starts_with("--in-place")).cloned().collect();
    let options = Options::parse(&plain, "e expression f file");
    let mut operands = options.operands.as_slice();
    let mut script: Vec<&str> = options.values(&["e", "expression"]).collect();
    if script.is_empty() && !options.has(&["f", "file"]) {
        let Some((first, rest)) = operands.split_first() else { return Some(1) };
        script.push(first);
        operands = rest;
    }
    let extended = options.has(&["E", "r", "regexp-extended"]);
    let steps = if options.has(&["f", "file", "z", "s"]) { None } else { parse(&script.join("\n"), extended) };
    let quiet = options.has(&["n", "quiet", "silent"]);
    let run = |text: Value| match text {
        // Whatever it would do with a line, there is none.
        Some(text) if text.is_empty() => Some(text),
        text => text.zip(steps.as_ref()).map(|(text, steps)| edit(&text, steps, quiet)),
    };
    if !in_place {
        let mut text = if operands.is_empty() { shell.input() } else { Some(String::new()) };
        for operand in operands {
            let Some(one) = shell.read(&shell.path(operand)) else { return Some(2) };
            text = text.zip(one).map(|(text, one)| text + &one);
        }
        shell.print(run(text));
        return Some(0);
    }
    let mut status = Some(0);
    for operand in operands {
        let path = shell.path(operand);
        let Some(text) = shell.read(&path) else {
            status = Some(2);
            continue;
        };
        let edited = run(text.clone());
        if edited.is_none() {
            status = shell.refuse("this use of sed is not known");
        } else if edited != text {
            status = super::paths::worse(status, shell.write_file(&path, edited));
        }
    }
    status
}

fn parse(script: &str, extended: bool) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = script.trim_start_matches([' ', '\t', '\n', ';']);
    while !rest.is_empty() {
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start_matches([' ', '\t', '\n', ';']);
            continue;
        }
        let (address, after) = parse_address(rest, extended)?;
        let (end, after) = match after.strip_prefix(',') {
            Some(after) => {
                let (end, after) = parse_address(after, extended)?;
                (Some(end), after)
            }
            None => (None, after),
        };
        if end.is_none() && matches!(address, Address::Line(0)) {
            return None;
        }
        let after = after.trim_start();
        let (negated, after) = after.strip_prefix('!').map_or((false, after), |after| (true, after.trim_start()));
        let command = after.chars().next()?;
        let mut after = &after[command.len_utf8()..];
        let action = match command {
            'd' => Action::Delete,
            'p' => Action::Print,
            'q' => Action::Quit,
            's' => {
                let delimiter = after.chars().next()?;
                let (pattern, next) = until(&after[delimiter.len_utf8()..], delimiter)?;
                let (with, next) = until(next, delimiter)?;
                let flags = next.find([';', '\n', ' ', '}']).unwrap_or(next.len());
                let (flags, next) = next.split_at(flags);
                if flags.chars().any(|flag| !"gpIi".contains(flag)) {
                    return None;
                }
                after = next;
                let pattern = compile(&unescaped(&pattern), extended, flags.contains(['I', 'i']))?;
                Action::Substitute { pattern, with: replacement(&with)?, all: flags.contains('g'), print: flags.contains('p') }
            }
            _ => return None,
        };
        steps.push(Step { address, end, negated, action });
        let trimmed = after.trim_start_matches([' ', '\t']);
        if !trimmed.is_empty() && !trimmed.starts_with([';', '\n']) {
            return None;
        }
        rest = trimmed.trim_start_matches([' ', '\t', '\n', ';']);
    }
    Some(steps)
}

fn parse_address(text: &str, extended: bool) -> Option<(Address, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        return Some((Address::Line(text[..digits].parse().ok()?), &text[digits..]));
    }
    if let Some(rest) = text.strip_prefix('$') {
        return Some((Address::Last, rest));
    }
    let (delimiter, rest) = match text.strip_prefix('\\') {
        Some(rest) => {
            let delimiter = rest.chars().next()?;
            (delimiter, &rest[delimiter.len_utf8()..])
        }
        None => match text.strip_prefix('/') {
            Some(rest) => ('/', rest),
            None => return Some((Address::All, text)),
        },
    };
    let (pattern, rest) = until(rest, delimiter)?;
    Some((Address::Match(compile(&unescaped(&pattern), extended, false)?), rest))
}

/// A pattern with the characters that `\t` and its like stand for. GNU sed looks for them first, also in brackets; grep never does.
fn unescaped(pattern: &str) -> String {
    let (mut out, mut chars) = (String::new(), pattern.chars());
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            (_, Some('t')) => out.push('\t'),
            (_, Some('n')) => out.push('\n'),
            (_, Some('f')) => out.push('\u{c}'),
            (_, Some('v')) => out.push('\u{b}'),
            (_, Some('a')) => out.push('\u{7}'),
            (_, Some('r')) => out.push('\r'),
            (c, next) => out.extend([Some(c), next].into_iter().flatten()),
        }
    }
    out
}

/// Text up to an unescaped `delimiter` (not in brackets), and what comes after it.
fn until(text: &str, delimiter: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == delimiter {
            return Some((out, &text[at + c.len_utf8()..]));
        }
        if c == '\\' {
            let (_, next) = chars.next()?;
            if next != delimiter {
                out.push('\\');
            }
            out.push(next);
            continue;
        }
        out.push(c);
    }
    None
}

/// sed's replacement as the regex crate writes it.
fn replacement(with: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = with.chars();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("${0}"),
            '$' => out.push_str("$$"),
            '\\' => match chars.next()? {
                digit if digit.is_ascii_digit() => out.push_str(&format!("${{{digit}}}")),
                'n' => out.push('\n'),
                't' => out.push('\t'),
                c @ ('&' | '\\' | '/' | '.' | '\n' | '-' | '|' | '"' | '\'') => out.push(c),
                '$' => out.push_str("$$"),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    Some(out)
}

fn edit(text: &str, steps: &[Step], quiet: bool) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    // `0,/x/` is a range that may end at the first line.
    let mut inside: Vec<bool> = steps.iter().map(|step| step.end.is_some() && matches!(step.address, Address::Line(0))).collect();
    'lines: for (number, line) in lines.iter().enumerate() {
        let mut line = (*line).to_owned();
        let mut quit = false;
        for (step, inside) in steps.iter().zip(&mut inside) {
            let hits = |address: &Address, line: &str| match address {
                Address::All => true,
                Address::Line(n) => number + 1 == *n,
                Address::Last => number + 1 == lines.len(),
                Address::Match(pattern) => pattern.is_match(line),
            };
            let chosen = match (&step.end, *inside) {
                (None, _) => hits(&step.address, &line),
                (Some(end), true) => {
                    *inside = !hits(end, &line);
                    true
                }
                (Some(end), false) => {
                    let begins = hits(&step.address, &line);
                    *inside = begins && !matches!(end, Address::Line(n) if *n <= number + 1);
                    begins
                }
            };
            if chosen == step.negated {
                continue;
            }
            match &step.action {
                Action::Delete => continue 'lines,
                Action::Print => out += &format!("{line}\n"),
                Action::Quit => {
                    quit = true;
                    break;
                }
                Action::Substitute { pattern, with, all, print } => {
                    let changed = pattern.replacen(&line, usize::from(!*all), with.as_str()).into_owned();
                    let replaced = pattern.is_match(&line);
                    line = changed;
                    if *print && replaced {
                        out += &format!("{line}\n");
                    }
                }
            }
        }
        if !quiet {
            out += &line;
            out.push('\n');
        }
        if quit {
            break;
        }
    }
    if !text.is_empty() && !text.ends_with('\n') && out.ends_with('\n') {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{edit, parse};
    use proptest::prelude::*;

    /// Every row was checked with GNU sed.
    #[test]
    fn scripts_edit_as_in_sed() {
        for (script, quiet, text, expected) in [
            ("s/a/b/", false, "aa\nca\n", "ba\ncb\n"),
            ("s/a/b/g", false, "aa\n", "bb\n"),
            ("s,/x,\\&y,", false, "a/x\n", "a&y\n"),
            ("s/\\(.\\)\\(.\\)/\\2\\1/", false, "ab\n", "ba\n"),
            ("/^#/d", false, "#a\nb\n", "b\n"),
            ("s/^x=//p", true, "x=1\ny=2\n", "1\n"),
            ("1,2d", false, "1\n2\n3\n", "3\n"),
            ("$d", false, "1\n2\n", "1\n"),
            ("/a/,/b/p", true, "0\na\n1\nb\n2\n", "a\n1\nb\n"),
            ("0,/a/ s/a/b/", false, "a\na\n", "b\na\n"),
            ("2q", false, "1\n2\n3\n", "1\n2\n"),
            ("/x/!d", false, "x\ny\n", "x\n"),
            ("s/$/!/; s/a/&&/", false, "a", "aa!"),
            ("s/[ \\t]*$//", false, "text\nx\t \n", "text\nx\n"),
            ("s/a\\tb/c/", false, "a\tb\natb\n", "c\natb\n"),
            ("s/[\\\\t]/c/", false, "at\n", "ac\n"),
        ] {
            assert_eq!(edit(text, &parse(script, false).unwrap(), quiet), expected, "{script}");
        }
        assert!(parse("y/abc/xyz/", false).is_none());
    }

    proptest! {
        #[test]
        fn any_script_is_answered(script in "[sdp/,;a-c.*$^!0-9\\\\&]{0,30}", text in "[a-c\n]{0,30}") {
            if let Some(steps) = parse(&script, false) {
                let _ = edit(&text, &steps, false);
            }
        }
    }
}
