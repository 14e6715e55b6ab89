//! A connector that is only read, whatever its settings allow: the usual ones in a rehearsal.

use super::connector::{Connector, Probe, Writer};
use super::http::{HttpConfig, HttpSetupError};
use super::past::PastSource;
use super::poll::Source;
use super::query::QuerySpec;
use crate::clock::Clock;
use crate::domain::id::ConnectorName;
use crate::domain::time::Timestamp;
use crate::domain::write::Ability;
use std::sync::Arc;

/// A connector without anything that writes.
#[derive(Debug)]
struct ReadOnly {
    inner: Arc<dyn Connector>,
    /// Why, as people are told at the start.
    why: String,
}

/// The same connector, of which nothing is written, muted or paged. `why` is told at the start, of those that could.
pub fn read_only(inner: Arc<dyn Connector>, why: &str) -> Arc<dyn Connector> {
    let why = why.to_owned();
    Arc::new(ReadOnly { inner, why })
}

impl Connector for ReadOnly {
    fn name(&self) -> &ConnectorName {
        self.inner.name()
    }

    fn system(&self) -> &'static str {
        self.inner.system()
    }

    fn is_metrics(&self) -> bool {
        self.inner.is_metrics()
    }

    fn is_catalog(&self) -> bool {
        self.inner.is_catalog()
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        self.inner.servers()
    }

    fn abilities(&self) -> Vec<Ability> {
        Vec::new()
    }

    fn notice(&self, now: Timestamp) -> Option<String> {
        let own = self.inner.notice(now);
        if self.inner.abilities().is_empty() {
            return own;
        }
        let why = format!("it is only read: {}", self.why);
        Some(own.map_or_else(|| why.clone(), |own| format!("{own}; {why}")))
    }

    fn source(
        &self,
        specs: &[QuerySpec],
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        self.inner.source(specs, clock)
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        Ok(None)
    }

    fn past(&self) -> Result<Option<Box<dyn PastSource>>, HttpSetupError> {
        self.inner.past()
    }

    fn probe(&self, clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        self.inner.probe(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::alertmanager::AlertmanagerConfig;
    use crate::connect::prometheus::PrometheusConfig;

    #[test]
    fn what_could_write_reads_on_and_says_why_it_does_not_write() {
        let name = |text| ConnectorName::new(text).expect("valid");
        let mut alertmanager = AlertmanagerConfig::new(name("am"), "http://127.0.0.1:9093");
        alertmanager.writes = true;
        assert!(alertmanager.writer().expect("valid").is_some());
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::ManualClock::default());
        let only = read_only(Arc::new(alertmanager), "a rehearsal");
        assert!(only.abilities().is_empty());
        assert!(only.writer().expect("valid").is_none());
        assert!(only.source(&[], &clock).expect("valid").is_some());
        assert_eq!(
            only.notice(Timestamp::default()),
            Some("it is only read: a rehearsal".to_owned())
        );
        let main = PrometheusConfig::new(name("main"), "http://127.0.0.1:9090");
        let main = read_only(Arc::new(main), "a rehearsal");
        assert!(main.is_metrics() && main.past().expect("valid").is_some());
        assert_eq!(main.notice(Timestamp::default()), None, "it never could");
    }
}
