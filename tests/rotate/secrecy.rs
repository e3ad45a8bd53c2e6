//! The secret is in the sink, and nowhere else.

use std::fs;

use aws_stub::{Cloud, Fault, Moment};

use crate::{
    ACCOUNT,
    bench::{Bench, PLACES, Place, Ran, USER, end},
};

/// Every secret that AWS ever gave out here, and the tool's own.
fn assert_tells_no_secret(ran: &Ran, secrets: &[String]) {
    for secret in secrets.iter().map(String::as_str).chain(["secret-of-the-hub"]) {
        let half = &secret[..secret.len() / 2];
        for part in [secret, half] {
            assert!(!ran.out.contains(part) && !ran.err.contains(part), "a secret is told:\n{}\n{}", ran.out, ran.err);
        }
    }
}

#[tokio::test]
async fn a_run_that_tells_everything_tells_no_secret() {
    for place in PLACES {
        assert_is_kept_secret(place, None).await;
    }
    for fault in [Fault::CutBody, Fault::MalformedXml, Fault::ServiceFailure] {
        for (place, action) in
            [(Place::Secret, "CreateAccessKey"), (Place::Secret, "PutSecretValue"), (Place::Parameter, "PutParameter")]
        {
            assert_is_kept_secret(place, Some((action, fault.clone()))).await;
        }
    }
}

/// Two starts, of which the first may fail, and the way back, all at trace level.
async fn assert_is_kept_secret(place: Place, fault: Option<(&str, Fault)>) {
    let bench = Bench::new(place).await;
    if let Some((action, fault)) = fault {
        bench.stub.cloud().fault_times(action, fault, 1);
    }
    let sink = bench.sink();
    let (mut told, mut secrets) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        told.push(bench.run(&["start", USER, "--sink", &sink, "--log.level=trace"]).await);
        secrets.extend(bench.new_key().and_then(|key| key.secret));
    }
    told.push(bench.run(&["status", "--log.level=trace", "--format=json"]).await);
    told.push(bench.run(&["backout", USER, "--sink", &sink, "--log.level=trace"]).await);
    assert!(!secrets.is_empty());
    for ran in &told {
        assert_tells_no_secret(ran, &secrets);
    }
    let tags = format!("{:?}", bench.stub.cloud().account(ACCOUNT).users[USER].tags);
    assert!(secrets.iter().all(|secret| !tags.contains(secret.as_str())));
}

fn go_on_to_the_next_call(cloud: &mut Cloud) {
    cloud.thaw();
    cloud.freeze(1, Moment::Before);
}

#[tokio::test]
async fn no_secret_is_an_argument_and_no_core_would_be_dumped() {
    let bench = Bench::new(Place::Command).await;
    let sink = bench.sink();
    bench.stub.cloud().freeze_at("CreateAccessKey", Moment::After);
    let child = bench.begin(&["start", USER, "--yes", "--sink", &sink]);
    assert_eq!(bench.frozen().await, "CreateAccessKey");
    go_on_to_the_next_call(&mut bench.stub.cloud());
    bench.frozen().await;
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id().unwrap())).unwrap();
    let core = of("limits").lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    let secret = bench.new_key().and_then(|key| key.secret).expect("a key was made");
    assert_eq!(fs::read_to_string(bench.path(&bench.new_key().unwrap().id)).unwrap(), secret, "it has the secret");
    assert!(!of("cmdline").contains(&secret) && !of("environ").contains(&secret));
    drop(child);
    bench.stub.cloud().thaw();
    end(bench.begin(&["start", USER, "--yes", "--sink", &sink])).await.ends(0);
}
