//! Writing files so that a reader sees the old contents or the new, never half of them.
//!
//! Writing over a file in place truncates it first: a full disk, a crash or a power cut then leaves neither
//! the old checkpoint nor the new one. [`write_atomically`] writes a temporary file in the same directory,
//! brings it to the disk, renames it over the old one, which the file system does in one step, and brings
//! the directory to the disk too, without which the rename itself may be lost with the power.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("report.html");
//! nn::files::write_atomically(&path, b"first")?;
//! nn::files::write_atomically(&path, b"second")?;
//! assert_eq!(std::fs::read(&path)?, b"second");
//! # Ok(())
//! # }
//! ```

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that could not be written. In every step but the last the old file is as it was.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {step}: {error}", path.display())]
pub struct WriteError {
    /// The file, as it was given.
    pub path: PathBuf,
    /// What was being done.
    pub step: WriteStep,
    /// The operating system's reason.
    pub error: io::Error,
}

/// The steps of writing a file, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteStep {
    /// Finding the directory and the name.
    Resolve,
    /// Making the temporary file.
    Create,
    /// Writing the contents.
    Write,
    /// Bringing the contents to the disk.
    Sync,
    /// Putting the temporary file in the place of the old one.
    Rename,
    /// Bringing the directory to the disk. The new contents are there, but may not outlast a power cut.
    SyncDirectory,
}

impl fmt::Display for WriteStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteStep::Resolve => "resolving the path",
            WriteStep::Create => "creating a temporary file beside it",
            WriteStep::Write => "writing the contents",
            WriteStep::Sync => "bringing the contents to the disk",
            WriteStep::Rename => "renaming the temporary file",
            WriteStep::SyncDirectory => "bringing the directory to the disk",
        })
    }
}

/// Replaces the contents of the file at `path`, or creates it, in one step.
///
/// An existing file keeps its permissions, and one that is read-only is refused; a symbolic link stays one,
/// and the file it points to is replaced. A pipe or a device such as `/dev/null` is written to as it is. After
/// a crash a file `.name.XXXXXX.tmp` may be left beside it.
///
/// # Errors
/// [`WriteError`] with the step that failed. The old file, if there was one, is then as it was, unless the
/// step is [`WriteStep::SyncDirectory`].
pub fn write_atomically(path: impl AsRef<Path>, contents: &[u8]) -> Result<(), WriteError> {
    write_atomically_with(path, |file| file.write_all(contents))
}

/// Like [`write_atomically`], with contents that `write` produces piece by piece; the writer is buffered.
///
/// # Errors
/// As for [`write_atomically`]; an error that `write` returns has the step [`WriteStep::Write`].
pub fn write_atomically_with(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let path = path.as_ref();
    let failed = |step| move |error| WriteError { path: path.into(), step, error };

    if is_device(path) {
        // Renaming over it would replace the device by a plain file.
        let opened = File::options().write(true).open(path);
        let mut file = opened.map_err(failed(WriteStep::Create))?;
        return write(&mut file).map_err(failed(WriteStep::Write));
    }
    let (directory, name, permissions) = resolve(path).map_err(failed(WriteStep::Resolve))?;
    // Dropped on every early return, and on a panic in `write`: the temporary file is then removed.
    let mut file = create_temporary(&directory, &name, permissions).map_err(failed(WriteStep::Create))?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    // Flushed here: dropping the buffer would do it too, and keep silent about a failure.
    write(&mut buffer).and_then(|()| buffer.flush()).map_err(failed(WriteStep::Write))?;
    drop(buffer);
    file.as_file().sync_all().map_err(failed(WriteStep::Sync))?;
    file.persist(directory.join(name)).map_err(|failure| failed(WriteStep::Rename)(failure.error))?;
    sync_directory(&directory).map_err(failed(WriteStep::SyncDirectory))
}

/// Whether [`write_atomically`] could write there now: everything it does before the first byte of contents
/// is done and undone. What takes long to compute deserves to have its destination checked first.
///
/// # Errors
/// As for [`write_atomically`].
pub fn check_writable(path: impl AsRef<Path>) -> Result<(), WriteError> {
    let path = path.as_ref();
    let failed = |step| move |error| WriteError { path: path.into(), step, error };
    if is_device(path) {
        return File::options().write(true).open(path).map(drop).map_err(failed(WriteStep::Create));
    }
    let (directory, name, permissions) = resolve(path).map_err(failed(WriteStep::Resolve))?;
    create_temporary(&directory, &name, permissions).map(drop).map_err(failed(WriteStep::Create))
}

