//! U10: whatever comes in, what goes out is safe, bounded, and the same however it arrived.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::class::{Class, EMOJI_PRESENTATION, JOINER, class_of};
use super::*;

/// Most output bytes for one input byte: a tab grows to eight spaces, the shortest marked word (`с`, two bytes) to
/// nineteen.
const GROWTH_MAX: usize = 10;

/// Bytes that mean something to a terminal, a decoder or a reader, and plain text between them.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let interesting = prop::sample::select(vec![
        "\x1B",
        "\x1B[",
        "\x1B[1;31m",
        "\x1B[0m",
        "\x1B]0;t",
        "\x1B\\",
        "\x1BP",
        "\x07",
        "\u{9B}",
        "\u{9C}",
        "\r",
        "\n",
        "\r\n",
        "\x08",
        "\t",
        "\0",
        "\x7F",
        "\x18",
        "\u{85}",
        "\u{2028}",
        "\u{202E}",
        "\u{200B}",
        "\u{200D}",
        "\u{FE0F}",
        "\u{301}",
        "\u{301}\u{302}\u{303}",
        "\u{93F}",
        "\u{94D}",
        "\u{915}",
        "\u{937}",
        "\u{102B}",
        "👩",
        "❤",
        "🏽",
        "🇩",
        "\u{1100}",
        "\u{1161}",
        "\u{11A8}",
        "\u{D4E}",
        "\u{E0E33}",
        "\u{E33}",
        "\u{FF9E}",
        "\u{A0}",
        "\u{3000}",
        "東",
        "p\u{430}y",
        "\u{441}",
        "a",
        " ",
        "word",
        "<mixed>",
        "<mixed>(<U+0441>)",
        "\u{FDFD}",
        "\u{2800}",
    ])
    .prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![
        6 => interesting,
        2 => prop::collection::vec(any::<u8>(), 0..6),
        2 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        1 => "[ -~]{0,12}".prop_map(String::into_bytes),
        // Long enough that a few of them reach the widest row.
        1 => (prop::sample::select(vec!["x", "東", "\u{441}", "\u{202E}", "e\u{301}", "с "]), 1000_usize..2100)
            .prop_map(|(text, count)| text.repeat(count).into_bytes()),
    ]
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(fragment(), 0..24).prop_map(|fragments| fragments.concat())
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Name, Mode::Confirm, Mode::Log])
}

fn assert_safe(row: &Clean, mode: Mode) {
    for c in row.as_str().chars() {
        let allowed = match class_of(c) {
            Class::Ascii | Class::Plain | Class::Combining => true,
            Class::EmojiJoiner => mode == Mode::Log,
            Class::Control
            | Class::HighControl
            | Class::Separator
            | Class::Hidden
            | Class::Blank => false,
        };
        assert!(allowed, "{c:?} in {row:?}");
    }
    let mut cells = 0;
    for grapheme in row.as_str().graphemes(true) {
        let width = grapheme.width();
        assert!(
            (1..=4).contains(&width),
            "{grapheme:?} has width {width} in {row:?}"
        );
        assert!(grapheme.chars().count() <= 12, "{grapheme:?}");
        assert!(!grapheme.ends_with(JOINER) && !grapheme.starts_with([JOINER, EMOJI_PRESENTATION]));
        cells += width;
    }
    assert_eq!(cells, row.width(), "{row:?}");
    assert!(cells <= ROW_CELLS_MAX, "{cells} cells");
}

fn texts(rows: &[Clean]) -> Vec<&str> {
    rows.iter().map(Clean::as_str).collect()
}

