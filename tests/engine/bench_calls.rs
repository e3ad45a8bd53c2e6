//! `make bench-calls`: a table of what polls cost, our report engine beside our own listing.

use std::time::Duration;

use crate::{
    cost::{Cost, Shape, poll},
    in_process::{ACCOUNT, POLL, Watch, run},
};

const SIZES: [u32; 2] = [1_000, 5_000];

#[test]
#[ignore = "a benchmark; make bench-calls"]
fn bench_calls() {
    println!("time is virtual: waits for the pace (5/s), 40 ms an answer and the quota; no computing");
    println!(
        "{:<24}{:>6} {:<9}{:<8}{:>7}{:>10}{:>10}  calls by operation",
        "poll", "users", "census", "quota", "calls", "overdue s", "whole s"
    );
    for users in SIZES {
        for (quota, listing) in [(false, false), (true, false), (false, true), (true, true)] {
            rows(Shape { quota, listing, ..Shape::of(users) });
        }
        dense(Shape { keyed: 1.0, second_key: true, ..Shape::of(users) });
    }
}

fn rows(shape: Shape) {
    run(async {
        let mut watch = Watch::new(&shape.stub(), None).await;
        show("cold start", shape, &poll(&mut watch).await);
        watch.pass(POLL);
        show("steady", shape, &poll(&mut watch).await);
        change(&watch, 50);
        watch.pass(4 * 3600);
        show("after 50 changes", shape, &poll(&mut watch).await);
    });
    run(steady_only("nothing due", Shape { overdue: 0.0, ..shape }));
    run(steady_only("1 % due", Shape { overdue: 0.01, ..shape }));
}

/// Every user with two keys, as in the numbers that the design asks for.
fn dense(shape: Shape) {
    run(steady_only("steady, two keys a user", shape));
    run(async {
        let shape = Shape { listing: true, ..shape };
        let mut watch = Watch::new(&shape.stub(), None).await;
        show("all, two keys a user", shape, &poll(&mut watch).await);
    });
}

async fn steady_only(name: &str, shape: Shape) {
    let mut watch = Watch::new(&shape.stub(), None).await;
    poll(&mut watch).await;
    watch.pass(POLL);
    show(name, shape, &poll(&mut watch).await);
}

/// Rotates the keys of so many users that are not due.
fn change(watch: &Watch, users: usize) {
    let mut cloud = watch.stub.cloud();
    let keyed = cloud.account(ACCOUNT).users.iter().filter(|(_, user)| !user.keys.is_empty());
    let names: Vec<_> = keyed.map(|(name, _)| name.clone()).take(users).collect();
    for name in names {
        cloud.rotate(ACCOUNT, &name);
    }
}

fn show(name: &str, shape: Shape, cost: &Cost) {
    let census = if shape.listing { "listing" } else { "report" };
    let quota = if shape.quota { "10/s" } else { "none" };
    let overdue = cost.overdue_after.map_or_else(|| "never".into(), seconds);
    let mut calls: Vec<_> = cost.calls.iter().collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let calls: Vec<_> = calls.into_iter().map(|(operation, count)| format!("{operation} {count}")).collect();
    println!(
        "{name:<24}{:>6} {census:<9}{quota:<8}{:>7}{overdue:>10}{:>10}  {}",
        shape.users,
        cost.total(),
        seconds(cost.whole),
        calls.join(", ")
    );
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}
