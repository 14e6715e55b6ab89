//! Problems of a runbook the way a compiler shows them, and as JSON for editors and scripts.

use crate::display::source as clean;
use crate::domain::runbook::source::{Lines, position};
use crate::domain::runbook::{Diagnostic, Severity};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use std::ops::Range;

/// Bytes of one source line that are shown before or behind the marked place; more is no help on a terminal.
const CONTEXT_BYTES_MAX: usize = 400;
/// Bytes of the marked place that are shown: a long script is marked by its beginning.
const MARKED_BYTES_MAX: usize = 600;

/// A file and its text, as far as it could be read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Name as the caller gave it.
    pub name: &'a str,
    /// The text that spans refer to.
    pub text: &'a str,
}

/// How [`render`] looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Text only.
    Plain,
    /// With colours.
    Styled,
}

/// All problems of one file as text, a blank line after each. Empty when there are none.
pub fn render(source: Source<'_>, diagnostics: &[Diagnostic], look: Look) -> String {
    let renderer = match look {
        Look::Plain => Renderer::plain(),
        Look::Styled => Renderer::styled(),
    };
    let lines = Lines::new(source.text);
    let name = clean(source.name);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level
            .primary_title(clean(&diagnostic.message))
            .id(diagnostic.code);
        let group = place(Group::with_title(title), source, &name, &lines, diagnostic);
        let group = match &diagnostic.hint {
            Some(hint) => group.element(Level::HELP.with_name("hint").message(clean(hint))),
            None => group,
        };
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

/// Adds the source line, or only its place when it cannot be shown.
fn place<'a>(
    group: Group<'a>,
    source: Source<'_>,
    name: &'a str,
    lines: &Lines,
    diagnostic: &'a Diagnostic,
) -> Group<'a> {
    let span = &diagnostic.span;
    let (line, column) = position(source.text, lines, span.start);
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let Some(shown) = excerpt(source.text, lines, span).filter(|shown| !shown.text.is_empty())
    else {
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        return group.element(Origin::path(name).line(line).char_column(column));
    };
    let mut annotation = AnnotationKind::Primary.span(shown.marked);
    if !diagnostic.label.is_empty() {
        annotation = annotation.label(clean(&diagnostic.label));
    }
    let snippet = Snippet::source(shown.text)
        .path(name)
        .line_start(line)
        .annotation(annotation);
    group.element(snippet)
}

/// The lines around a place, clean for a terminal.
struct Excerpt {
    text: String,
    marked: Range<usize>,
}

/// Only a piece of the file is handed to the renderer, which reads all it is given for each problem.
fn excerpt(text: &str, lines: &Lines, span: &Range<usize>) -> Option<Excerpt> {
    let start = lines.start(span.start);
    if span.start.saturating_sub(start) > CONTEXT_BYTES_MAX {
        return None;
    }
    let marked_end = floor_boundary(
        text,
        span.end.min(span.start.saturating_add(MARKED_BYTES_MAX)),
    );
    let line_end = lines.next_start(marked_end.saturating_sub(usize::from(!span.is_empty())));
    let end = floor_boundary(
        text,
        line_end.min(marked_end.saturating_add(CONTEXT_BYTES_MAX)),
    );
    let before = clean(text.get(start..span.start)?);
    let marked = clean(text.get(span.start..marked_end)?);
    let after = clean(text.get(marked_end..end.max(marked_end))?);
    let from = before.len();
    let to = from.saturating_add(marked.trim_end_matches('\n').len());
    let text = format!("{before}{marked}{after}");
    Some(Excerpt {
        text: text.trim_end_matches('\n').to_owned(),
        marked: from..to,
    })
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

/// What JSON is written without, though it might be drawn: control characters, directions of writing, and characters
/// without width (`TWO_PERSON` 7).
fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF)
}

