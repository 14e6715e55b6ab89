//! The plan for the person who may confirm it, with the place where keys become an answer.

use super::asking;
use super::plan::{guards, place, plan_rows};
use crate::domain::state::Proposal;
use crate::ui::canvas::{Canvas, below};
use crate::ui::ritual::{Gate, Ritual};
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::view::{Cx, hints};
use ratatui::layout::Rect;

/// Draws the review.
pub(super) fn draw(
    cx: &Cx<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    ritual: &Ritual,
    proposal: &Proposal,
) {
    if ritual.is_asked() {
        return asking::draw(cx, canvas, area, ritual);
    }
    let (rows, top) = ritual.rows();
    let height = ritual.height();
    let plan = Rect {
        height: u16::try_from(height).unwrap_or(u16::MAX).min(area.height),
        ..area
    };
    plan_rows(canvas, plan, rows, top);
    let foot = below(area, height);
    canvas.row(
        foot,
        0,
        place(canvas, area.width, (top, height, rows.len())),
    );
    canvas.row(
        foot,
        1,
        guards(cx, canvas, proposal, usize::from(area.width)),
    );
    let (first, second) = gate(cx, canvas, ritual);
    canvas.row(foot, 2, Row::of(" ", canvas.of(Role::Text)).row(first));
    match ritual.gate(cx.now) {
        // Reversed from edge to edge: there is one place on this screen where keys become an answer.
        Gate::Words | Gate::Target => canvas.bar(foot, 3, second, canvas.of(Role::Banner)),
        _ => canvas.row(foot, 3, Row::of(" ", canvas.of(Role::Text)).row(second)),
    }
    canvas.row(foot, 4, keys(cx, canvas, ritual, usize::from(area.width)));
}

fn gate(cx: &Cx<'_>, canvas: &Canvas<'_>, ritual: &Ritual) -> (Row, Row) {
    let (text, warn) = (canvas.of(Role::Text), canvas.of(Role::Warn));
    let seconds = |before: &'static str, n: u64, after: &'static str| {
        Row::of(before, warn)
            .text(&n.to_string(), canvas.of(Role::Strong))
            .fixed(after, warn)
    };
    let first = match ritual.gate(cx.now) {
        Gate::Fault(why) => return (Row::of(why, canvas.of(Role::Danger)), Row::new()),
        Gate::TooSmall => Row::of(
            "this terminal is smaller than 80x24: make it larger to confirm",
            warn,
        ),
        Gate::Closed(n) => seconds(
            "input is closed for ",
            n,
            " s: a paste, or three wrong tries",
        ),
        Gate::NotRead => Row::of("read to the end first; the words are shown there", warn),
        Gate::Dwell(n) => seconds("take your time: the words are shown in ", n, " s"),
        Gate::Sent => Row::of("sent; waiting for the server", canvas.of(Role::Active)),
        Gate::Shown
        | Gate::Words
        | Gate::Target
        | Gate::Offered
        | Gate::Component
        | Gate::Remaining => Row::new(),
    };
    let second = match ritual.gate(cx.now) {
        Gate::Shown => Row::of(
            "compare them with the proposer's screen; press enter, then type them",
            canvas.of(Role::Active),
        ),
        Gate::Words => {
            Row::of(" TYPE THE WORDS > ", canvas.of(Role::Banner)).row(typed(canvas, ritual))
        }
        Gate::Target => Row::of(
            " CANNOT BE TAKEN BACK. TYPE THE TARGET'S NAME > ",
            canvas.of(Role::Banner),
        )
        .row(typed(canvas, ritual)),
        _ if ritual.is_often() => Row::of("you confirm often; the wait is doubled", warn),
        _ => Row::new(),
    };
    let first = match ritual.words(cx.now) {
        Some(words) => {
            let strong = canvas.of(Role::Strong);
            let row = Row::of("words: ", text);
            words
                .into_iter()
                .fold(row, |row, word| row.fixed(word, strong).fixed(" ", strong))
        }
        None => first,
    };
    (first, second)
}

pub(super) fn typed(canvas: &Canvas<'_>, ritual: &Ritual) -> Row {
    let style = canvas.of(Role::Banner);
    let row = Row::new().text(ritual.input(), style).fixed("_", style);
    let (wrong, of) = ritual.wrong();
    if wrong == 0 {
        return row;
    }
    row.text(&format!("   (wrong try {wrong} of {of})"), style)
}

fn keys(cx: &Cx<'_>, canvas: &Canvas<'_>, ritual: &Ritual, width: usize) -> Row {
    let typing = matches!(ritual.gate(cx.now), Gate::Words | Gate::Target);
    if typing {
        let keys = [
            ("enter", " sends  "),
            ("backspace", " corrects  "),
            ("ctrl-r", " reject  "),
            ("esc", " stops typing"),
        ];
        return hints::row_of(canvas, &keys, width);
    }
    let mut keys = vec![("r", " reject at once  ")];
    if ritual.is_read(cx.now) {
        let mut back = hints::back_keys(cx);
        let after_stop = usize::from(cx.room.state.running().is_some() && !back.is_empty());
        back.splice(after_stop..after_stop, keys);
        keys = back;
    }
    keys.extend([("j k G", " read  "), ("esc", " leave without an answer")]);
    hints::row_of(canvas, &keys, width)
}
