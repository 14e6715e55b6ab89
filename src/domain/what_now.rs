//! The one line that says what now: what, who, why, until when. It has an answer for every state.

mod ahead;
mod asked;
mod back;
mod breakglass;
mod failed;
mod motion;
mod rollout;
mod run_on;
mod silences;
mod timing;
mod waits;

pub use motion::waits_for_second;

use crate::domain::board::Board;
use crate::domain::confirm::ARMED_LIFE;
use crate::domain::confirm::rule::person_in;
use crate::domain::decide::votes_needed;
use crate::domain::fact::{Actor, HoldCause};
use crate::domain::progress::current;
use crate::domain::readiness::{Readiness, StepView};
use crate::domain::state::{Hold, Phase, Proposal, Stage, State, StepStatus};
use crate::domain::time::{Moment, Timestamp};

/// How urgently a person must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nobody has to do anything now.
    Calm,
    /// Somebody has to do something.
    Act,
    /// Something is not as it should be.
    Warn,
    /// Something is wrong.
    Bad,
}

/// The parts of the line. Texts are as people and runbooks wrote them: whoever draws them cleans them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatNow {
    /// What is to be done or waited for.
    pub what: String,
    /// Who can do it; empty when it goes on by itself.
    pub who: String,
    /// Why it is so; may be empty.
    pub why: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// How urgent it is.
    pub severity: Severity,
    /// True when the reader is one of those who can do it.
    pub yours: bool,
    /// What comes meanwhile and is to be known ahead: the pager goes to somebody else. May be empty.
    pub ahead: String,
}

impl WhatNow {
    fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            who: String::new(),
            why: String::new(),
            until: None,
            severity,
            yours: false,
            ahead: String::new(),
        }
    }

    fn by(mut self, who: impl Into<String>, yours: bool) -> Self {
        self.who = who.into();
        self.yours = yours;
        self
    }

    fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self
    }
}

/// Anyone with the role.
const OPERATOR: &str = "any operator";

/// What now, for whoever `you` is.
pub fn what_now(state: &State, board: &Board, now: Moment, you: &Actor) -> WhatNow {
    if let Some(over) = over(state, you, now.wall) {
        return over;
    }
    let mut line = under_way(state, board, now, you);
    let clock = timing::clock(state, board, now.wall);
    let parts = [
        // Once is enough.
        Some(clock).filter(|c| *c != line.why).unwrap_or_default(),
        timing::late(state, now.wall),
        ahead::ahead(state, board, now.wall),
    ];
    line.ahead = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ");
    line
}

fn under_way(state: &State, board: &Board, now: Moment, you: &Actor) -> WhatNow {
    if let Some(unknown) = state.unknown() {
        return lost(state, unknown, you);
    }
    if let Some(line) = motion::second(state, you) {
        return line;
    }
    if let Some(open) = &state.proposal {
        return proposal((state, board, now.wall), open, you);
    }
    if let Some(running) = running(state, you) {
        return running;
    }
    if let Some(hold) = state.moved().or_else(|| state.holds.first()) {
        return held(state, hold);
    }
    match current(state) {
        Some(view) => step(state, view, board, now),
        None => end(state),
    }
}

fn over(state: &State, you: &Actor, now: Timestamp) -> Option<WhatNow> {
    if state.phase.is_final()
        && state.open
        && let Some(left) = silences::left_over(state, now)
    {
        return Some(left);
    }
    if state.phase.is_final()
        && state.open
        && let Some(owed) = breakglass::owed(state, you)
    {
        return Some(owed);
    }
    let line = match state.phase {
        Phase::Completed => WhatNow::new(Severity::Calm, "complete"),
        Phase::RolledBack => WhatNow::new(Severity::Warn, "rolled back").because(&state.end_reason),
        Phase::Aborted => WhatNow::new(Severity::Bad, "aborted").because(&state.end_reason),
        Phase::Briefing | Phase::Running | Phase::RollingBack => {
            if state.open {
                return None;
            }
            WhatNow::new(Severity::Bad, "the session server has ended")
                .because("the maintenance stands where it was")
        }
    };
    Some(line)
}

