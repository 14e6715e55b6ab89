//! What was left out of a maintenance whose every step is over: whoever completes it should know.

use super::{State, StepStatus};

/// Units that are named; the rest is counted.
const NAMED_MAX: usize = 4;

impl State {
    /// What nobody did, as a phrase for people: `3 steps were skipped, web-3 and web-4 were left out`. Empty when everything
    /// was done.
    pub fn left_open(&self) -> String {
        let forward = self.views().filter(|view| !self.is_back_out(view.plan));
        let skipped = forward.filter(|view| matches!(view.now.status, StepStatus::Skipped { .. }));
        let mut parts = Vec::new();
        match skipped.count() {
            0 => {}
            1 => parts.push("1 step was skipped".to_owned()),
            more => parts.push(format!("{more} steps were skipped")),
        }
        let units = self.rollouts.values().flat_map(|rollout| &rollout.left_out);
        let units: Vec<&str> = units.map(String::as_str).collect();
        let more = units.len().saturating_sub(NAMED_MAX);
        let mut names: Vec<String> = units
            .iter()
            .take(NAMED_MAX)
            .map(ToString::to_string)
            .collect();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let verb = if units.len() == 1 { "was" } else { "were" };
        if let Some(last) = names.pop() {
            let first = names.join(", ");
            let all = if first.is_empty() {
                last
            } else {
                format!("{first} and {last}")
            };
            parts.push(format!("{all} {verb} left out"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::command::Command;
    use crate::domain::fixture::*;
    use crate::domain::state::RolloutState;

    #[test]
    fn what_was_left_out_is_counted_and_units_are_named() {
        let mut room = Room::new();
        assert_eq!(room.state.left_open(), "");
        room.must("ann", Command::Begin);
        room.must(
            "ann",
            Command::Skip {
                step: id("look"),
                reason: "seen already".to_owned(),
            },
        );
        assert_eq!(room.state.left_open(), "1 step was skipped");
        let out = |names: &[&str]| RolloutState {
            left_out: names.iter().map(ToString::to_string).collect(),
            ..RolloutState::default()
        };
        room.state.rollouts.insert(1, out(&["web-3"]));
        assert_eq!(
            room.state.left_open(),
            "1 step was skipped, web-3 was left out"
        );
        room.state.rollouts.insert(2, out(&["a", "b", "c", "d"]));
        assert_eq!(
            room.state.left_open(),
            "1 step was skipped, web-3, a, b, c and 1 more were left out"
        );
    }
}
