//! Propose, confirm and go: who may, and on what.

use super::*;
use crate::domain::command::Evidence;

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
    let command = Command::confirm(statement);
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
    let statement = room.statement_by(&demo);
    let command = Command::confirm(statement);
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
    refused(
        &room,
        "ann",
        Command::confirm(room.statement("ann")),
        "second person",
    );
    refused(&room, "cho", reject("drain"), "only look");
    room.confirm("bob").expect("confirmed");
    room.must("bob", hold());
}

#[test]
fn a_step_that_needs_more_people_than_there_are_cannot_be_proposed() {
    let mut room = Room::at_proposal();
    room.world.roster = named(&[("ann", Roles::BOTH), ("bob", OPERATOR)]);
    refused(&room, "ann", propose("drain"), "the people file has 0");
    room.world.roster = named(&[("ann", Roles::BOTH), ("bob", APPROVER)]);
    room.must("ann", propose("drain"));
}

#[test]
fn every_field_of_the_statement_changed_alone_is_refused() {
    let room = Room::proposed();
    let good = room.statement("bob");
    let by_code = Actor::Person {
        id: person("bob"),
        via: Via::Totp { step: 7 },
    };
    let stated = room.statement_by(&by_code);
    // By the account the statement has one line more, which says so.
    for (good, who, count) in [(&good, actor("bob"), 19), (&stated, by_code, 18)] {
        let lines: Vec<&str> = good.lines().collect();
        assert_eq!(lines.len(), count);
        for place in 0..lines.len() {
            let mut changed: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
            let line = &mut changed[place];
            let last = line.pop().expect("not empty");
            line.push(if last == '1' { '2' } else { '1' });
            let evidence = match who {
                Actor::Person {
                    via: Via::Uid(_), ..
                } => Evidence::Account,
                _ => Evidence::Code {
                    code: String::new(),
                },
            };
            let command = Command::Confirm {
                statement: changed.join("\n") + "\n",
                evidence,
            };
            let refused = decide(&room.state, &who, &command, room.now, &room.world);
            let why = refused.expect_err("changed").refusal.reason;
            assert!(why.contains("not about what is on the table"), "{why}");
        }
    }
    for cut in [good.trim_end(), "", "warroom-confirm@v1\n"] {
        let statement = cut.to_owned();
        refused(&room, "bob", Command::confirm(statement), "not about");
    }
    let of_cho = room.statement("cho");
    let statement = of_cho;
    refused(&room, "bob", Command::confirm(statement), "not about");
    let mut room = room;
    room.must("bob", Command::confirm(good));
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
    refused(&room, "bob", Command::confirm(statement), "not about");
    let seen = room.statement("bob");
    let text = "looks fine".to_owned();
    room.must("cho", Command::Note { step: None, text });
    room.must("bob", Command::confirm(seen));
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
        Command::confirm(statement.clone()),
        "no proposal is open",
    );
    room.must("ann", propose("drain"));
    let terms = &room.state.proposal.as_ref().expect("open").terms;
    assert_eq!(terms.attempt.0, 2);
    refused(&room, "bob", Command::confirm(statement), "not about");
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
    let cases: [(Change, &str); 9] = [
        (
            |r| r.world.policy = Some(Digest::of(b"other")),
            "policy files changed",
        ),
        (|r| r.world.policy = None, "people file cannot be read"),
        (|r| r.world.runbook = None, "runbook file changed"),
        (|r| r.world.look = Look::NotLooked, "could not be compared"),
        (
            |r| r.world.roster = named(&[("ann", Roles::BOTH)]),
            "still count",
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
    refused(&room, "ann", go("drain"), "it runs already");
    room.check_fold();
}

#[test]
fn go_past_the_point_of_no_return_is_refused_although_it_was_proposed_before() {
    let mut plan = plan();
    let end = Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(3600));
    plan.window = Some(Window {
        start: Timestamp::from_millis(1_699_999_000_000),
        end,
        buffer: Duration::from_secs(600),
    });
    plan.steps[1].expected = Some(Duration::from_secs(60));
    let mut room = Room::at_drain_of(plan);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    room.wait(Duration::from_secs(2900));
    room.must("ann", propose("drain"));
    room.confirm("bob").expect("confirmed");
    room.wait(Duration::from_secs(50));
    refused(&room, "ann", go("drain"), "point of no return");
}

#[test]
fn nothing_destructive_is_proposed_or_run_before_the_announced_window() {
    let mut plan = plan();
    let start_of_window = Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(600));
    plan.window = Some(Window {
        start: start_of_window,
        end: start_of_window.plus(Duration::from_secs(7200)),
        buffer: Duration::ZERO,
    });
    let window = plan.window.take();
    let mut room = Room::at_drain_of(plan);
    // A wall clock that was ahead at the beginning and has been set right since.
    let mut genesis = (*room.state.genesis).clone();
    genesis.plan.window = window;
    room.state.genesis = std::sync::Arc::new(genesis);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    refused(
        &room,
        "ann",
        propose("drain"),
        "the announced window has not begun",
    );
    let refusal = room.ask("ann", propose("drain")).expect_err("too early");
    assert_eq!(
        refusal.hint,
        "wait until 2023-11-14T22:23:20Z (UTC); what is not destructive can go on"
    );
    room.wait(Duration::from_secs(599));
    refused(&room, "ann", propose("drain"), "it does in 1s");
    room.wait(Duration::from_secs(1));
    room.must("ann", propose("drain"));
    room.confirm("bob").expect("confirmed");
    // A wall clock that is set back between the confirm and go.
    let mut early = room.clone();
    early.now.wall = start_of_window.minus(Duration::from_secs(1));
    refused(&early, "ann", go("drain"), "window has not begun");
    room.must("ann", go("drain"));
}

#[test]
fn a_go_pressed_for_one_attempt_runs_no_other() {
    let mut room = Room::armed();
    refused(
        &room,
        "ann",
        go_for("drain", 2),
        "attempt 1 is on the table",
    );
    // The attempt it was pressed for is rejected, another is proposed and confirmed before the key arrives.
    room.must("bob", cancel("drain"));
    room.must("ann", propose("drain"));
    room.confirm("bob").expect("confirmed");
    refused(&room, "ann", go("drain"), "pressed for attempt 1");
    assert!(room.ask("ann", go("drain")).is_err());
    assert_eq!(recorded(&room), 1);
    room.must("ann", go_for("drain", 2));
    room.check_fold();
}
