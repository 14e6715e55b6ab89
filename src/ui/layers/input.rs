//! One line of typed text.

use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// Bytes of a reason or note: what a statement and a record take (`TWO_PERSON` 4.2).
pub(super) const INPUT_MAX: usize = 500;

/// Typed text; the cursor is at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Input(String);

impl Input {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a key that edits; false for any other.
    pub(super) fn on_key(&mut self, key: &KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => self.0.clear(),
            KeyCode::Char('w') if control => self.cut_word(),
            KeyCode::Char('h') if control => self.cut_last(),
            KeyCode::Backspace => self.cut_last(),
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.push(c);
            }
            _ => return false,
        }
        true
    }

    /// Adds the first line of pasted text.
    pub(super) fn on_paste(&mut self, text: &str) {
        for c in text.lines().next().unwrap_or("").chars() {
            self.push(c);
        }
    }

    fn push(&mut self, c: char) {
        if !c.is_control() && self.0.len().saturating_add(c.len_utf8()) <= INPUT_MAX {
            self.0.push(c);
        }
    }

    fn cut_last(&mut self) {
        let at = self
            .0
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at);
        self.0.truncate(at);
    }

    fn cut_word(&mut self) {
        let kept = self
            .0
            .trim_end()
            .rfind(' ')
            .map_or(0, |at| at.saturating_add(1));
        self.0.truncate(kept);
    }

    /// The text with a cursor, its end visible in `width` cells.
    pub(super) fn row(&self, canvas: &Canvas<'_>, width: usize) -> Row {
        let text = canvas.of(Role::Strong);
        let all = Row::new().text(&self.0, text);
        let room = width.saturating_sub(2);
        let shown = if all.width() <= room {
            all
        } else {
            // The end is what is being typed.
            let chars: Vec<char> = self.0.chars().collect();
            let skip = chars.len().saturating_sub(room.saturating_sub(1));
            let tail: String = chars.iter().skip(skip).collect();
            Row::new()
                .fixed("<", canvas.of(Role::Dim))
                .text(&tail, text)
        };
        shown.fixed("_", canvas.of(Role::Active))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_works_on_whole_characters_and_is_bounded() {
        let mut input = Input::default();
        input.on_paste("ab c\u{301}d\nnext line");
        assert_eq!(input.as_str(), "ab c\u{301}d");
        input.cut_last();
        input.cut_last();
        assert_eq!(input.as_str(), "ab ");
        input.cut_word();
        assert_eq!(input.as_str(), "");
        input.on_paste(&"x".repeat(2000));
        assert_eq!(input.as_str().len(), INPUT_MAX);
    }
}
