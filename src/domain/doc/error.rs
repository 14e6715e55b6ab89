//! What is wrong with a document, and where.

/// A document that is outside the grammar or not of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, byte {column}: {fault}")]
pub struct DocError {
    line: usize,
    column: usize,
    fault: Fault,
}

impl DocError {
    pub(super) const fn new(line: usize, column: usize, fault: Fault) -> Self {
        Self {
            line,
            column,
            fault,
        }
    }

    /// Line, counted from 1: the first line is the title.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Byte in the line, counted from 1.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What is wrong.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }
}

/// What is wrong with a document. Texts from the document are shown only where the grammar makes them plain ASCII.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The document is longer than its kind allows.
    #[error("document is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The last line does not end.
    #[error("line does not end with a line feed")]
    NoLineEnd,
    /// The document's name has another form.
    #[error("expected a document name: a lower-case letter, then a-z 0-9 `.` `-`, then `@v`")]
    Name,
    /// The version has another form.
    #[error("expected `@v` and a decimal number without leading zeros")]
    Version,
    /// The key has another form.
    #[error("expected a key: a lower-case letter, then a-z 0-9 `.` `-`")]
    Key,
    /// No `: ` behind the key.
    #[error("expected a key, a colon and a space")]
    NoColon,
    /// A key comes twice.
    #[error("key `{key}` comes twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// A value is empty.
    #[error("value is empty, write `none` where there is nothing")]
    Empty,
    /// A value is too long.
    #[error("value is longer than {} encoded bytes", super::VALUE_BYTES_MAX)]
    ValueTooLong,
    /// A byte that must be written as `%HH`.
    #[error("byte 0x{byte:02X} must be written as `%{byte:02X}`")]
    Byte {
        /// The byte.
        byte: u8,
    },
    /// A space at the edge of a value.
    #[error("a space at the edge of a value must be written as `%20`")]
    EdgeSpace,
    /// `%` without two digits.
    #[error("expected two upper-case hexadecimal digits after `%`")]
    Escape,
    /// `%HH` for a byte that stands for itself.
    #[error("`%` with digits is only for a byte that has no plain form")]
    Needless,
    /// Another kind of document.
    #[error("expected a document `{expected}`")]
    Title {
        /// The expected first line.
        expected: String,
    },
    /// Another key than the next in the list.
    #[error("expected key `{expected}`, found `{found}`")]
    Order {
        /// The next key of the list.
        expected: String,
        /// The key of the line.
        found: String,
    },
    /// Lines are missing at the end.
    #[error("expected key `{expected}`, found the end of the document")]
    Ends {
        /// The next key of the list.
        expected: String,
    },
    /// Lines are left over.
    #[error("unexpected key `{found}`")]
    Extra {
        /// The first key that is too many.
        found: String,
    },
    /// A value that its key does not allow.
    #[error("value of `{key}` is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// What the key asks for.
        expected: String,
    },
}
