//! The newest facts.

use super::Cx;
use crate::domain::fact::{Actor, Stamped};
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::unseen;
use crate::ui::widgets::pane;
use crate::ui::words::{self, Naming};
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
    let width = usize::from(inner.width);
    let entry = |place: usize| {
        let record = records.get(place);
        record.map_or_else(Vec::new, |record| {
            row(cx, canvas, record).hang(width, TIME_CELLS)
        })
    };
    let scroll = model.scroll(Pane::Feed);
    let (rows, (all, top)) = super::tail_entries(scroll, (records.len(), height, mark), &entry);
    for (line, row) in rows.into_iter().enumerate() {
        canvas.row(inner, line, row);
    }
    pane::scroll_bar(canvas, inner, all, top);
}

/// Cells of the time and the space behind it: further rows of an entry begin below its text.
const TIME_CELLS: usize = 9;

/// `04:10:31 alice started 3.2`: short, since the pane is narrow; people are named, the program itself is not. The
/// timeline has the whole sentence.
fn row(cx: &Cx<'_>, canvas: &Canvas<'_>, record: &Stamped) -> Row {
    let dim = canvas.of(Role::Dim);
    let row = Row::of(" ", dim);
    let row = match record.actor {
        Actor::Engine => row,
        Actor::Person { .. } | Actor::Account { .. } => row
            .text(&record.actor.to_actor_text(), canvas.of(Role::Person))
            .fixed(" ", dim),
    };
    Row::new()
        .text(&record.at.wall.to_clock_text(), dim)
        .row(row)
        .text(
            &unseen::fact(cx.room, record, Naming::Number),
            canvas.of(words::fact_role(&record.fact)),
        )
}
