//! Silences that live as long as the work, on a real Alertmanager, through servers that are killed at every stage.

use crate::cli_session::{Asker, Home, server_of};
use crate::harness::{Place, is_skipped, stdout_of};
use crate::services::Services;
use crate::session_host::wait_until;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use warroom::domain::command::Command as Wish;
use warroom::domain::id::StepId;

/// What a request to the Alertmanager does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Extend,
    End,
}

/// Where a request is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// It never arrives.
    Before,
    /// It has happened, and its answer never comes back.
    After,
}

#[derive(Debug, Default)]
struct Trap {
    armed: Option<(Kind, Moment)>,
    caught: bool,
}

/// Passes requests on to an Alertmanager, and catches those that it is told to.
#[derive(Clone)]
struct Gate {
    url: String,
    target: String,
    trap: Arc<Mutex<Trap>>,
}

impl Gate {
    fn open(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let gate = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            target: target.trim_start_matches("http://").to_owned(),
            trap: Arc::default(),
        };
        let of = gate.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let gate = of.clone();
                std::thread::spawn(move || gate.pass_on(client));
            }
        });
        gate
    }

    fn arm(&self, kind: Kind, moment: Moment) {
        let armed = Some((kind, moment));
        *self.trap.lock().expect("not poisoned") = Trap {
            armed,
            caught: false,
        };
    }

    fn disarm(&self) {
        *self.trap.lock().expect("not poisoned") = Trap::default();
    }

    fn has_caught(&self) -> bool {
        self.trap.lock().expect("not poisoned").caught
    }

    /// Waits while requests like this one are caught here; true when it was caught.
    fn catches(&self, kind: Option<Kind>, moment: Moment) -> bool {
        let mut was_caught = false;
        loop {
            let mut trap = self.trap.lock().expect("not poisoned");
            let is_it = kind.is_some() && trap.armed == kind.map(|kind| (kind, moment));
            if !is_it {
                return was_caught;
            }
            (trap.caught, was_caught) = (true, true);
            drop(trap);
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn pass_on(&self, mut client: TcpStream) {
        let Some(request) = whole_request(&mut client) else {
            return;
        };
        let kind = kind_of(&request);
        if self.catches(kind, Moment::Before) {
            return;
        }
        // One answer for each connection, so that its end is the end of the answer.
        let once = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let Ok(mut server) = TcpStream::connect(&self.target) else {
            return;
        };
        server.write_all(once.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).expect("answered");
        if !self.catches(kind, Moment::After) {
            // A client that has gone needs no answer.
            client.write_all(&answer).ok();
        }
    }
}

fn whole_request(client: &mut TcpStream) -> Option<String> {
    let mut request = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = client.read(&mut request[length..]).unwrap_or(0);
        length += read;
        let text = String::from_utf8_lossy(&request[..length]).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return None;
            }
            continue;
        };
        let wanted = head.lines().find_map(|line| {
            let line = line.to_lowercase();
            line.strip_prefix("content-length: ")?.parse().ok()
        });
        if read == 0 || body.len() >= wanted.unwrap_or(0) {
            return Some(text);
        }
    }
}

fn kind_of(request: &str) -> Option<Kind> {
    match request.split(' ').next() {
        Some("DELETE") => Some(Kind::End),
        Some("POST") if request.contains("\"id\":") => Some(Kind::Extend),
        Some("POST") => Some(Kind::Create),
        _ => None,
    }
}

