//! Records and states: looked for first, written once, read back.
//!
//! A configuration item has no journal of its own in every instance. What is recorded goes into its `comments`, which each
//! has, behind what is there already; or into `work_notes`, where the instance has added that journal. Source: ServiceNow,
//! "CMDB Instance API", attributes of a configuration item (`comments`, no `work_notes`); "Table API", `PATCH`.

use super::component::Found;
use super::request;
use super::response::{self, Cell, Row};
use super::{Client, ListError};
use crate::connect::catalog::{entry, mark};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{Call, HttpError};
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

/// Characters that `comments` of a configuration item holds; an instance cuts off the rest without a word.
/// Source: ServiceNow, dictionary entry `cmdb_ci.comments`, maximum length 4000.
const COMMENTS_CHARS_MAX: usize = 4000;

/// Writes to one instance.
#[derive(Debug)]
pub(super) struct ServiceNowWriter {
    client: Client,
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
            ListError::TooMany { .. } => Self::refused(what),
        }
    }
}

fn not_read(what: &'static str, cause: HttpError) -> WriteError {
    ListError::Http { what, cause }.into()
}

impl ServiceNowWriter {
    /// Takes what it asks with.
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Id of the record that a component was made from.
    ///
    /// By its own name where only one record has it; else everything is read again, as for the screen.
    async fn target(&self, component: &str) -> Result<String, WriteError> {
        let limit = self.client.deadline();
        let look = async {
            if let Some(id) = self.by_own_name(component).await? {
                return Ok(id);
            }
            let (all, _) = self.client.inventory().await?;
            let found = all
                .into_iter()
                .find(|found| found.component.name == component);
            found.map(|Found { id, .. }| id).ok_or_else(|| {
                WriteError::refused(format!(
                    "`{component}` is not in `{}`, or `query` leaves it out",
                    self.client.config.class
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

    async fn by_own_name(&self, component: &str) -> Result<Option<String>, WriteError> {
        let Some(call) = request::named(&self.client.config, component) else {
            return Ok(None);
        };
        let what = "configuration items";
        let rows = self.client.list(what, &call).await?.rows;
        // An instance ignores what it does not understand of a query: only the name itself proves anything.
        let mut same = rows.iter().enumerate().filter(|(_, row)| {
            row.get("name")
                .is_some_and(|name| name.text().trim() == component)
        });
        match (same.next(), same.next()) {
            (Some((index, row)), None) => {
                let item = response::item(row, index).map_err(|cause| not_read(what, cause))?;
                Ok(Some(item.id))
            }
            _ => Ok(None),
        }
    }

    async fn column(&self, id: &str, column: &str) -> Result<Cell, HttpError> {
        let call = request::item(&self.client.config, id, column);
        let answer = self.client.http.call(&call).await?;
        let mut row: Row = response::row(&answer.body)?;
        Ok(row.remove(column).unwrap_or_default())
    }

    async fn patch(&self, id: &str, column: &str, value: String) -> Result<(), WriteError> {
        let mut body = Map::new();
        body.insert(column.to_owned(), Value::String(value));
        let path = request::record(&self.client.config.class, id);
        let call = Call::patch(path, Value::Object(body)).query("sysparm_fields", "sys_id");
        self.client.http.call(&call).await?;
        Ok(())
    }

    async fn record(
        &self,
        component: &str,
        text: &str,
        order: &Order<'_>,
    ) -> Result<Outcome, WriteError> {
        let column = self.client.config.record_field;
        let id = self.target(component).await?;
        let before = self.column(&id, column).await;
        let before = before.map_err(|cause| not_read("what is recorded", cause))?;
        if has_mark(&before, order.marker) {
            return Ok(done(&id, format!("`{column}` has its mark already")));
        }
        let entry = entry(text, order.by, order.marker);
        // A journal stores nothing in the record itself, and puts what it is given before the rest.
        let whole = if before.value.is_empty() {
            entry
        } else {
            format!("{}\n\n{entry}", before.value)
        };
        if whole.chars().count() > COMMENTS_CHARS_MAX {
            return Err(WriteError::refused(format!(
                "`{column}` of `{component}` has no room for it: it holds {COMMENTS_CHARS_MAX} characters"
            )));
        }
        self.patch(&id, column, whole).await?;
        Ok(match self.column(&id, column).await {
            Ok(after) if has_mark(&after, order.marker) => {
                done(&id, format!("`{column}` reads back with its mark"))
            }
            Ok(_) => Outcome::Unknown {
                what: format!("`{column}` reads back without its mark"),
            },
            Err(error) => not_read_back(&id, &error),
        })
    }

    /// States that may be set, where the account may look: stored and as people see them.
    async fn choices(&self) -> Option<Vec<Cell>> {
        let call = request::choices(&self.client.config);
        let answer = self.client.http.call(&call).await.ok()?;
        let rows = response::rows(&answer.body).ok()?;
        let text = |row: &Row, column: &str| row.get(column).map(|c| c.value.clone());
        let choices: Vec<Cell> = rows
            .iter()
            .filter_map(|row| {
                Some(Cell {
                    value: text(row, "value")?,
                    shown: text(row, "label")?,
                })
            })
            .collect();
        (!choices.is_empty()).then_some(choices)
    }

    async fn value_of(&self, status: &str) -> Result<String, WriteError> {
        let column = self.client.config.status_field;
        let Some(choices) = self.choices().await else {
            let is_number = !status.is_empty() && status.bytes().all(|b| b.is_ascii_digit());
            return if is_number {
                Ok(status.to_owned())
            } else {
                Err(WriteError::refused(format!(
                    "the account cannot read the states in `sys_choice`: write the number of `{status}`, \
                     or give it the right to read that table"
                )))
            };
        };
        let known = choices.iter().find(|choice| is_status(choice, status));
        known.map(|choice| choice.value.clone()).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|choice| choice.shown.as_str()).collect();
            WriteError::refused(format!(
                "`{status}` is no value of `{column}`: {}",
                words.join(", ")
            ))
        })
    }

    async fn set_status(&self, component: &str, status: &str) -> Result<Outcome, WriteError> {
        let column = self.client.config.status_field;
        let id = self.target(component).await?;
        let before = self.column(&id, column).await;
        let before = before.map_err(|cause| not_read("the status", cause))?;
        if is_status(&before, status) {
            return Ok(done(
                &id,
                format!("`{column}` is already `{}`", before.text()),
            ));
        }
        let value = self.value_of(status).await?;
        self.patch(&id, column, value.clone()).await?;
        Ok(match self.column(&id, column).await {
            Ok(after) if after.value == value => {
                done(&id, format!("`{column}` reads back as `{}`", after.text()))
            }
            Ok(after) => Outcome::Unknown {
                what: format!(
                    "`{column}` was set to `{value}` and reads back as `{}`",
                    after.value
                ),
            },
            Err(error) => not_read_back(&id, &error),
        })
    }

    async fn find(&self, order: &Order<'_>) -> Result<Option<Outcome>, WriteError> {
        let config = &self.client.config;
        match order.deed {
            Deed::Record { component, .. } => {
                let id = self.target(component).await?;
                let cell = self.column(&id, config.record_field).await;
                let cell = cell.map_err(|cause| not_read("what is recorded", cause))?;
                Ok(has_mark(&cell, order.marker)
                    .then(|| done(&id, format!("`{}` has its mark", config.record_field))))
            }
            Deed::SetStatus { component, status } => {
                let id = self.target(component).await?;
                let cell = self.column(&id, config.status_field).await;
                let cell = cell.map_err(|cause| not_read("the status", cause))?;
                Ok(is_status(&cell, status).then(|| {
                    done(
                        &id,
                        format!("`{}` is `{}`", config.status_field, cell.text()),
                    )
                }))
            }
            other => Err(cannot(other)),
        }
    }
}

/// A journal shows its entries to people alone, and has nothing stored in the record.
fn has_mark(cell: &Cell, marker: &str) -> bool {
    let mark = mark(marker);
    cell.value.contains(&mark) || cell.shown.contains(&mark)
}

fn is_status(cell: &Cell, status: &str) -> bool {
    let status = status.to_lowercase();
    !status.is_empty()
        && (cell.value.to_lowercase() == status || cell.shown.to_lowercase() == status)
}

fn done(id: &str, proof: String) -> Outcome {
    Outcome::Done {
        reference: id.to_owned(),
        proof,
    }
}

fn not_read_back(id: &str, error: &HttpError) -> Outcome {
    Outcome::Accepted {
        reference: id.to_owned(),
        what: format!("answered, and not read back: {error}"),
    }
}

fn cannot(deed: &Deed) -> WriteError {
    WriteError::refused(format!("ServiceNow's CMDB cannot {}", deed.verb()))
}

impl Writer for ServiceNowWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(async move {
            match order.deed {
                Deed::Record { component, text } => self.record(component, text, order).await,
                Deed::SetStatus { component, status } => self.set_status(component, status).await,
                other => Err(cannot(other)),
            }
        })
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(async move { Self::find(self, order).await })
    }
}
