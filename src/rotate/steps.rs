//! Performs a plan, step by step. Each can be repeated by a later run; what one means to do is in
//! the tags of the user before it does it.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    audit::Subject,
    iam::Line,
    plan::{Person, Step},
    secret::SecretKey,
    sink::{Held, Sink, SinkError},
    tags::{Rotation, TagError},
    verify::{self, Propagation},
};
use crate::{
    aws::{CallError, Caller},
    inventory::Status,
    poller::Clock,
    rotation::Stage,
};

/// How often the tags are read again until they say what was written: IAM may answer with what was before.
const READINGS: u32 = 10;

/// And until they say what the plan was made on.
const LOOKS: u32 = 3;

/// What a plan is performed with.
pub(super) struct Performance<'a> {
    pub(super) line: &'a Line,
    pub(super) actor: &'a Caller,
    pub(super) person: &'a Person,
    pub(super) sink: Option<&'a Sink>,
    pub(super) propagation: Propagation,
    pub(super) clock: Clock,
    /// Where the rotation stands; begins as the plan says.
    pub(super) rotation: Rotation,
    /// This run's own word, by which it knows its tags.
    pub(super) claim: String,
    /// What the tags said when the plan was made.
    pub(super) seen: Option<Rotation>,
    /// The word of the run before it.
    pub(super) before: Option<String>,
    pub(super) key: Option<SecretKey>,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Tags(#[from] TagError),
    /// Somebody else is at it; nothing of theirs was touched.
    #[error("another run has taken over the rotation of user {0:?}: this one stops here")]
    Lost(String),
    #[error("AWS does not take the new key {key} after {}", humantime::format_duration(*.limit))]
    NotAccepted {
        key: String,
        limit: Duration,
        #[source]
        last: Box<CallError>,
    },
    /// Something is not as it was when the plan was made.
    #[error("{0}")]
    Surprise(String),
}

