//! Two sessions of one host in many orders: what each of them is told and says is decided by the functions the server
//! calls, and whatever the order, one never runs across the other (`TWO_PERSON` T13).

use super::*;
use crate::domain::command::Refusal;
use crate::domain::fact::Finding;
use crate::domain::fixture::{Room, go_for, id, resolve};
use crate::domain::mutant::{Guard, Off};
use crate::domain::state::StepStatus;
use crate::domain::world::Look;
use std::collections::BTreeSet;

/// Orders that are gone through, each from another start.
const WALKS: u64 = 40;
/// Things that happen in one of them.
const ACTS: usize = 80;

/// What can happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// The destructive step comes up, is proposed and confirmed.
    Review,
    /// One of the things to be said reaches the disk, whichever.
    Tell,
    /// One of them never does.
    Lose,
    /// The executor says go; the scope is taken.
    Press,
    /// What came of it is judged, and what is allowed runs.
    Judge,
    /// The command ends.
    End,
    /// The server is killed, and the next one comes up.
    Kill,
    /// Two people say how it ended.
    Resolve,
}

const ALL: [Act; 9] = [
    Act::Review,
    Act::Tell,
    Act::Tell,
    Act::Lose,
    Act::Press,
    Act::Judge,
    Act::End,
    Act::Kill,
    Act::Resolve,
];

/// One session and its server.
struct Seat {
    room: Room,
    desk: Desk,
    session: SessionId,
    component: &'static str,
    order: u64,
    to_say: Vec<Word>,
    took: Option<Result<Took, String>>,
}

impl Seat {
    fn new(dir: &Path, n: u128, component: &'static str) -> Self {
        let session = SessionId::from_parts(1, n);
        Self {
            room: Room::at_proposal(),
            desk: Desk::new(dir.to_owned(), session.clone()),
            session,
            component,
            order: 0,
            to_say: Vec::new(),
            took: None,
        }
    }

    fn claim(&self) -> Claim {
        let mut claim = Claim::of(&self.room.state, &self.room.world);
        claim.id = self.session.clone();
        claim
    }

    fn word(&mut self, claim: Claim) -> Word {
        self.order += 1;
        let (order, at) = (self.order, self.room.now.wall);
        Word { order, at, claim }
    }

    /// What is so now is to be said.
    fn tell(&mut self) {
        let word = self.claim();
        let word = self.word(word);
        self.to_say.push(word);
    }

    fn hear(&mut self, found: Taken) {
        let own = Scope::of(self.room.state.plan(), &self.room.world);
        self.room.world.scope = found.map(|mut others| {
            others.retain(|other| other.scope.shares(&own));
            others
        });
    }

    fn is_armed(&self) -> bool {
        let open = self.room.state.proposal.as_ref();
        open.is_some_and(|open| open.armed.is_some())
    }

    fn is_unknown(&self) -> bool {
        let drain = self.room.state.find(&id("drain")).expect("a step");
        drain.now.status == StepStatus::Unknown
    }

    /// A session whose step is reviewed now, unless something stands in the way of that.
    fn review(&mut self, moment: u64) {
        if self.claim().holds() || self.took.is_some() {
            return;
        }
        self.room = Room::at_proposal();
        self.room.world.touched = vec![self.component.to_owned()];
        self.at(moment);
        self.hear(self.desk.others());
        if self.room.propose("ann", "drain").is_ok() {
            self.hear(self.desk.others());
            self.room.confirm("bob").ok();
        }
        self.tell();
    }

    fn at(&mut self, moment: u64) {
        let start = Room::at_proposal().now;
        self.room.now = start.plus(Duration::from_secs(moment));
    }

    fn press(&mut self) {
        if self.took.is_none() && self.is_armed() {
            let claim = self.claim().going(self.room.now.wall);
            let word = self.word(claim);
            self.took = Some(self.desk.take(&word));
        }
    }

