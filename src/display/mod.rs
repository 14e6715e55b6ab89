//! The one way for text from outside to reach a terminal.
//!
//! Everything that is not compiled in is untrusted: runbook text, host names, Git data, metric labels, command output,
//! chat, reasons, file names, error texts of other programs, the journal on reading. A terminal obeys some of those
//! bytes and draws others so that they look like something else. This module turns them into [`Clean`], the only text
//! type a widget accepts, so that raw text does not compile.
//!
//! Order of work: decode UTF-8 (`decode`) → remove escape sequences (`escape`) → code point classes (`class`) →
//! graphemes and width (`compose`) → wrap (`wrap`). Colours of program output aside, nothing is removed without a
//! trace: what is not drawn as itself leaves a mark such as `<U+202E>`, `<ESC>`, `\xC0`, `<+12>` or `<CR>`. Marks are
//! plain ASCII, so cleaning twice gives the same text, and text that merely spells a mark cannot be told from one; only
//! [`LogStyle::mark`] can.
//!
//! What this module must not know: who asks, where the text came from, what it means, colours of the theme, the
//! terminal, files, clocks. It is a pure function of bytes, plus one small state per output stream ([`LogStream`]).
//! It never decides that a text is harmless enough to skip.
//!
//! Main types: [`Clean`], [`Mode`], [`LogStream`], [`LogRow`].
//!
//! Not covered: letters of right-to-left scripts are drawn as they are (the explicit direction controls are not), and a
//! lie in plain ASCII stays a lie.

mod class;
mod compose;
mod decode;
mod escape;
mod log;
mod pipeline;
mod row;
mod style;
mod text;
mod words;
mod wrap;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use log::{LogRow, LogSpan, LogStream};
pub use row::{ROW_CELLS_MAX, RowEnd};
pub use style::{LogColor, LogStyle};
pub use text::{Clean, Glyphs};
pub use wrap::{wrap, wrap_exact};

use compose::Breaks;
use pipeline::Pipeline;

/// What a text is, which decides how strict the cleaning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Names, titles, reasons, labels, chat: anything short a person reads as a fact. As strict as [`Mode::Confirm`],
    /// and words that mix scripts or imitate ASCII are marked `<mixed>` with their ASCII form in brackets.
    Name,
    /// Text a person decides on. Every code point that is not a visible character of one's own is spelled out, and
    /// white space other than the space and the line feed too. Words are left alone: a plan is ASCII by construction.
    Confirm,
    /// Output of programs. Tabs are expanded, wide spaces become a space, known emoji sequences stay whole, carriage
    /// return and backspace end the row with a mark, colours are dropped without a mark (see [`LogStream`] for keeping
    /// them).
    Log,
}

/// Cleans a whole text.
///
/// Shape: one entry per row, broken at line feeds (in [`Mode::Log`] also at U+2028, U+2029, U+0085, at a carriage
/// return or backspace that rewrites the row). A line feed at the end opens no further row; empty text has no rows.
/// Units: a row is at most [`ROW_CELLS_MAX`] cells wide; a longer one is cut, marked with the bytes shown so far, and
/// goes on in the next row.
pub fn clean(text: &[u8], mode: Mode) -> Vec<Clean> {
    let mut pipeline = Pipeline::new(mode, Breaks::Rows);
    pipeline.push(text);
    pipeline.finish();
    pipeline
        .take_rows()
        .into_iter()
        .map(Clean::from_draft)
        .collect()
}

/// Cleans a short text into exactly one row, as [`Mode::Name`] does.
///
/// A line feed is shown as `\n`. Text wider than [`ROW_CELLS_MAX`] cells is cut there with a mark; the rest is not read.
/// Printable ASCII, the common case in every frame, is only scanned and copied.
pub fn line(text: &str) -> Clean {
    if let Some(clean) = Clean::from_printable_ascii(text) {
        return clean;
    }
    let mut pipeline = Pipeline::new(Mode::Name, Breaks::Shown);
    for piece in text.as_bytes().chunks(ROW_CELLS_MAX) {
        pipeline.push(piece);
        if pipeline.has_rows() {
            break;
        }
    }
    pipeline.finish();
    pipeline
        .take_rows()
        .into_iter()
        .next()
        .map(Clean::from_draft)
        .unwrap_or_default()
}

/// Cleans output of a subcommand for a terminal: line feeds stay, the rest is cleaned as in [`Mode::Confirm`].
///
/// Used whenever standard output is a terminal. Words are not marked, because the mark would push table columns apart.
pub fn for_terminal(text: &str) -> String {
    let mut pipeline = Pipeline::new(Mode::Confirm, Breaks::Rows);
    pipeline.push(text.as_bytes());
    pipeline.finish();
    let mut out = String::with_capacity(text.len());
    for draft in pipeline.take_rows() {
        out.push_str(&draft.text);
        if draft.end != RowEnd::Unfinished {
            out.push('\n');
        }
    }
    out
}

/// Cleans a text into one line, as [`Mode::Confirm`] does: a line feed is shown as `\n`. Nothing is cut, whatever the length.
pub fn one_line(text: &str) -> String {
    joined(&text.replace('\n', "\\n"))
}

/// Cleans a stretch of a source file: line feeds and tabs stay, CRLF becomes a line feed, the rest is cleaned as in
/// [`Mode::Confirm`].
///
/// Cleaned piece by piece, a text has the same length as cleaned in one, unless a cut parts a character from its
/// combining marks or a sequence from its end; both are then marked.
pub fn source(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(['\n', '\t']) {
        let (body, end) = match piece.strip_suffix('\n') {
            Some(body) => (body.strip_suffix('\r').unwrap_or(body), "\n"),
            None => piece
                .strip_suffix('\t')
                .map_or((piece, ""), |body| (body, "\t")),
        };
        out.push_str(&joined(body));
        out.push_str(end);
    }
    out
}

/// Cleans a text and joins the rows that only its length has made.
fn joined(text: &str) -> String {
    let rows = clean(text.as_bytes(), Mode::Confirm);
    rows.iter().map(Clean::as_str).collect()
}
