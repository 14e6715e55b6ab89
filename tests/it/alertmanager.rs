//! Against a real Alertmanager: what fires is read, a silence is made, found again, and ended.

use crate::alerting::{System, unmute};
use crate::harness::{Place, is_skipped, stdout_of, wait_for, wait_until};
use crate::services::Services;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;
use warroom::connect::connector::Health;
use warroom::domain::reading::SilenceState;
use warroom::domain::write::Outcome;

fn system(urls: &[&str]) -> System {
    let urls = urls.join("\", \"");
    let text = format!(
        "[connect.alertmanager.alerts]\nurls = [\"{urls}\"]\nwrites = true\ntimeout = \"2s\"\n"
    );
    System::new(&text, "")
}

/// Tells the server that an alert fires.
fn fire(url: &str, name: &str, instance: &str) {
    let body = format!(
        r#"[{{"labels": {{"alertname": "{name}", "instance": "{instance}", "severity": "page"}}, "annotations": {{"summary": "{instance} is down"}}}}]"#
    );
    stdout_of(
        Command::new("curl")
            .args(["-fsS", "-H", "Content-Type: application/json", "-d", &body])
            .arg(format!("{url}/api/v2/alerts")),
    );
}

#[test]
fn a_silence_is_made_found_again_and_ended_on_a_real_alertmanager() {
    const MARKER: &str = "01jd-orders/1";
    if is_skipped("alertmanager::a_silence_is_made_found_again_and_ended_on_a_real_alertmanager") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["alertmanager"]);
    let url = services.get("ALERTMANAGER_URL").to_owned();
    let mut system = system(&[&url]);
    fire(&url, "InstanceDown", "db-1:9100");
    fire(&url, "InstanceDown", "db-2:9100");
    let alerts = wait_for("both alerts", || {
        Some(system.read().0).filter(|alerts| alerts.len() == 2)
    });
    assert!(
        alerts.iter().all(|a| a.silenced_by.is_empty()),
        "{alerts:?}"
    );
    assert_eq!(alerts[0].summary, "db-1:9100 is down");

    let mute = system.mute(&["db-1"], &[("instance", "db-1:9100")]);
    assert_eq!(system.find(MARKER, &mute), Ok(None));
    let (id, proof) = system.done(MARKER, &mute);
    assert!(proof.starts_with("read back as silence"), "{proof}");
    let (_, silences) = system.read();
    assert_eq!(silences.len(), 1);
    assert_eq!(silences[0].id, id);
    assert_eq!(silences[0].state, SilenceState::Active);
    assert_eq!(silences[0].mutes, ["instance=\"db-1:9100\""]);
    assert!(
        silences[0].comment.ends_with("[01jd-orders/1]"),
        "{:?}",
        silences[0]
    );
    wait_until("one alert to be quiet and the other not", || {
        let (alerts, _) = system.read();
        let quiet = |alert: &warroom::domain::reading::Alert| alert.silenced_by == [id.clone()];
        alerts.len() == 2 && !quiet(&alerts[0]) && quiet(&alerts[1])
    });

    let again = system.done(MARKER, &mute);
    assert_eq!(again.0, id, "a second try finds the first");
    assert_eq!(system.read().1.len(), 1);
    let other = system.done("01jd-orders/11", &mute);
    assert_ne!(other.0, id, "another write is another silence");

    let end = unmute(&id);
    assert_eq!(system.find("01jd-orders/2", &end), Ok(None));
    let (_, proof) = system.done("01jd-orders/2", &end);
    assert!(proof.contains("ended at"), "{proof}");
    let (_, proof) = system.done("01jd-orders/2", &end);
    assert!(
        proof.contains("ended at"),
        "ending twice is no mistake: {proof}"
    );
    let left: Vec<String> = system.read().1.into_iter().map(|s| s.id).collect();
    assert_eq!(left, [other.0]);
    let found = system.find(MARKER, &mute).expect("an answer");
    assert!(
        matches!(found, Some(Outcome::Done { .. })),
        "it was made, and has ended: {found:?}"
    );
    let unknown = unmute("00000000-0000-4000-8000-000000000000");
    assert!(matches!(
        system.write("01jd-orders/3", &unknown),
        Ok(Outcome::Failed { .. })
    ));
}

#[test]
fn a_real_alertmanager_is_examined_and_one_dead_member_is_a_trouble() {
    if is_skipped("alertmanager::a_real_alertmanager_is_examined_and_one_dead_member_is_a_trouble")
    {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["alertmanager"]);
    let url = services.get("ALERTMANAGER_URL").to_owned();
    let checks = system(&[&url]).doctor();
    assert_eq!(checks[0].health, Health::Good, "{checks:?}");
    assert!(checks[0].said.starts_with("version 0."), "{checks:?}");
    assert_eq!(checks[1].said, "0 alerts, 0 silences, 1 receivers");

    let gone = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let gone = format!("http://{}", gone.expect("a port"));
    let mut pair = system(&[&gone, &url]);
    let mute = pair.mute(&[], &[("instance", "db-1:9100")]);
    pair.done("01jd-orders/1", &mute);
    assert_eq!(pair.read().1.len(), 1, "one member is enough");
    let checks = pair.doctor();
    assert_eq!(checks[0].health, Health::Bad, "{checks:?}");
    assert_eq!(checks[1].health, Health::Warn, "no gossip: {checks:?}");
    services.kill("alertmanager");
    assert!(pair.poll().is_err(), "nobody answers");
}

/// Passes requests on, and cuts the connection when the answer to a `POST` would come back.
fn cutting_proxy(target: &str) -> String {
    let target = target.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            pass_on(client, &target);
        }
    });
    url
}

/// One request; the answer is read to its end before it is handed over or dropped.
fn pass_on(mut client: TcpStream, target: &str) {
    let mut request = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = client.read(&mut request[length..]).unwrap_or(0);
        length += read;
        let text = String::from_utf8_lossy(&request[..length]).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return;
            }
            continue;
        };
        let wanted = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if read == 0 || body.len() >= wanted.unwrap_or(0) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request[..length]);
    let is_post = text.starts_with("POST");
    // One answer for each connection, so that its end is the end of the answer.
    let once = text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut server = TcpStream::connect(target).expect("the server is there");
    server
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a limit");
    server.write_all(once.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).expect("answered");
    if !is_post {
        // A client that has gone needs no answer.
        client.write_all(&answer).ok();
    }
}

#[test]
fn a_silence_whose_answer_was_lost_is_unclear_and_then_found() {
    const MARKER: &str = "01jd-orders/7";
    if is_skipped("alertmanager::a_silence_whose_answer_was_lost_is_unclear_and_then_found") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["alertmanager"]);
    let url = services.get("ALERTMANAGER_URL").to_owned();
    let mut cut = system(&[&cutting_proxy(&url)]);
    let mute = cut.mute(&[], &[("instance", "db-1:9100")]);
    let error = cut.write(MARKER, &mute).expect_err("the answer is lost");
    assert!(error.unclear, "{error:?}");

    let mut direct = system(&[&url]);
    let found = direct.find(MARKER, &mute).expect("an answer");
    let Some(Outcome::Done { reference, .. }) = found else {
        panic!("{found:?}");
    };
    let (again, _) = direct.done(MARKER, &mute);
    assert_eq!(again, reference, "nothing is made twice");
    assert_eq!(direct.read().1.len(), 1);
}
