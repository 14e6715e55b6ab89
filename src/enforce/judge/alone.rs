//! One person alone (`TWO_PERSON` 4.8), judged by what can be checked here: role, strength of the signature, what it is
//! over, and how long ago the proposal was opened.
//!
//! What cannot be checked here is believed of nobody else's word either: that somebody was paged, that nobody vetoed and
//! that a checkpoint left the host are the session server's to see to, and stand in its journal.

use super::{About, Refusal, said};
use crate::domain::confirm::breakglass::COUNTDOWN;
use crate::domain::confirm::people::Role;
use crate::domain::confirm::policy::{PAGE_DOWN_DELAY, PageDown, breaks_glass};
use crate::domain::digest::Digest;
use crate::domain::id::PersonId;
use crate::domain::time::Moment;
use crate::enforce::said::{Kind, Said};
use crate::enforce::ticket::{Spoken, Ticket};
use std::time::Duration;

/// First line of the statement.
const FIRST: &[u8] = b"warroom-breakglass@v1\n";

fn is_alone(spoken: &&Spoken) -> bool {
    spoken.statement.starts_with(FIRST)
}

impl About<'_> {
    /// The person who goes alone; nobody in a ticket without a break-glass.
    ///
    /// # Errors
    /// [`Refusal`], for a break-glass that is not right: confirms beside it do not mend it.
    pub(super) fn alone(&self, first: &Said, ticket: &Ticket) -> Result<Option<PersonId>, Refusal> {
        let mut all = ticket.confirms.iter().filter(is_alone);
        let Some(spoken) = all.next() else {
            return Ok(None);
        };
        if all.next().is_some() {
            return Err(Refusal::Alone("there are two of them in one ticket"));
        }
        let glass = said(Kind::Breakglass, spoken)?;
        self.check_lines(&glass, first)?;
        if glass.signer != first.executor {
            let kind = Kind::Breakglass;
            let line = "signer";
            return Err(Refusal::Line { kind, line });
        }
        self.check_role(&glass.signer, Role::Operator)?;
        self.check_role(&glass.signer, Role::Breakglass)?;
        let via = self.evidence(&glass, spoken)?;
        if !breaks_glass([&via]) {
            return Err(Refusal::Weak {
                kind: Kind::Breakglass,
                signer: glass.signer,
                needed: "sshsig+up",
                found: via.to_text(),
            });
        }
        let Some((reason, page)) = &glass.alone else {
            return Err(Refusal::Alone("its statement gives no reason"));
        };
        if *reason == Digest::of(b"") {
            return Err(Refusal::Alone("its reason is empty"));
        }
        let wait = match (page.as_str(), self.law.rules.page_down) {
            ("sent", _) => COUNTDOWN,
            ("down", PageDown::Delay) => PAGE_DOWN_DELAY,
            ("down", PageDown::Refuse) => {
                return Err(Refusal::Alone(
                    "nobody was paged, and the rules refuse that",
                ));
            }
            _ => return Err(Refusal::Alone("its page says neither `sent` nor `down`")),
        };
        if self.age() < wait {
            return Err(Refusal::Alone(
                "the proposal is younger than the time in which everybody can veto it",
            ));
        }
        Ok(Some(glass.signer))
    }

    /// How old the proposal is, by the clock that is behind.
    fn age(&self) -> Duration {
        let head = &self.proposal.head;
        let opened = Moment {
            wall: head.time,
            mono_ms: head.mono_ms,
        };
        let boot = Duration::from_millis(self.here.now.mono_since(opened));
        boot.min(self.here.now.wall.since(opened.wall))
    }
}
