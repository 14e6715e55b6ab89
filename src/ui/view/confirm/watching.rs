//! The plan for those who cannot confirm it: proposer, executor, who has confirmed already, onlookers.

use super::plan::{guards, place, plan_rows};
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::{Actor, Via};
use crate::domain::id::PersonId;
use crate::domain::state::Proposal;
use crate::ui::action::{Action, Pane};
use crate::ui::canvas::{Canvas, below};
use crate::ui::keymap::keys_of;
use crate::ui::model::Model;
use crate::ui::ritual;
use crate::ui::room::Link;
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::unseen;
use crate::ui::view::{Cx, hints, now};
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// Draws the plan and what is waited for.
pub(super) fn draw(
    cx: &Cx<'_>,
    model: &mut Model,
    canvas: &mut Canvas<'_>,
    area: Rect,
    proposal: &Proposal,
) {
    let width = usize::from(area.width);
    let status = status_rows(cx, canvas, proposal, width);
    // A row for the place in the plan, one for the outcome, one for the keys.
    let foot = u16::try_from(status.len().saturating_add(3))
        .unwrap_or(u16::MAX)
        .min(area.height);
    let plan = Rect {
        height: area.height.saturating_sub(foot),
        ..area
    };
    let height = usize::from(plan.height);
    let rest = below(area, height);
    if unseen::step(cx.room).is_some() {
        canvas.row(plan, 0, Row::of(unseen::LATER, canvas.of(Role::Now)));
    } else {
        let text_width = usize::from(area.width.saturating_sub(ritual::MARGIN));
        let rows = ritual::rows_of(&ritual::content_of(cx.room, proposal), text_width);
        let top = model.scroll(Pane::Review).window(rows.len(), height);
        plan_rows(canvas, plan, &rows, top);
        canvas.row(
            rest,
            0,
            place(canvas, area.width, (top, height, rows.len())),
        );
    }
    let (outcome, role) = outcome(cx, proposal);
    let style = canvas.of(role);
    canvas.bar(rest, 1, Row::of(" ", style).text(&outcome, style), style);
    for (line, row) in status.into_iter().enumerate() {
        canvas.row(rest, line.saturating_add(2), row);
    }
    canvas.row(
        below(area, usize::from(area.height.saturating_sub(1))),
        0,
        keys(cx, canvas, proposal, width),
    );
}

/// The keys that do something for this person.
fn keys(cx: &Cx<'_>, canvas: &Canvas<'_>, proposal: &Proposal, width: usize) -> Row {
    let me = ritual::me(cx.room).filter(|_| !cx.room.welcome.read_only);
    let mut keys = hints::back_keys(cx);
    // What stops a running command comes before what starts one.
    let after_stop = usize::from(cx.room.state.running().is_some() && !keys.is_empty());
    let mut own = Vec::new();
    if proposal.armed.is_some() && me == Some(&proposal.terms.executor) {
        own.push((keys_of(Action::Go), " go: run it  "));
    }
    if proposal.glass.is_some() {
        own.push((keys_of(Action::Veto), " veto  "));
    } else if me == Some(&proposal.terms.executor)
        && proposal.armed.is_none()
        && cx.room.welcome.policy.breakglass
    {
        own.push((keys_of(Action::Breakglass), " break glass  "));
    }
    if me == Some(&proposal.terms.proposer) {
        own.push((keys_of(Action::Cancel), " take it back  "));
    }
    keys.splice(after_stop..after_stop, own);
    keys.extend([("j k G", " read  "), ("esc", " leave")]);
    hints::row_of(canvas, &keys, width)
}

/// Where the proposal stands for this person, and who acts next.
fn outcome(cx: &Cx<'_>, proposal: &Proposal) -> (String, Role) {
    let terms = &proposal.terms;
    let me = ritual::me(cx.room);
    let mine = me == Some(&terms.executor);
    let confirmed = proposal.confirms.iter().any(|c| me == Some(&c.person));
    let (count, quorum) = (proposal.confirms.len(), usize::from(terms.quorum.max(1)));
    if let Some(glass) = &proposal.glass {
        let what = match (proposal.armed, mine) {
            (Some(_), true) => "ARMED ALONE. You say go: ctrl-g runs it".to_owned(),
            _ => format!(
                "NOBODY HAS TO CONFIRM: {} goes alone; ctrl-x vetoes it",
                glass.person
            ),
        };
        return (what, Role::Danger);
    }
    if proposal.armed.is_some() {
        let said = if confirmed { "YOU CONFIRMED. " } else { "" };
        return if mine {
            (
                "CONFIRMED, ARMED. You say go: ctrl-g runs it".to_owned(),
                Role::Banner,
            )
        } else {
            let who = &terms.executor;
            (
                format!("{said}ARMED: waiting for {who} to say go; nothing runs before that"),
                Role::Banner,
            )
        };
    }
    let missing = quorum.saturating_sub(count);
    let people = if missing == 1 { "person" } else { "people" };
    let next = if missing > 0 {
        format!("waiting for {missing} more {people} to confirm")
    } else {
        "it does not arm yet: see the guards".to_owned()
    };
    if confirmed {
        (
            format!("YOU CONFIRMED ({count} of {quorum}); {next}"),
            Role::Banner,
        )
    } else {
        (
            format!("{count} of {quorum} confirmed; {next}"),
            Role::Selection,
        )
    }
}

