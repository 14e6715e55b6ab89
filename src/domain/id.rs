//! Names and numbers of things, each a type of its own so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A name that does not have the shape its type asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a valid {what}: {rule}")]
pub struct NameError {
    what: &'static str,
    value: String,
    rule: &'static str,
}

/// Cuts a refused value so that an error line stays a line.
fn shown(value: &str) -> String {
    value
        .chars()
        .filter(char::is_ascii_graphic)
        .take(64)
        .collect()
}

fn is_name(text: &str, first: fn(u8) -> bool, longest: usize) -> bool {
    let bytes = text.as_bytes();
    let Some(head) = bytes.first() else {
        return false;
    };
    bytes.len() <= longest
        && first(*head)
        && bytes.iter().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-')
        })
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $longest:literal, $first:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks the shape and takes the name.
            ///
            /// # Errors
            /// [`NameError`] when the text has another shape.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if is_name(text, $first, $longest) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { what: $what, value: shown(text), rule: $rule })
                }
            }

            /// The name as text: lower-case ASCII letters, digits, `.`, `_`, `-`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                if is_name(&text, $first, $longest) {
                    Ok(Self(text))
                } else {
                    Self::new(&text)
                }
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

name!(
    /// A person, the only name used in statements. Source: the people file, or the Unix account name without one.
    PersonId, "person id", 32, |b| b.is_ascii_lowercase(),
    "a lower-case letter, then up to 31 of a-z 0-9 . _ -"
);
name!(
    /// A session, as typed after `-t`. Also the name of its directories.
    SessionName, "session name", 48, |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
    "a lower-case letter or digit, then up to 47 of a-z 0-9 . _ -"
);
name!(
    /// A step of a runbook. Unique in its plan and stable when other steps change.
    StepId, "step id", 64, |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
    "a lower-case letter or digit, then up to 63 of a-z 0-9 . _ -"
);
name!(
    /// A configured connection to an outside system, such as `main` in `[connect.prometheus.main]`.
    ConnectorName, "connector name", 48, |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
    "a lower-case letter or digit, then up to 47 of a-z 0-9 . _ -"
);
name!(
    /// A metric rule: a guard, a gate or a panel. Unique in its session.
    RuleId, "rule id", 96, |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
    "a lower-case letter or digit, then up to 95 of a-z 0-9 . _ -"
);
name!(
    /// A freeze: a time in which nothing is to be changed. Unique in its session.
    FreezeId, "freeze id", 48, |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
    "a lower-case letter or digit, then up to 47 of a-z 0-9 . _ -"
);

/// Place of a record in its journal: 0 is the genesis record, each next one is one more.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which try of a step this is: 1 is the first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct AttemptNo(pub u32);

impl fmt::Display for AttemptNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One attached terminal, unique in the life of a session server; carries no authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TerminalId(pub u64);

/// A ULID that names a session for ever: 26 characters of Crockford base 32.
///
/// Source: the ULID specification, canonical string representation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl SessionId {
    /// Makes an id from the time in milliseconds since 1970 and 80 random bits (the low ones of `random`).
    pub fn from_parts(unix_ms: u64, random: u128) -> Self {
        let value = (u128::from(unix_ms) << 80) | (random & ((1 << 80) - 1));
        let text = (0..26_u32)
            .rev()
            .map(|place| {
                let digit = usize::try_from((value >> (5 * place)) & 31).unwrap_or(0);
                char::from(*CROCKFORD.get(digit).unwrap_or(&b'0'))
            })
            .collect();
        Self(text)
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        let fits = text.len() == 26
            && text.bytes().all(|b| CROCKFORD.contains(&b))
            && text.bytes().next().is_some_and(|b| b <= b'7');
        if fits {
            Ok(Self(text))
        } else {
            Err(NameError {
                what: "session id",
                value: shown(&text),
                rule: "26 characters of Crockford base 32",
            })
        }
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> String {
        id.0
    }
}

/// A number used once: 32 lower-case hexadecimal digits from the operating system's generator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

impl Nonce {
    /// Writes 16 random bytes as the nonce's text.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(data_encoding::HEXLOWER.encode(&bytes))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Nonce {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        if text.len() == 32
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            Ok(Self(text))
        } else {
            Err(NameError {
                what: "nonce",
                value: shown(&text),
                rule: "32 lower-case hexadecimal digits",
            })
        }
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> String {
        nonce.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_shape() {
        assert!(PersonId::new("alice").is_ok());
        assert!(PersonId::new("Alice").is_err());
        assert!(PersonId::new("1alice").is_err());
        assert!(PersonId::new("").is_err());
        assert!(SessionName::new("../x").is_err());
        assert!(StepId::new("drain-broker-3").is_ok());
    }

    #[test]
    fn ulid_of_a_known_time_has_the_known_prefix() {
        // 1469918176385 ms is the example time of the ULID specification.
        let id = SessionId::from_parts(1_469_918_176_385, 0);
        assert_eq!(id.as_str(), "01ARYZ6S410000000000000000");
        assert!(SessionId::try_from(id.as_str().to_owned()).is_ok());
    }

    #[test]
    fn an_invalid_name_is_shown_without_control_characters() {
        let error = PersonId::new("a\u{1b}[31m").expect_err("escape must be refused");
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
