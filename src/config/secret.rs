//! Secrets by reference: where one is, never what it is.

use super::env::Env;
use secrecy::SecretString;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Longest secret read. Signed tokens reach 4 kB; anything longer is the wrong file.
const SECRET_BYTES_MAX: usize = 16 * 1024;

/// Longest time a command may take: a password manager that asks its server answers within it, one that waits for a
/// person at a prompt does not and would hold up the start for ever.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a secret is. Holds no secret, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`: an environment variable of the program.
    Env(String),
    /// `file:/path`: a file that only its owner can read.
    File(PathBuf),
    /// `command:prog arg...`: what a program prints. Words are split at spaces; there is no quoting and no shell.
    Command(Vec<String>),
}

/// A text that is not a reference to a secret. Does not repeat the text, which may be the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefError {
    /// No known prefix.
    #[error("a secret must not stand in this file")]
    NotAReference,
    /// Nothing, or nothing usable, behind the prefix.
    #[error("`{prefix}` must be followed by {wanted}")]
    Empty {
        /// The prefix.
        prefix: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
}

/// Forms a reference may have, for hints.
pub(crate) const SECRET_HINT: &str =
    "write `env:NAME`, `file:/path` (mode 0600) or `command:prog arg`";

/// Why a secret cannot be had. Never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is unset or empty.
    #[error("environment variable `{0}` is not set")]
    Unset(String),
    /// The file cannot be opened or read.
    #[error("cannot read `{path}`: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A directory, a pipe or a device.
    #[error("`{0}` is not a plain file")]
    NotAFile(PathBuf),
    /// Others could read the secret.
    #[error("`{path}` has mode {mode:04o}: others than its owner can use it")]
    Open {
        /// The file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// The program could not be started.
    #[error("cannot start `{program}`: {cause}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The program took too long.
    #[error("`{program}` did not end within {} s", COMMAND_TIMEOUT.as_secs())]
    Slow {
        /// The program.
        program: String,
    },
    /// The program ended with an error.
    #[error("`{program}` ended with {status}")]
    Exit {
        /// The program.
        program: String,
        /// `exit status: 1`.
        status: String,
    },
    /// Nothing there.
    #[error("the secret is empty")]
    Empty,
    /// More than a secret.
    #[error("the secret is longer than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// A line break in a header would let the secret write further headers.
    #[error("the secret has line breaks or other control characters, or is not UTF-8")]
    NotText,
}

impl SecretError {
    /// Next action for a person; empty when there is none.
    pub fn hint(&self) -> String {
        match self {
            Self::Open { path, .. } => format!("run `chmod 600 {}`", path.display()),
            Self::Slow { .. } => "a command must not wait for a person".to_owned(),
            Self::Unset(name) => format!("set `{name}` where the session server starts"),
            Self::Read { .. }
            | Self::NotAFile(_)
            | Self::Start { .. }
            | Self::Exit { .. }
            | Self::Empty
            | Self::TooLong
            | Self::NotText => String::new(),
        }
    }
}

impl SecretRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// [`SecretRefError`], which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, SecretRefError> {
        let empty = |prefix, wanted| Err(SecretRefError::Empty { prefix, wanted });
        if let Some(name) = text.strip_prefix("env:") {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if name.is_empty() || !name.bytes().all(fits) {
                return empty("env:", "the name of a variable");
            }
            Ok(Self::Env(name.to_owned()))
        } else if let Some(path) = text.strip_prefix("file:") {
            if !path.starts_with('/') {
                return empty("file:", "an absolute path");
            }
            Ok(Self::File(PathBuf::from(path)))
        } else if let Some(line) = text.strip_prefix("command:") {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            if words.is_empty() {
                return empty("command:", "a program");
            }
            Ok(Self::Command(words))
        } else {
            Err(SecretRefError::NotAReference)
        }
    }

    /// Fetches the secret; one line break at its end is taken off. May wait for a command, up to 10 s.
    ///
    /// # Errors
    /// [`SecretError`], which never holds the secret.
    pub fn resolve(&self, env: &Env) -> Result<SecretString, SecretError> {
        let bytes = match self {
            Self::Env(name) => env
                .get(name)
                .ok_or_else(|| SecretError::Unset(name.clone()))?
                .as_bytes()
                .to_vec(),
            Self::File(path) => read_private(path)?,
            Self::Command(words) => run(words, env)?,
        };
        checked(bytes)
    }
}

/// The one place where bytes become a secret.
fn checked(bytes: Vec<u8>) -> Result<SecretString, SecretError> {
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLong);
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(SecretError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(SecretError::NotText);
    }
    Ok(SecretString::from(text))
}

