//! One silence at a time: made, extended, withheld, ended.

use super::*;

fn stands(sim: &Sim) -> Vec<Stand> {
    let all = kept(&sim.room.state, sim.room.now.wall);
    all.iter().map(|one| one.stand).collect()
}

#[test]
fn a_silence_is_made_extended_and_ended_with_the_maintenance() {
    let mut sim = Sim::new(session_only(), true);
    sim.room.must("ann", Command::Begin);
    let first = sim.room.state.writes[0].write.clone();
    let Deed::Mute {
        components,
        matchers,
        until,
        ..
    } = &first.deed
    else {
        panic!("{first:?}");
    };
    assert_eq!(components, &["db-1"]);
    assert_eq!(
        matchers[0].to_string(),
        "instance=~\"(db-1)(\\\\..+)?(:[0-9]+)?\""
    );
    assert_eq!(*until, sim.room.now.wall.plus(Duration::from_secs(900)));
    assert!(matches!(
        first.cause,
        Some(Cause::Begins {
            lifetime: Lifetime::Session,
            muted: 1
        })
    ));
    assert_eq!(sim.room.state.writes[0].by, "warroom");
    assert_eq!(stands(&sim), [Stand::Asked]);
    sim.deliver(Luck::Good);
    assert_eq!(stands(&sim), [Stand::Holds]);
    sim.room.wait(Duration::from_secs(449));
    assert_eq!(sim.room.state.writes.len(), 1, "not before half of it");
    sim.room.wait(Duration::from_secs(1));
    let second = &sim.room.state.writes[1].write;
    assert_eq!(second.cause, Some(Cause::Extends { of: WriteNo(1) }));
    sim.deliver(Luck::Refused);
    assert_eq!(sim.room.state.writes.len(), 2, "not at once again");
    sim.room.wait(Duration::from_secs(15));
    sim.deliver(Luck::Good);
    let end = sim.room.now.wall.plus(Duration::from_secs(900));
    assert_eq!(sim.there[0].until, end);
    sim.room.must("ann", abort());
    let last = &sim.room.state.writes[3].write;
    assert_eq!(last.cause, Some(Cause::Ends { of: WriteNo(1) }));
    assert!(need_time(&sim.room.state, sim.room.now.wall));
    sim.deliver(Luck::Good);
    assert_eq!(stands(&sim), [Stand::Over(Over::Ended)]);
    assert_eq!(sim.live(), 0);
    assert!(!need_time(&sim.room.state, sim.room.now.wall));
    sim.room.check_fold();
}

#[test]
fn systems_that_cannot_move_an_end_get_a_second_one_before_the_first_is_ended() {
    let mut sim = Sim::new(session_only(), false);
    sim.room.must("ann", Command::Begin);
    sim.deliver(Luck::Good);
    sim.room.wait(Duration::from_secs(450));
    assert_eq!(stands(&sim), [Stand::Holds, Stand::Asked]);
    assert_eq!(sim.live(), 1);
    sim.deliver(Luck::Good);
    assert_eq!(sim.live(), 2, "they overlap");
    sim.deliver(Luck::Good);
    assert_eq!(stands(&sim), [Stand::Over(Over::Ended), Stand::Holds]);
    assert_eq!(sim.live(), 1);
}

#[test]
fn what_would_mute_others_is_withheld_with_their_names_and_holds() {
    let mut sim = Sim::new(session_only(), true);
    let labels = [("instance", "db-1:9100"), ("node", "web-7")];
    sim.room.world.outlook.board = board(vec![down(), alert("Lag", &labels)]);
    sim.room.must("ann", Command::Begin);
    assert_eq!(sim.room.state.writes.len(), 0);
    let said = &sim.room.state.silences[0];
    let because = said.withheld.clone().expect("withheld");
    let name = "Lag instance=db-1:9100 (firing)".to_owned();
    let outside = Withheld::Outside {
        muted: 2,
        outside: 1,
        names: vec![name],
    };
    assert_eq!(because, outside);
    let lifetime = Lifetime::Session;
    let cause = HoldCause::Silence {
        lifetime: lifetime.clone(),
    };
    assert_eq!(sim.room.state.holds[0].cause, cause);
    let reason = String::new();
    let refused = sim.room.ask("ann", Command::release(reason));
    assert!(refused.expect_err("held").hint.contains("with a reason"));
    // Narrowed to what is about the target alone, it may be made.
    let wish = SilenceWish::Narrow {
        alerts: vec!["InstanceDown".to_owned()],
        reason: String::new(),
    };
    sim.room.must("bob", Command::Silence { lifetime, wish });
    assert!(sim.room.state.holds.is_empty());
    let Deed::Mute { matchers, .. } = &sim.room.state.writes[0].write.deed else {
        panic!("a mute");
    };
    assert_eq!(matchers[1].to_string(), "alertname=\"InstanceDown\"");
}

