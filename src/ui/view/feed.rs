//! The newest facts.

use super::{Cx, timeline};
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::widgets::pane;
use ratatui::layout::Rect;

/// Draws the feed.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let inner = pane::open(
        canvas,
        area,
        Pane::Feed,
        model.focus() == Pane::Feed,
        Row::new(),
    );
    let records = &cx.room.recent;
    let height = usize::from(inner.height);
    let mark = cx.room.state.head.0.0;
    let top = model
        .scroll(Pane::Feed)
        .tail_window(records.len(), height, mark);
    for (line, record) in records.iter().skip(top).take(height).enumerate() {
        canvas.row(inner, line, timeline::record_row(cx, canvas, record, false));
    }
    pane::scroll_bar(canvas, inner, records.len(), top);
}
