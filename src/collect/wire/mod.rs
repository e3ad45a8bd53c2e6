//! Single questions to IAM: one call and its pages, answered in our words.
//!
//! What an answer can get wrong is caught here: a missing date, a list without end.

mod account;
mod keys;
mod report;
mod users;

use std::collections::HashSet;

pub(super) use account::{account_alias, root_keys_present};
pub(crate) use keys::{last_use, list_access_keys};
pub(super) use report::{ReportAnswer, ask_for_report, get_report};
pub(crate) use users::user_details;
pub(super) use users::{UserDetail, attached_policies, list_users, user_tags};

use crate::aws::{Attempt, CallError};

/// The most that IAM puts on one page (API reference, `MaxItems`).
const PAGE: i32 = 1000;

struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

async fn all_pages<T, F>(operation: &'static str, on: &str, ask: impl Fn(Option<String>) -> F) -> Attempt<Vec<T>>
where
    F: Future<Output = Attempt<Page<T>>>,
{
    let (mut all, mut marker, mut seen) = (Vec::new(), None, HashSet::new());
    loop {
        let page = ask(marker).await?;
        all.extend(page.items);
        match page.next {
            None => break,
            Some(next) if seen.insert(next.clone()) => marker = Some(next),
            Some(_) => {
                return Err(CallError::invalid(operation, on, "the same Marker twice: the list would never end"));
            }
        }
    }
    // Lists of one key, a hundred thousand of them, would be kept with room for four.
    all.shrink_to_fit();
    Ok(all)
}

/// IAM may return fewer items than asked for although there are more; only `IsTruncated` ends a list.
fn next(operation: &'static str, on: &str, truncated: bool, marker: Option<&str>) -> Attempt<Option<String>> {
    match (truncated, marker) {
        (false, _) => Ok(None),
        (true, Some(marker)) if !marker.is_empty() => Ok(Some(marker.to_owned())),
        (true, _) => Err(CallError::invalid(operation, on, "a truncated list without a Marker")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_list_without_marker_is_an_error() {
        assert!(next("ListUsers", "", true, None).is_err());
        assert!(next("ListUsers", "", true, Some("")).is_err());
        assert_eq!(next("ListUsers", "", false, Some("x")).unwrap(), None);
    }

    #[tokio::test]
    async fn a_list_that_repeats_its_marker_ends_with_an_error() {
        let ask = |_| async { Ok(Page { items: vec![1], next: Some("again".into()) }) };
        assert!(all_pages("ListUsers", "", ask).await.is_err());
    }
}
