//! The only place where text becomes cells. Widgets take [`Clean`] text and compiled-in text, nothing else.

use crate::display::{self, Clean, Glyphs as Signs, LogRow};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// One row of styled, clean text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    spans: Vec<(Clean, Style)>,
    width: usize,
}

impl Row {
    /// An empty row.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A row of compiled-in text.
    pub(crate) fn of(text: &'static str, style: Style) -> Self {
        Self::new().fixed(text, style)
    }

    /// Adds compiled-in text.
    #[must_use]
    pub(crate) fn fixed(self, text: &'static str, style: Style) -> Self {
        self.clean(Clean::fixed(text), style)
    }

    /// Adds text from anywhere; it is cleaned here.
    #[must_use]
    pub(crate) fn text(self, text: &str, style: Style) -> Self {
        self.clean(display::line(text), style)
    }

    /// Adds clean text.
    #[must_use]
    pub(crate) fn clean(mut self, text: Clean, style: Style) -> Self {
        self.width = self.width.saturating_add(text.width());
        self.spans.push((text, style));
        self
    }

    /// Adds another row.
    #[must_use]
    pub(crate) fn row(mut self, other: Self) -> Self {
        self.width = self.width.saturating_add(other.width);
        self.spans.extend(other.spans);
        self
    }

    /// Adds spaces up to `width` cells; a wider row is cut to it.
    #[must_use]
    pub(crate) fn filled(self, width: usize, signs: Signs) -> Self {
        let mut row = self.fit(width, signs);
        let missing = width.saturating_sub(row.width);
        if missing > 0 {
            row.spans
                .push((Clean::default().pad(missing), Style::new()));
            row.width = width;
        }
        row
    }

    /// Cuts the row to `width` cells, with a mark where something is left out.
    #[must_use]
    pub(crate) fn fit(self, width: usize, signs: Signs) -> Self {
        if self.width <= width {
            return self;
        }
        let mut out = Self::new();
        let mut left = self.width;
        for (mut text, style) in self.spans {
            let room = width.saturating_sub(out.width);
            left = left.saturating_sub(text.width());
            if text.width() >= room {
                if left > 0 {
                    // A span that just fills the row is followed by more: the mark takes its last cell.
                    text.push(&Clean::fixed(" "));
                }
                out = out.clean(text.fit(room, signs), style);
                break;
            }
            out = out.clean(text, style);
        }
        out
    }

    /// `self` at the left and `right` at the right end of `width` cells; `self` gives way.
    #[must_use]
    pub(crate) fn with_right(self, right: Self, width: usize, signs: Signs) -> Self {
        let right = right.fit(width, signs);
        let left = width.saturating_sub(right.width);
        self.filled(left, signs).row(right)
    }

    /// Lays a style over all of it.
    #[must_use]
    pub(crate) fn patched(mut self, style: Style) -> Self {
        for span in &mut self.spans {
            span.1 = span.1.patch(style);
        }
        self
    }

    /// Takes this background off, so that what lies below shows.
    #[must_use]
    pub(crate) fn without_ground(mut self, ground: Option<Color>) -> Self {
        for (_, style) in &mut self.spans {
            if style.bg == ground {
                style.bg = None;
            }
        }
        self
    }

    /// Width in cells.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// The text without its styles.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> String {
        self.spans.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Broken at spaces into rows of at most `width` cells. Spans keep their style.
    pub(crate) fn wrap(&self, width: usize) -> Vec<Self> {
        self.hang(width, 0)
    }

    /// As [`Self::wrap`], with every row but the first moved in by `indent` cells, so that it is seen where each begins.
    pub(crate) fn hang(&self, width: usize, indent: usize) -> Vec<Self> {
        if self.width <= width {
            return vec![self.clone()];
        }
        let mut hanging = Hanging::new(width, indent);
        // Spaces since the last word; drawn only when the next word stays in the same row.
        let mut gap = Self::new();
        // A word goes on from one span to the next where there is no space between them.
        let mut word = Self::new();
        for (text, style) in &self.spans {
            for part in split_words(text) {
                if part.as_str() == " " {
                    hanging.add(&mut gap, &mut word);
                    gap = gap.clean(part, *style);
                } else {
                    word = word.clean(part, *style);
                }
            }
        }
        hanging.add(&mut gap, &mut word);
        hanging.rows.push(hanging.row);
        hanging.rows
    }

