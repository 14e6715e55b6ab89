use super::*;
use crate::domain::fact::{Finding, Mode, Outcome, Via};
use crate::domain::fixture::*;
use crate::domain::id::PersonId;
use crate::domain::runbook::plan::Window;
use crate::domain::state::{Phase, Stage, StepStatus};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::Timestamp;
use crate::domain::world::{Look, Roles, Roster};
use std::collections::BTreeMap;
use std::time::Duration;

/// The command is refused with these words, and the state is as before.
fn refused(room: &Room, who: &str, command: Command, words: &str) {
    let mut tried = room.clone();
    let text = format!("{command:?}");
    let refusal = tried.ask(who, command).expect_err(&text);
    assert!(refusal.reason.contains(words), "{text}: {refusal}");
    let mut before = room.state.clone();
    let mut after = tried.state.clone();
    // Only a recorded refusal moves the head.
    for state in [&mut before, &mut after] {
        state.head = room.state.head;
        state.head_at = room.state.head_at;
        if let Some(open) = state.proposal.as_mut() {
            open.heads.clear();
        }
    }
    assert_eq!(before, after, "{text} changed something");
}

fn recorded(room: &Room) -> usize {
    let is_refusal = |f: &Fact| matches!(f, Fact::Refused { .. });
    room.records.iter().filter(|r| is_refusal(&r.fact)).count()
}

fn named(people: &[(&str, Roles)]) -> Roster {
    let pairs = people.iter().map(|(name, roles)| (person(name), *roles));
    Roster::Named(pairs.collect::<BTreeMap<PersonId, Roles>>())
}

const OPERATOR: Roles = Roles {
    operator: true,
    approver: false,
};
const APPROVER: Roles = Roles {
    operator: false,
    approver: true,
};

#[test]
fn nothing_starts_before_begin_and_nothing_twice() {
    let room = Room::new();
    refused(&room, "ann", start("backup"), "has not begun");
    refused(&room, "ann", hold(), "has not begun");
    refused(&room, "ann", rollback(), "has not begun");
    refused(&room, "ann", Command::Complete, "has not begun");
    let mut room = room;
    room.must("root", Command::Begin);
    refused(&room, "ann", Command::Begin, "begun already");
    room.check_fold();
}

#[test]
fn steps_start_in_document_order() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    refused(&room, "ann", start("look"), "done by hand");
    refused(&room, "ann", start("backup"), "step 1.1 `look` is not done");
    refused(&room, "ann", mark_done("part-a"), "`look` is not done");
    refused(&room, "ann", start("restore"), "back-out plan");
    refused(&room, "ann", start("nowhere"), "no step `nowhere`");
    room.must("ann", mark_done("look"));
    refused(&room, "ann", mark_done("backup"), "blocks to run");
    refused(&room, "ann", mark_done("look"), "is done");
    room.must("ann", start("backup"));
    refused(&room, "ann", start("backup"), "is under way");
    refused(&room, "ann", skip("backup"), "is under way");
    refused(&room, "ann", retry("backup"), "is under way");
}

#[test]
fn a_failed_step_is_retried_as_a_new_attempt() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.exit(3);
    assert_eq!(
        room.status("drain"),
        &StepStatus::Failed {
            why: "check: exit 3".to_owned()
        }
    );
    refused(&room, "ann", start("drain"), "has failed");
    refused(&room, "ann", start("part-b"), "`drain` has failed");
    room.must("ann", retry("drain"));
    room.must("ann", start("drain"));
    assert_eq!(room.running().expect("runs").attempt.0, 2);
    room.check_fold();
}

#[test]
fn a_skipped_step_lets_the_next_one_start_and_can_come_back() {
    let mut room = Room::at_drain();
    let no_reason = Command::Skip {
        step: id("drain"),
        reason: " ".to_owned(),
    };
    refused(&room, "ann", no_reason, "needs a reason");
    room.must("ann", skip("drain"));
    room.must("ann", skip("wipe"));
    room.must("ann", skip("parts"));
    assert!(room.status("part-b").is_passed());
    refused(&room, "ann", retry("part-b"), "`parts` was skipped");
    room.must("ann", retry("parts"));
    assert_eq!(room.status("part-b"), &StepStatus::Pending);
    room.must("ann", mark_done("part-a"));
    room.must("ann", start("part-b"));
    room.exit(0);
    assert!(room.status("parts").is_passed());
    room.must("ann", Command::Complete);
    assert_eq!(room.state.phase, Phase::Completed);
    refused(&room, "ann", abort(), "is over");
    room.check_fold();
}