/// Tells the server that an alert fires.
fn fire(url: &str, labels: &str) {
    let body = format!(r#"[{{"labels": {{{labels}}}}}]"#);
    stdout_of(
        Command::new("curl")
            .args(["-fsS", "-H", "Content-Type: application/json", "-d", &body])
            .arg(format!("{url}/api/v2/alerts")),
    );
}

/// Silences of ours that hold, with their ends.
fn active(url: &str) -> Vec<String> {
    let list = stdout_of(
        Command::new("curl")
            .arg("-fsS")
            .arg(format!("{url}/api/v2/silences")),
    );
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let all = list.as_array().expect("a list").iter();
    let ours = all.filter(|one| {
        let comment = one["comment"].as_str().unwrap_or_default();
        one["status"]["state"] == "active" && comment.contains("[warroom/")
    });
    ours.map(|one| one["endsAt"].to_string()).collect()
}

/// A home with a runbook whose silence has this lease, and with an Alertmanager behind this address.
fn home_of(url: &str, lease: &str) -> Home {
    let home = Home::new();
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let am = format!(
        "[connect.alertmanager.am]\nurls = [\"{url}\"]\nwrites = true\nevery = \"1s\"\ntimeout = \"20s\"\n"
    );
    home.write("config.toml", &(config + &am));
    let runbook = format!(
        "# Quiet\n\n```toml maintenance\ncomponents = [\"db-1\"]\n[silence]\nlease = \"{lease}\"\n```\n\n## One\n\n- [ ] Look\n  ```toml step\n  id = \"look\"\n  ```\n"
    );
    home.write("quiet.md", &runbook);
    home
}

async fn start(home: &Home) -> Asker {
    let (code, _, err) = home.said(&["run", "-d", "quiet.md"]);
    assert_eq!(code, 0, "{err}");
    Asker::attach(home, "quiet").await
}

async fn kill(home: &Home) {
    let process = server_of(home, "quiet").await;
    rustix::process::kill_process(process, rustix::process::Signal::KILL).expect("kills");
    wait_until("it is dead", || home.said(&["status", "quiet"]).0 == 3).await;
}

fn look() -> Wish {
    Wish::MarkDone {
        step: StepId::new("look").expect("a step"),
        note: String::new(),
    }
}

fn release() -> Wish {
    Wish::Release {
        reason: "looked".to_owned(),
    }
}

async fn must(asker: &mut Asker, wish: Wish) {
    let shown = format!("{wish:?}");
    let refused = asker.ask(wish).await;
    assert_eq!(refused, None, "{shown}");
}

/// Ends the maintenance and its session; nothing of ours is there afterwards.
async fn finish(home: &Home, url: &str, is_begun: bool) {
    let mut asker = Asker::attach(home, "quiet").await;
    if is_begun {
        must(&mut asker, release()).await;
        must(&mut asker, look()).await;
        must(&mut asker, Wish::Complete).await;
    }
    wait_until("no silence of ours is there", || active(url).is_empty()).await;
    assert_eq!(home.said(&["kill-session", "quiet"]).0, 0);
    let (code, out, err) = home.said(&["verify", "quiet"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(active(url), Vec::<String>::new());
    let report = home.said(&["report", "quiet"]).1;
    assert!(report.contains("## Silences"), "{report}");
}

#[tokio::test]
async fn a_server_that_is_killed_at_any_stage_leaves_no_silence_once_it_is_resumed() {
    if is_skipped(
        "silences::a_server_that_is_killed_at_any_stage_leaves_no_silence_once_it_is_resumed",
    ) {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["alertmanager"]);
    let url = services.get("ALERTMANAGER_URL");
    fire(
        url,
        r#""alertname": "InstanceDown", "instance": "db-1:9100""#,
    );
    let stages = [Kind::Create, Kind::Extend, Kind::End];
    for (kind, moment) in stages
        .into_iter()
        .flat_map(|kind| [(kind, Moment::Before), (kind, Moment::After)])
    {
        let gate = Gate::open(url);
        let lease = if kind == Kind::Extend { "10s" } else { "40s" };
        let home = home_of(&gate.url, lease);
        let mut asker = start(&home).await;
        if kind == Kind::Create {
            gate.arm(kind, moment);
        }
        must(&mut asker, Wish::Begin).await;
        if kind != Kind::Create {
            wait_until("the silence is there", || active(url).len() == 1).await;
            gate.arm(kind, moment);
        }
        if kind == Kind::End {
            must(&mut asker, look()).await;
            must(&mut asker, Wish::Complete).await;
        }
        wait_until("it is caught", || gate.has_caught()).await;
        kill(&home).await;
        gate.disarm();
        assert!(active(url).len() <= 1, "{kind:?} {moment:?}");
        let (code, _, err) = home.said(&["run", "-d", "-t", "quiet"]);
        assert_eq!(code, 0, "{kind:?} {moment:?}: {err}");
        if kind != Kind::End {
            // While the maintenance is on it is wanted: found, or begun again.
            wait_until("the silence is there again", || active(url).len() == 1).await;
        }
        finish(&home, url, kind != Kind::End).await;
    }
}

#[tokio::test]
async fn without_a_server_the_lease_lets_it_run_out_and_an_orderly_end_needs_no_lease() {
    if is_skipped(
        "silences::without_a_server_the_lease_lets_it_run_out_and_an_orderly_end_needs_no_lease",
    ) {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["alertmanager"]);
    let url = services.get("ALERTMANAGER_URL");
    fire(
        url,
        r#""alertname": "InstanceDown", "instance": "db-1:9100""#,
    );
    let home = home_of(url, "10s");
    must(&mut start(&home).await, Wish::Begin).await;
    wait_until("the silence is there", || active(url).len() == 1).await;
    kill(&home).await;
    wait_until("it has run out", || active(url).is_empty()).await;

    let home = home_of(url, "4h");
    let (code, out, err) = home.said(&["plan", "--silences", "quiet.md"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("would be made; it mutes 1 alerts now"),
        "{out}"
    );
    assert_eq!(active(url), Vec::<String>::new(), "a preview makes nothing");
    must(&mut start(&home).await, Wish::Begin).await;
    wait_until("the silence is there", || active(url).len() == 1).await;
    assert_eq!(home.said(&["kill-session", "quiet"]).0, 0);
    wait_until("it is ended", || active(url).is_empty()).await;
}

#[tokio::test]
async fn what_would_mute_others_is_not_made() {
    if is_skipped("silences::what_would_mute_others_is_not_made") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["alertmanager"]);
    let url = services.get("ALERTMANAGER_URL");
    let home = home_of(url, "15m");
    let cmdb = "[[component]]\nname = \"db-1\"\nenvironment = \"prod\"\n";
    home.write("cmdb.toml", cmdb);
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let files = format!(
        "[connect.cmdb-file.cmdb]\npath = \"{}\"\n",
        home.path("cmdb.toml").display()
    );
    home.write("config.toml", &(config + &files));
    fire(
        url,
        r#""alertname": "InstanceDown", "instance": "db-1:9100", "env": "staging""#,
    );
    let (code, out, err) = home.said(&["plan", "--silences", "quiet.md"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("OUTSIDE  1: InstanceDown"), "{out}");
    let mut asker = start(&home).await;
    wait_until("the alert is read", || {
        home.said(&["status", "quiet"]).1.contains("am")
    })
    .await;
    must(&mut asker, Wish::Begin).await;
    wait_until("it is withheld", || {
        home.said(&["status", "quiet"]).1.contains("WITHHELD")
    })
    .await;
    assert_eq!(active(url), Vec::<String>::new());
    must(&mut asker, release()).await;
    must(&mut asker, look()).await;
    must(&mut asker, Wish::Complete).await;
    assert_eq!(active(url), Vec::<String>::new());
    let report = home.said(&["report", "quiet"]).1;
    assert!(report.contains("goes on without the silence"), "{report}");
}

/// Rules of a Prometheus: one about the target, one about its twin elsewhere, and one that goes by what the series say.
const RULES: &str = "\
groups:
  - name: quiet
    rules:
      - alert: BackupOld
        expr: vector(0) > 1
        labels: {severity: page, instance: 'db-1:9100'}
      - alert: StagingBackupOld
        expr: vector(0) > 1
        labels: {instance: db-1, env: staging}
      - alert: OtherBackupOld
        expr: vector(0) > 1
        labels: {instance: web-7}
      - alert: Unreachable
        expr: up == 0
        labels: {team: '{{ $labels.job }}'}
";

#[test]
fn rules_that_do_not_fire_now_are_named_before_they_are_muted() {
    if is_skipped("silences::rules_that_do_not_fire_now_are_named_before_they_are_muted") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["prometheus", "alertmanager"]);
    let (url, prometheus) = (
        services.get("ALERTMANAGER_URL"),
        services.get("PROMETHEUS_URL"),
    );
    let home = home_of(url, "15m");
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let preview = || home.said(&["plan", "--silences", "quiet.md"]);
    let (_, out, err) = preview();
    assert!(
        out.contains("is not known: no metrics server tells of alerting rules"),
        "{out}{err}"
    );
    let main = format!("[connect.prometheus.main]\nurl = \"{prometheus}\"\n");
    home.write("config.toml", &(config + &main));
    let load = |rules: &str| {
        let dir = services.get("PROMETHEUS_RULES_DIR");
        std::fs::write(format!("{dir}/quiet.yml"), rules).expect("writable");
        let reload = format!("{prometheus}/-/reload");
        stdout_of(Command::new("curl").args(["-fsS", "-X", "POST", &reload]));
    };
    load(&RULES.replace("db-1, env: staging", "db-9, env: staging"));
    let (code, out, err) = preview();
    assert_eq!(code, 0, "{out}{err}");
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    let sure = "rules    1 muted too when they fire: BackupOld";
    let perhaps = "rules    1 muted too when they fire for a target: Unreachable";
    assert!(lines.contains(&sure) && lines.contains(&perhaps), "{out}");
    assert!(!out.contains("OtherBackupOld"), "{out}");
    // The same name in another environment would be muted with it.
    load(RULES);
    home.write(
        "cmdb.toml",
        "[[component]]\nname = \"db-1\"\nenvironment = \"prod\"\n",
    );
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let file = home.path("cmdb.toml").display().to_string();
    let files = format!("[connect.cmdb-file.cmdb]\npath = \"{file}\"\n");
    home.write("config.toml", &(config + &files));
    let (code, out, err) = preview();
    assert_eq!(code, 1, "{out}{err}");
    let outside = "OUTSIDE  1: StagingBackupOld env=staging (rule, not firing)";
    assert!(out.contains(outside), "{out}");
}
