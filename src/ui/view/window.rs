//! The window in the header: how long is left, the point of no return, and as far as there is room for it what is used of
//! the buffer and when the work will be done.

use super::Cx;
use crate::domain::countdown::{self, Window};
use crate::domain::forecast::forecast;
use crate::domain::freeze;
use crate::domain::state::Phase;
use crate::domain::time::short_span;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use std::time::Duration;

/// The row. What comes first is the most urgent; what does not fit into `width` cells is left out as a whole.
pub(super) fn row(cx: &Cx<'_>, is_local: bool, canvas: &Canvas<'_>, width: usize) -> Row {
    let text = canvas.of(Role::Text);
    let mut row = countdown(cx, canvas);
    if let Some(freeze) = frozen(cx, canvas) {
        let both = freeze.width().saturating_add(2).saturating_add(row.width());
        row = if both <= width {
            freeze.fixed(", ", text).row(row)
        } else {
            freeze
        };
    }
    let end = cx.room.state.window().filter(|_| is_local);
    let end = end.map(|window| {
        let clock = cx.clock(window.end, true);
        Row::of(", end ", text).text(&clock, canvas.of(Role::Strong))
    });
    let done: Vec<Row> = done(cx, canvas).into_iter().collect();
    // Of each, the longest wording there is room for.
    for wordings in [end.into_iter().collect(), burn(cx, canvas), done] {
        let room = width.saturating_sub(row.width());
        let fits = |wording: &Row| wording.width() <= room;
        if let Some(wording) = wordings.into_iter().find(fits) {
            row = row.row(wording);
        }
    }
    row
}

/// The window's countdown and the point of no return.
fn countdown(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let state = &cx.room.state;
    match countdown::window(state, cx.now.wall) {
        Window::None => Row::of("no window declared", dim),
        Window::Before { starts_in } => {
            Row::of("window starts in ", text).text(&coarse(starts_in), canvas.of(Role::Active))
        }
        Window::Over { for_long } => {
            let row = Row::of("WINDOW OVER", canvas.of(Role::Danger)).fixed(" for ", text);
            row.text(&coarse(for_long), canvas.of(Role::Bad))
        }
        Window::Within {
            ends_in,
            turn_back_in,
        } => {
            let row =
                Row::of("window ends in ", text).text(&coarse(ends_in), canvas.of(Role::Strong));
            let row = extended(cx, canvas, row).fixed(", ", dim);
            let complete = countdown::rollback_estimate(state).is_complete;
            let about = if complete { "" } else { " at most" };
            match turn_back_in {
                Some(left) => row
                    .fixed("no return in ", text)
                    .text(&coarse(left), canvas.of(turn_back_role(left)))
                    .fixed(about, dim),
                None => row.fixed("PAST POINT OF NO RETURN", canvas.of(Role::Danger)),
            }
        }
    }
}

/// Says by how much two people have extended the window.
fn extended(cx: &Cx<'_>, canvas: &Canvas<'_>, row: Row) -> Row {
    let state = &cx.room.state;
    let (Some(announced), Some(window)) = (state.plan().window, state.window()) else {
        return row;
    };
    let more = window.end.since(announced.end);
    if more.is_zero() {
        return row;
    }
    row.text(&format!(" (+{})", coarse(more)), canvas.of(Role::Warn))
}

/// The freeze that is on.
fn frozen(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let state = &cx.room.state;
    if state.genesis.freezes.is_empty() || state.phase.is_final() {
        return None;
    }
    let standing = freeze::standing(&state.genesis, &cx.room.board);
    let freeze = freeze::in_force(state, &standing, cx.now.wall)?;
    let row = Row::of("FREEZE ", canvas.of(Role::Danger));
    Some(row.text(freeze.id.as_str(), canvas.of(Role::Bad)))
}

/// What is used of the buffer, or will be: in full, and in short. Nothing where there is nothing to say.
fn burn(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    let state = &cx.room.state;
    let burn = countdown::burn(state, cx.now.wall).filter(|_| state.phase == Phase::Running);
    let Some(burn) = burn else { return Vec::new() };
    let role = if burn.used.is_zero() {
        Role::Warn
    } else {
        Role::Bad
    };
    let row = |text: &str| Row::new().text(text, canvas.of(role));
    let used = format!(", buffer {}% used", burn.percent(burn.used));
    match burn.forecast.filter(|ahead| *ahead > burn.used) {
        Some(ahead) => {
            let ahead = burn.percent(ahead);
            let short = if burn.used.is_zero() {
                row(&format!(", buffer {ahead}% forecast"))
            } else {
                row(&used)
            };
            vec![row(&format!("{used}, {ahead}% forecast")), short]
        }
        None if burn.used.is_zero() => Vec::new(),
        None => vec![row(&used)],
    }
}

/// When the work will be done: from what is likely to what is late.
fn done(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let forecast = forecast(&cx.room.state, cx.now.wall)?;
    if forecast.late == cx.now.wall {
        return None;
    }
    let minutes = |clock: String| clock.chars().take(5).collect::<String>();
    let (likely, late) = (
        forecast.likely.to_clock_text(),
        forecast.late.to_clock_text(),
    );
    let unknown = match forecast.unknown {
        0 => String::new(),
        unknown => format!(" +{unknown} unknown"),
    };
    let (likely, late) = (minutes(likely), minutes(late));
    let span = if likely == late {
        late
    } else {
        format!("{likely}-{late}")
    };
    let text = format!(", done {span}Z{unknown}");
    Some(Row::new().text(&text, canvas.of(Role::Dim)))
}

/// From this on a countdown shows minutes only: nobody acts on its seconds, and a cell that does not change costs
/// nothing on a slow line.
const COARSE: Duration = Duration::from_secs(10 * 60);

fn coarse(span: Duration) -> String {
    if span < COARSE {
        return short_span(span);
    }
    let minutes = span.as_secs() / 60;
    match minutes {
        0..=119 => format!("{minutes}m"),
        120..=2879 => format!("{}h{:02}m", minutes / 60, minutes % 60),
        _ => format!("{}d{:02}h", minutes / 1440, minutes / 60 % 24),
    }
}

/// A quarter of an hour is about one destructive step with its review: time to decide now.
const TURN_BACK_SOON: Duration = Duration::from_secs(15 * 60);

fn turn_back_role(left: Duration) -> Role {
    if left < TURN_BACK_SOON {
        Role::Warn
    } else {
        Role::Good
    }
}
