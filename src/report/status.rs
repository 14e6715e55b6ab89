//! Where a session stands, for scripts and for a glance: text, JSON and one word that becomes the exit code.

mod now;
#[cfg(test)]
mod tests;

use crate::domain::fact::RunbookRef;
use crate::domain::reading::Liveness;
use crate::domain::silences::{kept, label_of, withheld};
use crate::domain::state::{Broken, Phase, Stage, State, StepStatus};
use crate::domain::time::Moment;
use crate::domain::write::{Outcome, Write, WriteState};
use crate::wire::message::Snapshot;
use serde::Serialize;
use std::fmt::Write as _;

/// The one word for where it stands. Ordered by what a person must know first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Complete.
    Completed,
    /// Everything that could be undone is undone.
    RolledBack,
    /// Given up.
    Aborted,
    /// The outcome of a command is not known.
    Unknown,
    /// Going back.
    RollingBack,
    /// Held.
    Held,
    /// A step failed and waits for a decision.
    StepFailed,
    /// Waiting for the second person, or for go.
    AwaitingSecond,
    /// Going forward.
    Running,
    /// Open, not begun.
    NotBegun,
}

impl Standing {
    /// Words for a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Unknown => "UNKNOWN OUTCOME",
            Self::RollingBack => "rolling back",
            Self::Held => "held",
            Self::StepFailed => "step failed",
            Self::AwaitingSecond => "awaiting second person",
            Self::Running => "running",
            Self::NotBegun => "not begun",
        }
    }
}

/// A session in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Title of the runbook.
    pub title: String,
    /// `ENFORCED`, `ADVISORY`, `ADVISORY uid` where accounts are taken for people, or `DEMO`.
    pub mode: &'static str,
    /// Where it stands.
    pub standing: Standing,
    /// Steps done or left out.
    pub passed: usize,
    /// Steps of the forward plan.
    pub steps: usize,
    /// `2.1 drain orders-db-2`: the step that is being worked on, or empty.
    pub current: String,
    /// `3 steps were skipped, web-3 was left out`, or empty.
    pub left: String,
    /// Terminals attached.
    pub attached: usize,
    /// `BREAK-GLASS` while somebody goes alone or runs alone, `REVIEW OWED` after it; or empty.
    pub alone: &'static str,
}

impl Summary {
    /// `running, 4 of 12 steps, at 2.1 drain orders-db-2, 2 attached (ADVISORY)`.
    pub fn to_line(&self) -> String {
        let at = if self.current.is_empty() {
            String::new()
        } else {
            format!(", at {}", self.current)
        };
        let alone = match self.alone {
            "" => String::new(),
            alone => format!("{alone}, "),
        };
        let left = match self.left.as_str() {
            "" => String::new(),
            left => format!(" ({left})"),
        };
        format!(
            "{alone}{}, {} of {} steps{left}{at}, {} attached ({})",
            self.standing.as_str(),
            self.passed,
            self.steps,
            self.attached,
            self.mode
        )
    }
}

/// Sums a state up.
pub fn summary(state: &State) -> Summary {
    let plan = state.plan();
    let is_forward = |index: usize| {
        plan.steps
            .get(index)
            .and_then(|step| plan.phases.get(step.phase))
            .is_some_and(|phase| !phase.rollback)
    };
    let forward = || {
        state
            .steps
            .iter()
            .enumerate()
            .filter(|(index, _)| is_forward(*index))
    };
    let current = state
        .steps
        .iter()
        .position(|step| !matches!(step.status, StepStatus::Pending) && !is_over(&step.status))
        .and_then(|index| plan.steps.get(index))
        .map_or_else(String::new, |step| {
            format!("{} {}", step.number, step.title)
        });
    Summary {
        title: plan.title.clone(),
        mode: state.genesis.mode_words(),
        standing: standing(state),
        passed: forward()
            .filter(|(_, step)| step.status.is_passed())
            .count(),
        steps: forward().count(),
        current,
        left: state.left_open(),
        attached: state.terminals.len(),
        alone: alone(state),
    }
}

/// Whether one person goes, runs or has run something alone that nobody else has reviewed.
fn alone(state: &State) -> &'static str {
    let runs = state.running().and_then(|running| running.ran.as_ref());
    if state.glass().is_some() || runs.is_some_and(|ran| ran.glass.is_some()) {
        "BREAK-GLASS"
    } else if state.review_owed().is_some() {
        "REVIEW OWED"
    } else {
        ""
    }
}

