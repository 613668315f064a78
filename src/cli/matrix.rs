//! `catamaran matrix`: the CI matrix.

use super::args::MatrixArgs;
use super::printer::Printer;
use crate::catalog::{Catalog, Matrix};

/// Prints the matrix; it is JSON whatever `--json` says.
pub(super) fn run(printer: &Printer, catalog: &Catalog, args: &MatrixArgs) {
    let matrix = Matrix::of(catalog);
    let part = args.part.map(Into::into);
    printer.result(&if args.github { matrix.github(part) } else { matrix.json(part) });
}
