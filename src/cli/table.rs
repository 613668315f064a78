//! Aligned columns of text.

use unicode_width::UnicodeWidthStr;

use super::printer::{Ink, clean};
use crate::verify::Verdict;

/// A cell: text and what it means.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    ink: Option<Ink>,
    right: bool,
}

impl Cell {
    /// `text` in `ink`.
    pub fn ink(text: impl Into<String>, ink: Ink) -> Self {
        Cell { ink: Some(ink), ..Cell::from(text.into()) }
    }

    /// A number, set to the right.
    pub fn number(text: impl Into<String>) -> Self {
        Cell { right: true, ..Cell::from(text.into()) }
    }

    /// A verdict as glyph and word.
    pub fn verdict(verdict: Verdict) -> Self {
        let (glyph, ink) = verdict_mark(verdict);
        Cell::ink(format!("{glyph} {verdict}"), ink)
    }
}

/// The glyph and the ink of a verdict.
pub(super) fn verdict_mark(verdict: Verdict) -> (&'static str, Ink) {
    match verdict {
        Verdict::Pass => ("✓", Ink::Good),
        Verdict::Waived => ("~", Ink::Dim),
        Verdict::Warn => ("!", Ink::Warn),
        Verdict::Fail => ("✗", Ink::Bad),
        Verdict::Skip => ("·", Ink::Dim),
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell { text: clean(&text).replace(['\n', '\t'], " "), ink: None, right: false }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::from(text.to_owned())
    }
}

/// Rows of cells; each column is as wide as its widest cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
    indent: usize,
}

impl Table {
    /// A table without heading, `indent` spaces from the margin.
    pub fn plain(indent: usize) -> Self {
        Table { rows: Vec::new(), indent }
    }

    /// A table with a heading.
    pub fn new(heading: &[&str]) -> Self {
        Table { rows: vec![heading.iter().map(|h| Cell::ink(*h, Ink::Dim)).collect()], indent: 0 }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The text, without line end; no line ends in spaces.
    pub fn render(&self, color: bool) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| self.rows.iter().filter_map(|r| r.get(column)).map(|c| c.text.width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut lines = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            let mut pending = 0;
            for (cell, width) in row.iter().zip(&widths) {
                let padding = width - cell.text.width();
                let (before, after) = if cell.right { (padding, 0) } else { (0, padding) };
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(pending + before));
                    line.push_str(&cell.ink.map_or_else(|| cell.text.clone(), |ink| ink.paint(&cell.text, color)));
                    pending = 0;
                } else {
                    pending += before;
                }
                pending += after + 2;
            }
            lines.push(line);
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_is_seen() {
        let mut table = Table::new(&["name", "size", "note"]);
        table.row(["名".into(), Cell::number("1 B"), "x".into()]);
        table.row(["abcdef".into(), Cell::number("100 B"), "".into()]);
        table.row(["a".into(), "".into(), Cell::verdict(Verdict::Fail)]);
        insta::assert_snapshot!(table.render(false), @r###"
        name    size   note
        名        1 B  x
        abcdef  100 B
        a              ✗ fail
        "###);
        assert_eq!(table.render(true).matches("\u{1b}[1;31m").count(), 1);
    }

    #[test]
    fn a_cell_stays_on_its_line() {
        let mut table = Table::plain(2);
        table.row(["a\nb\u{1b}[2J".into()]);
        assert_eq!(table.render(false), "  a b");
    }
}
