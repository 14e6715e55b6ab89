use super::*;
use crate::domain::command::Command;
use crate::domain::fact::{Confirmed, HoldCause, Via};
use crate::domain::fixture::*;
use std::time::Duration;

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
                signature: String::new(),
            }),
        ),
        (
            actor("bob"),
            Fact::StepConfirmed(Confirmed {
                step: step.clone(),
                signer: person("cho"),
                statement: room.statement("cho"),
                signature: String::new(),
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

/// The fold does not take this fact, whoever wrote it into a journal.
fn is_impossible(room: &Room, who: &Actor, fact: Fact) {
    let mut state = room.state.clone();
    let record = stamp(state.head.0.next(), room.now, who.clone(), fact);
    let result = check_apply(&mut state, &record);
    assert!(
        matches!(result, Err(FoldError::Impossible { .. })),
        "{record:?}"
    );
}

#[test]
fn a_journal_with_a_confirm_that_nobody_stated_does_not_fold() {
    let room = Room::proposed();
    let confirm = |statement: String| {
        Fact::StepConfirmed(Confirmed {
            step: id("drain"),
            signer: person("bob"),
            statement,
            signature: String::new(),
        })
    };
    let good = room.statement("bob");
    is_impossible(&room, &actor("bob"), confirm(String::new()));
    is_impossible(&room, &actor("bob"), confirm(room.statement("cho")));
    is_impossible(
        &room,
        &actor("bob"),
        confirm(good.replace("attempt: 1", "attempt: 2")),
    );
    for via in [Via::Demo, Via::Uid(0)] {
        let id = person("bob");
        is_impossible(&room, &Actor::Person { id, via }, confirm(good.clone()));
    }
}

#[test]
fn a_journal_with_a_proposal_that_its_proposer_did_not_make_does_not_fold() {
    let terms = Room::proposed().state.proposal.expect("open").terms;
    let room = Room::at_proposal();
    is_impossible(
        &room,
        &actor("bob"),
        Fact::ProposalOpened {
            terms: terms.clone(),
            signature: String::new(),
        },
    );
    is_impossible(
        &room,
        &Actor::Engine,
        Fact::ProposalOpened {
            terms: terms.clone(),
            signature: String::new(),
        },
    );
    let mut cheap = terms.clone();
    cheap.quorum = 0;
    is_impossible(
        &room,
        &actor("ann"),
        Fact::ProposalOpened {
            terms: cheap,
            signature: String::new(),
        },
    );
    let mut held = room.clone();
    held.must("cho", hold());
    is_impossible(
        &held,
        &actor("ann"),
        Fact::ProposalOpened {
            terms: terms.clone(),
            signature: String::new(),
        },
    );
    let mut room = room;
    room.record(
        &actor("ann"),
        Fact::ProposalOpened {
            terms,
            signature: String::new(),
        },
    );
}

#[test]
fn a_journal_in_which_another_than_the_executor_went_does_not_fold() {
    let room = Room::armed();
    let key = room.state.find(&id("drain")).expect("there").next_key();
    let nonce = room.state.proposal.as_ref().map(|p| p.terms.nonce.clone());
    let role = crate::domain::runbook::plan::ExecRole::Run;
    for who in [actor("bob"), actor("root"), Actor::Engine] {
        let (key, nonce) = (key.clone(), nonce.clone());
        is_impossible(&room, &who, Fact::ExecIntent { key, role, nonce });
    }
}

#[test]
fn a_journal_in_which_one_person_resolved_a_destructive_step_does_not_fold() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.lose();
    let (step, finding) = (id("drain"), crate::domain::fact::Finding::DidNotRun);
    let resolved = Fact::StepResolved { step, finding };
    is_impossible(&room, &actor("ann"), resolved.clone());
    room.must("ann", resolve("drain", finding));
    is_impossible(&room, &actor("ann"), resolved);
    room.must("bob", resolve("drain", finding));
}

#[test]
fn a_journal_in_which_a_step_starts_before_begin_after_the_end_or_while_held_does_not_fold() {
    let started = |attempt| Fact::StepStarted {
        step: id("backup"),
        attempt: AttemptNo(attempt),
    };
    let mut room = Room::new();
    is_impossible(&room, &actor("ann"), started(1));
    room.must("ann", Command::Begin);
    room.must("ann", skip("look"));
    room.must("ann", hold());
    is_impossible(&room, &actor("ann"), started(1));
    room.must("ann", release());
    room.must("ann", abort());
    is_impossible(&room, &actor("ann"), started(1));
}

#[test]
fn spans_begin_anew_with_a_server_on_another_boot() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.exit(0);
    room.detach(2);
    let before = room.now;
    // Another boot, whose clock is far ahead of the old one's; a minute has passed by the wall clock.
    room.now.mono_ms = before.mono_ms * 1000;
    room.now.wall = before.wall.plus(Duration::from_secs(60));
    let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
    room.record(&Actor::Engine, Fact::SessionResumed { program, host });
    let gate_since = room.state.find(&id("drain")).expect("there").now.gate_since;
    assert_eq!(gate_since, Some(room.now));
    let absence = room.state.absence(&person("cho"), room.now);
    assert_eq!(absence, Duration::from_secs(60));
    room.check_fold();
}

#[test]
fn a_verify_is_not_tried_again_sooner_because_of_another_boot() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    room.must("ann", skip("look"));
    room.must("ann", start("backup"));
    room.exit(0);
    room.exit(1);
    for mono_ms in [room.now.mono_ms * 1000, 5] {
        let mut room = room.clone();
        room.now.mono_ms = mono_ms;
        let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
        room.record(&Actor::Engine, Fact::SessionResumed { program, host });
        room.settle();
        assert_eq!(room.running(), None);
        room.wait(Duration::from_secs(2));
        assert!(room.running().is_some());
    }
}
