//! What the confirm screen makes a person read: the plan's own bytes in their own order, then who asks for what.

use super::back;
use crate::display::{self, Clean, Mode};
use crate::domain::fact::Fact;
use crate::domain::state::Proposal;
use crate::ui::room::Room;
use std::collections::BTreeSet;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A line of the plan.
    Plan,
    /// A line of the plan that says how much breaks or what runs.
    Weighty,
    /// A line of the plan that is new since the last attempt.
    Changed,
    /// A line of the last attempt's plan that is gone.
    Gone,
    /// A heading of ours.
    Heading,
    /// A line of the terms.
    Terms,
}

/// One line, before it is wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it is.
    pub(crate) mark: Mark,
    /// Its text.
    pub(crate) text: Clean,
}

/// One row of a line, as wide as the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanRow {
    /// What its line is.
    pub(crate) mark: Mark,
    /// `target:`, in the row a line of plan or terms begins with; empty in all others, so that text which only looks
    /// like the beginning of a line is not painted like one.
    pub(crate) name: Clean,
    /// What follows it.
    pub(crate) text: Clean,
}

/// The lines broken into rows of `width` cells: breaks are marked, nothing is left out.
pub(crate) fn rows(lines: &[Line], width: usize) -> Vec<PlanRow> {
    lines
        .iter()
        .flat_map(|line| {
            let name = name_width(line);
            let parts = display::wrap_exact(&line.text, width, display::Glyphs::Ascii);
            parts.into_iter().enumerate().map(move |(at, part)| {
                let (name, text) = part_at(&part, if at == 0 { name } else { 0 });
                PlanRow {
                    mark: line.mark,
                    name,
                    text,
                }
            })
        })
        .collect()
}

/// Cells of `target:` at the beginning of a line.
fn name_width(line: &Line) -> usize {
    if line.mark == Mark::Heading {
        return 0;
    }
    let text = line.text.as_str();
    text.find(": ").map_or(0, |at| at.saturating_add(1))
}

fn part_at(text: &Clean, width: usize) -> (Clean, Clean) {
    let (mut head, mut rest, mut taken) = (Clean::default(), Clean::default(), 0);
    for (grapheme, cells) in text.graphemes() {
        let side = if taken < width { &mut head } else { &mut rest };
        side.push(&display::line(grapheme));
        taken = taken.saturating_add(cells);
    }
    (head, rest)
}

/// Keys a person must not overlook.
const WEIGHTY: [&str; 6] = ["risk", "title", "target", "blast", "runas", "host"];

/// Value of a plan line; empty when there is no such line.
pub(crate) fn value_of<'a>(plan: &'a str, key: &str) -> &'a str {
    plan.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        .unwrap_or("")
}

pub(super) fn exact(text: &str) -> Clean {
    // A plan line is printable ASCII by its grammar; anything else is spelled out, never obeyed.
    let rows = display::clean(text.as_bytes(), Mode::Confirm);
    Clean::join(&rows, &Clean::fixed(" "))
}

fn is_weighty(line: &str) -> bool {
    let key = line.split(':').next().unwrap_or("");
    WEIGHTY.contains(&key) || key.starts_with("argv.")
}

/// All lines, in the order they are read.
pub(crate) fn lines(room: &Room, proposal: &Proposal) -> Vec<Line> {
    let before = last_plan(room, proposal);
    let old: BTreeSet<&str> = before.into_iter().flat_map(str::lines).collect();
    let mut out = Vec::new();
    for line in proposal.plan.lines() {
        let is_new = before.is_some() && !old.contains(line) && !line.starts_with("attempt: ");
        let mark = match (is_new, is_weighty(line)) {
            (true, _) => Mark::Changed,
            (false, true) => Mark::Weighty,
            (false, false) => Mark::Plan,
        };
        out.push(Line {
            mark,
            text: exact(line),
        });
        out.extend(remark(room, proposal, line).map(heading));
    }
    out.extend(back::lines(&room.state, proposal));
    out.extend(effects(room, proposal));
    out.extend(terms(room, proposal));
    out.extend(changes(proposal, before));
    out
}

