//! What the steps of a runbook do to the cluster, what it refuses, and how far it has got.

use super::{Db, RESTART_S, Role, SWITCHOVER_S, Service, Sim, Switchover, UPGRADE_S, Work};
use crate::lab::catalog::{COMPONENTS, DATABASES};
use std::fmt;

/// Lag beyond which a replica may not become the primary: what it lacks would be lost.
const SWITCHOVER_LAG_BYTES_MAX: f64 = 16_000_000.0;
/// Lag at which a returning node counts as caught up, seconds.
const CAUGHT_UP_S: f64 = 1.0;
/// Version before the upgrade.
const OLD: u8 = 15;
/// Version after the upgrade.
const NEW: u8 = 16;
/// Processes of a service, for the lines that say how far a change has got.
const PROCESSES: f64 = 8.0;

/// Something a step asks of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Take a database node out of the load balancer.
    Drain,
    /// Put it back.
    Undrain,
    /// Upgrade a drained node to the new version.
    Upgrade,
    /// Take a drained node back to the old version.
    Downgrade,
    /// Make a replica the primary.
    Switchover,
    /// Restart a component.
    Restart,
    /// A bad change: latency and errors climb until it is healed.
    Break,
    /// Take the bad change back; on every component when none is named.
    Heal,
    /// Say how a component is, or all of them.
    Status,
}

impl Action {
    /// All of them with their words.
    pub const ALL: [(&'static str, Self); 9] = [
        ("drain", Self::Drain),
        ("undrain", Self::Undrain),
        ("upgrade", Self::Upgrade),
        ("downgrade", Self::Downgrade),
        ("switchover", Self::Switchover),
        ("restart", Self::Restart),
        ("break", Self::Break),
        ("heal", Self::Heal),
        ("status", Self::Status),
    ];

    /// The word of the command line and of the control API.
    pub fn as_str(self) -> &'static str {
        let row = Self::ALL.iter().find(|(_, action)| *action == self);
        row.map_or("", |(word, _)| word)
    }

