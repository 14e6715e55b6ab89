use super::*;
use crate::domain::fact::{Confirmed, HoldCause};
use crate::domain::fixture::*;

#[test]
fn a_journal_needs_its_genesis_and_no_gap() {
    let room = Room::armed();
    assert_eq!(fold(Vec::new()), Err(FoldError::Empty));
    assert_eq!(fold(room.records[1..].to_vec()), Err(FoldError::NotGenesis));
    let mut cut = room.records.clone();
    cut.remove(5);
    let gap = FoldError::Gap {
        head: Seq(4),
        found: Seq(6),
    };
    assert_eq!(fold(cut), Err(gap));
    room.check_fold();
}

#[test]
fn an_impossible_fact_moves_the_head_and_changes_nothing_else() {
    let room = Room::proposed();
    let step = id("drain");
    let impossible = [
        (actor("ann"), Fact::Begun),
        (actor("ann"), Fact::Completed),
        (actor("ann"), Fact::RolledBack),
        (actor("ann"), Fact::StepArmed { step: step.clone() }),
        (actor("ann"), Fact::StepRetried { step: step.clone() }),
        (actor("ann"), Fact::StopAsked { step: step.clone() }),
        (
            actor("ann"),
            Fact::StepConfirmed(Confirmed {
                step: step.clone(),
                signer: person("ann"),
                statement: room.statement("ann"),
            }),
        ),
        (
            actor("bob"),
            Fact::StepConfirmed(Confirmed {
                step: step.clone(),
                signer: person("cho"),
                statement: room.statement("cho"),
            }),
        ),
        (
            actor("ann"),
            Fact::ExecIntent {
                key: room.state.find(&step).expect("there").next_key(),
                role: crate::domain::runbook::plan::ExecRole::Run,
                nonce: None,
            },
        ),
    ];
    for (who, fact) in impossible {
        let mut state = room.state.clone();
        let record = stamp(state.head.0.next(), room.now, who, fact);
        let result = check_apply(&mut state, &record);
        assert!(
            matches!(result, Err(FoldError::Impossible { .. })),
            "{record:?}: {result:?}"
        );
        assert_eq!(state.head, (record.seq, record.hash));
        state.head = room.state.head;
        if let Some(open) = state.proposal.as_mut() {
            open.heads.pop();
        }
        assert_eq!(state, room.state, "{record:?}");
    }
}

#[test]
fn a_resumed_session_knows_no_terminal() {
    let mut room = Room::new();
    let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
    room.record(&Actor::Engine, Fact::SessionResumed { program, host });
    assert!(room.state.terminals.is_empty());
    assert_eq!(room.state.absent_since.len(), 3);
}

#[test]
fn a_rollback_ends_the_holds_on_going_forward() {
    let mut room = Room::at_drain();
    room.record(&Actor::Engine, Fact::Held(HoldCause::Restart));
    room.must("ann", rollback());
    assert!(!room.state.is_held());
    assert!(room.running().is_some());
}

#[test]
fn only_the_nonce_of_the_armed_proposal_lets_anything_run() {
    let room = Room::armed();
    let key = room.state.find(&id("drain")).expect("there").next_key();
    let right = room.state.proposal.as_ref().map(|p| p.terms.nonce.clone());
    let wrong = crate::domain::id::Nonce::from_bytes([0xab; 16]);
    let mut later = key.clone();
    later.attempt = AttemptNo(2);
    for (key, nonce, runs) in [
        (key.clone(), None, false),
        (key.clone(), Some(wrong), false),
        (later, right.clone(), false),
        (key, right, true),
    ] {
        let mut state = room.state.clone();
        let role = crate::domain::runbook::plan::ExecRole::Run;
        let fact = Fact::ExecIntent { key, role, nonce };
        let record = stamp(state.head.0.next(), room.now, actor("ann"), fact);
        assert_eq!(check_apply(&mut state, &record).is_ok(), runs, "{record:?}");
        assert_eq!(state.running().is_some(), runs);
    }
}
