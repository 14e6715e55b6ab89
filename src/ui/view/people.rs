//! Who is attached, and how each of them is known.

use super::{Cx, entries, nothing, top_pane};
use crate::domain::fact::Actor;
use crate::domain::id::PersonId;
use crate::domain::state::State;
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// Draws the people.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &cx.room.state;
    let mut seen: Vec<&Actor> = Vec::new();
    let mut rows = Vec::new();
    for terminal in state.terminals.values() {
        if seen.contains(&&terminal.actor) {
            continue;
        }
        seen.push(&terminal.actor);
        rows.push(row(cx, canvas, &terminal.actor));
    }
    for (person, since) in &state.absent_since {
        rows.push(
            Row::new()
                .text(person.as_str(), canvas.of(Role::Dim))
                .fixed(" away for ", canvas.of(Role::Dim))
                .text(&cx.age(since.wall), canvas.of(Role::Warn)),
        );
    }
    if rows.is_empty() {
        rows.push(nothing(canvas, "nobody is attached"));
    }
    let extra = Row::new().text(&format!(" {}", seen.len()), canvas.of(Role::Dim));
    let rows = entries(&rows, area);
    top_pane(model, canvas, area, Pane::People, extra, &rows);
}

fn row(cx: &Cx<'_>, canvas: &Canvas<'_>, actor: &Actor) -> Row {
    let state = &cx.room.state;
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let mine: Vec<_> = state
        .terminals
        .values()
        .filter(|t| t.actor == *actor)
        .collect();
    let mut row = Row::new()
        .text(&actor.to_actor_text(), canvas.of(Role::Person))
        .fixed(" ", text)
        .text(&actor.to_via_text(), dim);
    if *actor == cx.room.welcome.you {
        row = row.fixed(" (you)", text);
    }
    if mine.len() > 1 {
        row = row.text(&format!(" {} terminals", mine.len()), dim);
    }
    if mine.iter().all(|t| t.read_only) {
        row = row.fixed(" read-only", canvas.of(Role::Warn));
    }
    match actor.person() {
        Some(person) => part(state, person).into_iter().fold(row, |row, what| {
            row.fixed(" ", dim).fixed(what, canvas.of(Role::Active))
        }),
        None => row.fixed(" counts as nobody", canvas.of(Role::Warn)),
    }
}

/// What a person is in the open proposal.
fn part(state: &State, person: &PersonId) -> Vec<&'static str> {
    let Some(proposal) = &state.proposal else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    if proposal.terms.proposer == *person {
        parts.push("proposer");
    }
    if proposal.terms.executor == *person {
        parts.push("executor");
    }
    if proposal.confirms.iter().any(|c| c.person == *person) {
        parts.push("confirmed");
    }
    parts
}
