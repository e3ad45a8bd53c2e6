//! The last good data of each account on disk, so that a restart during an outage of AWS
//! neither loses nor resolves an alert.
//!
//! One file per account, replaced atomically. What cannot be trusted is set aside and told.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::{Crc, CrcWriter};

use crate::inventory::Account;

/// Raised when the meaning of the file changes. Older files are then read by older code only.
const VERSION: u32 = 1;

/// What a file begins with, before its version and checksum.
const MAGIC: &str = "iam-key-exporter-state";

const ENDING: &str = "state";

/// A directory with one file per account.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// Why a file is not trusted.
#[derive(Debug, thiserror::Error)]
enum Untrusted {
    #[error("it does not begin with {MAGIC:?}")]
    Foreign,
    #[error("it has version {0}, this program reads {VERSION}")]
    Version(u32),
    #[error("it is damaged: its checksum does not fit")]
    Checksum,
    #[error("it is damaged")]
    Content(#[from] serde_json::Error),
}

impl StateDir {
    /// Opens the directory, making it if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// The accounts that were saved. Files that cannot be trusted are set aside.
    #[must_use]
    pub fn load(&self) -> Vec<Arc<Account>> {
        self.load_others(|_| false)
    }

    /// As `load`, without those that are known.
    pub fn load_others(&self, is_known: impl Fn(&str) -> bool) -> Vec<Arc<Account>> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_state = |file: &PathBuf| file.extension().is_some_and(|end| end == ENDING);
        let is_wanted = |file: &PathBuf| !file.file_stem().is_some_and(|id| is_known(&id.to_string_lossy()));
        let mut files: Vec<_> = files.filter(is_state).filter(is_wanted).collect();
        files.sort();
        files.iter().filter_map(|file| load_file(file)).collect()
    }

    /// Replaces the account's file.
    ///
    /// # Errors
    /// When the new file cannot be written whole, or another save of it is under way; the old one is
    /// then still there.
    pub fn save(&self, account: &Account) -> io::Result<()> {
        let file = self.path.join(format!("{}.{ENDING}", account.id));
        let new = file.with_extension("new");
        let mut out = open_alone(&new)?;
        encode(account, &mut out)?;
        out.sync_all()?;
        fs::rename(&new, &file)?;
        File::open(&self.path)?.sync_all()
    }

    /// Takes away the file of an account that is watched no longer.
    pub fn remove(&self, id: &str) {
        let file = self.path.join(format!("{id}.{ENDING}"));
        if let Err(error) = fs::remove_file(&file)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %file.display(), %error, "the state of an account that is gone could not be removed");
        }
    }
}

/// Two writers of one file would mix their bytes: this exporter before a reload, on a disk that hangs,
/// or another one that was given the same directory.
fn open_alone(new: &Path) -> io::Result<File> {
    let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "another save of this account is under way");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(new)?;
    // A file system without locks is written to as if there were one.
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !is_still(new, &file) {
        return Err(busy());
    }
    file.set_len(0)?;
    Ok(file)
}

/// Whoever held the lock may have renamed the file: then it is the state itself.
fn is_still(path: &Path, file: &File) -> bool {
    let inode = |metadata: io::Result<Metadata>| metadata.ok().map(|metadata| metadata.ino());
    inode(fs::metadata(path)).is_some_and(|there| inode(file.metadata()) == Some(there))
}

/// What could not be read may be good: it stays where it is.
fn load_file(file: &Path) -> Option<Arc<Account>> {
    let shown = file.display();
    let content = fs::read(file);
    let content = content.inspect_err(|error| tracing::warn!(file = %shown, %error, "a state file could not be read"));
    match decode(&content.ok()?) {
        Ok(account) => Some(Arc::new(account)),
        Err(reason) => {
            let aside = file.with_extension("untrusted");
            let moved = fs::rename(file, &aside).map_or_else(|e| e.to_string(), |()| aside.display().to_string());
            tracing::warn!(file = %shown, %reason, set_aside = moved, "a state file is not trusted");
            None
        }
    }
}

