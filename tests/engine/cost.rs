//! What a poll costs: calls, and virtual seconds until every overdue key is on the page.
//!
//! The time is what a poll waits for: its own pace, the stub's latency, AWS's quota. What it
//! computes takes no virtual time.

use std::{collections::BTreeMap, time::Duration};

use aws_stub::{Fault, Stub, fleet};
use iam_key_exporter::aws::Reason;
use tokio::time::{Instant, sleep};

use crate::in_process::{ACCOUNT, DAY, POLL, Watch, now, run};

/// Between a request and its answer.
const LATENCY: Duration = Duration::from_millis(40);

/// How often the page is looked at while a poll runs.
const GLANCE: Duration = Duration::from_millis(100);

/// An account to be polled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) users: u32,
    /// The share of users that have keys.
    pub(crate) keyed: f64,
    /// The share of those whose first key is overdue.
    pub(crate) overdue: f64,
    /// Keyed users have a second, young key.
    pub(crate) second_key: bool,
    /// AWS throttles beyond ten requests a second.
    pub(crate) quota: bool,
    /// The credential report and the details are not permitted.
    pub(crate) listing: bool,
}

/// What a poll took.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) calls: BTreeMap<String, u64>,
    /// Until the page had every overdue key; `None` if it never had.
    pub(crate) overdue_after: Option<Duration>,
    pub(crate) whole: Duration,
    pub(crate) due_users: usize,
}

impl Cost {
    pub(crate) fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

fn throttled(watch: &Watch) -> u64 {
    let counts = watch.tally.counts();
    counts.values().map(|count| count.failures(Reason::Throttled)).sum()
}

impl Shape {
    pub(crate) fn of(users: u32) -> Self {
        Self { users, keyed: 0.5, overdue: 0.02, second_key: false, quota: false, listing: false }
    }

