//! Text from outside: no row holds anything a terminal obeys, none is wider than it says, cleaning twice changes
//! nothing, and where a stream is cut makes no difference.

use warroom::display::{
    Clean, Glyphs, LogRow, LogStream, Mode, ROW_CELLS_MAX, clean, for_terminal, wrap, wrap_exact,
};

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    for mode in [Mode::Name, Mode::Confirm, Mode::Log] {
        for row in clean(text, mode) {
            check(&row);
            assert_eq!(
                clean(row.as_str().as_bytes(), mode),
                rows_of(&row),
                "{mode:?}"
            );
            let width = usize::from(*choice % 40) + 5;
            for part in &wrap(&row, width) {
                check(part);
                assert!(part.width() <= width);
            }
            for part in &wrap_exact(&row, width, Glyphs::Ascii) {
                check(part);
            }
            assert!(row.fit(width, Glyphs::Unicode).width() <= width);
        }
    }
    let shown = for_terminal(&String::from_utf8_lossy(text));
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
    stream(text, usize::from(*choice));
}

fn rows_of(row: &Clean) -> Vec<Clean> {
    if row.is_empty() {
        Vec::new()
    } else {
        vec![row.clone()]
    }
}

fn check(row: &Clean) {
    assert!(row.width() <= ROW_CELLS_MAX);
    for c in row.as_str().chars() {
        let hides = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
        assert!(!c.is_control() && !hides, "{:?}", row.as_str());
    }
}

fn stream(text: &[u8], cut: usize) {
    let whole = all(&[text]);
    let (first, second) = text.split_at(cut.min(text.len()));
    assert_eq!(all(&[first, second]), whole);
    for row in &whole {
        check(&row.text());
    }
}

fn all(chunks: &[&[u8]]) -> Vec<LogRow> {
    let mut stream = LogStream::new();
    let mut rows: Vec<LogRow> = chunks.iter().flat_map(|chunk| stream.push(chunk)).collect();
    check(&stream.current().text());
    rows.extend(stream.finish());
    rows
}
