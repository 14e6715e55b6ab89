//! What a session does with an amendment it has taken over, and what it does not take.

use super::*;
use crate::domain::runbook::plan::Risk;
use crate::domain::state::Stage;

#[test]
fn what_was_done_does_not_lose_its_way_back_to_a_phase_that_turns_round() {
    let room = Room::at_drain();
    objects(
        &room,
        |p| {
            p.phases[0].rollback = true;
            without(p, "look");
            without(p, "backup");
        },
        "`backup` is gone, and its phase is on the other way now",
    );
}

#[test]
fn what_ran_last_is_undone_first_wherever_it_stands() {
    let mut room = Room::at_drain();
    let more = edited(&room, |p| {
        let mut first = step("first", 0, vec![PlanBlock::Exec(exec(ExecRole::Run, "a"))]);
        first.undo = Some(exec(ExecRole::Undo, "un-a"));
        insert(p, 0, first);
    });
    amend(&mut room, &more);
    let names = |steps: Vec<&PlanStep>| -> Vec<String> {
        steps.iter().map(|step| step.id.to_string()).collect()
    };
    let undone = names(room.state.would_undo(&id("first")));
    assert_eq!(undone, ["first", "backup"], "it would run last");
    room.must("ann", start("first"));
    room.exit(0);
    let undone = names(room.state.would_undo(&id("drain")));
    assert_eq!(undone, ["drain", "first", "backup"]);
    room.must("ann", rollback());
    assert_eq!(room.running().expect("undoing").step, id("first"));
    room.exit(0);
    assert_eq!(room.running().expect("undoing").step, id("backup"));
    room.check_fold();
}

#[test]
fn a_step_whose_command_has_run_stays_about_the_same_thing() {
    let room = failed();
    objects(
        &room,
        |p| step_of(p, "backup").component = Some("db-2".to_owned()),
        "the `component` of step 1.1 `backup` is another",
    );
    objects(
        &room,
        |p| step_of(p, "backup").risk = Risk::Destructive,
        "the `risk` of step 1.1 `backup` is another",
    );
}

#[test]
fn a_step_whose_sub_steps_are_all_gone_is_done() {
    let mut plan = plan();
    let parts = step_of(&mut plan, "parts");
    parts.blocks = vec![PlanBlock::Exec(exec(ExecRole::Run, "parts"))];
    let mut room = Room::at_drain_of(plan);
    room.must("ann", skip("drain"));
    room.must("ann", skip("wipe"));
    room.must("ann", start("parts"));
    room.exit(0);
    let stage = Stage::SubSteps;
    assert_eq!(status(&room, "parts"), StepStatus::Active { stage });
    let fewer = edited(&room, |p| {
        without(p, "part-a");
        without(p, "part-b");
    });
    amend(&mut room, &fewer);
    assert!(matches!(status(&room, "parts"), StepStatus::Done { .. }));
    room.check_fold();
}

#[test]
fn what_is_seconded_is_what_was_read() {
    let mut room = failed();
    let other = edited(&room, |p| {
        step_of(p, "backup").title = "better".to_owned();
    });
    moved(&mut room, &other).expect("moved");
    let read = second(&room);
    let no = room.state.motions.newest;
    let unread = Command::Second {
        no,
        adopted: None,
        signed: None,
    };
    let refusal = room.ask("bob", unread).expect_err("nothing was read");
    assert!(refusal.reason.contains("steps went on"), "{refusal}");
    // From here on it is over, and stays as it ran.
    room.must("ann", skip("backup"));
    let refusal = room.ask("bob", read).expect_err("another plan by now");
    assert_eq!(refusal.hint, "press Y and read it again");
    let again = second(&room);
    room.must("bob", again);
}

#[test]
fn what_a_person_does_by_hand_is_what_is_written_there() {
    let mut room = Room::new();
    let told_of = edited(&room, |p| {
        step_of(p, "look").prose = "at the other one".to_owned();
        step_of(p, "backup").prose = "it takes a while".to_owned();
    });
    let adopted = adopt(&room.state, &told_of).expect("fits");
    assert_eq!(told(&adopted), ["changed: step 1.1 `look`"]);
    room = Room::at_drain();
    room.must("ann", skip("drain"));
    room.must("ann", start("wipe"));
    objects(
        &room,
        |p| step_of(p, "wipe").prose = "the other disk".to_owned(),
        "`wipe` is changed, and it is under way",
    );
}

#[test]
fn more_than_anybody_reads_is_refused() {
    let mut room = Room::new();
    let long = edited(&room, |p| p.briefing = "line\n".repeat(DIFF_LINES_MAX + 1));
    let refusal = moved(&mut room, &long).expect_err("too long");
    assert!(refusal.reason.contains("than anybody reads"), "{refusal}");
}

#[test]
fn the_environment_stays_while_anything_goes_on() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", skip("backup"));
    let other = |p: &mut Plan| {
        p.environment.insert("HOST".to_owned(), "db-2".to_owned());
    };
    assert!(whys(&room, &edited(&room, other)).is_empty());
    // Its check has run and nothing that could be undone.
    room.must("ann", start("drain"));
    objects(&room, other, "the environment is another: `HOST`");
}
