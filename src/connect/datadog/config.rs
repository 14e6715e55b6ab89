//! Every key of `[connect.datadog.NAME]`.

use super::Datadog;
use super::probe::DatadogProbe;
use super::write::DatadogWriter;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{EVERY_METRICS, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use secrecy::SecretString;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.datadog.NAME]`
pub const KIND: Kind = Kind {
    word: "datadog",
    read,
};

/// Where accounts may be. Source: Datadog, "Getting started with sites".
const SITES: [&str; 9] = [
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "datadoghq.eu",
    "ddog-gov.com",
    "us2.ddog-gov.com",
];
/// Interval of the polls when none is configured: ten queries then stay below 1,600 an hour, which organisations have
/// been allowed by default.
pub const EVERY: Duration = Duration::from_secs(30);
/// How far back the newest value is looked for when nothing else is configured: agents send every 15 s, integrations of
/// cloud providers every few minutes.
pub const WINDOW: Duration = Duration::from_secs(300);
/// Windows allowed: below a minute an agent that is a little late is missing.
const WINDOW_RANGE: Range<Duration> = Duration::from_secs(60)..Duration::from_secs(24 * 3600);
/// Series kept of one answer when no other limit is configured: more than a person can look at.
pub const SERIES_MAX: usize = 200;
/// Tag that names a component when no other is configured.
pub const COMPONENT_TAG: &str = "host";

/// One Datadog organisation.
///
/// | key | unit | default |
/// |---|---|---|
/// | `site` | `datadoghq.eu` and others | `datadoghq.com` |
/// | `url` | base URL of the API | `https://api.` and the site |
/// | `api_key`, `app_key` | secrets | required |
/// | `every` | span | 30 s |
/// | `window` | span in which the newest value is looked for | 5 min |
/// | `series_max` | series kept of one answer | 200 |
/// | `monitors` | read monitors as alerts | true |
/// | `monitor_tags` | tags that monitors must have, all of them | none |
/// | `writes` | downtimes may be made and ended | false |
/// | `component_tag` | tag that names a component | `host` |
#[derive(Debug, Clone)]
pub struct DatadogConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL, and credentials from [`auth`].
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// How far back the newest value is looked for.
    pub window: Duration,
    /// Series kept of one answer; the rest is counted.
    pub series_max: usize,
    /// Whether monitors are read as alerts.
    pub monitors: bool,
    /// Tags that monitors must have to be read.
    pub monitor_tags: Vec<String>,
    /// Whether downtimes may be made and ended. They are read too then.
    pub writes: bool,
    /// Tag that names a component in the scope of a downtime.
    pub component_tag: String,
}

impl DatadogConfig {
    /// Defaults for a name and a base URL.
    pub fn new(name: ConnectorName, url: &str) -> Self {
        Self {
            name,
            http: HttpConfig::new(url),
            every: EVERY,
            window: WINDOW,
            series_max: SERIES_MAX,
            monitors: true,
            monitor_tags: Vec::new(),
            writes: false,
            component_tag: COMPONENT_TAG.to_owned(),
        }
    }
}

/// Credentials: a key of the organisation, and an application key of a person or service account.
///
/// Source: Datadog API reference, "Authentication".
pub fn auth(organisation: SecretString, application: SecretString) -> Auth {
    Auth::Headers(vec![
        ("DD-API-KEY".to_owned(), organisation),
        ("DD-APPLICATION-KEY".to_owned(), application),
    ])
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let base = DatadogConfig::new(name, "");
    let site = keys.word("site", &SITES).unwrap_or(SITES[0]);
    let organisation = keys.required_secret("api_key");
    let application = keys.required_secret("app_key");
    let every = keys.span("every", EVERY_METRICS);
    let window = keys.span("window", WINDOW_RANGE);
    let series_max = keys.whole("series_max", 1..10_001);
    let monitors = keys.flag("monitors");
    let monitor_tags = keys.texts("monitor_tags");
    if let Some(tag) = monitor_tags.iter().find(|tag| tag.contains(',')) {
        let what = format!("`{tag}` is more than one tag");
        keys.fault("monitor_tags", what, "write each as a text of its own");
    }
    let writes = keys.flag("writes");
    let component_tag = keys.text("component_tag");
    if component_tag.as_deref().is_some_and(|tag| !is_tag_key(tag)) {
        let what = "not the key of a tag".to_owned();
        keys.fault("component_tag", what, "such as `host` or `service`");
    }
    let http = keys.http(Some(&format!("https://api.{site}")))?;
    Some(Arc::new(DatadogConfig {
        http: HttpConfig {
            auth: auth(organisation?, application?),
            ..http
        },
        every: every.unwrap_or(base.every),
        window: window.unwrap_or(base.window),
        series_max: series_max
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(base.series_max),
        monitors: monitors.unwrap_or(base.monitors),
        monitor_tags,
        writes: writes.unwrap_or(base.writes),
        component_tag: component_tag.unwrap_or(base.component_tag),
        name: base.name,
    }))
}

/// A letter, then letters, digits and `_ - . /`. Source: Datadog, "Getting started with tags", "Define tags".
pub(super) fn is_tag_key(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(rest)
}

impl Connector for DatadogConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "datadog"
    }

    fn is_metrics(&self) -> bool {
        true
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn abilities(&self) -> Vec<Ability> {
        let filters = !self.monitor_tags.is_empty();
        let all = [(Ability::Mute, true), (Ability::MuteUnseen, filters)];
        let can = all.into_iter().filter(|(_, can)| *can && self.writes);
        can.map(|(ability, _)| ability).collect()
    }

    fn source(
        &self,
        specs: &[QuerySpec],
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        let source = Datadog::new(self.clone(), specs, Arc::clone(clock))?;
        Ok(Some(Box::new(source)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        Ok(Some(Box::new(DatadogWriter::new(self)?)))
    }

    fn probe(&self, clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(DatadogProbe::new(
            self.clone(),
            Arc::clone(clock),
        )?))
    }
}
