//! A child process: its words are kept, and it never outlives its handle.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::wait;

/// A running child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Log,
}

/// What a process has written so far, on either output.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<String>>);

impl Process {
    /// Starts it. Should we be killed, it is too.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: &Command) -> io::Result<Self> {
        let mut leashed = leashed(command);
        leashed.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = leashed.spawn()?;
        let log = Log::default();
        log.collect(child.stdout.take());
        log.collect(child.stderr.take());
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its memory in MiB: `VmRSS` is what it has now, `VmHWM` the most that it ever had (proc(5)).
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn memory(&self, key: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a running process");
        let line = status.lines().find(|line| line.starts_with(key)).expect("a key of proc(5)");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        kib.expect("a number of KiB") / 1024.0
    }

    /// Waits until it says where it listens: `address=` in a line that has this word.
    ///
    /// # Errors
    /// When it ends first, or says nothing in time; with its log.
    pub async fn address(&mut self, word: &str) -> io::Result<String> {
        let found = wait::until(Duration::from_secs(30), async || {
            let ended = self.child.try_wait().ok().flatten();
            match address_in(&self.log(), word) {
                Some(address) => Ok(Ok(address)),
                None if ended.is_some() => Ok(Err(ended)),
                None => Err("no address yet".to_owned()),
            }
        });
        match found.await {
            Ok(Ok(address)) => Ok(address),
            _ => Err(io::Error::other(format!("{} did not begin to listen; it said:\n{}", self.name, self.log()))),
        }
    }

    /// Sends a signal such as `TERM`.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal} could not be sent to {}", self.name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on for longer than `limit`.
    pub async fn exit(&mut self, limit: Duration) -> ExitStatus {
        let ended =
            wait::until(limit, async || self.child.try_wait().ok().flatten().ok_or_else(|| "it still runs".to_owned()));
        let ended = ended.await;
        ended.unwrap_or_else(|_| panic!("{} did not end within {limit:?}; it said:\n{}", self.name, self.log()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Log {
    fn collect(&self, output: Option<impl Read + Send + 'static>) {
        let (Some(output), log) = (output, self.0.clone()) else { return };
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                writeln!(log, "{line}").expect("writing to a String does not fail");
            }
        });
    }
}

/// The same command, run so that the kernel kills it when we are gone.
fn leashed(command: &Command) -> Command {
    let mut leashed = Command::new("setpriv");
    leashed.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => leashed.env(name, value),
            None => leashed.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        leashed.current_dir(folder);
    }
    leashed
}

fn address_in(log: &str, word: &str) -> Option<String> {
    let of = |line: &str, name, end: fn(char) -> bool| {
        let (_, address) = line.split_once(name).filter(|_| line.contains(word))?;
        Some(address.trim_start_matches('"').split(end).next()?.to_owned())
    };
    let json = |line| of(line, "\"address\":", |c| c == '"');
    log.lines().find_map(|line| of(line, "address=", |c| c == '"' || c.is_whitespace()).or_else(|| json(line)))
}
