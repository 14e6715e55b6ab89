//! What a rollout is watched by, over a recorded past: its floor, and the comparison behind its canary.
//!
//! No unit was taken out and none was a canary in that past. So a floor says when the next unit could have been begun, one
//! taken off what was in service; and a comparison says how well the units that will be the canary agreed with the rest while
//! nothing was done to them, which is how often it would keep a good canary waiting.

use super::outcome::{ConditionOutcome, STARTS_KEPT};
use super::rule::scaled;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::reading::QueryAnswer;
use crate::domain::rollout::{compare, floor};
use crate::domain::runbook::plan::{Against, Compare, Floor, Plan, Unit};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::{Moment, Timestamp, short_span};
use std::collections::BTreeMap;
use std::time::Duration;

/// A floor, or a comparison with the units it is about.
#[derive(Debug, Clone)]
enum Kind {
    Floor(Floor),
    Compare {
        compare: Compare,
        units: Vec<Unit>,
        soak: Duration,
    },
}

/// One condition of a rollout.
#[derive(Debug, Clone)]
pub struct Condition {
    kind: Kind,
    phase: String,
}

impl Condition {
    /// Every one of a plan, in its order.
    pub fn all_of(plan: &Plan) -> Vec<Self> {
        let mut all = Vec::new();
        for (index, rollout) in plan.rollouts() {
            let phase = plan.phases.get(index);
            let phase = phase.map_or_else(String::new, |phase| phase.number.clone());
            let floor = rollout.floor.iter().cloned().map(Kind::Floor);
            let compare = rollout.soak.iter().filter_map(|soak| {
                Some(Kind::Compare {
                    compare: soak.compare.clone()?,
                    units: plan.units_of(index).into_iter().cloned().collect(),
                    soak: soak.time,
                })
            });
            all.extend(floor.chain(compare).map(|kind| Self {
                kind,
                phase: phase.clone(),
            }));
        }
        all
    }

    /// Name of its query.
    pub const fn id(&self) -> &RuleId {
        match &self.kind {
            Kind::Floor(floor) => &floor.id,
            Kind::Compare { compare, .. } => &compare.id,
        }
    }

    /// Its query.
    pub fn expr(&self) -> &str {
        match &self.kind {
            Kind::Floor(floor) => &floor.expr,
            Kind::Compare { compare, .. } => &compare.expr,
        }
    }

    /// Who is asked; the first metrics connector when absent.
    pub const fn source(&self) -> Option<&ConnectorName> {
        match &self.kind {
            Kind::Floor(floor) => floor.source.as_ref(),
            Kind::Compare { compare, .. } => compare.source.as_ref(),
        }
    }

    /// How long it has to hold.
    const fn needed(&self) -> Duration {
        match &self.kind {
            Kind::Floor(_) => Duration::ZERO,
            Kind::Compare { soak, .. } => *soak,
        }
    }

    fn words(&self) -> String {
        match &self.kind {
            Kind::Floor(floor) => format!("{} without one unit", floor.limit),
            Kind::Compare {
                compare,
                units,
                soak,
            } => {
                let canary = units.iter().filter(|unit| unit.canary);
                let canary: Vec<&str> = canary.map(|unit| unit.component.as_str()).collect();
                let against = match compare.against {
                    Against::Ratio(ratio) => format!("at most {ratio} times the rest"),
                    Against::Difference(most) => format!("at most {most} above the rest"),
                    Against::Limit(limit) => limit.to_string(),
                };
                let (canary, soak) = (canary.join(", "), short_span(*soak));
                format!("{canary} {against} for {soak}")
            }
        }
    }

    /// What it says of one answer.
    fn judge(&self, answer: &QueryAnswer, now: Moment) -> Result<bool, Unknown> {
        match &self.kind {
            Kind::Floor(floor) => {
                let value = floor::value(Some(answer), now)?.sample.value;
                Ok(floor.limit.holds(floor::left(value, None)))
            }
            Kind::Compare { compare, units, .. } => {
                let units: Vec<&Unit> = units.iter().collect();
                match compare::judge(compare, &units, Some(answer), now).verdict {
                    Verdict::Pass | Verdict::Warn => Ok(true),
                    Verdict::Fail => Ok(false),
                    Verdict::Unknown(why) => Err(why),
                }
            }
        }
    }
}

/// Judges each answer, and remembers for how long which was said.
#[derive(Debug)]
pub struct ConditionReplay {
    condition: Condition,
    step: Duration,
    met: u64,
    unmet: u64,
    unknown_by: BTreeMap<&'static str, u64>,
    holds_since: Option<Timestamp>,
    fails: bool,
    longest: Duration,
    refused: u64,
    refused_at: Vec<Timestamp>,
}

impl ConditionReplay {
    /// Nothing is known yet; one answer comes every `step`.
    pub fn new(condition: &Condition, step: Duration) -> Self {
        Self {
            condition: condition.clone(),
            step,
            met: 0,
            unmet: 0,
            unknown_by: BTreeMap::new(),
            holds_since: None,
            fails: false,
            longest: Duration::ZERO,
            refused: 0,
            refused_at: Vec::new(),
        }
    }

    /// Takes the answer of one moment in; answers come in their order.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) {
        let said = self.condition.judge(answer, now);
        match said {
            Ok(true) => {
                self.met += 1;
                let since = *self.holds_since.get_or_insert(now.wall);
                self.longest = self.longest.max(now.wall.since(since));
            }
            Ok(false) => self.unmet += 1,
            Err(why) => *self.unknown_by.entry(why.as_str()).or_default() += 1,
        }
        if said != Ok(true) {
            // Also what is not known is a break.
            self.holds_since = None;
        }
        if said == Ok(false) && !self.fails {
            self.refused += 1;
            if self.refused_at.len() < STARTS_KEPT {
                self.refused_at.push(now.wall);
            }
        }
        self.fails = said == Ok(false);
    }

    /// The outcome.
    pub fn finish(self) -> ConditionOutcome {
        let seconds = |samples: u64| samples.saturating_mul(self.step.as_secs());
        ConditionOutcome {
            id: self.condition.id().clone(),
            kind: match self.condition.kind {
                Kind::Floor(_) => "floor",
                Kind::Compare { .. } => "compare",
            },
            phase: self.condition.phase.clone(),
            expr: self.condition.expr().to_owned(),
            condition: self.condition.words(),
            met_seconds: seconds(self.met),
            unmet_seconds: seconds(self.unmet),
            unknown_seconds: seconds(self.unknown_by.values().sum()),
            unknown_by: scaled(&self.unknown_by, self.step),
            needed_seconds: self.condition.needed().as_secs(),
            longest_seconds: self.longest.as_secs(),
            refused: self.refused,
            refused_at: self.refused_at,
        }
    }
}
