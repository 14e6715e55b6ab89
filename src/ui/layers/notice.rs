//! Words at the bottom that take no keys but `esc`: how long they stay, and when they are no longer true.

use crate::domain::command::Refusal;
use crate::domain::fact::{Fact, MotionEvent};
use crate::domain::time::Moment;
use crate::ui::canvas::Canvas;
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use ratatui::layout::Rect;
use std::time::Duration;

/// Words at the bottom that take no keys but `esc`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    role: Role,
    text: String,
    hint: String,
    /// What the session has said since then, and when.
    also: Option<(String, Moment)>,
    since: Moment,
    /// What it says is of the session as it stood, and hangs on that.
    of_session: bool,
    /// The session has moved on since: it may no longer be true.
    is_outdated: bool,
}

/// Long enough to read two sentences twice; a refusal that matters is in the journal too.
const NOTICE_SPAN: Duration = Duration::from_secs(20);
/// To look up from something else and find it: for this long at least a refusal stays, whatever happens.
const FOUND: Duration = Duration::from_secs(5);
/// Characters a tired person reads in a second: two thirds of what people read by day.
const READ_IN_A_SECOND: usize = 15;

impl Notice {
    /// Says why the session refused something.
    pub(crate) fn refusal(refusal: &Refusal, now: Moment) -> Self {
        Self {
            of_session: true,
            ..Self::failure(refusal, now)
        }
    }

    /// Says why something could not be done here.
    pub(crate) fn failure(refusal: &Refusal, now: Moment) -> Self {
        Self {
            role: Role::Warn,
            hint: refusal.hint.clone(),
            ..Self::plain(&refusal.to_string(), now)
        }
    }

    /// Says something about this terminal.
    pub(crate) fn plain(text: &str, now: Moment) -> Self {
        Self {
            role: Role::Text,
            text: text.to_owned(),
            hint: String::new(),
            also: None,
            since: now,
            of_session: false,
            is_outdated: false,
        }
    }

    /// True while it is a refusal that is still to be read.
    pub(super) fn is_refusal(&self, now: Moment) -> bool {
        self.role == Role::Warn && !now.has_passed(self.since, NOTICE_SPAN)
    }

    /// Says something below it.
    pub(super) fn add(&mut self, text: &str, now: Moment) {
        self.also = Some((text.to_owned(), now));
    }

    /// The session has moved on: a refusal of it may speak of what is no more.
    pub(super) const fn outdate(&mut self) {
        self.is_outdated |= self.of_session;
    }

    /// How long it stays: until it is read at least, and no longer than that once it may be untrue.
    fn span(&self) -> Duration {
        if !self.is_outdated {
            return NOTICE_SPAN;
        }
        let (text, hint) = (self.text.chars().count(), self.hint.chars().count());
        let letters = text.saturating_add(hint);
        let seconds = u64::try_from(letters / READ_IN_A_SECOND).unwrap_or(u64::MAX);
        let read = FOUND.saturating_add(Duration::from_secs(seconds));
        read.min(NOTICE_SPAN)
    }

    /// What is left of it at this moment.
    pub(super) fn at(self, now: Moment) -> Option<Self> {
        if !now.has_passed(self.since, self.span()) {
            return Some(self);
        }
        let (text, since) = self.also?;
        let rest = Self::plain(&text, since);
        (!now.has_passed(since, NOTICE_SPAN)).then_some(rest)
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = usize::from(area.width.min(100)).saturating_sub(4);
        let mut rows = wrapped(&self.text, width, canvas.of(self.role));
        if !self.hint.is_empty() {
            let hint = format!("hint: {}", self.hint);
            rows.extend(wrapped(&hint, width, canvas.of(Role::Text)));
        }
        if let Some((also, _)) = &self.also {
            rows.extend(wrapped(also, width, canvas.of(Role::Text)));
        }
        let height = u16::try_from(rows.len().saturating_add(2))
            .unwrap_or(u16::MAX)
            .min(area.height);
        let place = Rect {
            x: area.x,
            y: area.bottom().saturating_sub(height).max(area.y),
            width: area.width.min(100),
            height,
        };
        canvas.clear(place);
        let title = Row::of(" esc closes ", canvas.of(Role::Dim));
        let inner = pane::frame(canvas, place, title, canvas.of(self.role));
        for (line, row) in rows.into_iter().enumerate() {
            canvas.row(inner, line, row);
        }
    }
}

/// True for what changes what may be done now. What somebody was refused, said or wrote elsewhere does not, nor who comes
/// and goes.
pub(crate) const fn moves_on(fact: &Fact) -> bool {
    match fact {
        Fact::Motion(moved) => !matches!(moved.event, MotionEvent::Refused { .. }),
        Fact::Refused { .. }
        | Fact::Attached { .. }
        | Fact::Detached { .. }
        | Fact::IdentityConflict { .. }
        | Fact::NoteAdded { .. }
        | Fact::StatementSigned(_)
        | Fact::RejectExplained { .. }
        | Fact::WriteAsked { .. }
        | Fact::WriteEnded { .. } => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn start() -> Moment {
        Moment {
            wall: Timestamp::parse("2026-11-22T02:00:00Z").expect("a time"),
            mono_ms: 1_000,
        }
    }

    fn after(seconds: u64) -> Moment {
        start().plus(Duration::from_secs(seconds))
    }

    fn refused(hint: &str) -> Notice {
        let refusal = Refusal {
            reason: "step 2.1 was begun by `bob`".to_owned(),
            hint: hint.to_owned(),
        };
        Notice::refusal(&refusal, start())
    }

    #[test]
    fn a_refusal_that_is_no_longer_true_goes_as_soon_as_it_could_be_read() {
        let mut notice = refused("");
        assert!(notice.clone().at(after(19)).is_some(), "it is true still");
        notice.outdate();
        assert!(notice.clone().at(after(6)).is_some(), "nobody has read it");
        assert_eq!(notice.at(after(12)), None);
        let mut long = refused(&"look at it ".repeat(8));
        long.outdate();
        assert!(long.clone().at(after(12)).is_some(), "it takes longer");
        assert_eq!(long.at(after(20)), None, "never longer than any other");
    }

    #[test]
    fn what_is_no_answer_of_the_session_does_not_hang_on_it() {
        let refusal = Refusal {
            reason: "the agent holds no key".to_owned(),
            hint: String::new(),
        };
        let mut notice = Notice::failure(&refusal, start());
        notice.outdate();
        assert!(notice.at(after(19)).is_some());
    }

    #[test]
    fn what_was_said_below_it_has_a_time_of_its_own() {
        let mut notice = refused("");
        notice.add("the counter of a key did not rise", after(5));
        notice.outdate();
        let rest = notice.at(after(15)).expect("it was said later");
        assert_eq!(rest.text, "the counter of a key did not rise");
        assert_eq!(rest.at(after(25)), None);
    }
}
