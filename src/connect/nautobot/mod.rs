//! Nautobot as the CMDB: devices, virtual machines and services as components. It came from NetBox and is spoken to the
//! same way; see [`super::netbox`] for how, and its `Dialect` for what differs.
//!
//! Operations used, lists with `limit`, `offset`, `sort=id` and `depth=1`: `GET /api/dcim/devices/`,
//! `/api/virtualization/virtual-machines/`, `/api/ipam/services/`, `/api/dcim/locations/`, with `contacts = true`
//! `/api/extras/contact-associations/`, and for `doctor` `/api/status/`. With `writes = true`: `GET` and
//! `POST /api/extras/notes/`, `GET /api/extras/statuses/`, `PATCH` of devices and virtual machines, and `OPTIONS` of those.
//! Source: Nautobot 3 user guide, "REST API", and answers of 3.2.7, which the tests start.

mod config;
#[cfg(test)]
mod tests;

pub use config::KIND;
