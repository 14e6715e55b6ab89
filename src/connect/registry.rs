//! From settings to sources: one line for each kind of connector.

use crate::clock::Clock;
use crate::connect::files::{File, FileConfig};
use crate::connect::http::HttpSetupError;
use crate::connect::netbox::{NetBox, NetBoxConfig};
use crate::connect::pagerduty::{PagerDuty, PagerDutyConfig};
use crate::connect::poll::Source;
use crate::connect::prometheus::{Prometheus, PrometheusConfig};
use crate::connect::query::{QuerySpec, specs_of};
use crate::connect::scrape::{ScrapeConfig, Scraper};
use crate::domain::id::ConnectorName;
use std::sync::Arc;

/// Settings of one connector, whatever its kind.
#[derive(Debug, Clone)]
pub enum AnyConfig {
    /// `[connect.prometheus.NAME]`
    Prometheus(PrometheusConfig),
    /// `[connect.scrape.NAME]`
    Scrape(ScrapeConfig),
    /// `[connect.netbox.NAME]`
    NetBox(NetBoxConfig),
    /// `[connect.pagerduty.NAME]`
    PagerDuty(PagerDutyConfig),
    /// `[connect.cmdb-file.NAME]` and `[connect.rota-file.NAME]`
    File(FileConfig),
}

impl AnyConfig {
    /// Name in the configuration; unique over all kinds.
    pub const fn name(&self) -> &ConnectorName {
        match self {
            Self::Prometheus(config) => &config.name,
            Self::Scrape(config) => &config.name,
            Self::NetBox(config) => &config.name,
            Self::PagerDuty(config) => &config.name,
            Self::File(config) => &config.name,
        }
    }

    /// True for those that answer metric queries. The first of them gets the queries that name no source.
    pub const fn is_metrics(&self) -> bool {
        matches!(self, Self::Prometheus(_) | Self::Scrape(_))
    }
}

/// A connector that cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up connector `{name}`")]
pub struct SetupError {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Why; its hint is the next action.
    pub source: HttpSetupError,
}

/// Makes the sources, in the order of the settings. Opens no connection; reads certificate files.
///
/// # Errors
/// Every [`SetupError`], so that all can be mended at once.
pub fn build(
    configs: &[AnyConfig],
    specs: &[QuerySpec],
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Box<dyn Source>>, Vec<SetupError>> {
    let first = configs.iter().find(|config| config.is_metrics());
    let first = first.map(AnyConfig::name);
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for config in configs {
        let name = config.name();
        let specs = specs_of(specs, name, first == Some(name));
        match source(config, &specs, clock) {
            Ok(source) => sources.push(source),
            Err(source) => errors.push(SetupError {
                name: name.clone(),
                source,
            }),
        }
    }
    if errors.is_empty() {
        Ok(sources)
    } else {
        Err(errors)
    }
}

fn source(
    config: &AnyConfig,
    specs: &[QuerySpec],
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Source>, HttpSetupError> {
    Ok(match config.clone() {
        AnyConfig::Prometheus(config) => Box::new(Prometheus::new(config, specs, clock.clone())?),
        AnyConfig::Scrape(config) => Box::new(Scraper::new(config, specs, clock.clone())?),
        AnyConfig::NetBox(config) => Box::new(NetBox::new(config)?),
        AnyConfig::PagerDuty(config) => Box::new(PagerDuty::new(config)?),
        AnyConfig::File(config) => Box::new(File::new(config)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::connect::files;
    use crate::connect::http::HttpConfig;

    fn name(text: &str) -> ConnectorName {
        ConnectorName::new(text).expect("valid")
    }

    fn configs() -> Vec<AnyConfig> {
        vec![
            AnyConfig::Prometheus(PrometheusConfig::new(name("main"), "http://127.0.0.1:9090")),
            AnyConfig::File(FileConfig {
                name: name("parts"),
                kind: files::Kind::Cmdb,
                path: "/no/such/file".into(),
                every: files::EVERY,
            }),
        ]
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::default())
    }

    #[test]
    fn each_setting_becomes_a_source_of_its_kind_in_order() {
        let sources = build(&configs(), &[], &clock())
            .map_err(|e| e.len())
            .expect("valid");
        let kinds: Vec<_> = sources
            .iter()
            .map(|s| (s.name().as_str(), s.system()))
            .collect();
        assert_eq!(kinds, [("main", "prometheus"), ("parts", "files")]);
    }

    #[test]
    fn every_setting_that_cannot_be_used_is_named() {
        let broken = |text: &str| {
            let mut config = PrometheusConfig::new(name(text), "http://127.0.0.1:9090");
            config.http = HttpConfig {
                ca_file: Some("/no/such/ca.pem".into()),
                ..config.http
            };
            AnyConfig::Prometheus(config)
        };
        let all = [vec![broken("a")], configs(), vec![broken("b")]].concat();
        let errors = build(&all, &[], &clock())
            .map(|s| s.len())
            .expect_err("two are broken");
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["cannot set up connector `a`", "cannot set up connector `b`"]
        );
        assert!(errors.iter().all(|e| e.source.hint().is_some()));
    }
}
