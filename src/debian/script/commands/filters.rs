//! Filters on text that is at hand: `cat`, `grep`, `cut`, `tr`, `head`, `tail`, `sort`, `uniq`, `wc`, `awk '{print $N}'`.

use super::find::{NAMES, walk};
use super::options::Options;
use super::paths::is_file_itself;
use super::regular::compile;
use crate::debian::script::Kind;
use crate::debian::script::shell::{Shell, Status, UNKNOWN, Value};

/// The text of the files in `operands`, or standard input; the outer `None`: one of them is not there.
fn text(shell: &mut Shell<'_>, operands: &[String]) -> Option<Value> {
    if operands.is_empty() {
        return Some(shell.input());
    }
    let mut all = Some(String::new());
    for operand in operands {
        let one = if operand == "-" { shell.input() } else { shell.read(&shell.path(operand))? };
        all = all.zip(one).map(|(all, one)| all + &one);
    }
    Some(all)
}

/// Prints what `change` makes of the text.
fn filter(shell: &mut Shell<'_>, operands: &[String], change: impl FnOnce(String) -> Value) -> Status {
    match text(shell, operands) {
        Some(text) => {
            shell.print(text.and_then(change));
            Some(0)
        }
        None => Some(1),
    }
}

fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

pub(super) fn cat(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let operands: Vec<String> = arguments.iter().filter(|a| !a.starts_with('-') || *a == "-").cloned().collect();
    filter(shell, &operands, Some)
}

pub(super) fn head(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    ends(shell, arguments, true)
}

pub(super) fn tail(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    ends(shell, arguments, false)
}

fn ends(shell: &mut Shell<'_>, arguments: &[String], first: bool) -> Status {
    // The old form: `head -1`.
    let old = |a: &String| a.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
    let mut words: Vec<String> = Vec::new();
    for argument in arguments {
        if old(argument) {
            words.push("-n".into());
            words.push(argument[1..].to_owned());
        } else {
            words.push(argument.clone());
        }
    }
    let options = Options::parse(&words, "n lines c bytes");
    let count = options.value(&["n", "lines"]).unwrap_or("10").to_owned();
    let odd = options.stranger("n lines q").is_some();
    filter(shell, &options.operands, |text| {
        let all: Vec<&str> = text.lines().collect();
        if odd {
            return None;
        }
        if let Some(from) = count.strip_prefix('+').filter(|_| !first) {
            return Some(lines(all.into_iter().skip(from.parse::<usize>().ok()?.saturating_sub(1))));
        }
        let count: usize = count.parse().ok()?;
        let skipped = if first { 0 } else { all.len().saturating_sub(count) };
        Some(lines(all.into_iter().skip(skipped).take(count)))
    })
}

pub(super) fn cut(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "d delimiter f fields c characters b bytes output-delimiter");
    let delimiter = options.value(&["d", "delimiter"]).unwrap_or("\t").to_owned();
    let chosen = options.value(&["f", "fields", "c", "characters", "b", "bytes"]).unwrap_or_default().to_owned();
    let by_characters = options.has(&["c", "characters", "b", "bytes"]);
    // Bytes of what is not ASCII would be parts of characters.
    let by_bytes = options.has(&["b", "bytes"]);
    let odd = options.stranger("d delimiter f fields c characters b bytes s only-delimited").is_some();
    let only = options.has(&["s", "only-delimited"]);
    filter(shell, &options.operands, |text| {
        if odd || delimiter.is_empty() || (by_bytes && !text.is_ascii()) {
            return None;
        }
        let mut ranges = Vec::new();
        for range in chosen.split(',') {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let from: usize = if from.is_empty() { 1 } else { from.parse().ok()? };
            let to: usize = if to.is_empty() { usize::MAX } else { to.parse().ok()? };
            ranges.push((from, to));
        }
        let wanted = |number: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&(number + 1)));
        let mut out = String::new();
        for line in text.lines() {
            if by_characters {
                out.extend(line.chars().enumerate().filter(|(n, _)| wanted(*n)).map(|(_, c)| c));
            } else if !line.contains(&delimiter) {
                if only {
                    continue;
                }
                out.push_str(line);
            } else {
                let fields: Vec<&str> = line.split(&delimiter).enumerate().filter(|(n, _)| wanted(*n)).map(|(_, f)| f).collect();
                out.push_str(&fields.join(&delimiter));
            }
            out.push('\n');
        }
        Some(out)
    })
}

