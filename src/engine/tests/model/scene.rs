//! One state of the model: the real state, the world around it, and what really happened.

use super::act::by;
use super::acts::Key;
use super::acts::{Proof, Revoked};
use super::ghost::{End, Ghost, nonce_of, place_of, proof_of};
use crate::domain::confirm::policy::Grade;
use crate::domain::confirm::statement::unsigned_statement;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, HoldCause, Mode};
use crate::domain::fixture::{self, person};
use crate::domain::id::StepId;
use crate::domain::state::{
    CountedConfirm, Finished, Hold, Phase, Proposal, RolloutState, Running, Stage, State,
    StepState, StepStatus,
};
use crate::domain::time::Moment;
use crate::domain::world::{Look, Roles, Roster, World};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub(super) const PEOPLE: [&str; 3] = ["ann", "bob", "cho"];
pub(super) const STEPS: [&str; 2] = ["one", "two"];
/// Keys that are listed, and for which of [`PEOPLE`]: Bob has two.
pub(super) const KEYS: [(&str, usize); 4] = [
    ("SHA256:ann", 0),
    ("SHA256:bob", 1),
    ("SHA256:bob-too", 1),
    ("SHA256:cho", 2),
];
/// What both steps touch, and how many others of its group stay in service.
pub(super) const TOUCHED: (&str, u32) = ("db-1", 2);

/// What the class of the steps asks of confirmers beyond their number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    /// Least evidence.
    pub(super) minimum: Grade,
    /// They say first what is about to be touched.
    pub(super) checks: bool,
}

impl Asks {
    pub(super) const NOTHING: Self = Self {
        minimum: Grade::Uid,
        checks: false,
    };
    pub(super) const ALL: Self = Self {
        minimum: Grade::Sshsig,
        checks: true,
    };
}

/// Which version of each file lies on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// The executable.
    pub(super) content: bool,
    pub(super) runbook: bool,
    pub(super) policy: bool,
}

/// A command that may be started: its intent is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) offer: usize,
    /// What people have reviewed.
    pub(super) exe: Digest,
}

#[derive(Clone)]
pub(super) struct Scene {
    pub(super) state: Arc<State>,
    pub(super) now: Moment,
    pub(super) files: Files,
    /// How much may still go wrong.
    pub(super) troubles: u8,
    pub(super) pending: Option<Pending>,
    pub(super) ghost: Ghost,
    /// What two scenes are compared by.
    key: Arc<[u8]>,
}

impl PartialEq for Scene {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Scene {}

impl Hash for Scene {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key.hash(hasher);
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<&StepStatus> = self.state.steps.iter().map(|s| &s.status).collect();
        write!(f, "{:?} {steps:?} {:?}", self.state.phase, self.ghost)
    }
}

/// Digest of the executable in one of its versions.
pub(super) fn exe(content: bool) -> Digest {
    Digest::of(if content { b"new" } else { b"old" })
}

impl Scene {
    pub(super) fn new(state: State, now: Moment, troubles: u8, asks: Asks) -> Self {
        Self {
            state: Arc::new(state),
            now,
            files: Files::default(),
            troubles,
            pending: None,
            ghost: Ghost::new(asks),
            key: Arc::new([]),
        }
        .sealed()
    }

    /// With its key, when nothing changes any more.
    pub(super) fn sealed(mut self) -> Self {
        self.key = self.to_key().into();
        self
    }

    /// What a server reads now.
    pub(super) fn world(&self, look: Look) -> World {
        let version = |is_new| if is_new { b"new" } else { b"old" };
        let ghost = &self.ghost;
        // What is revoked is on one list only: each alone has to be enough.
        let people = (0..PEOPLE.len()).filter(|who| !ghost.is_revoked(Revoked::Person(*who)));
        let listed = people.map(|who| (person(PEOPLE[who]), Roles::BOTH));
        let keys = (0..KEYS.len()).filter(|key| !ghost.is_revoked(Revoked::Key(*key)));
        let keys = keys.map(|key| (KEYS[key].0.to_owned(), person(PEOPLE[KEYS[key].1])));
        let mut rules = fixture::rules();
        rules.destructive.confirmer = Some(ghost.asks.minimum);
        rules.destructive.independent_check = Some(ghost.asks.checks);
        World {
            policy: Some(Digest::of(version(self.files.policy))),
            runbook: Some(Digest::of(version(self.files.runbook))),
            look,
            roster: Roster::Named(listed.collect()),
            rules: Arc::new(rules),
            keys: keys.collect(),
            groups: [(TOUCHED.0.to_owned(), TOUCHED.1)].into(),
            ..fixture::world()
        }
    }

