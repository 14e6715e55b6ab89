use super::*;
use crate::domain::id::ConnectorName;
use crate::domain::write::{Deed, Matcher, Outcome, Urgency, WRITES_MAX, WriteNo};

fn by(connector: &str, deed: Deed) -> Command {
    let connector = ConnectorName::new(connector).expect("a name");
    Command::Write { connector, deed }
}

fn page(summary: &str) -> Command {
    by(
        "pager",
        Deed::Page {
            summary: summary.to_owned(),
            details: String::new(),
            component: String::new(),
            urgency: Urgency::High,
        },
    )
}

fn note(text: String) -> Command {
    let reference = " P1 ".to_owned();
    by("pager", Deed::Note { reference, text })
}

/// `db-1` is touched by the maintenance, `db-2` by one of its steps.
fn room() -> Room {
    let mut plan = plan();
    plan.components = vec!["db-1".to_owned()];
    plan.steps[1].component = Some("db-2".to_owned());
    Room::with(plan)
}

fn mute(room: &Room, components: &[&str], comment: &str) -> Deed {
    Deed::Mute {
        components: components.iter().map(|c| (*c).to_owned()).collect(),
        matchers: Vec::new(),
        until: room.now.wall.plus(Duration::from_secs(3600)),
        comment: comment.to_owned(),
    }
}

fn end(room: &mut Room, no: u32) {
    let what = "no".to_owned();
    let fact = Fact::WriteEnded {
        no: WriteNo(no),
        outcome: Outcome::Failed { what },
    };
    room.record(&Actor::Engine, fact);
}

#[test]
fn a_write_is_numbered_and_says_who_asked_and_its_texts_are_trimmed() {
    let mut room = room();
    room.must("ann", page(" disk is full\n"));
    room.must("root", note("second line follows\nhere".to_owned()));
    let writes = &room.state.writes;
    assert_eq!(writes[0].by, "ann");
    assert_eq!(writes[1].write.no, WriteNo(2));
    let expected = Deed::Note {
        reference: "P1".to_owned(),
        text: "second line follows\nhere".to_owned(),
    };
    assert_eq!(writes[1].write.deed, expected);
    room.check_fold();
}

#[test]
fn a_write_needs_an_operator_and_a_connector_that_can() {
    let mut room = room();
    room.world.roster = named(&[("ann", APPROVER), ("bob", OPERATOR)]);
    refused(&room, "ann", page("wake up"), "role operator");
    refused(&room, "cho", page("wake up"), "may only look");
    let resolve = |name: &str| {
        let reference = "P1".to_owned();
        by(name, Deed::Resolve { reference })
    };
    refused(&room, "bob", resolve("gone"), "no connector `gone`");
    refused(&room, "bob", resolve("main"), "`main` may only read");
    refused(&room, "bob", resolve("pager"), "`pager` cannot do that");
    room.must("bob", page("wake up"));
}

#[test]
fn a_write_goes_on_after_the_maintenance_and_not_after_the_session() {
    let mut room = room();
    room.must("ann", abort());
    room.must("ann", page("it is over"));
    let reason = String::new();
    room.record(&Actor::Engine, Fact::SessionClosed { reason });
    refused(&room, "ann", page("too late"), "session is closed");
}

#[test]
fn texts_are_there_short_and_plain() {
    let room = room();
    refused(&room, "ann", page(" "), "is empty");
    refused(
        &room,
        "ann",
        page(&"x".repeat(201)),
        "longer than 200 bytes",
    );
    refused(
        &room,
        "ann",
        note("x".repeat(4001)),
        "longer than 4000 bytes",
    );
    refused(
        &room,
        "ann",
        note("a\u{1b}[2J".to_owned()),
        "control characters",
    );
    let hosts = vec!["x".repeat(200); 64];
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let rack = by("am", mute(&room, &hosts, "the whole rack"));
    refused(&room, "ann", rack, "8192 bytes in all");
}

#[test]
fn a_mute_without_words_reaches_what_is_touched_and_no_further() {
    let mut room = room();
    let ask = |deed: &Deed| by("am", deed.clone());
    let wide = mute(&room, &["db-1", "db-9"], "");
    refused(&room, "ann", ask(&wide), "does not touch `db-9`");
    refused(&room, "ann", ask(&mute(&room, &[], "")), "names nothing");
    let mut labels = mute(&room, &[], "");
    if let Deed::Mute { matchers, .. } = &mut labels {
        matchers.push(Matcher {
            label: "instance".to_owned(),
            value: "db-1".to_owned(),
            is_regex: false,
            is_equal: true,
        });
    }
    refused(&room, "ann", ask(&labels), "labels may mute");
    room.must("ann", ask(&mute(&room, &["db-9"], "their host is ours")));
    room.must("ann", ask(&mute(&room, &["db-1", "db-2"], "")));
    let Deed::Mute { comment, .. } = &room.state.writes[1].write.deed else {
        panic!("of another kind");
    };
    assert_eq!(comment, "maintenance `db`: test");
}

#[test]
fn a_mute_ends_within_a_day() {
    let mut room = room();
    for (seconds, is_good) in [
        (-1, false),
        (0, false),
        (1, true),
        (86_400, true),
        (86_401, false),
    ] {
        let mut deed = mute(&room, &["db-1"], "");
        if let Deed::Mute { until, .. } = &mut deed {
            *until = Timestamp::from_millis(room.now.wall.as_millis() + seconds * 1000);
        }
        let command = by("am", deed);
        if is_good {
            room.must("ann", command);
        } else {
            refused(&room, "ann", command, "within 24h");
        }
    }
}

#[test]
fn the_same_write_is_not_sent_twice_while_nobody_knows_what_came_of_it() {
    let mut room = room();
    room.must("ann", page("wake up"));
    refused(&room, "bob", page("wake up "), "write 1 says the same");
    end(&mut room, 1);
    room.must("bob", page("wake up"));
    room.check_fold();
}

#[test]
fn writes_are_bounded() {
    let mut room = room();
    for no in 0..16 {
        room.must("ann", page(&format!("page {no}")));
    }
    refused(&room, "ann", page("one more"), "16 writes wait");
    let one = |room: &Room| mute(room, &["db-1"], "");
    let deed = one(&room);
    room.must("ann", by("am", deed));
    for no in 1..=17 {
        end(&mut room, no);
    }
    for no in 18..=u32::try_from(WRITES_MAX).expect("small") {
        room.must("ann", page(&format!("page {no}")));
        end(&mut room, no);
    }
    refused(&room, "ann", page("too many"), "500 times already");
    room.check_fold();
}
