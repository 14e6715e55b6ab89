//! `warroom status` and `warroom kill-session`.

use super::Outcome;
use super::args::{StatusArgs, TargetArgs};
use super::environment::{self, Environment, client_runtime};
use crate::client::link::{Introduction, LinkError, Target};
use crate::client::query;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Secrets};
use crate::domain::id::SessionName;
use crate::exit::{Code, Failure};
use crate::report::status::{self, Standing};
use crate::server::peek;
use crate::wire::place::{self, PlaceError};
use std::io::Write as _;
use std::path::PathBuf;

/// `warroom status`.
pub(super) fn status(environment: &Environment, args: &StatusArgs) -> Outcome {
    let target = target(
        environment,
        args.session.as_deref().or(args.target.as_deref()),
    )?;
    let runtime = client_runtime()?;
    let seen = runtime
        .block_on(query::snapshot(&target, &Introduction::default()))
        .map_err(failure)?;
    let summary = status::summary(&seen.snapshot.state);
    let now = SystemClock.now();
    if args.json {
        let report = status::to_json(&seen.snapshot, &summary, now);
        super::say(&format!("{report}\n"))?;
    } else {
        super::say(&status::to_text(&seen.snapshot, &summary, now))?;
    }
    Ok(code(summary.standing))
}

/// Exit code of a standing; the numbers are in the manual.
const fn code(standing: Standing) -> Code {
    match standing {
        Standing::Completed => Code::Done,
        Standing::NotBegun => Code::NotBegun,
        Standing::Running => Code::Running,
        Standing::Held => Code::Held,
        Standing::AwaitingSecond => Code::AwaitingSecond,
        Standing::RollingBack => Code::RollingBack,
        Standing::RolledBack => Code::RolledBack,
        Standing::Aborted => Code::Aborted,
        Standing::Unknown => Code::Unknown,
        Standing::StepFailed => Code::StepFailed,
    }
}

/// `warroom kill-session`.
pub(super) fn kill(environment: &Environment, args: &TargetArgs) -> Outcome {
    let target = target(
        environment,
        args.session.as_deref().or(args.target.as_deref()),
    )?;
    let runtime = client_runtime()?;
    let reason = runtime
        .block_on(query::shut_down(&target))
        .map_err(failure)?;
    writeln!(
        std::io::stdout(),
        "{}",
        crate::display::for_terminal(&reason)
    )
    .ok();
    Ok(Code::Done)
}

pub(super) fn target(environment: &Environment, named: Option<&str>) -> Result<Target, Failure> {
    let config = environment.config(Secrets::Skip)?;
    let name = environment::target(named, environment, &config)?;
    let runtime_dirs = environment.runtime_dirs(&config);
    refuse_unserved(&config, &name, &runtime_dirs)?;
    Ok(Target::Local { name, runtime_dirs })
}

/// A session that nobody serves and whose journal is here: what became of it, and what to do, instead of that there is none.
///
/// # Errors
/// When it is such a session.
pub(super) fn refuse_unserved(
    config: &Config,
    name: &SessionName,
    runtime_dirs: &[PathBuf],
) -> Result<(), Failure> {
    let me = rustix::process::geteuid().as_raw();
    let Err(PlaceError::NotFound { .. }) = place::find(name, runtime_dirs, me) else {
        return Ok(());
    };
    let Ok(Some(peeked)) = peek::peek(&environment::session_dir(config, name)) else {
        return Ok(());
    };
    let (what, hint) = if peeked.is_over {
        let what = format!("session `{name}` is over ({})", peeked.phase);
        let hint = format!(
            "`warroom report {name}` tells what it was, `warroom verify {name}` checks its journal"
        );
        (what, hint)
    } else {
        let what = format!("session `{name}` is not over, and no server of it answers here");
        let hint = format!("`warroom run -t {name}` takes it up where its journal ends");
        (what, hint)
    };
    Err(Failure::new(what).hint(hint).code(Code::NoSession))
}

pub(super) fn failure(error: LinkError) -> Failure {
    let hint = error.hint();
    // A session that answers with a no is there.
    let code = match error {
        LinkError::TurnedAway { .. } => Code::Failure,
        _ => Code::NoSession,
    };
    Failure::new(error).hint(hint).code(code)
}
