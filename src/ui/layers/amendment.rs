//! Two plans held against each other, to be read before somebody moves or seconds that. Nothing of it is cut.

use super::{AboutMotion, MenuItem, Outcome, motion_of};
use crate::domain::amend::{Line, Mark};
use crate::domain::time::Moment;
use crate::ui::action::Motion;
use crate::ui::canvas::Canvas;
use crate::ui::model::Scroll;
use crate::ui::text::{Row, exact, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

/// What stands above and below the lines, and the lines.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Amendment {
    title: String,
    /// What it comes to in words, before the lines.
    words: Vec<String>,
    /// Why it cannot be taken over.
    against: Vec<String>,
    lines: Vec<Line>,
    items: Vec<MenuItem>,
    about: Option<AboutMotion>,
    /// The session has gone on since: what is in the way may no longer be.
    is_outdated: bool,
    scroll: Scroll,
    /// Rows as they were laid out for a width.
    laid: Option<(usize, Vec<Row>)>,
}

impl Amendment {
    /// Shows it; `items` are the answers.
    pub(crate) fn new(
        title: String,
        words: Vec<String>,
        against: Vec<String>,
        lines: Vec<Line>,
        items: Vec<MenuItem>,
    ) -> Self {
        Self {
            title,
            words,
            against,
            lines,
            items,
            about: None,
            is_outdated: false,
            scroll: Scroll::default(),
            laid: None,
        }
    }

    /// It is what an open motion comes to: the title says how long that is still open.
    pub(crate) fn of_motion(mut self, about: AboutMotion) -> Self {
        self.about = Some(about);
        self
    }

    /// The session has gone on. What was read is left as it is; that it may be untrue is said where something is in the way.
    pub(super) fn outdate(&mut self) {
        if !self.against.is_empty() && !self.is_outdated {
            self.is_outdated = true;
            self.laid = None;
        }
    }

    pub(super) const fn about(&self) -> Option<AboutMotion> {
        self.about
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let is_plain = !key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if let KeyCode::Char(typed) = key.code
            && is_plain
            && let Some(item) = self.items.iter().find(|item| item.key == typed)
        {
            return Some(item.outcome.clone());
        }
        let motion = match key.code {
            KeyCode::Char('q') => return Some(Outcome::Nothing),
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

    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect, now: Moment) {
        let width = usize::from(area.width).saturating_sub(2);
        if self.laid.as_ref().is_none_or(|(of, _)| *of != width) {
            self.laid = Some((width, self.lay_out(canvas, width)));
        }
        let rows = self.laid.as_ref().map_or(&[][..], |(_, rows)| rows);
        let mut foot = Row::new();
        for item in &self.items {
            foot = foot
                .fixed(" ", canvas.of(Role::Text))
                .fixed(item.shown, canvas.of(Role::Key))
                .fixed(" ", canvas.of(Role::Text))
                .fixed(item.what, canvas.of(Role::Text))
                .fixed(" ", canvas.of(Role::Text));
        }
        let height = usize::from(area.height.saturating_sub(2)).saturating_sub(1);
        let len = rows.len();
        let top = self.scroll.window(len, height);
        let seen = rows.iter().skip(top).take(height);
        let mut shown: Vec<Row> = seen.cloned().collect();
        let last = top.saturating_add(shown.len());
        while shown.len() < height {
            shown.push(Row::new());
        }
        shown.push(foot.fit(width, canvas.signs()));
        let left = self.about.map(|about| about.left(now));
        let left = left.map_or_else(String::new, |left| format!(", {left} left"));
        let title = Row::of(" ", canvas.of(Role::Title))
            .text(&self.title, canvas.of(Role::Title))
            .text(&left, canvas.of(Role::Title))
            .text(
                &format!(
                    " (rows {}-{last} of {len}, j k space b move, esc closes) ",
                    top.saturating_add(1).min(len)
                ),
                canvas.of(Role::Dim),
            );
        pane::popup(canvas, area, title, &shown, 0);
    }

    fn lay_out(&self, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut say = |text: &str, role| rows.extend(wrapped(text, width, canvas.of(role)));
        if self.is_outdated {
            say(
                "THE SESSION HAS GONE ON SINCE: close this and read it again",
                Role::Strong,
            );
        }
        for one in &self.against {
            say(&format!("IN THE WAY: {one}"), Role::Warn);
        }
        for word in &self.words {
            say(word, Role::Text);
        }
        for line in &self.lines {
            let role = match line.mark {
                Mark::Section => Role::Title,
                Mark::Gap | Mark::Same => Role::Dim,
                Mark::Gone => Role::Warn,
                Mark::New => Role::Strong,
            };
            if line.mark == Mark::Section {
                rows.push(Row::new());
            }
            let text = format!("{}{}", line.mark.as_str(), line.text);
            rows.extend(exact(&text, width, canvas.of(role), canvas.signs()));
        }
        rows
    }
}
