//! What is seen from outside, and what must hold of it.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use aws_stub::Stub;
use testbed::{Exporter, Page, http};
use tokio::time::sleep;

use crate::chaos::{Chaos, Identity};

/// A report and some polls, at the speed of the clocks, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_mins(3);

/// Between scrapes.
const PAUSE: Duration = Duration::from_millis(100);

const DUE: &str = "aws_iam_access_key_rotation_due_timestamp_seconds";

/// What may be in use more at the end than at the beginning: allocators keep some of what is freed.
const MORE_MEMORY: f64 = 1.15;

/// Connections to AWS that are kept for the next poll come and go.
const MORE_FILES: usize = 20;

#[derive(Default)]
pub(crate) struct Watch {
    seen: BTreeSet<Identity>,
    /// Accounts that were closed since all was true: a list from before they came back takes them away once more.
    closed: BTreeSet<String>,
    scrapes: u64,
    /// Of these, up to the last note.
    noted: u64,
    /// MiB and open files, when all was true.
    pub(crate) notes: Vec<(f64, usize)>,
}

impl Watch {
    /// One scrape: what was seen and still exists must be there.
    pub(crate) async fn look(&mut self, chaos: &mut Chaos, stub: &Stub, exporter: &mut Exporter) {
        let page = self.scrape(exporter).await;
        let shown = identities(&page, DUE);
        let truth = Chaos::truth(stub);
        self.closed.extend(Chaos::closed(stub));
        self.seen.retain(|(account, ..)| !self.closed.contains(account));
        let lost: Vec<_> = self.seen.iter().filter(|key| truth.contains(key) && !shown.contains(key)).collect();
        assert!(lost.is_empty(), "lost at {}: {lost:?}\n{}", chaos.now(), exporter.process().log());
        self.seen.extend(shown);
        self.seen.retain(|key| truth.contains(key));
        sleep(PAUSE).await;
    }

    /// Until the page shows what there is, all of it and nothing else.
    pub(crate) async fn until_true(&mut self, chaos: &mut Chaos, stub: &Stub, exporter: &mut Exporter) {
        let end = Instant::now() + PATIENCE;
        loop {
            chaos.end(stub);
            self.look(chaos, stub, exporter).await;
            let page = self.scrape(exporter).await;
            let (shown, truth) = (identities(&page, DUE), Chaos::truth(stub));
            let up = page.series("aws_iam_account_up");
            if shown == truth && up.iter().all(|sample| sample.value > 0.0) {
                self.closed = Chaos::closed(stub);
                return Self::assert_overdue(&page);
            }
            let differing: Vec<_> = shown.symmetric_difference(&truth).collect();
            assert!(Instant::now() < end, "not true: {differing:?}\n{up:?}\n{}", exporter.process().log());
        }
    }

    /// The count of overdue keys is that of the dates on the same page.
    fn assert_overdue(page: &Page) {
        let dues = page.series(DUE);
        for counted in page.series("aws_iam_account_access_keys_overdue") {
            let account = counted.label("account_id");
            let created = |due: &testbed::metrics::Sample| {
                let key = [("account_id", account), ("access_key_id", due.label("access_key_id"))];
                let age = page.value("aws_iam_access_key_age_seconds", &key);
                let created = page.value("aws_iam_access_key_created_timestamp_seconds", &key);
                age.unwrap() + created.unwrap()
            };
            let of_account = dues.iter().filter(|due| due.label("account_id") == account);
            let overdue = of_account.filter(|due| created(due) >= due.value).count();
            assert!(
                (counted.value - f64::from(u32::try_from(overdue).unwrap())).abs() < 0.5,
                "{account}: {counted:?}, {overdue}"
            );
        }
    }

    async fn scrape(&mut self, exporter: &Exporter) -> Page {
        self.scrapes += 1;
        if self.scrapes.is_multiple_of(5) {
            for path in ["/", "/-/ready", "/-/healthy", "/nothing"] {
                drop(http::get(&exporter.url(path)).await);
            }
            let headers = [("Accept-Encoding", "gzip")];
            drop(http::send(hyper::Method::GET, &exporter.url("/metrics"), &headers, "").await);
        }
        exporter.page().await
    }

    pub(crate) fn note(&mut self, exporter: &mut Exporter, elapsed: Duration) {
        let mib = exporter.process().memory("VmRSS");
        let files = fs::read_dir(format!("/proc/{}/fd", exporter.process().pid())).unwrap().count();
        println!("{:>5} s: all true, {mib:.1} MiB, {files} open files, {} scrapes", elapsed.as_secs(), self.scrapes);
        self.notes.push((mib, files));
        self.noted = self.scrapes;
    }

    pub(crate) fn scrapes_since_note(&self) -> u64 {
        self.scrapes - self.noted
    }

    /// What was in use in the last third, beside the second.
    pub(crate) fn conclude(&self, seconds: u64, is_long: bool) {
        println!("{seconds} s, {} scrapes, nothing lost", self.scrapes);
        if !is_long {
            return println!("too short to say whether anything grows: that takes `make soak`");
        }
        let third = self.notes.len() / 3;
        let most =
            |notes: &[(f64, usize)]| notes.iter().fold((0.0, 0), |a: (f64, usize), b| (a.0.max(b.0), a.1.max(b.1)));
        let (before, after) = (most(&self.notes[third..2 * third]), most(&self.notes[2 * third..]));
        println!("memory {:.1} MiB, then {:.1}; open files {}, then {}", before.0, after.0, before.1, after.1);
        assert!(after.0 <= before.0 * MORE_MEMORY, "memory grows: {:?}", self.notes);
        assert!(after.1 <= before.1 + MORE_FILES, "descriptors leak: {:?}", self.notes);
    }
}

fn identities(page: &Page, family: &str) -> BTreeSet<Identity> {
    let label = |sample: &testbed::metrics::Sample, name| sample.label(name).to_owned();
    let of = |sample| (label(sample, "account_id"), label(sample, "user_name"), label(sample, "access_key_id"));
    page.series(family).into_iter().map(of).collect()
}
