//! CMDB and rota from files, where there is no CMDB and no pager, or beside them.
//!
//! A file is TOML, or JSON of the same shape when its name ends in `.json`; components also come as a table of
//! comma-separated values (`.csv`). It is read again when its time of change,
//! size or inode differs; while it cannot be read, what it said last stays and its connector goes stale.

mod cmdb;
mod config;
mod rota;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use config::{CMDB, EVERY, FileConfig, Kind, ROTA};
pub use text::FileFault;

use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{OnCall, Reading};
use crate::domain::time::{Moment, Timestamp};
use futures_util::future::BoxFuture;
use rota::Rota;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

/// Largest file read: 5,000 components with every field take half of it.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Longest time a look at a file may take; a network file system that hangs longer is an outage.
const DEADLINE: Duration = Duration::from_secs(5);

/// One file that is looked at again and again.
#[derive(Debug)]
pub struct File {
    config: FileConfig,
    stamp: Option<Stamp>,
    rotas: Vec<Rota>,
    told: Option<Vec<OnCall>>,
    trouble: Option<String>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    seconds: i64,
    nanoseconds: i64,
    size: u64,
    inode: u64,
}

impl File {
    /// Takes the settings; opens nothing.
    pub const fn new(config: FileConfig) -> Self {
        Self {
            config,
            stamp: None,
            rotas: Vec::new(),
            told: None,
            trouble: None,
        }
    }

    async fn look(&mut self, now: Timestamp) -> Result<Vec<Reading>, FileFault> {
        let (path, stamp) = (self.config.path.clone(), self.stamp);
        let looked = tokio::task::spawn_blocking(move || read_if_changed(&path, stamp)).await;
        let looked = looked.map_err(|_| self.fault("reading was broken off"))?;
        let changed = match looked {
            Ok(changed) => changed,
            Err(fault) => {
                // Whatever comes next is news, even the same file again.
                self.stamp = None;
                return Err(fault);
            }
        };
        let Some((stamp, text)) = changed else {
            return Ok(self.rota_readings(now));
        };
        self.stamp = None;
        let source = text::Source {
            file: &self.config.path,
            text: &text,
        };
        let readings = match self.config.kind {
            Kind::Cmdb => vec![Reading::Components {
                source: self.config.name.clone(),
                components: cmdb::parse(source)?,
            }],
            Kind::Rota => {
                self.rotas = rota::parse(source)?;
                self.told = None;
                self.rota_readings(now)
            }
        };
        self.stamp = Some(stamp);
        Ok(readings)
    }

    fn fault(&self, what: &str) -> FileFault {
        FileFault {
            file: self.config.path.clone(),
            place: None,
            what: what.to_owned(),
        }
    }

    /// On-calls when they differ from those told last: a hand-over changes them without the file.
    fn rota_readings(&mut self, now: Timestamp) -> Vec<Reading> {
        if self.config.kind == Kind::Cmdb {
            return Vec::new();
        }
        let unmanned = rota::unmanned(&self.rotas, now);
        self.trouble = (!unmanned.is_empty())
            .then(|| format!("nobody is on call for `{}`", unmanned.join("`, `")));
        let on_calls = rota::on_calls(&self.rotas, now);
        if self.told.as_ref() == Some(&on_calls) {
            return Vec::new();
        }
        self.told = Some(on_calls.clone());
        vec![Reading::OnCalls {
            source: self.config.name.clone(),
            on_calls,
        }]
    }
}

/// The text, unless the file is still the one with that stamp.
fn read_if_changed(
    path: &Path,
    known: Option<Stamp>,
) -> Result<Option<(Stamp, String)>, FileFault> {
    let fault = |what: String| FileFault {
        file: path.to_owned(),
        place: None,
        what,
    };
    let failed = |error: std::io::Error| fault(format!("cannot read the file: {error}"));
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = std::fs::OpenOptions::new()
        .read(true)
        // Opening a pipe nobody writes to would wait for ever.
        .custom_flags(nonblock)
        .open(path)
        .map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(fault("is not a plain file".to_owned()));
    }
    let stamp = Stamp {
        seconds: meta.mtime(),
        nanoseconds: meta.mtime_nsec(),
        size: meta.size(),
        inode: meta.ino(),
    };
    if known == Some(stamp) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut limited = file.take(FILE_BYTES_MAX.saturating_add(1));
    let size = limited.read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(size).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(fault(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| fault("is not UTF-8 text".to_owned()))?;
    Ok(Some((stamp, text)))
}

impl Source for File {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "files"
    }

    fn every(&self) -> Duration {
        self.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Aligned
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(async move {
            let looked = self.look(now.wall).await;
            looked.map_err(|fault| PollError::new(fault.to_string()))
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