/// Written twice, the first time for its checksum alone: large accounts are never held as text.
fn encode(account: &Account, out: &mut impl Write) -> io::Result<()> {
    let mut body = CrcWriter::new(io::sink());
    serde_json::to_writer(&mut body, account)?;
    let mut out = BufWriter::new(out);
    writeln!(out, "{MAGIC} {VERSION} {:08x}", body.crc().sum())?;
    serde_json::to_writer(&mut out, account)?;
    out.flush()
}

fn decode(content: &[u8]) -> Result<Account, Untrusted> {
    let end = content.iter().position(|byte| *byte == b'\n').ok_or(Untrusted::Foreign)?;
    let head = std::str::from_utf8(&content[..end]).map_err(|_| Untrusted::Foreign)?;
    let words: Vec<_> = head.split(' ').collect();
    let [MAGIC, version, sum] = words[..] else { return Err(Untrusted::Foreign) };
    let version = version.parse().map_err(|_| Untrusted::Foreign)?;
    if version != VERSION {
        return Err(Untrusted::Version(version));
    }
    let body = &content[end + 1..];
    if format!("{:08x}", checksum(body)) != sum {
        return Err(Untrusted::Checksum);
    }
    Ok(serde_json::from_slice(body)?)
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn account() -> Account {
        Account::new(&"111122223333".into(), &"aws".into())
    }

    fn with_file(content: &[u8]) -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        fs::write(dir.path().join("111122223333.state"), content).unwrap();
        (dir, state)
    }

    fn assert_set_aside(content: &[u8]) {
        let (dir, state) = with_file(content);
        assert!(state.load().is_empty());
        assert_eq!(fs::read(dir.path().join("111122223333.untrusted")).unwrap(), content);
        assert!(!dir.path().join("111122223333.state").exists());
    }

    #[test]
    fn what_is_saved_is_loaded_and_only_we_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("new/dir")).unwrap();
        state.save(&account()).unwrap();
        assert_eq!(state.load(), [Arc::new(account())]);
        let file = dir.path().join("new/dir/111122223333.state");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_removed_account_is_not_loaded_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.save(&account()).unwrap();
        state.remove("111122223333");
        state.remove("111122223333");
        assert!(state.load().is_empty());
    }

    #[test]
    fn an_account_that_is_known_is_not_read_again() {
        let (dir, state) = with_file(b"damaged");
        assert!(state.load_others(|id| id == "111122223333").is_empty());
        assert!(dir.path().join("111122223333.state").exists());
    }

    #[test]
    fn what_cannot_be_read_stays_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let file = dir.path().join("111122223333.state");
        fs::create_dir(&file).unwrap();
        assert!(state.load().is_empty());
        assert!(file.exists());
    }

    #[test]
    fn a_second_writer_gives_way_and_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        state.save(&account()).unwrap();
        let first = open_alone(&dir.path().join("111122223333.new")).unwrap();
        let error = state.save(&account()).unwrap_err();
        assert_eq!(error.to_string(), "another save of this account is under way");
        drop(first);
        state.save(&account()).unwrap();
        let new = dir.path().join("111122223333.new");
        let file = File::create(&new).unwrap();
        assert!(is_still(&new, &file));
        fs::rename(&new, dir.path().join("111122223333.other")).unwrap();
        assert!(!is_still(&new, &file), "it was renamed");
        File::create(&new).unwrap();
        assert!(!is_still(&new, &file), "another has its name");
        assert_eq!(state.load(), [Arc::new(account())]);
    }

    #[test]
    fn damaged_foreign_newer_and_empty_files_are_set_aside() {
        let mut good = Vec::new();
        encode(&account(), &mut good).unwrap();
        assert_set_aside(b"");
        assert_set_aside(b"{}");
        assert_set_aside(&good[..good.len() - 1]);
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_set_aside(&flipped);
        let newer = String::from_utf8(good).unwrap().replacen("state 1", "state 2", 1);
        assert_set_aside(newer.as_bytes());
    }
}
