//! What comes of an act: each through the functions the server calls.

use super::acts::{Act, File, Jump, Key, Proof, TERMINALS};
use super::ghost::{Ghost, KNOWN, POSSIBLE, REFUSED, RESOLVED, nonce_of};
use super::scene::{Files, KEYS, PEOPLE, Pending, STEPS, Scene, TOUCHED, exe};
use super::{Defect, Model};
use crate::domain::apply::check_apply;
use crate::domain::command::{Command, Evidence};
use crate::domain::decide::{self, Prepared};
use crate::domain::fact::{Actor, Fact, Outcome, Stamped, Touch, Via};
use crate::domain::fixture::{self, actor, id, no_output, person};
use crate::domain::id::TerminalId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::settle::{GateView, settle};
use crate::domain::state::State;
use crate::domain::threshold::Verdict;
use crate::domain::time::Moment;
use crate::domain::world::{Look, World};
use crate::engine::{Effect, Engine, ExecUpdate, exec_facts, restart};
use std::sync::Arc;
use std::time::Duration;

/// Records that belong together, on their way to the journal.
struct Batch {
    now: Moment,
    world: World,
    state: State,
    records: Vec<Stamped>,
    is_impossible: bool,
}

impl Batch {
    fn new(scene: &Scene, look: Look) -> Self {
        Self {
            now: scene.now,
            world: scene.world(look),
            state: (*scene.state).clone(),
            records: Vec::new(),
            is_impossible: false,
        }
    }

    fn stage(&mut self, who: &Actor, fact: Fact) {
        let record = fixture::stamp(self.state.head.0.next(), self.now, who.clone(), fact);
        self.is_impossible |= check_apply(&mut self.state, &record).is_err();
        self.records.push(record);
    }

    fn stage_all(mut self, who: &Actor, facts: Vec<Fact>) -> Self {
        for fact in facts {
            self.stage(who, fact);
        }
        self
    }

    fn settle(mut self) -> Self {
        for _ in 0..100 {
            let facts = settle(&self.state, self.now, &self.world, &GateView::default());
            if facts.is_empty() {
                return self;
            }
            for (who, fact) in facts {
                self.stage(&who, fact);
            }
        }
        panic!("it never settles");
    }
}

/// What a person may do; or what is kept of the refusal.
type Answer = Result<Box<Batch>, Vec<Fact>>;

impl Model {
    /// The scene after an act; nothing where it changes nothing.
    pub(super) fn after(&self, scene: &Scene, act: &Act) -> Option<Scene> {
        let mut next = match act {
            Act::Ask(who, key) => self.ask(scene, *who, *key)?,
            Act::Replay(place) => self.replay(scene, *place)?,
            Act::Cut(act, keep) => self.cut(scene, act, *keep)?,
            Act::Crash(keep) => self.crash(scene.clone(), *keep)?,
            Act::Spawn => self.spawn(scene)?,
            Act::Exit(code) => {
                let key = scene.state.running()?.key.clone();
                let outcome = Outcome::Exited { code: *code };
                let output = no_output();
                self.exec(
                    scene,
                    &ExecUpdate::Ended {
                        key,
                        outcome,
                        output,
                    },
                )
            }
            Act::Tick => {
                let batch = Batch::new(scene, scene.look()).settle();
                if batch.records.is_empty() {
                    return None;
                }
                self.commit(scene, &batch)
            }
            Act::Jump(jump) => jumped(scene.clone(), *jump),
            Act::Flip(file) => flipped(scene.clone(), *file),
            Act::Breach => self.engine(scene, Verdict::Fail),
            Act::Recover => self.engine(scene, Verdict::Pass),
            Act::Leave(terminal) => self.leave(scene, *terminal)?,
            Act::Back(who) => self.back(scene, *who),
            Act::Revoke(one) => {
                let mut next = scene.clone();
                next.ghost.revoked.push(*one);
                next
            }
        };
        if act.is_trouble(scene) {
            next.troubles = next.troubles.checked_sub(1)?;
        }
        check(&mut next);
        Some(next.sealed())
    }

