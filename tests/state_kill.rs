//! A state directory whose writer is killed at any moment holds the last state or the one
//! before, never anything else.
//!
//! The test starts itself again as the writer, so that there is a process to kill.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use iam_key_exporter::{
    inventory::{AccessKey, Account, LastUse, Status, User},
    state::StateDir,
};

const KILLS: u32 = 100;
const WRITER_DIR: &str = "STATE_KILL_WRITER_DIR";

#[test]
fn a_killed_writer_leaves_the_last_state_or_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut unequal = 0;
    for kill in 0..KILLS {
        let told = write_until_killed(dir.path(), kill.is_multiple_of(2), Duration::from_micros(rng.u64(0..4_000)));
        let found = load(dir.path());
        assert!(found == told || found == told + 1, "kill {kill}: told of {told}, found {found}");
        unequal += u32::from(found != told);
    }
    let last = load(dir.path());
    println!("{KILLS} kills of {last} states, {unequal} between a rename and its word");
    assert!(last >= KILLS / 2, "on no machine so slow that nothing was written");
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
        println!("saved {number}");
    }
}

/// The number of the last state that the writer told to be saved. It is killed a moment after it began,
/// or after its first word.
fn write_until_killed(dir: &Path, is_let_write: bool, after: Duration) -> u32 {
    let before = if dir.read_dir().unwrap().next().is_none() { 0 } else { load(dir) };
    let mut writer = start_writer(dir);
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("ready")));
    let first = if is_let_write { lines.next() } else { None };
    thread::sleep(after);
    writer.kill().unwrap();
    writer.wait().unwrap();
    first.into_iter().chain(lines).filter_map(|line| line.strip_prefix("saved ")?.parse().ok()).last().unwrap_or(before)
}

fn start_writer(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "writer", "--ignored", "--nocapture"]).env(WRITER_DIR, dir);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
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
