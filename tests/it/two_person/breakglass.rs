//! One person alone in an emergency: paged, signed, vetoed by whoever is attached, run, reviewed, and locked after two
//! (`TWO_PERSON` 4.8, E11). The minute of the countdown is a real one, once.

use super::agent::Agent;
use super::confirms::{code_of, touch_key};
use super::program::{Program, step};
use super::seat::Seat;
use super::stage::{ALICE_SECRET, BRISK, Layout, ROOM, SHARED, Stage, cannot, own};
use crate::harness::{run, said, set_mode, stdout_of, try_wait, wait_until};
use crate::services::{ALICE, BOB};
use rustix::process::{Signal, kill_process};
use std::fs;
use warroom::domain::command::Command;
use warroom::domain::id::AttemptNo;

const REASON: &str = "the primary loses writes and nobody answers the phone";

/// Alice may go alone, with a security key; bob reviews with a plain one.
struct Night {
    stage: Stage,
    hers: Agent,
    his: Agent,
}

impl Night {
    /// The host at night. `hook` is the script that pages, `more` what the rules say of a page that is down.
    fn falls(test: &str, hook: &str, more: &str) -> Option<Self> {
        Self::falls_on(test, Layout::default(), hook, more)
    }

    fn falls_on(test: &str, layout: Layout, hook: &str, more: &str) -> Option<Self> {
        if cannot(test) {
            return None;
        }
        let mut stage = Stage::new(layout);
        let library = touch_key(&mut stage, test, "alice-touch", "alice")?;
        let script = format!(
            "#!/bin/sh\ncd \"{}\"\n{hook}\n",
            stage.place.join("marks").display()
        );
        let page = stage.place.write("bin/page", &script);
        set_mode(&page, 0o755);
        let rules = format!(
            "{BRISK}[breakglass]\npage_hook = [\"{}\", \"--now\"]\n{more}",
            page.display()
        );
        stage.place.write("etc/warroom/rules.toml", &rules);
        let people = stage.policy("people.toml");
        let listed = fs::read_to_string(&people).expect("installed");
        let listed = listed.replacen("\"approver\"", "\"approver\", \"breakglass\"", 1);
        stage.place.write("etc/warroom/people.toml", &listed);
        let hers = Agent::start(&stage, "hers", "exit 1");
        hers.add(&["-S", &library], &stage.key_file("alice-touch"));
        let his = Agent::with_key(&stage, "his", "bob");
        Some(Self { stage, hers, his })
    }

    /// Alice has proposed in a new session, and bob is attached.
    fn session(&self, name: &str) -> (Seat, Seat) {
        let stage = &self.stage;
        stage.start(name);
        let alice = stage.seat(&format!("{name}-alice"), ALICE, Some(&self.hers.socket()));
        let bob = stage.seat(&format!("{name}-bob"), BOB, Some(&self.his.socket()));
        alice.attach(name);
        bob.attach(name);
        alice.begin(stage, name);
        alice.propose(stage, name);
        (alice, bob)
    }

    /// Alice signs; the wait is that long.
    fn sign(&self, session: &str, alice: &Seat, wait_s: u32) {
        let stage = &self.stage;
        let before = stage.records_of(session, "breakglass.begun").len();
        alice.wait_said("sign it for");
        alice.press(&["!"]);
        let question = alice.wait_said("sign the break-glass?");
        assert!(question.contains("sha256:"), "{question}");
        alice.press(&["y"]);
        wait_until("the signature", || {
            stage.records_of(session, "breakglass.begun").len() > before
        });
        let begun = stage.records_of(session, "breakglass.begun");
        let newest = begun.last().expect("there is one");
        assert_eq!(newest["fact"]["event"]["wait_s"], wait_s, "{newest}");
        let via = newest["via"].to_string();
        assert!(via.contains("sshsig+up:"), "{via}");
    }

