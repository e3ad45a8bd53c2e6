//! A file that only its owner may read. What is there already is never overwritten.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Held, NOT_AS_STORED, SinkError, names, still_handed_out};
use crate::rotate::{
    audit::{self, Subject},
    secret::SecretKey,
};

/// A longer file is no document of ours.
const LONGEST: u64 = 64 * 1024;

/// The file at a path; stored beside it, and renamed to it.
#[derive(Debug)]
pub(in crate::rotate) struct File {
    path: PathBuf,
}

impl File {
    pub(in crate::rotate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn check(&self) -> Result<(), SinkError> {
        for path in [&self.path, &self.stored()] {
            match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("looking at", path)(error)),
                Ok(_) => {
                    return Err(SinkError::Unfit(format!(
                        "{} is there already and is never overwritten: move it away, or name another file",
                        path.display()
                    )));
                }
            }
        }
        let folder = self.folder();
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(SinkError::Unfit(format!("{} is not a folder", folder.display()))),
            Err(error) => Err(failed("looking at the folder", folder)(error)),
        }
    }

    pub(super) fn held(&self, id: &str) -> Result<Held, SinkError> {
        if let Some(key) = read(&self.path, id)? {
            return Ok(Held::Current(key));
        }
        Ok(read(&self.stored(), id)?.map_or(Held::No, Held::Stored))
    }

    /// Whole or not at all: a crash leaves at most a part of it under a name of its own.
    pub(super) fn store(&self, subject: &Subject<'_>, key: &SecretKey) -> Result<(), SinkError> {
        let (part, stored) = (self.part(&key.id), self.stored());
        let document = key.document();
        let written = write(&part, &document).map_err(failed("writing", &part));
        let written = written.and_then(|()| self.rename(&part, &stored));
        audit::local(subject, "WriteFile", &key.id, &stored.display().to_string(), &written);
        written
    }

    pub(super) fn promote(&self, subject: &Subject<'_>, id: &str) -> Result<(), SinkError> {
        match self.held(id)? {
            Held::Current(_) => self.sync_folder(),
            Held::Stored(_) => {
                let renamed = self.rename(&self.stored(), &self.path);
                audit::local(subject, "RenameFile", id, &self.path.display().to_string(), &renamed);
                renamed
            }
            Held::No => Err(SinkError::Unfit(format!("{} does not hold key {id} any more", self.stored().display()))),
        }
    }

    pub(super) fn can_restore(&self, new: &str) -> Result<(), SinkError> {
        match text(&self.path)? {
            Some(text) if names(&text, new) && SecretKey::read(&text, new).is_none() => {
                Err(still_handed_out(new, NOT_AS_STORED))
            }
            _ => Ok(()),
        }
    }

    /// There was no file before. The new one goes aside under a name of its own: nothing is deleted.
    pub(super) fn restore(&self, subject: &Subject<'_>, new: &str) -> Result<String, SinkError> {
        self.can_restore(new)?;
        let from = match self.held(new)? {
            Held::No => return Ok(format!("{} does not hold key {new}: nothing to take back", self.path.display())),
            Held::Stored(_) => self.stored(),
            Held::Current(_) => self.path.clone(),
        };
        let aside = self.beside(&format!("{new}.backed-out"));
        let renamed = self.rename(&from, &aside);
        audit::local(subject, "RenameFile", new, &aside.display().to_string(), &renamed);
        renamed.map(|()| format!("the secret of key {new} is now in {}", aside.display()))
    }

    pub(super) fn forget(&self, id: &str) -> Result<(), SinkError> {
        let part = self.part(id);
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removing", &part)(error)),
            _ => Ok(()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), SinkError> {
        let renamed = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from);
        renamed.map_err(failed("renaming to", to))?;
        self.sync_folder()
    }

    /// A name is durable once its folder is.
    fn sync_folder(&self) -> Result<(), SinkError> {
        let folder = self.folder();
        fs::File::open(folder).and_then(|opened| opened.sync_all()).map_err(failed("syncing", folder))
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn stored(&self) -> PathBuf {
        self.beside("pending")
    }

    fn part(&self, id: &str) -> PathBuf {
        self.beside(&format!("{id}.part"))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.as_os_str().as_bytes().to_vec();
        name.push(b'.');
        name.extend_from_slice(ending.as_bytes());
        PathBuf::from(std::ffi::OsStr::from_bytes(&name))
    }
}

