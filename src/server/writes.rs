//! Writes of the session: from a durable fact to a courier, and back.

use super::session::{Session, Turn};
use crate::connect::deliver::{Desk, Ended, Job, Parcel};
use crate::connect::registry::Built;
use crate::domain::id::ConnectorName;
use crate::domain::write::{Ability, WriteNo, WriteState};
use crate::engine::Input;
use std::collections::BTreeMap;

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
        Parcel {
            no: write.write.no,
            marker: write.write.marker(&self.engine.state().genesis.session),
            deed: write.write.deed.clone(),
            by: write.by.clone(),
            asked: write.asked,
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

    /// Says what connectors have to say at the start; once, where everybody reads it.
    pub(crate) async fn say_notices(&mut self) {
        let mut turn = Turn::default();
        for text in std::mem::take(&mut self.notices) {
            self.take_news(Input::Notice { text }, &mut turn);
        }
        self.finish(turn).await;
    }
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
