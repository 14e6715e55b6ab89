//! What now after something failed: every way on, the one that is usual first.

use super::{OPERATOR, Severity, WhatNow};
use crate::domain::amend;
use crate::domain::readiness::StepView;
use crate::domain::state::{Phase, State};

/// A step that failed. Its runbook is mended while the work goes on, where it can be read anew.
pub(super) fn failed(state: &State, view: StepView<'_>, why: &str) -> WhatNow {
    let is_on = state.phase == Phase::Running;
    let leave = view.plan.unit.as_ref().filter(|_| is_on);
    let mut ways = vec!["retry it"];
    ways.extend(leave.map(|_| "leave its unit out"));
    ways.push("skip it");
    if state.phase == Phase::RollingBack {
        ways.push("abort");
    } else {
        ways.push("roll back");
    }
    if amend::is_possible(state) {
        ways.push("mend the runbook");
    }
    let last = ways.pop().unwrap_or_default();
    let label = view.plan.to_label();
    bad(format!("{label} failed: {}, or {last}", ways.join(", "))).because(why)
}

/// A way back that failed.
pub(super) fn undo_failed(view: StepView<'_>, why: &str) -> WhatNow {
    let label = view.plan.to_label();
    bad(format!("{label} could not be undone: retry or skip")).because(why)
}

fn bad(what: String) -> WhatNow {
    WhatNow::new(Severity::Bad, what).by(OPERATOR, true)
}

#[cfg(test)]
mod tests {
    use crate::domain::board::Board;
    use crate::domain::digest::Digest;
    use crate::domain::fact::Rehearsal;
    use crate::domain::fixture::*;
    use crate::domain::runbook::parse;
    use crate::domain::runbook::shape::Shape;
    use crate::domain::what_now::what_now;
    use std::sync::Arc;

    fn line(room: &Room) -> String {
        what_now(&room.state, &Board::default(), room.now, &actor("ann")).what
    }

    #[test]
    fn a_failed_step_names_the_mended_runbook_last_and_only_where_it_can_be_taken_over() {
        let mut room = Room::at_drain();
        room.must("ann", start("drain"));
        room.exit(1);
        let all = "failed: retry it, skip it, roll back, or mend the runbook";
        assert!(line(&room).ends_with(all), "{}", line(&room));
        let genesis = Arc::make_mut(&mut room.state.genesis);
        genesis.rehearsal = Some(Box::new(Rehearsal {
            env_file: "/staging.toml".to_owned(),
            env_digest: Digest::of(b"staging"),
            writes: false,
            config: None,
            shape: Shape::of(&parse("# One\n\n- [ ] look\n", "one.md").0),
        }));
        let rest = "failed: retry it, skip it, or roll back";
        assert!(line(&room).ends_with(rest), "{}", line(&room));
    }
}
