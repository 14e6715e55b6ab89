//! The last look before something runs. The lock scope is held: nothing of what is read here changes any more.

use super::{Runner, refused};
use crate::domain::id::PersonId;
use crate::enforce::frame::Answer;
use crate::enforce::judge::Passed;
use crate::enforce::run::{self, Prepared};
use crate::enforce::spend::SpendError;

impl Runner {
    /// Spends the name of a ticket that was found right, and makes everything ready for its command. Blocks.
    ///
    /// # Errors
    /// The answer that says why nothing runs.
    pub(super) fn begin(&self, passed: Passed, bytes: &[u8]) -> Result<Prepared, Answer> {
        let passed = self.as_it_is_now(passed, bytes)?;
        let spent = |error: SpendError| match error {
            SpendError::Spent(_) => {
                let hint = "a further try is a new proposal";
                refused("spent", &error.to_string(), hint)
            }
            SpendError::Disk { .. } => refused("disk", &error.to_string(), ""),
        };
        // What goes alone is counted last: a replay, or a name that cannot be recorded, is nobody's use.
        if self.spent.has(passed.name()) {
            return Err(spent(SpendError::Spent(passed.name().clone())));
        }
        if let Some(person) = passed.alone() {
            self.with_uses(person, |uses, now| {
                uses.locked_until(person, now).map_or(Ok(()), Err)
            })?;
        }
        let line = line_of(&passed);
        self.spent.spend(passed.name(), &line).map_err(spent)?;
        if let Some(person) = passed.alone() {
            self.with_uses(person, |uses, now| uses.spend(person, now))?;
        }
        run::prepare(&self.ground, passed, bytes).map_err(|error| {
            let why = format!("the attempt cannot be recorded: {error}");
            refused("disk", &why, "its nonce is spent; nothing has run")
        })
    }

    /// A way back, judged once more: the way forward, or an earlier try, may have come to its end since the judgement.
    fn as_it_is_now(&self, passed: Passed, bytes: &[u8]) -> Result<Passed, Answer> {
        if passed.began_by().is_some() {
            self.judge_any(bytes)
        } else {
            Ok(passed)
        }
    }
}

fn line_of(passed: &Passed) -> String {
    let said = passed.said();
    if let Some(began_by) = passed.began_by() {
        let (session, step, attempt) = (&said.session, &said.step, said.attempt);
        // The server's word, whatever that is: it stays on its line.
        let began_by = began_by.escape_debug();
        return format!("{session} {step} {attempt} way back begun by {began_by}");
    }
    let confirmers: Vec<&str> = passed.confirmers().iter().map(PersonId::as_str).collect();
    format!(
        "{} {} {} {} proposed by {} confirmed by {} executed by {}",
        said.session,
        said.step,
        said.attempt,
        said.plan,
        said.proposer,
        confirmers.join(","),
        said.executor
    )
}

#[cfg(test)]
mod tests;
