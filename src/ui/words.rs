//! Words, signs and roles for states: every state is told by a sign and a word, its colour only repeats them.

mod alert;
mod motion;
mod rollout;
pub(crate) mod write;

use crate::domain::confirm::statement::Kind;
use crate::domain::fact::{Breakglass, Checked, Fact, GlassEvent, HoldCause, Quote, Stamped};
use crate::domain::id::{RuleId, StepId};
use crate::domain::readiness::Readiness;
use crate::domain::reading::Liveness;
use crate::domain::silences;
use crate::domain::state::{Phase, Stage, State, StepStatus};
use crate::domain::threshold::{RuleLimit, Scale, Unknown, Verdict};
use crate::domain::time::short_span;
use crate::ui::theme::{Glyphs, Role};

/// A sign, a word, and the role both are painted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// One cell.
    pub(crate) glyph: &'static str,
    /// A short word.
    pub(crate) word: &'static str,
    /// Its role.
    pub(crate) role: Role,
}

const fn mark(glyph: &'static str, word: &'static str, role: Role) -> Mark {
    Mark { glyph, word, role }
}

/// How a step is marked. What one person ran alone is told apart wherever it stands.
pub(crate) fn step(state: &State, index: usize, g: &Glyphs) -> Mark {
    let usual = usual_step(state, index, g);
    let Some(view) = state.view(index) else {
        return usual;
    };
    let is_open = state.proposal.as_ref();
    let is_open = is_open.is_some_and(|p| p.glass.is_some() && p.terms.step == view.plan.id);
    match (&view.now.status, is_open, state.is_broken(&view.plan.id)) {
        (
            StepStatus::Active {
                stage: Stage::Armed,
            },
            true,
            _,
        ) => mark(usual.glyph, "ARMED ALONE", Role::Danger),
        (_, true, _) => mark(usual.glyph, "BREAK-GLASS", Role::Danger),
        (
            StepStatus::Active {
                stage: Stage::Running,
            },
            _,
            true,
        ) => mark(usual.glyph, "RUNS ALONE", Role::Danger),
        (StepStatus::Done { .. }, _, true) => mark(usual.glyph, "done ALONE", Role::Bad),
        (_, _, true) => mark(usual.glyph, usual.word, Role::Bad),
        (_, _, false) => usual,
    }
}

fn usual_step(state: &State, index: usize, g: &Glyphs) -> Mark {
    let Some(view) = state.view(index) else {
        return mark(g.unknown, "unknown", Role::Unknown);
    };
    match &view.now.status {
        StepStatus::Pending => match state.readiness(index) {
            Readiness::Ready | Readiness::ByHand if state.is_held() => {
                mark(g.pending, "held", Role::Warn)
            }
            Readiness::Ready => mark(g.ready, "ready", Role::Strong),
            Readiness::ByHand => mark(g.ready, "by hand", Role::Strong),
            Readiness::Group | Readiness::Blocked(_) | Readiness::Started => {
                mark(g.pending, "pending", Role::Dim)
            }
        },
        StepStatus::Active { stage } => match stage {
            Stage::NeedsProposal => mark(g.waiting, "propose", Role::Warn),
            Stage::AwaitingSecond => mark(g.waiting, "2nd person", Role::Warn),
            Stage::Armed => mark(g.active, "ARMED", Role::Danger),
            Stage::Gated => mark(g.waiting, "gate", Role::Active),
            Stage::Effect => mark(g.waiting, "effect", Role::Active),
            Stage::Checking => mark(g.active, "checking", Role::Active),
            Stage::Running => mark(g.active, "RUNNING", Role::Active),
            Stage::Verifying => mark(g.active, "verifying", Role::Active),
            Stage::Between => mark(g.active, "waiting", Role::Active),
            Stage::SubSteps => mark(g.active, "sub-steps", Role::Active),
        },
        StepStatus::Done { warning } if warning.is_empty() => mark(g.done, "done", Role::Good),
        StepStatus::Done { .. } => mark(g.warned, "done, warning", Role::Warn),
        StepStatus::Failed { .. } => mark(g.failed, "FAILED", Role::Bad),
        StepStatus::Skipped { .. } => mark(g.skipped, "skipped", Role::Warn),
        StepStatus::Unknown => mark(g.unknown, "UNKNOWN", Role::Unknown),
        StepStatus::Undoing => mark(g.active, "undoing", Role::Active),
        StepStatus::Undone => mark(g.undone, "undone", Role::Dim),
        StepStatus::UndoFailed { .. } => mark(g.failed, "UNDO FAILED", Role::Bad),
    }
}

