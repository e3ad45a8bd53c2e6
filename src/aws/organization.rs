//! Which accounts an organization has, and in which units they are.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_organizations::{
    operation::{
        list_accounts::ListAccountsOutput, list_accounts_for_parent::ListAccountsForParentOutput,
        list_organizational_units_for_parent::ListOrganizationalUnitsForParentOutput,
    },
    types::{Account, AccountState, AccountStatus},
};

use super::{
    connect::Hub,
    error::CallError,
    session::{Attempt, Session},
};

/// A unit is nowhere deeper than this (User Guide, "Quotas": five levels); more would be a circle.
const DEEPEST: usize = 10;

/// An organization of the greatest size has 10,000 accounts, 20 a page; more pages would be a circle.
const MOST_PAGES: usize = 10_000;

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Twelve digits.
    pub id: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// Accounts that are suspended, closing or not yet open let no role be assumed.
    pub is_active: bool,
    /// The units that it is in, the root among them; `None` where nobody said.
    pub units: Option<Vec<Arc<str>>>,
}

struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Hub {
    /// Every account of the organization. `units` are those that the caller will ask for; where AWS does
    /// not tell an account's units, these are walked.
    ///
    /// # Errors
    /// When a page could not be had: a part of the list would look like closed accounts.
    pub async fn members(&self, session: &Session, units: &[&str]) -> Attempt<Vec<Member>> {
        let client = self.organizations();
        let ask = |token| async move {
            let request = client.list_accounts().set_next_token(token);
            session.call("ListAccounts", "", || request.clone().send(), accounts_page).await
        };
        let mut members = all_pages("ListAccounts", ask).await?;
        if members.is_empty() {
            return Err(CallError::invalid("ListAccounts", "", "no accounts, where one at least manages the others"));
        }
        if !units.is_empty() && members.iter().any(|member| member.units.is_none()) {
            let found = self.walk(session, units).await?;
            for member in &mut members {
                member.units = Some(found.get(&member.id).cloned().unwrap_or_default());
            }
        }
        members.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(members)
    }

    /// The accounts below each of these units, with all of these units that they are below.
    async fn walk(&self, session: &Session, units: &[&str]) -> Attempt<BTreeMap<Arc<str>, Vec<Arc<str>>>> {
        let mut found: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
        for top in units {
            let mut level = vec![(*top).to_owned()];
            for _ in 0..DEEPEST {
                let mut below = Vec::new();
                for unit in &level {
                    for member in self.accounts_in(session, unit).await? {
                        found.entry(member.id).or_default().push((*top).into());
                    }
                    below.extend(self.units_in(session, unit).await?);
                }
                level = below;
            }
        }
        Ok(found)
    }

    async fn accounts_in(&self, session: &Session, unit: &str) -> Attempt<Vec<Member>> {
        let client = self.organizations();
        let ask = |token| async move {
            let request = client.list_accounts_for_parent().parent_id(unit).set_next_token(token);
            let read = |answer: ListAccountsForParentOutput| {
                page("ListAccountsForParent", unit, answer.accounts, answer.next_token)
            };
            session.call("ListAccountsForParent", unit, || request.clone().send(), read).await
        };
        all_pages("ListAccountsForParent", ask).await
    }

    async fn units_in(&self, session: &Session, unit: &str) -> Attempt<Vec<String>> {
        let client = self.organizations();
        let ask = |token| async move {
            let request = client.list_organizational_units_for_parent().parent_id(unit).set_next_token(token);
            let read = |answer: ListOrganizationalUnitsForParentOutput| {
                let units = answer.organizational_units;
                let units = told("ListOrganizationalUnitsForParent", unit, units, answer.next_token.as_ref())?;
                Ok(Page { items: units.into_iter().filter_map(|unit| unit.id).collect(), next: answer.next_token })
            };
            session.call("ListOrganizationalUnitsForParent", unit, || request.clone().send(), read).await
        };
        all_pages("ListOrganizationalUnitsForParent", ask).await
    }
}

/// A page can be empty although there are more; only a missing token ends the list.
async fn all_pages<T, F>(operation: &'static str, ask: impl Fn(Option<String>) -> F) -> Attempt<Vec<T>>
where
    F: Future<Output = Attempt<Page<T>>>,
{
    let (mut all, mut token) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let page = ask(token).await?;
        all.extend(page.items);
        token = page.next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
    Err(CallError::invalid(operation, "", "a list without end"))
}

fn accounts_page(answer: ListAccountsOutput) -> Attempt<Page<Member>> {
    page("ListAccounts", "", answer.accounts, answer.next_token)
}

/// An answer without content is read as one by the SDK: a list that says neither what is on it nor that
/// there is more would be an organization without accounts.
fn told<T>(operation: &'static str, on: &str, list: Option<Vec<T>>, next: Option<&String>) -> Attempt<Vec<T>> {
    match (list, next) {
        (None, None) => Err(CallError::invalid(operation, on, "an answer that says nothing")),
        (list, _) => Ok(list.unwrap_or_default()),
    }
}

fn page(
    operation: &'static str,
    on: &str,
    accounts: Option<Vec<Account>>,
    next: Option<String>,
) -> Attempt<Page<Member>> {
    let accounts = told(operation, on, accounts, next.as_ref())?;
    let items = accounts.into_iter().map(member).collect::<Attempt<_>>()?;
    Ok(Page { items, next })
}

fn member(account: Account) -> Attempt<Member> {
    let is_active = is_active(&account);
    let Some(id) = account.id.filter(|id| crate::config::is_account_id(id)) else {
        return Err(CallError::invalid("ListAccounts", "", "an account without an id of twelve digits"));
    };
    let units = account.paths.filter(|paths| !paths.is_empty()).map(|paths| units_of(&paths));
    Ok(Member { id: id.into(), name: account.name.unwrap_or_default().into(), is_active, units })
}

/// A path is `o-…/r-…/ou-…/ACCOUNT/`, with a unit for every level.
fn units_of(paths: &[String]) -> Vec<Arc<str>> {
    let parts = paths.iter().flat_map(|path| path.split('/'));
    parts.filter(|part| part.starts_with("ou-") || part.starts_with("r-")).map(Into::into).collect()
}

/// `Status` is being retired in favour of `State` (API reference, `Account`).
fn is_active(account: &Account) -> bool {
    match (&account.state, &account.status) {
        (Some(state), _) => *state == AccountState::Active,
        (None, status) => *status == Some(AccountStatus::Active),
    }
}
