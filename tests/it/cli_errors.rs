//! What the built program says of a file, a session or a flag that is not what it should be, and before a session that
//! cannot go as somebody means it to: one error that names it, a hint, and never a success.

use crate::cli_session::{Asker, Home};
use warroom::domain::command::Command as Wish;

const ONE_STEP: &str = "# One\n\n## Work\n\n- [ ] Look\n  ```sh run id=look\n  true\n  ```\n";

/// The window is long over, and nobody answers the guard and the gate.
const LATE: &str = "\
# Late

```toml maintenance
window = { start = \"2026-01-04T02:00:00Z\", end = \"2026-01-04T04:00:00Z\", buffer = \"20m\" }
```

```promql guard id=errors crit=\"> 0.5\"
errors
```

## Work

- [ ] Wipe
  ```promql gate for=5s timeout=15m
  lag < 1
  ```
  ```sh run id=wipe destructive
  true
  ```
";

/// It fails with this code, says one error with these parts, and a hint.
fn refuses(home: &Home, arguments: &[&str], code: i32, parts: &[&str]) {
    let (found, out, err) = home.said(arguments);
    let all = format!("{arguments:?}: {found}\n{out}{err}");
    assert_eq!(found, code, "{all}");
    let errors = err.lines().filter(|line| line.starts_with("error"));
    assert_eq!(errors.count(), 1, "{all}");
    assert!(err.contains("hint: "), "{all}");
    for part in parts {
        assert!(err.contains(part), "no {part:?}: {all}");
    }
}

#[test]
fn what_is_not_there_or_has_nothing_in_it_is_refused_with_one_error() {
    let home = Home::new();
    home.write("empty", "");
    home.write("text.md", "# Nothing to do\n");
    let gone = "cannot read `none.md`: there is no such file";
    refuses(&home, &["run", "-d", "none.md"], 2, &[gone]);
    refuses(&home, &["doctor", "--runbook", "none.md"], 2, &[gone]);
    std::fs::create_dir(home.path("dir")).expect("a directory");
    refuses(&home, &["run", "-d", "dir"], 2, &["it is a directory"]);
    refuses(&home, &["run", "-d", "text.md"], 2, &["it has no steps"]);
    let journal = "there is no journal `HOME/state/none/journal`";
    refuses(&home, &["report", "none"], 3, &[journal]);
    refuses(&home, &["verify", "none"], 3, &[journal]);
    refuses(&home, &["journal", "export", "none"], 3, &[journal]);
    for verb in [&["report"][..], &["verify"], &["journal", "export"]] {
        let arguments = [verb, &["./empty"]].concat();
        refuses(&home, &arguments, 1, &["`./empty` has no record"]);
    }
    let name = "is not a valid session name";
    refuses(&home, &["status", "Upper"], 2, &[name]);
    let config = "none.toml: cannot read the file";
    refuses(&home, &["--config", "none.toml", "status"], 2, &[config]);
    let theme = ["run", "-d", "--theme", "mauve", "slow.md"];
    refuses(&home, &theme, 2, &["there is no theme `mauve`"]);
    assert!(!home.path("state/slow").exists(), "and nothing was started");
}

#[tokio::test]
async fn a_session_that_nobody_serves_says_what_became_of_it() {
    let home = Home::new();
    home.write("one.md", ONE_STEP);
    refuses(&home, &["status", "one"], 3, &["no session `one` found"]);
    assert_eq!(home.said(&["run", "-d", "one.md"]).0, 0);
    assert_eq!(home.said(&["kill-session", "one"]).0, 0);
    let parts = [
        "is not over, and no server of it answers here",
        "warroom run -t one",
    ];
    for verb in ["status", "attach", "kill-session"] {
        refuses(&home, &[verb, "one"], 3, &parts);
    }
    assert_eq!(home.said(&["run", "-d", "-t", "one"]).0, 0);
    let mut asker = Asker::attach(&home, "one").await;
    let reason = "enough".to_owned();
    assert_eq!(asker.ask(Wish::Abort { reason }).await, None);
    assert_eq!(home.said(&["kill-session", "one"]).0, 0);
    let over = ["session `one` is over (aborted)", "warroom report one"];
    refuses(&home, &["status", "one"], 3, &over);
    refuses(&home, &["amend", "one", "--dry-run"], 3, &over);
}

#[test]
fn before_a_session_that_cannot_go_far_it_says_why_and_how_to_get_on() {
    let home = Home::new();
    home.write("late.md", LATE);
    let unknown = "no metrics server is configured, so these stay unknown: guard `errors`, gate `gate-wipe`: ";
    let over = "the window was until 2026-01-04T04:00:00Z and is over by ";
    let says = |arguments: &[&str]| {
        let (code, out, err) = home.said(arguments);
        assert_eq!(code, 0, "{out}{err}");
        for part in [unknown, over, "nothing destructive can be proposed"] {
            assert!(out.contains(part), "no {part:?} in {out}{err}");
        }
    };
    says(&["run", "-d", "late.md"]);
    let (_, out, _) = home.said(&["status", "late"]);
    assert!(
        out.contains("window: OVER by ") && out.contains("(it ended 2026-01-04T04:00:00Z)"),
        "{out}"
    );
    let (_, out, _) = home.said(&["status", "--json", "late"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert!(json["window"]["ends_in_s"].as_i64().expect("a number") < 0);
    assert_eq!(home.said(&["kill-session", "late"]).0, 0);
    // Taken up, it is no other.
    says(&["run", "-d", "-t", "late"]);
    let (code, _, err) = home.said(&["check", "late.md"]);
    let named = format!("warning: late.md: {unknown}");
    assert!(code == 0 && err.contains(&named), "{err}");
}
