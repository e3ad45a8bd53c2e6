//! Users: their names and paths, tags, and the policies that AWS attached.

use std::sync::Arc;

use aws_sdk_iam::{
    operation::{
        get_account_authorization_details::GetAccountAuthorizationDetailsOutput, list_user_tags::ListUserTagsOutput,
        list_users::ListUsersOutput,
    },
    types::{self, AttachedPolicy, EntityType},
};

use super::{PAGE, Page, all_pages, next};
use crate::{
    aws::{Attempt, CallError, Session},
    inventory::{Tag, User},
};

/// AWS attaches a policy of this name, or a later version, to users whose key leaked
/// (AWS managed policy reference, `AWSCompromisedKeyQuarantineV3`).
const QUARANTINE: &str = "AWSCompromisedKeyQuarantine";

/// What the authorization details tell of a user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UserDetail {
    pub(crate) name: Arc<str>,
    pub(crate) path: Arc<str>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) is_quarantined: bool,
}

/// Every user of the account, sorted by name, without keys and tags.
pub(in crate::collect) async fn list_users(session: &Session) -> Attempt<Vec<User>> {
    let ask = |marker| async move {
        let request = session.iam().list_users().max_items(PAGE).set_marker(marker);
        session.call("ListUsers", "", || session.signed(request.clone().customize()).send(), users_page).await
    };
    let mut users = all_pages("ListUsers", "", ask).await?;
    users.sort_by(|a, b| a.name.cmp(&b.name));
    users.dedup_by(|a, b| a.name == b.name);
    Ok(users)
}

/// Path, tags and quarantine of every user, a thousand users a call.
pub(crate) async fn user_details(session: &Session) -> Attempt<Vec<UserDetail>> {
    const OPERATION: &str = "GetAccountAuthorizationDetails";
    let ask = |marker| async move {
        let request = session.iam().get_account_authorization_details();
        let request = request.filter(EntityType::User).max_items(PAGE).set_marker(marker);
        session
            .call(
                OPERATION,
                "",
                || session.signed(request.clone().customize()).send(),
                |answer| details_page(OPERATION, answer),
            )
            .await
    };
    all_pages(OPERATION, "", ask).await
}

/// The tags of one user, sorted by key.
pub(in crate::collect) async fn user_tags(session: &Session, user: &str) -> Attempt<Vec<Tag>> {
    let ask = |marker| async move {
        let request = session.iam().list_user_tags().user_name(user).max_items(PAGE).set_marker(marker);
        let read = |answer: ListUserTagsOutput| {
            let next = next("ListUserTags", user, answer.is_truncated, answer.marker.as_deref())?;
            Ok(Page { items: answer.tags.into_iter().map(tag).collect(), next })
        };
        session.call("ListUserTags", user, || session.signed(request.clone().customize()).send(), read).await
    };
    let mut tags = all_pages("ListUserTags", user, ask).await?;
    tags.sort();
    Ok(tags)
}

/// Whether AWS quarantined one user, for accounts whose details may not be read.
pub(in crate::collect) async fn attached_policies(session: &Session, user: &str) -> Attempt<bool> {
    const OPERATION: &str = "ListAttachedUserPolicies";
    let ask = |marker| async move {
        let request = session.iam().list_attached_user_policies().user_name(user).max_items(PAGE).set_marker(marker);
        let read = |answer: aws_sdk_iam::operation::list_attached_user_policies::ListAttachedUserPoliciesOutput| {
            let next = next(OPERATION, user, answer.is_truncated, answer.marker.as_deref())?;
            Ok(Page { items: answer.attached_policies.unwrap_or_default(), next })
        };
        session.call(OPERATION, user, || session.signed(request.clone().customize()).send(), read).await
    };
    Ok(is_quarantined(&all_pages(OPERATION, user, ask).await?))
}

fn users_page(answer: ListUsersOutput) -> Attempt<Page<User>> {
    let next = next("ListUsers", "", answer.is_truncated, answer.marker.as_deref())?;
    let items = answer.users.into_iter().map(listed).collect::<Attempt<_>>()?;
    Ok(Page { items, next })
}

fn listed(user: types::User) -> Attempt<User> {
    // The SDK fills in what the answer lacks: an empty name means there was none.
    if user.user_name.is_empty() {
        return Err(CallError::invalid("ListUsers", "", "a user without UserName"));
    }
    Ok(User::new(user.user_name.into(), path(Some(user.path))))
}

fn details_page(operation: &'static str, answer: GetAccountAuthorizationDetailsOutput) -> Attempt<Page<UserDetail>> {
    let next = next(operation, "", answer.is_truncated, answer.marker.as_deref())?;
    let users = answer.user_detail_list.unwrap_or_default();
    Ok(Page { items: users.into_iter().map(|user| detail(operation, user)).collect::<Attempt<_>>()?, next })
}

fn detail(operation: &'static str, user: types::UserDetail) -> Attempt<UserDetail> {
    let name = user.user_name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| CallError::invalid(operation, "", "a user without UserName"))?;
    let mut tags: Vec<Tag> = user.tags.unwrap_or_default().into_iter().map(tag).collect();
    tags.sort();
    tags.shrink_to_fit();
    let is_quarantined = is_quarantined(&user.attached_managed_policies.unwrap_or_default());
    Ok(UserDetail { name: name.into(), path: path(user.path), tags, is_quarantined })
}

fn tag(tag: types::Tag) -> Tag {
    Tag { key: tag.key.into(), value: tag.value.into() }
}

fn path(path: Option<String>) -> Arc<str> {
    path.filter(|path| !path.is_empty()).map_or_else(|| "/".into(), Into::into)
}

fn is_quarantined(policies: &[AttachedPolicy]) -> bool {
    policies.iter().filter_map(AttachedPolicy::policy_name).any(|name| name.starts_with(QUARANTINE))
}
