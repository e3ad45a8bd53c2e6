//! An error and what caused it, for people.

use std::error::Error;

/// What caused it, the nearest first.
pub fn of<'a>(error: &'a (dyn Error + 'a)) -> impl Iterator<Item = &'a (dyn Error + 'a)> {
    std::iter::successors(error.source(), |error: &&'a (dyn Error + 'a)| (*error).source())
}

/// The error and what caused it, on one line.
#[must_use]
pub fn on_one_line(error: &dyn Error) -> String {
    of(error).fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
