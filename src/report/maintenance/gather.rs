//! From facts to a report: the session's own fold beside what it forgets.

use super::{
    Check, Confirm, ENTRIES_MAX, End, Happening, Note, Offer, Present, Refusal, Report, Step,
    Written, mode_notices,
};
use crate::domain::apply::{FoldError, check_apply};
use crate::domain::fact::{Checked, Confirmed, ExecKey, Fact, Finding, HoldCause, Stamped, Terms};
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::runbook::plan::{PlanStep, Risk};
use crate::domain::state::{Phase, Stage, State, StepState, StepStatus};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write;

/// Takes the facts of a journal in their order.
#[derive(Debug, Default)]
pub struct Gathering {
    state: Option<State>,
    opened: Timestamp,
    people: Vec<Present>,
    offers: Vec<Pending>,
    refusals: Vec<Refusal>,
    happenings: Vec<Happening>,
    notes: Vec<Note>,
    /// Records that cannot have happened.
    faults: Vec<String>,
    left_out: usize,
}

/// A proposal with what is needed to tell its end.
#[derive(Debug)]
struct Pending {
    offer: Offer,
    opened: Moment,
    /// When each of `offer.checks` was recorded, on both clocks.
    checked: Vec<Moment>,
    nonce: String,
    /// The execution it became.
    run: Option<ExecKey>,
}

