//! From facts to a report: the session's own fold beside what it forgets.

mod alone;
mod amended;
mod offers;
mod spent;
mod words;

use self::amended::Diff;
use self::offers::Pending;
use self::spent::Spent;
use self::words::{
    alert_words, effect_words, found_words, hold_words, moved_words, silences, steps, with, written,
};
use super::{
    Alone, Certificate, ENTRIES_MAX, Happening, Note, Present, Refusal, Report, mode_notices,
    rehearsal_notices,
};
use crate::domain::apply::{FoldError, check_apply};
use crate::domain::confirm::certificate::issued_about;
use crate::domain::confirm::statement::Kind;
use crate::domain::fact::{Actor, COUNTER_NOTICE, ExecKey, Fact, Genesis, Mode, Stamped};
use crate::domain::id::StepId;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::silences::words as silence_words;
use crate::domain::state::{Phase, State};
use crate::domain::time::Timestamp;

/// Takes the facts of a journal in their order.
#[derive(Debug, Default)]
pub struct Gathering {
    state: Option<State>,
    opened: Timestamp,
    people: Vec<Present>,
    offers: Vec<Pending>,
    alone: Vec<Alone>,
    refusals: Vec<Refusal>,
    happenings: Vec<Happening>,
    notes: Vec<Note>,
    /// Records that cannot have happened.
    faults: Vec<String>,
    /// What the program itself found wrong with a key.
    alarms: Vec<String>,
    /// What the record before states under a signature.
    stated: Option<Kind>,
    /// What each amendment made another, oldest first.
    diffs: Vec<Diff>,
    spent: Spent,
    left_out: usize,
}

