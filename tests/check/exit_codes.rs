//! 0: everything was read and nothing found; 1: something found; 2: not everything could be read.

use std::time::Duration;

use aws_stub::{Cloud, Fault, Stub};
use testbed::Settings;

use crate::{ACCOUNT, DAY, MEMBER, ORGANIZATION, QUICK, Run, check, key, run};

async fn with_key(days: i64) -> Stub {
    let stub = Stub::start().await.unwrap();
    key(&stub, ACCOUNT, "ci", days);
    stub
}

fn assert_code(run: &Run, code: i32, why: &str) {
    assert_eq!(run.code, Some(code), "{why}: {run:?}");
}

/// The reason that a check gives for its 2.
fn assert_unknown(run: &Run, what: &str) {
    assert_code(run, 2, what);
    assert!(run.stdout.contains("NOT KNOWN") && run.stdout.contains(what), "{what}: {run:?}");
    assert!(run.stdout.contains("exit code 2"), "{run:?}");
}

#[tokio::test]
async fn an_account_in_order_is_0_and_one_overdue_key_is_1() {
    let stub = with_key(89).await;
    assert_code(&check(&stub, "", &[]).await, 0, "89 days");
    stub.cloud().default_account().forget_report();
    key(&stub, ACCOUNT, "old", 90);
    let run = check(&stub, "", &[]).await;
    assert_code(&run, 1, "90 days");
    assert!(run.stdout.contains("overdue"), "{run:?}");
    assert_code(&check(&stub, "", &["--fail-on=never"]).await, 0, "nothing fails it");
}

#[tokio::test]
async fn no_configuration_file_is_needed() {
    let stub = with_key(100).await;
    let run = run(Settings::of(stub.endpoint()).arg("check")).await;
    assert_code(&run, 1, "the built-in 90 days");
}

