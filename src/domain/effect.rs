//! Declared effects against what is read now: may the command run, and has it done what it should. Unknown never passes.

use crate::domain::fact::{Effect, EffectEvent, Fact, Read};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::Expect;
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::{Moment, short_span};
use crate::domain::verdict::EffectNow;
use std::time::Duration;

/// Longest wait for a first reading before a command runs: six polls at the usual interval.
pub const BEFORE_WAIT: Duration = Duration::from_secs(30);
/// Series named in one sentence: those that decided, as many as fit two rows.
const NAMED_MAX: usize = 3;
/// Characters of a sentence about missing effects: what a status line and a page hold.
const WORDS_MAX: usize = 480;

/// Whether the command of a step may run, as far as its declared effects say.
#[derive(Debug, Clone, PartialEq)]
pub enum Before {
    /// It declares none.
    Undeclared,
    /// Everything is as declared: what it is.
    Good(Vec<Read>),
    /// Something is not: expected and seen, in words.
    Bad(String),
    /// Nobody knows: of what, and why.
    Unknown(String),
}

/// Judges what is read right before the command of a step.
pub fn before(view: StepView<'_>, effects: &[EffectNow]) -> Before {
    let expects = &view.plan.expects;
    if expects.is_empty() {
        return Before::Undeclared;
    }
    let mut unknown = None;
    for expect in expects {
        match find(view, expect, effects, false).map(|now| (now, now.read.verdict)) {
            Some((_, Verdict::Pass | Verdict::Warn)) => {}
            Some((now, Verdict::Fail)) => return Before::Bad(before_words(expect, &now.read)),
            found => {
                unknown.get_or_insert_with(|| unknown_words(expect, found.map(|(now, _)| now)));
            }
        }
    }
    match unknown {
        Some(why) => Before::Unknown(why),
        None => Before::Good(reads(view, effects, false)),
    }
}

/// What has become of the effects of a command that has run.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All are there at once.
    Met(Vec<Read>),
    /// They may come still.
    Waits,
    /// One has not come in time: what is known of all, and expected and seen in words.
    Missing(Vec<Read>, String),
}

/// Judges what is read after the command of a step.
///
/// An effect that is known not to be there is missing once its own time is over; one that nobody can see, once the time
/// of all is over. They count when they are there together.
pub fn outcome(view: StepView<'_>, effects: &[EffectNow], now: Moment) -> Outcome {
    let Some((state, since)) = view.awaits_effect() else {
        return Outcome::Waits;
    };
    let expects = view.plan.expects.iter().filter(|e| e.after.is_some());
    let longest = expects.clone().map(|e| e.within).max().unwrap_or_default();
    let mut missing = Vec::new();
    let mut all_met = true;
    for expect in expects {
        let found = find(view, expect, effects, true);
        if found.is_some_and(|now| now.is_met) {
            continue;
        }
        all_met = false;
        let is_known = found.is_some_and(|now| !matches!(now.read.verdict, Verdict::Unknown(_)));
        let within = if is_known { expect.within } else { longest };
        if now.has_passed(since, within) {
            let was = state.before(&expect.id);
            missing.push(match found {
                Some(now) if is_known => after_words(expect, &now.read, was),
                found => unknown_words(expect, found),
            });
        }
    }
    if all_met {
        Outcome::Met(reads(view, effects, true))
    } else if missing.is_empty() {
        Outcome::Waits
    } else {
        let why = format!("the declared effect is missing: {}", missing.join("; "));
        Outcome::Missing(reads(view, effects, true), cut(&why))
    }
}

/// When the effects of a command are missing at the latest.
pub fn deadline(view: StepView<'_>) -> Option<Moment> {
    let (_, since) = view.awaits_effect()?;
    let spans = view.plan.expects.iter().filter(|e| e.after.is_some());
    Some(since.plus(spans.map(|e| e.within).max()?))
}

/// The record of what was read.
pub fn fact(view: StepView<'_>, event: EffectEvent) -> Fact {
    Fact::Effect(Effect {
        step: view.plan.id.clone(),
        attempt: view.now.attempt,
        event,
    })
}

/// What is read of a declared effect now, on the side of the command that is looked at.
pub fn find<'a>(
    view: StepView<'_>,
    expect: &Expect,
    effects: &'a [EffectNow],
    is_after: bool,
) -> Option<&'a EffectNow> {
    effects.iter().find(|now| {
        now.step == view.plan.id && now.read.rule == expect.id && now.is_after == is_after
    })
}

fn reads(view: StepView<'_>, effects: &[EffectNow], is_after: bool) -> Vec<Read> {
    let expects = view.plan.expects.iter();
    expects
        .map(|expect| {
            let found = find(view, expect, effects, is_after);
            found.map_or_else(
                || Read {
                    rule: expect.id.clone(),
                    verdict: Verdict::Unknown(Unknown::Never),
                    series: Vec::new(),
                    failure: String::new(),
                },
                |now| now.read.clone(),
            )
        })
        .collect()
}

/// Everything that is known right before a command, for who goes on without it being as declared.
pub fn reads_before(view: StepView<'_>, effects: &[EffectNow]) -> Vec<Read> {
    reads(view, effects, false)
}

/// ``expected `traffic` > 5 before, seen 0.2 on {instance="db-2"}: is this the right target?``
fn before_words(expect: &Expect, read: &Read) -> String {
    let wanted = match expect.before {
        Some(limit) => limit.to_string(),
        None => "something that can change".to_owned(),
    };
    let seen = seen_words(read, None);
    cut(&format!(
        "expected `{}` {wanted} before it runs, seen {seen}: is this the right target?",
        expect.id
    ))
}

/// ``expected `traffic` < 0.2x before within 2m, seen 11.8 (before 12) on {instance="db-1"}``
fn after_words(expect: &Expect, read: &Read, was: Option<&Read>) -> String {
    let wanted = expect.after.map_or_else(String::new, |a| a.to_string());
    let seen = seen_words(read, was);
    let mut held = String::new();
    if read.verdict.is_pass() {
        held = format!(", which has not lasted for {}", short_span(expect.hold_for));
    }
    format!(
        "expected `{}` {wanted} within {}, seen {seen}{held}",
        expect.id,
        short_span(expect.within)
    )
}

fn unknown_words(expect: &Expect, found: Option<&EffectNow>) -> String {
    let why = match found.map(|now| (now.read.verdict, now.read.failure.as_str())) {
        Some((Verdict::Unknown(why), "")) => why.as_str().to_owned(),
        Some((Verdict::Unknown(why), failure)) => format!("{}, {failure}", why.as_str()),
        _ => Unknown::Never.as_str().to_owned(),
    };
    cut(&format!("nobody knows `{}`: {why}", expect.id))
}

/// The samples, those that are not as declared first.
pub fn seen_words(read: &Read, was: Option<&Read>) -> String {
    if read.series.is_empty() {
        return "no series".to_owned();
    }
    let one = |value: &crate::domain::fact::SeriesValue| {
        let mut text = short(value.sample.value);
        if let Some(was) = was.and_then(|was| was.value_of(&value.series)) {
            text = format!("{text} (before {})", short(was));
        }
        if !value.series.is_empty() {
            text = format!("{text} on {}", value.series);
        }
        text
    };
    let mut words: Vec<String> = read.series.iter().take(NAMED_MAX).map(one).collect();
    let more = read.series.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

/// A value as a person reads it.
pub fn short(value: f64) -> String {
    let text = match value.abs() {
        size if !size.is_finite() => return value.to_string(),
        size if size >= 1000.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.6}"),
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if matches!(text, "" | "-0") { "0" } else { text }.to_owned()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WORDS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
