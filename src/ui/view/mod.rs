//! The views: one file per region. They draw a room and what this terminal remembers, and change neither.

mod breakglass;
mod checklist;
mod components;
mod confirm;
mod duty;
mod feed;
mod header;
pub(crate) mod hints;
mod map;
mod metrics;
mod motion;
mod now;
mod output;
mod people;
pub(crate) mod plain;
mod rehearsal;
mod rollout;
mod run_on;
mod runbook;
mod silences;
pub(crate) mod step;
mod targets;
pub(crate) mod thresholds;
mod timeline;
mod waiting;
mod war_room;
mod window;
mod writes;

use crate::domain::time::{Moment, Timestamp};
use crate::ui::action::{Pane, View};
use crate::ui::cache::Cache;
use crate::ui::canvas::{Canvas, below};
use crate::ui::model::{Model, Scroll};
use crate::ui::ritual::Ritual;
use crate::ui::room::Room;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// What a view draws.
pub(crate) struct Cx<'a> {
    /// The session.
    pub(crate) room: &'a Room,
    /// The moment of this frame.
    pub(crate) now: Moment,
    /// The person's time zone.
    pub(crate) zone: &'a jiff::tz::TimeZone,
    /// The prefix key, as people write it.
    pub(crate) prefix: &'a str,
    /// The confirm ritual, while there is one.
    pub(crate) ritual: Option<&'a Ritual>,
}

impl Cx<'_> {
    /// `04:10:31Z`, and local time behind it where it is wanted.
    pub(crate) fn clock(&self, at: Timestamp, local: bool) -> String {
        let utc = at.to_clock_text();
        if local {
            let here = at
                .to_jiff()
                .to_zoned(self.zone.clone())
                .strftime("%H:%M:%S")
                .to_string();
            format!("{utc}Z ({here})")
        } else {
            format!("{utc}Z")
        }
    }

    /// Age of something true at `at`, by the wall clock.
    pub(crate) fn age(&self, at: Timestamp) -> String {
        crate::domain::time::short_span(self.now.wall.since(at))
    }
}

/// Smallest screen with borders and columns; below it the lines that matter are drawn one under the other.
const COMFORTABLE: (u16, u16) = (60, 16);

/// Fewer rows than this hold no plan: what now is shown instead.
const CONFIRM_ROWS_MIN: u16 = 6;

/// Rows at the top that no popup covers on a screen with panes: the header, and what now.
const KEPT_ROWS: u16 = 4;

/// Where popups go: below what must always be seen, and above the hints.
pub(crate) fn free(area: Rect) -> Rect {
    if area.width < COMFORTABLE.0 || area.height < COMFORTABLE.1 {
        return area;
    }
    Rect {
        y: area.y.saturating_add(KEPT_ROWS),
        height: area.height.saturating_sub(KEPT_ROWS.saturating_add(1)),
        ..area
    }
}

/// Draws the room.
pub(crate) fn draw(
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    if model.view == View::Confirm && area.height >= CONFIRM_ROWS_MIN {
        return confirm::draw(cx, model, canvas, area);
    }
    if area.width < COMFORTABLE.0 || area.height < COMFORTABLE.1 {
        return plain::tiny(cx, model, canvas, area);
    }
    let mut top = header::draw(cx, model, canvas, area);
    top = top.saturating_add(now::draw(cx, model, canvas, below(area, top)));
    let mut body = below(area, top);
    body.height = body.height.saturating_sub(1);
    hints::draw(cx, model, canvas, area);
    if model.zoom {
        return pane(model.focus(), cx, model, cache, canvas, body);
    }
    match model.view {
        View::WarRoom => war_room::draw(cx, model, cache, canvas, body),
        View::Runbook => runbook::draw(cx, model, cache, canvas, body),
        View::Metrics => pane(Pane::Charts, cx, model, cache, canvas, body),
        View::Map => pane(Pane::Map, cx, model, cache, canvas, body),
        View::Timeline | View::Confirm => {
            let (above, below) = writes::places(cx, model, body);
            pane(Pane::Timeline, cx, model, cache, canvas, above);
            if let Some(below) = below {
                pane(Pane::Writes, cx, model, cache, canvas, below);
            }
        }
    }
}

/// Draws one pane.
fn pane(
    which: Pane,
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    if area.is_empty() {
        return;
    }
    match which {
        Pane::Checklist => checklist::draw(cx, model, canvas, area),
        Pane::Output => output::draw(cx, model, cache, canvas, area),
        Pane::Thresholds => thresholds::draw(cx, model, canvas, area),
        Pane::Components => components::draw(cx, model, canvas, area),
        Pane::Duty => duty::draw(cx, model, canvas, area),
        Pane::People => people::draw(cx, model, canvas, area),
        Pane::Feed => feed::draw(cx, model, canvas, area),
        Pane::Document => runbook::document(cx, model, cache, canvas, area),
        Pane::Step => step::draw(cx, model, canvas, area),
        Pane::Charts => metrics::draw(cx, model, canvas, area),
        Pane::Timeline => timeline::draw(cx, model, cache, canvas, area),
        Pane::Writes => writes::draw(cx, model, canvas, area),
        Pane::Review => confirm::draw(cx, model, canvas, area),
        Pane::Map => map::draw(cx, model, canvas, area),
    }
}

