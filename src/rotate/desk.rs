//! One command on one user: look, decide, show, ask, perform, tell.

use std::io::{IsTerminal as _, Write as _};

use rustix::rand::{GetRandomFlags, getrandom};

use super::{
    audit::{Subject, chain},
    cli::{Format, Manner},
    connect::Site,
    iam::Found,
    plan::{self, Decision, Kept, Patience, Person, Seen, Step},
    report::{Outcome, Report, Told, printable, sentence},
    sink::{Held, Sink, SinkError, SinkName, SinkSpec},
    steps::{Performance, StepError},
    tags::{OPT_IN, Rotation, value},
    verify::Propagation,
};
use crate::{console::say, key_ids::hex, poller::Clock, rotation::Stage};

/// Where commands are carried out.
pub(super) struct Desk<'a> {
    pub(super) site: &'a Site,
    pub(super) manner: &'a Manner,
    pub(super) clock: Clock,
}

/// A command.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) verb: Verb,
    pub(super) sink: Option<SinkSpec>,
    pub(super) patience: Patience,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Also a value that does not name the old key.
    Start {
        replaces: bool,
    },
    Finish,
    Backout {
        skips_sink: bool,
    },
}

/// Why a command goes no further, and how it thereby ends.
pub(super) struct Stop(pub(super) Outcome, pub(super) String);

const OF_OTHERS: &str = ", in place of a value that does not name the old key";

/// What was seen, and what follows from it.
struct Prospect {
    person: Person,
    sink: Option<Sink>,
    sink_name: String,
    stands: Option<Rotation>,
    decision: Decision,
    /// Whether the sink has a value that does not name the old key.
    replaces: bool,
}

impl Prospect {
    fn told(&self, steps: &[Step]) -> Vec<Told> {
        let more = |step: &Step| if self.replaces && *step == Step::Promote { OF_OTHERS } else { "" };
        let say = |step: &Step| printable(&(sentence(step, &self.person.name, &self.sink_name) + more(step)));
        steps.iter().map(|step| Told { step: say(step), done: false, note: None }).collect()
    }
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Finish => "finish",
            Self::Backout { .. } => "backout",
        }
    }
}

impl From<SinkError> for Stop {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Unfit(what) => Self(Outcome::Refused, what),
            error => Self(Outcome::Failed, chain(&error)),
        }
    }
}

impl From<crate::aws::CallError> for Stop {
    fn from(error: crate::aws::CallError) -> Self {
        Self(Outcome::Failed, error.chain())
    }
}