    fn judge(&mut self) -> Option<Result<(), Refusal>> {
        let (others, said) = match self.took.take()? {
            Ok(took) => (Ok(took.others), took.said),
            Err(why) => (Err(why), None),
        };
        self.hear(others);
        let own = Scope::of(self.room.state.plan(), &self.room.world);
        let is_told = said.is_some_and(|said| said.order == self.order && said.claim.scope == own);
        self.room.world.look = if is_told { Look::Same } else { Look::NotLooked };
        let attempt = self.room.state.proposal.as_ref()?.terms.attempt.0;
        let judged = self.room.ask("ann", go_for("drain", attempt));
        self.tell();
        Some(judged)
    }

    fn die(&mut self) {
        if self.room.running().is_some() {
            self.room.lose();
        } else if !self.is_unknown() {
            // What was armed is not armed after a restart.
            self.room = Room::at_proposal();
            self.room.world.touched = vec![self.component.to_owned()];
        }
        self.desk = Desk::new(self.desk.dir.clone(), self.session.clone());
        (self.order, self.took) = (0, None);
        self.to_say.clear();
        self.tell();
    }

    fn resolve(&mut self) {
        if self.is_unknown() {
            for who in ["ann", "bob"] {
                self.room.ask(who, resolve("drain", Finding::Ran)).ok();
            }
            assert!(!self.is_unknown());
            self.tell();
        }
    }

    fn end(&mut self, moment: u64) {
        if self.room.running().is_some() && self.claim().holds() {
            self.at(moment);
            self.room.exit(0);
            self.tell();
        }
    }
}

/// One order of things. What was seen on the way, or that both ran at once.
fn walk(start: u64, components: [&'static str; 2]) -> Result<BTreeSet<&'static str>, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let scope = dir.path().join("scope");
    let mut seats = [
        Seat::new(&scope, 1, components[0]),
        Seat::new(&scope, 2, components[1]),
    ];
    let mut seen = BTreeSet::new();
    let mut random = start;
    let mut pick = |below: usize| {
        // Constants of a full period. Source: Knuth, MMIX.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    let mut path = Vec::new();
    for moment in (1..).take(ACTS) {
        let (who, act) = (pick(2), ALL[pick(ALL.len())]);
        let seat = &mut seats[who];
        path.push((who, act));
        match act {
            Act::Review => seat.review(moment),
            Act::Tell | Act::Lose if seat.to_say.is_empty() => {}
            Act::Tell => {
                let word = seat.to_say.remove(pick(seat.to_say.len()));
                seat.desk.put(&word).expect("written");
            }
            Act::Lose => drop(seat.to_say.remove(pick(seat.to_say.len()))),
            Act::Press => seat.press(),
            Act::Judge => match seat.judge() {
                Some(Ok(())) => drop(seen.insert("it ran")),
                Some(Err(refused)) if refused.reason.contains("of session") => {
                    seen.insert("another was in the way");
                }
                Some(Err(_)) | None => {}
            },
            Act::End => seat.end(moment),
            Act::Kill => seat.die(),
            Act::Resolve => seat.resolve(),
        }
        if seats.iter().all(|seat| seat.claim().holds()) {
            seen.insert("both at once");
            if components[0] == components[1] {
                return Err(format!("both run at once after {path:?}"));
            }
        }
        if seats.iter().any(Seat::is_unknown) {
            seen.insert("unknown");
        }
    }
    Ok(seen)
}

#[test]
fn in_no_order_does_one_session_run_across_another() {
    let mut seen = BTreeSet::new();
    for start in 0..WALKS {
        seen.extend(walk(start, ["db-1", "db-1"]).unwrap_or_else(|why| panic!("{start}: {why}")));
    }
    // A walk of nothing proves nothing.
    let sometimes = BTreeSet::from(["it ran", "another was in the way", "unknown"]);
    assert_eq!(seen, sometimes);
}

#[test]
fn sessions_apart_run_beside_each_other() {
    let mut walks = (0..WALKS).map(|start| walk(start, ["db-1", "db-2"]).expect("apart"));
    assert!(walks.any(|seen| seen.contains("both at once")));
}

#[test]
fn without_the_scope_two_sessions_run_across_each_other_and_it_is_noticed() {
    let _off = Off::new(Some(Guard::Scope));
    assert!((0..WALKS).any(|start| walk(start, ["db-1", "db-1"]).is_err()));
}
