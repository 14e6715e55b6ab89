//! Writes of the session: from a durable fact to a courier, and back; and what is said by itself because somebody may
//! have to be written to.

use super::session::{Session, Turn};
use crate::connect::deliver::{Desk, Ended, Job, Parcel};
use crate::connect::registry::Built;
use crate::domain::alert_match::AlertView;
use crate::domain::fact::{Fact, Stamped};
use crate::domain::freeze;
use crate::domain::id::ConnectorName;
use crate::domain::on_call::{AHEAD, announcements};
use crate::domain::reading::{OnCall, Reading};
use crate::domain::time::Timestamp;
use crate::domain::touched;
use crate::domain::write::{Ability, Cause, WriteNo, WriteState};
use crate::engine::Input;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Hand-overs told at once: all levels of a few rotas; an account with hundreds of schedules must not fill the journal.
const ANNOUNCED_MAX: usize = 8;

/// For how long back a notice of the same words is the same one: longer than from its first time to the hand-over and
/// the restart after it, and less than the shortest shift that comes round again.
const SAID_FOR: Duration = Duration::from_secs(4 * 3600);

impl Session {
    /// Sends a write whose fact is durable.
    pub(crate) fn send_write(&mut self, no: WriteNo) {
        if let Some(write) = self.engine.state().write(no).cloned() {
            let parcel = self.parcel(&write);
            self.hand_over(&write.write.connector, Job::Send(parcel));
        }
    }

    /// Looks what became of a write of an earlier server.
    pub(crate) fn find_write(&mut self, no: WriteNo) {
        if let Some(write) = self.engine.state().write(no).cloned() {
            let parcel = self.parcel(&write);
            let job = match write.outcome {
                None => Job::Find(parcel),
                Some(known) => Job::Prove { parcel, known },
            };
            self.hand_over(&write.write.connector, job);
        }
    }

    fn parcel(&self, write: &WriteState) -> Parcel {
        let state = self.engine.state();
        let of = match write.write.cause {
            Some(Cause::Ends { of }) => state.write(of),
            _ => None,
        };
        Parcel {
            no: write.write.no,
            marker: write.write.marker(&state.genesis.session),
            deed: write.write.deed.clone(),
            by: write.by.clone(),
            asked: write.asked,
            of: of.map(|of| Box::new(self.parcel(of))),
        }
    }

    fn hand_over(&mut self, connector: &ConnectorName, job: Job) {
        let ended = self.desk.take(connector, job);
        self.failed_starts.extend(ended.map(written));
    }

    /// Takes what came of a write.
    pub(crate) fn on_written(&mut self, ended: Ended, turn: &mut Turn) {
        self.take_news(written(ended), turn);
    }

    /// What a reading means beyond the board: which components are touched, and who takes the pager over.
    pub(crate) fn after_reading(&mut self, reading: &Reading, turn: &mut Turn) {
        match reading {
            Reading::Components { .. } => {
                let plan = self.engine.state().plan();
                let touched = touched::names(plan, &self.board.components);
                let unmatched = touched::unmatched(plan, &self.board.components);
                if (&touched, &unmatched) != (&self.world.touched, &self.world.unmatched) {
                    (self.world.touched, self.world.unmatched) = (touched, unmatched);
                    self.said.look_again();
                }
                self.world.known = self.board.components.keys().cloned().collect();
                self.world.groups = touched::groups(&self.board.components);
                self.look_at_alerts();
                self.tell_around();
                let genesis = &self.engine.state().genesis;
                self.world.freezes = freeze::standing(genesis, &self.board);
            }
            Reading::Info { source, info } => {
                let now = self.clock.now();
                self.world.clock.hear(source, info.clock_skew_ms, now);
            }
            Reading::Alerts { .. } | Reading::Health(_) => self.look_at_alerts(),
            Reading::OnCalls { .. } => self.announce_handovers(turn),
            _ => {}
        }
    }

    /// What fires now, and whether that is known.
    pub(crate) fn look_at_alerts(&mut self) {
        let (names, unmatched) = (&self.world.touched, &self.world.unmatched);
        let plan = self.engine.state().plan();
        self.world.alerts = AlertView::of(&self.board, plan, names, unmatched);
    }

