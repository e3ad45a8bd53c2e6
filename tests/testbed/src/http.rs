//! A small HTTP client: one request, the whole answer.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Gets a page.
///
/// # Errors
/// When there was no answer.
pub async fn get(url: &str) -> Result<Answer, String> {
    send(Method::GET, url, &[], "").await
}

/// Posts a text.
///
/// # Errors
/// When there was no answer.
pub async fn post(url: &str, body: &str) -> Result<Answer, String> {
    send(Method::POST, url, &[], body).await
}

/// Sends any request.
///
/// # Errors
/// When there was no answer.
pub async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer, String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::from(body.to_owned())).map_err(|error| error.to_string())?;
    let answer = client.request(request).await.map_err(|error| format!("{url}: {error:?}"))?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(|error| format!("{url}: {error}"))?.to_bytes();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