/// How the whole is marked.
pub(crate) fn phase(state: &State) -> (&'static str, Role) {
    match state.phase {
        phase if phase.is_final() && state.review_owed().is_some() => ("REVIEW OWED", Role::Bad),
        Phase::Briefing => ("BRIEFING", Role::Active),
        Phase::Running if state.is_held() => ("HOLDING", Role::Warn),
        Phase::Running => ("RUNNING", Role::Good),
        Phase::RollingBack => ("ROLLING BACK", Role::Warn),
        Phase::Completed => ("COMPLETED", Role::Good),
        Phase::RolledBack => ("ROLLED BACK", Role::Warn),
        Phase::Aborted => ("ABORTED", Role::Bad),
    }
}

/// How a verdict is marked.
pub(crate) const fn verdict(verdict: Verdict, g: &Glyphs) -> Mark {
    match verdict {
        Verdict::Pass => mark(g.done, "ok", Role::Good),
        Verdict::Warn => mark(g.warned, "WARN", Role::Warn),
        Verdict::Fail => mark(g.failed, "FIRING", Role::Bad),
        Verdict::Unknown(why) => mark(g.unknown, unknown(why), Role::Unknown),
    }
}

/// A rule of another phase: it decides nothing now.
pub(crate) const fn not_watched(g: &Glyphs) -> Mark {
    mark(g.pending, "off", Role::Dim)
}

const fn unknown(why: Unknown) -> &'static str {
    match why {
        Unknown::Never => "NO DATA YET",
        Unknown::Stale => "STALE",
        Unknown::Empty => "NO SERIES",
        Unknown::NotANumber => "NaN",
        Unknown::Error => "ERROR",
        Unknown::Partial => "PARTIAL",
        Unknown::Fewer { .. } => "FEWER SERIES",
        Unknown::NoBaseline => "NO BASELINE",
        Unknown::ZeroBaseline => "ZERO BASELINE",
    }
}

/// How the health of a connector is marked.
pub(crate) const fn liveness(liveness: Liveness, g: &Glyphs) -> Mark {
    match liveness {
        Liveness::Live => mark(g.done, "live", Role::Good),
        Liveness::Stale => mark(g.unknown, "STALE", Role::Unknown),
        Liveness::Never => mark(g.unknown, "NEVER", Role::Unknown),
    }
}

/// Why a hold is in force.
pub(crate) fn hold(cause: &HoldCause, by: &str) -> String {
    match cause {
        HoldCause::Person { reason } if reason.is_empty() => format!("{by} holds"),
        HoldCause::Person { reason } => format!("{by} holds: {reason}"),
        HoldCause::Guard { rule } => format!("guard `{rule}` is not good"),
        HoldCause::Effect { step } => format!("the declared effect of `{step}` is missing"),
        HoldCause::Alert { name, component } => alert::hold(name, component.as_deref()),
        HoldCause::Restart => "the server was restarted: look before going on".to_owned(),
        HoldCause::Silence { .. } => "a silence is withheld".to_owned(),
        HoldCause::Moved { from, to } => format!("pinned to host {from}, runs on {to} now"),
    }
}

