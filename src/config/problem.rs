//! What is wrong with a file a person wrote, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a file.
///
/// Shown as `FILE:LINE:COLUMN: KEY: WHAT`, then a line with a hint where a person can act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named; empty when there is none.
    pub file: PathBuf,
    /// Line from 1 and column from 1 (in characters); absent when the whole file is meant.
    pub place: Option<(usize, usize)>,
    /// Dotted path of the key, such as `connect.netbox.main.every`; empty when no key is meant.
    pub key: String,
    /// What is wrong: lower case, no final stop, never a secret.
    pub what: String,
    /// What to do; empty when there is nothing to say.
    pub hint: String,
}

impl Problem {
    /// A problem with a file as a whole.
    pub(crate) fn of_file(file: &Path, what: String, hint: &str) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            key: String::new(),
            what,
            hint: hint.to_owned(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // There is no file when something is wrong with the defaults.
        if !self.file.as_os_str().is_empty() {
            write!(f, "{}", self.file.display())?;
            if let Some((line, column)) = self.place {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.what)?;
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", self.hint)?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a file, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Takes the problems, sorted by place; `None` when there are none.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by(|a, b| (a.place, &a.key).cmp(&(b.place, &b.key)));
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// The problems of several files, in the order of the files; `None` when there are none.
    pub(crate) fn joined(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let all: Vec<Problem> = all.into_iter().flat_map(|problems| problems.0).collect();
        (!all.is_empty()).then_some(Self(all))
    }

    /// The problems, by place.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
