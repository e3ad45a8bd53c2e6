//! The promise at the heart of it: what the page says of overdue keys is what AWS has.
//!
//! Random accounts go through random changes, faults and restarts. The real poller asks the
//! stub through the real SDK, without sockets and with paused time, so that hours of back-off
//! pass at once. Every failure prints its seed; `TRUTH_SEED=n` runs that one alone and
//! `TRUTH_SEQUENCES=n` sets how many are run.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::catch_unwind,
    thread,
    time::Duration,
};

use crate::in_process::{ACCOUNT, DAY, MAX_AGE, POLL, Watch, now};
use aws_stub::{Fault, Key, Stub};
use fastrand::Rng;
use iam_key_exporter::state::StateDir;

const REPORT_LIFETIME: i64 = 4 * 3600;
const ACTIONS: [&str; 9] = [
    "ListUsers",
    "ListAccessKeys",
    "GetAccessKeyLastUsed",
    "GenerateCredentialReport",
    "GetCredentialReport",
    "GetAccountAuthorizationDetails",
    "ListUserTags",
    "GetAccountSummary",
    "*",
];

/// Keys by id: the user, the creation, whether active.
type Keys = BTreeMap<String, (String, i64, bool)>;

struct World {
    rng: Rng,
    stub: Stub,
    state: tempfile::TempDir,
    watch: Watch,
    names: u32,
    /// When keys were last switched on again, by id.
    reactivated: BTreeMap<String, i64>,
}

#[test]
fn the_page_is_true_of_overdue_keys_within_one_poll_whatever_happens() {
    let chosen = number("TRUTH_SEED");
    let sequences = number("TRUTH_SEQUENCES").unwrap_or(500);
    let seeds: Vec<u64> = chosen.map_or_else(|| (0..sequences).collect(), |seed| vec![seed]);
    let half = seeds.len().div_ceil(2);
    thread::scope(|scope| seeds.chunks(half).for_each(|seeds| drop(scope.spawn(|| run_all(seeds)))));
}

