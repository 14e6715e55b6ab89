//! One line of input with a purpose: reasons, notes, searches, names typed to be sure.

use super::Outcome;
use super::input::Input;
use crate::domain::command::AlertsSeen;
use crate::domain::fact::Finding;
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::motion::MotionNo;
use crate::domain::write::Lifetime;
use crate::ui::canvas::Canvas;
use crate::ui::motions::Moving;
use crate::ui::proof::Wish;
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// What the line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A note, about a step or the whole.
    Note(Option<StepId>),
    /// A note with a manual step that is done.
    MarkDone(StepId),
    /// Why holds end, with the alerts that were on the screen then.
    Release(Option<AlertsSeen>),
    /// Why the work goes on without a silence.
    Without(Lifetime),
    /// Why a step is left out.
    Skip(StepId),
    /// Why a whole unit is left out.
    SkipUnit(StepId),
    /// Why a rollout goes on before its time: its phase, and what it waits behind.
    GoOn(usize, u32),
    /// Why the maintenance is given up.
    Abort,
    /// Why an attempt at a step was rejected, asked behind the no.
    Explain(StepId, AttemptNo),
    /// How the outcome of an unknown step is known.
    Resolve(StepId, Finding),
    /// The number of an irreversible step, typed before it is proposed.
    Propose(StepId),
    /// Who reviews, at a terminal of an account that is nobody's.
    ReviewAs,
    /// A one-time code for the confirm of this statement.
    Code(String),
    /// Something on the way of one person alone.
    Alone(Alone),
    /// Something on the way of a motion.
    Moving(Moving),
    /// The session's name, typed before it is ended.
    Kill,
    /// Text to find.
    Search,
    /// Filter of the timeline.
    Filter,
}

/// What a line is for on the way of one person alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Alone {
    /// What burns, before somebody goes alone.
    Reason(StepId, AttemptNo),
    /// A one-time code beside the signature to go alone.
    Code(Box<Wish>),
    /// What was found of what somebody ran alone.
    Review(StepId, AttemptNo),
}

impl Purpose {
    const fn needs_text(&self) -> bool {
        matches!(
            self,
            Self::Note(_)
                | Self::Release(Some(_))
                | Self::Skip(_)
                | Self::Without(_)
                | Self::SkipUnit(_)
                | Self::GoOn(..)
                | Self::Abort
                | Self::Explain(..)
                | Self::Resolve(..)
                | Self::Code(_)
                | Self::ReviewAs
                | Self::Alone(_)
                | Self::Moving(Moving::Until | Moving::Extend(_) | Moving::Override(_))
        )
    }
}

/// A line being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    purpose: Purpose,
    title: String,
    /// The only text that is accepted, for what must be typed to be sure.
    wanted: Option<String>,
    input: Input,
    complaint: &'static str,
    /// What it was about is over, and what ended it: nothing is sent any more.
    over: Option<String>,
}

impl Prompt {
    /// Asks for a line; `title` says what for.
    pub(crate) fn new(purpose: Purpose, title: String) -> Self {
        Self {
            purpose,
            title,
            wanted: None,
            input: Input::default(),
            complaint: "",
            over: None,
        }
    }

    /// Asks for exactly `wanted`.
    pub(crate) fn exactly(purpose: Purpose, title: String, wanted: String) -> Self {
        Self {
            wanted: Some(wanted),
            ..Self::new(purpose, title)
        }
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        if key.code != KeyCode::Enter {
            if self.input.on_key(key) {
                self.complaint = "";
            }
            return None;
        }
        if self.over.is_some() {
            return Some(Outcome::Nothing);
        }
        let text = self.input.as_str().trim().to_owned();
        if self.wanted.as_ref().is_some_and(|wanted| *wanted != text) {
            self.complaint = "that is not it; type it exactly, or press esc";
            return None;
        }
        if text.is_empty() && self.purpose.needs_text() {
            self.complaint = "a reason is needed: others read it, and it is kept";
            return None;
        }
        Some(Outcome::Typed(self.purpose.clone(), text))
    }

    /// The motion that this line is to end.
    pub(super) fn motion(&self) -> Option<MotionNo> {
        match self.purpose {
            Purpose::Moving(Moving::Reject(no)) if self.over.is_none() => Some(no),
            _ => None,
        }
    }

    /// True once what it was about is over.
    pub(super) const fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// What it was about is over: it takes keys until its reader closes it, and sends nothing.
    pub(super) fn end(&mut self, why: &str) {
        self.over = Some(why.to_owned());
    }

    pub(super) fn on_paste(&mut self, text: &str) {
        // What must be typed to be sure must be typed.
        if self.wanted.is_none() {
            self.input.on_paste(text);
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.min(90);
        let inner_width = usize::from(width).saturating_sub(2);
        let title = self.over.as_ref().unwrap_or(&self.title);
        let mut rows = wrapped(title, inner_width, canvas.of(Role::Strong));
        rows.push(self.input.row(canvas, inner_width));
        if self.over.is_some() {
            let text = "nothing is sent any more: enter or esc closes";
            rows.push(Row::of(text, canvas.of(Role::Warn)));
        } else if self.complaint.is_empty() {
            rows.push(Row::of(
                "enter sends, esc sends nothing",
                canvas.of(Role::Dim),
            ));
        } else {
            rows.push(Row::of(self.complaint, canvas.of(Role::Warn)));
        }
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