    /// Bob reviews what alice ran alone.
    fn review(&self, session: &str, bob: &Seat) {
        let stage = &self.stage;
        // Its server may end, and another one takes the review.
        let mut kill = stage.warroom_in(ROOM);
        let killed = run(kill.args(["kill-session", "-t", session]));
        assert!(killed.status.success(), "{}", said(&killed));
        bob.wait_said("session server ended");
        let mut again = stage.warroom_in(ROOM);
        stdout_of(again.args(["run", "-d", "-t", session]));
        bob.type_line(&format!("clear; warroom attach -t {session}"));
        bob.wait_said("REVIEW OWED");
        bob.press(&["O"]);
        bob.wait_said("You sign what you write here");
        bob.type_line("looked at the broker and its log: as said");
        stage.wait_record(session, "breakglass.reviewed", "as said");
        assert_eq!(stage.status(session)["review_owed"], false);
    }
}

/// Alice says why, and somebody is paged.
fn say_why(alice: &Seat) {
    alice.press(&["!"]);
    alice.wait_said("Somebody is paged, and everybody sees why");
    alice.type_line(REASON);
}

#[test]
fn one_person_goes_alone_after_a_minute_and_another_one_reviews_it() {
    let test = "two_person::breakglass::one_person_goes_alone";
    let Some(night) = Night::falls(test, "cat >paged", "") else {
        return;
    };
    let stage = &night.stage;
    let (alice, bob) = night.session("fire");
    say_why(&alice);
    stage.wait_record("fire", "breakglass.paged", "sent");
    let page = fs::read_to_string(stage.place.join("marks/paged")).expect("paged");
    let page: serde_json::Value = serde_json::from_str(&page).expect("one JSON object");
    assert_eq!(
        (&page["person"], &page["reason"]),
        (&"alice".into(), &REASON.into())
    );
    assert_eq!(page["step"], "touch");
    night.sign("fire", &alice, 60);
    // Whoever is attached sees it in every view, with the key that stops it.
    for (key, view) in [
        ("2", "runbook"),
        ("3", "metrics"),
        ("4", "timeline"),
        ("5", "CONFIRM"),
    ] {
        bob.press(&[key]);
        bob.wait(view);
        bob.wait_said("ctrl-x VETOES");
    }
    bob.insist("Escape", |screen| !screen.contains("CONFIRM"));
    bob.press(&["1"]);
    bob.wait("checklist");
    bob.wait_said("ctrl-x VETOES");
    let told = stage.warroom(&["ls"]);
    assert!(said(&told).contains("BREAK-GLASS"), "{}", said(&told));
    // Bob's terminal keeps a checkpoint of it: that is outside of what alice could change.
    stage.wait_record("fire", "breakglass.witnessed", "bob");
    stage.wait_step("fire", "awaiting-second");
    assert_eq!(stage.runs("fire"), 0, "a signature is not go");
    // A minute is longer than anything else here waits.
    let is_armed = || (!stage.records_of("fire", "breakglass.armed").is_empty()).then_some(());
    assert!(try_wait(is_armed).or_else(|| try_wait(is_armed)).is_some());
    alice.go();
    stage.wait_step("fire", "done");
    assert_eq!(stage.runs("fire"), 1);
    bob.wait_said("REVIEW OWED");
    bob.wait_said("done ALONE");
    // It ends as what it is.
    alice.press(&["E"]);
    alice.wait("complete the maintenance?");
    alice.press(&["y"]);
    alice.wait_said("REVIEW OWED");
    assert_eq!(stage.status("fire")["review_owed"], true);
    let verified = stage.warroom(&["verify", "fire"]);
    assert_eq!(verified.status.code(), Some(7), "{}", said(&verified));
    assert!(said(&verified).contains("OWED"), "{}", said(&verified));
    // Not by herself.
    alice.press(&["O"]);
    alice.wait_said("You sign what you write here");
    alice.type_line("all is well");
    stage.wait_record("fire", "step.refused", "cannot review it too");
    // The dummy key always says the same number, and what is told of that may come over the answer.
    alice.press(&["4"]);
    alice.wait_said("cannot review it too");
    night.review("fire", &bob);
    let verified = stage.verifies("fire");
    let notes = verified["notes"].to_string();
    assert!(notes.contains("alone; reviewed by `bob`"), "{notes}");
    assert_eq!(stage.runs("fire"), 1);
}