/// Whether something exists there that is neither a file nor a directory.
fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// The directory and name of the file to replace, symbolic links followed, and its permissions if it exists.
fn resolve(path: &Path) -> io::Result<(PathBuf, OsString, Option<Permissions>)> {
    let (target, permissions) = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // Renaming over it would work, but whoever protected it did not mean that.
        Ok(metadata) if metadata.permissions().readonly() => {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(metadata) => (fs::canonicalize(path)?, Some(metadata.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_path_buf(), None),
        Err(error) => return Err(error),
    };
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_os_string();
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Ok((directory, name, permissions))
}

/// A temporary file in the directory, for a rename does not cross file systems.
fn create_temporary(
    directory: &Path,
    name: &OsStr,
    permissions: Option<Permissions>,
) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    // What any new file gets, less the umask; a temporary file would be its owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(directory)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

/// Makes a rename in `directory` outlast a power cut.
fn sync_directory(directory: &Path) -> io::Result<()> {
    // Windows has no such operation on directories.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A directory with a file `old` of the contents `old contents`.
    fn with_old_file() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("old");
        fs::write(&path, "old contents").unwrap();
        (directory, path)
    }

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn contents_are_created_and_replaced() {
        let (directory, path) = with_old_file();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        write_atomically(directory.path().join("other"), b"").unwrap();
        assert_eq!(fs::read(directory.path().join("other")).unwrap(), b"");
        assert_eq!(names(&directory).len(), 2, "no temporary file is left: {:?}", names(&directory));
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let (directory, path) = with_old_file();
        let error = write_atomically_with(&path, |file| {
            // More than any buffer: some of it is in the temporary file when the write fails.
            file.write_all(&[7; 1 << 20])?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert_eq!(error.step, WriteStep::Write);
        let text = error.to_string().replace(directory.path().to_str().unwrap(), "DIR");
        assert_eq!(text, "DIR/old: cannot be written: writing the contents: disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old contents");
        assert_eq!(names(&directory), ["old"]);
    }

    #[test]
    fn a_panic_leaves_the_old_file_and_no_other() {
        let (directory, path) = with_old_file();
        let write = || write_atomically_with(&path, |_| panic!("in the middle of it"));
        assert!(std::panic::catch_unwind(write).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old contents");
        assert_eq!(names(&directory), ["old"]);
    }

    #[test]
    fn a_check_says_what_writing_would_and_leaves_nothing() {
        let (directory, path) = with_old_file();
        check_writable(&path).unwrap();
        check_writable(directory.path().join("new")).unwrap();
        assert_eq!(names(&directory), ["old"]);
        assert_eq!(fs::read(&path).unwrap(), b"old contents");
        let absent = directory.path().join("absent/file");
        assert_eq!(check_writable(&absent).unwrap_err().step, WriteStep::Create);
        assert_eq!(check_writable(directory.path()).unwrap_err().step, WriteStep::Resolve);
    }

    /// Renaming over a device would replace it by a plain file.
    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_stays_one() {
        use std::os::unix::fs::FileTypeExt;
        check_writable("/dev/null").unwrap();
        write_atomically("/dev/null", b"contents").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    /// The old name holds the old contents until the very end, also for a reader in between.
    #[test]
    fn the_old_file_is_there_while_the_new_one_is_written() {
        let (_directory, path) = with_old_file();
        write_atomically_with(&path, |file| {
            file.write_all(&[7; 1 << 20])?;
            assert_eq!(fs::read(&path)?, b"old contents");
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);
    }

    #[test]
    fn places_that_cannot_be_written_are_refused() {
        let (directory, path) = with_old_file();
        let step = |path: &Path| write_atomically(path, b"new").unwrap_err().step;
        assert_eq!(step(&directory.path().join("absent/file")), WriteStep::Create);
        assert_eq!(step(directory.path()), WriteStep::Resolve);
        assert_eq!(step(Path::new("")), WriteStep::Resolve);
        assert_eq!(step(&path.join("below a file")), WriteStep::Resolve);

        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(step(&path), WriteStep::Resolve);
        assert_eq!(fs::read(&path).unwrap(), b"old contents");
        assert_eq!(names(&directory), ["old"]);
    }

    /// Something that turns up under the name while the new contents are written: the rename fails.
    #[test]
    fn a_failed_rename_leaves_no_temporary_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("name");
        let error = write_atomically_with(&path, |_| fs::create_dir(&path)).unwrap_err();
        assert_eq!(error.step, WriteStep::Rename);
        assert_eq!(names(&directory), ["name"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_symbolic_links_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (directory, path) = with_old_file();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("link");
        symlink("old", &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o640);

        let (plain, atomic) = (directory.path().join("plain"), directory.path().join("atomic"));
        fs::write(&plain, "").unwrap();
        write_atomically(&atomic, b"").unwrap();
        assert_eq!(mode(&atomic), mode(&plain), "a new file gets what the umask gives any other");
    }

    #[test]
    fn every_step_has_a_name_of_its_own() {
        use WriteStep::*;
        let texts = [Resolve, Create, Write, Sync, Rename, SyncDirectory].map(|step| step.to_string());
        assert_eq!(
            texts,
            [
                "resolving the path",
                "creating a temporary file beside it",
                "writing the contents",
                "bringing the contents to the disk",
                "renaming the temporary file",
                "bringing the directory to the disk",
            ]
        );
    }
}
