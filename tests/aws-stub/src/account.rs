//! One AWS account: its users, its root, its stored report, its quota.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::time::Instant;

use crate::bucket::Bucket;
use crate::ids;
use crate::parameters::Parameter;
use crate::report::Shelf;
use crate::secrets::Secret;
use crate::user::{Key, Password, User};

/// What a new account and a new user have as their birthday: 2020-01-01.
const LONG_AGO: i64 = 1_577_836_800;

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// The name that Organizations knows.
    pub name: String,
    /// The address that Organizations knows.
    pub email: String,
    /// When the account was created, in Unix seconds.
    pub created: i64,
    /// The `State` that Organizations tells; only `ACTIVE` accounts let a role be assumed.
    pub state: String,
    /// The organizational unit, or the root if there is none.
    pub parent: Option<String>,
    /// Whether the account is in the organization.
    pub member: bool,
    /// Users by name.
    pub users: BTreeMap<String, User>,
    /// Access keys of the root user.
    pub root_keys: Vec<Key>,
    /// The root user's password.
    pub root_password: Option<Password>,
    /// Whether the root user has a multi-factor device.
    pub root_mfa_active: bool,
    /// The account alias.
    pub alias: Option<String>,
    /// How many keys `CreateAccessKey` allows each user.
    pub keys_per_user: usize,
    /// Names of the roles that can be assumed; `None` for any.
    pub assumable: Option<BTreeSet<String>>,
    /// The external id that `AssumeRole` must bring.
    pub external_id: Option<String>,
    /// How many questions an ordered report stays in progress for.
    pub report_delay: u32,
    /// Secrets of Secrets Manager by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Parameters of Systems Manager by name.
    pub parameters: BTreeMap<String, Parameter>,
    pub(crate) reports: Shelf,
    bucket: Option<Bucket>,
    owners: HashMap<String, String>,
}

impl Account {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            partition: "aws".to_owned(),
            name: format!("account-{id}"),
            email: format!("aws+{id}@example.com"),
            created: LONG_AGO,
            state: "ACTIVE".to_owned(),
            parent: None,
            member: true,
            users: BTreeMap::new(),
            root_keys: Vec::new(),
            root_password: None,
            root_mfa_active: false,
            alias: None,
            keys_per_user: 2,
            assumable: None,
            external_id: None,
            report_delay: 0,
            secrets: BTreeMap::new(),
            parameters: BTreeMap::new(),
            reports: Shelf::default(),
            bucket: None,
            owners: HashMap::new(),
        }
    }

    /// The user of this name, created with path `/` if there is none.
    pub fn user(&mut self, name: &str) -> &mut User {
        let id = &self.id;
        self.users
            .entry(name.to_owned())
            .or_insert_with(|| User::new(name, ids::user_id(ids::seed_of(&[id, name])), LONG_AGO))
    }

    /// Forgets a user and its keys.
    pub fn remove_user(&mut self, name: &str) {
        self.users.remove(name);
    }

    /// Answers `Throttling` to IAM calls beyond this rate. It runs by real time, not by the stub's clock.
    pub fn set_quota(&mut self, requests_per_second: f64, burst: u32) {
        self.bucket = Some(Bucket::new(requests_per_second, burst, Instant::now()));
    }

    /// Lets every call through again.
    pub fn clear_quota(&mut self) {
        self.bucket = None;
    }

    /// Replaces the stored credential report by one of this moment.
    pub fn regenerate_report(&mut self, now: i64) {
        let content = crate::report::render(self);
        self.reports = Shelf::holding(now, content);
    }

    /// Forgets the stored credential report, as if none had ever been ordered.
    pub fn forget_report(&mut self) {
        self.reports = Shelf::default();
    }

    /// Deactivates the oldest active key of a user and adds a fresh one, and stays within two keys.
    /// Answers the two ids: the old one if there was one, and the new one.
    pub fn rotate(&mut self, name: &str, new_id: &str, now: i64) -> (Option<String>, String) {
        let user = self.user(name);
        let oldest = user.keys.iter_mut().filter(|key| key.active).min_by_key(|key| key.created);
        let old = oldest.map(|key| key.deactivate().id.clone());
        while user.keys.len() > 1 {
            let spare = user.keys.iter().filter(|key| !key.active);
            let order = |key: &&Key| (Some(&key.id) == old.as_ref(), key.created);
            let Some(id) = spare.min_by_key(order).map(|key| key.id.clone()) else { break };
            user.remove_key(&id);
        }
        user.key(new_id, now);
        (old, new_id.to_owned())
    }

    pub(crate) fn within_quota(&mut self) -> bool {
        self.bucket.as_mut().is_none_or(|bucket| bucket.take(Instant::now()))
    }

    /// The user that has this key. The index is only a hint, since users can be changed from outside.
    pub(crate) fn owner(&mut self, key_id: &str) -> Option<&mut User> {
        if !self.owns(key_id) {
            let mut keys = self.users.values().flat_map(|user| &user.keys);
            keys.find(|key| key.id == key_id)?;
            let pairs =
                self.users.values().flat_map(|user| user.keys.iter().map(|key| (key.id.clone(), user.name.clone())));
            self.owners = pairs.collect();
        }
        let name = self.owners.get(key_id)?;
        self.users.get_mut(name)
    }

    fn owns(&self, key_id: &str) -> bool {
        let user = self.owners.get(key_id).and_then(|name| self.users.get(name));
        user.is_some_and(|user| user.keys.iter().any(|key| key.id == key_id))
    }
}
