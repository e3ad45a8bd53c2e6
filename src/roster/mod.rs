//! Which accounts are read: the own one, those in the file, those of the organization.
//!
//! Pure; `directory` asks AWS who there is.

mod directory;

use std::{collections::BTreeMap, sync::Arc};

pub use directory::{Changes, Directory, Hubs, Roster};

use crate::{
    aws::{Caller, Member},
    config::{AccountFilter, ListedAccount, Organization, Role, RoleArn, Through},
};

/// One account to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Twelve digits.
    pub account: Arc<str>,
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: Arc<str>,
    /// What people call it.
    pub name: Option<Arc<str>>,
    /// How it is reached.
    pub door: Door,
}

/// How an account is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// With the exporter's own credentials.
    Own,
    /// Through a role in it.
    Role(Role),
    /// With the credentials of a profile.
    Profile(Arc<str>),
}

/// Which part of all accounts this process reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From zero.
    pub number: u32,
    /// How many processes share the work.
    pub total: u32,
}

impl Default for Shard {
    /// All accounts.
    fn default() -> Self {
        Self { number: 0, total: 1 }
    }
}

impl Shard {
    /// Whether this account belongs to this part. Depends on nothing but the account's id.
    #[must_use]
    pub fn has(self, account: &str) -> bool {
        spread(account) % u64::from(self.total) == u64::from(self.number)
    }
}

/// A number for an account that is the same in every process and every version (FNV-1a).
#[must_use]
pub fn spread(account: &str) -> u64 {
    account.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What is known of who there is.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// Whose the exporter's own credentials are.
    pub own: Option<&'a Caller>,
    /// Whose the credentials of each profile are.
    pub profiles: BTreeMap<Arc<str>, Caller>,
    /// The organization's accounts.
    pub members: &'a [Member],
}

/// The accounts to be read, by id. An account that is listed is not looked for elsewhere.
#[must_use]
pub fn targets(sources: &Sources, known: &Known<'_>) -> BTreeMap<Arc<str>, Target> {
    let mut targets = BTreeMap::new();
    let all = listed(sources, known).chain(own(sources, known)).chain(members(sources, known));
    for target in all.filter(|target| sources.shard.has(&target.account)) {
        targets.entry(target.account.clone()).or_insert(target);
    }
    targets
}

/// Where accounts come from, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// Whether the own account is read.
    pub own_account: bool,
    /// Those in the file.
    pub listed: Vec<ListedAccount>,
    /// The organization.
    pub organization: Option<Organization>,
    /// This process's part of all.
    pub shard: Shard,
}

impl Default for Sources {
    /// The own account alone.
    fn default() -> Self {
        Self { own_account: true, listed: Vec::new(), organization: None, shard: Shard::default() }
    }
}

fn listed<'a>(sources: &'a Sources, known: &'a Known<'_>) -> impl Iterator<Item = Target> + 'a {
    sources.listed.iter().filter_map(|entry| {
        let (account, partition, door) = match &entry.through {
            Through::Role(role) => (role.arn.account.clone(), role.arn.partition.clone(), Door::Role(role.clone())),
            Through::Profile(profile) => {
                let caller = known.profiles.get(profile)?.clone();
                (caller.account, caller.partition, Door::Profile(profile.clone()))
            }
        };
        Some(Target { account, partition, name: entry.name.clone(), door })
    })
}

/// Included unless it is excluded by its id, its name or its unit; no list of others to include leaves it out.
fn own<'a>(sources: &'a Sources, known: &'a Known<'_>) -> impl Iterator<Item = Target> + 'a {
    known.own.into_iter().filter(|_| sources.own_account).filter_map(|caller| {
        let member = known.members.iter().find(|member| member.id == caller.account);
        let alone = Member { id: caller.account.clone(), name: "".into(), is_active: true, units: None };
        let exclude = sources.organization.iter().flat_map(|organization| &organization.exclude);
        let is_excluded = exclude.into_iter().any(|filter| matches(filter, member.unwrap_or(&alone)));
        let Caller { account, partition, .. } = caller.clone();
        (!is_excluded).then(|| Target { account, partition, name: member.and_then(named), door: Door::Own })
    })
}

fn members<'a>(sources: &'a Sources, known: &'a Known<'_>) -> impl Iterator<Item = Target> + 'a {
    let both = sources.organization.as_ref().zip(known.own);
    both.into_iter().flat_map(|(organization, own)| {
        let others = known.members.iter().filter(|member| member.is_active && member.id != own.account);
        let wanted = others.filter(|member| is_wanted(organization, member));
        wanted.map(|member| Target {
            account: member.id.clone(),
            partition: own.partition.clone(),
            name: named(member),
            door: Door::Role(role_in(organization, own, member)),
        })
    })
}

fn named(member: &Member) -> Option<Arc<str>> {
    (!member.name.is_empty()).then(|| member.name.clone())
}

fn role_in(organization: &Organization, own: &Caller, member: &Member) -> Role {
    let (partition, account) = (own.partition.clone(), member.id.clone());
    let text = format!("arn:{partition}:iam::{account}:role/{}", organization.role_name).into();
    Role { arn: RoleArn { text, partition, account }, external_id: organization.external_id.clone() }
}

/// Units, and some names, are not told of accounts that were known before; they were, because they were wanted.
fn is_wanted(organization: &Organization, member: &Member) -> bool {
    let Organization { include, exclude, .. } = organization;
    let unknown = |filter: &AccountFilter| match filter {
        AccountFilter::Id(_) => false,
        AccountFilter::Unit(_) => member.units.is_none(),
        AccountFilter::Name(_) => member.units.is_none() && member.name.is_empty(),
    };
    let is_included = include.is_empty() || include.iter().any(|filter| matches(filter, member) || unknown(filter));
    is_included && !exclude.iter().any(|filter| matches(filter, member))
}

fn matches(filter: &AccountFilter, member: &Member) -> bool {
    match filter {
        AccountFilter::Id(id) => *id == member.id,
        AccountFilter::Unit(unit) => member.units.as_ref().is_some_and(|units| units.contains(unit)),
        AccountFilter::Name(pattern) => pattern.matches(&member.name),
    }
}

#[cfg(test)]
mod tests;
