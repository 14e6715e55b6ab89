//! The line that says what now, and the banner of an open proposal.

use super::Cx;
use crate::ui::canvas::Canvas;
use crate::ui::ritual;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// Rows the sentence may take on a screen with panes.
const ROWS_MAX: usize = 2;

/// Draws what now, and the banner when there is one; gives the rows they took.
pub(crate) fn draw(cx: &Cx<'_>, canvas: &mut Canvas<'_>, area: Rect) -> usize {
    let mut line = 0;
    for row in rows(cx, canvas, usize::from(area.width))
        .into_iter()
        .take(ROWS_MAX)
    {
        canvas.bar(area, line, row, canvas.of(Role::Now));
        line = line.saturating_add(1);
    }
    if let Some(row) = banner(cx, canvas) {
        canvas.bar(area, line, row, canvas.of(Role::Banner));
        line = line.saturating_add(1);
    }
    line
}

/// The sentence, wrapped.
pub(crate) fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
    let style = canvas.of(Role::Now);
    let now = what_now(cx);
    Row::of("NOW ", style).text(&now, style).wrap(width)
}

fn what_now(cx: &Cx<'_>) -> String {
    let _ = cx;
    String::new()
}

/// Asks this person to review; never opens anything by itself (`TWO_PERSON` 6.1 rule 7).
fn banner(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let (proposal, _) = ritual::reviewer(cx.room)?;
    let style = canvas.of(Role::Banner);
    let step = cx.room.state.find(&proposal.terms.step)?;
    let left = crate::domain::time::short_span(proposal.terms.expires.since(cx.now.wall));
    Some(
        Row::of(" ", style)
            .text(proposal.terms.proposer.as_str(), style)
            .fixed(" proposes ", style)
            .text(&step.plan.number, style)
            .fixed(" ", style)
            .text(&step.plan.title, style)
            .fixed(": press c to review (expires in ", style)
            .text(&left, style)
            .fixed(")", style),
    )
}