fn lost(state: &State, view: StepView<'_>, you: &Actor) -> WhatNow {
    let needed = votes_needed(view);
    let who = if needed > 1 {
        let votes = view.now.votes.len();
        format!("{needed} people who agree; {votes} so far")
    } else {
        "anyone with a role".to_owned()
    };
    let person = person_in(state.genesis.mode, you);
    let yours = needed == 1 || person.is_some_and(|p| !view.now.votes.contains_key(p));
    let what = format!(
        "find out how {} ended, and resolve it",
        view.plan.to_label()
    );
    WhatNow::new(Severity::Bad, what)
        .by(who, yours)
        .because("its command was lost; it is not run again by itself")
}

fn proposal(
    (state, board, now): (&State, &Board, Timestamp),
    open: &Proposal,
    you: &Actor,
) -> WhatNow {
    let terms = &open.terms;
    let label = label(state, open);
    let me = person_in(state.genesis.mode, you);
    let life = proposal_end(open);
    if let Some(glass) = &open.glass {
        return breakglass::alone(state, (open, glass), &label, me);
    }
    if open.armed.is_some() {
        let yours = me == Some(&terms.executor);
        // What bars the go comes before the go, also where a narrow screen has no room for a reason.
        if let Some(line) = timing::waits(state, board, now, &format!("armed: {label}")) {
            return line.until(Some(life));
        }
        let doubt = state
            .find(&terms.step)
            .and_then(|v| waits::doubt(v, board))
            .or_else(|| timing::barred(state, board, now));
        return WhatNow::new(Severity::Act, format!("armed: go for {label}"))
            .by(format!("`{}`", terms.executor), yours)
            .because(doubt.unwrap_or_default())
            .until(Some(life));
    }
    let quorum = usize::from(terms.quorum.max(1));
    let counted = open.confirms.len();
    if counted >= quorum {
        return asked::unarmed((state, board, now), open, &label).until(Some(life));
    }
    let has = me.is_some_and(|p| open.confirms.iter().any(|c| &c.person == p));
    let yours = me.is_some_and(|p| p != &terms.proposer && p != &terms.executor) && !has;
    WhatNow::new(
        Severity::Act,
        format!("review {label}, then confirm or reject"),
    )
    .by(
        format!(
            "an approver other than `{}`; {counted} of {quorum} so far",
            terms.proposer
        ),
        yours,
    )
    .because(format!("`{}` proposed it", terms.proposer))
    .until(Some(life))
}

fn label(state: &State, open: &Proposal) -> String {
    let step = &open.terms.step;
    state
        .find(step)
        .map_or_else(|| step.to_string(), |v| v.plan.to_label())
}

/// When the proposal ends by itself. By the wall clock alone: who draws this may sit on another host, whose boot clock
/// says nothing about the server's.
fn proposal_end(open: &Proposal) -> Timestamp {
    let expires = open.terms.expires;
    let armed_end = open.armed.map(|armed| armed.wall.plus(ARMED_LIFE));
    armed_end.map_or(expires, |end| end.min(expires))
}

fn running(state: &State, you: &Actor) -> Option<WhatNow> {
    let running = state.running()?;
    if let Some(line) = asked::unwatched(state, running, you) {
        return Some(line);
    }
    let view = state.find(&running.key.step)?;
    let label = view.plan.to_label();
    if !running.key.has_process() {
        let executor = &view.now.by;
        let what = format!("{label} is done by hand; mark it done when it is");
        let me = person_in(state.genesis.mode, you);
        let yours = me.is_some_and(|me| me.as_str() == executor);
        return Some(WhatNow::new(Severity::Act, what).by(format!("`{executor}`"), yours));
    }
    let what = if running.stop_asked {
        format!("stopping `{}` of {label}", running.role.as_str())
    } else {
        format!("`{}` of {label} runs", running.role.as_str())
    };
    let end = state
        .exec_block(&running.key)
        .map(|block| running.since.wall.plus(block.timeout));
    let line = back::undoing(state, what).until(end);
    Some(match view.now.stop_by.as_str() {
        "" => line,
        who => line.because(format!("`{who}` stopped it")),
    })
}

