//! The table of the sanitiser, row by row, and the types around it.

use super::*;

fn shown(text: &[u8], mode: Mode) -> String {
    let rows = clean(text, mode);
    rows.iter().map(Clean::as_str).collect::<Vec<_>>().join("|")
}

/// `expected` for [`Mode::Name`] and [`Mode::Confirm`], then for [`Mode::Log`]. Rows are joined with `|`.
fn check(text: &[u8], strict: &str, log: &str) {
    assert_eq!(shown(text, Mode::Name), strict, "name: {text:?}");
    assert_eq!(shown(text, Mode::Confirm), strict, "confirm: {text:?}");
    assert_eq!(shown(text, Mode::Log), log, "log: {text:?}");
}

fn check_same(text: &[u8], expected: &str) {
    check(text, expected, expected);
}

#[test]
fn honest_text_is_drawn_as_itself() {
    check_same(b"drain rack-07 && echo ok", "drain rack-07 && echo ok");
    check_same(
        "naïve Zürich 東京 Ελλάδα ●│…→".as_bytes(),
        "naïve Zürich 東京 Ελλάδα ●│…→",
    );
    check_same("e\u{301} क्षि".as_bytes(), "e\u{301} क्षि");
    check_same("🦀 👩🏽 🇩🇪".as_bytes(), "🦀 👩🏽 🇩🇪");
    check_same(
        "\u{1112}\u{1161}\u{11ab}".as_bytes(),
        "\u{1112}\u{1161}\u{11ab}",
    );
    check_same(b"", "");
}

#[test]
fn bytes_that_are_not_utf8_are_spelled_out() {
    check_same(b"a\xFFb", "a\\xFFb");
    check_same(b"\xC0\xAF", "\\xC0\\xAF");
    check_same(b"\xED\xA0\x80", "\\xED\\xA0\\x80");
    check_same(b"\xE2\x82", "\\xE2\\x82");
    check_same(b"\x85", "\\x85");
}

#[test]
fn controls_are_spelled_out_and_rewriting_ends_a_row_of_output() {
    check(b"a\0b\x07\x7F", "a\\x00b\\x07\\x7F", "a^@b^G^?");
    check(b"abc\x08d", "abc\\x08d", "abc<BS>|d");
    check(b"50%\r60%", "50%\\x0D60%", "50%<CR>|60%");
    check(b"a\r\nb", "a\\x0D|b", "a|b");
    check(b"a\r\r\nb", "a\\x0D\\x0D|b", "a|b");
    check(b"\r\x08a", "\\x0D\\x08a", "a");
    check(b"a\r", "a\\x0D", "a<CR>");
    check(b"a\x08\x08\x08b", "a\\x08\\x08\\x08b", "a<BS>|b");
}

#[test]
fn escape_sequences_leave_one_mark() {
    check_same(b"a\x1B[2Jb", "a<ESC>b");
    check_same(b"a\x1B[?25lb", "a<ESC>b");
    check_same(b"a\x9B2Jb", "a<ESC>b");
    check_same(b"a\x1B]0;title\x07b", "a<ESC>b");
    check_same(b"a\x1B]0;title\x1B\\b", "a<ESC>b");
    check_same(b"a\x9D0;title\x9Cb", "a<ESC>b");
    check_same("a\x1B]0;✓ title\u{9C}b".as_bytes(), "a<ESC>b");
    check_same(b"a\x1BPdata\x1B\\b", "a<ESC>b");
    check_same(b"a\x1B_data\x1B\\b", "a<ESC>b");
    check_same(b"a\x1B^data\x1B\\b", "a<ESC>b");
    check_same(b"a\x1BXdata\x1B\\b", "a<ESC>b");
    check_same(
        b"a\x90data\x9Cb\x9Ed\x9Cc\x9Fd\x9Ce\x98d\x9Cf",
        "a<ESC>b<ESC>c<ESC>e<ESC>f",
    );
    check_same(b"a\x1B(Bb\x1B7c\x1B#8d", "a<ESC>b<ESC>c<ESC>d");
    check_same(b"a\x1B", "a<ESC>");
    check_same(b"a\x1B\x1B[Kb", "a<ESC><ESC>b");
    check_same(b"a\x1B[12", "a<ESC>");
    // The bell ends only the one kind of string that it ends on a terminal.
    check_same(b"a\x1BPd\x07d\x1B\\b", "a<ESC>b");
}