    /// Broken wherever `width` cells are full, nothing dropped; rows that continue begin with `mark`.
    pub(crate) fn chop(self, width: usize, mark: &Self) -> Vec<Self> {
        if self.width <= width || width <= mark.width {
            return vec![self];
        }
        let mut rows = Vec::new();
        let mut row = Self::new();
        for (text, style) in &self.spans {
            let mut part = Clean::default();
            for (grapheme, cells) in text.graphemes() {
                let taken = row.width.saturating_add(part.width());
                if taken.saturating_add(cells) > width {
                    rows.push(row.clean(std::mem::take(&mut part), *style));
                    row = mark.clone();
                }
                part.push(&display::line(grapheme));
            }
            row = row.clean(part, *style);
        }
        rows.push(row);
        rows
    }

    /// Paints the row into the first line of `area`; what does not fit is not painted.
    pub(crate) fn paint(&self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let mut x = area.x;
        for (text, style) in &self.spans {
            let room = usize::from(area.right().saturating_sub(x));
            if room == 0 {
                break;
            }
            x = if text.as_str().is_ascii() {
                paint_ascii(buf, (x, area.y), text.as_str(), room, *style)
            } else {
                buf.set_stringn(x, area.y, text.as_str(), room, *style).0
            };
        }
    }
}

/// Paints text whose bytes are its cells, without looking for clusters in it; gives the column behind it.
fn paint_ascii(buf: &mut Buffer, at: (u16, u16), text: &str, room: usize, style: Style) -> u16 {
    let (mut x, y) = at;
    for byte in text.bytes().take(room) {
        if let Some(cell) = buf.cell_mut((x, y)) {
            cell.set_char(char::from(byte)).set_style(style);
        }
        x = x.saturating_add(1);
    }
    x
}

