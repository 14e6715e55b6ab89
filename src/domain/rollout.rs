//! Rollouts while they run: which unit comes next, what it waits for, and what became of those before it.
//!
//! The engine runs one step at a time, so the units of a batch go one after the other. A batch matters for the pause
//! behind it, and the first one of a canary for what the rest waits for.

pub mod compare;
pub mod floor;
pub mod run_on;
#[cfg(test)]
mod tests;

use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::{Compare, Rollout, Unit};
use crate::domain::state::{Phase, RolloutState, State, StepStatus};
use crate::domain::time::{Moment, short_span};
use std::time::Duration;

/// What keeps the next unit from beginning, beside the steps before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wait<'a> {
    /// The pause between two batches.
    Pause {
        /// The batch before it.
        batch: u32,
        /// Since when.
        since: Moment,
        /// How long.
        span: Duration,
    },
    /// The canary is watched.
    Soak {
        /// Since when.
        since: Moment,
        /// How long.
        span: Duration,
        /// What must hold all that time.
        compare: Option<&'a Compare>,
    },
    /// More units failed than the plan allows; a person decides.
    Stopped {
        /// Failed or left out.
        failed: u32,
        /// How many may.
        allowed: u32,
    },
}

impl Wait<'_> {
    /// When it ends by itself at the earliest; absent for one that only a person ends.
    pub fn ends(&self) -> Option<Moment> {
        match self {
            Self::Pause { since, span, .. } | Self::Soak { since, span, .. } => {
                Some(since.plus(*span))
            }
            Self::Stopped { .. } => None,
        }
    }

    /// `the pause after batch 1 (2m00s) is not over`: why the next unit does not begin.
    pub fn words(&self) -> String {
        match self {
            Self::Pause { batch, span, .. } => {
                let span = short_span(*span);
                format!("the pause of {span} after batch {batch} is not over")
            }
            Self::Soak {
                span,
                compare: None,
                ..
            } => format!("the canary soaks for {}", short_span(*span)),
            Self::Soak { span, .. } => format!(
                "the canary soaks, and must be as good as the rest for {}",
                short_span(*span)
            ),
            Self::Stopped { failed, allowed } => {
                let units = if *failed == 1 {
                    "unit has"
                } else {
                    "units have"
                };
                format!("{failed} {units} failed or been left out, and {allowed} may")
            }
        }
    }
}

/// One unit with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitView<'a> {
    /// What the plan says of it.
    pub unit: &'a Unit,
    /// Its steps, in order.
    pub steps: Vec<StepView<'a>>,
    /// It has begun.
    pub is_begun: bool,
    /// A person left it out.
    pub is_left_out: bool,
}

impl UnitView<'_> {
    /// Every step of it is done or skipped.
    pub fn is_passed(&self) -> bool {
        self.steps.iter().all(|step| step.now.status.is_passed())
    }

    /// It counts for `max_failed`: one of its steps failed, and was not brought to a good end.
    pub fn has_failed(&self) -> bool {
        let failed = |step: &StepView<'_>| match step.now.status {
            StepStatus::Failed { .. } | StepStatus::UndoFailed { .. } | StepStatus::Unknown => true,
            // One that nobody has begun is left out as work that is not needed.
            StepStatus::Skipped { .. } => step.now.attempt.0 > 0,
            _ => false,
        };
        self.is_left_out || self.steps.iter().any(failed)
    }
}

impl PartialEq for StepView<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.now == other.now
    }
}

static NOTHING: RolloutState = RolloutState {
    begun: std::collections::BTreeMap::new(),
    left_out: std::collections::BTreeSet::new(),
    opened: 0,
    waits_since: None,
    allowed: 0,
    switch_back: None,
    run_on: None,
    halted: None,
};

impl State {
    /// Where the rollout of a phase stands, apart from its steps.
    pub fn rollout(&self, phase: usize) -> &RolloutState {
        self.rollouts.get(&phase).unwrap_or(&NOTHING)
    }

