//! What lies around a session, for its blast radius: hosts of what it watches with, and the other sessions of the host.

use super::scope::Taken;
use super::session::Session;
use crate::connect::connector::Connector;
use crate::domain::fact::Genesis;
use crate::domain::git::{GitState, host_of};
use crate::domain::radius::{Post, concerning, known_by};
use crate::wire::around::Around;
use crate::wire::message::ToClient;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Names that hosts have without a name server.
const HOSTS_FILE: &str = "/etc/hosts";
/// A file of hosts is a few lines; a list of a whole site made by a tool still fits.
const HOSTS_BYTES_MAX: u64 = 1024 * 1024;
/// Posts told of: more connectors than anybody configures.
const POSTS_MAX: usize = 64;

/// The names of this host's own file of hosts; empty where it cannot be read. Blocks.
pub fn hosts_file() -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(Path::new(HOSTS_FILE)) {
        file.take(HOSTS_BYTES_MAX).read_to_end(&mut bytes).ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a session stands on: its host, what it asks, the host of the runbook's repository. Blocks.
pub fn posts(host: &str, connectors: &[Arc<dyn Connector>], git: Option<&GitState>) -> Vec<Post> {
    let hosts = hosts_file();
    let post = |what: String, typed: Vec<String>| Post {
        what,
        hosts: known_by(&hosts, host, &typed),
    };
    let mut posts = vec![post("the session's host".to_owned(), vec![host.to_owned()])];
    for connector in connectors {
        let servers = connector.servers();
        let typed: Vec<String> = servers.iter().map(|server| host_of(&server.url)).collect();
        if !typed.is_empty() {
            posts.push(post(
                format!("{} {}", connector.system(), connector.name()),
                typed,
            ));
        }
    }
    if let Some(GitState::Known(facts)) = git
        && !facts.remote_host.is_empty()
    {
        let typed = vec![facts.remote_host.clone()];
        posts.push(post("the runbook's Git host".to_owned(), typed));
    }
    posts.truncate(POSTS_MAX);
    posts
}

/// What lies around: as it was heard, and the part of it that everybody was told.
#[derive(Debug)]
pub(crate) struct Nearby {
    /// What everybody was told.
    pub(crate) told: Around,
    /// What the other sessions of the host said at the newest look.
    pub(crate) heard: Taken,
}

impl Nearby {
    /// Before anybody has looked at the other sessions. Blocks.
    pub(crate) fn first(depth: u8, genesis: &Genesis, connectors: &[Arc<dyn Connector>]) -> Self {
        let told = Around {
            depth,
            posts: posts(&genesis.host, connectors, genesis.runbook.git.as_ref()),
            ..Around::default()
        };
        let heard = told.others.clone();
        Self { told, heard }
    }
}

impl Session {
    /// Tells everybody what is around, where that has changed.
    pub(crate) fn tell_around(&mut self) {
        let plan = self.engine.state().plan();
        let (components, depth) = (&self.board.components, self.nearby.told.depth);
        let others = match &self.nearby.heard {
            Ok(claims) => Ok(concerning(plan, components, depth, claims)),
            Err(why) => Err(why.clone()),
        };
        let pinned = self.engine.state().genesis.runbook.digest;
        let is_runbook_changed = self.world.runbook.is_some_and(|now| now != pinned);
        let told = (
            &self.nearby.told.others,
            self.nearby.told.is_runbook_changed,
        );
        if (&others, is_runbook_changed) == told {
            return;
        }
        self.nearby.told.others = others;
        self.nearby.told.is_runbook_changed = is_runbook_changed;
        let message = ToClient::Around(Box::new(self.nearby.told.clone()));
        let terminals: Vec<_> = self
            .registry
            .terminals()
            .map(|(terminal, _)| terminal)
            .collect();
        for terminal in terminals {
            self.registry.send(terminal, &message);
        }
    }
}
