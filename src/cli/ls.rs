//! `warroom ls`: sessions of this host that this account can see.

use super::Outcome;
use super::environment::{Environment, client_runtime};
use crate::client::link::{Introduction, Target};
use crate::client::query::{self, Seen};
use crate::config::Secrets;
use crate::domain::id::SessionName;
use crate::exit::{Code, Failure};
use crate::report::status::{self, Summary};
use crate::wire::place;
use std::io::Write as _;

/// `warroom ls`.
pub(super) fn ls(environment: &Environment, json: bool) -> Outcome {
    let config = environment.config(Secrets::Skip)?;
    let runtime_dirs = environment.runtime_dirs(&config);
    let names = place::names(&runtime_dirs);
    let runtime = client_runtime()?;
    let rows: Vec<(SessionName, Result<Summary, String>)> = names
        .into_iter()
        .map(|name| {
            let target = Target::Local {
                name: name.clone(),
                runtime_dirs: runtime_dirs.clone(),
            };
            let seen = runtime.block_on(query::snapshot(&target, &Introduction::default()));
            let row = seen
                .map(|Seen { snapshot, .. }| status::summary(&snapshot.state))
                .map_err(|e| e.to_string());
            (name, row)
        })
        .collect();
    let mut out = std::io::stdout();
    if json {
        let list: Vec<_> = rows
            .iter()
            .map(|(name, row)| match row {
                Ok(summary) => {
                    serde_json::json!({ "name": name, "alive": true, "summary": summary })
                }
                Err(error) => serde_json::json!({ "name": name, "alive": false, "error": error }),
            })
            .collect();
        writeln!(out, "{}", serde_json::Value::from(list)).map_err(Failure::new)?;
        return Ok(Code::Done);
    }
    if rows.is_empty() {
        writeln!(std::io::stderr(), "no sessions").ok();
    }
    for (name, row) in rows {
        let line = match row {
            Ok(summary) => format!("{name}: {}", summary.to_line()),
            Err(error) => format!("{name}: not reachable: {error}"),
        };
        writeln!(out, "{}", crate::display::for_terminal(&line)).map_err(Failure::new)?;
    }
    Ok(Code::Done)
}
