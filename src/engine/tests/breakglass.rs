//! Break-glass from the first word to the review: each guard by itself, random orders of events against a record of what
//! really happened, and the same with each guard switched off, which must be noticed (`TWO_PERSON` 4.8, 10.3).

use super::super::breakglass::facts as news;
use super::super::input::{Input, Witness};
use crate::domain::command::{Command, Evidence, Refusal, Signed};
use crate::domain::confirm::policy::{PageDown, Rules};
use crate::domain::confirm::statement::{breakglass_statement, review_statement};
use crate::domain::decide::decide;
use crate::domain::fact::{
    Actor, Breakglass, CloseCause, Fact, GlassEvent, Mode, Outcome, Page, Touch, Via,
};
use crate::domain::fixture::*;
use crate::domain::id::{AttemptNo, Seq};
use crate::domain::mutant::{Guard, Off};
use crate::domain::state::{Glass, Stage, StepStatus};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::{Roles, Roster};
use proptest::prelude::*;
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

/// What may happen, in any order.
#[derive(Debug, Clone, Copy)]
enum Act {
    Ask,
    Page(bool),
    Sign(Touch, bool),
    Keep(bool),
    Veto,
    Wait(u64),
    Wall(i64),
    Go,
    Confirm,
}

/// Does it as the server would; what is refused changes nothing.
fn act(room: &mut Room, act: Act) {
    match act {
        Act::Ask => drop(say(room, &actor("ann"), &ask(REASON))),
        Act::Page(is_sent) => paged(room, is_sent),
        Act::Sign(touch, has_code) if room.state.glass().is_some() => {
            drop(sign(room, touch, has_code.then_some(7)));
        }
        Act::Sign(..) => {}
        Act::Keep(is_bob) => witness(room, if is_bob { "bob" } else { "ann" }),
        Act::Veto => drop(veto(room, "cho")),
        Act::Wait(span) => room.wait(seconds(span)),
        Act::Wall(ms) => {
            room.now.wall = Timestamp::from_millis(room.now.wall.as_millis() + ms);
            room.settle();
        }
        Act::Go => drop(room.ask("ann", go("drain"))),
        Act::Confirm => drop(room.confirm("bob")),
    }
}

/// What is wrong with what was spawned, judged by the records alone and not by the state.
fn wrong(room: &Room, page_down: PageDown) -> Option<&'static str> {
    let facts = &room.records;
    let intent = facts
        .iter()
        .find(|r| matches!(r.fact, Fact::ExecIntent { nonce: Some(_), .. }))?;
    let before = || facts.iter().filter(|r| r.seq < intent.seq);
    let glass = |wanted: fn(&GlassEvent) -> bool| {
        before().filter(
            move |r| matches!(&r.fact, Fact::Breakglass(Breakglass { event, .. }) if wanted(event)),
        )
    };
    let event = |r: &crate::domain::fact::Stamped| match &r.fact {
        Fact::Breakglass(fact) => Some(fact.event.clone()),
        _ => None,
    };
    if before().any(|r| matches!(r.fact, Fact::StepArmed { .. })) {
        let confirmed = before().any(|r| matches!(r.fact, Fact::StepConfirmed(_)));
        return (!confirmed).then_some("armed without a second person");
    }
    let Some(begun) = glass(|e| matches!(e, GlassEvent::Begun { .. })).next_back() else {
        return Some("nobody signed it");
    };
    let paged = glass(|e| matches!(e, GlassEvent::Paged { .. }))
        .next_back()
        .and_then(event);
    let Some(GlassEvent::Paged { page }) = paged else {
        return Some("nobody was paged");
    };
    let wait = match (page, page_down) {
        (Page::Sent, _) => 60_000,
        (Page::Down { .. }, PageDown::Delay) => 600_000,
        (Page::Down { .. }, PageDown::Refuse) => return Some("the page is down"),
    };
    let wall = intent.at.wall.as_millis() - begun.at.wall.as_millis();
    if wall < wait || intent.at.mono_ms - begun.at.mono_ms < wait.unsigned_abs() {
        return Some("the wait was not over");
    }
    let covers = |r: &&crate::domain::fact::Stamped| matches!(event(r), Some(GlassEvent::Witnessed { seq, by }) if seq >= begun.seq && by != "ann");
    if !before().any(|r| covers(&r)) {
        return Some("nobody else knew of it");
    }
    if glass(|e| matches!(e, GlassEvent::Vetoed)).next().is_some() {
        return Some("somebody had said no");
    }
    let Actor::Person { via, .. } = &begun.actor else {
        return Some("nobody signed it");
    };
    let has_code = matches!(event(begun), Some(GlassEvent::Begun { code: Some(_), .. }));
    let is_strong = via.strength() >= 4 || (via.strength() == 3 && has_code);
    (!is_strong).then_some("it was too weak")
}

