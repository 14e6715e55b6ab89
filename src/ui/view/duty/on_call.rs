//! Who answers for the touched components and for what needs them, and who takes over.

use super::super::Cx;
use crate::domain::on_call::{self, AHEAD, Duty, NOBODY, Part};
use crate::domain::reading::{Component, OnCall};
use crate::domain::time::short_span;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// Components that need a touched one and are shown; the rest is counted.
const DEPENDANTS_SHOWN: usize = 20;

/// Hand-overs of the next half hour, so that whoever comes can be told.
pub(super) fn handovers(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    let now = cx.now.wall;
    let all = on_call::handovers(&on_calls(cx), now.plus(AHEAD), now);
    let row = |handover: on_call::Handover| {
        let left = short_span(handover.until_it);
        Row::of("pager hand-over in ", canvas.of(Role::Warn))
            .text(&left, canvas.of(Role::Warn))
            .fixed(": ", canvas.of(Role::Dim))
            .text(&handover.to_string(), canvas.of(Role::Text))
    };
    all.into_iter().map(row).collect()
}

fn on_calls<'a>(cx: &Cx<'a>) -> Vec<&'a OnCall> {
    cx.room.board.on_calls.values().flatten().collect()
}

/// Who answers for what; then everybody else who is on call.
pub(super) fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>, touched: &[String]) -> Vec<Row> {
    let on_calls = on_calls(cx);
    // Without a pager there is nobody to be missing.
    if cx.room.board.on_calls.is_empty() {
        return Vec::new();
    }
    let components: Vec<&Component> = cx.room.board.components.values().collect();
    let duties = on_call::for_touched(touched, &components, &on_calls);
    let is_touched = |duty: &&Duty<'_>| duty.part == Part::Touched;
    let dependants = duties.iter().filter(|duty| !is_touched(duty)).count();
    let over = dependants.saturating_sub(DEPENDANTS_SHOWN);
    let mut left = DEPENDANTS_SHOWN;
    let shown = duties.iter().filter(|duty| {
        let is_shown = duty.part == Part::Touched || left > 0;
        if duty.part != Part::Touched {
            left = left.saturating_sub(1);
        }
        is_shown
    });
    let mut groups: Vec<Vec<&Duty<'_>>> = Vec::new();
    for duty in shown {
        let alike = groups.iter_mut().find(|group| {
            let first = group.first();
            first.is_some_and(|first| is_alike(first, duty))
        });
        match alike {
            Some(group) => group.push(duty),
            None => groups.push(vec![duty]),
        }
    }
    // People first: who can be called is what this is read for.
    groups.sort_by_key(|group| group.iter().all(|duty| duty.answering.is_empty()));
    let mut rows: Vec<Row> = groups
        .iter()
        .flat_map(|group| group_rows(cx, canvas, group))
        .collect();
    if over > 0 {
        let text = format!("{over} more components need these");
        rows.push(Row::new().text(&text, canvas.of(Role::Dim)));
    }
    let named: Vec<&OnCall> = duties
        .iter()
        .flat_map(|duty| duty.answering.iter().map(|answering| answering.on_call))
        .collect();
    let others = on_calls.iter().filter(|on_call| !named.contains(on_call));
    rows.extend(
        others.map(|on_call| {
            Row::of("on call ", canvas.of(Role::Dim)).row(person(cx, canvas, on_call))
        }),
    );
    rows
}

/// The same people answer for both, by the same rules; or nobody does, for the same reason.
fn is_alike(a: &Duty<'_>, b: &Duty<'_>) -> bool {
    a.answering == b.answering && a.is_in_cmdb == b.is_in_cmdb
}

/// `orders-api, shop needs orders-api: covers the owner`, with a row below for each of the people these share.
fn group_rows(cx: &Cx<'_>, canvas: &Canvas<'_>, group: &[&Duty<'_>]) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let Some(duty) = group.first() else {
        return Vec::new();
    };
    let mut row = Row::new();
    for (place, member) in group.iter().enumerate() {
        if place > 0 {
            row = row.fixed(", ", dim);
        }
        row = row.text(member.component, text);
        if let Part::Needs(name) = member.part {
            row = row.fixed(" needs ", dim).text(name, dim);
        }
    }
    let row = row.fixed(": ", dim);
    let Some(first) = duty.answering.first() else {
        let why = if duty.is_in_cmdb {
            ""
        } else {
            ", it is in no CMDB"
        };
        return vec![row.fixed(NOBODY, canvas.of(Role::Unknown)).fixed(why, dim)];
    };
    // Why it is them is said once where it is the same for all.
    let because = first.because.to_string();
    let is_one = duty
        .answering
        .iter()
        .all(|answering| answering.because.to_string() == because);
    let mut rows = vec![if is_one { row.text(&because, dim) } else { row }];
    rows.extend(duty.answering.iter().map(|answering| {
        let row = Row::of(" ", dim).row(person(cx, canvas, answering.on_call));
        if is_one {
            row
        } else {
            row.text(&format!(" ({})", answering.because), dim)
        }
    }));
    rows
}

fn person(cx: &Cx<'_>, canvas: &Canvas<'_>, duty: &OnCall) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let mut row = Row::new()
        .text(&format!("L{} ", duty.level), dim)
        .text(&duty.person, canvas.of(Role::Person))
        .fixed(", ", dim)
        .text(&duty.rota, text);
    if !duty.contact.is_empty() {
        row = row.fixed(", ", dim).text(&duty.contact, text);
    }
    if let Some(until) = duty.until {
        let left = short_span(until.since(cx.now.wall));
        row = row.fixed(", hands over in ", dim).text(&left, text);
        if !duty.next.is_empty() {
            row = row
                .fixed(" to ", dim)
                .text(&duty.next, canvas.of(Role::Person));
        }
    }
    row
}
