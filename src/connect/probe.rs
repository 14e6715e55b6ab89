//! The probe of a connector that has no questions of its own: one poll, and what it brought.

use crate::connect::connector::{Check, Health, Probe};
use crate::connect::poll::{PollError, Source};
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Polls once.
pub struct PollProbe {
    source: Option<Box<dyn Source>>,
}

impl PollProbe {
    /// Takes what would be polled.
    pub fn new(source: Option<Box<dyn Source>>) -> Self {
        Self { source }
    }
}

impl Probe for PollProbe {
    fn check(&mut self, now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            let Some(source) = &mut self.source else {
                return Vec::new();
            };
            let started = Instant::now();
            let outcome = source.poll(now).await;
            let mut check = match outcome {
                Ok(readings) => match source.trouble() {
                    None => Check::new("found", Health::Good, found(&readings)),
                    Some(trouble) => Check::new("found", Health::Warn, trouble),
                },
                Err(PollError { what, .. }) => Check::new("first poll", Health::Bad, what),
            };
            check.took = started.elapsed();
            vec![check]
        })
    }
}

/// What readings hold, in words: `3 components, 2 on call`.
pub fn found(readings: &[Reading]) -> String {
    let parts: Vec<String> = readings.iter().filter_map(part).collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

fn part(reading: &Reading) -> Option<String> {
    let (count, one, many) = match reading {
        Reading::Queries { answers, .. } => (answers.len(), "answer", "answers"),
        Reading::Alerts { alerts, .. } => (alerts.len(), "alert", "alerts"),
        Reading::Components { components, .. } => (components.len(), "component", "components"),
        Reading::OnCalls { on_calls, .. } => (on_calls.len(), "on call", "on call"),
        Reading::Incidents { incidents, .. } => (incidents.len(), "incident", "incidents"),
        Reading::Silences { silences, .. } => (silences.len(), "silence", "silences"),
        Reading::Targets { targets, .. } => (targets.len(), "target", "targets"),
        Reading::AlertRules { known, .. } => (known.rules.len(), "alerting rule", "alerting rules"),
        Reading::Info { info, .. } => return Some(format!("version {}", info.version)),
        Reading::Ranges { .. } | Reading::Health(_) => return None,
    };
    Some(format!("{count} {}", if count == 1 { one } else { many }))
}
