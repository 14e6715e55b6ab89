//! What `warroom doctor` asks a Grafana.

use super::config::GrafanaConfig;
use super::{request, response};
use crate::connect::alertmanager::Member;
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Http, HttpError, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// What is done, and the actions any of which allows it: since Grafana 11.1 silences have actions of their own.
/// Source: Grafana, "Grafana RBAC permission actions and scopes".
const READS: [(&str, &[&str]); 2] = [
    ("read alerts", &["alert.instances:read"]),
    (
        "read silences",
        &["alert.silences:read", "alert.instances:read"],
    ),
];
const WRITES: [(&str, &[&str]); 4] = [
    (
        "create silences",
        &["alert.silences:create", "alert.instances:create"],
    ),
    (
        "end silences",
        &["alert.silences:write", "alert.instances:write"],
    ),
    ("create annotations", &["annotations:create"]),
    ("read annotations", &["annotations:read"]),
];

/// Asks for the version, what the token may do, and what there is.
#[derive(Debug)]
pub(super) struct GrafanaProbe {
    http: Http,
    member: Member,
    filter: Vec<String>,
    writes: bool,
}

impl GrafanaProbe {
    /// Opens no connection.
    pub(super) fn new(config: &GrafanaConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(&config.http)?,
            member: config.member()?,
            filter: config.filter.clone(),
            writes: config.writes,
        })
    }

    async fn ask(&self) -> Vec<Check> {
        let mut checks = vec![timed(self.version()).await];
        checks.extend(self.permissions().await);
        checks.push(timed(self.found()).await);
        checks
    }

    async fn version(&self) -> Check {
        let answer = self.http.call(&request::health()).await;
        match answer.and_then(|answer| response::health(&answer.body)) {
            Ok(version) if version.is_empty() => {
                Check::new("version", Health::Unknown, "Grafana does not tell it")
            }
            Ok(version) => Check::new("version", Health::Good, version),
            Err(error) => failed("version", &error),
        }
    }

    async fn permissions(&self) -> Vec<Check> {
        let answer = self.http.call(&request::permissions()).await;
        let actions = match answer.and_then(|answer| response::permissions(&answer.body)) {
            Ok(actions) => actions,
            Err(HttpError::Status { code: 404, .. }) => {
                let said = "this Grafana does not tell what a token may do";
                return vec![Check::new("permissions", Health::Unknown, said)];
            }
            Err(error) => return vec![failed("credentials", &error)],
        };
        let writes = WRITES.iter().filter(|_| self.writes);
        let needed = READS.iter().chain(writes);
        needed
            .map(|(what, any_of)| {
                let what = format!("permission to {what}");
                match any_of
                    .iter()
                    .find(|action| actions.iter().any(|a| a == **action))
                {
                    Some(action) => Check::new(what, Health::Good, *action),
                    None => Check::new(what, Health::Bad, "not granted").hint(format!(
                        "give the service account a role with `{}`",
                        any_of.join("` or `")
                    )),
                }
            })
            .collect()
    }

    async fn found(&self) -> Check {
        let counted = async {
            let alerts = self.member.alerts(&self.filter).await?.len();
            let silences = self.member.silences().await?;
            let live = silences.iter().filter(|silence| silence.is_live()).count();
            Ok::<_, HttpError>(format!("{alerts} alerts, {live} silences"))
        };
        match counted.await {
            Ok(said) => Check::new("found", Health::Good, said),
            Err(error) => failed("found", &error),
        }
    }
}

fn failed(what: &str, error: &HttpError) -> Check {
    Check::new(what, Health::Bad, error.to_string()).hint(error.hint().unwrap_or_default())
}

async fn timed(check: impl Future<Output = Check>) -> Check {
    let started = Instant::now();
    let mut check = check.await;
    check.took = started.elapsed();
    check
}

impl Probe for GrafanaProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask())
    }
}
