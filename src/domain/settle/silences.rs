//! Silences that live as long as the work: begun when it is known what they would mute, made longer while the work goes
//! on, and ended with it. Each is one write, in the journal before it is sent.

use crate::domain::board::Board;
use crate::domain::fact::{Fact, HoldCause, Silence, SilenceEvent, Withheld};
use crate::domain::id::ConnectorName;
use crate::domain::runbook::silence::OnWithheld;
use crate::domain::silences::{
    Kept, Over, Preview, Stand, kept, label_of, matter, plan_of, preview, said, wanted,
};
use crate::domain::state::{Phase, State};
use crate::domain::time::Moment;
use crate::domain::world::World;
use crate::domain::write::{
    Ability, Cause, Deed, Lifetime, OWN_WRITES_MAX, Write, WriteNo, WriteState,
};
use std::time::Duration;

/// Room among the program's own writes that is kept for ends: of as many silences as there can be at a time, some times.
const ENDS_ROOM: usize = 100;
/// Tries to begin a silence of which nobody knew whether it was there: what fails three times fails again.
const TRIES_MAX: usize = 3;
/// Times the end of one silence is asked for; after that its lease lets it run out.
const ENDS_MAX: u32 = 8;
/// Wait before the second end is asked for; doubled before each further one.
const END_AGAIN: Duration = Duration::from_secs(5);
/// Shortest time between two extensions of one silence that are asked for because the first came to nothing.
const EXTEND_AGAIN: Duration = Duration::from_secs(15);
/// Longest life of one silence: a night and the day after it, as for those that people ask for.
const LIFE_MAX: Duration = crate::domain::decide::MUTE_SPAN_MAX;
/// All of a mute as JSON, as for those that people ask for: it is part of every snapshot.
const DEED_BYTES_MAX: usize = 8 * 1024;

/// What follows for the silences of the work; nothing where there are none.
pub(super) fn go_on(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    if !matter(state) {
        return None;
    }
    let wanted = if world.outlook.closing {
        Vec::new()
    } else {
        wanted(state)
    };
    let desk = Desk {
        state,
        now,
        world,
        all: kept(state, now.wall),
    };
    let begun = wanted.iter().find_map(|lifetime| desk.begin(lifetime));
    begun
        .or_else(|| desk.extend(&wanted))
        .or_else(|| desk.end(&wanted))
}

struct Desk<'a> {
    state: &'a State,
    now: Moment,
    world: &'a World,
    all: Vec<Kept<'a>>,
}

impl<'a> Desk<'a> {
    /// How many writes the program itself has asked for.
    fn own(&self) -> usize {
        let is_own = |write: &&WriteState| write.write.cause.is_some();
        self.state.writes.iter().filter(is_own).count()
    }

    /// True while a silence may begin or be made longer: there is room for its end.
    fn has_room(&self) -> bool {
        self.own() < OWN_WRITES_MAX.saturating_sub(ENDS_ROOM)
    }

    fn asked(&self, connector: &ConnectorName, deed: Deed, cause: Cause) -> Vec<Fact> {
        let count = u32::try_from(self.state.writes.len()).unwrap_or(u32::MAX);
        let write = Write {
            no: WriteNo(count.saturating_add(1)),
            connector: connector.clone(),
            deed,
            cause: Some(cause),
        };
        vec![Fact::WriteAsked { write }]
    }

    fn withhold(&self, lifetime: &Lifetime, because: Withheld) -> Vec<Fact> {
        let event = SilenceEvent::Withheld { because };
        let said = Fact::Silence(Silence {
            lifetime: lifetime.clone(),
            event,
        });
        let plan = plan_of(self.state.plan(), lifetime);
        let holds = plan.is_some_and(|plan| plan.withheld == OnWithheld::Hold);
        // Nothing about alerts holds the way back.
        let hold = (holds && self.state.phase == Phase::Running).then(|| {
            let lifetime = lifetime.clone();
            Fact::Held(HoldCause::Silence { lifetime })
        });
        std::iter::once(said).chain(hold).collect()
    }

