//! All that a check tells, whatever the format: accounts, keys with what is found of them, and gaps.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Gathered,
    controls::Control,
    finding::{Finding, Judge, Kind, Level},
    gap::{self, Gap},
};
use crate::{
    cli::{Benchmark, FailOn},
    config::{Config, PolicyLimits},
    inventory::{Account, LastUse, ROOT_USER, Status, Timestamp, User},
    key_ids::KeyIds,
    policy::{Policy, Verdict},
};

/// What is reported, and how it is judged.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// From when on the exit code is 1.
    pub fail_on: FailOn,
    /// Whose control numbers are named; empty for all.
    pub benchmarks: Vec<Benchmark>,
    /// For findings that name one.
    pub region: Arc<str>,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was read and nothing found.
    Clean,
    /// Everything was read and something found.
    Findings,
    /// Not everything could be read, so nobody can say that nothing is there.
    Incomplete,
}

/// What a check tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it was made.
    pub made_at: Timestamp,
    /// What keys are held to.
    pub limits: PolicyLimits,
    /// How it is judged.
    pub wanted: Wanted,
    /// By id.
    pub accounts: Vec<AccountLine>,
    /// Every key, and users with findings of their own; the gravest and earliest due first.
    pub rows: Vec<Row>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

/// An account that was to be read.
#[derive(Clone, Debug)]
pub struct AccountLine {
    /// Twelve digits.
    pub id: Arc<str>,
    /// What is known of it, if anything.
    pub known: Option<Arc<Account>>,
}

/// A key, or a user as a whole.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose it is.
    pub account: Arc<Account>,
    /// The user's name.
    pub user: Arc<str>,
    /// The user's path.
    pub path: Arc<str>,
    /// None: what is found concerns the user.
    pub key: Option<Key>,
    /// What is found.
    pub findings: Vec<Finding>,
}

/// A key as it is reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// As the configuration lets it be named.
    pub id: Arc<str>,
    /// Whether AWS accepts it.
    pub status: Status,
    /// When it was created.
    pub created: Timestamp,
    /// When it must be replaced; none for inactive and exempt ones.
    pub due: Option<Timestamp>,
    /// Until when it need not be, if that is yet to come.
    pub exempt_until: Option<Timestamp>,
    /// What AWS knows of its last use.
    pub last_use: LastUse,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts that were to be read.
    pub accounts: usize,
    /// Users in them.
    pub users: usize,
    /// Keys of users and of root users.
    pub keys: usize,
    /// Those that AWS accepts.
    pub active: usize,
    /// Those that need not be rotated for now.
    pub exempt: usize,
    /// Findings.
    pub findings: usize,
}

impl Report {
    /// Judges what was gathered.
    #[must_use]
    pub fn new(config: &Config, wanted: Wanted, gathered: &Gathered) -> Self {
        let (policy, ids, now) = (Policy::new(config), &config.labels.access_key_id, gathered.now);
        let judge = Judge { now, limits: config.policy.clone(), benchmarks: wanted.benchmarks.clone() };
        let accounts: Vec<AccountLine> = gathered.accounts().collect();
        let known = accounts.iter().filter_map(|line| line.known.as_ref());
        let mut rows: Vec<Row> = known.flat_map(|account| account_rows(account, &policy, ids, &judge)).collect();
        rows.sort_by_cached_key(Row::rank);
        let gaps = gap::find(config, gathered, &accounts);
        Self { made_at: now, limits: config.policy.clone(), wanted, accounts, rows, gaps }
    }