#[test]
fn complete_names_the_first_open_step() {
    let room = Room::at_drain();
    refused(&room, "ann", Command::Complete, "`drain` is not done");
}

#[test]
fn a_hold_stops_what_goes_forward_and_nothing_that_goes_back() {
    let mut room = Room::proposed();
    room.must("cho", hold());
    assert!(room.state.proposal.is_none());
    refused(&room, "ann", propose("drain"), "held by `cho`");
    room.must("ann", stop("drain"));
    room.must("ann", retry("drain"));
    refused(&room, "ann", start("drain"), "held by `cho`");
    room.must("bob", release());
    refused(&room, "bob", release(), "nothing is held");
    room.must("ann", start("drain"));
    room.check_fold();
}

#[test]
fn a_release_over_a_bad_guard_needs_a_reason() {
    let mut room = Room::at_drain();
    room.must("ann", hold());
    room.verdict(Verdict::Unknown(Unknown::Stale));
    refused(
        &room,
        "ann",
        release(),
        "`error ratio` is not known to be good",
    );
    let reason = "exporter is being replaced".to_owned();
    room.must("ann", Command::Release { reason });
}

#[test]
fn the_proposer_never_confirms_from_any_terminal() {
    let mut room = Room::proposed();
    for terminal in 10..14 {
        room.attach(terminal, "ann");
        assert!(room.confirm("ann").is_err());
    }
    assert_eq!(recorded(&room), 4);
    let refusal = room.confirm("ann").expect_err("refused");
    assert_eq!(
        refusal.reason,
        "step 2.1 `drain` needs a second person; `ann` proposed it and cannot confirm it too"
    );
    assert!(refusal.hint.contains("attached to `db`"), "{refusal:?}");
    assert!(
        room.state
            .proposal
            .as_ref()
            .expect("open")
            .confirms
            .is_empty()
    );
    room.check_fold();
}

#[test]
fn root_and_shared_accounts_work_but_never_propose_confirm_or_go() {
    let mut room = Room::at_drain();
    room.must("root", start("drain"));
    room.exit(0);
    room.open_gate();
    for who in ["root", "shared"] {
        let refusal = room.ask(who, propose("drain")).expect_err("refused");
        assert!(refusal.reason.contains("nobody's identity"), "{refusal}");
        assert!(refusal.hint.contains("one person alone"));
    }
    room.propose("ann", "drain").expect("proposed");
    assert!(room.confirm("root").is_err());
    assert!(room.confirm("shared").is_err());
    refused(&room, "root", reject("drain"), "nobody's identity");
    room.confirm("bob").expect("confirmed");
    refused(&room, "root", go("drain"), "nobody's identity");
    assert_eq!(recorded(&room), 4);
}

#[test]
fn uid_zero_is_nobody_even_with_a_name() {
    let mut room = Room::proposed();
    let bob_as_root = Actor::Person {
        id: person("bob"),
        via: Via::Uid(0),
    };
    let statement = room.statement("bob");
    let command = Command::Confirm { statement };
    let decision = decide(&room.state, &bob_as_root, &command, room.now, &room.world);
    assert!(decision.is_err());
    room.settle();
    assert_eq!(
        room.state.proposal.as_ref().map(|p| p.confirms.len()),
        Some(0)
    );
}

#[test]
fn demo_people_count_in_a_demo_alone() {
    let mut room = Room::proposed();
    let demo = Actor::Person {
        id: person("bob"),
        via: Via::Demo,
    };
    let statement = room.statement("bob");
    let command = Command::Confirm { statement };
    let at = |room: &Room| decide(&room.state, &demo, &command, room.now, &room.world);
    let refused = at(&room).expect_err("not in this session");
    assert!(refused.refusal.reason.contains("only look"));
    let mut genesis = (*room.state.genesis).clone();
    genesis.mode = Mode::Demo;
    room.state.genesis = std::sync::Arc::new(genesis);
    assert!(at(&room).is_ok());
}

