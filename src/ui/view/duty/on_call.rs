//! Who answers for the touched components and for what needs them, and who takes over.

use super::super::Cx;
use crate::domain::on_call::{self, AHEAD, NOBODY};
use crate::domain::reading::OnCall;
use crate::domain::time::short_span;
use crate::ui::canvas::Canvas;
use crate::ui::room::Duty;
use crate::ui::text::Row;
use crate::ui::theme::Role;

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
    // Without a pager there is nobody to be missing.
    if cx.room.board.on_calls.is_empty() {
        return Vec::new();
    }
    let duties = cx.room.answering(touched);
    let mut groups: Vec<Vec<&Duty>> = Vec::new();
    for duty in &duties.shown {
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
    if duties.over > 0 {
        let text = format!("{} more components need these", duties.over);
        rows.push(Row::new().text(&text, canvas.of(Role::Dim)));
    }
    rows.extend(
        duties.others.iter().map(|on_call| {
            Row::of("on call ", canvas.of(Role::Dim)).row(person(cx, canvas, on_call))
        }),
    );
    rows
}

/// The same people answer for both, by the same rules; or nobody does, for the same reason.
fn is_alike(a: &Duty, b: &Duty) -> bool {
    a.answering == b.answering && a.is_in_cmdb == b.is_in_cmdb
}

/// `orders-api, shop needs orders-api: covers the owner`, with a row below for each of the people these share.
fn group_rows(cx: &Cx<'_>, canvas: &Canvas<'_>, group: &[&Duty]) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let Some(duty) = group.first() else {
        return Vec::new();
    };
    let mut row = Row::new();
    for (place, member) in group.iter().enumerate() {
        if place > 0 {
            row = row.fixed(", ", dim);
        }
        row = row.text(&member.component, text);
        if let Some(name) = &member.needs {
            row = row.fixed(" needs ", dim).text(name, dim);
        }
    }
    let row = row.fixed(": ", dim);
    let Some((_, first)) = duty.answering.first() else {
        let why = if duty.is_in_cmdb {
            ""
        } else {
            ", it is in no CMDB"
        };
        return vec![row.fixed(NOBODY, canvas.of(Role::Unknown)).fixed(why, dim)];
    };
    // Why it is them is said once where it is the same for all.
    let because = first.to_string();
    let is_one = duty
        .answering
        .iter()
        .all(|(_, other)| other.to_string() == because);
    let mut rows = vec![if is_one { row.text(&because, dim) } else { row }];
    rows.extend(duty.answering.iter().map(|(on_call, because)| {
        let row = Row::of(" ", dim).row(person(cx, canvas, on_call));
        if is_one {
            row
        } else {
            row.text(&format!(" ({because})"), dim)
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
