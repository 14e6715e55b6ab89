//! Watch over what runs in place of somebody who dropped out (`TWO_PERSON` 4.7): anyone present may.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
use crate::domain::id::StepId;

pub(super) fn decide(ask: &Ask<'_>, step: &StepId) -> Decision {
    let view = ask.step(step)?;
    let person = ask.person(step)?;
    let running = ask.state.watcher();
    let Some((_, watcher)) = running.filter(|(running, _)| running.index == view.index) else {
        let hint = "take over what runs, once who watches it is gone";
        return Err(ask.no_step(view, "nothing of it runs that somebody watches", hint));
    };
    if &watcher == person {
        let hint = "any operator can stop it";
        return Err(ask.no_step(view, "you are the one who watches it", hint));
    }
    if ask.state.is_present(&watcher) {
        let why = format!("`{watcher}` is here and watches it");
        return Err(ask.no_step(view, why, "any operator can stop it"));
    }
    Ok(vec![Fact::TakenOver { step: step.clone() }])
}
