//! Backstage as the CMDB: entities of its catalog and their relations as components. Reads only.
//!
//! Operations used, both `GET`: `/api/catalog/entities/by-query` with `filter`, `fields`, `limit` and `cursor`, and for
//! `doctor` `/api/catalog/entity-facets`. Source: OpenAPI description of `@backstage/plugin-catalog-backend` 4.0.0;
//! Backstage, "Well-known Relations between Catalog Entities" and "Descriptor Format of Catalog Entities".
//!
//! A poll either reads every page or fails: half a catalog would look like a smaller one.

mod component;
mod config;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use config::{BackstageConfig, EVERY, KIND, KINDS};

use crate::connect::catalog;
use crate::connect::http::{Http, HttpError, HttpSetupError};
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use component::components;
use futures_util::future::BoxFuture;
use response::{Entity, Page};
use std::time::Duration;

/// Entities read: twice what is shown.
const ENTITIES_MAX: usize = 10_000;

/// Pages read, should a server give fewer entities a page than asked for.
const PAGES_MAX: usize = 200;

/// Requests that a usual poll makes: sets how long a poll may take in all. A slower read shows in the health line.
const REQUESTS_USUAL: u32 = 12;

/// What a person can do about too many components.
const FILTER_HINT: &str = "set `kinds` or `filter` to what the maintenance needs";

/// One Backstage that is asked again and again.
#[derive(Debug)]
pub struct Backstage {
    config: BackstageConfig,
    http: Http,
    trouble: Option<String>,
}

/// Why the catalog could not be read.
#[derive(Debug, thiserror::Error)]
enum CatalogError {
    #[error("cannot read the catalog: {}", .0.with_hint())]
    Http(#[from] HttpError),
    #[error("more than {ENTITIES_MAX} entities: {FILTER_HINT}")]
    TooMany,
    #[error("cannot read the catalog: the page after {0} entities is the same as the one before")]
    Circle(usize),
}

impl From<CatalogError> for PollError {
    fn from(error: CatalogError) -> Self {
        let mut poll = Self::new(error.to_string());
        if let CatalogError::Http(cause) = &error {
            poll.retry_after = cause.retry_after();
        }
        poll
    }
}

impl Backstage {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: BackstageConfig) -> Result<Self, HttpSetupError> {
        let http = Http::new(&config.http)?;
        Ok(Self {
            config,
            http,
            trouble: None,
        })
    }

    async fn entities(&self) -> Result<Vec<Entity>, CatalogError> {
        let mut entities = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let call = request::page(&self.config, cursor.as_deref());
            let page: Page = self.http.call(&call).await?.json()?;
            entities.extend(page.items);
            let next = page.page_info.next_cursor;
            if next.is_none() {
                return Ok(entities);
            }
            if next == cursor {
                return Err(CatalogError::Circle(entities.len()));
            }
            if entities.len() > ENTITIES_MAX {
                break;
            }
            cursor = next;
        }
        Err(CatalogError::TooMany)
    }
}

impl Source for Backstage {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "backstage"
    }

    fn every(&self) -> Duration {
        self.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        self.config.http.timeout.saturating_mul(REQUESTS_USUAL)
    }

    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(async move {
            let components = components(&self.entities().await?);
            let (reading, trouble) = catalog::reading(&self.config.name, components, FILTER_HINT);
            self.trouble = trouble;
            Ok(vec![reading])
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
