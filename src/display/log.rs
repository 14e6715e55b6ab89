//! Output of a program, cleaned as it arrives.

use super::Mode;
use super::compose::Breaks;
use super::pipeline::Pipeline;
use super::row::{Draft, RowEnd};
use super::style::LogStyle;
use super::text::Clean;

/// A stretch of one row with the same looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSpan {
    /// What to draw; never empty.
    pub text: Clean,
    /// How to draw it.
    pub style: LogStyle,
}

/// One row of program output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Left to right; empty for an empty row.
    pub spans: Vec<LogSpan>,
    /// Why the row ended.
    pub end: RowEnd,
}

impl LogRow {
    /// The row without looks.
    pub fn text(&self) -> Clean {
        Clean::join(self.spans.iter().map(|span| &span.text), &Clean::default())
    }

    /// Width in cells, at most [`super::ROW_CELLS_MAX`].
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| span.text.width()).sum()
    }

    fn from_draft(draft: &Draft) -> Self {
        let starts = draft.styles.iter().map(|(at, _)| *at);
        let ends = starts.clone().chain([draft.text.len()]);
        let styles = draft.styles.iter().map(|(_, style)| *style);
        let spans = std::iter::once(0)
            .chain(starts)
            .zip(ends)
            .zip(std::iter::once(LogStyle::default()).chain(styles))
            .filter_map(|((start, end), style)| {
                let text = draft.text.get(start..end).filter(|text| !text.is_empty())?;
                let text = Clean::from_cleaned(text.to_owned());
                Some(LogSpan { text, style })
            })
            .collect();
        Self {
            spans,
            end: draft.end,
        }
    }
}

/// Cleans one output stream as its bytes arrive, keeping colours as a closed set of looks.
///
/// One value per stream: standard output and standard error of a program each have their own. Where chunks end makes
/// no difference. Memory: one row ([`super::ROW_CELLS_MAX`] cells), whatever arrives.
///
/// A carriage return or backspace that goes back over text ends the row with a mark ([`RowEnd::Rewritten`]). The first
/// four such rows of a line are yielded; further ones are dropped and counted at the end of the line, so that a
/// progress bar does not flood the screen. [`LogStream::current`] always shows the newest state.
#[derive(Debug)]
pub struct LogStream {
    pipeline: Pipeline,
}

impl Default for LogStream {
    fn default() -> Self {
        Self::new()
    }
}

impl LogStream {
    /// A stream of which nothing has arrived.
    pub fn new() -> Self {
        Self {
            pipeline: Pipeline::new(Mode::Log, Breaks::Rows),
        }
    }

    /// Takes the next bytes and yields the rows they complete, oldest first.
    #[must_use = "rows are handed out once"]
    pub fn push(&mut self, bytes: &[u8]) -> Vec<LogRow> {
        self.pipeline.push(bytes);
        self.rows()
    }

    /// The row that is not complete yet, as it would look if the stream ended here. Empty when nothing has arrived
    /// since the last row.
    ///
    /// Costs a copy of the row; ask once per frame, not per chunk.
    pub fn current(&self) -> LogRow {
        let mut copy = self.pipeline.clone();
        copy.finish();
        copy.take_rows().last().map_or(
            LogRow {
                spans: Vec::new(),
                end: RowEnd::Unfinished,
            },
            LogRow::from_draft,
        )
    }

    /// Ends the stream and yields what was still open. The value can be used for a new stream afterwards, and its looks
    /// are plain again.
    #[must_use = "rows are handed out once"]
    pub fn finish(&mut self) -> Vec<LogRow> {
        let mut ended = std::mem::take(self);
        ended.pipeline.finish();
        ended.rows()
    }

    fn rows(&mut self) -> Vec<LogRow> {
        self.pipeline
            .take_rows()
            .iter()
            .map(LogRow::from_draft)
            .collect()
    }
}
