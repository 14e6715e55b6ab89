//! `warroom backtest` against a real Prometheus that has a past, and what it says to what cannot be done.

use crate::cli_session::Home;
use crate::harness::{Place, is_skipped, run, said, stdout_of};
use crate::services::Services;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use warroom::clock::{Clock as _, SystemClock};
use warroom::domain::time::Timestamp;

const RUNBOOK: &str = "\
# Upgrade orders-db

```toml maintenance
[environment]
JOB = \"orders\"
```

```promql guard id=errors crit=\"> 0.05\" for=30s
bt_error_ratio{job=\"{{JOB}}\"}
```

```promql guard id=quiet crit=\"> 1000\"
bt_lag_bytes
```

## Work

- [ ] Wait for the replicas
  ```promql gate id=lag for=30s timeout=10m
  bt_lag_bytes < 100
  ```
";

/// Three hours of two metrics, one sample every 15 s. From minute 60 to 80 errors (the known incident), at minute 140 for
/// two minutes again (nobody's incident), nothing at all from minute 100 to 115; lag from minute 118 to 140.
fn past(start: i64) -> String {
    let mut errors = "# TYPE bt_error_ratio gauge\n".to_owned();
    let mut lag = "# TYPE bt_lag_bytes gauge\n".to_owned();
    for n in 0..=(180 * 4) {
        let minute = f64::from(n) / 4.0;
        if (100.0..115.0).contains(&minute) {
            continue;
        }
        let at = start + i64::from(n) * 15;
        let is_bad = (60.0..80.0).contains(&minute) || (140.0..142.0).contains(&minute);
        let ratio = if is_bad { 0.31 } else { 0.01 };
        let bytes = if (118.0..140.0).contains(&minute) {
            500
        } else {
            5
        };
        writeln!(errors, "bt_error_ratio{{job=\"orders\"}} {ratio} {at}").expect("memory");
        writeln!(lag, "bt_lag_bytes{{instance=\"db-2\"}} {bytes} {at}").expect("memory");
    }
    format!("{errors}{lag}# EOF\n")
}

struct Scene {
    place: Place,
    config: PathBuf,
    start: i64,
}

impl Scene {
    /// A Prometheus with that past, two days ago.
    fn new() -> Self {
        let place = Place::new();
        let mut services = Services::start(&place, &["prometheus"]);
        services.kill("prometheus");
        let start = SystemClock.now().wall.as_millis() / 1000 - 2 * 24 * 3600;
        let start = start - start.rem_euclid(3600);
        let text = place.write("past.om", &past(start));
        let config = PathBuf::from(services.get("PROMETHEUS_CONFIG"));
        let data = config.parent().expect("a directory").join("data");
        stdout_of(
            Command::new("promtool")
                .args(["tsdb", "create-blocks-from", "openmetrics"])
                .args([&text, &data]),
        );
        services.up(&["prometheus"]);
        place.write("upgrade.md", RUNBOOK);
        let config = place.write(
            "config.toml",
            &format!(
                "[server]\nruntime_dir = \"{0}/run\"\nstate_dir = \"{0}/state\"\n\
                 [connect.prometheus.main]\nurl = \"{1}\"\n",
                place.path().display(),
                services.get("PROMETHEUS_URL")
            ),
        );
        Self {
            place,
            config,
            start,
        }
    }

    fn at(&self, minute: i64) -> String {
        Timestamp::from_millis((self.start + minute * 60) * 1000).to_seconds_text()
    }

    fn bad(&self, from: i64, to: i64, name: &str) -> String {
        format!("--bad={}..{}={name}", self.at(from), self.at(to))
    }

    fn backtest(&self, more: &[&str]) -> Output {
        let mut command = Command::new(self.place.program());
        command.arg("--config").arg(&self.config);
        command.arg("backtest").arg(self.place.join("upgrade.md"));
        command.args(["--from", &self.at(0), "--to", &self.at(180)]);
        run(command.args(more))
    }
}

