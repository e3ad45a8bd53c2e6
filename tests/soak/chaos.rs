//! What happens to the far side: keys and users come and go, AWS fails in every way.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub};
use fastrand::Rng;

const DAY: i64 = 86_400;
const USERS: u32 = 40;

/// Accounts that can come and go.
const MEMBERS: [&str; 3] = ["222233334444", "333344445555", "444455556666"];

const OPERATIONS: [&str; 10] = [
    "GenerateCredentialReport",
    "GetCredentialReport",
    "GetAccountAuthorizationDetails",
    "GetAccountSummary",
    "ListAccessKeys",
    "GetAccessKeyLastUsed",
    "ListUserTags",
    "ListAccounts",
    "AssumeRole",
    "*",
];

/// Account, user, key.
pub(crate) type Identity = (String, String, String);

pub(crate) struct Chaos {
    random: Rng,
    speed: i64,
    started: Instant,
    start: i64,
    max_age_days: i64,
}

impl Chaos {
    pub(crate) fn new(stub: &Stub, random: Rng, speed: i64) -> Self {
        let start = stub.cloud().now();
        // An hour is a second here: on a busy machine it would end within every poll.
        stub.cloud().set_session_seconds(DAY / 2);
        let mut chaos = Self { random, speed, started: Instant::now(), start, max_age_days: 30 };
        for account in MEMBERS.iter().copied().chain([DEFAULT_ACCOUNT]) {
            for number in 0..USERS {
                let age = chaos.random.i64(0..60);
                let id = chaos.id();
                stub.cloud().account(account).user(&format!("user-{number}")).key(&id, start - age * DAY);
            }
        }
        chaos
    }

    pub(crate) fn config(&self, text: &str) -> String {
        format!("{text}policy: {{ max_age: {}d, warn_before: 1d }}\n", self.max_age_days)
    }

    /// The time of the far side: that of the exporter, but for some hours.
    pub(crate) fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap();
        self.start + elapsed * self.speed / 1_000
    }

    /// By how many seconds this time is ahead of the machine's.
    pub(crate) fn ahead(&self) -> i64 {
        self.now() - self.start - i64::try_from(self.started.elapsed().as_secs()).unwrap()
    }

    /// One thing happens.
    pub(crate) fn act(&mut self, stub: &Stub) {
        let now = self.now();
        let id = self.id();
        let account = self.account();
        let user = format!("user-{}", self.random.u32(0..USERS));
        let mut cloud = stub.cloud();
        cloud.set_now(Some(now));
        match self.random.u32(0..100) {
            0..25 => drop(cloud.rotate(account, &user)),
            25..35 => drop(cloud.account(account).users.remove(&user)),
            35..50 => {
                let user = cloud.account(account).user(&user);
                if user.keys.len() < 2 {
                    user.key(&id, now);
                }
            }
            50..60 => {
                let user = cloud.account(account).user(&user);
                user.keys.retain(|key| key.active);
            }
            60..75 => {
                let operation = self.random.choice(OPERATIONS).unwrap();
                let fault = fault(&mut self.random);
                cloud.fault_times(operation, fault, self.random.u32(1..20));
            }
            75..78 => {
                let member = self.random.choice(MEMBERS).unwrap();
                let state = if self.random.bool() { "CLOSED" } else { "ACTIVE" };
                state.clone_into(&mut cloud.account(member).state);
            }
            78..90 => cloud.clear_faults(),
            _ => {}
        }
    }

    pub(crate) fn wants_a_reload(&mut self) -> bool {
        let wants = self.random.u32(0..40) == 0;
        if wants {
            self.max_age_days = self.random.i64(20..40);
        }
        wants
    }

    /// AWS answers again.
    pub(crate) fn end(&self, stub: &Stub) {
        let mut cloud = stub.cloud();
        cloud.clear_faults();
        cloud.set_now(Some(self.now()));
    }

    /// Every active key of every account that is there.
    pub(crate) fn truth(stub: &Stub) -> BTreeSet<Identity> {
        let mut cloud = stub.cloud();
        let mut truth = BTreeSet::new();
        for id in MEMBERS.iter().copied().chain([DEFAULT_ACCOUNT]) {
            let account = cloud.account(id);
            if account.state != "ACTIVE" {
                continue;
            }
            for user in account.users.values() {
                let active = user.keys.iter().filter(|key| key.active);
                truth.extend(active.map(|key| (id.to_owned(), user.name.clone(), key.id.clone())));
            }
        }
        truth
    }

    pub(crate) fn closed(stub: &Stub) -> BTreeSet<String> {
        let mut cloud = stub.cloud();
        MEMBERS.into_iter().filter(|id| cloud.account(id).state != "ACTIVE").map(String::from).collect()
    }

    fn account(&mut self) -> &'static str {
        if self.random.bool() { DEFAULT_ACCOUNT } else { self.random.choice(MEMBERS).unwrap() }
    }

    fn id(&mut self) -> String {
        let letter = |random: &mut Rng| random.choice(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").copied().unwrap();
        format!("AKIA{}", (0..16).map(|_| char::from(letter(&mut self.random))).collect::<String>())
    }
}

fn fault(random: &mut Rng) -> Fault {
    let faults = [
        Fault::Throttle,
        Fault::ServiceFailure,
        Fault::AccessDenied,
        Fault::ExpiredToken,
        Fault::Delay(Duration::from_millis(1_500)),
        Fault::CutBody,
        Fault::DropConnection,
        Fault::MalformedXml,
        Fault::EmptyBody,
    ];
    random.choice(faults).unwrap()
}
