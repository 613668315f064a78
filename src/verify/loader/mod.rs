//! How programs find their libraries: what ld.so(8) of glibc and musl's loader do when a program starts, played through on the
//! merged file system of an image. Nothing is run, and the work is bounded whatever the image says.
//!
//! `style` knows what loaders do of their own accord, `files` asks the file system, `process` loads one program, `libraries`
//! is the image as loaders see it.

mod files;
mod libraries;
mod process;
mod style;
#[cfg(test)]
mod tests;

pub(in crate::verify) use files::Exhausted;
pub use libraries::Libraries;
pub(in crate::verify) use style::{Family, Loader};
