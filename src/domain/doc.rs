//! The one grammar of everything that is signed or chained: `name@vN`, then `key: value` lines.
//!
//! Parser and printer live together so that they cannot drift: for every accepted input printing the parsed
//! document gives the same bytes, and every value has exactly one encoding. There are no optional parts, blank
//! lines, comments, carriage returns or byte order marks.
//!
//! Source: `TWO_PERSON` 5.1.

mod armour;
mod encoding;
mod error;
mod fields;
#[cfg(test)]
mod tests;

pub use armour::{ARMOUR_BEGIN, ARMOUR_END, split_armour};
pub use encoding::{decode, encode};
pub use error::{DocError, Fault};
pub use fields::{Field, Fields, parse_number};

use encoding::{decode_bytes, encode_into};
use std::collections::HashSet;

/// Longest document, 64 KiB: a plan with hundreds of arguments fits, and a screen can still show all of it.
pub const DOC_BYTES_MAX: usize = 64 * 1024;
/// Longest signed statement, 4 KiB: twenty lines of digests and names, with room to spare.
pub const STATEMENT_BYTES_MAX: usize = 4 * 1024;
/// Longest value, counted as encoded: the longest argument that a person can be asked to read.
pub const VALUE_BYTES_MAX: usize = 2048;

/// A document: a name with a version, then lines of a key and a value in a fixed order.
///
/// Shape: `lines` hold decoded values, never empty, and no key twice. The fields are open so that a document
/// can be built freely; [`Doc::print`] is what refuses a shape that could not be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// Kind of document, such as `warroom-confirm`: a letter, then a-z 0-9 `.` `-`.
    pub name: String,
    /// Version behind `@v`.
    pub version: u32,
    /// Key and decoded value, in order.
    pub lines: Vec<(String, Vec<u8>)>,
}

impl Doc {
    /// An empty document of this kind.
    pub fn new(name: &str, version: u32) -> Self {
        Self {
            name: name.to_owned(),
            version,
            lines: Vec::new(),
        }
    }

    /// Adds a line at the end. Nothing is checked before [`Doc::print`].
    #[must_use]
    pub fn with(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.lines.push((key.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Reads a document of at most [`DOC_BYTES_MAX`].
    ///
    /// # Errors
    /// [`DocError`] with line and byte for anything outside the grammar, a key that comes twice, or a document
    /// or value that is too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocError> {
        Self::parse_within(bytes, DOC_BYTES_MAX)
    }

    /// Reads a statement: as [`Doc::parse`], but at most [`STATEMENT_BYTES_MAX`].
    ///
    /// # Errors
    /// As [`Doc::parse`].
    pub fn parse_statement(bytes: &[u8]) -> Result<Self, DocError> {
        Self::parse_within(bytes, STATEMENT_BYTES_MAX)
    }

    /// Writes the document, at most [`DOC_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`DocError`] for a shape that [`Doc::parse`] would not give back: a bad name or key, a key twice, an
    /// empty or too long value, a document that is too long.
    pub fn print(&self) -> Result<Vec<u8>, DocError> {
        self.print_within(DOC_BYTES_MAX)
    }

    /// Writes a statement: as [`Doc::print`], but at most [`STATEMENT_BYTES_MAX`].
    ///
    /// # Errors
    /// As [`Doc::print`].
    pub fn print_statement(&self) -> Result<Vec<u8>, DocError> {
        self.print_within(STATEMENT_BYTES_MAX)
    }

    /// Demands a name and a version.
    ///
    /// # Errors
    /// [`Fault::Title`] when the first line says something else.
    pub fn expect_title(&self, name: &str, version: u32) -> Result<(), DocError> {
        if self.name == name && self.version == version {
            return Ok(());
        }
        let expected = format!("{name}@v{version}");
        Err(DocError::new(1, 1, Fault::Title { expected }))
    }

    /// Demands exactly these keys in this order, for documents whose list of keys is fixed.
    ///
    /// # Errors
    /// [`Fault::Order`] at the first line with another key, [`Fault::Ends`] when lines are missing,
    /// [`Fault::Extra`] when lines are left over.
    pub fn expect_keys(&self, keys: &[&str]) -> Result<(), DocError> {
        let mut fields = self.fields();
        for key in keys {
            fields.take(key)?;
        }
        fields.finish()
    }

    /// Reads the lines one by one, each by its expected key.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(self)
    }

    /// The decoded value of a key. Use it after [`Doc::expect_keys`], which settles that the key is there.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.lines
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.as_slice())
    }

    fn parse_within(bytes: &[u8], limit: usize) -> Result<Self, DocError> {
        if bytes.len() > limit {
            return Err(DocError::new(1, 1, Fault::TooLong { limit }));
        }
        let mut rows = bytes.split_inclusive(|b| *b == b'\n').enumerate();
        let first = rows.next().map_or(&[][..], |(_, row)| row);
        let (name, version) = parse_title(first)?;
        let mut lines: Vec<(String, Vec<u8>)> = Vec::with_capacity(USUAL_LINES);
        let mut seen = HashSet::new();
        for (index, row) in rows {
            let line = index.saturating_add(1);
            let (key, value) = parse_line(row).map_err(|(at, f)| DocError::new(line, at, f))?;
            let is_new = if lines.len() < USUAL_LINES {
                lines.iter().all(|(k, _)| k != key)
            } else {
                // Only now is a set worth its making: a plan may have thousands of lines, a statement has a dozen.
                if seen.is_empty() {
                    seen.extend(lines.iter().map(|(k, _)| k.clone()));
                }
                seen.insert(key.to_owned())
            };
            if !is_new {
                let key = key.to_owned();
                return Err(DocError::new(line, 1, Fault::Twice { key }));
            }
            lines.push((key.to_owned(), value));
        }
        Ok(Self {
            name,
            version,
            lines,
        })
    }

    fn print_within(&self, limit: usize) -> Result<Vec<u8>, DocError> {
        if !is_key(self.name.as_bytes()) {
            return Err(DocError::new(1, 1, Fault::Name));
        }
        let mut out = format!("{}@v{}\n", self.name, self.version).into_bytes();
        let mut seen = HashSet::new();
        for (index, (key, value)) in self.lines.iter().enumerate() {
            let line = index.saturating_add(2);
            let fail = |fault| DocError::new(line, 1, fault);
            if !is_key(key.as_bytes()) {
                return Err(fail(Fault::Key));
            }
            if !seen.insert(key.as_str()) {
                return Err(fail(Fault::Twice { key: key.clone() }));
            }
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b": ");
            let start = out.len();
            encode_into(value, &mut out);
            check_length(out.len().saturating_sub(start)).map_err(fail)?;
            out.push(b'\n');
            if out.len() > limit {
                return Err(fail(Fault::TooLong { limit }));
            }
        }
        if out.len() > limit {
            return Err(DocError::new(1, 1, Fault::TooLong { limit }));
        }
        Ok(out)
    }
}

