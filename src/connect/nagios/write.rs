//! Downtimes are made and ended: through the command file where one is named, else through `cmd.cgi`.
//!
//! Either takes a command and says nothing of what came of it. So the marker stands in the comment, and the list of
//! downtimes is read until it is there. Nagios writes that list every some seconds only: what is not in it yet may be
//! on its way.

use super::client::Client;
use super::config::NagiosConfig;
use super::pipe;
use super::request::{Command, Scope, field};
use super::response::{Downtime, NagiosError};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{HttpSetupError, snippet};
use crate::connect::mute::{Host, check_until, host_of, is_marked, marked, targets};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Deed, Matcher, Outcome};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long what was asked for is looked for: longer than the ten seconds between two writes of the status.
const READ_BACK: Duration = Duration::from_secs(20);

/// Pause between two looks: short beside what is waited for, and no load for a CGI.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Downtimes of one write: more than any host of a maintenance has services.
const DOWNTIMES_MAX: usize = 2_000;

/// Ends may differ by the second that a format cuts off.
const END_TOLERANCE: Duration = Duration::from_secs(2);

/// Makes and ends downtimes.
#[derive(Debug)]
pub(super) struct NagiosWriter {
    client: Client,
    command_file: Option<PathBuf>,
    read_back: Duration,
}

/// A host with those of its services that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Meant {
    host: String,
    is_host: bool,
    services: Vec<String>,
}

impl From<NagiosError> for WriteError {
    /// Of a look: nothing was sent by it.
    fn from(error: NagiosError) -> Self {
        match error {
            NagiosError::Http(error) => Self::of_look(error),
            other => Self::not_yet(other.to_string()),
        }
    }
}

