//! Waiting for something to become true, and saying what was seen when it did not.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is `Ok`, but no longer than `limit`.
///
/// # Errors
/// The last refusal.
pub async fn until<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + limit;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(refusal) if Instant::now() >= end => return Err(refusal),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