    /// A last look at the command of the open proposal.
    pub(super) fn look(&self) -> Look {
        match self.state.proposal.as_ref().and(self.ghost.offers.last()) {
            Some(offer) if offer.seen.content == self.files.content => Look::Same,
            Some(_) => Look::Changed {
                what: "exe-sha256".to_owned(),
            },
            None => Look::NotLooked,
        }
    }

    /// The plan as a server renders it, with the executable that is there now.
    pub(super) fn plan(&self, step: &StepId) -> String {
        let any = Digest::of(b"sh").to_hex();
        fixture::render_plan(&self.state, step).replace(&any, &exe(self.files.content).to_hex())
    }

    /// What this person would state now, with such a proof.
    pub(super) fn statement(&self, who: usize, proof: Proof) -> Option<String> {
        let open = self.state.proposal.as_ref()?;
        let head = self.state.head;
        let Actor::Person { id, via } = by(who, Key::Confirm(proof)) else {
            return None;
        };
        let text = unsigned_statement(&self.state, open, &id, &via, head)?;
        Some(text.expect("printable"))
    }

    /// What decides how things go on, and nothing else: no point in time but how much of a limit is used up, no hash
    /// but which version it is of. Whoever adds a field to the state is asked here whether it decides anything.
    fn to_key(&self) -> Vec<u8> {
        let State {
            genesis: _,
            broken: _,
            silences: _,
            pages: _,
            rollouts,
            genesis_hash: _,
            head: _,
            head_at: _,
            phase,
            begun: _,
            ended: _,
            end_reason: _,
            holds,
            steps,
            rules,
            proposal,
            last_closed: _,
            // Who may still say why; nothing else is decided by it.
            rejected: _,
            spent,
            values: _,
            // Its guard counts from nothing and never goes back: `super::super::watching` is about those that do.
            baselines: _,
            acted: _,
            // No alerting system tells the model anything.
            alerts: _,
            alerts_absent: _,
            terminals,
            absent_since,
            undo_stack,
            notes: _,
            writes: _,
            // Nobody moves anything here.
            motions: _,
            open,
        } = &*self.state;
        assert_eq!(self.state.genesis.mode, Mode::Advisory);
        let mut key = vec![phase_byte(*phase), u8::from(*open), byte(undo_stack.len())];
        key.extend(holds.iter().map(hold_byte));
        for step in steps {
            key.push(b'/');
            step_key(&mut key, step);
        }
        for rollout in rollouts.values() {
            rollout_key(&mut key, rollout);
        }
        key.push(b'/');
        key.extend(rules.values().map(|r| u8::from(r.verdict.is_known_good())));
        if let Some(open) = proposal {
            key.push(b'P');
            self.proposal_key(&mut key, open);
        }
        key.push(b'S');
        key.extend((0..self.ghost.offers.len()).map(|n| u8::from(spent.contains(&nonce_of(n)))));
        key.push(b'T');
        key.extend(terminals.keys().map(|id| byte(id.0)));
        key.push(b'A');
        for (person, since) in absent_since {
            key.push(byte(place_of(person)));
            self.age(&mut key, *since, 16);
        }
        self.world_key(&mut key);
        self.ghost_key(&mut key);
        key
    }

    /// How long ago something was on each clock, up to where it makes no difference any more.
    fn age(&self, key: &mut Vec<u8>, since: Moment, most: u16) {
        let boot = u16::try_from(self.now.mono_since(since) / 1000)
            .unwrap_or(most)
            .min(most);
        let wall = self.now.wall.as_millis() - since.wall.as_millis();
        let wall = i16::try_from(wall.div_euclid(1000)).unwrap_or(i16::MAX);
        key.extend(boot.to_be_bytes());
        key.extend(wall.min(i16::try_from(most).expect("small")).to_be_bytes());
    }