impl Gathering {
    /// Takes the next fact.
    ///
    /// # Errors
    /// [`FoldError::NotGenesis`] when the journal does not begin as one does. A later fact that cannot have happened is
    /// no error: it is named on top of the report.
    pub fn take(&mut self, stamped: &Stamped) -> Result<(), FoldError> {
        match (&mut self.state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                let genesis = (**genesis).clone();
                self.state = Some(State::new(genesis, stamped.hash, stamped.at));
                self.opened = stamped.at.wall;
                return Ok(());
            }
            (None, _) => return Err(FoldError::NotGenesis),
            (Some(state), _) => {
                if let Err(error) = check_apply(state, stamped) {
                    let fault = format!("IMPOSSIBLE, and left out below: {error}");
                    push(&mut self.faults, &mut self.left_out, fault);
                    return Ok(());
                }
            }
        }
        self.present(stamped);
        self.offered(stamped);
        self.happened(stamped);
        Ok(())
    }

    /// The report; absent when there was no fact.
    pub fn finish(self) -> Option<Report> {
        let state = self.state?;
        let genesis = &state.genesis;
        let plan = state.plan();
        let mut notices = mode_notices(genesis.mode, genesis.allow_uid);
        notices.extend(self.faults);
        if !state.phase.is_final() {
            notices.push("UNFINISHED: the maintenance is not over.".to_owned());
        }
        if self.left_out > 0 {
            let count = self.left_out;
            notices.push(format!(
                "CUT: {count} entries are not shown; `warroom journal export` has all records."
            ));
        }
        Some(Report {
            notices,
            name: genesis.name.clone(),
            session: genesis.session.clone(),
            title: plan.title.clone(),
            change: plan.change.clone(),
            mode: genesis.mode_words(),
            program: genesis.program.clone(),
            host: genesis.host.clone(),
            server_uid: genesis.server_uid,
            runbook: genesis.runbook.clone(),
            plan: genesis.plan_digest,
            window: plan.window,
            opened: self.opened,
            begun: state.begun.map(|at| at.wall),
            ended: state.ended.map(|at| at.wall),
            phase: state.phase,
            end_reason: state.end_reason.clone(),
            head: state.head,
            people: self.people,
            steps: steps(&state),
            offers: self.offers.into_iter().map(|p| p.offer).collect(),
            refusals: self.refusals,
            happenings: self.happenings,
            writes: state.writes.iter().map(written).collect(),
            notes: self.notes,
            left_out: self.left_out,
        })
    }

    fn present(&mut self, stamped: &Stamped) {
        let who = stamped.actor.to_actor_text();
        let via = stamped.actor.to_via_text();
        if via == "engine" {
            return;
        }
        let at = stamped.at.wall;
        let known = self.people.iter_mut().find(|present| present.who == who);
        let Some(present) = known else {
            let present = Present {
                who,
                known_by: vec![via],
                from: at,
                until: at,
                records: 1,
            };
            push(&mut self.people, &mut self.left_out, present);
            return;
        };
        present.until = at;
        present.records = present.records.saturating_add(1);
        if !present.known_by.contains(&via) {
            push(&mut present.known_by, &mut self.left_out, via);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other facts say nothing of a proposal"
    )]
    fn offered(&mut self, stamped: &Stamped) {
        let at = stamped.at.wall;
        match &stamped.fact {
            Fact::ProposalOpened { terms, signature } => {
                self.open(stamped, terms, !signature.is_empty());
            }
            Fact::StepChecked(checked) => self.checked(stamped, checked),
            Fact::StepConfirmed(confirmed) => self.confirmed(stamped, confirmed),
            Fact::ProposalClosed { step, attempt, why } => {
                let end = End::Closed {
                    why: why.to_string(),
                    by: stamped.actor.to_actor_text(),
                };
                self.end(at, end, |p| is_of(&p.offer, step, *attempt));
            }
            Fact::ExecIntent {
                key,
                nonce: Some(nonce),
                ..
            } => {
                let nonce = nonce.to_string();
                let who = stamped.actor.to_actor_text();
                if let Some(pending) = self.offers.iter_mut().rev().find(|p| p.nonce == nonce) {
                    pending.run = Some(key.clone());
                    pending.offer.go = Some((who, at));
                    pending.offer.end = End::Running;
                }
            }
            Fact::ExecOutcome { key, outcome, .. } => {
                let outcome = outcome.to_string();
                self.end(at, End::Ran { outcome }, |p| p.run.as_ref() == Some(key));
            }
            Fact::ExecUnknown { key } => {
                let end = End::Unknown { found: None };
                self.end(at, end, |p| p.run.as_ref() == Some(key));
            }
            Fact::StepResolved { step, finding } => {
                let found = Some(found_words(*finding).to_owned());
                self.end(at, End::Unknown { found }, |p| {
                    p.offer.step == *step && matches!(p.offer.end, End::Unknown { found: None })
                });
            }
            _ => {}
        }
    }

    fn open(&mut self, stamped: &Stamped, terms: &Terms, is_signed: bool) {
        let label = self.label(&terms.step);
        let pending = Pending {
            offer: Offer {
                step: terms.step.clone(),
                label,
                attempt: terms.attempt,
                proposer: terms.proposer.clone(),
                via: stamped.actor.to_via_text(),
                is_signed,
                executor: terms.executor.clone(),
                quorum: terms.quorum,
                at: stamped.at.wall,
                plan: terms.plan,
                checks: Vec::new(),
                confirms: Vec::new(),
                go: None,
                end: End::Open,
                ended: None,
            },
            opened: stamped.at,
            checked: Vec::new(),
            nonce: terms.nonce.to_string(),
            run: None,
        };
        push(&mut self.offers, &mut self.left_out, pending);
    }

    fn checked(&mut self, stamped: &Stamped, checked: &Checked) {
        let check = Check {
            who: stamped.actor.to_actor_text(),
            at: stamped.at.wall,
            component: checked.component.clone(),
            remaining: checked.remaining,
            dwell_ms: checked.dwell_ms,
            matches: checked.matches,
        };
        let is_it = |p: &&mut Pending| is_of(&p.offer, &checked.step, checked.attempt);
        if let Some(pending) = self.offers.iter_mut().rev().find(is_it)
            && pending.offer.checks.len() < ENTRIES_MAX
        {
            pending.offer.checks.push(check);
            pending.checked.push(stamped.at);
        }
    }

    fn confirmed(&mut self, stamped: &Stamped, confirmed: &Confirmed) {
        let newest = self.offers.iter_mut().rev();
        let Some(pending) = newest
            .into_iter()
            .find(|p| p.offer.step == confirmed.step && p.offer.end == End::Open)
        else {
            return;
        };
        let signer = confirmed.signer.as_str();
        let mut answers = pending.offer.checks.iter().zip(&pending.checked);
        let shown = answers
            .rfind(|(check, _)| check.who == signer && check.matches)
            .map_or(pending.opened, |(_, at)| *at);
        let confirm = Confirm {
            who: confirmed.signer.clone(),
            evidence: stamped.actor.to_via_text(),
            is_signed: !confirmed.signature.is_empty(),
            at: stamped.at.wall,
            after_ms: stamped.at.mono_since(pending.opened),
            dwell_ms: stamped.at.mono_since(shown),
        };
        push(&mut pending.offer.confirms, &mut self.left_out, confirm);
    }

    fn end(&mut self, at: Timestamp, end: End, is_it: impl Fn(&Pending) -> bool) {
        if let Some(pending) = self.offers.iter_mut().rev().find(|p| is_it(p)) {
            pending.offer.end = end;
            pending.offer.ended = Some(at);
        }
    }

    fn happened(&mut self, stamped: &Stamped) {
        let at = stamped.at.wall;
        let who = stamped.actor.to_actor_text();
        if let Fact::Refused {
            asked,
            step,
            reason,
        } = &stamped.fact
        {
            let refusal = Refusal {
                at,
                who,
                via: stamped.actor.to_via_text(),
                asked: asked.clone(),
                step: step.clone(),
                reason: reason.clone(),
            };
            push(&mut self.refusals, &mut self.left_out, refusal);
        } else if let Fact::NoteAdded { step, text } = &stamped.fact {
            let note = Note {
                at,
                who,
                step: step.clone(),
                text: text.clone(),
            };
            push(&mut self.notes, &mut self.left_out, note);
        } else if let Some(what) = words(&stamped.fact, |step| self.label(step)) {
            let happening = Happening { at, who, what };
            push(&mut self.happenings, &mut self.left_out, happening);
        }
    }

    /// `2.1 Drain rack-07`.
    fn label(&self, step: &StepId) -> String {
        let view = self.state.as_ref().and_then(|state| state.find(step));
        view.map_or_else(
            || step.to_string(),
            |view| format!("{} {}", view.plan.number, view.plan.title),
        )
    }
}

