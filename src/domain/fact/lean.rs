//! Records for lists, without what their reader has elsewhere.

use super::{Fact, MotionEvent, Stamped};

impl Stamped {
    /// Leaves out the whole plan that a first record carries and so does the motion of an amendment, up to 4 MiB each: the state
    /// has both. For a copy that is listed; what is folded or verified keeps it.
    pub fn forget_plan(&mut self) {
        if let Fact::Motion(moved) = &mut self.fact
            && let MotionEvent::Made { amendment, .. } = &mut moved.event
        {
            *amendment = None;
        }
        if let Fact::SessionOpened(genesis) = &mut self.fact {
            genesis.plan.steps.clear();
            genesis.plan.phases.clear();
            genesis.plan.rules.clear();
            genesis.plan.briefing.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::amend::Amendment;
    use crate::domain::digest::Digest;
    use crate::domain::fact::Moved;
    use crate::domain::fixture::{Room, actor, stamp};
    use crate::domain::motion::{Motion, MotionNo};
    use std::sync::Arc;

    #[test]
    fn a_listed_motion_has_no_plan_and_everything_else() {
        let room = Room::new();
        let amendment = Amendment {
            plan: room.state.plan().clone(),
            runbook: room.state.genesis.runbook.clone(),
        };
        let made = |amendment: Option<Amendment>| {
            let event = MotionEvent::Made {
                what: Motion::Amend {
                    from: Digest::of(b"a"),
                    to: Digest::of(b"b"),
                },
                reason: "why".to_owned(),
                issued: room.now.wall,
                expires: room.now.wall,
                amendment: amendment.map(Arc::new),
            };
            let no = MotionNo(1);
            let fact = Fact::Motion(Moved { no, event });
            stamp(room.state.head.0, room.now, actor("ann"), fact)
        };
        let mut listed = made(Some(amendment));
        listed.forget_plan();
        assert_eq!(listed.fact, made(None).fact);
    }
}
