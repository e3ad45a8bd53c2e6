//! When the configuration is read again, and whether it may take the place of the one in use.
//!
//! A signal, a request, or a file that changed. A change is believed once it was seen twice the
//! same, so that a file is not read half written; contents that were refused are not tried again.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior, interval},
};

use crate::config::{Config, ConfigError, web::WebConfig};

/// Where the operator's wishes are read from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// None: the built-in defaults.
    pub config_file: Option<PathBuf>,
    /// None: plain HTTP for everybody.
    pub web_config_file: Option<PathBuf>,
}

/// All that the operator wants, valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// What is read, and how it is judged.
    pub config: Config,
    /// Who may ask.
    pub web: WebConfig,
}

/// Why the configuration in use stays.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read, or is wrong.
    #[error(transparent)]
    Wrong(#[from] ConfigError),
    /// It would take a protection away: only a restart does that.
    #[error(
        "the new web configuration has no {protection}, which the one in use has; a restart opens the door, a reload never does"
    )]
    Opens {
        /// What would be gone.
        protection: &'static str,
    },
}

impl Origin {
    /// Reads everything.
    ///
    /// # Errors
    /// When a file cannot be read, and for all mistakes in both at once.
    pub fn load(&self) -> Result<Wishes, ConfigError> {
        let config = self.config_file.as_ref().map_or_else(|| Ok(Config::default()), Config::load);
        let web = self.web_config_file.as_deref().map_or_else(|| Ok(WebConfig::default()), WebConfig::load);
        match (config, web) {
            (Ok(config), Ok(web)) => Ok(Wishes { config, web }),
            (Err(one), Err(other)) => Err(ConfigError::Both(one.into(), other.into())),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Reads everything anew, to take the place of what is in use.
    ///
    /// # Errors
    /// As `load`, and when the door would stand open afterwards.
    pub fn reload(&self, used: &Wishes) -> Result<Wishes, Refusal> {
        let wishes = self.load()?;
        if wishes.web.tls.is_none() && used.web.tls.is_some() {
            return Err(Refusal::Opens { protection: "tls_server_config" });
        }
        if wishes.web.is_open() && !used.web.is_open() {
            return Err(Refusal::Opens {
                protection: "basic_auth_users, and no client_auth_type that refuses strangers",
            });
        }
        Ok(wishes)
    }

    fn files(&self, wishes: &Wishes) -> Vec<PathBuf> {
        let named = [&self.config_file, &self.web_config_file].into_iter().flatten();
        named.chain(wishes.config.files()).chain(&wishes.web.files).cloned().collect()
    }
}

/// Lets others ask for a reload.
#[derive(Clone, Debug)]
pub struct Asking(mpsc::Sender<Answer>);

type Answer = oneshot::Sender<Result<(), String>>;

impl Asking {
    /// Returns when the new configuration is in use, or tells why it is not.
    ///
    /// # Errors
    /// When it was refused, with the reason for people.
    pub async fn ask(self) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let stopping = || "the exporter is stopping".to_owned();
        self.0.send(answer).await.map_err(|_| stopping())?;
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// Knows when somebody wants a reload.
#[derive(Debug)]
pub struct Asked {
    origin: Origin,
    hangup: Signal,
    requests: mpsc::Receiver<Answer>,
    ticks: Option<Interval>,
    watch: Watch,
}

/// Somebody wants a reload.
#[derive(Debug)]
pub struct Request {
    /// What made it.
    pub cause: &'static str,
    answer: Option<Answer>,
}

impl Request {
    /// Tells whoever asked what became of it.
    pub fn answer(self, outcome: Result<(), String>) {
        if let Some(answer) = self.answer {
            // Whoever asked may have left.
            drop(answer.send(outcome));
        }
    }
}

/// Begins to listen for requests; files are looked at every so often, never if that is zero.
///
/// # Errors
/// When the system does not let us have the signal.
pub fn on_request(origin: Origin, used: &Wishes, every: Duration) -> io::Result<(Asking, Asked)> {
    let (ask, requests) = mpsc::channel(1);
    let ticks = (!every.is_zero()).then(|| {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let watch = Watch::of(origin.files(used));
    Ok((Asking(ask), Asked { origin, hangup: signal(SignalKind::hangup())?, requests, ticks, watch }))
}

impl Asked {
    /// Waits until somebody wants a reload.
    pub async fn next(&mut self) -> Request {
        loop {
            select! {
                Some(()) = self.hangup.recv() => return Request { cause: "SIGHUP", answer: None },
                Some(answer) = self.requests.recv() => return Request { cause: "/-/reload", answer: Some(answer) },
                () = next_tick(&mut self.ticks) => if self.watch.has_changed() {
                    return Request { cause: "a changed file", answer: None };
                }
            }
        }
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// When it must not take the place of what is in use.
    pub fn read(&mut self, used: &Wishes) -> Result<Wishes, Refusal> {
        self.watch = Watch::of(self.origin.files(used));
        let wishes = self.origin.reload(used);
        match &wishes {
            Ok(wishes) => self.watch.follow(&self.origin.files(wishes)),
            Err(Refusal::Wrong(error)) => self.watch.await_coming(error.unread()),
            Err(Refusal::Opens { .. }) => {}
        }
        wishes
    }
}

async fn next_tick(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

/// The text of each file, if it could be read.
type Contents = BTreeMap<PathBuf, Option<Vec<u8>>>;

#[derive(Debug)]
struct Watch {
    /// When they were last made into a configuration, for good or for bad.
    tried: Contents,
    pending: Option<Contents>,
}

impl Watch {
    fn of(files: Vec<PathBuf>) -> Self {
        Self { tried: contents(files), pending: None }
    }

    /// Those that a new configuration names, and no others.
    fn follow(&mut self, files: &[PathBuf]) {
        let new: Vec<PathBuf> = files.iter().filter(|file| !self.tried.contains_key(*file)).cloned().collect();
        self.tried.retain(|file, _| files.contains(file));
        self.tried.extend(contents(new));
    }

    /// Besides, those that could not be read: a certificate may come after the configuration that names it.
    fn await_coming(&mut self, files: Vec<&PathBuf>) {
        self.tried.extend(files.into_iter().map(|file| (file.clone(), None)));
    }

    fn has_changed(&mut self) -> bool {
        let now = contents(self.tried.keys().cloned().collect());
        let is_settled = self.pending.as_ref() == Some(&now);
        self.pending = (now != self.tried).then_some(now);
        is_settled && self.pending.is_some()
    }
}

fn contents(files: Vec<PathBuf>) -> Contents {
    let read = |file: &Path| fs::read(file).ok();
    files.into_iter().map(|file| (file.clone(), read(&file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, text: &str) -> PathBuf {
        let file = folder.join("web.yml");
        fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn the_mistakes_of_both_files_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.yml");
        fs::write(&config, "poll_intervall: 5m\n").unwrap();
        let web = file(folder.path(), "tls_server_config: { cert_file: none.crt, key_file: none.key }\n");
        let origin = Origin { config_file: Some(config), web_config_file: Some(web) };
        let error = origin.load().unwrap_err();
        let told = error.to_string();
        assert!(told.contains("config.yml:1:1: poll_intervall") && told.contains("web.yml"), "{told}");
        assert_eq!(error.unread().len(), 2, "{told}");
    }

    #[test]
    fn a_change_is_believed_when_it_was_seen_twice_and_tried_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "one");
        let mut watch = Watch::of(vec![path.clone()]);
        assert!(!watch.has_changed());
        file(folder.path(), "half");
        assert!(!watch.has_changed());
        file(folder.path(), "whole");
        assert!(!watch.has_changed());
        assert!(watch.has_changed());
        let mut tried = Watch::of(vec![path.clone()]);
        assert!(!tried.has_changed());
        fs::remove_file(&path).unwrap();
        assert!(!tried.has_changed());
        assert!(tried.has_changed());
    }

    #[test]
    fn a_change_that_was_taken_back_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::of(vec![file(folder.path(), "one")]);
        for text in ["two", "one", "two", "one", "one"] {
            file(folder.path(), text);
            assert!(!watch.has_changed(), "{text}");
        }
    }

    #[test]
    fn a_reload_never_opens_the_door() {
        const HASH: &str = "$2y$04$aaaaaaaaaaaaaaaaaaaaauzZbN3TzWZ9aKXzQdM8CIcX1rVKyHDYu";
        let closed = WebConfig { users: vec![("ann".into(), HASH.into())], ..WebConfig::default() };
        let used = Wishes { web: closed, ..Wishes::default() };
        let folder = tempfile::tempdir().unwrap();
        let web_config_file = Some(file(folder.path(), "http_server_config: {http2: false}"));
        let origin = Origin { config_file: None, web_config_file };
        let refusal = origin.reload(&used).unwrap_err().to_string();
        assert!(refusal.starts_with("the new web configuration has no basic_auth_users"), "{refusal}");
        assert!(origin.reload(&Wishes::default()).is_ok());
        file(folder.path(), &format!("basic_auth_users: {{bob: {HASH:?}}}"));
        assert_eq!(origin.reload(&used).unwrap().web.users[0].0, "bob");
    }
}
