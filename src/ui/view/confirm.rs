//! The confirm screen: one destructive step, from the plan's own bytes, for the person who may confirm it; for
//! everybody else the same plan and what is being waited for.

use super::{Cx, now};
use crate::display::{self, Clean};
use crate::domain::confirm::ARMED_LIFE;
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::Mode;
use crate::domain::runbook::plan::Risk;
use crate::domain::state::Proposal;
use crate::domain::time::short_span;
use crate::ui::action::Pane;
use crate::ui::canvas::{Canvas, below};
use crate::ui::model::Model;
use crate::ui::ritual::{self, Gate, Mark, Ritual};
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Draws the screen.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let width = usize::from(area.width);
    let signs = canvas.signs();
    let danger = canvas.of(Role::Danger);
    let title = title(cx, canvas).with_right(state(cx, canvas), width, signs);
    canvas.bar(area, 0, title, danger);
    let room = usize::from(ritual::ROWS_ABOVE).saturating_sub(1);
    let sentence = now::rows(cx, canvas, width);
    let cut = sentence.len() > room;
    let held = sentence.len();
    for (line, mut row) in sentence.into_iter().take(room).enumerate() {
        if cut && line.saturating_add(1) == room {
            let more = Row::of(canvas.look().glyphs.more, canvas.of(Role::Now));
            row = row.with_right(more, width, signs);
        }
        canvas.bar(area, line.saturating_add(1), row, canvas.of(Role::Now));
    }
    if held < room {
        canvas.row(area, held.saturating_add(1), rule(canvas, width));
    }
    let rest = below(area, usize::from(ritual::ROWS_ABOVE));
    match (cx.ritual, &cx.room.state.proposal) {
        (Some(ritual), Some(proposal)) => reviewing(cx, canvas, rest, ritual, proposal),
        (None, Some(proposal)) => watching(cx, model, canvas, rest, proposal),
        (_, None) => closed(cx, canvas, rest),
    }
}

/// A line across the screen.
fn rule(canvas: &Canvas<'_>, width: usize) -> Row {
    let style = canvas.of(Role::Border);
    let line = canvas.look().glyphs.horizontal;
    (0..width).fold(Row::new(), |row, _| row.fixed(line, style))
}

/// Mode and clock, and the session's state and link where they are not as usual.
fn state(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let style = canvas.of(Role::Danger);
    let link = match &cx.room.link {
        Link::Up => "",
        Link::Lost { .. } => "LOST ",
        Link::Ended { .. } => "ENDED ",
    };
    let mode = match cx.room.welcome.mode {
        Mode::Advisory => "[ADVISORY] ",
        Mode::Demo => "[DEMO] ",
    };
    let (phase, _) = words::phase(&cx.room.state);
    let mut row = Row::of("  ", style).fixed(link, style);
    // The usual state needs no word; every other one does.
    if phase != "RUNNING" {
        row = row.fixed(phase, style).fixed(" ", style);
    }
    row.fixed(mode, style)
        .text(&cx.clock(cx.now.wall, false), style)
        .fixed(" ", style)
}

fn title(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let style = canvas.of(Role::Danger);
    let Some(proposal) = &cx.room.state.proposal else {
        return Row::of(" CONFIRM  no proposal is open", style);
    };
    let row = Row::of(" CONFIRM ", style);
    match cx.room.state.find(&proposal.terms.step) {
        Some(step) => row
            .fixed(step.plan.risk.as_str(), style)
            .fixed("  step ", style)
            .text(&step.plan.number, style)
            .fixed(" ", style)
            .text(&step.plan.title, style),
        None => row.text(proposal.terms.step.as_str(), style),
    }
}

/// Rows of the plan from `top` on, each with its mark.
fn plan_rows(canvas: &mut Canvas<'_>, area: Rect, rows: &[(Mark, Clean)], top: usize) {
    let text = Rect {
        x: area.x.saturating_add(ritual::MARGIN),
        width: area.width.saturating_sub(ritual::MARGIN),
        ..area
    };
    for (line, (mark, row)) in rows
        .iter()
        .skip(top)
        .take(usize::from(area.height))
        .enumerate()
    {
        let (sign, role) = match mark {
            Mark::Plan => ("", Role::Text),
            Mark::Weighty => ("", Role::Strong),
            Mark::Changed => ("+", Role::Warn),
            Mark::Gone => ("-", Role::Warn),
            Mark::Heading => ("", Role::Heading),
            Mark::Terms => ("", Role::Person),
        };
        canvas.row(area, line, Row::of(sign, canvas.of(role)));
        canvas.row(text, line, Row::new().clean(row.clone(), canvas.of(role)));
    }
}

