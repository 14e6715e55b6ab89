//! The last row: the keys that matter, from the table that dispatches them.

use super::{COMFORTABLE, Cx, run_on};
use crate::domain::amend;
use crate::domain::progress::current;
use crate::domain::readiness::Readiness;
use crate::domain::state::{Phase, Stage, StepState, StepStatus};
use crate::ui::action::{Action, Pane, View};
use crate::ui::canvas::{Canvas, below};
use crate::ui::keymap::{Binding, Context, as_pressed, key_table, keys_of};
use crate::ui::model::Model;
use crate::ui::ritual;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// Draws the hint bar into the last row of `area`.
pub(crate) fn draw(cx: &Cx<'_>, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let (key, text) = (canvas.of(Role::Key), canvas.of(Role::Dim));
    // The way to all the other keys is always there.
    let help = Row::of(" ? ", key).fixed("help ", text);
    let width = usize::from(area.width);
    let room = width.saturating_sub(help.width());
    let part = |binding: &Binding| {
        Row::of(" ", text)
            .text(&as_pressed(binding.keys, cx.prefix), key)
            .fixed(" ", text)
            .fixed(binding.hint, text)
            .fixed(" ", text)
    };
    let bindings = shown(cx, model);
    // The way out is shown before what else finds no room.
    let is_out = |binding: &&&Binding| binding.action == Action::Quit;
    let mut out = bindings.iter().find(is_out).map_or(0, |b| part(b).width());
    let mut row = Row::new();
    let mut is_full = false;
    for binding in bindings {
        let part = part(binding);
        if binding.action == Action::Quit {
            out = 0;
        } else if is_full {
            continue;
        }
        if row.width().saturating_add(part.width()).saturating_add(out) > room {
            is_full = true;
            continue;
        }
        row = row.row(part);
    }
    let last = usize::from(area.height.saturating_sub(1));
    canvas.row(area, last, row.with_right(help, width, canvas.signs()));
}

/// Draws over the last row while a popup has the keys: nothing of what it offers would be heard. A veto always is.
pub(crate) fn over(
    canvas: &mut Canvas<'_>,
    area: Rect,
    keys: &[(&'static str, &'static str)],
    vetoes: bool,
) {
    if area.width < COMFORTABLE.0 || area.height < COMFORTABLE.1 {
        return;
    }
    let veto = vetoes.then(|| (keys_of(Action::Veto), " veto  "));
    let keys: Vec<_> = veto.into_iter().chain(keys.iter().copied()).collect();
    let row = row_of(canvas, &keys, usize::from(area.width));
    let last = below(area, usize::from(area.height.saturating_sub(1)));
    canvas.clear(last);
    canvas.row(last, 0, row);
}

