//! Loading a runbook for a session: the checks of `warroom check`, and no session from a broken one.

use super::runbook_file;
use crate::domain::digest::Digest;
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::Plan;
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
}

/// Reads, checks and resolves a runbook; prints what is wrong with it on standard error.
///
/// # Errors
/// When there are errors in it, or it cannot be read.
pub(super) fn load(file: &Path) -> Result<Pinned, Failure> {
    let loaded = runbook_file::load(file);
    let errors = loaded.count(Severity::Error);
    if errors > 0 || loaded.count(Severity::Warning) > 0 {
        let mut err = anstream::stderr().lock();
        let colour = std::io::stderr().is_terminal();
        err.write_all(loaded.render(colour).as_bytes()).ok();
    }
    let digest = Digest::of(loaded.text.as_bytes());
    match loaded.plan {
        Some(plan) if errors == 0 => {
            let path = std::fs::canonicalize(file).map_err(Failure::new)?;
            Ok(Pinned { path, digest, plan })
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
