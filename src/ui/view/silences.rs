//! Silences that live as long as the work: what is muted, by whom, until when, and what is not.

use super::Cx;
use crate::domain::silences::{self, Kept, Stand, kept, label_of, outlook_words, said, withheld};
use crate::domain::state::Phase;
use crate::domain::write::Lifetime;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::unseen;

/// Rows for the war room: what is to come before the begin, what is withheld, and what is there.
pub(crate) fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    let state = &cx.room.state;
    if !silences::matter(state) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    if state.phase == Phase::Briefing {
        let (is_well, text) = match outlook_words(state, &cx.room.board) {
            Some(Ok(text)) => (true, text),
            Some(Err(text)) => (false, text),
            None => (true, "silences come with their phases and steps".to_owned()),
        };
        let role = if is_well { Role::Text } else { Role::Warn };
        rows.push(Row::new().text(&text, canvas.of(role)));
    }
    rows.extend(withheld(state).map(|one| {
        let label = label_of(state.plan(), &one.lifetime);
        let because = one.withheld.as_ref().map(|because| {
            if is_hidden(cx, &one.lifetime) {
                because.in_short()
            } else {
                because.to_string()
            }
        });
        let text = format!("for {label}: {}", because.unwrap_or_default());
        Row::of("silence WITHHELD ", canvas.of(Role::Bad)).text(&text, canvas.of(Role::Text))
    }));
    let all = kept(state, cx.now.wall).into_iter();
    let there = all.filter(|one| !one.stand.is_over());
    rows.extend(there.map(|one| row(cx, canvas, &one)));
    rows
}

/// Rows for the pane of a step: the silence of its newest attempt.
pub(crate) fn of_step(cx: &Cx<'_>, canvas: &Canvas<'_>, index: usize) -> Vec<Row> {
    let state = &cx.room.state;
    let Some(view) = state.view(index) else {
        return Vec::new();
    };
    if view.plan.silence.is_none() {
        return Vec::new();
    }
    let lifetime = Lifetime::Step {
        step: view.plan.id.clone(),
        attempt: view.now.attempt,
    };
    let dim = canvas.of(Role::Dim);
    if let Some(said) = said(state, &lifetime) {
        if let Some(reason) = &said.without {
            return vec![Row::of("goes on without its silence: ", dim).text(reason, dim)];
        }
        if let Some(because) = &said.withheld {
            let text = because.to_string();
            let row = Row::of("its silence is WITHHELD: ", canvas.of(Role::Bad));
            return vec![row.text(&text, canvas.of(Role::Text))];
        }
    }
    let all = kept(state, cx.now.wall).into_iter();
    let there = all.filter(|one| !one.stand.is_over() && *one.lifetime == lifetime);
    let rows: Vec<Row> = there.map(|one| row(cx, canvas, &one)).collect();
    if rows.is_empty() {
        return vec![Row::of("muted while it is under way", dim)];
    }
    rows
}

/// Whoever is asked to review a step says from their own view what it is about, before they are told.
fn is_hidden(cx: &Cx<'_>, lifetime: &Lifetime) -> bool {
    match lifetime {
        Lifetime::Step { step, .. } => {
            let index = cx.room.state.index_of(step);
            index.is_some_and(|index| unseen::is_hidden(cx.room, index))
        }
        Lifetime::Phase { phase } => {
            let hidden = unseen::step(cx.room);
            hidden.is_some_and(|step| step.plan.phase == *phase)
        }
        // Those of the whole are on the first page of the runbook.
        Lifetime::Session => false,
    }
}

/// `muted db-1 by am until 03:15:00Z, 12 alerts`
fn row(cx: &Cx<'_>, canvas: &Canvas<'_>, one: &Kept<'_>) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let (word, role) = match one.stand {
        Stand::Asked => ("to be muted", Role::Active),
        Stand::Holds if one.ends > 0 => ("STILL muted", Role::Warn),
        Stand::Holds => ("muted", Role::Good),
        Stand::Doubtful | Stand::Over(_) => ("perhaps muted", Role::Unknown),
    };
    let until = format!("{}Z", one.until.to_clock_text());
    let what = if is_hidden(cx, one.lifetime) {
        label_of(cx.room.state.plan(), one.lifetime)
    } else {
        one.what()
    };
    let row = Row::of(word, canvas.of(role))
        .fixed(" ", dim)
        .text(&what, text)
        .fixed(" by ", dim)
        .text(one.connector.as_str(), text)
        .fixed(" until ", dim)
        .text(&until, text);
    let alerts = cx.room.board.alerts.get(one.connector);
    let count = alerts.into_iter().flatten().filter(|alert| {
        let by = &alert.silenced_by;
        !one.reference.is_empty() && by.iter().any(|id| id == one.reference)
    });
    match count.count() {
        0 => row,
        1 => row.fixed(", 1 alert", dim),
        n => row.text(&format!(", {n} alerts"), dim),
    }
}
