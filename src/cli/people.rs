//! `warroom people`: the files that say who is who.

mod check;
mod enroll;

use super::Outcome;
use super::args::{PeopleArgs, PeopleVerb};
use super::environment::Environment;
use crate::config::Secrets;
use crate::config::policy::{DIR, PEOPLE};
use crate::exit::Failure;
use std::path::{Path, PathBuf};

/// Does what `warroom people` is asked.
pub(super) fn people(environment: &Environment, args: PeopleArgs) -> Outcome {
    match args.verb {
        PeopleVerb::Check(args) => check::check(environment, &args),
        PeopleVerb::Enroll(args) => enroll::enroll(environment, &args),
    }
}

/// The people file that is meant: the named one, that of the named directory, the configured one, the usual one.
fn people_file(environment: &Environment, named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(path) if path.is_dir() => Ok(path.join(PEOPLE)),
        Some(path) => Ok(path.to_owned()),
        None => {
            let configured = environment.config(Secrets::Skip)?.people;
            Ok(configured.unwrap_or_else(|| Path::new(DIR).join(PEOPLE)))
        }
    }
}
