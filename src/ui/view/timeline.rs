//! Every fact, with its number, its time and who did it.

use super::Cx;
use crate::domain::fact::{Actor, Stamped};
use crate::ui::action::Pane;
use crate::ui::cache::Cache;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::unseen;
use crate::ui::widgets::pane;
use crate::ui::words;
use ratatui::layout::Rect;

/// Cells of the number, the time and the actor with the spaces behind them: further rows of an entry begin below its
/// sentence.
const ENTRY_CELLS: usize = 26;

/// Draws the timeline.
pub(crate) fn draw(
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let places = cache.timeline();
    let inner = pane::open(
        canvas,
        area,
        Pane::Timeline,
        model.focus() == Pane::Timeline,
        title(cx, model, canvas, places.len()),
    );
    let height = usize::from(inner.height);
    // A filtered timeline does not know how many of the new records it shows; it follows its end.
    let mark = if model.filter.is_empty() {
        cx.room.state.head.0.0
    } else {
        0
    };
    let (width, local) = (usize::from(inner.width), model.local_time);
    let entry = |place: usize| {
        let record = places.get(place).and_then(|at| cx.room.recent.get(*at));
        record.map_or_else(Vec::new, |record| {
            let number = Row::new().text(&format!("{:>6} ", record.seq.0), canvas.of(Role::Dim));
            let row = number.row(record_row(cx, canvas, record, local));
            row.hang(width, ENTRY_CELLS)
        })
    };
    let scroll = model.scroll(Pane::Timeline);
    let (rows, (all, top)) = super::tail_entries(scroll, (places.len(), height, mark), &entry);
    for (line, row) in rows.into_iter().enumerate() {
        canvas.row(inner, line, row);
    }
    pane::scroll_bar(canvas, inner, all, top);
    if places.is_empty() {
        canvas.row(
            inner,
            0,
            super::nothing(canvas, "no record matches; esc clears the filter"),
        );
    }
}

fn title(cx: &Cx<'_>, model: &Model, canvas: &Canvas<'_>, shown: usize) -> Row {
    let dim = canvas.of(Role::Dim);
    let known = cx.room.recent.len();
    let older = cx.room.recent.front().map_or(0, |r| r.seq.0);
    let row = Row::new().text(&format!(" {shown} of {known} known"), dim);
    let row = if older > 0 {
        row.text(&format!(", {older} older: scroll up"), dim)
    } else {
        row
    };
    if model.filter.is_empty() {
        row
    } else {
        row.fixed(" filter ", dim)
            .text(&model.filter, canvas.of(Role::Search))
    }
}

/// `04:10:31Z alice  proposes ...`
pub(crate) fn record_row(cx: &Cx<'_>, canvas: &Canvas<'_>, record: &Stamped, local: bool) -> Row {
    /// Names of people have at most 32 characters; most have fewer than nine.
    const ACTOR_CELLS: usize = 8;
    let (dim, signs) = (canvas.of(Role::Dim), canvas.signs());
    let who = match record.actor {
        Actor::Engine => Row::of("warroom", dim),
        _ => Row::new().text(&record.actor.to_actor_text(), canvas.of(Role::Person)),
    };
    Row::new()
        .text(&cx.clock(record.at.wall, local), dim)
        .fixed(" ", dim)
        .row(who.filled(ACTOR_CELLS, signs))
        .fixed(" ", dim)
        .text(
            &unseen::fact(cx.room, record, words::Naming::Full),
            canvas.of(words::fact_role(&record.fact)),
        )
}
