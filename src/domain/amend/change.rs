//! What becomes another by an amendment, in words.

use crate::domain::runbook::plan::{Plan, PlanStep};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What becomes of something. Frozen with the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone; nobody had begun it.
    Removed,
    /// It is another.
    Changed,
    /// It stands elsewhere.
    Moved,
    /// The runbook says something else of it now, and it is over: it stays as it ran.
    StaysAsItRan,
    /// The runbook does not have it any more, and it is over: it stays, and so does its way back.
    StaysBehind,
    /// It is new, and has the title of one that is over and stays: it would be done again.
    LooksDone,
}

impl What {
    /// How it reads before the name of what it is about.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "new",
            Self::Removed => "gone",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::StaysAsItRan => "done already, stays as it ran",
            Self::StaysBehind => "no longer in the runbook, done already, its way back stays",
            Self::LooksDone => "new, with the title of one that is over: it would be done again",
        }
    }
}

/// One thing that becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What becomes of it.
    pub what: What,
    /// Which: ``step 3.2 `drain rack-07` ``.
    pub about: String,
}

impl Change {
    pub(super) fn of_step(what: What, step: &PlanStep) -> Self {
        Self {
            what,
            about: step.to_label(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what.as_str(), self.about)
    }
}

/// What is another beside steps and rules.
pub(super) fn of_header(old: &Plan, new: &Plan) -> Vec<Change> {
    let headings = |plan: &Plan| -> Vec<_> {
        let phases = plan.phases.iter();
        phases
            .map(|p| (p.title.clone(), p.level, p.rollback))
            .collect()
    };
    let terms = |plan: &Plan| -> Vec<_> {
        let phases = plan.phases.iter();
        phases
            .map(|p| (p.rollout.clone(), p.silence.clone()))
            .collect()
    };
    let all = [
        (old.title != new.title, "the title"),
        (old.briefing != new.briefing, "the briefing"),
        (old.environment != new.environment, "the environment"),
        (old.components != new.components, "the components"),
        (
            (&old.alerts, &old.expect_alerts) != (&new.alerts, &new.expect_alerts),
            "what it says of alerts",
        ),
        (
            old.radius_depth != new.radius_depth,
            "the depth of the blast radius",
        ),
        (old.silence != new.silence, "what is kept quiet"),
        (headings(old) != headings(new), "the headings"),
        (
            terms(old) != terms(new),
            "rollouts of phases, or what they keep quiet",
        ),
    ];
    let changed = all.into_iter().filter(|(is_other, _)| *is_other);
    changed
        .map(|(_, about)| Change {
            what: What::Changed,
            about: about.to_owned(),
        })
        .collect()
}
