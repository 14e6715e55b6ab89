//! Declared effects: what is read before a command lets it run, what comes after lets the step go on. A missing one
//! ends the attempt and holds the session.

use crate::domain::effect::{BEFORE_WAIT, Before, Outcome, before, fact, outcome};
use crate::domain::fact::{EffectEvent, Fact, HoldCause};
use crate::domain::readiness::StepView;
use crate::domain::state::{Phase, State};
use crate::domain::time::Moment;
use crate::domain::world::World;

/// The command of a step that needs no second person, where its declared effects let it run.
pub(super) fn run(
    view: StepView<'_>,
    now: Moment,
    world: &World,
    intent: Vec<Fact>,
) -> Option<Vec<Fact>> {
    let reads = match before(view, &world.effects) {
        Before::Undeclared => return Some(intent),
        Before::Good(reads) => reads,
        Before::Bad(why) => return Some(failed(view, why)),
        Before::Unknown(why) => {
            let looking = view.now.effect.as_deref().and_then(|e| e.looking);
            let is_over = looking.is_none_or(|since| now.has_passed(since, BEFORE_WAIT));
            return is_over.then(|| failed(view, format!("it did not run: {why}")));
        }
    };
    let read = fact(view, EffectEvent::Before { reads });
    Some([read].into_iter().chain(intent).collect())
}

/// The effects of a command that has run.
pub(super) fn come(
    state: &State,
    view: StepView<'_>,
    now: Moment,
    world: &World,
) -> Option<Vec<Fact>> {
    match outcome(view, &world.effects, now) {
        Outcome::Waits => None,
        Outcome::Met(reads) => Some(vec![fact(view, EffectEvent::Met { reads })]),
        Outcome::Missing(reads, why) => {
            let mut facts = vec![fact(view, EffectEvent::Missing { reads })];
            facts.extend(failed(view, why));
            // On the way back nothing is held by itself: back needs one.
            if state.phase == Phase::Running {
                let step = view.plan.id.clone();
                facts.push(Fact::Held(HoldCause::Effect { step }));
            }
            Some(facts)
        }
    }
}

fn failed(view: StepView<'_>, why: String) -> Vec<Fact> {
    let step = view.plan.id.clone();
    vec![Fact::StepFailed { step, why }]
}
