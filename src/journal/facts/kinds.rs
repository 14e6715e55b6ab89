//! Kinds of records: what the `kind` line says of each fact.

use crate::domain::fact::{
    AlertEvent, EffectEvent, Fact, GlassEvent, MotionEvent, RolloutEvent, SilenceEvent,
};

/// Kind of a fact, as the `kind` line has it.
pub const fn kind_of(fact: &Fact) -> &'static str {
    match fact {
        Fact::SessionOpened(_) => "session.opened",
        Fact::SessionResumed { .. } => "session.resumed",
        Fact::SessionClosed { .. } => "session.closed",
        Fact::JournalRecovered { .. } => "journal.recovered",
        Fact::Attached { .. } => "client.attached",
        Fact::Detached { .. } => "client.detached",
        Fact::IdentityConflict { .. } => "identity.conflict",
        Fact::Begun => "maintenance.begun",
        Fact::Aborted { .. } => "maintenance.aborted",
        Fact::Completed => "maintenance.completed",
        Fact::Held(_) => "session.held",
        Fact::Released { .. } => "session.released",
        Fact::RuleChanged { .. } => "rule.changed",
        Fact::BaselineTaken(_) => "baseline.taken",
        Fact::GuardActed(_) => "guard.acted",
        Fact::StepStarted { .. } => "step.started",
        Fact::ExecIntent { .. } => "exec.intent",
        Fact::ExecSpawned { .. } => "exec.spawned",
        Fact::ExecOutcome { .. } => "exec.outcome",
        Fact::ExecUnknown { .. } => "exec.unknown",
        Fact::StopAsked { .. } => "exec.stop-asked",
        Fact::TakenOver { .. } => "step.taken-over",
        Fact::ResolveVoted { .. } => "step.resolve-voted",
        Fact::StepResolved { .. } => "step.resolved",
        Fact::GateOpened { .. } => "gate.opened",
        Fact::GateTimedOut { .. } => "gate.timed-out",
        Fact::Effect(effect) => of_effect(&effect.event),
        Fact::Alert(event) => of_alert(event),
        Fact::StepDescended { .. } => "step.descended",
        Fact::StepDone { .. } => "step.done",
        Fact::StepFailed { .. } => "step.failed",
        Fact::StepSkipped { .. } => "step.skipped",
        Fact::StepRetried { .. } => "step.retried",
        Fact::StepUndone { .. } => "step.undone",
        Fact::UndoFailed { .. } => "step.undo-failed",
        Fact::ProposalOpened { .. } => "proposal.opened",
        Fact::StatementSigned(_) => "statement.signed",
        Fact::StepProposed { .. } => "step.proposed",
        Fact::StepConfirmed(_) => "step.confirmed",
        Fact::StepArmed { .. } => "step.armed",
        Fact::StepChecked(_) => "step.checked",
        Fact::Breakglass(glass) => of_breakglass(&glass.event),
        Fact::Motion(moved) => of_motion(&moved.event),
        Fact::Rollout(news) => of_rollout(&news.event),
        Fact::ProposalClosed { .. } => "step.closed",
        Fact::RejectExplained { .. } => "step.reject-explained",
        Fact::Refused { .. } => "step.refused",
        Fact::NoteAdded { .. } => "note.added",
        Fact::RollbackStarted { .. } => "rollback.started",
        Fact::RolledBack => "rollback.finished",
        Fact::WriteAsked { .. } => "write.asked",
        Fact::WriteEnded { .. } => "write.ended",
        Fact::Silence(said) => of_silence(&said.event),
    }
}

const fn of_effect(event: &EffectEvent) -> &'static str {
    match event {
        EffectEvent::Before { .. } => "effect.before",
        EffectEvent::Met { .. } => "effect.met",
        EffectEvent::Missing { .. } => "effect.missing",
    }
}

