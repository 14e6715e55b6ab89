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
        let rows = rows(canvas, prefix);
        let place = crate::ui::centred(area, 86, area.height);
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
                .filled(12, canvas.signs());
            let row = Row::of("  ", text).row(key).fixed(binding.what, text);
            rows.push(match binding.context {
                Context::Confirm => row.fixed(" (confirm screen)", dim),
                Context::Views | Context::Anywhere => row,
            });
        }
    }
    rows
}