/// Opens a pane's frame with a count in its title, and draws rows that are read from the top.
fn top_pane(
    model: &mut Model,
    canvas: &mut Canvas<'_>,
    area: Rect,
    which: Pane,
    extra: Row,
    rows: &[Row],
) {
    let inner = crate::ui::widgets::pane::open(canvas, area, which, model.focus() == which, extra);
    let top = model
        .scroll(which)
        .window(rows.len(), usize::from(inner.height));
    crate::ui::widgets::pane::rows(canvas, inner, rows, top);
}

/// Cells that further rows of an entry are moved in.
const ENTRY_INDENT: usize = 2;

/// Entries wrapped to a pane of this area, so that none is cut.
fn entries(rows: &[Row], area: Rect) -> Vec<Row> {
    let width = usize::from(area.width.saturating_sub(2));
    rows.iter()
        .flat_map(|row| row.hang(width, ENTRY_INDENT))
        .collect()
}

/// Visible rows of entries that grow at their end, each entry wrapped by `of`, and the length and the top of the scroll bar. Every
/// entry can be brought on screen in full: either the newest is, or the last one that was scrolled to.
fn tail_entries(
    scroll: &mut Scroll,
    (len, height, mark): (usize, usize, u64),
    of: &dyn Fn(usize) -> Vec<Row>,
) -> (Vec<Row>, (usize, usize)) {
    let fitting = |places: &mut dyn Iterator<Item = usize>| {
        let mut rows = 0_usize;
        places
            .take_while(|place| {
                rows = rows.saturating_add(of(*place).len());
                rows <= height
            })
            .count()
            .max(1)
    };
    let fit = fitting(&mut (0..len).rev().take(height)).min(fitting(&mut (0..len).take(height)));
    let top = scroll.tail_window(len, fit, mark);
    // Entries of several rows do not fit even where there are as many rows as entries.
    let all = if fit < len {
        len.max(height.saturating_add(1))
    } else {
        len
    };
    if top == 0 && scroll.back > 0 {
        let rows = (0..len).take(height).flat_map(of).take(height);
        return (rows.collect(), (all, 0));
    }
    let mut shown: std::collections::VecDeque<Row> = std::collections::VecDeque::new();
    for place in (0..len.saturating_sub(scroll.back)).rev() {
        // Of the oldest one that is seen, only the end may have room; of one that is larger than the pane, the beginning is.
        let room = match shown.len() {
            0 => usize::MAX,
            taken => height.saturating_sub(taken),
        };
        if room == 0 {
            break;
        }
        for row in of(place).into_iter().rev().take(room) {
            shown.push_front(row);
        }
    }
    (shown.into_iter().take(height).collect(), (all, top))
}

/// A row that says there is nothing to show, and why.
fn nothing(canvas: &Canvas<'_>, why: &'static str) -> Row {
    Row::of(why, canvas.of(Role::Dim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::Motion;
    use ratatui::style::Style;
    use std::collections::BTreeSet;

    /// Entry `place` in one to three rows, the last of which names it.
    fn entry(place: usize) -> Vec<Row> {
        let mut rows = vec![Row::new(); place % 3];
        rows.push(Row::new().text(&place.to_string(), Style::new()));
        rows
    }

    #[test]
    fn every_entry_can_be_scrolled_to_and_the_newest_is_shown_first() {
        let mut scroll = Scroll::default();
        let mut seen = BTreeSet::new();
        for step in 0..40 {
            let (rows, _) = tail_entries(&mut scroll, (20, 4, 20), &entry);
            assert!(rows.len() <= 4);
            if step == 0 {
                assert_eq!(rows.last().expect("rows").plain(), "19");
            }
            seen.extend(
                rows.iter()
                    .filter_map(|row| row.plain().parse::<usize>().ok()),
            );
            scroll.go_tail(Motion::Up);
        }
        assert_eq!(seen, (0..20).collect::<BTreeSet<usize>>());
    }

    #[test]
    fn no_entries_and_no_room_draw_nothing() {
        let mut scroll = Scroll::default();
        assert!(tail_entries(&mut scroll, (0, 4, 0), &entry).0.is_empty());
        assert!(tail_entries(&mut scroll, (9, 0, 9), &entry).0.is_empty());
    }
}
