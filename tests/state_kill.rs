//! A state directory whose writer is killed at any moment holds the last state or the one
//! before, never anything else.
//!
//! The test starts itself again as the writer, so that there is a process to kill.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::Path, time::Duration};

use iam_key_exporter::{
    inventory::{AccessKey, Account, LastUse, Status, User},
    state::StateDir,
};
use testbed::Writer;

const KILLS: u32 = 100;
const WRITER_DIR: &str = "STATE_KILL_WRITER_DIR";

#[test]
fn a_killed_writer_leaves_the_last_state_or_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer { test: "writer", variable: WRITER_DIR, place: dir.path() };
    writer.is_killed(KILLS, Duration::from_millis(4), || load(dir.path()));
    let aside = std::fs::read_dir(dir.path()).unwrap().filter_map(Result::ok);
    assert!(aside.filter(|file| file.path().extension().is_some_and(|end| end == "untrusted")).count() == 0);
}

/// Not a test: the writer that the test above starts and kills.
#[test]
#[ignore = "runs only as the process that is killed"]
#[expect(clippy::disallowed_methods, reason = "how the test tells its writer where")]
fn writer() {
    let state = StateDir::open(Path::new(&std::env::var(WRITER_DIR).unwrap())).unwrap();
    let first = state.load().first().map_or(1, |account| number(account) + 1);
    println!("ready");
    for number in first.. {
        state.save(&account(number)).unwrap();
        println!("wrote {number}");
    }
}

/// The state of the directory; whole, or this fails.
fn load(dir: &Path) -> u32 {
    match &StateDir::open(dir).unwrap().load()[..] {
        [] => 0,
        [account] => number(account),
        several => panic!("{} states", several.len()),
    }
}

/// A state whose every part carries its number, and that takes more than one page of a disk.
fn account(number: u32) -> Account {
    let mut account = Account::new(&"111122223333".into(), &"aws".into());
    account.due_keys_at = Some(number.into());
    account.users = (0..200).map(|place| user(place, number)).collect();
    account
}

fn user(place: u32, number: u32) -> User {
    let mut user = User::new(format!("user-{place:03}").into(), "/".into());
    let (created, last_use) = (number.into(), LastUse::Never);
    user.keys = vec![AccessKey { id: format!("AKIA{place}").into(), created, status: Status::Active, last_use }];
    user
}

fn number(account: &Account) -> u32 {
    let numbers: Vec<_> = account.keys().map(|(_, key)| key.created).collect();
    assert!(numbers.iter().all(|created| Some(*created) == account.due_keys_at), "parts of two states");
    assert_eq!(numbers.len(), 200);
    account.due_keys_at.unwrap().try_into().unwrap()
}
