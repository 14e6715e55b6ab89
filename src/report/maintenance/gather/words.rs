//! What facts and steps come to, in words.

use super::super::{Quiet, Step, Written};
use super::spent::Spent;
use crate::domain::effect::seen_words;
use crate::domain::fact::{
    AlertEvent, CloseCause, Effect, EffectEvent, Finding, GlassEvent, Halt, HoldCause, MotionEvent,
    Moved, Read, RolloutEvent,
};
use crate::domain::id::StepId;
use crate::domain::runbook::plan::{PlanStep, Risk};
use crate::domain::silences::{Over, Stand, kept, label_of};
use crate::domain::state::{Phase, Stage, State, StepState, StepStatus};
use crate::domain::write;

pub(super) fn with(what: &str, reason: &str) -> String {
    if reason.is_empty() {
        return what.to_owned();
    }
    format!("{what}: {reason}")
}

pub(super) fn hold_words(cause: &HoldCause) -> String {
    match cause {
        HoldCause::Person { reason } => with("held", reason),
        HoldCause::Guard { rule } => format!("held: guard {rule} is not good"),
        HoldCause::Effect { step } => format!("held: the declared effect of {step} is missing"),
        HoldCause::Alert {
            name,
            component: Some(component),
        } => format!("held: alert {name} on {component} was not expected"),
        HoldCause::Alert {
            name,
            component: None,
        } => format!("held: alert {name} must come and has not"),
        HoldCause::Restart => "held: the server was restarted".to_owned(),
        HoldCause::Silence { .. } => "held: a silence is withheld".to_owned(),
        HoldCause::Moved { from, to } => {
            format!("held: the session of {from} was taken up on {to}")
        }
    }
}

/// What happened to a motion.
pub(super) fn moved_words(moved: &Moved) -> String {
    let no = moved.no;
    match &moved.event {
        MotionEvent::Made { what, reason, .. } => with(&format!("motion {no}: {what}"), reason),
        MotionEvent::Carried => format!("seconded motion {no}, which is in force since then"),
        MotionEvent::Ended { why } => format!("motion {no} ended: {why}"),
        MotionEvent::Refused { asked, reason } => {
            format!("refused to {asked} motion {no}: {reason}")
        }
    }
}

/// What was read of a declared effect, and what came of it.
pub(super) fn effect_words(effect: &Effect, step: &str) -> String {
    let (what, reads) = match &effect.event {
        EffectEvent::Before { reads } => (format!("read before {step}"), reads),
        EffectEvent::Met { reads } => (format!("{step} had its declared effect"), reads),
        EffectEvent::Missing { reads } => {
            (format!("the declared effect of {step} is MISSING"), reads)
        }
    };
    let one = |read: &Read| format!("{} {}", read.rule, seen_words(read, None));
    with(&what, &reads.iter().map(one).collect::<Vec<_>>().join("; "))
}

/// What became of alerts; nothing for one that is over.
pub(super) fn alert_words(event: &AlertEvent) -> Option<String> {
    match event {
        AlertEvent::Fired { key, expected, .. } => {
            let word = if *expected { "expected" } else { "UNEXPECTED" };
            Some(format!("{word} alert {key} fired"))
        }
        AlertEvent::Cleared { .. } => None,
        AlertEvent::Absent { name, unknown, .. } if unknown.is_empty() => {
            Some(format!("expected alert `{name}` did NOT fire"))
        }
        AlertEvent::Absent { name, unknown, .. } => {
            let what = format!("nobody knows whether expected alert `{name}` fired");
            Some(with(&what, unknown))
        }
    }
}

pub(super) const fn found_words(finding: Finding) -> &'static str {
    match finding {
        Finding::Ran => "ran to its end",
        Finding::DidNotRun => "did not run",
        Finding::Partial => "ran in part",
    }
}

/// What happened to a rollout; nothing for what the steps tell.
pub(super) fn rollout(event: &RolloutEvent, label: &dyn Fn(&StepId) -> String) -> Option<String> {
    Some(match event {
        RolloutEvent::UnitBegun { .. } => return None,
        RolloutEvent::UnitSkipped { component, reason } => {
            with(&format!("left out the whole unit {component}"), reason)
        }
        RolloutEvent::WaitEnded { reason, .. } if reason.is_empty() => return None,
        RolloutEvent::WaitEnded { batch, reason, .. } => {
            with(&format!("ended the wait after batch {batch} early"), reason)
        }
        RolloutEvent::WentOn { failed, reason } => {
            with(&format!("went on with {failed} failed units"), reason)
        }
        RolloutEvent::RunsOn => "let the rollout go by itself".to_owned(),
        RolloutEvent::RunsOnEnded { halt: Halt::Word } => {
            "stopped the rollout from going by itself".to_owned()
        }
        RolloutEvent::RunsOnEnded { halt } => {
            format!(
                "the rollout no longer goes by itself: {}",
                halt.words(label)
            )
        }
        RolloutEvent::SwitchBack { step, reason } => {
            with(&format!("{} was switched back", label(step)), reason)
        }
    })
}