    fn ask(&self, scene: &Scene, who: usize, key: Key) -> Option<Scene> {
        let mut scene = scene.clone();
        if let Key::Confirm(proof) = key {
            let text = scene.statement(who, proof)?;
            let open = scene.state.proposal.as_ref()?;
            let is_first = [&open.terms.proposer, &open.terms.executor];
            // What proposer and executor state, or by too little, is never counted: nobody needs to remember it.
            let may_count =
                !is_first.contains(&&person(PEOPLE[who])) && scene.ghost.is_strong(proof);
            if may_count || self.defect.is_some() {
                scene.ghost.state(who, proof, &text);
            }
        }
        let answer = Self::answer(&scene, who, key, None)?;
        Some(self.take(&scene, &by(who, key), answer))
    }

    fn replay(&self, scene: &Scene, place: usize) -> Option<Scene> {
        let said = scene.ghost.stated[place].clone();
        let key = Key::Confirm(said.proof);
        let answer = Self::answer(scene, said.person, key, Some(&said.text))?;
        Some(self.take(scene, &by(said.person, key), answer))
    }

    /// What comes of a key: the plan of a proposal is rendered in between, as the server does.
    fn answer(scene: &Scene, who: usize, key: Key, said: Option<&str>) -> Option<Answer> {
        let actor = by(who, key);
        let command = command(scene, who, key, said)?;
        let look = if key == Key::Go {
            scene.look()
        } else {
            Look::NotLooked
        };
        let batch = Batch::new(scene, look);
        let (state, world) = (&batch.state, &batch.world);
        let mut decision = decide::decide(state, &actor, &command, scene.now, world);
        if let (Key::Propose(step, executor), Ok(_)) = (key, &decision) {
            let step = id(STEPS[step]);
            let prepared = Prepared {
                plan: scene.plan(&step),
                nonce: nonce_of(scene.ghost.offers.len()),
                executor: person(PEOPLE[executor]),
                signed: None,
            };
            decision = decide::open_proposal(state, &actor, &step, &prepared, scene.now, world);
        }
        Some(match decision {
            Ok(facts) => Ok(Box::new(batch.stage_all(&actor, facts).settle())),
            Err(refused) => Err(refused.record.into_iter().map(|fact| *fact).collect()),
        })
    }

    fn take(&self, scene: &Scene, who: &Actor, answer: Answer) -> Scene {
        let record = match answer {
            Ok(batch) => return self.commit(scene, &batch),
            Err(record) => record,
        };
        let before = scene.clone().sealed();
        let closes = matches!(record[..], [Fact::ProposalClosed { .. }]);
        let batch = Batch::new(scene, Look::NotLooked).stage_all(who, record);
        let mut after = self.commit(scene, &batch).sealed();
        if after != before && !closes {
            after.ghost.breaks(REFUSED);
        }
        after
    }

    /// Everything is durable, and what follows from it may be done.
    fn commit(&self, scene: &Scene, batch: &Batch) -> Scene {
        let keep = batch.records.len();
        self.commit_part(scene, batch, keep)
    }

    fn commit_part(&self, scene: &Scene, batch: &Batch, keep: usize) -> Scene {
        let mut next = scene.clone();
        let intends = |r: &Stamped| matches!(r.fact, Fact::ExecIntent { .. });
        let kept = &batch.records[..keep];
        let told = match self.defect {
            // The command is started before its intent is on the disk.
            Some(Defect::Hasty) => &batch.records[..],
            _ => kept,
        };
        if told.iter().any(intends) {
            let mut engine = Engine::new((*scene.state).clone());
            for effect in engine.commit(told) {
                if let Effect::Spawn { reviewed, .. } = effect {
                    let exe = reviewed.map_or_else(|| exe(false), |e| e.digest);
                    let offer = next.ghost.offers.len().saturating_sub(1);
                    next.pending = Some(Pending { offer, exe });
                }
            }
        }
        let mut state = (*scene.state).clone();
        for record in kept {
            next.ghost.observe(&state, record, scene.files);
            self.note(record);
            check_apply(&mut state, record).ok();
        }
        if batch.is_impossible {
            next.ghost.breaks(POSSIBLE);
        }
        let resolved = kept
            .iter()
            .any(|r| matches!(r.fact, Fact::StepResolved { .. }));
        if scene.state.unknown().is_some() && state.unknown().is_none() && !resolved {
            next.ghost.breaks(RESOLVED);
        }
        next.state = Arc::new(state);
        next
    }

