//! `warroom rehearse`: the same runbook elsewhere, marked everywhere, and shown beside the real thing.

use crate::cli_session::{Asker, Home};
use crate::session_host::{step, wait_until};
use warroom::domain::command::Command as Wish;

const RUNBOOK: &str = "\
# Upgrade {{DB}}

```toml maintenance
change = \"CHG1\"
[environment]
DB = \"orders\"
```

## Work

- [ ] Look at {{DB}}
  ```sh run id=look
  echo \"$DB\" > looked
  ```
- [ ] Drain {{DB}}
  ```sh run destructive id=drain
  echo \"$DB\" > drained
  ```
";

const RULES: &str = "[class.destructive]\nrehearsal = \"required\"\nmax_age = \"30d\"\n";

fn home() -> Home {
    let home = Home::new();
    let base = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let rules = home.path("rules.toml").display().to_string();
    home.write("rules.toml", RULES);
    home.write(
        "config.toml",
        &format!("{base}[people]\nrules = \"{rules}\"\n"),
    );
    home.write("upgrade.md", RUNBOOK);
    home.write("staging.toml", "[environment]\nDB = \"orders-staging\"\n");
    home
}

fn state_of(home: &Home, session: &str) -> serde_json::Value {
    let (_, out, err) = home.said(&["status", "--json", "-t", session]);
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"))
}

/// Begins, carries the first step out, leaves the second out, and completes.
async fn carry_out(home: &Home, session: &str) {
    let mut asker = Asker::attach(home, session).await;
    assert_eq!(asker.ask(Wish::Begin).await, None);
    let look = step("look");
    assert_eq!(asker.ask(Wish::Start { step: look }).await, None);
    wait_until("the first step to be done", || {
        state_of(home, session)["steps"][0]["state"]["status"] == "done"
    })
    .await;
    let (step, reason) = (step("drain"), "nobody else is here".to_owned());
    assert_eq!(asker.ask(Wish::Skip { step, reason }).await, None);
    assert_eq!(asker.ask(Wish::Complete).await, None);
}

#[tokio::test]
async fn a_rehearsal_is_marked_and_shown_beside_the_real_thing() {
    let home = home();
    let rehearse = ["rehearse", "-d", "upgrade.md", "--env-file", "staging.toml"];
    let (code, out, err) = home.said(&rehearse);
    assert_eq!(code, 0, "{out}{err}");
    let (_, listed, _) = home.said(&["ls"]);
    assert!(listed.starts_with("rehearse-upgrade: "), "{listed}");
    assert!(listed.contains("(ADVISORY REHEARSAL)"), "{listed}");
    carry_out(&home, "rehearse-upgrade").await;
    let looked = std::fs::read_to_string(home.path("looked")).expect("it ran");
    assert_eq!(looked, "orders-staging\n");
    assert_eq!(home.said(&["kill-session", "rehearse-upgrade"]).0, 0);
    let (code, verified, _) = home.said(&["verify", "rehearse-upgrade"]);
    assert_eq!(code, 0, "{verified}");
    assert!(
        verified.contains("mode     ADVISORY REHEARSAL"),
        "{verified}"
    );
    let (_, report, _) = home.said(&["report", "rehearse-upgrade"]);
    assert!(report.contains("**REHEARSAL: "), "{report}");
    assert!(
        report.contains("none named"),
        "the change is not the rehearsal's: {report}"
    );

    let (code, plan, err) = home.said(&["plan", "upgrade.md"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        plan.contains("rehearsed   rehearse-upgrade completed 20"),
        "{plan}"
    );
    assert!(
        plan.contains("differs   DB=orders, rehearsed with orders-staging"),
        "{plan}"
    );
    assert!(plan.contains("1.1 look: rehearsed 0s"), "{plan}");
    assert!(
        plan.lines()
            .last()
            .is_some_and(|line| line.starts_with("plan sha256:")),
        "{plan}"
    );

    // The real thing: what was found stands in its first record.
    assert_eq!(home.said(&["run", "-d", "upgrade.md"]).0, 0);
    let (_, exported, _) = home.said(&["journal", "export", "upgrade", "--seq", "0"]);
    assert!(exported.contains("\"rehearsed\":[{"), "{exported}");
    let mut asker = Asker::attach(&home, "upgrade").await;
    assert_eq!(asker.ask(Wish::Begin).await, None);
    let look = step("look");
    assert_eq!(asker.ask(Wish::Start { step: look }).await, None);
    wait_until("the first step to be done", || {
        state_of(&home, "upgrade")["steps"][0]["state"]["status"] == "done"
    })
    .await;
    let reason = "enough".to_owned();
    assert_eq!(asker.ask(Wish::Abort { reason }).await, None);
    assert_eq!(home.said(&["kill-session", "upgrade"]).0, 0);

    // Another plan was not rehearsed, and says what is another.
    home.write("upgrade.md", &RUNBOOK.replace("> drained", "> drained2"));
    let (_, plan, _) = home.said(&["plan", "upgrade.md"]);
    assert!(plan.contains(", of another plan"), "{plan}");
    assert!(plan.contains("differs   step drain: another"), "{plan}");

    // A journal that somebody has changed counts for nothing.
    home.write("upgrade.md", RUNBOOK);
    let journal = home.journal("rehearse-upgrade");
    let bytes = std::fs::read(&journal).expect("readable");
    let text =
        String::from_utf8_lossy(&bytes).replace("nobody else is here", "nobody else is HERE");
    std::fs::write(&journal, text).expect("written");
    let (_, plan, _) = home.said(&["plan", "upgrade.md"]);
    assert!(!plan.contains("rehearsed  "), "{plan}");
    assert!(plan.contains("not counted"), "{plan}");
}

#[test]
fn an_environment_file_that_does_not_fit_starts_nothing() {
    let home = home();
    let check = |text: &str, words: &str| {
        home.write("staging.toml", text);
        let rehearse = ["rehearse", "-d", "upgrade.md", "--env-file", "staging.toml"];
        let (code, out, err) = home.said(&rehearse);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(words), "{err}");
        assert!(!home.path("state/rehearse-upgrade").exists());
    };
    check("", "`DB` has no value in it");
    check("[environment]\nDB = \"s\"\nBD = \"t\"\n", "has no `BD`");
    check(
        "[environment]\nDB = 5\n",
        "staging.toml:2:6: `environment.DB`",
    );
    check("confg = \"x\"\n", "did you mean `config`?");
    check(
        "config = \"nowhere.toml\"\n[environment]\nDB = \"s\"\n",
        "nowhere.toml",
    );
}

