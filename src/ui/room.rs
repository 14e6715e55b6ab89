//! What a client knows of a session: the same folds as the server, fed by its messages.

mod duties;
mod reach;

use crate::domain::alert_match;
use crate::domain::amend::asked_anew;
use crate::domain::apply::apply;
use crate::domain::board::{Board, GateProgress, OutputTail};
use crate::domain::confirm::certificate::Certified;
use crate::domain::fact::{ExecKey, Stamped};
use crate::domain::id::Seq;
use crate::domain::radius::{Post, Radius};
use crate::domain::reading::Reading;
use crate::domain::state::State;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::verdict::EffectNow;
use crate::wire::around::Around;
use crate::wire::message::{Snapshot, Welcome};
pub use duties::{Answerers, Duties, Duty};
pub use reach::Reach;
use std::collections::VecDeque;
use std::sync::Arc;

/// Whether the server is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It is.
    Up,
    /// It is not; the client tries again.
    Lost {
        /// Since when.
        since: Moment,
        /// What happened, one line.
        why: String,
    },
    /// The session is over.
    Ended {
        /// Why.
        reason: String,
    },
}

/// What this terminal knows of the journal behind what it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing yet.
    Unchecked,
    /// The chain of records is whole up to this one, from what was seen before or first.
    Since(Seq),
    /// It is not the journal that was seen before: nothing it says can be confirmed.
    Fault(String),
}

/// Records kept for the feed and the timeline. A night has a few thousand; at 300 bytes each this stays below 2 MiB.
pub const RECORDS_MAX: usize = 5_000;

/// Outputs kept: the running command and those a person may look back at; each is bounded by `TAIL_MAX`.
pub const OUTPUTS_MAX: usize = 12;

/// A session as this terminal knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// Whom the server takes us for.
    pub welcome: Welcome,
    /// The fold of all facts.
    pub state: State,
    /// The newest readings.
    pub board: Board,
    /// Tails of outputs, newest last; at most [`OUTPUTS_MAX`].
    pub outputs: Vec<OutputTail>,
    /// Newest records without a gap, oldest first; at most [`RECORDS_MAX`].
    pub recent: VecDeque<Stamped>,
    /// Whether the server is there.
    pub link: Link,
    /// Whether its journal is the one that was seen before.
    pub seen: Seen,
    /// Whether a host key stands for the session's own key.
    pub certified: Certified,
    /// What lies around the session.
    pub around: Around,
    /// What whoever is at this terminal stands on.
    pub posts: Vec<Post>,
    /// The blast radius, until something of it changes.
    pub reach: Reach,
    /// Who answers for what, until that changes.
    pub answerers: Answerers,
}

impl Room {
    /// What a newly attached client knows.
    pub fn from_snapshot(welcome: Welcome, snapshot: Snapshot) -> Self {
        Self {
            welcome,
            state: snapshot.state,
            board: snapshot.board,
            outputs: snapshot.outputs,
            recent: snapshot.recent.into(),
            link: Link::Up,
            seen: Seen::Unchecked,
            certified: Certified::no("no host key signed it"),
            around: snapshot.around,
            posts: Vec::new(),
            reach: Reach::default(),
            answerers: Answerers::default(),
        }
    }

    /// Starts over from a new snapshot, after a lost connection or a lag.
    pub fn on_snapshot(&mut self, welcome: Welcome, snapshot: Snapshot) {
        // A journal that was found wanting does not become another one by a new snapshot of it.
        let seen = std::mem::replace(&mut self.seen, Seen::Unchecked);
        let is_same = snapshot.state.genesis.session == self.state.genesis.session;
        let certified = self.certified.clone();
        *self = Self::from_snapshot(welcome, snapshot);
        if is_same {
            self.seen = seen;
            self.certified = certified;
        }
    }

    /// Folds new facts in. Those the state holds already are left out.
    pub fn on_facts(&mut self, facts: Vec<Stamped>) {
        for mut fact in facts {
            if fact.seq <= self.state.head.0 {
                continue;
            }
            let before = Arc::clone(&self.state.genesis);
            apply(&mut self.state, &fact);
            if before.plan_digest != self.state.genesis.plan_digest {
                // An answer to a question of the plan before is none to another one of the same name.
                let anew = asked_anew(&before.plan, self.state.plan());
                self.board.metrics.retain(|rule, _| !anew.contains(rule));
                self.reach = Reach::default();
                self.answerers = Answerers::default();
            }
            fact.forget_plan();
            if self.recent.len() >= RECORDS_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back(fact);
        }
    }

