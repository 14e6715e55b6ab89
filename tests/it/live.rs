//! Against a real Prometheus: what it says is shown with its age, and when it says nothing, nothing is known.

use crate::bastion::Bastion;
use crate::harness::{is_skipped, said, stdout_of, wait_for, wait_until};
use crate::services::ALICE;
use std::fs;
use std::process::Command;
use warroom::client::link::{Introduction, Target};
use warroom::client::query;
use warroom::domain::id::{ConnectorName, RuleId, SessionName};
use warroom::domain::reading::{AlertState, Liveness};
use warroom::domain::threshold::{Unknown, Verdict};
use warroom::wire::message::Snapshot;

/// Fires while the level is above 3.
const ALERTS: &str = "\
groups:
  - name: test
    rules:
      - alert: LevelAboveThree
        expr: wr_test_level > 3
        labels: {severity: page}
        annotations: {summary: the level is above three}
";

fn set_level(bastion: &Bastion, level: u32) {
    let dir = bastion.services.get("NODE_EXPORTER_TEXTFILE_DIR");
    let new = format!("{dir}/level.new");
    fs::write(&new, format!("wr_test_level {level}\n")).expect("writable");
    fs::rename(new, format!("{dir}/level.prom")).expect("renamed");
}

fn ask_prometheus(bastion: &Bastion, path: &str, arguments: &[&str]) -> String {
    let url = format!("{}{path}", bastion.services.get("PROMETHEUS_URL"));
    stdout_of(
        Command::new("curl")
            .args(["-fsS", "-G"])
            .args(arguments)
            .arg(url),
    )
}

fn snapshot(bastion: &Bastion) -> Snapshot {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let target = Target::Local {
        name: SessionName::new("watched").expect("valid"),
        runtime_dirs: vec![bastion.place.join("run")],
    };
    runtime
        .block_on(query::snapshot(&target, &Introduction::default()))
        .expect("root may look")
        .snapshot
}

/// Waits until what the session knows is as wanted.
fn wait_known(bastion: &Bastion, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
    wait_for(what, || Some(snapshot(bastion)).filter(|s| wanted(s)))
}

fn verdict(snapshot: &Snapshot) -> Verdict {
    snapshot
        .state
        .verdict(&RuleId::new("level").expect("valid"))
}

/// A session on a Prometheus that has seen a low level for some seconds.
fn watched() -> Bastion {
    watched_by("watched.md", "")
}

/// As [`watched`], by another runbook and with more of a configuration.
fn watched_by(runbook: &str, config: &str) -> Bastion {
    let bastion = Bastion::new(&["prometheus", "node-exporter", "alertmanager"]);
    let rules = bastion.services.get("PROMETHEUS_RULES_DIR");
    fs::write(format!("{rules}/test.yml"), ALERTS).expect("writable");
    stdout_of(
        Command::new("curl")
            .args(["-fsS", "-X", "POST"])
            .arg(format!(
                "{}/-/reload",
                bastion.services.get("PROMETHEUS_URL")
            )),
    );
    set_level(&bastion, 5);
    wait_until("Prometheus to have a past", || {
        let count = ask_prometheus(
            &bastion,
            "/api/v1/query",
            &[
                "--data-urlencode",
                "query=count_over_time(wr_test_level[1m]) >= 4",
            ],
        );
        count.contains("\"value\"")
    });
    let own = fs::read_to_string(bastion.config()).expect("readable");
    let config = bastion.services.fill(config);
    fs::write(bastion.config(), format!("{own}{config}")).expect("writable");
    let runbook = bastion.runbook(runbook);
    let started = bastion.warroom_as(ALICE, &format!("run -d -t watched {}", runbook.display()));
    assert_eq!(started.status.code(), Some(0), "{}", said(&started));
    bastion
}

#[test]
fn a_real_prometheus_is_asked_for_values_past_alerts_and_version() {
    if is_skipped("live::a_real_prometheus_is_asked_for_values_past_alerts_and_version") {
        return;
    }
    let bastion = watched();
    let main = ConnectorName::new("main").expect("valid");
    let level = RuleId::new("level").expect("valid");
    let known = wait_known(&bastion, "the guard to pass", |s| {
        verdict(s) == Verdict::Pass
    });
    assert_eq!(
        known.board.metrics[&level].tracks[0]
            .last()
            .map(|s| s.value),
        Some(5.0)
    );
    let known = wait_known(&bastion, "the past", |s| {
        s.board
            .metrics
            .get(&level)
            .is_some_and(|m| m.tracks.iter().any(|t| t.samples.len() >= 4))
    });
    let samples = &known.board.metrics[&level].tracks[0].samples;
    assert!(
        samples
            .iter()
            .zip(samples.iter().skip(1))
            .all(|(a, b)| a.at < b.at),
        "in order: {samples:?}"
    );
    let known = wait_known(&bastion, "the alert to fire", |s| {
        let alerts = s.board.alerts.get(&main);
        alerts.is_some_and(|alerts| alerts.iter().any(|a| a.state == AlertState::Firing))
    });
    let alert = &known.board.alerts[&main][0];
    assert_eq!(
        (alert.name.as_str(), alert.severity.as_str()),
        ("LevelAboveThree", "page")
    );
    assert_eq!(alert.summary, "the level is above three");
    let known = wait_known(&bastion, "the version", |s| {
        s.board.infos.contains_key(&main)
    });
    let said_version = ask_prometheus(&bastion, "/api/v1/status/buildinfo", &[]);
    let info = &known.board.infos[&main];
    assert!(
        said_version.contains(&format!("\"version\":\"{}\"", info.version)),
        "{info:?} is not in {said_version}"
    );
    assert!(
        info.clock_skew_ms.is_none_or(|skew| skew.abs() < 2_000),
        "one host, one clock: {info:?}"
    );
}