#[test]
fn colours_are_dropped_from_output_and_marked_elsewhere() {
    check(b"a\x1B[1;31mb\x1B[0mc", "a<ESC>b<ESC>c", "abc");
    check(b"a\x1B[8;7;5mb", "a<ESC>b", "ab");
    check_same(b"a\x1B[>4;2mb\x1B[1 mc", "a<ESC>b<ESC>c");
}

#[test]
fn broken_sequences_hide_no_text_without_saying_so() {
    check_same(b"a\x1B[1\nb", "a<ESC>|b");
    check_same("a\x1B[1é".as_bytes(), "a<ESC>é");
    check_same(b"a\x1B]0;never ends", "a<ESC><+12 bytes>");
    check_same(b"a\x1B]0;x\ny\x07b", "a<ESC><+5 bytes>b");
    check_same(b"a\x1B]0;x\x1B[Kb", "a<ESC><+3 bytes><ESC>b");
    check(
        b"a\x1B]0;x\x18b",
        "a<ESC><+3 bytes>\\x18b",
        "a<ESC><+3 bytes>^Xb",
    );
    let mut long = b"a\x1BP".to_vec();
    long.extend(std::iter::repeat_n(b'x', 5000));
    long.extend(b"\x1B\\hidden\nshown");
    check_same(&long, "a<ESC><+5008 bytes>|shown");
    let mut short = b"a\x1BP".to_vec();
    short.extend(std::iter::repeat_n(b'x', escape::SWALLOW_BYTES_MAX));
    short.extend(b"\x1B\\shown");
    check_same(&short, "a<ESC>shown");
    let mut endless = b"\x1B[".to_vec();
    endless.extend(std::iter::repeat_n(b'0', 5000));
    check_same(&endless, "<ESC><+5000 bytes>");
}

#[test]
fn encoded_c1_controls_are_spelled_out_and_introduce_nothing() {
    check_same("a\u{9B}31mb".as_bytes(), "a<U+009B>31mb");
    check_same("a\u{80}".as_bytes(), "a<U+0080>");
    check("a\u{85}b".as_bytes(), "a<U+0085>b", "a<U+0085>|b");
    check(
        "a\u{2028}b\u{2029}".as_bytes(),
        "a<U+2028>b<U+2029>",
        "a<U+2028>|b<U+2029>",
    );
}

#[test]
fn direction_controls_and_invisible_code_points_are_spelled_out() {
    let listed = [
        0x61C, 0x200E, 0x200F, 0x202A, 0x202E, 0x2066, 0x2069, 0xAD, 0x34F, 0x115F, 0x1160, 0x17B4,
        0x17B5, 0x180B, 0x180E, 0x180F, 0x200B, 0x200C, 0x200D, 0x2060, 0x2064, 0x206A, 0x206F,
        0x3164, 0xFE00, 0xFE0E, 0xFE0F, 0xFEFF, 0xFFA0, 0x1D173, 0x1D17A, 0xE0000, 0xE0001,
        0xE0041, 0xE0100, 0xE0FFF,
    ];
    for code in listed {
        let c = char::from_u32(code).unwrap();
        check_same(format!("a{c}b").as_bytes(), &format!("a<U+{code:04X}>b"));
    }
}

