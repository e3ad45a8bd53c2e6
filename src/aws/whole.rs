//! Refuses answers that end early.
//!
//! The SDK's XML reader takes the end of the input for the end of every open element, so an
//! answer that lost its tail, behind a proxy for instance, would read as a list with fewer
//! items or none. No answer that does not close its root element is believed.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// An answer that ends before its root element does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer ends early: {bytes} bytes of XML that do not close their first element")]
pub(super) struct EndsEarly {
    bytes: usize,
}

/// The interceptor for clients of AWS's query protocol.
#[derive(Debug)]
pub(super) struct WholeAnswers;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        match answer.body().bytes() {
            Some(body) if answer.status().is_success() => Ok(check(body)?),
            _ => Ok(()),
        }
    }
}

fn check(body: &[u8]) -> Result<(), EndsEarly> {
    let is_whole = root(body).is_some_and(|root| body.trim_ascii_end().ends_with(&closing(root)));
    if is_whole { Ok(()) } else { Err(EndsEarly { bytes: body.len() }) }
}

/// The name of the first element, past any `<?xml …?>`.
fn root(body: &[u8]) -> Option<&[u8]> {
    let start = body.windows(2).position(|pair| pair[0] == b'<' && pair[1].is_ascii_alphabetic())? + 1;
    let name = &body[start..];
    let end = name.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
    Some(&name[..end])
}

fn closing(root: &[u8]) -> Vec<u8> {
    [b"</", root, b">"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_pass() {
        check(b"<a><b/></a>").unwrap();
        check(b"<?xml version=\"1.0\"?>\n<ListUsersResponse xmlns=\"x\"><Users/></ListUsersResponse>\n ").unwrap();
    }

    #[test]
    fn answers_that_end_early_do_not() {
        for body in ["", "<", "<a", "<a>", "<a><b></b>", "<a><a></a", "no xml"] {
            assert!(check(body.as_bytes()).is_err(), "{body}");
        }
    }
}
