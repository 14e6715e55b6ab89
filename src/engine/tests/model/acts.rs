//! What may happen next: what people press, what the world does, and what goes wrong.

use super::Bounds;
use super::scene::{KEYS, Scene};
use crate::domain::confirm::policy::Grade;
use crate::domain::fact::Finding;
use crate::domain::id::TerminalId;
use crate::domain::state::{Stage, StepStatus};

/// How a person says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// By the account of the connection.
    Account,
    /// With this one of [`KEYS`].
    Key(usize),
}

/// Something that may happen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// A person presses a key.
    Ask(usize, Key),
    /// A statement that was made some time ago comes (again), from its signer's own connection.
    Replay(usize),
    /// What this leads to is being written when the server dies: only so many of its records are on the disk.
    Cut(Box<Act>, usize),
    /// The server dies and another takes the journal up. One that dies again after so many of its own first records,
    /// unless they are none, is followed by a third.
    Crash(usize),
    /// The command whose intent is durable is started.
    Spawn,
    /// It ends with this code.
    Exit(i32),
    /// A second passes: the server looks around.
    Tick,
    /// Time passes unseen.
    Jump(Jump),
    /// A file is replaced by its other version.
    Flip(File),
    /// The guard goes bad.
    Breach,
    /// It is good again.
    Recover,
    /// A terminal goes.
    Leave(TerminalId),
    /// A person comes back.
    Back(usize),
    /// Something is put on the list of what is revoked.
    Revoke(Revoked),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Start(usize),
    /// The rollout goes by itself from here on, or no longer.
    RunOn(bool),
    Retry(usize),
    /// A step, to be executed by somebody.
    Propose(usize, usize),
    /// What is expected to be touched: rightly, or something else.
    Check(bool),
    Confirm(Proof),
    Reject,
    Cancel,
    Go,
    Stop(usize),
    Resolve(usize, Finding),
    Hold,
    Release,
    Rollback,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// Longer than anybody may be away.
    Away,
    /// Longer than anything is armed.
    Armed,
    /// The wall clock is beyond the end of a proposal, the boot clock stands.
    Wall,
    /// The boot clock is, the wall clock was set back.
    Boot,
    /// The wall clock steps a little.
    Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revoked {
    /// One of [`KEYS`].
    Key(usize),
    Person(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Content,
    Runbook,
    Policy,
}

/// Terminals: two of Ann's, who proposes, and one for each other.
pub(super) const TERMINALS: [(u64, usize); 4] = [(0, 0), (1, 0), (2, 1), (3, 2)];

/// What can be asked of each other person in turn, and what the world does.
pub(super) fn acts(scene: &Scene, bounds: &Bounds, acts: &mut Vec<Act>) {
    let state = &*scene.state;
    if !state.phase.is_final() {
        work(scene, bounds, acts);
        if state.proposal.is_some() {
            table(scene, bounds, acts);
        }
        if scene.troubles > 0 {
            trouble(scene, bounds, acts);
        }
    }
    if state.is_held() {
        acts.push(Act::Ask(0, Key::Release));
    }
    for who in 0..bounds.people {
        if scene.ghost.away[who].is_some() {
            acts.push(Act::Back(who));
        }
    }
    if scene.ghost.is_guard_bad {
        acts.push(Act::Recover);
    }
    if scene.pending.is_some() {
        acts.push(Act::Spawn);
    } else if state.running().is_some() {
        acts.push(Act::Exit(0));
    }
    acts.push(Act::Tick);
}

/// What moves the steps on.
fn work(scene: &Scene, bounds: &Bounds, acts: &mut Vec<Act>) {
    let may_offer = scene.ghost.offers.len() < bounds.offers;
    if bounds.rolls && scene.state.runs_on().is_none() {
        acts.extend((0..bounds.people).map(|who| Act::Ask(who, Key::RunOn(true))));
    }
    for (step, now) in scene.state.steps.iter().enumerate() {
        match now.status {
            StepStatus::Pending if !bounds.rolls => acts.push(Act::Ask(0, Key::Start(step))),
            StepStatus::Failed { .. } => acts.push(Act::Ask(0, Key::Retry(step))),
            StepStatus::Skipped { .. } if scene.troubles > 0 => {
                acts.push(Act::Ask(0, Key::Retry(step)));
            }
            StepStatus::Unknown => {
                for who in 0..bounds.people {
                    for finding in [Finding::Ran, Finding::DidNotRun] {
                        acts.push(Act::Ask(who, Key::Resolve(step, finding)));
                    }
                }
            }
            StepStatus::Active {
                stage: Stage::NeedsProposal,
            } if may_offer => {
                for executor in 0..bounds.executors {
                    acts.push(Act::Ask(0, Key::Propose(step, executor)));
                }
            }
            _ => {}
        }
    }
}

/// What can be done about the proposal on the table.
fn table(scene: &Scene, bounds: &Bounds, acts: &mut Vec<Act>) {
    for who in 0..bounds.people {
        acts.extend(proofs(bounds, who).map(|proof| Act::Ask(who, Key::Confirm(proof))));
        acts.push(Act::Ask(who, Key::Go));
        if bounds.asks.checks {
            acts.push(Act::Ask(who, Key::Check(true)));
        }
    }
    acts.extend((0..scene.ghost.stated.len()).map(Act::Replay));
}

/// What a person may put behind a yes: what does not make a difference is not tried.
pub(super) fn proofs(bounds: &Bounds, who: usize) -> impl Iterator<Item = Proof> {
    let signs = bounds.asks.minimum >= Grade::Sshsig;
    let keys = KEYS
        .iter()
        .enumerate()
        .filter(move |(_, (_, of))| *of == who);
    let keys = keys.map(|(key, _)| Proof::Key(key)).filter(move |_| signs);
    let by_account = (!signs || who == 1).then_some(Proof::Account);
    by_account.into_iter().chain(keys)
}

/// What goes wrong, or another way.
fn trouble(scene: &Scene, bounds: &Bounds, acts: &mut Vec<Act>) {
    let state = &*scene.state;
    if state.runs_on().is_some() {
        acts.extend((0..bounds.people).map(|who| Act::Ask(who, Key::RunOn(false))));
    }
    let unknown = state.unknown().map(|view| view.index);
    let running = state.running().is_some();
    let live = state.proposal.as_ref().and(scene.ghost.offers.last());
    if live.is_some() || running || unknown.is_some() {
        acts.extend((0..3).map(Act::Crash));
    }
    if running {
        acts.push(Act::Exit(1));
        let step = state.steps.iter().position(|s| s.running.is_some());
        acts.push(Act::Ask(0, Key::Stop(step.expect("it runs"))));
        acts.push(Act::Flip(File::Content));
    }
    let cut = |act: Act, keep| Act::Cut(Box::new(act), keep);
    for (step, now) in state.steps.iter().enumerate() {
        if now.stage() == Some(Stage::NeedsProposal) && scene.ghost.offers.len() < bounds.offers {
            acts.push(cut(Act::Ask(0, Key::Propose(step, 0)), 1));
        }
    }
    if let Some(step) = unknown {
        for who in 0..bounds.people {
            acts.push(cut(Act::Ask(who, Key::Resolve(step, Finding::Ran)), 1));
        }
    }
    if bounds.asks.minimum >= Grade::Sshsig && (live.is_some() || unknown.is_some()) {
        let keys = (0..KEYS.len()).filter(|key| KEYS[*key].1 < bounds.people);
        let people = (0..bounds.people).map(Revoked::Person);
        let all = keys.map(Revoked::Key).chain(people);
        let all = all.filter(|one| !scene.ghost.is_revoked(*one));
        acts.extend(all.map(Act::Revoke));
    }
    if let Some(live) = live {
        let step = live.step;
        let keys = [Key::Reject, Key::Hold];
        acts.extend(keys.map(|key| Act::Ask(1, key)));
        let keys = [Key::Cancel, Key::Stop(step), Key::Rollback];
        acts.extend(keys.map(|key| Act::Ask(0, key)));
        let proof = proofs(bounds, 1).last().expect("there is one");
        acts.push(cut(Act::Ask(1, Key::Confirm(proof)), 1));
        acts.extend((0..2).map(|keep| cut(Act::Ask(live.executor, Key::Go), keep)));
        let jumps = [Jump::Away, Jump::Armed, Jump::Wall, Jump::Boot, Jump::Step];
        acts.extend(jumps.map(Act::Jump));
        acts.extend([File::Content, File::Runbook, File::Policy].map(Act::Flip));
        if !scene.ghost.is_guard_bad {
            acts.push(Act::Breach);
        }
        if bounds.asks.checks {
            acts.push(Act::Ask(1, Key::Check(false)));
        }
        let terminals = state.terminals.keys();
        acts.extend(terminals.map(|terminal| Act::Leave(*terminal)));
    }
}

impl Act {
    pub(super) fn is_trouble(&self, scene: &Scene) -> bool {
        match self {
            Self::Ask(_, key) => match key {
                Key::Reject
                | Key::Cancel
                | Key::Stop(_)
                | Key::Hold
                | Key::Rollback
                | Key::RunOn(false)
                | Key::Check(false) => true,
                Key::Retry(step) => {
                    matches!(scene.state.steps[*step].status, StepStatus::Skipped { .. })
                }
                Key::Start(_)
                | Key::RunOn(true)
                | Key::Propose(..)
                | Key::Confirm(_)
                | Key::Check(true)
                | Key::Go
                | Key::Resolve(..)
                | Key::Release => false,
            },
            Self::Exit(code) => *code != 0,
            Self::Cut(..)
            | Self::Crash(_)
            | Self::Jump(_)
            | Self::Flip(_)
            | Self::Breach
            | Self::Revoke(_)
            | Self::Leave(_) => true,
            Self::Replay(_) | Self::Spawn | Self::Tick | Self::Recover | Self::Back(_) => false,
        }
    }
}
