//! Lock scopes: which sessions of a host may not do destructive things across each other, and what each of them says
//! of itself (`TWO_PERSON` 4.2, 4.4; T13).
//!
//! Two sessions share a scope when they touch one component, or when their runbooks name one `lock`. Those that name
//! neither share one scope among themselves: nobody knows what they touch. One whose selectors fit nothing shares its
//! scope with all: what it touches is unknown, and unknown never passes.

use crate::domain::confirm::ARMED_LIFE;
use crate::domain::fact::ExecKey;
use crate::domain::id::{SessionId, SessionName};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::{ExecRole, Plan};
use crate::domain::state::State;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Scope of sessions that name nothing.
const NAMELESS: &str = "host";

/// What a session does in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// Enough people have confirmed; nothing has begun.
    Armed,
    /// It runs, or is about to.
    Running,
    /// Nobody knows how it ended.
    Unknown,
}

/// One destructive attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// How far it is, or was when it was last heard of.
    pub doing: Doing,
    /// The step, as people call it.
    pub step: String,
    /// Who goes, or went.
    pub person: String,
    /// Since when; for one that has ended, when it did.
    pub since: Timestamp,
}

/// What a session touches, as the others have to take it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Components and locks.
    pub names: BTreeSet<String>,
    /// Why there may be others, on one line: then every session shares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// What one session says of itself to the others of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The session for ever.
    pub id: SessionId,
    /// The session as typed.
    pub session: SessionName,
    /// Its scope.
    #[serde(flatten)]
    pub scope: Scope,
    /// What it does now.
    pub now: Option<Deed>,
    /// The newest command of a destructive step that ended.
    pub last: Option<Deed>,
    /// Since when its maintenance goes on; absent before it begins and when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Timestamp>,
}

impl Scope {
    /// Scope of a plan, as far as the CMDB knows its components now.
    pub fn of(plan: &Plan, world: &World) -> Self {
        let components = world.touched.iter().map(|name| format!("component {name}"));
        let lock = plan.lock.iter().map(|name| format!("lock {name}"));
        let mut names: BTreeSet<String> = components.chain(lock).collect();
        if names.is_empty() {
            names.insert(NAMELESS.to_owned());
        }
        let unknown = unknown(world);
        Self { names, unknown }
    }

    /// True when both have a name in common, or when nobody knows whether they have.
    pub fn shares(&self, other: &Self) -> bool {
        let is_known = self.unknown.is_none() && other.unknown.is_none();
        !is_known || !self.names.is_disjoint(&other.names)
    }
}

/// Why nobody knows all that the session touches; nothing where that is known.
fn unknown(world: &World) -> Option<String> {
    let (first, more) = world.unmatched.split_first()?;
    let more = match more.len() {
        0 => String::new(),
        more => format!(" (nor {more} other selectors)"),
    };
    Some(format!("`{first}` fits no known component{more}"))
}

impl Claim {
    /// What a session says of itself.
    pub fn of(state: &State, world: &World) -> Self {
        Self {
            id: state.genesis.session.clone(),
            session: state.genesis.name.clone(),
            scope: Scope::of(state.plan(), world),
            now: now(state),
            last: last(state),
            begun: state
                .begun
                .filter(|_| !state.phase.is_final())
                .map(|at| at.wall),
        }
    }

    /// The same, about to run what is armed.
    #[must_use]
    pub fn going(mut self, at: Timestamp) -> Self {
        if let Some(now) = &mut self.now {
            now.doing = Doing::Running;
            now.since = at;
        }
        self
    }

    /// True when there is nothing in it that concerns others.
    pub const fn is_idle(&self) -> bool {
        self.now.is_none() && self.last.is_none() && self.begun.is_none()
    }

    /// The same behind what was published before: a command touches what it touched when it began, whatever the CMDB
    /// says, or does not say, while it runs or nobody knows how it ended.
    #[must_use]
    pub fn behind(mut self, before: &Self) -> Self {
        if !(before.holds() && self.holds()) {
            return self;
        }
        if before.scope.unknown.is_none() {
            self.scope = before.scope.clone();
        } else {
            self.scope.names.extend(before.scope.names.iter().cloned());
        }
        self
    }

    /// True when something of it runs, or nobody knows how it ended.
    pub fn holds(&self) -> bool {
        let now = self.now.as_ref();
        now.is_some_and(|deed| deed.doing != Doing::Armed)
    }
}

