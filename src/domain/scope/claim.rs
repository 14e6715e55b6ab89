//! What a session says of itself to the others of its host. It is written by one account and read by another, so it is
//! held within bounds when it is made, and what does not keep them is refused when it is read.

use super::concerns;
use crate::domain::fact::ExecKey;
use crate::domain::id::{PersonId, SessionId, SessionName};
use crate::domain::readiness::StepView;
use crate::domain::runbook::limits::COMPONENTS_MAX;
use crate::domain::runbook::plan::Plan;
use crate::domain::state::{Finished, State};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Scope of sessions that name nothing.
pub(super) const NAMELESS: &str = "host";
/// Longest text of one kind: a step as people call it, a name of a component, a reason; it stands in a record and in a
/// refusal, and has to leave room there for what else is said.
const WORDS_BYTES_MAX: usize = 300;
/// Names of one scope: as many components as a runbook may name, and a lock. Of what a selector fits there may be more;
/// then nobody reads them all, and the scope counts as unknown.
const NAMES_MAX: usize = COMPONENTS_MAX + 1;
/// Bytes of all names of one scope: a thousand at a usual length.
const NAMES_BYTES_MAX: usize = 64 * 1024;
/// Ends a text that was cut.
const CUT: &str = "...";

/// A short text on one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Words(String);

/// A text that is no [`Words`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a text of {bytes} bytes is too long, or more than one line")]
pub struct WordsError {
    bytes: usize,
}

/// True for what could break a line, or hide what stands there.
fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

impl Words {
    /// The text, cut to what a claim holds and put on one line. Equal texts stay equal.
    pub fn new(text: &str) -> Self {
        let line = text.chars().map(|c| if breaks(c) { ' ' } else { c });
        if text.len() <= WORDS_BYTES_MAX {
            return Self(line.collect());
        }
        let mut cut = String::with_capacity(WORDS_BYTES_MAX);
        let room = WORDS_BYTES_MAX.saturating_sub(CUT.len());
        for c in line {
            if cut.len().saturating_add(c.len_utf8()) > room {
                break;
            }
            cut.push(c);
        }
        cut.push_str(CUT);
        Self(cut)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Words {
    type Error = WordsError;

    fn try_from(text: String) -> Result<Self, WordsError> {
        if text.len() > WORDS_BYTES_MAX || text.contains(breaks) {
            return Err(WordsError { bytes: text.len() });
        }
        Ok(Self(text))
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0
    }
}

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
    pub step: Words,
    /// Who goes, or went; absent where that is no name of a person or an account.
    pub person: Option<PersonId>,
    /// Since when; for one that has ended, when it did.
    pub since: Timestamp,
}

/// What a session touches, as the others have to take it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Components and locks.
    pub names: BTreeSet<Words>,
    /// Why there may be others: then every session shares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Words>,
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

fn components(world: &World) -> BTreeSet<Words> {
    let named = |name: &String| Words::new(&format!("component {name}"));
    world.touched.iter().map(named).collect()
}

fn fits(names: &BTreeSet<Words>) -> bool {
    let bytes = names.iter().map(|name| name.as_str().len());
    names.len() <= NAMES_MAX && bytes.sum::<usize>() <= NAMES_BYTES_MAX
}

fn too_many(names: usize) -> Words {
    Words::new(&format!(
        "it touches {names} components, more than are compared"
    ))
}

/// Why nobody knows all that the session touches; nothing where that is known.
pub(super) fn unknown(world: &World) -> Option<Words> {
    let Some((first, more)) = world.unmatched.split_first() else {
        let names = components(world);
        return (!fits(&names)).then(|| too_many(names.len()));
    };
    let more = match more.len() {
        0 => String::new(),
        more => format!(" (nor {more} other selectors)"),
    };
    let first = Words::new(first);
    Some(Words::new(&format!(
        "`{first}` fits no known component{more}"
    )))
}

impl Scope {
    /// Scope of a plan, as far as the CMDB knows its components now.
    pub fn of(plan: &Plan, world: &World) -> Self {
        let mut names = components(world);
        let lock = plan.lock.iter();
        names.extend(lock.map(|name| Words::new(&format!("lock {name}"))));
        if names.is_empty() {
            names.insert(Words::new(NAMELESS));
        }
        let unknown = unknown(world);
        Self { names, unknown }.held()
    }

    /// Within the bounds: of more names than the others read, the first ones, and nobody knows the rest.
    fn held(mut self) -> Self {
        if self.is_bounded() {
            return self;
        }
        let why = too_many(self.names.len());
        let mut bytes: usize = 0;
        let has_room = |name: &Words| {
            bytes = bytes.saturating_add(name.as_str().len());
            bytes <= NAMES_BYTES_MAX
        };
        self.names = std::mem::take(&mut self.names)
            .into_iter()
            .take(NAMES_MAX)
            .take_while(has_room)
            .collect();
        self.unknown.get_or_insert(why);
        self
    }