#[test]
fn joiners_stay_only_inside_emoji_of_output() {
    let family = "👩‍👩‍👧 ❤️ 🏳️‍🌈 👩🏽‍🚒";
    assert_eq!(shown(family.as_bytes(), Mode::Log), family);
    assert_eq!(shown("❤️".as_bytes(), Mode::Name), "❤<U+FE0F>");
    check_same("a\u{200D}b".as_bytes(), "a<U+200D>b");
    check_same("👩\u{200D}a".as_bytes(), "👩<U+200D>a");
    check_same("👩\u{200D}\u{200D}👩".as_bytes(), "👩<U+200D><U+200D>👩");
    check_same("👩\u{FE0F}\u{FE0F}x".as_bytes(), "👩<U+FE0F><U+FE0F>x");
    check_same("1\u{FE0F}\u{20E3}".as_bytes(), "1<U+FE0F><U+20E3>");
}

#[test]
fn format_private_and_unassigned_code_points_are_spelled_out() {
    for code in [0x600, 0xE000, 0xFFFE, 0xFDD0, 0x0378, 0x10_FFFF, 0xFFF9] {
        let c = char::from_u32(code).unwrap();
        check_same(c.to_string().as_bytes(), &format!("<U+{code:04X}>"));
    }
}

#[test]
fn spaces_of_other_kinds_show_or_become_plain() {
    check(
        "a\u{A0}b\u{3000}c\u{2800}d".as_bytes(),
        "a<U+00A0>b<U+3000>c<U+2800>d",
        "a b c d",
    );
}

#[test]
fn combining_marks_need_a_base_and_come_in_twos() {
    check_same("\u{301}a".as_bytes(), "<U+0301>a");
    check_same(" \u{301}a".as_bytes(), " <U+0301>a");
    check_same(
        "a\u{301}\u{302}\u{303}b".as_bytes(),
        "a\u{301}\u{302}<U+0303>b",
    );
    let flood = format!("a{}b", "\u{301}".repeat(1000));
    check_same(flood.as_bytes(), "a\u{301}\u{301}<U+0301><+997>b");
    let open = "\u{301}".repeat(1000);
    check_same(open.as_bytes(), "<U+0301><+999>");
}

#[test]
fn clusters_that_take_no_room_or_swallow_neighbours_are_spelled_out() {
    check_same("a🏽b".as_bytes(), "a<U+1F3FD>b");
    check_same("\u{200B}\u{E33}".as_bytes(), "<U+200B><U+0E33>");
    check_same(
        "\u{E01}\u{E33} \u{1000}\u{102B}".as_bytes(),
        "\u{E01}\u{E33} \u{1000}\u{102B}",
    );
    // A vowel part with no consonant, a letter that joins the one after it, too many consonants in one syllable.
    check_same("\u{1161}".as_bytes(), "<U+1161>");
    check_same("\u{D4E}a".as_bytes(), "<U+0D4E>a");
    check_same(
        "\u{1100}\u{1100}\u{1100}".as_bytes(),
        "<U+1100><U+1100><U+1100>",
    );
}

#[test]
fn tabs_and_line_feeds() {
    check("a\tb\n\nc\n".as_bytes(), "a\\tb||c", "a       b||c");
    check(b"12345678\tx", "12345678\\tx", "12345678        x");
    check(b"\n", "", "");
    assert_eq!(clean(b"\n", Mode::Log).len(), 1);
    assert_eq!(line("a\nb\n").as_str(), "a\\nb\\n");
    assert_eq!(line("a\nпривет").as_str(), "a\\nпривет");
}

#[test]
fn names_that_pretend_are_marked_and_plans_are_left_alone() {
    let text = "host p\u{430}ypal.example".as_bytes();
    assert_eq!(
        shown(text, Mode::Name),
        "host <mixed>(p<U+0430>ypal)p\u{430}ypal.example"
    );
    assert_eq!(shown(text, Mode::Confirm), "host p\u{430}ypal.example");
    assert_eq!(shown(text, Mode::Log), "host p\u{430}ypal.example");
    let again = line(line("p\u{430}ypal").as_str());
    assert_eq!(again.as_str(), "<mixed>(p<U+0430>ypal)p\u{430}ypal");
    // Written by hand around another word it does not pass for the real mark.
    assert_eq!(
        line("<mixed>(paypal)p\u{430}ypal").as_str(),
        "<mixed>(paypal)<mixed>(p<U+0430>ypal)p\u{430}ypal"
    );
}

