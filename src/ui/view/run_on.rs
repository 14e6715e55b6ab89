//! A rollout that goes by itself: that it does and which key stops it, or why it no longer does.

use super::Cx;
use crate::domain::fact::Halt;
use crate::domain::id::StepId;
use crate::domain::readiness::Readiness;
use crate::domain::state::{Phase, State};
use crate::ui::action::{Action, View};
use crate::ui::canvas::Canvas;
use crate::ui::keymap::{is_anywhere, keys_of};
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// The row below the matrix; nothing where nobody has said that it goes by itself.
pub(super) fn row(cx: &Cx<'_>, canvas: &Canvas<'_>, phase: usize, width: usize) -> Option<Row> {
    let state = &cx.room.state;
    let (dim, key) = (canvas.of(Role::Dim), canvas.of(Role::Key));
    let right = |what: &'static str| {
        if cx.room.welcome.read_only {
            return Row::new();
        }
        Row::of(" ", dim)
            .fixed(keys_of(Action::RunOn), key)
            .fixed(what, dim)
    };
    let now = state.rollout(phase);
    if let Some(run_on) = &now.run_on {
        let by = format!(" ({})", run_on.by);
        let row = Row::of("goes by itself", canvas.of(Role::Active)).text(&by, dim);
        return Some(row.with_right(right(" stops it"), width, canvas.signs()));
    }
    let halted = now.halted.as_deref()?;
    let number = |step: &StepId| {
        let view = state.find(step);
        view.map_or_else(|| step.to_string(), |view| view.plan.number.clone())
    };
    let role = match halted.why {
        Halt::Done | Halt::Word => Role::Dim,
        _ => Role::Warn,
    };
    let why = format!(": {}", halted.words(&number));
    let row = Row::of("STOPPED", canvas.of(role)).text(&why, canvas.of(Role::Text));
    let keys = match state.halt(phase).as_ref().map(first) {
        None => right(" goes on"),
        Some(Some(first)) if !cx.room.welcome.read_only => Row::of(" ", dim)
            .fixed(keys_of(first), key)
            .fixed(", then ", dim)
            .fixed(keys_of(Action::RunOn), key),
        Some(_) => Row::new(),
    };
    Some(row.with_right(keys, width, canvas.signs()))
}

/// What a person does before it can go by itself again; nothing where no key does.
const fn first(halt: &Halt) -> Option<Action> {
    match halt {
        Halt::Failed { .. } => Some(Action::Retry),
        Halt::Unknown { .. } => Some(Action::Resolve),
        Halt::Held => Some(Action::Release),
        Halt::TooMany { .. } => Some(Action::RolloutOn),
        Halt::Word
        | Halt::Done
        | Halt::Breach { .. }
        | Halt::Restart
        | Halt::Back
        | Halt::Elsewhere
        | Halt::Barred { .. }
        | Halt::Role => None,
    }
}

/// What the sentence ends with while it goes by itself, where it does not say so already; the key where it works.
pub(super) fn tail(cx: &Cx<'_>, model: &Model, what: &str) -> String {
    if cx.room.state.runs_on().is_none() {
        return String::new();
    }
    let works = model.view != View::Confirm || is_anywhere(Action::RunOn);
    let has_key = works && !cx.room.welcome.read_only;
    let key = keys_of(Action::RunOn);
    match (what.contains("by itself"), has_key) {
        (true, true) => format!("; {key} stops it"),
        (true, false) => String::new(),
        (false, true) => format!("; goes by itself, {key} stops it"),
        (false, false) => "; goes by itself".to_owned(),
    }
}

/// Whether a rollout can go by itself now that does not yet. That the same key stops one is said where it goes.
pub(super) fn is_useful(state: &State) -> bool {
    let current = state.current_rollout();
    let can_begin = current.is_some_and(|(phase, _)| state.halt(phase).is_none());
    state.phase == Phase::Running && state.runs_on().is_none() && can_begin
}

/// It went by itself, and the next step could begin: by hand, or by itself again.
pub(super) fn has_stopped(state: &State) -> bool {
    let Some((phase, _)) = state.current_rollout() else {
        return false;
    };
    let next = state.first_open().map(|view| state.readiness(view.index));
    let now = state.rollout(phase);
    now.halted.is_some() && now.run_on.is_none() && next == Some(Readiness::Ready)
}
