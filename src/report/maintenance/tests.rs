//! Reports of maintenances that happened in memory.

mod amended;
mod spent;

use super::markdown::{escape, render};
use super::*;
use crate::domain::command::Command;
use crate::domain::confirm::certificate::session_statement;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::fact::{
    Actor, Breakglass, COUNTER_NOTICE, Checked, CloseCause, Confirmed, ExecKey, Fact, Finding,
    GlassEvent, Mode, Page, Signed, Touch, Via,
};
use crate::domain::fixture::{self, Room, actor, cancel, go, go_for, hold, id, person, reject};
use crate::domain::world::{Roles, Roster};
use pulldown_cmark::{Event, Options, Parser, TagEnd};
use std::sync::Arc;
use std::time::Duration;

fn report_of(room: &Room) -> Report {
    let mut gathering = Gathering::default();
    for record in &room.records {
        gathering.take(record).expect("it begins as a journal does");
    }
    gathering.finish().expect("there are facts")
}

fn note(room: &mut Room, step: Option<&str>, text: &str) {
    let step = step.map(id);
    let text = text.to_owned();
    room.must("cho", Command::Note { step, text });
}

/// A night with everything in it: a reject, a mismatch, a cancel, a confirm, a failure, a second try, a way back.
fn night() -> Room {
    let mut room = Room::at_proposal();
    room.propose("ann", "drain").expect("proposed");
    room.wait(Duration::from_secs(40));
    room.must("bob", reject("drain"));
    room.propose("ann", "drain").expect("proposed");
    room.must("ann", cancel("drain"));
    room.propose("ann", "drain").expect("proposed");
    room.ask("ann", Command::confirm(room.statement("ann")))
        .expect_err("her own");
    room.wait(Duration::from_secs(7));
    let checked = Checked {
        step: id("drain"),
        attempt: room.state.proposal.as_ref().expect("open").terms.attempt,
        component: "rack-07".to_owned(),
        remaining: Some(2),
        dwell_ms: 6_400,
        matches: true,
        claimed: None,
    };
    room.record(&actor("bob"), Fact::StepChecked(checked));
    room.wait(Duration::from_secs(21));
    room.confirm("bob").expect("confirmed");
    let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
    room.must("ann", go_for("drain", attempt.0));
    room.wait(Duration::from_secs(12));
    room.exit(1);
    note(
        &mut room,
        Some("drain"),
        "slot is busy, asked the data team",
    );
    note(
        &mut room,
        None,
        "<script>alert(1)</script> | [x](http://evil) \u{1b}[2J `code`",
    );
    room.must("ann", hold());
    let reason = "the slot cannot be freed".to_owned();
    room.must("cho", Command::Rollback { reason });
    while room.running().is_some() {
        room.wait(Duration::from_secs(3));
        room.exit(0);
    }
    room
}

#[test]
fn a_night_reads_as_it_was() {
    let report = report_of(&night());
    insta::assert_snapshot!("night", render(&report));
    insta::assert_snapshot!(
        "night-json",
        serde_json::to_string_pretty(&report).expect("JSON")
    );
}

#[test]
fn a_session_that_has_just_been_opened_has_a_report_too() {
    insta::assert_snapshot!("opened", render(&report_of(&Room::new())));
}

#[test]
fn what_a_reader_must_know_first_stands_on_top() {
    let first = |mode, allow_uid| mode_notices(mode, allow_uid).join(" ");
    assert_eq!(first(Mode::Enforced, false), "");
    assert!(first(Mode::Advisory, false).starts_with("ADVISORY: "));
    assert!(first(Mode::Advisory, true).contains("UID: the policy took accounts for people"));
    assert!(first(Mode::Demo, false).starts_with("DEMO: "));
    let mut plan = Room::new();
    let mut genesis = (*plan.state.genesis).clone();
    genesis.mode = Mode::Advisory;
    genesis.allow_uid = true;
    if let Fact::SessionOpened(opened) = &mut plan.records[0].fact {
        **opened = genesis;
    }
    let text = render(&report_of(&plan));
    let at = |what: &str| {
        text.find(what)
            .unwrap_or_else(|| panic!("no {what:?} in {text}"))
    };
    assert!(at("ADVISORY:") < at("| session |") && at("UID:") < at("| session |"));
    assert!(text.contains("**ADVISORY uid**"));
}

