//! The one place that reads the process's environment.

use crate::config::{self, Config, Env, Secrets};
use crate::domain::id::SessionName;
use crate::exit::{Code, Failure};
use std::path::{Path, PathBuf};

/// Environment, and the configuration file that was named on the command line.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) env: Env,
    explicit: Option<PathBuf>,
}

/// Search path of commands: what a login gives on every distribution, and nothing of the caller's.
const COMMAND_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Environment {
    /// Reads the environment once. Variables that are not UTF-8 are left out.
    pub(crate) fn read(explicit: Option<PathBuf>) -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            env: Env::new(variables),
            explicit,
        }
    }

    /// Loads the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line.
    pub(crate) fn config(&self, secrets: Secrets) -> Result<Config, Failure> {
        config::load(self.explicit.as_deref(), &self.env, secrets)
            .map_err(|problems| Failure::new(problems).code(Code::Usage))
    }

    /// The configuration file given on the command line, for a server started by this process.
    pub(crate) fn explicit_config(&self) -> Option<&Path> {
        self.explicit.as_deref()
    }

    /// Directories that may hold sockets of sessions this account can reach, the likeliest first.
    pub(crate) fn runtime_dirs(&self, config: &Config) -> Vec<PathBuf> {
        let mut dirs = vec![self.runtime_dir(config), PathBuf::from("/run/warroom")];
        dirs.dedup();
        dirs
    }

    /// Directory for sockets of sessions this account starts.
    ///
    /// Without a login session there is no runtime directory; a private one below the state directory serves then.
    #[expect(
        clippy::unused_self,
        reason = "where things are is asked of the environment"
    )]
    pub(crate) fn runtime_dir(&self, config: &Config) -> PathBuf {
        let configured = &config.server.runtime_dir;
        // Who shares a session names a group; for them a directory that is missing must be an error.
        let is_default = configured == Path::new("/run/warroom") && config.server.group.is_none();
        if is_default && !configured.is_dir() {
            return config.server.state_dir.join("run");
        }
        configured.clone()
    }

    /// Directory where this person keeps what was seen of sessions; absent without a home.
    pub(crate) fn seen_dir(&self) -> Option<PathBuf> {
        let home = || Some(self.env.dir("HOME")?.join(".local/state"));
        let state = self.env.dir("XDG_STATE_HOME").or_else(home)?;
        // No session can have a name with a dot in front.
        Some(state.join("warroom/.seen"))
    }

    /// Variables that Git gets of those that are set here.
    pub(crate) fn git_env(&self) -> Vec<(String, String)> {
        let set = |name: &&str| Some(((*name).to_owned(), self.env.get(name)?.to_owned()));
        let mut env: Vec<_> = crate::server::git::PASSED.iter().filter_map(set).collect();
        if self.env.get("PATH").is_none() {
            env.push(("PATH".to_owned(), COMMAND_PATH.to_owned()));
        }
        env
    }

    /// Variables every command gets before those of its runbook.
    pub(crate) fn command_env(&self) -> std::collections::BTreeMap<String, String> {
        let mut env = std::collections::BTreeMap::from([
            ("PATH".to_owned(), COMMAND_PATH.to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]);
        for name in ["HOME", "USER", "LOGNAME"] {
            if let Some(value) = self.env.get(name) {
                env.insert(name.to_owned(), value.to_owned());
            }
        }
        env
    }
}

/// Directory of one session's journal.
pub(crate) fn session_dir(config: &Config, name: &SessionName) -> PathBuf {
    config.server.state_dir.join(name.as_str())
}

/// Reads a session name from the command line.
///
/// # Errors
/// When it has not the shape of one.
pub(crate) fn session_name(text: &str) -> Result<SessionName, Failure> {
    SessionName::new(text).map_err(|error| {
        Failure::new(error)
            .hint("`warroom ls` lists the sessions there are".to_owned())
            .code(Code::Usage)
    })
}

/// A session name made from a file's name: `2026-11 DB upgrade.md` becomes `2026-11-db-upgrade`.
pub(crate) fn name_from_file(file: &Path) -> Result<SessionName, Failure> {
    let stem = file
        .file_stem()
        .map(|s| s.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let mut name: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_') {
                c
            } else {
                '-'
            }
        })
        .collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    let short: String = name
        .trim_matches(['-', '.', '_'])
        .chars()
        .take(48)
        .collect();
    SessionName::new(&short).map_err(|_| {
        Failure::new(format!(
            "no session name can be made from `{}`",
            file.display()
        ))
        .hint("give one: `warroom run -t NAME FILE`".to_owned())
        .code(Code::Usage)
    })
}

/// The session a command is about: the named one, or the only one there is.
///
/// # Errors
/// When none is named and there are none or several.
pub(crate) fn target(
    named: Option<&str>,
    environment: &Environment,
    config: &Config,
) -> Result<SessionName, Failure> {
    if let Some(name) = named {
        return session_name(name);
    }
    let sessions = crate::wire::place::names(&environment.runtime_dirs(config));
    match sessions.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::new("there is no session on this host")
            .hint("start one: `warroom run RUNBOOK.md`, or look at `warroom demo`".to_owned())
            .code(Code::NoSession)),
        several => {
            let list: Vec<&str> = several.iter().map(SessionName::as_str).collect();
            Err(Failure::new(format!(
                "there are {} sessions: {}",
                list.len(),
                list.join(", ")
            ))
            .hint("name one with `-t NAME`".to_owned())
            .code(Code::Usage))
        }
    }
}

/// Builds the small runtime of a client.
///
/// # Errors
/// When the operating system refuses what it needs.
pub(crate) fn client_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_name_is_made_from_a_files_name() {
        let name = |file: &str| name_from_file(Path::new(file)).map(|n| n.to_string()).ok();
        assert_eq!(
            name("/x/2026-11 DB upgrade.md").as_deref(),
            Some("2026-11-db-upgrade")
        );
        assert_eq!(name("README.md").as_deref(), Some("readme"));
        assert_eq!(name("---.md"), None);
    }
}
