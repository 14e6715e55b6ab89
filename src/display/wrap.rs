//! Breaking one row into several that fit a pane.

use super::text::{Clean, Glyphs};

/// Breaks at spaces where there are any, inside a word where a word alone is too wide.
///
/// Shape: at least one row for any width but zero, which has none. The spaces at a break are not drawn. A character
/// wider than `width` is drawn as `~`.
pub fn wrap(text: &Clean, width: usize) -> Vec<Clean> {
    if width == 0 {
        return Vec::new();
    }
    if text.width() <= width {
        return vec![text.clone()];
    }
    let mut rows = Vec::new();
    let mut row = Clean::default();
    // Spaces since the last word; drawn only when the next word stays in the same row.
    let mut gap = 0;
    let mut word = Clean::default();
    for (grapheme, cells) in text.graphemes().chain([(" ", 1)]) {
        if grapheme != " " {
            let (grapheme, cells) = narrow(grapheme, cells, width);
            word.push_raw(grapheme, cells);
            continue;
        }
        if !word.is_empty() {
            place_word(&mut rows, &mut row, gap, &std::mem::take(&mut word), width);
            gap = 0;
        }
        gap += 1;
    }
    rows.push(row);
    rows
}

/// Breaks at characters only and drops nothing: a row that goes on below ends with `↵` or `\` in its last cell.
///
/// For text a person decides on. Shape as [`wrap`]. In a pane of one cell there is no room for the sign.
pub fn wrap_exact(text: &Clean, width: usize, glyphs: Glyphs) -> Vec<Clean> {
    if width == 0 {
        return Vec::new();
    }
    if text.width() <= width {
        return vec![text.clone()];
    }
    let (room, sign) = if width == 1 {
        (1, "")
    } else {
        (width - 1, glyphs.continuation())
    };
    let mut rows = Vec::new();
    let mut row = Clean::default();
    let mut left = text.width();
    for (grapheme, cells) in text.graphemes() {
        let (drawn, drawn_cells) = narrow(grapheme, cells, room);
        // The last row needs no sign and may use the whole width.
        let fits = row.width() + drawn_cells <= room || row.width() + left <= width;
        if !fits {
            row.push_raw(sign, usize::from(!sign.is_empty()));
            rows.push(std::mem::take(&mut row));
        }
        row.push_raw(drawn, drawn_cells);
        left = left.saturating_sub(cells);
    }
    rows.push(row);
    rows
}

fn place_word(rows: &mut Vec<Clean>, row: &mut Clean, gap: usize, word: &Clean, width: usize) {
    let indented = row.width().saturating_add(gap);
    if indented.saturating_add(word.width()) <= width {
        row.push_raw(&" ".repeat(gap), gap);
        row.push_raw(word.as_str(), word.width());
        return;
    }
    if !row.is_empty() {
        rows.push(std::mem::take(row));
    }
    for (grapheme, cells) in word.graphemes() {
        if row.width().saturating_add(cells) > width {
            rows.push(std::mem::take(row));
        }
        row.push_raw(grapheme, cells);
    }
}

fn narrow(grapheme: &str, cells: usize, width: usize) -> (&str, usize) {
    if cells > width {
        ("~", 1)
    } else {
        (grapheme, cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::line;

    fn texts(rows: &[Clean]) -> Vec<&str> {
        rows.iter().map(Clean::as_str).collect()
    }

    #[test]
    fn words_wrap_at_spaces_and_long_words_inside() {
        let wrapped = |text: &str, width| wrap(&line(text), width);
        assert_eq!(texts(&wrapped("drain the rack", 9)), ["drain the", "rack"]);
        assert_eq!(
            texts(&wrapped("drain  the rack", 10)),
            ["drain  the", "rack"]
        );
        assert_eq!(
            texts(&wrapped("abcdefgh ij", 3)),
            ["abc", "def", "gh", "ij"]
        );
        assert_eq!(texts(&wrapped("  ab cd", 4)), ["  ab", "cd"]);
        assert_eq!(texts(&wrapped("東京都", 4)), ["東京", "都"]);
        assert_eq!(texts(&wrapped("東x", 1)), ["~", "x"]);
        assert_eq!(texts(&wrapped("", 5)), [""]);
        assert!(wrapped("abc", 0).is_empty());
    }

    #[test]
    fn exact_wrap_marks_every_break_and_drops_nothing() {
        let wrapped = |text: &str, width| wrap_exact(&line(text), width, Glyphs::Ascii);
        assert_eq!(
            texts(&wrapped("rm -rf /srv", 5)),
            ["rm -\\", "rf /\\", "srv"]
        );
        assert_eq!(texts(&wrapped("abcdef", 3)), ["ab\\", "cd\\", "ef"]);
        assert_eq!(texts(&wrapped("abcde", 3)), ["ab\\", "cde"]);
        assert_eq!(texts(&wrapped("ab", 1)), ["a", "b"]);
        let unicode = wrap_exact(&line("abcd"), 3, Glyphs::Unicode);
        assert_eq!(texts(&unicode), ["ab↵", "cd"]);
    }
}
