//! The order to the runner's own child (`stage`): what to execute, to the last byte.
//!
//! It passes over a socket pair and never over a command line, because its environment may hold secrets.

use super::parts::{PartsFault, PartsReader, PartsWriter};
use super::ticket::STDIN_BYTES_MAX;
use crate::domain::digest::Digest;
use crate::domain::doc::{DOC_BYTES_MAX, VALUE_BYTES_MAX};
use std::fmt;
use std::path::PathBuf;

/// First line of an order.
const TITLE: &str = "warroom-order@v1";
/// Longest order: a plan, its standard input, and secrets in the place of their names.
pub(super) const ORDER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most arguments, and most variables: a plan has room for no more.
const ENTRIES_MAX: usize = 4096;
/// Longest variable with a secret of 16 KiB put in for its name, as often as one value can name one.
const ENV_BYTES_MAX: usize = 128 * 1024;
/// Longest path that Linux takes.
const PATH_BYTES_MAX: usize = 4096;

/// What to execute and in what surroundings. Its environment may hold secrets, hence no derived `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// Path of the executable.
    pub(super) exe: PathBuf,
    /// Digest its bytes must have.
    pub(super) exe_digest: Digest,
    /// Arguments, the program's name first.
    pub(super) argv: Vec<String>,
    /// The whole environment, `NAME=value` each.
    pub(super) env: Vec<String>,
    /// Working directory.
    pub(super) cwd: PathBuf,
    /// Bytes for standard input; absent for `/dev/null`.
    pub(super) stdin: Option<Vec<u8>>,
    /// Directory of the cgroup to join first; absent where there is none.
    pub(super) cgroup: Option<PathBuf>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({})", self.exe.display())
    }
}

impl Order {
    /// The order's bytes.
    pub(super) fn print(&self) -> Vec<u8> {
        let path = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
        let stdin: Vec<&[u8]> = self.stdin.iter().map(Vec::as_slice).collect();
        let cgroup: Vec<Vec<u8>> = self.cgroup.iter().map(path).collect();
        PartsWriter::new(TITLE)
            .with("exe", path(&self.exe))
            .with("exe-sha256", self.exe_digest.to_string())
            .with_all("arg", &self.argv)
            .with_all("env", &self.env)
            .with("cwd", path(&self.cwd))
            .with_all("stdin", &stdin)
            .with_all("cgroup", &cgroup)
            .finish()
    }

    /// Reads an order.
    ///
    /// # Errors
    /// [`PartsFault`] for anything that [`Order::print`] does not write.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PartsFault> {
        let mut parts = PartsReader::new(bytes, TITLE)?;
        let exe = path(parts.text("exe", PATH_BYTES_MAX)?);
        let exe_digest = parts.parsed("exe-sha256", VALUE_BYTES_MAX, "a digest", |text| {
            Digest::parse(text).ok()
        })?;
        let argv = parts.texts("arg", ENTRIES_MAX, DOC_BYTES_MAX)?;
        let env = parts.texts("env", ENTRIES_MAX, ENV_BYTES_MAX)?;
        let cwd = path(parts.text("cwd", PATH_BYTES_MAX)?);
        let stdin = match parts.count("stdin", 1)? {
            0 => None,
            _ => Some(parts.take("stdin", STDIN_BYTES_MAX)?.to_vec()),
        };
        let cgroup = parts.texts("cgroup", 1, PATH_BYTES_MAX)?;
        parts.finish()?;
        Ok(Self {
            exe,
            exe_digest,
            argv,
            env,
            cwd,
            stdin,
            cgroup: cgroup.first().map(|text| path(text)),
        })
    }
}

fn path(text: &str) -> PathBuf {
    PathBuf::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_back_and_shows_no_secret() {
        let order = Order {
            exe: PathBuf::from("/bin/sh"),
            exe_digest: Digest::of(b"x"),
            argv: vec!["sh".to_owned(), String::new()],
            env: vec!["PASS=hunter2".to_owned()],
            cwd: PathBuf::from("/"),
            stdin: Some(b"a\nb".to_vec()),
            cgroup: Some(PathBuf::from("/sys/fs/cgroup/x")),
        };
        assert_eq!(Order::parse(&order.print()), Ok(order.clone()));
        assert!(!format!("{order:?}").contains("hunter2"));
        let bare = Order {
            stdin: None,
            cgroup: None,
            ..order
        };
        assert_eq!(Order::parse(&bare.print()), Ok(bare));
    }
}
