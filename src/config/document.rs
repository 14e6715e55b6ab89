//! A TOML file as typed, read key by key so that **every** problem is found in one go.
//!
//! Derived deserialisers stop at the first unknown key or wrong type; somebody who fixes a configuration at night
//! should not have to run the program once for each mistake. A [`Section`] hands out one key after the other, notes
//! what is wrong with its place, and in [`Section::finish`] names the keys nobody asked for.

use super::nearest::closest_hint;
use super::problem::{Problem, Problems};
use crate::domain::time::Timestamp;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Problems shown of one file: more is noise, the first ones tell what is wrong.
const PROBLEMS_MAX: usize = 50;

/// Entries of one list. A configuration is written by hand; a longer list is a generated file in the wrong place.
pub(crate) const LIST_MAX: usize = 1000;

/// A value with where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Dotted path.
    pub(crate) key: String,
    span: Range<usize>,
}

impl<T> At<T> {
    /// Another value at the same place.
    pub(crate) fn with<U>(self, value: U) -> At<U> {
        At {
            value,
            key: self.key,
            span: self.span,
        }
    }
}

/// Where problems of one file are collected.
pub(crate) struct Document<'t> {
    file: &'t Path,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
    /// Keys and values of a file with syntax errors are guesses: only the errors are told.
    is_broken: Cell<bool>,
}

impl<'t> Document<'t> {
    /// Starts on one file.
    pub(crate) fn new(file: &'t Path, text: &'t str) -> Self {
        Self {
            file,
            text,
            problems: RefCell::default(),
            is_broken: Cell::new(false),
        }
    }

    /// The top level of the file; syntax errors are noted.
    pub(crate) fn root(&self) -> Section<'_, 't> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let is_broken = !errors.is_empty();
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.note("", span, error.message().replace('\n', ", "), "");
        }
        self.is_broken.set(is_broken);
        let span = table.span();
        Section::new(self, String::new(), span, table.into_inner())
    }

    /// Notes what is wrong with a value.
    pub(crate) fn fault<T>(&self, at: &At<T>, what: impl Into<String>, hint: impl Into<String>) {
        self.note(&at.key, at.span.clone(), what, hint);
    }

    fn note(
        &self,
        key: &str,
        span: Range<usize>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX && !self.is_broken.get() {
            problems.push(Problem {
                file: self.file.to_owned(),
                place: Some(place(self.text, span.start)),
                key: key.to_owned(),
                what: what.into(),
                hint: hint.into(),
            });
        }
    }

    /// A path as typed: `~/` is the home directory, other relative ones start beside this file.
    pub(crate) fn path(&self, typed: &str, home: Option<&Path>) -> PathBuf {
        if let (Some(rest), Some(home)) = (typed.strip_prefix("~/"), home) {
            return home.join(rest);
        }
        self.file
            .parent()
            .map_or_else(|| PathBuf::from(typed), |dir| dir.join(typed))
    }

    /// The problems; `None` when all is well.
    pub(crate) fn into_problems(self) -> Option<Problems> {
        Problems::new(self.problems.into_inner())
    }
}

/// Line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count());
    (line, column.saturating_add(1))
}

