//! The demo lab: a simulated cluster on loopback that answers the HTTP APIs of the real systems, and reacts to what
//! the steps of a runbook do.
//!
//! [`Lab::start`] begins it, [`ctl()`] is what the steps call, [`Lab::demo_config`] and [`demo_runbook`] are what a
//! session is opened with. One port serves everything: `/prometheus`, `/alertmanager`, `/netbox`, `/pagerduty`, `/metrics`, and
//! `/lab/v1` to act on the cluster. The cluster goes on only when somebody asks, by as much time as has passed, so the
//! lab costs nothing while nobody looks.
//!
//! Knows nothing of sessions, journals or screens.

mod alertmanager;
mod alerts;
mod catalog;
mod control;
mod ctl;
mod demo;
mod error;
mod http;
mod metrics;
mod netbox;
mod noise;
mod pagerduty;
mod prometheus;
mod promql;
mod silences;
mod sim;
#[cfg(test)]
mod tests;
mod world;

pub use ctl::ctl;
pub use demo::demo_runbook;
pub use error::LabError;
pub use sim::action::Action;

use crate::clock::{Clock, random};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use world::World;

/// Speeds that make sense: slower is a still picture, faster is over before the first poll.
const SPEEDS: RangeInclusive<f64> = 0.1..=100.0;
/// Longest wait for the server to end; its connections are cut at once.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How the lab is started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabOptions {
    /// Port on loopback; 0 takes a free one.
    pub port: u16,
    /// Seed of the noise.
    pub seed: u64,
    /// Simulated seconds in one real second, 0.1 to 100.
    pub speed: f64,
}

impl Default for LabOptions {
    /// A free port, real time.
    fn default() -> Self {
        Self {
            port: 0,
            seed: 2026,
            speed: 1.0,
        }
    }
}

/// A running lab. Ends when it is dropped.
pub struct Lab {
    addr: SocketAddr,
    token: String,
    stop: DropGuard,
    server: JoinHandle<()>,
}

impl Lab {
    /// Starts a lab on loopback.
    ///
    /// # Errors
    /// [`LabError::Listen`], [`LabError::Random`] or [`LabError::Speed`].
    pub async fn start(clock: Arc<dyn Clock>, options: LabOptions) -> Result<Self, LabError> {
        if !SPEEDS.contains(&options.speed) {
            return Err(LabError::Speed(options.speed));
        }
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listen = |source| LabError::Listen {
            addr: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let token = data_encoding::HEXLOWER.encode(&random::<16>()?);
        let world = World::new(clock, addr, token.clone(), options);
        let stop = CancellationToken::new();
        let server = tokio::spawn(http::serve(listener, Arc::new(world), stop.clone()));
        Ok(Self {
            addr,
            token,
            stop: stop.drop_guard(),
            server,
        })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Credential of NetBox, PagerDuty and the control API; made anew at each start.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Base URL of one of the systems: `prometheus`, `alertmanager`, `netbox` or `pagerduty`.
    pub fn url(&self, system: &str) -> String {
        format!("http://{}/{system}", self.addr)
    }

    /// A configuration of the program that points at this lab, as TOML. Its secrets are in the environment variable
    /// `WARROOM_LAB_TOKEN`.
    pub fn demo_config(&self) -> String {
        demo::config(self)
    }

    /// Stops listening and ends all connections.
    pub async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(STOP_TIMEOUT, self.server).await.ok();
    }
}
