//! Watches on the declared effects of the step under way: what is there before its command, and what comes of it.

use crate::domain::id::StepId;
use crate::domain::readiness::StepView;
use crate::domain::reading::Reading;
use crate::domain::runbook::plan::Expect;
use crate::domain::state::State;
use crate::domain::time::Moment;
use crate::domain::verdict::{EffectNow, ExpectWatch, GATE_STALE_AFTER};
use crate::domain::world::World;
use std::borrow::Cow;

/// One watch for each declared effect of the step under way.
#[derive(Debug, Default)]
pub(super) struct Effects {
    side: Option<Side>,
    watches: Vec<ExpectWatch>,
}

/// Which step, and which side of which run of its command.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    step: StepId,
    /// When the attempt began to come to its command, or when that ended.
    from: Moment,
    is_after: bool,
}

impl Effects {
    /// Takes answers in.
    pub(super) fn feed(&mut self, state: &State, reading: &Reading, now: Moment) {
        let Reading::Queries { answers, .. } = reading else {
            return;
        };
        self.follow(state);
        for answer in answers {
            for watch in &mut self.watches {
                watch.feed(answer, now);
            }
        }
    }

    /// Brings everything up to date and says what is there.
    pub(super) fn look(&mut self, state: &State, now: Moment) -> Vec<EffectNow> {
        self.follow(state);
        let watches = self.watches.iter_mut();
        watches.map(|watch| watch.tick(now).clone()).collect()
    }

    /// The world with what is there in it.
    pub(super) fn in_world<'w>(
        &mut self,
        state: &State,
        now: Moment,
        world: &'w World,
    ) -> Cow<'w, World> {
        let effects = self.look(state, now);
        if effects.is_empty() && world.effects.is_empty() {
            return Cow::Borrowed(world);
        }
        Cow::Owned(World {
            effects,
            ..world.clone()
        })
    }

    /// What is there, as it was looked at last.
    pub(super) fn report(&self) -> Vec<EffectNow> {
        let watches = self.watches.iter();
        watches.map(|watch| watch.report().clone()).collect()
    }

    fn follow(&mut self, state: &State) {
        let wanted = state.under_way().and_then(|view| Some((view, side(view)?)));
        let side = wanted.as_ref().map(|(_, side)| side);
        if self.side.as_ref() == side {
            return;
        }
        self.watches = wanted.as_ref().map_or_else(Vec::new, |(view, side)| {
            let expects = view.plan.expects.iter();
            let effect = view.now.effect.as_deref();
            let watch = |expect: &Expect| {
                if side.is_after {
                    let was = effect.and_then(|effect| effect.before(&expect.id));
                    let was = (side.from, was);
                    ExpectWatch::after(&side.step, expect, GATE_STALE_AFTER, was)
                } else {
                    ExpectWatch::before(&side.step, expect, GATE_STALE_AFTER)
                }
            };
            expects.map(watch).collect()
        });
        self.side = wanted.map(|(_, side)| side);
    }
}

/// The side that is looked at: before the command from the start of the attempt on, then after it until all has come.
fn side(view: StepView<'_>) -> Option<Side> {
    if view.plan.expects.is_empty() {
        return None;
    }
    let step = view.plan.id.clone();
    if let Some((_, from)) = view.awaits_effect() {
        let is_after = true;
        return Some(Side {
            step,
            from,
            is_after,
        });
    }
    let is_met = view.now.effect.as_deref().is_some_and(|e| e.is_met);
    let from = view.now.started.filter(|_| !is_met)?;
    Some(Side {
        step,
        from,
        is_after: false,
    })
}
