//! A backtest as text for people: plain, at most 80 columns.

#[cfg(test)]
mod tests;

use crate::display::{Mode, clean, one_line, wrap};
use crate::domain::backtest::{
    Alarm, Backtest, BadOutcome, Caught, ConditionOutcome, GateOutcome, NotReplayed, RuleOutcome,
};
use crate::domain::id::RuleId;
use crate::domain::time::{Timestamp, short_span};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Columns of every terminal and of a mail.
const WIDTH: usize = 80;
/// Alarms and times that are listed of one rule or gate; `--json` has more.
const LISTED: usize = 10;

/// The whole outcome.
pub fn render(backtest: &Backtest) -> String {
    let mut page = Page::default();
    page.line(0, &format!("backtest of {}", one_line(&backtest.title)));
    page.line(0, &format!("plan {}", backtest.plan));
    let span = backtest.to.since(backtest.from);
    page.line(
        0,
        &format!(
            "{} to {} UTC ({}), one sample every {}: {} of each",
            minute(backtest.from),
            minute(backtest.to),
            short_span(span),
            seconds(backtest.step_seconds),
            backtest.samples
        ),
    );
    bad(&mut page, backtest);
    if !backtest.rules.is_empty() {
        page.head("guards and thresholds");
        page.row(&["", "alarms", "outside", "in alarm", "unknown"]);
        for rule in &backtest.rules {
            one_rule(&mut page, rule, !backtest.bad.is_empty());
        }
    }
    if !backtest.gates.is_empty() {
        page.head("gates, begun every hour");
        page.row(&["", "begun", "opened", "not", "unknown"]);
        for gate in &backtest.gates {
            one_gate(&mut page, gate);
        }
    }
    if !backtest.rollouts.is_empty() {
        page.head("rollouts: floor and canary, at every sample");
        page.row(&["", "met", "not met", "unknown", "longest"]);
        for one in &backtest.rollouts {
            one_condition(&mut page, one);
        }
    }
    if !backtest.failures.is_empty() {
        page.head("not answered, and so unknown");
        for failure in &backtest.failures {
            page.line(2, &one_line(failure));
        }
    }
    page.head("to be read with it");
    for note in &backtest.notes {
        page.line(2, &one_line(note));
    }
    page.head("not replayed");
    if backtest.not_replayed.is_empty() {
        page.line(2, "nothing: all that the runbook watches was replayed");
    }
    for NotReplayed { what, why } in &backtest.not_replayed {
        page.line(2, &one_line(&format!("{what}: {why}")));
    }
    page.text
}

fn bad(page: &mut Page, backtest: &Backtest) {
    if backtest.bad.is_empty() {
        return;
    }
    page.head("bad intervals");
    for BadOutcome { bad, caught_by } in &backtest.bad {
        let said = if caught_by.is_empty() {
            "MISSED".to_owned()
        } else {
            let ids: Vec<&str> = caught_by.iter().map(RuleId::as_str).collect();
            format!("caught by {}", ids.join(", "))
        };
        let when = between(bad.from, bad.to);
        page.line(2, &format!("{}  {when}: {said}", one_line(&bad.name)));
    }
}

fn one_rule(page: &mut Page, rule: &RuleOutcome, has_bad: bool) {
    let outside = if has_bad {
        rule.outside.to_string()
    } else {
        "-".to_owned()
    };
    page.row(&[
        rule.id.as_str(),
        &rule.alarms.to_string(),
        &outside,
        &seconds(rule.alarm_seconds),
        &seconds(rule.unknown_seconds),
    ]);
    page.line(4, &format!("{}: {}", one_line(&rule.expr), rule.limits));
    if !rule.unknown_by.is_empty() {
        page.line(4, &format!("unknown: {}", reasons(&rule.unknown_by)));
    }
    for caught in &rule.bad {
        page.line(4, &caught_words(caught));
    }
    for alarm in rule.intervals.iter().take(LISTED) {
        page.line(4, &alarm_words(alarm, has_bad));
    }
    let listed = u64::try_from(rule.intervals.len().min(LISTED)).unwrap_or(u64::MAX);
    more(page, rule.alarms.saturating_sub(listed));
}

fn caught_words(caught: &Caught) -> String {
    let unknown = if caught.unknown_seconds > 0 {
        format!(", unknown for {} of it", seconds(caught.unknown_seconds))
    } else {
        String::new()
    };
    let name = one_line(&caught.name);
    match caught.after_seconds {
        Some(_) if caught.was_on => format!("{name}: in alarm before it began{unknown}"),
        Some(after) => format!("{name}: caught after {}{unknown}", seconds(after)),
        None => format!("{name}: not caught{unknown}"),
    }
}

fn alarm_words(alarm: &Alarm, has_bad: bool) -> String {
    let span = seconds(alarm.to.since(alarm.from).as_secs());
    let end = if alarm.is_open { ", not over" } else { "" };
    let worst = alarm.worst.as_ref().map_or_else(String::new, |worst| {
        let series = one_line(&worst.series);
        format!(" worst {} {series}", worst.value)
            .trim_end()
            .to_owned()
    });
    let place = match (has_bad, alarm.bad.as_slice()) {
        (false, _) => String::new(),
        (true, []) => " OUTSIDE".to_owned(),
        (true, names) => format!(" in {}", one_line(&names.join(", "))),
    };
    format!(
        "{} ({span}{end}){place}{worst}",
        between(alarm.from, alarm.to)
    )
}