    pub(crate) fn stub(&self) -> Stub {
        let stub = Stub::unbound();
        {
            let mut cloud = stub.cloud();
            cloud.set_latency(LATENCY);
            fleet::uniform(&mut cloud, ACCOUNT, self.users, self.keyed, self.overdue, now());
            let account = cloud.account(ACCOUNT);
            if self.quota {
                account.set_quota(10.0, 20);
            }
            for (name, user) in account.users.iter_mut().filter(|(_, user)| self.second_key && !user.keys.is_empty()) {
                user.key(&format!("AKIASECOND{name}"), now() - 5 * DAY);
            }
            if self.listing {
                let denied = ["GenerateCredentialReport", "GetCredentialReport", "GetAccountAuthorizationDetails"];
                for operation in denied {
                    cloud.fault(operation, Fault::AccessDenied);
                }
            }
        }
        stub
    }
}

/// Polls until the census is complete, and looks at the page all the while.
pub(crate) async fn poll(watch: &mut Watch) -> Cost {
    let (stub, begun) = (watch.stub.clone(), Instant::now());
    stub.cloud().reset_calls();
    let due_users = overdue_users(&stub);
    let (mut overdue_after, mut whole) = (None, begun.elapsed());
    loop {
        let step = Instant::now();
        let seen = poll_once(watch, due_users).await;
        overdue_after = overdue_after.or(seen.map(|seen| seen - begun));
        whole = begun.elapsed().max(whole);
        if watch.is_complete() || !watch.is_up() {
            return Cost { calls: stub.cloud().calls(), overdue_after, whole, due_users };
        }
        sleep(Duration::from_secs(POLL.unsigned_abs()).saturating_sub(step.elapsed())).await;
        watch.pass(POLL);
    }
}

/// Answers when the page had so many overdue keys.
async fn poll_once(watch: &mut Watch, overdue: usize) -> Option<Instant> {
    let (poller, page) = watch.halves();
    let mut seen = None;
    let glances = async {
        loop {
            if seen.is_none() && page.overdue_count() == Some(overdue) {
                seen = Some(Instant::now());
            }
            sleep(GLANCE).await;
        }
    };
    tokio::select! {
        () = poller.step() => {}
        () = glances => {}
    }
    seen.or_else(|| (page.overdue_count() == Some(overdue)).then(Instant::now))
}

/// In these accounts no user has two overdue keys.
fn overdue_users(stub: &Stub) -> usize {
    let mut cloud = stub.cloud();
    let users = cloud.account(ACCOUNT).users.values();
    users.filter(|user| user.keys.iter().any(|key| key.active && key.created <= now() - 90 * DAY)).count()
}

#[test]
fn a_steady_poll_costs_what_is_due_and_not_what_exists() {
    run(async {
        let shape = Shape { keyed: 1.0, second_key: true, ..Shape::of(1_000) };
        let mut watch = Watch::new(&shape.stub(), None).await;
        watch.poll().await;
        watch.pass(POLL);
        let cost = poll(&mut watch).await;
        assert_eq!(cost.due_users, 20);
        assert!(cost.total() <= 4 * 20 + 10 + 1, "{cost:?}");
        assert!(cost.overdue_after.is_some(), "{cost:?}");
    });
}

#[test]
fn a_poll_with_nothing_due_and_no_new_report_costs_at_most_five_calls() {
    run(async {
        let mut watch = Watch::new(&Shape { overdue: 0.0, ..Shape::of(1_000) }.stub(), None).await;
        watch.poll().await;
        watch.pass(POLL);
        let cost = poll(&mut watch).await;
        assert!(cost.total() <= 5, "{cost:?}");
    });
}

#[test]
fn a_cold_start_has_every_overdue_key_within_ten_seconds_under_a_quota() {
    run(async {
        let mut watch = Watch::new(&Shape { quota: true, ..Shape::of(1_000) }.stub(), None).await;
        let cost = poll(&mut watch).await;
        assert!(cost.overdue_after.is_some_and(|after| after <= Duration::from_secs(10)), "{cost:?}");
        assert!(watch.is_up(), "{:?}", watch.errors());
        assert_eq!(throttled(&watch), 0, "{cost:?}");
        assert_eq!(watch.keys("aws_iam_access_key_active").len(), 500);
    });
}

#[test]
fn a_cold_start_that_takes_many_polls_confirms_what_is_due_in_each_of_them() {
    run(async {
        let mut watch = Watch::new(&Shape::of(6_000).stub(), None).await;
        watch.poll().await;
        let (known, data) = (watch.overdue(), "aws_iam_account_data_timestamp_seconds");
        assert_eq!((known.len(), watch.is_up()), (60, true), "{:?}", watch.errors());
        assert!(watch.keys("aws_iam_access_key_active").len() < 1_500, "the rest waits");
        assert_eq!(watch.value(data, "census"), None);
        let rotated = rotate_one(&watch, &known);
        watch.poll_after(POLL).await;
        assert!(!watch.overdue().contains(&rotated), "rotated, and read again while the census goes on");
        let cost = poll(&mut watch).await;
        assert!(watch.is_up() && watch.value(data, "census").is_some(), "{:?}", watch.errors());
        assert!(watch.keys("aws_iam_access_key_active").len() >= 3_000);
        assert!(cost.total() < 2_000, "nobody is asked about twice but those that are due: {cost:?}");
    });
}

#[test]
fn a_listing_that_takes_many_polls_confirms_what_is_due_in_each_of_them() {
    run(async {
        let mut watch = Watch::new(&Shape { listing: true, ..Shape::of(3_000) }.stub(), None).await;
        watch.poll().await;
        let known = watch.overdue();
        assert!((1..30).contains(&known.len()), "{known:?}");
        assert_eq!(watch.value("aws_iam_account_access_keys", "Active"), None, "a count before all is counted");
        let rotated = rotate_one(&watch, &known);
        watch.poll_after(POLL).await;
        assert!(!watch.overdue().contains(&rotated), "rotated, and read again while the listing goes on");
        let cost = poll(&mut watch).await;
        assert!(cost.overdue_after.is_some(), "{cost:?}");
        assert_eq!(watch.overdue().len(), cost.due_users);
        assert_eq!(watch.value("aws_iam_account_users", ""), Some(3_000));
    });
}

fn rotate_one(watch: &Watch, overdue: &std::collections::BTreeSet<String>) -> String {
    let id = overdue.first().expect("some are overdue").clone();
    let mut cloud = watch.stub.cloud();
    let users = cloud.account(ACCOUNT).users.values();
    let mut owners = users.filter(|user| user.keys.iter().any(|key| key.id == id));
    let name = owners.next().expect("the stub knows the key").name.clone();
    cloud.rotate(ACCOUNT, &name);
    id
}
