//! Regular expressions of grep and sed, as the regex crate writes them.

use regex::{Regex, RegexBuilder};

/// A basic (BRE) or extended (ERE) expression; `None` when it has what the regex crate has not, such as back references.
pub(super) fn compile(expression: &str, extended: bool, ignore_case: bool) -> Option<Regex> {
    let translated = translate(expression, extended)?;
    RegexBuilder::new(&translated).case_insensitive(ignore_case).multi_line(true).size_limit(1 << 20).build().ok()
}

fn translate(expression: &str, extended: bool) -> Option<String> {
    let mut out = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                c @ ('(' | ')' | '{' | '}' | '+' | '?' | '|') => {
                    if extended {
                        out.push('\\');
                    }
                    out.push(c);
                }
                '<' | '>' => out.push_str("\\b"),
                c if c.is_ascii_digit() => return None,
                c @ ('b' | 's' | 'S' | 'w' | 'W' | 'B') => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push_str(&regex::escape(&c.to_string())),
            },
            '(' | ')' | '{' | '}' | '+' | '?' | '|' if !extended => {
                out.push('\\');
                out.push(c);
            }
            // A leading star of a basic expression is itself.
            '*' if !extended && (out.is_empty() || out == "^" || out.ends_with('(')) => out.push_str("\\*"),
            '[' => {
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.push('^');
                    chars.next();
                }
                let mut first = true;
                loop {
                    match chars.next()? {
                        ']' if !first => break,
                        ']' => out.push_str("\\]"),
                        '[' if chars.peek() == Some(&':') => {
                            out.push('[');
                            loop {
                                let c = chars.next()?;
                                out.push(c);
                                if c == ']' {
                                    break;
                                }
                            }
                        }
                        c @ ('[' | '\\' | '&' | '~' | '^') => {
                            out.push('\\');
                            out.push(c);
                        }
                        c => out.push(c),
                    }
                    first = false;
                }
                out.push(']');
            }
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::compile;
    use proptest::prelude::*;

    /// Every row was checked with grep and grep -E.
    #[test]
    fn basic_and_extended_expressions_match_as_in_grep() {
        for (expression, extended, text, expected) in [
            ("a+b", false, "a+b", true),
            ("a+b", true, "aab", true),
            ("\\(a\\|b\\)c", false, "bc", true),
            ("^[[:space:]]*x", false, "  x", true),
            ("[]a]", false, "]", true),
            ("*a", false, "*a", true),
            ("a{2}", false, "aa", false),
            ("a\\{2\\}", false, "aa", true),
            ("\\.conf$", false, "x.conf", true),
            ("[ \\t]x", false, "tx", true),
            ("[ \\t]x", false, "\tx", false),
        ] {
            assert_eq!(compile(expression, extended, false).unwrap().is_match(text), expected, "{expression} {text}");
        }
        assert!(compile("\\(a\\)\\1", false, false).is_none());
    }

    proptest! {
        #[test]
        fn any_expression_is_answered(expression in ".{0,30}", extended: bool) {
            let _ = compile(&expression, extended, false);
        }
    }
}