/// Reads a file after a look at what was opened, so that it cannot be exchanged in between.
fn read_private(path: &Path) -> Result<Vec<u8>, SecretError> {
    let failed = |cause| SecretError::Read {
        path: path.to_owned(),
        cause,
    };
    let file = OpenOptions::new()
        .read(true)
        // Opening a pipe nobody writes to would wait for ever.
        .custom_flags(open_flags(rustix::fs::OFlags::NONBLOCK))
        .open(path)
        .map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    read_bounded(file).map_err(failed)
}

/// Flags in the form the standard library takes.
pub(super) fn open_flags(flags: rustix::fs::OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or(0)
}

/// Reads one byte more than allowed, so that a longer secret is seen to be longer.
fn read_bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(SECRET_BYTES_MAX).unwrap_or(u64::MAX);
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Runs a program in a process group of its own and takes what it prints.
///
/// One thread reads and waits; this one only keeps the time, so that a program that closes its output and stays, or
/// leaves a child behind that holds it open, cannot hold up the start.
fn run(words: &[String], env: &Env) -> Result<Vec<u8>, SecretError> {
    let (program, arguments) = words.split_first().ok_or(SecretError::Empty)?;
    let failed = |cause| SecretError::Start {
        program: program.clone(),
        cause,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env.iter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What a password manager complains about may quote more than it should; the exit status says enough.
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let group = group_of(&child);
    let (sender, receiver) = sync_channel(1);
    let reader = std::thread::Builder::new().name("secret".to_owned());
    reader
        .spawn(move || {
            let bytes = child.stdout.take().map(read_bounded);
            let is_long = matches!(&bytes, Some(Ok(bytes)) if bytes.len() > SECRET_BYTES_MAX);
            if is_long {
                kill(group);
            }
            let status = child.wait();
            // After the time limit there is no receiver: then nobody wants the secret.
            sender.send((bytes, status)).ok();
        })
        .map_err(failed)?;
    let Ok((bytes, status)) = receiver.recv_timeout(COMMAND_TIMEOUT) else {
        kill(group);
        return Err(SecretError::Slow {
            program: program.clone(),
        });
    };
    let bytes = bytes.ok_or(SecretError::Empty)?.map_err(failed)?;
    let status = status.map_err(failed)?;
    if bytes.len() <= SECRET_BYTES_MAX && !status.success() {
        return Err(SecretError::Exit {
            program: program.clone(),
            status: status.to_string(),
        });
    }
    Ok(bytes)
}

fn group_of(child: &Child) -> Option<rustix::process::Pid> {
    i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
}

fn kill(group: Option<rustix::process::Pid>) {
    if let Some(group) = group {
        // An error means that the group is gone already.
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::fs;

    fn env() -> Env {
        Env::new([
            ("TOKEN".to_owned(), "s3cret".to_owned()),
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ])
    }

    fn fetch(reference: &str) -> Result<String, String> {
        SecretRef::parse(reference)
            .map_err(|e| e.to_string())?
            .resolve(&env())
            .map(|s| s.expose_secret().to_owned())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn a_secret_comes_from_the_environment() {
        assert_eq!(fetch("env:TOKEN").as_deref(), Ok("s3cret"));
        assert_eq!(
            fetch("env:MISSING"),
            Err("environment variable `MISSING` is not set".to_owned())
        );
    }

    #[test]
    fn a_secret_in_plain_is_refused_and_not_repeated() {
        for text in ["hunter2", "", "file:relative", "env:A-B", "command: "] {
            let error = SecretRef::parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("token");
        fs::write(&path, "abc\n").expect("write");
        let reference = format!("file:{}", path.display());
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            assert_eq!(fetch(&reference).is_ok(), fits, "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        assert_eq!(fetch(&reference).as_deref(), Ok("abc"));
        fs::write(&path, vec![b'x'; SECRET_BYTES_MAX + 1]).expect("write");
        assert!(fetch(&reference).expect_err("too long").contains("longer"));
        fs::write(&path, "a\r\nX-Admin: 1\n").expect("write");
        assert!(
            fetch(&reference)
                .expect_err("two lines")
                .contains("control")
        );
        assert!(fetch(&format!("file:{}", dir.path().display())).is_err());
    }

    #[test]
    fn a_command_yields_its_output_in_time_and_size() {
        assert_eq!(fetch("command:printf %s abc").as_deref(), Ok("abc"));
        assert_eq!(
            fetch("command:printenv TOKEN").as_deref(),
            Ok("s3cret"),
            "the given environment and no other"
        );
        assert!(
            fetch("command:false")
                .expect_err("exit 1")
                .contains("exit status: 1")
        );
        assert!(fetch("command:/no/such/program").is_err());
        assert!(
            fetch("command:yes")
                .expect_err("endless")
                .contains("longer")
        );
    }

    #[test]
    fn nothing_prints_a_value_of_the_environment() {
        assert!(!format!("{:?}", env()).contains("s3cret"));
    }
}
