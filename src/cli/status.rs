//! `warroom status` and `warroom kill-session`.

use super::Outcome;
use super::args::{StatusArgs, TargetArgs};
use super::environment::{self, Environment, client_runtime};
use crate::client::link::{Introduction, LinkError, Target};
use crate::client::query;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Secrets;
use crate::exit::{Code, Failure};
use crate::report::status::{self, Standing};
use std::io::Write as _;

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
    Ok(Target::Local {
        name,
        runtime_dirs: environment.runtime_dirs(&config),
    })
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