#[test]
fn long_rows_are_cut_with_a_byte_count_and_nothing_is_lost() {
    let exact = "x".repeat(ROW_CELLS_MAX);
    assert_eq!(shown(exact.as_bytes(), Mode::Log), exact);
    let long = "x".repeat(ROW_CELLS_MAX + 1);
    for mode in [Mode::Name, Mode::Confirm, Mode::Log] {
        let rows = clean(long.as_bytes(), mode);
        let [first, second] = rows.as_slice() else {
            panic!("{} rows", rows.len());
        };
        let head = first
            .as_str()
            .trim_end_matches(" bytes>")
            .trim_end_matches(|c: char| c.is_ascii_digit());
        let head = head.trim_end_matches("<cut at ");
        assert!(
            first
                .as_str()
                .ends_with(&format!("<cut at {} bytes>", head.len())),
            "{mode:?}"
        );
        assert_eq!(format!("{head}{}", second.as_str()), long);
        assert!(first.width() <= ROW_CELLS_MAX);
    }
    assert!(line(&long).as_str().ends_with(" bytes>"));
}

#[test]
fn output_for_a_terminal_keeps_its_rows() {
    assert_eq!(for_terminal("a\nb\n"), "a\nb\n");
    assert_eq!(for_terminal("a\n\nb"), "a\n\nb");
    assert_eq!(
        for_terminal("\x1B]52;c;eA==\x07\u{202E}x\ty"),
        "<ESC><U+202E>x\\ty"
    );
    assert_eq!(for_terminal(""), "");
}

#[test]
fn fit_cuts_at_graphemes_and_says_so() {
    let text = line("東京 rack");
    assert_eq!(text.width(), 9);
    assert_eq!(text.fit(9, Glyphs::Unicode).as_str(), "東京 rack");
    assert_eq!(text.fit(6, Glyphs::Unicode).as_str(), "東京 …");
    assert_eq!(text.fit(4, Glyphs::Ascii).as_str(), "東~");
    assert_eq!(text.fit(1, Glyphs::Ascii).as_str(), "~");
    assert_eq!(text.fit(0, Glyphs::Unicode), Clean::default());
    assert_eq!(text.fit(4, Glyphs::Ascii).pad(4).as_str(), "東~ ");
    assert_eq!(line("7").pad_left(3).as_str(), "  7");
    assert_eq!(format!("[{:>4}]", line("東")), "[  東]");
    assert_eq!(format!("[{:4}]", Clean::fixed("ab")), "[ab  ]");
}

#[test]
fn joined_parts_do_not_melt() {
    let parts = [line("\u{1F1E9}"), line("\u{1F1EA}")];
    let joined = Clean::join(&parts, &Clean::default());
    assert_eq!(joined.as_str(), "\u{1F1E9} \u{1F1EA}");
    assert_eq!(joined.width(), parts[0].width() + parts[1].width() + 1);
    let named = Clean::join(&[line("a"), line("b")], &Clean::fixed(" · "));
    assert_eq!((named.as_str(), named.width()), ("a · b", 5));
}

mod stream {
    use super::super::*;

    fn row(row: &LogRow) -> String {
        row.text().as_str().to_owned()
    }

    fn rows(rows: &[LogRow]) -> Vec<String> {
        rows.iter().map(row).collect()
    }

