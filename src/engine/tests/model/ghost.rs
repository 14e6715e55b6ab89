//! What really happened, kept beside the state and without asking it: who pressed what, what was there to run, what
//! died. The properties are judged on this.

use super::acts::{Proof, Revoked};
use super::scene::{Asks, Files, KEYS, PEOPLE, STEPS, TOUCHED};
use crate::domain::confirm::policy::Grade;
use crate::domain::confirm::{ABSENCE_MAX, ARMED_LIFE, CLOCK_STEP_MAX_MS, PROPOSAL_LIFE};
use crate::domain::fact::{Actor, Fact, Finding, Stamped, Via};
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
    "after reject, cancel, breach, mismatch or restart no spawn for that proposal";
pub(super) const IN_TIME: &str = "after either time limit, or a step of the clock, no spawn";
pub(super) const WATCHED: &str =
    "no spawn while a guard is bad, somebody is away or the policy changed";
pub(super) const STRONG: &str = "no spawn on evidence that is weaker than the class asks";
pub(super) const STANDING: &str = "no spawn on a key or a person that was revoked";
pub(super) const CHECKED: &str =
    "nobody confirms before they have said rightly what is about to be touched";
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
    pub(super) proof: Proof,
    pub(super) text: Arc<str>,
}

#[derive(Debug, Clone)]
pub(super) struct Ghost {
    pub(super) asks: Asks,
    pub(super) offers: Vec<Offer>,
    pub(super) stated: Vec<Stated>,
    /// Who said what about the unknown outcome.
    pub(super) votes: Vec<(usize, Finding)>,
    /// Since when nobody sits at a person's terminals.
    pub(super) away: [Option<Moment>; PEOPLE.len()],
    pub(super) is_guard_bad: bool,
    /// What is on the list of what is revoked.
    pub(super) revoked: Vec<Revoked>,
    /// By what each person's newest confirm of the proposal on the table was accepted.
    pub(super) accepted: [Option<Proof>; PEOPLE.len()],
    /// Who has said rightly what it is about to touch.
    pub(super) checked: [bool; PEOPLE.len()],
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

/// The proof behind a recorded actor.
pub(super) fn proof_of(via: &Via) -> Proof {
    match via {
        Via::Sshsig { key, .. } => {
            let place = KEYS.iter().position(|(name, _)| name == key);
            Proof::Key(place.expect("one of ours"))
        }
        Via::Uid(_) => Proof::Account,
        Via::Demo | Via::Totp { .. } => panic!("nobody has these here"),
    }
}

impl Ghost {
    pub(super) fn new(asks: Asks) -> Self {
        Self {
            asks,
            offers: Vec::new(),
            stated: Vec::new(),
            votes: Vec::new(),
            away: [None; PEOPLE.len()],
            is_guard_bad: false,
            revoked: Vec::new(),
            accepted: [None; PEOPLE.len()],
            checked: [false; PEOPLE.len()],
            broken: Vec::new(),
        }
    }

    pub(super) fn is_revoked(&self, one: Revoked) -> bool {
        self.revoked.contains(&one)
    }

    /// As much as the class asks.
    pub(super) fn is_strong(&self, proof: Proof) -> bool {
        match proof {
            Proof::Account => self.asks.minimum == Grade::Uid,
            Proof::Key(_) => true,
        }
    }

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
    pub(super) fn state(&mut self, person: usize, proof: Proof, text: &str) {
        let Some(offer) = self.live() else { return };
        let is_same = |s: &Stated| (s.offer, s.person, s.proof) == (offer, person, proof);
        if !self.stated.iter().any(is_same) {
            let text = text.into();
            self.stated.push(Stated {
                offer,
                person,
                proof,
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
            Fact::ProposalClosed { .. } => {
                self.on_live(|offer| offer.is_dead = true);
                self.clear_table();
            }
            Fact::StepChecked(said) => {
                let (component, remaining) = TOUCHED;
                let is_right = said.component == component && said.remaining == Some(remaining);
                self.checked[place(&record.actor)] |= is_right;
                self.on_live(|offer| offer.is_dead |= !is_right);
            }
            Fact::StepConfirmed(_) => self.confirmed(&record.actor),
            Fact::ExecIntent { nonce, .. } => {
                self.go(before, record, nonce.as_ref(), files);
                self.clear_table();
            }
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
                let agreed = self.votes.iter().filter(|(who, found)| {
                    found == finding && !self.is_revoked(Revoked::Person(*who))
                });
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

    fn clear_table(&mut self) {
        self.accepted = [None; PEOPLE.len()];
        self.checked = [false; PEOPLE.len()];
    }

    fn confirmed(&mut self, actor: &Actor) {
        let Actor::Person { via, .. } = actor else {
            return self.breaks(SECOND);
        };
        let who = place(actor);
        self.accepted[who] = Some(proof_of(via));
        if self.asks.checks && !self.checked[who] {
            self.breaks(CHECKED);
        }
    }

    /// Enough of the people who were accepted pass this.
    fn has_enough(&self, offer: &Offer, quorum: u8, passes: impl Fn(usize, Proof) -> bool) -> bool {
        let all = self.accepted.iter().enumerate();
        let good = all.filter(|(who, proof)| {
            let is_first = *who == offer.proposer || *who == offer.executor;
            !is_first && proof.is_some_and(|proof| passes(*who, proof))
        });
        good.count() >= usize::from(quorum.max(1))
    }

    /// What the yes of each stands on holds at go.
    fn judge_evidence(&mut self, offer: &Offer, quorum: u8) {
        if !self.has_enough(offer, quorum, |_, proof| self.is_strong(proof)) {
            self.breaks(STRONG);
        }
        let stands = |who, proof| {
            let is_key_good = match proof {
                Proof::Account => true,
                Proof::Key(key) => !self.is_revoked(Revoked::Key(key)),
            };
            is_key_good && !self.is_revoked(Revoked::Person(who))
        };
        let first = [offer.proposer, offer.executor];
        let is_first_gone = first.map(|who| self.is_revoked(Revoked::Person(who)));
        if !self.has_enough(offer, quorum, stands) || is_first_gone.contains(&true) {
            self.breaks(STANDING);
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
            let is_this = |s: &Stated| {
                let is_accepted = self.accepted[*who] == Some(s.proof);
                (s.offer, s.person) == (number, *who) && is_accepted
            };
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
        self.judge_evidence(&offer, open.terms.quorum);
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
