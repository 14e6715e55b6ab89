//! What is wrong with a runbook and where. All problems are collected; nothing stops at the first.

use super::codes;
use super::limits::{FILE_BYTES_MAX, PROBLEMS_MAX};
use std::ops::Range;

/// Whether a problem keeps a runbook from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The runbook is refused.
    Error,
    /// The runbook can be used, but perhaps not as meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One problem.
///
/// Texts may quote the runbook: they are as untrusted as the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the runbook is refused.
    pub severity: Severity,
    /// `WR010`: one of [`codes`], stable for searching.
    pub code: &'static str,
    /// What is wrong: lower case, no final stop.
    pub message: String,
    /// A few words to stand at the marked place; may be empty.
    pub label: String,
    /// Place in the file, in bytes, always inside it and on character boundaries.
    pub span: Range<usize>,
    /// What a person can do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A problem that refuses the runbook.
    pub fn error(code: &'static str, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            label: String::new(),
            span: span.clone(),
            hint: None,
        }
    }

    /// A problem that does not.
    pub fn warning(code: &'static str, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// Adds the words at the marked place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do where something is known.
    #[must_use]
    pub fn hint_opt(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

/// Problems found so far, at most [`PROBLEMS_MAX`] of them.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Diagnostic>,
    dropped: usize,
    has_dropped_error: bool,
}

impl Problems {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(diagnostic);
        } else {
            self.dropped = self.dropped.saturating_add(1);
            self.has_dropped_error |= diagnostic.severity == Severity::Error;
        }
    }

    /// Whether a further problem would only be counted, so that its text need not be made.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    /// Counts an error whose text was not made.
    pub(super) fn count_only(&mut self) {
        self.has_dropped_error = true;
        self.dropped = self.dropped.saturating_add(1);
    }

    /// All of them in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            (a.span.start, a.severity, a.code, a.span.end).cmp(&(
                b.span.start,
                b.severity,
                b.code,
                b.span.end,
            ))
        });
        if self.dropped > 0 {
            let end = self.list.last().map_or(0..0, |last| last.span.clone());
            let message = format!("{} further problems are not listed", self.dropped);
            let hint = format!("the first {PROBLEMS_MAX} are listed; repair these first");
            let more = if self.has_dropped_error {
                Diagnostic::error(codes::MORE_PROBLEMS, &end, message)
            } else {
                Diagnostic::warning(codes::MORE_PROBLEMS, &end, message)
            };
            self.list.push(more.hint(hint));
        }
        self.list
    }
}

/// Longest piece of a runbook that a message quotes, in characters.
const QUOTED_CHARS_MAX: usize = 60;

/// A piece of the runbook in backticks, cut so that a message stays a line.
pub(super) fn quoted(text: &str) -> String {
    let first_line = text.lines().next().unwrap_or_default();
    let mut chars = first_line.chars();
    let mut out = String::from("`");
    out.extend(chars.by_ref().take(QUOTED_CHARS_MAX));
    if chars.next().is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// Takes the bytes of a file as text.
///
/// # Errors
/// One [`Diagnostic`] when the file is longer than [`FILE_BYTES_MAX`], is not UTF-8 (the message names the byte
/// offset), or holds a NUL. Its span is inside the longest valid beginning of the file.
pub fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(too_long(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        Diagnostic::error(
            codes::NOT_UTF8,
            &(at..at),
            format!("not valid UTF-8: byte 0x{byte:02X} at byte offset {at}"),
        )
        .label("the text before this place is valid")
        .hint("save the file as UTF-8, or convert it with `iconv -t UTF-8`")
    })?;
    nul(text).map_or(Ok(text), Err)
}

pub(super) fn too_long(bytes: usize) -> Diagnostic {
    Diagnostic::error(
        codes::FILE_TOO_LONG,
        &(0..0),
        format!("the file is longer than {FILE_BYTES_MAX} bytes (it has {bytes} or more)"),
    )
    .hint("a runbook is a checklist; keep logs and attachments in files of their own")
}

pub(super) fn nul(text: &str) -> Option<Diagnostic> {
    let at = text.bytes().position(|byte| byte == 0)?;
    Some(
        Diagnostic::error(
            codes::NUL_BYTE,
            &(at..at.saturating_add(1)),
            format!("a NUL byte at byte offset {at}"),
        )
        .hint("no command can hold a NUL byte; remove it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_named_by_their_offset() {
        let error = decode(b"# ok\n\xFF\n").expect_err("not UTF-8");
        assert_eq!((error.code, error.span), (codes::NOT_UTF8, 5..5));
        assert!(
            error.message.contains("byte offset 5"),
            "{:?}",
            error.message
        );
        assert_eq!(decode(b"a\0b").map_err(|e| e.span), Err(1..2));
        let long = vec![b'a'; FILE_BYTES_MAX + 1];
        assert_eq!(decode(&long).map_err(|e| e.code), Err(codes::FILE_TOO_LONG));
        assert!(decode(long.get(1..).expect("shorter")).is_ok());
    }

    #[test]
    fn problems_beyond_the_limit_are_counted_and_keep_their_weight() {
        for severity in [Severity::Warning, Severity::Error] {
            let mut problems = Problems::default();
            for n in 0..PROBLEMS_MAX {
                problems.push(Diagnostic::warning(codes::NO_TITLE, &(n..n), "x"));
            }
            for n in 0..3 {
                problems.push(Diagnostic {
                    severity,
                    ..Diagnostic::warning(codes::NO_TITLE, &(n..n), "x")
                });
            }
            let listed = problems.into_sorted();
            assert_eq!(listed.len(), PROBLEMS_MAX + 1);
            let end = listed.last().expect("one more");
            assert_eq!(end.severity, severity);
            assert!(end.message.starts_with("3 "), "{}", end.message);
        }
    }
}
