//! The judgement on a way back: it was reviewed with the way forward, so its people are not asked again.
//!
//! Going back must be possible when the partner is gone, the confirm has expired and the host was started anew. What is
//! demanded instead is in the runner's own hands: it has run the way forward itself, it still has the ticket it judged
//! then, and the plan in that ticket binds the way back to the byte.
//!
//! Who began is the server's word, which would prove nothing however well it fitted a list of people: it is taken down
//! and not judged, so that neither an account of nobody's nor a list that cannot be read leaves anybody without a way
//! back.

use super::{Here, Passed, Refusal, check_command};
use crate::domain::confirm::undo_doc::{self, UndoInputs};
use crate::domain::digest::Digest;
use crate::domain::doc::DocError;
use crate::domain::time::Timestamp;
use crate::enforce::back::BackTicket;
use crate::enforce::name::{RunName, UNDO_TRIES_MAX};
use crate::enforce::plan::{self, Plan};
use crate::enforce::result::Attempted;
use crate::enforce::said::{Head, Kind, Said};
use crate::enforce::secret;
use crate::enforce::ticket::Ticket;
use crate::runner::{OUTPUT_VARIABLE, Outcome, is_variable_name};
use std::collections::BTreeSet;
use std::time::Duration;

/// Variables that only a server sets.
const OWN_PREFIX: &str = "WARROOM_";

/// What the runner itself knows of the way forward.
#[derive(Debug)]
pub struct Kept {
    /// The ticket that it judged, as it wrote it down before anything started.
    pub ticket: Vec<u8>,
    /// When that was.
    pub since: Timestamp,
    /// How it ended; absent when nobody knows.
    pub result: Option<Attempted>,
    /// A way back has ended with success already.
    pub is_undone: bool,
}

/// Why a way back is refused. Nothing has run then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackRefusal {
    /// What is asked of every command.
    #[error(transparent)]
    Command(#[from] Refusal),
    /// It is not the ticket that was judged, or there is none.
    #[error("the ticket of the way forward is not the one that ran here")]
    Other,
    /// Nothing has been started that could be taken back.
    #[error("the way forward was never started here")]
    NotRun,
    /// Once is enough.
    #[error("a way back has ended with success already")]
    Undone,
    /// Too old to be taken back by one person.
    #[error("the way forward ran more than {hours} h ago", hours = .0.as_secs() / 3600)]
    Late(Duration),
    /// A number beyond all bounds.
    #[error("try {0} of a way back is none: there are {UNDO_TRIES_MAX}")]
    Tries(u32),
    /// The plan does not say what the way back is.
    #[error("the plan that people confirmed binds no way back")]
    Unbound,
    /// Another one than the reviewed one.
    #[error("the way back is not the one that was reviewed with the plan")]
    Changed,
    /// It cannot be read.
    #[error("the way back cannot be read: {0}")]
    Undo(DocError),
    /// Nobody began to go back.
    #[error("the record that somebody began to go back does not belong to this session")]
    Began,
}

impl BackRefusal {
    /// Stable word for programs and tests.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Command(refusal) => refusal.word(),
            Self::Other => "other-ticket",
            Self::NotRun => "not-run",
            Self::Undone => "undone",
            Self::Late(_) => "late",
            Self::Tries(_) => "tries",
            Self::Unbound => "unbound",
            Self::Changed => "undo-changed",
            Self::Undo(_) => "undo",
            Self::Began => "began",
        }
    }

    /// What a person can do; empty when there is nothing but to find out who sent it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Command(refusal) => refusal.hint(),
            Self::NotRun => "there is nothing to take back: skip it",
            Self::Undone => "look at what it left; anything more is a step of its own",
            Self::Late(_) => {
                "go back by a step that two people confirm, or have root raise `undo_hours`"
            }
            Self::Changed | Self::Unbound | Self::Tries(_) => {
                "go back by a step that two people confirm"
            }
            Self::Other | Self::Undo(_) | Self::Began => "",
        }
    }
}