/// One table of the file.
pub(crate) struct Section<'d, 't> {
    document: &'d Document<'t>,
    path: String,
    span: Range<usize>,
    table: DeTable<'t>,
    asked: Vec<&'static str>,
    taken: Vec<(&'static str, Range<usize>)>,
}

impl<'d, 't> Section<'d, 't> {
    fn new(
        document: &'d Document<'t>,
        path: String,
        span: Range<usize>,
        table: DeTable<'t>,
    ) -> Self {
        Self {
            document,
            path,
            span,
            table,
            asked: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// The section itself as a place.
    pub(crate) fn at(&self) -> At<()> {
        At {
            value: (),
            key: self.path.clone(),
            span: self.span.clone(),
        }
    }

    /// Where a key stood that was taken; the section itself when it was not there.
    pub(crate) fn place_of(&self, key: &'static str) -> At<()> {
        let taken = self.taken.iter().find(|(taken, _)| *taken == key);
        taken.map_or_else(
            || self.at(),
            |(key, span)| At {
                value: (),
                key: self.join(key),
                span: span.clone(),
            },
        )
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn take(&mut self, key: &'static str) -> Option<At<DeValue<'t>>> {
        self.asked.push(key);
        let value = self.table.remove(key)?;
        self.taken.push((key, value.span()));
        Some(At {
            key: self.join(key),
            span: value.span(),
            value: value.into_inner(),
        })
    }

    fn wrong_type<T>(&self, at: &At<DeValue<'_>>, wanted: &str) -> Option<T> {
        let what = format!("is {}, must be {wanted}", kind(&at.value));
        self.document.fault(at, what, "");
        None
    }

    /// True when the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Counts a key that is not there as known, for hints.
    pub(crate) fn know(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let at = self.take(key)?;
        match at.value {
            DeValue::String(text) => Some(At {
                value: text.into_owned(),
                key: at.key,
                span: at.span,
            }),
            _ => self.wrong_type(&at, "a text in quotes"),
        }
    }

    /// A text that must be there and not be blank.
    pub(crate) fn required(&mut self, key: &'static str, hint: &str) -> Option<At<String>> {
        if !self.table.contains_key(key) {
            self.asked.push(key);
            let at = At {
                value: (),
                key: self.join(key),
                span: self.span.clone(),
            };
            self.document.fault(&at, "is missing", hint);
            return None;
        }
        let at = self.text(key)?;
        if at.value.trim().is_empty() {
            self.document.fault(&at, "must not be empty", hint);
            return None;
        }
        Some(at)
    }

    /// A text that some parser understands.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        hint: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let at = self.text(key)?;
        match parse(&at.value) {
            Ok(value) => Some(At {
                value,
                key: at.key,
                span: at.span,
            }),
            Err(error) => {
                self.document.fault(&at, error.to_string(), hint);
                None
            }
        }
    }

    /// A span of time: a text such as `"5s"`, or whole seconds; within `range`.
    pub(crate) fn time(&mut self, key: &'static str, range: Range<Duration>) -> Option<Duration> {
        let at = self.take(key)?;
        let typed = match &at.value {
            DeValue::String(text) => text.clone(),
            DeValue::Integer(number) if number.radix() == 10 => {
                Cow::Owned(number.as_str().to_owned())
            }
            _ => return self.wrong_type(&at, "a span of time such as \"30s\""),
        };
        match crate::domain::time::parse_span(&typed) {
            Ok(span) if range.contains(&span) => Some(span),
            Ok(_) => {
                let what = format!(
                    "must be at least {} and less than {}: `{typed}`",
                    span_text(range.start),
                    span_text(range.end)
                );
                self.document.fault(&at, what, "");
                None
            }
            Err(error) => {
                self.document.fault(&at, format!("{error}: `{typed}`"), "");
                None
            }
        }
    }

    /// A point in time: TOML's own, with its offset, or a text; it must be there.
    pub(crate) fn moment(&mut self, key: &'static str) -> Option<At<Timestamp>> {
        if !self.has(key) {
            self.required(key, "in UTC, such as `2026-12-18T00:00:00Z`");
            return None;
        }
        let at = self.take(key)?;
        let typed = match &at.value {
            DeValue::String(text) => text.clone().into_owned(),
            DeValue::Datetime(time) => time.to_string(),
            _ => return self.wrong_type(&at, "a time such as 2026-12-18T00:00:00Z"),
        };
        match Timestamp::parse(&typed) {
            Ok(time) => Some(at.with(time)),
            Err(error) => {
                let hint = "date, time and offset are all needed: `2026-12-18T00:00:00Z`";
                self.document
                    .fault(&at, format!("{error}: `{typed}`"), hint);
                None
            }
        }
    }

    /// A text, or a number as it is written.
    pub(crate) fn number_or_text(&mut self, key: &'static str) -> Option<At<String>> {
        let at = self.take(key)?;
        let text = match &at.value {
            DeValue::String(text) => text.clone().into_owned(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => return self.wrong_type(&at, "a number, or a text such as \"< 0.01\""),
        };
        Some(at.with(text))
    }

    /// True or false.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let at = self.take(key)?;
        match at.value {
            DeValue::Boolean(value) => Some(value),
            _ => self.wrong_type(&at, "true or false"),
        }
    }

    /// A whole number within `range`.
    pub(crate) fn whole(&mut self, key: &'static str, range: Range<u64>) -> Option<u64> {
        let at = self.take(key)?;
        let DeValue::Integer(number) = &at.value else {
            return self.wrong_type(&at, "a whole number");
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if range.contains(&value) => Some(value),
            Ok(_) | Err(_) => {
                let what = format!(
                    "must be at least {} and less than {}: {number}",
                    range.start, range.end
                );
                self.document.fault(&at, what, "");
                None
            }
        }
    }

    /// One word of a closed list.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let at = self.text(key)?;
        self.pick(&at, words)
    }

    /// The meaning of a word, or a problem that lists the words there are.
    pub(crate) fn pick<T: Copy>(&self, at: &At<String>, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == at.value);
        if found.is_none() {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let what = format!("`{}` is not one of {}", at.value, known.join(", "));
            self.document
                .fault(at, what, closest_hint(&at.value, words.iter().map(|w| w.0)));
        }
        found.map(|(_, value)| *value)
    }

    fn list(&mut self, key: &'static str) -> Vec<At<DeValue<'t>>> {
        let Some(at) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = at.value else {
            self.wrong_type::<()>(&at, "a list");
            return Vec::new();
        };
        if items.len() > LIST_MAX {
            let at = At {
                value: (),
                key: at.key,
                span: at.span,
            };
            self.document.fault(
                &at,
                format!("has {} entries, {LIST_MAX} is the most", items.len()),
                "",
            );
            return Vec::new();
        }
        let numbered = items.into_iter().enumerate();
        numbered
            .map(|(index, item)| At {
                key: format!("{}[{index}]", at.key),
                span: item.span(),
                value: item.into_inner(),
            })
            .collect()
    }

    /// A list of texts; empty when the key is absent.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        let items = self.list(key);
        items
            .into_iter()
            .filter_map(|at| match at.value {
                DeValue::String(text) => Some(At {
                    value: text.into_owned(),
                    key: at.key,
                    span: at.span,
                }),
                _ => self.wrong_type(&at, "a text in quotes"),
            })
            .collect()
    }

    /// A list of user or group numbers; empty when the key is absent.
    pub(crate) fn ids(&mut self, key: &'static str) -> Vec<At<u32>> {
        let items = self.list(key);
        items
            .into_iter()
            .filter_map(|at| {
                let number = match &at.value {
                    DeValue::Integer(n) => u32::from_str_radix(n.as_str(), n.radix()).ok(),
                    _ => None,
                };
                match number {
                    Some(value) => Some(At {
                        value,
                        key: at.key,
                        span: at.span,
                    }),
                    None => self.wrong_type(&at, "a user number from 0 to 4294967295"),
                }
            })
            .collect()
    }

    /// A table below this one.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Section<'d, 't>> {
        let at = self.take(key)?;
        self.open(at)
    }