/// What a fact weighs on the eye.
pub(crate) const fn fact_role(fact: &Fact) -> Role {
    match fact {
        Fact::StepFailed { .. }
        | Fact::UndoFailed { .. }
        | Fact::ExecUnknown { .. }
        | Fact::Aborted { .. }
        | Fact::GateTimedOut { .. }
        | Fact::JournalRecovered { .. }
        | Fact::Breakglass(_) => Role::Bad,
        Fact::Held(_)
        | Fact::Motion(_)
        | Fact::Refused { .. }
        | Fact::ProposalClosed { .. }
        | Fact::RollbackStarted { .. }
        | Fact::GuardActed(_)
        | Fact::StopAsked { .. }
        | Fact::TakenOver { .. }
        | Fact::Silence(_)
        | Fact::StepSkipped { .. } => Role::Warn,
        Fact::Rollout(news) => rollout::role(&news.event),
        Fact::StepDone { .. } | Fact::Completed | Fact::StepArmed { .. } => Role::Good,
        Fact::RuleChanged { verdict, .. } => match verdict {
            Verdict::Pass => Role::Good,
            Verdict::Warn => Role::Warn,
            Verdict::Fail => Role::Bad,
            Verdict::Unknown(_) => Role::Unknown,
        },
        Fact::WriteEnded { outcome, .. } => write::role(outcome),
        Fact::Effect(effect) => alert::effect_role(effect),
        Fact::Alert(event) => alert::role(event),
        _ => Role::Text,
    }
}

/// How steps are named in the sentence of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// `3.2 drain rack-07`.
    Full,
    /// `3.2`, where the checklist beside it has the titles.
    Number,
}

/// A step as people call it.
fn name(state: &State, step: &StepId, naming: Naming) -> String {
    match (state.find(step), naming) {
        (Some(view), Naming::Full) => format!("{} {}", view.plan.number, view.plan.title),
        (Some(view), Naming::Number) => view.plan.number.clone(),
        (None, _) => step.to_string(),
    }
}