/// True for a command that the others should know of: one that two people agreed on, and its way back.
fn concerns(view: StepView<'_>, role: ExecRole) -> bool {
    view.plan.risk.needs_second_person() && matches!(role, ExecRole::Run | ExecRole::Undo)
}

fn deed(view: StepView<'_>, doing: Doing, since: Timestamp) -> Deed {
    Deed {
        doing,
        step: view.plan.to_label(),
        person: view.now.by.clone(),
        since,
    }
}

fn now(state: &State) -> Option<Deed> {
    let unknown = |view: &StepView<'_>| {
        let last = view.now.finished.last();
        last.is_some_and(|f| concerns(*view, f.role))
    };
    if let Some(view) = state.unknown().filter(unknown) {
        let since = view.now.ended.map_or(state.head_at.wall, |at| at.wall);
        return Some(deed(view, Doing::Unknown, since));
    }
    if let Some(running) = state.running() {
        let view = state.find(&running.key.step)?;
        let is_it = concerns(view, running.role);
        return is_it.then(|| deed(view, Doing::Running, running.since.wall));
    }
    let open = state.proposal.as_ref()?;
    let view = state.find(&open.terms.step)?;
    Some(Deed {
        doing: Doing::Armed,
        step: view.plan.to_label(),
        person: open.terms.executor.to_string(),
        since: open.armed?.wall,
    })
}

fn last(state: &State) -> Option<Deed> {
    let ended = state.views().flat_map(|view| {
        let ours = move |f: &&crate::domain::state::Finished| concerns(view, f.role);
        let ended = view.now.finished.iter().filter(ours);
        ended.map(move |f| (f.ended, view, &f.key))
    });
    let newest = ended.max_by_key(|(ended, _, _): &(Moment, _, &ExecKey)| ended.wall)?;
    let (ended, view, _) = newest;
    Some(deed(view, Doing::Running, ended.wall))
}

/// Why sessions that name nothing in common are in each other's way; nothing where they do.
fn doubt(world: &World, other: &Claim) -> String {
    let theirs = other.scope.unknown.as_ref();
    let theirs = theirs.map(|why| format!("; nobody knows what that session touches: {why}"));
    let ours =
        || unknown(world).map(|why| format!("; nobody knows what this session touches: {why}"));
    theirs.or_else(ours).unwrap_or_default()
}

fn unread(why: &str) -> String {
    format!("the lock scope cannot be read: {why}")
}

/// Why nothing destructive may be proposed now; nothing where no other session of the scope is in the way.
pub fn in_the_way(world: &World, now: Timestamp) -> Option<String> {
    let others = match &world.scope {
        Ok(others) => others,
        Err(why) => return Some(unread(why)),
    };
    others.iter().find_map(|other| {
        let deed = other.now.as_ref()?;
        let (session, step, person) = (&other.session, &deed.step, &deed.person);
        let doubt = doubt(world, other);
        match deed.doing {
            // What a server that died had armed ends with its time.
            Doing::Armed if now.since(deed.since) >= ARMED_LIFE => None,
            Doing::Armed => Some(format!(
                "{step} of session `{session}` is armed for `{person}`{doubt}"
            )),
            Doing::Running => Some(format!(
                "{step} of session `{session}` runs (`{person}`){doubt}"
            )),
            Doing::Unknown => Some(format!(
                "nobody knows how {step} of session `{session}` ended (`{person}`){doubt}"
            )),
        }
    })
}

