//! The body of an answer: bytes at hand, handed over piece by piece.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// How much of a page is given to a connection at once. Small, so that a page counts as
/// being sent until the client has read nearly all of it.
const PIECE: usize = 64 * 1024;

/// A page on its way out, together with the place among the scrapes it takes.
#[derive(Debug, Default)]
pub(super) struct Page {
    parts: VecDeque<Bytes>,
    slot: Option<OwnedSemaphorePermit>,
}

impl Page {
    pub(super) fn new(parts: Vec<Bytes>) -> Self {
        let parts = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Self { parts, slot: None }
    }

    /// Gives the slot back when the page is sent or given up.
    pub(super) fn holding(mut self, slot: OwnedSemaphorePermit) -> Self {
        self.slot = Some(slot);
        self
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let part = self.parts.front_mut()?;
        let piece = part.split_to(part.len().min(PIECE));
        if part.is_empty() {
            self.parts.pop_front();
        }
        Some(piece)
    }
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().next_piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.parts.iter().map(|part| part.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_handed_over_whole_in_bounded_pieces() {
        let big = Bytes::from(vec![b'x'; PIECE + 1]);
        let mut page = Page::new(vec![Bytes::from_static(b"head"), Bytes::new(), big]);
        assert_eq!(page.size_hint().exact(), Some(PIECE as u64 + 5));
        let lengths: Vec<usize> = std::iter::from_fn(|| page.next_piece()).map(|piece| piece.len()).collect();
        assert_eq!(lengths, [4, PIECE, 1]);
        assert!(page.is_end_stream());
    }
}