#[test]
fn what_cannot_have_happened_is_named_and_counts_nowhere() {
    let mut room = Room::proposed();
    // The proposer confirms, as no server would write it.
    let confirmed = Confirmed {
        step: id("drain"),
        signer: person("ann"),
        statement: room.statement("ann"),
        signature: String::new(),
    };
    let fact = Fact::StepConfirmed(confirmed);
    let forged = fixture::stamp(room.state.head.0.next(), room.now, actor("ann"), fact);
    room.records.push(forged);
    let report = report_of(&room);
    assert!(report.offers[0].confirms.is_empty());
    let text = render(&report);
    assert!(
        text.contains("IMPOSSIBLE, and left out below: record"),
        "{text}"
    );
    assert!(text.contains("nobody confirmed"), "{text}");
}

#[test]
fn a_mismatch_says_what_was_expected_and_by_whom() {
    let mut room = Room::proposed();
    let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
    let checked = Checked {
        step: id("drain"),
        attempt,
        component: "rack-09".to_owned(),
        remaining: None,
        dwell_ms: 9_000,
        matches: false,
        claimed: None,
    };
    room.record(&actor("bob"), Fact::StepChecked(checked));
    let closed = Fact::ProposalClosed {
        step: id("drain"),
        attempt,
        why: CloseCause::Mismatch {
            person: person("bob"),
            said: "rack-09".to_owned(),
            proposed: "rack-07".to_owned(),
        },
    };
    room.record(&actor("bob"), closed);
    let text = render(&report_of(&room));
    assert!(
        text.contains("bob expected `rack-09` to be touched, after 9s of looking: **MISMATCH**")
    );
    assert!(text.contains("**closed** by bob: bob expected rack-09, and it is about rack-07"));
}

#[test]
fn an_unknown_outcome_and_what_people_found_are_both_there() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.lose();
    let text = render(&report_of(&room));
    assert!(
        text.contains("**UNKNOWN**: nobody has said how it ended"),
        "{text}"
    );
    for who in ["ann", "bob"] {
        let finding = Finding::Partial;
        let reason = "half of the rack is dark".to_owned();
        room.must(who, Command::resolve(id("drain"), finding, reason));
    }
    let text = render(&report_of(&room));
    assert!(text.contains("found by people: ran in part"), "{text}");
    assert!(text.contains("half of the rack is dark"), "{text}");
}

/// This person by a security key.
fn by_key(name: &str) -> Actor {
    Actor::Person {
        id: person(name),
        via: Via::Sshsig {
            key: format!("SHA256:{name}"),
            touch: Touch::Present,
            detached: false,
        },
    }
}

fn said(room: &mut Room, who: &Actor, statement: &str) {
    let signed = Signed {
        statement: statement.to_owned(),
        signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
    };
    room.record(who, Fact::StatementSigned(signed));
}

fn glass(room: &mut Room, who: &Actor, event: GlassEvent) {
    let fact = Breakglass {
        step: id("drain"),
        attempt: room.state.find(&id("drain")).expect("a step").now.attempt,
        event,
    };
    room.record(who, Fact::Breakglass(fact));
}

/// The drain is proposed; Ann may go alone, and everybody's key is theirs.
fn proposed() -> Room {
    let mut room = Room::proposed();
    let roles = |name: &str| Roles {
        breakglass: name == "ann",
        ..Roles::BOTH
    };
    let names = ["ann", "bob", "cho"];
    room.world.roster = Roster::Named(names.map(|n| (person(n), roles(n))).into());
    room.world.keys = names.map(|n| (format!("SHA256:{n}"), person(n))).into();
    room.world.rules = Arc::new(Rules {
        page_hook: Some(vec!["/usr/local/bin/page".to_owned()]),
        ..fixture::rules()
    });
    room
}

