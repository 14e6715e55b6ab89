//! A guard on a real Prometheus goes bad, loses its data, loses its server, while a step is armed: the step is not run
//! (E7).

use super::program::{Program, step};
use super::stage::{Layout, Stage, cannot};
use crate::harness::{stdout_of, try_wait, wait_until};
use crate::services::{ALICE, BOB};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::Command as Process;
use warroom::domain::command::Command;
use warroom::domain::id::AttemptNo;

const SERVERS: [&str; 2] = ["prometheus", "node-exporter"];

fn set_level(stage: &Stage, level: u32) {
    let dir = stage.services.get("NODE_EXPORTER_TEXTFILE_DIR");
    let new = format!("{dir}/level.new");
    fs::write(&new, format!("wr_test_level {level}\n")).expect("writable");
    fs::rename(new, format!("{dir}/level.prom")).expect("renamed");
}

fn guarded(stage: &Stage, session: &str) -> String {
    let guard =
        "```promql guard id=level crit=>10 for=0s on_breach=warn\nwr_test_level\n```\n\n## Work";
    stage.book(session, "").replacen("## Work", guard, 1)
}

/// What the session knows of the guard.
fn is_good(stage: &Stage) -> bool {
    let url = format!("{}/api/v1/query", stage.services.get("PROMETHEUS_URL"));
    let mut curl = Process::new("curl");
    curl.args(["-fsS", "-G", "--data-urlencode", "query=wr_test_level < 10"]);
    stdout_of(curl.arg(url)).contains("\"value\"")
}

type Break = fn(&mut Stage);

const BREAKS: [(&str, Break); 3] = [
    ("bad", |stage| set_level(stage, 50)),
    ("no-data", |stage| stage.services.kill("node-exporter")),
    ("no-server", |stage| stage.services.kill("prometheus")),
];

#[test]
fn a_guard_that_is_not_known_to_be_good_cancels_what_is_armed() {
    if cannot("two_person::guards::a_guard_that_is_not_known_to_be_good") {
        return;
    }
    let mut stage = Stage::new(Layout::default());
    stage.services.up(&SERVERS);
    let url = stage.services.get("PROMETHEUS_URL").to_owned();
    let mut config = OpenOptions::new()
        .append(true)
        .open(stage.config())
        .expect("there");
    write!(
        config,
        "[connect.prometheus.main]\nurl = \"{url}\"\nevery = \"1s\"\n"
    )
    .expect("written");
    for (session, break_it) in BREAKS {
        set_level(&stage, 1);
        wait_until("the level to be good", || is_good(&stage));
        stage.start_with(session, &guarded(&stage, session));
        let mut alice = Program::attach(&stage, ALICE, session);
        assert_eq!(alice.ask(Command::Begin), None);
        assert_eq!(alice.ask(Command::Start { step: step() }), None);
        stage.wait_step(session, "needs-proposal");
        assert_eq!(alice.ask(Command::propose(step())), None);
        stage.wait_step(session, "awaiting-second");
        let mut bob = Program::attach(&stage, BOB, session);
        assert_eq!(bob.confirm_with(&stage, "bob", "bob", false), None);
        stage.wait_step(session, "armed");

        break_it(&mut stage);
        stage.wait_record(session, "step.closed", "\"guard\"");
        let refused = alice.ask(Command::go(step(), AttemptNo(1)));
        assert!(refused.is_some(), "{session}");
        assert_eq!(stage.runs(session), 0, "{session}");
        assert!(
            stage.records_of(session, "exec.intent").is_empty(),
            "{session}"
        );
        stage.verifies(session);
        stage.services.up(&SERVERS);
        let back = try_wait(|| {
            set_level(&stage, 1);
            is_good(&stage).then_some(())
        });
        assert!(back.is_some(), "the servers came back after {session}");
    }
}
