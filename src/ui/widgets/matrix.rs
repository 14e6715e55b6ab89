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
    /// Names of the columns; their places are shown where names do not fit, or one of them is empty. None at all where rows
    /// differ in what their signs mean.
    pub(crate) heads: Vec<String>,
    /// From the top.
    pub(crate) lines: Vec<Line>,
    /// Place of the row that must be seen.
    pub(crate) focus: usize,
}

/// Cells of the name at most: the signs matter more.
const NAME_MAX: usize = 24;
/// Cells of a column's name at most: beyond it the signs of a row stand too far apart to be read as one.
const HEAD_MAX: usize = 12;
/// Fewest cells of a name that is cut and can still be told from others.
const HEAD_MIN: usize = 3;
/// Fewest rows below the head: the one that matters, and what is hidden above and below.
const BELOW_MIN: usize = 3;

impl Matrix {
    /// The rows that fit `height` around the one that matters, each `width` cells wide, below the names of the columns where
    /// there is room; the first and the last tell how many are not shown.
    pub(crate) fn window(
        &self,
        width: usize,
        height: usize,
        canvas: &Canvas<'_>,
    ) -> Vec<(Row, Option<usize>)> {
        let all = self.lines.len();
        let is_headed = !self.heads.is_empty() && height > BELOW_MIN;
        let height = height.saturating_sub(usize::from(is_headed));
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
        let room = width.saturating_sub(tail).saturating_sub(1);
        let left = room.saturating_sub(cells);
        let name = name.min(NAME_MAX).min(left.max(width / 3));
        let columns = columns(&self.heads, room.saturating_sub(name));
        let head = is_headed.then(|| (self.head(name, &columns, canvas), None));
        let shown = self
            .lines
            .iter()
            .enumerate()
            .skip(from)
            .take(to.saturating_sub(from));
        let rows = shown.map(|(place, line)| {
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
                None => (line.row((name, &columns), width, canvas), line.unit),
            }
        });
        head.into_iter().chain(rows).collect()
    }

    /// The names of the columns, each above the first cell of its signs.
    fn head(&self, name: usize, columns: &[usize], canvas: &Canvas<'_>) -> Row {
        let (signs, style) = (canvas.signs(), canvas.of(Role::Dim));
        let is_named = are_named(&self.heads, columns);
        let heads = self.heads.iter().zip(columns).zip(1_usize..);
        heads.fold(
            Row::new().filled(name, signs),
            |row, ((head, cells), place)| {
                let text = if is_named {
                    head.chars().take(*cells).collect()
                } else {
                    // One cell: the last digit, which runs on at each ten.
                    place.checked_rem(10).unwrap_or(0).to_string()
                };
                let text = Row::new()
                    .text(text.trim_end(), style)
                    .filled(*cells, signs);
                row.fixed(" ", style).row(text)
            },
        )
    }
}

/// Cells of each column without the gap before it: of its name as far as all fit `room`, else one.
fn columns(heads: &[String], room: usize) -> Vec<usize> {
    let cut = |most: usize| {
        heads
            .iter()
            .map(move |head| head.chars().count().clamp(1, most))
    };
    let fits = |most: &usize| {
        cut(*most)
            .map(|cells| cells.saturating_add(1))
            .sum::<usize>()
            <= room
    };
    let most = (HEAD_MIN..=HEAD_MAX).rev().find(fits).unwrap_or(1);
    cut(most).collect()
}

/// True where the columns are wide enough for names that can be told apart.
fn are_named(heads: &[String], columns: &[usize]) -> bool {
    let mut pairs = heads.iter().zip(columns);
    pairs.all(|(head, cells)| {
        let len = head.chars().count();
        len > 0 && *cells >= len.min(HEAD_MIN)
    })
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
    fn row(&self, (name, columns): (usize, &[usize]), width: usize, canvas: &Canvas<'_>) -> Row {
        let signs = canvas.signs();
        if self.unit.is_none() {
            return self.name.clone().fit(width, signs);
        }
        let gap = canvas.of(Role::Text);
        let mut row = self.name.clone().filled(name, signs);
        for (place, (sign, style)) in self.cells.iter().enumerate() {
            let cells = columns.get(place).copied().unwrap_or(1);
            let sign = Row::of(sign, *style).filled(cells, signs);
            row = row.fixed(" ", gap).row(sign);
        }
        let tail = Row::of(" ", gap).row(self.tail.clone());
        row.with_right(tail, width, signs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heads(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_of_columns_are_cut_alike_and_numbers_stand_where_none_fits() {
        let names = heads(&["Drain", "Restart", "Look at"]);
        assert_eq!(columns(&names, 22), [5, 7, 7]);
        assert_eq!(columns(&names, 21), [5, 6, 6]);
        assert_eq!(columns(&names, 12), [3, 3, 3]);
        assert!(are_named(&names, &[3, 3, 3]));
        assert_eq!(columns(&names, 11), [1, 1, 1]);
        assert!(!are_named(&names, &[1, 1, 1]));
        assert!(
            are_named(&heads(&["a", "b"]), &[1, 1]),
            "a name of one letter"
        );
        assert!(!are_named(&heads(&["a", ""]), &[1, 1]), "a place says more");
    }

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