fn reviewing(
    cx: &Cx<'_>,
    canvas: &mut Canvas<'_>,
    area: Rect,
    ritual: &Ritual,
    proposal: &Proposal,
) {
    let (rows, top) = ritual.rows();
    let height = ritual.height();
    let plan = Rect {
        height: u16::try_from(height).unwrap_or(u16::MAX).min(area.height),
        ..area
    };
    plan_rows(canvas, plan, rows, top);
    let foot = below(area, height);
    canvas.row(foot, 0, place(canvas, (top, height, rows.len())));
    canvas.row(foot, 1, guards(cx, canvas, proposal));
    let (first, second) = gate(cx, canvas, ritual);
    canvas.row(foot, 2, first);
    match ritual.gate(cx.now) {
        // Reversed from edge to edge: there is one place on this screen where keys become an answer.
        Gate::Words | Gate::Target => canvas.bar(foot, 3, second, canvas.of(Role::Banner)),
        _ => canvas.row(foot, 3, second),
    }
    canvas.row(foot, 4, keys(cx, canvas, ritual));
}

/// Which rows of the plan are seen, and whether there are more.
fn place(canvas: &Canvas<'_>, (top, height, rows): (usize, usize, usize)) -> Row {
    let end = top.saturating_add(height).min(rows);
    let first = top.saturating_add(1).min(rows);
    let seen = format!("-- rows {first} to {end} of {rows}, ");
    let dim = canvas.of(Role::Dim);
    let row = Row::new().text(&seen, dim);
    if end < rows {
        row.fixed("more below: j, space, G --", canvas.of(Role::Warn))
    } else {
        row.fixed("end of the plan --", dim)
    }
}

/// What the guards say at this moment, and when the proposal ends.
fn guards(cx: &Cx<'_>, canvas: &Canvas<'_>, proposal: &Proposal) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let expires = proposal.terms.expires;
    let end = proposal
        .armed
        .map_or(expires, |armed| expires.min(armed.wall.plus(ARMED_LIFE)));
    let left = short_span(end.since(cx.now.wall));
    let mut row = Row::of("expires in ", dim)
        .text(&left, canvas.of(Role::Warn))
        .fixed("  guards now: ", dim);
    let mut guards: Vec<_> = cx
        .room
        .state
        .guards()
        .map(|(rule, _)| (super::thresholds::verdict(cx, rule), rule))
        .collect();
    // What is not good comes first: the end of a long list may not fit.
    guards.sort_by_key(|(verdict, _)| verdict.is_pass());
    if guards.is_empty() {
        return row.fixed("none declared", dim);
    }
    for (verdict, rule) in guards {
        let mark = words::verdict(verdict, canvas.look().glyphs);
        row = row
            .fixed(mark.word, canvas.of(mark.role))
            .fixed(" ", text)
            .text(&rule.title, text)
            .fixed("  ", dim);
    }
    row
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
        Gate::Shown | Gate::Words | Gate::Target => Row::new(),
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

fn typed(canvas: &Canvas<'_>, ritual: &Ritual) -> Row {
    let style = canvas.of(Role::Banner);
    let row = Row::new().text(ritual.input(), style).fixed("_", style);
    let (wrong, of) = ritual.wrong();
    if wrong == 0 {
        return row;
    }
    row.text(&format!("   (wrong try {wrong} of {of})"), style)
}

fn keys(cx: &Cx<'_>, canvas: &Canvas<'_>, ritual: &Ritual) -> Row {
    let typing = matches!(ritual.gate(cx.now), Gate::Words | Gate::Target);
    let pairs: &[(&'static str, &'static str)] = if typing {
        &[
            ("enter", " sends  "),
            ("backspace", " corrects  "),
            ("esc", " stops typing"),
        ]
    } else {
        &[
            ("j k space b g G", " read  "),
            ("r", " reject  "),
            ("esc", " leave without an answer"),
        ]
    };
    pairs.iter().fold(Row::new(), |row, (key, what)| {
        row.fixed(key, canvas.of(Role::Key))
            .fixed(what, canvas.of(Role::Dim))
    })
}