#[test]
fn roles_decide_who_may_do_what() {
    let mut room = Room::proposed();
    room.world.roster = named(&[
        ("ann", OPERATOR),
        ("bob", APPROVER),
        ("cho", Roles::OBSERVER),
    ]);
    refused(&room, "cho", hold(), "only look");
    refused(&room, "dan", hold(), "only look");
    refused(&room, "bob", cancel("drain"), "role operator");
    refused(&room, "ann", reject("drain"), "role approver");
    room.confirm("bob").expect("confirmed");
    room.must("bob", hold());
}

#[test]
fn a_step_that_needs_more_people_than_there_are_cannot_be_proposed() {
    let mut room = Room::at_proposal();
    room.world.roster = named(&[("ann", Roles::BOTH), ("bob", OPERATOR)]);
    refused(
        &room,
        "ann",
        propose("drain"),
        "names 0 with the role approver",
    );
    room.world.roster = named(&[("ann", Roles::BOTH), ("bob", APPROVER)]);
    room.must("ann", propose("drain"));
}

#[test]
fn every_field_of_the_statement_changed_alone_is_refused() {
    let room = Room::proposed();
    let good = room.statement("bob");
    let lines: Vec<&str> = good.lines().collect();
    assert_eq!(lines.len(), 18);
    for place in 0..lines.len() {
        let mut changed: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
        let line = &mut changed[place];
        let last = line.pop().expect("not empty");
        line.push(if last == '1' { '2' } else { '1' });
        let statement = changed.join("\n") + "\n";
        refused(
            &room,
            "bob",
            Command::Confirm { statement },
            "not about what is on the table",
        );
    }
    for cut in [good.trim_end(), "", "warroom-confirm@v1\n"] {
        let statement = cut.to_owned();
        refused(&room, "bob", Command::Confirm { statement }, "not about");
    }
    let of_cho = room.statement("cho");
    let statement = of_cho;
    refused(&room, "bob", Command::Confirm { statement }, "not about");
    let mut room = room;
    room.must("bob", Command::Confirm { statement: good });
}

#[test]
fn a_head_from_before_the_proposal_is_refused_and_a_later_one_is_not() {
    let mut room = Room::at_proposal();
    let before = room.state.head;
    room.must("ann", propose("drain"));
    let open = room.state.proposal.clone().expect("open");
    let old = crate::domain::confirm::statement::confirm_statement(
        &room.state,
        &open,
        &person("bob"),
        before,
    );
    let statement = old.expect("proposed").expect("printable");
    refused(&room, "bob", Command::Confirm { statement }, "not about");
    let seen = room.statement("bob");
    let text = "looks fine".to_owned();
    room.must("cho", Command::Note { step: None, text });
    room.must("bob", Command::Confirm { statement: seen });
    assert!(
        room.state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_some())
    );
}

#[test]
fn a_statement_of_a_closed_proposal_is_worth_nothing_to_the_next_one() {
    let mut room = Room::proposed();
    let statement = room.statement("bob");
    room.must("bob", reject("drain"));
    refused(
        &room,
        "bob",
        Command::Confirm {
            statement: statement.clone(),
        },
        "no proposal is open",
    );
    room.must("ann", propose("drain"));
    let terms = &room.state.proposal.as_ref().expect("open").terms;
    assert_eq!(terms.attempt.0, 2);
    refused(&room, "bob", Command::Confirm { statement }, "not about");
    room.check_fold();
}

type Change = fn(&mut Room);