pub(super) fn steps(state: &State, spent: &Spent) -> Vec<Step> {
    let pairs = state.plan().steps.iter().zip(&state.steps);
    pairs
        .map(|(plan, now)| (plan, now, spent.of(&plan.id)))
        .map(|(plan, now, split)| Step {
            id: plan.id.clone(),
            number: plan.number.clone(),
            title: plan.title.clone(),
            risk: plan.risk,
            outcome: outcome(state, plan, now),
            attempts: now.attempt,
            took_ms: split.map(|split| split.took_ms),
            waited_ms: split.map(|split| split.waited_ms),
            by: now.by.clone(),
            note: now.note.clone(),
        })
        .collect()
}

fn outcome(state: &State, plan: &PlanStep, now: &StepState) -> String {
    let is_back = state
        .plan()
        .phases
        .get(plan.phase)
        .is_some_and(|phase| phase.rollback);
    match &now.status {
        StepStatus::Pending
            if is_back && !matches!(state.phase, Phase::RollingBack | Phase::RolledBack) =>
        {
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
        Stage::Effect => "waits for its effect",
        Stage::Running if risk.needs_second_person() => "RUNNING",
        Stage::Running | Stage::Between | Stage::Checking | Stage::Verifying | Stage::SubSteps => {
            "under way"
        }
    }
}

pub(super) fn written(state: &write::WriteState) -> Written {
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

/// Silences of the program's own, each with its times.
pub(super) fn silences(state: &State) -> Vec<Quiet> {
    let all = kept(state, state.head_at.wall).into_iter();
    all.map(|one| Quiet {
        label: label_of(state.plan(), one.lifetime),
        connector: one.connector.clone(),
        what: one.what(),
        muted: one.muted,
        from: one.asked.wall,
        until: one.over,
        end: match one.stand {
            Stand::Asked => "asked for, no answer yet".to_owned(),
            Stand::Holds => "HOLDS".to_owned(),
            Stand::Doubtful => with("NOT KNOWN whether it holds", one.why),
            Stand::Over(Over::NotMade) => with("not made", one.why),
            Stand::Over(Over::Ended) if one.was_doubtful => "ended, or never made".to_owned(),
            Stand::Over(Over::Ended) => "ended".to_owned(),
            Stand::Over(Over::RanOut) => "ran out".to_owned(),
            Stand::Over(Over::Elsewhere) => "ended by somebody else".to_owned(),
        },
    })
    .collect()
}

/// One word for why a proposal ended, for programs that read a report.
pub(super) const fn cause_word(why: &CloseCause) -> &'static str {
    match why {
        CloseCause::Rejected { .. } => "rejected",
        CloseCause::Cancelled { .. } => "cancelled",
        CloseCause::Expired => "expired",
        CloseCause::ClockStep => "clock-step",
        CloseCause::Changed { .. } => "changed",
        CloseCause::Guard { .. } => "guard",
        CloseCause::Absent { .. } => "absent",
        CloseCause::Policy => "policy",
        CloseCause::Revoked { .. } => "revoked",
        CloseCause::PolicyUnread { .. } => "policy-unread",
        CloseCause::Mismatch { .. } => "mismatch",
        CloseCause::Session { .. } => "session",
        CloseCause::Scope { .. } => "scope",
        CloseCause::Vetoed { .. } => "vetoed",
        CloseCause::Restart => "restart",
    }
}

/// One word for something on the way of one person alone, and what it says.
pub(super) fn glass_words(event: &GlassEvent) -> (&'static str, String) {
    match event {
        GlassEvent::Asked { reason, guards } => (
            "asked",
            format!("asked to go alone: {reason}{}", guard_words(guards)),
        ),
        GlassEvent::Paged { page } => ("paged", page.to_string()),
        GlassEvent::Begun {
            wait_s,
            code,
            guards,
            statement,
        } => {
            let code = code.map_or_else(String::new, |step| format!(" and by code totp:{step}"));
            let guards = guard_words(guards);
            let what = format!(
                "signed for it{code}; for {wait_s} s everybody attached could veto it; statement {statement}{guards}"
            );
            ("begun", what)
        }
        GlassEvent::Witnessed { seq, by } => (
            "witnessed",
            format!("a checkpoint up to record {seq} left the host, {by} has it"),
        ),
        GlassEvent::Vetoed => ("vetoed", "VETOED it".to_owned()),
        GlassEvent::Armed => (
            "armed",
            "armed: the wait was over and nobody had said no".to_owned(),
        ),
        GlassEvent::Ended { why } => ("ended", format!("ended before it was signed: {why}")),
        GlassEvent::Reviewed { note } => ("reviewed", with("REVIEWED what was done", note)),
    }
}

fn guard_words(guards: &[String]) -> String {
    if guards.is_empty() {
        return String::new();
    }
    format!("; guards not known to be good: {}", guards.join(", "))
}
