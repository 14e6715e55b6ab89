//! Settings of `[connect.cmdb-file.NAME]` and `[connect.rota-file.NAME]`.

use super::File;
use crate::clock::Clock;
use crate::connect::connector::{self, Connector};
use crate::connect::http::HttpSetupError;
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.cmdb-file.NAME]`
pub const CMDB: connector::Kind = connector::Kind {
    word: "cmdb-file",
    read: |name, keys| read(Kind::Cmdb, name, keys),
};

/// `[connect.rota-file.NAME]`
pub const ROTA: connector::Kind = connector::Kind {
    word: "rota-file",
    read: |name, keys| read(Kind::Rota, name, keys),
};

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
    /// The file; `.json` is JSON, `.csv` of components is a table, anything else is TOML.
    pub path: PathBuf,
    /// How often its time of change is looked at.
    pub every: Duration,
}

fn read(kind: Kind, name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let every = keys.span("every", keys::EVERY);
    let hint = match kind {
        Kind::Cmdb => "a file, TOML, JSON or CSV",
        Kind::Rota => "a file, TOML or JSON",
    };
    let path = keys.required_path("path", hint)?;
    Some(Arc::new(FileConfig {
        name,
        kind,
        path,
        every: every.unwrap_or(EVERY),
    }))
}

impl Connector for FileConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "files"
    }

    fn is_catalog(&self) -> bool {
        self.kind == Kind::Cmdb
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(File::new(self.clone()))))
    }
}
