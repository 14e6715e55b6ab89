//! The components the work touches: who owns them, how much they matter, what they need.

use super::targets::Targets;
use super::{Cx, nothing, top_pane};
use crate::domain::reading::Component;
use crate::domain::selector;
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use std::collections::BTreeSet;

/// Draws the components: the declared ones first, then those they need.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let known = &cx.room.board.components;
    let width = usize::from(area.width.saturating_sub(2));
    let resolved = selector::resolve(&cx.room.state.plan().components, known);
    let declared = &resolved.names;
    let mut rows = Vec::new();
    for text in &resolved.unmatched {
        rows.push(missing(canvas, text, "  fits nothing known to any CMDB"));
    }
    let targets = Targets::of(cx, declared);
    for name in declared {
        rows.extend(match known.get(name) {
            Some(component) => of(canvas, component, true, width),
            None => vec![missing(canvas, name, "  not known to any CMDB")],
        });
        rows.extend(targets.rows(canvas, name));
    }
    let needed: BTreeSet<&String> = declared
        .iter()
        .filter_map(|name| known.get(name))
        .flat_map(|c| &c.depends_on)
        .filter(|name| !declared.contains(name))
        .collect();
    for name in needed {
        rows.extend(
            known
                .get(name)
                .map(|c| of(canvas, c, false, width))
                .unwrap_or_default(),
        );
    }
    if rows.is_empty() {
        rows.push(nothing(canvas, "the runbook declares no components"));
    }
    let extra = Row::new().text(&format!(" {}", declared.len()), canvas.of(Role::Dim));
    top_pane(model, canvas, area, Pane::Components, extra, &rows);
}

fn missing(canvas: &Canvas<'_>, name: &str, why: &'static str) -> Row {
    Row::of(canvas.look().glyphs.unknown, canvas.of(Role::Unknown))
        .fixed(" ", canvas.of(Role::Text))
        .text(name, canvas.of(Role::Text))
        .fixed(why, canvas.of(Role::Unknown))
}

/// What is known of a component; its status at the end of the row, where it is seen at any width.
fn of(canvas: &Canvas<'_>, component: &Component, declared: bool, width: usize) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let sign = if declared {
        canvas.look().glyphs.bullet
    } else {
        canvas.look().glyphs.dot
    };
    let name = if declared {
        canvas.of(Role::Strong)
    } else {
        text
    };
    let mut row = Row::of(sign, dim)
        .fixed(" ", text)
        .text(&component.name, name);
    let tier = if component.tier.contains("tier") {
        " "
    } else {
        " tier "
    };
    let parts: [(&'static str, &String, Role); 4] = [
        (tier, &component.tier, Role::Strong),
        (" ", &component.kind, Role::Dim),
        (" owner ", &component.owner, Role::Person),
        (" ", &component.site, Role::Dim),
    ];
    for (label, value, role) in parts {
        if !value.is_empty() {
            row = row.fixed(label, dim).text(value, canvas.of(role));
        }
    }
    let status =
        Row::of(" ", dim).text(&component.status, canvas.of(status_role(&component.status)));
    let mut rows = vec![row.with_right(status, width, canvas.signs())];
    if declared && !component.depends_on.is_empty() {
        let needs = component.depends_on.join(", ");
        rows.push(Row::of("    needs ", dim).text(&needs, text));
    }
    rows
}

fn status_role(status: &str) -> Role {
    if status == "active" {
        Role::Good
    } else {
        Role::Warn
    }
}