#[test]
fn a_step_waits_for_its_silence_and_goes_without_only_with_a_reason() {
    let mut plan = plan();
    plan.components = vec!["db-1".to_owned()];
    plan.steps[1].silence = Some(SilencePlan::default());
    let mut sim = Sim::new(plan.clone(), true);
    sim.room.must("ann", Command::Begin);
    sim.room.must("ann", mark_done("look"));
    sim.room.must("ann", start("backup"));
    assert!(sim.room.running().is_none(), "the silence is not there yet");
    sim.deliver(Luck::Good);
    assert!(sim.room.running().is_some());
    sim.room.exit(0);
    sim.room.exit(0);
    assert!(matches!(sim.room.status("backup"), StepStatus::Done { .. }));
    sim.deliver(Luck::Good);
    assert_eq!(stands(&sim), [Stand::Over(Over::Ended)]);

    // Nobody knows what it would mute: it is held, or said, as the runbook wants it.
    for (withheld, holds) in [(OnWithheld::Hold, true), (OnWithheld::Warn, false)] {
        let silence = plan.steps[1].silence.as_mut().expect("set above");
        silence.withheld = withheld;
        let mut sim = Sim::new(plan.clone(), true);
        let stale = health("am", "alertmanager", Liveness::Stale);
        sim.room.world.outlook.board.absorb(Reading::Health(stale));
        sim.room.must("ann", Command::Begin);
        sim.room.must("ann", mark_done("look"));
        sim.room.must("ann", start("backup"));
        assert_eq!(sim.room.state.is_held(), holds);
        assert_eq!(sim.room.running().is_none(), holds);
        assert_eq!(sim.room.state.writes.len(), 0);
        if holds {
            let reason = "the pager is off tonight".to_owned();
            sim.room.must("ann", Command::release(reason));
            assert!(sim.room.running().is_some());
            let without = sim.room.state.silences[0].without.as_deref();
            assert_eq!(without, Some("the pager is off tonight"));
        }
    }
}

#[test]
fn a_person_who_ends_it_by_hand_is_not_worked_against() {
    let mut sim = Sim::new(session_only(), true);
    sim.room.must("ann", Command::Begin);
    sim.deliver(Luck::Good);
    let deed = Deed::Unmute {
        reference: "id-1".to_owned(),
    };
    let connector = am();
    sim.room.must("ann", Command::Write { connector, deed });
    let outcome = Outcome::Done {
        reference: "id-1".to_owned(),
        proof: "ended".to_owned(),
    };
    sim.taken += 1;
    sim.tell(WriteNo(2), outcome);
    sim.room.wait(Duration::from_secs(3600));
    assert_eq!(stands(&sim), [Stand::Over(Over::Elsewhere)]);
    assert_eq!(sim.room.state.writes.len(), 2);
}

#[test]
fn a_lease_that_ran_out_meanwhile_was_ended_by_nobody() {
    let mut sim = Sim::new(session_only(), true);
    sim.room.must("ann", Command::Begin);
    sim.deliver(Luck::Good);
    sim.room.wait(Duration::from_secs(450));
    sim.room.wait(Duration::from_secs(460));
    assert_eq!(sim.live(), 0, "the extension hangs");
    sim.deliver(Luck::Good);
    assert_eq!(stands(&sim), [Stand::Over(Over::RanOut), Stand::Asked]);
    sim.deliver(Luck::Good);
    assert_eq!(sim.live(), 1, "it is made anew");
}