#[test]
fn a_dead_prometheus_makes_guards_unknown_and_a_breach_holds() {
    if is_skipped("live::a_dead_prometheus_makes_guards_unknown_and_a_breach_holds") {
        return;
    }
    let mut bastion = watched();
    let alice = bastion.shell("alice", ALICE, (120, 40));
    alice.type_line("warroom attach -t watched");
    alice.wait("BRIEFING");
    alice.press(&["B"]);
    alice.wait("begin");
    alice.press(&["y"]);
    alice.wait("RUNNING");
    let main = ConnectorName::new("main").expect("valid");
    let is_live = |s: &Snapshot, wanted: Liveness| {
        s.board
            .health
            .get(&main)
            .is_some_and(|h| h.liveness == wanted)
    };
    wait_known(&bastion, "the guard to pass", |s| {
        verdict(s) == Verdict::Pass && is_live(s, Liveness::Live)
    });

    bastion.services.kill("prometheus");
    let known = wait_known(&bastion, "the guard to be unknown", |s| {
        matches!(verdict(s), Verdict::Unknown(_))
    });
    let why = verdict(&known);
    assert!(
        matches!(why, Verdict::Unknown(Unknown::Stale | Unknown::Error)),
        "{why:?}"
    );
    wait_known(&bastion, "the source to be stale", |s| {
        is_live(s, Liveness::Stale)
    });
    alice.wait("STALE");
    // A gate on a value that nobody knows stays shut.
    alice.press(&["f", "s"]);
    bastion.wait_step("watched", "low", "gated");

    set_level(&bastion, 1);
    bastion.services.up(&["prometheus"]);
    wait_known(&bastion, "the guard to pass again", |s| {
        verdict(s) == Verdict::Pass && is_live(s, Liveness::Live)
    });
    alice.wait_that("nothing to be stale", |screen| !screen.contains("STALE"));
    bastion.wait_step("watched", "low", "done");

    set_level(&bastion, 50);
    alice.wait("HOLDING");
    assert_eq!(verdict(&snapshot(&bastion)), Verdict::Fail);
    assert_eq!(bastion.status("watched").0, 6, "held");
}

/// Tells the Alertmanager that an alert fires.
fn fire(bastion: &Bastion, name: &str, instance: &str) {
    let body = format!(
        r#"[{{"labels": {{"alertname": "{name}", "instance": "{instance}", "severity": "critical"}}}}]"#
    );
    let url = bastion.services.get("ALERTMANAGER_URL");
    stdout_of(
        Command::new("curl")
            .args(["-fsS", "-H", "Content-Type: application/json", "-d", &body])
            .arg(format!("{url}/api/v2/alerts")),
    );
}

#[test]
fn a_declared_effect_is_seen_on_a_real_prometheus_and_an_unexpected_alert_holds() {
    if is_skipped(
        "live::a_declared_effect_is_seen_on_a_real_prometheus_and_an_unexpected_alert_holds",
    ) {
        return;
    }
    let alerts = "[connect.alertmanager.alerts]\nurls = [\"@ALERTMANAGER_URL@\"]\nevery = \"1s\"\n";
    let bastion = watched_by("effects.md", alerts);
    let alice = bastion.shell("alice", ALICE, (120, 40));
    alice.type_line("warroom attach -t watched");
    alice.wait("BRIEFING");
    alice.press(&["B"]);
    alice.wait("begin");
    alice.press(&["y"]);
    alice.wait("RUNNING");

    // The level is 5: the command runs on that, and is not done before the level has fallen.
    alice.press(&["f", "s"]);
    bastion.wait_step("watched", "lower", "effect");
    assert!(bastion.place.join("marks/lowered").exists());
    alice.wait("waits for its effect");
    alice.wait("(before 5)");
    set_level(&bastion, 1);
    bastion.wait_step("watched", "lower", "done");

    // What fires on another component is not ours; what fires on ours holds until somebody says why it goes on.
    fire(&bastion, "DiskFull", "node-2:9100");
    fire(&bastion, "DiskFull", "node-1:9100");
    alice.wait("HOLDING");
    let held = wait_known(&bastion, "the hold", |s| s.state.is_held());
    assert_eq!(held.state.holds.len(), 1, "{:?}", held.state.holds);
    alice.wait("`DiskFull` on node-1");
    assert_eq!(bastion.status("watched").0, 6, "held");
    alice.press(&["H"]);
    alice.wait("why");
    alice.type_line("that disk is another one");
    alice.wait_that("no hold", |screen| !screen.contains("HOLDING"));

    // The level is 1 already: this is the wrong target, and its command does not run.
    alice.press(&["f", "s"]);
    bastion.wait_step("watched", "wrong", "failed");
    alice.wait("is this the right");
    assert!(!bastion.place.join("marks/wrong").exists());
}
