//! The last row: the keys that matter, from the table that dispatches them.

use super::Cx;
use crate::domain::progress::current;
use crate::domain::readiness::Readiness;
use crate::domain::state::{Phase, Stage, StepState, StepStatus};
use crate::ui::action::{Action, Pane};
use crate::ui::canvas::Canvas;
use crate::ui::keymap::{Context, as_pressed, key_table};
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
    let mut row = Row::new();
    for binding in key_table() {
        if binding.hint.is_empty()
            || binding.context == Context::Confirm
            || !is_useful(cx, model, binding.action)
        {
            continue;
        }
        let part = Row::of(" ", text)
            .text(&as_pressed(binding.keys, cx.prefix), key)
            .fixed(" ", text)
            .fixed(binding.hint, text)
            .fixed(" ", text);
        if row.width().saturating_add(part.width()) > room {
            break;
        }
        row = row.row(part);
    }
    let last = usize::from(area.height.saturating_sub(1));
    canvas.row(area, last, row.with_right(help, width, canvas.signs()));
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
        Action::Stop => state.running().is_some(),
        Action::TakeOver => can_take_over(cx),
        Action::Review => state.proposal.is_some(),
        Action::Hold => state.begun.is_some() && !state.phase.is_final() && !state.is_held(),
        Action::Release => state.is_held() && !state.phase.is_final(),
        Action::Rollback => state.phase == Phase::Running,
        Action::Start => can_be == Readiness::Ready && !state.is_held(),
        Action::MarkDone => can_be == Readiness::ByHand,
        Action::Skip | Action::Retry => failed,
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