fn because(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

/// A fact in one sentence, without its time and actor.
pub(crate) fn fact(state: &State, stamped: &Stamped, naming: Naming) -> String {
    let name = |step: &StepId| name(state, step, naming);
    match &stamped.fact {
        Fact::SessionOpened(genesis) => {
            format!("opened session `{}` on {}", genesis.name, genesis.host)
        }
        Fact::SessionResumed { program, host } => {
            format!("{program} took the session up again on {host}")
        }
        Fact::JournalRecovered { bytes, .. } => {
            format!("a torn last record of {bytes} bytes was set aside")
        }
        Fact::Attached {
            read_only: true, ..
        } => "attached, read-only".to_owned(),
        Fact::Attached { .. } => "attached".to_owned(),
        Fact::Detached { .. } => "detached".to_owned(),
        Fact::Begun => "began the maintenance".to_owned(),
        Fact::Held(cause) => format!("held: {}", hold(cause, &stamped.actor.to_actor_text())),
        Fact::Released { reason } => format!("ended all holds{}", because(reason)),
        Fact::RollbackStarted { reason } => format!("started the rollback{}", because(reason)),
        Fact::RolledBack => "everything that could be undone is undone".to_owned(),
        Fact::Aborted { reason } => format!("gave up{}", because(reason)),
        Fact::Completed => "the maintenance is complete".to_owned(),
        Fact::SessionClosed { reason } => format!("closed the session{}", because(reason)),
        Fact::NoteAdded {
            step: Some(step),
            text,
        } => format!("note on {}: {text}", name(step)),
        Fact::NoteAdded { step: None, text } => format!("note: {text}"),
        Fact::Refused {
            asked,
            step,
            reason,
        } => format!("refused to {asked} {}: {reason}", name(step)),
        Fact::Silence(said) => silences::words(state.plan(), said),
        Fact::WriteAsked { .. } | Fact::WriteEnded { .. } => write::fact(state, &stamped.fact),
        Fact::Alert(event) => alert::fact(event),
        other => step_fact(state, other, naming),
    }
}

/// Facts about one step or one rule.
fn step_fact(state: &State, fact: &Fact, naming: Naming) -> String {
    let name = |step: &StepId| name(state, step, naming);
    match fact {
        Fact::RuleChanged {
            rule,
            verdict,
            quote,
        } => rule_fact(state, rule, *verdict, quote.as_ref(), naming),
        Fact::BaselineTaken(baseline) => baseline.to_string(),
        Fact::GuardActed(acted) => acted.to_string(),
        Fact::StepStarted { step, attempt } if attempt.0 > 1 => {
            format!("started {} (attempt {attempt})", name(step))
        }
        Fact::StepStarted { step, .. } => format!("started {}", name(step)),
        Fact::ExecIntent { key, role, .. } => {
            format!("{} of {} is about to run", role.as_str(), name(&key.step))
        }
        Fact::ExecSpawned { key, pid } => format!("{} runs as process {pid}", name(&key.step)),
        Fact::ExecOutcome { key, outcome, .. } => format!("{}: {outcome}", name(&key.step)),
        Fact::StopAsked { step } => format!("asked to stop {}", name(step)),
        Fact::TakenOver { step } => format!("took over watching {}", name(step)),
        Fact::ExecUnknown { key } => format!(
            "nobody knows how {} ended: look at the target",
            name(&key.step)
        ),
        Fact::ResolveVoted {
            step,
            finding,
            reason,
        } => {
            format!("found that {} {}: {reason}", name(step), finding.as_str())
        }
        Fact::StepResolved { step, finding } => {
            format!("agreed: {} {}", name(step), finding.as_str())
        }
        Fact::GateOpened { step, .. } => format!("the gate of {} opened", name(step)),
        Fact::GateTimedOut { step, .. } => {
            format!("the gate of {} did not open in time", name(step))
        }
        Fact::Effect(effect) => alert::effect(effect, &name(&effect.step)),
        Fact::StepDescended { step } => format!("{}: sub-steps follow", name(step)),
        Fact::StepDone {
            step,
            warning,
            note,
        } => {
            format!("done: {}{}{}", name(step), because(warning), because(note))
        }
        Fact::StepFailed { step, why } => format!("failed: {}{}", name(step), because(why)),
        Fact::StepSkipped { step, reason } => format!("skipped {}{}", name(step), because(reason)),
        Fact::StepRetried { step } => format!("tries {} again", name(step)),
        Fact::StepUndone { step } => format!("undone: {}", name(step)),
        Fact::UndoFailed { step, why } => format!("could not undo {}{}", name(step), because(why)),
        Fact::ProposalOpened { terms, .. } => format!("opens a proposal of {}", name(&terms.step)),
        Fact::StatementSigned(signed) => signed_words(&signed.statement).to_owned(),
        Fact::StepProposed { .. } => "proposes it for a second person to review".to_owned(),
        Fact::StepConfirmed(confirmed) => format!("confirmed {}", name(&confirmed.step)),
        Fact::Motion(moved) => motion::fact(moved),
        Fact::Breakglass(fact) => breakglass_words(fact, &name(&fact.step)),
        Fact::Rollout(news) => rollout::event(&news.event, &name),
        Fact::StepChecked(checked) => checked_words(checked),
        Fact::StepArmed { step } => format!("armed: {} waits for go", name(step)),
        Fact::ProposalClosed { step, why, .. } => {
            format!("the proposal of {} ended: {why}", name(step))
        }
        Fact::RejectExplained { step, reason, .. } => {
            format!("rejected {} because: {reason}", name(step))
        }
        _ => String::new(),
    }
}

/// What somebody signed.
fn signed_words(statement: &str) -> &'static str {
    match Kind::of(statement) {
        Some(Kind::Hello) => "signed in with a key",
        Some(Kind::Reject) => "signed a no",
        Some(Kind::Go) => "signed the go",
        Some(Kind::Resolve) => "signed what was found",
        Some(Kind::Breakglass) => "signed to go forward alone",
        Some(Kind::Motion) => "signed a motion",
        Some(Kind::Propose | Kind::Confirm) | None => "signed a statement",
    }
}

