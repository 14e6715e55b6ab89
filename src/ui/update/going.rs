//! Go, and where it leads the one who gave it: to the screen on which it is watched.

use super::Work;
use crate::domain::command::Command;
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::runbook::plan::ExecRole;
use crate::domain::time::Moment;
use crate::ui::action::View;
use crate::ui::layers::{Layers, Notice};
use crate::ui::model::Model;
use crate::ui::room::Room;
use crate::ui::{proof, signing};

/// Gives go for what is armed.
pub(super) fn say(work: &mut Work<'_>, step: StepId, attempt: AttemptNo) {
    work.model.went = Some((step.clone(), attempt));
    match work.room.and_then(proof::go) {
        Some(wish) => signing::begin(work, wish),
        None => work.ask(Command::go(step, attempt)),
    }
}

/// Leaves the confirm screen once what this terminal gave go for runs, or has run: there is nothing left to confirm, and
/// what became of it is seen elsewhere. A go that came to nothing leads nowhere.
pub(in crate::ui) fn arrive(model: &mut Model, layers: &mut Layers, room: &Room, now: Moment) {
    let Some((step, attempt)) = &model.went else {
        return;
    };
    if room.state.proposal.is_some() {
        return;
    }
    let is_it = |of: &StepId, no: AttemptNo| of == step && no == *attempt;
    let runs = room.state.running();
    let runs = runs.is_some_and(|r| r.ran.is_some() && is_it(&r.key.step, r.key.attempt));
    let ran = room.state.find(step).is_some_and(|view| {
        let mut finished = view.now.finished.iter();
        finished.any(|f| f.role == ExecRole::Run && is_it(&f.key.step, f.key.attempt))
    });
    model.went = None;
    if model.view == View::Confirm && (runs || ran) {
        model.show(View::WarRoom);
        let text = "you said go: this is the war room, where it is watched; `x` stops it, `5` goes back to the confirm screen";
        layers.notice = Some(Notice::plain(text, now));
    }
}
