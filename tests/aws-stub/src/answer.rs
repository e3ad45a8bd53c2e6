//! What the stub answers, before it becomes HTTP.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::call::{Call, Service};
use crate::refusal::Refusal;
use crate::xml::Xml;

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
    /// The value of `x-amzn-RequestId`.
    pub request_id: String,
    /// How it reaches the caller.
    pub ending: Ending,
}

/// How an answer reaches the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All of it.
    Whole,
    /// Half of the body, then the connection ends.
    CutBody,
    /// Nothing: the connection ends.
    DropConnection,
}

/// What a performed call brings.
#[derive(Debug)]
pub(crate) enum Outcome {
    Xml(Xml),
    Json(Value),
}

impl Answer {
    /// Any answer.
    pub(crate) fn plain(status: u16, content_type: &'static str, body: impl Into<Bytes>, id: &str) -> Self {
        let request_id = id.to_owned();
        Self { status, content_type, body: body.into(), request_id, ending: Ending::Whole }
    }

    pub(crate) fn json(status: u16, body: &Value, id: &str) -> Self {
        Self::plain(status, "application/json", body.to_string(), id)
    }

    /// The answer to a call that went well.
    pub(crate) fn of(call: &Call, outcome: Outcome, id: &str) -> Self {
        match outcome {
            Outcome::Json(value) => Self::plain(200, Service::JSON, value.to_string(), id),
            Outcome::Xml(result) => {
                let whole = Xml::of(|xml| {
                    if !result.is_empty() {
                        xml.nest(&format!("{}Result", call.action), |xml| {
                            xml.append(&result);
                        });
                    }
                    xml.nest("ResponseMetadata", |xml| {
                        xml.text("RequestId", id);
                    });
                });
                let tag = format!("{}Response", call.action);
                let body = whole.document(&tag, call.service.namespace());
                Self::plain(200, Service::XML, body, id)
            }
        }
    }

    /// The answer to a refused call.
    pub(crate) fn refused(call: &Call, refusal: &Refusal, id: &str) -> Self {
        if call.service.is_json() {
            let body = json!({"__type": refusal.code, "Message": refusal.message});
            return Self::plain(refusal.status, Service::JSON, body.to_string(), id);
        }
        let whole = Xml::of(|xml| {
            xml.nest("Error", |xml| {
                xml.text("Type", refusal.side()).text("Code", &refusal.code);
                xml.text("Message", &refusal.message);
            });
            xml.text("RequestId", id);
        });
        let body = whole.document("ErrorResponse", call.service.namespace());
        Self::plain(refusal.status, Service::XML, body, id)
    }

    /// The same answer with another ending.
    pub(crate) fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// The body as text, with replacements where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
