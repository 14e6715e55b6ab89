//! The runner of an enforced session, as far as the session's server knows it.
//!
//! A new session is not begun without it. One that is taken up is served whatever the runner says: what waits there is
//! the way back, which asks for no policy, and nothing goes forward before the runner answers and decides by the files
//! that the server decides by.

use crate::config::runner::RunnerLink;
use crate::domain::digest::Digest;
use crate::domain::fact::ExecKey;
use crate::domain::state::State;
use crate::enforce::client;
use crate::enforce::frame::Facts;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for a runner to say who it is: it answers from memory and two small files.
const HELLO_MAX: Duration = Duration::from_secs(2);

/// The runner of a session: where it is, and what it said of itself when it was last asked.
#[derive(Debug, Clone)]
pub struct Guard {
    link: Option<RunnerLink>,
    facts: Option<Facts>,
    /// Why nothing goes forward, on one line; empty when it does.
    trouble: String,
}

/// Asks the runner who it is.
///
/// # Errors
/// One line with a hint.
pub(crate) async fn ask(link: RunnerLink) -> Result<Facts, String> {
    let asked = tokio::time::timeout(HELLO_MAX, client::hello(&link)).await;
    let facts = asked
        .map_err(|_| {
            let seconds = HELLO_MAX.as_secs();
            format!("its runner has not answered for {seconds} s")
        })?
        .map_err(|error| format!("{error}; {}", error.hint()))?;
    if facts.account != link.account {
        return Err(format!(
            "the runner calls itself `{}`, and `{}` is configured",
            facts.account, link.account
        ));
    }
    Ok(facts)
}

/// Why nothing goes forward at a runner that says this of itself; nothing when it decides by this policy.
fn difference(facts: &Facts, policy: Option<Digest>) -> Option<String> {
    match (&facts.policy, policy) {
        (Some(theirs), Some(ours)) if *theirs == ours => None,
        (Some(theirs), Some(ours)) => Some(format!(
            "its runner decides by policy {theirs}, and this server by {ours}"
        )),
        (Some(_), None) => Some("this server cannot read the policy".to_owned()),
        (None, _) => {
            let why = &facts.policy_error;
            Some(format!("its runner cannot read the policy: {why}"))
        }
    }
}

fn nowhere() -> String {
    "`[runner]` in `config.toml` does not say where its runner is".to_owned()
}

impl Guard {
    /// The runner of a new session: it must be there, and decide by the files that its server decides by.
    ///
    /// # Errors
    /// One line that says what is missing or differs.
    pub async fn of_policy(link: Option<&RunnerLink>, policy: Digest) -> Result<Self, String> {
        let guard = Self::taken_up(link, Some(policy)).await;
        match guard.trouble() {
            Some(why) => Err(why.to_owned()),
            None => Ok(guard),
        }
    }

    /// The runner of a session that is taken up, whatever it says. `policy`: absent when it cannot be read.
    pub async fn taken_up(link: Option<&RunnerLink>, policy: Option<Digest>) -> Self {
        let mut guard = Self {
            link: link.cloned(),
            facts: None,
            trouble: String::new(),
        };
        let found = match link.cloned() {
            Some(link) => ask(link).await,
            None => Err(nowhere()),
        };
        guard.hear(found, policy);
        guard
    }

    /// Takes what the runner says of itself. True when that changes whether anything goes forward.
    pub(crate) fn hear(&mut self, found: Result<Facts, String>, policy: Option<Digest>) -> bool {
        let before = std::mem::take(&mut self.trouble);
        match found {
            Ok(facts) => {
                self.trouble = difference(&facts, policy).unwrap_or_default();
                self.facts = Some(facts);
            }
            Err(why) => self.trouble = why,
        }
        before.is_empty() != self.trouble.is_empty()
    }

    /// Where it is.
    ///
    /// # Errors
    /// One line, when nothing says where.
    pub(crate) fn link(&self) -> Result<&RunnerLink, String> {
        self.link.as_ref().ok_or_else(nowhere)
    }

    /// Why nothing goes forward; nothing when it does.
    pub fn trouble(&self) -> Option<&str> {
        Some(self.trouble.as_str()).filter(|why| !why.is_empty())
    }

    /// Name of the account that commands run in, as the runner says or, before it has, as it is configured.
    pub(crate) fn account(&self) -> Option<&str> {
        let said = self.facts.as_ref().map(|facts| &facts.account);
        let account = said.or(self.link.as_ref().map(|link| &link.account));
        account.map(String::as_str)
    }

    /// The file in which a command of the runner hands values over; absent before the runner has said where.
    pub(crate) fn values_file(&self, state: &State, key: &ExecKey) -> Option<PathBuf> {
        let name = format!("{}.{key}", state.genesis.session);
        let facts = self.facts.as_ref()?;
        Some(Path::new(&facts.values).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(policy: Option<Digest>) -> Facts {
        Facts {
            program: "warroom-runner".to_owned(),
            account: "runner".to_owned(),
            host: "bastion-1".to_owned(),
            values: "/var/lib/warroom-runner/values".to_owned(),
            policy,
            policy_error: "people.toml: line 1".to_owned(),
            reach: "cgroup".to_owned(),
            scope: String::new(),
            undo_hours: 24,
        }
    }

    #[test]
    fn nothing_goes_forward_unless_both_decide_by_the_same_files() {
        let (ours, theirs) = (Digest::of(b"a"), Digest::of(b"b"));
        for (said, own, word) in [
            (Some(ours), Some(ours), None),
            (Some(theirs), Some(ours), Some("by policy")),
            (None, Some(ours), Some("people.toml: line 1")),
            (Some(theirs), None, Some("cannot read the policy")),
            (None, None, Some("cannot read the policy")),
        ] {
            let found = difference(&facts(said), own);
            assert_eq!(found.is_some(), word.is_some(), "{found:?}");
            let found = found.unwrap_or_default();
            assert!(found.contains(word.unwrap_or_default()), "{found}");
        }
    }

    #[tokio::test]
    async fn a_runner_that_was_away_is_there_again_once_it_answers() {
        let policy = Digest::of(b"a");
        let mut guard = Guard::taken_up(None, Some(policy)).await;
        assert!(guard.trouble().is_some_and(|why| why.contains("[runner]")));
        assert!(guard.link().is_err() && guard.account().is_none());
        assert!(!guard.hear(Err("gone".to_owned()), Some(policy)));
        assert_eq!(guard.trouble(), Some("gone"));
        assert!(guard.hear(Ok(facts(Some(policy))), Some(policy)));
        assert_eq!((guard.trouble(), guard.account()), (None, Some("runner")));
        assert!(Guard::of_policy(None, policy).await.is_err());
    }
}