    /// What it comes to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if !self.gaps.is_empty() {
            Outcome::Incomplete
        } else if self.findings().any(|(_, finding)| self.fails(finding)) {
            Outcome::Findings
        } else {
            Outcome::Clean
        }
    }

    /// Whether this makes the check fail.
    #[must_use]
    pub fn fails(&self, finding: &Finding) -> bool {
        finding.kind.level().fails(self.wanted.fail_on)
    }

    /// Everything that is found, with whose it is.
    pub fn findings(&self) -> impl Iterator<Item = (&Row, &Finding)> {
        self.rows.iter().flat_map(|row| row.findings.iter().map(move |finding| (row, finding)))
    }

    /// The controls that are broken, each with how many findings break it.
    #[must_use]
    pub fn controls(&self) -> BTreeMap<Control, usize> {
        let mut controls = BTreeMap::new();
        let broken = self.findings().flat_map(|(_, finding)| &finding.controls);
        broken.for_each(|control| *controls.entry(*control).or_default() += 1);
        controls
    }

    /// Findings of this kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.findings().filter(|(_, finding)| finding.kind == kind).count()
    }

    /// How many there are of everything.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let keys = || self.rows.iter().filter_map(|row| row.key.as_ref());
        let users = self.accounts.iter().filter_map(|line| line.known.as_ref()).map(|account| account.users.len());
        Counts {
            accounts: self.accounts.len(),
            users: users.sum(),
            keys: keys().count(),
            active: keys().filter(|key| key.status.is_active()).count(),
            exempt: keys().filter(|key| key.exempt_until.is_some()).count(),
            findings: self.findings().count(),
        }
    }

    /// Whether nothing of this account is left unknown.
    #[must_use]
    pub fn is_complete(&self, id: &str) -> bool {
        self.gaps_of(Some(id)).next().is_none()
    }

    /// Accounts of which something is not known.
    #[must_use]
    pub fn incomplete_accounts(&self) -> usize {
        self.accounts.iter().filter(|line| !self.is_complete(&line.id)).count()
    }

    /// The gaps of this account; of none in particular where there is no id.
    pub fn gaps_of<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a Gap> + 'a {
        self.gaps.iter().filter(move |gap| gap.account.as_deref() == id)
    }
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Incomplete => 2,
        }
    }
}

impl Row {
    /// The gravest comes first, of equally grave ones the one that is or was due first.
    fn rank(&self) -> impl Ord + use<> {
        let level = self.level();
        let key = self.key.as_ref();
        let due = key.and_then(|key| key.due.or(key.exempt_until)).unwrap_or(Timestamp::MAX);
        let id = key.map(|key| key.id.clone());
        (level.is_none(), level, due, self.account.id.clone(), self.user.clone(), id)
    }

    /// The gravest of what is found.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.kind.level()).min()
    }

    /// The ARN of the user.
    #[must_use]
    pub fn user_arn(&self) -> String {
        let Account { id, partition, .. } = &*self.account;
        match &*self.user {
            ROOT_USER => format!("arn:{partition}:iam::{id}:root"),
            user => format!("arn:{partition}:iam::{id}:user{}{user}", self.path),
        }
    }
}

fn account_rows(account: &Arc<Account>, policy: &Policy, ids: &KeyIds, judge: &Judge) -> Vec<Row> {
    let users = account.users.iter().chain([&account.root]);
    let rows = users.flat_map(|user| user_rows(account, user, (&policy.of(&account.id, user), ids), judge));
    rows.chain(nameless_root_key(account, judge)).collect()
}

fn user_rows(account: &Arc<Account>, user: &User, (verdict, ids): (&Verdict<'_>, &KeyIds), judge: &Judge) -> Vec<Row> {
    let row = |key, findings| Row {
        account: account.clone(),
        user: user.name.clone(),
        path: user.path.clone(),
        key,
        findings,
    };
    let keys = user.keys.iter().zip(ids.of(user)).map(|(key, id)| {
        let is_active = key.status.is_active();
        let exempt_until = verdict.exempt_until().filter(|until| is_active && *until > judge.now);
        let due = (is_active && exempt_until.is_none()).then(|| verdict.overdue_after(key.created));
        let (id, last_use) = (id.into(), key.last_use.clone());
        let key = Key { id, status: key.status, created: key.created, due, exempt_until, last_use };
        let findings = judge.key(user, &key);
        row(Some(key), findings)
    });
    let mut rows: Vec<Row> = keys.collect();
    let findings = judge.user(user, verdict);
    rows.extend((!findings.is_empty()).then(|| row(None, findings)));
    rows
}

/// A root key that AWS counts and no report has told of yet.
fn nameless_root_key(account: &Arc<Account>, judge: &Judge) -> Option<Row> {
    let present = account.root_keys_present.unwrap_or_default();
    let told = u32::try_from(account.root.keys.len()).unwrap_or(u32::MAX);
    let missing = present.checked_sub(told).filter(|missing| *missing > 0)?;
    let User { name, path, .. } = account.root.clone();
    Some(Row { account: account.clone(), user: name, path, key: None, findings: vec![judge.root_key(missing)] })
}
