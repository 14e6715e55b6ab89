//! Back needs one: whatever stops or goes back is one person's word, also while the confirmer is gone.

use super::*;

/// Bob, who confirmed, is gone for good; cho, who only operates, is there.
fn alone(mut room: Room) -> Room {
    room.world.roster = named(&[
        ("ann", Roles::BOTH),
        ("bob", Roles::BOTH),
        ("cho", OPERATOR),
    ]);
    room.detach(1);
    room
}

#[test]
fn stop_hold_and_the_rollback_need_one_operator_while_a_command_runs() {
    let running = || {
        let mut room = Room::armed();
        room.must("ann", go("drain"));
        alone(room)
    };
    for who in ["ann", "cho"] {
        let mut room = running();
        room.must(who, stop("drain"));
        assert!(room.state.running().is_some_and(|r| r.stop_asked));
        let mut room = running();
        room.must(who, hold());
        assert!(room.state.is_held());
        let mut room = running();
        room.must(who, rollback());
        assert_eq!(room.state.phase, Phase::RollingBack);
        // The way back that was reviewed with the plan follows by itself: nobody is asked again.
        room.end(Outcome::Stopped);
        let undo = room.running().expect("the way back runs");
        assert_eq!(
            (undo.step.as_str(), undo.block),
            ("drain", crate::domain::fact::ExecKey::UNDO)
        );
        room.check_fold();
    }
}

#[test]
fn a_proposal_is_taken_back_or_rejected_by_any_one_operator() {
    for room in [Room::proposed(), Room::armed()] {
        for command in [cancel("drain"), reject("drain")] {
            let mut room = alone(room.clone());
            room.must("cho", command);
            assert!(room.state.proposal.is_none());
            room.check_fold();
        }
    }
}
