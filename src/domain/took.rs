//! How long the newest attempt at a step took: what its commands did, and what was waiting for people, gates and effects.

use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::{FINISHED_MAX, State, StepStatus};
use std::time::Duration;

/// How long an attempt that is over took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Took {
    /// Its commands, or the work by hand between go and done; all of it where it had none.
    pub worked: Duration,
    /// What was left of it: a second person, a go, a gate, the pause before a retry.
    pub waited: Duration,
}

/// How long the newest attempt at a step took, without its way back; absent while it is not over, and for a step that was not
/// begun. It is reckoned from what the state keeps; the report of a maintenance reads the whole journal for it.
pub fn took(state: &State, view: StepView<'_>) -> Option<Took> {
    let began = view.now.started?;
    let finished = &view.now.finished;
    // Not by the number of the attempt: each proposal takes a further one.
    let own = finished
        .iter()
        .filter(|f| f.role != ExecRole::Undo && f.started.wall >= began.wall);
    let is_back = matches!(
        view.now.status,
        StepStatus::Undoing | StepStatus::Undone | StepStatus::UndoFailed { .. }
    );
    let ended = if is_back {
        own.clone().map(|f| f.ended).next_back()?
    } else {
        view.now.ended?
    };
    let whole = ended.wall.since(began.wall);
    let spans = own.clone().map(|f| f.ended.wall.since(f.started.wall));
    let worked: Duration = spans.sum();
    // Of a group it is what its steps took, and where executions are no longer kept nobody can tell.
    let is_whole = own.clone().next().is_none()
        || finished.len() >= FINISHED_MAX
        || state.has_sub_steps(view.index);
    let worked = if is_whole { whole } else { worked.min(whole) };
    Some(Took {
        worked,
        waited: whole.saturating_sub(worked),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::domain::fixture::*;

    fn of(room: &Room, name: &str) -> Option<Took> {
        took(&room.state, room.state.find(&id(name))?)
    }

    #[test]
    fn what_a_command_took_is_told_apart_from_the_wait_for_people() {
        let span = Duration::from_secs;
        let mut room = Room::at_proposal();
        assert_eq!(of(&room, "drain"), None, "it is not over");
        let before = room.state.find(&id("drain")).and_then(|v| v.now.started);
        let before = room.now.wall.since(before.expect("begun").wall);
        room.wait(span(300));
        room.must("ann", propose("drain"));
        room.confirm("bob").expect("confirmed");
        room.must("ann", go("drain"));
        room.wait(span(40));
        room.exit(1);
        let took = of(&room, "drain").expect("failed");
        let (low, high) = (span(40), span(40).saturating_add(before));
        assert!(low <= took.worked && took.worked <= high, "{took:?}");
        assert!(took.waited >= span(300), "{took:?}");
        // A way back is not what the step took.
        let reason = "enough".to_owned();
        room.must("cho", Command::Rollback { reason });
        room.wait(span(500));
        while room.running().is_some() {
            room.exit(0);
        }
        assert_eq!(of(&room, "drain"), Some(took));
    }

    #[test]
    fn checks_before_a_proposal_that_was_rejected_are_work_too() {
        let span = Duration::from_secs;
        let mut room = Room::at_drain();
        room.must("ann", start("drain"));
        room.wait(span(30));
        room.exit(0);
        room.open_gate();
        room.must("ann", propose("drain"));
        room.must("bob", reject("drain"));
        room.must("ann", propose("drain"));
        room.confirm("bob").expect("confirmed");
        let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
        room.must("ann", go_for("drain", attempt.0));
        room.wait(span(12));
        room.exit(1);
        assert_eq!(of(&room, "drain").map(|took| took.worked), Some(span(42)));
    }

    #[test]
    fn work_by_hand_counts_from_the_go() {
        let span = Duration::from_secs;
        let mut room = Room::at_drain();
        room.must("ann", start("drain"));
        room.exit(0);
        room.must("ann", stop("drain"));
        room.must("ann", skip("drain"));
        room.must("ann", start("wipe"));
        room.wait(span(200));
        room.must("ann", propose("wipe"));
        room.confirm("bob").expect("confirmed");
        room.confirm("cho").expect("confirmed");
        room.must("ann", go("wipe"));
        room.wait(span(60));
        let note = String::new();
        let step = id("wipe");
        room.must("ann", Command::MarkDone { step, note });
        let took = of(&room, "wipe").expect("done");
        assert!(
            took.worked >= span(60) && took.worked < span(200),
            "{took:?}"
        );
        assert!(took.waited >= span(200), "{took:?}");
    }
}