impl Gathering {
    /// Takes the next fact.
    ///
    /// # Errors
    /// [`FoldError::NotGenesis`] when the journal does not begin as one does. A later fact that cannot have happened is
    /// no error: it is named on top of the report.
    pub fn take(&mut self, stamped: &Stamped) -> Result<(), FoldError> {
        let stated = match &stamped.fact {
            Fact::StatementSigned(signed) => Kind::of(&signed.statement),
            _ => None,
        };
        let was_alone;
        let pinned = amended::pinned(self.state.as_ref(), &stamped.fact);
        match (&mut self.state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                let genesis = (**genesis).clone();
                self.state = Some(State::new(genesis, stamped.hash, stamped.at));
                self.opened = stamped.at.wall;
                return Ok(());
            }
            (None, _) => return Err(FoldError::NotGenesis),
            (Some(state), _) => {
                was_alone = state.glass().is_some();
                if let Err(error) = check_apply(state, stamped) {
                    let fault = format!("IMPOSSIBLE, and left out below: {error}");
                    push(&mut self.faults, &mut self.left_out, fault);
                    return Ok(());
                }
                let diff = pinned.and_then(|pinned| amended::diff_since(&pinned, state));
                self.diffs.extend(diff);
                self.spent.look(state, &stamped.fact, stamped.at);
            }
        }
        self.present(stamped);
        self.tell(stamped, was_alone);
        self.stated = stated;
        Ok(())
    }

    /// The report; absent when there was no fact.
    pub fn finish(self) -> Option<Report> {
        let state = self.state?;
        let genesis = &state.genesis;
        let plan = state.plan();
        let mut notices = rehearsal_notices(genesis);
        notices.extend(mode_notices(genesis.mode, genesis.allow_uid));
        notices.extend(self.faults);
        let amended = state.amendments().count();
        if amended > 0 {
            notices.push(format!(
                "AMENDED: two people put another plan in force on the way, {amended} in all; the steps are those of the last one."
            ));
        }
        notices.extend(alone::notices(&state, &self.alone));
        notices.extend(self.alarms);
        let left = state.left_open();
        if state.phase == Phase::Completed && !left.is_empty() {
            notices.push(format!(
                "NOT ALL OF IT: {left}; what had been done to them before stays."
            ));
        }
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
            session_key: genesis.session_key.clone(),
            certificate: certificate(genesis),
            runbook: genesis.runbook.clone(),
            plan: genesis.plan_digest,
            window: state.window(),
            opened: self.opened,
            begun: state.begun.map(|at| at.wall),
            ended: state.ended.map(|at| at.wall),
            phase: state.phase,
            end_reason: state.end_reason.clone(),
            head: state.head,
            alone: self.alone,
            people: self.people,
            steps: steps(&state, &self.spent),
            amendments: amended::amendments(&state, self.diffs),
            offers: self.offers.into_iter().map(|p| p.offer).collect(),
            refusals: self.refusals,
            happenings: self.happenings,
            silences: silences(&state),
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

    /// Puts a fact where a reader looks for it. Every kind has an arm: a new one does not build before it has a place.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each kind of fact, and no wildcard"
    )]
    fn tell(&mut self, stamped: &Stamped, was_alone: bool) {
        let label = |step: &StepId| self.label(step);
        let what = match &stamped.fact {
            Fact::ProposalOpened { terms, signature } => {
                return self.open(stamped, terms, !signature.is_empty());
            }
            Fact::StepChecked(checked) => return self.checked(stamped, checked),
            Fact::StepConfirmed(confirmed) => return self.confirmed(stamped, confirmed),
            Fact::StepArmed { step } => return self.armed(stamped, step, was_alone),
            Fact::ProposalClosed { step, attempt, why } => {
                return self.closed(stamped, (step, *attempt), why, was_alone);
            }
            Fact::RejectExplained {
                step,
                attempt,
                reason,
            } => return self.explained(stamped, (step, *attempt), reason),
            Fact::Breakglass(glass) => return self.glass(stamped, glass),
            Fact::ExecIntent {
                nonce: Some(nonce),
                key,
                ..
            } => return self.gone(stamped, key, &nonce.to_string()),
            Fact::ExecIntent { key, role, .. } => {
                if *role != ExecRole::Undo || !self.is_at_runner(key) {
                    return;
                }
                let step = label(&key.step);
                format!("the runner was asked for the way back of {step} ({key})")
            }
            Fact::ExecOutcome { key, outcome, .. } => return self.ran(stamped, key, outcome),
            Fact::ExecUnknown { key } => {
                self.lost(stamped, key);
                format!("nobody knows how {key} ended")
            }
            Fact::StepResolved { step, finding } => {
                self.resolved(stamped, step, *finding);
                format!("agreed: {} {}", self.label(step), found_words(*finding))
            }
            Fact::Refused {
                asked,
                step,
                reason,
            } => return self.refused(stamped, (asked, step, reason)),
            Fact::NoteAdded { step, text } => return self.noted(stamped, step.as_ref(), text),
            Fact::SessionResumed { program, host } => {
                format!("the session was taken up again by {program} on {host}")
            }
            Fact::JournalRecovered { bytes, .. } => {
                format!("{bytes} bytes of an unfinished record were set aside")
            }
            Fact::SessionClosed { reason } => format!("the session server ended: {reason}"),
            Fact::IdentityConflict { account, key, .. } => {
                format!(
                    "a terminal whose account is {account} and whose key is {key} may only look"
                )
            }
            Fact::Held(cause) => hold_words(cause),
            Fact::Released { reason } => with("all holds ended", reason),
            Fact::StopAsked { step } => format!("asked for {} to be stopped", label(step)),
            Fact::TakenOver { step } => format!("took over watching {}", label(step)),
            Fact::ResolveVoted {
                step,
                finding,
                reason,
            } => {
                let found = found_words(*finding);
                with(&format!("found that {} {found}", label(step)), reason)
            }
            Fact::Motion(moved) => moved_words(moved),
            Fact::GateTimedOut { step, .. } => {
                format!("the gate of {} did not open in time", label(step))
            }
            Fact::Effect(effect) => effect_words(effect, &label(&effect.step)),
            Fact::Alert(event) => match alert_words(event) {
                Some(words) => words,
                None => return,
            },
            Fact::StepFailed { step, why } => with(&format!("{} failed", label(step)), why),
            Fact::StepSkipped { step, reason } => {
                with(&format!("left out {}", label(step)), reason)
            }
            Fact::Rollout(news) => match words::rollout(&news.event, &label) {
                Some(what) => what,
                None => return,
            },
            Fact::StepRetried { step } => format!("wants another attempt of {}", label(step)),
            Fact::BaselineTaken(baseline) => baseline.to_string(),
            Fact::GuardActed(acted) => acted.to_string(),
            Fact::RollbackStarted { reason } => with("the way back began", reason),
            Fact::StepUndone { step } => format!("{} was undone", label(step)),
            Fact::UndoFailed { step, why } => {
                with(&format!("the way back of {} failed", label(step)), why)
            }
            Fact::Silence(said) => match &self.state {
                Some(state) => silence_words(state.plan(), said),
                None => return,
            },
            Fact::RolledBack => "everything that could be undone was undone".to_owned(),
            Fact::Aborted { reason } => with("the maintenance was given up", reason),
            // Told by the state at the end (head, times, steps, writes), by the fact that follows, or by who was present.
            Fact::SessionOpened(_)
            | Fact::Attached { .. }
            | Fact::Detached { .. }
            | Fact::Begun
            | Fact::Completed
            | Fact::RuleChanged { .. }
            | Fact::StepStarted { .. }
            | Fact::ExecSpawned { .. }
            | Fact::GateOpened { .. }
            | Fact::StepDescended { .. }
            | Fact::StepDone { .. }
            | Fact::StatementSigned(_)
            | Fact::StepProposed { .. }
            | Fact::WriteAsked { .. }
            | Fact::WriteEnded { .. } => return,
        };
        let (at, who) = (stamped.at.wall, stamped.actor.to_actor_text());
        let happening = Happening { at, who, what };
        push(&mut self.happenings, &mut self.left_out, happening);
    }

    fn refused(&mut self, stamped: &Stamped, (asked, step, reason): (&str, &StepId, &str)) {
        let refusal = Refusal {
            at: stamped.at.wall,
            who: stamped.actor.to_actor_text(),
            via: stamped.actor.to_via_text(),
            asked: asked.to_owned(),
            step: step.clone(),
            reason: reason.to_owned(),
        };
        push(&mut self.refusals, &mut self.left_out, refusal);
    }

    fn noted(&mut self, stamped: &Stamped, step: Option<&StepId>, text: &str) {
        // A person may write the same words; only the program's own are an alarm.
        if stamped.actor == Actor::Engine && text.starts_with(COUNTER_NOTICE) {
            let notice = format!("KEY: {text}.");
            push(&mut self.alarms, &mut self.left_out, notice);
        }
        let note = Note {
            at: stamped.at.wall,
            who: stamped.actor.to_actor_text(),
            step: step.cloned(),
            text: text.to_owned(),
        };
        push(&mut self.notes, &mut self.left_out, note);
    }

    /// In enforced mode the runner itself goes back by what was agreed on; all else runs with the server.
    fn is_at_runner(&self, key: &ExecKey) -> bool {
        self.state.as_ref().is_some_and(|state| {
            let running = state.running().filter(|running| running.key == *key);
            let agreed = running.and_then(|running| state.agreed(running));
            state.genesis.mode == Mode::Enforced && agreed.is_some()
        })
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

fn push<T>(list: &mut Vec<T>, left_out: &mut usize, entry: T) {
    if list.len() < ENTRIES_MAX {
        list.push(entry);
    } else {
        *left_out = left_out.saturating_add(1);
    }
}

/// What a host key signed for the session's key; that signature is judged by `warroom verify`, not here.
fn certificate(genesis: &Genesis) -> Option<Certificate> {
    let signed = genesis.certificate.as_ref()?;
    let issued = issued_about(genesis, &signed.statement);
    Some(Certificate { issued })
}
