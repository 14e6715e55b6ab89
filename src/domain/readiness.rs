//! The order of steps: which one may start, what it does next, and what it waits for.

use crate::domain::fact::ExecKey;
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::runbook::plan::{ExecBlock, ExecRole, Gate, PlanBlock, PlanStep};
use crate::domain::state::{Phase, Ran, Running, Stage, State, StepState, StepStatus};

/// Whether a step can be started now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can be started.
    Ready,
    /// A person can mark it done; there is nothing to start.
    ByHand,
    /// It has no work of its own: it is done when its sub-steps are.
    Group,
    /// Something comes first.
    Blocked(String),
    /// It was started already, or is over.
    Started,
}

/// What an attempt of a step comes to next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next<'a> {
    /// A command that needs no second person.
    Exec(&'a ExecBlock),
    /// A command that needs a confirmed proposal first.
    Confirmed(&'a ExecBlock),
    /// Hand work that needs a confirmed proposal first.
    HandWork,
    /// A condition on metrics.
    Gate(&'a Gate),
    /// What its command is declared to change.
    Effect,
    /// Nothing: its own blocks are done.
    End,
}

impl PlanStep {
    /// True for destructive work that a person does by hand: it is proposed and confirmed like a command.
    pub fn has_hand_work(&self) -> bool {
        self.risk.needs_second_person() && self.blocks.iter().all(|b| !is_role(b, ExecRole::Run))
    }

    /// True when the step does something itself, apart from its sub-steps.
    pub fn has_own_work(&self) -> bool {
        !self.blocks.is_empty() || self.has_hand_work()
    }

    /// Place of the hand work among the blocks: after preconditions, before the first postcondition.
    pub fn hand_work_place(&self) -> usize {
        let place = |b| is_role(b, ExecRole::Verify);
        self.blocks
            .iter()
            .position(place)
            .unwrap_or(self.blocks.len())
    }

    /// `step 3.2 `drain rack-07``: how refusals and reasons name it.
    pub fn to_label(&self) -> String {
        format!("step {} `{}`", self.number, self.title)
    }
}

fn is_role(block: &PlanBlock, role: ExecRole) -> bool {
    matches!(block, PlanBlock::Exec(exec) if exec.role == role)
}

impl StepState {
    /// True once its blocks have begun and it is not over.
    pub const fn is_active(&self) -> bool {
        matches!(self.status, StepStatus::Active { .. })
    }

    /// Which part goes on.
    pub const fn stage(&self) -> Option<Stage> {
        match self.status {
            StepStatus::Active { stage } => Some(stage),
            _ => None,
        }
    }

    /// Number of the next try of a block in this attempt, unique so that outputs never mix.
    pub fn next_try(&self, block: u16) -> u32 {
        self.finished
            .iter()
            .filter(|f| f.key.attempt == self.attempt && f.key.block == block)
            .map(|f| f.key.try_no)
            .max()
            .unwrap_or(0)
            .saturating_add(1)
    }

    /// Attempt number a proposal made now would have.
    pub fn next_proposal(&self) -> AttemptNo {
        if self.proposed >= self.attempt {
            AttemptNo(self.attempt.0.max(self.proposed.0).saturating_add(1))
        } else {
            self.attempt
        }
    }
}

/// One step: what the plan says, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct StepView<'a> {
    /// Place in the plan.
    pub index: usize,
    /// What the plan says.
    pub plan: &'a PlanStep,
    /// Where it stands.
    pub now: &'a StepState,
}

impl<'a> StepView<'a> {
    /// What its attempt comes to next.
    pub fn next(self) -> Next<'a> {
        if self.awaits_effect().is_some() {
            return Next::Effect;
        }
        let place = usize::from(self.now.next_block);
        if self.plan.has_hand_work() && !self.now.worked && place == self.plan.hand_work_place() {
            return Next::HandWork;
        }
        match self.plan.blocks.get(place) {
            None => Next::End,
            Some(PlanBlock::Gate(gate)) => Next::Gate(gate),
            Some(PlanBlock::Exec(exec)) => {
                if exec.role == ExecRole::Run && self.plan.risk.needs_second_person() {
                    Next::Confirmed(exec)
                } else {
                    Next::Exec(exec)
                }
            }
        }
    }

    /// True when the command that its declared effects are about comes next.
    pub fn comes_to_its_command(self) -> bool {
        match self.next() {
            Next::Confirmed(_) | Next::HandWork => true,
            Next::Exec(exec) => exec.role == ExecRole::Run,
            Next::Gate(_) | Next::Effect | Next::End => false,
        }
    }

    /// Names the execution that would start now.
    pub fn next_key(self) -> ExecKey {
        let block = if matches!(self.next(), Next::HandWork) {
            ExecKey::BY_HAND
        } else {
            self.now.next_block
        };
        ExecKey {
            step: self.plan.id.clone(),
            attempt: self.now.attempt,
            block,
            try_no: self.now.next_try(block),
        }
    }
}

