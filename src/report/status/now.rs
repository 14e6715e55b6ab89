//! What of a session depends on what time it is: who is waited for and how long still, and what the window allows.

use crate::domain::confirm::ARMED_LIFE;
use crate::domain::countdown::{
    Barred, Window, barred, closed, point_of_no_return, unsure, window,
};
use crate::domain::freeze;
use crate::domain::state::{Phase, Proposal, State, Tabled};
use crate::domain::time::{Moment, Timestamp, short_span};
use crate::wire::message::Snapshot;
use serde_json::{Value, json};
use std::time::Duration;

/// What a bar on destructive work is called.
const BARRED: &str = "nothing destructive may start";

/// What waits for people, then what the window says; a line each.
pub(super) fn lines(snapshot: &Snapshot, now: Moment) -> Vec<String> {
    let state = &snapshot.state;
    let proposal = state.proposal.as_ref();
    let proposal = proposal.map(|open| proposal_line(open, now));
    let motion = state.motions.open.as_deref();
    let motion = motion.map(|open| motion_line(open, now));
    let window = window_line(state, now.wall);
    let barred = barred_line(snapshot, now.wall);
    let all = [proposal, motion, window, barred];
    all.into_iter().flatten().collect()
}

/// Confirms that are still missing.
fn missing(open: &Proposal) -> usize {
    let need = usize::from(open.terms.quorum.max(1));
    need.saturating_sub(open.confirms.len())
}

/// When a proposal ends by itself.
fn ends_at(open: &Proposal) -> Timestamp {
    let armed = open.armed.map(|at| at.wall.plus(ARMED_LIFE));
    armed.map_or(open.terms.expires, |at| at.min(open.terms.expires))
}

/// `drain, attempt 2: proposed by ann 40s ago; 0 of 1 other people have confirmed, 1 is missing; it ends in 14m20s`
fn proposal_line(open: &Proposal, now: Moment) -> String {
    let terms = &open.terms;
    let (step, attempt, by) = (&terms.step, terms.attempt, &terms.proposer);
    let since = ago(open.opened, now);
    let left = short_span(ends_at(open).since(now.wall));
    let waits = if let Some(glass) = &open.glass {
        let (who, reason) = (&glass.person, &glass.reason);
        format!("BREAK-GLASS: {who} goes alone, anybody attached can veto it; reason: {reason}")
    } else if let Some(armed) = open.armed {
        let (since, executor) = (ago(armed, now), &terms.executor);
        format!("ARMED {since}: waits for `go` by {executor}, and ends in {left}")
    } else {
        let (have, need) = (open.confirms.len(), terms.quorum.max(1));
        let missing = match missing(open) {
            0 => "and it does not arm yet".to_owned(),
            1 => "1 is missing".to_owned(),
            n => format!("{n} are missing"),
        };
        format!("{have} of {need} other people have confirmed, {missing}; it ends in {left}")
    };
    format!("{step}, attempt {attempt}: proposed by {by} {since}; {waits}")
}

/// `motion 1 by ann 2m10s ago: extend the window to ... (the copy is slow); another person seconds or rejects it (key Y),
/// or it ends in 7m50s`
fn motion_line(open: &Tabled, now: Moment) -> String {
    let (no, by, what, reason) = (open.no, &open.by, &open.what, &open.reason);
    let since = ago(open.made, now);
    let left = short_span(open.expires.since(now.wall));
    format!(
        "motion {no} by {by} {since}: {what} ({reason}); another person than {by} seconds or rejects it (key Y), or it ends in {left}"
    )
}

fn ago(since: Moment, now: Moment) -> String {
    format!("{} ago", short_span(now.wall.since(since.wall)))
}

