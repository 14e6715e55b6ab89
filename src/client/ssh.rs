//! The `ssh` process that carries a connection to another host.

use super::link::LinkError;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Bytes kept of what `ssh` says: an error and its hint, not a log file.
const SAID_MAX: u64 = 4 * 1024;
/// Time for the last words of an `ssh` that has closed its output.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Settings that a screen needs. No question can be asked on it, so `ssh` must not ask; and a line that went dead
/// without a word, as with a laptop that slept, is noticed after 15 s instead of hours.
const OPTIONS: [&str; 7] = [
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ServerAliveInterval=5",
    "-o",
    "ServerAliveCountMax=3",
];

/// A running `ssh`; killed when dropped.
#[derive(Debug)]
pub(super) struct Ssh {
    host: String,
    child: Child,
    said: JoinHandle<String>,
}

impl Ssh {
    /// Starts `ssh` with a command for the other host, and gives the two ends of its pipe.
    ///
    /// # Errors
    /// [`LinkError::Ssh`].
    pub(super) fn start(
        host: &str,
        options: &[String],
        remote: &[&str],
    ) -> Result<(ChildStdout, ChildStdin, Self), LinkError> {
        let mut child = Command::new("ssh")
            .args(options)
            .args(OPTIONS)
            .args(["--", host])
            .args(remote)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it says would land in the middle of the screen.
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(LinkError::Ssh)?;
        let pipes = (child.stdout.take(), child.stdin.take(), child.stderr.take());
        let (Some(read), Some(write), Some(mut errors)) = pipes else {
            return Err(LinkError::Closed);
        };
        let said = tokio::spawn(async move {
            let mut text = Vec::new();
            (&mut errors)
                .take(SAID_MAX)
                .read_to_end(&mut text)
                .await
                .ok();
            // Whatever follows is read and forgotten, so that it does not block.
            tokio::io::copy(&mut errors, &mut tokio::io::sink())
                .await
                .ok();
            String::from_utf8_lossy(&text).into_owned()
        });
        let ssh = Self {
            host: host.to_owned(),
            child,
            said,
        };
        Ok((read, write, ssh))
    }

    /// The error of a connection that ended before its greeting, in the words of `ssh`.
    pub(super) async fn ended(mut self) -> LinkError {
        let ending = async {
            let status = self.child.wait().await.map(|status| status.to_string());
            (status.unwrap_or_default(), self.said.await)
        };
        let (status, said) = match tokio::time::timeout(LAST_WORDS, ending).await {
            Ok((status, said)) => (status, said.unwrap_or_default()),
            Err(_) => ("it does not end".to_owned(), String::new()),
        };
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let said = said.collect::<Vec<_>>().join("; ");
        LinkError::SshEnded {
            host: self.host,
            said: if said.is_empty() { status } else { said },
        }
    }
}
