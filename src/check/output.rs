//! Where a report goes: to standard output, or into a file that is replaced whole or not at all.

use std::{
    fs::{File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use crate::{cli::Format, console};

/// Others read what is made for them: `node_exporter` runs as a user of its own.
const TEXTFILE_MODE: u32 = 0o644;

/// The mode that the umask takes from, as for any new file.
const NEW_FILE_MODE: u32 = 0o666;

/// Writes to standard output. Colours go where they can be seen (a terminal, no `NO_COLOR`).
///
/// # Errors
/// When it cannot be written, unless whoever read it has seen enough.
pub fn print(text: &[u8], format: Format) -> io::Result<()> {
    match format {
        Format::Table => console::print_to(&mut anstream::stdout().lock(), text),
        _ => console::print(text),
    }
}

/// Replaces the file. It is written beside it and renamed, so that whoever reads sees the old one or the new one.
///
/// # Errors
/// When it cannot be written; the old file is then as it was.
pub fn replace(file: &Path, text: &[u8], format: Format) -> io::Result<()> {
    if file.metadata().is_ok_and(|known| !known.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it exists and is not a regular file"));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // No .prom at its end: the textfile collector must not read it half written.
    let mut beside = tempfile::Builder::new();
    let mut new =
        beside.prefix(".iam-key-exporter-").suffix(".new").permissions(mode(NEW_FILE_MODE)).tempfile_in(folder)?;
    if format == Format::Table {
        anstream::StripStream::new(new.as_file_mut()).write_all(text)?;
    } else {
        new.write_all(text)?;
    }
    if format == Format::Prometheus {
        new.as_file().set_permissions(mode(TEXTFILE_MODE))?;
    }
    new.as_file().sync_all()?;
    new.persist(file)?;
    File::open(folder)?.sync_all()
}

fn mode(bits: u32) -> Permissions {
    Permissions::from_mode(bits)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.prom");
        fs::write(&file, "old").unwrap();
        replace(&file, b"new", Format::Prometheus).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, TEXTFILE_MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_a_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let refused = replace(folder.path(), b"new", Format::Json).unwrap_err().to_string();
        assert_eq!(refused, "it exists and is not a regular file");
        assert!(replace(Path::new("/dev/null"), b"new", Format::Json).is_err());
        assert!(replace(&folder.path().join("no/such/folder"), b"new", Format::Json).is_err());
    }
}
