//! One account's line to AWS: its pace, its counters, its patience.

use std::{future::Future, sync::Arc, time::Duration};

use aws_sdk_iam::client::customize::CustomizableOperation;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, sleep, timeout};

use super::{
    error::{CallError, Reason, SdkError, retryable},
    login::{self, Login},
    pace::Pace,
    tally::Tally,
};
use crate::inventory::Timestamp;

/// Attempts of one call that fail for passing reasons other than throttling.
/// Three rides out a dropped connection and does not hammer an AWS that is down.
const TRANSIENT_ATTEMPTS: u32 = 3;

/// The first pause after a failed attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause: IAM's buckets refill every second, so longer waits gain nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What an attempt gives: the answer in our own words, or why not.
pub type Attempt<T> = Result<T, CallError>;

/// The time limits of calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallLimits {
    /// Requests a second to one account.
    pub requests_per_second: f64,
    /// For one attempt, connection included.
    pub attempt_timeout: Duration,
    /// How long one call may go on being throttled.
    pub throttle_patience: Duration,
}

/// The line to one account.
#[derive(Debug)]
pub struct Session {
    account: Arc<str>,
    iam: aws_sdk_iam::Client,
    pub(super) login: Option<Login>,
    tally: Arc<Tally>,
    pace: Pace,
    limits: CallLimits,
}

impl Session {
    /// A line to this account.
    #[must_use]
    pub fn new(account: Arc<str>, iam: aws_sdk_iam::Client, tally: Arc<Tally>, limits: CallLimits) -> Self {
        let pace = Pace::new(limits.requests_per_second);
        Self { account, iam, login: None, tally, pace, limits }
    }

    /// The same line, with the credentials of a role.
    #[must_use]
    pub(super) fn with_login(self, login: Login) -> Self {
        Self { login: Some(login), ..self }
    }

    /// Makes sure that there are credentials for a poll that begins now.
    ///
    /// # Errors
    /// When the account's role could not be assumed.
    pub async fn log_in(&self, now: Timestamp) -> Attempt<()> {
        match &self.login {
            Some(login) => login.renew(self, now).await,
            None => Ok(()),
        }
    }

    /// The request, signed with the credentials of this account. All accounts share one client.
    #[must_use]
    pub fn signed<T, E, B>(&self, request: CustomizableOperation<T, E, B>) -> CustomizableOperation<T, E, B> {
        match self.login.as_ref().map(Login::credentials) {
            Some(own) => request.config_override(aws_sdk_iam::config::Builder::new().credentials_provider(own)),
            None => request,
        }
    }

    /// The IAM client that reaches this account.
    #[must_use]
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        &self.iam
    }

    /// The account's id.
    #[must_use]
    pub fn account(&self) -> &Arc<str> {
        &self.account
    }

    /// Makes one call: waits for its turn, tries, and tries again while that has a point.
    ///
    /// `send` makes one attempt; `read` turns the answer into our words and may find it
    /// impossible. Throttling is retried until the patience ends, passing faults a few times.
    ///
    /// # Errors
    /// The last attempt's error.
    pub async fn call<O, E, T, F>(
        &self,
        operation: &'static str,
        on: &str,
        send: impl Fn() -> F,
        read: impl Fn(O) -> Attempt<T>,
    ) -> Attempt<T>
    where
        F: Future<Output = Result<O, SdkError<E>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut patience = Patience::new(self.limits.throttle_patience);
        loop {
            match Box::pin(self.call_once(operation, on, send(), &read)).await {
                Err(error) if patience.lasts(&error) => sleep(patience.pause()).await,
                last => return last,
            }
        }
    }

    /// Makes one attempt, for what must not be repeated where an answer was lost.
    ///
    /// # Errors
    /// When it fails.
    pub async fn call_once<O, E, T>(
        &self,
        operation: &'static str,
        on: &str,
        sent: impl Future<Output = Result<O, SdkError<E>>>,
        read: impl Fn(O) -> Attempt<T>,
    ) -> Attempt<T>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.pace.turn().await;
        let answer = self.attempt(operation, on, sent).await.and_then(read);
        self.note(operation, &answer);
        answer
    }

    async fn attempt<O, E>(
        &self,
        operation: &'static str,
        on: &str,
        sent: impl Future<Output = Result<O, SdkError<E>>>,
    ) -> Attempt<O>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let limit = self.limits.attempt_timeout;
        match timeout(limit, sent).await {
            Err(_) => Err(CallError::timeout(operation, on, limit)),
            Ok(answer) => answer.map_err(|e| CallError::from_sdk(operation, on, e)),
        }
    }

    fn note<T>(&self, operation: &'static str, answer: &Attempt<T>) {
        let reason = answer.as_ref().err().map(|e| e.reason);
        self.tally.count(&self.account, operation, reason);
        match reason {
            Some(Reason::Throttled) => self.pace.slow_down(),
            _ => self.pace.speed_up(),
        }
        if let Err(error) = answer {
            if login::is_about_credentials(error) {
                self.login.iter().for_each(Login::expire);
            }
            tracing::debug!(account = %self.account, error = error.chain(), "a request to AWS failed");
        }
    }
}

/// How much longer one call goes on trying.
struct Patience {
    throttled_until: Instant,
    attempts: u32,
    pause: Duration,
}

impl Patience {
    fn new(throttle_patience: Duration) -> Self {
        let now = Instant::now();
        let throttled_until = now.checked_add(throttle_patience).unwrap_or(now + LONGEST_PAUSE);
        Self { throttled_until, attempts: 0, pause: FIRST_PAUSE }
    }

    fn lasts(&mut self, error: &CallError) -> bool {
        if error.reason == Reason::Throttled {
            return Instant::now() < self.throttled_until;
        }
        self.attempts += 1;
        retryable(error) && self.attempts < TRANSIENT_ATTEMPTS
    }

    fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}