#[test]
fn an_end_that_fails_is_asked_for_again_some_times_and_told() {
    let mut sim = Sim::new(session_only(), true);
    sim.room.must("ann", Command::Begin);
    sim.deliver(Luck::Good);
    sim.room.must("ann", abort());
    for _ in 0..260 {
        sim.deliver(Luck::Refused);
        sim.room.wait(Duration::from_secs(3));
    }
    let ends = sim.room.state.writes.len() - 1;
    assert_eq!(ends, 8);
    let now = sim.room.now.wall;
    assert_eq!(left_over(&sim.room.state, now).len(), 1);
    let board = Board::default();
    let line =
        crate::domain::what_now::what_now(&sim.room.state, &board, sim.room.now, &actor("ann"));
    assert!(
        line.what
            .contains("silence id-1 of `am` still mutes db-1: U ends it"),
        "{line:?}"
    );
    sim.room.wait(Duration::from_secs(900));
    assert_eq!(stands(&sim), [Stand::Over(Over::RanOut)]);
    assert!(!need_time(&sim.room.state, sim.room.now.wall));
}

#[test]
fn facts_that_no_session_can_have_written_are_refused() {
    use crate::domain::apply::check_apply;
    use crate::domain::fact::{Silence, SilenceEvent};
    use crate::domain::write::Write;
    let mut room = Room::with(session_only());
    room.world.outlook.board = Board::default();
    let deed = Deed::Mute {
        components: Vec::new(),
        matchers: Vec::new(),
        until: room.now.wall.plus(Duration::from_secs(60)),
        comment: String::new(),
    };
    let unmute = Deed::Unmute {
        reference: String::new(),
    };
    let begins = |lifetime| Cause::Begins { lifetime, muted: 0 };
    let asked = |deed: &Deed, cause: Cause| Fact::WriteAsked {
        write: Write {
            no: WriteNo(1),
            connector: am(),
            deed: deed.clone(),
            cause: Some(cause),
        },
    };
    let said = |event| {
        let lifetime = Lifetime::Session;
        Fact::Silence(Silence { lifetime, event })
    };
    let reason = "x".to_owned();
    let what = "x".to_owned();
    let because = Withheld::Unknown { what };
    let cases = [
        (actor("ann"), asked(&deed, begins(Lifetime::Session))),
        (
            Actor::Engine,
            asked(&deed, begins(Lifetime::Phase { phase: 0 })),
        ),
        (Actor::Engine, asked(&unmute, begins(Lifetime::Session))),
        (
            Actor::Engine,
            asked(&unmute, Cause::Ends { of: WriteNo(1) }),
        ),
        (
            actor("ann"),
            said(SilenceEvent::Withheld {
                because: because.clone(),
            }),
        ),
        (
            actor("ann"),
            said(SilenceEvent::Without {
                reason: reason.clone(),
            }),
        ),
    ];
    for (who, fact) in cases {
        let before = room.state.clone();
        let record = stamp(room.state.head.0.next(), room.now, who, fact);
        assert!(check_apply(&mut room.state, &record).is_err(), "{record:?}");
        assert_eq!(room.state.silences, before.silences);
        assert_eq!(room.state.writes, before.writes);
    }
}

#[test]
fn after_a_restart_connectors_have_a_moment_to_answer() {
    let mut sim = Sim::new(session_only(), true);
    sim.room.world.outlook.board = Board::default();
    sim.room.world.outlook.since = sim.room.now.wall;
    sim.room.must("ann", Command::Begin);
    assert!(sim.room.state.silences.is_empty());
    sim.room.wait(Duration::from_secs(29));
    assert!(sim.room.state.silences.is_empty());
    sim.room.wait(Duration::from_secs(1));
    assert!(sim.room.state.is_held());
    assert_eq!(sim.room.state.phase, Phase::Running);
}

#[test]
fn a_silence_that_an_amendment_takes_away_is_ended() {
    let mut sim = Sim::new(session_only(), true);
    sim.room.must("ann", Command::Begin);
    sim.deliver(Luck::Good);
    assert_eq!(stands(&sim), [Stand::Holds]);
    // Of the whole it cannot be taken away, and of a step that is tried again it can: the end is the same.
    let genesis = std::sync::Arc::make_mut(&mut sim.room.state.genesis);
    genesis.plan.silence = None;
    assert!(!has_any(sim.room.state.plan()));
    assert!(need_time(&sim.room.state, sim.room.now.wall));
    sim.room.settle();
    let last = &sim.room.state.writes[1].write;
    assert_eq!(last.cause, Some(Cause::Ends { of: WriteNo(1) }));
    sim.deliver(Luck::Good);
    assert_eq!(sim.live(), 0);
    assert!(!need_time(&sim.room.state, sim.room.now.wall));
}