/// What happened on the way of one person alone.
fn breakglass_words(fact: &Breakglass, step: &str) -> String {
    match &fact.event {
        GlassEvent::Asked { reason, .. } => format!("BREAK-GLASS asked for {step}: {reason}"),
        GlassEvent::Paged { page } => format!("break-glass: {page}"),
        GlassEvent::Begun { wait_s, guards, .. } => {
            let wait = short_span(std::time::Duration::from_secs(*wait_s));
            let guards = match guards.as_slice() {
                [] => String::new(),
                bad => format!("; not good: {}", bad.join(", ")),
            };
            format!("BREAK-GLASS signed for {step}: everybody can veto it for {wait}{guards}")
        }
        GlassEvent::Witnessed { by, .. } => {
            format!("break-glass: a checkpoint of it left this host, {by} has it")
        }
        GlassEvent::Vetoed => format!("VETOED the break-glass of {step}"),
        GlassEvent::Armed => format!("BREAK-GLASS armed: {step} waits for go"),
        GlassEvent::Ended { why } => format!("the break-glass of {step} ended: {why}"),
        GlassEvent::Reviewed { note } => format!("reviewed what was run alone, {step}: {note}"),
    }
}

/// What a confirmer expected, and how that compares.
fn checked_words(checked: &Checked) -> String {
    let verdict = if checked.matches {
        "as proposed"
    } else {
        "NOT as proposed"
    };
    let left = checked
        .remaining
        .map_or_else(String::new, |left| format!(", {left} others left"));
    let seconds = checked.dwell_ms / 1000;
    let who = checked.claimed.as_ref();
    let who = who.map_or_else(String::new, |id| format!("as {id}, not proved yet: "));
    format!(
        "{who}expects {} to be touched{left}: {verdict} (looked for {seconds} s)",
        checked.component
    )
}

fn rule_fact(
    state: &State,
    rule: &RuleId,
    verdict: Verdict,
    quote: Option<&Quote>,
    naming: Naming,
) -> String {
    // The short words are those of the thresholds, which stand beside the feed.
    let word = match (verdict, naming) {
        (Verdict::Pass, Naming::Number) => "ok",
        (Verdict::Warn, Naming::Number) => "WARN",
        (Verdict::Fail, Naming::Number) => "FIRING",
        (Verdict::Pass, Naming::Full) => "is good",
        (Verdict::Warn, Naming::Full) => "is beyond its warning limit",
        (Verdict::Fail, Naming::Full) => "is beyond its critical limit",
        (Verdict::Unknown(why), _) => return format!("{rule} is unknown: {why}"),
    };
    let unit = state
        .all_rules()
        .find(|known| &known.id == rule)
        .map_or("", |known| &known.unit);
    match quote {
        Some(quote) => format!(
            "{rule} {word}: {}{}",
            value(quote.sample.value, unit),
            match naming {
                Naming::Full => series(&quote.series),
                Naming::Number => instance(&quote.series),
            }
        ),
        None => format!("{rule} {word}"),
    }
}

/// ` on {instance="db-1"}`, without the label that holds the metric's own name: the rule says what is measured.
fn series(text: &str) -> String {
    let labels = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let labels = labels.map_or(text, without_name);
    match (labels.is_empty(), labels.len() == text.len()) {
        (true, _) => String::new(),
        (false, true) => format!(" on {labels}"),
        (false, false) => format!(" on {{{labels}}}"),
    }
}

