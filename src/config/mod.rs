//! Configuration: as typed, then validated, with file, line and column for every problem, all of them at once.
//!
//! - [`find`] says which file counts; [`load`] reads it into a [`Config`]; without a file everything has its default.
//! - [`secret`]: secrets stand in the file by reference only.
//! - [`policy`]: the files of the two-person rule: who is who ([`people`]), keys, rules ([`rules`]), what is revoked.
//! - [`runner`]: settings of the enforcing runner, and where a session server finds it.
//!
//! The environment comes in as a value ([`Env`]); nothing here reads it. Connectors' settings leave as the types that
//! `connect` defines, so that `connect` need not know how they were written.

mod access;
pub mod accounts;
mod connectors;
mod document;
mod env;
mod freezes;
mod guard;
mod nearest;
mod panels;
pub mod people;
pub mod policy;
mod problem;
mod read;
pub mod rehearse;
pub mod rules;
pub mod runner;
pub mod secret;
mod sections;
#[cfg(test)]
mod tests;
mod totp;

pub use env::Env;
pub use guard::Guard;
pub use problem::{Problem, Problems};
pub use sections::{Color, PrefixKey, Server, Ui};

use crate::connect::connector::Connector;
use crate::domain::freeze::Freeze;
use crate::domain::runbook::plan::MetricRule;
use document::Document;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from; absent when there is none.
    pub file: Option<PathBuf>,
    /// `[server]`
    pub server: Server,
    /// Path of the people file; absent: each Unix account is the person of that name.
    pub people: Option<PathBuf>,
    /// Path of the rules where there is no people file; absent: what holds without any.
    pub rules: Option<PathBuf>,
    /// Private key of this host, which certifies the keys of its sessions.
    pub host_key: Option<PathBuf>,
    /// `[runner]`: the enforcing runner; absent: commands run in the server's own account.
    pub runner: Option<runner::RunnerLink>,
    /// `[ui]`
    pub ui: Ui,
    /// `[[panel]]`, in the order of the file.
    pub panels: Vec<MetricRule>,
    /// Times in which nothing is to be changed.
    pub freezes: Vec<Freeze>,
    /// `[connect.*.*]`: metrics connectors first, each kind by name. Empty with [`Secrets::Skip`].
    pub connectors: Vec<Arc<dyn Connector>>,
}

/// Whether secrets are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Yes: the session server needs its connectors.
    Fetch,
    /// No: a client needs none, and must not run the commands that yield them. References are still checked.
    Skip,
}

/// Which configuration file counts: `--config`, `$WARROOM_CONFIG`, `$XDG_CONFIG_HOME/warroom/config.toml` (with
/// `~/.config` where the variable is unset), `/etc/warroom/config.toml`; the latter two only if they are there.
pub fn find(explicit: Option<&Path>, env: &Env) -> Option<PathBuf> {
    if let Some(path) = explicit {
        return Some(path.to_owned());
    }
    if let Some(path) = env.get("WARROOM_CONFIG") {
        return Some(PathBuf::from(path));
    }
    let home = env.dir("HOME").map(|home| home.join(".config"));
    let user = env.dir("XDG_CONFIG_HOME").or(home);
    let user = user.map(|dir| dir.join("warroom/config.toml"));
    let system = Some(PathBuf::from("/etc/warroom/config.toml"));
    // A file that is there and cannot be read is chosen all the same: passing it over would hide its settings.
    [user, system]
        .into_iter()
        .flatten()
        .find(|path| path.symlink_metadata().is_ok())
}

/// Finds, reads and validates the configuration.
///
/// # Errors
/// [`Problems`]: everything that is wrong, by line.
pub fn load(explicit: Option<&Path>, env: &Env, secrets: Secrets) -> Result<Config, Problems> {
    let Some(path) = find(explicit, env) else {
        return parse(Path::new(""), "", env, secrets);
    };
    let (text, _) = read::text(&path)?;
    let mut config = parse(&path, &text, env, secrets)?;
    config.file = Some(path);
    Ok(config)
}

/// Validates the text of a configuration; `path` is named in problems, and relative paths start beside it.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, text: &str, env: &Env, secrets: Secrets) -> Result<Config, Problems> {
    let document = Document::new(path, text);
    let mut root = document.root();
    let server = sections::server(&document, root.section("server"), env);
    let people = sections::people(&document, root.section("people"), env);
    let runner = runner::link(&document, root.section("runner"));
    let ui = sections::ui(&document, root.section("ui"), env);
    let (connectors, metrics) =
        connectors::connectors(&document, root.section("connect"), env, secrets);
    let panels = panels::panels(&document, root.sections("panel"), &metrics);
    let freezes = freezes::freezes(&document, root.sections("freeze"));
    root.finish();
    match (document.into_problems(), server) {
        (None, Some(server)) => Ok(Config {
            file: None,
            server,
            people: people.file,
            rules: people.rules,
            host_key: people.host_key,
            runner,
            ui,
            panels,
            freezes,
            connectors,
        }),
        (Some(problems), _) => Err(problems),
        (None, None) => Err(Problem::of_file(
            path,
            "cannot tell where sessions are kept: neither `XDG_STATE_HOME` nor `HOME` is set"
                .to_owned(),
            "set `state_dir` in `[server]`",
        )
        .into()),
    }
}
