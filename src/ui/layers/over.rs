//! Popups that are about a motion or a proposal: they say how long a motion is still open, and close when what they are about
//! has ended.

use super::{Layer, Layers};
use crate::domain::command::Command;
use crate::domain::id::Nonce;
use crate::domain::motion::MotionNo;
use crate::domain::state::Tabled;
use crate::domain::time::{Moment, Timestamp, short_span};
use crate::ui::proof::Then;

/// The open motion that a popup asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AboutMotion {
    no: MotionNo,
    expires: Timestamp,
}

impl AboutMotion {
    /// Asks about this one.
    pub(crate) const fn of(open: &Tabled) -> Self {
        Self {
            no: open.no,
            expires: open.expires,
        }
    }

    /// `9m55s`: until it ends by itself.
    pub(super) fn left(self, now: Moment) -> String {
        short_span(self.expires.since(now.wall))
    }

    pub(super) const fn no(self) -> MotionNo {
        self.no
    }
}

/// What was closed because its motion has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    /// A signature was waited for.
    pub(crate) was_signing: bool,
}

impl Layer {
    /// The motion it asks about.
    fn motion(&self) -> Option<MotionNo> {
        match self {
            Self::Menu(menu) => Some(menu.about()?.no()),
            Self::Amendment(amendment) => Some(amendment.about()?.no()),
            Self::Prompt(prompt) => prompt.motion(),
            Self::Sign(sign) => match &sign.wish().then {
                Then::Ask(Command::Second { no, .. }) => Some(*no),
                Then::Ask(_) | Then::SignIn => None,
            },
            Self::Help(_)
            | Self::Palette(_)
            | Self::Choice(_)
            | Self::Form(_)
            | Self::Details(_) => None,
        }
    }

    /// Whoever looks at it is typing a line.
    pub(super) const fn takes_text(&self) -> bool {
        matches!(
            self,
            Self::Prompt(_) | Self::Palette(_) | Self::Choice(_) | Self::Form(_)
        )
    }
}

impl Layers {
    /// Closes what waits for a signature on a proposal that is not the open one. Gives the step it was about.
    pub(crate) fn close_signing(&mut self, open: Option<&Nonce>, now: Moment) -> Option<String> {
        let mut about = None;
        self.stack.retain(|layer| match layer {
            Layer::Sign(sign) if sign.wish().is_over(open) => {
                about = Some(sign.wish().line("step").unwrap_or_default().to_owned());
                false
            }
            _ => true,
        });
        if about.is_some() {
            self.be_quiet(false, now);
        }
        about
    }

    /// A motion that a popup asks about, and that is not the open one.
    pub(crate) fn ended_motion(&self, open: Option<MotionNo>) -> Option<MotionNo> {
        let mut asked = self.stack.iter().filter_map(Layer::motion);
        asked.find(|no| Some(*no) != open)
    }

    /// Closes what asks about a motion that has ended. A line that is being typed stays, says `why`, and sends nothing: the
    /// rest of it would be keys of the view. Absent where nothing was closed.
    pub(crate) fn close_motion(&mut self, no: MotionNo, why: &str, now: Moment) -> Option<Closed> {
        let open = self.stack.len();
        let mut was_signing = false;
        self.stack.retain_mut(|layer| {
            if layer.motion() != Some(no) {
                return true;
            }
            if let Layer::Prompt(prompt) = layer {
                prompt.end(why);
                return true;
            }
            was_signing |= matches!(layer, Layer::Sign(_));
            false
        });
        (self.stack.len() < open).then(|| {
            self.be_quiet(false, now);
            Closed { was_signing }
        })
    }
}