const fn is_over(status: &StepStatus) -> bool {
    matches!(
        status,
        StepStatus::Done { .. } | StepStatus::Skipped { .. } | StepStatus::Undone
    )
}

fn standing(state: &State) -> Standing {
    let has = |wanted: fn(&StepStatus) -> bool| state.steps.iter().any(|step| wanted(&step.status));
    match state.phase {
        Phase::Completed => Standing::Completed,
        Phase::RolledBack => Standing::RolledBack,
        Phase::Aborted => Standing::Aborted,
        _ if has(|s| matches!(s, StepStatus::Unknown)) => Standing::Unknown,
        // Nothing goes back any further before a person decides.
        Phase::RollingBack if has(|s| matches!(s, StepStatus::UndoFailed { .. })) => {
            Standing::StepFailed
        }
        Phase::RollingBack => Standing::RollingBack,
        _ if state.is_held() => Standing::Held,
        _ if has(|s| matches!(s, StepStatus::Failed { .. })) => Standing::StepFailed,
        _ if has(is_waiting_for_people) => Standing::AwaitingSecond,
        Phase::Running => Standing::Running,
        Phase::Briefing => Standing::NotBegun,
    }
}

const fn is_waiting_for_people(status: &StepStatus) -> bool {
    matches!(
        status,
        StepStatus::Active {
            stage: Stage::AwaitingSecond | Stage::Armed
        }
    )
}

/// `sha1:` and the eight digits people know a commit by.
const COMMIT_CHARS: usize = 13;

/// Several lines for a person, those first that say who is waited for and how much time is left.
pub fn to_text(snapshot: &Snapshot, summary: &Summary, at: Moment) -> String {
    let state = &snapshot.state;
    let mut text = String::new();
    let name = &state.genesis.name;
    // Writing to a string cannot fail.
    writeln!(text, "{name}: {}", summary.title).ok();
    writeln!(text, "  {}", summary.to_line()).ok();
    for line in now::lines(snapshot, at) {
        writeln!(text, "  {line}").ok();
    }
    for broken in &state.broken {
        writeln!(text, "  {}", broken_line(broken)).ok();
    }
    for line in amended_line(state).into_iter().chain(run_on_line(state)) {
        writeln!(text, "  {line}").ok();
    }
    if let Some(git) = &state.genesis.runbook.git {
        let RunbookRef { path, commit, .. } = &state.genesis.runbook;
        let commit: String = commit.chars().take(COMMIT_CHARS).collect();
        writeln!(
            text,
            "  runbook {path}, commit {commit}: {}",
            git.in_short()
        )
        .ok();
    }
    for (id, rule) in &state.rules {
        let value = rule
            .quote
            .as_ref()
            .map_or_else(String::new, |q| format!(", value {}", q.sample.value));
        writeln!(text, "  {id}: {}{value}", verdict(rule.verdict)).ok();
    }
    for line in silence_lines(state) {
        writeln!(text, "  {line}").ok();
    }
    for write in &state.writes {
        writeln!(text, "  {}", write_line(write)).ok();
    }
    for health in snapshot.board.health.values() {
        let error = if health.last_error.is_empty() {
            String::new()
        } else {
            format!(": {}", health.last_error)
        };
        writeln!(
            text,
            "  {} `{}`: {}{error}",
            health.system,
            health.connector,
            liveness(health.liveness)
        )
        .ok();
    }
    text
}

/// `amended 2 times, last by ann and bob to plan 1a2b3c4d5e6f: the command was wrong`
fn amended_line(state: &State) -> Option<String> {
    let times = state.amendments().count();
    let (carried, amended) = state.amendments().last()?;
    let (by, second, plan) = (&carried.by, &carried.second, amended.plan.to_short());
    let reason = &carried.reason;
    Some(format!(
        "amended {times} times, last by {by} and {second} to plan {plan}: {reason}"
    ))
}

