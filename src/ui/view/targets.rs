//! Whether metrics servers reach what belongs to a component.

use super::Cx;
use crate::domain::alert_match;
use crate::domain::reading::TargetHealth;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// Targets by component; nothing where no metrics server tells of targets.
pub(super) struct Targets<'a> {
    all: Vec<(&'a TargetHealth, Vec<&'a str>)>,
    is_told: bool,
}

impl<'a> Targets<'a> {
    /// Finds whose each target is.
    pub(super) fn of(cx: &Cx<'a>, touched: &'a [String]) -> Self {
        let board = &cx.room.board;
        let targets: Vec<&TargetHealth> = board.targets.values().flatten().collect();
        let labels = targets.iter().map(|target| target.labels.as_slice());
        let owners = alert_match::components_by_labels(labels, &board.components, touched);
        Self {
            all: targets.into_iter().zip(owners).collect(),
            is_told: !board.targets.is_empty(),
        }
    }

    /// `targets 2 of 3 up`, and one row for each that is not.
    pub(super) fn rows(&self, canvas: &Canvas<'_>, component: &str) -> Vec<Row> {
        if !self.is_told {
            return Vec::new();
        }
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        let mine = self.all.iter().filter(|(_, of)| of.contains(&component));
        let mine: Vec<&TargetHealth> = mine.map(|(target, _)| *target).collect();
        let row = Row::of("    targets ", dim);
        if mine.is_empty() {
            return vec![row.fixed("none known", canvas.of(Role::Unknown))];
        }
        let up = mine.iter().filter(|t| t.is_up == Some(true)).count();
        let role = if up == mine.len() {
            Role::Good
        } else if mine.iter().any(|t| t.is_up == Some(false)) {
            Role::Bad
        } else {
            Role::Unknown
        };
        let words = format!("{up} of {} up", mine.len());
        let mut rows = vec![row.text(&words, canvas.of(role))];
        rows.extend(mine.iter().filter(|t| t.is_up != Some(true)).map(|target| {
            let state = match target.is_up {
                Some(_) => Row::of("      down ", canvas.of(Role::Bad)),
                None => Row::of("      unknown ", canvas.of(Role::Unknown)),
            };
            state
                .text(&target.job, text)
                .fixed(" ", dim)
                .text(&target.instance, text)
                .fixed(" ", dim)
                .text(&target.error, text)
        }));
        rows
    }
}
