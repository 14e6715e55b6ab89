//! Declared effects as they are recorded: what was read before a command, and what came of it. Frozen with the facts.

use crate::domain::id::{AttemptNo, RuleId, StepId};
use crate::domain::reading::Sample;
use crate::domain::threshold::Verdict;
use serde::{Deserialize, Serialize};

/// Something about the declared effects of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The step.
    pub step: StepId,
    /// Which attempt of it.
    pub attempt: AttemptNo,
    /// What happened.
    pub event: EffectEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EffectEvent {
    /// Values right before the command: what comes after is compared with them.
    Before {
        /// One for each declared effect.
        reads: Vec<Read>,
    },
    /// Everything that was to change has changed, and everything that was to stay has stayed.
    Met {
        /// One for each declared effect.
        reads: Vec<Read>,
    },
    /// Something has not come in time, or nobody knows.
    Missing {
        /// One for each declared effect.
        reads: Vec<Read>,
    },
}

/// What one query said when it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The declared effect.
    pub rule: RuleId,
    /// Pass: every series is as declared. Fail: one is not.
    pub verdict: Verdict,
    /// Its series, those that are not as declared first.
    pub series: Vec<SeriesValue>,
    /// What the source said in place of an answer, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesValue {
    /// `{instance="db-1"}`, or empty for a series without labels.
    pub series: String,
    /// The value and when it was true.
    pub sample: Sample,
}

impl Read {
    /// The value of a series.
    pub fn value_of(&self, series: &str) -> Option<f64> {
        let found = self.series.iter().find(|known| known.series == series);
        found.map(|known| known.sample.value)
    }
}
