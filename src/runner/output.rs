//! The output file: written up to its limit, hashed as written, the rest counted.

use super::{exe, values};
use crate::domain::digest::Digest;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use tokio::sync::mpsc;

/// An output file that is being written.
pub(crate) struct OutputFile {
    file: File,
    left: u64,
    written: u64,
    truncated: u64,
    context: ring::digest::Context,
    error: Option<io::Error>,
}

/// What became of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Bytes in the file.
    pub(crate) bytes: u64,
    /// Bytes that are not.
    pub(crate) truncated: u64,
    /// SHA-256 of the bytes in the file.
    pub(crate) digest: Digest,
    /// Why the file lacks bytes below its limit.
    pub(crate) error: Option<String>,
}

impl OutputFile {
    /// Creates the file, for this account only; it must not exist.
    pub(crate) fn create(path: &Path, limit: u64) -> io::Result<Self> {
        Ok(Self {
            file: values::create(path)?,
            left: limit,
            written: 0,
            truncated: 0,
            context: ring::digest::Context::new(&ring::digest::SHA256),
            error: None,
        })
    }

    /// Bytes in the file so far.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Writes what still fits. After an error nothing more is written, so that the file stays a true beginning.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let fits = usize::try_from(self.left).unwrap_or(usize::MAX);
        let (mut keep, rest) = bytes.split_at_checked(fits).unwrap_or((bytes, &[]));
        self.truncated = self.truncated.saturating_add(count(rest));
        while !keep.is_empty() && self.error.is_none() {
            match self.file.write(keep) {
                Ok(0) => self.error = Some(io::ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    let (done, left) = keep.split_at_checked(taken).unwrap_or((keep, &[]));
                    self.context.update(done);
                    self.written = self.written.saturating_add(count(done));
                    self.left = self.left.saturating_sub(count(done));
                    keep = left;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.error = Some(error),
            }
        }
        self.truncated = self.truncated.saturating_add(count(keep));
    }

    /// Brings the file to the disk, so that the digest in the journal never speaks of bytes that a crash has taken.
    pub(crate) fn finish(self) -> Written {
        let error = self.error.or(self.file.sync_data().err());
        Written {
            bytes: self.written,
            truncated: self.truncated,
            digest: exe::finish(self.context),
            error: error.map(|error| format!("cannot write the output file: {error}")),
        }
    }

    /// Writes until the sender is gone. Blocks; the full queue is what slows a command down that the disk cannot follow.
    pub(super) fn write_all_from(mut self, mut chunks: mpsc::Receiver<Bytes>) -> Written {
        while let Some(bytes) = chunks.blocking_recv() {
            self.push(&bytes);
        }
        self.finish()
    }
}

/// A length as a 64-bit count.
pub(super) fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_ends_at_the_limit_and_the_rest_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        let mut output = OutputFile::create(&path, 5).unwrap();
        for part in [&b"abc"[..], b"defg", b"", b"h"] {
            output.push(part);
        }
        let written = output.finish();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcde");
        let expected = Written {
            bytes: 5,
            truncated: 3,
            digest: Digest::of(b"abcde"),
            error: None,
        };
        assert_eq!(written, expected);
    }

    #[test]
    fn an_error_of_writing_is_said_and_its_bytes_are_counted() {
        let mut output = OutputFile {
            file: File::options().write(true).open("/dev/full").unwrap(),
            left: 100,
            written: 0,
            truncated: 0,
            context: ring::digest::Context::new(&ring::digest::SHA256),
            error: None,
        };
        output.push(b"abc");
        output.push(b"de");
        let written = output.finish();
        assert_eq!((written.bytes, written.truncated), (0, 5));
        assert_eq!(written.digest, Digest::of(b""));
        assert!(
            written
                .error
                .unwrap()
                .starts_with("cannot write the output file: ")
        );
    }
}
