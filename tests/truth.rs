//! The promise at the heart of it: what the page says of overdue keys is what AWS has.
//!
//! Random accounts go through random changes, faults and restarts. The real poller asks the
//! stub through the real SDK, without sockets and with paused time, so that hours of back-off
//! pass at once. Every failure prints its seed; `TRUTH_SEED=n` runs that one alone and
//! `TRUTH_SEQUENCES=n` sets how many are run.

mod in_process;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use aws_stub::{Fault, Key, Stub};
use fastrand::Rng;
use iam_key_exporter::{
    aws::{CallLimits, Hub, Tally},
    exposition::Exposition,
    policy::Policy,
    poller::{Clock, Poller, Rhythm},
    snapshot::Snapshots,
    state::StateDir,
};

const ACCOUNT: &str = "111122223333";
const DAY: i64 = 86_400;
const MAX_AGE: i64 = 90 * DAY;
const POLL: i64 = 300;
const REPORT_LIFETIME: i64 = 4 * 3600;
const BEGIN: i64 = 1_790_000_000;
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

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(BEGIN) };
}

fn now() -> i64 {
    NOW.get()
}

/// Keys by id: the user, the creation, whether active.
type Keys = BTreeMap<String, (String, i64, bool)>;

struct World {
    rng: Rng,
    stub: Stub,
    state: tempfile::TempDir,
    snapshots: Arc<Snapshots>,
    poller: Poller,
    exposition: Exposition,
    names: u32,
    /// When keys were last switched on again, by id.
    reactivated: BTreeMap<String, i64>,
}

#[test]
fn the_page_is_true_of_overdue_keys_within_one_poll_whatever_happens() {
    let chosen = number("TRUTH_SEED");
    let sequences = number("TRUTH_SEQUENCES").unwrap_or(500);
    let seeds = chosen.map_or(0..sequences, |seed| seed..seed + 1);
    for seed in seeds {
        let ran = std::panic::catch_unwind(|| run(seed));
        assert!(ran.is_ok(), "sequence failed; run it alone with TRUTH_SEED={seed}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own parameters")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn run(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        NOW.set(BEGIN);
        let mut world = World::new(seed).await;
        world.poll_and_judge().await;
        for _ in 0..world.rng.u32(4..14) {
            world.step().await;
        }
        world.settle().await;
    });
}

impl World {
    async fn new(seed: u64) -> Self {
        let stub = Stub::unbound();
        let state = tempfile::tempdir().unwrap();
        let snapshots = Arc::new(Snapshots::default());
        let poller = poller(&stub, &snapshots, StateDir::open(state.path()).unwrap()).await;
        let exposition = exposition(&snapshots);
        let rng = Rng::with_seed(seed);
        let reactivated = BTreeMap::new();
        let mut world = Self { rng, stub, state, snapshots, poller, exposition, names: 0, reactivated };
        world.stub.cloud().set_now(Some(BEGIN));
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
        let (active, used) = (self.rng.u32(0..4) > 0, self.rng.bool());
        let mut cloud = self.stub.cloud();
        let key = cloud.account(ACCOUNT).user(user).key(&id, created);
        key.active = active;
        if used {
            key.used(created + 60, "s3", "us-east-1");
        }
    }

    async fn step(&mut self) {
        let pause = *self.rng.choice(&[POLL, POLL, POLL, POLL, 3_700, 5 * 3_600, 3 * DAY, 60 * DAY]).unwrap();
        NOW.set(now() + pause);
        self.stub.cloud().set_now(Some(now()));
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
        let Some(user) = self.rng.choice(users).map(|user| user.clone()) else { return drop(self.add_user()) };
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
        let with_state = self.rng.bool();
        let before = self.claimed();
        self.snapshots = Arc::new(Snapshots::default());
        self.exposition = exposition(&self.snapshots);
        let state = StateDir::open(self.state.path()).unwrap();
        if with_state {
            for account in state.load() {
                self.snapshots.publish(&account.id.clone(), Some(account), None);
            }
            assert_eq!(self.claimed(), before, "a restart with state changes nothing");
        }
        self.poller = poller(&self.stub, &self.snapshots, state).await;
    }

