//! A user's access keys and their last use.

use aws_sdk_iam::{
    operation::{get_access_key_last_used::GetAccessKeyLastUsedOutput, list_access_keys::ListAccessKeysOutput},
    types::{AccessKeyMetadata, StatusType},
};
use aws_smithy_types::DateTime;

use super::{PAGE, Page, all_pages, next};
use crate::{
    aws::{Attempt, CallError, Session},
    inventory::{AccessKey, LastUse, Status, Timestamp, Use},
};

/// Every access key of a user, oldest first; last uses are not known yet.
pub(crate) async fn list_access_keys(session: &Session, user: &str) -> Attempt<Vec<AccessKey>> {
    let ask = |marker| async move {
        let request = session.iam().list_access_keys().user_name(user).max_items(PAGE).set_marker(marker);
        session
            .call(
                "ListAccessKeys",
                user,
                || session.signed(request.clone().customize()).send(),
                |answer| keys_page(user, &answer),
            )
            .await
    };
    let mut keys = all_pages("ListAccessKeys", user, ask).await?;
    keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(keys)
}

/// When and where a key was last used, as AWS has it.
/// An error names the user and not the key.
pub(crate) async fn last_use(session: &Session, user: &str, key_id: &str) -> Attempt<LastUse> {
    let request = session.iam().get_access_key_last_used().access_key_id(key_id);
    session
        .call(
            "GetAccessKeyLastUsed",
            user,
            || session.signed(request.clone().customize()).send(),
            |answer| used(user, answer),
        )
        .await
}

fn used(user: &str, answer: GetAccessKeyLastUsedOutput) -> Attempt<LastUse> {
    let last = answer
        .access_key_last_used
        .ok_or_else(|| CallError::invalid("GetAccessKeyLastUsed", user, "an answer without AccessKeyLastUsed"))?;
    Ok(match last.last_used_date {
        None => LastUse::Never,
        Some(at) => LastUse::Used(Use { at: at.secs(), service: last.service_name.into(), region: last.region.into() }),
    })
}

fn keys_page(user: &str, answer: &ListAccessKeysOutput) -> Attempt<Page<AccessKey>> {
    let next = next("ListAccessKeys", user, answer.is_truncated, answer.marker.as_deref())?;
    let items = answer.access_key_metadata.iter().map(|key| access_key(user, key)).collect::<Attempt<_>>()?;
    Ok(Page { items, next })
}

fn access_key(user: &str, key: &AccessKeyMetadata) -> Attempt<AccessKey> {
    let invalid = |what: String| CallError::invalid("ListAccessKeys", user, what);
    let id =
        key.access_key_id().filter(|id| !id.is_empty()).ok_or_else(|| invalid("a key without AccessKeyId".into()))?;
    let created = created(key.create_date()).ok_or_else(|| invalid(format!("key {id} without CreateDate")))?;
    let status = match key.status() {
        Some(StatusType::Active) => Status::Active,
        Some(StatusType::Inactive) => Status::Inactive,
        other => {
            let found = other.map_or("none", StatusType::as_str);
            return Err(invalid(format!("key {id} with status {found:?}; known are Active and Inactive")));
        }
    };
    Ok(AccessKey { id: id.into(), created, status, last_use: LastUse::Unknown })
}

/// The SDK puts 1970-01-01 where the answer has no date; IAM itself is younger than that.
fn created(date: Option<&DateTime>) -> Option<Timestamp> {
    date.map(DateTime::secs).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> aws_sdk_iam::types::builders::AccessKeyMetadataBuilder {
        AccessKeyMetadata::builder()
            .user_name("u")
            .access_key_id("AKIA1")
            .status(StatusType::Active)
            .create_date(DateTime::from_secs(1_700_000_000))
    }

    #[test]
    fn a_complete_key_is_read() {
        let key = access_key("u", &metadata().build()).unwrap();
        assert_eq!((&*key.id, key.created, key.status), ("AKIA1", 1_700_000_000, Status::Active));
        assert_eq!(key.last_use, LastUse::Unknown);
    }

    #[test]
    fn a_key_without_creation_date_is_an_error_and_no_56_year_old_key() {
        for key in [metadata().set_create_date(None), metadata().create_date(DateTime::from_secs(0))] {
            let error = access_key("u", &key.build()).unwrap_err();
            assert!(error.chain().contains("key AKIA1 without CreateDate"), "{}", error.chain());
        }
    }

    #[test]
    fn a_status_that_aws_does_not_have_yet_is_an_error() {
        let key = metadata().status(StatusType::from("Frozen")).build();
        assert!(access_key("u", &key).unwrap_err().chain().contains("Frozen"));
    }
}
