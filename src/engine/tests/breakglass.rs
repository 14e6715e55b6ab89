//! Break-glass from the first word to the review, each guard by itself (`TWO_PERSON` 4.8, 10.3).

mod ghost;

use super::super::breakglass::facts as news;
use super::super::input::{Input, Witness};
use crate::domain::apply::check_apply;
use crate::domain::command::{Command, Evidence, Refusal, Signed};
use crate::domain::confirm::breakglass::{PAGES_MAX, PAGES_SPAN, paged_out_until};
use crate::domain::confirm::policy::{PageDown, Rules};
use crate::domain::confirm::statement::{breakglass_statement, review_statement};
use crate::domain::decide::decide;
use crate::domain::fact::{Actor, Breakglass, Fact, GlassEvent, Mode, Outcome, Page, Touch, Via};
use crate::domain::fixture::*;
use crate::domain::id::{AttemptNo, Seq};
use crate::domain::mutant::{Guard, Off};
use crate::domain::state::{Glass, Stage, StepStatus};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::{Roles, Roster};
use std::sync::Arc;
use std::time::Duration;

const REASON: &str = "the primary loses writes and nobody answers";
const BREAKGLASS: Roles = Roles {
    breakglass: true,
    ..Roles::BOTH
};

fn key(name: &str) -> String {
    format!("SHA256:{name}")
}

fn by_key(name: &str, touch: Touch) -> Actor {
    Actor::Person {
        id: person(name),
        via: Via::Sshsig {
            key: key(name),
            touch,
            detached: false,
        },
    }
}

/// Ann has proposed the drain and may go alone; everybody has a key.
fn proposed(page_down: PageDown) -> Room {
    let mut room = Room::proposed();
    room.world.rules = Arc::new(Rules {
        page_hook: Some(vec!["/usr/local/bin/page".to_owned()]),
        page_down,
        ..rules()
    });
    let roster = [
        ("ann", BREAKGLASS),
        ("bob", Roles::BOTH),
        ("cho", Roles::BOTH),
    ];
    room.world.roster = Roster::Named(roster.map(|(n, r)| (person(n), r)).into());
    room.world.keys = ["ann", "bob", "cho"].map(|n| (key(n), person(n))).into();
    room
}

fn say(room: &mut Room, who: &Actor, command: &Command) -> Result<(), Refusal> {
    let decided = decide(&room.state, who, command, room.now, &room.world);
    let facts = decided.map_err(|refused| refused.refusal)?;
    for fact in facts {
        room.record(who, fact);
    }
    room.settle();
    Ok(())
}

fn ask(reason: &str) -> Command {
    Command::Breakglass {
        step: id("drain"),
        attempt: AttemptNo(1),
        reason: reason.to_owned(),
    }
}

fn hear(room: &mut Room, input: &Input) {
    for fact in news(&room.state, input) {
        room.record(&Actor::Engine, fact);
    }
    room.settle();
}

fn paged(room: &mut Room, is_sent: bool) {
    let page = if is_sent {
        Page::Sent
    } else {
        let why = "exit 1".to_owned();
        Page::Down { why }
    };
    let (step, attempt) = (id("drain"), AttemptNo(1));
    hear(
        room,
        &Input::Paged {
            step,
            attempt,
            page,
        },
    );
}

fn statement(room: &Room) -> String {
    let open = room.state.proposal.as_ref().expect("open");
    let glass = open.glass.as_ref().expect("asked");
    let page = glass.page.as_ref().map_or("sent", Page::as_str);
    let head = room.state.head;
    breakglass_statement(&room.state, open, &person("ann"), head, &glass.reason, page)
        .expect("on the table")
        .expect("printable")
}

fn signature(statement: String, code_step: Option<u64>) -> Command {
    Command::BreakglassSigned {
        step: id("drain"),
        attempt: AttemptNo(1),
        signed: Signed {
            statement,
            signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
            detached: false,
        },
        beside: Evidence::Account,
        code_step,
    }
}

