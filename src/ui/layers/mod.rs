//! Popups over the views. The top one gets a key first and takes it or lets it through.
//!
//! Nothing opens here by itself: what happens elsewhere is told by a banner or a notice, which take no keys.

mod amendment;
mod choice;
mod details;
mod form;
mod help;
mod input;
mod menu;
mod notice;
mod over;
mod palette;
mod prompt;
mod sign;
mod which_key;

pub(crate) use amendment::Amendment;
pub(crate) use choice::Choice;
pub(crate) use details::{Details, Line};
pub(crate) use form::{Draft, Field, Form};
pub(crate) use menu::{Menu, MenuItem};
pub(crate) use notice::{Notice, moves_on};
pub(crate) use over::{AboutMotion, Closed};
pub(crate) use palette::Palette;
pub(crate) use prompt::{Alone, Prompt, Purpose};
pub(crate) use sign::{Sign, SignAct};
pub(crate) use which_key::WhichKey;

use crate::domain::command::Command;
use crate::domain::time::Moment;
use crate::ui::action::{Action, Motion};
use crate::ui::canvas::Canvas;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use std::time::Duration;

/// What a popup came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The key was taken; nothing follows.
    Nothing,
    /// Do this, as if its key had been pressed.
    Act(Action),
    /// Send this.
    Send(Command),
    /// A line was typed.
    Typed(Purpose, String),
    /// Open another popup instead.
    Open(Box<Layer>),
    /// A form was filled in; one text for each field.
    Filled(Box<Draft>, Vec<String>),
    /// Show all that is known of a component.
    Details(String),
    /// Something about a signature.
    Sign(Box<SignAct>),
}

/// One popup.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layer {
    /// The key table.
    Help(help::Help),
    /// Actions by name.
    Palette(Palette),
    /// One line of input.
    Prompt(Prompt),
    /// A choice by key.
    Menu(Menu),
    /// A choice from a list.
    Choice(Choice),
    /// Several lines of input.
    Form(Form),
    /// Rows to read.
    Details(Details),
    /// Two plans to read.
    Amendment(Amendment),
    /// A statement on its way to a signature.
    Sign(Sign),
}

/// The popups, newest last.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    stack: Vec<Layer>,
    /// Since when a popup is closed that its reader did not close: keys that were on their way to it mean nothing.
    closed: Option<Moment>,
    /// A line was being typed in what was closed.
    was_typing: bool,
    /// What is told at the bottom.
    pub(crate) notice: Option<Notice>,
}

/// Longest way of a key from somebody's decision to this program: a second to press it, and a slow line.
const KEY_ON_ITS_WAY: Duration = Duration::from_secs(2);

/// Popups never nest deeper than a menu that opens a prompt; a hand on the keys can open no more.
const DEPTH_MAX: usize = 4;

impl Layers {
    /// Tells what the session says by itself: below a refusal that is still to be read, and else in place of what was told.
    pub(crate) fn tell(&mut self, text: &str, now: Moment) {
        match &mut self.notice {
            Some(notice) if notice.is_refusal(now) => notice.add(text, now),
            notice => *notice = Some(Notice::plain(text, now)),
        }
    }

    /// The session has moved on: a refusal that is shown may no longer be true, and what is in the way of an amendment neither.
    pub(crate) fn outdate(&mut self) {
        if let Some(notice) = &mut self.notice {
            notice.outdate();
        }
        for layer in &mut self.stack {
            if let Layer::Amendment(amendment) = layer {
                amendment.outdate();
            }
        }
    }

    /// True when keys go to the view.
    pub(crate) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// The keys that do something in the top popup, the one that closes it last. Absent when there is none.
    pub(crate) fn keys(&self) -> Option<Vec<(&'static str, &'static str)>> {
        let keys: &[_] = match self.stack.last()? {
            Layer::Prompt(prompt) if prompt.is_over() => &[("enter esc", " closes")],
            Layer::Prompt(_) => &[
                ("enter", " sends  "),
                ("backspace", " corrects  "),
                ("esc", " sends nothing"),
            ],
            Layer::Palette(_) => &[
                ("enter", " does it  "),
                ("up down", " choose  "),
                ("esc", " does nothing"),
            ],
            Layer::Choice(_) => &[
                ("enter", " takes it  "),
                ("j k", " choose  "),
                ("esc", " does nothing"),
            ],
            Layer::Form(_) => &[
                ("enter", " next, at the end sends  "),
                ("up down", " field  "),
                ("esc", " sends nothing"),
            ],
            Layer::Help(_) | Layer::Details(_) => &[("j k space b", " read  "), ("esc", " closes")],
            Layer::Menu(_) => &[("esc", " does nothing; the other answers stand above")],
            Layer::Amendment(_) => &[
                ("j k space b", " read  "),
                ("esc", " closes; the answers stand above"),
            ],
            Layer::Sign(_) => &[("esc", " leaves it; the other keys stand above")],
        };
        Some(keys.to_vec())
    }

    /// Opens a popup on top.
    pub(crate) fn open(&mut self, layer: Layer) {
        if self.stack.len() < DEPTH_MAX {
            self.stack.push(layer);
        }
    }

    /// Opens the help, or closes it when it is on top.
    pub(crate) fn toggle_help(&mut self) {
        if matches!(self.stack.last(), Some(Layer::Help(_))) {
            self.stack.pop();
        } else {
            self.open(Layer::Help(help::Help::default()));
        }
    }

    /// Closes the notice; false when there is none.
    pub(crate) fn dismiss(&mut self) -> bool {
        self.notice.take().is_some()
    }

