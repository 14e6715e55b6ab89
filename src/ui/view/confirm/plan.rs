//! The plan as it is read, which rows of it are seen, and what the guards say meanwhile.

use crate::domain::confirm::ARMED_LIFE;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::state::Proposal;
use crate::domain::threshold::Verdict;
use crate::domain::time::short_span;
use crate::ui::canvas::Canvas;
use crate::ui::ritual::{self, Mark, PlanRow};
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::view::{Cx, thresholds};
use crate::ui::words;
use ratatui::layout::Rect;

/// Rows of the plan from `top` on, each with its mark.
pub(super) fn plan_rows(canvas: &mut Canvas<'_>, area: Rect, rows: &[PlanRow], top: usize) {
    let text = Rect {
        x: area.x.saturating_add(ritual::MARGIN),
        width: area.width.saturating_sub(ritual::MARGIN),
        ..area
    };
    for (line, row) in rows
        .iter()
        .skip(top)
        .take(usize::from(area.height))
        .enumerate()
    {
        let (sign, role) = match row.mark {
            Mark::Plan => ("", Role::Text),
            Mark::Weighty => ("", Role::Strong),
            Mark::Changed => ("+", Role::Warn),
            Mark::Gone => ("-", Role::Warn),
            Mark::Heading => ("", Role::Heading),
            Mark::Terms => ("", Role::Person),
        };
        canvas.row(area, line, Row::of(sign, canvas.of(role)));
        // Names step back behind what they name; only a change keeps its colour all over.
        let name = if row.mark == Mark::Changed || row.mark == Mark::Gone {
            role
        } else {
            Role::Dim
        };
        let shown = Row::new()
            .clean(row.name.clone(), canvas.of(name))
            .clean(row.text.clone(), canvas.of(role));
        canvas.row(text, line, shown);
    }
}

/// A line across the screen below the plan: which rows of it are seen, and whether there are more.
pub(super) fn place(
    canvas: &Canvas<'_>,
    width: u16,
    (top, height, rows): (usize, usize, usize),
) -> Row {
    let end = top.saturating_add(height).min(rows);
    let first = top.saturating_add(1).min(rows);
    let seen = format!("rows {first} to {end} of {rows}, ");
    let dim = canvas.of(Role::Dim);
    let line = |row: Row, cells: usize| {
        let style = canvas.of(Role::Border);
        (0..cells).fold(row, |row, _| {
            row.fixed(canvas.look().glyphs.horizontal, style)
        })
    };
    let row = line(Row::new(), 1).fixed(" ", dim).text(&seen, dim);
    let row = if end < rows {
        row.fixed("more below: j, space, G ", canvas.of(Role::Warn))
    } else {
        row.fixed("end of the plan ", dim)
    };
    let left = usize::from(width).saturating_sub(row.width());
    line(row, left)
}

/// What the guards say at this moment, and when the proposal ends.
pub(super) fn guards(cx: &Cx<'_>, canvas: &Canvas<'_>, proposal: &Proposal, width: usize) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let expires = proposal.terms.expires;
    let end = proposal
        .armed
        .map_or(expires, |armed| expires.min(armed.wall.plus(ARMED_LIFE)));
    let left = short_span(end.since(cx.now.wall));
    let mut row = Row::of(" expires in ", dim)
        .text(&left, canvas.of(Role::Warn))
        .fixed("  guards now: ", dim);
    let mut guards: Vec<_> = cx
        .room
        .state
        .guards()
        .map(|(rule, _)| (thresholds::verdict(cx, rule), rule))
        .collect();
    if guards.is_empty() {
        return row.fixed("none declared", dim);
    }
    // What is not good comes first; where not all fit, those that are good are counted.
    guards.sort_by_key(|(verdict, _)| verdict.is_pass());
    let all = guards.len();
    let passing = guards
        .iter()
        .filter(|(verdict, _)| verdict.is_pass())
        .count();
    let named = |row: Row, guards: &[(Verdict, &MetricRule)]| {
        guards.iter().fold(row, |row, (verdict, rule)| {
            let mark = words::verdict(*verdict, canvas.look().glyphs);
            row.fixed(mark.word, canvas.of(mark.role))
                .fixed(if rule.dry_run { " (dry) " } else { " " }, text)
                .text(&rule.title, text)
                .fixed("  ", dim)
        })
    };
    let long = named(row.clone(), &guards);
    if long.width() <= width || passing == 0 {
        return long;
    }
    guards.truncate(all.saturating_sub(passing));
    row = named(row, &guards);
    let what = if passing == all { "all " } else { "" };
    row.text(&format!("{what}{passing} ok"), canvas.of(Role::Good))
}