impl Performance<'_> {
    /// Does one step; what there is to tell of it besides that it is done.
    pub(super) async fn perform(&mut self, step: &Step) -> Result<Option<String>, StepError> {
        match step {
            Step::Begin => self.begin().await?,
            Step::Claim(stage) => self.claim(*stage).await?,
            Step::DeleteOrphan(id) => self.delete_orphan(id).await?,
            Step::Create => return self.create().await.map(Some),
            Step::Fetch(id) => self.fetch(id).await?,
            Step::Note(stage) => self.note(*stage).await?,
            Step::Verify => {
                let whose = (self.person, &*self.actor.account);
                verify::verify(self.line, self.new_key()?, whose, self.propagation).await?;
            }
            Step::Promote => self.promote().await?,
            Step::Activate(id) => self.activate(id).await?,
            Step::Retire(id) => self.retire(id).await?,
            Step::Restore => return self.restore().await.map(Some),
            Step::Withdraw(id) => self.withdraw(id).await?,
            Step::Delete(id) => self.delete(id).await?,
            Step::Forget => self.forget().await?,
        }
        Ok(None)
    }

    fn subject(&self) -> Subject<'_> {
        Subject { actor: self.actor, user: &self.person.name }
    }

    async fn begin(&mut self) -> Result<(), StepError> {
        self.rotation.started_at = self.clock.now();
        self.rotation.new_key = None;
        self.rotation.stage = Stage::Creating;
        self.rotation.stage_at = self.rotation.started_at;
        self.take().await
    }

    async fn claim(&mut self, stage: Stage) -> Result<(), StepError> {
        if self.rotation.stage != stage {
            self.rotation.stage = stage;
            self.rotation.stage_at = self.clock.now();
        }
        self.take().await
    }

    /// IAM cannot compare and set, so this writes and looks: of two that write at the same time the
    /// first finds the other's word and stops. Should both find their own, AWS's limit of two keys
    /// lets one make a key, and all else is repeatable.
    async fn take(&mut self) -> Result<(), StepError> {
        self.is_as_seen().await?;
        self.before = self.seen.take().map(|rotation| rotation.claim);
        self.rotation.claim.clone_from(&self.claim);
        self.line.tag(&self.subject(), &self.rotation).await?;
        self.still_ours().await?;
        self.seen = Some(self.rotation.clone());
        Ok(())
    }

    /// A plan made on other tags than there are now is no plan.
    async fn is_as_seen(&self) -> Result<(), StepError> {
        for _ in 0..LOOKS {
            if self.written().await? == self.seen {
                return Ok(());
            }
            sleep(self.propagation.pause).await;
        }
        Err(StepError::Lost(self.person.name.clone()))
    }

    /// A key is not taken away unless the other one works.
    async fn other_is_active(&self, id: &str) -> Result<(), StepError> {
        let Rotation { old_key, new_key, .. } = &self.rotation;
        let other = [Some(old_key), new_key.as_ref()].into_iter().flatten().find(|key| *key != id);
        let Some(other) = other else { return Ok(()) };
        if self.status(other).await? == Some(Status::Active) {
            return Ok(());
        }
        Err(StepError::Surprise(format!("key {other} is not Active any more: key {id} is left as it is")))
    }

    async fn written(&self) -> Result<Option<Rotation>, StepError> {
        let (person, tags) = self.line.user(&self.person.name).await?;
        if person.id != self.person.id {
            return Err(StepError::Surprise(format!("user {:?} was deleted and made anew meanwhile", person.name)));
        }
        Ok(Rotation::read(&person.name, &tags)?)
    }

    /// What was there before this run may be told for a while after it was written over.
    async fn still_ours(&self) -> Result<(), StepError> {
        for _ in 0..READINGS {
            match self.written().await?.map(|rotation| rotation.claim) {
                Some(claim) if claim == self.claim => return Ok(()),
                claim if claim == self.before => sleep(self.propagation.pause).await,
                _ => break,
            }
        }
        Err(StepError::Lost(self.person.name.clone()))
    }

    async fn note(&mut self, stage: Stage) -> Result<(), StepError> {
        self.still_ours().await?;
        self.rotation.stage = stage;
        self.rotation.stage_at = self.clock.now();
        Ok(self.line.tag(&self.subject(), &self.rotation).await?)
    }

    async fn delete_orphan(&mut self, id: &str) -> Result<(), StepError> {
        self.sink()?.forget(id)?;
        Ok(self.line.delete_key(&self.subject(), id).await?)
    }

    /// Nothing may come between the answer and the sink.
    async fn create(&mut self) -> Result<String, StepError> {
        let sink = self.sink()?;
        let key = self.line.create_key(&self.subject()).await?;
        sink.store(&self.subject(), &key).await?;
        let said = format!("the new key is {}", key.id);
        self.rotation.new_key = Some(key.id.clone());
        self.key = Some(key);
        Ok(said)
    }

    async fn fetch(&mut self, id: &str) -> Result<(), StepError> {
        match self.sink()?.held(&self.subject(), id).await? {
            Held::Stored(key) | Held::Current(key) => self.key = Some(key),
            Held::No => {
                return Err(StepError::Surprise(format!("the sink does not have the secret of key {id} any more")));
            }
        }
        self.rotation.new_key = Some(id.to_owned());
        Ok(())
    }

    /// Should somebody have begun to go back meanwhile, what was current before is what they go back to,
    /// if there was anything.
    async fn promote(&self) -> Result<(), StepError> {
        self.still_ours().await?;
        let (sink, id) = (self.sink()?, &self.new_key()?.id);
        sink.promote(&self.subject(), id).await?;
        if self.is_taken_back().await? {
            return Err(match sink.restore(&self.subject(), id, &self.rotation.old_key).await {
                Ok(_) | Err(SinkError::Unfit(_)) => StepError::Lost(self.person.name.clone()),
                Err(error) => error.into(),
            });
        }
        Ok(())
    }

    async fn is_taken_back(&self) -> Result<bool, StepError> {
        let stage = self.written().await?.map(|rotation| rotation.stage);
        Ok(matches!(stage, None | Some(Stage::BackingOut | Stage::BackedOut)))
    }

    async fn activate(&self, id: &str) -> Result<(), StepError> {
        if self.status(id).await? == Some(Status::Active) {
            return Ok(());
        }
        Ok(self.line.set_status(&self.subject(), id, Status::Active).await?)
    }

    async fn restore(&self) -> Result<String, StepError> {
        let Some(new) = &self.rotation.new_key else { return Ok("there is no new key".to_owned()) };
        self.still_ours().await?;
        self.other_is_active(new).await?;
        match self.sink {
            Some(sink) => Ok(sink.restore(&self.subject(), new, &self.rotation.old_key).await?),
            None => Ok("the sink is left as it is".to_owned()),
        }
    }

    /// Should somebody have begun to go back meanwhile, the old key is what they go back to.
    async fn retire(&self, id: &str) -> Result<(), StepError> {
        self.still_ours().await?;
        self.other_is_active(id).await?;
        self.line.set_status(&self.subject(), id, Status::Inactive).await?;
        if self.is_taken_back().await? {
            self.line.set_status(&self.subject(), id, Status::Active).await?;
            return Err(StepError::Lost(self.person.name.clone()));
        }
        Ok(())
    }

    async fn withdraw(&self, id: &str) -> Result<(), StepError> {
        self.still_ours().await?;
        self.other_is_active(id).await?;
        if self.status(id).await?.is_none_or(|status| status == Status::Inactive) {
            return Ok(());
        }
        Ok(self.line.set_status(&self.subject(), id, Status::Inactive).await?)
    }

    /// AWS deletes Active keys as well; we do not.
    async fn delete(&self, id: &str) -> Result<(), StepError> {
        self.still_ours().await?;
        self.other_is_active(id).await?;
        match self.status(id).await? {
            None => Ok(()),
            Some(Status::Active) => {
                Err(StepError::Surprise(format!("somebody made key {id} Active meanwhile: it is not deleted")))
            }
            Some(Status::Inactive) => Ok(self.line.delete_key(&self.subject(), id).await?),
        }
    }

    /// Once a key is gone another run may begin anew: its tags are not ours to take.
    async fn forget(&self) -> Result<(), StepError> {
        self.still_ours().await?;
        Ok(self.line.untag(&self.subject()).await?)
    }

    async fn status(&self, id: &str) -> Result<Option<Status>, StepError> {
        let keys = crate::collect::list_access_keys(&self.line.session, &self.person.name).await?;
        Ok(keys.iter().find(|key| &*key.id == id).map(|key| key.status))
    }

    fn sink(&self) -> Result<&Sink, StepError> {
        self.sink.ok_or_else(|| StepError::Surprise("no sink is known: name it with --sink".to_owned()))
    }

    fn new_key(&self) -> Result<&SecretKey, StepError> {
        self.key.as_ref().ok_or_else(|| StepError::Surprise("the new key is not known yet".to_owned()))
    }
}
