//! The type of text that may be drawn.

use std::borrow::Cow;
use std::fmt;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::row::{Draft, ROW_CELLS_MAX};
use super::{Mode, clean};

/// Which characters our own signs may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Glyphs {
    /// `…`, `↵`.
    #[default]
    Unicode,
    /// `~`, `\`, for terminals and people that want nothing else.
    Ascii,
}

impl Glyphs {
    /// Stands for text that did not fit.
    pub(super) fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "~",
        }
    }

    /// Stands for a row that goes on below.
    pub(super) fn continuation(self) -> &'static str {
        match self {
            Self::Unicode => "↵",
            Self::Ascii => "\\",
        }
    }
}

/// One row of text that is safe to draw.
///
/// Only this module makes one, from outside text with [`super::clean`], [`super::line`] and [`super::LogStream`], from
/// compiled-in text with [`Clean::fixed`]. It holds no control character, nothing invisible and no line break.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clean {
    text: Cow<'static, str>,
    cells: usize,
}

impl Clean {
    /// Compiled-in text. Not cleaned; a debug build stops if it were not clean, so that tests find it.
    pub fn fixed(text: &'static str) -> Self {
        debug_assert!(is_clean(text), "compiled-in text is not clean: {text:?}");
        Self {
            cells: cells_of(text),
            text: Cow::Borrowed(text),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Width in terminal cells: the sum over the graphemes, as the drawing library places them.
    pub fn width(&self) -> usize {
        self.cells
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text, for a widget that owns it.
    pub fn into_cow(self) -> Cow<'static, str> {
        self.text
    }

    /// Graphemes with their width in cells, left to right.
    pub fn graphemes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.text
            .graphemes(true)
            .map(|grapheme| (grapheme, cells_of_grapheme(grapheme)))
    }

    /// The text cut to at most `width` cells. A cut text ends with `…` or `~`.
    #[must_use]
    pub fn fit(&self, width: usize, glyphs: Glyphs) -> Self {
        if self.cells <= width {
            return self.clone();
        }
        let Some(room) = width.checked_sub(1) else {
            return Self::default();
        };
        let mut cut = self.head(room);
        cut.push_raw(glyphs.ellipsis(), 1);
        cut
    }

    /// The text filled with spaces on the right to at least `width` cells.
    #[must_use]
    pub fn pad(mut self, width: usize) -> Self {
        let missing = width.saturating_sub(self.cells);
        self.push_raw(&" ".repeat(missing), missing);
        self
    }

    /// The text filled with spaces on the left to at least `width` cells, for columns of numbers.
    #[must_use]
    pub fn pad_left(self, width: usize) -> Self {
        let missing = width.saturating_sub(self.cells);
        if missing == 0 {
            return self;
        }
        let mut out = Self::default();
        out.push_raw(&" ".repeat(missing), missing);
        out.push(&self);
        out
    }

    /// Appends `other`.
    ///
    /// Where the last character of one and the first of the other would melt into one (two halves of a flag), a
    /// space is put between them: neither part may change the looks of the other.
    pub fn push(&mut self, other: &Self) {
        if self.melts_with(other) {
            self.push_raw(" ", 1);
        }
        self.push_raw(&other.text, other.cells);
    }

    /// The parts one after the other, with `separator` between them.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Self>, separator: &Self) -> Self {
        let mut out = Self::default();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                out.push(separator);
            }
            out.push(part);
        }
        out
    }

    /// The fast path: `None` when the text is not short printable ASCII.
    pub(super) fn from_printable_ascii(text: &str) -> Option<Self> {
        let clean =
            text.len() <= ROW_CELLS_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        clean.then(|| Self {
            text: Cow::Owned(text.to_owned()),
            cells: text.len(),
        })
    }

    pub(super) fn from_draft(draft: Draft) -> Self {
        Self {
            text: Cow::Owned(draft.text),
            cells: draft.cells,
        }
    }

    /// A part of text that this module has cleaned, cut at graphemes.
    pub(super) fn from_cleaned(text: String) -> Self {
        Self {
            cells: cells_of(&text),
            text: Cow::Owned(text),
        }
    }

    /// As many graphemes from the left as fit into `width` cells.
    fn head(&self, width: usize) -> Self {
        let mut out = Self::default();
        for (grapheme, cells) in self.graphemes() {
            if out.cells.saturating_add(cells) > width {
                break;
            }
            out.push_raw(grapheme, cells);
        }
        out
    }

    pub(super) fn push_raw(&mut self, text: &str, cells: usize) {
        if !text.is_empty() {
            self.text.to_mut().push_str(text);
            self.cells = self.cells.saturating_add(cells);
        }
    }

    fn melts_with(&self, other: &Self) -> bool {
        let (Some(last), Some(first)) = (
            self.text.graphemes(true).next_back(),
            other.text.chars().next(),
        ) else {
            return false;
        };
        if first.is_ascii() {
            return false;
        }
        let mut seam = last.to_owned();
        seam.push(first);
        seam.graphemes(true).nth(1).is_none()
    }
}

impl fmt::Display for Clean {
    /// Honours width, alignment and fill of the format string by *cells*.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = f.width().unwrap_or(0).saturating_sub(self.cells);
        let before = match f.align() {
            Some(fmt::Alignment::Right) => missing,
            Some(fmt::Alignment::Center) => missing / 2,
            Some(fmt::Alignment::Left) | None => 0,
        };
        for _ in 0..before {
            f.write_str(" ")?;
        }
        f.write_str(&self.text)?;
        for _ in before..missing {
            f.write_str(" ")?;
        }
        Ok(())
    }
}

impl From<&'static str> for Clean {
    /// Same as [`Clean::fixed`].
    fn from(text: &'static str) -> Self {
        Self::fixed(text)
    }
}

impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

fn is_clean(text: &str) -> bool {
    match clean(text.as_bytes(), Mode::Log).as_slice() {
        [] => text.is_empty(),
        [row] => row.as_str() == text,
        _ => false,
    }
}

pub(super) fn cells_of(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.graphemes(true).map(cells_of_grapheme).sum()
    }
}

fn cells_of_grapheme(grapheme: &str) -> usize {
    if grapheme.len() == 1 {
        1
    } else {
        grapheme.width()
    }
}
