//! Loading a runbook for a session: the checks of `warroom check`, and no session from a broken one.

use super::rehearse::There;
use super::runbook_file::{self, Loaded};
use crate::domain::catalog::Catalog;
use crate::domain::digest::Digest;
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::shape::Shape;
use crate::domain::runbook::source::Lines;
use crate::domain::runbook::{Diagnostic, Severity, codes};
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

/// A runbook that was read and checked as far as that goes without a CMDB.
pub(super) struct Checked {
    loaded: Loaded,
    file: PathBuf,
    /// The file, absolute.
    pub(super) path: PathBuf,
    /// Digest of its bytes.
    pub(super) digest: Digest,
}

/// Reads and checks a runbook, put in another environment for a rehearsal; prints what is wrong with it on standard error.
///
/// # Errors
/// When there are errors in it, it cannot be read, or the environment file does not fit it.
pub(super) fn check_in(file: &Path, there: Option<&There>) -> Result<Checked, Failure> {
    let loaded = runbook_file::load_in(file, there.map(|there| &there.file.there));
    if let (Some(there), false) = (there, loaded.faults.is_empty()) {
        let faults: Vec<String> = loaded.faults.iter().map(ToString::to_string).collect();
        let (env_file, faults) = (there.path.display(), faults.join("; "));
        let hint = "`[environment]` of the file gives a value to each name of the runbook's environment, and to no other";
        return Err(Failure::new(format!("{env_file}: {faults}"))
            .hint(hint.to_owned())
            .code(Code::Usage));
    }
    if let [problem] = loaded.diagnostics.as_slice()
        && problem.code == codes::UNREADABLE
    {
        return Err(Failure::new(problem.message.clone())
            .hint(problem.hint.clone())
            .code(Code::Usage));
    }
    let errors = loaded.count(Severity::Error);
    if errors > 0 || loaded.count(Severity::Warning) > 0 {
        let mut err = anstream::stderr().lock();
        let colour = std::io::stderr().is_terminal();
        err.write_all(loaded.render(colour).as_bytes()).ok();
    }
    if errors > 0 {
        let hint = format!("`warroom check {}` shows them again", file.display());
        let failure = Failure::new(refusal(file, errors));
        return Err(failure.hint(hint).code(Code::Usage));
    }
    Ok(Checked {
        digest: Digest::of(loaded.text.as_bytes()),
        path: std::fs::canonicalize(file).map_err(Failure::new)?,
        file: file.to_owned(),
        loaded,
    })
}

fn refusal(file: &Path, errors: usize) -> String {
    let what = if errors == 1 {
        "1 error".to_owned()
    } else {
        format!("{errors} errors")
    };
    format!("`{}` cannot be run: {what}", file.display())
}

impl Checked {
    /// Some of its units are known by the CMDB alone.
    pub(super) fn needs_cmdb(&self) -> bool {
        !self.loaded.pending.is_empty()
    }

    /// No session without a step: it would be complete with its first key.
    ///
    /// # Errors
    /// When there is none, and no CMDB could make one.
    pub(super) fn refuse_stepless(&self) -> Result<(), Failure> {
        let is_stepless = self.plan().is_some_and(|plan| plan.steps.is_empty());
        if !is_stepless || self.needs_cmdb() {
            return Ok(());
        }
        let what = format!("`{}` cannot be run: it has no steps", self.file.display());
        Err(Failure::new(what)
            .hint("steps are task-list items: `- [ ] drain the node`".to_owned())
            .code(Code::Usage))
    }

    /// What it comes to, as far as that is known without a CMDB.
    pub(super) const fn plan(&self) -> Option<&Plan> {
        self.loaded.plan.as_ref()
    }

    /// The runbook with its plan.
    ///
    /// # Errors
    /// What is wrong with it by what the CMDB says; in words, since a server has no terminal to show them on.
    pub(super) fn pin(mut self, catalog: Option<&Catalog>) -> Result<Pinned, Failure> {
        if let Some(catalog) = catalog {
            self.loaded.with(catalog);
        }
        let is_error = |problem: &&Diagnostic| problem.severity == Severity::Error;
        let errors = self.loaded.count(Severity::Error);
        if let Some(first) = self.loaded.diagnostics.iter().find(is_error) {
            let line = Lines::new(&self.loaded.text).line(first.span.start);
            let what = format!(
                "{}, line {line}: {}",
                refusal(&self.file, errors),
                first.message
            );
            return Err(Failure::new(what)
                .hint(first.hint.clone())
                .code(Code::Usage));
        }
        match (self.loaded.plan, self.loaded.shape) {
            (Some(plan), Some(shape)) if self.loaded.pending.is_empty() => Ok(Pinned {
                path: self.path,
                digest: self.digest,
                plan,
                shape,
            }),
            _ => Err(Failure::new(format!(
                "`{}` says `for_each`, and the CMDB was not asked",
                self.file.display()
            ))),
        }
    }
}
