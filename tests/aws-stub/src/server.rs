//! HTTP/1.1 around the desk.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, Ending};
use crate::stub::Desk;

/// How long to wait when the system has no connection to give.
const BREATH: Duration = Duration::from_millis(10);

/// Serves until the end; connections end with the task.
#[expect(clippy::disallowed_methods, reason = "the stub outlives the call that starts it")]
pub(crate) fn start(listener: TcpListener, desk: Desk, end: CancellationToken) {
    tokio::spawn(async move {
        tokio::select! {
            () = end.cancelled() => {}
            () = accept(listener, desk) => {}
        }
    });
}

async fn accept(listener: TcpListener, desk: Desk) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, desk.clone()));
            }
            Some(_) = connections.join_next() => {}
            else => tokio::time::sleep(BREATH).await,
        }
    }
}

async fn serve(stream: TcpStream, desk: Desk) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(desk.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new();
    // A caller who goes away is no concern of the stub's.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(desk: Desk, request: Request<Incoming>) -> io::Result<Response<Payload>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let answer = desk.answer(&head.method, &head.uri, &head.headers, body).await;
    match answer.ending {
        Ending::DropConnection => Err(io::Error::other("dropped on demand")),
        _ => response(answer).map_err(io::Error::other),
    }
}

fn response(answer: Answer) -> hyper::http::Result<Response<Payload>> {
    let length = answer.body.len();
    let payload = match answer.ending {
        Ending::CutBody => Payload::Cut(answer.body.slice(..length / 2)),
        _ => Payload::Whole(answer.body),
    };
    Response::builder()
        .status(answer.status)
        .header(CONTENT_TYPE, answer.content_type)
        .header(CONTENT_LENGTH, length)
        .header("x-amzn-RequestId", answer.request_id)
        .body(payload)
}

/// A body that may end too early.
#[derive(Debug)]
enum Payload {
    Whole(Bytes),
    /// What is sent of a body that breaks off.
    Cut(Bytes),
    /// Time for the server to send what it has.
    Breaking,
    Broken,
    End,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (next, now) = match std::mem::replace(&mut *self, Self::End) {
            Self::Whole(bytes) => (Self::End, Poll::Ready(Some(Ok(Frame::data(bytes))))),
            Self::Cut(bytes) => (Self::Breaking, Poll::Ready(Some(Ok(Frame::data(bytes))))),
            Self::Breaking => {
                context.waker().wake_by_ref();
                (Self::Broken, Poll::Pending)
            }
            Self::Broken => (Self::End, Poll::Ready(Some(Err(io::Error::other("cut on demand"))))),
            Self::End => (Self::End, Poll::Ready(None)),
        };
        *self = next;
        now
    }
}
