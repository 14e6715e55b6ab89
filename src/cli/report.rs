//! `warroom report`: what a maintenance was, as Markdown or JSON.

use super::Outcome;
use super::args::ReportArgs;
use super::environment::Environment;
use super::verify::{journal_of, no_record};
use crate::exit::{Code, Failure};
use crate::journal::facts;
use crate::report::maintenance::{Gathering, markdown};

/// `warroom report`.
pub(super) fn report(environment: &Environment, args: &ReportArgs) -> Outcome {
    let file = journal_of(environment, &args.session)?;
    let mut gathering = Gathering::default();
    super::journal::each(&file, |record, _| {
        let stamped = facts::fact_of(record).map_err(Failure::new)?;
        gathering.take(&stamped).map_err(Failure::new)?;
        Ok(true)
    })?;
    let report = gathering.finish().ok_or_else(|| no_record(&file))?;
    if args.json {
        let json = serde_json::to_string(&report).map_err(Failure::new)?;
        super::say(&format!("{json}\n"))?;
    } else {
        super::say(&markdown::render(&report))?;
    }
    Ok(Code::Done)
}
