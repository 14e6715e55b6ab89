//! One row under construction: bounded, cut at whole units.

use super::style::LogStyle;

/// Widest row, in cells. Ten times a wide terminal; wrapping and scrolling inside a row stay cheap below it.
pub const ROW_CELLS_MAX: usize = 4096;

/// Widest row that is followed by a cut mark, so that a cut row with its mark still fits [`ROW_CELLS_MAX`] and is not
/// cut again when it is cleaned again. The mark needs 23 cells at most.
const CUT_CELLS_MAX: usize = ROW_CELLS_MAX - 24;

/// Why a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowEnd {
    /// A line feed.
    LineFeed,
    /// U+2028, U+2029 or U+0085, marked in the text.
    Separator,
    /// A carriage return or backspace: the program goes on to write over this row. Marked `<CR>` or `<BS>`.
    Rewritten,
    /// Longer than [`ROW_CELLS_MAX`]; the next row continues it. Marked with the bytes shown in this row.
    Cut,
    /// The stream stops here for now or for ever.
    Unfinished,
}

/// A row that is done, before it becomes one of the public types.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) cells: usize,
    /// Byte offsets where the looks change; looks are default before the first.
    pub(super) styles: Vec<(usize, LogStyle)>,
    pub(super) end: RowEnd,
}

#[derive(Debug, Clone, Copy)]
struct CutPoint {
    bytes: usize,
    cells: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct RowBuilder {
    text: String,
    cells: usize,
    styles: Vec<(usize, LogStyle)>,
    /// Last place where a cut mark still fits; known once the row has grown past it.
    cut: Option<CutPoint>,
}

impl RowBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    pub(super) fn ends_with(&self, text: &str) -> bool {
        self.text.ends_with(text)
    }

    /// Appends a unit that is never cut inside. Returns the row before it when the unit no longer fits.
    ///
    /// `cells` of a unit is far below the limit (marks, clusters and marked words are bounded).
    pub(super) fn push(&mut self, unit: &str, cells: usize, style: LogStyle) -> Option<Draft> {
        let full = if self.cells.saturating_add(cells) > ROW_CELLS_MAX {
            Some(self.split())
        } else {
            None
        };
        self.append(unit, cells, style);
        full
    }

    /// Appends as much of printable ASCII as fits, at least one character. Returns what is left, and the row before
    /// when one was full.
    pub(super) fn push_ascii<'a>(
        &mut self,
        run: &'a str,
        style: LogStyle,
    ) -> (&'a str, Option<Draft>) {
        let full = if self.cells >= ROW_CELLS_MAX {
            Some(self.split())
        } else {
            None
        };
        let limit = if self.cells < CUT_CELLS_MAX {
            CUT_CELLS_MAX
        } else {
            ROW_CELLS_MAX
        };
        let (fits, rest) = run
            .split_at_checked(limit.saturating_sub(self.cells))
            .unwrap_or((run, ""));
        self.append(fits, fits.len(), style);
        (rest, full)
    }

    /// Says that the last `bytes` bytes (ASCII) and the coming unit of `cells` belong together: no cut between.
    pub(super) fn keep_with_next(&mut self, bytes: usize, cells: usize) {
        if self.cells.saturating_add(cells) <= CUT_CELLS_MAX {
            return;
        }
        let start = CutPoint {
            bytes: self.text.len().saturating_sub(bytes),
            cells: self.cells.saturating_sub(bytes),
        };
        if self.cut.is_none_or(|cut| cut.bytes > start.bytes) {
            self.cut = Some(start);
        }
    }

    /// Takes the row as it is.
    pub(super) fn take(&mut self, end: RowEnd) -> Draft {
        let row = std::mem::take(self);
        Draft {
            text: row.text,
            cells: row.cells,
            styles: row.styles,
            end,
        }
    }

    fn append(&mut self, unit: &str, cells: usize, style: LogStyle) {
        if unit.is_empty() {
            return;
        }
        if self.cut.is_none() && self.cells.saturating_add(cells) > CUT_CELLS_MAX {
            self.cut = Some(CutPoint {
                bytes: self.text.len(),
                cells: self.cells,
            });
        }
        if self
            .styles
            .last()
            .map_or_else(LogStyle::default, |last| last.1)
            != style
        {
            self.styles.push((self.text.len(), style));
        }
        self.text.push_str(unit);
        self.cells = self.cells.saturating_add(cells);
    }

    /// Cuts the row at the cut point, marks it and goes on with what stood behind the point.
    fn split(&mut self) -> Draft {
        let cut = self.cut.take().unwrap_or(CutPoint {
            bytes: self.text.len(),
            cells: self.cells,
        });
        let tail = if self.text.is_char_boundary(cut.bytes) {
            self.text.split_off(cut.bytes)
        } else {
            String::new()
        };
        let tail_cells = self.cells.saturating_sub(cut.cells);
        let kept = self.styles.partition_point(|(at, _)| *at < cut.bytes);
        let later = self.styles.split_off(kept);
        let style = self
            .styles
            .last()
            .map_or_else(LogStyle::default, |last| last.1);
        let mut tail_styles: Vec<(usize, LogStyle)> = later
            .into_iter()
            .map(|(at, style)| (at.saturating_sub(cut.bytes), style))
            .collect();
        if style != LogStyle::default() && tail_styles.first().is_none_or(|first| first.0 > 0) {
            tail_styles.insert(0, (0, style));
        }
        self.cells = cut.cells;
        let mark = format!("<cut at {} bytes>", self.text.len());
        self.append(&mark, mark.len(), LogStyle::MARK);
        let draft = self.take(RowEnd::Cut);
        self.text = tail;
        self.cells = tail_cells;
        self.styles = tail_styles;
        draft
    }
}
