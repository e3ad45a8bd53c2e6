//! What is not safe is not done, and the text says why and what to do.

use aws_stub::Fault;

use crate::{
    ACCOUNT,
    bench::{Bench, OLD, Place, USER, bare, end},
};

fn writes(bench: &Bench) -> u64 {
    let calls = bench.stub.cloud().calls();
    let writing = |action: &str| {
        ["Create", "Update", "Delete", "Tag", "Untag", "Put", "Label"].iter().any(|verb| action.starts_with(verb))
    };
    calls.iter().filter(|(action, _)| writing(action)).map(|(_, count)| count).sum()
}

#[tokio::test]
async fn of_two_keys_it_says_which_is_unused_and_how_to_go_on() {
    for (second_is_active, words) in
        [(true, "AKIA2 is unused: make it Inactive"), (false, "AKIA2 is Inactive, so nobody can use it")]
    {
        let bench = Bench::new(Place::Secret).await;
        bench.stub.cloud().account(ACCOUNT).user(USER).key("AKIA2", 1_700_000_000).active = second_is_active;
        bench.start().await.ends(3).says("has 2 access keys already").says(words);
        assert_eq!(writes(&bench), 0);
    }
}

#[tokio::test]
async fn of_two_keys_whose_uses_are_not_known_it_names_none() {
    let bench = Bench::new(Place::Secret).await;
    bench.stub.cloud().account(ACCOUNT).user(USER).key("AKIA2", 1_700_000_000);
    bench.stub.cloud().fault("GetAccessKeyLastUsed", Fault::AccessDenied);
    bench.start().await.ends(3).says("could not be read");
}

#[tokio::test]
async fn nothing_is_replaced_where_there_is_nothing_in_use() {
    let bench = Bench::new(Place::Secret).await;
    bench.run(&["start", USER, "--sink", "secretsmanager:none"]).await.ends(3).says("create-secret --name none");
    bench.stub.cloud().account(ACCOUNT).user(USER).key(OLD, 0).active = false;
    bench.start().await.ends(3).says("is Inactive: nobody uses it");
    bench.stub.cloud().account(ACCOUNT).user(USER).remove_key(OLD);
    bench.start().await.ends(3).says("has no access key");
    bench.run(&["start", "nobody", "--sink", "ssm:/x"]).await.ends(1).says("NoSuchEntity");
    bench.run(&["start", USER]).await.ends(3).says("where should the new secret go?");
    assert_eq!(writes(&bench), 0);
}

#[tokio::test]
async fn an_unknown_last_use_is_never_taken_for_none() {
    for fault in [
        Fault::AccessDenied,
        Fault::ServiceFailure,
        Fault::Throttle,
        Fault::CutBody,
        Fault::EmptyBody,
        Fault::MalformedXml,
    ] {
        let bench = Bench::new(Place::Secret).await;
        bench.start().await.ends(0);
        bench.stub.cloud().fault_times(
            "GetAccessKeyLastUsed",
            fault.clone(),
            if fault == Fault::Throttle { 3 } else { 1000 },
        );
        let ran = bench.finish(&[]).await;
        if fault == Fault::Throttle {
            ran.ends(0);
            continue;
        }
        ran.ends(3).says("is not known, so nothing is done to it");
        assert!(bench.is_active(OLD), "{fault:?}");
        bench.stub.cloud().clear_faults();
        bench.finish(&[]).await.ends(0);
        bench.stub.cloud().fault("GetAccessKeyLastUsed", fault);
        bench.finish(&["--delete"]).await.ends(3).says("it is not deleted");
        assert_eq!(bench.keys().len(), 2);
    }
}

#[tokio::test]
async fn the_old_key_is_not_taken_away_where_the_new_one_is_gone_or_not_current() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    let new = bench.new_key().unwrap().id;
    bench.stub.cloud().account(ACCOUNT).user(USER).key(&new, 0).active = false;
    bench.finish(&[]).await.ends(3).says("is not there or not Active");
    bench.stub.cloud().account(ACCOUNT).user(USER).key(&new, 0).active = true;
    bench.stub.cloud().account(ACCOUNT).secrets.insert("ci/bot".into(), aws_stub::Secret::holding("else"));
    bench.finish(&[]).await.ends(3).says("does not have key");
    assert!(bench.is_active(OLD));
}

#[tokio::test]
async fn a_key_that_may_be_somebody_elses_is_not_deleted() {
    type Change = fn(&mut aws_stub::Key, i64);
    let changes: [(Change, &str); 3] = [
        (|key, now| key.created = now + 120, "may not be ours: it was created"),
        (|key, now| key.created = now - 60, "may not be ours: it was created"),
        (
            |key, now| {
                key.used(now, "s3", "us-east-1");
            },
            "may not be ours: its last used",
        ),
    ];
    for (change, words) in changes {
        let bench = Bench::new(Place::Secret).await;
        bench.stub.cloud().fault("PutSecretValue", Fault::AccessDenied);
        bench.start().await.ends(1);
        bench.stub.cloud().clear_faults();
        let (id, now) = (bench.new_key().unwrap().id, bench.stub.cloud().now());
        change(bench.stub.cloud().account(ACCOUNT).user(USER).key(&id, 0), now);
        bench.start().await.ends(3).says(words);
        assert_eq!(bench.new_key().unwrap().id, id);
    }
}

