//! Settings of the enforcing runner: its own file, which only root writes, and `[runner]` of a session server.

use super::document::{Document, Section};
use super::problem::{Problem, Problems};
use super::read;
use crate::domain::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the runner's settings are when nothing else is said.
pub const RUNNER_FILE: &str = "/etc/warroom/runner.toml";

/// `[runner]` of a session server: where destructive commands go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerLink {
    /// Socket of the runner.
    pub socket: PathBuf,
    /// Name of the account the runner must have; the kernel tells, not the runner.
    pub account: String,
}

/// Settings of the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerSettings {
    /// Its socket.
    pub socket: PathBuf,
    /// Directory of spent nonces and attempts.
    pub state_dir: PathBuf,
    /// Accounts, by name or number, whose tickets are looked at: those of session servers.
    pub servers: BTreeSet<String>,
    /// The people file; the other policy files stand beside it.
    pub people: PathBuf,
    /// File that stands for what only one destructive command at a time may touch.
    pub scope: PathBuf,
    /// Names of variables that could steer a program and are allowed all the same.
    pub allow_env: BTreeSet<String>,
    /// Whether the server is believed that a signature was made on another host: the runner cannot see that.
    pub believe_detached: bool,
    /// Output kept of one command, in bytes.
    pub output_bytes_max: u64,
    /// How long after its start one person may have a confirmed command taken back.
    pub undo_within: Duration,
    /// Where secrets come from: provider to `file:`, `command:` or `env:` with `{path}` and `{version}` in it.
    pub secrets: BTreeMap<String, String>,
    /// Digest of the file.
    pub digest: Digest,
}

/// Output kept of one command when nothing else is said.
const OUTPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Hours in which a way back may begin when nothing else is said: the longest maintenance, and the morning after it.
const UNDO_HOURS: u32 = 72;

/// Reads `[runner]` of a session server.
pub(super) fn link(
    document: &Document<'_>,
    section: Option<Section<'_, '_>>,
) -> Option<RunnerLink> {
    let mut section = section?;
    let socket = section.required("socket", "for example `/run/warroom-runner/sock`");
    let account = section.required("account", "the account of the runner, `warroom-exec`");
    section.finish();
    let socket = socket?;
    if !socket.value.starts_with('/') {
        document.fault(&socket, "is not an absolute path", "");
        return None;
    }
    Some(RunnerLink {
        socket: PathBuf::from(&socket.value),
        account: account?.value,
    })
}

/// Reads the runner's settings; the file must be root's own and not be writable by others.
///
/// # Errors
/// Every problem with its place.
pub fn load(path: &Path) -> Result<RunnerSettings, Problems> {
    let (text, mode) = read::text(path)?;
    if mode & 0o022 != 0 {
        let what = format!("has mode {mode:04o}: others than its owner may write it");
        let hint = format!("run `chmod go-w {}`", path.display());
        return Err(Problem::of_file(path, what, &hint).into());
    }
    parse(path, &text)
}

/// Checks the text of the runner's settings; `path` is only named in problems.
///
/// # Errors
/// Every problem with its place.
pub fn parse(path: &Path, text: &str) -> Result<RunnerSettings, Problems> {
    let document = Document::new(path, text);
    let mut root = document.root();
    let socket = absolute(&document, &mut root, "socket", "/run/warroom-runner/sock");
    let state_dir = absolute(&document, &mut root, "state_dir", "/var/lib/warroom-runner");
    let people = absolute(&document, &mut root, "people", "/etc/warroom/people.toml");
    let scope = absolute(&document, &mut root, "scope", "");
    let servers: BTreeSet<String> = root.texts("servers").into_iter().map(|s| s.value).collect();
    if servers.is_empty() {
        let at = root.place_of("servers");
        let hint = "name the account of the session servers: `servers = [\"warroom\"]`";
        document.fault(&at, "names nobody whose tickets count", hint);
    }
    let allow_env = root.texts("allow_env").into_iter().map(|s| s.value);
    let allow_env = allow_env.collect();
    let believe_detached = root.flag("believe_detached").unwrap_or(false);
    let output = root.whole("output_bytes_max", 64 * 1024..1024 * 1024 * 1024);
    let undo_hours = root
        .whole("undo_hours", 1..721)
        .unwrap_or(UNDO_HOURS.into());
    let mut secrets = BTreeMap::new();
    for (name, value) in root.pairs("secrets") {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !name.value.bytes().all(fits) || name.value.is_empty() {
            document.fault(&name, "is not a name of a provider", "use a-z, 0-9 and `-`");
        }
        if super::secret::SecretRef::parse(&value.value).is_err() {
            document.fault(
                &value,
                "is not where a secret comes from",
                "write `file:/path/{path}`, `command:prog {path} {version}` or `env:NAME`",
            );
        }
        secrets.insert(name.value, value.value);
    }
    root.finish();
    if let Some(problems) = document.into_problems() {
        return Err(problems);
    }
    let scope = if scope.as_os_str().is_empty() {
        state_dir.join("scope")
    } else {
        scope
    };
    Ok(RunnerSettings {
        socket,
        state_dir,
        servers,
        people,
        scope,
        allow_env,
        believe_detached,
        output_bytes_max: output.unwrap_or(OUTPUT_BYTES_MAX),
        undo_within: Duration::from_secs(undo_hours.saturating_mul(3600)),
        secrets,
        digest: Digest::of(text.as_bytes()),
    })
}

fn absolute(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    key: &'static str,
    usual: &str,
) -> PathBuf {
    match section.text(key) {
        Some(at) if at.value.starts_with('/') => PathBuf::from(at.value),
        Some(at) => {
            document.fault(&at, "is not an absolute path", "");
            PathBuf::new()
        }
        None => PathBuf::from(usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RunnerSettings, String> {
        parse(Path::new("runner.toml"), text).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_least_that_must_be_said_is_whose_tickets_count() {
        let settings = read("servers = [\"warroom\"]\n").expect("valid");
        assert_eq!(settings.socket, Path::new("/run/warroom-runner/sock"));
        assert_eq!(settings.scope, Path::new("/var/lib/warroom-runner/scope"));
        assert!(read("").expect_err("nobody").contains("names nobody"));
    }

    #[test]
    fn every_wrong_line_is_named() {
        let problems = read(
            "servers = [\"warroom\"]\nsocket = \"sock\"\nstat_dir = \"/x\"\n[secrets]\nvault = \"hunter2\"\nVault = \"env:X\"\n",
        )
        .expect_err("wrong");
        for part in [
            "not an absolute path",
            "stat_dir",
            "where a secret comes",
            "name of a provider",
        ] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
        assert!(!problems.contains("hunter2"), "{problems}");
    }

    #[test]
    fn providers_are_read_as_they_are_written() {
        let settings = read(
            "servers = [\"warroom\"]\n[secrets]\nvault = \"command:/usr/bin/get {path} {version}\"\n",
        );
        let settings = settings.expect("valid");
        assert_eq!(
            settings.secrets.get("vault").map(String::as_str),
            Some("command:/usr/bin/get {path} {version}")
        );
    }
}
