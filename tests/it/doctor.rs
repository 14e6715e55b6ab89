//! `warroom doctor` over the program's own lab, as a newcomer would run it before the first runbook.

use crate::cli_session::Home;
use crate::harness::wait_for;
use std::fs::File;
use std::process::{Child, Command, Stdio};

/// A running lab, ended with the test.
struct Lab {
    child: Child,
    config: String,
}

impl Lab {
    fn start(home: &Home) -> Self {
        let out = home.path("lab.out");
        let child = Command::new(env!("CARGO_BIN_EXE_warroom"))
            .arg("lab")
            .stdout(File::create(&out).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let text = wait_for("the lab's configuration", || {
            let text = std::fs::read_to_string(&out).ok()?;
            text.contains("[[panel]]").then_some(text)
        });
        let line = text
            .lines()
            .find_map(|line| line.split_once("WARROOM_LAB_TOKEN="));
        let token = line.expect("the lab names its token").1.trim();
        let secret = home.path("token");
        std::fs::write(&secret, token).expect("written");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&secret, private).expect("chmod");
        let reference = format!("file:{}", secret.display());
        let config = text.replace("env:WARROOM_LAB_TOKEN", &reference);
        Self { child, config }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn what_works_is_proven_and_what_does_not_is_named() {
    let home = Home::new();
    let lab = Lab::start(&home);
    // What may be written to a pager is unknown before a write, which is no proof.
    home.write("config.toml", &lab.config);
    let (code, out, _) = home.said(&["doctor", "lab-pager"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("only an event proves it"), "{out}");
    assert!(out.contains("Ines Duarte"), "{out}");
    let reads = lab.config.replace("writes = true\n", "");
    home.write("config.toml", &reads);
    let (code, out, err) = home.said(&["doctor"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("lab (prometheus)"), "{out}");
    assert!(out.contains("4 devices"), "{out}");
    assert!(out.ends_with("4 integrations: 3 ok, 1 warn\n"), "{out}");

    let (code, out, _) = home.said(&["doctor", "--json", "lab-cmdb"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 0, "{out}");
    assert_eq!(value["connectors"][0]["system"], "netbox");
    assert_eq!(value["connectors"][0]["health"], "ok");
    assert_eq!(value["connectors"].as_array().map(Vec::len), Some(1));

    let broken = "\n[connect.prometheus.gone]\nurl = \"http://no-such-host.invalid\"\n";
    home.write("config.toml", &format!("{reads}{broken}"));
    let (code, out, _) = home.said(&["doctor"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("cannot resolve no-such-host.invalid"), "{out}");
    assert!(
        out.ends_with("5 integrations: 3 ok, 1 warn, 1 BAD\n"),
        "{out}"
    );

    let (code, _, err) = home.said(&["doctor", "nope"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("configured are gone, lab, lab-alerts, lab-cmdb, lab-pager"),
        "{err}"
    );
}

#[test]
fn without_a_configuration_it_says_where_one_is_described() {
    let home = Home::new();
    let (code, out, _) = home.said(&["doctor"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("no integration is configured"), "{out}");
}

#[test]
fn a_lock_scope_that_would_stop_every_destructive_step_is_named_the_day_before() {
    let home = Home::new();
    let (code, out, err) = home.said(&["doctor"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("lock scope"), "{out}");
    let gone = home.path("gone/scope");
    let config = format!("[server]\nscope_dir = \"{}\"\n", gone.display());
    home.write("config.toml", &config);
    let (code, out, _) = home.said(&["doctor"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("every destructive step would be refused"),
        "{out}"
    );
    assert!(out.contains("install -d -m 3770"), "{out}");
    assert!(!gone.exists(), "it makes nothing");
}

#[test]
fn every_query_of_a_runbook_is_asked_once_with_its_verdict() {
    let home = Home::new();
    let lab = Lab::start(&home);
    home.write("config.toml", &lab.config);
    let line = lab.config.lines().find(|line| line.starts_with("expr = "));
    let expr = line.and_then(|line| line.split_once('\'').or(line.split_once('"')));
    let expr = expr.expect("a panel").1.trim_end_matches(['\'', '"']);
    let book = |guard: &str| {
        format!(
            "# T\n\n```promql guard id=first {guard}\n{expr}\n```\n\n## W\n\n- [ ] a\n  ```promql gate id=gone\n  no_such_metric < 5\n  ```\n"
        )
    };
    home.write("t.md", &book("crit=\"> 1e12\""));
    let file = home.path("t.md").display().to_string();
    let (code, out, _) = home.said(&["doctor", "lab", "--runbook", &file]);
    assert!(out.contains("the runbook's queries, asked once"), "{out}");
    let line = |name: &str| {
        let line = out.lines().find(|line| line.contains(name));
        line.unwrap_or_else(|| panic!("{name}: {out}")).to_owned()
    };
    assert!(
        line("guard first").contains("pass (> 1000000000000)"),
        "{out}"
    );
    assert!(
        line("gate gone").contains("0 series: unknown, no series"),
        "{out}"
    );
    assert_eq!(code, 1, "unknown is no proof: {out}");

    home.write("t.md", &book("crit=\"> -1e12\" on_breach=hold"));
    let (code, out, _) = home.said(&["doctor", "lab", "--json", "--runbook", &file]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 1, "{out}");
    assert_eq!(value["runbook"][0]["health"], "bad", "{out}");
    assert_eq!(value["runbook"].as_array().map(Vec::len), Some(2));

    home.write("t.md", &book("crit=\"> five\""));
    let (code, _, err) = home.said(&["doctor", "lab", "--runbook", &file]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("warroom check"), "{err}");
}
