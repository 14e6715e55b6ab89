//! Places in a file: lines, columns, and text that was taken out of it and still knows where it came from.

use std::ops::Range;

/// Where each line of a text begins; finds the line of an offset by binary search.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<usize>,
    len: usize,
}

impl Lines {
    /// Reads the text once.
    pub fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at.saturating_add(1)),
        );
        Self {
            starts,
            len: text.len(),
        }
    }

    fn index(&self, offset: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }

    /// Line of an offset, from 1.
    pub fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.index(offset).saturating_add(1)).unwrap_or(u32::MAX)
    }

    /// Offset at which the line of `offset` begins.
    pub fn start(&self, offset: usize) -> usize {
        self.starts
            .get(self.index(offset))
            .copied()
            .unwrap_or_default()
    }

    /// Offset at which the line after the one of `offset` begins; the length of the text on the last line.
    pub fn next_start(&self, offset: usize) -> usize {
        self.starts
            .get(self.index(offset).saturating_add(1))
            .copied()
            .unwrap_or(self.len)
    }
}

/// Line and column of an offset, both from 1, the column in characters.
pub fn position(text: &str, lines: &Lines, offset: usize) -> (u32, u32) {
    let column = text
        .get(lines.start(offset)..offset)
        .map_or(0, |before| before.chars().count());
    (
        lines.line(offset),
        u32::try_from(column.saturating_add(1)).unwrap_or(u32::MAX),
    )
}

/// A value and the place it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// What was read.
    pub value: T,
    /// Place in the file, in bytes.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    pub(super) const fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Where the piece begins in the text.
    at: usize,
    /// Where it came from.
    source: Range<usize>,
    /// Byte for byte the same there, so that offsets inside it can be mapped.
    verbatim: bool,
}

/// Text made of pieces of the file, each of which knows its place: fences inside list items, titles with entities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    text: String,
    pieces: Vec<Piece>,
}

impl Mapped {
    /// A text that stands for one place as a whole.
    pub(super) fn at(text: &str, span: Range<usize>) -> Self {
        Self {
            text: text.to_owned(),
            pieces: vec![Piece {
                at: 0,
                source: span,
                verbatim: false,
            }],
        }
    }

    /// Adds a piece that was read from `span` of `file`.
    pub(super) fn push(&mut self, text: &str, span: Range<usize>, file: &str) {
        // The parser gives the second half of a CRLF; the line ends before the first.
        let before = file.get(..span.start).unwrap_or_default();
        let span = if text == "\n" && before.ends_with('\r') {
            span.start.saturating_sub(1)..span.end
        } else {
            span
        };
        self.pieces.push(Piece {
            at: self.text.len(),
            verbatim: file.get(span.clone()) == Some(text),
            source: span,
        });
        self.text.push_str(text);
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Cuts blank lines and line ends at both ends.
    pub(super) fn trim_blank_lines(&mut self) {
        self.text.truncate(self.text.trim_end().len());
        let mut cut: usize = 0;
        for line in self.text.split_inclusive('\n') {
            if !line.trim().is_empty() {
                break;
            }
            cut = cut.saturating_add(line.len());
        }
        self.text.drain(..cut);
        let kept = self
            .pieces
            .partition_point(|piece| piece.at <= cut)
            .saturating_sub(1);
        self.pieces.drain(..kept);
        for piece in &mut self.pieces {
            let skipped = cut.saturating_sub(piece.at);
            if piece.verbatim {
                piece.source.start = piece.source.start.saturating_add(skipped);
            }
            piece.at = piece.at.saturating_sub(cut);
        }
    }

    fn source_offset(&self, offset: usize, is_end: bool) -> usize {
        // An end belongs to the piece before it: the next one may begin lines further down.
        let found = self.pieces.partition_point(|piece| {
            piece.at < offset || (piece.at == offset && !is_end) || piece.at == 0
        });
        let Some(piece) = self.pieces.get(found.saturating_sub(1)) else {
            return 0;
        };
        if piece.verbatim {
            let inside = offset.saturating_sub(piece.at);
            piece
                .source
                .start
                .saturating_add(inside)
                .min(piece.source.end)
        } else if is_end {
            piece.source.end
        } else {
            piece.source.start
        }
    }

    /// Where a range of the text stands in the file.
    pub(super) fn source_span(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source_offset(range.start, false);
        let end = if range.is_empty() {
            start
        } else {
            self.source_offset(range.end, true)
        };
        start..end.max(start)
    }

    /// Where the whole text stands in the file.
    pub fn span(&self) -> Range<usize> {
        self.source_span(0..self.text.len())
    }
}

/// Takes `region` of `file` without `holes`, line by line, and strips `indent` columns from each line.
///
/// `holes` are in ascending order and widened to whole lines.
pub(super) fn take_lines(
    file: &str,
    lines: &Lines,
    region: Range<usize>,
    holes: &[Range<usize>],
    indent: usize,
) -> Mapped {
    let mut out = Mapped::default();
    let mut at = region.start;
    let mut holes = holes.iter().peekable();
    while at < region.end {
        while holes.next_if(|hole| hole.end <= at).is_some() {}
        let end = lines.next_start(at).min(region.end);
        if let Some(hole) = holes.peek()
            && hole.start < end
        {
            // `hole.end` may be the start of the next line or the end of the hole's last line.
            at = lines.next_start(hole.end.saturating_sub(1)).max(end);
            continue;
        }
        let line = file.get(at..end).unwrap_or_default();
        let from = at.saturating_add(indent_bytes(line, indent));
        let kept = file.get(from..end).unwrap_or_default();
        let body = kept.trim_end_matches(['\n', '\r']);
        out.push(body, from..from.saturating_add(body.len()), file);
        out.push("\n", end..end, file);
        at = end;
    }
    out.trim_blank_lines();
    out
}

/// Bytes at the beginning of `line` that make up to `columns` columns of indentation or quote marks.
fn indent_bytes(line: &str, columns: usize) -> usize {
    let mut column: usize = 0;
    let mut bytes: usize = 0;
    for byte in line.bytes() {
        let width = match byte {
            b' ' | b'>' => 1,
            b'\t' => 4_usize.saturating_sub(column % 4),
            _ => break,
        };
        if column.saturating_add(width) > columns {
            break;
        }
        column = column.saturating_add(width);
        bytes = bytes.saturating_add(1);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_has_the_line_and_column_an_editor_shows() {
        let text = "a\r\nüx\n";
        let lines = Lines::new(text);
        assert_eq!(position(text, &lines, 0), (1, 1));
        assert_eq!(position(text, &lines, 5), (2, 2));
        assert_eq!(position(text, &lines, text.len()), (3, 1));
        assert_eq!(lines.next_start(0), 3);
    }

    #[test]
    fn a_place_in_taken_text_is_found_in_the_file() {
        let file = "- x\n\n    one\n    two\n";
        let taken = take_lines(file, &Lines::new(file), 4..file.len(), &[], 4);
        assert_eq!(taken.as_str(), "one\ntwo");
        assert_eq!(file.get(taken.source_span(4..7)), Some("two"));
        assert_eq!(file.get(taken.source_span(1..6)), Some("ne\n    tw"));
        assert_eq!(file.get(taken.span()), Some("one\n    two"));
    }

    #[test]
    fn holes_are_left_out_as_whole_lines() {
        let file = "a\n  hole\n  hole\nb\n";
        let taken = take_lines(file, &Lines::new(file), 0..file.len(), &[4..15, 4..15], 0);
        assert_eq!(taken.as_str(), "a\nb");
    }
}