/// Ann has asked, somebody was paged, she has signed, and Bob has a checkpoint of it.
fn begin_alone(room: &mut Room) {
    let asked = GlassEvent::Asked {
        reason: "the primary loses writes | and nobody answers".to_owned(),
        guards: vec!["errors: no data".to_owned()],
    };
    glass(room, &actor("ann"), asked);
    glass(room, &Actor::Engine, GlassEvent::Paged { page: Page::Sent });
    let statement = "warroom-breakglass@v1\n";
    said(room, &by_key("ann"), statement);
    let begun = GlassEvent::Begun {
        wait_s: 60,
        code: Some(7),
        guards: Vec::new(),
        statement: Digest::of(statement.as_bytes()),
    };
    glass(room, &by_key("ann"), begun);
    let (seq, by) = (room.state.head.0, "bob".to_owned());
    glass(room, &Actor::Engine, GlassEvent::Witnessed { seq, by });
}

/// A proposal that Ann runs alone, whose review nobody has given yet.
fn alone() -> Room {
    let mut room = proposed();
    // The first time nobody could be paged, and it ended there.
    let reason = "nobody answers the phone tonight".to_owned();
    let guards = Vec::new();
    glass(
        &mut room,
        &actor("ann"),
        GlassEvent::Asked { reason, guards },
    );
    let why = "exit 1".to_owned();
    let page = Page::Down { why };
    glass(&mut room, &Actor::Engine, GlassEvent::Paged { page });
    let why = "PAGE NOT SENT: exit 1".to_owned();
    glass(&mut room, &Actor::Engine, GlassEvent::Ended { why });
    begin_alone(&mut room);
    room.now = room.now.plus(Duration::from_secs(60));
    glass(&mut room, &Actor::Engine, GlassEvent::Armed);
    let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
    room.must("ann", go_for("drain", attempt.0));
    room.exit(0);
    room.exit(0);
    room
}

#[test]
fn one_person_alone_has_a_section_of_its_own_and_a_review_that_is_owed_stands_on_top() {
    let mut room = alone();
    let report = report_of(&room);
    insta::assert_snapshot!("alone", render(&report));
    insta::assert_snapshot!(
        "alone-json",
        serde_json::to_string_pretty(&report.alone).expect("JSON")
    );
    assert!(
        report
            .notices
            .iter()
            .any(|n| n.starts_with("REVIEW OWED: ann ran drain (attempt 1)"))
    );
    assert!(report.offers[0].is_alone && report.alone[1].is_review_owed);
    assert_eq!(report.alone[0].run, None);
    said(&mut room, &by_key("bob"), "warroom-resolve@v1\n");
    let note = "looked at the broker".to_owned();
    glass(&mut room, &by_key("bob"), GlassEvent::Reviewed { note });
    let report = report_of(&room);
    let text = render(&report);
    assert!(!text.contains("REVIEW OWED"), "{text}");
    assert!(text.contains("run alone, and reviewed by bob"), "{text}");
    assert!(
        text.contains("REVIEWED what was done: looked at the broker"),
        "{text}"
    );
    assert_eq!(report.alone[1].reviewer.as_deref(), Some("bob"));
}

#[test]
fn a_veto_and_a_second_person_end_what_somebody_wanted_alone() {
    let mut room = proposed();
    begin_alone(&mut room);
    glass(&mut room, &actor("cho"), GlassEvent::Vetoed);
    let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
    let vetoed = Fact::ProposalClosed {
        step: id("drain"),
        attempt,
        why: CloseCause::Vetoed {
            by: "cho".to_owned(),
        },
    };
    room.record(&Actor::Engine, vetoed);
    room.propose("ann", "drain").expect("again");
    begin_alone(&mut room);
    room.confirm("bob").expect("he came");
    let report = report_of(&room);
    let events = |n: usize| -> Vec<&str> { report.alone[n].way.iter().map(|w| w.event).collect() };
    let begun = ["asked", "paged", "begun", "witnessed"];
    assert_eq!(events(0), [&begun[..], &["vetoed", "closed"]].concat());
    assert_eq!(events(1), [&begun[..], &["second"]].concat());
    let text = render(&report);
    assert!(text.contains("cho (`uid:1000`): VETOED it"), "{text}");
    assert!(text.contains("nobody went alone"), "{text}");
}

