//! Everything that is true in the stub's AWS, and what is going wrong in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use crate::account::Account;
use crate::call::Call;
use crate::fault::{Fault, Rule};
use crate::ids;
use crate::organization::Organization;
use crate::stub::Moment;

/// The account of callers whose key no `AssumeRole` has given out.
pub const DEFAULT_ACCOUNT: &str = "111122223333";

/// All accounts, the organization, the faults, the counts and the clock.
#[derive(Debug)]
pub struct Cloud {
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) organization: Organization,
    pub(crate) rules: Vec<Rule>,
    pub(crate) latency: Duration,
    pub(crate) page_size: Option<usize>,
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) session_seconds: Option<i64>,
    pub(crate) refused_keys: BTreeSet<String>,
    pub(crate) told: BTreeSet<String>,
    freeze: Option<Freeze>,
    frozen: Option<String>,
    pub(crate) thawed: Arc<Notify>,
    late: u32,
    refusals: HashMap<String, u32>,
    homes: HashMap<String, String>,
    counts: BTreeMap<String, BTreeMap<String, u64>>,
    clock: Option<i64>,
    serial: u64,
}

/// Which call is to wait.
#[derive(Debug)]
struct Freeze {
    /// Any if there is none.
    action: Option<String>,
    /// Of these calls, counted from one.
    number: u64,
    moment: Moment,
}

/// Credentials given out by `AssumeRole`.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) expires: i64,
}

impl Default for Cloud {
    fn default() -> Self {
        Self {
            accounts: BTreeMap::from([(DEFAULT_ACCOUNT.to_owned(), Account::new(DEFAULT_ACCOUNT))]),
            organization: Organization::new(DEFAULT_ACCOUNT),
            rules: Vec::new(),
            latency: Duration::ZERO,
            page_size: None,
            sessions: HashMap::new(),
            session_seconds: None,
            refused_keys: BTreeSet::new(),
            told: BTreeSet::new(),
            freeze: None,
            frozen: None,
            thawed: Arc::default(),
            late: 0,
            refusals: HashMap::new(),
            homes: HashMap::new(),
            counts: BTreeMap::new(),
            clock: None,
            serial: 0,
        }
    }
}

impl Cloud {
    /// Stops the clock at a moment, or lets it run in real time.
    pub fn set_now(&mut self, unix_seconds: Option<i64>) {
        self.clock = unix_seconds;
    }

    /// Sessions last this long whatever is asked for: where the clock runs fast, an hour can end within a poll.
    pub fn set_session_seconds(&mut self, seconds: i64) {
        self.session_seconds = Some(seconds);
    }

