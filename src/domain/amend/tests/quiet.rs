//! What is kept quiet, across an amendment.

use super::*;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
use crate::domain::runbook::silence::{OnWithheld, SilencePlan};
use crate::domain::write::{Ability, Cause, Lifetime};
use std::time::Duration;

const OF_PHASE: &str = "alerts were kept quiet for phase `Prepare`, which is another now";

fn silence() -> SilencePlan {
    SilencePlan {
        components: vec!["db-1".to_owned()],
        withheld: OnWithheld::Warn,
        ..SilencePlan::default()
    }
}

/// A plan that keeps its first two phases quiet, and perhaps the whole.
fn quiet(whole: bool) -> Plan {
    let mut plan = plan();
    plan.components = vec!["db-1".to_owned()];
    plan.silence = whole.then(silence);
    plan.phases[0].silence = Some(silence());
    plan.phases[1].silence = Some(silence());
    plan
}

/// Its first phase was begun. `is_known`: it is known what is muted, else that is not begun.
fn begun(plan: Plan, is_known: bool) -> Room {
    let mut room = Room::with(plan);
    if is_known {
        let source = ConnectorName::new("am").expect("a name");
        let health = ConnectorHealth {
            connector: source.clone(),
            system: "alertmanager".to_owned(),
            liveness: Liveness::Live,
            last_good: None,
            last_error: String::new(),
            failures: 0,
            next_try: None,
            latency: Duration::ZERO,
            can: vec![Ability::Mute],
        };
        let board = &mut room.world.outlook.board;
        board.absorb(Reading::Health(health));
        let alerts = Vec::new();
        board.absorb(Reading::Alerts { source, alerts });
    }
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room
}

fn is_begun(room: &Room) -> bool {
    let wanted = Lifetime::Phase { phase: 0 };
    room.state.writes.iter().any(|write| {
        matches!(&write.write.cause, Some(Cause::Begins { lifetime, .. }) if *lifetime == wanted)
    })
}

fn quieter(plan: &mut Plan, phase: usize) {
    plan.phases[phase].silence = None;
}

/// Another phase before all others.
fn earlier(plan: &mut Plan) {
    let mut first = plan.phases[0].clone();
    first.title = "Announce".to_owned();
    first.silence = None;
    plan.phases.insert(0, first);
    for step in &mut plan.steps {
        step.phase += 1;
    }
    insert(plan, 0, step("announce", 0, Vec::new()));
}

#[test]
fn what_was_kept_quiet_for_a_phase_stays_its_own_and_other_phases_may_change() {
    for is_known in [true, false] {
        let room = begun(quiet(false), is_known);
        assert_eq!(is_begun(&room), is_known);
        assert_eq!(room.state.silences.is_empty(), is_known, "it was withheld");
        objects(&room, |p| quieter(p, 0), OF_PHASE);
        let longer = |p: &mut Plan| {
            let silence = p.phases[0].silence.as_mut().expect("quiet");
            silence.lease *= 2;
        };
        objects(&room, longer, OF_PHASE);
        // By its place it would be that of another phase.
        objects(&room, earlier, OF_PHASE);
        assert!(whys(&room, &edited(&room, |p| quieter(p, 1))).is_empty());
    }
}

/// The first phase, and all that was done in it, is not in the runbook any more.
fn lost(plan: &mut Plan) {
    without(plan, "look");
    without(plan, "backup");
    plan.phases.remove(0);
    for step in &mut plan.steps {
        step.phase -= 1;
    }
}

#[test]
fn a_phase_is_judged_by_its_place_in_the_merged_plan() {
    let mut plan = quiet(false);
    quieter(&mut plan, 0);
    let mut room = begun(plan, true);
    room.must("ann", skip("backup"));
    room.must("ann", skip("drain"));
    let of_second = Lifetime::Phase { phase: 1 };
    assert!(room.state.writes.iter().any(|write| {
        matches!(&write.write.cause, Some(Cause::Begins { lifetime, .. }) if *lifetime == of_second)
    }));
    // In the runbook the second phase is the first now; what was done before it stays before it.
    let amendment = edited(&room, lost);
    assert_eq!(whys(&room, &amendment), [] as [&str; 0]);
    let begun = room.state.writes.len();
    amend(&mut room, &amendment);
    assert_eq!(room.state.plan().phases[0].title, "Prepare");
    assert_eq!(room.state.plan().phases[1].silence, Some(silence()));
    assert_eq!(room.state.writes.len(), begun, "nothing is begun or ended");
    room.check_fold();
}

#[test]
fn a_phase_that_was_kept_quiet_is_not_lost() {
    let mut room = begun(quiet(false), true);
    room.must("ann", skip("backup"));
    objects(&room, lost, OF_PHASE);
}

#[test]
fn what_is_kept_quiet_from_begin_to_end_is_settled_with_the_begin() {
    let room = Room::with(quiet(true));
    let none = |p: &mut Plan| p.silence = None;
    assert!(whys(&room, &edited(&room, none)).is_empty(), "not begun");
    assert!(whys(&room, &edited(&room, |p| quieter(p, 0))).is_empty());
    let room = begun(quiet(true), true);
    let why = "what is kept quiet from begin to end is another";
    objects(&room, none, why);
    let room = begun(quiet(false), true);
    objects(&room, |p| p.silence = Some(silence()), why);
}