/// Lines of a usual statement or header: fewer are compared with each other faster than hashed.
const USUAL_LINES: usize = 24;

/// True for `[a-z] *( [a-z0-9.-] )`, the form of keys and of document names.
pub fn is_key(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_lowercase)
        && text
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

fn check_length(encoded: usize) -> Result<(), Fault> {
    match encoded {
        0 => Err(Fault::Empty),
        1..=VALUE_BYTES_MAX => Ok(()),
        _ => Err(Fault::ValueTooLong),
    }
}

fn parse_title(row: &[u8]) -> Result<(String, u32), DocError> {
    let fail = |at: usize, fault| DocError::new(1, at, fault);
    let row = row
        .strip_suffix(b"\n")
        .ok_or_else(|| fail(row.len().saturating_add(1), Fault::NoLineEnd))?;
    // A key holds no `@`, so the first one is the only one that can be right.
    let at = row
        .iter()
        .position(|b| *b == b'@')
        .ok_or_else(|| fail(1, Fault::Name))?;
    let (name, rest) = row.split_at_checked(at).unwrap_or((row, &[]));
    let name = key_text(name).ok_or_else(|| fail(1, Fault::Name))?;
    let version = rest
        .strip_prefix(b"@v")
        .and_then(parse_number)
        .and_then(|n| u32::try_from(n).ok())
        .ok_or_else(|| fail(at.saturating_add(1), Fault::Version))?;
    Ok((name.to_owned(), version))
}

/// Key and decoded value of one line, or the byte (from 1) and what is wrong there.
fn parse_line(row: &[u8]) -> Result<(&str, Vec<u8>), (usize, Fault)> {
    let row = row
        .strip_suffix(b"\n")
        .ok_or((row.len().saturating_add(1), Fault::NoLineEnd))?;
    let end = row
        .iter()
        .position(|b| *b == b':')
        .ok_or((1, Fault::NoColon))?;
    let (key, rest) = row.split_at_checked(end).unwrap_or((row, &[]));
    let key = key_text(key).ok_or((1, Fault::Key))?;
    let value = rest
        .strip_prefix(b": ")
        .ok_or((end.saturating_add(1), Fault::NoColon))?;
    let start = end.saturating_add(3);
    check_length(value.len()).map_err(|fault| (start, fault))?;
    let value = decode_bytes(value).map_err(|(at, fault)| (start.saturating_add(at), fault))?;
    Ok((key, value))
}

fn key_text(bytes: &[u8]) -> Option<&str> {
    is_key(bytes)
        .then(|| std::str::from_utf8(bytes).ok())
        .flatten()
}