impl State {
    /// All steps in document order.
    pub fn views(&self) -> impl DoubleEndedIterator<Item = StepView<'_>> + ExactSizeIterator {
        self.plan()
            .steps
            .iter()
            .zip(&self.steps)
            .enumerate()
            .map(|(index, (plan, now))| StepView { index, plan, now })
    }

    /// One step by its place.
    pub fn view(&self, index: usize) -> Option<StepView<'_>> {
        Some(StepView {
            index,
            plan: self.plan().steps.get(index)?,
            now: self.steps.get(index)?,
        })
    }

    /// One step by its id.
    pub fn find(&self, step: &StepId) -> Option<StepView<'_>> {
        self.view(self.index_of(step)?)
    }

    /// True for a step of the back-out plan.
    pub fn is_back_out(&self, step: &PlanStep) -> bool {
        self.plan()
            .phases
            .get(step.phase)
            .is_some_and(|p| p.rollback)
    }

    /// True when steps like this one are worked on now: forward ones while running, back-out ones in a rollback.
    pub fn is_in_play(&self, step: &PlanStep) -> bool {
        match self.phase {
            Phase::Running => !self.is_back_out(step),
            Phase::RollingBack => self.is_back_out(step),
            Phase::Briefing | Phase::Completed | Phase::RolledBack | Phase::Aborted => false,
        }
    }

    /// Direct sub-steps of a step.
    pub fn sub_steps(&self, index: usize) -> impl Iterator<Item = StepView<'_>> {
        self.views().filter(move |v| v.plan.parent == Some(index))
    }

    /// True when a step has sub-steps.
    pub fn has_sub_steps(&self, index: usize) -> bool {
        self.sub_steps(index).next().is_some()
    }

    /// True when a step is somewhere below another one.
    pub fn is_within(&self, index: usize, outer: usize) -> bool {
        let mut at = index;
        while let Some(up) = self.plan().steps.get(at).and_then(|s| s.parent) {
            // A parent stands before its sub-steps; anything else would be a circle.
            if up == outer || up >= at {
                return up == outer;
            }
            at = up;
        }
        false
    }

    /// The step whose own work goes on: there is never more than one.
    pub fn under_way(&self) -> Option<StepView<'_>> {
        self.views()
            .find(|v| matches!(v.now.stage(), Some(stage) if stage != Stage::SubSteps))
    }

    /// The step that a stop is for: the one whose command runs, or that waits by itself for its gate, its effect or the
    /// next try.
    pub fn stoppable(&self) -> Option<&StepId> {
        if let Some(running) = self.running() {
            return Some(&running.key.step);
        }
        let waits = [Stage::Between, Stage::Gated, Stage::Effect];
        let view = self.under_way()?;
        let is_waiting = view.now.stage().is_some_and(|stage| waits.contains(&stage));
        is_waiting.then_some(&view.plan.id)
    }

    /// A step whose outcome nobody knows.
    pub fn unknown(&self) -> Option<StepView<'_>> {
        self.views().find(|v| v.now.status == StepStatus::Unknown)
    }

    /// The first step in play that is not passed and has something to do itself.
    pub fn first_open(&self) -> Option<StepView<'_>> {
        self.views().find(|v| {
            self.is_in_play(v.plan)
                && !v.now.status.is_passed()
                && (v.plan.has_own_work() || !self.has_sub_steps(v.index))
                && v.now.stage() != Some(Stage::SubSteps)
        })
    }

    /// Place in the plan's phases of the one that is worked on; absent when nothing is left.
    pub fn current_phase(&self) -> Option<usize> {
        self.under_way()
            .filter(|v| self.is_in_play(v.plan))
            .or_else(|| self.first_open())
            .map(|v| v.plan.phase)
    }

    /// The command an execution stands for.
    pub fn exec_block(&self, key: &ExecKey) -> Option<&ExecBlock> {
        let plan = self.find(&key.step)?.plan;
        if key.block == ExecKey::UNDO {
            return plan.undo.as_ref();
        }
        match plan.blocks.get(usize::from(key.block))? {
            PlanBlock::Exec(exec) => Some(exec),
            PlanBlock::Gate(_) => None,
        }
    }

    /// What people had agreed on for an execution: its own proposal, or the one its way back was reviewed with.
    pub fn agreed<'a>(&'a self, running: &'a Running) -> Option<&'a Ran> {
        let back = || self.find(&running.key.step)?.now.back.as_deref();
        match running.role {
            ExecRole::Undo => back(),
            _ => running.ran.as_deref(),
        }
    }

    /// Whether a step can be started now. Holds are not looked at: they hold every step alike.
    pub fn readiness(&self, index: usize) -> Readiness {
        let Some(step) = self.view(index) else {
            return Readiness::Blocked("there is no such step".to_owned());
        };
        if step.now.status != StepStatus::Pending {
            return Readiness::Started;
        }
        if let Some(why) = self.blocked(step) {
            return Readiness::Blocked(why);
        }
        if step.plan.has_own_work() {
            Readiness::Ready
        } else if self.has_sub_steps(index) {
            Readiness::Group
        } else {
            Readiness::ByHand
        }
    }

    fn blocked(&self, step: StepView<'_>) -> Option<String> {
        if !self.is_in_play(step.plan) {
            return Some(self.out_of_play(step.plan));
        }
        if let Some(undo) = self.undo_stack.last().and_then(|id| self.find(id)) {
            return Some(format!("{} is undone first", undo.plan.to_label()));
        }
        let waits_for = self.views().take(step.index).find(|earlier| {
            // A parent whose own work is done, or that has none, is as open as its sub-steps: those are named.
            let opened = earlier.now.stage() == Some(Stage::SubSteps)
                || (!earlier.plan.has_own_work() && self.has_sub_steps(earlier.index));
            self.is_in_play(earlier.plan) && !earlier.now.status.is_passed() && !opened
        });
        if let Some(earlier) = waits_for {
            let label = earlier.plan.to_label();
            return Some(format!("{label} {}", status_words(&earlier.now.status)));
        }
        let busy = self.under_way().or_else(|| self.unknown());
        let busy = busy.filter(|_| !is_off(Guard::Exclusive));
        busy.map(|v| format!("{} {}", v.plan.to_label(), status_words(&v.now.status)))
            .or_else(|| self.unit_waits(step))
    }

    fn out_of_play(&self, step: &PlanStep) -> String {
        match self.phase {
            Phase::Briefing => "the maintenance has not begun".to_owned(),
            Phase::Running => "it belongs to the back-out plan".to_owned(),
            Phase::RollingBack if !self.is_back_out(step) => {
                "the maintenance is rolling back".to_owned()
            }
            _ => "the maintenance is over".to_owned(),
        }
    }
}

/// `has failed`: how a status reads behind the name of its step.
pub const fn status_words(status: &StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "is not done",
        StepStatus::Active { .. } => "is under way",
        StepStatus::Done { .. } => "is done",
        StepStatus::Failed { .. } => "has failed",
        StepStatus::Skipped { .. } => "was skipped",
        StepStatus::Unknown => "ended nobody knows how",
        StepStatus::Undoing => "is being undone",
        StepStatus::Undone => "was undone",
        StepStatus::UndoFailed { .. } => "could not be undone",
    }
}