    /// The action with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        let row = Self::ALL.iter().find(|(known, _)| *known == word);
        row.map(|(_, action)| *action)
    }

    const fn needs_node(self) -> bool {
        !matches!(self, Self::Heal | Self::Status)
    }

    const fn needs_database(self) -> bool {
        matches!(
            self,
            Self::Drain | Self::Undrain | Self::Upgrade | Self::Downgrade | Self::Switchover
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the cluster does not do it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(in crate::lab) enum Refusal {
    #[error("`{0}` needs the name of a component")]
    NoNode(Action),
    #[error("there is no component `{0}`")]
    UnknownNode(String),
    #[error("cannot {action} `{node}`: it is not a database node")]
    NotADatabase { action: Action, node: &'static str },
    #[error("cannot {action} `{node}`: it is the primary")]
    Primary { action: Action, node: &'static str },
    #[error("cannot {action} `{node}`: it is down, an upgrade or a restart is under way")]
    Down { action: Action, node: &'static str },
    #[error("cannot {action} `{node}`: a switchover to `{to}` is under way")]
    SwitchingOver {
        action: Action,
        node: &'static str,
        to: &'static str,
    },
    #[error("cannot {action} `{node}`: it still has {connections} connections")]
    InUse {
        action: Action,
        node: &'static str,
        connections: f64,
    },
    #[error("cannot drain `{0}`: no other node takes traffic")]
    LastServing(&'static str),
    #[error("cannot switch over to `{node}`: replica lags {megabytes:.0} MB")]
    Lagging { node: &'static str, megabytes: f64 },
    #[error("cannot switch over to `{0}`: it is drained")]
    Drained(&'static str),
}

impl Refusal {
    /// What a person can do about it.
    pub(in crate::lab) fn hint(&self) -> String {
        match self {
            Self::NoNode(_) | Self::UnknownNode(_) => {
                let names: Vec<&str> = COMPONENTS.iter().map(|entry| entry.name).collect();
                format!("components are {}", names.join(", "))
            }
            Self::NotADatabase { .. } => format!("database nodes are {}", DATABASES.join(", ")),
            Self::Primary { .. } => "switch over to a replica first".to_owned(),
            Self::Down { .. } | Self::SwitchingOver { .. } => "wait until it is done".to_owned(),
            Self::InUse { node, .. } => format!("drain `{node}` first"),
            Self::LastServing(_) => "undrain another node first".to_owned(),
            Self::Lagging { .. } => format!(
                "wait until it lags less than {:.0} MB",
                SWITCHOVER_LAG_BYTES_MAX / 1e6
            ),
            Self::Drained(node) => format!("undrain `{node}` first"),
        }
    }
}

/// How far an action has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) enum Progress {
    /// Under way, in words.
    Going(String),
    /// Done, in words.
    Done(String),
    /// Somebody has undone it meanwhile.
    Stopped(String),
}

impl Sim {
    /// Starts an action. What is as wished already is not refused, so that a way back can be run twice.
    ///
    /// # Errors
    /// [`Refusal`], with nothing changed.
    pub(in crate::lab) fn act(
        &mut self,
        action: Action,
        node: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(node) = self.target(action, node)? else {
            if action == Action::Heal {
                for entry in COMPONENTS {
                    self.set_broken(entry.name, false);
                }
            }
            return Ok(());
        };
        match action {
            Action::Status => {}
            Action::Break => self.set_broken(node, true),
            Action::Heal => self.set_broken(node, false),
            Action::Restart => self.restart(node)?,
            Action::Drain => self.drain(node)?,
            Action::Undrain => {
                if let Some(db) = self.db_mut(node) {
                    db.drained = false;
                }
            }
            Action::Upgrade => self.change_version(action, node, NEW)?,
            Action::Downgrade => self.change_version(action, node, OLD)?,
            Action::Switchover => self.switch_over(node)?,
        }
        Ok(())
    }

    /// The name of the component as the catalogue has it; `None` for all of them.
    fn target(&self, action: Action, node: Option<&str>) -> Result<Option<&'static str>, Refusal> {
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            return if action.needs_node() {
                Err(Refusal::NoNode(action))
            } else {
                Ok(None)
            };
        };
        let entry = COMPONENTS.iter().find(|entry| entry.name == node);
        let entry = entry.ok_or_else(|| Refusal::UnknownNode(node.to_owned()))?;
        if action.needs_database() && self.db(entry.name).is_none() {
            let node = entry.name;
            return Err(Refusal::NotADatabase { action, node });
        }
        Ok(Some(entry.name))
    }

    fn set_broken(&mut self, node: &str, broken: bool) {
        if let Some(db) = self.db_mut(node) {
            db.broken = broken;
        } else if let Some(service) = self.service_mut(node) {
            service.broken = broken;
        }
    }

    fn restart(&mut self, node: &'static str) -> Result<(), Refusal> {
        let until_s = self.elapsed_s + RESTART_S;
        self.refuse_busy(Action::Restart, node)?;
        if let Some(db) = self.db_mut(node) {
            db.work = Some(Work {
                version: db.version,
                until_s,
            });
        } else if let Some(service) = self.service_mut(node) {
            service.restart_until_s = Some(until_s);
        }
        Ok(())
    }

    fn refuse_busy(&self, action: Action, node: &'static str) -> Result<(), Refusal> {
        let is_down = self.db(node).is_some_and(|db| !db.is_up())
            || self.service(node).is_some_and(|service| !service.is_up());
        if is_down {
            return Err(Refusal::Down { action, node });
        }
        match self.switchover {
            Some(Switchover { to, .. }) if self.db(node).is_some() => {
                Err(Refusal::SwitchingOver { action, node, to })
            }
            _ => Ok(()),
        }
    }

    fn drain(&mut self, node: &'static str) -> Result<(), Refusal> {
        let action = Action::Drain;
        self.refuse_busy(action, node)?;
        let others = self.dbs.iter().filter(|db| db.name != node);
        let is_last = !others.into_iter().any(|db| db.is_up() && !db.drained);
        let Some(db) = self.db_mut(node) else {
            return Ok(());
        };
        if db.role == Role::Primary {
            return Err(Refusal::Primary { action, node });
        }
        if is_last {
            return Err(Refusal::LastServing(node));
        }
        db.drained = true;
        Ok(())
    }

    fn change_version(
        &mut self,
        action: Action,
        node: &'static str,
        version: u8,
    ) -> Result<(), Refusal> {
        let until_s = self.elapsed_s + UPGRADE_S;
        if self
            .db(node)
            .is_some_and(|db| db.is_up() && db.version == version)
        {
            return Ok(());
        }
        self.refuse_busy(action, node)?;
        let Some(db) = self.db_mut(node) else {
            return Ok(());
        };
        if db.role == Role::Primary {
            return Err(Refusal::Primary { action, node });
        }
        if !db.drained || db.connections > 0.0 {
            let connections = db.connections;
            return Err(Refusal::InUse {
                action,
                node,
                connections,
            });
        }
        db.work = Some(Work { version, until_s });
        Ok(())
    }

    fn switch_over(&mut self, node: &'static str) -> Result<(), Refusal> {
        let until_s = self.elapsed_s + SWITCHOVER_S;
        self.refuse_busy(Action::Switchover, node)?;
        let Some(db) = self.db(node) else {
            return Ok(());
        };
        if db.role == Role::Primary {
            return Ok(());
        }
        if db.drained {
            return Err(Refusal::Drained(node));
        }
        if db.lag_bytes() > SWITCHOVER_LAG_BYTES_MAX {
            let megabytes = db.lag_bytes() / 1e6;
            return Err(Refusal::Lagging { node, megabytes });
        }
        self.switchover = Some(Switchover { to: node, until_s });
        Ok(())
    }

    /// How far an action has got that was started with the same arguments.
    pub(in crate::lab) fn progress(&self, action: Action, node: Option<&str>) -> Progress {
        let node = node.unwrap_or_default();
        if action == Action::Status {
            return Progress::Done(self.status(node));
        }
        if let Some(db) = self.db(node) {
            return self.db_progress(action, db);
        }
        match self.service(node) {
            Some(service) => service_progress(action, service),
            None => self.heal_progress(),
        }
    }

    fn db_progress(&self, action: Action, db: &Db) -> Progress {
        match action {
            Action::Drain => drain_progress(db),
            Action::Undrain => undrain_progress(db),
            Action::Upgrade => self.version_progress(db, NEW),
            Action::Downgrade => self.version_progress(db, OLD),
            Action::Switchover => self.switchover_progress(db),
            Action::Restart if !db.is_up() => Progress::Going(format!("restarting {}", db.name)),
            Action::Restart => Progress::Done(format!(
                "{} is up again, replica lags {:.0} MB",
                db.name,
                db.lag_bytes() / 1e6
            )),
            Action::Break | Action::Heal | Action::Status => {
                fault_progress(action, db.name, db.fault, db.broken)
            }
        }
    }

    fn version_progress(&self, db: &Db, version: u8) -> Progress {
        let name = db.name;
        if let Some(work) = db.work {
            let part = (1.0 - (work.until_s - self.elapsed_s) / UPGRADE_S).clamp(0.0, 1.0);
            let doing = match part {
                part if part < 0.15 => "stopping the server",
                part if part < 0.7 => "converting the catalogue",
                _ => "starting the server",
            };
            let percent = part * 100.0;
            let line = format!("{name} to version {version}: {doing} ({percent:.0} %)");
            return Progress::Going(line);
        }
        if db.version == version {
            let megabytes = db.lag_bytes() / 1e6;
            let line = format!("{name} runs version {version}, lags {megabytes:.0} MB");
            Progress::Done(line)
        } else {
            Progress::Stopped(format!("{name} still runs version {}", db.version))
        }
    }

    fn switchover_progress(&self, db: &Db) -> Progress {
        let name = db.name;
        match self.switchover {
            Some(switch) if switch.to == name => {
                let left = switch.until_s - self.elapsed_s;
                let doing = if left > SWITCHOVER_S * 0.6 {
                    "writes paused"
                } else if left > SWITCHOVER_S * 0.3 {
                    "replaying the last writes"
                } else {
                    "promoting"
                };
                Progress::Going(format!("switching over to {name}: {doing}"))
            }
            _ if db.role == Role::Primary => Progress::Done(format!("{name} is the primary")),
            _ => Progress::Stopped(format!("{name} is not the primary")),
        }
    }

    fn heal_progress(&self) -> Progress {
        let services = [&self.lb, &self.api, &self.worker];
        let worst = services.iter().map(|service| (service.name, service.fault));
        let worst = worst.chain(self.dbs.iter().map(|db| (db.name, db.fault)));
        match worst.into_iter().find(|(_, fault)| *fault > 0.0) {
            Some((name, _)) => Progress::Going(format!("healing {name}")),
            None => Progress::Done("all components are healthy".to_owned()),
        }
    }

    /// One line for the component, or for each of them: `name key=value ...`, fit for `grep`.
    fn status(&self, node: &str) -> String {
        let entries = COMPONENTS.iter().map(|entry| entry.name);
        let wanted = entries.filter(|name| node.is_empty() || *name == node);
        let lines: Vec<String> = wanted.map(|name| self.status_line(name)).collect();
        lines.join("\n")
    }

    fn status_line(&self, name: &str) -> String {
        if let Some(db) = self.db(name) {
            return format!(
                "{name} role={} version={} state={} connections={} lag_seconds={:.1}",
                db.role.as_str(),
                db.version,
                db_state(db),
                db.connections,
                db.lag_s
            );
        }
        let traffic = self.traffic;
        let state = self.service(name).map_or("unknown", service_state);
        match name {
            crate::lab::catalog::API => format!(
                "{name} state={state} requests_per_second={:.0} error_ratio={:.4} p99_seconds={:.3}",
                traffic.requests, traffic.error_ratio, traffic.p99_s
            ),
            crate::lab::catalog::WORKER => {
                format!("{name} state={state} queue={:.0}", traffic.queue)
            }
            _ => format!("{name} state={state} serving={}", self.serving()),
        }
    }
}

/// One word for the state of a node.
pub(in crate::lab) fn db_state(db: &Db) -> &'static str {
    match db {
        db if !db.is_up() => "down",
        db if db.broken => "faulty",
        db if db.drained && db.connections > 0.0 => "draining",
        db if db.drained => "drained",
        _ => "serving",
    }
}

/// One word for the state of a service.
pub(in crate::lab) fn service_state(service: &Service) -> &'static str {
    match service {
        service if !service.is_up() => "down",
        service if service.broken => "faulty",
        _ => "serving",
    }
}

fn drain_progress(db: &Db) -> Progress {
    let (name, left) = (db.name, db.connections);
    if !db.drained {
        Progress::Stopped(format!("{name} was put back meanwhile"))
    } else if left > 0.0 {
        Progress::Going(format!("draining {name}: {left} connections left"))
    } else {
        Progress::Done(format!("{name} is drained: 0 connections"))
    }
}

fn undrain_progress(db: &Db) -> Progress {
    let (name, connections) = (db.name, db.connections);
    if db.drained {
        Progress::Stopped(format!("{name} was drained again meanwhile"))
    } else if !db.is_up() || db.weight < 1.0 {
        Progress::Going(format!("{name} is coming back: {connections} connections"))
    } else if db.lag_s >= CAUGHT_UP_S {
        let megabytes = db.lag_bytes() / 1e6;
        Progress::Going(format!("{name} is catching up: {megabytes:.0} MB to go"))
    } else {
        Progress::Done(format!("{name} takes traffic: {connections} connections"))
    }
}

fn service_progress(action: Action, service: &Service) -> Progress {
    let name = service.name;
    match action {
        Action::Restart if !service.is_up() => Progress::Going(format!("restarting {name}")),
        Action::Restart => Progress::Done(format!("{name} is up again")),
        _ => fault_progress(action, name, service.fault, service.broken),
    }
}

fn fault_progress(action: Action, name: &str, fault: f64, broken: bool) -> Progress {
    let changed = fault * PROCESSES;
    match action {
        Action::Break if !broken => Progress::Stopped(format!("{name} has its old settings again")),
        Action::Break if fault < 1.0 => Progress::Going(format!(
            "{name}: new settings in {changed:.0} of {PROCESSES} processes"
        )),
        Action::Break => Progress::Done(format!("{name}: new settings in all processes")),
        _ if broken => Progress::Stopped(format!("{name} was changed again meanwhile")),
        _ if fault > 0.0 => Progress::Going(format!(
            "{name}: old settings in {:.0} of {PROCESSES} processes",
            PROCESSES - changed
        )),
        _ => Progress::Done(format!("{name} has its old settings")),
    }
}
