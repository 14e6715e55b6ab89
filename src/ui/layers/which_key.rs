//! Which of several keys signs: only those that are listed for the person and good for this statement are offered.

use super::motion_of;
use crate::ui::action::Motion;
use crate::ui::canvas::Canvas;
use crate::ui::proof::Offer;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crossterm::event::{KeyCode, KeyEvent};

/// Keys shown at a time; the frame and all else of the popup stay on the smallest screen.
const SHOWN_MAX: usize = 6;

/// The keys a person can choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WhichKey {
    offers: Vec<Offer>,
    at: usize,
}

impl WhichKey {
    /// Offers keys; where the class wants a touch, the first security key is selected.
    pub(crate) fn new(offers: Vec<Offer>, wants_touch: bool) -> Self {
        let at = offers.iter().position(|offer| offer.is_security_key);
        Self {
            at: at.filter(|_| wants_touch).unwrap_or(0),
            offers,
        }
    }

    /// Takes a key; gives the offer that was chosen.
    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Offer> {
        let motion = match key.code {
            KeyCode::Enter => return self.offers.get(self.at).cloned(),
            KeyCode::Char('j') => Some(Motion::Down),
            KeyCode::Char('k') => Some(Motion::Up),
            _ => motion_of(key),
        };
        let last = self.offers.len().saturating_sub(1);
        self.at = match motion {
            Some(Motion::Up) => self.at.saturating_sub(1),
            Some(Motion::Down) => self.at.saturating_add(1).min(last),
            Some(Motion::First | Motion::HalfUp | Motion::PageUp) => 0,
            Some(Motion::Last | Motion::HalfDown | Motion::PageDown) => last,
            None => self.at,
        };
        None
    }

    /// Two rows a key: what it is called, then its fingerprint.
    pub(super) fn rows(&self, canvas: &Canvas<'_>, inner: usize) -> Vec<Row> {
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        let mut rows = vec![Row::of(
            "several of your keys can sign this; which one?",
            canvas.of(Role::Active),
        )];
        let first = self.at.saturating_sub(SHOWN_MAX - 1);
        for (at, offer) in self.offers.iter().enumerate().skip(first).take(SHOWN_MAX) {
            let is_here = at == self.at;
            let mark = if is_here { "> " } else { "  " };
            let kind = Row::of(mark, text).fixed(offer.kind, canvas.of(Role::Strong));
            let kind = if offer.is_security_key {
                kind.fixed("  wants a touch, maybe a PIN", dim)
            } else {
                kind
            };
            let name = kind.fixed("  ", dim).text(&offer.comment, text);
            let print = Row::of("    ", dim).text(&offer.key, dim);
            for row in [name, print] {
                let row = row.filled(inner, canvas.signs());
                rows.push(if is_here {
                    row.patched(canvas.of(Role::Selection))
                } else {
                    row
                });
            }
        }
        let hidden = self.offers.len().saturating_sub(SHOWN_MAX);
        if hidden > 0 {
            rows.push(Row::of("j shows more", dim));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyModifiers;

    fn offers() -> Vec<Offer> {
        [("a", false), ("b", true), ("c", false)]
            .map(|(key, is_security_key)| Offer {
                kind: "ssh-ed25519",
                key: format!("SHA256:{key}"),
                comment: String::new(),
                is_security_key,
            })
            .to_vec()
    }

    fn press(which: &mut WhichKey, code: KeyCode) -> Option<Offer> {
        which.on_key(&KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn a_security_key_is_selected_where_a_touch_is_wanted() {
        let mut plain = WhichKey::new(offers(), false);
        let mut touch = WhichKey::new(offers(), true);
        let chosen = |which: &mut WhichKey| press(which, KeyCode::Enter).map(|offer| offer.key);
        assert_eq!(chosen(&mut plain).as_deref(), Some("SHA256:a"));
        assert_eq!(chosen(&mut touch).as_deref(), Some("SHA256:b"));
        assert_eq!(press(&mut touch, KeyCode::Char('j')), None);
        assert_eq!(press(&mut touch, KeyCode::Down), None, "there is no more");
        assert_eq!(chosen(&mut touch).as_deref(), Some("SHA256:c"));
        assert_eq!(press(&mut touch, KeyCode::Home), None);
        assert_eq!(chosen(&mut touch).as_deref(), Some("SHA256:a"));
    }
}
