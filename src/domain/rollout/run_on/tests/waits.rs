//! What a rollout that goes by itself waits for beside its floors.

use super::*;

#[test]
fn a_floor_measured_before_anything_else_ended_is_measured_anew() {
    let steps =
        format!("{ONE_STEP}\n## Last\n\n- [ ] Tidy up\n  ```sh run id=tidy\n  true\n  ```\n");
    let mut plan = plan(&format!("{THREE}\nfloor = \"sum(up) >= 2\""), &steps);
    // Another phase comes first.
    plan.phases.swap(0, 1);
    let tidy = plan.steps.pop().expect("the last");
    plan.steps.insert(0, tidy);
    for step in &mut plan.steps {
        step.phase = 1 - step.phase;
    }
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.must("ann", start("tidy"));
    let early = room.now.wall;
    room.wait(Duration::from_secs(2));
    room.exit(0);
    floor(&mut room, Ok(3.0), early);
    let phase = 1;
    room.must("ann", Command::RunOn { phase, on: true });
    assert_eq!(room.running(), None);
    room.wait(Duration::from_secs(2));
    let now = room.now.wall;
    floor(&mut room, Ok(3.0), now);
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.check_fold();
}

#[test]
fn nothing_begins_while_nobody_knows_which_alerts_fire() {
    let mut plan = plan(THREE, ONE_STEP);
    plan.expect_alerts = vec!["Lag".to_owned()];
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.world.alerts.known = Err("`am` does not answer".to_owned());
    room.must("ann", word(true));
    assert_eq!(room.running(), None);
    let mut board = Board::default();
    let am = crate::domain::id::ConnectorName::new("am").expect("a name");
    board.alerts.insert(am, Vec::new());
    let line = what_now(&room.state, &board, room.now, &actor("ann"));
    let why = "which alerts fire is not known: `am` does not answer";
    assert_eq!(line.why, why);
    assert!(room.state.runs_on().is_some(), "it waits");
    room.world.alerts.known = Ok(());
    room.settle();
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.check_fold();
}

#[test]
fn nothing_begins_by_a_clock_that_nobody_believes() {
    let mut room = room(THREE, ONE_STEP);
    with_window(&mut room, 7200);
    let main = crate::domain::id::ConnectorName::new("main").expect("a name");
    room.world.clock.hear(&main, Some(90_000), room.now);
    let why = refused(&mut room, word(true));
    assert!(why.contains("nobody knows what time it is"), "{why}");
    room.world.clock.hear(&main, Some(0), room.now);
    room.must("ann", word(true));
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.world.clock.hear(&main, Some(90_000), room.now);
    room.exit(0);
    assert_eq!(room.running(), None);
    let mut board = Board::default();
    let health = crate::domain::reading::ConnectorHealth {
        connector: crate::domain::id::ConnectorName::new("clock").expect("a name"),
        system: "clock".to_owned(),
        liveness: crate::domain::reading::Liveness::Stale,
        last_good: None,
        last_error: "it jumped".to_owned(),
        failures: 0,
        next_try: None,
        latency: Duration::ZERO,
        can: Vec::new(),
    };
    board.absorb(crate::domain::reading::Reading::Health(health));
    let line = what_now(&room.state, &board, room.now, &actor("ann"));
    assert_eq!(line.why, "the clock is not believed, since it jumped");
    room.world.clock.hear(&main, Some(0), room.now);
    room.settle();
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
}

#[test]
fn nothing_begins_while_nobody_can_read_who_people_are() {
    let mut room = room(THREE, ONE_STEP);
    room.must("ann", word(true));
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    let known = room.world.policy.take();
    room.world.unread = "`people.toml` is no file".to_owned();
    room.exit(0);
    room.wait(Duration::from_secs(3600));
    assert_eq!(room.running(), None);
    assert_eq!(room.status("restart.b"), &StepStatus::Pending);
    assert!(room.state.runs_on().is_some(), "it waits");
    let mut board = Board::default();
    let name = crate::domain::board::PEOPLE;
    let mut health = crate::domain::reading::ConnectorHealth {
        connector: crate::domain::id::ConnectorName::new(name).expect("a name"),
        system: "prometheus".to_owned(),
        liveness: crate::domain::reading::Liveness::Stale,
        last_good: None,
        last_error: room.world.unread.clone(),
        failures: 1,
        next_try: None,
        latency: Duration::ZERO,
        can: Vec::new(),
    };
    board.absorb(crate::domain::reading::Reading::Health(health.clone()));
    assert_eq!(
        board.people_doubt(),
        None,
        "a connector says nothing of people"
    );
    health.system = name.to_owned();
    board.absorb(crate::domain::reading::Reading::Health(health));
    let line = what_now(&room.state, &board, room.now, &actor("ann"));
    let why = "the people file cannot be read: `people.toml` is no file";
    assert_eq!(line.why, why);
    assert!(line.what.ends_with("waits before it begins by itself"));
    // Read again, it goes on by itself; but not where who said it has lost their role by now.
    room.world.policy = known;
    room.settle();
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
    room.world.policy = None;
    room.exit(0);
    assert_eq!(room.running(), None);
    let observer = BTreeMap::from([(person("ann"), Roles::OBSERVER)]);
    room.world.roster = Roster::Named(observer);
    room.world.policy = known;
    room.settle();
    assert_eq!(room.running(), None);
    assert_eq!(halted(&room), Some(Halt::Role));
    room.check_fold();
}

#[test]
fn an_account_without_a_person_that_said_it_must_be_there_too() {
    let mut room = room(THREE, ONE_STEP);
    room.attach(7, "root");
    room.must("root", word(true));
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.detach(7);
    room.exit(0);
    assert_eq!(room.running(), None);
    let said = line(&room);
    assert!(said.contains("who said so, is away"), "{said}");
    room.attach_as(8, "root", true);
    room.attach(9, "shared");
    assert_eq!(room.running(), None);
    room.attach(10, "root");
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
    room.check_fold();
}