fn held(state: &State, hold: &Hold) -> WhatNow {
    let why = match &hold.cause {
        HoldCause::Person { reason } if reason.is_empty() => format!("`{}` holds it", hold.by),
        HoldCause::Person { reason } => format!("`{}` holds it: {reason}", hold.by),
        HoldCause::Guard { rule } => {
            let rules = state.plan().rules.iter().chain(&state.genesis.panels);
            let title = rules
                .filter(|r| &r.id == rule)
                .map(|r| r.title.clone())
                .next();
            let title = title.unwrap_or_else(|| rule.to_string());
            format!("guard `{title}` is beyond its limit or has no data")
        }
        HoldCause::Effect { .. } | HoldCause::Alert { .. } => waits::hold(&hold.cause),
        HoldCause::Restart => "the server was restarted: look before you go on".to_owned(),
        HoldCause::Silence { lifetime } => silences::held(state, lifetime),
        HoldCause::Moved { from, to } => {
            format!("the session is pinned to host `{from}`; commands would run on `{to}`")
        }
    };
    let what = match state.phase {
        Phase::Briefing => "held: release it with a reason, or abort",
        Phase::RollingBack => "held on the way back: release it, or abort",
        _ => "held: release it, or roll back",
    };
    let why = match state.holds.len() {
        0 | 1 => why,
        all => format!("{why}, and {} more", all.saturating_sub(1)),
    };
    WhatNow::new(Severity::Warn, what)
        .by(OPERATOR, true)
        .because(why)
}

fn step(state: &State, view: StepView<'_>, board: &Board, now: Moment) -> WhatNow {
    let label = view.plan.to_label();
    if state.phase == Phase::Briefing {
        return silences::before(state, board, timing::begin(state, board, now.wall));
    }
    if let Some(waits) = silences::waiting(state, view, now.wall) {
        return waits;
    }
    if let Some(line) =
        run_on::line(state, view, board, now.wall).or_else(|| rollout::line(state, view, OPERATOR))
    {
        return line;
    }
    let act = |what: String| WhatNow::new(Severity::Act, what).by(OPERATOR, true);
    match &view.now.status {
        StepStatus::Active {
            stage: Stage::NeedsProposal,
        } => timing::waits(state, board, now.wall, &label)
            .or_else(|| waits::not_as_declared(view, board))
            .unwrap_or_else(|| {
                timing::doubted(asked::proposable(state, view), state, board, now.wall)
            }),
        StepStatus::Active { stage } => active(view, *stage, board, now),
        StepStatus::Failed { why } => failed::failed(state, view, why),
        StepStatus::UndoFailed { why } => failed::undo_failed(view, why),
        StepStatus::Unknown | StepStatus::Undoing => {
            back::undoing(state, format!("{label} is being undone"))
        }
        _ if state.undo_stack.last() == Some(&view.plan.id) => {
            back::undoing(state, format!("{label} is undone next"))
        }
        _ => match state.readiness(view.index) {
            Readiness::ByHand => act(format!("do {label}, then mark it done")),
            Readiness::Blocked(why) => {
                WhatNow::new(Severity::Warn, format!("{label} waits")).because(why)
            }
            Readiness::Ready | Readiness::Group | Readiness::Started => {
                act(format!("start {label}"))
            }
        },
    }
}

fn active(view: StepView<'_>, stage: Stage, board: &Board, now: Moment) -> WhatNow {
    let label = view.plan.to_label();
    match stage {
        Stage::Gated => waits::gated(view, board, now),
        Stage::Effect => waits::effect(view, board),
        Stage::Between => match view.now.not_before {
            Some(due) => WhatNow::new(Severity::Calm, format!("{label} is verified again"))
                .until(Some(due.wall)),
            None => waits::looking(view, board)
                .unwrap_or_else(|| WhatNow::new(Severity::Calm, format!("{label} goes on"))),
        },
        Stage::NeedsProposal
        | Stage::Checking
        | Stage::AwaitingSecond
        | Stage::Armed
        | Stage::Running
        | Stage::Verifying
        | Stage::SubSteps => WhatNow::new(Severity::Calm, format!("{label} is under way")),
    }
}

