//! The war room: which panes are on screen at which size.

use super::{Cx, duty, pane, rollout};
use crate::ui::action::{Action, Pane};
use crate::ui::cache::Cache;
use crate::ui::canvas::Canvas;
use crate::ui::keymap::keys_of;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::split::{Share, columns, rows};
use ratatui::layout::Rect;

/// From this width on there are three columns.
const WIDE: u16 = 170;
/// From this size on every pane is on screen.
const ROOMY: (u16, u16) = (110, 34);

/// Draws the panes.
pub(crate) fn draw(
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let rules = cx.room.state.all_rules().count();
    let focus = model.focus();
    for (which, place) in places(area, rules, focus) {
        let place = if which == Pane::Checklist {
            let (above, below) = rollout::place(cx, place);
            if let Some(below) = below {
                rollout::draw(cx, model, canvas, below);
            }
            above
        } else {
            place
        };
        pane(which, cx, model, cache, canvas, place);
        if !is_roomy(area) && SHARING.contains(&which) {
            sharing(cx, canvas, place, which);
        }
    }
}

/// Panes that share one place on a small screen: the first one, unless another has the focus.
const SHARING: [Pane; 5] = [
    Pane::Output,
    Pane::Components,
    Pane::Duty,
    Pane::People,
    Pane::Feed,
];

fn is_roomy(area: Rect) -> bool {
    area.width >= ROOMY.0 && area.height.saturating_add(6) >= ROOMY.1
}

/// Names the panes that `tab` brings into this place, in the lower border; alerts that fire are named there too.
fn sharing(cx: &Cx<'_>, canvas: &mut Canvas<'_>, place: Rect, shown: Pane) {
    let dim = canvas.of(Role::Dim);
    let (firing, incidents) = (duty::firing(cx), duty::incidents(cx));
    let mut row = Row::of(" ", dim)
        .fixed(keys_of(Action::FocusNext), canvas.of(Role::Key))
        .fixed(" ", dim);
    let mut gap = "";
    for pane in SHARING.into_iter().filter(|pane| *pane != shown) {
        row = row.fixed(gap, dim);
        row = match pane {
            Pane::Duty if firing > 0 => row.text(&format!("{firing} FIRING"), canvas.of(Role::Bad)),
            Pane::Duty if incidents > 0 => {
                let plural = if incidents == 1 { "" } else { "s" };
                let text = format!("{incidents} incident{plural}");
                row.text(&text, canvas.of(Role::Warn))
            }
            Pane::Duty => row.fixed("on call", dim),
            other => row.fixed(other.as_str(), dim),
        };
        gap = "/";
    }
    let border = Rect {
        x: place.x.saturating_add(1),
        y: place.bottom().saturating_sub(1),
        width: place.width.saturating_sub(2),
        height: 1,
    };
    canvas.row(border, 0, row.fixed(" ", dim));
}

fn named<const N: usize>(panes: [Pane; N], places: [Rect; N]) -> Vec<(Pane, Rect)> {
    panes.into_iter().zip(places).collect()
}

fn places(area: Rect, rules: usize, focus: Pane) -> Vec<(Pane, Rect)> {
    if area.width >= WIDE && area.height >= ROOMY.1 {
        wide(area, rules)
    } else if is_roomy(area) {
        roomy(area, rules)
    } else {
        small(area, rules, focus)
    }
}

/// Height of the thresholds: two lines for each rule and the frame where that fits, else one, within `most`.
fn rule_rows(rules: usize, most: u16) -> u16 {
    let framed = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2);
    let double = framed(rules.saturating_mul(2));
    if double <= most {
        double.max(3)
    } else {
        framed(rules).clamp(3, most.max(3))
    }
}

/// Rows of the people below the checklist: the two that a maintenance needs, four who look on, and the frame.
const PEOPLE_ROWS: u16 = 8;

fn wide(area: Rect, rules: usize) -> Vec<(Pane, Rect)> {
    let shares = [Share::Percent(32), Share::Rest(1), Share::Percent(33)];
    let [left, middle, right] = columns(area, shares);
    let parts = rows(left, [Share::Rest(1), Share::Cells(PEOPLE_ROWS)]);
    let mut all = named([Pane::Checklist, Pane::People], parts);
    let parts = rows(middle, [Share::Rest(3), Share::Rest(2)]);
    all.extend(named([Pane::Output, Pane::Feed], parts));
    let shares = [
        Share::Cells(rule_rows(rules, area.height / 2)),
        Share::Rest(3),
        Share::Rest(4),
    ];
    let panes = [Pane::Thresholds, Pane::Components, Pane::Duty];
    all.extend(named(panes, rows(right, shares)));
    all
}

fn roomy(area: Rect, rules: usize) -> Vec<(Pane, Rect)> {
    let [upper, lower] = rows(area, [Share::Rest(3), Share::Percent(36)]);
    let [left, right] = columns(upper, [Share::Percent(44), Share::Rest(1)]);
    let mut all = named([Pane::Checklist], [left]);
    let shares = [
        Share::Rest(1),
        Share::Cells(rule_rows(rules, upper.height / 2)),
    ];
    all.extend(named([Pane::Output, Pane::Thresholds], rows(right, shares)));
    let shares = [Share::Percent(30), Share::Percent(32), Share::Rest(1)];
    let [one, two, three] = columns(lower, shares);
    let parts = rows(one, [Share::Rest(1), Share::Rest(1)]);
    all.extend(named([Pane::Components, Pane::People], parts));
    all.extend(named([Pane::Duty, Pane::Feed], [two, three]));
    all
}

/// Checklist, thresholds, and one more: the output, or whichever of the others has the focus.
fn small(area: Rect, rules: usize, focus: Pane) -> Vec<(Pane, Rect)> {
    let third = if SHARING.contains(&focus) {
        focus
    } else {
        Pane::Output
    };
    let [left, right] = columns(area, [Share::Percent(48), Share::Rest(1)]);
    let mut all = named([Pane::Checklist], [left]);
    let shares = [
        Share::Rest(1),
        Share::Cells(rule_rows(rules, area.height / 2)),
    ];
    all.extend(named([third, Pane::Thresholds], rows(right, shares)));
    all
}
