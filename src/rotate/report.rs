//! What is told of a command: to people line by line, to programs as one JSON document.

use serde::Serialize;

use super::{cli::Format, plan::Step, tags::Rotation};
use crate::{
    console::{breaks_lines, say},
    inventory::{AccessKey, LastUse, time},
    rotation::Stage,
};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Done,
    NothingToDo,
    Planned,
    Waiting,
    Refused,
    Declined,
    Failed,
    TakenOver,
}

/// What became of one user.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) command: &'static str,
    pub(super) account_id: String,
    pub(super) user_name: String,
    pub(super) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old_access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new_access_key_id: Option<String>,
    pub(super) steps: Vec<Told>,
}

/// One step of a plan.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) step: String,
    pub(super) done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// One rotation under way.
#[derive(Debug, Serialize)]
pub(super) struct UnderWay {
    pub(super) account_id: String,
    pub(super) user_name: String,
    pub(super) stage: &'static str,
    pub(super) stage_since: String,
    pub(super) started_at: String,
    pub(super) sink: String,
    pub(super) old_access_key: KeyTold,
    pub(super) new_access_key: Option<KeyTold>,
    pub(super) next: String,
}

/// What `status` tells of a user.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Row {
    UnderWay(UnderWay),
    /// Its rotation cannot be told.
    Unclear(Report),
}

/// A key of a rotation.
#[derive(Debug, Serialize)]
pub(super) struct KeyTold {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) last_used: String,
}

impl Outcome {
    /// The exit code.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done | Self::NothingToDo | Self::Planned => 0,
            Self::Failed => 1,
            Self::Waiting | Self::Refused | Self::Declined => 3,
            Self::TakenOver => 4,
        }
    }
}

impl Report {
    pub(super) fn new(command: &'static str, account: &str, user: &str) -> Self {
        Self {
            command,
            account_id: account.to_owned(),
            user_name: user.to_owned(),
            outcome: Outcome::Refused,
            message: None,
            stage: None,
            old_access_key_id: None,
            new_access_key_id: None,
            steps: Vec::new(),
        }
    }

    pub(super) fn ends(mut self, outcome: Outcome, message: impl Into<String>) -> Self {
        self.outcome = outcome;
        self.message = Some(message.into());
        self
    }

    /// Whether something was changed, or would have been.
    pub(super) fn is_change(&self) -> bool {
        matches!(self.outcome, Outcome::Done | Outcome::Planned | Outcome::TakenOver) && !self.steps.is_empty()
    }

    pub(super) fn stands(&mut self, rotation: &Rotation) {
        self.stage = Some(rotation.stage.as_str());
        self.old_access_key_id = Some(rotation.old_key.clone());
        self.new_access_key_id.clone_from(&rotation.new_key);
    }

    /// For people, the plan and its steps have been told already.
    pub(super) fn print(&self, format: Format) {
        match (format, &self.message) {
            (Format::Json, _) => print_json(self),
            (Format::Text, Some(message)) => say(format_args!("{}", printable(message))),
            (Format::Text, None) => {}
        }
    }
}

pub(super) fn print_json(value: &impl Serialize) {
    say(format_args!("{}", serde_json::to_string_pretty(value).expect("what is told has only texts as keys")));
}

/// Other people choose names of users and what commands say: no order to a terminal gets through.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if breaks_lines(c) && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// What a step does, for people.
pub(super) fn sentence(step: &Step, user: &str, sink: &str) -> String {
    match step {
        Step::Begin => format!("tag user {user} with the rotation that begins"),
        Step::Claim(Stage::BackingOut) => format!("tag user {user}: the rotation is being taken back"),
        Step::Claim(_) => format!("tag user {user}: this run goes on with the rotation"),
        Step::DeleteOrphan(id) => format!("delete key {id}, whose secret was lost before anybody had it"),
        Step::Create => format!("create a second access key for user {user} and store its secret in {sink}"),
        Step::Fetch(id) => format!("take the secret of key {id} from {sink}"),
        Step::Note(stage) => format!("tag user {user}: {}", stage.as_str()),
        Step::Verify => "see that AWS accepts the new key".to_owned(),
        Step::Promote => format!("make the new secret the current one in {sink}"),
        Step::Activate(id) => format!("make key {id} Active, if it is not"),
        Step::Restore => format!("make the previous secret the current one in {sink}"),
        Step::Retire(id) | Step::Withdraw(id) => format!("make key {id} Inactive"),
        Step::Delete(id) => format!("delete key {id}, which is Inactive"),
        Step::Forget => format!("take the tags of the rotation off user {user}"),
    }
}

/// The last use of a key, for people.
pub(super) fn last_used(key: &AccessKey) -> String {
    match &key.last_use {
        LastUse::Used(used) => time(used.at),
        LastUse::Never => "never".to_owned(),
        LastUse::Unknown => "unknown".to_owned(),
    }
}

impl Row {
    pub(super) fn print(&self) {
        match self {
            Self::UnderWay(rotation) => rotation.print(),
            Self::Unclear(report) => {
                let message = report.message.as_deref().unwrap_or_default();
                say(format_args!("{}  error: {}", printable(&report.user_name), printable(message)));
            }
        }
    }

    /// How it ended where it cannot be told.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::UnderWay(_) => None,
            Self::Unclear(report) => Some(report.outcome),
        }
    }
}

impl UnderWay {
    /// One line for people.
    fn print(&self) {
        let key = |key: &KeyTold| format!("{} {} (last used {})", key.id, key.status, key.last_used);
        let new = self.new_access_key.as_ref().map_or_else(|| "none yet".to_owned(), key);
        say(format_args!(
            "{}  {} since {}\n  old {}\n  new {new}\n  sink {}\n  next: {}",
            printable(&self.user_name),
            self.stage,
            self.stage_since,
            key(&self.old_access_key),
            printable(&self.sink),
            self.next
        ));
    }
}