fn run_all(seeds: &[u64]) {
    for &seed in seeds {
        let ran = catch_unwind(|| crate::in_process::run(sequence(seed)));
        assert!(ran.is_ok(), "sequence failed; run it alone with TRUTH_SEED={seed}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own parameters")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn sequence(seed: u64) {
    let mut world = World::new(seed).await;
    world.poll_and_judge().await;
    for _ in 0..world.rng.u32(4..14) {
        world.step().await;
    }
    world.settle().await;
}

impl World {
    async fn new(seed: u64) -> Self {
        let stub = Stub::unbound();
        let state = tempfile::tempdir().unwrap();
        let watch = Watch::new(&stub, Some(StateDir::open(state.path()).unwrap())).await;
        let (rng, reactivated) = (Rng::with_seed(seed), BTreeMap::new());
        let mut world = Self { rng, stub, state, watch, names: 0, reactivated };
        for _ in 0..world.rng.u32(1..9) {
            let user = world.add_user();
            world.add_old_keys(&user);
        }
        if world.rng.bool() {
            world.stub.cloud().set_page_size(world.rng.usize(1..4));
        }
        world
    }

    fn add_user(&mut self) -> String {
        self.names += 1;
        let name = format!("user-{}", self.names);
        self.stub.cloud().account(ACCOUNT).user(&name);
        name
    }

    /// Only before the first poll: nobody can create a key that is old already.
    fn add_old_keys(&mut self, user: &str) {
        for _ in 0..self.rng.u32(0..4).min(3) {
            let age = *self.rng.choice(&[0, 1, 30, 89, 90, 91, 400]).unwrap();
            let jitter = self.rng.i64(-7_200..7_200);
            self.add_key(user, (now() - age * DAY + jitter).min(now()));
        }
    }

    fn add_key(&mut self, user: &str, created: i64) {
        self.names += 1;
        let id = format!("AKIAEXAMPLE{:09}", self.names);
        let (is_active, was_used) = (self.rng.u32(0..4) > 0, self.rng.bool());
        let mut cloud = self.stub.cloud();
        let key = cloud.account(ACCOUNT).user(user).key(&id, created);
        key.active = is_active;
        if was_used {
            key.used(created + 60, "s3", "us-east-1");
        }
    }

    async fn step(&mut self) {
        let pause = *self.rng.choice(&[POLL, POLL, POLL, POLL, 3_700, 5 * 3_600, 3 * DAY, 60 * DAY]).unwrap();
        self.watch.pass(pause);
        for _ in 0..self.rng.u32(0..3) {
            self.change();
        }
        self.weather();
        if self.rng.u32(0..8) == 0 {
            self.restart().await;
        }
        self.poll_and_judge().await;
    }

    fn change(&mut self) {
        let users: Vec<String> = self.stub.cloud().account(ACCOUNT).users.keys().cloned().collect();
        let Some(user) = self.rng.choice(users) else { return drop(self.add_user()) };
        match self.rng.u32(0..8) {
            0 => drop(self.add_user()),
            1 => self.stub.cloud().account(ACCOUNT).remove_user(&user),
            2 => self.add_second_key(&user),
            3 => self.rotate(&user),
            4 => self.with_key(&user, |key| key.active = false),
            5 => self.reactivate(&user),
            6 => self.with_key(&user, |key| {
                key.used(now() - 30, "ec2", "eu-west-1");
            }),
            _ => drop(self.stub.cloud().account(ACCOUNT).user(&user).tag("owner", "team")),
        }
    }

    /// AWS allows two, and shows two in its report.
    fn add_second_key(&mut self, user: &str) {
        let held = self.stub.cloud().account(ACCOUNT).user(user).keys.len();
        if held < 2 {
            self.add_key(user, now());
        }
    }

    fn rotate(&mut self, user: &str) {
        self.names += 1;
        let id = format!("AKIAEXAMPLE{:09}", self.names);
        self.stub.cloud().account(ACCOUNT).rotate(user, &id, now());
    }

    fn reactivate(&mut self, user: &str) {
        let mut switched = None;
        self.with_key(user, |key| {
            if !key.active {
                key.active = true;
                switched = Some(key.id.clone());
            }
        });
        self.reactivated.extend(switched.map(|id| (id, now())));
    }

    fn with_key(&mut self, user: &str, change: impl FnOnce(&mut Key)) {
        let mut cloud = self.stub.cloud();
        let keys = &mut cloud.account(ACCOUNT).user(user).keys;
        if let Some(key) = self.rng.choice(keys.iter_mut()) {
            change(key);
        }
    }

    /// Faults come, stay a while and go.
    fn weather(&mut self) {
        match self.rng.u32(0..4) {
            0 | 1 => self.stub.cloud().clear_faults(),
            2 => {}
            _ => {
                let action = *self.rng.choice(&ACTIONS).unwrap();
                let fault = fault(&mut self.rng);
                let mut cloud = self.stub.cloud();
                match self.rng.u32(0..2) {
                    0 => cloud.fault(action, fault),
                    _ => cloud.fault_times(action, fault, self.rng.u32(1..6)),
                }
            }
        }
    }

    async fn restart(&mut self) {
        let before = self.watch.overdue();
        let state = if self.rng.bool() { StateDir::open(self.state.path()).unwrap() } else { self.new_state() };
        let is_kept = state.load().len() == 1;
        self.watch = Watch::new(&self.stub, Some(state)).await;
        if is_kept {
            assert_eq!(self.watch.overdue(), before, "a restart with state changes nothing");
        }
    }

    fn new_state(&mut self) -> StateDir {
        self.state = tempfile::tempdir().unwrap();
        StateDir::open(self.state.path()).unwrap()
    }

    async fn poll_and_judge(&mut self) {
        let before = self.watch.overdue();
        self.watch.poll().await;
        let (claimed, truth, is_up) = (self.watch.overdue(), self.overdue(), self.watch.is_up());
        for key in claimed.difference(&truth) {
            assert!(!is_up && before.contains(key), "invented {key}: {}", self.watch.page());
        }
        for key in truth.difference(&claimed) {
            assert!(!before.contains(key), "lost {key}: {}", self.watch.page());
            assert!(!is_up || !self.was_seen(key), "overlooked {key}: {}", self.watch.page());
        }
    }

    /// Whether the census on the page is of a time when the key was active already.
    fn was_seen(&self, key: &str) -> bool {
        let census = self.watch.value("aws_iam_account_data_timestamp_seconds", "census");
        census.is_some_and(|census| self.reactivated.get(key).is_none_or(|at| *at < census))
    }

    /// After the faults are over and AWS has made a new report, everything is as AWS has it.
    async fn settle(&mut self) {
        self.stub.cloud().clear_faults();
        self.watch.pass(REPORT_LIFETIME + POLL);
        self.poll_and_judge().await;
        assert!(self.watch.is_up(), "not recovered: {}", self.watch.page());
        assert_eq!(self.shown(), self.keys(), "{}", self.watch.page());
    }

    /// Every key in AWS.
    fn keys(&self) -> Keys {
        let mut cloud = self.stub.cloud();
        let users = cloud.account(ACCOUNT).users.values();
        let keys = users.flat_map(|user| user.keys.iter().map(|key| (user.name.clone(), key.clone())));
        keys.map(|(user, key)| (key.id, (user, key.created, key.active))).collect()
    }

    fn overdue(&self) -> BTreeSet<String> {
        let is_overdue = |(_, created, active): &(String, i64, bool)| *active && created + MAX_AGE <= now();
        self.keys().into_iter().filter(|(_, key)| is_overdue(key)).map(|(id, _)| id).collect()
    }

    /// Every key on the page.
    fn shown(&self) -> Keys {
        let active = self.watch.keys("aws_iam_access_key_active");
        let created = self.watch.keys("aws_iam_access_key_created_timestamp_seconds");
        created.into_iter().map(|(id, (user, at))| (id.clone(), (user, at, active[&id].1 == 1))).collect()
    }
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u32(0..9) {
        0 => Fault::Throttle,
        1 => Fault::ServiceFailure,
        2 => Fault::AccessDenied,
        3 => Fault::ExpiredToken,
        4 => Fault::Delay(Duration::from_secs(30)),
        5 => Fault::CutBody,
        6 => Fault::DropConnection,
        7 => Fault::MalformedXml,
        _ => Fault::EmptyBody,
    }
}
