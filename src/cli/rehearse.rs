//! `warroom rehearse`: the same runbook against another environment; and what was rehearsed, beside a plan.

use super::Outcome;
use super::args::RehearseArgs;
use super::environment::{self, Environment};
use super::pinned::Pinned;
use super::run::{self, Wish};
use super::runbook_file;
use crate::clock::SystemClock;
use crate::config::rehearse::EnvFile;
use crate::config::{self, Config, Secrets};
use crate::connect::read_only::read_only;
use crate::display::one_line;
use crate::domain::fact::Rehearsal;
use crate::domain::rehearsal;
use crate::domain::runbook::plan::Plan;
use crate::domain::time::short_span;
use crate::exit::{Code, Failure};
use crate::server::rehearsals::{self, Found};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Begins the name of a rehearsal's session, so that it is never taken for the real one's.
const PREFIX: &str = "rehearse-";

/// `warroom rehearse`.
pub(super) fn rehearse(environment: &Environment, args: &RehearseArgs) -> Outcome {
    let name = match &args.target {
        Some(name) => environment::session_name(name)?,
        None => environment::name_from_file(&prefixed(&args.file))?,
    };
    let wish = Wish {
        file: Some(&args.file),
        name,
        env_file: Some(&args.env_file),
        detached: args.detached,
        look: &args.look,
    };
    run::start(environment, &wish)
}

/// `upgrade.md` as `rehearse-upgrade.md`.
fn prefixed(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{PREFIX}{stem}.md"))
}

/// An environment file with where it is.
pub(super) struct There {
    /// Absolute.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) file: EnvFile,
}

/// Reads an environment file.
///
/// # Errors
/// Everything that is wrong with it, by line.
pub(super) fn read(environment: &Environment, path: &Path) -> Result<There, Failure> {
    let usage = |problems| Failure::new(problems).code(Code::Usage);
    let file = config::rehearse::load(path, &environment.env).map_err(usage)?;
    let path = std::fs::canonicalize(path).map_err(Failure::new)?;
    Ok(There { path, file })
}

impl There {
    /// What the first record says of it.
    pub(super) fn pinned(&self, loaded: &Pinned) -> Rehearsal {
        Rehearsal {
            env_file: self.path.display().to_string(),
            env_digest: self.file.digest,
            config: self
                .file
                .config
                .as_ref()
                .map(|path| path.display().to_string()),
            writes: self.file.writes,
            shape: loaded.shape.clone(),
        }
    }
}

/// Why a connector of a rehearsal is only read.
const ONLY_READ: &str = "this is a rehearsal, and it is one of the usual connectors; the environment file may name others (`config`), or say `writes = true`";

/// Whose connectors a rehearsal asks.
pub(super) struct Whose {
    /// The configuration they are of; the usual one when absent.
    config: Option<PathBuf>,
    /// The usual ones may write.
    writes: bool,
}

impl Whose {
    /// As the first record of a rehearsal says it.
    pub(super) fn of(rehearsal: &Rehearsal) -> Self {
        Self {
            config: rehearsal.config.as_ref().map(PathBuf::from),
            writes: rehearsal.writes,
        }
    }
}

/// The configuration of a session: the usual one; of a rehearsal with the connectors and panels of another, where its
/// environment file names one, and else with the usual connectors that are only read unless the file allows more. A
/// rehearsal that is taken up has those it was started with.
///
/// # Errors
/// Everything that is wrong with either, by line.
pub(super) fn configuration(
    environment: &Environment,
    there: Option<&There>,
    taken_up: impl FnOnce(&Config) -> Option<Whose>,
) -> Result<Config, Failure> {
    let usual = environment.config(Secrets::Skip)?;
    let whose = match there {
        Some(there) => Some(Whose {
            config: there.file.config.clone(),
            writes: there.file.writes,
        }),
        None => taken_up(&usual),
    };
    let Some(whose) = whose else {
        return environment.config(Secrets::Fetch);
    };
    let is_usual = |other: &PathBuf| {
        let usual = usual
            .file
            .as_ref()
            .and_then(|file| file.canonicalize().ok());
        usual.is_some() && other.canonicalize().ok() == usual
    };
    let Some(other) = whose.config.filter(|other| !is_usual(other)) else {
        let mut config = environment.config(Secrets::Fetch)?;
        if !whose.writes {
            let all = config.connectors.into_iter();
            config.connectors = all.map(|one| read_only(one, ONLY_READ)).collect();
        }
        return Ok(config);
    };
    let usage = |problems| Failure::new(problems).code(Code::Usage);
    let other = config::load(Some(&other), &environment.env, Secrets::Fetch).map_err(usage)?;
    Ok(Config {
        connectors: other.connectors,
        panels: other.panels,
        ..usual
    })
}

/// Rehearsals of a runbook that is about to be carried out.
pub(super) fn found(config: &Config, loaded: &Pinned) -> Found {
    let state_dir = &config.server.state_dir;
    let what = (&loaded.plan, &loaded.shape);
    rehearsals::find(state_dir, &loaded.path, what, &SystemClock)
}

/// What was rehearsed, as lines for beside a plan; empty where there is nothing.
pub(super) fn describe(found: &Found, plan: &Plan) -> String {
    let mut text = String::new();
    for one in &found.rehearsed {
        writeln!(text, "rehearsed   {}", one_line(&rehearsal::line(one))).ok();
        for what in &one.differs {
            writeln!(text, "  differs   {}", one_line(what)).ok();
        }
    }
    for step in &plan.steps {
        if let Some(took) = rehearsal::took_in(&found.rehearsed, plan, &step.id) {
            let (number, id) = (&step.number, &step.id);
            writeln!(
                text,
                "  step      {number} {id}: rehearsed {}",
                short_span(took)
            )
            .ok();
        }
    }
    for problem in &found.problems {
        writeln!(text, "not counted {}", one_line(problem)).ok();
    }
    text
}

/// What was rehearsed of a runbook, for `warroom plan`. Nothing of it is in the way of the plan: why nobody could look is
/// said on standard error.
pub(super) fn beside_plan(environment: &Environment, file: &Path) -> String {
    let config = match environment.config(Secrets::Skip) {
        Ok(config) => config,
        Err(failure) => {
            // One line beside the plan: its first fault, and `doctor` has all of them with their hints.
            let chain = failure.chain();
            let first = chain.lines().next().unwrap_or_default();
            let why = one_line(first);
            writeln!(
                std::io::stderr(),
                "warning: rehearsals were not looked for: {why}; `warroom doctor` says more"
            )
            .ok();
            return String::new();
        }
    };
    let loaded = runbook_file::load(file);
    match (&loaded.plan, &loaded.shape, std::fs::canonicalize(file)) {
        (Some(plan), Some(shape), Ok(path)) => {
            let found =
                rehearsals::find(&config.server.state_dir, &path, (plan, shape), &SystemClock);
            describe(&found, plan)
        }
        _ => String::new(),
    }
}
