//! Runs `git` with a time limit, an output limit and an environment of its own.

use super::{ANSWER_BYTES_MAX, Surroundings};
use crate::clock::{Clock as _, SystemClock};
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// Longest time for all questions together: whoever opens a session waits for it. A large repository on a slow disk
/// answers within a second.
pub(super) const LONGEST: Duration = Duration::from_secs(8);
/// Between two looks whether a program that has closed its output has ended.
const PAUSE: Duration = Duration::from_millis(2);

/// Settings that win over those of the repository, and over those of the account where a name stands here.
///
/// No program that the repository names runs, nothing is fetched, and a PGP key has to be one that the account trusts.
const SETTINGS: [&str; 12] = [
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.askPass=false",
    "credential.helper=",
    "protocol.allow=never",
    "gpg.program=gpg",
    "gpg.x509.program=gpgsm",
    "gpg.ssh.program=ssh-keygen",
    "gpg.minTrustLevel=fully",
];

/// Settings in all: a repository has a handful of filters.
const SETTINGS_MAX: usize = 200;

/// Variables that Git always gets.
const ENVIRONMENT: [(&str, &str); 10] = [
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "false"),
    ("SSH_ASKPASS", "false"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_PAGER", "cat"),
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It cannot be started.
    #[error("cannot run `git`: {0}")]
    Start(std::io::Error),
    /// It took too long.
    #[error("`git` has not answered within {} s", LONGEST.as_secs())]
    Slow,
    /// It answered with a no where there should be an answer.
    #[error("{0}")]
    Answer(String),
}

/// What one run said.
#[derive(Debug)]
pub(super) struct Said {
    is_success: bool,
    /// There was more than is read.
    pub(super) is_cut: bool,
    /// Standard output, as far as it is text.
    pub(super) out: String,
    /// Standard error.
    pub(super) err: String,
}

impl Said {
    /// True when all of it was read and it ended well.
    pub(super) const fn is_good(&self) -> bool {
        self.is_success && !self.is_cut
    }

    /// Why it is not good, on one line.
    pub(super) fn why(&self) -> String {
        if self.is_cut {
            return "`git` said more than is read".to_owned();
        }
        let line = self.err.lines().find(|line| !line.trim().is_empty());
        let line = line.unwrap_or("`git` gave no reason").trim();
        let line = line.strip_prefix("fatal: ").unwrap_or(line);
        line.chars().take(WHY_CHARS_MAX).collect()
    }
}

/// Characters of a reason: two lines of a terminal.
const WHY_CHARS_MAX: usize = 160;

/// Git in one directory, with what is left of its time.
pub(super) struct Git {
    dir: PathBuf,
    env: Vec<(String, String)>,
    settings: Vec<String>,
    until_ms: u64,
    signers: OnceCell<Signers>,
}

/// Who is a good signer of SSH signatures.
struct Signers {
    is_named: bool,
    settings: [String; 2],
}

impl Git {
    /// Starts the clock.
    pub(super) fn new(dir: &Path, around: &Surroundings) -> Self {
        Self::new_within(dir, around, LONGEST)
    }

    pub(super) fn new_within(dir: &Path, around: &Surroundings, longest: Duration) -> Self {
        Self {
            dir: dir.to_owned(),
            env: around.env.clone(),
            settings: SETTINGS.map(str::to_owned).to_vec(),
            until_ms: SystemClock.now().plus(longest).mono_ms,
            signers: OnceCell::new(),
        }
    }

    /// Learns, once, who is a good signer of SSH signatures: the policy's word, else the account's, never the
    /// repository's. False where nobody is named.
    pub(super) fn knows_signers(&self, around: &Surroundings) -> bool {
        let signers = self.signers.get_or_init(|| {
            let signers = match &around.signers {
                Some(file) => file.display().to_string(),
                None => self.of_account("gpg.ssh.allowedSignersFile"),
            };
            let revoked = self.of_account("gpg.ssh.revocationFile");
            Signers {
                is_named: !signers.is_empty(),
                settings: [
                    format!("gpg.ssh.allowedSignersFile={signers}"),
                    format!("gpg.ssh.revocationFile={revoked}"),
                ],
            }
        });
        signers.is_named
    }

