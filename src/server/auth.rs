//! Names and passwords of those who may ask.
//!
//! A wrong name costs as much time as a wrong password, so that nobody learns which names there
//! are. A password that was right once is not hashed again: what is remembered is a keyed digest
//! of it, with a key that this process drew and does not show.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{HeaderMap, header::AUTHORIZATION};
use tokio::sync::Semaphore;

/// Passwords that wait to be hashed. A hash takes a tenth of a second: more would wait longer than
/// a client does, and one at a time leaves the other cores to scrapes.
const QUEUE: usize = 64;

/// What the door does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    Stranger,
    TooBusy,
}

/// Those who may ask; everybody if there is none.
pub(super) struct Users {
    hashes: Vec<(String, String)>,
    key: hmac::Key,
    proven: Mutex<HashMap<String, hmac::Tag>>,
    queue: Semaphore,
    turn: Arc<Semaphore>,
}

struct Credentials {
    name: String,
    password: String,
}

impl Users {
    pub(super) fn new(hashes: &[(String, String)]) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self {
            hashes: hashes.to_vec(),
            key: key.expect("the system has random numbers"),
            proven: Mutex::default(),
            queue: Semaphore::new(QUEUE),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) async fn judge(&self, headers: &HeaderMap) -> Verdict {
        if self.hashes.is_empty() {
            return Verdict::Welcome;
        }
        let Some(credentials) = credentials(headers) else { return Verdict::Stranger };
        if self.is_proven(&credentials) {
            return Verdict::Welcome;
        }
        let Ok(_place) = self.queue.try_acquire() else { return Verdict::TooBusy };
        self.prove(credentials).await
    }

    async fn prove(&self, credentials: Credentials) -> Verdict {
        let (is_known, hash) = self.hash(&credentials.name);
        let turn = self.turn.clone().acquire_owned().await.expect("the semaphore is never closed");
        let checked = tokio::task::spawn_blocking(move || {
            let is_right = bcrypt::verify(&credentials.password, &hash).unwrap_or(false);
            drop(turn);
            (is_right, credentials)
        });
        match checked.await {
            Ok((true, credentials)) if is_known => self.remember(credentials),
            _ => Verdict::Stranger,
        }
    }

    /// The user's hash, or, in its place, that of another: always the same for the same name, and
    /// as costly as the hashes are that people have here.
    fn hash(&self, name: &str) -> (bool, String) {
        if let Some((_, hash)) = self.hashes.iter().find(|(user, _)| user == name) {
            return (true, hash.clone());
        }
        let digest = hmac::sign(&self.key, name.as_bytes());
        let other = usize::from(digest.as_ref()[0]) % self.hashes.len();
        (false, self.hashes[other].1.clone())
    }

    fn is_proven(&self, Credentials { name, password }: &Credentials) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.get(name).is_some_and(|tag| hmac::verify(&self.key, password.as_bytes(), tag.as_ref()).is_ok())
    }

    fn remember(&self, Credentials { name, password }: Credentials) -> Verdict {
        let tag = hmac::sign(&self.key, password.as_bytes());
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(name, tag);
        Verdict::Welcome
    }
}

/// RFC 7617.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':').filter(|_| is_basic)?;
    Some(Credentials { name: name.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn users() -> Users {
        let cheap = |password| bcrypt::hash(password, 4).unwrap();
        Users::new(&[("ann".into(), cheap("right")), ("bob".into(), cheap("also right"))])
    }

    fn asking(credentials: &str) -> HeaderMap {
        let value = format!("bAsIc {}", BASE64_STANDARD.encode(credentials));
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(value).unwrap())])
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_is_welcome_also_when_asked_again() {
        let users = users();
        for _ in 0..2 {
            assert_eq!(users.judge(&asking("ann:right")).await, Verdict::Welcome);
            for wrong in ["ann:wrong", "ann:also right", "ann:", "ann", "", "eve:right", "eve:also right", ":right"] {
                assert_eq!(users.judge(&asking(wrong)).await, Verdict::Stranger, "{wrong}");
            }
        }
        assert_eq!(users.judge(&HeaderMap::new()).await, Verdict::Stranger);
    }

    #[tokio::test]
    async fn a_header_that_is_not_basic_authentication_is_a_stranger() {
        for value in ["Bearer YW5uOnJpZ2h0", "Basic", "Basic !!!", "Basic //79", "YW5uOnJpZ2h0"] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(users().judge(&headers).await, Verdict::Stranger, "{value}");
        }
    }

    #[tokio::test]
    async fn only_what_was_right_is_remembered_and_not_in_words() {
        let users = users();
        users.judge(&asking("ann:wrong")).await;
        assert!(users.proven.lock().unwrap().is_empty());
        users.judge(&asking("ann:right")).await;
        assert_eq!(users.proven.lock().unwrap().len(), 1);
        assert!(!format!("{:?}", users.proven).contains("right"));
    }

    #[tokio::test]
    async fn unknown_names_are_checked_against_every_cost_there_is() {
        let users = users();
        let used = (0..64).map(|number| users.hash(&format!("nobody-{number}")));
        let (known, hashes): (Vec<bool>, Vec<String>) = used.unzip();
        assert!(known.iter().all(|known| !known));
        assert!(users.hashes.iter().all(|(_, hash)| hashes.contains(hash)));
        assert_eq!(users.hash("nobody-1"), users.hash("nobody-1"));
    }

    #[tokio::test]
    async fn more_strangers_than_can_be_checked_are_sent_away_at_once() {
        let users = users();
        let _all = users.queue.try_acquire_many(64).unwrap();
        assert_eq!(users.judge(&asking("ann:wrong")).await, Verdict::TooBusy);
    }
}
