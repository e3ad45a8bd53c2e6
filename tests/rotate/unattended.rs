//! `run`: one step for each user that opted in, for timers.

use std::fs;

use aws_stub::{Fault, Secret};
use serde_json::Value;

use crate::{
    ACCOUNT, DAY,
    bench::{Bench, OLD, Place, USER},
};

async fn bench(users: &[&str]) -> Bench {
    let bench = Bench::new(Place::Secret).await;
    let now = bench.stub.cloud().now();
    for user in users {
        let mut cloud = bench.stub.cloud();
        let account = cloud.account(ACCOUNT);
        let key = format!("AKIA{}", user.to_uppercase());
        account.user(user).key(&key, now - 80 * DAY);
        account.user(user).tag("iam-key-rotate:opt-in", &format!("secretsmanager:{user}"));
        account.secrets.insert((*user).to_owned(), Secret::holding(&key));
    }
    bench
}

fn stage(bench: &Bench, user: &str) -> Option<String> {
    bench.stub.cloud().account(ACCOUNT).users[user].tags.get("iam-key-rotate:stage").cloned()
}

fn keys(bench: &Bench, user: &str) -> usize {
    bench.stub.cloud().account(ACCOUNT).users[user].keys.len()
}

#[tokio::test]
async fn run_after_run_moves_those_who_opted_in_to_the_end_and_nobody_else() {
    let bench = bench(&["a", "b"]).await;
    let run = ["run", "--quiet=0s", "--delete", "--delete-after=0s"];
    bench.run(&run).await.ends(0);
    assert_eq!((stage(&bench, "a").as_deref(), stage(&bench, "b").as_deref()), (Some("promoted"), Some("promoted")));
    bench.run(&run).await.ends(0);
    assert_eq!(stage(&bench, "a").as_deref(), Some("deactivated"));
    bench.run(&run).await.ends(0);
    assert_eq!((stage(&bench, "a"), keys(&bench, "a")), (None, 1));
    let told = bench.run(&[&run[..], &["--format=json"]].concat()).await.ends(0).json();
    assert!(told["users"].as_array().unwrap().iter().all(|user| user["outcome"] == "nothing_to_do"), "{told}");
    assert_eq!((bench.keys().len(), bench.is_active(OLD)), (1, true), "who did not opt in is left alone");
}

#[tokio::test]
async fn a_surprise_with_one_user_stops_that_user_alone_and_the_exit_code_tells() {
    let bench = bench(&["a", "b", "c"]).await;
    bench.stub.cloud().account(ACCOUNT).user("a").key("AKIASECOND", 1_700_000_000);
    bench.stub.cloud().account(ACCOUNT).secrets.remove("b");
    let told = bench.run(&["run", "--format=json"]).await.ends(1).json();
    assert_eq!(outcomes(&told), ["refused", "refused", "done"]);
    assert_eq!(stage(&bench, "c").as_deref(), Some("promoted"));
}

#[tokio::test]
async fn no_more_users_are_changed_in_one_run_than_is_allowed() {
    let bench = bench(&["a", "b", "c"]).await;
    let told = bench.run(&["run", "--max-per-run=2", "--format=json"]).await.ends(0).json();
    let put_off = told["put_off"][0].as_str().unwrap();
    assert_eq!((told["put_off"].as_array().unwrap().len(), keys(&bench, put_off)), (1, 1));
    bench.run(&["run", "--max-per-run=2"]).await.ends(0);
    assert_eq!(keys(&bench, put_off), 2, "those who wait take nobody's place");
}

/// Lets the users have sinks that do not take a secret.
fn fail(bench: &Bench, users: &[&str]) {
    let mut cloud = bench.stub.cloud();
    for user in users {
        cloud.account(ACCOUNT).user(user).tag("iam-key-rotate:opt-in", &format!("ssm:/{user}"));
    }
    cloud.fault("PutParameter", Fault::AccessDenied);
}

fn outcomes(told: &Value) -> Vec<&str> {
    told["users"].as_array().unwrap().iter().map(|user| user["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn users_who_fail_take_nobodys_place() {
    let bench = bench(&["a", "b", "c", "d", "e"]).await;
    fail(&bench, &["a", "b"]);
    // Whoever comes first: three and two are fewer than four, five are not.
    let told = bench.run(&["run", "--max-per-run=4", "--format=json"]).await.ends(1).json();
    assert_eq!(outcomes(&told), ["failed", "failed", "done", "done", "done"], "sorted by name");
}

#[tokio::test]
async fn no_more_users_fail_in_one_run_than_may_be_changed() {
    let bench = bench(&["a", "b", "c", "d"]).await;
    fail(&bench, &["a", "b", "c", "d"]);
    let told = bench.run(&["run", "--max-per-run=3", "--format=json"]).await.ends(1).json();
    assert_eq!((outcomes(&told).len(), told["put_off"].as_array().unwrap().len()), (3, 1), "{told}");
}

#[tokio::test]
async fn a_file_opts_users_in_by_pattern_and_a_young_key_waits() {
    let bench = bench(&[]).await;
    let file = bench.path("rotate.yml");
    fs::write(&file, "users:\n- { user: \"ci-*\", sink: \"secretsmanager:ci/bot\" }\n").unwrap();
    let file = format!("--config.file={}", file.display());
    bench.run(&["run", &file, "--rotate-after=100d"]).await.ends(0).says("no key is old enough");
    bench.run(&["run", &file]).await.ends(0).says("now promoted");
    bench.run(&["run", &file]).await.ends(0).says("is not quiet yet");
    assert_eq!(stage(&bench, USER).as_deref(), Some("promoted"));
    fs::write(bench.path("rotate.yml"), "user: x\n").unwrap();
    bench.run(&["run", &file]).await.ends(3).says("did you mean users?");
}