/// ` on db-1`: where it is measured, if the series says so; else as [`series`]. The timeline has all labels.
fn instance(text: &str) -> String {
    let name = text.split_once(r#"instance=""#).map(|(_, rest)| rest);
    let name = name.and_then(|rest| rest.split_once('"'));
    match name {
        Some((name, _)) if !name.is_empty() && !name.contains('\\') => format!(" on {name}"),
        _ => series(text),
    }
}

/// Labels without `__name__` where it comes first, as it does unless a label begins with a capital. A metric's name
/// holds no quotes.
fn without_name(labels: &str) -> &str {
    let Some(rest) = labels.strip_prefix(r#"__name__=""#) else {
        return labels;
    };
    let end = rest.find('"').map_or(rest.len(), |at| at.saturating_add(1));
    let rest = rest.get(end..).unwrap_or("");
    rest.strip_prefix(',').unwrap_or(rest)
}

/// A limit in the unit of its rule, short enough for a column: `>5s`, `>2x base`, `>base+5s`.
pub(crate) fn limit(limit: RuleLimit, unit: &str) -> String {
    let op = limit.op.as_str();
    match limit.scale {
        Scale::Absolute => format!("{op}{}", value(limit.value, unit)),
        Scale::Ratio => format!("{op}{}x base", number(limit.value)),
        Scale::Difference if limit.value == 0.0 => format!("{op}base"),
        Scale::Difference => {
            let sign = if limit.value < 0.0 { '-' } else { '+' };
            format!("{op}base{sign}{}", value(limit.value.abs(), unit))
        }
    }
}

/// A value in its unit, short enough for a column.
pub(crate) fn value(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    match unit {
        "bytes" => scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
        "ratio" => format!("{}%", number(value * 100.0)),
        "percent" => format!("{}%", number(value)),
        "s" if value.abs() < 1.0 && value != 0.0 => format!("{}ms", number(value * 1000.0)),
        "s" => format!("{}s", number(value)),
        unit => format!("{}{unit}", scaled(value, 1000.0, &["", "k", "M", "G", "T"])),
    }
}

fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    let mut left = value;
    let mut unit = units.first().copied().unwrap_or("");
    for next in units.iter().skip(1) {
        if left.abs() < base {
            break;
        }
        left /= base;
        unit = next;
    }
    format!("{}{unit}", number(left))
}

/// Three significant digits, no more.
fn number(value: f64) -> String {
    let size = value.abs();
    let text = if value == 0.0 || size >= 100.0 || !value.is_finite() {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.01 {
        format!("{value:.2}")
    } else {
        format!("{value:.0e}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_metric_is_not_repeated() {
        assert_eq!(series(""), "");
        assert_eq!(series(r#"{__name__="up"}"#), "");
        assert_eq!(
            series(r#"{__name__="up",instance="a\"b"}"#),
            r#" on {instance="a\"b"}"#
        );
        assert_eq!(series(r#"{a="1",b="2"}"#), r#" on {a="1",b="2"}"#);
        assert_eq!(series("up"), " on up");
    }

    #[test]
    fn where_it_is_measured_is_told_shortly() {
        assert_eq!(
            instance(r#"{instance="db-1:9100",job="node"}"#),
            " on db-1:9100"
        );
        assert_eq!(instance(r#"{job="node"}"#), r#" on {job="node"}"#);
        assert_eq!(instance(r#"{instance="a\"b"}"#), r#" on {instance="a\"b"}"#);
        assert_eq!(instance(""), "");
    }

    #[test]
    fn values_are_short_and_carry_their_unit() {
        let cases = [
            (0.012, "ratio", "1.2%"),
            (0.25, "s", "250ms"),
            (12.0, "s", "12s"),
            (1536.0, "bytes", "1.5KiB"),
            (12_345.0, "/s", "12.3k/s"),
            (0.0, "", "0"),
            (f64::NAN, "s", "NaN"),
            (f64::INFINITY, "s", "infs"),
        ];
        for (number, unit, expected) in &cases {
            assert_eq!(value(*number, unit), *expected);
        }
    }
}