    /// Units of a phase in their order. Nothing for a phase that is no rollout.
    pub fn units(&self, phase: usize) -> Vec<UnitView<'_>> {
        let now = self.rollout(phase);
        let mut units: Vec<UnitView<'_>> = Vec::new();
        for (index, step) in self.plan().steps_of(phase) {
            let (Some(unit), Some(view)) = (&step.unit, self.view(index)) else {
                continue;
            };
            match units.last_mut() {
                Some(last) if last.unit.component == unit.component => last.steps.push(view),
                _ => units.push(UnitView {
                    unit,
                    steps: vec![view],
                    is_begun: now.begun.contains_key(&unit.component),
                    is_left_out: now.left_out.contains(&unit.component),
                }),
            }
        }
        units
    }

    /// The rollout that is worked on now, with the place of its phase.
    pub fn current_rollout(&self) -> Option<(usize, &Rollout)> {
        let phase = self.current_phase()?;
        Some((phase, self.plan().rollout_of(phase)?))
    }

    /// What keeps the next unit of a phase from beginning; nothing while a unit is under way or has failed, or when
    /// there is none left.
    pub fn rollout_wait(&self, phase: usize) -> Option<Wait<'_>> {
        let rollout = self.plan().rollout_of(phase)?;
        if self.phase != Phase::Running {
            return None;
        }
        let units = self.units(phase);
        let next = units.iter().position(|unit| !unit.is_passed())?;
        let unit = units.get(next).filter(|unit| !unit.is_begun)?;
        let now = self.rollout(phase);
        let failed = units.iter().filter(|unit| unit.has_failed()).count();
        let failed = u32::try_from(failed).unwrap_or(u32::MAX);
        if failed > rollout.max_failed.max(now.allowed) {
            return Some(Wait::Stopped {
                failed,
                allowed: rollout.max_failed,
            });
        }
        let before = next.checked_sub(1).and_then(|place| units.get(place))?;
        let batch = before.unit.batch;
        if batch == unit.unit.batch || now.opened >= batch {
            return None;
        }
        let since = now.waits_since.unwrap_or(self.head_at);
        match (&rollout.soak, rollout.pause) {
            (Some(soak), _) if before.unit.canary => Some(Wait::Soak {
                since,
                span: soak.time,
                compare: soak.compare.as_ref(),
            }),
            (_, Some(span)) => Some(Wait::Pause { batch, since, span }),
            _ => None,
        }
    }

    /// What the rollout that is worked on waits for, with its phase.
    pub fn waiting_rollout(&self) -> Option<(usize, Wait<'_>)> {
        let (phase, _) = self.current_rollout()?;
        Some((phase, self.rollout_wait(phase)?))
    }

    /// The last batch that is done, of a rollout that waits behind it.
    pub fn batch_behind(&self, phase: usize) -> u32 {
        let units = self.units(phase);
        let passed = units.iter().take_while(|unit| unit.is_passed());
        passed.last().map_or(0, |unit| unit.unit.batch)
    }

    /// The switch that is being taken back, if any: a rollback does that by itself.
    pub fn switching_back(&self) -> Option<StepView<'_>> {
        if self.phase != Phase::Running {
            return None;
        }
        let step = self
            .rollouts
            .values()
            .find_map(|rollout| rollout.switch_back.as_ref())?;
        self.find(step)
    }

    /// The switch that one key takes back now: it was run, and the side it came from is still as it was.
    pub fn armed_switch(&self) -> Option<StepView<'_>> {
        if self.phase != Phase::Running || self.switching_back().is_some() {
            return None;
        }
        let switches = self.views().rev().filter(|view| view.plan.switch);
        let mut ran = switches.filter(|view| {
            let is_clear = !matches!(
                view.now.status,
                StepStatus::Unknown
                    | StepStatus::Undoing
                    | StepStatus::Undone
                    | StepStatus::UndoFailed { .. }
            );
            view.now.touched && is_clear && view.plan.undo.is_some()
        });
        ran.find(|view| self.is_old_side_kept(*view))
    }

    /// Nothing was done to the side without traffic since the switch.
    fn is_old_side_kept(&self, switch: StepView<'_>) -> bool {
        let rollout = self.plan().rollout_of(switch.plan.phase);
        let Some(sides) = rollout.and_then(|rollout| rollout.sides.as_ref()) else {
            return false;
        };
        let mut later = self.views().skip(switch.index.saturating_add(1));
        !later.any(|view| {
            let component = view.plan.component.as_ref();
            let is_old = component.is_some_and(|component| sides.live.contains(component));
            let is_worked =
                view.now.attempt.0 > 0 || matches!(view.now.status, StepStatus::Done { .. });
            is_old && is_worked
        })
    }

    /// Why a step of a unit that has not begun cannot start.
    pub(in crate::domain) fn unit_waits(&self, view: StepView<'_>) -> Option<String> {
        let unit = view.plan.unit.as_ref()?;
        let phase = view.plan.phase;
        if self.rollout(phase).begun.contains_key(&unit.component) {
            return None;
        }
        self.rollout_wait(phase).map(|wait| wait.words())
    }
}
