//! Whether the settings work: the token, and what is found.

use super::config::BackstageConfig;
use super::request;
use super::response::{Facets, Page};
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Call, Http, HttpError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

/// Asks one Backstage.
#[derive(Debug)]
pub(super) struct BackstageProbe {
    config: BackstageConfig,
    http: Http,
}

impl BackstageProbe {
    /// Takes what it asks with.
    pub(super) const fn new(config: BackstageConfig, http: Http) -> Self {
        Self { config, http }
    }

    async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, HttpError> {
        self.http.call(call).await?.json()
    }

    async fn may_read(&self) -> Check {
        let what = "permission to read the catalog";
        let mut call = request::page(&self.config, None);
        for (name, value) in &mut call.query {
            if *name == "limit" {
                "1".clone_into(value);
            }
        }
        match self.json::<Page>(&call).await {
            Ok(_) => Check::new(what, Health::Good, "granted"),
            Err(error) => failed(what, &error),
        }
    }

    /// What there is of each kind.
    async fn found(&self) -> Check {
        let facets: Facets = match self.json(&request::facets(&self.config)).await {
            Ok(facets) => facets,
            Err(error) => return failed("found", &error),
        };
        let kinds = facets.facets.get("kind");
        let parts: Vec<String> = kinds
            .into_iter()
            .flatten()
            .map(|facet| format!("{} {}", facet.count, facet.value))
            .collect();
        if parts.is_empty() {
            return Check::new("found", Health::Warn, "nothing")
                .hint("`kinds` and `filter` leave out everything, or the token may not see it");
        }
        Check::new("found", Health::Good, parts.join(", "))
    }
}

fn failed(what: &str, error: &HttpError) -> Check {
    let check = Check::new(what, Health::Bad, error.to_string());
    match error.hint() {
        Some(hint) => check.hint(hint),
        None => check,
    }
}

impl Probe for BackstageProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            let started = Instant::now();
            let mut first = self.may_read().await;
            first.took = started.elapsed();
            if first.health != Health::Good {
                return vec![first];
            }
            let started = Instant::now();
            let mut second = self.found().await;
            second.took = started.elapsed();
            vec![first, second]
        })
    }
}
