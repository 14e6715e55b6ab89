use super::*;
use crate::display;
use crate::domain::command::Refusal;
use crate::domain::fact::{Fact, HoldCause};
use crate::domain::id::TerminalId;

const SMALL: (u16, u16) = (80, 24);
const MEDIUM: (u16, u16) = (120, 40);
const LARGE: (u16, u16) = (200, 50);

/// Snapshots the screen after these keys, at each size.
fn check(name: &str, story: fn() -> Story, keys: &[&str], sizes: &[(u16, u16)]) {
    for size in sizes {
        let mut seat = Seat::at(story(), *size);
        seat.keys(keys);
        let shot = format!("{name}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(shot.as_str(), seat.text());
        let bare = seat.draw().buffer().content().iter().find(|cell| {
            cell.fg == ratatui::style::Color::Reset && !cell.symbol().trim().is_empty()
        });
        assert_eq!(
            bare, None,
            "{shot}: nothing gives it a colour but the ground"
        );
    }
}

#[test]
fn war_room_in_the_briefing() {
    check(
        "briefing",
        || Story::opened("alice"),
        &[],
        &[SMALL, MEDIUM, LARGE],
    );
}

#[test]
fn war_room_while_a_step_runs() {
    check(
        "running",
        || Story::running("bob"),
        &[],
        &[SMALL, MEDIUM, LARGE],
    );
}

/// Alice, who started what runs, is gone.
fn unwatched() -> Story {
    let terminal = TerminalId(1);
    Story::running("bob")
        .by("alice")
        .did(Fact::Detached { terminal })
}

#[test]
fn war_room_while_nobody_watches_what_runs() {
    check("unwatched", unwatched, &[], &[SMALL, MEDIUM]);
}

#[test]
fn who_dropped_out_of_what_runs_is_replaced_with_one_key() {
    let mut seat = Seat::at(unwatched(), SMALL);
    let step = crate::ui::fixtures::id("backup");
    let asked = seat.keys(&["v"]);
    let take_over = crate::domain::command::Command::TakeOver { step };
    assert_eq!(asked, [Request::Ask(take_over)]);
}

#[test]
fn war_room_with_another_pane_in_focus_on_a_small_screen() {
    check(
        "running_duty",
        || Story::running("bob"),
        &["tab", "tab", "tab"],
        &[SMALL],
    );
    check(
        "running_feed_zoomed",
        || Story::running("bob"),
        &["tab", "tab", "tab", "tab", "tab", "z"],
        &[SMALL],
    );
}

#[test]
fn war_room_while_a_gate_waits() {
    check("gated", || Story::gated("alice"), &[], &[SMALL, MEDIUM]);
}

#[test]
fn war_room_with_stale_metrics() {
    check(
        "stale",
        || Story::running("alice").silent(),
        &[],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn war_room_held_by_a_firing_guard() {
    check(
        "firing",
        || Story::firing("alice"),
        &[],
        &[SMALL, MEDIUM, LARGE],
    );
}

#[test]
fn war_room_waiting_for_the_second_person_as_proposer() {
    check(
        "waiting_proposer",
        || Story::proposed("alice"),
        &[],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn war_room_waiting_for_the_second_person_as_confirmer() {
    check(
        "waiting_confirmer",
        || Story::proposed("bob"),
        &[],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn war_room_disconnected() {
    check(
        "disconnected",
        || Story::running("alice").lost(),
        &[],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn war_room_with_an_unknown_step_after_a_crash() {
    check("unknown", || Story::unknown("alice"), &[], &[SMALL, MEDIUM]);
}

#[test]
fn war_room_rolled_back() {
    check(
        "rolled_back",
        || Story::rolled_back("alice"),
        &[],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn war_room_with_a_refusal() {
    for size in [SMALL, MEDIUM] {
        let mut seat = Seat::at(Story::proposed("alice"), size);
        let refusal = Refusal {
            reason: "step 2.1 `Drain rack-07` needs a second person; `alice` proposed it and cannot confirm it too".to_owned(),
            hint: "any other operator attached can review it with `c`".to_owned(),
        };
        seat.ui.on_reply(1, Some(refusal), seat.now);
        insta::assert_snapshot!(format!("refused_{}x{}", size.0, size.1), seat.text());
        seat.keys(&["esc"]);
        assert!(!seat.text().contains("refused:"), "esc closes a refusal");
    }
}

#[test]
fn a_refusal_goes_when_the_session_has_moved_on_and_it_could_be_read() {
    let shown = |facts: Vec<Fact>, seconds| {
        let mut seat = Seat::at(Story::proposed("alice"), SMALL);
        let refusal = Refusal {
            reason: "a proposal is open".to_owned(),
            hint: String::new(),
        };
        seat.ui.on_reply(1, Some(refusal), seat.now);
        let seq = crate::domain::id::Seq(99);
        let by = crate::ui::fixtures::actor("bob");
        let stamp = |fact| crate::domain::fixture::stamp(seq, seat.now, by.clone(), fact);
        let facts: Vec<_> = facts.into_iter().map(stamp).collect();
        seat.ui.on_facts(&facts, seat.now);
        seat.wait(seconds);
        seat.text().contains("a proposal is open")
    };
    let held = || Fact::Held(HoldCause::Restart);
    let note = || Fact::NoteAdded {
        step: None,
        text: "seen".to_owned(),
    };
    assert!(shown(vec![held()], 5), "nobody has read it");
    assert!(!shown(vec![held()], 10), "it speaks of what was");
    assert!(shown(vec![note()], 10), "a note changes nothing");
    assert!(shown(vec![], 10) && !shown(vec![], 20));
}

#[test]
fn what_the_session_says_by_itself_stands_below_a_refusal_and_not_in_its_place() {
    let mut seat = Seat::at(Story::proposed("alice"), SMALL);
    let refusal = Refusal {
        reason: "step 2.1 `Drain rack-07` waits".to_owned(),
        hint: "look at the metrics".to_owned(),
    };
    let text = "the counter of a key did not rise".to_owned();
    let fact = Fact::NoteAdded { step: None, text };
    let seq = crate::domain::id::Seq(99);
    let note =
        crate::domain::fixture::stamp(seq, seat.now, crate::domain::fact::Actor::Engine, fact);
    seat.ui.on_reply(1, Some(refusal), seat.now);
    seat.ui.on_facts(std::slice::from_ref(&note), seat.now);
    for words in [
        "Drain rack-07` waits",
        "look at the metrics",
        "the counter of a key",
    ] {
        assert!(seat.text().contains(words), "{words}: {}", seat.text());
    }
    seat.keys(&["esc"]);
    seat.ui.on_facts(&[note], seat.now);
    assert!(
        seat.text().contains("the counter of a key"),
        "{}",
        seat.text()
    );
}

#[test]
fn a_proposer_with_nobody_to_confirm_is_told_how_somebody_gets_here() {
    let how = "they join by: warroom attach -t move-orders ";
    let mut seat = Seat::at(Story::proposed("alice"), SMALL);
    assert!(!seat.text().contains(how), "bob is there");
    let gone = Fact::Detached {
        terminal: TerminalId(2),
    };
    let mut seat = Seat::at(Story::proposed("alice").by("bob").did(gone), SMALL);
    assert!(seat.text().contains(how), "{}", seat.text());
    seat.keys(&["5"]);
    assert!(seat.text().contains(how), "{}", seat.text());
}

#[test]
fn runbook_view() {
    check(
        "runbook",
        || Story::checked("bob"),
        &["2"],
        &[SMALL, MEDIUM],
    );
    check(
        "runbook_step",
        || Story::checked("bob"),
        &["enter"],
        &[SMALL],
    );
}

#[test]
fn metrics_view() {
    check(
        "metrics",
        || Story::firing("bob"),
        &["3"],
        &[SMALL, MEDIUM, LARGE],
    );
    check(
        "metrics_stale",
        || Story::running("alice").silent(),
        &["3"],
        &[SMALL],
    );
}

#[test]
fn timeline_view() {
    check(
        "timeline",
        || Story::unknown("bob"),
        &["4"],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn confirm_screen_of_the_proposer_shows_the_words_of_the_other() {
    check(
        "confirm_proposer",
        || Story::proposed("alice"),
        &["c"],
        &[SMALL, MEDIUM],
    );
}

#[test]
fn confirm_screen_of_the_confirmer() {
    check(
        "confirm_reading",
        || Story::proposed("bob"),
        &["c"],
        &[SMALL, MEDIUM],
    );
    check(
        "confirm_nothing",
        || Story::running("bob"),
        &["5"],
        &[SMALL],
    );
    let again = || {
        Story::proposed("bob")
            .rejected(1, "wrong rack")
            .proposes(2, "drainctl drain rack-08")
    };
    check("confirm_changed", again, &["c"], &[MEDIUM]);
}

#[test]
fn confirm_screen_at_its_end_shows_the_words() {
    let mut seat = Seat::at(Story::proposed("bob"), SMALL);
    seat.keys(&["c"]);
    seat.wait(1);
    seat.keys(&["G"]);
    seat.wait(40);
    seat.keys(&["enter"]);
    seat.types("apple ");
    insta::assert_snapshot!("confirm_words_80x24", seat.text());
}

#[test]
fn confirm_screen_after_the_confirm_says_who_acts_next() {
    check(
        "confirm_done",
        || Story::armed("bob"),
        &["5"],
        &[SMALL, MEDIUM],
    );
    check("confirm_go", || Story::armed("alice"), &["5"], &[SMALL]);
    check("confirm_gone", || Story::draining("bob"), &["5"], &[SMALL]);
}

#[test]
fn metrics_and_confirm_in_mono_and_ascii() {
    let mono = || Settings {
        colors: Colors::Mono,
        ascii: true,
        ..settings()
    };
    let mut seat = Seat::with(Story::running("bob"), mono(), SMALL);
    seat.keys(&["3"]);
    let text = seat.text();
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("ascii_metrics_80x24", text);
    let mut seat = Seat::with(Story::proposed("bob"), mono(), SMALL);
    seat.keys(&["c"]);
    seat.wait(1);
    seat.keys(&["G"]);
    seat.wait(40);
    seat.keys(&["enter"]);
    seat.types("apple ");
    insta::assert_snapshot!("ascii_confirm_80x24", seat.text());
    insta::assert_snapshot!("mono_styles_confirm_80x24", styles(&mut seat));
}

#[test]
fn popups() {
    check("help", || Story::running("bob"), &["?"], &[SMALL]);
    check(
        "palette",
        || Story::running("bob"),
        &[":", "r", "o", "l", "l"],
        &[SMALL],
    );
    check("rollback", || Story::running("bob"), &["R"], &[SMALL]);
    check("propose", || Story::checked("alice"), &["P"], &[SMALL]);
    check("quit", || Story::running("bob"), &["q"], &[SMALL]);
}

#[test]
fn screens_without_a_session() {
    for (name, screen) in [
        (
            "connecting",
            Screen::Connecting {
                what: display::line("attaching to move-orders"),
            },
        ),
        (
            "failed",
            Screen::Failed {
                what: display::line(
                    "session `move-orders` speaks contract 5, this program speaks 4",
                ),
                hint: display::line("attach with warroom 0.6 or newer"),
            },
        ),
    ] {
        let mut seat = Seat::at(Story::opened("bob"), (80, 6));
        seat.screen = screen;
        assert!(!seat.ui.needs_clock(&seat.screen));
        insta::assert_snapshot!(name, seat.text());
    }
}

#[test]
fn tiny_screens_keep_what_now_and_state() {
    for size in [(20, 5), (40, 12)] {
        let mut seat = Seat::at(Story::firing("bob"), size);
        insta::assert_snapshot!(format!("tiny_{}x{}", size.0, size.1), seat.text());
    }
}

/// Fewer than 52 styles are ever on one screen.
fn letter(at: usize) -> char {
    ('a'..='z').chain('A'..='Z').nth(at).expect("few styles")
}

/// The styles of a screen: one letter for each new style, and what the letters mean.
fn styles(seat: &mut Seat) -> String {
    let buffer = seat.draw().buffer().clone();
    let mut known: Vec<String> = Vec::new();
    let mut out = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let cell = buffer.cell((x, y)).expect("within");
            let style = format!("fg {:?} bg {:?} {:?}", cell.fg, cell.bg, cell.modifier);
            let at = known.iter().position(|k| *k == style).unwrap_or_else(|| {
                known.push(style.clone());
                known.len() - 1
            });
            out.push(letter(at));
        }
        out.push('\n');
    }
    for (at, style) in known.iter().enumerate() {
        out.push(letter(at));
        out.push_str(": ");
        out.push_str(style);
        out.push('\n');
    }
    out
}

#[test]
fn mono_ascii_and_sixteen_colours() {
    let mono = Settings {
        colors: Colors::Mono,
        ascii: true,
        ..settings()
    };
    let mut seat = Seat::with(Story::firing("bob"), mono, SMALL);
    let text = seat.text();
    insta::assert_snapshot!("ascii_80x24", text);
    insta::assert_snapshot!("mono_styles_80x24", styles(&mut seat));
    let ours = text
        .lines()
        .filter(|l| !l.contains("Tell") && !l.contains("<U+202E>"))
        .all(str::is_ascii);
    assert!(ours, "lines and marks of our own stay within ASCII");
    let sixteen = Settings {
        colors: Colors::Ansi16,
        ..settings()
    };
    insta::assert_snapshot!(
        "sixteen_styles_80x24",
        styles(&mut Seat::with(Story::firing("bob"), sixteen, SMALL))
    );
}

/// Bob under rules that want signatures and his own view first.
fn keyed(story: Story) -> Story {
    use crate::domain::confirm::policy::Rules;
    use crate::domain::fact::Mode;
    use crate::domain::runbook::plan::Risk;
    let mut story = story;
    let rule = Rules::default().rule_for(Risk::Destructive, Mode::Advisory, true);
    story.room.welcome.policy.classes = vec![(Risk::Destructive, rule)];
    story
}

#[test]
fn confirm_asks_before_it_shows_the_target() {
    check(
        "confirm_asks",
        || keyed(Story::proposed("bob")),
        &["c"],
        &[SMALL],
    );
}

#[test]
fn a_signature_that_is_waited_for_and_one_that_did_not_come() {
    let mut seat = Seat::at(keyed(Story::unknown("bob")), SMALL);
    seat.keys(&["f", "o", "r", "l", "o", "o", "k", "e", "d", "enter"]);
    insta::assert_snapshot!("sign_waiting_80x24", seat.text());
    let reason = "the ssh-agent shows no keys";
    let hint = "add one with `ssh-add`; a locked agent shows none until `ssh-add -X`";
    seat.unsigned(reason, hint);
    insta::assert_snapshot!("sign_failed_80x24", seat.text());
}

#[test]
fn a_signature_on_a_proposal_that_has_ended_is_not_waited_for() {
    use crate::domain::command::Command;
    use crate::ui::layers::{Layer, Sign};
    use crate::ui::proof::{Then, Wish};
    let mut seat = Seat::at(keyed(Story::proposed("bob")), SMALL);
    let Screen::Room(room) = &seat.screen else {
        panic!("a room");
    };
    let open = room.state.proposal.as_ref().expect("open");
    let nonce = open.terms.nonce.as_str();
    let statement = format!("warroom-confirm@v1\nstep: drain\nnonce: {nonce}\n");
    let then = Then::Ask(Command::confirm(statement.clone()));
    let sign = Sign::new(Wish { statement, then }, false);
    assert!(!seat.ui.on_state(room, seat.now));
    seat.ui.layers.open(Layer::Sign(sign));
    assert!(!seat.ui.on_state(room, seat.now), "it is still open");
    let rejected = Story::proposed("bob").rejected(1, "wrong host").room;
    assert!(seat.ui.on_state(&rejected, seat.now));
    seat.screen = Screen::Room(Box::new(rejected));
    let text = seat.text();
    assert!(!text.contains("waiting for your ssh-agent"), "{text}");
    assert!(
        text.contains("the proposal of `drain` ended: rejected by bob"),
        "{text}"
    );
}
