//! Settings of `[connect.servicenow.NAME]`.

use super::probe::ServiceNowProbe;
use super::write::ServiceNowWriter;
use super::{Client, ServiceNow};
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.servicenow.NAME]`
pub const KIND: Kind = Kind {
    word: "servicenow",
    read,
};

/// Interval of the polls when the configuration names none: a CMDB changes slowly, and a full read is not cheap for it.
pub const EVERY: Duration = Duration::from_secs(300);

/// Table of all configuration items.
const CLASS: &str = "cmdb_ci";

/// Kinds of relations that are dependencies when the configuration names none: in each the parent needs the child.
/// Source: ServiceNow, "CI relationships".
pub const RELATIONS: [&str; 4] = [
    "Depends on::Used by",
    "Runs on::Runs",
    "Hosted on::Hosts",
    "Virtualized by::Virtualizes",
];

/// Columns that may say the status, the default first.
const STATUS_FIELDS: [&str; 2] = ["operational_status", "install_status"];

/// Columns that may take what is recorded, the default first: every configuration item has the first, and the second is a
/// journal where an instance has added it.
const RECORD_FIELDS: [&str; 2] = ["comments", "work_notes"];

/// One instance.
#[derive(Debug, Clone)]
pub struct ServiceNowConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL, and credentials.
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Table that is read; those derived from it are in it.
    pub class: String,
    /// Encoded query that narrows it down; or empty.
    pub query: String,
    /// Names of the types of relations in which the parent needs the child; none are read when empty.
    pub relations: Vec<String>,
    /// Column that says the role, if any does.
    pub role_field: Option<String>,
    /// Further columns that are kept as fields.
    pub fields: Vec<String>,
    /// Column that says the status.
    pub status_field: &'static str,
    /// Column that takes what is recorded.
    pub record_field: &'static str,
    /// Records may be written, and states changed.
    pub writes: bool,
}

impl ServiceNowConfig {
    /// Defaults for an instance without credentials.
    pub fn new(name: ConnectorName, http: HttpConfig) -> Self {
        let [status_field, _] = STATUS_FIELDS;
        let [record_field, _] = RECORD_FIELDS;
        Self {
            name,
            http,
            every: EVERY,
            class: CLASS.to_owned(),
            query: String::new(),
            relations: RELATIONS.map(str::to_owned).to_vec(),
            role_field: None,
            fields: Vec::new(),
            status_field,
            record_field,
            writes: false,
        }
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let auth = keys.auth();
    let every = keys.span("every", keys::EVERY);
    let class = column(keys, "class");
    let query = keys.text("query");
    let relations = keys.has("relations").then(|| keys.texts("relations"));
    if let Some(bad) = relations.iter().flatten().find(|r| r.contains(['^', ','])) {
        let what = format!("`{bad}` is no name of a type of relations");
        keys.fault("relations", what, "such as `Depends on::Used by`");
    }
    let role_field = column(keys, "role_field");
    let fields = keys.ids("fields");
    let status_field = keys.word("status_field", &STATUS_FIELDS);
    let record_field = keys.word("record_field", &RECORD_FIELDS);
    let writes = keys.flag("writes");
    let http = keys.http(None)?;
    let defaults = ServiceNowConfig::new(name, HttpConfig { auth, ..http });
    Some(Arc::new(ServiceNowConfig {
        every: every.unwrap_or(defaults.every),
        class: class.unwrap_or(defaults.class),
        query: query.unwrap_or(defaults.query),
        relations: relations.unwrap_or(defaults.relations),
        role_field,
        fields,
        status_field: status_field.unwrap_or(defaults.status_field),
        record_field: record_field.unwrap_or(defaults.record_field),
        writes: writes.unwrap_or(false),
        name: defaults.name,
        http: defaults.http,
    }))
}

/// Name of a table or column: lower-case letters, digits and `_`.
fn column(keys: &mut dyn Keys, key: &'static str) -> Option<String> {
    let text = keys.text(key)?;
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !text.is_empty() && text.bytes().all(is_name) {
        return Some(text);
    }
    let what = format!("`{text}` is no name of a table or column");
    keys.fault(
        key,
        what,
        "its name, not its label: `cmdb_ci_server`, `u_role`",
    );
    None
}

impl Connector for ServiceNowConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "servicenow"
    }

    fn is_catalog(&self) -> bool {
        true
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn abilities(&self) -> Vec<Ability> {
        if self.writes {
            vec![Ability::Record, Ability::SetStatus]
        } else {
            Vec::new()
        }
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(ServiceNow::new(self.clone())?)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        let client = Client::new(self.clone())?;
        Ok(Some(Box::new(ServiceNowWriter::new(client))))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(ServiceNowProbe::new(Client::new(self.clone())?)))
    }
}
