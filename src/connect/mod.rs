//! The outside world: one folder for each system, one poll loop for all.
//!
//! A connector turns one system into [`Reading`](crate::domain::reading::Reading)s. It knows nothing of sessions, screens
//! or journals: readings go into a bounded queue, and what they mean is decided elsewhere.
//!
//! - [`http`]: the one user of the HTTP client: time limits, size limits, TLS, redaction.
//! - [`poll`]: the one poll loop: interval, jitter, back-off, Retry-After, poll-now, health, shutdown.
//! - [`deliver`]: writes carried out, tried again, looked for and proven.
//! - [`supervise`]: all loops of a session together: start, poll-now by name, stop.
//! - [`doctor`]: proves every configured connector end to end.
//! - [`past`]: what was recorded of an expression, for a backtest.
//! - [`query`]: what metrics connectors are asked, taken from the plan and the configuration.
//! - [`connector`]: what every connector is: settings, source, writer, probe; [`keys`]: what settings are read with.
//! - [`once`]: the CMDB read a single time, before there is a session.
//! - [`registry`]: one line for each kind of connector, from settings to sources.
//! - [`prometheus`], [`datadog`], [`scrape`]: metrics, from a server or straight from `/metrics` endpoints.
//! - [`alertmanager`], [`nagios`], [`icinga2`], [`grafana`]: alerts, and what keeps them quiet.
//! - [`netbox`], [`nautobot`], [`servicenow`], [`backstage`], [`files`]: the CMDB, from its system or from files.
//! - [`pagerduty`], [`opsgenie`], [`jsm`], [`webhook`], [`email`], [`files`]: the pager, from its system or from files.

pub mod alertmanager;
pub mod backstage;
mod bound;
mod catalog;
pub mod connector;
#[cfg(test)]
pub(crate) mod contracts;
pub mod datadog;
pub mod deliver;
pub mod doctor;
pub mod email;
pub mod files;
pub mod glance;
pub mod grafana;
pub mod http;
pub mod icinga2;
pub mod jsm;
pub mod keys;
mod mute;
pub mod nagios;
pub mod nautobot;
pub mod netbox;
pub mod once;
pub mod opsgenie;
pub mod pagerduty;
pub mod past;
pub mod poll;
pub mod probe;
pub mod prometheus;
pub mod query;
pub mod read_only;
pub mod registry;
pub mod scrape;
pub mod servicenow;
pub mod supervise;
pub mod webhook;

/// Readings that may wait for the session: a second's worth of a dozen connectors, and small enough that what waits
/// is still fresh when it is taken out.
pub const READINGS_QUEUE_MAX: usize = 64;