fn one_condition(page: &mut Page, one: &ConditionOutcome) {
    page.row(&[
        one.id.as_str(),
        &seconds(one.met_seconds),
        &seconds(one.unmet_seconds),
        &seconds(one.unknown_seconds),
        &seconds(one.longest_seconds),
    ]);
    let (kind, phase) = (one.kind, one_line(&one.phase));
    let what = format!(
        "{kind} of phase {phase}: {} {}",
        one_line(&one.expr),
        one_line(&one.condition)
    );
    page.line(4, &what);
    if !one.unknown_by.is_empty() {
        page.line(4, &format!("unknown: {}", reasons(&one.unknown_by)));
    }
    if one.needed_seconds > one.longest_seconds {
        let needed = seconds(one.needed_seconds);
        page.line(4, &format!("NEVER met for the {needed} that it needs"));
    }
    for at in one.refused_at.iter().take(LISTED) {
        page.line(4, &format!("not met from {}", minute(*at)));
    }
    let listed = u64::try_from(one.refused_at.len().min(LISTED)).unwrap_or(u64::MAX);
    more(page, one.refused.saturating_sub(listed));
}

fn one_gate(page: &mut Page, gate: &GateOutcome) {
    page.row(&[
        gate.id.as_str(),
        &gate.begun.to_string(),
        &gate.opened.to_string(),
        &gate.not_opened.to_string(),
        &seconds(gate.unknown_seconds),
    ]);
    page.line(
        4,
        &format!(
            "step {}: {} {}",
            gate.step,
            one_line(&gate.expr),
            gate.condition
        ),
    );
    let mut said = format!("waited for {} at most", seconds(gate.patience_seconds));
    if let (Some(median), Some(longest)) = (gate.wait_median_seconds, gate.wait_longest_seconds) {
        let (median, longest) = (seconds(median), seconds(longest));
        write!(
            said,
            "; half opened within {median}, the last within {longest}"
        )
        .ok();
    }
    if gate.cut_off > 0 {
        write!(said, "; {} cut off by the end", gate.cut_off).ok();
    }
    page.line(4, &said);
    page.line(
        4,
        &format!(
            "met for {}, not met for {}",
            seconds(gate.met_seconds),
            seconds(gate.unmet_seconds)
        ),
    );
    if !gate.unknown_by.is_empty() {
        let waits = match gate.not_opened_unknown {
            0 => String::new(),
            count => format!("; in {count} of those that did not open"),
        };
        page.line(4, &format!("unknown: {}{waits}", reasons(&gate.unknown_by)));
    }
    if !gate.closed_at.is_empty() {
        let times: Vec<String> = gate
            .closed_at
            .iter()
            .take(LISTED)
            .copied()
            .map(minute)
            .collect();
        page.line(4, &format!("did not open at {}", times.join(", ")));
        let listed = u64::try_from(times.len()).unwrap_or(u64::MAX);
        more(page, gate.not_opened.saturating_sub(listed));
    }
}

fn more(page: &mut Page, left: u64) {
    if left > 0 {
        page.line(4, &format!("and {left} more; `--json` has the first 100"));
    }
}

/// `no series 1h02m, stale 30s`
fn reasons(by: &BTreeMap<&'static str, u64>) -> String {
    let parts: Vec<String> = by
        .iter()
        .map(|(why, count)| format!("{why} {}", seconds(*count)))
        .collect();
    parts.join(", ")
}

fn seconds(count: u64) -> String {
    short_span(Duration::from_secs(count))
}

/// `2026-11-20 02:10:45`
fn full(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2026-11-20 02:10`
fn minute(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d %H:%M").to_string()
}

/// Two times; the day is named once where it is the same.
fn between(from: Timestamp, to: Timestamp) -> String {
    let day = |at: Timestamp| at.to_jiff().strftime("%Y-%m-%d").to_string();
    let end = if day(from) == day(to) {
        to.to_clock_text()
    } else {
        full(to)
    };
    format!("{} to {end}", full(from))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, words: &str) {
        self.text.push('\n');
        self.line(0, words);
    }

    /// Indented, broken at [`WIDTH`]; what follows is indented further.
    fn line(&mut self, indent: usize, words: &str) {
        let further = indent + 2;
        let rows = clean(words.as_bytes(), Mode::Confirm);
        let parts = rows.iter().flat_map(|row| wrap(row, WIDTH - further));
        for (part, indent) in parts.zip(std::iter::once(indent).chain(std::iter::repeat(further))) {
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(part.as_str().trim_end());
            self.text.push('\n');
        }
    }

    /// A name and four numbers under their heads; a name that is too long has a line of its own.
    fn row(&mut self, cells: &[&str; 5]) {
        let [name, numbers @ ..] = cells;
        let width = 34;
        let mut start = format!("  {name}");
        if start.chars().count() > width {
            self.line(2, name);
            start = String::new();
        }
        let mut row = format!("{start:width$}");
        for cell in numbers {
            write!(row, " {cell:>10}").ok();
        }
        self.text.push_str(row.trim_end());
        self.text.push('\n');
    }
}