/// Words and single spaces, in order.
fn split_words(text: &Clean) -> Vec<Clean> {
    let mut words = Vec::new();
    let mut word = Clean::default();
    for (grapheme, _) in text.graphemes() {
        if grapheme == " " {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            words.push(Clean::fixed(" "));
        } else {
            word.push(&display::line(grapheme));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A row of program output, its own colours mapped by `paint`.
pub(crate) fn log_row(row: &LogRow, paint: impl Fn(&crate::display::LogStyle) -> Style) -> Row {
    row.spans.iter().fold(Row::new(), |out, span| {
        out.clean(span.text.clone(), paint(&span.style))
    })
}

/// Rows of a longer text, wrapped at spaces.
pub(crate) fn wrapped(text: &str, width: usize, style: Style) -> Vec<Row> {
    display::clean(text.as_bytes(), display::Mode::Name)
        .iter()
        .flat_map(|row| display::wrap(row, width))
        .map(|row| Row::new().clean(row, style))
        .collect()
}

/// Rows that are filled word by word.
struct Hanging {
    width: usize,
    indent: usize,
    /// Width of the row when nothing is in it.
    start: usize,
    rows: Vec<Row>,
    row: Row,
}

impl Hanging {
    fn new(width: usize, indent: usize) -> Self {
        Self {
            width,
            indent,
            start: 0,
            rows: Vec::new(),
            row: Row::new(),
        }
    }

    fn next(&mut self) {
        let begun = Row::new().clean(Clean::default().pad(self.indent), Style::new());
        self.rows.push(std::mem::replace(&mut self.row, begun));
        self.start = self.indent;
    }

    /// Adds a word, behind the spaces before it or in the next row. Takes both; no word takes nothing.
    fn add(&mut self, gap: &mut Row, word: &mut Row) {
        if word.width == 0 {
            return;
        }
        let (gap, word) = (std::mem::take(gap), std::mem::take(word));
        let taken = self.row.width.saturating_add(gap.width);
        if taken.saturating_add(word.width) <= self.width {
            self.row = std::mem::take(&mut self.row).row(gap).row(word);
            return;
        }
        if self.row.width > self.start {
            self.next();
        }
        let rest = self.width.saturating_sub(self.indent).max(1);
        for (text, style) in word.spans {
            if self.row.width.saturating_add(text.width()) > self.width
                && self.row.width > self.start
            {
                self.next();
            }
            let mut parts = display::wrap(&text, rest);
            let last = parts.pop().unwrap_or_default();
            for part in parts {
                self.row = std::mem::take(&mut self.row).clean(part, style);
                self.next();
            }
            self.row = std::mem::take(&mut self.row).clean(last, style);
        }
    }
}

/// Rows of a text a person decides on: nothing is dropped, breaks are marked.
pub(crate) fn exact(text: &str, width: usize, style: Style, signs: Signs) -> Vec<Row> {
    display::clean(text.as_bytes(), display::Mode::Confirm)
        .iter()
        .flat_map(|row| display::wrap_exact(row, width, signs))
        .map(|row| Row::new().clean(row, style))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(parts: &[&str]) -> Row {
        parts
            .iter()
            .fold(Row::new(), |row, part| row.text(part, Style::new()))
    }

    #[test]
    fn a_row_is_cut_with_a_mark_also_at_the_edge_of_a_span() {
        assert_eq!(row(&["abc", "def"]).fit(3, Signs::Unicode).plain(), "ab…");
        assert_eq!(
            row(&["abc", "def"]).fit(6, Signs::Unicode).plain(),
            "abcdef"
        );
        assert_eq!(row(&["abc", "def"]).fit(0, Signs::Unicode).plain(), "");
        assert_eq!(row(&["abcd", "ef"]).fit(3, Signs::Unicode).plain(), "ab…");
        assert_eq!(row(&["ab", "cd"]).fit(3, Signs::Ascii).plain(), "ab~");
        assert_eq!(row(&["東京都"]).fit(4, Signs::Unicode).plain(), "東…");
    }

    #[test]
    fn styled_rows_wrap_at_spaces() {
        let plain: Vec<String> = row(&["ab cd ", "efgh"])
            .wrap(5)
            .iter()
            .map(Row::plain)
            .collect();
        assert_eq!(plain, ["ab cd", "efgh"]);
        let plain: Vec<String> = row(&["abcdefgh"]).wrap(3).iter().map(Row::plain).collect();
        assert_eq!(plain, ["abc", "def", "gh"]);
        // What follows without a space stays with its word.
        let plain: Vec<String> = row(&["ab cd", "; ef"])
            .wrap(5)
            .iter()
            .map(Row::plain)
            .collect();
        assert_eq!(plain, ["ab", "cd;", "ef"]);
        let hung = row(&["ab cd ", "efgh ijklmn"]).hang(5, 2);
        let plain: Vec<String> = hung.iter().map(Row::plain).collect();
        assert_eq!(plain, ["ab cd", "  efg", "  h", "  ijk", "  lmn"]);
    }

    #[test]
    fn a_long_row_is_chopped_and_nothing_is_dropped() {
        let mark = row(&[">"]);
        let plain = |parts: &[&str], width| -> Vec<String> {
            row(parts)
                .chop(width, &mark)
                .iter()
                .map(Row::plain)
                .collect()
        };
        assert_eq!(plain(&["abc", "def"], 4), ["abcd", ">ef"]);
        assert_eq!(plain(&["a  b"], 3), ["a  ", ">b"]);
        assert_eq!(plain(&["東京都"], 4), ["東京", ">都"]);
        assert_eq!(plain(&["abc"], 1), ["abc"]);
    }

    #[test]
    fn painting_outside_the_buffer_paints_nothing() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 2, 1));
        row(&["abc"]).paint(Rect::new(1, 0, 9, 9), &mut buf);
        row(&["abc"]).paint(Rect::new(5, 5, 9, 9), &mut buf);
        assert_eq!(buf, Buffer::with_lines([" a"]));
    }
}
