//! The form of everything that passes between server, runner and the runner's own child: named parts of bytes.
//!
//! `title LF`, then for each part `name SP length LF bytes LF`, in an order that both sides know. There is one way to
//! write each value, so that printing what was read gives the same bytes again.

use crate::domain::doc::{is_key, parse_number};

/// Longest title or name with its length: longer is not ours, and must not be searched for its end.
const HEAD_BYTES_MAX: usize = 96;

/// Bytes that are not the parts that were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartsFault {
    /// Another document, or another version of it.
    #[error("it does not begin with `{expected}`")]
    Title {
        /// The title that was expected.
        expected: &'static str,
    },
    /// Another part than the expected one, or none.
    #[error("part `{expected}` is missing or malformed at byte {at}")]
    Part {
        /// The part that was expected.
        expected: String,
        /// Where, counted from 0.
        at: usize,
    },
    /// More than a part of this name may hold.
    #[error("part `{name}` has {bytes} bytes, more than {limit}")]
    TooLong {
        /// The part.
        name: String,
        /// What it says.
        bytes: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// Something after the last part.
    #[error("there is something after the last part, at byte {at}")]
    Extra {
        /// Where, counted from 0.
        at: usize,
    },
    /// Its content is not what the part is for.
    #[error("part `{name}` is not {expected}")]
    Value {
        /// The part.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Writes parts.
#[derive(Debug, Clone)]
pub(crate) struct PartsWriter(Vec<u8>);

impl PartsWriter {
    /// Begins with a title.
    pub(crate) fn new(title: &'static str) -> Self {
        let mut bytes = title.as_bytes().to_vec();
        bytes.push(b'\n');
        Self(bytes)
    }

    /// Adds a part.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b' ');
        self.0.extend_from_slice(value.len().to_string().as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
        self
    }

    /// Adds a list: its length, then each entry under the same name.
    #[must_use]
    pub(crate) fn with_all<T: AsRef<[u8]>>(self, name: &str, values: &[T]) -> Self {
        let counted = self.with(&format!("{name}c"), values.len().to_string());
        values
            .iter()
            .fold(counted, |parts, value| parts.with(name, value))
    }

    /// The bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads parts in their order.
#[derive(Debug, Clone)]
pub(crate) struct PartsReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> PartsReader<'a> {
    /// Begins behind the title.
    pub(crate) fn new(bytes: &'a [u8], title: &'static str) -> Result<Self, PartsFault> {
        let rest = bytes.strip_prefix(title.as_bytes());
        if rest.is_some_and(|rest| rest.first() == Some(&b'\n')) {
            let at = title.len().saturating_add(1);
            Ok(Self { bytes, at })
        } else {
            Err(PartsFault::Title { expected: title })
        }
    }

    /// The next part, which must have this name and at most `limit` bytes.
    pub(crate) fn take(&mut self, name: &str, limit: usize) -> Result<&'a [u8], PartsFault> {
        let at = self.at;
        let malformed = || PartsFault::Part {
            expected: name.to_owned(),
            at,
        };
        let rest = self.bytes.get(at..).ok_or_else(malformed)?;
        let head = rest.get(..HEAD_BYTES_MAX.min(rest.len())).unwrap_or(rest);
        let end = head.iter().position(|b| *b == b'\n');
        let end = end.ok_or_else(malformed)?;
        let (head, rest) = rest.split_at_checked(end).ok_or_else(malformed)?;
        let length = head
            .strip_prefix(name.as_bytes())
            .and_then(|head| head.strip_prefix(b" "))
            .filter(|_| is_key(name.as_bytes()))
            .and_then(parse_number)
            .ok_or_else(malformed)?;
        let bytes = usize::try_from(length).ok().filter(|n| *n <= limit);
        let bytes = bytes.ok_or_else(|| PartsFault::TooLong {
            name: name.to_owned(),
            bytes: length,
            limit,
        })?;
        let value = rest.get(1..).and_then(|rest| rest.split_at_checked(bytes));
        let (value, rest) = value.ok_or_else(malformed)?;
        if rest.first() != Some(&b'\n') {
            return Err(malformed());
        }
        self.at = at
            .saturating_add(end)
            .saturating_add(bytes)
            .saturating_add(2);
        Ok(value)
    }

    /// The next part as text.
    pub(crate) fn text(&mut self, name: &str, limit: usize) -> Result<&'a str, PartsFault> {
        let bytes = self.take(name, limit)?;
        std::str::from_utf8(bytes).map_err(|_| PartsFault::Value {
            name: name.to_owned(),
            expected: "UTF-8",
        })
    }

    /// The next part as a decimal number without leading zeros.
    pub(crate) fn number(&mut self, name: &str) -> Result<u64, PartsFault> {
        /// Digits of the largest number.
        const DIGITS_MAX: usize = 20;
        let bytes = self.take(name, DIGITS_MAX)?;
        parse_number(bytes).ok_or_else(|| PartsFault::Value {
            name: name.to_owned(),
            expected: "a decimal number without leading zeros",
        })
    }

    /// The next part as text that a type reads by itself.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        limit: usize,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, PartsFault> {
        let text = self.text(name, limit)?;
        read(text).ok_or_else(|| PartsFault::Value {
            name: name.to_owned(),
            expected,
        })
    }

    /// The length of a list.
    pub(crate) fn count(&mut self, name: &str, limit: usize) -> Result<usize, PartsFault> {
        let name = format!("{name}c");
        let said = self.number(&name)?;
        let count = usize::try_from(said).ok().filter(|n| *n <= limit);
        count.ok_or(PartsFault::TooLong {
            name,
            bytes: said,
            limit,
        })
    }

    /// A list of at most `entries_max` texts of at most `limit` bytes each.
    pub(crate) fn texts(
        &mut self,
        name: &str,
        entries_max: usize,
        limit: usize,
    ) -> Result<Vec<String>, PartsFault> {
        let count = self.count(name, entries_max)?;
        (0..count)
            .map(|_| self.text(name, limit).map(str::to_owned))
            .collect()
    }

    /// Demands that nothing is left.
    pub(crate) fn finish(self) -> Result<(), PartsFault> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(PartsFault::Extra { at: self.at })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let bytes = PartsWriter::new("thing@v1")
            .with("a", "x\ny")
            .with_all("arg", &["", "b"])
            .finish();
        let read = |bytes: &[u8]| -> Result<(Vec<u8>, Vec<String>), PartsFault> {
            let mut parts = PartsReader::new(bytes, "thing@v1")?;
            let a = parts.take("a", 3)?.to_vec();
            let list = parts.texts("arg", 2, 1)?;
            parts.finish()?;
            Ok((a, list))
        };
        let expected = (b"x\ny".to_vec(), vec![String::new(), "b".to_owned()]);
        assert_eq!(read(&bytes), Ok(expected.clone()));
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(
                read(&other) != Ok(expected.clone()),
                "another byte at {at} reads the same"
            );
        }
        let more = [&bytes[..], b"\n"].concat();
        assert_eq!(read(&more), Err(PartsFault::Extra { at: bytes.len() }));
    }

    #[test]
    fn a_length_is_judged_before_anything_is_taken() {
        let mut parts = PartsReader::new(b"t@v1\na 99999999999999\n", "t@v1").expect("title");
        let limit = 10;
        assert_eq!(
            parts.take("a", limit),
            Err(PartsFault::TooLong {
                name: "a".to_owned(),
                bytes: 99_999_999_999_999,
                limit
            })
        );
        for length in ["01", "-1", "+1", "", " 1", "1 "] {
            let bytes = format!("t@v1\na {length}\nx\n");
            let mut parts = PartsReader::new(bytes.as_bytes(), "t@v1").expect("title");
            assert!(parts.take("a", limit).is_err(), "{length:?}");
        }
    }
}
