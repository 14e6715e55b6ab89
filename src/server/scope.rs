//! The lock scope of a session, on the disk of its host: one file a session says what it does, and all of them are
//! read and written under one lock of the directory. Nothing is looked at while nothing destructive is on the table.
//!
//! Who goes takes the lock, reads what the others say and writes down that this one runs, all in one: of two that
//! press go at once one runs. What cannot be read or written is in the way of everything destructive.
//!
//! What this session has to say and could not is said again, now and then, until the others can read it: a claim that is
//! no longer so is in everybody's way.

mod desk;

pub use desk::claims_of;
pub(crate) use desk::{Desk, Taken, Took};

use super::session::Session;
use crate::domain::id::Seq;
use crate::domain::scope::{Claim, Scope};
use crate::domain::time::Timestamp;
use desk::Word;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two tries to say what could not be said: a lock is given back within a second, and a full disk takes longer.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest wait for the last word of a session that ends: a lock that somebody keeps, and one more try.
const LAST_MAX: Duration = Duration::from_secs(5);
/// Between two looks at how far the last word is.
const LAST_PAUSE: Duration = Duration::from_millis(20);

/// What this session has said of itself, and the order in which it does.
#[derive(Debug)]
pub(crate) struct Said {
    desk: Arc<Desk>,
    order: u64,
    claim: Option<Claim>,
    /// Record up to which it was looked at.
    head: Option<Seq>,
    /// What stands there may not be what is so: a go was tried, or a server came back.
    is_doubtful: bool,
    /// When something was last tried to be said.
    tried: Option<Instant>,
    /// A go is being looked at.
    is_going: bool,
}

impl Said {
    /// Nothing yet; after a restart what an earlier server said is said anew.
    pub(crate) fn new(desk: Desk, is_restart: bool) -> Self {
        Self {
            desk: Arc::new(desk),
            order: 0,
            claim: None,
            head: None,
            is_doubtful: is_restart,
            tried: None,
            is_going: false,
        }
    }

    /// What it touches is not what it was: what stands there is compared again.
    pub(crate) const fn look_again(&mut self) {
        self.head = None;
    }

    /// The place of the session.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// True while something is being said, or has to be said again.
    pub(crate) fn waits(&self) -> bool {
        self.desk.is_busy() || self.desk.is_unsaid()
    }

    /// True while a go is being looked at: a second one would be in the way of the first.
    pub(crate) const fn is_going(&self) -> bool {
        self.is_going
    }

    fn word(&mut self, at: Timestamp, claim: Claim) -> Word {
        self.order = self.order.saturating_add(1);
        let order = self.order;
        Word { order, at, claim }
    }
}

/// Work for a thread that may block: say that what is armed runs, unless another is in the way.
#[derive(Debug)]
pub(crate) struct Going {
    desk: Arc<Desk>,
    word: Word,
}

impl Going {
    /// Does it. Blocks.
    pub(crate) fn take(&self) -> Result<Took, String> {
        self.desk.take(&self.word)
    }
}

impl Session {
    /// Takes what the other sessions of the host say: of them, those of the own scope.
    pub(crate) fn take_scope(&mut self, found: Taken) {
        let own = Scope::of(self.engine.state().plan(), &self.world);
        self.nearby.heard.clone_from(&found);
        self.tell_around();
        self.world.scope = found.map(|mut others| {
            others.retain(|other| other.scope.shares(&own));
            others
        });
    }

    /// What has to be said of this session before its armed step may run. Until [`Session::gone`] there is no other go.
    pub(crate) fn going(&mut self) -> Going {
        let now = self.clock.now().wall;
        let claim = Claim::of(self.engine.tentative(), &self.world).going(now);
        self.said.is_going = true;
        Going {
            desk: self.said.desk(),
            word: self.said.word(now, claim),
        }
    }

    /// Takes what a go found of the scope. Whatever comes of it, what is so then is said again. True when the others have
    /// been told that what is armed runs, in the scope that it has now, and nothing else since.
    #[must_use]
    pub(crate) fn gone(&mut self, scope: Option<Result<Took, String>>) -> bool {
        self.said.is_doubtful = true;
        self.said.is_going = false;
        let Some(scope) = scope else {
            return false;
        };
        let (others, said) = match scope {
            Ok(took) => (Ok(took.others), took.said),
            Err(why) => (Err(why), None),
        };
        self.take_scope(others);
        let own = Scope::of(self.engine.state().plan(), &self.world);
        said.is_some_and(|said| self.said.order == said.order && said.claim.scope == own)
    }

    /// What the other sessions have to be told, where that has changed or could not be said.
    fn news_of_scope(&mut self) -> Option<Word> {
        let is_due = self.said.tried.is_none_or(|last| last.elapsed() >= AGAIN);
        let is_unsaid = is_due && self.said.desk.is_unsaid();
        let state = self.engine.state();
        let is_doubtful = std::mem::take(&mut self.said.is_doubtful);
        if self.said.head == Some(state.head.0) && !is_doubtful && !is_unsaid {
            return None;
        }
        self.said.head = Some(state.head.0);
        let claim = Claim::of(state, &self.world);
        let is_said = match &self.said.claim {
            Some(said) => *said == claim,
            None => claim.is_idle(),
        };
        if is_said && !is_doubtful && !is_unsaid {
            return None;
        }
        self.said.claim = Some(claim.clone());
        Some(self.said.word(self.clock.now().wall, claim))
    }

    /// Tells the other sessions what this one does. Off this task: nothing waits for it.
    pub(crate) fn tell_scope(&mut self) {
        let Some(word) = self.news_of_scope() else {
            return;
        };
        self.said.tried = Some(Instant::now());
        let desk = self.said.desk();
        if desk.next(word) {
            tokio::task::spawn_blocking(move || desk.say_all());
        }
    }

    /// As [`Session::tell_scope`] for the last time: waits for it, and tries again as long as that takes no longer than
    /// a person waits for an end.
    pub(crate) async fn tell_scope_last(&mut self) {
        let deadline = Instant::now() + LAST_MAX;
        loop {
            self.tell_scope();
            if !self.said.waits() {
                return;
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(LAST_PAUSE).await;
            // The end does not wait for the next round.
            self.said.tried = None;
        }
        tracing::error!(
            "the other sessions of this host have not been told how this one ended; they are when it is taken up again"
        );
    }
}

#[cfg(test)]
mod tests;