/// One problem for editors and scripts. Lines and columns count from 1, columns in characters; the end is the first
/// place behind the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JsonDiagnostic {
    /// File as the caller named it.
    pub file: String,
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column of the end.
    pub end_column: u32,
    /// `error`, `warning`, or `note` for what is no problem of the file.
    pub severity: &'static str,
    /// `WR010`; empty for a note.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Words for the marked place; may be empty.
    pub label: String,
    /// What to do; null where nobody knows.
    pub hint: Option<String>,
}

/// All problems of one file in the JSON form, texts as they are.
pub fn to_json(source: Source<'_>, diagnostics: &[Diagnostic]) -> Vec<JsonDiagnostic> {
    let lines = Lines::new(source.text);
    diagnostics
        .iter()
        .map(|diagnostic| {
            let (line, column) = position(source.text, &lines, diagnostic.span.start);
            let (end_line, end_column) = position(source.text, &lines, diagnostic.span.end);
            JsonDiagnostic {
                file: source.name.to_owned(),
                line,
                column,
                end_line,
                end_column,
                severity: diagnostic.severity.as_str(),
                code: diagnostic.code,
                message: diagnostic.message.clone(),
                label: diagnostic.label.clone(),
                hint: diagnostic.hint.clone(),
            }
        })
        .collect()
}

/// The array that `--json` prints. What a terminal would obey or hide is written as `\uXXXX`, which reads back the same.
///
/// # Errors
/// As `serde_json` for a value that cannot be written; there is none here.
pub fn to_json_text(list: &[JsonDiagnostic]) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(list)?;
    if !text.contains(is_unsafe) {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            let mut units = [0; 2];
            out.extend(
                c.encode_utf16(&mut units)
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let problem = Diagnostic::error("WR015", &span, "unknown key `x`")
            .label("here")
            .hint("did you mean `y`?");
        let source = Source { name: "a.md", text };
        render(source, &[problem], Look::Plain)
    }

    #[test]
    fn a_problem_shows_its_line_its_place_and_a_hint() {
        let text = "one\r\ntwo x three\r\n";
        insta::assert_snapshot!(shown(text, 9..10), @r"
        error[WR015]: unknown key `x`
         --> a.md:2:5
          |
        2 | two x three
          |     ^ here
          |
          = hint: did you mean `y`?
        ");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let text = "a \u{1b}[31m\u{202e}x\u{9b}y\u{200b} z\u{7}\n";
        let out = shown(text, 2..7);
        assert!(!out.contains(is_unsafe), "{out:?}");
        assert!(out.contains("a.md:1:3"), "{out}");
    }

    #[test]
    fn places_at_the_end_on_long_lines_and_in_empty_files_are_shown() {
        let long = "x".repeat(100_000);
        assert!(shown(&long, 50_000..50_001).contains("a.md:1:50001"));
        assert!(shown(&long, 0..100_000).len() < 10_000);
        assert!(shown("", 0..0).contains("a.md:1:1"));
        assert!(shown("a\n", 2..2).contains("a.md:2:1"));
        assert!(shown("a\nb", 3..3).contains("a.md:2:2"));
        let wide = "ü".repeat(2000);
        assert!(shown(&wide, 0..4000).contains("a.md:1:1"));
    }

    #[test]
    fn json_counts_columns_in_characters() {
        let text = "ü\nüx\n";
        let problem = Diagnostic::warning("WR015", &(5..6), "m");
        let json = to_json(Source { name: "f", text }, &[problem]);
        let first = json.first().expect("one");
        assert_eq!((first.line, first.column), (2, 2));
        assert_eq!((first.end_line, first.end_column), (2, 3));
    }

    #[test]
    fn json_text_is_clean_and_reads_back_the_same() {
        let message = "a \u{1b}[1m \u{9b} \u{202e} \u{e0041} \u{7f} ü";
        let problem = Diagnostic::error("WR015", &(0..0), message);
        let list = to_json(
            Source {
                name: "f",
                text: "",
            },
            &[problem],
        );
        let text = to_json_text(&list).expect("plain data");
        assert!(!text.contains(is_unsafe), "{text:?}");
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read[0]["message"], message);
    }
}
