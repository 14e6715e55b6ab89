//! Motions: made by one person, seconded by another, rejected by anybody who may act.

use super::ask::{Ask, how_to_prove, too_weak};
use super::{Decision, Refused, amend};
use crate::domain::amend::Amendment;
use crate::domain::command::{Command, Signed};
use crate::domain::confirm::policy::{Grade, Purpose};
use crate::domain::confirm::statement::{motion_issued, motion_statement, second_statement};
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact, MotionEnd, MotionEvent, Moved};
use crate::domain::motion::{EXTENSION_MAX, MOTION_LIFE, MOTIONS_MAX, Motion, MotionNo};
use crate::domain::runbook::plan::Risk;
use crate::domain::state::Tabled;
use crate::domain::time::{Timestamp, short_span};
use std::time::Duration;

/// How far the clock of who signs a motion may be ahead of the server's: more, and one of the two is wrong.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(60);

fn fact(no: MotionNo, event: MotionEvent) -> Fact {
    Fact::Motion(Moved { no, event })
}

pub(super) fn decide(ask: &Ask<'_>, command: &Command) -> Decision {
    match command {
        Command::Move {
            what,
            reason,
            signed,
        } => make(ask, what, reason, signed.as_ref()),
        Command::Second {
            no,
            adopted,
            signed,
        } => second(ask, *no, *adopted, signed.as_ref()),
        Command::RejectMotion { no, reason } => {
            open(ask, *no)?;
            let reason = ask.words(reason)?;
            let why = MotionEnd::Rejected { reason };
            Ok(vec![fact(*no, MotionEvent::Ended { why })])
        }
        _ => Ok(Vec::new()),
    }
}

fn make(ask: &Ask<'_>, what: &Motion, reason: &str, signed: Option<&Signed>) -> Decision {
    let no = ask.state.motions.newest.next();
    let person = ask
        .somebody()
        .map_err(|refused| on_record(ask, no, refused))?;
    ask.operator()?;
    if ask.state.phase.is_final() {
        return Err(ask.no("the maintenance is over", ""));
    }
    if let Some(open) = &ask.state.motions.open {
        let why = format!("`{}` has moved to {} already", open.by, open.what);
        return Err(ask.no(why, "one motion is open at a time: second it, or reject it"));
    }
    if no.0 > MOTIONS_MAX {
        let why = format!("this session has had {MOTIONS_MAX} motions");
        return Err(ask.no(why, "abort, and plan what is left anew"));
    }
    let reason = ask.reason(reason)?;
    let amendment = ask.world.amendment.as_ref();
    possible(ask, what, amendment.map(|amendment| &**amendment))?;
    proven(ask, signed.is_some()).map_err(|refused| on_record(ask, no, refused))?;
    let (stated, issued) = match signed {
        None => (None, whole_seconds(ask.now.wall)),
        Some(signed) => {
            let issued = issued_in_time(ask, &signed.statement)?;
            let expected = motion_statement(ask.state, what, &reason, person, issued);
            let is_it = |text: &str| expected.is_ok_and(|expected| expected == text);
            let stated = ask.stated(signed, is_it);
            let stated = stated.map_err(|refused| on_record(ask, no, refused))?;
            (Some(stated), issued)
        }
    };
    let made = MotionEvent::Made {
        what: what.clone(),
        reason,
        issued,
        expires: issued.plus(MOTION_LIFE),
        amendment: amendment
            .filter(|_| matches!(what, Motion::Amend { .. }))
            .cloned(),
    };
    Ok(stated.into_iter().chain([fact(no, made)]).collect())
}

/// What is moved can be, and changes something.
fn possible(ask: &Ask<'_>, what: &Motion, amendment: Option<&Amendment>) -> Result<(), Refused> {
    match what {
        Motion::Amend { from, to } => amend::possible(ask, (*from, *to), amendment),
        Motion::ExtendWindow { until } => {
            let window = ask.state.window();
            let window = window.ok_or_else(|| ask.no("the runbook has no window", ""))?;
            let end = window.end;
            if *until <= end || *until <= ask.now.wall {
                let why = format!(
                    "the window ends at {} already, and that is not later than it and now",
                    end.to_seconds_text()
                );
                return Err(ask.no(why, "name a later end"));
            }
            if until.since(end) > EXTENSION_MAX {
                let why = format!(
                    "it would extend the window by more than {}",
                    short_span(EXTENSION_MAX)
                );
                return Err(ask.no(why, "plan another window"));
            }
            if *until != whole_seconds(*until) {
                return Err(ask.no("the end is no whole second", "name a whole second"));
            }
            Ok(())
        }
        Motion::OverrideFreeze { freeze } => {
            let known = ask.state.genesis.freezes.iter().find(|f| f.id == *freeze);
            let known = known.ok_or_else(|| {
                let why = format!("no freeze `{freeze}` was known at the start of the session");
                ask.no(why, "the header names the freeze that is on")
            })?;
            if ask.state.is_overridden(freeze) || ask.now.wall >= known.end {
                let why = format!("freeze `{freeze}` stands in nobody's way");
                return Err(ask.no(why, ""));
            }
            Ok(())
        }
    }
}

