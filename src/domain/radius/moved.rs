//! Whether a reading changes anything that a radius is worked out from, so that it is worked out once for each change and not
//! for each frame: most readings of a second are new values of what is known already.

use crate::domain::board::{Board, Metric};
use crate::domain::reading::{Component, Reading, Series, TargetHealth};

/// True when the radius may be another once this is folded into the board. Asked before that.
pub fn is_moved_by(board: &Board, reading: &Reading) -> bool {
    match reading {
        // Verdicts come as facts. What values there are says whom a rule is about, not which they are.
        Reading::Queries { answers, .. } => answers.iter().any(|answer| {
            let series = answer.result.as_ref();
            series.is_ok_and(|series| !has_these(board.metrics.get(&answer.rule), series))
        }),
        Reading::Ranges { .. } => true,
        Reading::Alerts { source, alerts } => board.alerts.get(source) != Some(alerts),
        Reading::Targets { source, targets } => {
            let Some(known) = board.targets.get(source) else {
                return true;
            };
            // When each was asked is another time at every answer.
            let is_same =
                |(a, b): (&TargetHealth, &TargetHealth)| a.is_up == b.is_up && a.labels == b.labels;
            known.len() != targets.len() || !known.iter().zip(targets).all(is_same)
        }
        Reading::Components { source, components } => {
            let Some(known) = board.components.told_by(source) else {
                return true;
            };
            let is_known = |c: &Component| known.get(&c.name) == Some(c);
            known.len() != components.len() || !components.iter().all(is_known)
        }
        Reading::OnCalls { source, on_calls } => board.on_calls.get(source) != Some(on_calls),
        Reading::Health(health) => {
            let known = board.health.get(&health.connector);
            known.is_none_or(|known| {
                (known.liveness, &known.system) != (health.liveness, &health.system)
            })
        }
        Reading::Info { .. }
        | Reading::AlertRules { .. }
        | Reading::Silences { .. }
        | Reading::Incidents { .. } => false,
    }
}

/// The tracks of a metric are of exactly these series.
fn has_these(metric: Option<&Metric>, series: &[Series]) -> bool {
    let Some(metric) = metric else {
        return false;
    };
    let is_there = |one: &Series| {
        let found = metric
            .tracks
            .binary_search_by(|t| t.labels.cmp(&one.labels));
        found.is_ok()
    };
    // More than are kept: which ones those are is not worth asking.
    metric.tracks.len() == series.len() && series.iter().all(is_there)
}