    fn proposal_key(&self, key: &mut Vec<u8>, open: &Proposal) {
        let Proposal {
            terms,
            // The proposer's account, always.
            via: _,
            checked,
            // Nobody is in a shared account here.
            claimed: _,
            // What is touched is known, whatever it is called: there is no CMDB.
            missed: _,
            plan: _,
            proposed,
            opened,
            confirms,
            armed,
            // Nobody goes alone here: `super::super::breakglass` is about that.
            glass: _,
            heads: _,
        } = open;
        let step = STEPS.iter().position(|name| *name == terms.step.as_str());
        key.push(byte(step.expect("one of ours")));
        key.push(byte(terms.attempt.0));
        key.push(terms.quorum);
        key.push(byte(place_of(&terms.proposer)));
        key.push(byte(place_of(&terms.executor)));
        key.push(u8::from(proposed.is_some()));
        let one = |c: &CountedConfirm| [byte(place_of(&c.person)), proof_byte(proof_of(&c.via))];
        let mut people: Vec<[u8; 2]> = confirms.iter().map(one).collect();
        people.sort_unstable();
        key.extend(people.concat());
        key.push(b',');
        key.extend(checked.iter().map(|who| byte(place_of(who))));
        key.push(b',');
        self.age(key, *opened, 900);
        if let Some(armed) = armed {
            self.age(key, *armed, 300);
        }
    }

    fn world_key(&self, key: &mut Vec<u8>) {
        let Files {
            content,
            runbook,
            policy,
        } = self.files;
        key.extend([b'W', self.troubles]);
        key.extend([content, runbook, policy].map(u8::from));
        if let Some(pending) = self.pending {
            key.push(byte(pending.offer));
            key.push(u8::from(pending.exe == exe(true)));
        }
    }

    fn ghost_key(&self, key: &mut Vec<u8>) {
        let Ghost {
            offers,
            stated,
            votes,
            away: _,
            is_guard_bad,
            asks: _,
            revoked,
            accepted,
            checked,
            broken,
        } = &self.ghost;
        for offer in offers {
            key.extend([
                b'O',
                byte(offer.step),
                byte(offer.proposer),
                byte(offer.executor),
            ]);
            key.extend([offer.is_dead, offer.is_gone].map(u8::from));
            key.extend([offer.spawns, end_byte(offer.end)]);
            if !offer.is_dead && offer.end == End::Open {
                let Files {
                    content,
                    runbook,
                    policy,
                } = offer.seen;
                key.extend([content, runbook, policy].map(u8::from));
            }
        }
        key.push(b'C');
        let mut said: Vec<[u8; 3]> = stated
            .iter()
            .map(|s| [byte(s.offer), byte(s.person), proof_byte(s.proof)])
            .collect();
        said.sort_unstable();
        key.extend(said.concat());
        key.push(b'V');
        let mut said: Vec<[u8; 2]> = votes
            .iter()
            .map(|(who, f)| [byte(*who), finding_byte(*f)])
            .collect();
        said.sort_unstable();
        key.extend(said.concat());
        key.push(b'E');
        key.extend(accepted.iter().map(|p| p.map_or(0, proof_byte)));
        key.extend(checked.map(u8::from));
        let mut gone: Vec<u8> = revoked.iter().map(|one| revoked_byte(*one)).collect();
        gone.sort_unstable();
        key.extend(gone);
        key.extend([b'G', u8::from(*is_guard_bad), byte(broken.len())]);
    }
}

fn byte<N: TryInto<u8>>(number: N) -> u8 {
    number
        .try_into()
        .unwrap_or_else(|_| panic!("a small number"))
}

const fn phase_byte(phase: Phase) -> u8 {
    match phase {
        Phase::Briefing => 0,
        Phase::Running => 1,
        Phase::RollingBack => 2,
        Phase::Completed => 3,
        Phase::RolledBack => 4,
        Phase::Aborted => 5,
    }
}

const fn hold_byte(hold: &Hold) -> u8 {
    match hold.cause {
        HoldCause::Person { .. } => b'p',
        HoldCause::Guard { .. } => b'g',
        HoldCause::Effect { .. } => b'e',
        HoldCause::Alert { .. } => b'a',
        HoldCause::Restart => b'r',
        HoldCause::Moved { .. } => b'm',
        HoldCause::Silence { .. } => b's',
    }
}

