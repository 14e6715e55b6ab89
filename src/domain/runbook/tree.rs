//! TOML of a block as a tree whose every key and value knows its place in the file.
//!
//! Not serde: it stops at the first problem, and all are wanted at once.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::source::{Located, Mapped};
use super::suggest::did_you_mean;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// String, number, boolean or time, as text.
    Scalar(Located<String>),
    /// `[a, b]` or `[[a]]`.
    List(Vec<Value>, Range<usize>),
    /// `[a]` or `{ a = 1 }`.
    Table(Vec<Entry>, Range<usize>),
}

/// One `key = value`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: Located<String>,
    pub(super) value: Value,
}

/// Reads a block. Empty when it is not TOML; the problems say why.
pub(super) fn read(block: &Mapped, problems: &mut Problems) -> Vec<Entry> {
    let (table, errors) = DeTable::parse_recoverable(block.as_str());
    if errors.is_empty() {
        return entries(table.get_ref(), block);
    }
    for error in errors {
        let span = error
            .span()
            .map_or_else(|| block.span(), |span| block.source_span(span));
        problems.push(
            Diagnostic::error(
                codes::TOML_SYNTAX,
                &span,
                error.message().lines().collect::<Vec<_>>().join("; "),
            )
            .label("not valid TOML"),
        );
    }
    Vec::new()
}

fn entries(table: &DeTable<'_>, block: &Mapped) -> Vec<Entry> {
    let mut list: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: Located::new(key.get_ref().to_string(), block.source_span(key.span())),
            value: convert(value.get_ref(), value.span(), block),
        })
        .collect();
    list.sort_by_key(|entry| entry.key.span.start);
    list
}

fn convert(value: &DeValue<'_>, span: Range<usize>, block: &Mapped) -> Value {
    let place = block.source_span(span);
    match value {
        DeValue::String(text) => Value::Scalar(Located::new(text.to_string(), place)),
        DeValue::Integer(number) => Value::Scalar(Located::new(number.to_string(), place)),
        DeValue::Float(number) => Value::Scalar(Located::new(number.to_string(), place)),
        DeValue::Boolean(flag) => Value::Scalar(Located::new(flag.to_string(), place)),
        DeValue::Datetime(time) => Value::Scalar(Located::new(time.to_string(), place)),
        DeValue::Array(list) => Value::List(
            list.iter()
                .map(|item| convert(item.get_ref(), item.span(), block))
                .collect(),
            place,
        ),
        DeValue::Table(table) => Value::Table(entries(table, block), place),
    }
}

impl Value {
    pub(super) fn span(&self) -> &Range<usize> {
        match self {
            Self::Scalar(located) => &located.span,
            Self::List(_, span) | Self::Table(_, span) => span,
        }
    }

    /// A single value, or a problem.
    pub(super) fn scalar(&self, problems: &mut Problems) -> Option<&Located<String>> {
        match self {
            Self::Scalar(located) => Some(located),
            Self::List(..) | Self::Table(..) => {
                problems.push(self.unexpected("a single value"));
                None
            }
        }
    }

    /// A table, or a problem.
    pub(super) fn table(&self, problems: &mut Problems) -> &[Entry] {
        match self {
            Self::Table(entries, _) => entries,
            Self::Scalar(_) | Self::List(..) => {
                problems.push(self.unexpected("a table"));
                &[]
            }
        }
    }

    /// A list, or a problem.
    pub(super) fn list(&self, problems: &mut Problems) -> &[Self] {
        match self {
            Self::List(list, _) => list,
            Self::Scalar(_) | Self::Table(..) => {
                problems.push(self.unexpected("a list"));
                &[]
            }
        }
    }

    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let found = match self {
            Self::Scalar(_) => "a single value",
            Self::List(..) => "a list",
            Self::Table(..) => "a table",
        };
        Diagnostic::error(
            codes::BAD_VALUE,
            self.span(),
            format!("{wanted} is wanted here, not {found}"),
        )
    }
}

/// Reports a key that nobody knows.
pub(super) fn unknown_key(
    key: &Located<String>,
    place: &str,
    known: &[&str],
    problems: &mut Problems,
) {
    if problems.is_full() {
        problems.count_only();
        return;
    }
    let all: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    problems.push(
        Diagnostic::error(
            codes::UNKNOWN_KEY,
            &key.span,
            format!("unknown key {} in {place}", quoted(&key.value)),
        )
        .hint(format!("known keys are {}", all.join(", ")))
        .hint_opt(did_you_mean(&key.value, known.iter().copied())),
    );
}