/// A kind, what brings it about, and the codes at each level from the gravest.
type Case = (&'static str, fn(&mut Cloud), [i32; 3]);

#[tokio::test]
async fn each_kind_fails_from_its_level_on() {
    let cases: [Case; 7] = [
        ("root-key", |cloud| cloud.default_account().root_keys.push(aws_stub::Key::new("AKIAROOT", 1)), [1, 1, 1]),
        (
            "quarantined",
            |cloud| cloud.default_account().user("ci").attached_policies.push("AWSCompromisedKeyQuarantineV3".into()),
            [1, 1, 1],
        ),
        ("due-soon", |cloud| aged(cloud, 80, Some(1)), [0, 1, 1]),
        (
            "invalid-tag",
            |cloud| {
                cloud.default_account().user("ci").tag("until", "soon");
            },
            [0, 1, 1],
        ),
        ("unused", |cloud| aged(cloud, 60, Some(50)), [0, 0, 1]),
        ("never-used", |cloud| aged(cloud, 60, None), [0, 0, 1]),
        (
            "two-active-keys",
            |cloud| {
                let now = cloud.now();
                cloud.default_account().user("ci").key("AKIATWO", now - DAY);
            },
            [0, 0, 1],
        ),
    ];
    for (kind, change, codes) in cases {
        let stub = with_key(10).await;
        change(&mut stub.cloud());
        for (level, code) in ["overdue", "due-soon", "unused"].into_iter().zip(codes) {
            let fail_on = format!("--fail-on={level}");
            let run = check(&stub, "policy: { exempt_until_tag: until }\n", &[&fail_on, "--format=json"]).await;
            assert_code(&run, code, &format!("{kind} at {level}"));
            let kinds: Vec<_> = run.json()["findings"].as_array().unwrap().iter().map(|f| f["kind"].clone()).collect();
            assert!(kinds.contains(&kind.into()), "{kind}: {kinds:?}");
        }
    }
}

fn aged(cloud: &mut Cloud, created: i64, used: Option<i64>) {
    let now = cloud.now();
    let key = cloud.default_account().user("other").key("AKIAOTHER", now - created * DAY);
    if let Some(used) = used {
        key.used(now - used * DAY, "s3", "us-east-1");
    }
}

#[tokio::test]
async fn an_exempt_key_is_0_until_its_exemption_ends_soon() {
    let stub = with_key(200).await;
    let exempt = |days: i64| {
        let day = chrono::DateTime::from_timestamp(stub.cloud().now() + days * DAY, 0).unwrap().date_naive();
        format!("exemptions: [{{ user: ci, until: {day}, reason: vendor }}]\n")
    };
    assert_code(&check(&stub, &exempt(100), &["--fail-on=unused"]).await, 0, "exempt for long");
    assert_code(&check(&stub, &exempt(5), &["--fail-on=due-soon"]).await, 1, "for five days");
    assert_code(&check(&stub, &exempt(5), &[]).await, 0, "for five days, at overdue");
    assert_code(&check(&stub, &exempt(-2), &[]).await, 1, "no longer");
}

#[tokio::test]
async fn what_a_call_does_not_tell_is_2_and_never_0() {
    let faults = [
        ("ListAccessKeys", Fault::Throttle, "throttled"),
        ("ListAccessKeys", Fault::AccessDenied, "ListAccessKeys"),
        ("ListAccessKeys", Fault::CutBody, "ListAccessKeys"),
        ("ListAccessKeys", Fault::EmptyBody, "ListAccessKeys"),
        ("GetCredentialReport", Fault::Throttle, "GetCredentialReport"),
        ("GetCredentialReport", Fault::Report(b"user,arn\n".to_vec()), "credential report"),
        ("GetCredentialReport", Fault::DropConnection, "GetCredentialReport"),
        ("GetAccountAuthorizationDetails", Fault::ServiceFailure, "GetAccountAuthorizationDetails"),
        ("GetAccountAuthorizationDetails", Fault::CutBody, "GetAccountAuthorizationDetails"),
        ("GetAccountSummary", Fault::MalformedXml, "GetAccountSummary"),
        ("GetAccessKeyLastUsed", Fault::ExpiredToken, "GetAccessKeyLastUsed"),
        ("*", Fault::AccessDenied, "NOT KNOWN"),
    ];
    for (action, fault, what) in faults {
        // Old enough for its last use to be asked for directly.
        let stub = with_key(200).await;
        stub.cloud().fault(action, fault.clone());
        let run = check(&stub, "", &["--fail-on=never"]).await;
        assert_code(&run, 2, &format!("{action} {fault:?}"));
        assert!(run.stdout.to_lowercase().contains(&what.to_lowercase()), "{action} {fault:?}: {run:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_2() {
    let stub = with_key(200).await;
    stub.cloud().fault("ListAccessKeys", Fault::Delay(Duration::from_mins(10)));
    let impatient = QUICK.replace("attempt_timeout: 10s", "attempt_timeout: 400ms");
    let run = run(Settings::of(stub.endpoint()).config(&impatient).arg("check").arg("--fail-on=never")).await;
    assert_unknown(&run, "timeout");
}

#[tokio::test]
async fn a_page_that_is_cut_off_in_a_listing_is_2() {
    let stub = Stub::start().await.unwrap();
    (0..30).for_each(|number| key(&stub, ACCOUNT, &format!("user{number}"), 10));
    stub.cloud().set_page_size(10);
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        stub.cloud().fault(action, Fault::AccessDenied);
    }
    assert_code(&check(&stub, "", &["--fail-on=unused"]).await, 0, "a whole listing");
    // The retries of one page are three.
    stub.cloud().fault_times("ListUsers", Fault::CutBody, 3);
    assert_unknown(&check(&stub, "", &["--fail-on=unused"]).await, "ListUsers");
}

#[tokio::test]
async fn a_fault_that_passes_changes_nothing() {
    let stub = with_key(10).await;
    stub.cloud().fault_times("ListAccessKeys", Fault::Throttle, 1);
    stub.cloud().fault_times("GetCredentialReport", Fault::DropConnection, 2);
    assert_code(&check(&stub, "", &["--fail-on=unused"]).await, 0, "retried");
}

#[tokio::test]
async fn without_the_report_a_listing_is_as_good_but_for_root_keys() {
    let stub = with_key(10).await;
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        stub.cloud().fault(action, Fault::AccessDenied);
    }
    assert_code(&check(&stub, "", &["--fail-on=unused"]).await, 0, "no root key");
    stub.cloud().fault("GetAccountSummary", Fault::AccessDenied);
    assert_unknown(&check(&stub, "", &[]).await, "the keys of the root user");
    stub.cloud().clear_faults();
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        stub.cloud().fault(action, Fault::AccessDenied);
    }
    stub.cloud().default_account().root_keys.push(aws_stub::Key::new("AKIAROOT", 1));
    let run = check(&stub, "", &[]).await;
    assert_unknown(&run, "only the credential report tells how old they are");
    assert!(run.stdout.contains("root key"), "{run:?}");
}