#[tokio::test]
async fn a_sink_that_cannot_say_what_it_has_decides_nothing() {
    let bench = Bench::new(Place::Secret).await;
    bench.stub.cloud().fault("PutSecretValue", Fault::AccessDenied);
    bench.start().await.ends(1);
    bench.stub.cloud().clear_faults();
    bench.stub.cloud().fault("GetSecretValue", Fault::AccessDenied);
    let id = bench.new_key().unwrap().id;
    bench.start().await.ends(1).says("is not known");
    assert_eq!(bench.new_key().unwrap().id, id, "the new key is not taken for one without a secret");
}

#[tokio::test]
async fn a_young_key_without_a_secret_may_be_about_to_get_one() {
    let bench = Bench::new(Place::Secret).await;
    bench.stub.cloud().fault("PutSecretValue", Fault::AccessDenied);
    bench.start().await.ends(1);
    bench.stub.cloud().clear_faults();
    let sink = bench.sink();
    let mut patient = bare(&bench.stub.endpoint(), bench.folder.path(), &["start", USER, "--yes", "--sink", &sink]);
    end(patient.spawn().unwrap()).await.ends(3).says("another run may be about to store its secret");
}

#[tokio::test]
async fn without_a_word_nothing_is_changed() {
    let bench = Bench::new(Place::Secret).await;
    let sink = bench.sink();
    end(bench.begin(&["start", USER, "--sink", &sink])).await.ends(3).says("nobody can be asked here");
    end(bench.begin(&["start", USER, "--sink", &sink, "--dry-run"])).await.ends(0).says("create a second access key");
    assert_eq!(writes(&bench), 0);
    bench.start().await.ends(0);
    let before = writes(&bench);
    for args in
        [&["finish", USER, "--quiet=0s", "--dry-run"][..], &["backout", USER, "--dry-run"], &["run", "--dry-run"]]
    {
        end(bench.begin(args)).await.ends(0);
    }
    assert_eq!(writes(&bench), before);
}

#[tokio::test]
async fn the_key_that_signs_the_requests_is_not_made_inactive() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    let mut command = bench.command(&["finish", USER, "--quiet=0s", "--yes"]);
    command.env("AWS_ACCESS_KEY_ID", OLD);
    end(command.spawn().unwrap()).await.ends(3).says("itself signs with");
}

#[tokio::test]
async fn tags_that_make_no_sense_are_not_guessed_at() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    bench.stub.cloud().account(ACCOUNT).user(USER).tag("iam-key-rotate:stage", "nearly done");
    for verb in ["finish", "backout"] {
        bench.run(&[verb, USER]).await.ends(3).says("nearly done");
    }
    bench.start().await.ends(3);
    assert!(bench.is_active(OLD));
}

#[tokio::test]
async fn another_sink_than_that_of_the_rotation_is_refused() {
    let bench = Bench::new(Place::Command).await;
    bench.start().await.ends(0);
    bench.run(&["backout", USER]).await.ends(3).says("name it with --sink");
    bench.run(&["backout", USER, "--sink", "exec:true"]).await.ends(3).says("found another");
    bench.run(&["backout", USER, "--skip-sink"]).await.ends(0).says("left as it is");
}

/// Who may tag users would else say what runs with the credentials of the rotator.
#[tokio::test]
async fn a_command_that_a_tag_names_is_not_run() {
    let bench = Bench::new(Place::Secret).await;
    let (mark, tag) = (bench.path("ran"), |name: &str, value: &str| {
        bench.stub.cloud().account(ACCOUNT).user(USER).tag(&format!("iam-key-rotate:{name}"), value);
    });
    let command = format!("exec:touch {}", mark.display());
    tag("opt-in", &command);
    bench.run(&["start", USER]).await.ends(3).says("a tag may not name a command");
    bench.run(&["run"]).await.ends(1).says("a tag may not name a command");
    assert!(bench.new_key().is_none() && !mark.exists());
    bench.start().await.ends(0);
    tag("sink", &command);
    for verb in ["start", "backout", "run"] {
        assert_ne!(bench.run(&[verb, USER][..if verb == "run" { 1 } else { 2 }]).await.code, 0, "{verb}");
    }
    assert!(!mark.exists());
}

#[tokio::test]
async fn an_old_key_that_a_person_made_active_again_is_left_active() {
    let bench = Bench::new(Place::Secret).await;
    bench.start().await.ends(0);
    bench.finish(&[]).await.ends(0);
    bench.stub.cloud().account(ACCOUNT).user(USER).key(OLD, 0).active = true;
    bench.finish(&["--delete"]).await.ends(3).says("made it Active again");
    assert!(bench.is_active(OLD));
    bench.backout().await.ends(0);
}
