//! What guards did by themselves.

use crate::domain::fact::{Actor, GuardActed};
use crate::domain::id::StepId;
use crate::domain::runbook::plan::{MetricRule, PlanStep};
use crate::domain::state::{Phase, State};
use crate::domain::threshold::OnBreach;
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};

/// What a guard did last, or would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acted {
    /// What.
    pub what: GuardActed,
    /// When.
    pub at: Moment,
}

impl State {
    /// Guards whose breach starts the way back, of the whole session and of every phase.
    pub fn guards_that_go_back(&self) -> impl Iterator<Item = &MetricRule> {
        self.all_guards()
            .filter(|rule| rule.on_breach == OnBreach::Rollback && !rule.dry_run)
    }

    /// Steps that would be undone if the way back began while `step` runs, in that order.
    pub fn would_undo(&self, step: &StepId) -> Vec<&PlanStep> {
        let touched = self.views().filter(|view| {
            let is_begun = view.now.touched || &view.plan.id == step;
            is_begun && view.plan.undo.is_some() && !self.is_back_out(view.plan)
        });
        let mut touched: Vec<_> = touched.collect();
        if self.amendments().next().is_some() {
            touched.sort_by_key(|view| (&view.plan.id == step, view.now.ran_at));
        }
        touched.iter().rev().map(|view| view.plan).collect()
    }

    /// The guard that started the way back by itself, if one did.
    pub fn went_back_by_itself(&self) -> Option<&Acted> {
        let is_back = matches!(self.phase, Phase::RollingBack | Phase::RolledBack);
        let mut acted = self.acted.values().filter(|_| is_back);
        acted.find(|acted| !acted.what.dry_run && acted.what.did == OnBreach::Rollback)
    }

    /// A person who goes back owes nothing to a guard whose way back was never recorded.
    pub(in crate::domain) fn forget_acts_unless(&mut self, actor: &Actor) {
        if !matches!(actor, Actor::Engine) {
            self.acted.retain(|_, acted| acted.what.dry_run);
        }
    }
}
