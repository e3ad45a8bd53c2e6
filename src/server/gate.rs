//! What every request passes, whatever it asks for: the rate limit, the headers, the password.

use std::sync::{Mutex, PoisonError};

use hyper::{
    HeaderMap, Response, StatusCode,
    header::{HeaderName, HeaderValue, WWW_AUTHENTICATE},
};
use tokio::time::Instant;

use super::{
    auth::{Users, Verdict},
    page::{Page, text},
};
use crate::config::web::{RateLimit, WebConfig};

/// As the web configuration wants it.
pub(super) struct Gate {
    rate: Option<Rate>,
    headers: Vec<(HeaderName, HeaderValue)>,
    users: Users,
}

impl Gate {
    pub(super) fn new(config: &WebConfig) -> Self {
        let parsed = |(name, value): &(String, String)| Some((name.parse().ok()?, value.parse().ok()?));
        Self {
            rate: config.rate_limit.map(Rate::new),
            headers: config.headers.iter().filter_map(parsed).collect(),
            users: Users::new(&config.users),
        }
    }

    /// The answer for those that do not get in.
    pub(super) async fn refusal(&self, headers: &HeaderMap) -> Option<Response<Page>> {
        if self.rate.as_ref().is_some_and(|rate| !rate.takes(Instant::now())) {
            return Some(text(StatusCode::TOO_MANY_REQUESTS, "Too many requests; try again later.\n"));
        }
        match self.users.judge(headers).await {
            Verdict::Welcome => None,
            Verdict::Stranger => Some(who_are_you()),
            Verdict::TooBusy => {
                Some(text(StatusCode::SERVICE_UNAVAILABLE, "Too many passwords to check at once; try again later.\n"))
            }
        }
    }

    /// Every answer carries the operator's headers; where we have an opinion, theirs counts.
    pub(super) fn mark(&self, answer: &mut Response<Page>) {
        for (name, value) in &self.headers {
            answer.headers_mut().insert(name, value.clone());
        }
    }
}

fn who_are_you() -> Response<Page> {
    let mut answer = text(StatusCode::UNAUTHORIZED, "Name and password, please.\n");
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    answer
}

/// A bucket that holds `burst` requests and gets one more every `interval`.
struct Rate {
    limit: RateLimit,
    full_at: Mutex<Instant>,
}

impl Rate {
    fn new(limit: RateLimit) -> Self {
        Self { limit, full_at: Mutex::new(Instant::now()) }
    }

    fn takes(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = now.max(*full_at) + self.limit.interval;
        let burst = u32::try_from(self.limit.burst).unwrap_or(u32::MAX);
        let has_room = next <= now + self.limit.interval.saturating_mul(burst);
        if has_room {
            *full_at = next;
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_burst_is_let_through_and_then_one_every_interval() {
        let rate = Rate::new(RateLimit { interval: Duration::from_secs(10), burst: 3 });
        let began = Instant::now();
        let after = |seconds| rate.takes(began + Duration::from_secs(seconds));
        assert_eq!([0, 0, 0, 0, 9].map(after), [true, true, true, false, false]);
        assert_eq!([10, 10, 20, 20, 50, 50, 50, 50].map(after), [true, false, true, false, true, true, true, false]);
    }
}