#[test]
fn a_rehearsal_is_not_taken_up_as_the_real_thing_nor_the_other_way_round() {
    let home = home();
    let rehearse = |name| {
        [
            "rehearse",
            "-d",
            "upgrade.md",
            "--env-file",
            "staging.toml",
            "-t",
            name,
        ]
    };
    assert_eq!(home.said(&rehearse("upgrade")).0, 0);
    assert_eq!(home.said(&["kill-session", "upgrade"]).0, 0);
    let (code, _, err) = home.said(&["run", "-d", "upgrade.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("is a rehearsal that is not over"), "{err}");
    // By its name alone it is taken up as what it is.
    assert_eq!(home.said(&["run", "-d", "-t", "upgrade"]).0, 0);
    assert!(home.said(&["ls"]).1.contains("REHEARSAL"));
    assert_eq!(home.said(&["run", "-d", "upgrade.md", "-t", "real"]).0, 0);
    assert_eq!(home.said(&["kill-session", "real"]).0, 0);
    let (code, _, err) = home.said(&rehearse("real"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("is no rehearsal"), "{err}");
}

/// A rehearsal against staging silenced, noted and paged at the production systems of the usual configuration.
#[test]
fn the_usual_connectors_are_only_read_unless_the_file_says_otherwise() {
    let home = home();
    let base = std::fs::read_to_string(home.path("config.toml")).expect("there");
    // Nobody listens there: what is asked is whether anything could be written at all.
    let alertmanager =
        "[connect.alertmanager.am]\nurls = [\"http://127.0.0.1:9\"]\nwrites = true\n";
    let values = "[environment]\nDB = \"s\"\n";
    let is_only_read = |session: &str| {
        let (code, exported, err) = home.said(&["journal", "export", session]);
        assert_eq!(code, 0, "{err}");
        exported.matches("`am`: it is only read").count()
    };
    let rehearse = |text: &str, session: &str| {
        home.write("staging.toml", text);
        let file = ["rehearse", "-d", "upgrade.md", "--env-file", "staging.toml"];
        let (code, out, err) = home.said(&[&file[..], &["-t", session]].concat());
        assert_eq!(code, 0, "{out}{err}");
        assert_eq!(home.said(&["kill-session", session]).0, 0);
    };
    rehearse(values, "early");
    home.write("config.toml", &format!("{base}{alertmanager}"));
    // As it was started, so it is taken up.
    assert_eq!(home.said(&["run", "-d", "-t", "early"]).0, 0);
    assert_eq!(home.said(&["kill-session", "early"]).0, 0);
    assert_eq!(is_only_read("early"), 1);
    rehearse(values, "bare");
    assert_eq!(is_only_read("bare"), 1);
    rehearse(&format!("config = \"config.toml\"\n{values}"), "itself");
    assert_eq!(
        is_only_read("itself"),
        1,
        "named or not, it is the usual one"
    );
    home.write("other.toml", alertmanager);
    rehearse(&format!("config = \"other.toml\"\n{values}"), "other");
    assert_eq!(is_only_read("other"), 0, "what it may write is said there");
    rehearse(&format!("writes = true\n{values}"), "bold");
    assert_eq!(is_only_read("bold"), 0);
    assert_eq!(home.said(&["run", "-d", "upgrade.md", "-t", "real"]).0, 0);
    assert_eq!(home.said(&["kill-session", "real"]).0, 0);
    assert_eq!(is_only_read("real"), 0);
}