    fn cut(&self, scene: &Scene, act: &Act, keep: usize) -> Option<Scene> {
        let Act::Ask(who, key) = act else { return None };
        let mut scene = scene.clone();
        if let Key::Confirm(proof) = *key {
            let text = scene.statement(*who, proof)?;
            scene.ghost.state(*who, proof, &text);
        }
        let Ok(batch) = Self::answer(&scene, *who, *key, None)? else {
            return None;
        };
        if keep >= batch.records.len() {
            return None;
        }
        let mut next = self.commit_part(&scene, &batch, keep);
        if self.defect == Some(Defect::Hasty)
            && let Some(pending) = next.pending
        {
            next.ghost.spawn(pending.offer, next.files);
        }
        next.pending = None;
        self.crash(next, 0)
    }

    fn crash(&self, scene: Scene, keep: usize) -> Option<Scene> {
        let resumed = |scene: &Scene| {
            let facts = restart::facts(&scene.state, "warroom", &scene.state.genesis.host);
            Batch::new(scene, Look::NotLooked).stage_all(&Actor::Engine, facts)
        };
        let mut scene = scene;
        scene.pending = None;
        if keep > 0 {
            let batch = resumed(&scene);
            if keep >= batch.records.len() {
                return None;
            }
            scene = self.commit_part(&scene, &batch, keep);
        }
        let batch = resumed(&scene).settle();
        scene = self.commit(&scene, &batch);
        for (terminal, who) in TERMINALS {
            if who < self.bounds.people {
                scene = self.attach(&scene, TerminalId(terminal), who);
            }
        }
        Some(scene)
    }

    fn attach(&self, scene: &Scene, terminal: TerminalId, who: usize) -> Scene {
        let read_only = false;
        let fact = Fact::Attached {
            terminal,
            read_only,
        };
        let batch = Batch::new(scene, Look::NotLooked);
        let batch = batch.stage_all(&actor(PEOPLE[who]), vec![fact]).settle();
        self.commit(scene, &batch)
    }

    fn back(&self, scene: &Scene, who: usize) -> Scene {
        let terminal = TERMINALS.iter().find(|(_, of)| *of == who);
        self.attach(
            scene,
            TerminalId(terminal.expect("everybody has one").0),
            who,
        )
    }

    fn leave(&self, scene: &Scene, terminal: TerminalId) -> Option<Scene> {
        let who = scene.state.terminals.get(&terminal)?.actor.clone();
        let batch = Batch::new(scene, Look::NotLooked);
        let batch = batch
            .stage_all(&who, vec![Fact::Detached { terminal }])
            .settle();
        let mut next = self.commit(scene, &batch);
        for (place, name) in PEOPLE.iter().enumerate().take(self.bounds.people) {
            let mut all = next.state.terminals.values();
            if all.all(|t| t.actor.person() != Some(&person(name))) {
                next.ghost.away[place].get_or_insert(scene.now);
            }
        }
        Some(next)
    }

    fn engine(&self, scene: &Scene, verdict: Verdict) -> Scene {
        let fact = Fact::RuleChanged {
            rule: fixture::rule("errors"),
            verdict,
            quote: None,
        };
        let batch = Batch::new(scene, Look::NotLooked);
        let batch = batch.stage_all(&Actor::Engine, vec![fact]).settle();
        self.commit(scene, &batch)
    }

    fn exec(&self, scene: &Scene, update: &ExecUpdate) -> Scene {
        let facts = exec_facts(&scene.state, update);
        let batch = Batch::new(scene, Look::NotLooked);
        let batch = batch.stage_all(&Actor::Engine, facts).settle();
        self.commit(scene, &batch)
    }

