//! Actions on a rollout: leave a unit out, let it go on, take the switch back.

use super::Work;
use crate::domain::command::Command;
use crate::domain::rollout::Wait;
use crate::ui::action::Action;
use crate::ui::keymap::keys_of;
use crate::ui::layers::{Menu, Outcome, Purpose};

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

/// Lets the rollout go by itself once that was answered with yes; ends it at once.
pub(super) fn run_on(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let state = &room.state;
    if let Some((phase, _)) = state.runs_on() {
        return work.ask(Command::RunOn { phase, on: false });
    }
    let Some((phase, _)) = state.current_rollout() else {
        return work.say("only a rollout goes by itself; start each step of this phase by hand");
    };
    let command = Command::RunOn { phase, on: true };
    if state.halt(phase).is_some() {
        // The session says why not; nobody has to answer a question before.
        return work.ask(command);
    }
    let units = state.units(phase);
    let open = units.iter().filter(|unit| !unit.is_passed()).count();
    let title = state.plan().phases.get(phase).map(|phase| &phase.title);
    let title = title.map_or("", String::as_str);
    let key = keys_of(Action::RunOn);
    let question = format!(
        "let `{title}` go by itself, {open} of {} units? it stops at the first thing that is not well, and {key} stops it",
        units.len()
    );
    let yes = Outcome::Send(command);
    work.layers
        .open(Menu::yes(question, "each next step begins by itself", yes));
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
