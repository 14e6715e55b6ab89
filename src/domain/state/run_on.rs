//! A rollout that goes by itself, and why one no longer does.

use crate::domain::fact::{Actor, Halt};
use crate::domain::id::StepId;
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};

/// The word of a person that the steps of a rollout begin by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOn {
    /// Who said it: each step is judged as if they had started it.
    pub by: Actor,
    /// When.
    pub since: Moment,
    /// What has ended it. From then on nothing begins by itself, whether or not that is on record yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Halt>,
}

/// Why it no longer goes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// What ended it.
    pub why: Halt,
    /// Who, as text; the session itself where nobody did.
    pub by: String,
    /// When.
    pub at: Moment,
}

impl Halted {
    /// ``ann` stopped it``, or what it was. `name` says what a step is called there.
    pub fn words(&self, name: &dyn Fn(&StepId) -> String) -> String {
        match self.why {
            Halt::Word => format!("`{}` stopped it", self.by),
            _ => self.why.words(name),
        }
    }
}