    /// From here on no filter that the repository's own settings name runs, so that looking at it starts none of its
    /// programs; filters of the account (large files) stay.
    pub(super) fn without_own_filters(&mut self) -> Result<(), Trouble> {
        let said = self.ask(&[
            "config",
            "--show-scope",
            "--name-only",
            "-z",
            "--get-regexp",
            "^filter\\.",
        ])?;
        if said.is_cut {
            return Err(Trouble::Answer(said.why()));
        }
        // Without a match it ends with 1 and says nothing.
        let mut words = said.out.split('\0');
        while let (Some(scope), Some(key)) = (words.next(), words.next()) {
            let Some((filter, _)) = key.rsplit_once('.') else {
                continue;
            };
            if matches!(scope, "local" | "worktree") {
                if filter.contains('=') {
                    // A setting given with `-c` is cut at its first `=`: this one cannot be switched off.
                    let why = "its settings name a filter with `=`".to_owned();
                    return Err(Trouble::Answer(why));
                }
                for last in ["clean=", "smudge=", "process=", "required=false"] {
                    self.settings.push(format!("{filter}.{last}"));
                }
            }
            if self.settings.len() > SETTINGS_MAX {
                let why = "its settings name too many filters".to_owned();
                return Err(Trouble::Answer(why));
            }
        }
        Ok(())
    }

    /// True where a `.git` lies in the directory or above it.
    pub(super) fn has_something(&self) -> bool {
        let mut above = self.dir.ancestors();
        above.any(|dir| std::fs::symlink_metadata(dir.join(".git")).is_ok())
    }

    /// A path among the settings of the account, else of the host; empty where there is none.
    fn of_account(&self, key: &str) -> String {
        let ask = |scope| self.ask(&["config", scope, "--path", "--get", key]).ok();
        let found = |said: Said| said.is_good().then(|| said.out.trim().to_owned());
        let own = ask("--global").and_then(found);
        own.or_else(|| ask("--system").and_then(found))
            .unwrap_or_default()
    }

    /// Asks for a short answer.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Said, Trouble> {
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        let (bytes, said) = self.read(&words, ANSWER_BYTES_MAX)?;
        Ok(Said {
            out: String::from_utf8_lossy(&bytes).into_owned(),
            ..said
        })
    }

    /// Asks for bytes, at most so many; `out` stays empty.
    pub(super) fn read(&self, words: &[&OsStr], most: usize) -> Result<(Vec<u8>, Said), Trouble> {
        let mut command = Command::new("git");
        command.env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.envs(ENVIRONMENT);
        command.arg("-C").arg(&self.dir).arg("--no-pager");
        let signers = self.signers.get().into_iter();
        let signers = signers.flat_map(|signers| &signers.settings);
        for setting in self.settings.iter().chain(signers) {
            command.arg("-c").arg(setting);
        }
        let mut child = command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(Trouble::Start)?;
        let out = reader(child.stdout.take(), most);
        let err = reader(child.stderr.take(), ANSWER_BYTES_MAX);
        let ended = self.wait(&mut child, &out, &err);
        if ended.is_err() {
            kill(&child);
            child.wait().ok();
        }
        let ((bytes, is_cut), (err, _), is_success) = ended?;
        let said = Said {
            is_success,
            is_cut,
            out: String::new(),
            err: String::from_utf8_lossy(&err).into_owned(),
        };
        Ok((bytes, said))
    }

    fn wait(&self, child: &mut Child, out: &Reading, err: &Reading) -> Result<Ended, Trouble> {
        let slow = |_| Trouble::Slow;
        let out = out.recv_timeout(self.left()?).map_err(slow)?;
        if out.1 {
            // It would block on what nobody reads.
            kill(child);
        }
        let err = err.recv_timeout(self.left()?).map_err(slow)?;
        loop {
            if let Some(status) = child.try_wait().map_err(Trouble::Start)? {
                return Ok((out, err, status.success()));
            }
            self.left()?;
            std::thread::park_timeout(PAUSE);
        }
    }

    fn left(&self) -> Result<Duration, Trouble> {
        let left = self.until_ms.saturating_sub(SystemClock.now().mono_ms);
        if left == 0 {
            return Err(Trouble::Slow);
        }
        Ok(Duration::from_millis(left))
    }
}

/// What was read of a stream, and whether there was more.
type Part = (Vec<u8>, bool);
type Reading = Receiver<Part>;
type Ended = (Part, Part, bool);

/// Reads a stream to its end or its limit, in a thread that nobody has to wait for.
fn reader(from: Option<impl Read + Send + 'static>, most: usize) -> Reading {
    let (sender, receiver) = sync_channel(1);
    let name = std::thread::Builder::new().name("git".to_owned());
    name.spawn(move || {
        let mut bytes = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        if let Some(from) = from {
            from.take(limit).read_to_end(&mut bytes).ok();
        }
        let is_cut = bytes.len() > most;
        bytes.truncate(most);
        // Beyond the time limit nobody wants it.
        sender.send((bytes, is_cut)).ok();
    })
    .ok();
    receiver
}

fn kill(child: &Child) {
    let group = i32::try_from(child.id()).ok();
    if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
        // An error means that the group is gone already.
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
    }
}
