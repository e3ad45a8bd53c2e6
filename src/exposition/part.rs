//! A part of the page: its text, and, from the first time that somebody wants it, the same text in
//! gzip's blocks. What did not change is not compressed again.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress};

/// Parts smaller than this are put together with their neighbours: they cost more alone.
const SMALL: usize = 512;

/// From this length on a part is closed, so that a growing one never has much spare room.
pub(super) const LARGE: usize = 64 << 10;

/// A piece of the exposition that is shared by all scrapes until it changes.
#[derive(Debug)]
pub struct Part {
    text: Bytes,
    packed: OnceLock<Packed>,
}

/// A text as deflate blocks (RFC 1951) that end at a byte and refer to nothing before them, so that
/// they can follow any others.
#[derive(Debug)]
pub struct Packed {
    /// None of them is the last.
    pub blocks: Bytes,
    /// Of the text.
    pub checksum: Hasher,
}

/// Parts in their order; small ones become one.
#[derive(Debug, Default)]
pub(super) struct Parts {
    parts: Vec<Arc<Part>>,
    loose: Vec<u8>,
}

impl Part {
    /// A part with this text.
    #[must_use]
    pub fn new(text: impl Into<Bytes>) -> Self {
        Self { text: text.into(), packed: OnceLock::new() }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The same.
    ///
    /// # Panics
    /// Where it is not UTF-8; parts of a page are written from texts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.text).expect("parts are written from texts")
    }

    /// The same, compressed by whoever asks first.
    #[must_use]
    pub fn packed(&self) -> &Packed {
        self.packed.get_or_init(|| pack(&self.text))
    }
}

/// The whole page as one text.
///
/// # Panics
/// Where a part is not UTF-8; those of a page are.
#[must_use]
pub fn whole(parts: &[Arc<Part>]) -> String {
    parts.iter().map(|part| part.as_str()).collect()
}

impl Parts {
    /// Adds a family's series below its header, or nothing where there are none.
    pub(super) fn family(&mut self, header: &str, series: impl FnOnce(&mut Self)) {
        let start = self.loose().len();
        self.loose.extend_from_slice(header.as_bytes());
        let begun = (self.parts.len(), self.loose.len());
        series(self);
        if begun == (self.parts.len(), self.loose.len()) {
            self.loose.truncate(start);
        }
    }

    /// Adds what is shared.
    pub(super) fn push(&mut self, part: &Arc<Part>) {
        if part.text.len() < SMALL {
            return self.loose().extend_from_slice(&part.text);
        }
        self.close();
        self.parts.push(part.clone());
    }

    /// Where to write what is made for this moment.
    pub(super) fn loose(&mut self) -> &mut Vec<u8> {
        if self.loose.len() >= LARGE {
            self.close();
        }
        &mut self.loose
    }

    pub(super) fn finish(mut self) -> Arc<[Arc<Part>]> {
        self.close();
        self.parts.into()
    }

    fn close(&mut self) {
        if !self.loose.is_empty() {
            let text = std::mem::take(&mut self.loose).into_boxed_slice();
            self.parts.push(Arc::new(Part::new(text)));
        }
    }
}

thread_local! {
    // A scrape is read once and soon: speed counts for more than the last few bytes.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

fn pack(text: &[u8]) -> Packed {
    let mut checksum = Hasher::new();
    checksum.update(text);
    let blocks = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        blocks(compress, text)
    });
    Packed { blocks, checksum }
}

/// A flush ends a block at a byte. It is done when there was room left for more.
fn blocks(compress: &mut Compress, text: &[u8]) -> Bytes {
    let mut blocks = Vec::with_capacity(text.len() / 8 + 64);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = text.get(read..).unwrap_or_default();
        compress.compress_vec(rest, &mut blocks, FlushCompress::Sync).expect("compressing into a Vec does not fail");
        if blocks.len() < blocks.capacity() {
            return blocks.into_boxed_slice().into();
        }
        blocks.reserve(blocks.len());
    }
}
