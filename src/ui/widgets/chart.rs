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

/// Whether a chart of so many series is drawn with dots: dots of several series are told apart by their colour alone.
pub(crate) fn has_dots(canvas: &Canvas<'_>, series: usize) -> bool {
    let look = canvas.look();
    look.glyphs.braille && (look.has_color() || series <= 1)
}

/// Dot columns a chart of `cells` cells has.
pub(crate) const fn columns(cells: usize, has_dots: bool) -> usize {
    if has_dots {
        cells.saturating_mul(DOTS_WIDE)
    } else {
        cells
    }
}

/// A limit this many times beyond the data is named at the edge: drawn, it would press the data flat.
const REACH: f64 = 4.0;

/// Zero is on the scale unless it lies so many times the data's span away: below that, nobody would see it move.
const ZERO_REACH: f64 = 10.0;

/// Share of the data's span left free above and below it.
const HEADROOM: f64 = 0.15;

/// Lowest and highest finite value; absent when there is none.
fn span_of(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |span, v| {
        let (low, high) = span.unwrap_or((v, v));
        Some((v.min(low), v.max(high)))
    })
}

/// Where a limit lies, as seen from the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beyond the upper edge.
    Above,
    /// Within the scale: drawn as a line.
    Within,
    /// Beyond the lower edge.
    Below,
}

/// Where `limit` lies.
pub(crate) fn place(limit: f64, (low, high): (f64, f64)) -> Place {
    if limit > high {
        Place::Above
    } else if limit < low {
        Place::Below
    } else {
        Place::Within
    }
}

/// True when the limit can be drawn without pressing data between `low` and `high` flat.
fn is_near(limit: f64, low: f64, high: f64) -> bool {
    if (0.0..low).contains(&limit) {
        limit * REACH >= low
    } else {
        limit.abs() <= low.abs().max(high.abs()) * REACH
    }
}

/// A scale for the data, with room above, holding the limits that are near. Its ends are round numbers; it begins at
/// zero unless that would hide how the data moves. `base` is the ratio of one unit to the next: 1000, or 1024 for bytes.
pub(crate) fn scale(series: &[Vec<Option<f64>>], limits: &[(f64, Role)], base: f64) -> (f64, f64) {
    let lines = || limits.iter().map(|(v, _)| *v).filter(|v| v.is_finite());
    let Some((low, high)) = span_of(series.iter().flatten().flatten().copied()) else {
        return span_of(lines().chain([0.0])).map_or((0.0, 1.0), |(a, b)| rounded(a, b, base));
    };
    let near = lines().filter(|v| is_near(*v, low, high));
    let (mut bottom, mut top) = span_of(near.chain([low, high])).unwrap_or((low, high));
    if bottom >= 0.0 && (bottom >= top || bottom <= (top - bottom) * ZERO_REACH) {
        bottom = 0.0;
    }
    if bottom >= top {
        // Nothing but one value, and no zero to measure it by: the nearest limit gives the size.
        let nearest = lines().map(|v| (v - top).abs()).filter(|d| *d > 0.0);
        let size = nearest.reduce(f64::min).unwrap_or(1.0);
        if bottom < 0.0 {
            bottom -= size;
        }
        top += size;
    }
    rounded(bottom, top, base)
}

/// Ends moved outwards to round numbers, with headroom. An end at zero stays there.
fn rounded(low: f64, high: f64, base: f64) -> (f64, f64) {
    /// Steps from one end to the other, about: the middle is a short number too.
    const STEPS: f64 = 4.0;
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return (low, low + 1.0);
    }
    let room = span * HEADROOM;
    let (bottom, top) = (
        if low == 0.0 { low } else { low - room },
        if high == 0.0 { high } else { high + room },
    );
    let raw = (top - bottom) / STEPS;
    let size = base.powf(bottom.abs().max(top.abs()).log(base).floor());
    let unit = size * 10_f64.powf((raw / size).log10().floor());
    let factor = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0]
        .into_iter()
        .find(|f| raw <= unit * f);
    let step = unit * factor.unwrap_or(10.0);
    ((bottom / step).floor() * step, (top / step).ceil() * step)
}

