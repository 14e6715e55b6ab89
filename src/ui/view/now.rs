//! The line that says what now, and the banner of an open proposal.

use super::{Cx, breakglass, motion, run_on};
use crate::domain::amend;
use crate::domain::confirm::rule::person_in;
use crate::domain::countdown;
use crate::domain::fact::Mode;
use crate::domain::freeze;
use crate::domain::progress::current;
use crate::domain::readiness::{Readiness, StepView};
use crate::domain::state::{Phase, StepStatus};
use crate::domain::time::short_span;
use crate::domain::what_now::{Severity, WhatNow, waits_for_second, what_now};
use crate::ui::action::{Action, View};
use crate::ui::canvas::Canvas;
use crate::ui::keymap::{is_anywhere, keys_of};
use crate::ui::model::Model;
use crate::ui::ritual;
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Rows the sentence may take on a screen with panes.
const ROWS_MAX: usize = 2;

/// Draws what now, and the banner when there is one; gives the rows they took.
pub(crate) fn draw(cx: &Cx<'_>, model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> usize {
    let mut line = 0;
    let width = usize::from(area.width);
    let all = rows(cx, model, canvas, width);
    let cut = all.len() > ROWS_MAX;
    for (place, mut row) in all.into_iter().take(ROWS_MAX).enumerate() {
        if cut && place.saturating_add(1) == ROWS_MAX {
            let more = Row::of(canvas.look().glyphs.more, canvas.of(Role::Now));
            row = row.with_right(more, width, canvas.signs());
        }
        canvas.bar(area, line, row, canvas.of(Role::Now));
        line = line.saturating_add(1);
    }
    if let Some(row) = breakglass::banner(cx, canvas, width) {
        canvas.bar(area, line, row, canvas.of(Role::Danger));
        line = line.saturating_add(1);
    }
    if let Some(row) = held(cx, canvas, width) {
        canvas.bar(area, line, row, canvas.of(Role::Banner));
        line = line.saturating_add(1);
    }
    if let Some(row) = banner(cx, canvas, usize::from(area.width)) {
        canvas.bar(area, line, row, canvas.of(Role::Banner));
        line = line.saturating_add(1);
    }
    let motion = motion::banner(cx, canvas, width);
    for row in [alone(cx, canvas), unwatched(cx, canvas, width), motion]
        .into_iter()
        .flatten()
    {
        canvas.bar(area, line, row, canvas.of(Role::Banner));
        line = line.saturating_add(1);
    }
    line
}

/// The sentence, wrapped. Where it would take too many rows, what comes meanwhile goes first, then the reason and who can
/// act; where nothing is proposed and something is not as it should be, who can act and then the end of the reason. What is to be done and until
/// when stay.
pub(crate) fn rows(cx: &Cx<'_>, model: &Model, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
    let now = what_now(&cx.room.state, &cx.room.board, cx.now, &cx.room.welcome.you);
    let mut details = vec![Detail::Ahead, Detail::All];
    // Who can act is known where nothing is proposed or lost: any operator. Why is not.
    if now.severity == Severity::Warn && cx.room.state.proposal.is_none() {
        let most = width.saturating_mul(ROWS_MAX);
        details.extend((0..=most).rev().map(Detail::Reason));
    } else {
        details.extend([Detail::NoReason, Detail::Reason(0)]);
    }
    let mut rows = Vec::new();
    for detail in details {
        rows = sentence(cx, &now, model, canvas, detail).hang(width, INDENT);
        if rows.len() <= ROWS_MAX {
            break;
        }
    }
    rows
}

/// Cells further rows of the sentence are moved in, so that all begin below each other.
const INDENT: usize = 1;

/// How much of the sentence is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    /// No more of the reason than so many characters; nothing of it is 0.
    Reason(usize),
    NoReason,
    All,
    Ahead,
}

fn sentence(cx: &Cx<'_>, now: &WhatNow, model: &Model, canvas: &Canvas<'_>, detail: Detail) -> Row {
    let style = canvas.of(Role::Now);
    let head = match (now.yours, now.severity) {
        (true, _) => " YOU: ",
        (false, Severity::Calm | Severity::Act) => " NOW: ",
        (false, Severity::Warn) => " NOW (!): ",
        (false, Severity::Bad) => " NOW (!!): ",
    };
    let mut row = Row::of(head, style).text(&now.what, style);
    if now.yours {
        row = row.text(&key_text(cx, model), style);
    }
    if !now.who.is_empty() && detail >= Detail::NoReason {
        row = row.fixed(" -- ", style).text(&now.who, style);
    }
    let why = reason(&now.why, detail);
    if !why.is_empty() {
        row = row.text(&format!(" ({why})"), style);
    }
    if let Some(until) = now.until {
        let left = short_span(until.since(cx.now.wall));
        row = row.text(
            &format!(" until {}Z ({left})", until.to_clock_text()),
            style,
        );
    }
    row = row.text(&run_on::tail(cx, model, &now.what), style);
    if !now.ahead.is_empty() && detail >= Detail::Ahead {
        row = row.text(&format!("; {}", now.ahead), style);
    }
    if cx.room.state.phase.is_final() && detail >= Detail::All {
        let (leave, name) = (keys_of(Action::Quit), cx.room.welcome.name.as_str());
        let text = format!("; {leave} leaves, `warroom report {name}` tells what happened");
        row = row.text(&text, style);
    }
    row
}