fn sign(room: &mut Room, touch: Touch, code_step: Option<u64>) -> Result<(), Refusal> {
    let command = signature(statement(room), code_step);
    say(room, &by_key("ann", touch), &command)
}

fn witness(room: &mut Room, by: &str) {
    let seq = room.state.head.0;
    let by = Witness::Person(person(by));
    hear(room, &Input::Witnessed { seq, by });
}

fn veto(room: &mut Room, who: &str) -> Result<(), Refusal> {
    let command = Command::Veto {
        step: id("drain"),
        attempt: AttemptNo(1),
    };
    say(room, &actor(who), &command)
}

fn glass(room: &Room) -> &Glass {
    room.state.glass().expect("somebody goes alone")
}

fn is_armed(room: &Room) -> bool {
    let open = room.state.proposal.as_ref();
    open.is_some_and(|open| open.armed.is_some())
}

/// Signed, and known to Bob; the minute begins.
fn begun() -> Room {
    let mut room = proposed(PageDown::Refuse);
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    paged(&mut room, true);
    sign(&mut room, Touch::Present, None).expect("signed");
    witness(&mut room, "bob");
    room
}

/// How a break-glass is ended, with its name.
type End = (&'static str, fn(&mut Room));

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn one_attempt_goes_alone_after_a_minute_and_a_review_is_owed() {
    let mut room = begun();
    room.wait(seconds(59));
    assert!(!is_armed(&room));
    let why = room.ask("ann", go("drain")).expect_err("too early");
    assert!(why.reason.contains("can veto it for another 1s"), "{why}");
    room.wait(seconds(1));
    assert!(is_armed(&room));
    room.must("ann", go("drain"));
    let StepStatus::Active { stage } = room.status("drain") else {
        panic!("it runs");
    };
    assert_eq!(*stage, Stage::Running);
    let owed = room.state.review_owed().expect("owed").clone();
    assert_eq!((owed.person.as_str(), &*owed.reason), ("ann", REASON));
    assert!(owed.ran.glass.is_some());
    let note = "looked at the broker and its log";
    let review = |room: &Room, name: &str, touch| {
        let statement = review_statement(&room.state, &owed, &person(name), note);
        let command = Command::Review {
            step: id("drain"),
            attempt: AttemptNo(1),
            note: note.to_owned(),
            signed: Some(Signed {
                statement: statement.expect("it ran").expect("printable"),
                signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
                detached: false,
            }),
        };
        (by_key(name, touch), command)
    };
    let (bob, command) = review(&room, "bob", Touch::None);
    let why = say(&mut room, &bob, &command).expect_err("it runs");
    assert!(why.reason.contains("not known yet"), "{why}");
    room.exit(0);
    room.exit(0);
    let (ann, own) = review(&room, "ann", Touch::Present);
    let why = say(&mut room, &ann, &own).expect_err("her own");
    assert!(why.reason.contains("ran it alone"), "{why}");
    let unsigned = Command::Review {
        step: id("drain"),
        attempt: AttemptNo(1),
        note: note.to_owned(),
        signed: None,
    };
    let why = say(&mut room, &actor("bob"), &unsigned).expect_err("unsigned");
    assert!(why.reason.contains("is signed"), "{why}");
    say(&mut room, &bob, &command).expect("reviewed");
    assert_eq!(room.state.review_owed(), None);
    assert!(room.state.is_broken(&id("drain")));
    assert!(say(&mut room, &bob, &command).is_err(), "once is enough");
    room.check_fold();
}

#[test]
fn who_may_ask_and_with_what_reason() {
    let mut room = proposed(PageDown::Refuse);
    let why = say(&mut room, &actor("bob"), &ask(REASON)).expect_err("bob");
    assert!(
        why.reason.contains("roles operator and breakglass"),
        "{why}"
    );
    let why = say(&mut room, &actor("ann"), &ask("it burns")).expect_err("short");
    assert!(why.reason.contains("fewer than 20"), "{why}");
    let padded = format!("  x{}", " ".repeat(40));
    assert!(say(&mut room, &actor("ann"), &ask(&padded)).is_err());
    room.world.roster =
        Roster::Named([(person("ann"), BREAKGLASS), (person("bob"), BREAKGLASS)].into());
    let why = say(&mut room, &actor("bob"), &ask(REASON)).expect_err("not the executor");
    assert!(why.reason.contains("names `ann` as its executor"), "{why}");
    room.world.rules = Arc::new(rules());
    let why = say(&mut room, &actor("ann"), &ask(REASON)).expect_err("no hook");
    assert!(why.reason.contains("no program that pages"), "{why}");
}

#[test]
fn what_proves_it_is_strong() {
    for (touch, code, mode, is_enough) in [
        (Touch::None, None, Mode::Advisory, false),
        (Touch::None, Some(7), Mode::Advisory, true),
        (Touch::None, Some(7), Mode::Enforced, false),
        (Touch::Present, None, Mode::Enforced, true),
        (Touch::Verified, None, Mode::Advisory, true),
    ] {
        let mut room = proposed(PageDown::Refuse);
        say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
        paged(&mut room, true);
        // The mode is judged where it is decided; a fold of a mixed journal is none.
        let mut genesis = (*room.state.genesis).clone();
        genesis.mode = mode;
        room.state.genesis = Arc::new(genesis);
        let signed = sign(&mut room, touch, code);
        assert_eq!(signed.is_ok(), is_enough, "{touch:?} {code:?} {mode:?}");
    }
    let mut room = proposed(PageDown::Refuse);
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    paged(&mut room, true);
    // The owner of the server's account could have read the secret of the codes.
    room.world.owner = Some(person("ann"));
    assert!(sign(&mut room, Touch::None, Some(7)).is_err());
    room.world.keys.clear();
    assert!(sign(&mut room, Touch::Present, None).is_err(), "revoked");
}

#[test]
fn a_statement_is_about_this_reason_and_this_page() {
    let mut room = proposed(PageDown::Delay);
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    let early = statement(&room);
    let why = say(
        &mut room,
        &by_key("ann", Touch::Present),
        &signature(early, None),
    );
    assert!(why.expect_err("no page yet").reason.contains("being paged"));
    paged(&mut room, false);
    let right = statement(&room);
    assert!(right.contains("\npage: down\n"));
    let wrong = right.replace("page: down", "page: sent");
    let ann = by_key("ann", Touch::Present);
    assert!(say(&mut room, &ann, &signature(wrong, None)).is_err());
    assert!(say(&mut room, &ann, &signature(right, None)).is_ok());
}

#[test]
fn without_a_page_it_is_refused_or_takes_ten_minutes() {
    let mut room = proposed(PageDown::Refuse);
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    paged(&mut room, false);
    assert_eq!(room.state.glass(), None);
    assert!(
        room.state.proposal.is_some(),
        "a second person may still confirm"
    );
    room.confirm("bob").expect("as always");
    let mut room = proposed(PageDown::Delay);
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    paged(&mut room, false);
    sign(&mut room, Touch::Present, None).expect("signed");
    witness(&mut room, "bob");
    room.wait(seconds(599));
    assert!(!is_armed(&room));
    room.wait(seconds(1));
    assert!(is_armed(&room));
    // It must not outlive the proposal.
    let mut room = proposed(PageDown::Delay);
    room.wait(seconds(301));
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    paged(&mut room, false);
    let why = sign(&mut room, Touch::Present, None).expect_err("too late");
    assert!(why.reason.contains("expires in"), "{why}");
}

#[test]
fn everybody_attached_can_veto_until_it_runs() {
    for who in ["bob", "ann", "root", "shared"] {
        for waits in [0, 30, 60] {
            let mut room = begun();
            room.world.roster = Roster::Named([(person("ann"), BREAKGLASS)].into());
            room.wait(seconds(waits));
            veto(&mut room, who).expect("anybody");
            assert_eq!(room.state.proposal, None);
            let (_, why) = room.state.last_closed.clone().expect("closed");
            assert!(why.contains("vetoed by"), "{why}");
            assert!(room.ask("ann", go("drain")).is_err());
            assert_eq!(room.state.review_owed(), None);
            room.check_fold();
        }
    }
    let mut room = Room::proposed();
    assert!(veto(&mut room, "bob").is_err(), "nobody goes alone");
}

#[test]
fn somebody_else_has_to_know_of_it() {
    let mut room = proposed(PageDown::Refuse);
    say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
    let seq = Seq(room.state.head.0.0);
    paged(&mut room, true);
    sign(&mut room, Touch::Present, None).expect("signed");
    // What was kept before it was signed covers nothing; neither does what she keeps herself.
    let by = Witness::Person(person("bob"));
    hear(&mut room, &Input::Witnessed { seq, by });
    witness(&mut room, "ann");
    room.wait(seconds(120));
    assert!(!is_armed(&room) && !glass(&room).is_witnessed());
    let why = room.ask("ann", go("drain")).expect_err("unknown outside");
    assert!(why.reason.contains("checkpoint"), "{why}");
    let seq = room.state.head.0;
    let by = Witness::Place("/mnt/other-host".to_owned());
    hear(&mut room, &Input::Witnessed { seq, by });
    assert!(is_armed(&room));
}

#[test]
fn metrics_are_named_and_stop_nothing_but_holds_and_changes_do() {
    let unknown = Verdict::Unknown(Unknown::Never);
    for verdict in [Verdict::Fail, unknown] {
        let mut room = proposed(PageDown::Refuse);
        room.verdict(verdict);
        say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
        paged(&mut room, true);
        sign(&mut room, Touch::Present, None).expect("signed");
        assert!(glass(&room).guards[0].contains("error ratio"));
        witness(&mut room, "bob");
        room.wait(seconds(60));
        assert!(is_armed(&room), "{verdict:?}");
        room.must("ann", go("drain"));
    }
    let ends: [End; 6] = [
        ("hold", |room| room.must("bob", hold())),
        ("policy", |room| room.world.policy = None),
        ("runbook", |room| room.world.runbook = None),
        ("key", |room| room.world.keys.clear()),
        ("role", |room| {
            room.world.roster = Roster::Named([(person("ann"), Roles::BOTH)].into());
        }),
        ("absence", |room| {
            room.detach(0);
            room.wait(seconds(16));
        }),
    ];
    for (name, end) in ends {
        for waits in [0, 60] {
            let mut room = begun();
            room.wait(seconds(waits));
            end(&mut room);
            room.settle();
            assert_eq!(room.state.proposal, None, "{name} after {waits} s");
        }
    }
}

#[test]
fn a_second_person_who_comes_in_time_makes_it_an_ordinary_step() {
    let mut room = begun();
    room.wait(seconds(20));
    room.confirm("bob").expect("in time");
    assert!(is_armed(&room) && room.state.glass().is_none());
    room.must("ann", go("drain"));
    assert_eq!(room.state.review_owed(), None);
}

#[test]
fn a_clock_that_is_set_shortens_no_wait() {
    for (wall, boot, is_over) in [
        (60_000, 60_000, true),
        (3_600_000, 59_999, false),
        (59_999, 3_600_000, false),
        (-10_000, 60_000, false),
    ] {
        let mut room = begun();
        let ended = Moment {
            wall: Timestamp::from_millis(room.now.wall.as_millis() + wall),
            mono_ms: room.now.mono_ms + boot,
        };
        room.now = ended;
        // An hour on one clock ends the proposal besides: nothing is armed then either.
        room.settle();
        assert_eq!(is_armed(&room), is_over, "{wall} {boot}");
    }
}

#[test]
fn a_clock_that_nobody_believes_holds_a_break_glass_no_second_and_stops_two_people() {
    let mut room = begun();
    let mut genesis = (*room.state.genesis).clone();
    genesis.freezes = vec![crate::domain::freeze::Freeze {
        id: crate::domain::id::FreezeId::new("sale").expect("an id"),
        start: room.now.wall.plus(seconds(3600)),
        end: room.now.wall.plus(seconds(7200)),
        reason: "the sale".to_owned(),
        components: Vec::new(),
        except: Vec::new(),
    }];
    room.state.genesis = Arc::new(genesis);
    let main = crate::domain::id::ConnectorName::new("main").expect("a name");
    room.world.clock.hear(&main, Some(90_000), room.now);
    let mut two = room.clone();
    two.confirm("bob").expect("in time");
    assert!(!is_armed(&two), "whether the sale has begun is not known");
    room.wait(seconds(60));
    assert!(is_armed(&room));
    room.must("ann", go("drain"));
}

#[test]
fn it_never_survives_a_restart() {
    let mut room = begun();
    room.wait(seconds(60));
    for fact in super::super::restart::facts(&room.state, "warroom 0", "bastion") {
        room.record(&Actor::Engine, fact);
    }
    assert_eq!(room.state.proposal, None);
    assert!(room.ask("ann", go("drain")).is_err());
}

#[test]
fn a_failure_or_an_unknown_end_is_owed_a_review_too() {
    for is_lost in [false, true] {
        let mut room = begun();
        room.wait(seconds(60));
        room.must("ann", go("drain"));
        if is_lost {
            room.lose();
        } else {
            room.end(Outcome::TimedOut);
        }
        assert!(room.state.review_owed().is_some());
    }
}

#[test]
fn one_person_has_somebody_paged_a_few_times_an_hour_and_no_more() {
    let mut room = proposed(PageDown::Refuse);
    room.world.roster = match &room.world.roster {
        Roster::Named(people) => {
            let mut people = people.clone();
            people.insert(person("cho"), BREAKGLASS);
            Roster::Named(people)
        }
        Roster::Everybody => Roster::Everybody,
    };
    for _ in 0..PAGES_MAX {
        say(&mut room, &actor("ann"), &ask(REASON)).expect("asked");
        paged(&mut room, false);
        room.wait(seconds(60));
    }
    let before = room.records.len();
    let refused = say(&mut room, &actor("ann"), &ask(REASON)).expect_err("once too often");
    assert!(
        refused.reason.contains("paged 4 times within an hour"),
        "{refused}"
    );
    for word in [
        "a second person",
        "`cho` can propose it",
        "`ann` can again from ",
    ] {
        assert!(refused.hint.contains(word), "{refused}");
    }
    assert_eq!(room.records.len(), before, "nobody is paged");
    // In the fold too, whoever wrote it.
    let asked = Fact::Breakglass(Breakglass {
        step: id("drain"),
        attempt: AttemptNo(1),
        event: GlassEvent::Asked {
            reason: REASON.to_owned(),
            guards: Vec::new(),
        },
    });
    let record = stamp(room.state.head.0.next(), room.now, actor("ann"), asked);
    let folded = |room: &Room| check_apply(&mut room.state.clone(), &record);
    assert!(folded(&room).is_err());
    {
        let _off = Off::new(Some(Guard::GlassPages));
        assert_eq!(folded(&room), Ok(()));
        let mut room = proposed(PageDown::Refuse);
        for _ in 0..=PAGES_MAX {
            say(&mut room, &actor("ann"), &ask(REASON)).expect("the guard is off");
            paged(&mut room, false);
        }
    }
    // The first of them counts for an hour.
    let (ann, first) = (person("ann"), room.state.pages[&person("ann")][0]);
    let until = paged_out_until(&room.state, &ann, room.now.wall);
    assert_eq!(until, Some(first.plus(PAGES_SPAN)));
    assert_eq!(
        paged_out_until(&room.state, &ann, first.plus(PAGES_SPAN)),
        None
    );
    assert_eq!(
        paged_out_until(&room.state, &person("cho"), room.now.wall),
        None
    );
    room.check_fold();
}
