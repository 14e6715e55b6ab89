//! The plan people look at before they confirm: `warroom-plan@v1` (`TWO_PERSON` 5.2).

use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError, parse_number};
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::runbook::plan::{OnExecutorLost, Risk};

/// Written where there is nothing: values are never empty.
const NONE: &str = "none";

/// Everything the plan says, in the order it says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanInputs {
    /// The step.
    pub step: StepId,
    /// Number of the attempt.
    pub attempt: AttemptNo,
    /// How much it can break.
    pub risk: Risk,
    /// Title of the step.
    pub title: String,
    /// What it is done to; empty when the runbook does not say.
    pub target: String,
    /// How far it reaches; empty when the runbook does not say.
    pub blast: String,
    /// Account the command runs in.
    pub runas: String,
    /// Host it runs on.
    pub host: String,
    /// Working directory.
    pub cwd: String,
    /// Path of the executable and digest of its bytes; absent for hand work.
    pub exe: Option<(String, Digest)>,
    /// Argument vector, program name first; empty for hand work.
    pub argv: Vec<String>,
    /// Whole environment; the document sorts it by name.
    pub env: Vec<(String, String)>,
    /// `empty`, or a digest of what is piped in.
    pub stdin: String,
    /// Longest time it may run, seconds; 0 for hand work.
    pub timeout_s: u64,
    /// What happens when the executor drops out.
    pub on_executor_lost: OnExecutorLost,
    /// Each watched guard with its limit, value and age.
    pub guards: Vec<String>,
    /// The way back in words or as a command, in enforced mode with the digest that binds it (`undo_doc`); empty when
    /// there is none.
    pub undo: String,
}

fn or_none(text: &str) -> &[u8] {
    if text.is_empty() { NONE } else { text }.as_bytes()
}

/// Writes a list as its length and one line per entry, so that no two lists read the same.
///
/// An entry may be empty while a value never is: an empty one is written as a lone `%00`, which no argument and no
/// variable of a process can be.
fn list(mut doc: Doc, name: &str, entries: &[String]) -> Doc {
    doc = doc.with(&format!("{name}c"), entries.len().to_string());
    for (index, entry) in entries.iter().enumerate() {
        let value: &[u8] = if entry.is_empty() {
            b"\0"
        } else {
            entry.as_bytes()
        };
        let key = match name {
            "arg" => format!("argv.{index}"),
            _ => format!("{name}.{index}"),
        };
        doc = doc.with(&key, value);
    }
    doc
}

/// Writes the plan; what is shown is what is hashed.
///
/// # Errors
/// [`PlanDocError`] for an argument or variable with a NUL byte, a variable that comes twice or has no proper name,
/// and [`DocError`] for what is too long to be read by a person.
pub fn render(plan: &PlanInputs) -> Result<String, PlanDocError> {
    let mut env = plan.env.clone();
    env.sort();
    check(plan, &env)?;
    let (exe, digest) = match &plan.exe {
        Some((path, digest)) => (path.as_str(), digest.to_hex()),
        None => (NONE, NONE.to_owned()),
    };
    let doc = Doc::new("warroom-plan", 1)
        .with("step", plan.step.as_str())
        .with("attempt", plan.attempt.to_string())
        .with("risk", plan.risk.as_str())
        .with("title", or_none(&plan.title))
        .with("target", or_none(&plan.target))
        .with("blast", or_none(&plan.blast))
        .with("runas", or_none(&plan.runas))
        .with("host", or_none(&plan.host))
        .with("cwd", or_none(&plan.cwd))
        .with("exe", exe)
        .with("exe-sha256", digest);
    let doc = list(doc, "arg", &plan.argv);
    let env: Vec<String> = env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let doc = list(doc, "env", &env)
        .with("stdin", or_none(&plan.stdin))
        .with("timeout-s", plan.timeout_s.to_string())
        .with("on-executor-lost", plan.on_executor_lost.as_str());
    let doc = list(doc, "guard", &plan.guards).with("undo", or_none(&plan.undo));
    let bytes = doc.print().map_err(PlanDocError::Doc)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn check(plan: &PlanInputs, env: &[(String, String)]) -> Result<(), PlanDocError> {
    if plan.argv.iter().any(|a| a.contains('\0')) || plan.guards.iter().any(|g| g.contains('\0')) {
        return Err(PlanDocError::Nul);
    }
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(PlanDocError::EnvName { name: name.clone() });
        }
        if value.contains('\0') {
            return Err(PlanDocError::Nul);
        }
    }
    let twice = env.windows(2).find_map(|pair| match pair {
        [(a, _), (b, _)] if a == b => Some(a.clone()),
        _ => None,
    });
    match twice {
        Some(name) => Err(PlanDocError::EnvTwice { name }),
        None => Ok(()),
    }
}

