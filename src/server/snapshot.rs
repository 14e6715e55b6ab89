//! The whole state as frames for one client, and what is left out of it so that it stays bounded.

use crate::domain::board::Board;
use crate::domain::fact::{Fact, Stamped};
use crate::wire::codec::{self, WireError};
use crate::wire::message::{Snapshot, ToClient};
use crate::wire::{SNAPSHOT_BYTES_MAX, SNAPSHOT_PART_MAX};
use bytes::Bytes;
use std::collections::VecDeque;

/// Bytes of plans and statements among the newest records: more than a screen of the feed refers to.
const RECENT_BYTES_MAX: usize = 1024 * 1024;

/// `first`, then the snapshot in parts. Charts lose their older half as often as it takes to fit.
///
/// # Errors
/// [`WireError::TooLong`] when it does not fit without any past either; [`WireError::Encode`].
pub(crate) fn frames(first: Bytes, mut snapshot: Snapshot) -> Result<Vec<Bytes>, WireError> {
    let mut bytes = codec::encode_any_length(&snapshot)?;
    while bytes.len() > SNAPSHOT_BYTES_MAX {
        if !forget_half(&mut snapshot.board) {
            return Err(WireError::TooLong(bytes.len()));
        }
        bytes = codec::encode_any_length(&snapshot)?;
    }
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

/// Drops the older half of every series; false when there was nothing to drop.
fn forget_half(board: &mut Board) -> bool {
    let mut is_less = false;
    for track in board.metrics.values_mut().flat_map(|m| &mut m.tracks) {
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
    kept.iter_mut().for_each(without_plan);
    kept
}

/// Bytes of what makes a fact long.
fn long_text(fact: &Fact) -> usize {
    match fact {
        Fact::StepProposed { plan, .. } => plan.len(),
        Fact::StepConfirmed(confirmed) => confirmed.statement.len(),
        Fact::NoteAdded { text, .. } => text.len(),
        // Up to 8 KiB each, as `decide` bounds them.
        Fact::WriteAsked { write } => serde_json::to_vec(&write.deed).map_or(0, |json| json.len()),
        Fact::ExecOutcome { output, .. } => {
            output.values.iter().map(|(n, v)| n.len() + v.len()).sum()
        }
        _ => 0,
    }
}

/// The genesis record carries the whole plan, which the state has already: the copy for a list goes without.
pub(crate) fn without_plan(stamped: &mut Stamped) {
    if let Fact::SessionOpened(genesis) = &mut stamped.fact {
        genesis.plan.steps.clear();
        genesis.plan.phases.clear();
        genesis.plan.rules.clear();
        genesis.plan.briefing.clear();
    }
}
