//! What a session knows before anybody has looked.

use super::policy::Policy;
use super::standing;
use crate::connect::connector::Connector;
use crate::domain::alert_match::AlertView;
use crate::domain::board::Board;
use crate::domain::fact::Genesis;
use crate::domain::freeze;
use crate::domain::id::{ConnectorName, PersonId};
use crate::domain::silences::{Outlook, has_any};
use crate::domain::time::Moment;
use crate::domain::time::trust::ClockSeen;
use crate::domain::touched;
use crate::domain::world::{Look, World};
use crate::domain::write::Ability;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nothing has been read; it is known what will tell of components when it answers.
pub(super) fn board(connectors: &[Arc<dyn Connector>]) -> Board {
    let all = connectors.iter().filter(|one| one.is_catalog());
    Board {
        catalogs: all.map(|one| one.name().clone()).collect(),
        ..Board::default()
    }
}

/// What is known before the first look.
pub(super) fn world(
    genesis: &Genesis,
    policy: &Policy,
    (owner, now): (Option<&PersonId>, Moment),
    writers: BTreeMap<ConnectorName, Vec<Ability>>,
) -> World {
    let mut world = World {
        policy: Some(policy.digest),
        unread: String::new(),
        runbook: Some(genesis.runbook.digest),
        look: Look::NotLooked,
        roster: policy.roster(),
        rules: Arc::default(),
        owner: None,
        keys: BTreeMap::new(),
        touched: touched::names(&genesis.plan, &BTreeMap::new()),
        unmatched: touched::unmatched(&genesis.plan, &BTreeMap::new()),
        known: BTreeSet::new(),
        groups: BTreeMap::new(),
        freezes: freeze::standing(genesis, &Board::default()),
        clock: ClockSeen::since(now),
        // Nobody has looked yet; a look comes before everything it matters for.
        scope: Err("nobody has looked yet".to_owned()),
        floors: BTreeMap::new(),
        effects: Vec::new(),
        alerts: AlertView::default(),
        writers,
        amendment: None,
        outlook: Box::new(Outlook::at(now.wall, has_any(&genesis.plan))),
    };
    standing::apply(&mut world, policy, owner, now.wall);
    world
}