/// What a fact says that is out of the ordinary; `label` names steps.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other facts are told by the state, by a proposal, or are nothing out of the ordinary"
)]
fn words(fact: &Fact, label: impl Fn(&StepId) -> String) -> Option<String> {
    Some(match fact {
        Fact::SessionResumed { program, host } => {
            format!("the session was taken up again by {program} on {host}")
        }
        Fact::JournalRecovered { bytes, .. } => {
            format!("{bytes} bytes of an unfinished record were set aside")
        }
        Fact::SessionClosed { reason } => format!("the session server ended: {reason}"),
        Fact::IdentityConflict { account, key, .. } => {
            format!("a terminal whose account is {account} and whose key is {key} may only look")
        }
        Fact::Held(cause) => hold_words(cause),
        Fact::Released { reason } => with("all holds ended", reason),
        Fact::StopAsked { step } => format!("asked for {} to be stopped", label(step)),
        Fact::ExecUnknown { key } => format!("nobody knows how {key} ended"),
        Fact::ResolveVoted {
            step,
            finding,
            reason,
        } => {
            let found = found_words(*finding);
            with(&format!("found that {} {found}", label(step)), reason)
        }
        Fact::StepResolved { step, finding } => {
            format!("agreed: {} {}", label(step), found_words(*finding))
        }
        Fact::GateTimedOut { step, .. } => {
            format!("the gate of {} did not open in time", label(step))
        }
        Fact::StepFailed { step, why } => with(&format!("{} failed", label(step)), why),
        Fact::StepSkipped { step, reason } => with(&format!("left out {}", label(step)), reason),
        Fact::StepRetried { step } => format!("wants another attempt of {}", label(step)),
        Fact::RollbackStarted { reason } => with("the way back began", reason),
        Fact::StepUndone { step } => format!("{} was undone", label(step)),
        Fact::UndoFailed { step, why } => {
            with(&format!("the way back of {} failed", label(step)), why)
        }
        Fact::RolledBack => "everything that could be undone was undone".to_owned(),
        Fact::Aborted { reason } => with("the maintenance was given up", reason),
        _ => return None,
    })
}

