//! What is asked of IAM and STS, and what is changed in IAM.

use std::{future::Future, sync::Arc};

use aws_credential_types::Credentials;
use aws_sdk_iam::{
    operation::{RequestId, create_access_key::CreateAccessKeyOutput, get_user::GetUserOutput},
    types::{StatusType, Tag},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use secrecy::ExposeSecret as _;

use super::{
    audit::{self, Subject},
    plan::Person,
    secret::SecretKey,
    tags::{self, Rotation},
};
use crate::{
    aws::{Attempt, CallError, SdkError, Session},
    collect,
    inventory::{AccessKey, LastUse, Status},
};

/// The line to one account.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) session: Arc<Session>,
    pub(super) sts: aws_sdk_sts::Client,
}

/// One change.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) operation: &'static str,
    pub(super) key: &'a str,
    /// What is changed where that is not the key itself.
    pub(super) target: &'a str,
    /// Whether a second attempt does no harm where the first had its effect and lost its answer.
    pub(super) repeatable: bool,
}

/// A user, its keys with their last uses, and why a last use is not known.
pub(super) struct Found {
    pub(super) person: Person,
    pub(super) tags: Vec<(String, String)>,
    pub(super) keys: Vec<AccessKey>,
    pub(super) unknown: Vec<CallError>,
}

impl Line {
    /// Makes a change, and says in the log that it was made.
    pub(super) async fn change<O, E, T, F>(
        &self,
        subject: &Subject<'_>,
        change: Change<'_>,
        send: impl Fn() -> F,
        read: impl Fn(O) -> Attempt<T>,
    ) -> Attempt<T>
    where
        O: RequestId,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<O, SdkError<E>>>,
    {
        let Change { operation, key, target, repeatable } = change;
        let on = if key.is_empty() { subject.user } else { key };
        let read = |answer: O| {
            let id = answer.request_id().map(str::to_owned);
            Ok((id, read(answer)?))
        };
        let answer = if repeatable {
            Box::pin(self.session.call(operation, on, send, read)).await
        } else {
            Box::pin(self.session.call_once(operation, on, send(), read)).await
        };
        audit::call(subject, operation, key, target, &answer.as_ref().map(|(id, _)| id.clone()));
        answer.map(|(_, told)| told)
    }

    /// The user, its tags, its keys and when they were used.
    pub(super) async fn look(&self, user: &str) -> Attempt<Found> {
        let (person, tags) = self.user(user).await?;
        let mut keys = collect::list_access_keys(&self.session, &person.name).await?;
        let mut unknown = Vec::new();
        for key in &mut keys {
            match collect::last_use(&self.session, &person.name, &key.id).await {
                Ok(last_use) => key.last_use = last_use,
                Err(error) => {
                    key.last_use = LastUse::Unknown;
                    unknown.push(error);
                }
            }
        }
        Ok(Found { person, tags, keys, unknown })
    }

    /// The user and its tags.
    pub(super) async fn user(&self, user: &str) -> Attempt<(Person, Vec<(String, String)>)> {
        let request = self.session.iam().get_user().user_name(user);
        self.session.call("GetUser", user, || request.clone().send(), |answer| person(user, answer)).await
    }

    /// Every user with its tags, sorted by name.
    pub(super) async fn users(&self) -> Attempt<Vec<(String, Vec<(String, String)>)>> {
        let users = collect::user_details(&self.session).await?;
        let pairs = |tag: &crate::inventory::Tag| (tag.key.to_string(), tag.value.to_string());
        let mut users: Vec<_> =
            users.iter().map(|user| (user.name.to_string(), user.tags.iter().map(pairs).collect())).collect();
        users.sort();
        Ok(users)
    }

    /// Sets all tags of a rotation in one call.
    pub(super) async fn tag(&self, subject: &Subject<'_>, rotation: &Rotation) -> Attempt<()> {
        let tags = rotation.tags().map(|(key, value)| {
            Tag::builder().key(key).value(value).build().expect("a key and a value are all that is needed")
        });
        let request = self.session.iam().tag_user().user_name(subject.user).set_tags(Some(tags.into()));
        let key = rotation.new_key.as_deref().unwrap_or_default();
        let target = format!("stage {}", rotation.stage.as_str());
        let change = Change { operation: "TagUser", key, target: &target, repeatable: true };
        self.change(subject, change, || request.clone().send(), |_| Ok(())).await
    }

