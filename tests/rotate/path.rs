//! The whole path, and the way back from every stage of it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use aws_stub::Fault;

use crate::{
    ACCOUNT, DAY,
    bench::{Bench, OLD, PLACES, Place, USER, bare, end},
};

#[tokio::test]
async fn a_key_is_replaced_in_every_sink_and_the_old_one_goes_when_it_is_quiet() {
    for place in PLACES {
        let bench = Bench::new(place).await;
        let told = bench.run(&["start", USER, "--format=json", "--sink", &bench.sink()]).await.ends(0).json();
        let new = bench.new_key().unwrap();
        assert_eq!((told["outcome"].as_str(), told["stage"].as_str()), (Some("done"), Some("promoted")));
        assert_eq!(told["new_access_key_id"].as_str(), Some(&*new.id));
        assert_eq!(bench.current(), Some((new.id.clone(), new.secret.clone().unwrap())), "{place:?}");
        assert!(bench.is_active(OLD), "the old key stays Active");
        bench.start().await.ends(0).says("has replaced");
        bench.finish(&[]).await.ends(0).says("now deactivated");
        assert!(!bench.is_active(OLD) && bench.is_active(&new.id));
        bench.finish(&[]).await.ends(0).says("--delete deletes it");
        assert_eq!(bench.keys().len(), 2, "nothing is deleted unasked");
        bench.finish(&["--delete"]).await.ends(0).says("the rotation is over");
        assert_eq!(bench.keys().len(), 1);
        assert_eq!(bench.stage(), "");
        bench.finish(&["--delete"]).await.ends(0).says("no rotation");
        bench.assert_consumers_work("in the end");
    }
}

#[tokio::test]
async fn from_every_stage_there_is_a_way_back_that_deletes_nothing() {
    for place in PLACES {
        for finished in [false, true] {
            let bench = Bench::new(place).await;
            bench.start().await.ends(0);
            if finished {
                bench.finish(&[]).await.ends(0);
            }
            bench.backout().await.ends(0).says("now backed-out");
            let new = bench.new_key().unwrap();
            assert!(bench.is_active(OLD) && !new.active, "{place:?}");
            assert_eq!(bench.current(), None, "{place:?}: what was before is current again");
            bench.assert_no_secret_is_lost("after the way back");
            bench.backout().await.ends(0).says("was taken back");
            bench.start().await.ends(3).says("was taken back");
            bench.finish(&["--delete"]).await.ends(0);
            assert_eq!((bench.keys().len(), bench.is_active(OLD)), (1, true));
        }
    }
}

#[tokio::test]
async fn the_second_rotation_after_one_is_over_replaces_its_key() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    let first = bench.new_key().unwrap().id;
    bench.start().await.ends(0);
    bench.finish(&[]).await.ends(0);
    bench.start().await.ends(3).says("is not over");
    bench.stub.cloud().account(ACCOUNT).user(USER).remove_key(OLD);
    bench.start().await.ends(0).says("now promoted");
    assert_eq!(bench.tag("old-key"), Some(first));
}

