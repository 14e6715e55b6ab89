use super::*;
use crate::domain::id::{ConnectorName, SessionId, SessionName};
use crate::domain::radius::Post;
use crate::domain::reading::{Alert, AlertState, Component, Reading, TargetHealth};
use crate::domain::scope::{Claim, Scope};

const SMALL: (u16, u16) = (80, 24);
const MEDIUM: (u16, u16) = (120, 40);

fn source(name: &str) -> ConnectorName {
    ConnectorName::new(name).expect("a name")
}

/// `name role tier owner needs,needs`; `-` for nothing.
fn component(text: &str) -> Component {
    let words: Vec<&str> = text.split(' ').collect();
    let word = |at: usize| match words.get(at) {
        None | Some(&"-") => String::new(),
        Some(word) => (*word).to_owned(),
    };
    Component {
        name: word(0),
        role: word(1),
        tier: word(2),
        owner: word(3),
        environment: "prod".to_owned(),
        status: "active".to_owned(),
        depends_on: word(4)
            .split(',')
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect(),
        ..Component::default()
    }
}

fn target(name: &str) -> TargetHealth {
    TargetHealth {
        job: "node".to_owned(),
        instance: format!("{name}:9100"),
        labels: vec![("instance".to_owned(), format!("{name}:9100"))],
        is_up: Some(true),
        error: String::new(),
        scraped: None,
    }
}

fn post(what: &str, host: &str) -> Post {
    Post {
        what: what.to_owned(),
        hosts: vec![host.to_owned()],
    }
}

/// A shop on a pair of databases, one of which is touched; the way in hangs on it.
fn shop(mut story: Story) -> Story {
    let lines = [
        "db-orders orders-db tier-1 team-data san-2",
        "db-orders-2 orders-db tier-1 team-data san-2",
        "san-2 storage tier-1 team-storage",
        "checkout shop tier-1 team-shop db-orders,db-orders-2",
        "search shop tier-2 team-find db-orders",
        "portal - - team-web checkout,search",
        "bastion-1 - - ops db-orders",
    ];
    let alert = Alert {
        name: "SearchSlow".to_owned(),
        state: AlertState::Firing,
        severity: "warning".to_owned(),
        summary: String::new(),
        labels: vec![("instance".to_owned(), "search".to_owned())],
        since: None,
        silenced_by: Vec::new(),
    };
    story.room.on_readings(vec![
        Reading::Components {
            source: source("netbox"),
            components: lines.into_iter().map(component).collect(),
        },
        Reading::Alerts {
            source: source("am"),
            alerts: vec![alert],
        },
        Reading::Targets {
            source: source("main"),
            targets: ["db-orders", "db-orders-2", "checkout"]
                .map(target)
                .to_vec(),
        },
    ]);
    story.room.posts = vec![
        post("this terminal", "10.9.9.9"),
        post("your bastion", "bastion-1"),
    ];
    story.room.around.posts = vec![post("pagerduty pager", "api.pagerduty.example")];
    story.room.around.others = Ok(vec![Claim {
        id: SessionId::from_parts(1, 2),
        session: SessionName::new("storage-move").expect("a name"),
        scope: Scope {
            names: ["component san-2".to_owned()].into(),
            unknown: None,
        },
        now: None,
        last: None,
        begun: None,
    }]);
    story
}

#[test]
fn the_map_shows_what_hangs_on_the_touched_and_what_is_left() {
    for size in [SMALL, MEDIUM] {
        let mut seat = Seat::at(shop(Story::running("bob")), size);
        seat.keys(&["6"]);
        let shot = format!("map_{}x{}", size.0, size.1);
        insta::assert_snapshot!(shot, seat.text());
        let back = seat.keys(&["1"]);
        assert_eq!(back, []);
        assert_eq!(seat.ui.model.view, crate::ui::action::View::WarRoom);
    }
}

#[test]
fn the_map_reads_without_colours_and_in_ascii() {
    let mono = Settings {
        colors: Colors::Mono,
        ascii: true,
        ..settings()
    };
    let mut seat = Seat::with(shop(Story::running("bob")), mono, SMALL);
    seat.keys(&["6"]);
    let text = seat.text();
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("map_ascii_80x24", text);
    seat.keys(&["G"]);
    let end = seat.text();
    assert_ne!(end, text, "it scrolls");
    assert!(end.contains("api.pagerduty.example"), "{end}");
}

#[test]
fn a_map_of_nothing_says_what_is_not_known() {
    let mut story = Story::opened("bob");
    story.room.board = crate::domain::board::Board::default();
    let mut seat = Seat::at(story, SMALL);
    seat.keys(&["6"]);
    let text = seat.text();
    assert!(text.contains("no CMDB has said anything"), "{text}");
}

#[test]
fn the_briefing_sums_the_radius_up() {
    let mut seat = Seat::at(shop(Story::opened("bob")), MEDIUM);
    insta::assert_snapshot!("briefing_radius_120x40", seat.text());
}

#[test]
fn whoever_confirms_is_warned_that_they_stand_on_it() {
    let mut seat = Seat::at(shop(Story::proposed("bob")), SMALL);
    seat.keys(&["c"]);
    seat.wait(1);
    let text = seat.text();
    assert!(text.contains("your bastion (bastion-1): INSIDE"), "{text}");
    let plain = Seat::at(Story::proposed("bob"), SMALL).text();
    assert!(!plain.contains("INSIDE"));
}
