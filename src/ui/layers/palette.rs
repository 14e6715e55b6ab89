//! The palette: every action by name, found by a few letters of it.

use super::input::Input;
use super::{Outcome, motion_of};
use crate::ui::action::{Action, Motion};
use crate::ui::canvas::Canvas;
use crate::ui::keymap::{Binding, Context, as_pressed, key_table};
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;

/// A search among the actions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Palette {
    input: Input,
    selected: usize,
    found: Vec<Binding>,
}

impl Default for Palette {
    fn default() -> Self {
        let mut palette = Self {
            input: Input::default(),
            selected: 0,
            found: Vec::new(),
        };
        palette.find();
        palette
    }
}

/// The first line of the table for each action that makes sense by name.
fn entries() -> impl Iterator<Item = Binding> {
    let table = key_table();
    table.iter().enumerate().filter_map(move |(at, binding)| {
        let first = table.iter().position(|b| b.action == binding.action) == Some(at);
        let by_name = !matches!(
            binding.action,
            Action::Move(_) | Action::Close | Action::Palette
        );
        (first && by_name && binding.context != Context::Confirm).then_some(*binding)
    })
}

impl Palette {
    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        if key.code == KeyCode::Enter {
            let found = self.found.get(self.selected);
            return Some(found.map_or(Outcome::Nothing, |b| Outcome::Act(b.action)));
        }
        if let Some(motion) = motion_of(key) {
            let last = self.found.len().saturating_sub(1);
            self.selected = match motion {
                Motion::Up => self.selected.saturating_sub(1),
                Motion::Down => self.selected.saturating_add(1),
                Motion::HalfUp | Motion::PageUp | Motion::First => 0,
                Motion::HalfDown | Motion::PageDown | Motion::Last => last,
            }
            .min(last);
        } else if self.input.on_key(key) {
            self.find();
        }
        None
    }

    pub(super) fn on_paste(&mut self, text: &str) {
        self.input.on_paste(text);
        self.find();
    }

    fn find(&mut self) {
        self.selected = 0;
        let pattern = Pattern::parse(
            self.input.as_str(),
            CaseMatching::Smart,
            Normalization::Smart,
        );
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, Binding)> = entries()
            .filter_map(|binding| {
                let score =
                    pattern.score(Utf32Str::new(binding.what, &mut buffer), &mut matcher)?;
                Some((score, binding))
            })
            .collect();
        // Stable: equal scores keep the order of the table.
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = scored.into_iter().map(|(_, binding)| binding).collect();
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, prefix: &str) {
        let height = area.height.clamp(3, 20);
        let place = crate::ui::centred(area, 76, height);
        let list = usize::from(height.saturating_sub(3));
        let first = self.selected.saturating_sub(list.saturating_sub(1));
        let width = usize::from(place.width.saturating_sub(2));
        let mut rows = vec![Row::of(":", canvas.of(Role::Key)).row(self.input.row(canvas, width))];
        for (at, binding) in self.found.iter().enumerate().skip(first).take(list) {
            let keys = as_pressed(binding.keys, prefix);
            let key = Row::new().text(&keys, canvas.of(Role::Key));
            let row = Row::of(" ", canvas.of(Role::Text))
                .fixed(binding.what, canvas.of(Role::Text))
                .with_right(key, width, canvas.signs());
            rows.push(if at == self.selected {
                row.patched(canvas.of(Role::Selection))
            } else {
                row
            });
        }
        let title = Row::of(" palette ", canvas.of(Role::Title));
        pane::popup(canvas, place, title, &rows, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyModifiers;

    #[test]
    fn a_few_letters_find_an_action() {
        let mut palette = Palette::default();
        for c in "rllbck undo".chars() {
            palette.on_key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
        palette.input = Input::default();
        palette.on_paste("undo what");
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(palette.on_key(&enter), Some(Outcome::Act(Action::Rollback)));
    }

    #[test]
    fn nothing_found_does_nothing() {
        let mut palette = Palette::default();
        palette.on_paste("zzzzzzzz");
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(palette.on_key(&enter), Some(Outcome::Nothing));
    }
}