/// The lines of the table that can come to anything on this screen now. On the confirm screen, where few keys work, what
/// stops comes first.
fn shown(cx: &Cx<'_>, model: &Model) -> Vec<&'static Binding> {
    let on_confirm = model.view == View::Confirm;
    let mut shown: Vec<&Binding> = key_table()
        .iter()
        .filter(|b| !b.hint.is_empty() && b.context != Context::Confirm)
        .filter(|b| !on_confirm || b.context == Context::Anywhere)
        .filter(|b| is_useful(cx, model, b.action))
        .collect();
    if on_confirm {
        shown.sort_by_key(|b| b.action != Action::Stop);
    }
    shown
}

/// What goes back from the confirm screen with one key, what stops first; nothing for who only looks.
pub(super) fn back_keys(cx: &Cx<'_>) -> Vec<(&'static str, &'static str)> {
    let keys = [
        (Action::Stop, " stop  "),
        (Action::Hold, " hold  "),
        (Action::Rollback, " roll back  "),
    ];
    let useful = |action| !cx.room.welcome.read_only && goes_back(cx, action);
    let keys = keys.into_iter().filter(|(action, _)| useful(*action));
    keys.map(|(action, what)| (keys_of(action), what)).collect()
}

/// A row of keys as wide as the screen: those of `parts` that fit beside the last one, which is always there.
pub(super) fn row_of(
    canvas: &Canvas<'_>,
    parts: &[(&'static str, &'static str)],
    width: usize,
) -> Row {
    let (key, dim) = (canvas.of(Role::Key), canvas.of(Role::Dim));
    let part = |(keys, what): &(&'static str, &'static str)| Row::of(keys, key).fixed(what, dim);
    let mut row = Row::of(" ", dim);
    let Some((last, others)) = parts.split_last() else {
        return row;
    };
    let last = part(last);
    let room = width.saturating_sub(last.width());
    for part in others.iter().map(part) {
        if row.width().saturating_add(part.width()) <= room {
            row = row.row(part);
        }
    }
    row.row(last)
}

/// Whether something can be stopped, held or rolled back now.
fn goes_back(cx: &Cx<'_>, action: Action) -> bool {
    let state = &cx.room.state;
    match action {
        Action::Stop => state.stoppable().is_some(),
        Action::Hold => state.begun.is_some() && !state.phase.is_final() && !state.is_held(),
        Action::Rollback => state.phase == Phase::Running,
        _ => false,
    }
}

/// Whether an action can come to anything now; when in doubt, it is shown.
fn is_useful(cx: &Cx<'_>, model: &Model, action: Action) -> bool {
    let state = &cx.room.state;
    let can_be = state.readiness(model.step);
    let selected = state.view(model.step).map(|v| v.now);
    let terms = state.proposal.as_ref().map(|p| &p.terms);
    let failed = selected.is_some_and(|s| {
        matches!(
            s.status,
            StepStatus::Failed { .. } | StepStatus::UndoFailed { .. }
        )
    });
    match action {
        Action::Begin => state.phase == Phase::Briefing,
        Action::Stop | Action::Hold | Action::Rollback => goes_back(cx, action),
        Action::TakeOver => can_take_over(cx),
        Action::SwitchBack => state.armed_switch().is_some(),
        Action::RunOn => run_on::is_useful(state),
        Action::RolloutOn => state.waiting_rollout().is_some(),
        Action::SkipUnit => {
            let unit = state
                .view(model.step)
                .is_some_and(|view| view.plan.unit.is_some());
            unit && failed
        }
        Action::Review => state.proposal.is_some(),
        Action::Release => state.is_held() && !state.phase.is_final(),
        Action::Start => can_be == Readiness::Ready && !state.is_held(),
        Action::MarkDone => can_be == Readiness::ByHand,
        Action::Skip | Action::Retry => failed,
        Action::Amend => failed && amend::is_possible(state),
        Action::Resolve => selected.is_some_and(|s| s.status == StepStatus::Unknown),
        Action::Complete => state.phase == Phase::Running && current(state).is_none(),
        Action::Propose => selected.and_then(StepState::stage) == Some(Stage::NeedsProposal),
        Action::Cancel => terms.is_some_and(|t| ritual::me(cx.room) == Some(&t.proposer)),
        Action::Go => {
            let armed = state.proposal.as_ref().is_some_and(|p| p.armed.is_some());
            armed && terms.is_some_and(|t| ritual::me(cx.room) == Some(&t.executor))
        }
        Action::Veto => state.glass().is_some(),
        Action::Breakglass => {
            let waits = state.proposal.as_ref().is_some_and(|p| p.armed.is_none());
            let mine = terms.is_some_and(|t| ritual::me(cx.room) == Some(&t.executor));
            waits && mine && may_break_glass(cx)
        }
        Action::ReviewAlone => state.review_owed().is_some(),
        Action::AnswerMotion => state.motions.open.is_some(),
        Action::FocusNext => Pane::of(model.view).len() > 1,
        // Drawn at the right end, always.
        Action::Help => false,
        _ => true,
    }
}

/// Whether somebody else dropped out of watching what runs.
fn can_take_over(cx: &Cx<'_>) -> bool {
    let lost = cx.room.state.lost_watcher();
    lost.is_some_and(|(_, person, _)| ritual::me(cx.room).is_some_and(|me| *me != person))
}

/// Whether this person has the role; a server that says nothing of it is asked.
const fn may_break_glass(cx: &Cx<'_>) -> bool {
    cx.room.welcome.policy.breakglass
}