/// Nothing without a window, and once the maintenance is over.
fn window_line(state: &State, now: Timestamp) -> Option<String> {
    let announced = state.window().filter(|_| !state.phase.is_final())?;
    let end = announced.end.to_seconds_text();
    Some(match window(state, now) {
        Window::None => return None,
        Window::Before { starts_in } => {
            let (span, start) = (short_span(starts_in), announced.start.to_seconds_text());
            format!("window: begins in {span} ({start}), ends {end}")
        }
        Window::Within {
            ends_in,
            turn_back_in,
        } => {
            let left = short_span(ends_in);
            let limit = point_of_no_return(state)?;
            let at = limit.to_seconds_text();
            let turn = turn_back_in.map_or_else(
                || {
                    let span = short_span(now.since(limit));
                    format!("PAST THE POINT OF NO RETURN by {span} ({at})")
                },
                |span| format!("{} to the point of no return ({at})", short_span(span)),
            );
            format!("window: {turn}, {left} to its end ({end})")
        }
        Window::Over { for_long } => {
            format!("window: OVER by {} (it ended {end})", short_span(for_long))
        }
    })
}

/// What keeps the maintenance from beginning, or destructive work from going on.
fn bar(snapshot: &Snapshot, now: Timestamp) -> Option<(&'static str, Barred<'_>)> {
    let state = &snapshot.state;
    let freezes = freeze::standing(&state.genesis, &snapshot.board);
    if state.phase == Phase::Briefing {
        let closed = closed(state, &freezes, now).map(|barred| ("it cannot begin", barred));
        // What it could do once it is begun is better known before.
        let limit = point_of_no_return(state).filter(|limit| now >= *limit);
        let late = limit.map(|limit| (BARRED, Barred::Late { limit }));
        return closed.or(late);
    }
    // The margin is the server's to know; near is near enough to be told.
    let doubt = snapshot.board.clock_doubt();
    let doubt = doubt.map(|why| (Duration::ZERO, why));
    let barred = barred(state, &freezes, now).or_else(|| unsure(state, &freezes, now, doubt));
    barred.map(|barred| (BARRED, barred))
}

fn barred_line(snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    let (what, barred) = bar(snapshot, now)?;
    Some(format!("{what}: {}; {}", barred.why(now), barred.hint()))
}

/// Whole seconds from `now` to a time; negative when it is past.
fn seconds_to(at: Timestamp, now: Timestamp) -> i64 {
    let ms = at.as_millis().saturating_sub(now.as_millis());
    ms.div_euclid(1000)
}

/// The window with what is left of it, in whole seconds; null without one.
pub(super) fn window_json(state: &State, now: Timestamp) -> Value {
    let Some(window) = state.window() else {
        return Value::Null;
    };
    let limit = point_of_no_return(state);
    json!({
        "start": window.start, "end": window.end, "buffer_s": window.buffer.as_secs(),
        "point_of_no_return": limit, "starts_in_s": seconds_to(window.start, now),
        "turn_back_in_s": limit.map(|limit| seconds_to(limit, now)), "ends_in_s": seconds_to(window.end, now),
    })
}

/// What bars the work now, in words; null when nothing does.
pub(super) fn barred_json(snapshot: &Snapshot, now: Timestamp) -> Value {
    bar(snapshot, now).map_or(
        Value::Null,
        |(what, barred)| json!({ "what": what, "why": barred.why(now), "hint": barred.hint() }),
    )
}

/// The open proposal; null when there is none.
pub(super) fn proposal_json(state: &State) -> Value {
    let Some(open) = &state.proposal else {
        return Value::Null;
    };
    let terms = &open.terms;
    let confirmed: Vec<_> = open.confirms.iter().map(|one| &one.person).collect();
    json!({
        "step": terms.step, "attempt": terms.attempt, "proposer": terms.proposer, "executor": terms.executor,
        "quorum": terms.quorum, "confirmed": confirmed, "missing": missing(open), "opened": open.opened.wall,
        "armed": open.armed.map(|at| at.wall), "ends": ends_at(open), "plan": terms.plan,
    })
}

/// The open motion; null when there is none.
pub(super) fn motion_json(state: &State) -> Value {
    let Some(open) = &state.motions.open else {
        return Value::Null;
    };
    json!({
        "no": open.no, "what": open.what, "reason": open.reason, "by": open.by, "made": open.made.wall,
        "expires": open.expires, "missing": format!("another person than {} seconds it", open.by),
    })
}