#[test]
fn the_reason_of_a_no_stands_with_the_no_and_says_whether_it_is_signed() {
    for signs in [false, true] {
        let mut room = Room::proposed();
        let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
        let bare = CloseCause::Rejected {
            reason: String::new(),
        };
        let closed = Fact::ProposalClosed {
            step: id("drain"),
            attempt,
            why: bare,
        };
        room.record(&actor("bob"), closed);
        room.now = room.now.plus(Duration::from_secs(30));
        let bob = if signs { by_key("bob") } else { actor("bob") };
        if signs {
            said(&mut room, &bob, "warroom-reject@v1\n");
        }
        let reason = "that is the wrong rack".to_owned();
        let explained = Fact::RejectExplained {
            step: id("drain"),
            attempt,
            reason,
        };
        room.record(&bob, explained);
        let report = report_of(&room);
        let text = render(&report);
        let signed = if signs { ", signed" } else { "" };
        let line = format!(
            "**closed** by bob{signed}: rejected: that is the wrong rack (the reason came at "
        );
        assert!(text.contains(&line), "{text}");
        let json = serde_json::to_value(&report.offers[0].end).expect("JSON");
        assert_eq!(
            (&json["cause"], &json["is_signed"]),
            (&"rejected".into(), &signs.into())
        );
    }
}

#[test]
fn a_claim_an_account_and_the_lock_scope_are_named_as_what_they_are() {
    let mut room = Room::proposed();
    let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
    let checked = Checked {
        step: id("drain"),
        attempt,
        component: "rack-07".to_owned(),
        remaining: None,
        dwell_ms: 9_000,
        matches: true,
        claimed: Some(person("bob")),
    };
    room.record(&Actor::Account { uid: 0 }, Fact::StepChecked(checked));
    room.now = room.now.plus(Duration::from_secs(5));
    room.confirm("bob").expect("confirmed");
    let what = "step 2.1 `drain` of session `other` runs (`cho`)".to_owned();
    let closed = Fact::ProposalClosed {
        step: id("drain"),
        attempt,
        why: CloseCause::Scope { what },
    };
    room.record(&Actor::Engine, closed);
    let report = report_of(&room);
    assert_eq!(
        report.offers[0].confirms[0].dwell_ms, 5_000,
        "since his answer"
    );
    assert!(report.offers[0].confirms[0].is_account);
    let text = render(&report);
    for part in [
        "somebody in `uid-0`, as bob (not proved yet), expected `rack-07`",
        "**confirmed** by bob (**by an account alone, which proves no second person**, `uid:1000`)",
        "**closed** by warroom: by the lock scope: step 2.1",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let json = serde_json::to_value(&report.offers[0].end).expect("JSON");
    assert_eq!(json["cause"], "scope");
}

#[test]
fn who_took_over_and_what_the_runner_was_asked_for_are_told() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.record(&actor("bob"), Fact::TakenOver { step: id("drain") });
    room.exit(1);
    let reason = "the slot cannot be freed".to_owned();
    room.must("cho", Command::Rollback { reason });
    let text = render(&report_of(&room));
    assert!(text.contains("bob: took over watching 2.1 drain"), "{text}");
    assert!(!text.contains("the runner was asked"), "{text}");
    if let Fact::SessionOpened(opened) = &mut room.records[0].fact {
        opened.mode = Mode::Enforced;
    }
    let key = ExecKey {
        step: id("drain"),
        attempt: AttemptNo(1),
        block: ExecKey::UNDO,
        try_no: 1,
    };
    let text = render(&report_of(&room));
    let line = format!("the runner was asked for the way back of 2.1 drain ({key})");
    assert!(text.contains(&escape(&line)), "{text}");
}