/// The plan for those who cannot confirm it: proposer, executor, who has confirmed already, onlookers.
fn watching(
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
    let text_width = usize::from(area.width.saturating_sub(ritual::MARGIN));
    let rows: Vec<(Mark, Clean)> = ritual::content_of(cx.room, proposal)
        .into_iter()
        .flat_map(|line| {
            let rows = display::wrap_exact(&line.text, text_width, display::Glyphs::Ascii);
            rows.into_iter().map(move |row| (line.mark, row))
        })
        .collect();
    let height = usize::from(plan.height);
    let top = model.scroll(Pane::Review).window(rows.len(), height);
    plan_rows(canvas, plan, &rows, top);
    let rest = below(area, height);
    canvas.row(rest, 0, place(canvas, (top, height, rows.len())));
    let (outcome, role) = outcome(cx, proposal);
    let style = canvas.of(role);
    canvas.bar(rest, 1, Row::of(" ", style).text(&outcome, style), style);
    for (line, row) in status.into_iter().enumerate() {
        canvas.row(rest, line.saturating_add(2), row);
    }
    let dim = canvas.of(Role::Dim);
    let keys = Row::of("j k space b g G", canvas.of(Role::Key)).fixed(" read  ", dim);
    let keys = keys.fixed("esc", canvas.of(Role::Key)).fixed(" leave", dim);
    canvas.row(
        below(area, usize::from(area.height.saturating_sub(1))),
        0,
        keys,
    );
}

/// Where the proposal stands for this person, and who acts next.
fn outcome(cx: &Cx<'_>, proposal: &Proposal) -> (String, Role) {
    let terms = &proposal.terms;
    let me = ritual::me(cx.room);
    let mine = me == Some(&terms.executor);
    let confirmed = proposal.confirms.iter().any(|c| me == Some(&c.person));
    let (count, quorum) = (proposal.confirms.len(), usize::from(terms.quorum.max(1)));
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
    let mut rows = vec![guards(cx, canvas, proposal)];
    if proposal.armed.is_none() {
        rows.extend(why_not(cx, proposal).map(|why| Row::of(why, canvas.of(Role::Text))));
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
        "this account is nobody's, so it cannot confirm"
    } else if is(&proposal.terms.proposer) || is(&proposal.terms.executor) {
        "you proposed it, so somebody else has to confirm"
    } else if proposal.confirms.iter().any(|c| is(&c.person)) {
        return None;
    } else {
        "it cannot be confirmed now"
    })
}

/// The words each attached person would be shown, for the proposer to compare on a call.
fn words_rows(cx: &Cx<'_>, canvas: &Canvas<'_>, proposal: &Proposal) -> Vec<Row> {
    /// More people than this on one call do not compare words one by one.
    const PEOPLE_MAX: usize = 4;
    let mine = ritual::me(cx.room) == Some(&proposal.terms.proposer);
    let mut people: Vec<_> = cx
        .room
        .state
        .terminals
        .values()
        .filter_map(|t| person_in(cx.room.welcome.mode, &t.actor))
        .collect();
    people.sort();
    people.dedup();
    people
        .into_iter()
        .filter(|p| mine && **p != proposal.terms.proposer && **p != proposal.terms.executor)
        .take(PEOPLE_MAX)
        .filter_map(|person| {
            let words = ritual::words_for(cx.room, proposal, person)?;
            let row = Row::of("words on the screen of ", canvas.of(Role::Dim))
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

/// There is nothing to review.
fn closed(cx: &Cx<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let text = canvas.of(Role::Text);
    let mut rows = vec![Row::of("no proposal is open", canvas.of(Role::Strong))];
    rows.extend(under_way(cx, canvas));
    if let Some((step, why)) = &cx.room.state.last_closed {
        let row = Row::of("the last one, of ", text).text(step.as_str(), canvas.of(Role::Strong));
        rows.extend(
            row.fixed(", ended: ", text)
                .text(why, canvas.of(Role::Warn))
                .wrap(usize::from(area.width)),
        );
    }
    rows.extend(waiting(cx, canvas));
    rows.push(Row::of("esc", canvas.of(Role::Key)).fixed(" leaves", canvas.of(Role::Dim)));
    for (line, row) in rows.into_iter().enumerate() {
        canvas.row(area, line, row);
    }
}

/// What runs: after a go the screen says what became of the confirm.
fn under_way(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let running = cx.room.state.running()?;
    let step = cx.room.state.find(&running.key.step)?;
    let text = canvas.of(Role::Text);
    let row = Row::new()
        .text(running.role.as_str(), canvas.of(Role::Active))
        .fixed(" of step ", text)
        .text(&step.plan.number, canvas.of(Role::Strong))
        .fixed(" runs since ", text)
        .text(&cx.clock(running.since.wall, false), text);
    Some(row.fixed("; press 1 to watch it", text))
}

/// A step that waits to be proposed.
fn waiting(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let step = cx.room.state.under_way()?;
    if step.now.stage() != Some(crate::domain::state::Stage::NeedsProposal) {
        return None;
    }
    let label = format!("{} waits to be proposed", step.plan.to_label());
    let role = if step.plan.risk == Risk::Irreversible {
        Role::Bad
    } else {
        Role::Warn
    };
    Some(Row::new().text(&label, canvas.of(role)))
}
