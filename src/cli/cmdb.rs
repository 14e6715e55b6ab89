//! The CMDB, asked once for those who make a plan from a runbook with `for_each`.

use super::environment::{self, Environment};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Secrets};
use crate::connect::once;
use crate::domain::catalog::Catalog;
use crate::exit::{Code, Failure};
use std::sync::Arc;

/// Reads every configured CMDB once.
///
/// # Errors
/// When one is silent or tells only a part, or none is configured; with a hint.
pub(super) async fn read(config: &Config, clock: &Arc<dyn Clock>) -> Result<Catalog, Failure> {
    let read = once::catalog(&config.connectors, clock).await;
    read.map_err(|error| {
        let hint = error.hint().to_owned();
        let what = format!("the runbook says `for_each`, and {error}");
        Failure::new(what).hint(hint).code(Code::Usage)
    })
}

/// The same for a subcommand that has neither a configuration nor a runtime yet.
///
/// # Errors
/// As [`read`], and what is wrong with the configuration.
pub(super) fn read_alone(environment: &Environment) -> Result<Catalog, Failure> {
    let config = environment.config(Secrets::Fetch)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    environment::client_runtime()?.block_on(read(&config, &clock))
}