fn write(path: &Path, document: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(document.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn read(path: &Path, id: &str) -> Result<Option<SecretKey>, SinkError> {
    Ok(text(path)?.and_then(|text| SecretKey::read(&text, id)))
}

fn text(path: &Path) -> Result<Option<SecretString>, SinkError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", path)(error)),
        Ok(found) if !found.is_file() || found.len() > LONGEST => return Ok(None),
        Ok(_) => {}
    }
    Ok(Some(fs::read_to_string(path).map_err(failed("reading", path))?.into()))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SinkError {
    let path = path.to_owned();
    move |source| SinkError::File { what, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::rotate::audit::nobody;

    fn sink() -> (tempfile::TempDir, File, SecretKey) {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(folder.path().join("key"));
        (folder, file, SecretKey::new("AKIANEW".into(), "s3cret".into()))
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_secret_goes_from_stored_to_current_to_the_side() {
        let (folder, file, key) = sink();
        let (actor, user) = (nobody(), "ci");
        let subject = Subject { actor: &actor, user };
        file.check().unwrap();
        assert!(matches!(file.held("AKIANEW").unwrap(), Held::No));
        file.store(&subject, &key).unwrap();
        assert!(matches!(file.held("AKIANEW").unwrap(), Held::Stored(_)));
        assert!(matches!(file.held("AKIAOTHER").unwrap(), Held::No));
        for _ in 0..2 {
            file.promote(&subject, "AKIANEW").unwrap();
            assert!(matches!(file.held("AKIANEW").unwrap(), Held::Current(_)));
        }
        assert_eq!(names(&folder), ["key"]);
        assert_eq!(fs::metadata(folder.path().join("key")).unwrap().permissions().mode() & 0o777, 0o600);
        for _ in 0..2 {
            file.restore(&subject, "AKIANEW").unwrap();
            assert_eq!(names(&folder), ["key.AKIANEW.backed-out"]);
        }
    }

    #[test]
    fn nothing_is_overwritten_whenever_it_came() {
        let (folder, file, key) = sink();
        let (actor, user) = (nobody(), "ci");
        let subject = Subject { actor: &actor, user };
        fs::write(folder.path().join("key"), "precious").unwrap();
        assert!(file.check().unwrap_err().to_string().contains("never overwritten"));
        file.store(&subject, &key).unwrap();
        assert!(file.promote(&subject, "AKIANEW").is_err());
        assert_eq!(fs::read_to_string(folder.path().join("key")).unwrap(), "precious");
        assert!(file.store(&subject, &SecretKey::new("AKIA2".into(), "x".into())).is_err(), "one is stored already");
        assert!(matches!(file.held("AKIANEW").unwrap(), Held::Stored(_)));
    }

    #[test]
    fn half_a_file_holds_nothing_and_is_forgotten() {
        let (folder, file, _) = sink();
        fs::write(folder.path().join("key.AKIANEW.part"), "{\"Version\":1,\"Acc").unwrap();
        assert!(matches!(file.held("AKIANEW").unwrap(), Held::No));
        file.forget("AKIANEW").unwrap();
        file.forget("AKIANEW").unwrap();
        assert!(names(&folder).is_empty());
        fs::write(folder.path().join("key.pending"), "{\"Version\":1,\"Acc").unwrap();
        assert!(matches!(file.held("AKIANEW").unwrap(), Held::No));
    }
}
