//! Accounts full of users: one for the demo, and uniform ones of any size.

use crate::account::Account;
use crate::cloud::Cloud;
use crate::ids;
use crate::user::{Key, Password, User};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// The age at which a key of [`uniform`] is overdue.
const OVERDUE_DAYS: i64 = 120;

/// Fills the default account with users in every state that a key can be in.
pub fn demo(cloud: &mut Cloud, now: i64) {
    let account = cloud.default_account();
    "Example production".clone_into(&mut account.name);
    account.alias = Some("example-prod".to_owned());
    account.created = now - 2_000 * DAY;
    account.root_mfa_active = true;
    account.root_password = Some(Password { changed: now - 2_000 * DAY, last_used: Some(now - 300 * DAY) });
    search_team(account, now);
    payments_team(account, now);
    platform_team(account, now);
    people(account, now);
}

fn search_team(account: &mut Account, now: i64) {
    let user = employ(account, "search-indexer", "/search/", "search", now - 700 * DAY);
    first_key(user, now - 12 * DAY).used(now - 2 * HOUR, "s3", "eu-central-1");
    let user = employ(account, "search-crawler", "/search/", "search", now - 500 * DAY);
    first_key(user, now - 80 * DAY).used(now - 3 * HOUR, "sqs", "eu-central-1");
    let user = employ(account, "search-export", "/search/", "search", now - 400 * DAY);
    first_key(user, now - 97 * DAY).used(now - DAY, "s3", "us-east-1");
}

fn payments_team(account: &mut Account, now: i64) {
    let user = employ(account, "payments-archive", "/payments/", "payments", now - 900 * DAY);
    first_key(user, now - 400 * DAY);
    let user = employ(account, "payments-batch", "/payments/", "payments", now - 600 * DAY);
    key_number(user, 1, now - 60 * DAY).used(now - 5 * DAY, "dynamodb", "eu-west-1");
    key_number(user, 2, now - 5 * DAY).used(now - HOUR, "dynamodb", "eu-west-1");
    let user = employ(account, "payments-reconcile", "/payments/", "payments", now - 650 * DAY);
    key_number(user, 1, now - 300 * DAY).used(now - 250 * DAY, "s3", "eu-west-1").deactivate();
    key_number(user, 2, now - 30 * DAY).used(now - 6 * HOUR, "s3", "eu-west-1");
}

fn platform_team(account: &mut Account, now: i64) {
    let user = employ(account, "platform-ci", "/platform/", "platform", now - 300 * DAY);
    first_key(user, now - 45 * DAY).used(now - 600, "ecr", "us-east-1");
    user.tag("description", "builds & <deploys>");
    let user = employ(account, "platform-backup", "/platform/", "platform", now - 1_000 * DAY);
    first_key(user, now - 500 * DAY).used(now - 480 * DAY, "s3", "us-east-1").deactivate();
    let user = employ(account, "platform-metrics", "/équipe/plateforme/", "platform", now - 90 * DAY);
    first_key(user, now - 20 * DAY).used(now - 2 * DAY, "monitoring", "N/A");
    user.tag("owner", "Zoë Łukasiewicz");
    let user = employ(account, "platform-sandbox", "/platform/", "platform", now - 60 * DAY);
    first_key(user, now - 40 * DAY);
}

/// Two who have no key, and one who has left the company without anybody's noticing.
fn people(account: &mut Account, now: i64) {
    for (name, used) in [("alice", Some(now - DAY)), ("bob", None)] {
        let user = account.user(name);
        user.created = now - 800 * DAY;
        user.password = Some(Password { changed: now - 50 * DAY, last_used: used });
        user.mfa_active = true;
    }
    let user = account.user("carol");
    user.created = now - 1_200 * DAY;
    first_key(user, now - 1_100 * DAY).used(now - 700 * DAY, "ec2", "us-west-2");
}

fn employ<'a>(account: &'a mut Account, name: &str, path: &str, team: &str, created: i64) -> &'a mut User {
    let user = account.user(name);
    path.clone_into(&mut user.path);
    user.created = created;
    user.tag("team", team).tag("owner", &format!("{team}@example.com"));
    user
}

fn first_key(user: &mut User, created: i64) -> &mut Key {
    key_number(user, 1, created)
}

fn key_number(user: &mut User, number: u32, created: i64) -> &mut Key {
    let id = ids::key_id(ids::seed_of(&[&user.user_id, &number.to_string()]));
    user.key(&id, created)
}

/// Fills an account with users of whom a share has one key, of which a share is overdue. The same
/// arguments make the same users, evenly mixed.
pub fn uniform(cloud: &mut Cloud, account: &str, users: u32, keyed_share: f64, overdue_share: f64, now: i64) {
    let account = cloud.account(account);
    let mut keyed = 0;
    for number in 0..users {
        let user = account.user(&format!("user-{number:05}"));
        user.created = now - 1_000 * DAY;
        user.tag("team", &format!("team-{}", number % 20));
        if !picked(number, keyed_share) {
            continue;
        }
        let overdue = picked(keyed, overdue_share);
        let age = if overdue { OVERDUE_DAYS } else { 10 + i64::from(keyed % 60) };
        let key = first_key(user, now - age * DAY);
        if keyed % 3 != 2 {
            key.used(now - HOUR * i64::from(1 + keyed % 48), "s3", "us-east-1");
        }
        keyed += 1;
    }
}

/// Picks a share of all numbers, spread evenly; exactly the share of any run from zero.
fn picked(number: u32, share: f64) -> bool {
    let before = |number: f64| number.mul_add(share, 1e-9).floor();
    before(f64::from(number) + 1.0) > before(f64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::DEFAULT_ACCOUNT;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn the_demo_has_every_kind_of_key() {
        let mut cloud = Cloud::default();
        demo(&mut cloud, NOW);
        let account = cloud.account(DEFAULT_ACCOUNT);
        assert!((12..=14).contains(&account.users.len()));
        assert!(account.root_keys.is_empty());
        let keys: Vec<_> = account.users.values().flat_map(|user| &user.keys).collect();
        let aged = |days: i64| keys.iter().any(|key| key.created == NOW - days * DAY);
        assert!([12, 80, 97, 400].into_iter().all(aged));
        assert!(keys.iter().any(|key| !key.active));
        let teams: std::collections::BTreeSet<_> =
            account.users.values().filter_map(|user| user.tags.get("team")).collect();
        assert_eq!(teams.len(), 3);
    }

    #[test]
    fn a_uniform_fleet_has_the_shares_asked_for() {
        let mut cloud = Cloud::default();
        uniform(&mut cloud, "222233334444", 500, 0.29, 0.1, NOW);
        let account = cloud.account("222233334444");
        let keys: Vec<_> = account.users.values().flat_map(|user| &user.keys).collect();
        assert_eq!((account.users.len(), keys.len()), (500, 145));
        let overdue = keys.iter().filter(|key| key.created <= NOW - OVERDUE_DAYS * DAY);
        assert_eq!(overdue.count(), 14);
    }
}
