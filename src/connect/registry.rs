//! From settings to sources: one line for each kind of connector.

use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Writer};
use crate::connect::http::HttpSetupError;
use crate::connect::poll::Source;
use crate::connect::query::{QuerySpec, specs_of};
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use std::sync::Arc;

/// Every kind of connector there is, metrics first: the first configured one answers queries that name no source.
pub const KINDS: &[Kind] = &[
    super::prometheus::KIND,
    super::datadog::KIND,
    super::scrape::KIND,
    super::netbox::KIND,
    super::nautobot::KIND,
    super::pagerduty::KIND,
    super::opsgenie::KIND,
    super::jsm::KIND,
    super::webhook::KIND,
    super::email::KIND,
    super::files::CMDB,
    super::files::ROTA,
];

/// A connector that cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up connector `{name}`")]
pub struct SetupError {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Why; its hint is the next action.
    pub source: HttpSetupError,
}

/// What a connector became.
pub struct Built {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// What is polled; nothing for those that only write.
    pub source: Option<Box<dyn Source>>,
    /// What carries out writes, where the settings allow any.
    pub writer: Option<Box<dyn Writer>>,
    /// What it can write.
    pub can: Vec<Ability>,
    /// Kind of system.
    pub system: &'static str,
    /// What has to be said of it at the start.
    pub notice: Option<String>,
}

/// Makes sources and writers, in the order of the settings. Opens no connection; reads certificate files.
///
/// # Errors
/// Every [`SetupError`], so that all can be mended at once.
pub fn build(
    configs: &[Arc<dyn Connector>],
    specs: &[QuerySpec],
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Built>, Vec<SetupError>> {
    let first = configs.iter().find(|config| config.is_metrics());
    let first = first.map(|config| config.name());
    let mut built = Vec::new();
    let mut errors = Vec::new();
    for config in configs {
        let name = config.name();
        let specs = specs_of(specs, name, first == Some(name));
        let made = config
            .source(&specs, clock)
            .and_then(|source| Ok((source, config.writer()?)));
        match made {
            Ok((source, writer)) => built.push(Built {
                name: name.clone(),
                source,
                writer,
                can: config.abilities(),
                system: config.system(),
                notice: config.notice(clock.now().wall),
            }),
            Err(source) => errors.push(SetupError {
                name: name.clone(),
                source,
            }),
        }
    }
    if errors.is_empty() {
        Ok(built)
    } else {
        Err(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::connect::files::{self, FileConfig};
    use crate::connect::http::HttpConfig;
    use crate::connect::prometheus::PrometheusConfig;

    fn name(text: &str) -> ConnectorName {
        ConnectorName::new(text).expect("valid")
    }

    fn configs() -> Vec<Arc<dyn Connector>> {
        vec![
            Arc::new(PrometheusConfig::new(name("main"), "http://127.0.0.1:9090")),
            Arc::new(FileConfig {
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
            .filter_map(|built| Some((built.name.as_str(), built.source.as_ref()?.system())))
            .collect();
        assert_eq!(kinds, [("main", "prometheus"), ("parts", "files")]);
    }

    #[test]
    fn every_setting_that_cannot_be_used_is_named() {
        let broken = |text: &str| -> Arc<dyn Connector> {
            let mut config = PrometheusConfig::new(name(text), "http://127.0.0.1:9090");
            config.http = HttpConfig {
                ca_file: Some("/no/such/ca.pem".into()),
                ..config.http
            };
            Arc::new(config)
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