#[tokio::test]
async fn a_report_without_the_root_row_needs_the_summary() {
    let stub = with_key(10).await;
    let report = crate::comparison::report(&stub.endpoint(), "").await;
    let rootless: Vec<&str> = report.lines().filter(|line| !line.starts_with("<root_account>")).collect();
    stub.cloud().fault("GetCredentialReport", Fault::Report(rootless.join("\n").into_bytes()));
    assert_code(&check(&stub, "", &["--fail-on=unused"]).await, 0, "the summary counts none");
    stub.cloud().fault("GetAccountSummary", Fault::AccessDenied);
    assert_unknown(&check(&stub, "", &[]).await, "the keys of the root user");
}

#[tokio::test]
async fn tags_and_quarantine_that_cannot_be_known_are_2_where_they_decide() {
    let stub = with_key(10).await;
    stub.cloud().fault("GetAccountAuthorizationDetails", Fault::AccessDenied);
    assert_code(&check(&stub, "", &[]).await, 0, "asked user by user");
    stub.cloud().fault("ListUserTags", Fault::AccessDenied);
    assert_code(&check(&stub, "", &[]).await, 0, "the policy reads no tags");
    let run = check(&stub, "policy: { max_age_tag: age }\n", &[]).await;
    assert_unknown(&run, "the tags that the policy reads");
    stub.cloud().fault("ListAttachedUserPolicies", Fault::AccessDenied);
    assert_unknown(&check(&stub, "", &[]).await, "which keys leaked is not known");
}

#[tokio::test]
async fn an_unknown_last_use_is_2() {
    let stub = with_key(100).await;
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        // Two alike: no report can tell which is which, and the key is gone when it is asked for.
        let user = cloud.default_account().user("ci");
        user.keys.clear();
        user.key("AKIAONE", now - 10 * DAY);
        user.key("AKIATWO", now - 10 * DAY);
    }
    let gone = Fault::Error { status: 404, code: "NoSuchEntity".into(), message: "gone".into() };
    stub.cloud().fault("GetAccessKeyLastUsed", gone);
    for fail_on in ["overdue", "due-soon", "unused", "never"] {
        let run = check(&stub, "", &[&format!("--fail-on={fail_on}")]).await;
        assert_unknown(&run, "account 111122223333: the last use of 2 active keys");
    }
}

#[tokio::test]
async fn one_broken_account_of_two_is_2_and_the_other_is_reported() {
    let stub = with_key(100).await;
    key(&stub, MEMBER, "member", 100);
    assert_code(&check(&stub, ORGANIZATION, &[]).await, 1, "both are read");
    stub.cloud().account(MEMBER).external_id = Some("asked-for".into());
    let run = check(&stub, ORGANIZATION, &[]).await;
    assert_unknown(&run, "AssumeRole");
    assert!(run.stdout.contains("AKIACI") && !run.stdout.contains("AKIAMEMBER"), "{run:?}");
    assert!(run.stdout.contains(&format!("NOT KNOWN: account {MEMBER}")), "{run:?}");
}

