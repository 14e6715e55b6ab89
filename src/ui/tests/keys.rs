use super::*;
use crate::domain::command::Command;
use crate::domain::fact::Fact;
use crate::domain::id::AttemptNo;
use crate::ui::fixtures::id;

fn asked(requests: &[Request]) -> Vec<Command> {
    requests
        .iter()
        .filter_map(|r| match r {
            Request::Ask(command) => Some(command.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn hold_and_stop_are_one_key() {
    let mut seat = Seat::at(Story::running("bob"), (80, 24));
    let hold = Command::Hold {
        reason: String::new(),
    };
    assert_eq!(asked(&seat.keys(&["h"])), [hold]);
    assert_eq!(
        asked(&seat.keys(&["x"])),
        [Command::Stop { step: id("backup") }]
    );
}

#[test]
fn a_rollback_a_cancel_and_a_reject_are_one_key_and_ask_why_behind_it() {
    let reason = String::new;
    let mut seat = Seat::at(Story::running("bob"), (80, 24));
    let rollback = Command::Rollback { reason: reason() };
    assert_eq!(asked(&seat.keys(&["R"])), [rollback]);
    assert!(seat.text().contains("rolling back"), "{}", seat.text());
    seat.types("leaders stuck");
    let text = "leaders stuck".to_owned();
    let note = Command::Note { step: None, text };
    assert_eq!(asked(&seat.keys(&["enter"])), [note]);

    let mut seat = Seat::at(Story::proposed("alice"), (80, 24));
    let step = id("drain");
    let cancel = Command::Cancel {
        step: step.clone(),
        reason: reason(),
    };
    assert_eq!(asked(&seat.keys(&["C"])), [cancel]);
    assert_eq!(asked(&seat.keys(&["esc"])), [], "the reason may stay away");

    let mut seat = Seat::at(Story::armed("bob"), (80, 24));
    let no = Command::reject(step.clone(), reason());
    assert_eq!(asked(&seat.keys(&["5", "r"])), [no]);
    seat.types("not now");
    let why = Command::explain(step, AttemptNo(1), "not now".to_owned());
    assert_eq!(asked(&seat.keys(&["enter"])), [why]);
}

#[test]
fn proposing_asks_again_by_name() {
    let mut seat = Seat::at(Story::checked("alice"), (80, 24));
    assert_eq!(asked(&seat.keys(&["P"])), []);
    assert!(seat.text().contains("propose step 2.1"));
    assert_eq!(
        asked(&seat.keys(&["x", "enter", "P"])),
        [],
        "nothing but y proposes"
    );
    assert_eq!(asked(&seat.keys(&["y"])), [Command::propose(id("drain"))]);
}

#[test]
fn proposing_outside_the_window_says_so() {
    let hours = |n: u64| std::time::Duration::from_secs(n * 3600);
    let mut seat = Seat::at(Story::checked("alice"), (80, 24));
    seat.keys(&["P"]);
    assert!(!seat.text().contains("WINDOW"), "within it nothing is said");
    seat.keys(&["esc"]);
    let within = seat.now;
    seat.now.wall = within.wall.minus(hours(1));
    seat.keys(&["P"]);
    assert!(
        seat.text()
            .contains("THE WINDOW HAS NOT BEGUN: it begins at 02:00:00Z")
    );
    seat.keys(&["esc"]);
    seat.now.wall = within.wall.plus(hours(3));
    seat.keys(&["P"]);
    assert!(seat.text().contains("THE WINDOW IS OVER"));
}

#[test]
fn the_line_that_says_what_now_names_its_key() {
    let mut seat = Seat::at(Story::checked("alice"), (80, 24));
    assert!(
        seat.text().contains("its leaders away` [P]"),
        "{}",
        seat.text()
    );
    seat.keys(&["j"]);
    assert!(seat.text().contains("[f, then"), "{}", seat.text());
    let mut seat = Seat::at(Story::armed("alice"), (80, 24));
    seat.keys(&["5"]);
    assert!(seat.text().contains("[ctrl-g]"), "{}", seat.text());
}

#[test]
fn proposing_what_cannot_be_taken_back_needs_its_number() {
    let mut seat = Seat::at(Story::checked("alice"), (80, 24));
    seat.keys(&["j", "P"]);
    let text = seat.text();
    assert!(text.contains("does not wait for a proposal"), "{text}");
    let skipped = Fact::StepSkipped {
        step: id("drain"),
        reason: "not today".to_owned(),
    };
    let story = Story::prepared("alice").by("alice").did(skipped);
    let mut seat = Seat::at(story.started("alice", "wipe"), (80, 24));
    seat.keys(&["P"]);
    seat.types("2.1");
    assert_eq!(asked(&seat.keys(&["enter"])), []);
    seat.keys(&["ctrl-u"]);
    seat.event(&Event::Paste("2.2".to_owned()));
    assert_eq!(asked(&seat.keys(&["enter"])), [], "a paste is not typing");
    seat.types("2.2");
    assert_eq!(
        asked(&seat.keys(&["enter"])),
        [Command::propose(id("wipe"))]
    );
}

#[test]
fn go_is_a_control_key() {
    let mut seat = Seat::at(Story::armed("alice"), (80, 24));
    assert_eq!(asked(&seat.keys(&["g", "enter", "y"])), []);
    assert_eq!(
        asked(&seat.keys(&["ctrl-g"])),
        [Command::go(id("drain"), AttemptNo(1))]
    );
}

#[test]
fn detach_is_prefix_d_and_quit_asks() {
    let mut seat = Seat::at(Story::running("bob"), (80, 24));
    assert_eq!(seat.keys(&["ctrl-b", "d"]), [Request::Detach]);
    assert_eq!(seat.keys(&["q"]), []);
    assert_eq!(seat.keys(&["d"]), [Request::Detach]);
    assert_eq!(seat.keys(&["ctrl-b", "&"]), []);
    seat.types("move-orders");
    assert_eq!(seat.keys(&["enter"]), [Request::ShutdownSession]);
}

#[test]
fn a_read_only_terminal_and_a_lost_link_send_nothing() {
    let mut story = Story::running("bob");
    story.room.welcome.read_only = true;
    let mut seat = Seat::at(story, (80, 24));
    assert_eq!(seat.keys(&["h", "x"]), []);
    let mut seat = Seat::at(Story::running("bob").lost(), (80, 24));
    assert_eq!(seat.keys(&["h", "x"]), []);
}

#[test]
fn a_click_selects_a_step_and_a_view() {
    let mut seat = Seat::at(Story::running("bob"), (80, 24));
    let text = seat.text();
    let row = text
        .lines()
        .position(|l| l.contains("Wipe the old"))
        .expect("on screen");
    let click = |column, row| {
        Event::Mouse(crossterm::event::MouseEvent {
            kind: crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    seat.event(&click(10, u16::try_from(row).expect("small")));
    assert_eq!(seat.ui.model.step, 4);
    seat.event(&click(72, 1));
    assert_eq!(seat.ui.model.view, crate::ui::action::View::Timeline);
}

#[test]
fn a_search_finds_the_next_step() {
    let mut seat = Seat::at(Story::running("bob"), (80, 24));
    seat.keys(&["/"]);
    seat.types("volume");
    seat.keys(&["enter"]);
    assert_eq!(seat.ui.model.step, 4);
    seat.keys(&["f"]);
    assert_eq!(
        seat.ui.model.step, 0,
        "follow goes back to what matters now"
    );
}

#[test]
fn a_timeline_filter_hides_other_records() {
    let mut seat = Seat::at(Story::running("bob"), (120, 40));
    seat.keys(&["4", "/"]);
    seat.types("began");
    seat.keys(&["enter"]);
    let text = seat.text();
    assert!(
        text.contains("began the maintenance") && !text.contains("attached"),
        "{text}"
    );
}

#[test]
fn a_new_proposal_never_changes_the_screen_under_the_hands() {
    let mut seat = Seat::at(Story::checked("bob"), (80, 24));
    let story = Story::proposed("bob");
    seat.screen = Screen::Room(Box::new(story.room));
    seat.now = story.now;
    let text = seat.text();
    assert!(text.contains("press c to review"));
    assert_eq!(seat.ui.model.view, crate::ui::action::View::WarRoom);
}

#[test]
fn older_records_are_asked_for_once() {
    let mut story = Story::running("bob");
    story.room.recent.drain(..10);
    let mut seat = Seat::at(story, (80, 24));
    let requests = seat.keys(&["4", "g", "g", "g", "g"]);
    let records: Vec<&Request> = requests
        .iter()
        .filter(|r| matches!(r, Request::Records { .. }))
        .collect();
    assert_eq!(records.len(), 1);
    assert_eq!(
        records[0],
        &Request::Records {
            from: crate::domain::id::Seq(0),
            count: 10
        }
    );
}

/// What a terminal asks for after these keys on view 5, by the one who went and by the one who confirmed.
fn on_confirm(you: &str, key: &str) -> Vec<Command> {
    let mut seat = Seat::at(Story::draining(you), (80, 24));
    assert!(seat.keys(&["5"]).is_empty());
    asked(&seat.keys(&[key]))
}

#[test]
fn what_goes_back_is_one_key_on_the_confirm_screen_while_a_command_runs() {
    let reason = String::new;
    for you in ["alice", "bob"] {
        let stop = Command::Stop { step: id("drain") };
        assert_eq!(on_confirm(you, "x"), [stop], "{you}");
        let hold = Command::Hold { reason: reason() };
        assert_eq!(on_confirm(you, "h"), [hold], "{you}");
        let rollback = Command::Rollback { reason: reason() };
        assert_eq!(on_confirm(you, "R"), [rollback], "{you}");
        let mut seat = Seat::at(Story::draining(you), (80, 24));
        seat.keys(&["5"]);
        let footer = |seat: &mut Seat| seat.text().lines().last().map(str::to_owned);
        let last = footer(&mut seat).expect("a footer");
        assert!(last.contains("x stop  h hold  R roll back"), "{last}");
        seat.keys(&["C"]);
        assert!(seat.text().contains("no proposal is open"));
        seat.keys(&["esc", ":"]);
        seat.types("roll");
        assert_eq!(asked(&seat.keys(&["enter"])).len(), 1, "{}", seat.text());
    }
}

#[test]
fn what_goes_back_is_one_key_beside_a_plan_that_is_read_and_a_letter_in_words() {
    let hold = Command::Hold {
        reason: String::new(),
    };
    let mut seat = Seat::at(Story::proposed("bob"), (80, 24));
    seat.keys(&["c"]);
    assert_eq!(
        asked(&seat.keys(&["h"])),
        [],
        "somebody was typing when the screen came"
    );
    seat.wait(1);
    assert!(
        seat.text().contains("h hold  R roll back"),
        "{}",
        seat.text()
    );
    assert_eq!(asked(&seat.keys(&["h"])), std::slice::from_ref(&hold));
    seat.keys(&["G"]);
    seat.wait(40);
    seat.keys(&["enter"]);
    assert_eq!(asked(&seat.types("hxRC:v")), []);
    assert!(seat.text().contains("hxRC:v_"), "{}", seat.text());
    assert!(!seat.text().contains("h hold"), "{}", seat.text());
    let mut seat = Seat::at(Story::armed("alice"), (80, 24));
    seat.keys(&["5"]);
    assert!(
        seat.text().contains("h hold  R roll back"),
        "{}",
        seat.text()
    );
    assert_eq!(asked(&seat.keys(&["h"])), [hold]);
}

#[test]
fn who_says_go_on_the_confirm_screen_is_led_to_where_it_is_watched() {
    use crate::ui::action::View;
    let mut seat = Seat::at(Story::armed("alice"), (80, 24));
    assert_eq!(asked(&seat.keys(&["5", "ctrl-g"])).len(), 1);
    assert_eq!(seat.ui.model.view, View::Confirm, "nothing runs yet");
    let story = Story::draining("alice");
    seat.now = story.now;
    seat.screen = Screen::Room(Box::new(story.room));
    assert!(seat.text().contains("you said go"), "{}", seat.text());
    assert_eq!(seat.ui.model.view, View::WarRoom);
    seat.keys(&["5"]);
    assert_eq!(seat.ui.model.view, View::Confirm, "once, not again");

    let mut other = Seat::at(Story::armed("bob"), (80, 24));
    other.keys(&["5"]);
    let story = Story::draining("bob");
    other.now = story.now;
    other.screen = Screen::Room(Box::new(story.room));
    other.draw();
    assert_eq!(other.ui.model.view, View::Confirm, "who did not go stays");
}

#[test]
fn the_last_row_offers_no_key_that_goes_into_a_text() {
    let mut seat = Seat::at(Story::firing("bob"), (80, 24));
    seat.keys(&["H"]);
    let text = seat.text();
    let last = text.lines().last().expect("a footer");
    assert!(
        last.contains("enter sends") && last.contains("esc sends nothing"),
        "{last}"
    );
    assert!(
        !last.contains("roll back") && !last.contains("stop"),
        "{last}"
    );
    seat.keys(&["esc"]);
    assert!(seat.text().contains("R roll back"), "{}", seat.text());
}

#[test]
fn after_a_failed_step_the_confirm_screen_says_what_the_line_on_top_says() {
    let why = "run: exit 1".to_owned();
    let step = id("backup");
    let failed = Story::running("bob")
        .ended("backup", 1, 1)
        .did(crate::domain::fact::Fact::StepFailed { step, why });
    let mut seat = Seat::at(failed, (80, 24));
    seat.keys(&["5"]);
    let text = seat.text();
    assert!(!text.contains("the next is"), "{text}");
    assert!(text.contains("before any other"), "{text}");
    assert_eq!(text.matches("1.1").count(), 2, "{text}");
}

/// The screen said that anybody can stop it, and the key said that nothing runs.
#[test]
fn what_waits_by_itself_can_be_stopped() {
    let mut seat = Seat::at(Story::gated("bob"), (80, 24));
    assert!(seat.text().contains("x stop"), "{}", seat.text());
    let asked = asked(&seat.keys(&["x"]));
    assert!(matches!(&asked[..], [Command::Stop { .. }]), "{asked:?}");
}
