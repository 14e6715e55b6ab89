//! Bytes of the Table API into records: tolerant of columns we do not use, strict on those we do.

use crate::connect::http::{HttpError, decode};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// Longest id: an instance makes them of 32 hexadecimal digits; a few of its own are words.
const ID_BYTES_MAX: usize = 64;

/// What a column holds: with `sysparm_display_value=all` both what is stored and what people see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// As stored: a number, an id.
    pub(super) value: String,
    /// As people see it.
    pub(super) shown: String,
}

impl Cell {
    /// As people see it, or as it is stored when they see nothing.
    pub(super) fn text(&self) -> &str {
        if self.shown.is_empty() {
            &self.value
        } else {
            &self.shown
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;
        impl<'de> Visitor<'de> for Cells {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or an object with `value` and `display_value`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell {
                    value: text.to_owned(),
                    shown: text.to_owned(),
                })
            }

            fn visit_unit<E>(self) -> Result<Cell, E> {
                Ok(Cell::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
                let mut cell = Cell::default();
                while let Some(key) = map.next_key::<String>()? {
                    let slot = match key.as_str() {
                        "value" => &mut cell.value,
                        "display_value" => &mut cell.shown,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *slot = map.next_value::<Option<String>>()?.unwrap_or_default();
                }
                Ok(cell)
            }
        }
        deserializer.deserialize_any(Cells)
    }
}

/// One record.
pub(super) type Row = BTreeMap<String, Cell>;

#[derive(Deserialize)]
struct Body<T> {
    result: T,
    /// There even in an answer with status 200, when the instance broke off in the middle of a list.
    #[serde(default)]
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    message: String,
}

fn whole<T>(body: Body<T>) -> Result<T, HttpError> {
    match body.error {
        None => Ok(body.result),
        Some(fault) => Err(wrong(
            "error".to_owned(),
            format!("the list is not whole: {}", fault.message),
        )),
    }
}

fn wrong(path: String, what: String) -> HttpError {
    HttpError::Decode {
        path,
        what,
        snippet: String::new(),
    }
}

/// Reads a page of a list.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document, also when the instance says that the list is not whole.
pub(super) fn rows(body: &[u8]) -> Result<Vec<Row>, HttpError> {
    whole(decode::<Body<Vec<Row>>>(body)?)
}

/// Reads one record.
///
/// # Errors
/// As [`rows`].
pub(super) fn row(body: &[u8]) -> Result<Row, HttpError> {
    whole(decode::<Body<Row>>(body)?)
}

/// A configuration item.
#[derive(Debug, Clone)]
pub(super) struct Item<'r> {
    /// `sys_id`, fit to be put into addresses and queries.
    pub(super) id: String,
    /// Everything that was asked for.
    pub(super) row: &'r Row,
}

/// Reads a configuration item of a list.
///
/// # Errors
/// [`HttpError::Decode`] when it has no usable id.
pub(super) fn item(row: &Row, index: usize) -> Result<Item<'_>, HttpError> {
    Ok(Item {
        id: id_in(row, "sys_id", index)?.to_owned(),
        row,
    })
}

/// One dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    /// Id of what needs.
    pub(super) parent: String,
    /// Id of what is needed.
    pub(super) child: String,
    /// Name of what is needed.
    pub(super) child_name: String,
}

/// Reads a relation of a list.
///
/// # Errors
/// [`HttpError::Decode`] when it does not say what it relates.
pub(super) fn relation(row: &Row, index: usize) -> Result<Relation, HttpError> {
    Ok(Relation {
        parent: id_in(row, "parent", index)?.to_owned(),
        child: id_in(row, "child", index)?.to_owned(),
        child_name: row
            .get("child")
            .map(|c| c.shown.clone())
            .unwrap_or_default(),
    })
}

fn id_in<'r>(row: &'r Row, column: &str, index: usize) -> Result<&'r str, HttpError> {
    let id = row.get(column).map_or("", |cell| cell.value.as_str());
    let is_id = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(is_id) {
        return Ok(id);
    }
    Err(wrong(
        format!("result[{index}].{column}"),
        "there is no id".to_owned(),
    ))
}
