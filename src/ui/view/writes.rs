//! What was asked of other systems, and what came of it: newest first.

use super::{Cx, ENTRY_INDENT, nothing, top_pane};
use crate::domain::write::WriteState;
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words::write as words;
use ratatui::layout::{Constraint, Layout, Rect};

/// Rows one write takes where none of its lines is wrapped.
const ROWS_EACH: usize = 3;

/// The timeline above, the writes below it where there are any or they have the focus.
pub(crate) fn places(cx: &Cx<'_>, model: &Model, area: Rect) -> (Rect, Option<Rect>) {
    let count = cx.room.state.writes.len();
    if count == 0 && model.focus() != Pane::Writes {
        return (area, None);
    }
    let wanted = count
        .saturating_mul(ROWS_EACH)
        .clamp(1, 60)
        .saturating_add(2);
    let most = area.height / 2;
    let height = u16::try_from(wanted).unwrap_or(most).min(most);
    let parts = Layout::vertical([Constraint::Fill(1), Constraint::Length(height)]).split(area);
    match parts.as_ref() {
        [above, below] => (*above, Some(*below)),
        _ => (area, None),
    }
}

/// Draws the writes.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let writes = &cx.room.state.writes;
    let width = usize::from(area.width.saturating_sub(2));
    let mut rows: Vec<Row> = writes
        .iter()
        .rev()
        .flat_map(|write| rows_of(cx, canvas, write, width))
        .collect();
    if rows.is_empty() {
        rows.push(nothing(canvas, "nothing was asked of other systems yet"));
    }
    let extra = Row::new().text(&format!(" {}", writes.len()), canvas.of(Role::Dim));
    top_pane(model, canvas, area, Pane::Writes, extra, &rows);
}

fn rows_of(cx: &Cx<'_>, canvas: &Canvas<'_>, write: &WriteState, width: usize) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let outcome = write.outcome.as_ref();
    let row = Row::new()
        .row(stand(canvas, write))
        .text(&format!(" {} ", write.write.no), dim)
        .fixed(write.write.deed.verb(), canvas.of(Role::Strong))
        .fixed(" by ", dim)
        .text(write.write.connector.as_str(), text)
        .fixed(", ", dim)
        .text(&write.by, canvas.of(Role::Person));
    let age = Row::new()
        .text(&cx.age(write.asked.wall), dim)
        .fixed(" ago", dim);
    let mut rows = vec![row.with_right(age, width, canvas.signs())];
    let deed = Row::of("  ", dim).text(&words::wish(&cx.room.state, &write.write), text);
    rows.extend(deed.hang(width, ENTRY_INDENT));
    let result = Row::of("  ", dim).text(words::result(outcome), dim);
    rows.extend(result.hang(width, ENTRY_INDENT));
    rows
}

fn stand(canvas: &Canvas<'_>, write: &WriteState) -> Row {
    let mark = words::stand(write.outcome.as_ref(), canvas.look().glyphs);
    let style = canvas.of(mark.role);
    Row::of(mark.glyph, style)
        .fixed(" ", style)
        .fixed(mark.word, style)
}

/// One row for each write that is not known to have got through, for the war room; newest first.
pub(crate) fn open_rows(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    /// Longer than a proof is waited for: then it is known, and the list of writes has it.
    const SHOWN: std::time::Duration = std::time::Duration::from_secs(15 * 60);
    let dim = canvas.of(Role::Dim);
    let writes = cx.room.state.writes.iter().rev();
    let open = writes.filter(|write| {
        let age = cx.now.wall.since(write.asked.wall);
        let is_done = matches!(
            write.outcome,
            Some(crate::domain::write::Outcome::Done { .. })
        );
        !is_done && age < SHOWN
    });
    open.map(|write| {
        stand(canvas, write)
            .fixed(" ", dim)
            .text(
                &words::wish(&cx.room.state, &write.write),
                canvas.of(Role::Text),
            )
            .fixed(" ", dim)
            .text(&cx.age(write.asked.wall), dim)
            .fixed(" ago", dim)
    })
    .collect()
}
