//! Journal entries and states: looked for first, written once, read back.

use super::component::Found;
use super::dialect::{Dialect, List};
use super::request;
use super::response::{self, Entry, Id, Machine, Metadata, Page, Status};
use super::{Client, ListError};
use crate::connect::catalog::{entry, mark};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{Call, HttpError, Method};
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome};
use futures_util::future::BoxFuture;

/// Writes to one NetBox or Nautobot.
#[derive(Debug)]
pub(super) struct NetBoxWriter {
    client: Client,
}

/// The object that a component was made from.
#[derive(Debug, Clone)]
struct Target {
    list: List,
    id: Id,
}

impl NetBoxWriter {
    /// Takes what it asks with.
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    const fn dialect(&self) -> Dialect {
        self.client.config.dialect
    }

    /// Finds the object of a component.
    ///
    /// By its own name where only one device or virtual machine has it. Others have names that say more than their own,
    /// such as services: then everything is read again, as for the screen.
    async fn target(&self, component: &str) -> Result<Target, WriteError> {
        let limit = self.client.deadline();
        let look = async {
            if let Some(target) = self.by_own_name(component).await? {
                return Ok(target);
            }
            let all = self.client.inventory().await?;
            let found = all
                .components()
                .into_iter()
                .find(|found| found.component.name == component);
            found
                .map(|Found { list, id, .. }| Target { list, id })
                .ok_or_else(|| {
                    let title = self.dialect().title();
                    WriteError::refused(format!(
                        "`{component}` is not in {title}, or `filter` leaves it out"
                    ))
                })
        };
        let looked = tokio::time::timeout(limit, look).await;
        looked.unwrap_or_else(|_| {
            let seconds = limit.as_secs();
            Err(WriteError::not_yet(format!(
                "`{component}` was not found within {seconds} s; nothing was written"
            )))
        })
    }

    async fn by_own_name(&self, component: &str) -> Result<Option<Target>, WriteError> {
        let mut targets = Vec::new();
        for list in [List::Devices, List::VirtualMachines] {
            let call = request::named(self.dialect(), list, &self.client.config.filter, component);
            let page: Page<Machine> = self
                .client
                .json(&call)
                .await
                .map_err(|cause| not_read(list, cause))?;
            let same = page.results.into_iter().filter(|m| m.name() == component);
            targets.extend(same.map(|machine| Target {
                list,
                id: machine.id,
            }));
        }
        Ok(match targets.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        })
    }

    /// The entry that has this mark.
    async fn marked(&self, target: &Target, marker: &str) -> Result<Option<Entry>, WriteError> {
        let call = request::entries(
            self.dialect(),
            target.list.object_type(),
            &target.id,
            marker,
        );
        let page: Page<Entry> = self
            .client
            .json(&call)
            .await
            .map_err(|cause| not_read(List::Entries, cause))?;
        let mark = mark(marker);
        let mut entries = page.results.into_iter();
        Ok(entries.find(|entry| entry.comments.contains(&mark)))
    }

    async fn record(
        &self,
        component: &str,
        text: &str,
        order: &Order<'_>,
    ) -> Result<Outcome, WriteError> {
        let target = self.target(component).await?;
        if let Some(entry) = self.marked(&target, order.marker).await? {
            return Ok(done_entry(&entry.id, "was there already as"));
        }
        let dialect = self.dialect();
        let text = entry(text, order.by, order.marker);
        let body = dialect.new_entry(target.list.object_type(), &target.id, &text);
        let call = Call::post(dialect.path(List::Entries), body);
        let answer = self.client.http.call(&call).await?;
        let made: Entry = answer.json().map_err(|error| {
            // It was taken, but what the server says about it cannot be read.
            WriteError::unclear(error.with_hint())
        })?;
        let call = Call::get(request::object_path(dialect, List::Entries, &made.id));
        let back: Result<Entry, HttpError> = self.client.json(&call).await;
        Ok(match back {
            Ok(back) if back.comments.contains(&mark(order.marker)) => {
                done_entry(&back.id, "read back as")
            }
            Ok(_) => Outcome::Unknown {
                what: format!("entry {} reads back without its mark", made.id.as_str()),
            },
            Err(error) => Outcome::Accepted {
                reference: made.id.as_str().to_owned(),
                what: format!(
                    "answered as entry {}, and not read back: {error}",
                    made.id.as_str()
                ),
            },
        })
    }

    /// A device or virtual machine as it is now.
    async fn machine(&self, target: &Target) -> Result<Machine, HttpError> {
        let call = request::object(self.dialect(), target.list, &target.id);
        self.client.json(&call).await
    }

    /// States that the server takes for such an object, where it tells.
    async fn statuses(&self, list: List) -> Option<Vec<Status>> {
        match self.dialect() {
            Dialect::NetBox => {
                let call = Call::new(Method::Options, Dialect::NetBox.path(list));
                let metadata: Metadata = self.client.json(&call).await.ok()?;
                metadata.statuses()
            }
            Dialect::Nautobot => {
                let answer = self.client.http.call(&request::statuses(list)).await.ok()?;
                let page = response::page::<Status>(&answer.body).ok()?;
                // A list in several pages is more than anybody chooses from; the server then judges alone.
                page.next.is_none().then_some(page.results)
            }
        }
    }

    async fn set_status(&self, component: &str, status: &str) -> Result<Outcome, WriteError> {
        let target = self.target(component).await?;
        if target.list == List::Services {
            return Err(WriteError::refused(format!(
                "`{component}` is a service, which has no status; set that of its machine"
            )));
        }
        let now = self
            .machine(&target)
            .await
            .map_err(|cause| not_read(target.list, cause))?;
        if is_same(&now.status(), status) {
            return Ok(done_status(&target.id, status, "is already"));
        }
        let mut word = status.to_owned();
        if let Some(statuses) = self.statuses(target.list).await {
            let known = statuses
                .iter()
                .find(|one| is_same(&one.value, status) || is_same(&one.display_name, status));
            let Some(known) = known else {
                let words: Vec<&str> = statuses.iter().map(|s| s.value.as_str()).collect();
                return Err(WriteError::refused(format!(
                    "`{status}` is no status of {}: {}",
                    target.list.what(),
                    words.join(", ")
                )));
            };
            word.clone_from(&known.value);
        }
        let path = request::object_path(self.dialect(), target.list, &target.id);
        let call = Call::patch(path, self.dialect().new_status(&word));
        self.client.http.call(&call).await?;
        Ok(match self.machine(&target).await {
            Ok(back) if is_same(&back.status(), &word) => {
                done_status(&target.id, &word, "reads back as")
            }
            Ok(back) => Outcome::Unknown {
                what: format!(
                    "the status was set to `{word}` and reads back as `{}`",
                    back.status()
                ),
            },
            Err(error) => Outcome::Accepted {
                reference: target.id.as_str().to_owned(),
                what: format!("answered, and not read back: {error}"),
            },
        })
    }

    async fn find_status(
        &self,
        component: &str,
        status: &str,
    ) -> Result<Option<Outcome>, WriteError> {
        let target = self.target(component).await?;
        let now = self
            .machine(&target)
            .await
            .map_err(|cause| not_read(target.list, cause))?;
        let is_so = is_same(&now.status(), status);
        Ok(is_so.then(|| done_status(&target.id, status, "reads as")))
    }
}