    /// The runner compares what it is about to start with what people have reviewed.
    fn spawn(&self, scene: &Scene) -> Option<Scene> {
        let pending = scene.pending?;
        let key = scene.state.running()?.key.clone();
        let mut next = scene.clone();
        next.pending = next.pending.filter(|_| self.defect == Some(Defect::Twice));
        if pending.exe == exe(scene.files.content) || is_off(Guard::Plan) {
            next.ghost.spawn(pending.offer, scene.files);
            return Some(self.exec(&next, &ExecUpdate::Spawned { key, pid: 7 }));
        }
        let why = "it is not what was reviewed".to_owned();
        let (outcome, output) = (Outcome::NotStarted { why }, no_output());
        let ended = ExecUpdate::Ended {
            key,
            outcome,
            output,
        };
        Some(self.exec(&next, &ended))
    }
}

/// Who asks: evidence belongs to the confirm, all else comes by the account.
pub(super) fn by(who: usize, key: Key) -> Actor {
    let Key::Confirm(Proof::Key(key)) = key else {
        return actor(PEOPLE[who]);
    };
    Actor::Person {
        id: person(PEOPLE[who]),
        via: Via::Sshsig {
            key: KEYS[key].0.to_owned(),
            touch: Touch::None,
            detached: false,
        },
    }
}

/// What must hold of every scene, whatever led to it.
fn check(next: &mut Scene) {
    let Ghost { offers, .. } = &next.ghost;
    let is_lost = offers.iter().any(|offer| {
        use super::ghost::End;
        let runs = next.state.steps[offer.step].running.is_some();
        offer.spawns > 0 && offer.end == End::Open && !(offer.is_gone && runs)
    });
    if is_lost {
        next.ghost.breaks(KNOWN);
    }
}

fn command(scene: &Scene, who: usize, key: Key, said: Option<&str>) -> Option<Command> {
    let open = scene.state.proposal.as_ref();
    let offered = || Some(STEPS[scene.ghost.offers.last()?.step]);
    Some(match key {
        Key::Start(step) => fixture::start(STEPS[step]),
        Key::RunOn(on) => Command::RunOn { phase: 0, on },
        Key::Retry(step) => fixture::retry(STEPS[step]),
        Key::Propose(step, _) => fixture::propose(STEPS[step]),
        Key::Check(is_right) => Command::Check {
            step: open?.terms.step.clone(),
            attempt: open?.terms.attempt,
            component: TOUCHED.0.to_owned(),
            remaining: Some(if is_right { TOUCHED.1 } else { 0 }),
            dwell_ms: 7000,
            claimed: None,
        },
        Key::Confirm(proof) => Command::Confirm {
            statement: match said {
                Some(text) => text.to_owned(),
                None => scene.statement(who, proof)?,
            },
            evidence: match proof {
                Proof::Account => Evidence::Account,
                Proof::Key(_) => Evidence::Signature {
                    armour: "armour".to_owned(),
                    detached: false,
                },
            },
        },
        Key::Reject => fixture::reject(offered()?),
        Key::Cancel => fixture::cancel(offered()?),
        Key::Go => fixture::go_for(offered()?, open?.terms.attempt.0),
        Key::Stop(step) => fixture::stop(STEPS[step]),
        Key::Resolve(step, finding) => fixture::resolve(STEPS[step], finding),
        Key::Hold => fixture::hold(),
        Key::Release => Command::release("looked around".to_owned()),
        Key::Rollback => fixture::rollback(),
    })
}

fn jumped(mut scene: Scene, jump: Jump) -> Scene {
    let both = |seconds| scene.now.plus(Duration::from_secs(seconds));
    let mut now = both(0);
    match jump {
        Jump::Away => now = both(16),
        Jump::Armed => now = both(300),
        Jump::Wall => now.wall = both(900).wall,
        Jump::Boot => now.mono_ms = both(900).mono_ms,
        Jump::Step => now.wall = both(3).wall,
    }
    scene.now = now;
    scene
}

fn flipped(mut scene: Scene, file: File) -> Scene {
    let Files {
        content,
        runbook,
        policy,
    } = &mut scene.files;
    let version = match file {
        File::Content => content,
        File::Runbook => runbook,
        File::Policy => policy,
    };
    *version = !*version;
    scene
}