/// A plan that cannot be put before people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanDocError {
    /// No process can be given such an argument.
    #[error("an argument, a variable or a guard holds a NUL byte")]
    Nul,
    /// A variable without a proper name.
    #[error("`{name}` is not the name of an environment variable")]
    EnvName {
        /// The name.
        name: String,
    },
    /// Which of the two would count?
    #[error("environment variable `{name}` is set twice")]
    EnvTwice {
        /// The name.
        name: String,
    },
    /// Too long, most often.
    #[error("the plan cannot be written")]
    Doc(#[source] DocError),
}

/// The first line that says something else about the command than the reviewed plan did; guards are left out, since
/// their values move.
///
/// # Errors
/// As [`render`], for a command that can no longer be written down.
pub fn difference(reviewed: &str, now: &PlanInputs) -> Result<Option<String>, PlanDocError> {
    let fresh = render(now)?;
    let rows = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|row| !row.starts_with("guard"))
            .map(str::to_owned)
            .collect()
    };
    let (old, new) = (rows(reviewed), rows(&fresh));
    let first = old.iter().zip(&new).find(|(a, b)| a != b);
    let row = first.map(|(a, _)| a).or_else(|| {
        let longer = if old.len() > new.len() { &old } else { &new };
        longer.get(old.len().min(new.len()))
    });
    Ok(row.map(|row| row.split(':').next().unwrap_or(row).to_owned()))
}

/// What the engine compares of a plan with its own state before it lets anyone look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanHead {
    /// The step.
    pub step: String,
    /// Number of the attempt.
    pub attempt: u64,
    /// How much it can break.
    pub risk: String,
    /// Host the command runs on.
    pub host: String,
    /// Argument vector.
    pub argv: Vec<String>,
}

/// Reads the lines of a plan that the engine checks; absent when it is not a `warroom-plan@v1`.
pub fn read_head(plan: &str) -> Option<PlanHead> {
    let doc = Doc::parse(plan.as_bytes()).ok()?;
    doc.expect_title("warroom-plan", 1).ok()?;
    let text = |key: &str| Some(std::str::from_utf8(doc.get(key)?).ok()?.to_owned());
    let count = parse_number(doc.get("argc")?)?;
    let argv = (0..count)
        .map(|i| text(&format!("argv.{i}")).map(|a| if a == "\0" { String::new() } else { a }))
        .collect::<Option<Vec<String>>>()?;
    Some(PlanHead {
        step: text("step")?,
        attempt: parse_number(doc.get("attempt")?)?,
        risk: text("risk")?,
        host: text("host")?,
        argv,
    })
}

/// The file that a plan says will be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanExe {
    /// Absolute path.
    pub path: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// Reads which file a plan names; absent for work by hand, and for what is no `warroom-plan@v1`.
pub fn read_exe(plan: &str) -> Option<PlanExe> {
    let doc = Doc::parse(plan.as_bytes()).ok()?;
    doc.expect_title("warroom-plan", 1).ok()?;
    let text = |key: &str| std::str::from_utf8(doc.get(key)?).ok();
    let hex = text("exe-sha256").filter(|hex| *hex != NONE)?;
    Some(PlanExe {
        path: text("exe")?.to_owned(),
        digest: Digest::parse(&format!("sha256:{hex}")).ok()?,
    })
}

#[cfg(test)]
mod tests;
