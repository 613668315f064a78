//! The four screens. Each has its own state, `act` (what keys change) and `view` (what is drawn).

pub mod builds;
pub mod images;
pub mod inspect;
pub mod release;