    /// True when it has no more names than another session takes in.
    pub fn is_bounded(&self) -> bool {
        fits(&self.names)
    }

    /// True when both have a name in common, or when nobody knows whether they have.
    pub fn shares(&self, other: &Self) -> bool {
        let is_known = self.unknown.is_none() && other.unknown.is_none();
        !is_known || !self.names.is_disjoint(&other.names)
    }
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
            self.scope = self.scope.held();
        }
        self
    }

    /// True when something of it runs, or nobody knows how it ended.
    pub fn holds(&self) -> bool {
        let now = self.now.as_ref();
        now.is_some_and(|deed| deed.doing != Doing::Armed)
    }
}

fn deed(view: StepView<'_>, doing: Doing, since: Timestamp) -> Deed {
    Deed {
        doing,
        step: Words::new(&view.plan.to_label()),
        person: PersonId::new(&view.now.by).ok(),
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
        step: Words::new(&view.plan.to_label()),
        person: Some(open.terms.executor.clone()),
        since: open.armed?.wall,
    })
}

fn last(state: &State) -> Option<Deed> {
    let ended = state.views().flat_map(|view| {
        let ours = move |f: &&Finished| concerns(view, f.role);
        let ended = view.now.finished.iter().filter(ours);
        ended.map(move |f| (f.ended, view, &f.key))
    });
    let newest = ended.max_by_key(|(ended, _, _): &(Moment, _, &ExecKey)| ended.wall)?;
    let (ended, view, _) = newest;
    Some(deed(view, Doing::Running, ended.wall))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::*;

    fn running() -> Room {
        let mut room = Room::armed();
        room.must("ann", go("drain"));
        room
    }

    #[test]
    fn a_text_of_a_claim_is_one_short_line_and_stays_equal() {
        let long = "ü".repeat(WORDS_BYTES_MAX);
        let cut = Words::new(&long);
        assert!(cut.as_str().len() <= WORDS_BYTES_MAX && cut.as_str().ends_with(CUT));
        assert_eq!(Words::new(&long), cut);
        assert_eq!(Words::new("a\nb\u{1b}[2J\u{2028}c").as_str(), "a b [2J c");
        assert_eq!(Words::new("step 1.1 `drain`").as_str(), "step 1.1 `drain`");
        for bad in [long, "a\nb".to_owned(), "\u{9b}2J".to_owned()] {
            assert!(Words::try_from(bad.clone()).is_err(), "{bad:?}");
        }
        for good in [cut.to_string(), "x".repeat(WORDS_BYTES_MAX)] {
            assert_eq!(Words::try_from(good.clone()).map(String::from), Ok(good));
        }
    }

    #[test]
    fn a_scope_with_more_names_than_are_compared_is_unknown_and_one_at_the_limit_is_not() {
        let mut room = running();
        let named = |room: &mut Room, count: usize, length: usize| {
            let name = |n: usize| format!("{n:04}{}", "x".repeat(length));
            room.world.touched = (0..count).map(name).collect();
            Scope::of(room.state.plan(), &room.world)
        };
        let most = named(&mut room, NAMES_MAX, 6);
        assert!(most.is_bounded() && most.unknown.is_none());
        let elsewhere = named(&mut running(), 1, 9);
        assert!(!most.shares(&elsewhere));
        for (count, length) in [(NAMES_MAX + 1, 6), (900, 150), (3, 1_000_000)] {
            let scope = named(&mut room, count, length);
            assert!(scope.is_bounded(), "{count} of {length} bytes");
            let is_cut = count > 3;
            assert_eq!(scope.unknown.is_some(), is_cut, "{count} of {length} bytes");
            assert_eq!(scope.shares(&elsewhere), is_cut);
        }
        // What was published before is added, and stays within them too.
        let mut before = Claim::of(&room.state, &room.world);
        before.scope = named(&mut room, NAMES_MAX + 1, 6);
        let mut now = Claim::of(&room.state, &room.world);
        now.scope = named(&mut room, NAMES_MAX, 7);
        assert!(now.behind(&before).scope.is_bounded());
    }

    #[test]
    fn what_names_no_person_is_said_without_one() {
        let mut room = running();
        for now in &mut room.state.steps {
            now.by = "No Name".to_owned();
        }
        let claim = Claim::of(&room.state, &room.world);
        assert!(claim.now.is_some_and(|deed| deed.person.is_none()));
    }
}