#[tokio::test]
async fn an_organization_that_cannot_be_listed_is_2() {
    let stub = with_key(10).await;
    stub.cloud().fault("ListAccounts", Fault::AccessDenied);
    assert_unknown(&check(&stub, ORGANIZATION, &[]).await, "the accounts of the organization");
}

#[tokio::test]
async fn credentials_that_tell_no_account_are_2() {
    let stub = with_key(10).await;
    stub.cloud().fault("GetCallerIdentity", Fault::AccessDenied);
    assert_unknown(&check(&stub, "", &[]).await, "whose credentials these are");
}

#[tokio::test]
async fn nothing_to_check_is_2_unless_other_shards_have_it() {
    let stub = with_key(10).await;
    let nobody = "own_account: false\norganization: { role_name: iam-key-exporter, include: [\"333333333333\"] }\n";
    assert_unknown(&check(&stub, nobody, &[]).await, "any account");
    let codes = [
        check(&stub, "", &["--total-shards=2", "--shard=0"]).await.code,
        check(&stub, "", &["--total-shards=2", "--shard=1"]).await.code,
    ];
    assert_eq!(codes, [Some(0), Some(0)]);
}

#[tokio::test]
async fn an_error_output_that_takes_nothing_changes_no_code() {
    let (stub, folder) = (with_key(100).await, tempfile::tempdir().unwrap());
    for (args, code) in [(["--format=json", "--fail-on=overdue"], 1), (["--format=json", "--output=/no/such/file"], 2)]
    {
        let mut command = crate::command(&crate::settings(&stub, ORGANIZATION, &args), folder.path());
        command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    }
}

#[tokio::test]
async fn what_cannot_even_begin_is_2() {
    let stub = with_key(100).await;
    let none = Settings::of(stub.endpoint()).config(QUICK).arg("check");
    let none = none.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    let no_credentials = run(none).await;
    assert_code(&no_credentials, 2, "no credentials");
    assert!(no_credentials.stderr.contains("no AWS credentials"), "{no_credentials:?}");
    assert_code(&check(&stub, "policy: { max_age: soon }\n", &[]).await, 2, "a wrong configuration");
    assert_code(&check(&stub, "", &["--fail-on=everything"]).await, 2, "a wrong argument");
    assert_code(&check(&stub, "", &["--profile=nobody"]).await, 2, "no such profile");
    assert_code(&check(&stub, "", &["--output=/no/such/folder/file"]).await, 2, "nowhere to write");
}

#[tokio::test]
async fn a_profile_is_checked_alone_under_the_policy_of_the_configuration() {
    let (stub, home) = (with_key(100).await, tempfile::tempdir().unwrap());
    key(&stub, MEMBER, "member", 50);
    stub.cloud().owner_of_key("AKIAPROFILE", MEMBER);
    std::fs::create_dir_all(home.path().join(".aws")).unwrap();
    let profile = "[profile audit]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\nregion = us-east-1\n";
    std::fs::write(home.path().join(".aws/config"), profile).unwrap();
    for (config, code) in [("", 0), ("policy: { max_age: 40d }\n", 1)] {
        let text = format!("{ORGANIZATION}{config}");
        let settings = crate::settings(&stub, &text, &["--profile=audit", "--format=json"]);
        let settings = settings.env("HOME", home.path().to_str().unwrap());
        let run = run(settings).await;
        assert_code(&run, code, config);
        let accounts = run.json()["accounts"].as_array().unwrap().clone();
        assert_eq!(accounts.len(), 1, "{accounts:?}");
        assert_eq!(accounts[0]["account_id"], MEMBER);
    }
}
