//! Gathers the rows of one section: all are counted, the first are kept, so that memory is bounded.

use super::comparison::{Aspect, Row, Section};

/// A section in the making.
pub(super) struct Rows {
    aspect: Aspect,
    /// Rows that are the same are kept too.
    all: bool,
    compared: usize,
    different: usize,
    differing: Vec<Row>,
    same: Vec<Row>,
}

impl Rows {
    pub(super) fn new(aspect: Aspect, all: bool) -> Self {
        Rows { aspect, all, compared: 0, different: 0, differing: Vec::new(), same: Vec::new() }
    }

    /// Counts one thing; `row` is made only when it is kept.
    pub(super) fn add(&mut self, differs: bool, row: impl FnOnce() -> Row) {
        self.compared += 1;
        self.different += usize::from(differs);
        let kept = if differs { &mut self.differing } else { &mut self.same };
        if kept.len() < Section::MAX_ROWS && (differs || self.all) {
            kept.push(Row { differs, ..row() });
        }
    }

    /// A thing without a path: the same when both sides have the same words.
    pub(super) fn words(&mut self, name: &str, left: Option<String>, right: Option<String>, differs: bool) {
        self.add(differs, || Row { name: name.to_owned(), right_name: None, package: None, left, right, differs });
    }

    pub(super) fn section(self) -> Section {
        let Rows { aspect, compared, different, differing: mut rows, same, .. } = self;
        rows.extend(same);
        Section { aspect, compared, different, rows }
    }
}
