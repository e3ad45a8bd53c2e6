//! Tags that the policy reads: they work within one poll, and end without one.

use aws_stub::Stub;

use crate::in_process::{ACCOUNT, DAY, POLL, Watch, now, run};

fn overdue_user() -> Stub {
    let stub = Stub::unbound();
    stub.cloud().account(ACCOUNT).user("ci").key("AKIAOLD", now() - 100 * DAY);
    stub
}

fn tag(stub: &Stub, key: &str, value: &str) {
    stub.cloud().account(ACCOUNT).user("ci").tag(key, value);
}

fn date(at: i64) -> String {
    chrono::DateTime::from_timestamp(at, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[test]
fn an_exemption_tag_counts_within_one_poll_and_ends_by_itself() {
    run(async {
        let stub = overdue_user();
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert!(watch.overdue().contains("AKIAOLD"));
        let end = now() + 2 * DAY;
        tag(&stub, "exempt-until", &date(end));
        watch.poll_after(POLL).await;
        assert!(watch.overdue().is_empty());
        let exempt = watch.keys("aws_iam_access_key_exempt_until_timestamp_seconds");
        assert_eq!(exempt["AKIAOLD"], ("ci".to_owned(), end));
        watch.pass(end - now());
        assert!(watch.overdue().contains("AKIAOLD"), "without another poll");
        assert!(watch.keys("aws_iam_access_key_exempt_until_timestamp_seconds").is_empty());
    });
}

#[test]
fn a_tag_that_is_not_understood_exempts_nobody_and_is_shown() {
    run(async {
        let stub = overdue_user();
        tag(&stub, "exempt-until", "next year");
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert!(watch.overdue().contains("AKIAOLD"));
        assert_eq!(watch.value("aws_iam_user_tag_invalid", "tag_key=\"exempt-until\""), Some(1));
    });
}

#[test]
fn a_shorter_maximum_age_by_tag_makes_a_key_overdue_and_due_keys_are_still_confirmed() {
    run(async {
        let stub = Stub::unbound();
        stub.cloud().account(ACCOUNT).user("ci").key("AKIAYOUNG", now() - 10 * DAY);
        tag(&stub, "max-age", "7d");
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        assert!(watch.overdue().contains("AKIAYOUNG"));
        stub.cloud().account(ACCOUNT).remove_user("ci");
        watch.poll_after(POLL).await;
        assert!(watch.overdue().is_empty(), "gone within one poll");
    });
}
