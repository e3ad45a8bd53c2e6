//! Whether AWS takes the new key. IAM tells all of its parts of a new key within seconds, or not quite.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{iam::Line, plan::Person, secret::SecretKey, steps::StepError};
use crate::aws::{Attempt, CallError};

/// How long a new key may take to be known, and how long to wait between two questions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Propagation {
    pub(super) limit: Duration,
    pub(super) pause: Duration,
}

/// Waits until AWS says that the key belongs to this user of this account.
pub(super) async fn verify(
    line: &Line,
    key: &SecretKey,
    (person, account): (&Person, &str),
    propagation: Propagation,
) -> Result<(), StepError> {
    let (owner_account, arn, id) = accepted(propagation, || line.owner(key)).await.map_err(|last| {
        StepError::NotAccepted { key: key.id.clone(), limit: propagation.limit, last: Box::new(last) }
    })?;
    if owner_account == account && (arn == person.arn || id == person.id) {
        return Ok(());
    }
    let (key, wanted) = (&key.id, &person.arn);
    Err(StepError::Surprise(format!(
        "AWS says that the new key {key} belongs to {arn}, and it should belong to {wanted}"
    )))
}

/// Asks again for as long as the limit allows: every refusal may be one of not knowing yet.
async fn accepted<T>(propagation: Propagation, ask: impl AsyncFn() -> Attempt<T>) -> Result<T, CallError> {
    let end = Instant::now() + propagation.limit;
    loop {
        match ask().await {
            Err(error) if Instant::now() + propagation.pause <= end => {
                tracing::info!(error = error.chain(), "AWS does not know the new key yet");
                sleep(propagation.pause).await;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const PROPAGATION: Propagation = Propagation { limit: Duration::from_mins(2), pause: Duration::from_secs(2) };

    async fn known_after(delay: Duration) -> (bool, Duration) {
        let begin = Instant::now();
        let refusal = || CallError::invalid("GetCallerIdentity", "AKIA1", "InvalidClientTokenId");
        let asked = Cell::new(0);
        let ask = async || {
            asked.set(asked.get() + 1);
            if begin.elapsed() >= delay { Ok(()) } else { Err(refusal()) }
        };
        let answer = accepted(PROPAGATION, ask).await;
        assert!(asked.get() <= 62, "{} questions", asked.get());
        (answer.is_ok(), begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_known_after_half_a_minute_is_waited_for_and_no_longer() {
        let (known, waited) = known_after(Duration::from_secs(30)).await;
        assert!(known && waited <= Duration::from_secs(32), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_stays_unknown_is_given_up_after_the_limit() {
        let (known, waited) = known_after(Duration::from_mins(10)).await;
        assert!(!known);
        assert!((Duration::from_secs(110)..=Duration::from_secs(121)).contains(&waited), "{waited:?}");
    }
}