/// Tells a value that is not there from one that reads `none`: in the bytes they are the same.
fn remark(room: &Room, proposal: &Proposal, line: &str) -> Option<&'static str> {
    let key = line.strip_suffix(": none")?;
    let step = room.state.find(&proposal.terms.step)?.plan;
    let undo = step.undo.as_ref().and_then(|undo| undo.argv.last());
    let is_named = match key {
        "target" => step.component.is_some(),
        "undo" => undo.is_some_and(|script| !script.trim().is_empty()),
        "exe" | "exe-sha256" => value_of(&proposal.plan, "argc") != "0",
        _ => true,
    };
    Some(match (is_named, key) {
        (true, _) => "-- the word `none`, as it is written in the runbook --",
        (false, "target") => "-- nothing: the runbook names no target --",
        (false, "undo") => "-- nothing: the runbook has no way back for this step --",
        (false, _) => "-- nothing: this is done by hand --",
    })
}

pub(super) fn heading(text: &'static str) -> Line {
    Line {
        mark: Mark::Heading,
        text: Clean::fixed(text),
    }
}

/// What the runbook says that the command changes, and what is looked at before it.
fn effects(room: &Room, proposal: &Proposal) -> Vec<Line> {
    let view = room.state.find(&proposal.terms.step);
    let expects = view.map_or(&[][..], |view| view.plan.expects.as_slice());
    let mut out = Vec::new();
    if !expects.is_empty() {
        out.push(heading(
            "-- what it must change, as the runbook declares --",
        ));
    }
    out.extend(expects.iter().map(|expect| {
        let text = format!("{}: {}: {}", expect.id, expect.to_words(), expect.expr);
        Line {
            mark: Mark::Terms,
            text: exact(&text),
        }
    }));
    out
}

fn terms(room: &Room, proposal: &Proposal) -> Vec<Line> {
    let terms = &proposal.terms;
    let texts = [
        format!("proposer: {}", terms.proposer),
        format!("executor: {}", terms.executor),
        format!("confirmers needed: {}", terms.quorum),
        format!("plan digest: {}", terms.plan),
        format!("runbook: {} commit {}", terms.runbook, terms.commit),
        format!("issued: {}", terms.issued.to_seconds_text()),
        format!("expires: {}", terms.expires.to_seconds_text()),
        format!("session key: {}", room.certified),
    ];
    let mut out = vec![heading("-- who asks, and until when --")];
    out.extend(texts.iter().map(|text| Line {
        mark: Mark::Terms,
        text: exact(text),
    }));
    out
}

fn changes(proposal: &Proposal, before: Option<&str>) -> Vec<Line> {
    let Some(before) = before else {
        return vec![heading(
            "-- first attempt at this step that this terminal knows of --",
        )];
    };
    let new: BTreeSet<&str> = proposal.plan.lines().collect();
    let gone: Vec<Line> = before
        .lines()
        .filter(|line| !new.contains(line) && !line.starts_with("attempt: "))
        .map(|line| Line {
            mark: Mark::Gone,
            text: exact(line),
        })
        .collect();
    let changed = !gone.is_empty()
        || proposal
            .plan
            .lines()
            .any(|l| !l.starts_with("attempt: ") && !before.lines().any(|b| b == l));
    let mut out = vec![heading(if changed {
        "-- changed since the last attempt: lines marked + above; lines that are gone: --"
    } else {
        "-- same plan as at the last attempt --"
    })];
    out.extend(gone);
    out
}

/// The plan of the proposal before this one for the same step, when the kept records hold it.
fn last_plan<'a>(room: &'a Room, proposal: &Proposal) -> Option<&'a str> {
    let this = proposal.proposed?.0;
    room.recent
        .iter()
        .rev()
        .find_map(|record| match &record.fact {
            Fact::StepProposed { plan }
                if record.seq < this && value_of(plan, "step") == proposal.terms.step.as_str() =>
            {
                Some(plan.as_str())
            }
            _ => None,
        })
}