#[test]
fn go_is_judged_on_what_is_read_now() {
    let room = Room::armed();
    refused(&room, "bob", go("drain"), "names `ann` as its executor");
    let changed = |change: fn(&mut Room)| {
        let mut room = room.clone();
        change(&mut room);
        room
    };
    let cases: [(Change, &str); 8] = [
        (|r| r.world.policy = None, "policy files changed"),
        (|r| r.world.runbook = None, "runbook file changed"),
        (|r| r.world.look = Look::NotLooked, "could not be compared"),
        (
            |r| r.world.roster = named(&[("ann", Roles::BOTH)]),
            "still have their role",
        ),
        (|r| r.now = r.now.plus(Duration::from_secs(301)), "expired"),
        (
            |r| r.now.wall = r.now.wall.plus(Duration::from_secs(3)),
            "clock stepped",
        ),
        (
            |r| r.now.wall = r.now.wall.minus(Duration::from_secs(3)),
            "clock stepped",
        ),
        (
            |r| {
                r.state.rules.clear();
            },
            "not known to be good",
        ),
    ];
    for (change, words) in cases {
        refused(&changed(change), "ann", go("drain"), words);
    }
    let mut other = room.clone();
    let what = "exe-sha256".to_owned();
    other.world.look = Look::Changed { what };
    let refusal = other.ask("ann", go("drain")).expect_err("it changed");
    assert!(refusal.reason.ends_with("changed since review: exe-sha256"));
    assert!(other.state.proposal.is_none());
    let mut room = room;
    room.must("ann", go("drain"));
    assert!(room.running().is_some());
    refused(&room, "ann", go("drain"), "no proposal is open");
    room.check_fold();
}

#[test]
fn a_destructive_step_runs_from_start_to_done() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    assert_eq!(
        room.status("drain"),
        &StepStatus::Active {
            stage: Stage::Running
        }
    );
    assert_eq!(room.state.spent.len(), 1);
    room.exit(0);
    assert_eq!(
        room.status("drain"),
        &StepStatus::Active {
            stage: Stage::Verifying
        }
    );
    room.exit(0);
    assert!(room.status("drain").is_passed());
    room.check_fold();
}

#[test]
fn hand_work_is_confirmed_by_two_and_done_by_its_executor_alone() {
    let mut room = Room::at_drain();
    room.must("ann", skip("drain"));
    refused(&room, "ann", mark_done("wipe"), "blocks to run");
    room.must("ann", start("wipe"));
    room.must("ann", propose("wipe"));
    room.confirm("bob").expect("confirmed");
    assert!(
        room.state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_none())
    );
    refused(&room, "ann", go("wipe"), "1 of 2 people");
    room.confirm("cho").expect("confirmed");
    room.must("ann", go("wipe"));
    refused(&room, "bob", mark_done("wipe"), "`ann` does it");
    room.must("ann", mark_done("wipe"));
    assert!(room.status("wipe").is_passed());
    room.check_fold();
}

#[test]
fn an_unknown_destructive_outcome_needs_two_people_who_agree() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.lose();
    assert_eq!(room.status("drain"), &StepStatus::Unknown);
    refused(&room, "ann", start("part-b"), "nobody knows");
    refused(&room, "ann", retry("drain"), "nobody knows");
    refused(&room, "ann", skip("drain"), "nobody knows");
    refused(
        &room,
        "root",
        resolve("drain", Finding::Ran),
        "nobody's identity",
    );
    room.must("ann", resolve("drain", Finding::Ran));
    refused(
        &room,
        "ann",
        resolve("drain", Finding::Ran),
        "said so already",
    );
    room.must("bob", resolve("drain", Finding::Partial));
    assert_eq!(room.status("drain"), &StepStatus::Unknown);
    room.must("bob", resolve("drain", Finding::Ran));
    assert_eq!(
        room.status("drain"),
        &StepStatus::Active {
            stage: Stage::Verifying
        }
    );
    refused(&room, "cho", resolve("drain", Finding::Ran), "is known");
    room.check_fold();
}

#[test]
fn an_unknown_harmless_outcome_needs_one() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.lose();
    room.must("root", resolve("drain", Finding::DidNotRun));
    assert_eq!(
        room.status("drain"),
        &StepStatus::Failed {
            why: "did not run (found by people)".to_owned()
        }
    );
    room.must("ann", retry("drain"));
    room.check_fold();
}

#[test]
fn past_the_point_of_no_return_nothing_destructive_is_proposed() {
    let mut plan = plan();
    let end = Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(3600));
    plan.window = Some(Window {
        start: Timestamp::from_millis(1_699_999_000_000),
        end,
        buffer: Duration::from_secs(600),
    });
    plan.steps[1].expected = Some(Duration::from_secs(60));
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    room.exit(0);
    room.exit(0);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    assert_eq!(
        crate::domain::countdown::point_of_no_return(&room.state),
        Some(end.minus(Duration::from_secs(660)))
    );
    room.wait(Duration::from_secs(3600 - 660));
    refused(&room, "ann", propose("drain"), "point of no return");
}