fn second(ask: &Ask<'_>, no: MotionNo, read: Option<Digest>, signed: Option<&Signed>) -> Decision {
    let person = ask
        .somebody()
        .map_err(|refused| on_record(ask, no, refused))?;
    let open = open(ask, no)?;
    if open.by == *person {
        let why = format!("`{person}` made the motion and cannot second it too");
        let refused = ask.no(why, "any other operator or approver can");
        return Err(on_record(ask, no, refused));
    }
    if open.is_expired(ask.now) {
        return Err(ask.no("its time is over", "make the motion again"));
    }
    stands(ask, open).map_err(|refused| on_record(ask, no, refused))?;
    possible(ask, &open.what, open.amendment.as_deref())
        .map_err(|refused| on_record(ask, no, refused))?;
    if let Some(amendment) = open.amendment.as_deref() {
        amend::was_read(ask, amendment, read).map_err(|refused| on_record(ask, no, refused))?;
    }
    proven(ask, signed.is_some()).map_err(|refused| on_record(ask, no, refused))?;
    let stated = match signed {
        None => None,
        Some(signed) => {
            let expected = second_statement(ask.state, open, person);
            let is_it = |text: &str| expected.is_ok_and(|expected| expected == text);
            let stated = ask.stated(signed, is_it);
            Some(stated.map_err(|refused| on_record(ask, no, refused))?)
        }
    };
    let carried = fact(no, MotionEvent::Carried);
    Ok(stated.into_iter().chain([carried]).collect())
}

/// The open motion, when it is the one that was on the screen.
fn open<'a>(ask: &Ask<'a>, no: MotionNo) -> Result<&'a Tabled, Refused> {
    let open = ask.state.motions.open.as_deref();
    open.filter(|open| open.no == no).ok_or_else(|| {
        let why = format!("motion {no} is not open");
        ask.no(why, "it was carried, rejected, or its time is over")
    })
}

/// Who made it is still somebody who may make it.
fn stands(ask: &Ask<'_>, open: &Tabled) -> Result<(), Refused> {
    let roles = ask.world.roster.roles(&open.by);
    if roles.operator && ask.world.is_good(&open.by, &open.via) {
        return Ok(());
    }
    let why = format!("what proved that it was `{}` no longer counts", open.by);
    Err(ask.no(why, "another operator can make the motion again"))
}

/// Evidence of both people is what a destructive step asks of its go: each later step still has its own two people.
fn proven(ask: &Ask<'_>, is_signed: bool) -> Result<(), Refused> {
    let Actor::Person { id, via } = ask.actor else {
        return Err(ask.no("nobody is known to have said it", ""));
    };
    let is_owned = ask.world.owner.is_some();
    let mode = ask.state.genesis.mode;
    let rules = &ask.world.rules;
    let rule = rules.rule_for(Risk::Destructive, mode, is_owned);
    ask.met(&rule, Purpose::Go, (id, via), is_signed)
        .map_err(|grade| {
            let how = match grade {
                // A code belongs to one step, and a motion is none.
                Grade::Totp => "sign with a key listed for you: a motion takes no one-time code",
                _ => how_to_prove(grade),
            };
            ask.no(too_weak(via, grade), how)
        })
}

/// When a signed motion says that it was issued: not in the future, and not so long ago that it is over.
fn issued_in_time(ask: &Ask<'_>, statement: &str) -> Result<Timestamp, Refused> {
    let now = ask.now.wall;
    let fits = |at: &Timestamp| *at <= now.plus(CLOCK_AHEAD_MAX) && now < at.plus(MOTION_LIFE);
    motion_issued(statement).filter(fits).ok_or_else(|| {
        let why = format!(
            "it was not signed in the {} before now, by the clock of the server: {}",
            short_span(MOTION_LIFE),
            now.to_seconds_text()
        );
        ask.no(why, "compare the clocks of both hosts, then move again")
    })
}

/// A refusal that the journal keeps.
fn on_record(ask: &Ask<'_>, no: MotionNo, mut refused: Refused) -> Refused {
    let event = MotionEvent::Refused {
        asked: ask.verb.to_owned(),
        reason: refused.refusal.reason.clone(),
    };
    refused.record = Some(Box::new(fact(no, event)));
    refused
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().div_euclid(1000).saturating_mul(1000))
}