/// What another session of the scope has done to the world since then; nothing where it is as it was reviewed.
pub fn changed_since(world: &World, opened: Timestamp) -> Option<String> {
    let others = match &world.scope {
        Ok(others) => others,
        Err(why) => return Some(unread(why)),
    };
    others.iter().find_map(|other| {
        let session = &other.session;
        let doubt = doubt(world, other);
        let begun = other.now.as_ref().filter(|deed| deed.doing != Doing::Armed);
        if let Some(deed) = begun {
            let (step, person) = (&deed.step, &deed.person);
            return Some(format!(
                "{step} of session `{session}`, which shares a component or lock, was begun by `{person}`{doubt}"
            ));
        }
        let ended = other.last.as_ref().filter(|deed| deed.since >= opened)?;
        let (step, person) = (&ended.step, &ended.person);
        Some(format!(
            "{step} of session `{session}`, which shares a component or lock, was run by `{person}`{doubt}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::{CloseCause, Fact};
    use crate::domain::fixture::*;
    use std::time::Duration;

    /// What the session of another room says of itself.
    fn claim(room: &Room) -> Claim {
        let mut claim = Claim::of(&room.state, &room.world);
        claim.session = SessionName::new("other").expect("valid");
        claim
    }

    fn with_other(mut room: Room, other: &Room) -> Room {
        room.world.scope = Ok(vec![claim(other)]);
        room
    }

    fn closed(room: &Room) -> Option<String> {
        room.records.iter().rev().find_map(|r| match &r.fact {
            Fact::ProposalClosed {
                why: CloseCause::Scope { what },
                ..
            } => Some(what.clone()),
            _ => None,
        })
    }

    fn running() -> Room {
        let mut room = Room::armed();
        room.must("ann", go("drain"));
        room
    }

    fn lost() -> Room {
        let mut room = running();
        room.lose();
        room
    }

    #[test]
    fn a_scope_is_what_is_touched_and_what_is_named() {
        let mut plan = plan();
        let (none, mut touching) = (world(), world());
        touching.touched = vec!["db-1".to_owned(), "db-2".to_owned()];
        let one = Scope::of(&plan, &touching);
        assert_eq!(one.names.len(), 2);
        plan.lock = Some("storage".to_owned());
        let both = Scope::of(&plan, &touching);
        assert_eq!(both.names.len(), 3);
        let lock_alone = Scope::of(&plan, &none);
        assert!(lock_alone.shares(&both) && !lock_alone.shares(&one));
        plan.lock = None;
        assert!(Scope::of(&plan, &none).names.contains(NAMELESS));
    }

    #[test]
    fn selectors_that_fit_nothing_share_their_scope_with_all() {
        let mut other = running();
        other.world.touched = vec!["db-9".to_owned()];
        let known = claim(&other);
        other.world.touched = Vec::new();
        other.world.unmatched = vec!["role=db".to_owned()];
        let unknown = claim(&other);
        assert!(unknown.scope.shares(&known.scope) && known.scope.shares(&unknown.scope));
        let told: Claim = serde_json::from_slice(&serde_json::to_vec(&unknown).expect("plain"))
            .expect("the same");
        assert_eq!(told, unknown, "the others hear of it");
        let mut room = with_other(Room::at_proposal(), &other);
        let refused = room.ask("ann", propose("drain")).expect_err("in the way");
        let words = "nobody knows what that session touches: `role=db` fits no known component";
        assert!(refused.reason.contains(words), "{refused:?}");
        // The same from this side, with a known other one.
        room.world.scope = Ok(vec![known]);
        room.world.unmatched = vec!["site=x".to_owned(), "role=db".to_owned()];
        let refused = room.ask("ann", propose("drain")).expect_err("in the way");
        let words = "what this session touches: `site=x` fits no known component (nor 1 other";
        assert!(refused.reason.contains(words), "{refused:?}");
        let what = changed_since(&room.world, room.now.wall).expect("begun");
        assert!(what.contains(words), "{what}");
    }

    #[test]
    fn what_runs_or_is_unknown_keeps_the_scope_in_which_it_began() {
        let scoped = |room: &mut Room, touched: &[&str], unmatched: &[&str]| {
            room.world.touched = touched.iter().map(|name| (*name).to_owned()).collect();
            room.world.unmatched = unmatched.iter().map(|name| (*name).to_owned()).collect();
            claim(room)
        };
        let began = scoped(&mut running(), &["db-1"], &[]);
        for mut later in [running(), lost()] {
            // A restart: the CMDB has not answered yet, and then it answers something else.
            let silent = scoped(&mut later, &[], &["role=db"]).behind(&began);
            assert_eq!(silent.scope, began.scope);
            let moved = scoped(&mut later, &["db-2"], &[]).behind(&silent);
            assert_eq!(moved.scope, began.scope);
            assert_eq!(moved.now, claim(&later).now, "how far it is is said anew");
            // What was never known is known when the CMDB answers.
            let never = scoped(&mut later, &["san"], &["role=db"]);
            assert!(never.scope.unknown.is_some());
            let known = scoped(&mut later, &["db-2"], &[]).behind(&never);
            assert_eq!(known.scope.unknown, None);
            assert_eq!(known.scope.names.len(), 2, "{known:?}");
        }
        // What has ended, and what has not begun, is where it is now.
        for mut apart in [Room::at_proposal(), Room::armed()] {
            let now = scoped(&mut apart, &["db-2"], &[]);
            assert_eq!(now.clone().behind(&began), now);
        }
        let now = scoped(&mut running(), &["db-2"], &[]);
        let armed = scoped(&mut Room::armed(), &["db-1"], &[]);
        assert_eq!(now.clone().behind(&armed), now);
    }

    #[test]
    fn nothing_is_proposed_while_another_session_is_armed_runs_or_is_unknown() {
        for (other, words) in [
            (Room::armed(), "is armed for `ann`"),
            (running(), "runs (`ann`)"),
            (
                lost(),
                "nobody knows how step 2.1 `drain` of session `other`",
            ),
        ] {
            let mut room = with_other(Room::at_proposal(), &other);
            let refused = room.ask("ann", propose("drain")).expect_err("in the way");
            assert!(refused.reason.contains(words), "{refused:?}");
            assert!(refused.reason.contains("step 2.1 `drain`"), "{refused:?}");
            assert!(!refused.hint.is_empty());
        }
        for other in [Room::proposed(), Room::at_proposal()] {
            let mut room = with_other(Room::at_proposal(), &other);
            room.must("ann", propose("drain"));
        }
        let mut room = Room::at_proposal();
        room.world.scope = Err("no such directory".to_owned());
        let refused = room.ask("ann", propose("drain")).expect_err("unread");
        assert!(refused.reason.contains("cannot be read"), "{refused:?}");
    }

    #[test]
    fn what_a_dead_server_had_armed_is_in_nobodys_way_for_ever() {
        let mut room = with_other(Room::at_proposal(), &Room::armed());
        room.now = room.now.plus(ARMED_LIFE);
        room.must("ann", propose("drain"));
    }

    #[test]
    fn what_another_session_begins_or_ends_cancels_what_was_reviewed() {
        let mut ended = running();
        ended.now = ended.now.plus(Duration::from_secs(1));
        ended.exit(0);
        for other in [running(), lost(), ended] {
            for mine in [Room::proposed(), Room::armed()] {
                let mut room = with_other(mine, &other);
                room.settle();
                let what = closed(&room).expect("it was cancelled");
                assert!(what.contains("session `other`"), "{what}");
                assert!(what.contains("step 2.1 `drain`"), "{what}");
                assert!(what.contains("`ann`"), "{what}");
                room.check_fold();
            }
        }
        // The other is reviewed as this one is: whoever goes first ends the other.
        let mut room = with_other(Room::armed(), &Room::armed());
        room.settle();
        assert_eq!(closed(&room), None);
        room.must("ann", go("drain"));
    }

    #[test]
    fn what_ended_before_the_review_is_part_of_the_world_that_was_reviewed() {
        let mut other = running();
        other.exit(0);
        let mut room = Room::at_proposal();
        room.now = room.now.plus(Duration::from_secs(60));
        let mut room = with_other(room, &other);
        room.must("ann", propose("drain"));
        room.confirm("bob").expect("confirmed");
        room.must("ann", go("drain"));
    }

    #[test]
    fn go_is_judged_on_what_was_read_a_moment_ago() {
        let room = with_other(Room::armed(), &running());
        let command = go("drain");
        let ask = crate::domain::decide::decide(
            &room.state,
            &actor("ann"),
            &command,
            room.now,
            &room.world,
        );
        let refused = ask.expect_err("another began");
        assert!(refused.refusal.reason.contains("session `other`"));
        assert!(refused.record.is_some());
        let mut room = Room::armed();
        room.world.scope = Err("the disk".to_owned());
        room.settle();
        assert!(closed(&room).is_some_and(|what| what.contains("cannot be read")));
    }

    #[test]
    fn the_way_back_is_never_in_anybodys_hands_but_ones_own() {
        let mut room = running();
        room.exit(0);
        room.exit(0);
        room.world.scope = Ok(vec![claim(&running())]);
        room.must("bob", rollback());
        room.settle();
        assert!(room.running().is_some(), "it is undone all the same");
        let now = Claim::of(&room.state, &room.world)
            .now
            .expect("others see it");
        assert_eq!(now.doing, Doing::Running);
    }
}
