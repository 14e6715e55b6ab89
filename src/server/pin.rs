//! Pinning: what a new session is tied to, gathered once and written into its first record.

use super::git::{self, Surroundings};
use crate::clock::{self, Clock, RandomError};
use crate::domain::digest::Digest;
use crate::domain::fact::{Genesis, Mode, Rehearsal, Rehearsed, RunbookRef};
use crate::domain::freeze::Freeze;
use crate::domain::guard::SameRule;
use crate::domain::history::Learned;
use crate::domain::id::{SessionId, SessionName};
use crate::domain::runbook::plan::{MetricRule, Plan};
use crate::domain::time::Timestamp;

/// What the caller has read and resolved.
#[derive(Debug)]
pub struct Seed {
    /// The session as typed.
    pub name: SessionName,
    /// Which mode holds.
    pub mode: Mode,
    /// The plan of the runbook.
    pub plan: Plan,
    /// Panels of the configuration.
    pub panels: Vec<MetricRule>,
    /// The runbook's file, absolute.
    pub runbook: std::path::PathBuf,
    /// Digest of the bytes the plan was made from.
    pub runbook_digest: Digest,
    /// Digest of the policy in force.
    pub policy: Digest,
    /// That policy takes accounts for people.
    pub allow_uid: bool,
    /// What the account and the policy lend to Git.
    pub git: Surroundings,
    /// What makes it a rehearsal; absent for the real thing.
    pub rehearsal: Option<Rehearsal>,
    /// Rehearsals that were found.
    pub rehearsed: Vec<Rehearsed>,
    /// Freezes of the configuration that are not over.
    pub freezes: Vec<Freeze>,
    /// What earlier journals say of its durations.
    pub learned: Learned,
}

/// Why a session cannot be pinned.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// There is no random number for the session's id.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Runbook and configuration name two rules alike.
    #[error(transparent)]
    SameRule(#[from] SameRule),
    /// The window comes again, and nobody can say when.
    #[error("the calendar ends before the next window")]
    Window,
}

impl PinError {
    /// What a person can do.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Random(_) | Self::Window => None,
            Self::SameRule(_) => Some(
                "give the `[[panel]]` in `config.toml` another `id`, or the block in the runbook",
            ),
        }
    }
}

/// Makes the first record's content. Blocks while Git answers.
///
/// # Errors
/// [`PinError`].
pub fn genesis(mut seed: Seed, clock: &dyn Clock) -> Result<Genesis, PinError> {
    let now = clock.now().wall;
    seed.plan.fix_window(now);
    if seed.plan.recurs.is_some() && seed.plan.window.is_none() {
        return Err(PinError::Window);
    }
    seed.plan.check_panels(&seed.panels)?;
    let random = u128::from_be_bytes(clock::random::<16>()?);
    let unix_ms = u64::try_from(now.as_millis()).unwrap_or(0);
    let git = git::look(&seed.runbook, seed.runbook_digest, &seed.git);
    Ok(Genesis {
        session: SessionId::from_parts(unix_ms, random),
        name: seed.name,
        program: crate::PROGRAM.to_owned(),
        host: host_name(),
        server_uid: rustix::process::geteuid().as_raw(),
        mode: seed.mode,
        policy: seed.policy,
        runbook: RunbookRef {
            path: seed.runbook.display().to_string(),
            digest: seed.runbook_digest,
            commit: git.commit().to_owned(),
            git: Some(git),
        },
        plan_digest: seed.plan.digest(),
        plan: seed.plan,
        panels: seed.panels,
        // Made with the session directory, so that a failed start leaves no key behind.
        session_key: None,
        certificate: None,
        allow_uid: seed.allow_uid,
        rehearsal: seed.rehearsal.map(Box::new),
        rehearsed: seed.rehearsed,
        freezes: not_over(seed.freezes, now),
        learned: seed.learned,
        first_plan: None,
    })
}

/// Freezes that can still stand in the way.
fn not_over(freezes: Vec<Freeze>, now: Timestamp) -> Vec<Freeze> {
    let ahead = |freeze: &Freeze| now < freeze.end;
    freezes.into_iter().filter(ahead).collect()
}

/// Name of this host, as the kernel has it.
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