/// The characters of a set of `tr`.
fn set(text: &str) -> Option<Vec<char>> {
    match text {
        "[:upper:]" => return Some(('A'..='Z').collect()),
        "[:lower:]" => return Some(('a'..='z').collect()),
        "[:space:]" => return Some(vec![' ', '\t', '\n', '\r', '\u{b}', '\u{c}']),
        "[:blank:]" => return Some(vec![' ', '\t']),
        "[:digit:]" => return Some(('0'..='9').collect()),
        _ if text.contains("[:") => return None,
        _ => {}
    }
    let mut out: Vec<char> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                '0' => '\0',
                other => other,
            },
            '-' if !out.is_empty() && chars.peek().is_some() => {
                let (from, to) = (*out.last()?, chars.next()?);
                if to < from || u32::from(to) - u32::from(from) > 300 {
                    return None;
                }
                out.extend((from..=to).skip(1));
                continue;
            }
            c => c,
        };
        out.push(c);
    }
    Some(out)
}

pub(super) fn tr(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let (delete, squeeze) = (options.has(&["d", "delete"]), options.has(&["s", "squeeze-repeats"]));
    let odd = options.stranger("d s delete squeeze-repeats").is_some();
    let sets: Option<Vec<Vec<char>>> = options.operands.iter().map(|text| set(text)).collect();
    filter(shell, &[], |text| match (sets?.as_slice(), delete, squeeze) {
        _ if odd => None,
        ([gone], true, false) => Some(text.chars().filter(|c| !gone.contains(c)).collect()),
        ([once], false, true) => {
            let mut last = None;
            Some(text.chars().filter(|c| last.replace(*c) != Some(*c) || !once.contains(c)).collect())
        }
        ([from, to], false, squeeze) if !to.is_empty() => {
            let mut last = None;
            let mut out = String::new();
            for c in text.chars() {
                let new = match from.iter().position(|f| *f == c) {
                    Some(at) => to[at.min(to.len() - 1)],
                    None => c,
                };
                if last.replace(new) == Some(new) && squeeze && to.contains(&new) {
                    continue;
                }
                out.push(new);
            }
            Some(out)
        }
        _ => None,
    })
}

pub(super) fn grep(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "e regexp f file m max-count A B C");
    let mut operands = options.operands.as_slice();
    let mut expressions: Vec<String> = options.values(&["e", "regexp"]).map(str::to_owned).collect();
    if expressions.is_empty() {
        let Some((first, rest)) = operands.split_first() else { return Some(2) };
        expressions.extend(first.split('\n').map(str::to_owned));
        operands = rest;
    }
    let known = "e regexp q quiet silent s no-messages v invert-match i ignore-case E extended-regexp F fixed-strings x line-regexp w \
                 word-regexp h no-filename c count o only-matching G m max-count l files-with-matches color a text n r recursive R \
                 dereference-recursive";
    let mut tests = Vec::new();
    for expression in &expressions {
        let fixed = options.has(&["F", "fixed-strings"]) || shell.command.starts_with("fgrep");
        let extended = fixed || options.has(&["E", "extended-regexp"]) || shell.command.starts_with("egrep");
        let mut expression = if fixed { regex::escape(expression) } else { expression.clone() };
        if options.has(&["x", "line-regexp"]) {
            expression = if extended { format!("^({expression})$") } else { format!("^\\({expression}\\)$") };
        } else if options.has(&["w", "word-regexp"]) {
            expression = if extended { format!("\\b({expression})\\b") } else { format!("\\b\\({expression}\\)\\b") };
        }
        tests.push(compile(&expression, extended, options.has(&["i", "ignore-case"])));
    }
    let tests: Option<Vec<regex::Regex>> = tests.into_iter().collect();
    let (mut text, mut missing) = (Some(String::new()), false);
    if operands.is_empty() {
        text = shell.input();
    }
    // Without -r a folder is said to be one, and counts as missing.
    let recursive = options.has(&["r", "recursive", "R", "dereference-recursive"]);
    let mut files: Vec<String> = Vec::new();
    for operand in operands {
        let is_folder = operand != "-" && shell.kind(&shell.path(operand)) == Some(Kind::Directory);
        match (recursive && is_folder).then(|| files_below(shell, shell.path(operand))) {
            Some(Some(below)) => files.extend(below),
            Some(None) => text = None,
            None => files.push(operand.clone()),
        }
    }
    for operand in &files {
        match if operand == "-" { Some(shell.input()) } else { shell.read(&shell.path(operand)) } {
            Some(one) => text = text.zip(one).map(|(text, one)| text + &one),
            None => missing = true,
        }
    }
    // Nothing is found in nothing, whatever is asked.
    if text.as_deref() == Some("") {
        return Some(if missing { 2 } else { 1 });
    }
    let text = text.filter(|text| !text.contains(UNKNOWN));
    let (Some(text), Some(tests), None) = (text, tests, options.stranger(known)) else {
        if !options.has(&["q", "quiet", "silent"]) {
            shell.print(None);
        }
        return None;
    };
    let invert = options.has(&["v", "invert-match"]);
    let hits: Vec<&str> = text.lines().filter(|line| tests.iter().any(|test| test.is_match(line)) != invert).collect();
    let limit = options.value(&["m", "max-count"]).and_then(|m| m.parse().ok()).unwrap_or(usize::MAX);
    if options.has(&["c", "count"]) {
        shell.print(Some(format!("{}\n", hits.len())));
    } else if options.has(&["o", "only-matching"]) {
        let found = hits.iter().flat_map(|line| tests.iter().flat_map(|test| test.find_iter(line)).map(|m| m.as_str()));
        shell.print(Some(lines(found)));
    } else if options.has(&["l", "files-with-matches", "n"])
        || files != operands
        || operands.len() > 1 && !options.has(&["h", "no-filename", "q", "quiet", "silent"])
    {
        shell.print(if hits.is_empty() { Some(String::new()) } else { None });
    } else if !options.has(&["q", "quiet", "silent"]) {
        shell.print(Some(lines(hits.iter().take(limit).copied())));
    }
    Some(if !hits.is_empty() {
        0
    } else if missing {
        2
    } else {
        1
    })
}

