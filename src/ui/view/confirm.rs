//! The confirm screen: one destructive step, from the plan's own bytes, for the person who may confirm it; for
//! everybody else the same plan and what is being waited for.

mod asking;
mod closed;
mod plan;
mod reviewing;
mod watching;

use super::{Cx, breakglass, hints, now};
use crate::domain::fact::Mode;
use crate::ui::canvas::{Canvas, below};
use crate::ui::model::Model;
use crate::ui::ritual;
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::unseen;
use crate::ui::words;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the screen.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let width = usize::from(area.width);
    let signs = canvas.signs();
    let style = head(cx, canvas);
    let title = title(cx, canvas).with_right(state(cx, canvas), width, signs);
    canvas.bar(area, 0, title, style);
    let room = usize::from(ritual::ROWS_ABOVE).saturating_sub(1);
    let sentence = if is_hidden(cx) {
        // What it says next names the step, and so the target.
        let what = "YOU: say what you expect to be touched, before you see what is proposed";
        vec![Row::of(" ", canvas.of(Role::Now)).fixed(what, canvas.of(Role::Now))]
    } else {
        now::rows(cx, model, canvas, width)
    };
    let alone = breakglass::banner(cx, canvas, width);
    // Somebody who goes alone is seen here too, and a review that is owed for it, before anything else.
    let room = room.saturating_sub(usize::from(alone.is_some()));
    let cut = sentence.len() > room;
    let held = sentence.len();
    for (line, mut row) in sentence.into_iter().take(room).enumerate() {
        if cut && line.saturating_add(1) == room {
            let more = Row::of(canvas.look().glyphs.more, canvas.of(Role::Now));
            row = row.with_right(more, width, signs);
        }
        canvas.bar(area, line.saturating_add(1), row, canvas.of(Role::Now));
    }
    if let Some(row) = alone {
        canvas.bar(area, room.saturating_add(1), row, canvas.of(Role::Danger));
    } else if held < room {
        canvas.row(area, held.saturating_add(1), rule(canvas, width));
    }
    let rest = below(area, usize::from(ritual::ROWS_ABOVE));
    match (cx.ritual, &cx.room.state.proposal) {
        (Some(ritual), Some(proposal)) => reviewing::draw(cx, canvas, rest, ritual, proposal),
        (None, Some(proposal)) => watching::draw(cx, model, canvas, rest, proposal),
        (_, None) => {
            closed::draw(cx, canvas, rest);
            hints::draw(cx, model, canvas, rest);
        }
    }
}

/// True while whoever is here has not said yet what they expect; without a review, as everywhere else.
fn is_hidden(cx: &Cx<'_>) -> bool {
    cx.ritual
        .map_or_else(|| unseen::step(cx.room).is_some(), ritual::Ritual::is_asked)
}

/// The style of the title: dangerous only while something destructive is proposed.
fn head(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Style {
    canvas.of(match cx.room.state.proposal {
        Some(_) => Role::Danger,
        None => Role::Header,
    })
}

/// A line across the screen.
fn rule(canvas: &Canvas<'_>, width: usize) -> Row {
    let style = canvas.of(Role::Border);
    let line = canvas.look().glyphs.horizontal;
    (0..width).fold(Row::new(), |row, _| row.fixed(line, style))
}

/// Mode and clock, and the session's state and link where they are not as usual.
fn state(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let style = head(cx, canvas);
    let link = match &cx.room.link {
        Link::Up => "",
        Link::Lost { .. } => "LOST ",
        Link::Ended { .. } => "ENDED ",
    };
    let mode = match cx.room.welcome.mode {
        Mode::Enforced => "[ENFORCED] ",
        Mode::Advisory if cx.room.welcome.policy.is_uid_by_policy() => "[ADVISORY uid] ",
        Mode::Advisory => "[ADVISORY] ",
        Mode::Demo => "[DEMO] ",
    };
    let (phase, _) = words::phase(&cx.room.state);
    let mut row = Row::of("  ", style).fixed(link, style);
    // The usual state needs no word; every other one does.
    if phase != "RUNNING" {
        row = row.fixed(phase, style).fixed(" ", style);
    }
    if cx.room.state.genesis.rehearsal.is_some() {
        row = row.fixed("[REHEARSAL] ", style);
    }
    row.fixed(mode, style)
        .text(&cx.clock(cx.now.wall, false), style)
        .fixed(" ", style)
}

fn title(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let style = head(cx, canvas);
    let Some(proposal) = &cx.room.state.proposal else {
        return Row::of(" CONFIRM  no proposal is open", style);
    };
    let row = Row::of(" CONFIRM ", style);
    match cx.room.state.find(&proposal.terms.step) {
        // The title may name the target.
        Some(step) if is_hidden(cx) => row
            .fixed(step.plan.risk.as_str(), style)
            .fixed("  step ", style)
            .text(&step.plan.number, style),
        Some(step) => row
            .fixed(step.plan.risk.as_str(), style)
            .fixed("  step ", style)
            .text(&step.plan.number, style)
            .fixed(" ", style)
            .text(&step.plan.title, style),
        None => row.text(proposal.terms.step.as_str(), style),
    }
}
