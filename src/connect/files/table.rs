//! A CMDB as a table of comma-separated values, such as a spreadsheet writes.
//!
//! The first row names the columns; a column that a component has no place for becomes a field of that name. Several tags,
//! links and dependencies in one cell are separated by `;`, or by spaces where there is no `;`. Source: RFC 4180.

use super::cmdb::{COMPONENTS_MAX, RawComponent, RawLink};
use super::text::{FileFault, Placed, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Columns of one table: every one is a field of every component.
const COLUMNS_MAX: usize = 64;

/// One cell, or a part of one, and where the cell stands.
pub(super) struct Cell {
    text: String,
    offset: usize,
}

impl Placed for Cell {
    fn text(&self) -> &str {
        &self.text
    }

    fn offset(&self) -> Option<usize> {
        Some(self.offset)
    }
}

/// The text without the mark that some programs write before it.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads the rows.
///
/// # Errors
/// [`FileFault`] with line and column: a quote without an end, columns without a name or with the same, no column `name`,
/// a row with more or fewer cells than columns.
pub(super) fn components(source: Source<'_>) -> Result<Vec<RawComponent<Cell>>, FileFault> {
    if let Some(offset) = open_quote(source.text) {
        return Err(fault(source, offset, "the quote has no end"));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(source.text.as_bytes());
    let mut columns: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for record in reader.records() {
        // Only what is no UTF-8 can fail, and that is ruled out by the type.
        let record = record.map_err(|error| fault(source, 0, &error.to_string()))?;
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let offsets = cell_offsets(source.text, start);
        // Where a cell is missing, the one before it shows the row.
        let at = |column: usize| {
            let known = offsets.get(column).or(offsets.last());
            known.copied().unwrap_or(start)
        };
        let cells = record
            .iter()
            .enumerate()
            .map(|(column, text)| Cell {
                text: text.trim().to_owned(),
                offset: at(column),
            })
            .collect::<Vec<_>>();
        let Some(columns) = &columns else {
            columns = Some(columns_of(source, cells)?);
            continue;
        };
        if cells.len() != columns.len() {
            let what = format!(
                "{} cells, where there are {} columns",
                cells.len(),
                columns.len()
            );
            return Err(fault(source, at(cells.len().min(columns.len())), &what));
        }
        // One more than is allowed is enough to say so.
        if rows.len() > COMPONENTS_MAX {
            break;
        }
        rows.push(row(columns, cells, start));
    }
    Ok(rows)
}

fn fault(source: Source<'_>, offset: usize, what: &str) -> FileFault {
    let at = Cell {
        text: String::new(),
        offset,
    };
    source.fault(&at, "", what)
}

fn columns_of(source: Source<'_>, cells: Vec<Cell>) -> Result<Vec<String>, FileFault> {
    let mut seen = BTreeSet::new();
    for cell in &cells {
        let what = if cell.text.is_empty() {
            "the column has no name".to_owned()
        } else if cells.len() == 1 && cell.text.contains([';', '\t']) {
            "columns are separated by commas".to_owned()
        } else if seen.len() >= COLUMNS_MAX {
            format!("more than {COLUMNS_MAX} columns")
        } else if seen.insert(cell.text.as_str()) {
            continue;
        } else {
            format!("column `{}` is there twice", cell.text)
        };
        return Err(source.fault(cell, "", &what));
    }
    if !seen.contains("name") {
        return Err(fault(source, 0, "there is no column `name`"));
    }
    Ok(cells.into_iter().map(|cell| cell.text).collect())
}

fn row(columns: &[String], cells: Vec<Cell>, start: usize) -> RawComponent<Cell> {
    let mut cells: BTreeMap<&str, Cell> = columns.iter().map(String::as_str).zip(cells).collect();
    let mut cell = |column: &str| {
        cells.remove(column).unwrap_or_else(|| Cell {
            text: String::new(),
            offset: start,
        })
    };
    let links = parts(&cell("links")).into_iter().map(|link| RawLink {
        title: String::new(),
        url: link.text,
    });
    let tags = parts(&cell("tags")).into_iter().map(|tag| tag.text);
    let links = links.collect();
    let tags = tags.collect();
    let depends_on = parts(&cell("depends_on"));
    let component = RawComponent {
        name: cell("name"),
        kind: cell("kind").text,
        role: cell("role").text,
        owner: cell("owner").text,
        tier: cell("tier").text,
        environment: cell("environment").text,
        site: cell("site").text,
        status: cell("status").text,
        address: cell("address").text,
        tags,
        links,
        fields: BTreeMap::new(),
        depends_on,
    };
    let fields = cells
        .into_iter()
        .filter(|(_, cell)| !cell.text.is_empty())
        .map(|(column, cell)| (column.to_owned(), cell.text));
    RawComponent {
        fields: fields.collect(),
        ..component
    }
}

/// The parts of a cell: between `;`, or between spaces where there is none.
fn parts(cell: &Cell) -> Vec<Cell> {
    let part = |text: &str| Cell {
        text: text.trim().to_owned(),
        offset: cell.offset,
    };
    if cell.text.contains(';') {
        let parts = cell.text.split(';').map(part);
        parts.filter(|part| !part.text.is_empty()).collect()
    } else {
        cell.text.split_whitespace().map(part).collect()
    }
}

/// Where a quote begins that does not end.
fn open_quote(text: &str) -> Option<usize> {
    let quotes = text.match_indices('"');
    quotes.fold(None, |open, (at, _)| match open {
        None => Some(at),
        Some(_) => None,
    })
}

/// Where each cell of the record begins that starts at or after `start`.
fn cell_offsets(text: &str, start: usize) -> Vec<usize> {
    let rest = text.get(start..).unwrap_or_default();
    // The reader counts the second half of a line break, and empty lines, to the record after it.
    let begin = start.saturating_add(
        rest.len()
            .saturating_sub(rest.trim_start_matches(['\r', '\n']).len()),
    );
    let mut offsets = vec![begin];
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate().skip(begin) {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\r' | b'\n' if !is_quoted => break,
            b',' if !is_quoted => offsets.push(at.saturating_add(1)),
            _ => {}
        }
    }
    offsets
}
