//! Asking a stub and reading what it says.

use aws_stub::{Answer, Stub};
use bytes::Bytes;
use hyper::{HeaderMap, Method, Uri};

/// A caller with an access key.
pub(crate) struct Caller<'a> {
    stub: &'a Stub,
    headers: HeaderMap,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(stub: &'a Stub, key_id: &str) -> Self {
        let line = format!("AWS4-HMAC-SHA256 Credential={key_id}/20260911/us-east-1/iam/aws4_request, Signature=0");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", line.parse().expect("a header"));
        Self { stub, headers }
    }

    /// Asks IAM; `form` is `Action=…&…`.
    pub(crate) async fn iam(&self, form: &str) -> Answer {
        self.ask(&self.headers, format!("Version=2010-05-08&Action={form}")).await
    }

    /// Asks STS.
    pub(crate) async fn sts(&self, form: &str) -> Answer {
        self.ask(&self.headers, format!("Version=2011-06-15&Action={form}")).await
    }

    /// Asks Organizations.
    pub(crate) async fn organizations(&self, action: &str, document: &serde_json::Value) -> Answer {
        let mut headers = self.headers.clone();
        let target = format!("AWSOrganizationsV20161128.{action}");
        headers.insert("x-amz-target", target.parse().expect("a header"));
        self.ask(&headers, document.to_string()).await
    }

    async fn ask(&self, headers: &HeaderMap, body: String) -> Answer {
        self.stub.answer(&Method::POST, &Uri::from_static("/"), headers, Bytes::from(body)).await
    }
}

/// The texts of all elements of this name, in order, of a document that must be well formed.
pub(crate) fn texts(answer: &Answer, name: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let text = answer.text();
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut inside, mut found) = (false, Vec::new());
    loop {
        match reader.read_event().expect("well formed") {
            Event::Start(start) => {
                inside = start.name().as_ref() == name.as_bytes();
                found.extend(inside.then(String::new));
            }
            Event::Text(piece) if inside => add(&mut found, &piece.decode().expect("UTF-8")),
            Event::GeneralRef(reference) if inside => {
                let escaped = format!("&{};", reference.decode().expect("UTF-8"));
                add(&mut found, &quick_xml::escape::unescape(&escaped).expect("known"));
            }
            Event::End(_) => inside = false,
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn add(found: &mut [String], piece: &str) {
    if let Some(last) = found.last_mut() {
        last.push_str(piece);
    }
}

/// The text of the only element of this name.
pub(crate) fn text(answer: &Answer, name: &str) -> String {
    let found = texts(answer, name);
    assert_eq!(found.len(), 1, "{name} in {}", answer.text());
    found.into_iter().next().unwrap_or_default()
}

/// Status and code of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, text(answer, "Code"))
}