#[test]
fn anybody_attached_vetoes_with_one_key_and_two_in_an_hour_lock() {
    let test = "two_person::breakglass::anybody_attached_vetoes";
    let Some(night) = Night::falls(test, "exit 0", "") else {
        return;
    };
    let stage = &night.stage;
    let (alice, bob) = night.session("veto");
    // From a terminal that may only look, on an account that is nobody's.
    let onlooker = stage.seat("onlooker", SHARED, None);
    onlooker.attach_with("veto", "-r");
    say_why(&alice);
    night.sign("veto", &alice, 60);
    onlooker.wait_said("ctrl-x VETOES");
    onlooker.press(&["C-x"]);
    stage.wait_record("veto", "breakglass.vetoed", "uid-");
    stage.wait_step("veto", "needs-proposal");
    alice.press(&["4"]);
    alice.wait_said("break-glass vetoed by");
    alice.press(&["1"]);
    alice.wait("checklist");
    // By bob, with a popup open over what he sees.
    alice.propose(stage, "veto");
    say_why(&alice);
    night.sign("veto", &alice, 60);
    bob.wait_said("ctrl-x VETOES");
    bob.press(&["?"]);
    bob.press(&["C-x"]);
    wait_until("bob's veto", || {
        stage.records_of("veto", "breakglass.vetoed").len() == 2
    });
    stage.wait_step("veto", "needs-proposal");
    assert_eq!(stage.runs("veto"), 0);
    stage.verifies("veto");
    // In another session of this host, alice is locked; nobody is paged for it.
    let (alice, _bob) = night.session("again");
    say_why(&alice);
    alice.wait_said("twice within an hour and is locked");
    stage.wait_record("again", "step.refused", "is locked until");
    assert!(stage.records_of("again", "breakglass.asked").is_empty());
}

#[test]
fn a_page_that_fails_refuses_and_one_that_hangs_is_waited_for() {
    let test = "two_person::breakglass::a_page_that_fails_refuses";
    let hook = "while [ -e hang ]; do sleep 0.1; done\n[ -e deaf ] && exec sleep 1000\n\
                echo no route to the pager >&2\nexit 4";
    let Some(night) = Night::falls(test, hook, "page_down = \"refuse\"\n") else {
        return;
    };
    let stage = &night.stage;
    let mark = |name: &str| stage.place.join(&format!("marks/{name}"));
    fs::write(mark("hang"), "").expect("written");
    own(&mark("hang"), ROOM);
    let (alice, bob) = night.session("refuse");
    say_why(&alice);
    // While it hangs nothing can be signed, and everybody sees what is waited for.
    bob.wait_said("somebody is being paged");
    alice.press(&["!"]);
    alice.wait_said("wait until that has ended");
    fs::remove_file(mark("hang")).expect("it was there");
    stage.wait_record("refuse", "breakglass.ended", "no route to the pager");
    stage.wait_step("refuse", "awaiting-second");
    assert!(stage.records_of("refuse", "breakglass.begun").is_empty());
    // A second person can still confirm what is on the table.
    bob.confirm();
    stage.wait_step("refuse", "armed");
    alice.go();
    stage.wait_step("refuse", "done");
    assert_eq!(stage.status("refuse")["review_owed"], false);
    // The policy may go on without a page: then everybody has ten minutes. This one never ends, and is ended.
    let rules = fs::read_to_string(stage.policy("rules.toml")).expect("installed");
    let rules = rules.replace("\"refuse\"", "\"delay\"");
    stage.place.write("etc/warroom/rules.toml", &rules);
    fs::write(mark("deaf"), "").expect("written");
    let (alice, bob) = night.session("delay");
    say_why(&alice);
    stage.wait_record("delay", "breakglass.paged", "no end within 30 s");
    night.sign("delay", &alice, 600);
    bob.wait_said("PAGE NOT SENT");
    bob.wait_said("ctrl-x VETOES");
    bob.press(&["C-x"]);
    stage.wait_step("delay", "needs-proposal");
}

