//! What the rule costs two people: keys and seconds from the proposal, with the waits that the default rules ask for.

use super::agent::Agent;
use super::seat::Seat;
use super::stage::{Layout, Stage, cannot};
use crate::harness::said;
use crate::services::{ALICE, BOB};
use std::time::Instant;

/// The rules without a line of their own: the check, and the whole dwell.
const AS_DELIVERED: &str = "# nothing here: defaults\n";

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "real people wait in real time")]
    Instant::now()
}

struct Pair<'a> {
    stage: &'a Stage,
    session: &'static str,
    alice: Seat,
    bob: Seat,
    started: Instant,
}

impl<'a> Pair<'a> {
    /// Both attached, the step at the point where it is proposed; counts from there.
    fn at_the_start(stage: &'a Stage, laptop: &Agent, session: &'static str) -> Self {
        stage.start(session);
        let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
        let bob = stage.seat(&format!("{session}-bob"), BOB, Some(&laptop.socket()));
        alice.attach(session);
        bob.attach(session);
        alice.begin(stage, session);
        alice.forget_keys();
        bob.forget_keys();
        let started = now();
        alice.propose(stage, session);
        bob.review();
        Self {
            stage,
            session,
            alice,
            bob,
            started,
        }
    }

    fn tell(&self, what: &str) -> (f64, usize) {
        let seconds = now().duration_since(self.started).as_secs_f64();
        let (alice, bob) = (self.alice.keys(), self.bob.keys());
        eprintln!(
            "\nMEASURE two-person {what}: {seconds:.1} s, {} keys (proposer {alice}, confirmer {bob})",
            alice + bob
        );
        (seconds, alice + bob)
    }
}

#[test]
fn a_confirm_a_mismatch_and_a_reject_take_few_keys_and_seconds() {
    if cannot("two_person::measures::a_confirm_a_mismatch_and_a_reject") {
        return;
    }
    let stage = Stage::new(Layout {
        rules: AS_DELIVERED,
        ..Layout::default()
    });
    let laptop = Agent::with_key(&stage, "laptop", "bob");

    let pair = Pair::at_the_start(&stage, &laptop, "straight");
    pair.bob.check();
    let words = pair.bob.read();
    pair.bob.type_words(&words);
    pair.alice.go();
    stage.wait_record(pair.session, "exec.spawned", "");
    let (seconds, keys) = pair.tell("from propose to running");
    assert!(
        seconds < 30.0 && keys < 60,
        "the machine is in the way of people"
    );
    stage.wait_step(pair.session, "done");
    let checked = &stage.records_of(pair.session, "step.checked")[0];
    assert_eq!(checked["actor"], "bob", "{checked}");
    assert_eq!(stage.runs(pair.session), 1);

    let pair = Pair::at_the_start(&stage, &laptop, "mismatch");
    pair.bob.say_component("db-2");
    stage.wait_record(pair.session, "step.closed", "db-2");
    // Where the proposer looks first, without a key.
    pair.alice
        .wait_said("the last proposal ended: bob expected `db-2`");
    pair.tell("from propose to a mismatch");
    pair.stage.wait_step(pair.session, "needs-proposal");

    let pair = Pair::at_the_start(&stage, &laptop, "reject");
    pair.bob.check();
    pair.bob.wait("read to the end first");
    pair.bob
        .insist("r", |screen| screen.contains("why? the proposer reads it"));
    // What was pressed once more than needed stands in the answer.
    pair.bob.terminal.press(&["C-u"]);
    pair.bob.type_line("the other one first");
    stage.wait_record(pair.session, "step.reject-explained", "the other one first");
    pair.tell("from propose to a reject");
    assert_eq!(stage.runs("mismatch") + stage.runs("reject"), 0);
    check_reports(&stage);
}

/// What each of the three came to stands in its report, with who, by what, and how long they looked.
fn check_reports(stage: &Stage) {
    let report = |session: &str| {
        let markdown = stage.warroom(&["report", session]);
        assert!(markdown.status.success(), "{}", said(&markdown));
        let json = stage.warroom(&["report", session, "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
        assert_eq!(json["mode"], "ADVISORY");
        (said(&markdown), json["offers"][0].clone())
    };
    let (text, offer) = report("straight");
    assert!(text.contains("> **ADVISORY: "), "{text}");
    assert!(
        text.contains("**confirmed** by bob (signed, `sshsig:SHA256:"),
        "{text}"
    );
    assert!(text.contains("it ran: exit 0"), "{text}");
    let dwell = offer["confirms"][0]["dwell_ms"].as_u64();
    assert!(
        dwell.is_some_and(|ms| ms >= 5_000),
        "the default dwell: {offer}"
    );
    assert_eq!(offer["checks"][0]["matches"], true, "{offer}");
    let (text, offer) = report("mismatch");
    assert!(text.contains("bob expected `db-2` to be touched"), "{text}");
    assert!(text.contains("**MISMATCH**"), "{text}");
    assert_eq!(offer["end"]["end"], "closed", "{offer}");
    let (text, _) = report("reject");
    assert!(
        text.contains("**closed** by bob, signed: rejected: the other one first"),
        "{text}"
    );
}