fn push<T>(list: &mut Vec<T>, left_out: &mut usize, entry: T) {
    if list.len() < ENTRIES_MAX {
        list.push(entry);
    } else {
        *left_out = left_out.saturating_add(1);
    }
}

fn is_of(offer: &Offer, step: &StepId, attempt: AttemptNo) -> bool {
    offer.step == *step && offer.attempt == attempt
}

fn with(what: &str, reason: &str) -> String {
    if reason.is_empty() {
        return what.to_owned();
    }
    format!("{what}: {reason}")
}

fn hold_words(cause: &HoldCause) -> String {
    match cause {
        HoldCause::Person { reason } => with("held", reason),
        HoldCause::Guard { rule } => format!("held: guard {rule} is not good"),
        HoldCause::Restart => "held: the server was restarted".to_owned(),
        HoldCause::Moved { from, to } => {
            format!("held: the session of {from} was taken up on {to}")
        }
    }
}

const fn found_words(finding: Finding) -> &'static str {
    match finding {
        Finding::Ran => "ran to its end",
        Finding::DidNotRun => "did not run",
        Finding::Partial => "ran in part",
    }
}

fn steps(state: &State) -> Vec<Step> {
    let pairs = state.plan().steps.iter().zip(&state.steps);
    pairs
        .map(|(plan, now)| Step {
            id: plan.id.clone(),
            number: plan.number.clone(),
            title: plan.title.clone(),
            risk: plan.risk,
            outcome: outcome(state, plan, now),
            attempts: now.attempt,
            took_ms: took(now),
            by: now.by.clone(),
            note: now.note.clone(),
        })
        .collect()
}

fn took(now: &StepState) -> Option<u64> {
    let (started, ended) = (now.started?, now.ended?);
    u64::try_from(ended.wall.since(started.wall).as_millis()).ok()
}

fn outcome(state: &State, plan: &PlanStep, now: &StepState) -> String {
    let is_back = state
        .plan()
        .phases
        .get(plan.phase)
        .is_some_and(|phase| phase.rollback);
    match &now.status {
        StepStatus::Pending if is_back && !matches!(state.phase, Phase::RolledBack) => {
            "not needed: part of the way back".to_owned()
        }
        StepStatus::Pending => "not started".to_owned(),
        StepStatus::Active { stage } => stage_words(*stage, plan.risk).to_owned(),
        StepStatus::Done { warning } => with("done", warning),
        StepStatus::Failed { why } => with("FAILED", why),
        StepStatus::Skipped { by, reason } => with(&format!("left out by {by}"), reason),
        StepStatus::Unknown => "UNKNOWN: nobody knows how it ended".to_owned(),
        StepStatus::Undoing => "being undone".to_owned(),
        StepStatus::Undone => "undone".to_owned(),
        StepStatus::UndoFailed { why } => with("UNDO FAILED", why),
    }
}

const fn stage_words(stage: Stage, risk: Risk) -> &'static str {
    match stage {
        Stage::NeedsProposal => "waits for a proposal",
        Stage::AwaitingSecond => "waits for the second person",
        Stage::Armed => "confirmed, not started",
        Stage::Gated => "waits for its gate",
        Stage::Running if risk.needs_second_person() => "RUNNING",
        Stage::Running | Stage::Between | Stage::Checking | Stage::Verifying | Stage::SubSteps => {
            "under way"
        }
    }
}

fn written(state: &write::WriteState) -> Written {
    let write::Write {
        connector, deed, ..
    } = &state.write;
    let outcome = match &state.outcome {
        None => "no answer yet".to_owned(),
        Some(write::Outcome::Done { proof, .. }) => with("done", proof),
        Some(write::Outcome::Accepted { what, .. }) => with("accepted, NOT PROVEN", what),
        Some(write::Outcome::Failed { what }) => with("FAILED", what),
        Some(write::Outcome::Unknown { what }) => with("UNKNOWN", what),
    };
    Written {
        at: state.asked.wall,
        who: state.by.clone(),
        what: format!("{} by {connector}", deed.verb()),
        outcome,
    }
}