fn end(state: &State) -> WhatNow {
    if state.phase == Phase::RollingBack {
        return WhatNow::new(Severity::Calm, "everything is undone");
    }
    let open = state.left_open();
    let what = match open.as_str() {
        "" => "every step is done: complete".to_owned(),
        open => format!("nothing is left to do, {open}: complete"),
    };
    WhatNow::new(Severity::Act, what)
        .by(OPERATOR, true)
        .because("look at the metrics once more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::domain::fact::Finding;
    use crate::domain::fixture::*;
    use crate::domain::reading::OnCall;
    use crate::domain::threshold::{Unknown, Verdict};
    use std::time::Duration;

    fn line(room: &Room, you: &str) -> WhatNow {
        what_now(&room.state, &Board::default(), room.now, &actor(you))
    }

    fn check(room: &Room, you: &str, what: &str, yours: bool) {
        let line = line(room, you);
        assert!(line.what.contains(what), "{line:?}");
        assert_eq!(line.yours, yours, "{line:?}");
    }

    #[test]
    fn every_state_of_a_destructive_step_has_its_line() {
        let mut room = Room::new();
        check(&room, "ann", "then begin", true);
        room.must("ann", Command::Begin);
        check(&room, "ann", "do step 1.1 `look`", true);
        let room = Room::at_drain();
        check(&room, "ann", "start step 2.1 `drain`", true);
        let mut waits = room;
        waits.must("ann", start("drain"));
        check(&waits, "ann", "`check` of step 2.1 `drain` runs", false);
        waits.exit(0);
        check(&waits, "ann", "waits for its gate", false);
        check(&Room::at_proposal(), "ann", "propose step 2.1", true);
        check(&Room::proposed(), "ann", "review step 2.1", false);
        check(&Room::proposed(), "bob", "review step 2.1", true);
        check(&Room::proposed(), "root", "review step 2.1", false);
        check(&Room::armed(), "ann", "armed: go", true);
        check(&Room::armed(), "bob", "armed: go", false);
        let mut room = Room::armed();
        room.must("ann", go("drain"));
        room.lose();
        check(&room, "ann", "find out how step 2.1", true);
        room.must("ann", resolve("drain", Finding::Partial));
        check(&room, "ann", "find out", false);
        room.must("bob", resolve("drain", Finding::Partial));
        check(&room, "bob", "failed: retry", true);
        room.must("bob", hold());
        check(&room, "ann", "held", true);
        room.must("bob", rollback());
        check(&room, "ann", "`undo` of step 2.1", false);
        room.exit(1);
        check(&room, "ann", "could not be undone", true);
        room.must("ann", abort());
        check(&room, "ann", "aborted", false);
    }

    #[test]
    fn a_destructive_step_waits_for_the_window() {
        let mut room = Room::at_proposal();
        let mut genesis = (*room.state.genesis).clone();
        let start = room.now.wall.plus(Duration::from_secs(60));
        genesis.plan.window = Some(crate::domain::runbook::plan::Window {
            start,
            end: start.plus(Duration::from_secs(3600)),
            buffer: Duration::ZERO,
        });
        room.state.genesis = std::sync::Arc::new(genesis);
        check(&room, "ann", "waits for the window", false);
        assert_eq!(line(&room, "ann").until, Some(start));
        room.wait(Duration::from_secs(60));
        check(&room, "ann", "propose step 2.1", true);
    }

    #[test]
    fn a_hand_over_of_the_pager_is_told_ahead() {
        let mut room = Room::new();
        let now = room.now.wall;
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let on_call = |rota: &str, until: Timestamp| OnCall {
            rota: rota.to_owned(),
            level: 1,
            person: "mira".to_owned(),
            contact: String::new(),
            from: None,
            until: Some(until),
            next: "jon".to_owned(),
            covers: Vec::new(),
        };
        let mut board = Board::default();
        let source = crate::domain::id::ConnectorName::new("rota").expect("a name");
        let shifts = vec![
            on_call("database", now.plus(minutes(90))),
            on_call("network", now.plus(minutes(300))),
        ];
        board.on_calls.insert(source, shifts);
        let ahead = |room: &Room, board: &Board| {
            what_now(&room.state, board, room.now, &actor("ann")).ahead
        };
        assert_eq!(ahead(&room, &board), "", "no window, and far away");
        let mut genesis = (*room.state.genesis).clone();
        genesis.plan.window = Some(crate::domain::runbook::plan::Window {
            start: now,
            end: now.plus(minutes(360)),
            buffer: Duration::ZERO,
        });
        room.state.genesis = std::sync::Arc::new(genesis);
        let at = now.plus(minutes(90)).to_clock_text();
        let line = format!("database: mira hands over to jon at {at}Z");
        let within = ahead(&room, &board);
        assert!(within.ends_with(&format!("{line}, and 1 more")), "{within}");
        room.must("ann", Command::Begin);
        assert_eq!(ahead(&room, &board), "", "once it runs, what is soon");
        room.wait(minutes(61));
        let soon = ahead(&room, &board);
        assert!(soon.starts_with("pager in 29m"), "{soon}");
        assert!(soon.ends_with(&line), "{soon}");
        room.wait(minutes(29));
        assert_eq!(ahead(&room, &board), "", "it has come");
        room.must("ann", abort());
        assert_eq!(ahead(&room, &board), "");
    }

    #[test]
    fn a_confirmed_step_that_does_not_arm_says_why() {
        let mut room = Room::proposed();
        room.verdict(Verdict::Unknown(Unknown::Stale));
        room.confirm("bob").expect("confirmed");
        let line = line(&room, "ann");
        assert_eq!(line.why, "guard `error ratio` is not known to be good");
        assert_eq!(line.severity, Severity::Warn);
    }

    #[test]
    fn the_end_of_an_armed_step_is_the_earliest_of_all_limits() {
        let mut room = Room::proposed();
        room.now = room.now.plus(Duration::from_secs(12 * 60));
        room.confirm("bob").expect("confirmed");
        let expires = room.state.proposal.as_ref().map(|p| p.terms.expires);
        assert_eq!(line(&room, "ann").until, expires);
        let room = Room::armed();
        let in_five = room.now.wall.plus(ARMED_LIFE);
        assert_eq!(line(&room, "ann").until, Some(in_five));
    }

    #[test]
    fn a_client_on_another_host_sees_the_same_end_of_a_proposal() {
        let room = Room::armed();
        let mut elsewhere = room.now;
        elsewhere.mono_ms = room.now.mono_ms * 100;
        let board = Board::default();
        let there = what_now(&room.state, &board, elsewhere, &actor("bob"));
        assert_eq!(there.until, line(&room, "bob").until);
    }

    #[test]
    fn hand_work_is_its_executors_and_a_gate_says_until_when() {
        let mut room = Room::at_drain();
        room.must("ann", start("drain"));
        room.exit(0);
        let gate = line(&room, "ann");
        let end = room.now.wall.plus(Duration::from_secs(600));
        assert_eq!(gate.until, Some(end), "{gate:?}");
        room.must("ann", stop("drain"));
        room.must("ann", skip("drain"));
        room.must("ann", start("wipe"));
        room.must("ann", propose("wipe"));
        room.confirm("bob").expect("confirmed");
        room.confirm("cho").expect("confirmed");
        room.must("ann", go("wipe"));
        check(&room, "ann", "mark it done", true);
        check(&room, "bob", "mark it done", false);
    }

    #[test]
    fn on_the_way_back_nobody_is_told_to_roll_back() {
        let mut room = Room::at_drain();
        room.must("ann", rollback());
        room.exit(0);
        room.must("ann", start("restore"));
        room.exit(1);
        check(&room, "ann", "retry it, skip it, or abort", true);
        room.must("bob", hold());
        check(
            &room,
            "ann",
            "held on the way back: release it, or abort",
            true,
        );
    }
}