    /// Begins a wanted silence where it is not there yet, or withholds it.
    fn begin(&self, lifetime: &Lifetime) -> Option<Vec<Fact>> {
        let said = said(self.state, lifetime);
        if said.is_some_and(|said| said.withheld.is_some()) {
            return None;
        }
        let after = said.map_or(0, |said| said.after);
        let ours: Vec<&Kept<'a>> = self
            .all
            .iter()
            .filter(|one| one.lifetime == lifetime && (one.no.0 > after || !one.stand.is_over()))
            .collect();
        if let Some(because) = failed(&ours) {
            return Some(self.withhold(lifetime, because));
        }
        // Asked often, and mostly there: only what is missing is worth a look at every alert.
        if !ours.is_empty()
            && ours.iter().all(|one| !needs_another(one, &ours))
            && self.is_whole(lifetime, &ours)
        {
            return None;
        }
        let narrowed = said.map_or(&[][..], |said| said.alerts.as_slice());
        let (board, writers) = (&self.world.outlook.board, &self.world.writers);
        let found = preview(self.state.plan(), lifetime, narrowed, board, writers);
        let preview = match found {
            Ok(preview) => preview,
            Err(what) => return self.unknown(lifetime, what),
        };
        match preview.withheld() {
            None => {}
            Some(Withheld::Unknown { what }) => return self.unknown(lifetime, what),
            Some(outside) => return Some(self.withhold(lifetime, outside)),
        }
        self.make(lifetime, &preview, &ours)
    }

    /// Every connector that was begun with has its silence. Which connectors there are is looked up when one is missing.
    fn is_whole(&self, lifetime: &Lifetime, ours: &[&Kept<'_>]) -> bool {
        let Some(plan) = plan_of(self.state.plan(), lifetime) else {
            return true;
        };
        let has = |name: &ConnectorName| ours.iter().any(|one| one.connector == name);
        if !plan.by.is_empty() {
            return plan.by.iter().all(has);
        }
        let board: &Board = &self.world.outlook.board;
        let mut able = self.world.writers.iter();
        // What has not answered since a restart was either begun with before, or is judged when it answers.
        able.all(|(name, can)| {
            !can.contains(&Ability::Mute) || has(name) || !board.alerts.contains_key(name)
        })
    }

    /// Connectors may need a moment after the start; after that it is withheld.
    fn unknown(&self, lifetime: &Lifetime, what: String) -> Option<Vec<Fact>> {
        let outlook = &self.world.outlook;
        let is_coming = outlook.is_young(self.now.wall) && !outlook.has_heard(&self.world.writers);
        (!is_coming).then(|| self.withhold(lifetime, Withheld::Unknown { what }))
    }

    fn make(
        &self,
        lifetime: &Lifetime,
        preview: &Preview,
        ours: &[&Kept<'_>],
    ) -> Option<Vec<Fact>> {
        let missing = preview.each.iter().find(|one| {
            let mut there = ours.iter().filter(|k| *k.connector == one.connector);
            there.all(|k| needs_another(k, ours))
        })?;
        if !self.has_room() {
            let what =
                "the session has asked for so many silences that the rest is kept for their ends";
            let what = what.to_owned();
            return Some(self.withhold(lifetime, Withheld::Failed { what }));
        }
        let plan = plan_of(self.state.plan(), lifetime)?;
        let deed = Deed::Mute {
            components: preview.targets.clone(),
            matchers: missing.matchers.clone(),
            until: self.now.wall.plus(plan.lease),
            comment: self.comment(lifetime),
        };
        let bytes = serde_json::to_vec(&deed).map_or(usize::MAX, |json| json.len());
        if bytes > DEED_BYTES_MAX {
            let what = format!("it has more than {DEED_BYTES_MAX} bytes; name fewer components");
            return Some(self.withhold(lifetime, Withheld::Failed { what }));
        }
        let muted = u32::try_from(preview.muted()).unwrap_or(u32::MAX);
        let lifetime = lifetime.clone();
        Some(self.asked(&missing.connector, deed, Cause::Begins { lifetime, muted }))
    }

    fn comment(&self, lifetime: &Lifetime) -> String {
        let name = &self.state.genesis.name;
        let label = label_of(self.state.plan(), lifetime);
        let text = match lifetime {
            Lifetime::Session => {
                let title = &self.state.plan().title;
                format!("maintenance `{name}`: {title}")
            }
            _ => format!("maintenance `{name}`: {label}"),
        };
        text.chars().take(200).collect()
    }

    /// Moves the end of a silence whose lease is half over.
    fn extend(&self, wanted: &[Lifetime]) -> Option<Vec<Fact>> {
        if !self.has_room() {
            return None;
        }
        let now = self.now;
        let due = |one: &&Kept<'a>| {
            let lease = plan_of(self.state.plan(), one.lifetime).map(|plan| plan.lease);
            let is_half_over = lease.is_some_and(|lease| one.until.since(now.wall) <= lease / 2);
            let is_again = one
                .last_extension
                .is_some_and(|(at, _)| !now.has_passed(at, EXTEND_AGAIN));
            one.stand == Stand::Holds
                && wanted.contains(one.lifetime)
                && is_half_over
                && !one.is_extending()
                && !is_again
                && now.wall.since(one.asked.wall) < LIFE_MAX
                && !self.has_successor(one)
        };
        let one = self.all.iter().find(due)?;
        let lease = plan_of(self.state.plan(), one.lifetime)?.lease;
        let until = now.wall.plus(lease);
        let can = self.world.writers.get(one.connector);
        if can.is_some_and(|can| can.contains(&Ability::Extend)) {
            let reference = one.reference.to_owned();
            let cause = Cause::Extends { of: one.no };
            return Some(self.asked(one.connector, Deed::Extend { reference, until }, cause));
        }
        // A further one that overlaps; the first is ended once the second is there.
        let newest = self.all.iter().rfind(|k| is_same(k, one))?;
        if !now.has_passed(newest.asked, EXTEND_AGAIN.min(lease / 2)) {
            return None;
        }
        let deed = Deed::Mute {
            components: one.components.to_vec(),
            matchers: one.matchers.to_vec(),
            until,
            comment: self.comment(one.lifetime),
        };
        let cause = Cause::Begins {
            lifetime: one.lifetime.clone(),
            muted: one.muted,
        };
        Some(self.asked(one.connector, deed, cause))
    }

    /// A younger one of the same kind is on its way or there.
    fn has_successor(&self, one: &Kept<'_>) -> bool {
        let mut younger = self.all.iter().filter(|k| k.no > one.no && is_same(k, one));
        younger.any(|k| matches!(k.stand, Stand::Asked | Stand::Holds))
    }

    /// Ends what nobody wants, what a younger one stands for, and what nobody knows of.
    fn end(&self, wanted: &[Lifetime]) -> Option<Vec<Fact>> {
        if self.own() >= OWN_WRITES_MAX {
            return None;
        }
        let is_replaced = |one: &Kept<'a>| {
            let mut younger = self.all.iter().filter(|k| k.no > one.no && is_same(k, one));
            younger.any(|k| k.stand == Stand::Holds)
        };
        let due = |one: &&Kept<'a>| {
            let is_unwanted = !wanted.contains(one.lifetime) || is_replaced(one);
            match one.stand {
                Stand::Over(_) | Stand::Asked => return false,
                Stand::Holds if !is_unwanted => return false,
                Stand::Holds | Stand::Doubtful => {}
            }
            // An extension on its way is waited for: it must not follow the end.
            if one.is_extending() || one.is_ending() || one.ends >= ENDS_MAX {
                return false;
            }
            let wait = END_AGAIN.saturating_mul(1 << one.ends.saturating_sub(1).min(16));
            one.last_end
                .is_none_or(|(at, _)| self.now.has_passed(at, wait))
        };
        let one = self.all.iter().find(due)?;
        let reference = one.reference.to_owned();
        let cause = Cause::Ends { of: one.no };
        Some(self.asked(one.connector, Deed::Unmute { reference }, cause))
    }
}

