//! The whole state as frames for one client, and what is left out of it so that it stays bounded.

use crate::domain::board::{Board, SNAPSHOT};
use crate::domain::fact::{Fact, Stamped};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use crate::wire::codec::{self, WireError};
use crate::wire::message::{Snapshot, ToClient};
use crate::wire::{SNAPSHOT_BYTES_MAX, SNAPSHOT_PART_MAX};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of plans and statements among the newest records: more than a screen of the feed refers to.
const RECENT_BYTES_MAX: usize = 1024 * 1024;

/// Gives up some of a snapshot; false when there was nothing left of its kind.
type Cut = fn(&mut Snapshot) -> bool;

/// What can be left out, with the words for people, least missed first.
const CUTS: [(&str, Cut); 6] = [
    ("the older past of charts", forget_half),
    ("older records of the feed", forget_records),
    ("earlier output", forget_output),
    ("readings of connectors", forget_readings),
    ("earlier runs of steps and their values", forget_runs),
    ("the prose of the runbook", forget_prose),
];

/// `first`, then the snapshot in parts. What does not fit is left out bit by bit, and the snapshot says so among the
/// connectors, where every screen shows what is not as it should be: a terminal that sees less is better than none.
///
/// # Errors
/// [`WireError::TooLong`] for a bare plan that does not fit, which no runbook of the allowed size comes to;
/// [`WireError::Encode`].
pub(crate) fn frames(first: Bytes, snapshot: Snapshot) -> Result<Vec<Bytes>, WireError> {
    let bytes = within(snapshot, SNAPSHOT_BYTES_MAX)?;
    let total = u32::try_from(bytes.len().div_ceil(SNAPSHOT_PART_MAX).max(1)).unwrap_or(u32::MAX);
    let parts = (0..).zip(bytes.chunks(SNAPSHOT_PART_MAX));
    let parts = parts.map(|(index, part)| {
        codec::encode(&ToClient::SnapshotPart {
            index,
            total,
            bytes: part.to_vec(),
        })
    });
    std::iter::once(Ok(first)).chain(parts).collect()
}

fn within(mut snapshot: Snapshot, limit: usize) -> Result<Vec<u8>, WireError> {
    let mut bytes = codec::encode_any_length(&snapshot)?;
    let mut left_out = Vec::new();
    for (what, cut) in CUTS {
        while bytes.len() > limit && cut(&mut snapshot) {
            if left_out.last() != Some(&what) {
                left_out.push(what);
                tracing::warn!(bytes = bytes.len(), what, "left out of a snapshot");
            }
            mark(&mut snapshot.board, &left_out);
            bytes = codec::encode_any_length(&snapshot)?;
        }
    }
    if bytes.len() > limit {
        return Err(WireError::TooLong(bytes.len()));
    }
    Ok(bytes)
}

/// Says on the board what is missing, in the form every screen shows already.
fn mark(board: &mut Board, left_out: &[&str]) {
    let Ok(connector) = ConnectorName::new(SNAPSHOT) else {
        return;
    };
    let health = ConnectorHealth {
        connector,
        system: "session".to_owned(),
        liveness: Liveness::Stale,
        last_good: None,
        last_error: format!(
            "too large for a terminal; left out: {}",
            left_out.join(", ")
        ),
        failures: 1,
        next_try: None,
        latency: Duration::ZERO,
        can: Vec::new(),
    };
    board.absorb(Reading::Health(health));
}

/// Drops the older half of a list.
fn halve<T>(list: &mut Vec<T>) -> bool {
    let old = list.len().div_ceil(2);
    list.drain(..old);
    old > 0
}

fn forget_records(snapshot: &mut Snapshot) -> bool {
    halve(&mut snapshot.recent)
}

fn forget_output(snapshot: &mut Snapshot) -> bool {
    let mut is_less = false;
    for tail in &mut snapshot.outputs {
        let old = tail.bytes.len().div_ceil(2);
        tail.offset = tail
            .offset
            .saturating_add(u64::try_from(old).unwrap_or(u64::MAX));
        is_less |= halve(&mut tail.bytes);
    }
    is_less
}

/// Verdicts are in the state and stay; so does what is known of the sources.
fn forget_readings(snapshot: &mut Snapshot) -> bool {
    let board = &mut snapshot.board;
    let kept = Board {
        health: std::mem::take(&mut board.health),
        catalogs: std::mem::take(&mut board.catalogs),
        gate: board.gate.take(),
        ..Board::default()
    };
    let old = Board {
        health: BTreeMap::new(),
        catalogs: BTreeSet::new(),
        gate: None,
        ..std::mem::replace(board, kept)
    };
    old != Board::default()
}

/// Keeps how each step ran last, without the values it set.
fn forget_runs(snapshot: &mut Snapshot) -> bool {
    let state = &mut snapshot.state;
    let mut is_less = !state.values.is_empty();
    state.values.clear();
    for step in &mut state.steps {
        let old = step.finished.len().saturating_sub(1);
        step.finished.drain(..old);
        is_less |= old > 0;
        for output in step.finished.iter_mut().filter_map(|f| f.output.as_mut()) {
            is_less |= !output.values.is_empty();
            output.values.clear();
        }
    }
    if let Some(open) = &mut state.proposal {
        let old = open.heads.len().saturating_sub(1);
        open.heads.drain(..old);
        is_less |= old > 0;
    }
    is_less
}