fn is_same(word: &str, other: &str) -> bool {
    word.to_lowercase() == other.to_lowercase()
}

fn done_entry(id: &Id, how: &str) -> Outcome {
    Outcome::Done {
        reference: id.as_str().to_owned(),
        proof: format!("{how} entry {}", id.as_str()),
    }
}

fn done_status(id: &Id, status: &str, how: &str) -> Outcome {
    Outcome::Done {
        reference: id.as_str().to_owned(),
        proof: format!("the status {how} `{status}`"),
    }
}

impl From<ListError> for WriteError {
    /// Lists are read before anything is sent.
    fn from(error: ListError) -> Self {
        let what = format!("{}; nothing was written", error.with_hint());
        match error {
            ListError::Http { cause, .. } => Self {
                what,
                ..Self::of_look(cause)
            },
            _ => Self::not_yet(what),
        }
    }
}

fn not_read(list: List, cause: HttpError) -> WriteError {
    let what = list.what();
    ListError::Http { what, cause }.into()
}

impl Writer for NetBoxWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(async move {
            match order.deed {
                Deed::Record { component, text } => self.record(component, text, order).await,
                Deed::SetStatus { component, status } => self.set_status(component, status).await,
                other => Err(cannot(self.dialect(), other)),
            }
        })
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(async move {
            match order.deed {
                Deed::Record { component, .. } => {
                    let target = self.target(component).await?;
                    let entry = self.marked(&target, order.marker).await?;
                    Ok(entry.map(|entry| done_entry(&entry.id, "found as")))
                }
                Deed::SetStatus { component, status } => self.find_status(component, status).await,
                other => Err(cannot(self.dialect(), other)),
            }
        })
    }
}

fn cannot(dialect: Dialect, deed: &Deed) -> WriteError {
    WriteError::refused(format!("{} cannot {}", dialect.title(), deed.verb()))
}
