//! What is known of the declared effects of a step's attempt, and of alerts.

use crate::domain::fact::{AlertKey, Read};
use crate::domain::id::RuleId;
use crate::domain::readiness::StepView;
use crate::domain::state::State;
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};

/// Declared effects of the attempt that goes on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EffectState {
    /// Since when the values before the command are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looking: Option<Moment>,
    /// What they were; empty before the command.
    pub before: Vec<Read>,
    /// When the command ended, while its effects are waited for and afterwards.
    pub since: Option<Moment>,
    /// All have come.
    pub is_met: bool,
}

impl EffectState {
    /// What a declared effect was before the command.
    pub fn before(&self, rule: &RuleId) -> Option<&Read> {
        self.before.iter().find(|read| &read.rule == rule)
    }
}

impl<'a> StepView<'a> {
    /// When its command ended, while the effects of that are waited for.
    pub fn awaits_effect(self) -> Option<(&'a EffectState, Moment)> {
        let effect = self.now.effect.as_deref().filter(|e| !e.is_met)?;
        let since = effect.since.filter(|_| !self.plan.expects.is_empty())?;
        Some((effect, since))
    }
}

/// An alert on a touched component that has fired since the maintenance began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// Which.
    pub key: AlertKey,
    /// Its severity, or empty.
    pub severity: String,
    /// The runbook said that it would come.
    pub expected: bool,
    /// When it was recorded first.
    pub at: Moment,
    /// It fires still.
    pub is_firing: bool,
}

/// Alerts remembered for a session. Those that are over make room for new ones; a storm of more that fire at once holds for
/// as long as it lasts, since nobody could tell what of it is new.
pub const ALERTS_MAX: usize = 500;

impl State {
    /// There is a place for another alert, or one that is over gives its own up.
    pub fn keeps_alert(&self) -> bool {
        self.alerts.len() < ALERTS_MAX || self.alerts.iter().any(|alert| !alert.is_firing)
    }
}
