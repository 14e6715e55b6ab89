//! What stands and falls with a runbook, as an operator asks for it; and what Git says of it, as a policy demands it.

use crate::cli_session::{Asker, Home};
use crate::session_host::{PATIENCE, wait_until};
use std::process::{Command, Stdio};
use std::time::Duration;
use warroom::client::link::Introduction;
use warroom::client::query;
use warroom::domain::command::Command as Wish;
use warroom::domain::radius::{self, Given, Word};
use warroom::domain::state::Phase;

const CMDB: &str = r#"
[[component]]
name = "db-1"
role = "orders-db"
environment = "prod"
owner = "payments"
tier = "1"
status = "active"
fields = { fqdn = "git.example" }

[[component]]
name = "db-2"
role = "orders-db"
environment = "prod"
status = "offline"

[[component]]
name = "db-3"
role = "orders-db"
environment = "prod"

[[component]]
name = "shop"
owner = "web"
depends_on = ["db-1", "portal"]

[[component]]
name = "portal"
depends_on = ["shop"]
"#;

const RUNBOOK: &str = "\
# Move orders

```toml maintenance
components = [\"db-1\"]
radius_depth = 1
```

## Work

- [ ] Move
  ```sh run id=move
  true
  ```
";

fn home() -> Home {
    let home = Home::new();
    home.write("cmdb.toml", CMDB);
    let config = format!(
        "{}\n[connect.cmdb-file.parts]\npath = \"cmdb.toml\"\n",
        std::fs::read_to_string(home.path("config.toml")).expect("readable")
    );
    home.write("config.toml", &config);
    home
}

fn git(home: &Home, words: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let done = Command::new("git")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path(""))
        .arg("-C")
        .arg(home.path("books"))
        .args(identity)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("git runs");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{words:?}: {said}");
}

/// A runbook in a repository of its own, committed.
fn committed(home: &Home) {
    std::fs::create_dir(home.path("books")).expect("a directory");
    home.write("books/move.md", RUNBOOK);
    git(home, &["init", "-q", "-b", "main"]);
    git(home, &["add", "move.md"]);
    git(home, &["commit", "-q", "-m", "x"]);
    git(
        home,
        &["remote", "add", "origin", "git@git.example:ops/books.git"],
    );
}

#[test]
fn the_radius_of_a_runbook_is_told_from_a_file_before_there_is_a_session() {
    let home = home();
    committed(&home);
    let (code, out, err) = home.said(&["radius", "books/move.md"]);
    assert_eq!(code, 0, "{out}{err}");
    for line in [
        "radius   1 touched, 1 need them to depth 1, at least 1 beyond",
        "left     orders-db (prod): 0 to 1 of 3 left while the touched ones are out: ONE FAILURE FROM DARK",
        "inside   the runbook's Git host (git.example): INSIDE: it is db-1, which is touched",
        "  db-1: unknown; tier 1; owner payments; on call nobody known",
        "  shop: unknown; owner web; on call nobody known; needs db-1",
    ] {
        assert!(out.lines().any(|l| l == line), "{line}\n{out}");
    }
    assert!(!home.path("state/.scope").exists(), "looking makes nothing");
    let (code, out, _) = home.said(&["radius", "books/move.md", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &json["depth"]), (0, &1.into()));
    assert_eq!(json["members"][1]["name"], "shop");
    assert_eq!(json["groups"][0]["standing"], "one-left");
    let (code, _, err) = home.said(&["radius", "no-such.md"]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn a_cmdb_that_does_not_answer_is_said_and_nothing_is_made_up() {
    let home = home();
    home.write("move.md", RUNBOOK);
    std::fs::remove_file(home.path("cmdb.toml")).expect("removed");
    let (code, out, err) = home.said(&["radius", "move.md"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("`parts` has never answered"), "{out}");
    assert!(out.contains("no CMDB knows `db-1`"), "{out}");
}

#[tokio::test]
async fn a_policy_that_wants_a_clean_runbook_keeps_a_maintenance_from_beginning() {
    let home = home();
    committed(&home);
    home.write("rules.toml", "runbook = \"tagged\"\n");
    let config = format!(
        "{}\n[people]\nrules = \"rules.toml\"\n",
        std::fs::read_to_string(home.path("config.toml")).expect("readable")
    );
    home.write("config.toml", &config);
    let (_, plan, _) = home.said(&["plan", "books/move.md"]);
    assert!(plan.contains("git         clean, branch main"), "{plan}");
    let (code, out, err) = home.said(&["run", "-d", "books/move.md"]);
    assert_eq!(code, 0, "{out}{err}");
    let mut asker = Asker::attach(&home, "move").await;
    let refusal = asker.ask(Wish::Begin).await.expect("refused");
    assert!(
        refusal.contains("asks for a runbook that is tagged: no tag is at its commit"),
        "{refusal}"
    );
    let (_, status, _) = home.said(&["status", "move"]);
    assert!(status.contains("clean, not signed"), "{status}");
    drop(asker);
    home.said(&["kill-session", "-t", "move"]);
    git(&home, &["tag", "v1"]);
    let (code, out, err) = home.said(&["run", "-d", "-t", "tagged", "books/move.md"]);
    assert_eq!(code, 0, "{out}{err}");
    let mut asker = Asker::attach(&home, "tagged").await;
    assert_eq!(asker.ask(Wish::Begin).await, None);
    // Who else touches the same is told of it.
    let claims = home.path("state/.scope");
    let is_told = || {
        let files = std::fs::read_dir(&claims).into_iter().flatten().flatten();
        files
            .filter(|file| file.file_name().to_string_lossy().ends_with(".claim"))
            .count()
            == 1
    };
    wait_until("the others are told", is_told).await;
    let (_, out, _) = home.said(&["radius", "books/move.md"]);
    assert!(out.contains("session tagged touches db-1 TOO"), "{out}");
}

#[tokio::test]
async fn the_demo_has_a_radius_with_live_states() {
    let home = Home::new();
    let (code, out, err) = home.said(&["demo", "-d"]);
    assert_eq!(code, 0, "{out}{err}");
    let target = home.target("demo");
    let looking = async {
        loop {
            let seen = query::snapshot(&target, &Introduction::default())
                .await
                .expect("seen");
            let snapshot = seen.snapshot;
            let radius = radius::of(&Given {
                plan: snapshot.state.plan(),
                board: &snapshot.board,
                rules: &snapshot.state.rules,
                depth: snapshot.around.depth,
                posts: &snapshot.around.posts,
                others: &snapshot.around.others,
            });
            let is_read = snapshot.board.alerts.len() + snapshot.board.on_calls.len() >= 2;
            if is_read && !radius.groups.is_empty() {
                assert_eq!(snapshot.state.phase, Phase::Briefing);
                return radius;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let radius = tokio::time::timeout(PATIENCE, looking)
        .await
        .expect("the lab is read");
    assert!(
        radius.members.iter().all(|member| member.is_known),
        "{radius:?}"
    );
    assert!(
        radius
            .members
            .iter()
            .any(|member| !member.on_call.is_empty()),
        "{radius:?}"
    );
    assert!(
        radius
            .posts
            .iter()
            .any(|post| post.what.starts_with("prometheus ")),
        "{radius:?}"
    );
    assert_eq!(radius.summary()[0].word, Word::Reach);
}
