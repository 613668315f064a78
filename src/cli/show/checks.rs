//! The checks, explained.

use crate::cli::printer::Ink;
use crate::cli::table::{Cell, Table};
use crate::verify::{Check, Verdict};

/// Columns of running text.
const WIDTH: usize = 96;

/// Every check with what it proves, one per line.
pub(in crate::cli) fn checks(color: bool) -> String {
    let mut table = Table::plain(0);
    for check in Check::ALL {
        table.row([Cell::ink(check.id(), Ink::Bold), check.about().into()]);
    }
    format!("{}\n\n`catamaran verify --explain CHECK` says why, and what to do", table.render(color))
}

/// One check: what it proves, why, what to do, how to waive it.
pub(in crate::cli) fn check(check: Check, color: bool) -> String {
    let worst = if check.severity() == Verdict::Fail { "can fail an image" } else { "warns, and never fails an image" };
    let waiver = format!("[[containers.NAME.waive]]\ncheck = \"{check}\"\npath = \"usr/lib/x/*.so\"   # optional\nreason = \"…\"");
    let head = |text: &str| Ink::Bold.paint(text, color);
    format!(
        "{}  {}; {worst}\n\n{}\n{}\n\n{}\n{}\n\n{}\n{}",
        head(check.id()),
        check.about(),
        head("Why"),
        indented(&wrap(check.why())),
        head("What to do"),
        indented(&wrap(check.remedy())),
        head("To accept what it finds"),
        indented(&waiver)
    )
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Words on lines of at most [`WIDTH`] columns; the texts are ASCII.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| line.is_empty() || line.len() + 1 + word.len() <= WIDTH);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_explained_on_a_page() {
        insta::assert_snapshot!(check(Check::Links, false), @r#"
        links  no symbolic link dangles; can fail an image

        Why
          A link that leads nowhere is a library, an alternative or a certificate that is not there: its
          package is missing, or a script that would have made its target did not run.

        What to do
          Add the package that has the target, make the link right with `links`, or waive the path with
          the reason.

        To accept what it finds
          [[containers.NAME.waive]]
          check = "links"
          path = "usr/lib/x/*.so"   # optional
          reason = "…"
        "#);
        assert!(checks(false).lines().count() > Check::ALL.len());
    }
}
