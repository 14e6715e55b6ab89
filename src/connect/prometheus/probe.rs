//! Proves that each question which the settings ask is answered.

use super::config::PrometheusConfig;
use super::response::{parse_alerts, parse_build, parse_rules, parse_targets, parse_vector};
use super::wire::{Failure, Wire};
use super::{Rules, request};
use crate::clock::Clock;
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{HttpError, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::time::Instant;

/// Asks each question once, one after another.
pub(super) struct PrometheusProbe {
    config: PrometheusConfig,
    wire: Wire,
    clock: Arc<dyn Clock>,
}

/// One question: what it is, and what it found in words, or why not.
type Answered = (&'static str, Result<(Health, String), Failure>);

impl PrometheusProbe {
    pub(super) fn new(
        config: PrometheusConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            wire: Wire::new(&config)?,
            config,
            clock,
        })
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.wire.timeout()
    }

    async fn version(&self) -> Answered {
        let found = self
            .wire
            .fetch(request::build_info(), self.deadline(), parse_build)
            .await;
        (
            "version",
            found.map(|(build, _)| (Health::Good, build.text())),
        )
    }

    async fn queries(&self) -> Answered {
        let request = request::instant("count(up)", self.wire.timeout());
        let found = self
            .wire
            .fetch(request, self.deadline(), |body| parse_vector(body, 1))
            .await;
        let said = found.map(
            |(vector, _)| match (vector.partial, vector.series.first()) {
                (Some(partial), _) => (Health::Warn, format!("partial answers: {partial}")),
                (None, Some(up)) => (Health::Good, format!("{} series of `up`", up.sample.value)),
                (None, None) => (Health::Warn, "answered; no series of `up`".to_owned()),
            },
        );
        ("queries", said)
    }

    async fn alerts(&self) -> Answered {
        let found = self
            .wire
            .fetch(request::alerts(), self.deadline(), parse_alerts)
            .await;
        let said = found.map(|(found, _)| {
            let count = found.alerts.len().saturating_add(found.dropped);
            (Health::Good, counted(count, "alert"))
        });
        ("alerts", said)
    }

    async fn rules(&self) -> Answered {
        let found = self
            .wire
            .fetch(request::rules(), self.deadline(), parse_rules)
            .await;
        ("rules", found.map(|(rules, _)| rules_said(&rules)))
    }

    async fn targets(&self) -> Answered {
        let found = self
            .wire
            .fetch(request::targets(), self.deadline(), parse_targets)
            .await;
        let said = found.map(|(found, _)| {
            let count = found.targets.len().saturating_add(found.dropped);
            let down = found.targets.iter().filter(|t| t.is_up == Some(false));
            let said = format!("{}, {} down", counted(count, "target"), down.count());
            (Health::Good, said)
        });
        ("targets", said)
    }

    async fn check_all(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut add = |check: Check| checks.push(check);
        add(self.timed(self.version()).await);
        add(self.timed(self.queries()).await);
        if self.config.alerts {
            add(self.timed(self.alerts()).await);
        }
        if self.config.rules {
            add(self.timed(self.rules()).await);
        }
        if self.config.targets {
            add(self.timed(self.targets()).await);
        }
        checks
    }

    async fn timed(&self, question: impl Future<Output = Answered>) -> Check {
        let from = self.clock.now();
        let (what, answered) = question.await;
        let took = self.clock.now().mono_since(from);
        let mut check = match answered {
            Ok((health, said)) => Check::new(what, health, said),
            Err(failure) => failed(what, &failure),
        };
        check.took = std::time::Duration::from_millis(took);
        check
    }
}

fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn rules_said(rules: &Rules) -> (Health, String) {
    if let Some(trouble) = rules.trouble() {
        return (Health::Warn, trouble);
    }
    let said = format!("{} alerting, {} recording", rules.alerting, rules.recording);
    (Health::Good, said)
}

fn failed(what: &str, failure: &Failure) -> Check {
    let is_optional = matches!(what, "alerts" | "rules" | "targets");
    if let Some(code) = failure.absence().filter(|_| is_optional) {
        return Check::new(what, Health::Warn, format!("HTTP {code}"))
            .hint(format!("where there are none, set `{what}` to false"));
    }
    match failure {
        Failure::Transport { error, words: None } => {
            let hint = match error {
                HttpError::Status { code: 401, .. } => "check `auth` and `tenant`",
                other => other.hint().unwrap_or_default(),
            };
            Check::new(what, Health::Bad, error.to_string()).hint(hint)
        }
        other => Check::new(what, Health::Bad, other.to_string()),
    }
}

impl Probe for PrometheusProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.check_all())
    }
}
