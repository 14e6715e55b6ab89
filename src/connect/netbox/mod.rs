//! NetBox as the CMDB: devices, virtual machines and services as components.
//!
//! Operations used, all `GET` with `limit` and `offset`: `/api/dcim/devices/`, `/api/virtualization/virtual-machines/`,
//! `/api/ipam/services/`, and with `contacts = true` `/api/tenancy/contact-assignments/`. The token needs to view these.
//! Source: NetBox 4.2 and 4.5, "REST API" ("Pagination", "Authentication"), and the OpenAPI description of 4.2.2.
//!
//! A poll either reads every page or fails: half a CMDB would look like a smaller cluster.

mod component;
mod config;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use config::{EVERY, Filter, KIND, NetBoxConfig, auth};

use crate::connect::http::{Http, HttpError, HttpSetupError};
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use component::{COMPONENTS_MAX, Inventory};
use futures_util::future::BoxFuture;
use request::List;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Objects read of one list: four times what is shown, since services of filtered machines are dropped after reading.
const OBJECTS_MAX: usize = 20_000;

/// Pages read of one list, should a server give fewer objects a page than asked for.
const PAGES_MAX: usize = 400;

/// Requests that a usual poll makes: sets how long a poll may take in all. A slower read shows in the health line.
const REQUESTS_USUAL: u32 = 12;

/// One NetBox that is asked again and again.
#[derive(Debug)]
pub struct NetBox {
    config: NetBoxConfig,
    http: Http,
    trouble: Option<String>,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("cannot read {what}: {cause}")]
    Http {
        what: &'static str,
        cause: HttpError,
    },
    #[error("more than {OBJECTS_MAX} {what}: set `filter` to what the maintenance needs")]
    TooMany { what: &'static str },
    #[error("cannot read {what}: page at {offset} is empty though there are more")]
    EmptyPage { what: &'static str, offset: usize },
}

impl From<ListError> for PollError {
    fn from(error: ListError) -> Self {
        let mut poll = Self::new(error.to_string());
        if let ListError::Http { cause, .. } = &error {
            poll.retry_after = cause.retry_after();
            if let Some(hint) = cause.hint() {
                poll.what = format!("{error}; {hint}");
            }
        }
        poll
    }
}

impl NetBox {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: NetBoxConfig) -> Result<Self, HttpSetupError> {
        let http = Http::new(&config.http)?;
        Ok(Self {
            config,
            http,
            trouble: None,
        })
    }

    async fn list<T: DeserializeOwned>(&self, list: List) -> Result<Vec<T>, ListError> {
        let what = list.what();
        let mut objects = Vec::new();
        for _ in 0..PAGES_MAX {
            let offset = objects.len();
            let query = list.query(&self.config.filter, offset);
            let query: Vec<(&str, &str)> = query.iter().map(|(k, v)| (*k, v.as_str())).collect();
            let answer = self.http.get(list.path(), &query).await;
            let page = answer.and_then(|answer| response::page::<T>(&answer.body));
            let page = page.map_err(|cause| ListError::Http { what, cause })?;
            let is_empty = page.results.is_empty();
            objects.extend(page.results);
            if page.next.is_none() {
                return Ok(objects);
            }
            if is_empty {
                return Err(ListError::EmptyPage { what, offset });
            }
            if objects.len() > OBJECTS_MAX {
                break;
            }
        }
        Err(ListError::TooMany { what })
    }

    async fn inventory(&self) -> Result<Inventory, ListError> {
        let mut inventory = Inventory {
            devices: self.list(List::Devices).await?,
            machines: self.list(List::VirtualMachines).await?,
            services: self.list(List::Services).await?,
            ..Inventory::default()
        };
        if self.config.contacts {
            inventory.device_contacts = self.list(List::DeviceContacts).await?;
            inventory.machine_contacts = self.list(List::VirtualMachineContacts).await?;
        }
        Ok(inventory)
    }
}

impl Source for NetBox {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "netbox"
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
            let mut components = self.inventory().await?.components();
            let dropped = components.len().saturating_sub(COMPONENTS_MAX);
            self.trouble = (dropped > 0).then(|| {
                format!("{dropped} components beyond {COMPONENTS_MAX} are left out: set `filter`")
            });
            components.truncate(COMPONENTS_MAX);
            Ok(vec![Reading::Components {
                source: self.config.name.clone(),
                components,
            }])
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
