//! Asks every query of a runbook once, of the server it would be asked of.

use super::LOOK_MAX;
use crate::clock::Clock;
use crate::connect::connector::Connector;
use crate::connect::query::{QuerySpec, specs_of};
use crate::domain::id::RuleId;
use crate::domain::reading::{QueryAnswer, Reading};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::timeout;

/// What came of each query: its answer, or one line that says why there is none.
pub type Answers = BTreeMap<RuleId, Result<QueryAnswer, String>>;

/// Asks all of them side by side, each within the time limit of its server. Every query has an entry.
pub async fn ask(
    connectors: &[Arc<dyn Connector>],
    specs: &[QuerySpec],
    clock: &Arc<dyn Clock>,
) -> Answers {
    let mut metrics = connectors.iter().filter(|one| one.is_metrics()).peekable();
    let first = metrics.peek().map(|one| one.name().clone());
    let asked = metrics.map(|connector| {
        let name = connector.name();
        let own = specs_of(specs, name, first.as_ref() == Some(name));
        ask_one(connector, own, clock)
    });
    let mut answers: Answers = join_all(asked).await.into_iter().flatten().collect();
    for spec in specs {
        answers.entry(spec.rule.clone()).or_insert_with(|| {
            Err(spec.source.as_ref().map_or_else(
                || "no metrics connector is configured".to_owned(),
                |name| format!("no metrics connector is called `{name}`"),
            ))
        });
    }
    answers
}

async fn ask_one(
    connector: &Arc<dyn Connector>,
    specs: Vec<QuerySpec>,
    clock: &Arc<dyn Clock>,
) -> Answers {
    if specs.is_empty() {
        return Answers::new();
    }
    let (readings, why) = match connector.source(&specs, clock) {
        Err(error) => (Vec::new(), error.to_string()),
        Ok(None) => (Vec::new(), "it answers no queries".to_owned()),
        Ok(Some(mut source)) => match timeout(LOOK_MAX, source.poll(clock.now())).await {
            Ok(Ok(readings)) => (readings, "it did not answer this query".to_owned()),
            Ok(Err(error)) => (error.readings, error.what),
            Err(_) => (
                Vec::new(),
                format!("no answer within {} s", LOOK_MAX.as_secs()),
            ),
        },
    };
    let told = readings.into_iter().filter_map(|reading| match reading {
        Reading::Queries { answers, .. } => Some(answers),
        _ => None,
    });
    let mut answers: Answers = specs
        .into_iter()
        .map(|spec| (spec.rule, Err(why.clone())))
        .collect();
    for answer in told.flatten() {
        answers.insert(answer.rule.clone(), Ok(answer));
    }
    answers
}