#[test]
fn a_real_past_says_which_rule_catches_a_known_incident_and_which_gate_would_not_open() {
    if is_skipped(
        "backtest::a_real_past_says_which_rule_catches_a_known_incident_and_which_gate_would_not_open",
    ) {
        return;
    }
    let scene = Scene::new();
    let output = scene.backtest(&["--json", &scene.bad(60, 80, "deploy-412")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let bad = &found["bad"][0];
    assert_eq!(bad["name"], "deploy-412");
    assert_eq!(bad["caught_by"], serde_json::json!(["errors"]), "{found:#}");
    let errors = &found["rules"][0];
    assert_eq!(
        (&errors["alarms"], &errors["outside"]),
        (&2.into(), &1.into())
    );
    assert_eq!(errors["bad"][0]["after_seconds"], 30);
    let first = &errors["intervals"][0];
    assert_eq!(first["from"], format!("{}", scene.moment(60 * 60 + 30)));
    assert_eq!(first["to"], format!("{}", scene.moment(80 * 60)));
    assert_eq!(first["worst"]["value"], "0.31");
    // The server itself believes a value for five minutes; the rest of the gap is unknown, and no good value.
    let unknown = errors["unknown_seconds"].as_u64().expect("a number");
    assert!((9 * 60..=11 * 60).contains(&unknown), "{errors:#}");
    assert_eq!(found["rules"][1]["alarms"], 0);
    let gate = &found["gates"][0];
    assert_eq!((&gate["begun"], &gate["opened"]), (&4.into(), &2.into()));
    assert_eq!(
        gate["closed_at"],
        serde_json::json!([format!("{}", scene.moment(120 * 60))])
    );
    assert_eq!(
        gate["cut_off"], 1,
        "the last one begins with the last sample"
    );

    // An incident that nothing saw is what the exit code is for; the table names it.
    let output = scene.backtest(&[
        &scene.bad(60, 80, "deploy-412"),
        &scene.bad(20, 40, "slow-disk"),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("slow-disk") && text.contains("MISSED"),
        "{text}"
    );
    assert!(
        text.contains("caught by errors") && text.contains("OUTSIDE"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("100%"), "progress: {err}");
}

impl Scene {
    fn moment(&self, seconds: i64) -> Timestamp {
        Timestamp::from_millis((self.start + seconds) * 1000)
    }
}

fn failed(home: &Home, config: &str, arguments: &[&str]) -> (i32, String) {
    let base = fs::read_to_string(home.path("config.toml")).expect("there");
    let own = base.split("[connect").next().unwrap_or_default().to_owned();
    home.write("config.toml", &format!("{own}{config}"));
    let mut all = vec!["backtest", "upgrade.md"];
    all.extend(arguments);
    let (code, out, err) = home.said(&all);
    assert_eq!(out, "", "standard output is for data");
    (code, err)
}

#[test]
fn what_cannot_be_replayed_is_said_with_what_to_do() {
    let home = Home::new();
    home.write("upgrade.md", RUNBOOK);
    let (code, err) = failed(&home, "", &[]);
    assert_eq!(code, 2);
    assert!(err.contains("no metrics connector is configured"), "{err}");
    let gone = "[connect.prometheus.main]\nurl = \"http://127.0.0.1:1\"\n";
    let (code, err) = failed(&home, gone, &["--days", "1"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("`main` does not answer"), "{err}");
    assert!(err.contains("hint: `warroom doctor`"), "{err}");
    let scraped = "[connect.scrape.main]\nurl = \"http://127.0.0.1:1/metrics\"\n";
    let (code, err) = failed(&home, scraped, &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("cannot be asked for the past"), "{err}");
    let (code, err) = failed(&home, gone, &["--bad", "yesterday"]);
    assert_eq!((code, err.contains("has no `..`")), (2, true), "{err}");
    let (code, err) = failed(&home, gone, &["--days", "300"]);
    assert_eq!(code, 1, "a year of three questions is not too much: {err}");
    home.write("upgrade.md", "# Nothing\n\n## Work\n\n- [ ] Look\n");
    let (code, err) = failed(&home, gone, &[]);
    assert_eq!(code, 2);
    assert!(err.contains("neither a gate nor a rule"), "{err}");
    home.write("upgrade.md", "- [ ] y\n  ```ruby run\n  1\n  ```\n");
    assert_eq!(failed(&home, gone, &[]).0, 2);
}
