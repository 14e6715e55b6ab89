//! Every configured CMDB, read once: what a plan with `for_each` is made from.
//!
//! All of them or nothing. A CMDB that is silent, or that tells only a part, would leave units out that nobody misses
//! before they are needed.

use crate::clock::Clock;
use crate::connect::connector::Connector;
use crate::domain::catalog::Catalog;
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest read of one CMDB: as long as its own slowest poll may take, and short enough for who waits at a prompt.
pub const READ_MAX: Duration = Duration::from_secs(30);

/// Why nobody knows which components there are.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is none to ask.
    #[error("no CMDB is configured")]
    NoneConfigured,
    /// One does not answer.
    #[error("the CMDB `{name}` does not answer: {why}")]
    Silent {
        /// Name in the configuration.
        name: ConnectorName,
        /// What went wrong, without secrets.
        why: String,
    },
    /// One tells a part of what it knows.
    #[error("the CMDB `{name}` tells only a part: {why}")]
    Partial {
        /// Name in the configuration.
        name: ConnectorName,
        /// What is missing.
        why: String,
    },
}

impl CatalogError {
    /// What a person can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoneConfigured => {
                "add one to `config.toml`, such as `[connect.netbox.NAME]`, or name the components: `for_each = [\"db-1\", \"db-2\"]` needs no CMDB"
            }
            Self::Silent { .. } => {
                "`warroom doctor` finds out why; a list of names needs no CMDB: `for_each = [\"db-1\", \"db-2\"]`"
            }
            Self::Partial { .. } => {
                "narrow what the connector asks for, so that it is whole, or name the components: `for_each = [\"db-1\", \"db-2\"]`"
            }
        }
    }
}

/// Reads every CMDB among the connectors, side by side, each within [`READ_MAX`].
///
/// # Errors
/// [`CatalogError`] of the first, in the order of the configuration, that does not tell everything.
pub async fn catalog(
    connectors: &[Arc<dyn Connector>],
    clock: &Arc<dyn Clock>,
) -> Result<Catalog, CatalogError> {
    let asked = connectors.iter().filter(|one| one.is_catalog());
    let told = join_all(asked.map(|one| read(one, clock))).await;
    if told.is_empty() {
        return Err(CatalogError::NoneConfigured);
    }
    let mut catalog = Catalog::default();
    for readings in told {
        for reading in readings? {
            if let Reading::Components { source, components } = reading {
                catalog.take(source, components);
            }
        }
    }
    Ok(catalog)
}

async fn read(
    connector: &Arc<dyn Connector>,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Reading>, CatalogError> {
    let name = || connector.name().clone();
    let silent = |why: String| CatalogError::Silent { name: name(), why };
    let source = connector.source(&[], clock);
    let source = source.map_err(|error| silent(error.to_string()))?;
    let Some(mut source) = source else {
        return Err(silent("it is not read".to_owned()));
    };
    let polled = timeout(READ_MAX, source.poll(clock.now())).await;
    let readings = match polled {
        Err(_) => return Err(silent(format!("not within {} s", READ_MAX.as_secs()))),
        Ok(Err(error)) => return Err(silent(error.what)),
        Ok(Ok(readings)) => readings,
    };
    if let Some(why) = source.trouble() {
        let name = name();
        return Err(CatalogError::Partial { name, why });
    }
    let tells = |reading: &Reading| matches!(reading, Reading::Components { .. });
    if !readings.iter().any(tells) {
        return Err(silent("it told of no components at all".to_owned()));
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::connect::files::{self, FileConfig};

    fn file(name: &str, path: &std::path::Path) -> Arc<dyn Connector> {
        Arc::new(FileConfig {
            name: ConnectorName::new(name).expect("valid"),
            kind: files::Kind::Cmdb,
            path: path.to_owned(),
            every: files::EVERY,
        })
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::default())
    }

    #[tokio::test]
    async fn all_cmdbs_are_read_and_one_that_is_silent_spoils_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let good = dir.path().join("parts.toml");
        std::fs::write(&good, "[[component]]\nname = \"db-1\"\nrole = \"db\"\n").expect("write");
        let connectors = [file("parts", &good)];
        let found = catalog(&connectors, &clock()).await.expect("whole");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["db-1"]);
        let connectors = [
            file("parts", &good),
            file("gone", &dir.path().join("gone.toml")),
        ];
        let why = catalog(&connectors, &clock())
            .await
            .expect_err("one is silent");
        assert!(why.to_string().contains("`gone` does not answer"), "{why}");
        let why = catalog(&[], &clock()).await.expect_err("none at all");
        assert!(why.to_string().contains("no CMDB"), "{why}");
        assert!(!why.hint().is_empty());
    }
}
