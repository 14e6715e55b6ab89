//! `warroom plan --silences FILE`: what each silence of a runbook would mute now, before anything is made.

use super::Outcome;
use super::environment::{Environment, client_runtime};
use super::runbook_file::load;
use crate::clock::{Clock, SystemClock};
use crate::config::Secrets;
use crate::connect::glance::glance;
use crate::connect::registry;
use crate::display::one_line;
use crate::domain::board::Board;
use crate::domain::id::AttemptNo;
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::Plan;
use crate::domain::silences::{Muting, label_of, preview, writers_of};
use crate::domain::write::Lifetime;
use crate::exit::{Code, Failure};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

/// Alerts and other things named in one line of a preview; the rest is counted.
const NAMES_MAX: usize = 20;

/// Prints what the silences of a runbook would mute. Fails when one of them would be withheld.
pub(super) fn preview_of(environment: &Environment, file: &Path) -> Outcome {
    let mut loaded = load(file);
    if loaded.count(Severity::Error) == 0 && !loaded.pending.is_empty() {
        // Who the units are is the CMDB's to say.
        loaded.with(&super::cmdb::read_alone(environment)?);
    }
    let colour = std::io::stderr().is_terminal();
    let problems = loaded.render(colour);
    std::io::stderr().write_all(problems.as_bytes()).ok();
    let has_errors = loaded.count(Severity::Error) > 0;
    let Some(plan) = loaded.plan.filter(|_| !has_errors) else {
        return Ok(Code::Usage);
    };
    let lifetimes = lifetimes(&plan);
    if lifetimes.is_empty() {
        super::say("the runbook has no silence\n")?;
        return Ok(Code::Done);
    }
    let config = environment.config(Secrets::Fetch)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let built = registry::build(&config.connectors, &[], &clock).map_err(|errors| {
        let all: Vec<String> = errors
            .iter()
            .map(|e| format!("{e}: {}", e.source))
            .collect();
        Failure::new(all.join("; "))
    })?;
    let mut board = Board::default();
    let readings = client_runtime()?.block_on(glance(built, &clock));
    for reading in readings {
        board.absorb(reading);
    }
    let mut is_well = true;
    let mut text = String::new();
    for lifetime in &lifetimes {
        let (lines, well) = describe(&plan, lifetime, &board);
        is_well &= well;
        text.extend(lines.into_iter().map(|line| format!("{line}\n")));
    }
    super::say(&text)?;
    Ok(if is_well { Code::Done } else { Code::Failure })
}

/// Every silence of a plan, for its first attempt.
fn lifetimes(plan: &Plan) -> Vec<Lifetime> {
    let session = plan.silence.as_ref().map(|_| Lifetime::Session);
    let phases = plan.phases.iter().enumerate();
    let phases = phases.filter(|(_, phase)| phase.silence.is_some());
    let phases = phases.map(|(phase, _)| Lifetime::Phase { phase });
    let steps = plan.steps.iter().filter(|step| step.silence.is_some());
    let steps = steps.map(|step| Lifetime::Step {
        step: step.id.clone(),
        attempt: AttemptNo(1),
    });
    session.into_iter().chain(phases).chain(steps).collect()
}

/// The preview of one silence; false when it would be withheld.
fn describe(plan: &Plan, lifetime: &Lifetime, board: &Board) -> (Vec<String>, bool) {
    let mut lines = vec![format!(
        "silence for {}",
        one_line(&label_of(plan, lifetime))
    )];
    let found = preview(plan, lifetime, &[], board, &writers_of(board));
    let found = match found {
        Ok(found) => found,
        Err(what) => {
            lines.push(format!("  WITHHELD  {}", one_line(&what)));
            return (lines, false);
        }
    };
    lines.push(format!("  targets   {}", named(&found.targets)));
    lines.extend(found.each.iter().flat_map(at_connector));
    let withheld = found.withheld();
    lines.push(match &withheld {
        Some(because) => format!("  WITHHELD  {}", one_line(&because.to_string())),
        None => format!("  would be made; it mutes {} alerts now", found.muted()),
    });
    (lines, withheld.is_none())
}

fn at_connector(muting: &Muting) -> Vec<String> {
    let matchers: Vec<String> = muting.matchers.iter().map(ToString::to_string).collect();
    let by = match matchers.as_slice() {
        [] => "the components themselves".to_owned(),
        all => all.join(" "),
    };
    let mut lines = vec![format!("  by {}  {}", muting.connector, one_line(&by))];
    if let Some(why) = &muting.unknown {
        lines.push(format!("    unknown  {}", one_line(why)));
    }
    let kinds = [
        ("inside ", &muting.inside),
        ("OUTSIDE", &muting.outside),
        ("missed ", &muting.missed),
    ];
    for (word, names) in kinds {
        if !names.is_empty() {
            lines.push(format!("    {word}  {}: {}", names.len(), named(names)));
        }
    }
    let rules = &muting.rules;
    let kinds = [
        ("muted too when they fire", &rules.surely),
        ("muted too when they fire for a target", &rules.perhaps),
    ];
    for (word, names) in kinds {
        if !names.is_empty() {
            let count = names.len();
            lines.push(format!("    rules    {count} {word}: {}", named(names)));
        }
    }
    if !rules.unknown.is_empty() {
        let why = one_line(&rules.unknown);
        lines.push(format!(
            "    rules    which others may fire is not known: {why}"
        ));
    }
    if muting.monitored > 0 {
        let count = muting.monitored;
        lines.push(format!(
            "    and whatever fires for {count} monitored endpoints of the targets"
        ));
    }
    lines
}

fn named(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{more}", one_line(&shown.join(", ")))
}
