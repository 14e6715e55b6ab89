//! Downtimes are made and ended. The API knows no key of a write, so the marker stands in the comment and is looked for
//! first; what was made is read back.

use super::client::{Client, IcingaError};
use super::request::{Wanted, Which};
use super::response::{Acted, Downtime};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{HttpConfig, HttpSetupError, snippet};
use crate::connect::mute::{Host, check_until, host_of, marked, targets};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Deed, Matcher, Outcome};
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long what was asked for is looked for: an endpoint of a cluster passes it on first.
const READ_BACK: Duration = Duration::from_secs(5);

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Longest name of a downtime: host, service and a UUID.
const NAME_BYTES_MAX: usize = 600;

/// Ends may differ by the second that is cut off.
const END_TOLERANCE: Duration = Duration::from_secs(2);

/// Makes and ends downtimes.
#[derive(Debug)]
pub(super) struct IcingaWriter {
    client: Client,
    read_back: Duration,
}

/// A failed look: nothing was sent by it.
fn looked(error: IcingaError) -> WriteError {
    WriteError {
        unclear: false,
        ..acted(error)
    }
}

/// A failed action: what its status says of whether it happened, in Icinga's words.
fn acted(error: IcingaError) -> WriteError {
    let what = error.to_string();
    WriteError {
        what,
        ..WriteError::from(error.cause)
    }
}

