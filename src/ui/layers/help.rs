//! The help: the key table, as it dispatches.

use super::{Outcome, motion_of};
use crate::ui::action::Motion;
use crate::ui::canvas::Canvas;
use crate::ui::keymap::{Context, Group, as_pressed, key_table};
use crate::ui::model::Scroll;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// How far the help is scrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Help {
    scroll: Scroll,
}

impl Help {
    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let motion = match key.code {
            KeyCode::Char('q' | '?') => return Some(Outcome::Nothing),
            KeyCode::Char('j') => Some(Motion::Down),
            KeyCode::Char('k') => Some(Motion::Up),
            KeyCode::Char(' ') => Some(Motion::PageDown),
            KeyCode::Char('b') => Some(Motion::PageUp),
            KeyCode::Char('g') => Some(Motion::First),
            KeyCode::Char('G') => Some(Motion::Last),
            _ => motion_of(key),
        };
        if let Some(motion) = motion {
            self.scroll.go(motion);
        }
        None
    }

    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect, prefix: &str) {
        let place = crate::ui::centred(area, 86, area.height);
        let width = usize::from(place.width.saturating_sub(2));
        let rows: Vec<Row> = rows(canvas, prefix)
            .iter()
            .flat_map(|row| row.hang(width, LEFT_CELLS))
            .collect();
        let height = usize::from(place.height.saturating_sub(2));
        let top = self.scroll.window(rows.len(), height);
        let title = Row::of(
            " keys (j k space move, esc closes) ",
            canvas.of(Role::Title),
        );
        pane::popup(canvas, place, title, &rows, top);
    }
}

fn rows(canvas: &Canvas<'_>, prefix: &str) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let mut rows = Vec::new();
    for group in Group::ALL {
        if !rows.is_empty() {
            rows.push(Row::new());
        }
        rows.push(Row::of(group.as_str(), canvas.of(Role::Heading)));
        for binding in key_table().iter().filter(|b| b.group == group) {
            let keys = as_pressed(binding.keys, prefix);
            let key = Row::new()
                .text(&keys, canvas.of(Role::Key))
                .filled(KEY_CELLS, canvas.signs());
            let row = Row::of("  ", text).row(key).fixed(binding.what, text);
            rows.push(match binding.context {
                Context::Confirm => row.fixed(" (confirm screen)", dim),
                Context::Views | Context::Anywhere => row,
            });
        }
    }
    rows.push(Row::new());
    rows.push(Row::of("Signs", canvas.of(Role::Heading)));
    rows.extend(signs(canvas));
    rows
}

/// What the short signs on the screens mean.
fn signs(canvas: &Canvas<'_>) -> [Row; 9] {
    let g = canvas.look().glyphs;
    let lines: [(&'static str, Role, &'static str); 9] = [
        (g.cursor, Role::Active, "the step that matters now"),
        ("!", Role::Bad, "a step that needs a second person"),
        ("!!", Role::Bad, "a step that cannot be taken back"),
        (g.done, Role::Good, "done; of a threshold: good"),
        (g.waiting, Role::Warn, "waits for somebody or something"),
        (
            g.failed,
            Role::Bad,
            "failed; of a threshold: beyond its critical limit",
        ),
        (
            g.unknown,
            Role::Unknown,
            "nobody knows: look before going on",
        ),
        (
            "w c",
            Role::Dim,
            "warning and critical limit of a threshold; its last column is the age of the value",
        ),
        ("+2", Role::Dim, "2 more series; the worst one is shown"),
    ];
    let (text, signs) = (canvas.of(Role::Text), canvas.signs());
    lines.map(|(sign, role, what)| {
        let sign = Row::of(sign, canvas.of(role)).filled(KEY_CELLS, signs);
        Row::of("  ", text).row(sign).fixed(what, text)
    })
}

/// Cells of the keys, with a gap: `ctrl-b d` and `pagedown` are the longest.
const KEY_CELLS: usize = 10;

/// Cells left of what a key does: further rows begin there.
const LEFT_CELLS: usize = KEY_CELLS + 2;
