//! Break-glass (`TWO_PERSON` 4.8): one attempt by one person, never a mode. What it needs, and who has used it too often.
//!
//! Guards on metrics do not stand in its way, known or unknown: it exists for when things burn. They are named
//! wherever it is shown. Holds, changes of plan and policy, expiry and absence end it as they end a confirm.

mod uses;

pub use uses::{LEDGER_MAX, LOCK_SPAN, USES_SPAN, Uses, UsesFault};

use super::policy::{PAGE_DOWN_DELAY, PageDown, Rules, breaks_glass};
use crate::domain::fact::{Mode, Page, Via};
use crate::domain::id::PersonId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{Glass, Proposal, State};
use crate::domain::threshold::Verdict;
use crate::domain::time::Moment;
use crate::domain::world::World;
use std::time::Duration;

/// Wait in which everybody who is attached can veto: long enough to read why and to look at the plan.
pub const COUNTDOWN: Duration = Duration::from_secs(60);

/// How long everybody can veto after this came of the page; absent when the rules refuse to go on without one.
pub fn wait_after(page: &Page, rules: &Rules) -> Option<Duration> {
    match (page, rules.page_down) {
        (Page::Sent, _) => Some(COUNTDOWN),
        (Page::Down { .. }, PageDown::Delay) => Some(PAGE_DOWN_DELAY),
        (Page::Down { .. }, PageDown::Refuse) if is_off(Guard::GlassPage) => Some(COUNTDOWN),
        (Page::Down { .. }, PageDown::Refuse) => None,
    }
}

/// True when evidence of this person is enough: their signature, with a code beside it or not. The runner of an enforced
/// session cannot check a code, so none counts there.
pub fn is_strong(
    mode: Mode,
    person: &PersonId,
    via: &Via,
    code: Option<u64>,
    world: &World,
) -> bool {
    let code = code.filter(|_| mode != Mode::Enforced);
    let code = code.map(|step| Via::Totp { step });
    let code = code.filter(|via| world.is_good(person, via));
    let is_signed = matches!(via, Via::Sshsig { .. }) && world.is_good(person, via);
    is_signed && (breaks_glass([via].into_iter().chain(&code)) || is_off(Guard::GlassEvidence))
}

/// Why somebody whose break-glass is under way could not have begun it now: role, key or list of people are others.
pub fn is_disproved(state: &State, glass: &Glass, world: &World) -> bool {
    let roles = world.roster.roles(&glass.person);
    let is_weak = glass
        .countdown
        .as_ref()
        .is_some_and(|c| !is_strong(state.genesis.mode, &glass.person, &c.via, c.code, world));
    !roles.breakglass || !roles.operator || is_weak
}

/// True when nothing stands between this person and go but their own word: the wait is over on both clocks, nobody said
/// no, somebody was paged or the longer wait is over, and what they signed is known outside this host.
pub fn is_through(state: &State, open: &Proposal, world: &World, now: Moment) -> bool {
    let Some(glass) = open.glass.as_deref() else {
        return false;
    };
    let (Some(page), Some(countdown)) = (&glass.page, &glass.countdown) else {
        return false;
    };
    let waits = wait_after(page, &world.rules).is_none_or(|wait| countdown.wait() < wait)
        || !countdown.left(now).is_zero();
    (!waits || is_off(Guard::GlassWait))
        && (!glass.vetoed || is_off(Guard::GlassVeto))
        && (glass.is_witnessed() || is_off(Guard::GlassWitness))
        && glass.person == open.terms.executor
        && !is_disproved(state, glass, world)
}

/// Guards that are not known to be good, as they are named beside a break-glass: `error ratio: FIRING`.
pub fn bad_guards(state: &State) -> Vec<String> {
    let bad = state.guards().filter_map(|(rule, verdict)| {
        let dry = if rule.dry_run { " (dry run)" } else { "" };
        match verdict {
            Verdict::Pass | Verdict::Warn => None,
            Verdict::Fail => Some(format!("{}{dry}: FIRING", rule.title)),
            Verdict::Unknown(why) => Some(format!("{}{dry}: unknown, {why}", rule.title)),
        }
    });
    bad.collect()
}