#[test]
fn an_abort_stops_what_runs_and_ends_everything() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.must("bob", abort());
    assert!(room.state.running().is_some_and(|r| r.stop_asked));
    room.end(Outcome::Stopped);
    assert!(matches!(room.status("drain"), StepStatus::Failed { .. }));
    refused(&room, "ann", start("drain"), "is over");
    refused(&room, "ann", hold(), "is over");
    room.check_fold();
}

#[test]
fn texts_are_bounded() {
    let room = Room::at_drain();
    let reason = "x".repeat(REASON_BYTES_MAX + 1);
    refused(
        &room,
        "ann",
        Command::Hold { reason },
        "longer than 500 bytes",
    );
    let text = "x".repeat(NOTE_BYTES_MAX + 1);
    refused(
        &room,
        "ann",
        Command::Note { step: None, text },
        "1 to 4000 bytes",
    );
}

#[test]
fn a_plan_that_is_not_the_sessions_own_is_not_put_before_anybody() {
    let room = Room::at_proposal();
    let good = render_plan(&room.state, &id("drain"));
    for (from, to) in [
        ("attempt: 1", "attempt: 2"),
        ("host: bastion", "host: laptop"),
        ("argv.2: drain", "argv.2: drain -f"),
        ("risk: destructive", "risk: change"),
        ("step: drain", "step: wipe"),
    ] {
        let prepared = Prepared {
            plan: good.replacen(from, to, 1),
            nonce: crate::domain::id::Nonce::from_bytes([9; 16]),
            executor: person("ann"),
        };
        assert_ne!(prepared.plan, good, "{from} is in the plan");
        let decision = open_proposal(
            &room.state,
            &actor("ann"),
            &id("drain"),
            &prepared,
            room.now,
            &room.world,
        );
        let refused = decision.expect_err(to);
        assert!(refused.refusal.reason.contains("as the session knows it"));
    }
}

/// Each pair of an event and a place of one destructive attempt (`TWO_PERSON` 4.2): allowed or not.
#[test]
fn every_event_in_every_state_of_an_attempt() {
    let running = || {
        let mut room = Room::armed();
        room.must("ann", go("drain"));
        room
    };
    let unknown = || {
        let mut room = running();
        room.lose();
        room
    };
    let failed = || {
        let mut room = running();
        room.exit(1);
        room
    };
    let states: [(&str, Room); 6] = [
        ("none", Room::at_proposal()),
        ("proposed", Room::proposed()),
        ("armed", Room::armed()),
        ("running", running()),
        ("unknown", unknown()),
        ("failed", failed()),
    ];
    let events: [(&str, [bool; 6]); 8] = [
        ("propose", [true, false, false, false, false, false]),
        ("confirm", [false, true, false, false, false, false]),
        ("reject", [false, true, true, false, false, false]),
        ("cancel", [false, true, true, false, false, false]),
        ("go", [false, false, true, false, false, false]),
        ("stop", [true, true, true, true, false, false]),
        ("resolve", [false, false, false, false, true, false]),
        ("retry", [false, false, false, false, false, true]),
    ];
    for (event, allowed) in events {
        for ((name, room), may) in states.iter().zip(allowed) {
            let mut room = room.clone();
            let before = room.state.phase;
            let result = match event {
                "propose" => room.ask("ann", propose("drain")),
                "confirm" => room.confirm("bob"),
                "reject" => room.ask("bob", reject("drain")),
                "cancel" => room.ask("ann", cancel("drain")),
                "go" => room.ask("ann", go("drain")),
                "stop" => room.ask("bob", stop("drain")),
                "resolve" => room.ask("bob", resolve("drain", Finding::Ran)),
                _ => room.ask("ann", retry("drain")),
            };
            assert_eq!(result.is_ok(), may, "{event} in {name}: {result:?}");
            assert_eq!(room.state.phase, before);
            room.check_fold();
        }
    }
}
