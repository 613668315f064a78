//! A Dockerfile as instructions: continuations joined, comments left out, heredocs beside the instruction that has them.
//!
//! By the Dockerfile reference ("Format", "Parser directives", "Here-Documents").

use super::Mistake;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Where it begins, from 1.
    pub line: usize,
    /// In capitals: `RUN`.
    pub keyword: &'static str,
    /// What follows, continued lines joined.
    pub arguments: String,
    /// Its heredocs, in order.
    pub heredocs: Vec<Heredoc>,
}

/// Text that stands below its instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Whether variables in it are filled in: the word was not quoted.
    pub expands: bool,
    /// Its lines.
    pub body: String,
}

/// Every instruction there is.
const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The instructions of `text`.
pub(super) fn instructions(text: &str) -> Result<Vec<Instruction>, Mistake> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let escape = escape_directive(text);
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let mut out = Vec::new();
    while let Some((line, first)) = lines.next() {
        if is_comment_or_blank(first) {
            continue;
        }
        let mut joined = String::new();
        let mut current = first;
        while let Some(begun) = current.trim_end().strip_suffix(escape) {
            joined.push_str(begun);
            // Comments and blank lines between continued lines are not there.
            match lines.find(|(_, next)| !is_comment_or_blank(next)) {
                Some((_, next)) => current = next,
                None => current = "",
            }
        }
        joined.push_str(current);
        let (word, arguments) = joined.trim().split_once(char::is_whitespace).unwrap_or((joined.trim(), ""));
        let Some(keyword) = KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word)) else {
            let lower = KEYWORDS.map(str::to_ascii_lowercase);
            let near = crate::catalog::near(word, lower.iter().map(String::as_str)).map(str::to_ascii_uppercase);
            let shown: String = word.chars().take(40).collect();
            let hint =
                near.map_or("a line of a Dockerfile begins with an instruction, such as RUN".into(), |near| format!("is it `{near}`?"));
            return Err(Mistake { line, message: format!("`{shown}` is no instruction of a Dockerfile"), hint });
        };
        let arguments = arguments.trim().to_owned();
        let mut heredocs = Vec::new();
        if matches!(keyword, "RUN" | "COPY" | "ADD") {
            for (name, expands, tabs) in heredoc_names(&arguments) {
                let mut body = String::new();
                loop {
                    let Some((_, text)) = lines.next() else {
                        let hint = format!("a line with nothing but `{name}` ends it");
                        return Err(Mistake { line, message: format!("the heredoc `{name}` has no end"), hint });
                    };
                    let text = if tabs { text.trim_start_matches('\t') } else { text };
                    if text == name {
                        break;
                    }
                    body.push_str(text);
                    body.push('\n');
                }
                heredocs.push(Heredoc { name, expands, body });
            }
        }
        out.push(Instruction { line, keyword, arguments, heredocs });
    }
    Ok(out)
}

fn is_comment_or_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// The character that continues lines: `# escape=` may change it, in the comments that come before everything else.
fn escape_directive(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim_start().strip_prefix('#')?.split_once('='));
    let asked = directives.filter(|(key, _)| key.trim().eq_ignore_ascii_case("escape")).map(|(_, value)| value.trim()).next();
    if asked == Some("`") { '`' } else { '\\' }
}

/// The words after `<<` and `<<-`, whether their text is filled in, and whether its tabs go.
fn heredoc_names(arguments: &str) -> Vec<(String, bool, bool)> {
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some((before, after)) = rest.split_once("<<") {
        // `<<<` is a here-string of a shell, and `$((1<<2))` a shift.
        let (tabs, after) = after.strip_prefix('-').map_or((false, after), |after| (true, after));
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let word = &after[quote.map_or(0, char::len_utf8)..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len());
        let (name, behind) = word.split_at(end);
        let begins = before.is_empty() || before.ends_with([' ', '\t', ';', '&', '|']) || before.ends_with(|c: char| c.is_ascii_digit());
        let closed = quote.is_none_or(|quote| behind.starts_with(quote));
        if begins && closed && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            found.push((name.to_owned(), quote.is_none(), tabs));
        }
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, &'static str, String)> {
        instructions(text).unwrap().into_iter().map(|i| (i.line, i.keyword, i.arguments)).collect()
    }

    #[test]
    fn lines_are_continued_over_comments_and_blanks() {
        let text =
            "# syntax=docker/dockerfile:1\nfrom debian\n\nRUN apt-get update && \\\n  # why\n\n  apt-get install -y \\\n    curl\nUSER x\n";
        let run = "apt-get update &&   apt-get install -y     curl";
        assert_eq!(read(text), [(2, "FROM", "debian".into()), (4, "RUN", run.into()), (9, "USER", "x".into())]);
        assert_eq!(read("# escape=`\nRUN a `\n b\\\nUSER \\"), [(2, "RUN", "a  b\\".into()), (4, "USER", "\\".into())]);
        assert_eq!(read("RUN a \\"), [(1, "RUN", "a".into())]);
        assert_eq!(read("\u{feff}# escape=`\nRUN a `\nb"), [(2, "RUN", "a b".into())]);
    }

    #[test]
    fn heredocs_stand_beside_their_instruction() {
        let found = instructions("RUN <<EOF\napt-get install -y curl\nEOF\nCOPY <<-'A' <<B /x/\n\tone $x\n\tA\ntwo\nB\n").unwrap();
        assert_eq!((found.len(), found[0].heredocs[0].body.as_str()), (2, "apt-get install -y curl\n"));
        let of = |heredoc: &Heredoc| (heredoc.name.clone(), heredoc.expands, heredoc.body.clone());
        assert_eq!(
            found[1].heredocs.iter().map(of).collect::<Vec<_>>(),
            [("A".into(), false, "one $x\n".into()), ("B".into(), true, "two\n".into())]
        );
        assert_eq!(read("RUN cat <<<word; echo $((1<<2))\nUSER x").len(), 2);
    }

    #[test]
    fn what_is_no_dockerfile_is_said_with_its_line() {
        let mistake = instructions("FROM debian\n\nEXPOS 80").unwrap_err();
        assert_eq!((mistake.line, mistake.hint.as_str()), (3, "is it `EXPOSE`?"));
        assert!(instructions("FROM x\nRUN <<EOF\nls").unwrap_err().message.contains("`EOF` has no end"));
        assert!(instructions("\u{7f}ELF\0\0").is_err());
    }
}
