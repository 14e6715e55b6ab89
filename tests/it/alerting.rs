//! Connectors of alerting systems as a configuration makes them, against real servers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use warroom::clock::{Clock, SystemClock};
use warroom::config::{Env, Secrets, parse};
use warroom::connect::connector::{Check, Connector, Order, WriteError, Writer};
use warroom::connect::poll::{PollError, Source};
use warroom::domain::reading::{Alert, Reading, Silence};
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::write::{Deed, Matcher, Outcome};

/// One configured system.
pub(crate) struct System {
    runtime: tokio::runtime::Runtime,
    clock: Arc<dyn Clock>,
    config: Arc<dyn Connector>,
    source: Box<dyn Source>,
    writer: Option<Box<dyn Writer>>,
}

impl System {
    /// Reads a configuration with one connector; `secret` is what `env:SECRET` in it means.
    pub(crate) fn new(text: &str, secret: &str) -> Self {
        let variables = [("HOME", "/root"), ("SECRET", secret)];
        let env = Env::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let config = parse(Path::new("config.toml"), text, &env, Secrets::Fetch)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let [connector] = config.connectors.as_slice() else {
            panic!("one connector");
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // Clients take their sockets from the runtime that they are used in.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let source = connector.source(&[], &clock).expect("valid");
        Self {
            runtime,
            source: source.expect("it is polled"),
            writer: connector.writer().expect("valid"),
            config: Arc::clone(connector),
            clock,
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// One poll.
    pub(crate) fn poll(&mut self) -> Result<Vec<Reading>, PollError> {
        let now = self.clock.now();
        self.runtime.block_on(self.source.poll(now))
    }

    /// Alerts and silences of one poll that succeeds.
    pub(crate) fn read(&mut self) -> (Vec<Alert>, Vec<Silence>) {
        let readings = self.poll().unwrap_or_else(|error| panic!("{error}"));
        match readings.as_slice() {
            [
                Reading::Alerts { alerts, .. },
                Reading::Silences { silences, .. },
            ] => (alerts.clone(), silences.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// Carries out a write.
    pub(crate) fn write(&mut self, marker: &str, deed: &Deed) -> Result<Outcome, WriteError> {
        let now = self.clock.now();
        let order = order(marker, deed);
        let writer = self.writer.as_mut().expect("writes are allowed");
        self.runtime.block_on(writer.write(&order, now))
    }

    /// Reference and proof of a write that is done.
    pub(crate) fn done(&mut self, marker: &str, deed: &Deed) -> (String, String) {
        match self.write(marker, deed) {
            Ok(Outcome::Done { reference, proof }) => (reference, proof),
            other => panic!("{other:?}"),
        }
    }

    /// What became of a write.
    pub(crate) fn find(
        &mut self,
        marker: &str,
        deed: &Deed,
    ) -> Result<Option<Outcome>, WriteError> {
        let now = self.clock.now();
        let order = order(marker, deed);
        let writer = self.writer.as_mut().expect("writes are allowed");
        self.runtime.block_on(writer.find(&order, now))
    }

    /// What `doctor` would show.
    pub(crate) fn doctor(&self) -> Vec<Check> {
        let now = self.clock.now();
        let mut probe = self.config.probe(&self.clock).expect("valid");
        self.runtime.block_on(probe.check(now))
    }

    /// An hour of quiet from now.
    pub(crate) fn mute(&self, components: &[&str], matchers: &[(&str, &str)]) -> Deed {
        let matcher = |(label, value): &(&str, &str)| Matcher {
            label: (*label).to_owned(),
            value: (*value).to_owned(),
            is_regex: false,
            is_equal: true,
        };
        Deed::Mute {
            components: components.iter().map(|name| (*name).to_owned()).collect(),
            matchers: matchers.iter().map(matcher).collect(),
            until: self.in_an_hour(),
            comment: "failover; of db-1\nDEL_HOST_DOWNTIME".to_owned(),
        }
    }

    fn in_an_hour(&self) -> Timestamp {
        let at = self.now().wall.plus(Duration::from_secs(3600));
        // Whole seconds, which is all that some systems keep.
        Timestamp::from_millis(at.as_millis() / 1000 * 1000)
    }
}

/// Ends what a write named.
pub(crate) fn unmute(reference: &str) -> Deed {
    Deed::Unmute {
        reference: reference.to_owned(),
    }
}

fn order<'a>(marker: &'a str, deed: &'a Deed) -> Order<'a> {
    Order {
        marker,
        deed,
        by: "Mira; of payments",
    }
}