/// Judges a way back. `within`: how long after its start a way forward may be taken back by one person.
///
/// Neither the expiry of the confirms nor a key that was revoked since stands in the way, nor who began, nor policy
/// files that are others or cannot be read, nor another boot of the host.
///
/// # Errors
/// [`BackRefusal`], by the first thing that is wrong; nothing may run then.
pub fn judge(
    back: &BackTicket,
    kept: &Kept,
    here: &Here<'_>,
    within: Duration,
) -> Result<Passed, BackRefusal> {
    if back.forward != kept.ticket {
        return Err(BackRefusal::Other);
    }
    let never = |result: &Attempted| matches!(result.outcome, Outcome::NotStarted(_));
    if kept.result.as_ref().is_some_and(never) {
        return Err(BackRefusal::NotRun);
    }
    if kept.is_undone {
        return Err(BackRefusal::Undone);
    }
    if here.now.wall >= kept.since.plus(within) {
        return Err(BackRefusal::Late(within));
    }
    let ticket = Ticket::parse(&back.forward).map_err(|_| BackRefusal::Other)?;
    let plan = plan::read(&ticket.plan).map_err(Refusal::from)?;
    let said = super::said(Kind::Propose, &ticket.propose)?;
    let name = RunName::forward(said.nonce.clone());
    let name = name.undo(back.try_no);
    let name = name.ok_or(BackRefusal::Tries(back.try_no))?;
    let began_by = began(back, &ticket, &said)?;
    let reviewed = undo_doc::bound(&plan.inputs.undo).ok_or(BackRefusal::Unbound)?;
    if reviewed != Digest::of(&back.undo) {
        return Err(BackRefusal::Changed);
    }
    let undo = undo_doc::parse(&back.undo).map_err(BackRefusal::Undo)?;
    let plan = of_undo(plan, undo, &name, kept.result.as_ref(), here);
    check_command(&plan, here)?;
    Ok(Passed {
        name,
        plan,
        said,
        confirmers: BTreeSet::new(),
        began_by: Some(began_by),
        stdin: None,
    })
}

/// Who began to go back, by the server's word: the actor of the record, whoever that is.
fn began(back: &BackTicket, ticket: &Ticket, said: &Said) -> Result<String, BackRefusal> {
    let record = |what, source| Refusal::Record { what, source };
    let head = Head::parse(&back.began).map_err(|source| record("rollback", source))?;
    let proposed = Head::parse(&ticket.proposed).map_err(|source| record("proposal", source))?;
    let fits = head.kind == "rollback.started"
        && head.session == said.session
        && head.seq > proposed.seq
        && head.prev.is_some();
    if fits {
        Ok(head.actor)
    } else {
        Err(BackRefusal::Began)
    }
}

/// What will run: the reviewed program and arguments in the surroundings of the plan, with what the way forward handed
/// over, by the runner's own record of it.
fn of_undo(
    forward: Plan,
    undo: UndoInputs,
    name: &RunName,
    result: Option<&Attempted>,
    here: &Here<'_>,
) -> Plan {
    let mut inputs = forward.inputs;
    inputs.env.retain(|(name, _)| name != OUTPUT_VARIABLE);
    for (variable, value) in result.iter().flat_map(|result| &result.values) {
        let is_set = inputs.env.iter().any(|(name, _)| name == variable);
        // A value is data: it neither steers a program nor names a secret.
        let is_data = is_variable_name(variable)
            && !crate::runner::is_steering(variable)
            && !variable.starts_with(OWN_PREFIX)
            && matches!(secret::reference(value), Ok(None));
        if !is_set && is_data {
            inputs.env.push((variable.clone(), value.clone()));
        }
    }
    let values = here.values.join(name.to_string()).display().to_string();
    inputs.env.push((OUTPUT_VARIABLE.to_owned(), values));
    inputs.env.sort();
    inputs.argv = undo.argv;
    inputs.timeout_s = undo.timeout_s;
    inputs.exe = Some((undo.exe.clone(), undo.exe_digest));
    Plan {
        inputs,
        exe: undo.exe,
        exe_digest: undo.exe_digest,
    }
}

#[cfg(test)]
mod tests;
