//! The usual answer of a query, read in one pass. An answer of thousands of series is mostly its own length: looking
//! for the end of `data`, then of `result`, and only then reading it costs twice as much as reading it at once.
//!
//! Whatever is not the usual answer (an error, another type of result, another order, a fault) is not judged here: the
//! caller reads it again with care, and says what is wrong with it.

use super::{KeepFirst, Kept, Labelled};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A list of series with what stands beside it in the envelope.
pub(super) struct Found<T> {
    /// The first series by labels.
    pub(super) kept: Kept<T>,
    /// The server's `warnings`.
    pub(super) warnings: Option<Vec<String>>,
    /// The server's `infos`.
    pub(super) infos: Option<Vec<String>>,
    /// The server's `isPartial`.
    pub(super) is_partial: bool,
}

/// Reads a successful answer whose type of result is `kind`. None is "not the usual answer".
pub(super) fn read<'a, T: Deserialize<'a> + Labelled>(
    body: &'a [u8],
    kind: &'static str,
    limit: usize,
) -> Option<Found<T>> {
    // Looked at once as a whole, instead of text by text.
    let text = std::str::from_utf8(body).ok()?;
    let list = List {
        kind,
        keep: KeepFirst::<T> {
            limit,
            kind: PhantomData,
        },
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let found = Answer(list).deserialize(&mut json).ok()?;
    json.end().is_ok().then_some(found)
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    Status,
    Data,
    Warnings,
    Infos,
    IsPartial,
    #[serde(other)]
    Other,
}

/// The envelope.
struct Answer<T>(List<T>);

impl<'de, T: Deserialize<'de> + Labelled> DeserializeSeed<'de> for Answer<T> {
    type Value = Found<T>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Found<T>, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de> + Labelled> Visitor<'de> for Answer<T> {
    type Value = Found<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of a query")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<T>, A::Error> {
        let (mut is_success, mut kept) = (None, None);
        let (mut warnings, mut infos, mut is_partial) = (None, None, false);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Status if is_success.is_none() => {
                    is_success = Some(map.next_value::<Cow<'de, str>>()? == "success");
                }
                Key::Data if kept.is_none() => kept = Some(map.next_value_seed(self.0)?),
                Key::Warnings => warnings = map.next_value()?,
                Key::Infos => infos = map.next_value()?,
                Key::IsPartial => is_partial = map.next_value()?,
                Key::Status | Key::Data => return Err(A::Error::custom("it stands there twice")),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match kept {
            Some(kept) if is_success == Some(true) => Ok(Found {
                kept,
                warnings,
                infos,
                is_partial,
            }),
            _ => Err(A::Error::custom("no success with data")),
        }
    }
}

/// `data`: its type stands before its list, as every server writes it.
struct List<T> {
    kind: &'static str,
    keep: KeepFirst<T>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<T> {}

impl<'de, T: Deserialize<'de> + Labelled> DeserializeSeed<'de> for List<T> {
    type Value = Kept<T>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Kept<T>, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de> + Labelled> Visitor<'de> for List<T> {
    type Value = Kept<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}", self.kind)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kept<T>, A::Error> {
        let (mut is_kind, mut kept) = (false, None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "resultType" => is_kind = map.next_value::<Cow<'de, str>>()? == self.kind,
                "result" if is_kind && kept.is_none() => {
                    kept = Some(map.next_value_seed(self.keep)?);
                }
                "result" => return Err(A::Error::custom("not this type")),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        kept.ok_or_else(|| A::Error::custom("no result"))
    }
}