    /// Says a hand-over of the pager ahead, and when it has come; each once while the work goes on, over restarts too:
    /// what the journal has is not said again, and what came while no server ran is said by the next.
    fn announce_handovers(&mut self, turn: &mut Turn) {
        let state = self.engine.state();
        if state.phase.is_final() {
            return;
        }
        let now = self.clock.now().wall;
        let window = state.window().map(|window| window.end);
        // Work that runs over, and work without a window, goes on for now.
        let end = window.filter(|end| *end > now).unwrap_or(now.plus(AHEAD));
        let on_calls: Vec<&OnCall> = self.board.on_calls.values().flatten().collect();
        let mut due = announcements(&on_calls, end, self.handovers_at, now);
        if self.handovers_at.is_none() {
            let left = left_at(&self.recent);
            let missed = left.map(|left| announcements(&on_calls, end, Some(left), now));
            due.extend(missed.into_iter().flatten().filter(|missed| missed.is_now));
        }
        self.handovers_at = Some(now);
        let texts = due.into_iter().map(|announcement| {
            let word = if announcement.is_now {
                "pager now"
            } else {
                "pager"
            };
            format!("{word}: {}", announcement.handover)
        });
        let texts: Vec<String> = texts
            .filter(|text| !is_said(&self.recent, text, now))
            .take(ANNOUNCED_MAX)
            .collect();
        for text in texts {
            self.take(&Input::Notice { text }, turn, None);
        }
    }

    /// Says what connectors have to say at the start; once, where everybody reads it.
    pub(crate) async fn say_notices(&mut self) {
        let mut turn = Turn::default();
        for text in std::mem::take(&mut self.notices) {
            self.take_news(Input::Notice { text }, &mut turn);
        }
        self.finish(turn).await;
    }
}

/// Until when the server before this one was there; nothing for the first one.
fn left_at(recent: &VecDeque<Stamped>) -> Option<Timestamp> {
    let is_start = |record: &Stamped| matches!(record.fact, Fact::SessionResumed { .. });
    let start = recent.iter().rposition(is_start)?;
    let before = recent.get(start.checked_sub(1)?)?;
    Some(before.at.wall)
}

/// An earlier server has said it. A text names rota, people and time of day, so that only a day makes it another one.
fn is_said(recent: &VecDeque<Stamped>, text: &str, now: Timestamp) -> bool {
    let newest = recent.iter().rev();
    let mut lately = newest.take_while(|record| now.since(record.at.wall) < SAID_FOR);
    lately.any(|record| matches!(&record.fact, Fact::NoteAdded { text: said, .. } if said == text))
}

fn written(ended: Ended) -> Input {
    let Ended { no, outcome } = ended;
    Input::Written { no, outcome }
}

/// What each connector can write, for decisions.
pub(crate) fn abilities(connectors: &[Built]) -> BTreeMap<ConnectorName, Vec<Ability>> {
    connectors
        .iter()
        .map(|built| {
            let can = if built.writer.is_some() {
                built.can.clone()
            } else {
                Vec::new()
            };
            (built.name.clone(), can)
        })
        .collect()
}

/// `NAME: what has to be said`, for each connector that has to say something.
pub(crate) fn notices(connectors: &[Built]) -> Vec<String> {
    connectors
        .iter()
        .filter_map(|built| {
            let notice = built.notice.as_ref()?;
            Some(format!("{} `{}`: {notice}", built.system, built.name))
        })
        .collect()
}

/// A desk for the session, with what it needs to be asked.
pub(crate) struct Counter {
    pub(crate) desk: Desk,
    pub(crate) couriers: Vec<crate::connect::deliver::Courier>,
    pub(crate) abilities: BTreeMap<ConnectorName, Vec<Ability>>,
    pub(crate) notices: Vec<String>,
}

impl Counter {
    /// Takes the writers out of the connectors.
    pub(crate) fn open(connectors: &mut [Built]) -> Self {
        let (abilities, notices) = (abilities(connectors), notices(connectors));
        let (desk, couriers) = Desk::open(connectors);
        Self {
            desk,
            couriers,
            abilities,
            notices,
        }
    }
}