/// Shortest beginning of a reason that still says something.
const REASON_MIN: usize = 16;

/// The reason, or its beginning where not more is kept of it.
fn reason(why: &str, detail: Detail) -> String {
    match detail {
        Detail::NoReason => String::new(),
        Detail::Reason(kept) if kept < REASON_MIN && why.chars().count() > kept => String::new(),
        Detail::Reason(kept) if why.chars().count() > kept => {
            format!("{}...", why.chars().take(kept).collect::<String>())
        }
        _ => why.to_owned(),
    }
}

/// ` [P]`: the keys for what the sentence asks of its reader; empty where not all work on this screen.
fn key_text(cx: &Cx<'_>, model: &Model) -> String {
    let (actions, step) = actions(cx);
    let keys: Vec<&str> = actions.iter().map(|action| keys_of(*action)).collect();
    let works = model.view != View::Confirm || actions.iter().copied().all(is_anywhere);
    if !works || (cx.room.welcome.read_only && actions != [Action::Veto]) {
        return String::new();
    }
    // Another step is selected: the keys would mean that one.
    let first = match step.filter(|step| *step != model.step) {
        Some(_) => format!("{}, then ", keys_of(Action::Follow)),
        None => String::new(),
    };
    format!(" [{first}{}]", keys.join(", "))
}

/// What the sentence asks for, in its own order, and the step it means.
fn actions(cx: &Cx<'_>) -> (&'static [Action], Option<usize>) {
    let state = &cx.room.state;
    if !state.phase.is_final() && waits_for_second(state, &cx.room.welcome.you) {
        return (&[Action::AnswerMotion], None);
    }
    if state.phase == Phase::Briefing {
        return (&[Action::Begin], None);
    }
    if state.phase.is_final() {
        return (&[Action::ReviewAlone], None);
    }
    if let Some(step) = state.unknown() {
        return (&[Action::Resolve], Some(step.index));
    }
    if let Some(open) = &state.proposal
        && let Some(glass) = &open.glass
    {
        let is_mine = ritual::me(cx.room) == Some(&glass.person);
        return match (is_mine, open.armed, &glass.countdown) {
            (true, Some(_), _) => (&[Action::Go, Action::Veto], None),
            (true, None, None) => (&[Action::Breakglass, Action::Veto], None),
            _ => (&[Action::Veto], None),
        };
    }
    if let Some(proposal) = &state.proposal {
        return match proposal.armed {
            Some(_) if is_late(cx) => (
                &[Action::ExtendWindow, Action::Rollback, Action::Abort],
                None,
            ),
            Some(_) => (&[Action::Go], None),
            None => (&[Action::Review], None),
        };
    }
    if state.lost_watcher().is_some() {
        return (&[Action::TakeOver, Action::Stop], None);
    }
    if let Some(running) = state.running() {
        return (
            &[Action::MarkDone],
            state.find(&running.key.step).map(|s| s.index),
        );
    }
    let back = state.phase == Phase::RollingBack;
    if state.is_held() {
        return if back {
            (&[Action::Release, Action::Abort], None)
        } else {
            (&[Action::Release, Action::Rollback], None)
        };
    }
    let Some(step) = current(state) else {
        return (&[Action::Complete], None);
    };
    (of_step(cx, &step), Some(step.index))
}

/// Ways on from a failed step, and from one of a unit, as the sentence names them.
const OF_STEP: [Action; 4] = [Action::Retry, Action::Skip, Action::Rollback, Action::Amend];
const OF_UNIT: [Action; 5] = [
    Action::Retry,
    Action::SkipUnit,
    Action::Skip,
    Action::Rollback,
    Action::Amend,
];

/// What a step asks for that nobody has proposed and that does not run.
fn of_step(cx: &Cx<'_>, step: &StepView<'_>) -> &'static [Action] {
    let state = &cx.room.state;
    let back = state.phase == Phase::RollingBack;
    match &step.now.status {
        StepStatus::Failed { .. } if back => &[Action::Retry, Action::Skip, Action::Abort],
        StepStatus::Failed { .. } => {
            // Mending the runbook is the last of the ways on.
            let ways = match step.plan.unit {
                Some(_) => &OF_UNIT[..],
                None => &OF_STEP[..],
            };
            match ways.split_last() {
                Some((_, ways)) if !amend::is_possible(state) => ways,
                _ => ways,
            }
        }
        StepStatus::UndoFailed { .. } => &[Action::Retry, Action::Skip],
        StepStatus::Active { .. } if is_late(cx) => {
            &[Action::ExtendWindow, Action::Rollback, Action::Abort]
        }
        StepStatus::Active { .. } => &[Action::Propose],
        StepStatus::Undone if step.plan.switch => &[Action::Retry, Action::Skip],
        _ if state.waiting_rollout().is_some() => &[Action::RolloutOn],
        _ if state.readiness(step.index) == Readiness::ByHand => &[Action::MarkDone],
        _ if run_on::has_stopped(state) => &[Action::Start, Action::RunOn],
        _ => &[Action::Start],
    }
}