    /// Folds readings in.
    pub fn on_readings(&mut self, readings: Vec<Reading>) {
        for reading in readings {
            self.reach.hear(&self.board, &reading);
            self.answerers.hear(&self.board, &reading);
            self.board.absorb(reading);
        }
    }

    /// Takes the progress of the waiting gate.
    pub fn on_gate(&mut self, gate: Option<GateProgress>) {
        self.board.gate = gate;
    }

    /// Takes what is read of declared effects.
    pub fn on_effects(&mut self, effects: Vec<EffectNow>) {
        self.board.effects = effects;
    }

    /// Takes new bytes of an output.
    pub fn on_output(&mut self, chunk: OutputTail) {
        if let Some(tail) = self.outputs.iter_mut().find(|t| t.key == chunk.key) {
            tail.push(chunk.offset, &chunk.bytes);
            return;
        }
        if self.outputs.len() >= OUTPUTS_MAX {
            // The running command's output stays, however many old ones are looked at.
            let running = self.state.running().map(|r| &r.key);
            let oldest = self.outputs.iter().position(|t| Some(&t.key) != running);
            self.outputs.remove(oldest.unwrap_or(0));
        }
        let mut tail = OutputTail {
            key: chunk.key,
            offset: chunk.offset,
            bytes: Vec::new(),
        };
        tail.push(chunk.offset, &chunk.bytes);
        self.outputs.push(tail);
    }

    /// Takes older records that were asked for. Only those that join without a gap are kept.
    pub fn on_records(&mut self, records: Vec<Stamped>) {
        for record in records.into_iter().rev() {
            let joins = self
                .recent
                .front()
                .is_none_or(|first| record.seq.next() == first.seq);
            if joins && self.recent.len() < RECORDS_MAX {
                self.recent.push_front(record);
            }
        }
    }

    /// Names of the alerts that the runbook expects now.
    pub fn expected_alerts(&self, now: Timestamp) -> Vec<String> {
        alert_match::expected_at(&self.state, now)
    }

    /// What stands and falls with the touched components, as it is known here now.
    pub fn radius(&self) -> Arc<Radius> {
        self.reach.now(self)
    }

    /// Who answers for these components and for what needs them.
    pub fn answering(&self, touched: &[String]) -> Arc<Duties> {
        self.answerers.now(self, touched)
    }

    /// The output of one execution.
    pub fn output(&self, key: &ExecKey) -> Option<&OutputTail> {
        self.outputs.iter().find(|t| &t.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures::Story;

    #[test]
    fn facts_are_folded_once() {
        let mut room = Story::running("bob").room;
        let all: Vec<Stamped> = room.recent.iter().cloned().collect();
        let before = room.clone();
        room.on_facts(all);
        assert_eq!(room, before);
    }

    #[test]
    fn older_records_join_without_a_gap_or_not_at_all() {
        let mut room = Story::running("bob").room;
        let older: Vec<Stamped> = room.recent.drain(..5).collect();
        room.on_records(older[..3].to_vec());
        assert_eq!(
            room.recent.front().map(|r| r.seq),
            Some(Seq(5)),
            "records 3 and 4 are missing"
        );
        room.on_records(older);
        let numbers: Vec<u64> = room.recent.iter().map(|r| r.seq.0).collect();
        assert!(numbers.iter().copied().eq(0..=room.state.head.0.0));
    }

    #[test]
    fn outputs_are_bounded() {
        let mut room = Story::running("bob").room;
        let key = room.state.running().expect("runs").key.clone();
        for n in 0..40 {
            let mut key = key.clone();
            key.try_no = n;
            room.on_output(OutputTail {
                key,
                offset: 0,
                bytes: b"x".to_vec(),
            });
        }
        assert_eq!(room.outputs.len(), OUTPUTS_MAX);
        assert!(room.output(&key).is_some(), "what runs is kept");
    }
}
