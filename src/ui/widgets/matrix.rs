//! Rows of signs with a name before and a word behind them, cut to a window around the row that matters.

use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::style::Style;

/// One row: of a unit, or a line between two groups of them.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// What stands before the signs.
    pub(crate) name: Row,
    /// One sign each, one cell wide.
    pub(crate) cells: Vec<(&'static str, Style)>,
    /// What stands at the right end.
    pub(crate) tail: Row,
    /// Which unit it is; nothing for a line between groups.
    pub(crate) unit: Option<usize>,
}

/// All rows, and the one that must be seen.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    /// From the top.
    pub(crate) lines: Vec<Line>,
    /// Place of the row that must be seen.
    pub(crate) focus: usize,
}

/// Cells of the name at most: the signs matter more.
const NAME_MAX: usize = 24;

impl Matrix {
    /// The rows that fit `height` around the one that matters, each `width` cells wide; the first and the last tell how
    /// many are not shown.
    pub(crate) fn window(
        &self,
        width: usize,
        height: usize,
        canvas: &Canvas<'_>,
    ) -> Vec<(Row, Option<usize>)> {
        let all = self.lines.len();
        let (from, to) = span(all, self.focus, height);
        let widest = |of: fn(&Line) -> usize| self.lines.iter().map(of).max().unwrap_or(0);
        let name = widest(|line| {
            if line.unit.is_some() {
                line.name.width()
            } else {
                0
            }
        });
        let tail = widest(|line| line.tail.width());
        let cells = widest(|line| line.cells.len().saturating_mul(2));
        let room = width
            .saturating_sub(cells)
            .saturating_sub(tail)
            .saturating_sub(1);
        let name = name.min(NAME_MAX).min(room.max(width / 3));
        let shown = self
            .lines
            .iter()
            .enumerate()
            .skip(from)
            .take(to.saturating_sub(from));
        shown
            .map(|(place, line)| {
                let hidden = if place == from && from > 0 {
                    Some((from.saturating_add(1), "more above"))
                } else if place.saturating_add(1) == to && to < all {
                    Some((all.saturating_sub(place), "more below"))
                } else {
                    None
                };
                match hidden {
                    Some((count, word)) => {
                        let text = format!("  ({count} {word})");
                        (Row::new().text(&text, canvas.of(Role::Dim)), None)
                    }
                    None => (line.row(name, width, canvas), line.unit),
                }
            })
            .collect()
    }
}

/// Which rows are shown: all that fit, with the one that matters never the first or the last of them while more are hidden.
fn span(all: usize, focus: usize, height: usize) -> (usize, usize) {
    if all <= height {
        return (0, all);
    }
    let half = height / 2;
    let from = focus.saturating_sub(half).min(all.saturating_sub(height));
    (from, from.saturating_add(height))
}

impl Line {
    fn row(&self, name: usize, width: usize, canvas: &Canvas<'_>) -> Row {
        let signs = canvas.signs();
        if self.unit.is_none() {
            return self.name.clone().fit(width, signs);
        }
        let gap = canvas.of(Role::Text);
        let mut row = self.name.clone().filled(name, signs);
        for (sign, style) in &self.cells {
            row = row.fixed(" ", gap).fixed(sign, *style);
        }
        let tail = Row::of(" ", gap).row(self.tail.clone());
        row.with_right(tail, width, signs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_row_that_matters_is_always_shown(all in 1_usize..300, focus in 0_usize..300, height in 3_usize..40) {
            let focus = focus % all;
            let (from, to) = span(all, focus, height);
            prop_assert!(to - from <= height && to <= all);
            prop_assert!(from <= focus && focus < to, "{from} {focus} {to}");
            // The first and the last row may be taken for the count of those that are hidden.
            prop_assert!(from == 0 || from < focus, "{from} {focus}");
            prop_assert!(to == all || focus + 1 < to, "{focus} {to}");
        }
    }
}
