//! What the configuration means for a runbook, told beside `check` and `plan`: freezes that overlap its window, and questions that
//! nobody would answer.

use super::beginning;
use super::environment::Environment;
use super::runbook_file::load;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Secrets;
use crate::display::one_line;
use crate::domain::freeze::{self, Applies, Freeze};
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::Plan;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

/// Said of a freeze that nobody can tell here whether it is about the work.
const MAY_BE: &str = "may be on in its window, as far as is known without a CMDB";

/// Says on standard error which freezes stand in the way of a runbook, and what no metrics server answers. Whether a scoped
/// freeze does is the CMDB's to say, and nobody asks it here.
pub(super) fn tell(environment: &Environment, file: &Path) {
    let mut err = std::io::stderr();
    let Ok(config) = environment.config(Secrets::Skip) else {
        let what = "warning: the configuration cannot be read, so freezes are not known";
        writeln!(err, "{what}; `warroom doctor` says why").ok();
        return;
    };
    let loaded = load(file);
    let is_pending = !loaded.pending.is_empty();
    let is_good = loaded.count(Severity::Error) == 0;
    let Some(plan) = loaded.plan else {
        return;
    };
    // Where nothing is configured, runbooks are written and not carried out.
    if config.file.is_some() && is_good {
        let metrics = beginning::metrics(&config.connectors);
        if let Some(unanswered) = beginning::unanswered(&plan, &metrics) {
            let name = one_line(&file.display().to_string());
            writeln!(err, "warning: {name}: {unanswered}").ok();
        }
    }
    let freezes = config.freezes;
    for freeze in freezes.iter().filter(|freeze| overlaps(freeze, &plan)) {
        let may = match freeze::applies(freeze, &plan, &BTreeMap::new()) {
            Applies::Yes => "is on in its window",
            Applies::Unknown { .. } => MAY_BE,
            // Who the units of a rollout are is the CMDB's to say.
            Applies::No if is_pending => MAY_BE,
            Applies::No => continue,
        };
        writeln!(
            err,
            "warning: {}: freeze `{}` {may}: {} to {}: {}",
            one_line(&file.display().to_string()),
            freeze.id,
            freeze.start.to_seconds_text(),
            freeze.end.to_seconds_text(),
            one_line(&freeze.reason)
        )
        .ok();
    }
}

/// True when a freeze and the window have a moment in common; without a window, when it is on now.
fn overlaps(freeze: &Freeze, plan: &Plan) -> bool {
    match plan.window {
        Some(window) => freeze.start < window.end && window.start < freeze.end,
        None => freeze.is_on(SystemClock.now().wall),
    }
}
