//! A choice from a list whose lines come from outside: connectors, incidents, mutes, components.

use super::{Outcome, motion_of};
use crate::ui::action::Motion;
use crate::ui::canvas::Canvas;
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// A question with a list of answers. Nothing is chosen but by enter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    question: String,
    items: Vec<(String, Outcome)>,
    selected: usize,
}

impl Choice {
    /// Asks `question`; each item has its line and what it comes to.
    pub(crate) fn new(question: impl Into<String>, items: Vec<(String, Outcome)>) -> Self {
        Self {
            question: question.into(),
            items,
            selected: 0,
        }
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let motion = match key.code {
            KeyCode::Enter => {
                let item = self.items.get(self.selected);
                return Some(item.map_or(Outcome::Nothing, |(_, outcome)| outcome.clone()));
            }
            KeyCode::Char('j') => Some(Motion::Down),
            KeyCode::Char('k') => Some(Motion::Up),
            _ => motion_of(key),
        };
        let last = self.items.len().saturating_sub(1);
        let at = self.selected;
        self.selected = match motion {
            None => at,
            Some(Motion::Up) => at.saturating_sub(1),
            Some(Motion::Down) => at.saturating_add(1).min(last),
            Some(Motion::HalfUp | Motion::PageUp | Motion::First) => 0,
            Some(Motion::HalfDown | Motion::PageDown | Motion::Last) => last,
        };
        None
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.min(78);
        let inner = usize::from(width).saturating_sub(2);
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        let mut rows = wrapped(&self.question, inner, canvas.of(Role::Strong));
        rows.push(Row::new());
        // The question, the last row and the frame stay on the smallest screen.
        let around = rows.len().saturating_add(4);
        let list = usize::from(area.height).saturating_sub(around).max(1);
        let first = self.selected.saturating_sub(list.saturating_sub(1));
        for (at, (line, _)) in self.items.iter().enumerate().skip(first).take(list) {
            let row = Row::of(" ", text).text(line, text);
            let row = row.filled(inner, canvas.signs());
            rows.push(if at == self.selected {
                row.patched(canvas.of(Role::Selection))
            } else {
                row
            });
        }
        rows.push(Row::of("j k move, enter chooses, esc does nothing", dim));
        let height = u16::try_from(rows.len().saturating_add(2)).unwrap_or(u16::MAX);
        let place = crate::ui::centred(area, width, height);
        pane::popup(canvas, place, Row::new(), &rows, 0);
    }
}