const fn of_alert(event: &AlertEvent) -> &'static str {
    match event {
        AlertEvent::Fired { .. } => "alert.fired",
        AlertEvent::Cleared { .. } => "alert.cleared",
        AlertEvent::Absent { .. } => "alert.absent",
    }
}

const fn of_breakglass(event: &GlassEvent) -> &'static str {
    match event {
        GlassEvent::Asked { .. } => "breakglass.asked",
        GlassEvent::Paged { .. } => "breakglass.paged",
        GlassEvent::Begun { .. } => "breakglass.begun",
        GlassEvent::Witnessed { .. } => "breakglass.witnessed",
        GlassEvent::Vetoed => "breakglass.vetoed",
        GlassEvent::Armed => "breakglass.armed",
        GlassEvent::Ended { .. } => "breakglass.ended",
        GlassEvent::Reviewed { .. } => "breakglass.reviewed",
    }
}

const fn of_motion(event: &MotionEvent) -> &'static str {
    match event {
        MotionEvent::Made { .. } => "motion.made",
        MotionEvent::Carried => "motion.carried",
        MotionEvent::Ended { .. } => "motion.ended",
        MotionEvent::Refused { .. } => "motion.refused",
    }
}

const fn of_rollout(event: &RolloutEvent) -> &'static str {
    match event {
        RolloutEvent::UnitBegun { .. } => "unit.begun",
        RolloutEvent::UnitSkipped { .. } => "unit.skipped",
        RolloutEvent::WaitEnded { .. } => "rollout.wait-ended",
        RolloutEvent::WentOn { .. } => "rollout.went-on",
        RolloutEvent::RunsOn => "rollout.runs-on",
        RolloutEvent::RunsOnEnded { .. } => "rollout.runs-on-ended",
        RolloutEvent::SwitchBack { .. } => "rollout.switch-back",
    }
}

const fn of_silence(event: &SilenceEvent) -> &'static str {
    match event {
        SilenceEvent::Withheld { .. } => "silence.withheld",
        SilenceEvent::Again { .. } => "silence.again",
        SilenceEvent::Without { .. } => "silence.without",
    }
}

/// Kinds whose body is JSON; the others are documents.
pub(super) const JSON_KINDS: [&str; 71] = [
    "session.opened",
    "session.resumed",
    "session.closed",
    "journal.recovered",
    "client.attached",
    "client.detached",
    "identity.conflict",
    "maintenance.begun",
    "maintenance.aborted",
    "maintenance.completed",
    "session.held",
    "session.released",
    "rule.changed",
    "baseline.taken",
    "guard.acted",
    "step.started",
    "exec.intent",
    "exec.spawned",
    "exec.outcome",
    "exec.unknown",
    "exec.stop-asked",
    "step.taken-over",
    "step.resolve-voted",
    "step.resolved",
    "gate.opened",
    "gate.timed-out",
    "effect.before",
    "effect.met",
    "effect.missing",
    "alert.fired",
    "alert.cleared",
    "alert.absent",
    "step.descended",
    "step.done",
    "step.failed",
    "step.skipped",
    "step.retried",
    "step.undone",
    "step.undo-failed",
    "step.armed",
    "step.checked",
    "step.closed",
    "step.reject-explained",
    "step.refused",
    "note.added",
    "rollback.started",
    "rollback.finished",
    "write.asked",
    "write.ended",
    "silence.withheld",
    "silence.again",
    "silence.without",
    "breakglass.asked",
    "breakglass.paged",
    "breakglass.begun",
    "breakglass.witnessed",
    "breakglass.vetoed",
    "breakglass.armed",
    "breakglass.ended",
    "breakglass.reviewed",
    "unit.begun",
    "unit.skipped",
    "rollout.wait-ended",
    "rollout.went-on",
    "rollout.runs-on",
    "rollout.runs-on-ended",
    "rollout.switch-back",
    "motion.made",
    "motion.carried",
    "motion.ended",
    "motion.refused",
];