impl IcingaWriter {
    /// Opens no connection.
    pub(super) fn new(config: &HttpConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            client: Client::new(config)?,
            read_back: READ_BACK,
        })
    }

    /// The same with another patience.
    #[cfg(test)]
    pub(super) const fn patience(mut self, read_back: Duration) -> Self {
        self.read_back = read_back;
        self
    }

    async fn carry_out(&self, order: &Order<'_>, now: Moment) -> Result<Outcome, WriteError> {
        match order.deed {
            Deed::Mute {
                components,
                matchers,
                until,
                comment,
            } => {
                check_until(*until, now.wall)?;
                let (hosts, service) = self.meant(components, matchers).await?;
                let wanted = Wanted {
                    hosts,
                    service,
                    from: now.wall,
                    until: *until,
                    author: author(order.by),
                    comment: marked(comment, order.marker),
                };
                self.mute(wanted, order.marker).await
            }
            Deed::Unmute { reference } => self.unmute(reference, order.by).await,
            other => Err(WriteError::refused(format!(
                "Icinga cannot {}",
                other.verb()
            ))),
        }
    }

    /// Hosts and the service as Icinga calls them.
    async fn meant(
        &self,
        components: &[String],
        matchers: &[Matcher],
    ) -> Result<(Vec<String>, Option<String>), WriteError> {
        let targets = targets(components, matchers)?;
        let known = self.client.hosts().await.map_err(looked)?;
        let known: Vec<Host<'_>> = known
            .iter()
            .map(|host| Host {
                name: &host.name,
                address: &host.address,
            })
            .collect();
        let hosts = targets.hosts.iter();
        let hosts = hosts.map(|component| Ok(host_of(component, &known)?.to_owned()));
        let mut hosts = hosts.collect::<Result<Vec<String>, WriteError>>()?;
        hosts.sort();
        hosts.dedup();
        if let Some(service) = &targets.service {
            let have = self.client.with_service(&hosts, service).await;
            let have = have.map_err(looked)?;
            if let Some(without) = hosts.iter().find(|host| !have.contains(host)) {
                return Err(WriteError::refused(format!(
                    "host `{without}` has no service `{service}`"
                )));
            }
        }
        Ok((hosts, targets.service))
    }

    async fn mute(&self, mut wanted: Wanted, marker: &str) -> Result<Outcome, WriteError> {
        let which = Which::Marker(marker.to_owned());
        let all = wanted.hosts.clone();
        let there = self.client.downtimes(Some(&which)).await.map_err(looked)?;
        wanted.hosts = missing(&all, wanted.service.as_deref(), &there);
        if wanted.hosts.is_empty() {
            return Ok(outcome(&there, marker, wanted.until));
        }
        let results = self.client.schedule(&wanted).await.map_err(acted)?;
        let refused = bad(&results);
        let until = Instant::now() + self.read_back;
        loop {
            // What cannot be read now may be read a moment later.
            if let Ok(there) = self.client.downtimes(Some(&which)).await
                && missing(&all, wanted.service.as_deref(), &there).is_empty()
            {
                return Ok(outcome(&there, marker, wanted.until));
            }
            if Instant::now() >= until {
                return Ok(Outcome::Accepted {
                    reference: by_marker(marker),
                    what: refused.unwrap_or_else(|| {
                        "Icinga took it; its downtimes do not show all of it yet".to_owned()
                    }),
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn unmute(&self, reference: &str, by: &str) -> Result<Outcome, WriteError> {
        let which = read_reference(reference)?;
        let found = self.client.downtimes(Some(&which)).await.map_err(looked)?;
        if found.is_empty() {
            return Ok(gone(reference));
        }
        let results = self.client.remove(&which, &author(by)).await;
        let refused = bad(&results.map_err(acted)?);
        let until = Instant::now() + self.read_back;
        loop {
            let left = self.client.downtimes(Some(&which)).await;
            if left.is_ok_and(|left| left.is_empty()) {
                return Ok(gone(reference));
            }
            if Instant::now() >= until {
                return Ok(Outcome::Accepted {
                    reference: reference.to_owned(),
                    what: refused.unwrap_or_else(|| {
                        "Icinga was told to end it, and still has it".to_owned()
                    }),
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look_for(&self, order: &Order<'_>) -> Result<Option<Outcome>, WriteError> {
        let (which, until) = match order.deed {
            Deed::Mute { until, .. } => (Which::Marker(order.marker.to_owned()), Some(*until)),
            Deed::Unmute { reference } => (read_reference(reference)?, None),
            _ => return Ok(None),
        };
        let found = self.client.downtimes(Some(&which)).await.map_err(looked)?;
        Ok(match (order.deed, until) {
            (Deed::Unmute { reference }, _) => found.is_empty().then(|| gone(reference)),
            (_, Some(until)) if !found.is_empty() => Some(outcome(&found, order.marker, until)),
            _ => None,
        })
    }
}

/// Hosts that have no downtime yet: of their own, or of the service.
fn missing(hosts: &[String], service: Option<&str>, there: &[Downtime]) -> Vec<String> {
    let has = |host: &&String| {
        let service = service.unwrap_or_default();
        there
            .iter()
            .any(|d| d.host == **host && d.service == service)
    };
    hosts.iter().filter(|host| !has(host)).cloned().collect()
}

/// What Icinga did not do, in its words.
fn bad(results: &[Acted]) -> Option<String> {
    let bad = results.iter().find(|acted| acted.code >= 300.0)?;
    Some(snippet(bad.status.as_bytes()))
}

/// The name of a downtime, or `[MARKER]` where a write made several.
fn read_reference(text: &str) -> Result<Which, WriteError> {
    let marker = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    match marker {
        Some(marker) if !marker.is_empty() => Ok(Which::Marker(marker.to_owned())),
        None if text.contains('!') && text.len() <= NAME_BYTES_MAX => {
            Ok(Which::Name(text.to_owned()))
        }
        _ => Err(WriteError::refused(format!(
            "`{}` is not the name of a downtime",
            snippet(text.as_bytes())
        ))),
    }
}

fn by_marker(marker: &str) -> String {
    format!("[{marker}]")
}

fn author(by: &str) -> String {
    match by.trim() {
        "" => "warroom".to_owned(),
        by => by.to_owned(),
    }
}

fn outcome(there: &[Downtime], marker: &str, until: Timestamp) -> Outcome {
    let reference = match there {
        [one] => one.name.clone(),
        _ => by_marker(marker),
    };
    let is_off = |downtime: &&Downtime| {
        downtime
            .until()
            .is_none_or(|end| end.since(until).max(until.since(end)) > END_TOLERANCE)
    };
    if let Some(odd) = there.iter().find(is_off) {
        return Outcome::Accepted {
            reference,
            what: format!(
                "the downtime of {} does not end at {}",
                odd.target(),
                until.to_seconds_text()
            ),
        };
    }
    let mut targets: Vec<String> = there.iter().map(Downtime::target).take(4).collect();
    if there.len() > targets.len() {
        targets.push("...".to_owned());
    }
    let s = if there.len() == 1 { "" } else { "s" };
    Outcome::Done {
        reference,
        proof: format!(
            "read back as {} downtime{s} of {}, until {}",
            there.len(),
            targets.join(", "),
            until.to_seconds_text()
        ),
    }
}

fn gone(reference: &str) -> Outcome {
    Outcome::Done {
        reference: reference.to_owned(),
        proof: format!("read back: no downtime {reference} is there any more"),
    }
}

impl Writer for IcingaWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(self.carry_out(order, now))
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(self.look_for(order))
    }
}
