//! Actions on a rollout: leave a unit out, let it go on, take the switch back.

use super::Work;
use crate::domain::command::Command;
use crate::domain::rollout::Wait;
use crate::ui::layers::Purpose;

/// Takes the switch back the moment its key is pressed; why is asked behind it.
pub(super) fn switch_back(work: &mut Work<'_>) {
    let switch = work.room.and_then(|room| room.state.armed_switch());
    let Some((step, label)) = switch.map(|view| (view.plan.id.clone(), view.plan.to_label()))
    else {
        return work.say("no switch can be taken back");
    };
    let title = format!("{label} is taken back. why? it is noted");
    let purpose = Purpose::Note(Some(step.clone()));
    let reason = String::new();
    work.ask_then(Command::SwitchBack { step, reason }, purpose, title);
}

/// Ends what the rollout waits for: a pause at once, all else with a reason.
pub(super) fn go_on(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let Some((phase, wait)) = room.state.waiting_rollout() else {
        return work.say("no rollout waits");
    };
    let behind = room.state.batch_behind(phase);
    match wait {
        Wait::Pause { batch, .. } => work.ask(Command::GoOn {
            phase,
            behind: batch,
            reason: String::new(),
        }),
        Wait::Soak { .. } => {
            let title = "end the soak before its time: how do you know that the canary is good?";
            work.prompt(Purpose::GoOn(phase, behind), title.to_owned());
        }
        Wait::Stopped { failed, .. } => {
            let title = format!("go on with {failed} failed units. why?");
            work.prompt(Purpose::GoOn(phase, failed), title);
        }
    }
}

/// Leaves out the whole unit of the selected step.
pub(super) fn skip_unit(work: &mut Work<'_>) {
    let unit = work.step().and_then(|view| {
        let unit = view.plan.unit.as_ref()?;
        Some((view.plan.id.clone(), unit.component.clone()))
    });
    let Some((step, component)) = unit else {
        return work.say("the selected step is of no unit");
    };
    let title = format!("leave out all that is open of unit `{component}`. why?");
    work.prompt(Purpose::SkipUnit(step), title);
}