#[test]
fn a_key_that_may_have_been_copied_stands_on_top_when_the_program_says_so() {
    let mut room = Room::new();
    let text =
        format!("{COUNTER_NOTICE}, 9 before and 8 now: SHA256:x of `bob` may have been copied");
    note(&mut room, None, &text);
    let is_alarm = |room: &Room| {
        let notices = report_of(room).notices;
        notices.iter().any(|n| n.starts_with("KEY: THE COUNTER"))
    };
    assert!(!is_alarm(&room), "anybody can write a note");
    let fact = Fact::NoteAdded { step: None, text };
    room.record(&Actor::Engine, fact);
    assert!(is_alarm(&room));
}

#[test]
fn a_certificate_of_the_sessions_key_is_named_and_not_judged() {
    let mut room = Room::new();
    let shown = |room: &Room| render(&report_of(room));
    assert!(shown(&room).contains("| session's key | none: nothing signed this journal |"));
    let mut genesis = (*room.state.genesis).clone();
    genesis.session_key = Some("ssh-ed25519 AAAA".to_owned());
    let issued = Timestamp::parse("2026-11-22T04:10:31Z").expect("valid");
    let statement = session_statement(&genesis, issued)
        .expect("a key")
        .expect("short");
    let put = |room: &mut Room, genesis: &crate::domain::fact::Genesis| {
        if let Fact::SessionOpened(opened) = &mut room.records[0].fact {
            **opened = genesis.clone();
        }
    };
    put(&mut room, &genesis);
    assert!(shown(&room).contains("`ssh-ed25519 AAAA`, not certified, first sight is believed"));
    genesis.certificate = Some(Signed {
        statement,
        signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
    });
    put(&mut room, &genesis);
    assert!(shown(&room).contains("certified at 2026-11-22 04:10:31; `warroom verify` judges"));
    genesis.host = "another".to_owned();
    put(&mut room, &genesis);
    assert!(shown(&room).contains("**its certificate is about something else**"));
}

#[test]
fn lists_have_an_end_and_say_so() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    let before = room.state.head.0.0;
    let text = "again".to_owned();
    let fact = Fact::NoteAdded { step: None, text };
    let mut gathering = Gathering::default();
    for record in &room.records {
        gathering.take(record).expect("good");
    }
    for n in 1..=ENTRIES_MAX as u64 + 3 {
        let seq = Seq(before + n);
        let record = fixture::stamp(seq, room.now, actor("cho"), fact.clone());
        gathering.take(&record).expect("good");
    }
    let report = gathering.finish().expect("facts");
    assert_eq!((report.notes.len(), report.left_out), (ENTRIES_MAX, 3));
    assert!(
        report
            .notices
            .iter()
            .any(|n| n.starts_with("CUT: 3 entries"))
    );
}

/// The text that a reader of the rendered Markdown sees, and what else there is.
fn seen(markdown: &str) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut more = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Text(part) => text.push_str(&part),
            Event::Start(pulldown_cmark::Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            other => more.push(format!("{other:?}")),
        }
    }
    (text, more)
}

proptest::proptest! {
    #[test]
    fn text_of_others_stays_text(hostile in "[ -~\u{1b}\u{202e}\n\t\u{e9}]{0,60}") {
        let (text, more) = seen(&format!("x {} x", escape(&hostile)));
        proptest::prop_assert_eq!(more, Vec::<String>::new());
        let clean = crate::display::one_line(&hostile);
        proptest::prop_assert_eq!(text, format!("x {clean} x"));
    }
}

#[test]
fn no_sequence_reaches_a_terminal_and_no_table_breaks() {
    let text = render(&report_of(&night()));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    assert!(!text.contains("<script>"), "{text}");
    let steps = text.split("## Steps").nth(1).expect("steps");
    let steps = steps.split("## Two").next().expect("an end");
    let cells = |line: &&str| line.replace("\\|", "").matches('|').count();
    assert!(
        steps
            .lines()
            .filter(|l| l.starts_with('|'))
            .map(|l| cells(&l))
            .all(|n| n == 9)
    );
}
