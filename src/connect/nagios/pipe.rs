//! The command file: a named pipe on the host of Nagios. Whatever stands at its path, opening it never waits, and
//! nothing but a pipe that somebody reads is written to.

use crate::connect::connector::WriteError;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Opens the pipe.
///
/// # Errors
/// Refused when it is none, nobody reads it, or it may not be written to.
pub(super) fn open(path: &Path) -> Result<OwnedFd, WriteError> {
    let said = |what: &str| format!("command file `{}`: {what}", path.display());
    let refuse = |what: &str| WriteError::refused(said(what));
    let not_yet = |what: &str| WriteError::not_yet(said(what));
    let failed = |error: Errno| match error {
        // Nobody has the other end open.
        Errno::NXIO => {
            not_yet("nobody reads it: is Nagios running, with `check_external_commands=1`?")
        }
        Errno::ACCESS => {
            refuse("no permission to write: the account must be in Nagios's command group")
        }
        Errno::NOENT => not_yet("it does not exist: is Nagios running on this host?"),
        error => not_yet(&error.to_string()),
    };
    let is_pipe = |mode| FileType::from_raw_mode(mode) == FileType::Fifo;
    // Looked at first, since opening a device may already do something.
    let seen = rustix::fs::stat(path).map_err(failed)?;
    if !is_pipe(seen.st_mode) {
        return Err(refuse("it is not a named pipe"));
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let pipe = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
    // And looked at again, since it may have been exchanged meanwhile.
    let opened = rustix::fs::fstat(&pipe).map_err(failed)?;
    if !is_pipe(opened.st_mode) {
        return Err(refuse("it is not a named pipe"));
    }
    Ok(pipe)
}

/// Writes one line, which must be short enough to go as a whole or not at all.
///
/// # Errors
/// Refused when nothing was written; unclear when it was a part.
pub(super) fn write(path: &Path, line: &str) -> Result<(), WriteError> {
    let pipe = open(path)?;
    match rustix::io::write(&pipe, line.as_bytes()) {
        Ok(written) if written == line.len() => Ok(()),
        Ok(_) => Err(WriteError::unclear(format!(
            "command file `{}` took a part of the command only",
            path.display()
        ))),
        Err(error) => Err(WriteError::not_yet(format!(
            "command file `{}`: {}",
            path.display(),
            if error == Errno::AGAIN {
                "it is full; Nagios does not read it".to_owned()
            } else {
                error.to_string()
            }
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;

    fn fifo(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("nagios.cmd");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        path
    }

    fn reader(path: &Path) -> OwnedFd {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        rustix::fs::open(path, flags, Mode::empty()).unwrap()
    }

    #[test]
    fn a_line_goes_to_whoever_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(dir.path());
        let end = reader(&path);
        write(&path, "[1] DEL_HOST_DOWNTIME;7\n").unwrap();
        let mut bytes = [0_u8; 64];
        let length = rustix::io::read(&end, &mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"[1] DEL_HOST_DOWNTIME;7\n");
    }

    #[test]
    fn nothing_waits_and_nothing_else_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "as it was").unwrap();
        let cases = [
            (fifo(dir.path()), "nobody reads it"),
            (file.clone(), "not a named pipe"),
            (dir.path().to_owned(), "not a named pipe"),
            ("/dev/null".into(), "not a named pipe"),
            (dir.path().join("none"), "does not exist"),
        ];
        for (path, part) in cases {
            let error = write(&path, "x\n").expect_err(part);
            assert!(error.what.contains(part) && !error.unclear, "{error:?}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"as it was");
    }

    #[test]
    fn a_full_pipe_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(dir.path());
        let _end = reader(&path);
        let line = format!("{}\n", "x".repeat(4000));
        let error = (0..1000).find_map(|_| write(&path, &line).err());
        let error = error.expect("a pipe holds 64 KiB");
        assert!(error.what.contains("full") && !error.unclear, "{error:?}");
    }
}
