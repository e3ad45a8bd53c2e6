//! The lines of one account under construction, family by family, in parts of a bounded size.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    family::FAMILIES,
    part::{LARGE, Part},
};

/// A part of this length is closed behind a user whose name says so: parts then begin and end at the
/// same users whoever came or went before them, and stay as they are.
const WORTH: usize = 16 << 10;

/// One user in so many ends a part.
const ONE_IN: u32 = 256;

/// The parts of each family, by its place.
pub(super) type Families = [Box<[Arc<Part>]>; FAMILIES.len()];

/// Where lines are put together, the same room for one account after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch([String; FAMILIES.len()]);

/// The lines of an account.
pub(super) struct Lines<'a> {
    open: &'a mut Scratch,
    closed: [Vec<Arc<Part>>; FAMILIES.len()],
    /// What is the same as in these is shared with them.
    before: Option<&'a Families>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(open: &'a mut Scratch, before: Option<&'a Families>) -> Self {
        Self { open, closed: Default::default(), before }
    }

    /// Where to write the next line of the family at this place.
    pub(super) fn of(&mut self, place: usize) -> &mut String {
        if self.open.0[place].len() >= LARGE {
            self.close(place);
        }
        &mut self.open.0[place]
    }

    /// All lines of this user have been written.
    pub(super) fn after(&mut self, user: &str) {
        if crc32fast::hash(user.as_bytes()).is_multiple_of(ONE_IN) {
            for place in 0..FAMILIES.len() {
                if self.open.0[place].len() >= WORTH {
                    self.close(place);
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Families {
        (0..FAMILIES.len()).for_each(|place| self.close(place));
        self.closed.map(Vec::into_boxed_slice)
    }

    fn close(&mut self, place: usize) {
        let (text, closed) = (&mut self.open.0[place], &mut self.closed[place]);
        if text.is_empty() {
            return;
        }
        let mut before = self.before.into_iter().flat_map(|before| &before[place]);
        let same = before.find(|part| part.text() == text.as_bytes()).cloned();
        closed.push(same.unwrap_or_else(|| Arc::new(Part::new(Bytes::copy_from_slice(text.as_bytes())))));
        text.clear();
    }
}
