//! A chart of a few series over time, with limit lines and marks, in Braille dots or in ASCII.

use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// What a chart shows. Values stand for equal spans of time, oldest first, one for each dot column.
pub(crate) struct Chart {
    /// Values of each series; absent where there is no sample.
    pub(crate) series: Vec<Vec<Option<f64>>>,
    /// Limit lines.
    pub(crate) limits: Vec<(f64, Role)>,
    /// Dot columns at which something happened.
    pub(crate) marks: Vec<usize>,
    /// Lowest and highest value of the scale.
    pub(crate) scale: (f64, f64),
}

/// Dots of one cell: Braille has two columns of four.
const DOTS_WIDE: usize = 2;
const DOTS_HIGH: usize = 4;

/// Dot columns a chart of `cells` cells has.
pub(crate) const fn columns(cells: usize, braille: bool) -> usize {
    if braille {
        cells.saturating_mul(DOTS_WIDE)
    } else {
        cells
    }
}

/// Lowest and highest finite value among series and limits, with room above and below. A flat line gets a band.
pub(crate) fn scale(series: &[Vec<Option<f64>>], limits: &[(f64, Role)]) -> (f64, f64) {
    let values = series
        .iter()
        .flatten()
        .flatten()
        .copied()
        .chain(limits.iter().map(|(v, _)| *v));
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
    if low > high {
        return (0.0, 1.0);
    }
    let span = high - low;
    let room = if span > 0.0 {
        span * 0.05
    } else {
        high.abs().max(1.0) * 0.5
    };
    let bottom = if low >= 0.0 && low < span {
        0.0
    } else {
        low - room
    };
    (bottom, high + room)
}

/// Dots set in each cell, and which series set it last.
struct Grid {
    width: usize,
    height: usize,
    cells: Vec<(u8, usize)>,
}

/// Bits of the Braille pattern by dot column and row. Source: Unicode, block "Braille Patterns", U+2800.
const BITS: [[u8; DOTS_HIGH]; DOTS_WIDE] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Grid {
    fn set(&mut self, column: usize, row: usize, series: usize, dots: (usize, usize)) {
        let (x, y) = (column / dots.0, row / dots.1);
        if x >= self.width || y >= self.height {
            return;
        }
        let bit = BITS
            .get(column % dots.0)
            .and_then(|b| b.get(row % dots.1))
            .copied()
            .unwrap_or(1);
        if let Some(cell) = self
            .cells
            .get_mut(y.saturating_mul(self.width).saturating_add(x))
        {
            cell.0 |= bit;
            cell.1 = series;
        }
    }
}

/// Which of `rows` rows, from the top, a value lies in; absent outside the scale.
fn row_of(value: f64, (low, high): (f64, f64), rows: usize) -> Option<usize> {
    if !value.is_finite() || high <= low || rows == 0 {
        return None;
    }
    let share = (high - value) / (high - low);
    // The row is found by comparing, since a float is never cast: rows are few.
    let last = rows.saturating_sub(1);
    (0.0..=1.0).contains(&share).then(|| {
        (0..last)
            .find(|r| share < row_edge(*r, rows))
            .unwrap_or(last)
    })
}

fn row_edge(row: usize, rows: usize) -> f64 {
    (row as f64 + 1.0) / rows as f64
}

/// Draws the chart into `area`.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, chart: &Chart) {
    let glyphs = canvas.look().glyphs;
    let dots = if glyphs.braille {
        (DOTS_WIDE, DOTS_HIGH)
    } else {
        (1, 1)
    };
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut grid = Grid {
        width,
        height,
        cells: vec![(0, 0); width.saturating_mul(height)],
    };
    let dot_rows = height.saturating_mul(dots.1);
    for (at, series) in chart.series.iter().enumerate() {
        let mut before: Option<usize> = None;
        for (column, value) in series.iter().enumerate() {
            let row = value.and_then(|v| row_of(v, chart.scale, dot_rows));
            if let Some(row) = row {
                // A step between two samples is drawn as a line, so that a jump is seen.
                let from = before.unwrap_or(row);
                for y in from.min(row)..=from.max(row) {
                    grid.set(column, y, at, dots);
                }
            }
            before = row;
        }
    }
    let limits: Vec<(usize, Role)> = chart
        .limits
        .iter()
        .filter_map(|(v, role)| Some((row_of(*v, chart.scale, height)?, *role)))
        .collect();
    let marks: Vec<usize> = chart.marks.iter().map(|column| column / dots.0).collect();
    for y in 0..height {
        let mut row = Row::new();
        for x in 0..width {
            let place = y.saturating_mul(width).saturating_add(x);
            let (bits, series) = grid.cells.get(place).copied().unwrap_or_default();
            row = cell(
                canvas,
                row,
                (bits, series),
                limits.iter().find(|(l, _)| *l == y),
                marks.contains(&x),
            );
        }
        canvas.row(area, y, row);
    }
}

fn cell(
    canvas: &Canvas<'_>,
    row: Row,
    (bits, series): (u8, usize),
    limit: Option<&(usize, Role)>,
    marked: bool,
) -> Row {
    let glyphs = canvas.look().glyphs;
    if bits != 0 {
        let style = canvas.look().series(series);
        return if glyphs.braille {
            row.text(braille(bits).as_str(), style)
        } else {
            row.fixed("*", style)
        };
    }
    match (limit, marked) {
        (Some((_, role)), _) => row.fixed(glyphs.limit, canvas.of(*role)),
        (None, true) => row.fixed(glyphs.marker, canvas.of(Role::Dim)),
        (None, false) => row.fixed(" ", Style::new()),
    }
}

fn braille(bits: u8) -> String {
    char::from_u32(0x2800 + u32::from(bits))
        .map(String::from)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_rows_from_the_top() {
        assert_eq!(row_of(10.0, (0.0, 10.0), 4), Some(0));
        assert_eq!(row_of(0.0, (0.0, 10.0), 4), Some(3));
        assert_eq!(row_of(4.9, (0.0, 10.0), 4), Some(2));
        assert_eq!(row_of(11.0, (0.0, 10.0), 4), None);
        assert_eq!(row_of(f64::NAN, (0.0, 10.0), 4), None);
    }

    #[test]
    fn a_scale_holds_values_and_limits() {
        let (low, high) = scale(
            &[vec![Some(1.0), None, Some(2.0)]],
            &[(5.0, Role::LimitCrit)],
        );
        assert!(low <= 1.0 && high >= 5.0);
        assert_eq!(scale(&[], &[]), (0.0, 1.0));
        let (low, high) = scale(&[vec![Some(3.0)]], &[]);
        assert!(low < 3.0 && high > 3.0);
    }
}