/// Past the point of no return something destructive needs a longer window first.
fn is_late(cx: &Cx<'_>) -> bool {
    let freezes = freeze::standing(&cx.room.state.genesis, &cx.room.board);
    let barred = countdown::barred(&cx.room.state, &freezes, cx.now.wall);
    matches!(barred, Some(countdown::Barred::Late { .. }))
}

/// Asks this person to review; never opens anything by itself (`TWO_PERSON` 6.1 rule 7).
fn banner(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let (proposal, _) = ritual::reviewer(cx.room)?;
    let style = canvas.of(Role::Banner);
    let step = cx.room.state.find(&proposal.terms.step)?;
    let left = short_span(proposal.terms.expires.since(cx.now.wall));
    let right = Row::of(": press c to review, ", style)
        .text(&left, style)
        .fixed(" left ", style);
    let what = Row::of(" ", style)
        .text(proposal.terms.proposer.as_str(), style)
        .fixed(" proposes ", style)
        .text(&step.plan.number, style)
        .fixed(" ", style)
        .text(&step.plan.title, style);
    let room = width.saturating_sub(right.width());
    Some(what.fit(room, canvas.signs()).row(right))
}

/// Tells a proposer whom nobody here could confirm how somebody gets here.
pub(super) fn alone(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let room = cx.room;
    let proposal = room.state.proposal.as_ref().filter(|p| p.armed.is_none())?;
    let terms = &proposal.terms;
    let is_mine = ritual::me(room) == Some(&terms.proposer) && !room.welcome.read_only;
    let mut terminals = room.state.terminals.values().filter(|t| !t.read_only);
    let others = terminals.any(|terminal| {
        let person = person_in(room.welcome.mode, &terminal.actor);
        person.is_some_and(|person| *person != terms.proposer && *person != terms.executor)
    });
    if !is_mine || others || room.link != Link::Up {
        return None;
    }
    let style = canvas.of(Role::Banner);
    let row = Row::of(" no second person yet", style);
    let name = room.welcome.name.as_str();
    Some(match room.welcome.mode {
        Mode::Demo => row
            .fixed("; another terminal: warroom attach -t ", style)
            .text(name, style)
            .fixed(" --as bob", style),
        Mode::Advisory | Mode::Enforced => row
            .fixed("; they join by: warroom attach -t ", style)
            .text(name, style),
    })
}

/// Asks the others to watch over what runs, when whoever did is gone (`TWO_PERSON` 4.7).
fn unwatched(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let room = cx.room;
    let (view, person, since) = room.state.lost_watcher()?;
    let is_another = ritual::me(room).is_some_and(|me| *me != person);
    if !is_another || room.welcome.read_only || room.link != Link::Up {
        return None;
    }
    let style = canvas.of(Role::Banner);
    // What is to be done stands first: what is cut on a narrow screen is since when.
    let what = Row::of(" nobody watches ", style)
        .text(&view.plan.number, style)
        .fixed(": v takes over, x stops it; ", style)
        .text(person.as_str(), style)
        .fixed(" is gone for ", style)
        .text(&cx.age(since.wall), style);
    Some(what.fit(width, canvas.signs()))
}

/// Holds in force, while the sentence above is about something else: what runs goes on, nothing new starts.
fn held(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let state = &cx.room.state;
    let hold = state
        .holds
        .first()
        .filter(|_| state.running().is_some() || state.proposal.is_some())?;
    let style = canvas.of(Role::Banner);
    let row = Row::of(" HELD, nothing new starts: ", style)
        .text(&words::hold(&hold.cause, &hold.by), style);
    let more = state.holds.len().saturating_sub(1);
    let row = if more > 0 {
        row.text(&format!(", and {more} more"), style)
    } else {
        row
    };
    if cx.room.welcome.read_only {
        return Some(row);
    }
    // Who can end it is any operator; what ends it stays when the reason is cut.
    let (release, back) = (keys_of(Action::Release), keys_of(Action::Rollback));
    let keys = match state.phase {
        Phase::Running => format!(" {release} releases, {back} rolls back "),
        _ => format!(" {release} releases "),
    };
    Some(row.with_right(Row::of("", style).text(&keys, style), width, canvas.signs()))
}