fn status_rows(cx: &Cx<'_>, canvas: &Canvas<'_>, proposal: &Proposal, width: usize) -> Vec<Row> {
    let mut rows = vec![guards(cx, canvas, proposal, width)];
    if proposal.armed.is_none() {
        rows.extend(now::alone(cx, canvas));
        rows.extend(
            why_not(cx, proposal)
                .map(|why| Row::of(" ", canvas.of(Role::Text)).fixed(why, canvas.of(Role::Text))),
        );
        rows.extend(nobody_rows(cx, canvas, width));
        rows.extend(words_rows(cx, canvas, proposal));
    }
    rows.into_iter()
        .map(|row| row.fit(width, canvas.signs()))
        .collect()
}

/// Why this terminal has no input; nothing after this person's own confirm, which is said elsewhere.
fn why_not(cx: &Cx<'_>, proposal: &Proposal) -> Option<&'static str> {
    let me = ritual::me(cx.room);
    let is = |person| me == Some(person);
    Some(if cx.room.link != Link::Up {
        "the server is not reached, so nothing can be confirmed here"
    } else if cx.room.welcome.read_only {
        "this terminal only looks"
    } else if me.is_none() {
        "this account is nobody's, so it cannot confirm by itself"
    } else if is(&proposal.terms.proposer) || is(&proposal.terms.executor) {
        "you proposed it, so somebody else has to confirm"
    } else if proposal.confirms.iter().any(|c| is(&c.person)) {
        return None;
    } else {
        "it cannot be confirmed now"
    })
}

/// What somebody in an account that is nobody's can do about it.
fn nobody_rows(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
    let room = cx.room;
    if !ritual::is_nobody(room) || room.welcome.read_only || room.link != Link::Up {
        return Vec::new();
    }
    let (key, text) = (canvas.of(Role::Key), canvas.of(Role::Text));
    let inner = width.saturating_sub(2);
    let mut rows = wrapped(&room.welcome.policy.nobody, inner, text);
    rows.push(
        Row::of(keys_of(Action::ReviewAs), key)
            .fixed(
                " review as a person: a code or a key proves it at the end  ",
                text,
            )
            .fixed(keys_of(Action::SignIn), key)
            .fixed(" sign in by a key", text),
    );
    let indented = |row| Row::of(" ", text).row(row);
    rows.into_iter().map(indented).collect()
}

/// The words each attached person would be shown, for the proposer to compare on a call.
fn words_rows(cx: &Cx<'_>, canvas: &Canvas<'_>, proposal: &Proposal) -> Vec<Row> {
    /// More people than this on one call do not compare words one by one.
    const PEOPLE_MAX: usize = 4;
    let mine = ritual::me(cx.room) == Some(&proposal.terms.proposer);
    let people: BTreeMap<&PersonId, &Via> = cx
        .room
        .state
        .terminals
        .values()
        .filter_map(
            |t| match (&t.actor, person_in(cx.room.welcome.mode, &t.actor)) {
                (Actor::Person { via, .. }, Some(person)) => Some((person, via)),
                _ => None,
            },
        )
        .collect();
    people
        .into_iter()
        .filter(|(p, _)| mine && **p != proposal.terms.proposer && **p != proposal.terms.executor)
        .take(PEOPLE_MAX)
        .filter_map(|(person, via)| {
            let words = ritual::words_for(cx.room, proposal, person, via)?;
            let row = Row::of(" words on the screen of ", canvas.of(Role::Dim))
                .text(person.as_str(), canvas.of(Role::Person))
                .fixed(": ", canvas.of(Role::Dim));
            let strong = canvas.of(Role::Strong);
            Some(
                words
                    .into_iter()
                    .fold(row, |row, word| row.fixed(word, strong).fixed(" ", strong)),
            )
        })
        .collect()
}
