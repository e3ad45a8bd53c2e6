//! What the filters offer, and what is said where a filter finds nothing.

use std::sync::Arc;

use super::{
    query::{Query, shortened},
    survey::{Entry, same},
};

/// How many accounts and owners are offered while one types.
const OFFERED: usize = 300;

/// How many names are proposed in place of one that there is not.
const PROPOSED: usize = 5;

/// What there is to choose from.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) accounts: Vec<(&'a str, &'a str)>,
    pub(super) owners: Vec<&'a str>,
}

/// A sentence about what was asked for, and addresses of what may have been meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) proposals: Vec<(String, String)>,
}

impl<'a> Options<'a> {
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        let accounts = entries.iter().map(|entry| (&*entry.id, entry.name().unwrap_or_default()));
        Self { accounts: accounts.collect(), owners: owners(entries) }
    }

    /// What has to be said of the filters.
    pub(super) fn notices(&self, entries: &[Entry], query: &Query, has_owners: bool) -> Vec<Notice> {
        let said = query.notices.iter().map(|text| Notice { text: text.clone(), ..Notice::default() });
        said.chain(self.unknown_account(entries, query)).chain(self.unknown_owner(query, has_owners)).collect()
    }

    /// Few enough to be sent each time.
    pub(super) fn offered(mut self) -> Self {
        self.accounts.truncate(OFFERED);
        self.owners.truncate(OFFERED);
        self
    }

    fn unknown_account(&self, entries: &[Entry], query: &Query) -> Option<Notice> {
        let asked = &query.account;
        if asked.is_empty() || entries.iter().any(|entry| entry.is_called(asked)) {
            return None;
        }
        let alike = self.accounts.iter().filter(|(id, name)| is_alike(id, asked) || is_alike(name, asked));
        let shown = |(id, name): &(&str, &str)| match *name {
            "" => (*id).to_owned(),
            name => format!("{name} ({id})"),
        };
        let proposals =
            alike.map(|account| (shown(account), Query { account: account.0.to_owned(), ..bare(query) }.href()));
        let text = format!("No account is called “{}”.", shortened(asked));
        Some(Notice { text, proposals: proposals.take(PROPOSED).collect() })
    }

    fn unknown_owner(&self, query: &Query, has_owners: bool) -> Option<Notice> {
        let asked = &query.owner;
        if asked.is_empty() || self.owners.iter().any(|owner| same(owner, asked)) {
            return None;
        }
        if !has_owners {
            let text = "No tag says who owns a key: name one in labels.user_tags of the configuration.".to_owned();
            return Some(Notice { text, proposals: Vec::new() });
        }
        let alike = self.owners.iter().filter(|owner| is_alike(owner, asked)).take(PROPOSED);
        let proposals =
            alike.map(|owner| ((*owner).to_owned(), Query { owner: (*owner).to_owned(), ..bare(query) }.href()));
        let text = format!("No owner is called “{}”.", shortened(asked));
        Some(Notice { text, proposals: proposals.collect() })
    }
}

fn bare(query: &Query) -> Query {
    Query { page: 1, accounts_page: 1, notices: Vec::new(), ..query.clone() }
}

fn is_alike(name: &str, asked: &str) -> bool {
    !name.is_empty() && name.to_lowercase().contains(&asked.to_lowercase())
}

fn owners(entries: &[Entry]) -> Vec<&str> {
    let judged = entries.iter().filter_map(|entry| entry.judged.as_ref());
    let mut owners: Vec<&str> = judged.flat_map(|judged| &*judged.owners).map(Arc::as_ref).collect();
    owners.sort_unstable();
    owners.dedup();
    owners.retain(|owner| !owner.is_empty());
    owners
}
