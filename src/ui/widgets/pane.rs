//! A bordered region with a title, and rows in it.

use crate::ui::action::Pane;
use crate::ui::canvas::{Canvas, Target, line_of};
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws a border with a title; gives the area inside. Too small an area has no border.
pub(crate) fn frame(canvas: &mut Canvas<'_>, area: Rect, title: Row, style: Style) -> Rect {
    if area.width < 3 || area.height < 3 {
        return area;
    }
    let glyphs = canvas.look().glyphs;
    let (right, bottom) = (
        area.right().saturating_sub(1),
        area.bottom().saturating_sub(1),
    );
    for y in [area.y, bottom] {
        canvas.fill(
            Rect {
                y,
                height: 1,
                ..area
            },
            glyphs.horizontal,
            style,
        );
    }
    for x in [area.x, right] {
        canvas.fill(
            Rect {
                x,
                width: 1,
                ..area
            },
            glyphs.vertical,
            style,
        );
    }
    let corners = [
        (area.x, area.y),
        (right, area.y),
        (area.x, bottom),
        (right, bottom),
    ];
    for ((x, y), sign) in corners.into_iter().zip(glyphs.corners) {
        canvas.fill(Rect::new(x, y, 1, 1), sign, style);
    }
    let title_area = Rect {
        x: area.x.saturating_add(2),
        width: area.width.saturating_sub(4),
        height: 1,
        ..area
    };
    canvas.row(title_area, 0, title);
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// Draws the frame of a pane, marked when it has the focus, and makes it answer to clicks.
pub(crate) fn open(
    canvas: &mut Canvas<'_>,
    area: Rect,
    pane: Pane,
    focused: bool,
    extra: Row,
) -> Rect {
    canvas.target(area, Target::Pane(pane));
    let (border, title) = if focused {
        (Role::BorderFocus, Role::BorderFocus)
    } else {
        (Role::Border, Role::Title)
    };
    let mark = if focused {
        canvas.look().glyphs.cursor
    } else {
        ""
    };
    let mut row = Row::of(" ", canvas.of(title)).fixed(mark, canvas.of(title));
    if focused {
        row = row.fixed(" ", canvas.of(title));
    }
    row = row.fixed(pane.as_str(), canvas.of(title)).row(extra);
    row = row.fixed(" ", canvas.of(title));
    let style = canvas.of(border);
    frame(canvas, area, row, style)
}

/// Draws `rows` from `top` on, and a scroll bar at the right edge when there are more.
pub(crate) fn rows(canvas: &mut Canvas<'_>, area: Rect, rows: &[Row], top: usize) {
    for (line, row) in rows
        .iter()
        .skip(top)
        .take(usize::from(area.height))
        .enumerate()
    {
        canvas.row(area, line, row.clone());
    }
    scroll_bar(canvas, area, rows.len(), top);
}

/// Draws a scroll bar over the border at the right of `area` when not all of `len` rows are visible.
pub(crate) fn scroll_bar(canvas: &mut Canvas<'_>, area: Rect, len: usize, top: usize) {
    let height = usize::from(area.height);
    if len <= height || height == 0 {
        return;
    }
    let thumb = height
        .saturating_mul(height)
        .checked_div(len)
        .unwrap_or(1)
        .max(1);
    let most = len.saturating_sub(height).max(1);
    let start = top
        .min(most)
        .saturating_mul(height.saturating_sub(thumb))
        .checked_div(most)
        .unwrap_or(0);
    let bar = Rect {
        x: area.right(),
        width: 1,
        ..area
    };
    for line in start..start.saturating_add(thumb) {
        if let Some(cell) = line_of(bar, line) {
            canvas.row(
                cell,
                0,
                Row::of(canvas.look().glyphs.thumb, canvas.of(Role::Key)),
            );
        }
    }
}

/// Draws a popup with rows from `top` on.
pub(crate) fn popup(canvas: &mut Canvas<'_>, area: Rect, title: Row, content: &[Row], top: usize) {
    canvas.clear(area);
    let style = canvas.of(Role::BorderFocus);
    let inner = frame(canvas, area, title, style);
    rows(canvas, inner, content, top);
}
