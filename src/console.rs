//! Standard output and standard error. Whoever closed one of them has seen enough: that is never an error.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, IsTerminal, Write},
};

/// Writes to standard output.
///
/// # Errors
/// When it cannot be written although somebody reads it: a full disk.
pub fn print(text: &[u8]) -> io::Result<()> {
    print_to(&mut io::stdout().lock(), text)
}

/// As `print`, to what is standard output in another guise.
///
/// # Errors
/// When it cannot be written although somebody reads it.
pub fn print_to(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    let written = out.write_all(text).and_then(|()| out.flush());
    written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// A line on standard output, to whom listens: a pipe that was closed must not stop a rotation half-way.
pub fn say(line: Arguments<'_>) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// A line on standard error. Where nobody can read it, the exit code still has to tell.
pub fn warn(line: Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// What a terminal or a log shipper may take for an order instead of text: control characters,
/// line and paragraph separators, and the marks that reverse the direction of writing.
pub(crate) fn breaks_lines(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many accounts were read, on standard error: a line that is overwritten on a terminal, else a line
/// at each tenth.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    is_terminal: bool,
}

impl Progress {
    /// On standard error as it is.
    #[must_use]
    pub fn on_stderr() -> Self {
        Self { is_terminal: io::stderr().is_terminal() }
    }

    /// So many are done.
    pub fn show(self, done: usize, total: usize) {
        if let Some(line) = self.line(done, total) {
            drop(io::stderr().lock().write_all(line.as_bytes()));
        }
    }

    /// Nothing more comes.
    pub fn end(self) {
        if self.is_terminal {
            drop(io::stderr().lock().write_all(b"\r\x1b[K"));
        }
    }

    fn line(self, done: usize, total: usize) -> Option<String> {
        let is_tenth = |done: usize| done * 10 / total.max(1) > done.saturating_sub(1) * 10 / total.max(1);
        match self.is_terminal {
            true => Some(format!("\rread {done} of {total} accounts …\x1b[K")),
            false if total > 1 && done > 0 && is_tenth(done) => Some(format!("read {done} of {total} accounts\n")),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_ten_lines_and_a_terminal_one() {
        let log = Progress { is_terminal: false };
        let lines: Vec<String> = (0..=1_000).filter_map(|done| log.line(done, 1_000)).collect();
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[9], "read 1000 of 1000 accounts\n");
        assert_eq!((0..=1).find_map(|done| log.line(done, 1)), None);
        let terminal = Progress { is_terminal: true };
        assert!((0..=3).all(|done| terminal.line(done, 3).unwrap().starts_with('\r')));
    }
}