/// The regular files in `folder` and below it; `None` when there are too many. Links on the way are not followed.
fn files_below(shell: &Shell<'_>, folder: String) -> Option<Vec<String>> {
    let mut found = Vec::new();
    walk(shell, &folder, 0, usize::MAX, &mut found);
    let names = found.into_iter().map(|(path, _)| path);
    (names.len() < NAMES).then(|| names.filter(|path| is_file_itself(shell, path)).collect())
}

pub(super) fn sort(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "k key t field-separator o output");
    let (unique, reverse) = (options.has(&["u", "unique"]), options.has(&["r", "reverse"]));
    let odd = options.stranger("u unique r reverse").is_some();
    filter(shell, &options.operands, |text| {
        let mut all: Vec<&str> = text.lines().collect();
        if odd && all.len() > 1 {
            return None;
        }
        all.sort_unstable();
        if unique {
            all.dedup();
        }
        if reverse {
            all.reverse();
        }
        Some(lines(all))
    })
}

pub(super) fn uniq(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let odd = !arguments.is_empty();
    filter(shell, &[], |text| {
        let mut all: Vec<&str> = text.lines().collect();
        all.dedup();
        (!odd || all.is_empty()).then(|| lines(all))
    })
}

pub(super) fn wc(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let simple = options.operands.is_empty();
    filter(shell, &options.operands, |text| match (simple, options.has(&["l"]), options.has(&["w"]), options.has(&["c"])) {
        (true, true, false, false) => Some(format!("{}\n", text.matches('\n').count())),
        (true, false, true, false) => Some(format!("{}\n", text.split_whitespace().count())),
        (true, false, false, true) => Some(format!("{}\n", text.len())),
        _ => None,
    })
}

/// `awk`: only `{print $N}`, with `-F` of one character; on nothing, any program that prints per line prints nothing.
pub(super) fn awk(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "F v f field-separator");
    let Some((program, files)) = options.operands.split_first() else {
        shell.print(None);
        return None;
    };
    let separator = options.value(&["F", "field-separator"]).map(str::to_owned);
    let inside = program.trim().strip_prefix('{').and_then(|p| p.trim_end().strip_suffix('}')).map(str::trim);
    let field = inside.and_then(|p| p.trim_end_matches(';').trim().strip_prefix("print")).map(str::trim);
    let number: Option<usize> = field.and_then(|f| f.strip_prefix('$')).and_then(|n| n.parse().ok());
    let odd = separator.as_ref().is_some_and(|s| s.chars().count() != 1) || options.has(&["f", "v"]);
    // What is not about the beginning or the end is about lines.
    let only_lines = !options.has(&["f"]) && !program.contains("BEGIN") && !program.contains("END");
    let status = filter(shell, files, |text| {
        if text.is_empty() && only_lines {
            return Some(text);
        }
        let number = number.filter(|n| *n > 0 && !odd)?;
        let one = |line: &str| match &separator {
            Some(separator) if separator != " " => line.split(separator.as_str()).nth(number - 1).unwrap_or_default().to_owned(),
            _ => line.split_whitespace().nth(number - 1).unwrap_or_default().to_owned(),
        };
        Some(text.lines().map(|line| one(line) + "\n").collect())
    });
    // `exit` says what.
    if program.contains("exit") { None } else { status }
}

/// `cmp`, `diff -q`: whether two files are the same.
pub(super) fn same(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "");
    let [a, b] = options.operands.as_slice() else { return None };
    let (a, b) = (shell.read(&shell.path(a)), shell.read(&shell.path(b)));
    match (a, b) {
        (Some(Some(a)), Some(Some(b))) => {
            if !options.has(&["q", "s", "quiet", "silent", "brief"]) && a != b {
                shell.print(None);
            }
            Some(u8::from(a != b))
        }
        (None, _) | (_, None) => Some(2),
        _ => None,
    }
}
