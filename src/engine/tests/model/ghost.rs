//! What really happened, kept beside the state and without asking it: who pressed what, what was there to run, what
//! died. The properties are judged on this.

use super::scene::{Files, PEOPLE, STEPS};
use crate::domain::confirm::{ABSENCE_MAX, ARMED_LIFE, CLOCK_STEP_MAX_MS, PROPOSAL_LIFE};
use crate::domain::fact::{Actor, Fact, Finding, Stamped};
use crate::domain::id::{Nonce, PersonId};
use crate::domain::state::State;
use crate::domain::threshold::Verdict;
use crate::domain::time::Moment;
use std::sync::Arc;
use std::time::Duration;

/// Names of the properties that must hold in every state.
pub(super) const SECOND: &str =
    "never spawned without a confirm by a real person other than proposer and executor";
pub(super) const REALLY: &str = "the confirm that counted was given for this very proposal";
pub(super) const ONCE: &str = "at most one spawn per proposal";
pub(super) const SAME: &str = "plan spawned = plan confirmed";
pub(super) const ALONE: &str = "at most one destructive attempt in INTENT, RUNNING or UNKNOWN";
pub(super) const KNOWN: &str = "after any crash point: outcome known, or UNKNOWN";
pub(super) const RESOLVED: &str = "UNKNOWN leaves only by two people";
pub(super) const CLOSED: &str =
    "after reject, cancel, breach or restart no spawn for that proposal";
pub(super) const IN_TIME: &str = "after either time limit, or a step of the clock, no spawn";
pub(super) const WATCHED: &str =
    "no spawn while a guard is bad, somebody is away or the policy changed";
pub(super) const REFUSED: &str = "a refusal changes nothing";
pub(super) const POSSIBLE: &str = "what is decided is possible";

/// How the command of a proposal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has not, or there was none.
    Open,
    /// Its outcome was recorded.
    Known,
    /// Nobody knows.
    Unknown,
    /// People found out.
    Resolved,
}

/// One proposal as the people in the room saw it.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) step: usize,
    pub(super) proposer: usize,
    pub(super) executor: usize,
    /// What there was to see.
    pub(super) seen: Files,
    pub(super) opened: Moment,
    pub(super) armed: Option<Moment>,
    /// Rejected, cancelled, breached, or from before a restart.
    pub(super) is_dead: bool,
    /// Somebody went.
    pub(super) is_gone: bool,
    pub(super) spawns: u8,
    pub(super) end: End,
}

impl Offer {
    pub(super) const fn is_live(&self) -> bool {
        !self.is_dead && !self.is_gone
    }
}

/// A statement that a person made: typed out, signed, sent.
#[derive(Debug, Clone)]
pub(super) struct Stated {
    pub(super) offer: usize,
    pub(super) person: usize,
    pub(super) text: Arc<str>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Ghost {
    pub(super) offers: Vec<Offer>,
    pub(super) stated: Vec<Stated>,
    /// Who said what about the unknown outcome.
    pub(super) votes: Vec<(usize, Finding)>,
    /// Since when nobody sits at a person's terminals.
    pub(super) away: [Option<Moment>; PEOPLE.len()],
    pub(super) is_guard_bad: bool,
    /// Properties that do not hold.
    pub(super) broken: Vec<&'static str>,
}

/// The nonce of the proposal with this number.
pub(super) fn nonce_of(offer: usize) -> Nonce {
    Nonce::from_bytes([u8::try_from(offer + 1).expect("few proposals"); 16])
}

pub(super) fn place_of(person: &PersonId) -> usize {
    let place = PEOPLE.iter().position(|name| *name == person.as_str());
    place.expect("one of us")
}

fn place(actor: &Actor) -> usize {
    place_of(actor.person().expect("a person"))
}

impl Ghost {
    pub(super) fn keeps(&self, property: &str) -> bool {
        !self.broken.contains(&property)
    }

    pub(super) fn breaks(&mut self, property: &'static str) {
        if self.keeps(property) {
            self.broken.push(property);
        }
    }

    /// The proposal that is on the table, as far as the people know.
    pub(super) fn live(&self) -> Option<usize> {
        let newest = self.offers.last()?;
        newest.is_live().then(|| self.offers.len() - 1)
    }

    /// The person sat there and said yes to this proposal.
    pub(super) fn state(&mut self, person: usize, text: &str) {
        let Some(offer) = self.live() else { return };
        let is_same = |s: &Stated| (s.offer, s.person) == (offer, person);
        if !self.stated.iter().any(is_same) {
            let text = text.into();
            self.stated.push(Stated {
                offer,
                person,
                text,
            });
        }
    }

    /// The runner starts the command of a proposal.
    pub(super) fn spawn(&mut self, offer: usize, files: Files) {
        let Some(of) = self.offers.get_mut(offer) else {
            return self.breaks(SECOND);
        };
        of.spawns += 1;
        let (is_twice, is_same) = (of.spawns > 1, of.seen.content == files.content);
        if is_twice {
            self.breaks(ONCE);
        }
        if !is_same {
            self.breaks(SAME);
        }
    }

