//! Pages, mutes, notes: asked for, shown before they are sent, and shown as what came of them.

use super::*;
use crate::domain::command::Command;
use crate::domain::write::{Deed, Urgency};
use crate::ui::fixtures::connector;

const SMALL: (u16, u16) = (80, 24);
const MEDIUM: (u16, u16) = (120, 40);

/// The screen after these keys, at each size.
fn check(name: &str, story: fn() -> Story, keys: &[&str], sizes: &[(u16, u16)]) {
    for size in sizes {
        let mut seat = Seat::at(story(), *size);
        seat.keys(keys);
        let shot = format!("{name}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(shot, seat.text());
    }
}

fn equipped() -> Story {
    Story::running("bob").equipped()
}

fn deeds(requests: &[Request]) -> Vec<(String, Deed)> {
    let deed = |request: &Request| match request {
        Request::Ask(Command::Write { connector, deed }) => {
            Some((connector.to_string(), deed.clone()))
        }
        _ => None,
    };
    requests.iter().filter_map(deed).collect()
}

#[test]
fn alerts_on_call_and_targets_are_those_of_the_work() {
    let to_duty = ["tab", "tab", "tab"];
    check("duty", equipped, &to_duty, &[SMALL]);
    check("war_room_equipped", equipped, &[], &[MEDIUM, (200, 50)]);
    let zoomed = ["tab", "tab", "tab", "z"];
    check("duty_zoomed", equipped, &zoomed, &[SMALL]);
    check("components", equipped, &["tab", "tab"], &[SMALL]);
}

#[test]
fn what_came_of_writes_is_on_the_timeline_and_what_is_not_proven_in_the_war_room() {
    check("writes", Story::wrote, &["w"], &[SMALL, MEDIUM]);
    check("writes_zoomed", Story::wrote, &["w", "z"], &[SMALL]);
    check("writes_none", equipped, &["w"], &[SMALL]);
    let mut seat = Seat::at(Story::wrote(), SMALL);
    seat.keys(&["tab", "tab", "tab", "z"]);
    let text = seat.text();
    assert!(text.contains("accepted, NOT PROVEN page"), "{text}");
    assert!(!text.contains("done mute"), "{text}");
}

#[test]
fn a_page_says_who_is_woken_and_is_sent_from_its_last_line() {
    check("page_by_which", equipped, &["p"], &[SMALL]);
    check("page", equipped, &["p", "down", "enter"], &[SMALL, MEDIUM]);
    let mut seat = Seat::at(equipped(), SMALL);
    let keys = ["p", "down", "enter", "enter", "enter", "enter", "enter"];
    assert_eq!(deeds(&seat.keys(&keys)), [], "a page needs a text");
    assert!(seat.text().contains("this must say something"));
    assert_eq!(deeds(&seat.types("replica is gone")), []);
    seat.keys(&["enter", "enter", "enter", "space"]);
    let deed = Deed::Page {
        summary: "replica is gone".to_owned(),
        details: String::new(),
        component: String::new(),
        urgency: Urgency::Low,
    };
    let asked = deeds(&seat.keys(&["enter"]));
    assert_eq!(asked, [("pager".to_owned(), deed)]);
}

#[test]
fn a_mute_shows_what_it_mutes_and_asks_for_how_long() {
    check("mute", equipped, &["M"], &[SMALL, MEDIUM]);
    let mut seat = Seat::at(equipped(), SMALL);
    seat.keys(&["M", "ctrl-u"]);
    seat.types("90m");
    assert_eq!(deeds(&seat.keys(&["enter", "enter"])), []);
    assert!(seat.text().contains("from 1 to 1440"));
    seat.keys(&["M", "ctrl-u"]);
    seat.types("90");
    seat.keys(&["enter"]);
    let asked = deeds(&seat.keys(&["enter"]));
    let [
        (
            name,
            Deed::Mute {
                components,
                matchers,
                until,
                comment,
            },
        ),
    ] = asked.as_slice()
    else {
        panic!("{asked:?}");
    };
    assert_eq!((name.as_str(), comment.as_str()), ("am", ""));
    assert_eq!(components, &["db-orders", "lb-front"]);
    assert_eq!(until.since(seat.now.wall), Duration::from_secs(90 * 60));
    let labels: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    assert_eq!(
        labels,
        [r#"instance=~"(db-orders|10\\.0\\.0\\.7|lb-front)(\\..+)?(:[0-9]+)?""#]
    );
}

#[test]
fn a_mute_is_ended_and_an_incident_taken_by_choice() {
    check("unmute", Story::wrote, &["U"], &[SMALL]);
    check("acknowledge", Story::wrote, &["a"], &[SMALL]);
    let mut seat = Seat::at(Story::wrote(), SMALL);
    let reference = "4f2a".to_owned();
    let unmute = ("am".to_owned(), Deed::Unmute { reference });
    assert_eq!(deeds(&seat.keys(&["U", "enter"])), [unmute]);
    let reference = "Q1X".to_owned();
    let taken = ("pager".to_owned(), Deed::Acknowledge { reference });
    assert_eq!(deeds(&seat.keys(&["a", "down", "enter"])), [taken]);
    let mut seat = Seat::at(equipped(), SMALL);
    seat.keys(&["i"]);
    seat.types("we look");
    let note = Deed::Note {
        reference: "P7".to_owned(),
        text: "we look".to_owned(),
    };
    let asked = deeds(&seat.keys(&["enter"]));
    assert_eq!(asked, [(connector("pager").to_string(), note)]);
}

fn recording() -> Story {
    Story::running("bob").recording()
}

#[test]
fn a_journal_entry_is_shown_as_it_will_be_written_before_it_is() {
    check("record", recording, &["J"], &[SMALL, MEDIUM]);
    let mut seat = Seat::at(recording(), SMALL);
    seat.keys(&["J"]);
    assert_eq!(deeds(&seat.keys(&["enter"])), [], "it must say something");
    seat.types("drained for the upgrade");
    let shown = "`cmdb` will record under db-orders: drained for the upgrade";
    assert!(seat.text().contains(shown), "{}", seat.text());
    insta::assert_snapshot!("record_typed_80x24", seat.text());
    let deed = Deed::Record {
        component: "db-orders".to_owned(),
        text: "drained for the upgrade".to_owned(),
    };
    assert_eq!(deeds(&seat.keys(&["enter"])), [("cmdb".to_owned(), deed)]);
}

#[test]
fn a_status_is_set_with_the_one_it_has_in_sight() {
    check("set_status", recording, &["D"], &[SMALL]);
    let mut seat = Seat::at(recording(), SMALL);
    seat.keys(&["D"]);
    assert!(seat.text().contains("database, active"), "{}", seat.text());
    seat.types("staged");
    let shown = "`cmdb` will set status of db-orders to staged";
    assert!(seat.text().contains(shown), "{}", seat.text());
    let deed = Deed::SetStatus {
        component: "db-orders".to_owned(),
        status: "staged".to_owned(),
    };
    assert_eq!(deeds(&seat.keys(&["enter"])), [("cmdb".to_owned(), deed)]);
}

#[test]
fn a_mark_on_dashboards_has_tags_to_find_it_by() {
    check("annotate", recording, &["W"], &[SMALL, MEDIUM]);
    let mut seat = Seat::at(recording(), SMALL);
    seat.keys(&["W"]);
    seat.types("upgrade begins");
    seat.keys(&["enter", "ctrl-u"]);
    seat.types("db, , orders ");
    let shown = "`graphs` will annotate (db, orders): upgrade begins";
    assert!(seat.text().contains(shown), "{}", seat.text());
    let deed = Deed::Annotate {
        text: "upgrade begins".to_owned(),
        tags: vec!["db".to_owned(), "orders".to_owned()],
    };
    assert_eq!(deeds(&seat.keys(&["enter"])), [("graphs".to_owned(), deed)]);
}

#[test]
fn an_incident_is_resolved_after_a_question_that_enter_alone_answers_with_no() {
    let wrote = || Story::wrote().recording();
    check("resolve", wrote, &["I", "enter"], &[SMALL]);
    let mut seat = Seat::at(wrote(), SMALL);
    assert_eq!(deeds(&seat.keys(&["I", "enter", "enter"])), []);
    let reference = "P7".to_owned();
    let resolve = ("pager".to_owned(), Deed::Resolve { reference });
    let asked = deeds(&seat.keys(&["I", "enter", "down", "enter"]));
    assert_eq!(asked, [resolve]);
    // What was resolved from here is not offered again.
    let proof = || crate::domain::write::Outcome::Done {
        reference: "P7".to_owned(),
        proof: "incident P7 is resolved".to_owned(),
    };
    let done = || {
        let reference = "P7".to_owned();
        let story = Story::wrote().recording();
        let story = story.asked("bob", "pager", Deed::Resolve { reference });
        story.written(6, proof())
    };
    let mut seat = Seat::at(done(), SMALL);
    seat.keys(&["I"]);
    assert!(!seat.text().contains("resolve P7"), "{}", seat.text());
    assert!(seat.text().contains("Q1X"), "{}", seat.text());
}

#[test]
fn details_of_a_component_name_each_source_and_its_age() {
    check("details_of_which", equipped, &["d"], &[SMALL]);
    check("details", equipped, &["d", "enter"], &[SMALL, MEDIUM]);
}

#[test]
fn without_a_connector_that_can_it_is_said() {
    let mut seat = Seat::at(Story::running("bob"), SMALL);
    for (key, words) in [
        ("p", "no configured connector can page"),
        ("M", "no configured connector can mute"),
        ("U", "nothing is muted"),
        ("a", "no configured connector can acknowledge incidents"),
        ("i", "no configured connector can write under incidents"),
        ("I", "no configured connector can resolve incidents"),
        ("J", "no configured connector can write journal entries"),
        ("D", "no configured connector can set a status"),
        ("W", "no configured connector can write marks"),
    ] {
        assert_eq!(deeds(&seat.keys(&[key])), []);
        assert!(seat.text().contains(words), "{key}: {}", seat.text());
        if key != "U" {
            let text = seat.text();
            assert!(text.contains("set `writes = true`"), "{key}: {text}");
        }
    }
    // One that may only read is named.
    let mut seat = Seat::at(equipped(), SMALL);
    seat.keys(&["J"]);
    assert!(seat.text().contains("for `netbox`, set"), "{}", seat.text());
}

#[test]
fn what_is_typed_into_a_form_stays_there_and_small_screens_do_not_break_it() {
    for size in [(20, 5), (40, 12), (1, 1)] {
        for keys in [["p", "enter"], ["M", "tab"], ["U", "down"], ["d", "enter"]] {
            let mut seat = Seat::at(Story::wrote(), size);
            seat.keys(&keys);
            seat.text();
        }
    }
    let mut seat = Seat::at(equipped(), SMALL);
    seat.keys(&["p", "down", "enter"]);
    seat.types("hq?xR");
    seat.event(&Event::Paste(" pasted\nnot this".to_owned()));
    assert!(seat.text().contains("hq?xR pasted"), "{}", seat.text());
}
