//! What every connector is: settings that become something that reads, perhaps something that writes, and something
//! that proves itself.

use crate::clock::Clock;
use crate::connect::http::{HttpConfig, HttpError, HttpSetupError, RetryAfter};
use crate::connect::keys::Keys;
use crate::connect::past::PastSource;
use crate::connect::poll::Source;
use crate::connect::probe::PollProbe;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Ability, Deed, Outcome};
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One kind of connector: its word in `[connect.KIND.NAME]`, and how its settings are read.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// `prometheus`, `netbox`, `cmdb-file`.
    pub word: &'static str,
    /// Reads one table; what is wrong is noted by `Keys`.
    pub read: fn(ConnectorName, &mut dyn Keys) -> Option<Arc<dyn Connector>>,
}

/// One configured system.
pub trait Connector: fmt::Debug + Send + Sync {
    /// Name in the configuration; unique over all kinds.
    fn name(&self) -> &ConnectorName;

    /// Kind of system, as [`Source::system`] says it.
    fn system(&self) -> &'static str;

    /// True for those that answer metric queries. The first of them gets the queries that name no source.
    fn is_metrics(&self) -> bool {
        false
    }

    /// True for those that tell of components: a CMDB, or a file in its place.
    fn is_catalog(&self) -> bool {
        false
    }

    /// Where it connects to, one for each server; empty for files.
    fn servers(&self) -> Vec<&HttpConfig> {
        Vec::new()
    }

    /// What it can write; nothing unless the settings allow it.
    fn abilities(&self) -> Vec<Ability> {
        Vec::new()
    }

    /// What has to be said at start, such as that the vendor ends this service.
    fn notice(&self, _now: Timestamp) -> Option<String> {
        None
    }

    /// What is polled; nothing for those that only write. Opens no connection; reads certificate files.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the settings.
    fn source(
        &self,
        specs: &[QuerySpec],
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError>;

    /// What carries out writes; nothing where [`Self::abilities`] is empty. Opens no connection.
    ///
    /// # Errors
    /// As [`Self::source`].
    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        Ok(None)
    }

    /// What a backtest asks for the past; nothing where only the newest values are known. Opens no connection.
    ///
    /// # Errors
    /// As [`Self::source`].
    fn past(&self) -> Result<Option<Box<dyn PastSource>>, HttpSetupError> {
        Ok(None)
    }

    /// What `warroom doctor` asks. Opens no connection.
    ///
    /// # Errors
    /// As [`Self::source`].
    fn probe(&self, clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(PollProbe::new(self.source(&[], clock)?)))
    }
}

/// One write, as its connector needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<'a> {
    /// Idempotency key: the same for every try of the same write. Goes into the comment or key field of the vendor, so
    /// that a second try finds the first. At most 64 characters of `a-z 0-9 - /`.
    pub marker: &'a str,
    /// What is to be done.
    pub deed: &'a Deed,
    /// Display name of who asked for it.
    pub by: &'a str,
}

/// Something that can write.
///
/// Both operations are bounded by the connector's own time limit. A write that was sent and not answered may have
/// happened: that is [`WriteError::unclear`], never a plain failure.
pub trait Writer: Send {
    /// Carries out a write whose fact is in the journal. Looks for the marker first where the system has no key of its
    /// own, so that a write tried twice happens once.
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>>;

    /// Looks what became of a write, by its marker; `None` when the system has nothing of it.
    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>>;
}

/// A write without a usable answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what}")]
pub struct WriteError {
    /// One line for the operator, without secrets.
    pub what: String,
    /// It may have happened all the same.
    pub unclear: bool,
    /// It would be refused again however often it is sent: by what it asks, by the settings or by a missing right.
    pub permanent: bool,
    /// When the system wants to be asked again.
    pub retry_after: Option<RetryAfter>,
}

impl WriteError {
    /// It did not happen, and does not happen by being tried again: it ends with this reason.
    pub fn refused(what: impl Into<String>) -> Self {
        Self {
            permanent: true,
            ..Self::not_yet(what)
        }
    }

    /// It did not happen, and may when it is tried again: nobody answered, or what it needs is not there yet.
    pub fn not_yet(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            unclear: false,
            permanent: false,
            retry_after: None,
        }
    }

    /// A look that failed: nothing was changed by it, whatever became of the request.
    pub fn of_look(error: HttpError) -> Self {
        Self {
            unclear: false,
            ..Self::from(error)
        }
    }

    /// Sent, but nobody knows what came of it.
    pub fn unclear(what: impl Into<String>) -> Self {
        Self {
            unclear: true,
            ..Self::not_yet(what)
        }
    }
}

impl From<HttpError> for WriteError {
    /// A request that was answered with an error status below 500, or never reached the server, did nothing.
    fn from(error: HttpError) -> Self {
        let is_refused = matches!(
            &error,
            HttpError::Connect { .. }
                | HttpError::Tls { .. }
                | HttpError::Status {
                    code: 300..=499,
                    ..
                }
        );
        Self {
            what: error.with_hint(),
            unclear: !is_refused,
            permanent: error.is_permanent(),
            retry_after: error.retry_after(),
        }
    }
}

/// How one thing that `doctor` looked at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// Works, with something to know.
    Warn,
    /// Does not work.
    Bad,
    /// Could not be found out, or was not looked at.
    Unknown,
}

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `credentials`, `permission to create silences`, `version`, `found`.
    pub what: String,
    /// How it is.
    pub health: Health,
    /// What was seen, one line: `2.42.0`, `3 components, 2 schedules`, `HTTP 403`.
    pub said: String,
    /// What to do about it; or empty.
    pub hint: String,
    /// Time it took.
    pub took: Duration,
}

impl Check {
    /// A check with what was seen.
    pub fn new(what: impl Into<String>, health: Health, said: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            health,
            said: said.into(),
            hint: String::new(),
            took: Duration::ZERO,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Something that can prove that the settings work. Reads only.
pub trait Probe: Send {
    /// Asks everything that polls and writes would need: credentials, each permission that the settings use, version,
    /// what is found. Names, TLS, latency and clocks are looked at by `doctor` itself for every [`Connector::servers`].
    fn check(&mut self, now: Moment) -> BoxFuture<'_, Vec<Check>>;
}
