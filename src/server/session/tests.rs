//! What the session does with facts that cannot be, or that come for ever.

use super::*;
use crate::clock::ManualClock;
use crate::domain::fact::HoldCause;
use crate::domain::fixture::{Room, genesis, id, plan};
use crate::domain::id::{ConnectorName, SessionName};
use crate::domain::reading::ServerInfo;
use crate::domain::time::Timestamp;
use crate::server::checkpoints::Away;
use crate::server::start::{Options, Server};

mod amended;

/// What such a session is started with, and its clock.
fn options(place: &tempfile::TempDir) -> (Options, Arc<ManualClock>) {
    let now = Moment {
        wall: Timestamp::from_millis(1_700_000_000_000),
        mono_ms: 1_000_000,
    };
    let clock = Arc::new(ManualClock::at(now));
    let path = |name: &str| place.path().join(name);
    let options = Options {
        name: SessionName::new("db").expect("a name"),
        session_dir: path("db"),
        runtime_dir: path("run"),
        scope_dir: path("scope"),
        group: None,
        genesis: Some(Box::new(genesis(plan()))),
        people: PeopleSource::Accounts { rules: None },
        connectors: Vec::new(),
        base_env: std::collections::BTreeMap::new(),
        radius_depth: 1,
        output_bytes_max: 1024,
        runner: None,
        host_key: None,
        away: Away::default(),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        reader: None,
    };
    (options, clock)
}

/// A session that nobody is attached to, and its clock.
async fn session(place: &tempfile::TempDir) -> (Session, Arc<ManualClock>) {
    let (options, clock) = options(place);
    let server = Server::start(options).await.expect("starts");
    let mut session = server.into_session();
    session.settle();
    session.write().await.expect("durable");
    (session, clock)
}

fn notes(session: &Session) -> Vec<String> {
    let notes = session.ledger.staged().iter().map(|record| &record.fact);
    notes
        .map(|fact| match fact {
            Fact::NoteAdded { text, .. } => text.clone(),
            Fact::Held(HoldCause::Person { reason }) => format!("held: {reason}"),
            other => format!("{other:?}"),
        })
        .collect()
}

const SAID: &str = "the program came to what cannot be, and left it out: `maintenance.completed` cannot be now: it does not fit where the maintenance stands";

#[tokio::test]
async fn what_cannot_be_is_not_written_and_said_once() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut session, clock) = session(&place).await;
    let head = session.engine.state().head;
    for _ in 0..3 {
        let note = Fact::NoteAdded {
            step: None,
            text: "beside it".to_owned(),
        };
        let facts = vec![(Actor::Engine, note), (Actor::Engine, Fact::Completed)];
        let error = session.stage(facts, clock.now()).expect_err("cannot be");
        assert!(matches!(error, SealError::Impossible { .. }));
        assert!(not_recorded(&error).hint.contains("fault of this program"));
        assert!(session.is_unsettled, "it is tried again");
        // Nothing of what came with it either.
        assert_eq!(notes(&session), [SAID]);
    }
    session.write().await.expect("durable");
    assert_eq!(session.engine.state().head.0, head.0.next());
}

#[tokio::test]
async fn while_the_work_goes_on_what_cannot_be_holds_it() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut session, clock) = session(&place).await;
    let begun = vec![(Actor::Engine, Fact::Begun)];
    session.stage(begun, clock.now()).expect("it can begin");
    session.write().await.expect("durable");
    // As long as it follows from a state that should not be.
    session.settle_by(|_, _| vec![(Actor::Engine, Fact::Completed)]);
    session.settle_by(|_, _| vec![(Actor::Engine, Fact::Completed)]);
    assert_eq!(notes(&session), [format!("held: {SAID}")]);
    assert!(session.engine.tentative().is_held());
    // Somebody has looked, and it comes again: it holds again, and is not passed over in silence.
    let ann = crate::domain::fixture::actor("ann");
    let reason = "looked".to_owned();
    let released = vec![(ann, Fact::Released { reason })];
    session.stage(released, clock.now()).expect("it is held");
    assert!(!session.engine.tentative().is_held());
    session.settle_by(|_, _| vec![(Actor::Engine, Fact::Completed)]);
    session.settle_by(|_, _| vec![(Actor::Engine, Fact::Completed)]);
    assert_eq!(notes(&session).len(), 3);
    assert_eq!(notes(&session)[2], format!("held: {SAID}"));
    // What a person asks for holds nothing: they are told.
    let ann = crate::domain::fixture::actor("ann");
    let armed = Fact::StepArmed { step: id("drain") };
    session
        .stage(vec![(ann, armed)], clock.now())
        .expect_err("cannot be");
    assert_eq!(session.engine.tentative().holds.len(), 1);
    assert!(notes(&session)[3].contains("`step.armed` cannot be now"));
}

#[tokio::test]
async fn what_changes_nothing_is_recorded_once_and_what_never_ends_ends_for_now() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut session, _) = session(&place).await;
    session.is_unsettled = false;
    let note = |text: String| (Actor::Engine, Fact::NoteAdded { step: None, text });
    session.settle_by(|_, _| vec![note("again".to_owned())]);
    assert_eq!(notes(&session), ["again"]);
    assert!(std::mem::take(&mut session.is_unsettled));
    session.write().await.expect("durable");
    let mut asked = 0;
    session.settle_by(|_, _| {
        asked += 1;
        vec![note(asked.to_string())]
    });
    assert_eq!(session.ledger.staged().len(), SETTLE_MAX);
    assert!(session.is_unsettled, "it goes on with the next second");
    let mut left = 3;
    session.is_unsettled = false;
    session.settle_by(|_, _| {
        left -= 1;
        let is_more = left > 0;
        is_more
            .then(|| note(left.to_string()))
            .into_iter()
            .collect()
    });
    assert!(!session.is_unsettled, "it came to rest");
}

#[tokio::test]
async fn a_clock_that_is_not_believed_is_told_like_a_connector_in_trouble() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut session, _) = session(&place).await;
    let info = |skew| Reading::Info {
        source: ConnectorName::new("main").expect("a name"),
        info: ServerInfo {
            version: String::new(),
            clock_skew_ms: Some(skew),
        },
    };
    for (skew, told) in [
        (100, None),
        (-60_000, Some("the clock of `main` is 60s behind it")),
        (200, None),
    ] {
        let mut turn = Turn::default();
        session.on_reading(info(skew), &mut turn);
        session.finish(turn).await;
        assert_eq!(session.board.clock_doubt(), told);
    }
}

#[test]
fn the_record_of_a_room_can_be_staged() {
    // What rooms of tests take for granted: a fact that can be is taken.
    let room = Room::armed();
    let mut engine =
        Engine::new(crate::domain::apply::fold(room.records[..1].to_vec()).expect("opened"));
    for record in &room.records[1..] {
        engine.try_stage(record).expect("it can be");
    }
    assert_eq!(engine.tentative().head, room.state.head);
}
