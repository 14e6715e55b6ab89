//! The last row: the keys that matter, from the table that dispatches them.

use super::Cx;
use crate::domain::state::Phase;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keymap::{Context, key_table};
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// Draws the hint bar into the last row of `area`.
pub(crate) fn draw(cx: &Cx<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let (key, text) = (canvas.of(Role::Key), canvas.of(Role::Dim));
    let mut row = Row::new();
    for binding in key_table() {
        if binding.hint.is_empty()
            || binding.context == Context::Confirm
            || !is_useful(cx, binding.action)
        {
            continue;
        }
        let part = Row::of(" ", text)
            .fixed(binding.keys, key)
            .fixed(" ", text)
            .fixed(binding.hint, text)
            .fixed(" ", text);
        if row.width().saturating_add(part.width()) > usize::from(area.width) {
            break;
        }
        row = row.row(part);
    }
    let last = usize::from(area.height.saturating_sub(1));
    canvas.row(area, last, row);
}

/// Whether an action can come to anything now; when in doubt, it is shown.
fn is_useful(cx: &Cx<'_>, action: Action) -> bool {
    let state = &cx.room.state;
    match action {
        Action::Begin => state.phase == Phase::Briefing,
        Action::Stop => state.running().is_some(),
        Action::Review => state.proposal.is_some(),
        Action::Hold | Action::Start | Action::MarkDone | Action::Rollback => {
            matches!(state.phase, Phase::Running | Phase::RollingBack)
        }
        Action::Propose => state.phase == Phase::Running && state.proposal.is_none(),
        _ => true,
    }
}
