//! Log files of the program itself: non-blocking, beside the session, a few days kept.
//!
//! The journal does not go through here. Secrets cannot: they have no `Debug` and no `Display`.

use std::path::Path;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{InitError, Rotation};
use tracing_subscriber::EnvFilter;

/// Daily files kept: a maintenance and the review after it.
const FILES_MAX: usize = 7;

/// Starts logging into `dir/warroom.DATE.log`. The guard writes what is left when it is dropped: keep it to the end.
///
/// `filter`: directives such as `warroom=debug`; `warroom=info` when absent or wrong.
///
/// # Errors
/// When the directory or file cannot be made.
pub fn start(dir: &Path, filter: Option<&str>) -> Result<WorkerGuard, InitError> {
    let files = tracing_appender::rolling::Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("warroom")
        .filename_suffix("log")
        .max_log_files(FILES_MAX)
        .build(dir)?;
    let (writer, guard) = tracing_appender::non_blocking(files);
    let filter = filter
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new("warroom=info"));
    // A second start in one process keeps the first: tests start many servers in one.
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init()
        .ok();
    Ok(guard)
}
