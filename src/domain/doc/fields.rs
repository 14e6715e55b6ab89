//! Reading the lines of a document in their fixed order, each as the type its key asks for.

use super::Doc;
use super::error::{DocError, Fault};
use crate::domain::digest::Digest;
use crate::domain::time::Timestamp;

/// Length of `YYYY-MM-DDTHH:MM:SSZ`.
const SECONDS_TEXT_BYTES: usize = 20;
/// Length of `YYYY-MM-DDTHH:MM:SS.mmmZ`.
const MILLIS_TEXT_BYTES: usize = 24;

/// Reads the lines of a document one by one; a key out of order, missing or left over is an error.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    doc: &'a Doc,
    next: usize,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(doc: &'a Doc) -> Self {
        Self { doc, next: 0 }
    }

    /// The next line, which must have this key.
    ///
    /// # Errors
    /// [`Fault::Order`] for another key, [`Fault::Ends`] when no line is left.
    pub fn take(&mut self, key: &str) -> Result<Field<'a>, DocError> {
        let line = self.next.saturating_add(2);
        let expected = || key.to_owned();
        match self.doc.lines.get(self.next) {
            None => {
                let expected = expected();
                Err(DocError::new(line, 1, Fault::Ends { expected }))
            }
            Some((found, _)) if found != key => {
                let (expected, found) = (expected(), found.clone());
                Err(DocError::new(line, 1, Fault::Order { expected, found }))
            }
            Some((key, value)) => {
                self.next = self.next.saturating_add(1);
                Ok(Field { key, value, line })
            }
        }
    }

    /// Demands that no line is left.
    ///
    /// # Errors
    /// [`Fault::Extra`] at the first line that was not taken.
    pub fn finish(self) -> Result<(), DocError> {
        match self.doc.lines.get(self.next) {
            None => Ok(()),
            Some((found, _)) => {
                let (line, found) = (self.next.saturating_add(2), found.clone());
                Err(DocError::new(line, 1, Fault::Extra { found }))
            }
        }
    }
}

/// One line of a document. Its methods read the decoded value as one type, strictly.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    key: &'a str,
    value: &'a [u8],
    line: usize,
}

impl<'a> Field<'a> {
    /// The decoded value.
    pub const fn bytes(self) -> &'a [u8] {
        self.value
    }

    /// An error at this line: the value is not what the key asks for, such as "a step id".
    pub fn refuse(self, expected: impl Into<String>) -> DocError {
        let fault = Fault::Value {
            key: self.key.to_owned(),
            expected: expected.into(),
        };
        let column = self.key.len().saturating_add(3);
        DocError::new(self.line, column, fault)
    }

    /// The value as text.
    ///
    /// # Errors
    /// [`Fault::Value`] when it is not UTF-8.
    pub fn text(self) -> Result<&'a str, DocError> {
        std::str::from_utf8(self.value).map_err(|_| self.refuse("UTF-8"))
    }

    /// The value as a name or id that checks its own shape, such as [`crate::domain::id::StepId`].
    ///
    /// # Errors
    /// [`Fault::Value`] with the type's own words.
    pub fn parse<T>(self) -> Result<T, DocError>
    where
        T: TryFrom<String>,
        T::Error: std::fmt::Display,
    {
        let text = self.text()?.to_owned();
        T::try_from(text).map_err(|error| self.refuse(format!("right: {error}")))
    }

    /// A decimal number without sign and leading zeros.
    ///
    /// # Errors
    /// [`Fault::Value`] for any other text, or a number over [`u64::MAX`].
    pub fn number(self) -> Result<u64, DocError> {
        parse_number(self.value)
            .ok_or_else(|| self.refuse("a decimal number without leading zeros"))
    }

    /// A digest: `sha256:` and 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`Fault::Value`] for any other text.
    pub fn digest(self) -> Result<Digest, DocError> {
        Digest::parse(self.text()?)
            .map_err(|_| self.refuse("a digest: `sha256:` and 64 lower-case hexadecimal digits"))
    }

    /// A digest, or nothing when the value is `none`.
    ///
    /// # Errors
    /// [`Fault::Value`] for any other text.
    pub fn digest_or_none(self) -> Result<Option<Digest>, DocError> {
        match self.value {
            b"none" => Ok(None),
            _ => self.digest().map(Some),
        }
    }

    /// A time of statements: `YYYY-MM-DDTHH:MM:SSZ`.
    ///
    /// # Errors
    /// [`Fault::Value`] for any other form.
    pub fn seconds(self) -> Result<Timestamp, DocError> {
        self.time(SECONDS_TEXT_BYTES, Timestamp::to_seconds_text)
            .ok_or_else(|| self.refuse("a UTC time `YYYY-MM-DDTHH:MM:SSZ`"))
    }

    /// A time of journal records: `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    ///
    /// # Errors
    /// [`Fault::Value`] for any other form.
    pub fn millis(self) -> Result<Timestamp, DocError> {
        self.time(MILLIS_TEXT_BYTES, |t| t.to_string())
            .ok_or_else(|| self.refuse("a UTC time `YYYY-MM-DDTHH:MM:SS.mmmZ`"))
    }

    /// Printing the time again settles that offset, case and precision are the one accepted form.
    fn time(self, length: usize, print: impl Fn(Timestamp) -> String) -> Option<Timestamp> {
        let text = std::str::from_utf8(self.value).ok()?;
        let time = Timestamp::parse(text).ok()?;
        (text.len() == length && print(time) == text).then_some(time)
    }
}

/// Reads a decimal number as documents write it: digits only, no leading zero, at most [`u64::MAX`].
pub fn parse_number(digits: &[u8]) -> Option<u64> {
    match digits {
        [] | [b'0', _, ..] => None,
        _ => digits.iter().try_fold(0_u64, |sum, digit| {
            let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            sum.checked_mul(10)?.checked_add(value)
        }),
    }
}