    async fn poll_and_judge(&mut self) {
        let before = self.claimed();
        self.poller.step().await;
        let (claimed, truth) = (self.claimed(), self.overdue());
        let is_up = self.is_up();
        for key in &claimed {
            let excused = !is_up && before.contains(key);
            assert!(truth.contains(key) || excused, "invented {key}: {}", self.page());
        }
        let seen_until = self.seen_until();
        for key in &truth {
            let was_known = before.contains(key);
            let reactivated = self.reactivated.get(key).copied().unwrap_or(0);
            let must_be_known = is_up && seen_until.is_some_and(|seen| reactivated < seen);
            assert!(claimed.contains(key) || !(was_known || must_be_known), "lost {key}: {}", self.page());
        }
    }

    /// After the faults are over and AWS has made a new report, everything is as AWS has it.
    async fn settle(&mut self) {
        self.stub.cloud().clear_faults();
        NOW.set(now() + REPORT_LIFETIME + POLL);
        self.stub.cloud().set_now(Some(now()));
        self.poll_and_judge().await;
        assert!(self.is_up(), "recovered: {}", self.page());
        assert_eq!(self.shown(), self.keys(), "{}", self.page());
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

    fn page(&self) -> String {
        String::from_utf8(self.exposition.page(now()).concat()).unwrap()
    }

    fn samples(&self, family: &str) -> BTreeMap<String, (String, i64)> {
        let page = self.page();
        let lines = page.lines().filter(|line| line.split('{').next() == Some(family));
        lines.map(|line| (label(line, "access_key_id"), (label(line, "user_name"), value(line)))).collect()
    }

    /// Every key on the page.
    fn shown(&self) -> Keys {
        let active = self.samples("aws_iam_access_key_active");
        let created = self.samples("aws_iam_access_key_created_timestamp_seconds");
        created.into_iter().map(|(id, (user, at))| (id.clone(), (user, at, active[&id].1 == 1))).collect()
    }

    fn claimed(&self) -> BTreeSet<String> {
        let due = self.samples("aws_iam_access_key_rotation_due_timestamp_seconds");
        due.into_iter().filter(|(_, (_, at))| *at <= now()).map(|(id, _)| id).collect()
    }

    fn is_up(&self) -> bool {
        self.page().contains(&format!("aws_iam_account_up{{account_id=\"{ACCOUNT}\"}} 1\n"))
    }

    fn seen_until(&self) -> Option<i64> {
        let page = self.page();
        let line = page.lines().find(|line| line.contains("data_timestamp_seconds{") && line.contains("census"))?;
        Some(value(line))
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

async fn poller(stub: &Stub, snapshots: &Arc<Snapshots>, state: StateDir) -> Poller {
    let limits = CallLimits {
        requests_per_second: 5.0,
        attempt_timeout: Duration::from_secs(10),
        throttle_patience: Duration::from_secs(60),
    };
    let hub = Hub::new(&in_process::sdk_config(stub).await, limits, Arc::new(Tally::default()));
    let rhythm = Rhythm { interval: Duration::from_secs(300), poll_timeout: Duration::from_secs(3_600) };
    Poller::new(hub, rhythm, policy(), snapshots.clone()).with_state(Some(state)).with_clock(Clock(now))
}

fn exposition(snapshots: &Arc<Snapshots>) -> Exposition {
    Exposition::new(snapshots.clone(), policy())
}

fn policy() -> Policy {
    Policy::new(Duration::from_secs(90 * 86_400))
}

fn label(line: &str, name: &str) -> String {
    let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
    line[start..].split('"').next().unwrap().to_owned()
}

fn value(line: &str) -> i64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
