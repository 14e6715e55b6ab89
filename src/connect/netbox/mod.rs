//! NetBox as the CMDB: devices, virtual machines and services as components. Nautobot, which came from it, is spoken to
//! from here too; [`super::nautobot`] has its settings, and `Dialect` all that differs.
//!
//! Operations used, lists with `limit` and `offset`: `GET /api/dcim/devices/`, `/api/virtualization/virtual-machines/`,
//! `/api/ipam/services/`, with `contacts = true` `/api/tenancy/contact-assignments/`, and for `doctor` `/api/status/`. With
//! `writes = true`: `GET` and `POST /api/extras/journal-entries/`, `PATCH` of devices and virtual machines, and `OPTIONS`
//! of those, which says what a token may do. Source: NetBox 4.2 and 4.5, "REST API" ("Pagination", "Authentication"), and
//! the OpenAPI description of 4.2.2.
//!
//! A poll either reads every page or fails: half a CMDB would look like a smaller cluster.

mod component;
mod config;
mod dialect;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{EVERY, Filter, KIND, NetBoxConfig, auth, read_settings};
pub use dialect::Dialect;

use crate::connect::catalog;
use crate::connect::http::{Call, Http, HttpError, HttpSetupError};
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use component::Inventory;
use dialect::List;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Objects read of one list: four times what is shown, since services of filtered machines are dropped after reading.
const OBJECTS_MAX: usize = 20_000;

/// Pages read of one list, should a server give fewer objects a page than asked for.
const PAGES_MAX: usize = 400;

/// Requests that a usual poll makes: sets how long a poll may take in all. A slower read shows in the health line.
const REQUESTS_USUAL: u32 = 12;

/// What a person can do about too many components.
const FILTER_HINT: &str = "set `filter` to what the maintenance needs";

/// One server, and how it is asked.
#[derive(Debug)]
pub(in crate::connect) struct Client {
    config: NetBoxConfig,
    http: Http,
}

/// One NetBox or Nautobot that is asked again and again.
#[derive(Debug)]
pub struct NetBox {
    client: Client,
    trouble: Option<String>,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::connect) enum ListError {
    /// No answer that can be used.
    #[error("cannot read {what}: {cause}")]
    Http {
        /// Which list.
        what: &'static str,
        /// Why.
        cause: HttpError,
    },
    /// Filter it.
    #[error("more than {OBJECTS_MAX} {what}: {FILTER_HINT}")]
    TooMany {
        /// Which list.
        what: &'static str,
    },
    /// The server contradicts itself.
    #[error("cannot read {what}: page at {offset} is empty though there are more")]
    EmptyPage {
        /// Which list.
        what: &'static str,
        /// Where.
        offset: usize,
    },
}

impl ListError {
    /// With what can be done about it.
    fn with_hint(&self) -> String {
        match self {
            Self::Http { cause, .. } => match cause.hint() {
                Some(hint) => format!("{self}; {hint}"),
                None => self.to_string(),
            },
            _ => self.to_string(),
        }
    }
}

impl From<ListError> for PollError {
    fn from(error: ListError) -> Self {
        let mut poll = Self::new(error.with_hint());
        if let ListError::Http { cause, .. } = &error {
            poll.retry_after = cause.retry_after();
        }
        poll
    }
}

impl Client {
    /// Builds the client; opens no connection.
    fn new(config: NetBoxConfig) -> Result<Self, HttpSetupError> {
        let http = Http::new(&config.http)?;
        Ok(Self { config, http })
    }

    /// Longest time that reading everything may take.
    fn deadline(&self) -> Duration {
        self.http.timeout().saturating_mul(REQUESTS_USUAL)
    }

    async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, HttpError> {
        self.http.call(call).await?.json()
    }

    async fn list<T: DeserializeOwned>(&self, list: List) -> Result<Vec<T>, ListError> {
        let what = list.what();
        let mut objects = Vec::new();
        for _ in 0..PAGES_MAX {
            let offset = objects.len();
            let call = request::page(self.config.dialect, list, &self.config.filter, offset);
            let answer = self.http.call(&call).await;
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
        if self.config.dialect == Dialect::Nautobot && !inventory.machines.is_empty() {
            inventory.locations = self.list(List::Locations).await?;
        }
        Ok(inventory)
    }
}

impl NetBox {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: NetBoxConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            client: Client::new(config)?,
            trouble: None,
        })
    }
}

impl Source for NetBox {
    fn name(&self) -> &ConnectorName {
        &self.client.config.name
    }

    fn system(&self) -> &'static str {
        self.client.config.dialect.system()
    }

    fn every(&self) -> Duration {
        self.client.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        self.client.deadline()
    }

    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(async move {
            let found = self.client.inventory().await?.components();
            let components = found.into_iter().map(|found| found.component).collect();
            let name = &self.client.config.name;
            let (reading, trouble) = catalog::reading(name, components, FILTER_HINT);
            self.trouble = trouble;
            Ok(vec![reading])
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
