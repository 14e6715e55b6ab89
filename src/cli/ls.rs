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
use futures_util::StreamExt as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// Time one session has for its answer: a list that waits for a dead one is no list.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Sessions asked at a time.
const AT_ONCE: usize = 16;

/// A session, and its line or why there is none.
type Row = (SessionName, Result<Summary, String>);

/// `warroom ls`.
pub(super) fn ls(environment: &Environment, json: bool) -> Outcome {
    let config = environment.config(Secrets::Skip)?;
    let runtime_dirs = environment.runtime_dirs(&config);
    let names = place::names(&runtime_dirs);
    let runtime = client_runtime()?;
    let rows = runtime.block_on(look_at_all(names, &runtime_dirs));
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
        super::say(&format!("{}\n", serde_json::Value::from(list)))?;
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
        super::say(&format!("{line}\n"))?;
    }
    Ok(Code::Done)
}

/// Asks every session, some at a time, in the order of their names.
async fn look_at_all(names: Vec<SessionName>, runtime_dirs: &[PathBuf]) -> Vec<Row> {
    let asked = names.into_iter().map(|name| async move {
        let target = Target::Local {
            name: name.clone(),
            runtime_dirs: runtime_dirs.to_vec(),
        };
        let introduction = Introduction::default();
        let asking = query::snapshot(&target, &introduction);
        let row = match tokio::time::timeout(ANSWER_MAX, asking).await {
            Ok(Ok(Seen { snapshot, .. })) => Ok(status::summary(&snapshot.state)),
            Ok(Err(error)) => Err(Failure::new(error).chain()),
            Err(_) => Err(format!("no answer within {} s", ANSWER_MAX.as_secs())),
        };
        (name, row)
    });
    futures_util::stream::iter(asked)
        .buffered(AT_ONCE)
        .collect()
        .await
}