impl Desk<'_> {
    /// Carries out a command on one user. What it did is in the report, even where it failed.
    pub(super) async fn carry_out(&self, order: &Order, user: &str) -> Report {
        let report = Report::new(order.verb.name(), &self.site.actor.account, user);
        match Box::pin(self.prospect(order, user)).await {
            Err(Stop(outcome, message)) => report.ends(outcome, message),
            Ok(prospect) => Box::pin(self.act_on(order, prospect, report)).await,
        }
    }

    async fn act_on(&self, order: &Order, prospect: Prospect, mut report: Report) -> Report {
        report.user_name.clone_from(&prospect.person.name);
        prospect.stands.iter().for_each(|rotation| report.stands(rotation));
        let (steps, rotation) = match prospect.decision.clone() {
            Decision::Go { steps, rotation } => (steps, rotation),
            Decision::Done(what) => return report.ends(Outcome::NothingToDo, what),
            Decision::Wait(what) => return report.ends(Outcome::Waiting, what),
            Decision::Refuse(what) => return report.ends(Outcome::Refused, what),
        };
        report.steps = prospect.told(&steps);
        self.show(&report);
        if self.manner.dry_run {
            return report.ends(Outcome::Planned, "nothing was changed");
        }
        if !self.manner.yes
            && let Err(Stop(outcome, message)) = Box::pin(self.ask(order, &prospect)).await
        {
            return report.ends(outcome, message);
        }
        Box::pin(self.perform(prospect, rotation, &steps, report)).await
    }

    async fn prospect(&self, order: &Order, user: &str) -> Result<Prospect, Stop> {
        let Found { person, tags, keys, unknown } = self.site.line.look(user).await?;
        for error in unknown {
            tracing::warn!(user, error = error.chain(), "a last use is not known");
        }
        let rotation = Rotation::read(&person.name, &tags).map_err(|e| Stop(Outcome::Refused, e.to_string()))?;
        let (own_key, now) = (self.site.own_key.clone(), self.clock.now());
        let mut seen = Seen { person, rotation, keys, held: Kept::NotAsked, own_key, now };
        let named = named_sink(order, &seen, value(&tags, OPT_IN))?;
        let sink = named.as_ref().map(|spec| self.site.sink(spec, self.manner.sink_timeout));
        seen.held = self.held(order, &seen, sink.as_ref()).await?;
        let decision = match order.verb {
            Verb::Start { .. } => plan::start(&seen, &self.fresh(named.as_ref()), order.patience),
            Verb::Finish => plan::finish(&seen, order.patience),
            Verb::Backout { .. } => plan::backout(&seen),
        };
        let replaces = check(order, &decision, sink.as_ref()).await?;
        let sink_name = named.map_or_else(|| "the sink".to_owned(), |spec| spec.to_string());
        Ok(Prospect { person: seen.person, sink, sink_name, stands: seen.rotation, decision, replaces })
    }

    /// A rotation that begins now; which key is the old one, the plan knows.
    fn fresh(&self, spec: Option<&SinkSpec>) -> Rotation {
        let sink = spec.cloned().unwrap_or_else(|| SinkSpec::Command(String::new()));
        let now = self.clock.now();
        Rotation {
            stage: Stage::Creating,
            stage_at: now,
            started_at: now,
            old_key: String::new(),
            new_key: None,
            sink: SinkName::of(sink),
            claim: String::new(),
        }
    }

    /// What the sink has of the key that matters. If it cannot say, nothing is decided.
    async fn held(&self, order: &Order, seen: &Seen, sink: Option<&Sink>) -> Result<Kept, Stop> {
        let (Some(sink), Some(rotation)) = (sink, &seen.rotation) else { return Ok(Kept::NotAsked) };
        let is_asked = match (order.verb, rotation.stage) {
            (Verb::Start { .. }, Stage::Creating | Stage::Verifying) => true,
            (Verb::Finish, Stage::Promoted | Stage::Deactivated) => sink.is_lasting() && !seen.is_over(rotation),
            _ => false,
        };
        let Some(id) = seen.new_key(rotation).filter(|_| is_asked) else { return Ok(Kept::NotAsked) };
        let subject = Subject { actor: &self.site.actor, user: &seen.person.name };
        let held = sink.held(&subject, id).await.map_err(|error| {
            Stop(
                Outcome::Failed,
                format!("whether the sink has the secret of key {id} is not known: {}", chain(&error)),
            )
        })?;
        Ok(match held {
            Held::No => Kept::No,
            Held::Stored(_) => Kept::Stored,
            Held::Current(_) => Kept::Current,
        })
    }

    fn show(&self, report: &Report) {
        if self.manner.format == Format::Text {
            let Report { command, user_name, account_id, steps, .. } = report;
            say(format_args!("{command} {} in account {account_id}:", printable(user_name)));
            for (number, told) in steps.iter().enumerate() {
                say(format_args!("  {}. {}", number + 1, told.step));
            }
        }
    }

    /// Asks, and makes sure that the plan is still the same when the answer comes.
    async fn ask(&self, order: &Order, prospect: &Prospect) -> Result<(), Stop> {
        let declined = |what: &str| Stop(Outcome::Declined, what.to_owned());
        if !std::io::stdin().is_terminal() || self.manner.format == Format::Json {
            return Err(declined("nobody can be asked here, so nothing was changed: say --yes, or --dry-run"));
        }
        std::io::stderr().write_all(b"Do this? [y/N] ").map_err(|error| declined(&error.to_string()))?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(|error| declined(&error.to_string()))?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Err(declined("not confirmed: nothing was changed"));
        }
        let again = self.prospect(order, &prospect.person.name).await?;
        match (&again.decision, &prospect.decision) {
            (Decision::Go { steps, .. }, Decision::Go { steps: shown, .. })
                if steps == shown && again.replaces == prospect.replaces =>
            {
                Ok(())
            }
            _ => Err(declined(
                "what was to be done has changed while the question waited: nothing was changed, run it again",
            )),
        }
    }

    async fn perform(&self, prospect: Prospect, rotation: Rotation, steps: &[Step], mut report: Report) -> Report {
        let Prospect { person, sink, .. } = &prospect;
        let mut performance = Performance {
            line: &self.site.line,
            actor: &self.site.actor,
            person,
            sink: sink.as_ref(),
            propagation: Propagation { limit: self.manner.propagation_timeout, pause: self.manner.retry_delay },
            clock: self.clock,
            rotation,
            claim: claim(),
            seen: prospect.stands.clone(),
            before: None,
            key: None,
        };
        for (place, step) in steps.iter().enumerate() {
            let done = Box::pin(performance.perform(step)).await;
            report.stands(&performance.rotation);
            match done {
                Ok(note) => self.tell_done(&mut report.steps[place], note),
                Err(error) => return failed(report, step, &error),
            }
        }
        let last = steps.last() == Some(&Step::Forget);
        let message = if last {
            "the rotation is over".to_owned()
        } else {
            format!("now {}", performance.rotation.stage.as_str())
        };
        report.ends(Outcome::Done, message)
    }

    fn tell_done(&self, told: &mut Told, note: Option<String>) {
        told.done = true;
        told.note = note.map(|note| printable(&note));
        if self.manner.format == Format::Text {
            let note = told.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
            say(format_args!("  done: {}{note}", told.step));
        }
    }
}

