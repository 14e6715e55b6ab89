//! What may be done now: a command of a person against the state, giving facts or a refusal.
//!
//! One file per verb. A refusal changes nothing; what matters for the two-person rule is recorded all the same.

mod abort;
mod amend;
mod ask;
mod begin;
mod breakglass;
mod cancel;
mod check;
mod complete;
mod confirm;
mod explain;
mod go;
mod hold;
mod mark_done;
mod motion;
mod note;
mod propose;
mod reject;
mod release;
mod resolve;
mod retry;
mod rollback;
mod run_on;
mod silence;
mod skip;
mod start;
mod stop;
mod take_over;
#[cfg(test)]
mod tests;
mod unit;
mod write;

pub use check::{Question, question};
pub use propose::{Prepared, draft_terms, open_proposal};
pub use resolve::votes_needed;
pub use rollback::with_stop;
pub use write::MUTE_SPAN_MAX;

pub(in crate::domain) use mark_done::no_output;
pub(in crate::domain) use run_on::lapsed;

use crate::domain::command::{Command, Refusal};
use crate::domain::fact::{Actor, Fact};
use crate::domain::state::State;
use crate::domain::time::Moment;
use crate::domain::world::World;
use ask::Ask;

/// Longest reason: what fits a status line and a statement (`TWO_PERSON` 4.2).
pub const REASON_BYTES_MAX: usize = 500;
/// Longest note: a paragraph, not a log file.
pub const NOTE_BYTES_MAX: usize = 4000;

/// A refusal, and the fact that keeps it where it matters for the two-person rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// For who asked.
    pub refusal: Refusal,
    /// For the journal, under the name of who asked.
    pub record: Option<Box<Fact>>,
}

impl Refused {
    /// A refusal for who asked alone.
    pub fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            refusal: Refusal {
                reason: reason.into(),
                hint: hint.into(),
            },
            record: None,
        }
    }
}

/// Facts to record, in order; or why not.
pub type Decision = Result<Vec<Fact>, Refused>;

/// Decides a command of a person.
///
/// [`Command::Propose`] gives no facts: it says whether a plan may be rendered, which [`open_proposal`] then takes.
///
/// # Errors
/// [`Refused`], naming the step, why, and who can do what next.
pub fn decide(
    state: &State,
    actor: &Actor,
    command: &Command,
    now: Moment,
    world: &World,
) -> Decision {
    if let Command::Veto { step, attempt } = command {
        // Needs no role, so nobody is asked for one.
        return breakglass::veto(state, actor, step, *attempt);
    }
    let ask = Ask::new(state, actor, command, now, world)?;
    match command {
        Command::Begin => begin::decide(&ask),
        Command::Start { step } => start::decide(&ask, step),
        Command::MarkDone { step, note } => mark_done::decide(&ask, step, note),
        Command::Skip { step, reason } => skip::decide(&ask, step, reason),
        Command::SkipUnit { .. } | Command::GoOn { .. } | Command::SwitchBack { .. } => {
            unit::decide(&ask, command)
        }
        Command::RunOn { phase, on } => run_on::decide(&ask, *phase, *on),
        Command::Retry { step } => retry::decide(&ask, step),
        Command::Stop { step } => stop::decide(&ask, step),
        Command::TakeOver { step } => take_over::decide(&ask, step),
        Command::Note { step, text } => note::decide(&ask, step.as_ref(), text),
        Command::Hold { reason } => hold::decide(&ask, reason),
        Command::Release { reason, seen } => release::decide(&ask, reason, *seen),
        Command::Propose { step, .. } => propose::decide(&ask, step),
        Command::Check { .. }
        | Command::Confirm { .. }
        | Command::Reject { .. }
        | Command::Explain { .. }
        | Command::Breakglass { .. }
        | Command::BreakglassSigned { .. }
        | Command::Veto { .. }
        | Command::Review { .. }
        | Command::Move { .. }
        | Command::Second { .. }
        | Command::RejectMotion { .. }
        | Command::Cancel { .. }
        | Command::Go { .. }
        | Command::Resolve { .. } => between_people(&ask, command),
        Command::Rollback { reason } => rollback::decide(&ask, reason),
        Command::Abort { reason } => abort::decide(&ask, reason),
        Command::Complete => complete::decide(&ask),
        Command::Silence { lifetime, wish } => silence::decide(&ask, lifetime, wish),
        Command::Write { connector, deed } => write::decide(&ask, connector, deed),
    }
}

/// Words that more than one person has a part in.
fn between_people(ask: &Ask<'_>, command: &Command) -> Decision {
    match command {
        Command::Check {
            step,
            attempt,
            component,
            remaining,
            dwell_ms,
            claimed,
        } => {
            let said = check::Said {
                component,
                remaining: *remaining,
                dwell_ms: *dwell_ms,
                claimed: claimed.as_ref(),
            };
            check::decide(ask, step, *attempt, said)
        }
        Command::Confirm {
            statement,
            evidence,
        } => confirm::decide(ask, statement, evidence),
        Command::Reject {
            step,
            reason,
            signed,
        } => reject::decide(ask, step, reason, signed.as_ref()),
        Command::Explain {
            step,
            attempt,
            reason,
            signed,
        } => explain::decide(ask, (step, *attempt), reason, signed.as_ref()),
        Command::Breakglass { .. }
        | Command::BreakglassSigned { .. }
        | Command::Veto { .. }
        | Command::Review { .. } => breakglass::decide(ask, command),
        Command::Move { .. } | Command::Second { .. } | Command::RejectMotion { .. } => {
            motion::decide(ask, command)
        }
        Command::Cancel { step, reason } => cancel::decide(ask, step, reason),
        Command::Go {
            step,
            attempt,
            signed,
        } => go::decide(ask, step, *attempt, signed.as_ref()),
        Command::Resolve {
            step,
            finding,
            reason,
            signed,
        } => resolve::decide(ask, step, (*finding, reason), signed.as_ref()),
        _ => Ok(Vec::new()),
    }
}
