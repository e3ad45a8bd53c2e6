//! The body of an answer: bytes at hand, handed over piece by piece.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use hyper::{
    Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};

/// How much of a page is given to a connection at once. Small, so that a page counts as
/// being sent until the client has read nearly all of it.
const PIECE: usize = 64 * 1024;

/// The type of a sentence.
pub(super) const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A page on its way out, together with the places that it takes.
#[derive(Default)]
pub(super) struct Page {
    parts: VecDeque<Bytes>,
    places: Vec<Box<dyn Send>>,
}

/// An answer of one sentence.
pub(super) fn text(status: StatusCode, sentence: &'static str) -> Response<Page> {
    answer(status, PLAIN, vec![Bytes::from_static(sentence.as_bytes())])
}

/// An answer of these parts.
pub(super) fn answer(status: StatusCode, content_type: HeaderValue, parts: Vec<Bytes>) -> Response<Page> {
    let mut response = Response::new(Page::new(parts));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Page {
    pub(super) fn new(parts: Vec<Bytes>) -> Self {
        let parts = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Self { parts, places: Vec::new() }
    }

    /// Gives the place back when the page is sent or given up.
    pub(super) fn holding(mut self, place: impl Send + 'static) -> Self {
        self.places.push(Box::new(place));
        self
    }

    /// Neighbours that fit into one piece go as one.
    fn next_piece(&mut self) -> Option<Bytes> {
        let is_alone = self.parts.get(1).is_none_or(|next| self.parts[0].len() + next.len() > PIECE);
        if is_alone { self.slice() } else { Some(self.joined()) }
    }

    fn joined(&mut self) -> Bytes {
        let mut piece = BytesMut::with_capacity(PIECE);
        while let Some(part) = self.parts.pop_front_if(|part| piece.len() + part.len() <= PIECE) {
            piece.extend_from_slice(&part);
        }
        piece.freeze()
    }

    fn slice(&mut self) -> Option<Bytes> {
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
        let (big, short) = (Bytes::from(vec![b'x'; PIECE + 1]), Bytes::from_static(b"short"));
        let mut page = Page::new(vec![short.clone(), Bytes::new(), big, short.clone(), short]);
        assert_eq!(page.size_hint().exact(), Some(PIECE as u64 + 16));
        let lengths: Vec<usize> = std::iter::from_fn(|| page.next_piece()).map(|piece| piece.len()).collect();
        assert_eq!(lengths, [5, PIECE, 11]);
        assert!(page.is_end_stream());
    }
}