    fn open(&self, at: At<DeValue<'t>>) -> Option<Section<'d, 't>> {
        match at.value {
            DeValue::Table(table) => Some(Section::new(self.document, at.key, at.span, table)),
            _ => self.wrong_type(&at, "a table"),
        }
    }

    /// A list of tables (`[[key]]`); empty when the key is absent.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'d, 't>> {
        let items = self.list(key);
        items.into_iter().filter_map(|at| self.open(at)).collect()
    }

    /// Tables below this one by name (`[key.NAME]`), with the names.
    pub(crate) fn named(&mut self, key: &'static str) -> Vec<(At<String>, Section<'d, 't>)> {
        let Some(parent) = self.section(key) else {
            return Vec::new();
        };
        let entries = parent.entries();
        entries
            .into_iter()
            .filter_map(|(name, at)| Some((name, self.open(at)?)))
            .collect()
    }

    /// Texts by name: a table whose keys are free.
    pub(crate) fn pairs(&mut self, key: &'static str) -> Vec<(At<String>, At<String>)> {
        let Some(parent) = self.section(key) else {
            return Vec::new();
        };
        let entries = parent.entries();
        entries
            .into_iter()
            .filter_map(|(name, at)| match at.value {
                DeValue::String(text) => {
                    let value = At {
                        value: text.into_owned(),
                        key: at.key,
                        span: at.span,
                    };
                    Some((name, value))
                }
                _ => self.wrong_type(&at, "a text in quotes"),
            })
            .collect()
    }

    fn entries(self) -> Vec<(At<String>, At<DeValue<'t>>)> {
        let path = self.path;
        let entries = self.table.into_iter();
        entries
            .map(
                |(name, value): (Spanned<Cow<'_, str>>, Spanned<DeValue<'t>>)| {
                    let key = format!("{path}.{}", name.get_ref());
                    let at = At {
                        key: key.clone(),
                        span: value.span(),
                        value: value.into_inner(),
                    };
                    let name = At {
                        key,
                        span: name.span(),
                        value: name.into_inner().into_owned(),
                    };
                    (name, at)
                },
            )
            .collect()
    }

    /// Names every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (name, _) in &self.table {
            let hint = closest_hint(name.get_ref(), self.asked.iter().copied());
            let hint = if hint.is_empty() {
                let mut known: Vec<String> = self.asked.iter().map(|k| format!("`{k}`")).collect();
                known.sort();
                format!("known here: {}", known.join(", "))
            } else {
                hint
            };
            let key = self.join(name.get_ref());
            self.document.note(&key, name.span(), "unknown key", hint);
        }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `250ms`, `30s`, `5m`, `24h`: the largest unit that says it exactly.
fn span_text(span: Duration) -> String {
    let (ms, s) = (span.subsec_millis(), span.as_secs());
    match (ms, s) {
        (0, s) if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
        (0, s) if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        (0, s) => format!("{s}s"),
        _ => format!("{}ms", span.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_not_bytes() {
        assert_eq!(place("a = \"ü\" x", 8), (1, 8));
        assert_eq!(place("a\nbc", 3), (2, 2));
        assert_eq!(place("", 99), (1, 1));
    }

    #[test]
    fn no_input_panics() {
        for text in [
            "[",
            "a.b = 1\na = 2",
            "\u{0}",
            "x = [1,",
            "[[p]]\n[p]",
            "=",
            "a=\"\\q\"",
        ] {
            let document = Document::new(Path::new("x.toml"), text);
            let mut root = document.root();
            root.texts("a");
            root.sections("p");
            root.finish();
            assert!(document.into_problems().is_some(), "{text:?}");
        }
    }
}
