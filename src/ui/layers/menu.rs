//! A choice by one key, for what must be asked before it is done.

use super::{AboutMotion, Layer, Outcome};
use crate::domain::time::Moment;
use crate::ui::canvas::Canvas;
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

/// Cells of the keys, with a gap: `esc` is the longest.
const KEY_CELLS: usize = 5;

/// One line of a menu.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MenuItem {
    /// Its key, as typed.
    pub(crate) key: char,
    /// Its key, as shown.
    pub(crate) shown: &'static str,
    /// What it does.
    pub(crate) what: &'static str,
    /// What it comes to.
    pub(crate) outcome: Outcome,
}

/// A question with its answers. `esc` is always one, and no key is a default.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Menu {
    question: String,
    items: Vec<MenuItem>,
    about: Option<AboutMotion>,
}

impl Menu {
    /// Asks `question`.
    pub(crate) fn new(question: String, items: Vec<MenuItem>) -> Self {
        Self {
            question,
            items,
            about: None,
        }
    }

    /// Asks about an open motion: it says how long that is still open.
    pub(crate) fn of_motion(question: String, items: Vec<MenuItem>, about: AboutMotion) -> Self {
        Self {
            about: Some(about),
            ..Self::new(question, items)
        }
    }

    pub(super) const fn about(&self) -> Option<AboutMotion> {
        self.about
    }

    /// Asks a question that `y` answers.
    pub(crate) fn yes(question: String, what: &'static str, outcome: Outcome) -> Layer {
        let item = MenuItem {
            key: 'y',
            shown: "y",
            what,
            outcome,
        };
        Layer::Menu(Self::new(question, vec![item]))
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let KeyCode::Char(typed) = key.code else {
            return None;
        };
        if key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
        {
            return None;
        }
        self.items
            .iter()
            .find(|i| i.key == typed)
            .map(|i| i.outcome.clone())
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, now: Moment) {
        let width = area.width.min(78);
        let inner = usize::from(width).saturating_sub(2);
        let left = self.about.map(|about| about.left(now));
        let left = left.map_or_else(String::new, |left| format!(". it ends by itself in {left}"));
        let question = format!("{}{left}", self.question);
        let mut rows = wrapped(&question, inner, canvas.of(Role::Strong));
        rows.push(Row::new());
        for item in &self.items {
            rows.push(
                Row::of("  ", canvas.of(Role::Text))
                    .row(
                        Row::of(item.shown, canvas.of(Role::Key)).filled(KEY_CELLS, canvas.signs()),
                    )
                    .fixed(item.what, canvas.of(Role::Text)),
            );
        }
        rows.push(
            Row::of("  ", canvas.of(Role::Text))
                .row(Row::of("esc", canvas.of(Role::Key)).filled(KEY_CELLS, canvas.signs()))
                .fixed("do nothing", canvas.of(Role::Text)),
        );
        let height = u16::try_from(rows.len().saturating_add(2)).unwrap_or(u16::MAX);
        pane::popup(
            canvas,
            crate::ui::centred(area, width, height),
            Row::new(),
            &rows,
            0,
        );
    }
}
