//! The screen while there is nothing to review.

use crate::domain::progress::current;
use crate::domain::runbook::plan::Risk;
use crate::domain::state::{Phase, Stage, StepStatus};
use crate::domain::what_now::what_now;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::view::Cx;
use ratatui::layout::Rect;

/// Says that there is nothing to review, and what became of the last proposal.
pub(super) fn draw(cx: &Cx<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let text = canvas.of(Role::Text);
    let mut rows = vec![Row::of("no proposal is open", canvas.of(Role::Strong))];
    rows.extend(under_way(cx, canvas));
    if let Some((step, why)) = &cx.room.state.last_closed {
        let row = Row::of("the last one, of ", text).text(step.as_str(), canvas.of(Role::Strong));
        rows.extend(
            row.fixed(", ended: ", text)
                .text(why, canvas.of(Role::Warn))
                .wrap(usize::from(area.width.saturating_sub(1))),
        );
    }
    match waiting(cx, canvas) {
        Some(row) => rows.push(row),
        None => rows.extend(coming(
            cx,
            canvas,
            usize::from(area.width.saturating_sub(1)),
        )),
    }
    rows.push(Row::new());
    let (key, dim) = (canvas.of(Role::Key), canvas.of(Role::Dim));
    let leave = Row::of("esc", key).fixed(" leaves  ", dim);
    rows.push(leave.fixed("1", key).fixed(" war room", dim));
    for (line, row) in rows.into_iter().enumerate() {
        canvas.row(area, line, Row::of(" ", text).row(row));
    }
}

/// What runs: after a go the screen says what became of the confirm.
fn under_way(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let running = cx.room.state.running()?;
    let step = cx.room.state.find(&running.key.step)?;
    let text = canvas.of(Role::Text);
    let row = Row::new()
        .text(running.role.as_str(), canvas.of(Role::Active))
        .fixed(" of step ", text)
        .text(&step.plan.number, canvas.of(Role::Strong))
        .fixed(" runs since ", text)
        .text(&cx.clock(running.since.wall, false), text);
    Some(row.fixed("; press 1 to watch it", text))
}

/// What this screen is for, and the next step that will need it.
fn coming(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
    let state = &cx.room.state;
    let text = canvas.of(Role::Text);
    let next = state.views().find(|view| {
        view.plan.risk.needs_second_person()
            && !state.is_back_out(view.plan)
            && view.now.status == StepStatus::Pending
    });
    let Some(next) = next.filter(|_| !state.phase.is_final()) else {
        return Vec::new();
    };
    let purpose = "here a second person reads what a destructive step will run, and confirms it";
    let row = Row::of(purpose, text);
    let is_stuck = current(state).is_some_and(|step| {
        matches!(
            step.now.status,
            StepStatus::Failed { .. } | StepStatus::UndoFailed { .. } | StepStatus::Unknown
        )
    });
    if is_stuck || state.phase == Phase::RollingBack {
        let now = what_now(state, &cx.room.board, cx.now, &cx.room.welcome.you);
        let row = row.fixed("; before any other: ", text);
        return row.text(&now.what, canvas.of(Role::Warn)).wrap(width);
    }
    row.fixed("; the next is ", text)
        .text(&next.plan.number, canvas.of(Role::Strong))
        .fixed(" ", text)
        .text(&next.plan.title, canvas.of(Role::Strong))
        .wrap(width)
}

/// A step that waits to be proposed.
fn waiting(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let step = cx.room.state.under_way()?;
    if step.now.stage() != Some(Stage::NeedsProposal) {
        return None;
    }
    let label = format!("{} waits to be proposed", step.plan.to_label());
    let role = if step.plan.risk == Risk::Irreversible {
        Role::Bad
    } else {
        Role::Warn
    };
    Some(Row::new().text(&label, canvas.of(role)))
}
