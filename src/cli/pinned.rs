//! Loading a runbook for a session: the checks of `warroom check`, and no session from a broken one.

use super::rehearse::There;
use super::runbook_file;
use crate::domain::digest::Digest;
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::shape::Shape;
use crate::exit::{Code, Failure};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// A runbook that can be run.
#[derive(Debug)]
pub(super) struct Pinned {
    /// The file, absolute.
    pub(super) path: PathBuf,
    /// Digest of its bytes.
    pub(super) digest: Digest,
    /// What it comes to.
    pub(super) plan: Plan,
    /// The same without what is another in another environment.
    pub(super) shape: Shape,
}

/// Reads, checks and resolves a runbook; prints what is wrong with it on standard error.
///
/// # Errors
/// When there are errors in it, or it cannot be read.
pub(super) fn load(file: &Path) -> Result<Pinned, Failure> {
    load_in(file, None)
}

/// As [`load`], put in another environment.
///
/// # Errors
/// As [`load`], and when the environment file does not fit the runbook.
pub(super) fn load_in(file: &Path, there: Option<&There>) -> Result<Pinned, Failure> {
    let loaded = runbook_file::load_in(file, there.map(|there| &there.file.there));
    if let (Some(there), false) = (there, loaded.faults.is_empty()) {
        let faults: Vec<String> = loaded.faults.iter().map(ToString::to_string).collect();
        let (env_file, faults) = (there.path.display(), faults.join("; "));
        let hint = "`[environment]` of the file gives a value to each name of the runbook's environment, and to no other";
        return Err(Failure::new(format!("{env_file}: {faults}"))
            .hint(hint.to_owned())
            .code(Code::Usage));
    }
    let errors = loaded.count(Severity::Error);
    if errors > 0 || loaded.count(Severity::Warning) > 0 {
        let mut err = anstream::stderr().lock();
        let colour = std::io::stderr().is_terminal();
        err.write_all(loaded.render(colour).as_bytes()).ok();
    }
    let digest = Digest::of(loaded.text.as_bytes());
    match (loaded.plan, loaded.shape) {
        (Some(plan), Some(shape)) if errors == 0 => {
            let path = std::fs::canonicalize(file).map_err(Failure::new)?;
            Ok(Pinned {
                path,
                digest,
                plan,
                shape,
            })
        }
        _ => {
            let what = if errors == 1 {
                "1 error".to_owned()
            } else {
                format!("{errors} errors")
            };
            Err(
                Failure::new(format!("`{}` cannot be run: {what}", file.display()))
                    .hint(format!(
                        "`warroom check {}` shows them again",
                        file.display()
                    ))
                    .code(Code::Usage),
            )
        }
    }
}
