//! What `warroom doctor` asks each member of a cluster.

use super::config::AlertmanagerConfig;
use super::member::{Member, PREFIX};
use super::response::Status;
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{HttpError, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Asks every member for its status, and one for what there is.
#[derive(Debug)]
pub(super) struct AlertmanagerProbe {
    members: Vec<Member>,
    filter: Vec<String>,
    writes: bool,
}

impl AlertmanagerProbe {
    /// Opens no connection.
    pub(super) fn new(config: &AlertmanagerConfig) -> Result<Self, HttpSetupError> {
        let members = config.members.iter();
        let members = members.map(|member| Member::new(member, PREFIX));
        Ok(Self {
            members: members.collect::<Result<_, _>>()?,
            filter: config.filter.clone(),
            writes: config.writes,
        })
    }

    async fn ask(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut first = None;
        for member in &self.members {
            let started = Instant::now();
            let answer = member.status().await;
            let mut check = match answer {
                Ok(status) => {
                    first = first.or(Some(member));
                    self.member(member, &status)
                }
                Err(error) => failed(&format!("member {}", member.host()), &error),
            };
            check.took = started.elapsed();
            checks.push(check);
        }
        if let Some(member) = first {
            checks.push(self.found(member).await);
        }
        if self.writes {
            let said = "Alertmanager has no permissions of its own; a proxy before it may refuse";
            checks.push(Check::new(
                "permission to create silences",
                Health::Unknown,
                said,
            ));
        }
        checks
    }

    fn member(&self, member: &Member, status: &Status) -> Check {
        let what = format!("member {}", member.host());
        let said = format!(
            "version {}, cluster {}, {} known",
            status.version, status.cluster, status.peers
        );
        if self.members.len() > 1 && status.cluster == "disabled" {
            return Check::new(what, Health::Warn, said).hint(
                "this member has no gossip: a silence made on one is not known to the others",
            );
        }
        if self.members.len() > 1 && status.peers < self.members.len() {
            return Check::new(what, Health::Warn, said)
                .hint("it knows fewer members than `urls` names: are they one cluster?");
        }
        Check::new(what, Health::Good, said)
    }

    async fn found(&self, member: &Member) -> Check {
        let started = Instant::now();
        let counted = async {
            let alerts = member.alerts(&self.filter).await?.len();
            let silences = member.silences().await?;
            let live = silences.iter().filter(|silence| silence.is_live()).count();
            let receivers = member.receivers().await?;
            Ok::<_, HttpError>(format!(
                "{alerts} alerts, {live} silences, {receivers} receivers"
            ))
        };
        let mut check = match counted.await {
            Ok(said) => Check::new("found", Health::Good, said),
            Err(error) => failed("found", &error),
        };
        check.took = started.elapsed();
        check
    }
}

fn failed(what: &str, error: &HttpError) -> Check {
    Check::new(what, Health::Bad, error.to_string()).hint(error.hint().unwrap_or_default())
}

impl Probe for AlertmanagerProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask())
    }
}