    /// Takes in what was written down; `before` is the state it was written upon.
    pub(super) fn observe(&mut self, before: &State, record: &Stamped, files: Files) {
        let at = record.at;
        match &record.fact {
            Fact::ProposalOpened { terms, .. } => {
                let step = STEPS.iter().position(|name| *name == terms.step.as_str());
                self.offers.push(Offer {
                    step: step.expect("one of ours"),
                    proposer: place(&record.actor),
                    executor: place_of(&terms.executor),
                    seen: files,
                    opened: at,
                    armed: None,
                    is_dead: false,
                    is_gone: false,
                    spawns: 0,
                    end: End::Open,
                });
            }
            Fact::StepArmed { .. } => self.on_live(|offer| offer.armed = Some(at)),
            Fact::ProposalClosed { .. } => self.on_live(|offer| offer.is_dead = true),
            Fact::ExecIntent { nonce, .. } => self.go(before, record, nonce.as_ref(), files),
            Fact::ExecOutcome { .. } => self.ends(End::Known),
            Fact::ExecUnknown { .. } => {
                self.votes.clear();
                self.ends(End::Unknown);
            }
            Fact::ResolveVoted { finding, .. } => {
                let who = place(&record.actor);
                self.votes.retain(|(other, _)| *other != who);
                self.votes.push((who, *finding));
            }
            Fact::StepResolved { finding, .. } => {
                let agreed = self.votes.iter().filter(|(_, found)| found == finding);
                if agreed.count() < 2 {
                    self.breaks(RESOLVED);
                }
                self.votes.clear();
                self.ends(End::Resolved);
            }
            Fact::RuleChanged { verdict, .. } => {
                self.is_guard_bad = *verdict != Verdict::Pass;
                let is_bad = self.is_guard_bad;
                self.on_live(|offer| offer.is_dead |= is_bad && offer.armed.is_some());
            }
            Fact::Attached { .. } => self.away[place(&record.actor)] = None,
            Fact::SessionResumed { .. } => {
                self.on_live(|offer| offer.is_dead = true);
                self.away = self.away.map(|since| since.or(Some(at)));
            }
            _ => {}
        }
    }

    fn on_live(&mut self, change: impl FnOnce(&mut Offer)) {
        if let Some(offer) = self.live() {
            change(&mut self.offers[offer]);
        }
    }

    /// The attempt that is under way has come to an end.
    fn ends(&mut self, end: End) {
        let before = if end == End::Resolved {
            End::Unknown
        } else {
            End::Open
        };
        let under_way = |o: &&mut Offer| o.is_gone && o.end == before;
        if let Some(offer) = self.offers.iter_mut().rev().find(under_way) {
            offer.end = end;
        }
    }

    /// The decision to run is durable: was it right?
    fn go(&mut self, before: &State, record: &Stamped, nonce: Option<&Nonce>, files: Files) {
        let number = (0..self.offers.len()).find(|n| nonce == Some(&nonce_of(*n)));
        let (Some(number), Some(open)) = (number, before.proposal.as_ref()) else {
            return self.breaks(SECOND);
        };
        let (now, goes) = (record.at, place(&record.actor));
        let mut counted: Vec<usize> = open.confirms.iter().map(|c| place_of(&c.person)).collect();
        let offer = self.offers[number].clone();
        if counted.iter().any(|who| {
            let is_this = |s: &Stated| (s.offer, s.person) == (number, *who);
            !self.stated.iter().any(is_this)
        }) {
            self.breaks(REALLY);
        }
        let needed = [&offer.proposer, &offer.executor].map(|p| self.away[*p]);
        let away = counted.iter().map(|who| self.away[*who]).chain(needed);
        let is_away = away.flatten().any(|since| {
            let boot = Duration::from_millis(now.mono_since(since));
            boot.max(now.wall.since(since.wall)) > ABSENCE_MAX
        });
        if is_away || self.is_guard_bad || files.policy != offer.seen.policy {
            self.breaks(WATCHED);
        }
        counted.sort_unstable();
        counted.dedup();
        counted.retain(|who| *who != offer.proposer && *who != goes && *who != offer.executor);
        if counted.len() < usize::from(open.terms.quorum.max(1)) || goes != offer.executor {
            self.breaks(SECOND);
        }
        if offer.is_dead {
            self.breaks(CLOSED);
        }
        if !is_in_time(&offer, now) {
            self.breaks(IN_TIME);
        }
        if files.runbook != offer.seen.runbook {
            self.breaks(SAME);
        }
        if self
            .offers
            .iter()
            .any(|o| o.is_gone && matches!(o.end, End::Open | End::Unknown))
        {
            self.breaks(ALONE);
        }
        self.offers[number].is_gone = true;
    }
}

fn is_in_time(offer: &Offer, now: Moment) -> bool {
    let Some(armed) = offer.armed else {
        return false;
    };
    let wall = now.wall.as_millis() - armed.wall.as_millis();
    let boot = i64::try_from(now.mono_since(armed)).expect("small");
    !now.has_passed(offer.opened, PROPOSAL_LIFE)
        && !now.has_passed(armed, ARMED_LIFE)
        && (wall - boot).abs() <= CLOCK_STEP_MAX_MS
}