impl NagiosWriter {
    /// Opens no connection.
    pub(super) fn new(config: &NagiosConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            client: Client::new(&config.http)?,
            command_file: config.command_file.clone(),
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
                let meant = self.meant(components, matchers).await?;
                let wish = Wish {
                    meant,
                    from: now.wall,
                    until: *until,
                    author: author(order.by),
                    comment: field(&marked(comment, order.marker)),
                    marker: order.marker,
                };
                self.mute(&wish).await
            }
            Deed::Unmute { reference } => self.unmute(reference, now.wall).await,
            other => Err(WriteError::refused(format!(
                "Nagios cannot {}",
                other.verb()
            ))),
        }
    }

    /// Hosts and services as Nagios calls them.
    async fn meant(
        &self,
        components: &[String],
        matchers: &[Matcher],
    ) -> Result<Vec<Meant>, WriteError> {
        let targets = targets(components, matchers)?;
        let names = self.client.host_names().await?;
        let host = |name| Host { name, address: "" };
        let known: Vec<Host<'_>> = names.iter().map(|name| host(name.as_str())).collect();
        let mut all: Vec<Meant> = Vec::new();
        let mut count: usize = 0;
        for component in &targets.hosts {
            let host = host_of(component, &known)?.to_owned();
            let mut services = self.client.service_names(&host).await?;
            if let Some(wanted) = &targets.service {
                services.retain(|service| service == wanted);
                if services.is_empty() {
                    return Err(WriteError::refused(format!(
                        "host `{host}` has no service `{wanted}`"
                    )));
                }
            }
            count = count.saturating_add(services.len()).saturating_add(1);
            if count > DOWNTIMES_MAX {
                return Err(WriteError::refused(format!(
                    "more than {DOWNTIMES_MAX} downtimes at once: name fewer components"
                )));
            }
            all.push(Meant {
                host,
                is_host: targets.service.is_none(),
                services,
            });
        }
        Ok(all)
    }

    async fn mute(&self, wish: &Wish<'_>) -> Result<Outcome, WriteError> {
        let there = marked_in(self.client.downtimes().await?.data, wish.marker);
        let missing = wish.missing(&there);
        let mut sent = false;
        for command in &missing {
            let done = self.send(command, wish.from).await;
            // Once one was sent, there is something, whatever becomes of the next.
            done.map_err(|error| WriteError {
                unclear: error.unclear || sent,
                ..error
            })?;
            sent = true;
        }
        let until = Instant::now() + self.read_back;
        loop {
            // What cannot be read now may be read a moment later.
            if let Ok(now) = self.client.downtimes().await {
                let there = marked_in(now.data, wish.marker);
                if wish.missing(&there).is_empty() {
                    return Ok(wish.outcome(&there));
                }
            }
            if Instant::now() >= until {
                return Ok(Outcome::Accepted {
                    reference: by_marker(wish.marker),
                    what: format!(
                        "Nagios was given {}; its list of downtimes does not show all of it yet",
                        plural(missing.len(), "command")
                    ),
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn unmute(&self, reference: &str, now: Timestamp) -> Result<Outcome, WriteError> {
        let meant = Reference::read(reference)?;
        let found = self.fresh(&meant).await?;
        for downtime in &found {
            let command = Command::Delete {
                id: downtime.id,
                is_service: downtime.service.is_some(),
            };
            self.send(&command, now).await?;
        }
        let until = Instant::now() + self.read_back;
        while !found.is_empty() {
            let left = self.client.downtimes().await.map(|now| meant.of(now.data));
            if left.is_ok_and(|left| left.is_empty()) {
                break;
            }
            if Instant::now() >= until {
                return Ok(Outcome::Accepted {
                    reference: reference.to_owned(),
                    what: "Nagios was told to end it; its list still shows it".to_owned(),
                });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(gone(reference))
    }

    /// What is there of a write, by a list that was written after it was asked for: an older one may lack what has
    /// just been made.
    async fn fresh(&self, meant: &Reference) -> Result<Vec<Downtime>, WriteError> {
        let until = Instant::now() + self.read_back;
        let first = self.client.downtimes().await?;
        let (asked, mut written) = (first.asked, first.written);
        let mut found = meant.of(first.data);
        while found.is_empty() && written < asked {
            if Instant::now() >= until {
                return Err(WriteError::unclear(format!(
                    "Nagios has not written its status since {}: is it running?",
                    written.to_seconds_text()
                )));
            }
            sleep(LOOK_EVERY).await;
            let next = self.client.downtimes().await?;
            written = next.written;
            found = meant.of(next.data);
        }
        Ok(found)
    }

    async fn send(&self, command: &Command, now: Timestamp) -> Result<(), WriteError> {
        match &self.command_file {
            Some(path) => pipe::write(path, &command.line(now)?),
            None => self.client.command(command, now).await,
        }
    }

    async fn look_for(&self, order: &Order<'_>) -> Result<Option<Outcome>, WriteError> {
        let reference = match order.deed {
            Deed::Mute { .. } => by_marker(order.marker),
            Deed::Unmute { reference } => reference.clone(),
            _ => return Ok(None),
        };
        let found = self.fresh(&Reference::read(&reference)?).await?;
        Ok(match (order.deed, found.is_empty()) {
            (Deed::Mute { .. }, true) | (Deed::Unmute { .. }, false) => None,
            (Deed::Unmute { .. }, true) => Some(gone(&reference)),
            _ => Some(done(&found, order.marker)),
        })
    }
}

/// A downtime that is wanted.
struct Wish<'a> {
    meant: Vec<Meant>,
    from: Timestamp,
    until: Timestamp,
    author: String,
    comment: String,
    marker: &'a str,
}

impl Wish<'_> {
    /// Commands for what is not there yet: all services of a host at once, or one by one when some are there.
    fn missing(&self, there: &[Downtime]) -> Vec<Command> {
        let mut commands = Vec::new();
        for meant in &self.meant {
            let has = |service: Option<&str>| {
                there
                    .iter()
                    .any(|d| d.host == meant.host && d.service.as_deref() == service)
            };
            if meant.is_host && !has(None) {
                commands.push(self.command(&meant.host, Scope::Host));
            }
            let services = meant.services.iter();
            let open: Vec<&String> = services.filter(|s| !has(Some(s.as_str()))).collect();
            if meant.is_host && !open.is_empty() && open.len() == meant.services.len() {
                commands.push(self.command(&meant.host, Scope::Services));
                continue;
            }
            for service in open {
                commands.push(self.command(&meant.host, Scope::Service(service.clone())));
            }
        }
        commands
    }

    fn command(&self, host: &str, scope: Scope) -> Command {
        Command::Schedule {
            host: host.to_owned(),
            scope,
            from: self.from,
            until: self.until,
            author: self.author.clone(),
            comment: self.comment.clone(),
        }
    }

    fn outcome(&self, there: &[Downtime]) -> Outcome {
        let is_off = |downtime: &&Downtime| {
            let (end, until) = (downtime.until(), self.until);
            end.since(until).max(until.since(end)) > END_TOLERANCE
        };
        match there.iter().find(is_off) {
            None => done(there, self.marker),
            Some(odd) => Outcome::Accepted {
                reference: by_marker(self.marker),
                what: format!(
                    "downtime {} ends at {}, not at {}",
                    odd.id,
                    odd.until().to_seconds_text(),
                    self.until.to_seconds_text()
                ),
            },
        }
    }
}

/// What an [`Outcome::Done`] named: a number, or `[MARKER]` where a write made several.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    Id(u64),
    Marker(String),
}

impl Reference {
    fn read(text: &str) -> Result<Self, WriteError> {
        let marker = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let is_marker =
            |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'/');
        match (marker, text.parse()) {
            (Some(marker), _) if !marker.is_empty() && marker.bytes().all(is_marker) => {
                Ok(Self::Marker(marker.to_owned()))
            }
            (None, Ok(id)) => Ok(Self::Id(id)),
            _ => Err(WriteError::refused(format!(
                "`{}` is not the number of a downtime",
                snippet(text.as_bytes())
            ))),
        }
    }

    fn of(&self, mut all: Vec<Downtime>) -> Vec<Downtime> {
        all.retain(|downtime| match self {
            Self::Id(id) => downtime.id == *id,
            Self::Marker(marker) => is_marked(&downtime.comment, marker),
        });
        all
    }
}

fn by_marker(marker: &str) -> String {
    format!("[{marker}]")
}

fn marked_in(all: Vec<Downtime>, marker: &str) -> Vec<Downtime> {
    Reference::Marker(marker.to_owned()).of(all)
}

fn author(by: &str) -> String {
    let by = field(by).trim().to_owned();
    if by.is_empty() {
        "warroom".to_owned()
    } else {
        by
    }
}

fn plural(count: usize, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {word}{s}")
}

fn done(there: &[Downtime], marker: &str) -> Outcome {
    let reference = match there {
        [one] => one.id.to_string(),
        _ => by_marker(marker),
    };
    let until = there.iter().map(Downtime::until).min();
    let mut targets: Vec<String> = there.iter().map(Downtime::target).take(4).collect();
    if there.len() > targets.len() {
        targets.push("...".to_owned());
    }
    Outcome::Done {
        reference,
        proof: format!(
            "read back as {} of {}, until {}",
            plural(there.len(), "downtime"),
            targets.join(", "),
            until.unwrap_or_default().to_seconds_text()
        ),
    }
}

fn gone(reference: &str) -> Outcome {
    Outcome::Done {
        reference: reference.to_owned(),
        proof: format!("read back: no downtime {reference} is there any more"),
    }
}

impl Writer for NagiosWriter {
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