fn proof_byte(proof: Proof) -> u8 {
    match proof {
        Proof::Account => 1,
        Proof::Key(key) => 2 + byte(key),
    }
}

fn revoked_byte(one: Revoked) -> u8 {
    match one {
        Revoked::Key(key) => byte(key),
        Revoked::Person(who) => 100 + byte(who),
    }
}

const fn end_byte(end: End) -> u8 {
    match end {
        End::Open => 0,
        End::Known => 1,
        End::Unknown => 2,
        End::Resolved => 3,
    }
}

fn finding_byte(finding: crate::domain::fact::Finding) -> u8 {
    finding.as_str().as_bytes()[0]
}

const fn stage_byte(stage: Stage) -> u8 {
    match stage {
        Stage::Between => 0,
        Stage::Checking => 1,
        Stage::Gated => 2,
        Stage::NeedsProposal => 3,
        Stage::AwaitingSecond => 4,
        Stage::Armed => 5,
        Stage::Running => 6,
        Stage::Verifying => 7,
        Stage::SubSteps => 8,
        Stage::Effect => 9,
    }
}

const fn status_bytes(status: &StepStatus) -> [u8; 2] {
    match status {
        StepStatus::Pending => [0, 0],
        StepStatus::Active { stage } => [1, stage_byte(*stage)],
        StepStatus::Done { .. } => [2, 0],
        StepStatus::Failed { .. } => [3, 0],
        StepStatus::Skipped { .. } => [4, 0],
        StepStatus::Unknown => [5, 0],
        StepStatus::Undoing => [6, 0],
        StepStatus::Undone => [7, 0],
        StepStatus::UndoFailed { .. } => [8, 0],
    }
}

fn rollout_key(key: &mut Vec<u8>, rollout: &RolloutState) {
    let RolloutState {
        begun,
        left_out,
        opened,
        // Nothing is waited for between units.
        waits_since: _,
        allowed,
        switch_back: _,
        run_on,
        // Why it ended decides nothing.
        halted: _,
    } = rollout;
    assert!(left_out.is_empty(), "nobody leaves a unit out");
    key.extend([b'R', byte(begun.len()), byte(*opened), byte(*allowed)]);
    if let Some(word) = run_on {
        let by = word.by.person().expect("a person");
        key.extend([byte(place_of(by)), u8::from(word.ends.is_some())]);
    }
}

fn step_key(key: &mut Vec<u8>, step: &StepState) {
    let StepState {
        status,
        attempt,
        next_block,
        tries,
        not_before,
        gate_since,
        started: _,
        ended: _,
        // Words for people alone.
        stop_by: _,
        // Decides only who ends hand work and whose absence ends a command: the model has neither.
        by: _,
        note: _,
        running,
        finished,
        touched,
        // Counts only once a plan was amended, and nobody amends this one.
        ran_at: _,
        votes,
        proposed,
        worked,
        // The plan of the model declares no effects.
        effect: _,
        // What resolve statements and ways back name; nothing is decided by it.
        ran: _,
        back: _,
        agreed: _,
    } = step;
    assert!(
        not_before.is_none() && gate_since.is_none(),
        "nothing here waits for time"
    );
    key.extend(status_bytes(status));
    key.extend([
        byte(attempt.0),
        byte(*next_block),
        byte(*tries),
        byte(proposed.0),
    ]);
    key.extend([*touched, *worked].map(u8::from));
    if let Some(Running {
        key: of,
        role: _,
        since: _,
        pid,
        stop_asked,
        ran: _,
    }) = running
    {
        key.extend([b'R', byte(of.attempt.0), byte(of.try_no)]);
        key.extend([pid.is_some(), *stop_asked].map(u8::from));
    }
    for Finished {
        key: of, outcome, ..
    } in finished
    {
        let is_good = outcome
            .as_ref()
            .map(crate::domain::fact::Outcome::is_success);
        key.extend([b'F', byte(of.attempt.0), is_good.map_or(2, u8::from)]);
    }
    for (person, finding) in votes {
        key.extend([b'V', byte(place_of(person)), finding_byte(*finding)]);
    }
}
