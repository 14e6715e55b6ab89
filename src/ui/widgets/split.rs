//! Shares of a screen, side by side.
//!
//! The drawing library solves a system of equations for this. That is the better part of the first frame's time, and
//! every share here is a length, a part of the whole, or of what is left.

use ratatui::layout::Rect;

/// How much of an area a part gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// So many cells, as far as there are.
    Cells(u16),
    /// Hundredths of the area.
    Percent(u16),
    /// So many parts of what the others leave.
    Rest(u16),
}

/// Parts from top to bottom.
pub(crate) fn rows<const N: usize>(area: Rect, shares: [Share; N]) -> [Rect; N] {
    edges(area.height, shares).map(|(from, to)| Rect {
        y: area.y.saturating_add(from),
        height: to.saturating_sub(from),
        ..area
    })
}

/// Parts from left to right.
pub(crate) fn columns<const N: usize>(area: Rect, shares: [Share; N]) -> [Rect; N] {
    edges(area.width, shares).map(|(from, to)| Rect {
        x: area.x.saturating_add(from),
        width: to.saturating_sub(from),
        ..area
    })
}

/// Where each part begins and ends. Edges are rounded, not lengths: so there is neither a gap nor an overlap.
fn edges<const N: usize>(whole: u16, shares: [Share; N]) -> [(u16, u16); N] {
    let whole = f64::from(whole);
    let fixed = |share: Share| match share {
        Share::Cells(cells) => f64::from(cells),
        Share::Percent(percent) => whole * f64::from(percent) / 100.0,
        Share::Rest(_) => 0.0,
    };
    let weight = |share: Share| match share {
        Share::Rest(parts) => f64::from(parts),
        Share::Cells(_) | Share::Percent(_) => 0.0,
    };
    let rest = (whole - shares.into_iter().map(fixed).sum::<f64>()).max(0.0);
    let weights = shares.into_iter().map(weight).sum::<f64>().max(1.0);
    let mut end = 0.0_f64;
    shares.map(|share| {
        let start = end;
        end = (start + fixed(share) + rest * weight(share) / weights).min(whole);
        (rounded(start), rounded(end))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between zero and the width of a screen"
)]
fn rounded(edge: f64) -> u16 {
    edge.round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::{Constraint, Layout};

    fn constraint(share: Share) -> Constraint {
        match share {
            Share::Cells(cells) => Constraint::Length(cells),
            Share::Percent(percent) => Constraint::Percentage(percent),
            Share::Rest(parts) => Constraint::Fill(parts),
        }
    }

    #[track_caller]
    fn as_the_library<const N: usize>(shares: [Share; N]) {
        for length in 12..=260 {
            let area = Rect::new(3, 2, length, length);
            let constraints = shares.map(constraint);
            let theirs = Layout::horizontal(constraints).split(area);
            assert_eq!(
                columns(area, shares).as_slice(),
                theirs.as_ref(),
                "{length}"
            );
            let theirs = Layout::vertical(constraints).split(area);
            assert_eq!(rows(area, shares).as_slice(), theirs.as_ref(), "{length}");
        }
    }

    #[test]
    fn parts_are_those_of_the_drawing_library() {
        use Share::{Cells, Percent, Rest};
        as_the_library([Percent(32), Rest(1), Percent(33)]);
        as_the_library([Percent(30), Percent(32), Rest(1)]);
        as_the_library([Rest(3), Percent(36)]);
        as_the_library([Percent(44), Rest(1)]);
        as_the_library([Rest(3), Rest(2)]);
        as_the_library([Rest(1), Cells(7)]);
        as_the_library([Cells(9), Rest(2), Rest(3), Rest(2)]);
    }

    #[test]
    fn what_is_too_long_is_cut_at_the_end() {
        let area = Rect::new(0, 0, 10, 10);
        let parts = rows(area, [Share::Cells(8), Share::Cells(8), Share::Rest(1)]);
        assert_eq!(
            parts.map(|part| (part.y, part.height)),
            [(0, 8), (8, 2), (10, 0)]
        );
    }
}