#[test]
fn a_server_killed_in_the_countdown_forgets_it_and_two_people_go_on() {
    let test = "two_person::breakglass::a_server_killed_in_the_countdown";
    let Some(night) = Night::falls(test, "exit 0", "") else {
        return;
    };
    let stage = &night.stage;
    let (alice, bob) = night.session("killed");
    say_why(&alice);
    night.sign("killed", &alice, 60);
    bob.wait_said("ctrl-x VETOES");
    let server = stage.server_pid("killed");
    kill_process(server, Signal::KILL).expect("it was alive");
    wait_until("the session to be taken up again", || {
        let mut again = stage.warroom_in(ROOM);
        run(again.args(["run", "-d", "-t", "killed"]))
            .status
            .success()
    });
    stage.wait_step("killed", "needs-proposal");
    let closed = stage.records_of("killed", "step.closed");
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert!(closed[0].to_string().contains("restart"), "{closed:?}");
    // No word of before goes on, and two people do, by a new proposal.
    let mut hers = Program::attach(stage, ALICE, "killed");
    assert!(hers.ask(Command::go(step(), AttemptNo(1))).is_some());
    let reason = String::new();
    assert_eq!(hers.ask(Command::release(reason)), None);
    assert_eq!(hers.ask(Command::propose(step())), None);
    stage.wait_step("killed", "awaiting-second");
    let mut his = Program::attach(stage, BOB, "killed");
    assert_eq!(his.confirm_with(stage, "bob", "bob", false), None);
    stage.wait_step("killed", "armed");
    let attempt = his.state.proposal.as_ref().expect("open").terms.attempt;
    assert_eq!(hers.ask(Command::go(step(), attempt)), None);
    stage.wait_step("killed", "done");
    assert_eq!(stage.runs("killed"), 1);
    assert!(stage.records_of("killed", "breakglass.armed").is_empty());
    assert_eq!(stage.status("killed")["review_owed"], false);
    stage.verifies("killed");
}

#[test]
fn a_plain_key_and_a_code_beside_it_break_the_glass_where_no_runner_is() {
    let test = "two_person::breakglass::a_plain_key_and_a_code_beside_it";
    let layout = Layout {
        codes: true,
        ..Layout::default()
    };
    let Some(night) = Night::falls_on(test, layout, "exit 0", "") else {
        return;
    };
    let stage = &night.stage;
    stage.start("code");
    let plain = Agent::with_key(stage, "plain", "alice");
    let alice = stage.seat("code-alice", ALICE, Some(&plain.socket()));
    let bob = stage.seat("code-bob", BOB, None);
    alice.attach("code");
    bob.attach("code");
    alice.begin(stage, "code");
    alice.propose(stage, "code");
    say_why(&alice);
    alice.wait_said("sign it for");
    let give = |code: &str| {
        alice.press(&["!"]);
        alice.wait_said("give a one-time code beside it");
        alice.press(&["c"]);
        alice.wait_said("the code your authenticator shows now");
        alice.type_line(code);
    };
    give("000000");
    alice.wait_said("the code is wrong");
    assert!(stage.records_of("code", "breakglass.begun").is_empty());
    alice.escape();
    give(&code_of(ALICE_SECRET));
    stage.wait_record("code", "breakglass.begun", "sshsig:");
    let begun = stage.records_of("code", "breakglass.begun");
    assert!(begun[0]["fact"]["event"]["code"].is_u64(), "{begun:?}");
    bob.wait_said("ctrl-x VETOES");
    bob.press(&["C-x"]);
    stage.wait_step("code", "needs-proposal");
    assert_eq!(stage.runs("code"), 0);
    stage.verifies("code");
}