/// A sink that cannot take the secret must be found before there is one, and one that cannot go back
/// before anything is taken away.
///
/// Whether the sink has a value that does not name the old key.
async fn check(order: &Order, decision: &Decision, sink: Option<&Sink>) -> Result<bool, Stop> {
    let Decision::Go { steps, rotation } = decision else { return Ok(false) };
    let skips_sink = matches!(order.verb, Verb::Backout { skips_sink: true });
    let needs_sink = steps.iter().any(|step| matches!(step, Step::Create | Step::Restore));
    match sink {
        None if needs_sink && !skips_sink => Err(Stop(
            Outcome::Refused,
            "the tags do not tell the whole name of the sink: name it with --sink".to_owned(),
        )),
        Some(sink) if steps.contains(&Step::Create) => {
            let is_of_others = sink.check(&rotation.old_key).await?;
            if is_of_others {
                consent(order, &rotation.old_key)?;
            }
            Ok(is_of_others)
        }
        Some(sink) if steps.contains(&Step::Restore) => {
            if let Some(new) = &rotation.new_key {
                sink.can_restore(new).await?;
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// A name that was mistyped may be that of another program's secret.
fn consent(order: &Order, old: &str) -> Result<(), Stop> {
    if order.verb == (Verb::Start { replaces: true }) {
        return Ok(());
    }
    Err(Stop(
        Outcome::Refused,
        format!(
            "the sink has a value that does not name key {old}, so it may be another program's: see whose it is, \
             then name another sink, or say start with --replace-value"
        ),
    ))
}

/// The sink of the rotation under way, or of the one that begins.
fn named_sink(order: &Order, seen: &Seen, opt_in: Option<&str>) -> Result<Option<SinkSpec>, Stop> {
    let refuse = |what: String| Err(Stop(Outcome::Refused, what));
    let starts = matches!(order.verb, Verb::Start { .. });
    let under_way = seen.rotation.as_ref().filter(|rotation| !seen.is_over(rotation));
    let named = match (under_way, &order.sink) {
        (Some(rotation), Some(named)) if SinkName::of(named.clone()).tag() != rotation.sink.tag() => {
            let sink = rotation.sink.tag();
            return refuse(format!(
                "the rotation under way has the sink {sink}: found another in --sink; name the same one"
            ));
        }
        (_, Some(named)) => Some(named.clone()),
        (Some(rotation), None) => rotation.sink.spec().cloned(),
        (None, None) => match opt_in.filter(|_| starts).map(SinkSpec::of_tag) {
            Some(Ok(sink)) => Some(sink),
            Some(Err(mistake)) => return refuse(format!("the user's tag {OPT_IN} names no sink: {mistake}")),
            None => None,
        },
    };
    match (order.verb, &named) {
        (Verb::Start { .. }, None) => refuse(
            "where should the new secret go? Name it: --sink=secretsmanager:NAME, ssm:NAME, file:PATH or exec:COMMAND"
                .to_owned(),
        ),
        _ if matches!(order.verb, Verb::Backout { skips_sink: true }) => Ok(None),
        _ => Ok(named),
    }
}

fn failed(report: Report, step: &Step, error: &StepError) -> Report {
    let what = chain(error);
    match error {
        StepError::Lost(_) => report.ends(Outcome::TakenOver, what),
        StepError::Call(error) if *step == Step::Create && error.code.as_deref() == Some("LimitExceeded") => report
            .ends(
                Outcome::TakenOver,
                format!("somebody else made a second key meanwhile, nothing of theirs was touched: {what}"),
            ),
        _ => {
            let old = report.old_access_key_id.clone().unwrap_or_default();
            let keeps = if matches!(step, Step::Retire(_) | Step::Delete(_) | Step::Withdraw(_)) {
                String::new()
            } else {
                format!("; nothing was taken from the old key {old}")
            };
            report.ends(
                Outcome::Failed,
                format!("failed: {what}{keeps}. Run the same command again: it goes on from here"),
            )
        }
    }
}

/// A word that no other run has.
fn claim() -> String {
    let mut bytes = [0; 8];
    // The kernel itself: aws-lc measures the jitter of the CPU first, which is most of what a short run costs.
    getrandom(&mut bytes, GetRandomFlags::empty())
        .expect("the system has random numbers, or TLS would not work either");
    hex(&bytes)
}
