//! The independent judge: an AWS that we did not write.

use std::path::Path;

use testbed::{Exporter, Moto, Page, Settings};

use crate::{BINARY, DAY, QUICK};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

const SEED: &str = r#"
for name in ["ci-bot", "fresh", "nobody", "two+keys@example.com"]:
    iam.create_user("us-east-1", name, "/", [])
key("ci-bot", 97, used=1)
key("fresh", 3)
key("two+keys@example.com", 200, used=150, status="Inactive")
key("two+keys@example.com", 40, used=2)
"#;

fn days(page: &Page, family: &str, user: &str) -> Vec<i64> {
    let found = page.with(family, &[("user_name", user)]);
    #[expect(clippy::cast_possible_truncation, reason = "seconds of our time")]
    let mut days: Vec<i64> = found.iter().map(|sample| sample.value as i64 / DAY).collect();
    days.sort_unstable();
    days
}

#[tokio::test]
async fn an_account_of_moto_is_read_as_it_was_made() {
    let moto = Moto::start(Path::new(TOOLS), SEED).await.unwrap();
    let exporter = Exporter::start(BINARY, &Settings::of(moto.endpoint()).config(QUICK)).await.unwrap();
    let account = [("account_id", "123456789012")];
    let page = exporter.page_when("up", |page| page.value("aws_iam_account_up", &account) == Some(1.0)).await;
    assert_eq!(page.value("aws_iam_account_users", &account), Some(4.0));
    assert_eq!(page.value("aws_iam_account_access_keys_overdue", &account), Some(1.0));
    let age = "aws_iam_access_key_age_seconds";
    assert_eq!(days(&page, age, "ci-bot"), [97]);
    assert_eq!(days(&page, age, "fresh"), [3]);
    assert_eq!(days(&page, age, "two+keys@example.com"), [40, 200]);
    let due = page.with("aws_iam_access_key_rotation_due_timestamp_seconds", &[("user_name", "two+keys@example.com")]);
    assert_eq!(due.len(), 1, "one of the two is inactive");
    for (user, usage, status, count) in [("ci-bot", "used", "Active", 1), ("fresh", "never", "Active", 1)] {
        let labels = [("user_name", user), ("usage", usage), ("status", status)];
        assert_eq!(page.with("aws_iam_access_key_info", &labels).len(), count, "{user}: {}", page.text());
    }
}
