//! Settings of `[connect.cmdb-file.NAME]` and `[connect.rota-file.NAME]`.

use crate::domain::id::ConnectorName;
use std::path::PathBuf;
use std::time::Duration;

/// How often a file is looked at when the configuration names nothing: somebody who has just saved it waits for that.
pub const EVERY: Duration = Duration::from_secs(5);

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Components.
    Cmdb,
    /// Who is on call.
    Rota,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// What the file holds.
    pub kind: Kind,
    /// The file; `.json` is JSON, anything else is TOML.
    pub path: PathBuf,
    /// How often its time of change is looked at.
    pub every: Duration,
}
