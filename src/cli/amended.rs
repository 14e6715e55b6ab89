//! The runbook of a running session, read again as `warroom run` reads it.

use super::runbook_file::{self, Loaded};
use crate::clock::Clock;
use crate::connect::connector::Connector;
use crate::connect::once;
use crate::domain::amend::Amendment;
use crate::domain::command::Refusal;
use crate::domain::digest::Digest;
use crate::domain::fact::RunbookRef;
use crate::domain::runbook::source::Lines;
use crate::domain::runbook::{Diagnostic, Severity};
use crate::server::amend::ReadRunbook;
use crate::server::git::{self, Surroundings};
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Problems in one refusal: `warroom check` shows all of them with their lines.
const PROBLEMS_MAX: usize = 5;

/// What a server needs to read its runbook.
pub(super) struct Reader {
    /// Connectors of the configuration, for units that only a CMDB knows.
    pub(super) connectors: Vec<Arc<dyn Connector>>,
    /// The clocks.
    pub(super) clock: Arc<dyn Clock>,
    /// What the account lends to Git.
    pub(super) git_env: Vec<(String, String)>,
}

impl ReadRunbook for Reader {
    fn read(
        &self,
        file: PathBuf,
        signers: Option<PathBuf>,
    ) -> BoxFuture<'static, Result<Amendment, Refusal>> {
        let (connectors, clock) = (self.connectors.clone(), Arc::clone(&self.clock));
        let env = self.git_env.clone();
        Box::pin(async move {
            let path = file.clone();
            let mut loaded = blocking(move || runbook_file::load_in(&path, None)).await?;
            refuse_errors(&file, &loaded)?;
            if !loaded.pending.is_empty() {
                let catalog = once::catalog(&connectors, &clock).await;
                let catalog = catalog.map_err(|error| Refusal {
                    reason: format!("the runbook says `for_each`, and {error}"),
                    hint: error.hint().to_owned(),
                })?;
                loaded.with(&catalog);
                refuse_errors(&file, &loaded)?;
            }
            let Some(plan) = loaded.plan.take() else {
                return Err(no(format!("`{}` has no plan", file.display()), &file));
            };
            let digest = Digest::of(loaded.text.as_bytes());
            let around = Surroundings { env, signers };
            let path = file.clone();
            let git = blocking(move || git::look(&path, digest, &around)).await?;
            Ok(Amendment {
                plan,
                runbook: RunbookRef {
                    path: file.display().to_string(),
                    digest,
                    commit: git.commit().to_owned(),
                    git: Some(git),
                },
            })
        })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Refusal {
        reason: "reading the runbook broke off".to_owned(),
        hint: String::new(),
    })
}

fn no(reason: String, file: &Path) -> Refusal {
    Refusal {
        reason,
        hint: format!("`warroom check {}` shows it", file.display()),
    }
}

/// The first errors by line, for people without a terminal on this host.
fn refuse_errors(file: &Path, loaded: &Loaded) -> Result<(), Refusal> {
    let is_error = |problem: &&Diagnostic| problem.severity == Severity::Error;
    let lines = Lines::new(&loaded.text);
    let errors = loaded.diagnostics.iter().filter(is_error);
    let mut words: Vec<String> = errors
        .map(|problem| {
            format!(
                "line {}: {}",
                lines.line(problem.span.start),
                problem.message
            )
        })
        .collect();
    if words.is_empty() {
        return Ok(());
    }
    let more = words.len().saturating_sub(PROBLEMS_MAX);
    words.truncate(PROBLEMS_MAX);
    let rest = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let words = words.join("; ");
    Err(no(
        format!("`{}` cannot be run: {words}{rest}", file.display()),
        file,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn reader() -> Reader {
        Reader {
            connectors: Vec::new(),
            clock: Arc::new(SystemClock),
            git_env: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_runbook_is_read_with_its_digest_and_refused_with_its_lines() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("r.md");
        let text = "# Move\n\n## One\n\n- [ ] look\n";
        std::fs::write(&file, text).expect("write");
        let read = reader().read(file.clone(), None).await.expect("reads");
        assert_eq!(read.runbook.digest, Digest::of(text.as_bytes()));
        assert_eq!(read.plan.steps.len(), 1);
        let broken = "# Move\n\n## One\n\n- [ ] look\n\n```sh run\ntrue\n```\n";
        std::fs::write(&file, broken).expect("write");
        let refusal = reader()
            .read(file.clone(), None)
            .await
            .expect_err("an error");
        assert!(refusal.reason.contains("line 7"), "{refusal}");
        std::fs::remove_file(&file).expect("remove");
        assert!(reader().read(file, None).await.is_err(), "it is gone");
    }
}
