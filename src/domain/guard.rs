//! Which guards count now, and whether they are known good.

use crate::domain::id::RuleId;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::state::State;
use crate::domain::threshold::{Unknown, Verdict};

impl MetricRule {
    /// True for a rule with limits; a rule without is a panel, which decides nothing.
    pub const fn is_guard(&self) -> bool {
        self.warn.is_some() || self.crit.is_some()
    }
}

impl State {
    /// What a rule said last; unknown when it has never said anything.
    pub fn verdict(&self, rule: &RuleId) -> Verdict {
        self.rules
            .get(rule)
            .map_or(Verdict::Unknown(Unknown::Never), |r| r.verdict)
    }

    /// Guards that are watched now, of the plan and of the configuration, with what they say.
    pub fn guards(&self) -> impl Iterator<Item = (&MetricRule, Verdict)> {
        let phase = self.current_phase();
        let rules = self.plan().rules.iter();
        rules
            .chain(&self.genesis.panels)
            .filter(move |r| r.is_guard() && r.phase.is_none_or(|p| phase == Some(p)))
            .map(|r| (r, self.verdict(&r.id)))
    }

    /// The first watched guard that is not known to be good. Unknown never passes.
    pub fn bad_guard(&self) -> Option<(&MetricRule, Verdict)> {
        self.guards().find(|(_, verdict)| !verdict.is_known_good())
    }
}