proptest! {
    #[test]
    fn output_holds_allowed_code_points_of_known_width_only(text in hostile(), mode in mode()) {
        for row in clean(&text, mode) {
            assert_safe(&row, mode);
        }
        assert_safe(&line(&String::from_utf8_lossy(&text)), Mode::Name);
    }

    #[test]
    fn cleaning_twice_changes_nothing(text in hostile(), mode in mode()) {
        let once = clean(&text, mode);
        for row in &once {
            let again = clean(row.as_str().as_bytes(), mode);
            if row.is_empty() {
                prop_assert!(again.is_empty());
            } else {
                prop_assert_eq!(texts(&again), [row.as_str()]);
            }
        }
        let short = line(&String::from_utf8_lossy(&text));
        prop_assert_eq!(&line(short.as_str()), &short);
    }

    #[test]
    fn chunking_changes_nothing(text in hostile(), sizes in prop::collection::vec(1_usize..9, 1..20)) {
        let mut whole = LogStream::new();
        let mut expected = whole.push(&text);
        let open = whole.current();
        expected.extend(whole.finish());

        let mut pieces = LogStream::new();
        let mut found = Vec::new();
        let mut rest = text.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, tail) = rest.split_at((*size).min(rest.len()));
            found.extend(pieces.push(chunk));
            rest = tail;
        }
        prop_assert_eq!(pieces.current(), open);
        found.extend(pieces.finish());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_stream_shows_what_cleaning_the_whole_shows(text in hostile()) {
        let mut stream = LogStream::new();
        let mut rows = stream.push(&text);
        rows.extend(stream.finish());
        let spans: Vec<String> =
            rows.iter().map(|row| row.spans.iter().map(|span| span.text.as_str()).collect()).collect();
        let whole = clean(&text, Mode::Log);
        prop_assert_eq!(spans, texts(&whole));
        for row in &rows {
            prop_assert!(row.width() <= ROW_CELLS_MAX);
            prop_assert!(row.spans.iter().all(|span| !span.text.is_empty()));
        }
    }

    #[test]
    fn rows_fit_the_width_they_are_given(text in hostile(), width in 0_usize..40) {
        let text = line(&String::from_utf8_lossy(&text));
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let fitted = text.fit(width, glyphs);
            prop_assert!(fitted.width() <= width);
            prop_assert_eq!(text::cells_of(fitted.as_str()), fitted.width());
            prop_assert_eq!(fitted.pad(width).width(), width);
            for row in wrap_exact(&text, width, glyphs) {
                prop_assert!(row.width() <= width);
                prop_assert_eq!(text::cells_of(row.as_str()), row.width());
            }
        }
        for row in wrap(&text, width) {
            prop_assert!(row.width() <= width);
            prop_assert_eq!(text::cells_of(row.as_str()), row.width());
        }
    }

    #[test]
    fn exact_wrapping_drops_nothing(text in hostile(), width in 5_usize..40) {
        let text = line(&String::from_utf8_lossy(&text));
        let rows = wrap_exact(&text, width, Glyphs::Unicode);
        let (last, marked) = rows.split_last().unwrap();
        let mut whole: String = marked.iter().map(|row| row.as_str().strip_suffix('↵').unwrap()).collect();
        whole.push_str(last.as_str());
        prop_assert_eq!(whole, text.as_str());
    }

    #[test]
    fn output_for_a_terminal_is_rows_of_safe_text(text in hostile()) {
        let shown = for_terminal(&String::from_utf8_lossy(&text));
        prop_assert!(shown.chars().all(|c| c == '\n' || matches!(class_of(c), Class::Ascii | Class::Plain | Class::Combining)));
        prop_assert_eq!(for_terminal(&shown), shown);
    }
}

/// Work is bounded by output size, not by the clock: every stage is one pass with bounded look-back, so output that
/// grows with the input by a constant factor at most means work that does too.
#[test]
fn ten_mebibytes_of_hostile_text_grow_by_a_constant_at_most() {
    // For each of 14 patterns and 3 modes.
    const BYTES: usize = (10 << 20) / (14 * 3);
    let patterns: [&[u8]; 14] = [
        b"\x1B",
        b"\x1B[",
        b"\x9B",
        b"\x1B]",
        b"\x1B[31m",
        b"\xFF",
        b"\t",
        b"a\r",
        b"\xCC\x81",
        b"\xE2\x80\x8B",
        b"\xD1\x81 ",
        b"\xE1\x84\x80",
        b"\xF0\x9F\x91\xA9\xE2\x80\x8D",
        b"\n",
    ];
    for pattern in patterns {
        let text = pattern.repeat(BYTES / pattern.len());
        for mode in [Mode::Name, Mode::Confirm, Mode::Log] {
            let rows = clean(&text, mode);
            let bytes: usize = rows.iter().map(|row| row.as_str().len()).sum();
            assert!(
                bytes <= text.len() * GROWTH_MAX,
                "{pattern:?} {mode:?}: {bytes} bytes"
            );
            assert!(
                rows.len() <= text.len(),
                "{pattern:?} {mode:?}: {} rows",
                rows.len()
            );
            assert!(rows.iter().all(|row| row.width() <= ROW_CELLS_MAX));
        }
    }
}

#[test]
fn a_stream_that_rewrites_for_ever_yields_a_handful_of_rows() {
    let mut stream = LogStream::new();
    let chunk = b"progress\r".repeat(7000);
    let rows: usize = (0..16).map(|_| stream.push(&chunk).len()).sum();
    assert_eq!(rows, 4);
}