fn is_same(one: &Kept<'_>, other: &Kept<'_>) -> bool {
    one.lifetime == other.lifetime && one.connector == other.connector
}

/// True when one is no reason not to begin another at its connector: it is over, and not because somebody wanted that.
fn needs_another(one: &Kept<'_>, all: &[&Kept<'_>]) -> bool {
    let newest = all.iter().rev().find(|k| is_same(k, one));
    let is_live = all.iter().any(|k| is_same(k, one) && !k.stand.is_over());
    !is_live && newest.is_none_or(|k| k.stand != Stand::Over(Over::Elsewhere))
}

/// Why a silence that was asked for is not asked for again.
fn failed(ours: &[&Kept<'_>]) -> Option<Withheld> {
    let of = |one: &Kept<'_>, what: &str| {
        let what = format!("`{}`: {what}", one.connector);
        Some(Withheld::Failed { what })
    };
    for (place, one) in ours.iter().enumerate() {
        let is_newest = !ours
            .iter()
            .skip(place.saturating_add(1))
            .any(|k| is_same(k, one));
        let is_held = ours
            .iter()
            .any(|k| is_same(k, one) && k.stand == Stand::Holds);
        if is_newest && one.stand == Stand::Over(Over::NotMade) && !is_held {
            return of(one, one.why);
        }
        let in_doubt = ours
            .iter()
            .filter(|k| is_same(k, one) && k.was_doubtful && k.stand.is_over());
        if in_doubt.count() >= TRIES_MAX && !is_held {
            return of(one, one.why);
        }
    }
    None
}
