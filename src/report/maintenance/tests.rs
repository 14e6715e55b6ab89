//! Reports of maintenances that happened in memory.

use super::markdown::{escape, render};
use super::*;
use crate::domain::command::Command;
use crate::domain::fact::{Checked, CloseCause, Confirmed, Fact, Finding};
use crate::domain::fixture::{self, Room, actor, cancel, go, go_for, hold, id, person, reject};
use pulldown_cmark::{Event, Options, Parser, TagEnd};
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
            .all(|n| n == 8)
    );
}
