//! Rows to read, as they were when the popup was opened.

use super::{Outcome, motion_of};
use crate::ui::action::Motion;
use crate::ui::canvas::Canvas;
use crate::ui::model::Scroll;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// One row: what it is, what it says, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it is.
    pub(crate) name: String,
    /// What it says.
    pub(crate) value: String,
    /// Who says so, and how old that is.
    pub(crate) source: String,
    /// Somebody else says something else.
    pub(crate) differs: bool,
}

/// A list of rows under a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Details {
    title: String,
    lines: Vec<Line>,
    scroll: Scroll,
}

impl Details {
    /// Shows `lines`.
    pub(crate) fn new(title: String, lines: Vec<Line>) -> Self {
        Self {
            title,
            lines,
            scroll: Scroll::default(),
        }
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let motion = match key.code {
            KeyCode::Char('q') | KeyCode::Enter => return Some(Outcome::Nothing),
            KeyCode::Char('j') => Some(Motion::Down),
            KeyCode::Char('k') => Some(Motion::Up),
            KeyCode::Char(' ') => Some(Motion::PageDown),
            KeyCode::Char('b') => Some(Motion::PageUp),
            _ => motion_of(key),
        };
        if let Some(motion) = motion {
            self.scroll.go(motion);
        }
        None
    }

    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.min(100);
        let rows = self.rows(canvas, usize::from(width).saturating_sub(2));
        let wanted = u16::try_from(rows.len().saturating_add(2)).unwrap_or(u16::MAX);
        let place = crate::ui::centred(area, width, wanted);
        let height = usize::from(place.height.saturating_sub(2));
        let top = self.scroll.window(rows.len(), height);
        let title = Row::of(" ", canvas.of(Role::Title))
            .text(&self.title, canvas.of(Role::Title))
            .fixed(" (j k move, esc closes) ", canvas.of(Role::Dim));
        pane::popup(canvas, place, title, &rows, top);
    }

    fn rows(&self, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        if self.lines.is_empty() {
            return vec![Row::of("no CMDB knows it", canvas.of(Role::Unknown))];
        }
        let names = self.lines.iter().map(|line| line.name.len());
        let name_cells = names.max().unwrap_or(0).min(width / 3);
        let signs = canvas.signs();
        let row = |line: &Line| {
            let mark = if line.differs {
                Row::of("!", canvas.of(Role::Warn))
            } else {
                Row::of(" ", dim)
            };
            let name = Row::new().text(&line.name, dim).filled(name_cells, signs);
            let value = Row::new().text(&line.value, text);
            let left = mark.row(name).fixed(" ", dim).row(value);
            let source = Row::of(" ", dim).text(&line.source, dim);
            left.with_right(source, width, signs)
        };
        let mut rows: Vec<Row> = self.lines.iter().map(row).collect();
        if self.lines.iter().any(|line| line.differs) {
            let words = "! another source says something else";
            rows.push(Row::of(words, canvas.of(Role::Warn)));
        }
        rows
    }
}