fn forget_prose(snapshot: &mut Snapshot) -> bool {
    let plan = &mut Arc::make_mut(&mut snapshot.state.genesis).plan;
    let steps = plan.steps.iter_mut().map(|step| &mut step.prose);
    let phases = plan.phases.iter_mut().map(|phase| &mut phase.prose);
    let mut is_less = false;
    for prose in steps.chain(phases).chain([&mut plan.briefing]) {
        is_less |= !std::mem::take(prose).is_empty();
    }
    is_less
}

/// Drops the older half of every series; false when there was nothing to drop.
fn forget_half(snapshot: &mut Snapshot) -> bool {
    let mut is_less = false;
    for track in snapshot
        .board
        .metrics
        .values_mut()
        .flat_map(|m| &mut m.tracks)
    {
        let old = track.samples.len() / 2;
        track.samples.drain(..old);
        is_less |= old > 0;
    }
    is_less
}

/// The newest records, without a gap, oldest first, within [`RECENT_BYTES_MAX`].
pub(crate) fn newest(recent: &VecDeque<Stamped>) -> Vec<Stamped> {
    let mut bytes = 0_usize;
    let kept = recent.iter().rev().take_while(|stamped| {
        bytes = bytes.saturating_add(long_text(&stamped.fact));
        bytes <= RECENT_BYTES_MAX
    });
    let mut kept: Vec<Stamped> = kept.cloned().collect();
    kept.reverse();
    kept.iter_mut().for_each(Stamped::forget_plan);
    kept
}

/// Bytes of what makes a fact long.
fn long_text(fact: &Fact) -> usize {
    match fact {
        Fact::StepProposed { plan, .. } => plan.len(),
        Fact::StepConfirmed(confirmed) => confirmed
            .statement
            .len()
            .saturating_add(confirmed.signature.len()),
        Fact::StatementSigned(signed) => signed
            .statement
            .len()
            .saturating_add(signed.signature.len()),
        Fact::NoteAdded { text, .. } => text.len(),
        // Up to 8 KiB each, as `decide` bounds them.
        Fact::WriteAsked { write } => serde_json::to_vec(&write.deed).map_or(0, |json| json.len()),
        Fact::ExecOutcome { output, .. } => {
            output.values.iter().map(|(n, v)| n.len() + v.len()).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::board::{Metric, OutputTail, Track};
    use crate::domain::fixture::{Room, mark_done, rule, start};
    use crate::domain::reading::Sample;
    use crate::domain::time::Timestamp;

    /// Something of everything.
    fn snapshot() -> Snapshot {
        let mut room = Room::new();
        room.must("ann", crate::domain::command::Command::Begin);
        room.must("ann", mark_done("look"));
        room.must("ann", start("backup"));
        room.exit(0);
        room.exit(0);
        let key = room.state.steps[1].finished[0].key.clone();
        let mut genesis = (*room.state.genesis).clone();
        genesis.plan.briefing = "b".repeat(10_000);
        room.state.genesis = Arc::new(genesis);
        room.state
            .values
            .insert("LEADER".to_owned(), "v".repeat(10_000));
        let sample = |n| Sample {
            at: Timestamp::from_millis(n),
            value: 0.5,
        };
        let track = Track {
            labels: vec![("node".to_owned(), "n".repeat(10_000))],
            samples: (0..360).map(sample).collect(),
        };
        let mut board = Board::default();
        let metric = Metric {
            tracks: vec![track],
            ..Metric::default()
        };
        board.metrics.insert(rule("errors"), metric);
        Snapshot {
            state: room.state,
            board,
            outputs: vec![OutputTail {
                key,
                offset: 5,
                bytes: vec![b'x'; 10_000],
            }],
            recent: room.records,
            around: crate::wire::around::Around::default(),
        }
    }

    fn size(snapshot: &Snapshot) -> usize {
        codec::encode_any_length(snapshot).expect("writes").len()
    }

    #[test]
    fn a_snapshot_that_fits_is_sent_as_it_is() {
        let whole = snapshot();
        let bytes = within(whole.clone(), size(&whole)).expect("fits");
        assert_eq!(codec::decode::<Snapshot>(&bytes).expect("reads"), whole);
    }

    #[test]
    fn a_snapshot_that_is_too_large_is_sent_without_what_is_least_missed_and_says_so() {
        let whole = snapshot();
        let mut smallest = whole.clone();
        for (_, cut) in CUTS {
            while cut(&mut smallest) {}
        }
        mark(&mut smallest.board, &CUTS.map(|(what, _)| what));
        let (most, least) = (size(&whole), size(&smallest));
        let mut words = 0;
        for limit in (least..most).rev().step_by(5000).chain([least]) {
            let bytes = within(whole.clone(), limit).expect("degrades");
            assert!(bytes.len() <= limit);
            let sent: Snapshot = codec::decode(&bytes).expect("reads");
            let said = &sent.board.health[&ConnectorName::new("snapshot").expect("valid")];
            assert!(
                said.last_error
                    .starts_with("too large for a terminal; left out: the older past")
            );
            let left_out = said.last_error.split(", ").count();
            assert!(left_out >= words, "{limit}: {}", said.last_error);
            words = left_out;
            // Where it stands and who is there is never left out.
            assert_eq!(sent.state.phase, whole.state.phase);
            assert_eq!(sent.state.terminals, whole.state.terminals);
            assert_eq!(sent.state.steps.len(), whole.state.steps.len());
            let tail = &sent.outputs[0];
            assert_eq!(tail.offset, 5 + (10_000 - tail.bytes.len() as u64));
        }
        assert_eq!(words, CUTS.len());
        assert!(matches!(within(whole, 100), Err(WireError::TooLong(_))));
    }
}