    /// Forgets a notice that has been there long enough.
    pub(crate) fn expire(&mut self, now: Moment) {
        self.closed = self
            .closed
            .filter(|at| !now.has_passed(*at, KEY_ON_ITS_WAY));
        self.notice = self.notice.take().and_then(|notice| notice.at(now));
    }

    /// True when no popup is open, and keys mean nothing only because one has closed by itself a moment ago. Not behind a line
    /// that was being typed: the rest of it is no key of anything.
    pub(crate) fn is_only_quiet(&self) -> bool {
        self.stack.is_empty() && self.closed.is_some() && !self.was_typing
    }

    /// Something closes that its reader did not close.
    fn be_quiet(&mut self, was_typing: bool, now: Moment) {
        self.closed = Some(now);
        self.was_typing = was_typing;
    }

    /// Gives a key to the top popup. Absent when there is none: the key belongs to the view.
    pub(crate) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        // Whoever reads or answers presses several keys in a row: none of them is meant for what is below.
        if self.closed.is_some() {
            return Some(Outcome::Nothing);
        }
        let top = self.stack.last_mut()?;
        if key.code == KeyCode::Esc {
            return Some(match self.stack.pop() {
                Some(Layer::Sign(_)) => Outcome::Sign(Box::new(SignAct::Stop)),
                _ => Outcome::Nothing,
            });
        }
        let outcome = match top {
            Layer::Help(help) => help.on_key(key),
            Layer::Palette(palette) => palette.on_key(key),
            Layer::Prompt(prompt) => prompt.on_key(key),
            Layer::Menu(menu) => menu.on_key(key),
            Layer::Choice(choice) => choice.on_key(key),
            Layer::Form(form) => form.on_key(key),
            Layer::Details(details) => details.on_key(key),
            Layer::Amendment(amendment) => amendment.on_key(key),
            Layer::Sign(sign) => sign.on_key(key),
        };
        let Some(outcome) = outcome else {
            return Some(Outcome::Nothing);
        };
        // What is asked again, or copied, is waited for all the same.
        let stays = matches!(&outcome, Outcome::Sign(act) if matches!(**act, SignAct::Again(_) | SignAct::Copy(_) | SignAct::Chosen(..)));
        if stays {
            return Some(outcome);
        }
        self.stack.pop();
        if let Outcome::Open(layer) = outcome {
            self.stack.push(*layer);
            return Some(Outcome::Nothing);
        }
        Some(outcome)
    }

    /// The popup that waits for a signature, wherever it is in the stack.
    pub(crate) fn sign(&mut self) -> Option<&mut Sign> {
        self.stack.iter_mut().find_map(|layer| match layer {
            Layer::Sign(sign) => Some(sign),
            _ => None,
        })
    }

    /// Closes the popup that waits for a signature.
    pub(crate) fn close_sign(&mut self) {
        self.stack.retain(|layer| !matches!(layer, Layer::Sign(_)));
    }

    /// Closes everything that is about the session; true when something was open.
    pub(crate) fn close_but_help(&mut self, now: Moment) -> bool {
        let open = self.stack.len();
        let was_typing = self.stack.iter().any(Layer::takes_text);
        self.stack.retain(|layer| matches!(layer, Layer::Help(_)));
        let is_less = self.stack.len() < open;
        if is_less {
            self.be_quiet(was_typing, now);
        }
        is_less
    }

    /// Gives pasted text to the popup that waits for a signature; what it comes to, if it is one and has all of it.
    pub(crate) fn on_paste_signature(&mut self, text: &str) -> Option<Outcome> {
        let Some(Layer::Sign(sign)) = self.stack.last_mut() else {
            return None;
        };
        let outcome = sign.on_paste(text)?;
        self.stack.pop();
        Some(outcome)
    }

    /// Gives pasted text to the top popup; false when it takes none.
    pub(crate) fn on_paste(&mut self, text: &str) -> bool {
        match self.stack.last_mut() {
            Some(Layer::Prompt(prompt)) => prompt.on_paste(text),
            Some(Layer::Palette(palette)) => palette.on_paste(text),
            Some(Layer::Form(form)) => form.on_paste(text),
            _ => return false,
        }
        true
    }

    /// Draws notice and popups over what is there. `prefix` is the prefix key, as people write it.
    pub(crate) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        (prefix, now): (&str, Moment),
    ) {
        if let Some(notice) = &self.notice {
            notice.draw(canvas, area);
        }
        for layer in &mut self.stack {
            match layer {
                Layer::Help(help) => help.draw(canvas, area, prefix),
                Layer::Palette(palette) => palette.draw(canvas, area, prefix),
                Layer::Prompt(prompt) => prompt.draw(canvas, area),
                Layer::Menu(menu) => menu.draw(canvas, area, now),
                Layer::Choice(choice) => choice.draw(canvas, area),
                Layer::Form(form) => form.draw(canvas, area),
                Layer::Details(details) => details.draw(canvas, area),
                Layer::Amendment(amendment) => amendment.draw(canvas, area, now),
                Layer::Sign(sign) => sign.draw(canvas, area),
            }
        }
    }
}

/// Reads the keys that move a list in a popup.
fn motion_of(key: &KeyEvent) -> Option<Motion> {
    Some(match key.code {
        KeyCode::Up => Motion::Up,
        KeyCode::Down => Motion::Down,
        KeyCode::PageUp => Motion::PageUp,
        KeyCode::PageDown => Motion::PageDown,
        KeyCode::Home => Motion::First,
        KeyCode::End => Motion::Last,
        _ => return None,
    })
}
