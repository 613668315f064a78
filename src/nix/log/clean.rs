//! Text for terminals made into plain text: the only place where Nix's escapes are taken out.

/// `text` without escape sequences (ECMA-48) and control characters; tabs and line ends stay. Of a line that was written over with carriage
/// returns, as progress bars are, what was last to be seen stays.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut line = 0;
    let mut returned = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\u{9b}' => skip_parameters(&mut chars),
            '\r' => returned = true,
            '\n' => {
                out.push(c);
                (line, returned) = (out.len(), false);
            }
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => {
                if std::mem::take(&mut returned) {
                    out.truncate(line);
                }
                out.push(c);
            }
        }
    }
    out
}

/// What follows an escape character: `[…m` and other control sequences, `]…BEL` and other strings, or one character.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    match chars.clone().next() {
        Some('[') => {
            chars.next();
            skip_parameters(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            while let Some(c) = chars.next() {
                match c {
                    '\u{7}' | '\u{9c}' => return,
                    '\u{1b}' => {
                        if chars.clone().next() == Some('\\') {
                            chars.next();
                        }
                        return;
                    }
                    _ => {}
                }
            }
        }
        // Intermediate characters, then the final one: `ESC ( B`.
        Some(' '..='/') => while chars.next().is_some_and(|c| matches!(c, ' '..='/')) {},
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

/// Up to and with the final character of a control sequence; a character that cannot be in one ends it.
fn skip_parameters(chars: &mut std::str::Chars<'_>) {
    while let Some(c) = chars.clone().next() {
        match c {
            ' '..='?' => {
                chars.next();
            }
            '@'..='~' => {
                chars.next();
                return;
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_and_words_stay() {
        for (text, plain) in [
            ("\u{1b}[31;1merror:\u{1b}[0m \u{1b}[35;1mx\u{1b}[0m", "error: x"),
            ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{7}", "link"),
            ("\u{1b}(Ba\u{1b}7b\u{1b}", "ab"),
            (" 10%\r 50%\r100%\n 1%\r", "100%\n 1%"),
            ("a\u{9b}2Jb\tc\u{8}\u{0}", "ab\tc"),
            ("\u{1b}[31\nerror", "\nerror"),
            ("ä\u{1b}ö", "äö"),
        ] {
            assert_eq!(clean(text), plain, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_for_terminals_is_left(text in ".*") {
            let plain = clean(&text);
            proptest::prop_assert!(!plain.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')));
            proptest::prop_assert_eq!(clean(&plain), plain);
        }
    }
}
