//! What `warroom doctor` asks a Nagios.

use super::client::{Client, FORBIDDEN, STATUS_AGE_MAX};
use super::config::NagiosConfig;
use super::form::Verdict;
use super::pipe;
use super::request::{Command, Scope};
use super::response::NagiosError;
use crate::connect::connector::{Check, Health, Probe};
use crate::domain::time::{Moment, Timestamp};
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// Asks for version, age of the status, what the user sees, and whether downtimes may be made.
#[derive(Debug)]
pub(super) struct NagiosProbe {
    client: Client,
    host_group: Option<String>,
    command_file: Option<PathBuf>,
    writes: bool,
}

impl NagiosProbe {
    pub(super) fn new(client: Client, config: &NagiosConfig) -> Self {
        Self {
            client,
            host_group: config.host_group.clone(),
            command_file: config.command_file.clone(),
            writes: config.writes,
        }
    }

    async fn ask(&self, now: Moment) -> Vec<Check> {
        let mut checks = vec![timed(self.version()).await];
        if checks.iter().all(|check| check.health == Health::Bad) {
            return checks;
        }
        let names = self.client.host_names().await;
        let host = names.as_ref().ok().and_then(|names| names.first()).cloned();
        checks.push(timed(self.found(names)).await);
        if self.writes {
            checks.push(match &self.command_file {
                Some(path) => may_write(path),
                None => timed(self.may_command(host, now.wall)).await,
            });
        }
        checks
    }

    async fn version(&self) -> Check {
        let program = match self.client.program().await {
            Ok(program) => program,
            Err(error) => return failed("version", &error),
        };
        let age = program.asked.since(program.written);
        let said = format!("{}, status {} s old", program.data.version, age.as_secs());
        if age > STATUS_AGE_MAX {
            return Check::new("version", Health::Bad, said)
                .hint(NagiosError::Old(age.as_secs()).to_string());
        }
        if !program.data.enable_notifications {
            return Check::new("version", Health::Warn, said)
                .hint("notifications are switched off: Nagios tells nobody of anything");
        }
        Check::new("version", Health::Good, said)
    }

    async fn found(&self, names: Result<Vec<String>, NagiosError>) -> Check {
        let names = match names {
            Ok(names) => names,
            Err(error) => return failed("found", &error),
        };
        if names.is_empty() {
            return Check::new("found", Health::Bad, "no host").hint(
                "the user needs `authorized_for_all_hosts` and `authorized_for_all_services` in `cgi.cfg`, or must be a contact",
            );
        }
        match self.client.troubles(self.host_group.as_deref()).await {
            Ok((alerts, downtimes)) => Check::new(
                "found",
                Health::Good,
                format!(
                    "{} hosts, {} alerts, {} downtimes",
                    names.len(),
                    alerts.len(),
                    downtimes.len()
                ),
            ),
            Err(error) => failed("found", &error),
        }
    }

    /// A command that lacks what it needs is refused for that by a user who may, and for who they are by one who may
    /// not.
    async fn may_command(&self, host: Option<String>, now: Timestamp) -> Check {
        const WHAT: &str = "permission to schedule downtimes";
        let Some(host) = host else {
            return Check::new(WHAT, Health::Unknown, "no host to ask for");
        };
        let command = Command::Schedule {
            host,
            scope: Scope::Host,
            from: now,
            until: now,
            author: String::new(),
            comment: String::new(),
        };
        match self.client.rehearse(&command, now).await {
            Ok(Verdict::Refused(what)) if what.contains("Comment") => {
                Check::new(WHAT, Health::Good, "`cmd.cgi` takes commands of this user")
            }
            Ok(Verdict::Forbidden) => Check::new(WHAT, Health::Bad, "refused").hint(FORBIDDEN),
            Ok(Verdict::Refused(what)) => Check::new(WHAT, Health::Bad, what)
                .hint("`cmd.cgi` must be able to write to the command file of Nagios"),
            Ok(Verdict::Odd | Verdict::Submitted) => {
                Check::new(WHAT, Health::Unknown, "`cmd.cgi` answers in an unknown way")
            }
            Err(error) => Check::new(WHAT, Health::Bad, error.what),
        }
    }
}

/// Opening is what writing needs; nothing is written.
fn may_write(path: &Path) -> Check {
    match pipe::open(path) {
        Ok(_) => Check::new("command file", Health::Good, "a pipe that Nagios reads"),
        Err(error) => Check::new("command file", Health::Bad, error.what),
    }
}

fn failed(what: &str, error: &NagiosError) -> Check {
    let hint = match error {
        NagiosError::Http(error) => error.hint().unwrap_or_default(),
        _ => "",
    };
    Check::new(what, Health::Bad, error.to_string()).hint(hint)
}

async fn timed(check: impl Future<Output = Check>) -> Check {
    let started = Instant::now();
    let mut check = check.await;
    check.took = started.elapsed();
    check
}

impl Probe for NagiosProbe {
    fn check(&mut self, now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask(now))
    }
}