#[tokio::test]
async fn a_file_is_for_its_owner_alone_and_never_overwritten() {
    let bench = Bench::new(Place::File).await;
    fs::write(bench.path("key"), "precious").unwrap();
    bench.start().await.ends(3).says("never overwritten");
    let sink = bench.sink();
    bench.run(&["start", USER, "--sink", &sink, "--replace-value"]).await.ends(3).says("never overwritten");
    assert_eq!(bench.keys().len(), 1, "refused before a key was made");
    fs::remove_file(bench.path("key")).unwrap();
    bench.start().await.ends(0);
    assert_eq!(fs::metadata(bench.path("key")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_new_key_that_aws_does_not_know_yet_is_waited_for() {
    let bench = Bench::new(Place::Secret).await;
    bench.stub.cloud().refuse_new_keys(15);
    let ran = bench.start().await.ends(0);
    assert_eq!(ran.err.matches("does not know the new key yet").count(), 15, "{}", ran.err);
}

#[tokio::test]
async fn a_new_key_that_aws_never_takes_is_not_promoted() {
    let bench = Bench::new(Place::Secret).await;
    bench.stub.cloud().refuse_new_keys(u32::MAX);
    let sink = bench.sink();
    let args = ["start", USER, "--sink", &sink, "--yes", "--propagation-timeout=200ms", "--retry-delay=10ms"];
    let mut plain = bare(&bench.stub.endpoint(), bench.folder.path(), &args);
    end(plain.spawn().unwrap()).await.ends(1).says("does not take the new key");
    assert_eq!((bench.stage(), bench.current()), ("verifying".to_owned(), None));
    bench.assert_no_secret_is_lost("not taken");
    bench.stub.cloud().refuse_new_keys(0);
    bench.start().await.ends(0).says("now promoted");
}

#[tokio::test]
async fn status_tells_every_rotation_from_iam_alone() {
    let bench = Bench::new(Place::Secret).await;
    bench.run(&["status"]).await.ends(0).says("no rotation is under way");
    bench.start().await.ends(0);
    let told = bench.run(&["status", "--format=json"]).await.ends(0).json();
    assert_eq!(told[0]["user_name"].as_str(), Some(USER));
    assert_eq!(told[0]["stage"].as_str(), Some("promoted"));
    assert_eq!(told[0]["old_access_key"]["status"].as_str(), Some("Active"));
    bench.run(&["status", USER]).await.ends(0).says("finish ci-bot once the old key is quiet");
}

#[tokio::test]
async fn a_user_whose_rotation_cannot_be_told_hides_no_other_and_the_exit_code_tells() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    bench.stub.cloud().account(ACCOUNT).user("broken").tag("iam-key-rotate:stage", "nearly done");
    bench.run(&["status"]).await.ends(3).says("promoted since").says("broken  error: the tag iam-key-rotate:stage");
    let told = bench.run(&["status", "--format=json"]).await.ends(3).json();
    assert_eq!((&told[0]["user_name"], &told[0]["outcome"]), (&"broken".into(), &"refused".into()));
    assert!(told[0]["message"].as_str().unwrap().contains("nearly done"));
    assert_eq!((&told[1]["user_name"], &told[1]["stage"]), (&USER.into(), &"promoted".into()));
    bench.stub.cloud().fault("ListAccessKeys", Fault::AccessDenied);
    bench.run(&["status"]).await.ends(1).says("broken  error:").says("ci-bot  error: ");
}

#[tokio::test]
async fn the_exporter_shows_a_rotation_under_way_and_its_end() {
    let bench = Bench::new(Place::Secret).await;
    let config = "poll_interval: 300ms\nlimits: { requests_per_second: 10000 }\n";
    let settings = testbed::Settings::of(bench.stub.endpoint()).config(config);
    let exporter = testbed::Exporter::start(env!("CARGO_BIN_EXE_iam-key-exporter"), &settings).await.unwrap();
    let shown = |page: &testbed::Page| page.with("aws_iam_user_rotation_info", &[("user_name", USER)]).len();
    let is_up = |page: &testbed::Page| page.value("aws_iam_account_up", &[("account_id", ACCOUNT)]) == Some(1.0);
    let page = exporter.page_when("the account", is_up).await;
    assert_eq!(shown(&page), 0);
    bench.start().await.ends(0);
    let labels = [("account_id", ACCOUNT), ("user_name", USER), ("stage", "promoted")];
    exporter.page_when("it", |page| page.value("aws_iam_user_rotation_info", &labels) == Some(1.0)).await;
    bench.backout().await.ends(0);
    let labels = [("stage", "backed-out")];
    exporter.page_when("the way back", |page| page.value("aws_iam_user_rotation_info", &labels) == Some(1.0)).await;
    bench.finish(&["--delete"]).await.ends(0);
    exporter.page_when("the end", |page| shown(page) == 0).await;
}

#[tokio::test]
async fn an_old_key_used_after_the_new_one_took_over_is_left_alone() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    bench.run(&["finish", USER]).await.ends(3).says("is not quiet yet");
    let now = bench.stub.cloud().now();
    // As if it had been promoted three days ago.
    let then = "2026-01-01T00:00:00Z";
    bench.stub.cloud().account(ACCOUNT).user(USER).tag("iam-key-rotate:stage-at", then);
    bench.stub.cloud().account(ACCOUNT).user(USER).key(OLD, 0).used(now - DAY / 2, "s3", "us-east-1");
    bench.run(&["finish", USER]).await.ends(3).says("is not quiet yet");
    assert!(bench.is_active(OLD));
    bench.stub.cloud().account(ACCOUNT).user(USER).key(OLD, 0).used(now - DAY - 60, "s3", "us-east-1");
    bench.run(&["finish", USER]).await.ends(0).says("now deactivated");
    bench.run(&["finish", USER, "--delete"]).await.ends(3).says("may be deleted after");
    bench.stub.cloud().account(ACCOUNT).user(USER).tag("iam-key-rotate:stage-at", then);
    bench.run(&["finish", USER, "--delete"]).await.ends(3).says("may be deleted after");
    bench.stub.cloud().account(ACCOUNT).user(USER).key(OLD, 0).used(now - 8 * DAY, "s3", "us-east-1");
    bench.run(&["finish", USER, "--delete"]).await.ends(0).says("the rotation is over");
}

#[tokio::test]
async fn a_run_to_which_nobody_listens_any_more_goes_on_to_its_end() {
    let bench = Bench::new(Place::Secret).await;
    let mut child = bench.begin(&["start", USER, "--yes", "--sink", &bench.sink()]);
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().await.unwrap().success());
    assert_eq!(bench.stage(), "promoted");
    bench.assert_consumers_work("in the end");
}
