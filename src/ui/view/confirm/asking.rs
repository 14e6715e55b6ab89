//! The two questions before the target is shown.

use super::reviewing::typed;
use crate::ui::canvas::Canvas;
use crate::ui::ritual::{Gate, Ritual};
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::view::Cx;
use ratatui::layout::Rect;

const WHY: &str = "Look for yourself first: at the CMDB, at the metrics, at your own terminal. What you say here is \
                   compared with what is proposed. If it differs, the proposal ends and both of you look again; that is \
                   what this is for.";

/// Draws the question that is open.
pub(super) fn draw(cx: &Cx<'_>, canvas: &mut Canvas<'_>, area: Rect, ritual: &Ritual) {
    let width = usize::from(area.width);
    let (text, dim, warn) = (
        canvas.of(Role::Text),
        canvas.of(Role::Dim),
        canvas.of(Role::Warn),
    );
    let gate = ritual.gate(cx.now);
    let mut rows = vec![
        Row::of("BEFORE THE TARGET IS SHOWN", canvas.of(Role::Strong)),
        Row::new(),
    ];
    rows.extend(wrapped(WHY, width, text));
    rows.push(Row::new());
    if !ritual.expected().is_empty() {
        rows.push(Row::of("you expect: ", dim).text(ritual.expected(), canvas.of(Role::Strong)));
    }
    let question = match gate {
        Gate::Offered => "a step is proposed that needs you. press c when you are ready to answer",
        Gate::Component => {
            "which component is about to be touched? its name in the CMDB; without a CMDB, as the runbook calls it"
        }
        Gate::Remaining => {
            "how many others of its group stay in service? a number; empty when there is no CMDB, or it knows no group"
        }
        Gate::Sent => "sent; waiting for the server",
        Gate::TooSmall => "this terminal is smaller than 80x24: make it larger to answer",
        _ => "input is closed for a moment: a paste, or too many wrong tries",
    };
    rows.extend(wrapped(question, width, warn));
    let is_open = matches!(gate, Gate::Component | Gate::Remaining);
    for (line, row) in rows.iter().enumerate() {
        canvas.row(area, line, row.clone());
    }
    if is_open {
        let style = canvas.of(Role::Banner);
        let row = Row::of(" ANSWER > ", style).row(typed(canvas, ritual));
        canvas.bar(area, rows.len(), row, style);
    }
    let leave = Row::of("esc", canvas.of(Role::Key)).fixed(" leave without an answer", dim);
    if gate == Gate::Offered {
        let keys = Row::of("c", canvas.of(Role::Key))
            .fixed(" answer  ", dim)
            .fixed("r", canvas.of(Role::Key))
            .fixed(" reject  ", dim)
            .row(leave);
        return canvas.row(area, usize::from(area.height.saturating_sub(1)), keys);
    }
    let keys = Row::of("enter", canvas.of(Role::Key))
        .fixed(" answers  ", dim)
        .fixed("backspace", canvas.of(Role::Key))
        .fixed(" corrects  ", dim)
        .fixed("ctrl-r", canvas.of(Role::Key))
        .fixed(" reject  ", dim)
        .row(leave);
    canvas.row(area, usize::from(area.height.saturating_sub(1)), keys);
}
