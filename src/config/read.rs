//! Reads a file that a person wrote.

use super::problem::{Problem, Problems};
use super::secret::open_flags;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Largest file read: a configuration with a thousand panels is a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The text, and the permission bits of the file it came from.
///
/// # Errors
/// One [`Problem`] for a file that is not there, not plain, too large or not UTF-8.
pub(super) fn text(path: &Path) -> Result<(String, u32), Problems> {
    Ok(contents(path, open(path)?)?)
}

/// The bytes of a plain file, whatever they mean.
///
/// # Errors
/// One [`Problem`] for a file that is not there, not plain or too large.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let (bytes, _) = limited(path, open(path)?)?;
    Ok(bytes)
}

fn open(path: &Path) -> Result<File, Problem> {
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::NotFound => "check the spelling and the directory you are in",
            ErrorKind::PermissionDenied => {
                "ask its owner for read permission, or check the directories above it"
            }
            _ => "",
        };
        Problem::of_file(path, format!("cannot read the file: {error}"), hint)
    };
    OpenOptions::new()
        .read(true)
        // Opening a pipe nobody writes to would wait for ever.
        .custom_flags(open_flags(rustix::fs::OFlags::NONBLOCK))
        .open(path)
        .map_err(failed)
}

/// Bytes and permission bits.
fn limited(path: &Path, file: File) -> Result<(Vec<u8>, u32), Problem> {
    let fault = |what: String, hint: &str| Problem::of_file(path, what, hint);
    let failed = |error: std::io::Error| fault(format!("cannot read the file: {error}"), "");
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(fault("is not a plain file".to_owned(), ""));
    }
    let mut bytes = Vec::new();
    let mut limited = file.take(FILE_BYTES_MAX.saturating_add(1));
    let size = limited.read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(size).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(fault(format!("is larger than {FILE_BYTES_MAX} bytes"), ""));
    }
    Ok((bytes, meta.permissions().mode() & 0o7777))
}

/// The same of a file that is open already.
///
/// # Errors
/// As [`text`].
pub(super) fn contents(path: &Path, file: File) -> Result<(String, u32), Problem> {
    let fault = |what: String, hint: &str| Problem::of_file(path, what, hint);
    let (bytes, mode) = limited(path, file)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        fault(
            format!("is not UTF-8 text from byte {at} on"),
            "save it as UTF-8",
        )
    })?;
    Ok((text, mode))
}
