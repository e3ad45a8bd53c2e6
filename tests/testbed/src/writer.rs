//! A writer that is killed at any moment, and started again.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use fastrand::Rng;

/// An ignored test of the running test program. It reads what is there, prints `ready`, and then writes
/// one number after the other without end, and prints `wrote NUMBER` after each.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// Its name, with its modules.
    pub test: &'a str,
    /// The environment variable that tells it where to write.
    pub variable: &'a str,
    /// Where.
    pub place: &'a Path,
}

impl Writer<'_> {
    /// Kills it so many times: within `moment` from its beginning, and every second time from its first word.
    /// What is found then must be the last number that it told of, or the next.
    ///
    /// # Panics
    /// When something else is found, or when it hardly ever wrote.
    pub fn is_killed(&self, times: u32, moment: Duration, find: impl Fn() -> u32) {
        let first = find();
        let (mut random, mut last, mut unequal) = (Rng::with_seed(7), first, 0);
        for kill in 0..times {
            let after = moment.mul_f64(random.f64());
            let told = self.last_word(kill.is_multiple_of(2), after).unwrap_or(last);
            last = find();
            assert!(last == told || last == told + 1, "kill {kill}: told of {told}, found {last}");
            unequal += u32::from(last != told);
        }
        println!("{times} kills, {} written, {unequal} between the writing and its word", last - first);
        assert!(last - first >= times / 2, "it hardly ever wrote: {first}, then {last}");
    }

    /// The last number that it told of before it was killed.
    fn last_word(&self, is_let_write: bool, after: Duration) -> Option<u32> {
        let mut writer = self.start();
        let mut lines = BufReader::new(writer.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with("ready")), "{} does not begin", self.test);
        let first = if is_let_write { lines.next() } else { None };
        thread::sleep(after);
        writer.kill().expect("it is ours");
        writer.wait().expect("it is ours");
        first.into_iter().chain(lines).filter_map(|line| line.strip_prefix("wrote ")?.parse().ok()).last()
    }

    fn start(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().expect("a test program"));
        command.args(["--exact", self.test, "--ignored", "--nocapture"]).env(self.variable, self.place);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it has just started us")
    }
}
