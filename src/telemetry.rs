//! Log files of the program itself: non-blocking, beside the session, a few days kept.
//!
//! The journal does not go through here. Secrets cannot: they have no `Debug` and no `Display`.

use std::path::Path;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, Rotation};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Daily files kept: a maintenance and the review after it.
const FILES_MAX: usize = 7;
/// Lines that may wait for the disk; further ones are dropped. A busy second writes tens, and the place for all of
/// them is taken at once: the 128,000 of the library are 4 MiB of memory for good.
const LINES_MAX: usize = 4096;

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
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_MAX)
        .finish(files);
    let filter = filter
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| Targets::new().with_target("warroom", LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(writer)
        .with_ansi(false);
    // A second start in one process keeps the first: tests start many servers in one.
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .ok();
    Ok(guard)
}
