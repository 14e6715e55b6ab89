//! Removal of terminal control sequences, as a state machine over decoded text.
//!
//! Source: ECMA-48 5th edition, 5.3 to 5.6 (C1 forms, control strings, control sequences); ECMA-35 for `ESC` with
//! intermediate bytes. An introducer is `ESC` with its second byte, or the lone 8-bit byte. A C1 code point encoded
//! as UTF-8 (`C2 9B`) is *not* taken as an introducer: it is shown as `<U+009B>` and what follows stays readable, which
//! hides less, and the terminal never sees the code point.

use super::decode::Piece;

/// Longest sequence that is swallowed whole. Window titles, links and colour queries are far shorter; pictures sent
/// inside a control string are longer and are cut at the next line feed.
pub(super) const SWALLOW_BYTES_MAX: usize = 4096;

/// Longest list of colour parameters that is still read: three true-colour parts and a dozen attributes fit.
const PARAMETER_BYTES_MAX: usize = 128;

const ESC: char = '\u{1B}';
const BEL: char = '\u{07}';
const CANCEL: char = '\u{18}';
const SUBSTITUTE: char = '\u{1A}';
const STRING_END: char = '\u{9C}';

/// What is left of the input after sequences are taken out, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text outside any sequence. May hold every control except ESC.
    Text(&'a str),
    /// A byte that is not UTF-8 and introduces nothing.
    Bad(u8),
    /// A sequence stood here.
    Sequence,
    /// A colour sequence stood here, with its parameters.
    Color(&'a str),
    /// The sequence before this swallowed more than it should: a line feed, or text without a proper end.
    Swallowed(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and bytes 20 to 2F.
    Intermediate,
    /// Control sequence: parameters and intermediates up to the final byte.
    Control,
    /// Control string: up to ST, or BEL where `bell` ends it (OSC).
    Text { bell: bool },
    /// ESC inside a control string: `\` ends it, anything else breaks it off.
    TextEscape { bell: bool },
    /// Too long: everything up to the next line feed is dropped and counted.
    Resync,
}

/// The machine. Its state lives as long as the stream does.
#[derive(Debug, Clone, Default)]
pub(super) struct Escapes {
    state: State,
    swallowed: usize,
    held_break: bool,
    parameters: String,
    is_color: bool,
}

impl Escapes {
    pub(super) fn push(&mut self, piece: &Piece<'_>, sink: &mut impl FnMut(Token<'_>)) {
        match *piece {
            Piece::Bad(byte) => self.bad(byte, sink),
            Piece::Text(text) => self.text(text, sink),
        }
    }

    /// Ends the stream: an open sequence is reported as far as it went.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(Token<'_>)) {
        match self.state {
            State::Ground => {}
            State::Escape | State::Intermediate | State::Control => sink(Token::Sequence),
            State::Text { .. } | State::TextEscape { .. } | State::Resync => {
                sink(Token::Swallowed(self.swallowed));
            }
        }
        *self = Self::default();
    }

    fn text(&mut self, text: &str, sink: &mut impl FnMut(Token<'_>)) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.state == State::Ground {
                let end = rest.find(ESC).unwrap_or(rest.len());
                let (plain, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
                if !plain.is_empty() {
                    sink(Token::Text(plain));
                }
                rest = tail;
            }
            let mut chars = rest.chars();
            if let Some(c) = chars.next() {
                let (own, tail) = rest.split_at_checked(c.len_utf8()).unwrap_or((rest, ""));
                self.step(c, own, sink);
                rest = tail;
            }
        }
    }

    fn bad(&mut self, byte: u8, sink: &mut impl FnMut(Token<'_>)) {
        match self.state {
            State::Text { .. } | State::TextEscape { .. } if byte == 0x9C => self.end_text(sink),
            State::Text { .. } | State::Resync => self.swallow(1, sink),
            State::TextEscape { bell } => {
                self.state = State::Text { bell };
                self.swallow(1, sink);
            }
            State::Ground | State::Escape | State::Intermediate | State::Control => {
                self.break_off(sink);
                match byte {
                    0x9B => self.begin(State::Control),
                    0x9D => self.begin_text(true, sink),
                    0x90 | 0x98 | 0x9E | 0x9F => self.begin_text(false, sink),
                    _ => sink(Token::Bad(byte)),
                }
            }
        }
    }

    fn step(&mut self, c: char, own: &str, sink: &mut impl FnMut(Token<'_>)) {
        match self.state {
            State::Ground if c == ESC => self.begin(State::Escape),
            State::Ground => sink(Token::Text(own)),
            State::Escape | State::Intermediate => self.escape(c, own, sink),
            State::Control => self.control(c, own, sink),
            State::Text { bell } => self.inside_text(c, bell, own, sink),
            State::TextEscape { .. } if c == '\\' => self.end_text(sink),
            State::TextEscape { .. } => {
                sink(Token::Swallowed(self.swallowed));
                self.begin(State::Escape);
                self.step(c, own, sink);
            }
            State::Resync if c == '\n' => {
                sink(Token::Swallowed(self.swallowed));
                self.state = State::Ground;
                sink(Token::Text(own));
            }
            State::Resync => self.swallowed = self.swallowed.saturating_add(own.len()),
        }
    }

    fn escape(&mut self, c: char, own: &str, sink: &mut impl FnMut(Token<'_>)) {
        match (self.state, c) {
            (_, ' '..='/') => {
                self.state = State::Intermediate;
                self.swallow_or_resync(own.len(), true, sink);
            }
            (State::Escape, '[') => self.begin(State::Control),
            (State::Escape, ']') => self.begin_text(true, sink),
            (State::Escape, 'P' | 'X' | '^' | '_') => self.begin_text(false, sink),
            (_, '0'..='~') => {
                self.state = State::Ground;
                sink(Token::Sequence);
            }
            _ => {
                self.break_off(sink);
                self.step(c, own, sink);
            }
        }
    }

    fn control(&mut self, c: char, own: &str, sink: &mut impl FnMut(Token<'_>)) {
        match c {
            ' '..='?' => {
                self.is_color &= matches!(c, '0'..='9' | ';' | ':')
                    && self.parameters.len() < PARAMETER_BYTES_MAX;
                if self.is_color {
                    self.parameters.push(c);
                }
                self.swallow_or_resync(own.len(), true, sink);
            }
            '@'..='~' => {
                self.state = State::Ground;
                if c == 'm' && self.is_color {
                    sink(Token::Color(&self.parameters));
                } else {
                    sink(Token::Sequence);
                }
            }
            _ => {
                self.break_off(sink);
                self.step(c, own, sink);
            }
        }
    }

    fn inside_text(&mut self, c: char, bell: bool, own: &str, sink: &mut impl FnMut(Token<'_>)) {
        match c {
            ESC => self.state = State::TextEscape { bell },
            BEL if bell => self.end_text(sink),
            STRING_END => self.end_text(sink),
            CANCEL | SUBSTITUTE => {
                sink(Token::Swallowed(self.swallowed));
                self.state = State::Ground;
                sink(Token::Text(own));
            }
            _ => {
                self.held_break |= c == '\n';
                self.swallow(own.len(), sink);
            }
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.swallowed = 0;
        self.held_break = false;
        self.parameters.clear();
        self.is_color = true;
    }

    fn begin_text(&mut self, bell: bool, sink: &mut impl FnMut(Token<'_>)) {
        self.begin(State::Text { bell });
        sink(Token::Sequence);
    }

    fn end_text(&mut self, sink: &mut impl FnMut(Token<'_>)) {
        if self.held_break {
            sink(Token::Swallowed(self.swallowed));
        }
        self.state = State::Ground;
    }

    /// A short sequence that something else interrupts: it stood there, and the interrupter is read on its own.
    fn break_off(&mut self, sink: &mut impl FnMut(Token<'_>)) {
        if self.state != State::Ground {
            self.state = State::Ground;
            sink(Token::Sequence);
        }
    }

    fn swallow(&mut self, bytes: usize, sink: &mut impl FnMut(Token<'_>)) {
        self.swallow_or_resync(bytes, false, sink);
    }

    /// `unreported`: no [`Token::Sequence`] was sent for this sequence yet.
    fn swallow_or_resync(
        &mut self,
        bytes: usize,
        unreported: bool,
        sink: &mut impl FnMut(Token<'_>),
    ) {
        self.swallowed = self.swallowed.saturating_add(bytes);
        if self.swallowed > SWALLOW_BYTES_MAX && self.state != State::Resync {
            self.state = State::Resync;
            if unreported {
                sink(Token::Sequence);
            }
        }
    }
}
