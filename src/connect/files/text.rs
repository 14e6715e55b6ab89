//! TOML or JSON into one shape, with places for what is wrong.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {what}", file.display(), place_text(*.place))]
pub struct FileFault {
    /// The file.
    pub file: PathBuf,
    /// Line and column from 1, where known.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub what: String,
}

fn place_text(place: Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"))
}

/// A text that may know where it stands: TOML says so, JSON does not.
pub(super) trait Placed {
    /// The text.
    fn text(&self) -> &str;
    /// Byte offset in the file.
    fn offset(&self) -> Option<usize>;
}

impl Placed for String {
    fn text(&self) -> &str {
        self
    }
    fn offset(&self) -> Option<usize> {
        None
    }
}

impl Placed for toml::Spanned<String> {
    fn text(&self) -> &str {
        self.get_ref()
    }
    fn offset(&self) -> Option<usize> {
        Some(self.span().start)
    }
}

/// A file that has been read, for faults found later.
#[derive(Clone, Copy)]
pub(super) struct Source<'t> {
    /// The file.
    pub(super) file: &'t Path,
    /// Its text.
    pub(super) text: &'t str,
}

impl Source<'_> {
    /// True when the file's name ends in that: `json`, `csv`.
    pub(super) fn is(self, extension: &str) -> bool {
        self.file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case(extension))
    }

    /// Something wrong with `at`; `path` names it where no line is known.
    pub(super) fn fault(self, at: &impl Placed, path: &str, what: &str) -> FileFault {
        let place = at.offset().map(|offset| self.place(offset));
        let what = match place {
            Some(_) => what.to_owned(),
            None => format!("`{path}`: {what}"),
        };
        self.whole(place, what)
    }

    fn whole(self, place: Option<(usize, usize)>, what: String) -> FileFault {
        FileFault {
            file: self.file.to_owned(),
            place,
            what,
        }
    }

    fn place(self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let last = before.rsplit('\n').next().unwrap_or_default();
        (
            before.matches('\n').count().saturating_add(1),
            last.chars().count().saturating_add(1),
        )
    }

    /// Reads JSON.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<T, FileFault> {
        serde_json::from_str(self.text).map_err(|error| {
            let place = (error.line() > 0).then(|| (error.line(), error.column().max(1)));
            let text = error.to_string();
            // The place is in front already.
            let what = text.split(" at line ").next().unwrap_or(&text);
            self.whole(place, what.to_owned())
        })
    }

    /// Reads TOML.
    pub(super) fn toml<T: for<'de> Deserialize<'de>>(self) -> Result<T, FileFault> {
        toml::from_str(self.text).map_err(|error| {
            let place = error.span().map(|span| self.place(span.start));
            self.whole(place, error.message().replace('\n', ", "))
        })
    }
}