/// `rollout 1.1 Restart: GOES BY ITSELF since 2026-01-04T02:00:00Z, said by alice`
fn run_on_line(state: &State) -> Option<String> {
    let title = |phase: usize| {
        let phase = state.plan().phases.get(phase);
        phase.map_or_else(String::new, |phase| {
            format!("rollout {} {}", phase.number, phase.title)
        })
    };
    if let Some((phase, run_on)) = state.runs_on() {
        let (since, by) = (run_on.since.wall.to_seconds_text(), &run_on.by);
        let title = title(phase);
        return Some(format!(
            "{title}: GOES BY ITSELF since {since}, said by {by}"
        ));
    }
    let (phase, _) = state.current_rollout()?;
    let halted = state.rollout(phase).halted.as_deref()?;
    let why = halted.words(&|step| step.to_string());
    let (title, at) = (title(phase), halted.at.wall.to_seconds_text());
    Some(format!(
        "{title}: no longer goes by itself since {at}: {why}"
    ))
}

/// `drain: RUN ALONE by alice (the primary loses writes): REVIEW OWED by anybody else`
fn broken_line(broken: &Broken) -> String {
    let (step, who, reason) = (&broken.ran.terms.step, &broken.person, &broken.reason);
    let review = match &broken.review {
        Some(review) => format!("reviewed by {}: {}", review.person, review.note),
        None => "REVIEW OWED by anybody else".to_owned(),
    };
    format!("{step}: RUN ALONE by {who} ({reason}): {review}")
}

/// Silences for the work that are withheld, and those that may mute something.
fn silence_lines(state: &State) -> Vec<String> {
    let plan = state.plan();
    let withheld = withheld(state).filter_map(|said| {
        let because = said.withheld.as_ref()?;
        let label = label_of(plan, &said.lifetime);
        Some(format!("silence for {label}: WITHHELD: {because}"))
    });
    let mut lines: Vec<String> = withheld.collect();
    let all = kept(state, state.head_at.wall).into_iter();
    lines.extend(all.filter(|one| !one.stand.is_over()).map(|one| {
        let (label, until) = (label_of(plan, one.lifetime), one.latest.to_seconds_text());
        let (what, by) = (one.what(), one.connector);
        format!("silence for {label}: mutes {what} by {by} until {until}")
    }));
    lines
}

/// `write 3: page by pager: accepted, NOT PROVEN: nobody is notified yet`
fn write_line(state: &WriteState) -> String {
    let Write {
        no,
        connector,
        deed,
        ..
    } = &state.write;
    let (word, what) = match &state.outcome {
        None => ("asked", "no answer yet"),
        Some(Outcome::Done { proof, .. }) => ("done", proof.as_str()),
        Some(Outcome::Accepted { what, .. }) => ("accepted, NOT PROVEN", what.as_str()),
        Some(Outcome::Failed { what }) => ("FAILED", what.as_str()),
        Some(Outcome::Unknown { what }) => ("UNKNOWN", what.as_str()),
    };
    let verb = deed.verb();
    format!("write {no}: {verb} by {connector}: {word}: {what}")
}

const fn liveness(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Live => "live",
        Liveness::Stale => "STALE",
        Liveness::Never => "never answered",
    }
}

const fn verdict(verdict: crate::domain::threshold::Verdict) -> &'static str {
    use crate::domain::threshold::Verdict;
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
        Verdict::Unknown(_) => "unknown",
    }
}

/// One JSON object. Keys are part of the contract with scripts; new ones may be added.
pub fn to_json(snapshot: &Snapshot, summary: &Summary, at: Moment) -> serde_json::Value {
    let state = &snapshot.state;
    let steps: Vec<_> = state
        .plan()
        .steps
        .iter()
        .zip(&state.steps)
        .map(|(plan, step)| {
            serde_json::json!({
                "id": plan.id, "number": plan.number, "title": plan.title, "risk": plan.risk,
                "state": step.status, "attempt": step.attempt,
            })
        })
        .collect();
    serde_json::json!({
        "name": state.genesis.name, "session": state.genesis.session, "title": summary.title,
        "mode": summary.mode, "standing": summary.standing, "passed": summary.passed, "steps_total": summary.steps,
        "current": summary.current, "left_open": summary.left, "attached": summary.attached, "head": state.head.0,
        "held": state.is_held(), "runbook": state.genesis.runbook, "plan": state.genesis.plan_digest, "steps": steps,
        "rules": state.rules, "connectors": snapshot.board.health, "writes": state.writes,
        "motions": state.motions.carried, "motion": now::motion_json(state), "proposal": now::proposal_json(state),
        "at": at.wall, "window": now::window_json(state, at.wall), "barred": now::barred_json(snapshot, at.wall),
        "breakglass": state.glass(), "run_alone": state.broken, "review_owed": state.review_owed().is_some(),
        "rollouts": state.rollouts,
    })
}