    #[test]
    fn rows_come_out_when_they_end_and_the_open_one_can_be_seen() {
        let mut stream = LogStream::new();
        assert!(stream.push(b"one\ntw").iter().map(row).eq(["one"]));
        assert_eq!(
            (row(&stream.current()), stream.current().end),
            ("tw".to_owned(), RowEnd::Unfinished)
        );
        assert!(stream.push(b"o\r").is_empty());
        let ended = stream.push(b"\n");
        assert_eq!(
            (rows(&ended), ended[0].end),
            (vec!["two".to_owned()], RowEnd::LineFeed)
        );
        assert!(stream.current().spans.is_empty());
        assert!(stream.push(b"thr\xE2\x82").is_empty());
        assert_eq!(row(&stream.current()), "thr\\xE2\\x82");
        assert!(stream.push(b"\xACe").is_empty());
        assert_eq!(rows(&stream.finish()), ["thr€e"]);
        assert!(stream.finish().is_empty());
    }

    #[test]
    fn looks_last_over_rows_and_marks_stand_apart() {
        let mut stream = LogStream::new();
        let red = LogStyle {
            color: LogColor::Red,
            bold: true,
            mark: false,
        };
        let done = stream.push(b"plain \x1B[1;31mred\nstill\x1B[K\x1B[m off\n");
        let looks = |row: &LogRow| -> Vec<(String, LogStyle)> {
            row.spans
                .iter()
                .map(|span| (span.text.as_str().to_owned(), span.style))
                .collect()
        };
        assert_eq!(
            looks(&done[0]),
            [
                ("plain ".to_owned(), LogStyle::default()),
                ("red".to_owned(), red)
            ]
        );
        assert_eq!(
            looks(&done[1]),
            [
                ("still".to_owned(), red),
                ("<ESC>".to_owned(), LogStyle::MARK),
                (" off".to_owned(), LogStyle::default()),
            ]
        );
        assert_eq!(done[1].width(), 14);
    }

    #[test]
    fn looks_go_on_behind_a_cut() {
        let mut stream = LogStream::new();
        let mut bytes = b"\x1B[32m".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', ROW_CELLS_MAX + 2));
        let cut = stream.push(&bytes);
        assert_eq!(cut.len(), 1);
        assert_eq!(cut[0].end, RowEnd::Cut);
        assert!(cut[0].spans.last().is_some_and(|span| span.style.mark));
        let rest = stream.current();
        assert!(
            !rest.spans.is_empty()
                && rest
                    .spans
                    .iter()
                    .all(|span| span.style.color == LogColor::Green)
        );
        let shown: usize = cut[0]
            .spans
            .iter()
            .filter(|span| !span.style.mark)
            .map(|span| span.text.width())
            .sum();
        assert_eq!(shown + rest.width(), ROW_CELLS_MAX + 2);
    }

    #[test]
    fn a_progress_bar_leaves_a_short_trace_and_its_last_state() {
        let mut stream = LogStream::new();
        let mut seen = Vec::new();
        for percent in 0..100 {
            seen.extend(stream.push(format!("{percent}%\r").as_bytes()));
            assert!(row(&stream.current()).starts_with(&format!("{percent}%<CR>")));
        }
        seen.extend(stream.push(b"done\n"));
        assert_eq!(
            rows(&seen),
            ["0%<CR>", "1%<CR>", "2%<CR>", "3%<CR>", "done<+96 rewrites>"]
        );
        assert_eq!(rows(&stream.push(b"a\rb\n")), ["a<CR>", "b"]);
    }
}

/// `warroom plan` let fillers through, which count as letters.
#[test]
fn a_line_stays_one_line_and_keeps_no_filler() {
    assert_eq!(
        one_line("a\u{1b}[1m\nb\u{3164}\u{202e}ü日\t"),
        "a<ESC>\\nb<U+3164><U+202E>ü日\\t"
    );
    assert_eq!(one_line(&"x".repeat(10_000)).lines().count(), 1);
}

#[test]
fn a_source_keeps_its_lines_and_tabs() {
    assert_eq!(source("\ta\r\n\u{e000}b\n\n"), "\ta\n<U+E000>b\n\n");
    let shown = source("a\u{1b}]0;x\nb");
    assert!(
        shown.starts_with("a<") && shown.ends_with(">\nb"),
        "{shown}"
    );
    assert_eq!(source(""), "");
}