/// Marks of the series where there are no Braille dots; further series start over.
const MARKS: [&str; 4] = ["*", "+", "o", "x"];

/// What one of `all` series is drawn with where there are no dots; a bullet where there are.
pub(crate) fn mark(canvas: &Canvas<'_>, series: usize, all: usize) -> &'static str {
    if has_dots(canvas, all) {
        return canvas.look().glyphs.bullet;
    }
    MARKS.get(series % MARKS.len()).copied().unwrap_or("*")
}

/// Signs that point at a limit beyond the edge: up, down.
pub(crate) const fn arrows(braille: bool) -> [&'static str; 2] {
    if braille {
        ["↑ ", "↓ "]
    } else {
        ["^ ", "v "]
    }
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
pub(crate) fn row_of(value: f64, (low, high): (f64, f64), rows: usize) -> Option<usize> {
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
    let all = chart.series.len();
    let dots = if has_dots(canvas, all) {
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
                (bits, series, all),
                limits.iter().rfind(|(l, _)| *l == y),
                marks.contains(&x),
            );
        }
        canvas.row(area, y, row);
    }
}

fn cell(
    canvas: &Canvas<'_>,
    row: Row,
    (bits, series, all): (u8, usize, usize),
    limit: Option<&(usize, Role)>,
    marked: bool,
) -> Row {
    let glyphs = canvas.look().glyphs;
    if bits != 0 {
        let style = canvas.look().series(series);
        return if has_dots(canvas, all) {
            row.text(braille(bits).as_str(), style)
        } else {
            row.fixed(mark(canvas, series, all), style)
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
    fn a_scale_fits_the_data_and_holds_near_limits_only() {
        let limits = [(0.02, Role::LimitWarn), (0.05, Role::LimitCrit)];
        let of = |values: &[f64]| {
            let series = vec![values.iter().copied().map(Some).collect::<Vec<_>>()];
            scale(&series, &limits, 1000.0)
        };
        let quiet = of(&[0.001, 0.0008]);
        assert!(quiet.0 == 0.0 && quiet.1 > 0.001 && quiet.1 < 0.002);
        assert_eq!(place(0.02, quiet), Place::Above);
        let near = of(&[0.006]);
        assert_eq!(place(0.02, near), Place::Within);
        assert_eq!(place(0.05, near), Place::Above);
        let bad = of(&[0.083]);
        assert_eq!(place(0.05, bad), Place::Within);
        assert!(bad.1 < 0.13);
        let none = of(&[0.0, 0.0]);
        assert!(none.0 == 0.0 && none.1 >= 0.02 && none.1 < 0.05);
    }

    #[test]
    fn a_scale_is_never_empty() {
        assert!(scale(&[], &[], 1000.0).1 > 0.0);
        for value in [3.0, 0.0, -2.0, 1e-9, 1e12, f64::NAN, f64::INFINITY] {
            let (low, high) = scale(&[vec![Some(value)]], &[], 1024.0);
            assert!(low < high, "{value}: {low} to {high}");
            if value.is_finite() {
                assert!(low <= value && value <= high, "{value}: {low} to {high}");
            }
        }
    }

    #[test]
    fn a_limit_below_is_seen_from_above() {
        let series = [vec![Some(1000.0), Some(1001.0)]];
        let close = scale(&series, &[(990.0, Role::LimitCrit)], 1000.0);
        assert_eq!(place(990.0, close), Place::Within);
        assert!(close.0 > 900.0, "the way to the limit is seen");
        let far = scale(&series, &[(10.0, Role::LimitCrit)], 1000.0);
        assert_eq!(place(10.0, far), Place::Below);
    }
}