    /// The clock, in Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.unwrap_or_else(real_time)
    }

    /// Every secret and session token that was given out.
    #[must_use]
    pub fn secrets_told(&self) -> &BTreeSet<String> {
        &self.told
    }

    /// An account, created on first use.
    pub fn account(&mut self, id: &str) -> &mut Account {
        self.accounts.entry(id.to_owned()).or_insert_with(|| Account::new(id))
    }

    /// The account of callers with ordinary keys.
    pub fn default_account(&mut self) -> &mut Account {
        self.account(DEFAULT_ACCOUNT)
    }

    /// Forgets an account.
    pub fn remove_account(&mut self, id: &str) {
        self.accounts.remove(id);
    }

    /// The organization.
    pub fn organization(&mut self) -> &mut Organization {
        &mut self.organization
    }

    /// Lets an action go wrong in every account until faults are cleared; `*` is every action.
    /// Of several faults that match, the one that was set first happens.
    pub fn fault(&mut self, action: &str, fault: Fault) {
        self.add_rule(None, action, fault, None);
    }

    /// Lets an action go wrong so many times.
    pub fn fault_times(&mut self, action: &str, fault: Fault, times: u32) {
        self.add_rule(None, action, fault, Some(times));
    }

    /// Lets an action go wrong in one account. `AssumeRole` belongs to the account that it comes from
    /// as well as to the one that it goes to.
    pub fn fault_in(&mut self, account: &str, action: &str, fault: Fault) {
        self.add_rule(Some(account), action, fault, None);
    }

    /// Lets an action go wrong in one account so many times.
    pub fn fault_in_times(&mut self, account: &str, action: &str, fault: Fault, times: u32) {
        self.add_rule(Some(account), action, fault, Some(times));
    }

    pub(crate) fn add_rule(&mut self, account: Option<&str>, action: &str, fault: Fault, left: Option<u32>) {
        let account = account.map(str::to_owned);
        self.rules.push(Rule { account, action: action.to_owned(), fault, left });
    }

    /// Lets everything go well again.
    pub fn clear_faults(&mut self) {
        self.rules.clear();
    }

    /// Takes nothing any more that is signed with this key.
    pub fn refuse_key(&mut self, key_id: &str) {
        self.refused_keys.insert(key_id.to_owned());
    }

    /// Lets every key be unknown to STS the first so many times that it is asked about.
    pub fn refuse_new_keys(&mut self, times: u32) {
        self.late = times;
    }

    /// Whether STS has not heard of the key yet; only of keys that were made here.
    pub(crate) fn is_still_unknown(&mut self, key_id: &str) -> bool {
        let mut keys = self.accounts.values().flat_map(|account| account.users.values()).flat_map(|user| &user.keys);
        if !keys.any(|key| key.id == key_id && key.secret.is_some()) {
            return false;
        }
        let asked = self.refusals.entry(key_id.to_owned()).or_default();
        *asked += 1;
        *asked <= self.late
    }

    /// Lets the call with this number, counted from now and from one, wait until it is thawed, before it is
    /// performed or after. What is asked after that is answered as ever.
    pub fn freeze(&mut self, number: u64, moment: Moment) {
        self.frozen = None;
        self.freeze = Some(Freeze { action: None, number, moment });
    }

    /// As `freeze`, for the first call of this action from now on.
    pub fn freeze_at(&mut self, action: &str, moment: Moment) {
        self.frozen = None;
        self.freeze = Some(Freeze { action: Some(action.to_owned()), number: 1, moment });
    }

    /// The action of the call that is frozen.
    #[must_use]
    pub fn frozen(&self) -> Option<&str> {
        self.frozen.as_deref()
    }

    /// Lets the frozen call go on, and no other freeze.
    pub fn thaw(&mut self) {
        self.freeze = None;
        self.frozen = None;
        self.thawed.notify_waiters();
    }

    /// Whether this call is the one, and at which moment it freezes.
    pub(crate) fn freezes(&mut self, action: &str) -> Option<Moment> {
        let freeze = self.freeze.as_mut()?;
        if freeze.action.as_deref().is_some_and(|meant| meant != action) {
            return None;
        }
        freeze.number -= 1;
        let moment = freeze.moment;
        if freeze.number > 0 {
            return None;
        }
        self.freeze = None;
        self.frozen = (moment == Moment::Before).then(|| action.to_owned());
        Some(moment)
    }

    pub(crate) fn is_frozen_now(&mut self, action: &str) {
        self.frozen = Some(action.to_owned());
    }

    /// Says that this key belongs to an account other than the default one.
    pub fn owner_of_key(&mut self, key_id: &str, account: &str) {
        self.homes.insert(key_id.to_owned(), account.to_owned());
    }

    /// Requests by action, of all accounts.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for (action, count) in self.counts.values().flatten() {
            *sum.entry(action.clone()).or_default() += count;
        }
        sum
    }

    /// Requests by action, of one account. `AssumeRole` counts for the account that it comes from.
    #[must_use]
    pub fn calls_of(&self, account: &str) -> BTreeMap<String, u64> {
        self.counts.get(account).cloned().unwrap_or_default()
    }

    /// All requests.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        self.counts.values().flat_map(BTreeMap::values).sum()
    }

    /// Starts counting again.
    pub fn reset_calls(&mut self) {
        self.counts.clear();
    }

    pub(crate) fn count(&mut self, account: &str, action: &str) {
        let counts = self.counts.entry(account.to_owned()).or_default();
        *counts.entry(action.to_owned()).or_default() += 1;
    }

    /// Lets every answer wait so long.
    pub fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// Makes pages no larger than this, although `MaxItems` allows more.
    pub fn set_page_size(&mut self, most: usize) {
        self.page_size = Some(most.max(1));
    }

    /// Deactivates the oldest active key of a user and adds a fresh one.
    /// Answers the two ids, the old one if there was one.
    pub fn rotate(&mut self, account: &str, user: &str) -> (Option<String>, String) {
        let (seed, now) = (self.next_seed(), self.now());
        self.account(account).rotate(user, &ids::key_id(seed), now)
    }

    /// The session behind the key of a call, if it has one.
    pub(crate) fn session(&self, call: &Call) -> Option<&Session> {
        self.sessions.get(call.key_id.as_ref()?)
    }

    /// The account that a call belongs to.
    pub(crate) fn caller_account(&self, call: &Call) -> String {
        let session = self.session(call).map(|session| session.account.as_str());
        let home = || self.homes.get(call.key_id.as_ref()?).map(String::as_str);
        session.or_else(home).unwrap_or(DEFAULT_ACCOUNT).to_owned()
    }

    pub(crate) fn next_seed(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

#[expect(clippy::disallowed_methods, reason = "the stub's one reading of the real clock")]
fn real_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_can_be_stopped() {
        let mut cloud = Cloud::default();
        assert!(cloud.now() > 1_700_000_000);
        cloud.set_now(Some(5));
        assert_eq!(cloud.now(), 5);
    }

    #[test]
    fn calls_are_summed_over_accounts() {
        let mut cloud = Cloud::default();
        cloud.count("1", "ListUsers");
        cloud.count("2", "ListUsers");
        assert_eq!(cloud.calls()["ListUsers"], 2);
        assert_eq!(cloud.calls_of("1")["ListUsers"], 1);
        assert_eq!(cloud.total_calls(), 2);
        cloud.reset_calls();
        assert_eq!(cloud.total_calls(), 0);
    }

    #[test]
    fn rotation_stays_within_two_keys() {
        let mut cloud = Cloud::default();
        let user = cloud.default_account().user("ci");
        user.key("AKIA1", 10);
        user.key("AKIA2", 20);
        let (old, new) = cloud.rotate(DEFAULT_ACCOUNT, "ci");
        assert_eq!(old.as_deref(), Some("AKIA1"));
        let keys = &cloud.default_account().users["ci"].keys;
        let ids: Vec<_> = keys.iter().map(|key| key.id.as_str()).collect();
        assert_eq!(ids, ["AKIA2", new.as_str()]);
    }
}
