//! The account as a whole: does its root user have keys, what is it called.

use std::sync::Arc;

use aws_sdk_iam::types::SummaryKeyType;

use crate::aws::{Attempt, CallError, Session};

/// How many root keys AWS counts.
pub(in crate::collect) async fn root_keys_present(session: &Session) -> Attempt<u32> {
    let request = session.iam().get_account_summary();
    let read = |answer: aws_sdk_iam::operation::get_account_summary::GetAccountSummaryOutput| {
        let count = answer.summary_map.and_then(|map| map.get(&SummaryKeyType::AccountAccessKeysPresent).copied());
        count
            .and_then(|count| u32::try_from(count).ok())
            .ok_or_else(|| CallError::invalid("GetAccountSummary", "", "a summary without AccountAccessKeysPresent"))
    };
    session.call("GetAccountSummary", "", || session.signed(request.clone().customize()).send(), read).await
}

/// The account's alias; AWS allows one.
pub(in crate::collect) async fn account_alias(session: &Session) -> Attempt<Option<Arc<str>>> {
    let request = session.iam().list_account_aliases();
    let read = |answer: aws_sdk_iam::operation::list_account_aliases::ListAccountAliasesOutput| {
        Ok(answer.account_aliases.into_iter().next().map(Into::into))
    };
    session.call("ListAccountAliases", "", || session.signed(request.clone().customize()).send(), read).await
}
