//! Two at once on the same user: one wins, or none; nobody is harmed.

use aws_stub::Moment;
use testbed::wait;

use crate::bench::{Bench, OLD, Place, USER, end};

#[tokio::test]
async fn two_starts_at_once_make_one_new_key_and_lose_no_secret() {
    for _ in 0..15 {
        let bench = Bench::new(Place::Secret).await;
        let (first, second) = tokio::join!(bench.start(), bench.start());
        for ran in [&first, &second] {
            assert!([0, 1, 3, 4].contains(&ran.code), "{}\n{}", ran.out, ran.err);
        }
        assert!(bench.is_active(OLD));
        bench.assert_consumers_work("two at once");
        bench.start().await.ends(0);
        bench.assert_no_secret_is_lost("in the end");
        assert_eq!((bench.stage(), bench.keys().len()), ("promoted".to_owned(), 2));
        bench.assert_consumers_work("in the end");
    }
}

/// One run is held at each of its calls while another runs to its end, then goes on.
async fn held(first: &[&str], second: &[&str], prepare: bool) {
    for number in 1.. {
        let bench = Bench::new(Place::Secret).await;
        if prepare {
            bench.start().await.ends(0);
        }
        bench.stub.cloud().freeze(number, Moment::Before);
        let mut slow = bench.begin(first);
        let stopped = wait::until(std::time::Duration::from_mins(1), async || {
            match (bench.stub.cloud().frozen().is_some(), slow.try_wait().unwrap()) {
                (true, _) => Ok(true),
                (false, Some(_)) => Ok(false),
                _ => Err("it goes on".to_owned()),
            }
        });
        if !stopped.await.unwrap() {
            assert!(number > 8, "{number} calls");
            break;
        }
        let quick = end(bench.begin(second)).await;
        bench.stub.cloud().thaw();
        let slow = end(slow).await;
        let when = format!(
            "{first:?} held at call {number} while {second:?}\n{}\n{}\n{}\n{}",
            slow.out, slow.err, quick.out, quick.err
        );
        bench.assert_consumers_work(&when);
        let active = bench.keys().iter().filter(|key| key.active).count();
        assert!(active >= 1, "{when}");
    }
}

fn verb<'a>(bench_sink: &'a str, name: &'a str) -> Vec<&'a str> {
    match name {
        "start" => vec!["start", USER, "--yes", "--sink", bench_sink],
        "finish" => vec!["finish", USER, "--yes", "--quiet=0s"],
        _ => vec!["backout", USER, "--yes"],
    }
}

#[tokio::test]
async fn whatever_one_does_while_another_is_held_consumers_go_on() {
    let sink = "secretsmanager:ci/bot";
    held(&verb(sink, "start"), &verb(sink, "start"), false).await;
    held(&verb(sink, "start"), &verb(sink, "backout"), false).await;
    held(&verb(sink, "finish"), &verb(sink, "backout"), true).await;
    held(&verb(sink, "backout"), &verb(sink, "finish"), true).await;
}

#[tokio::test]
async fn a_rotation_that_begins_while_another_ends_keeps_its_tags() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    bench.finish(&[]).await.ends(0);
    bench.stub.cloud().freeze_at("DeleteAccessKey", Moment::After);
    let slow = bench.begin(&["finish", USER, "--yes", "--quiet=0s", "--delete", "--delete-after=0s"]);
    assert_eq!(bench.frozen().await, "DeleteAccessKey");
    bench.start().await.ends(0);
    bench.stub.cloud().thaw();
    end(slow).await.ends(4).says("another run has taken over");
    assert_eq!(bench.stage(), "promoted");
}
