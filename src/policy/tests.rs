use super::*;
use crate::{
    config::Config,
    inventory::{LastUse, Status, Tag},
};

const DAY: i64 = 86_400;
const ACCOUNT: &str = "111122223333";

/// 2027-01-31T00:00:00Z.
const JANUARY_31: i64 = 1_801_353_600;

const TAGS: &str = "policy: { max_age_tag: 'rotation:max-age', exempt_until_tag: 'rotation:exempt-until' }\n";

fn policy(text: &str) -> Policy {
    Policy::new(&Config::parse(text).unwrap())
}

fn key(created: Timestamp, status: Status) -> AccessKey {
    AccessKey { id: "AKIAEXAMPLE".into(), created, status, last_use: LastUse::Unknown }
}

fn user(name: &str, tags: &[(&str, &str)]) -> User {
    let tags = tags.iter().map(|(key, value)| Tag { key: (*key).into(), value: (*value).into() }).collect();
    User { tags, ..User::new(name.into(), "/".into()) }
}

fn max_days(policy: &Policy, user: &User) -> i64 {
    policy.of(ACCOUNT, user).due(0) / DAY
}

#[test]
fn an_active_key_falls_due_exactly_max_age_after_its_creation() {
    let policy = policy("");
    let due = policy.of(ACCOUNT, &user("u", &[])).overdue_from(&key(1_000, Status::Active)).unwrap();
    assert_eq!(due, 1_000 + 90 * DAY);
    assert_eq!(overdue(&[due], due - 1), 0);
    assert_eq!(overdue(&[due], due), 1);
}

#[test]
fn an_inactive_key_never_falls_due() {
    let policy = policy("policy: { max_age: 1s, warn_before: 1ms }");
    assert_eq!(policy.of(ACCOUNT, &user("u", &[])).overdue_from(&key(0, Status::Inactive)), None);
}

#[test]
fn an_absurdly_long_limit_does_not_overflow() {
    let policy = Policy { max_age: i64::MAX, ..policy("") };
    assert_eq!(policy.of(ACCOUNT, &user("u", &[])).due(1), i64::MAX);
}

#[test]
fn the_first_override_that_matches_wins() {
    let policy = policy(
        "overrides:\n- { account: '*', user: 'breakglass-*', max_age: 30d }\n- { account: '1111*', user: '*', max_age: 60d }\n",
    );
    assert_eq!(max_days(&policy, &user("breakglass-1", &[])), 30);
    assert_eq!(max_days(&policy, &user("ci", &[])), 60);
    assert_eq!(policy.of("222233334444", &user("ci", &[])).due(0), 90 * DAY);
}

#[test]
fn a_tag_beats_overrides_and_the_default_up_or_down_where_its_key_is_configured() {
    let overridden = "overrides: [{ account: '*', user: '*', max_age: 30d }]\n";
    let long = user("ci", &[("Rotation:Max-Age", " 365d ")]);
    assert_eq!(max_days(&policy(&format!("{TAGS}{overridden}")), &long), 365);
    assert_eq!(max_days(&policy(overridden), &long), 30, "the tag is not configured");
    assert_eq!(max_days(&policy(TAGS), &user("ci", &[("rotation:max-age", "7d")])), 7);
}

#[test]
fn an_exemption_holds_through_its_last_day_and_then_ends_by_itself() {
    let policy = policy("exemptions: [{ account: '*', user: 'ses-*', until: 2027-01-31, reason: vendor }]\n");
    let verdict = policy.of(ACCOUNT, &user("ses-mail", &[]));
    assert_eq!(verdict.exempt_until(), Some(JANUARY_31 + DAY));
    assert_eq!(verdict.overdue_from(&key(0, Status::Active)), Some(JANUARY_31 + DAY));
    let young = JANUARY_31;
    assert_eq!(verdict.overdue_after(young), young + 90 * DAY, "it ends before the key is due");
    assert_eq!(policy.of(ACCOUNT, &user("ci", &[])).exempt_until(), None);
}

#[test]
fn of_several_exemptions_the_longest_holds() {
    let text = format!("{TAGS}exemptions: [{{ account: '*', user: '*', until: 2027-01-30, reason: x }}]\n");
    let policy = policy(&text);
    let tagged = user("ci", &[("rotation:exempt-until", "2027-01-31T12:00:00Z")]);
    assert_eq!(policy.of(ACCOUNT, &tagged).exempt_until(), Some(JANUARY_31 + DAY / 2));
    assert_eq!(policy.of(ACCOUNT, &user("ci", &[])).exempt_until(), Some(JANUARY_31));
}

#[test]
fn a_tag_that_is_not_understood_is_told_and_exempts_nobody() {
    let policy = policy(TAGS);
    for value in ["", "soon", "31.01.2027", "2027-02-30", "-1d", "0d", "90"] {
        let user = user("ci", &[("rotation:exempt-until", value), ("rotation:max-age", value)]);
        let verdict = policy.of(ACCOUNT, &user);
        assert_eq!(verdict.invalid_tags, ["rotation:max-age", "rotation:exempt-until"], "{value:?}");
        assert_eq!((verdict.exempt_until(), verdict.due(0)), (None, 90 * DAY), "{value:?}");
    }
}

#[test]
fn a_tag_that_no_rule_reads_exempts_nobody() {
    let user = user("ci", &[("rotation:exempt-until", "2027-01-31")]);
    assert_eq!(policy("").of(ACCOUNT, &user).exempt_until(), None);
}
