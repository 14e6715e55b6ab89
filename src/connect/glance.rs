//! One look at every connector, outside of any session: what it tells now, and how it does.

use crate::clock::Clock;
use crate::connect::bound::bound;
use crate::connect::http::snippet;
use crate::connect::poll::Source;
use crate::connect::registry::Built;
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest look at one connector, whatever it says itself: nobody waits longer for a preview.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// What all of them tell, side by side, each with its health.
pub async fn glance(built: Vec<Built>, clock: &Arc<dyn Clock>) -> Vec<Reading> {
    let looks = built.into_iter().map(|one| look(one, clock));
    join_all(looks).await.into_iter().flatten().collect()
}

async fn look(built: Built, clock: &Arc<dyn Clock>) -> Vec<Reading> {
    let mut health = ConnectorHealth {
        connector: built.name,
        system: built.system.to_owned(),
        liveness: Liveness::Never,
        last_good: None,
        last_error: String::new(),
        failures: 0,
        next_try: None,
        latency: Duration::ZERO,
        can: built.can,
    };
    let mut readings = Vec::new();
    if let Some(mut source) = built.source {
        readings = poll(source.as_mut(), &mut health, clock).await;
    }
    readings.iter_mut().for_each(bound);
    readings.push(Reading::Health(health));
    readings
}

async fn poll(
    source: &mut dyn Source,
    health: &mut ConnectorHealth,
    clock: &Arc<dyn Clock>,
) -> Vec<Reading> {
    let limit = source.deadline().min(LOOK_MAX);
    let answer = timeout(limit, source.poll(clock.now())).await;
    let why = match answer {
        Ok(Ok(readings)) => {
            health.liveness = Liveness::Live;
            health.last_good = Some(clock.now());
            let trouble = source.trouble().unwrap_or_default();
            health.last_error = snippet(trouble.as_bytes());
            return readings;
        }
        Ok(Err(error)) => error.what,
        Err(_) => format!("no answer within {} s", limit.as_secs()),
    };
    health.failures = 1;
    health.last_error = snippet(why.as_bytes());
    Vec::new()
}