fn any_act() -> impl Strategy<Value = Act> {
    let touch = prop_oneof![Just(Touch::None), Just(Touch::Present)];
    prop_oneof![
        3 => Just(Act::Ask),
        3 => prop::bool::weighted(0.8).prop_map(Act::Page),
        4 => (touch, any::<bool>()).prop_map(|(touch, code)| Act::Sign(touch, code)),
        4 => prop::bool::weighted(0.8).prop_map(Act::Keep),
        1 => Just(Act::Veto),
        5 => prop::sample::select(vec![1_u64, 10, 59, 60, 200, 290]).prop_map(Act::Wait),
        1 => prop::sample::select(vec![-61_000_i64, 1_500, 61_000]).prop_map(Act::Wall),
        4 => Just(Act::Go),
        1 => Just(Act::Confirm),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_nothing_runs_alone_before_its_time(
        acts in prop::collection::vec(any_act(), 4..24),
        delays in any::<bool>(),
    ) {
        let page_down = if delays { PageDown::Delay } else { PageDown::Refuse };
        let mut room = proposed(page_down);
        for one in acts {
            act(&mut room, one);
        }
        prop_assert_eq!(wrong(&room, page_down), None);
        room.check_fold();
    }
}

/// For each guard an order of events that it alone stops.
#[test]
fn the_loss_of_any_guard_would_be_noticed() {
    use Act::{Ask, Go, Keep, Page as Paged, Sign, Veto, Wait};
    let strong = Sign(Touch::Present, false);
    let cases = [
        (
            Guard::GlassWait,
            vec![Ask, Paged(true), strong, Keep(true), Wait(10), Go],
        ),
        (
            Guard::GlassPage,
            vec![Ask, Paged(false), strong, Keep(true), Wait(60), Go],
        ),
        (
            Guard::GlassWitness,
            vec![Ask, Paged(true), strong, Wait(60), Go],
        ),
        (
            Guard::GlassEvidence,
            vec![
                Ask,
                Paged(true),
                Sign(Touch::None, false),
                Keep(true),
                Wait(60),
                Go,
            ],
        ),
        (
            Guard::GlassVeto,
            vec![Ask, Paged(true), strong, Keep(true), Veto, Wait(60), Go],
        ),
    ];
    for (guard, acts) in cases {
        for switched in [None, Some(guard)] {
            let off = Off::new(switched);
            let mut room = proposed(PageDown::Refuse);
            for one in &acts {
                act(&mut room, *one);
            }
            let found = wrong(&room, PageDown::Refuse);
            assert_eq!(found.is_some(), switched.is_some(), "{guard:?}: {found:?}");
            drop(off);
        }
    }
}

#[test]
fn the_usual_way_runs_so_that_the_properties_are_about_something() {
    use Act::{Ask, Go, Keep, Page as Paged, Sign, Wait};
    let mut room = proposed(PageDown::Refuse);
    for one in [
        Ask,
        Paged(true),
        Sign(Touch::None, true),
        Keep(true),
        Wait(60),
        Go,
    ] {
        act(&mut room, one);
    }
    assert!(room.running().is_some());
    assert_eq!(wrong(&room, PageDown::Refuse), None);
    let vetoed = CloseCause::Vetoed {
        by: "bob".to_owned(),
    };
    assert_eq!(vetoed.to_string(), "break-glass vetoed by bob");
}
