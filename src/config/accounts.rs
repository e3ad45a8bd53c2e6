//! Which accounts are read, and through what.

use std::{sync::Arc, time::Duration};

use wildmatch::WildMatch;

use super::{
    section::Section,
    value::{ACCOUNT_FILTER, EXTERNAL_ID, NAME, REFRESH, ROLE_ARN, ROLE_NAME},
};

/// An account named in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// How it is reached.
    pub through: Through,
    /// What people call it.
    pub name: Option<Arc<str>>,
}

/// How a listed account is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Through {
    /// A role in it, which the exporter's own credentials may assume.
    Role(Role),
    /// A profile of the AWS configuration files.
    Profile(Arc<str>),
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Which.
    pub arn: RoleArn,
    /// The secret handshake that the role may ask for.
    pub external_id: Option<Arc<str>>,
}

/// The ARN of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn {
    /// As written.
    pub text: Arc<str>,
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: Arc<str>,
    /// Twelve digits.
    pub account: Arc<str>,
}

/// An organization whose accounts are found by asking.
#[derive(Clone, Debug, PartialEq)]
pub struct Organization {
    /// The role in every account.
    pub role_name: String,
    /// What that role asks for.
    pub external_id: Option<Arc<str>>,
    /// Only these accounts; all where empty.
    pub include: Vec<AccountFilter>,
    /// But not these.
    pub exclude: Vec<AccountFilter>,
    /// How often the list of accounts is asked for.
    pub refresh_interval: Duration,
}

/// Picks accounts of an organization.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountFilter {
    /// This one.
    Id(Arc<str>),
    /// Those in this unit or root, and in all units below it.
    Unit(Arc<str>),
    /// Those of this name; `*` stands for any characters, `?` for one.
    Name(WildMatch),
}

impl RoleArn {
    /// Takes an ARN apart.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else { return None };
        let is_role = resource.strip_prefix("role/").is_some_and(|name| !name.is_empty());
        let is_whole = is_account_id(account) && partition.starts_with("aws") && is_role;
        is_whole.then(|| Self { text: text.into(), partition: partition.into(), account: account.into() })
    }
}

impl AccountFilter {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            id if is_account_id(id) => Self::Id(id.into()),
            unit if unit.starts_with("ou-") || unit.starts_with("r-") => Self::Unit(unit.into()),
            name => Self::Name(WildMatch::new(name)),
        }
    }
}

/// Whether this is an account id.
#[must_use]
pub fn is_account_id(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn listed(section: &mut Section<'_>) -> Option<ListedAccount> {
    let (mut arn, mut external_id, mut name, mut profile) = (None, None, None, None);
    section.set_some("role_arn", &ROLE_ARN, &mut arn);
    section.set_some("external_id", &EXTERNAL_ID, &mut external_id);
    section.set_some("name", &NAME, &mut name);
    section.set_some("profile", &NAME, &mut profile);
    let through = match (arn, profile) {
        (Some(arn), None) => Through::Role(Role { arn, external_id: external_id.map(Into::into) }),
        (None, Some(profile)) => Through::Profile(profile.into()),
        (both, _) => {
            if both.is_some() || section.place(&["role_arn", "profile"]).is_none() {
                let found = if both.is_some() { "both" } else { "neither" };
                section.refuse_whole(&format!("found {found}, allowed is either role_arn or profile"));
            }
            return None;
        }
    };
    Some(ListedAccount { through, name: name.map(Into::into) })
}

pub(super) fn organization(section: &mut Section<'_>) -> Option<Organization> {
    let (mut role_name, mut external_id) = (None, None);
    let mut refresh_interval = Duration::from_hours(1);
    section.set_some("role_name", &ROLE_NAME, &mut role_name);
    section.set_some("external_id", &EXTERNAL_ID, &mut external_id);
    section.set("refresh_interval", &REFRESH, &mut refresh_interval);
    let include = section.list("include", &ACCOUNT_FILTER).into_iter().map(|(_, filter)| filter).collect();
    let exclude = section.list("exclude", &ACCOUNT_FILTER).into_iter().map(|(_, filter)| filter).collect();
    section.demand("role_name");
    Some(Organization {
        role_name: role_name?,
        external_id: external_id.map(Into::into),
        include,
        exclude,
        refresh_interval,
    })
}