    /// Takes all tags of a rotation away in one call.
    pub(super) async fn untag(&self, subject: &Subject<'_>) -> Attempt<()> {
        let keys = tags::ALL.map(str::to_owned).to_vec();
        let request = self.session.iam().untag_user().user_name(subject.user).set_tag_keys(Some(keys));
        let change = Change { operation: "UntagUser", key: "", target: "all stages", repeatable: true };
        self.change(subject, change, || request.clone().send(), |_| Ok(())).await
    }

    /// Makes a second key. Never repeated: an answer that was lost may have been about a key that exists.
    pub(super) async fn create_key(&self, subject: &Subject<'_>) -> Attempt<SecretKey> {
        let request = self.session.iam().create_access_key().user_name(subject.user);
        let read = |answer: CreateAccessKeyOutput| {
            let id = answer.request_id().map(str::to_owned);
            Ok((id, created(subject.user, answer)?))
        };
        let answer = self.session.call_once("CreateAccessKey", subject.user, request.send(), read).await;
        let key = answer.as_ref().map_or("", |(_, key)| &key.id);
        audit::call(subject, "CreateAccessKey", key, "", &answer.as_ref().map(|(id, _)| id.clone()));
        answer.map(|(_, key)| key)
    }

    /// Makes a key Active or Inactive.
    pub(super) async fn set_status(&self, subject: &Subject<'_>, key: &str, status: Status) -> Attempt<()> {
        let word = StatusType::from(status.as_str());
        let request = self.session.iam().update_access_key().user_name(subject.user).access_key_id(key).status(word);
        let change = Change { operation: "UpdateAccessKey", key, target: status.as_str(), repeatable: true };
        self.change(subject, change, || request.clone().send(), |_| Ok(())).await
    }

    /// Deletes a key; one that is gone is gone.
    pub(super) async fn delete_key(&self, subject: &Subject<'_>, key: &str) -> Attempt<()> {
        let request = self.session.iam().delete_access_key().user_name(subject.user).access_key_id(key);
        let change = Change { operation: "DeleteAccessKey", key, target: "", repeatable: true };
        match self.change(subject, change, || request.clone().send(), |_| Ok(())).await {
            Err(error) if error.is_no_such_entity() => Ok(()),
            done => done,
        }
    }

    /// Whose this new key is, as AWS has it: account, ARN and id of the user.
    pub(super) async fn owner(&self, key: &SecretKey) -> Attempt<(String, String, String)> {
        let credentials = Credentials::new(&key.id, key.secret.expose_secret(), None, None, "iam-key-rotate");
        let send = || {
            let own = aws_sdk_sts::config::Builder::new().credentials_provider(credentials.clone());
            self.sts.get_caller_identity().customize().config_override(own).send()
        };
        let read = |answer: aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput| {
            let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
            Ok((text(answer.account()), text(answer.arn()), text(answer.user_id())))
        };
        self.session.call_once("GetCallerIdentity", &key.id, send(), read).await
    }
}

fn person(asked: &str, answer: GetUserOutput) -> Attempt<(Person, Vec<(String, String)>)> {
    let invalid = |what: &str| CallError::invalid("GetUser", asked, what);
    let user = answer.user.ok_or_else(|| invalid("an answer without User"))?;
    if user.user_name.is_empty() || user.arn.is_empty() || user.user_id.is_empty() {
        return Err(invalid("a user without UserName, Arn or UserId"));
    }
    let tags = user.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok((Person { name: user.user_name, arn: user.arn, id: user.user_id }, tags))
}

fn created(user: &str, answer: CreateAccessKeyOutput) -> Attempt<SecretKey> {
    let invalid = |what: &str| CallError::invalid("CreateAccessKey", user, what);
    let key = answer.access_key.ok_or_else(|| invalid("an answer without AccessKey"))?;
    if key.access_key_id.is_empty() || key.secret_access_key.is_empty() {
        return Err(invalid("a key without AccessKeyId or SecretAccessKey"));
    }
    Ok(SecretKey::new(key.access_key_id, key.secret_access_key))
}
