//! Against a real Icinga 2: what is not well is read, downtimes are made, found again, and ended.

use crate::alerting::{System, unmute};
use crate::harness::{Place, is_skipped, stdout_of, wait_for, wait_until};
use crate::services::Services;
use std::fs;
use std::process::Command;
use warroom::connect::connector::Health;
use warroom::domain::reading::{AlertState, SilenceState};
use warroom::domain::write::Outcome;

fn system(services: &Services, user: &str) -> System {
    let text = format!(
        "[connect.icinga2.infra]\nurl = \"{}\"\nauth.basic = {{ user = \"{user}\", password = \"env:SECRET\" }}\nca_file = \"{}\"\nca_only = true\nwrites = true\n",
        services.get("ICINGA_URL"),
        services.get("ICINGA_CA")
    );
    System::new(&text, user)
}

/// Tells Icinga what a check of the service has found.
fn report(services: &Services, status: u8, output: &str) {
    let body = format!(
        r#"{{"type": "Service", "service": "web1!http", "exit_status": {status}, "plugin_output": "{output}"}}"#
    );
    stdout_of(
        Command::new("curl")
            .args(["-fsS", "--cacert", services.get("ICINGA_CA")])
            .args(["-u", "warroom:warroom", "-H", "Accept: application/json"])
            .args(["-X", "POST", "-d", &body])
            .arg(format!(
                "{}/v1/actions/process-check-result",
                services.get("ICINGA_URL")
            )),
    );
}

#[test]
fn downtimes_are_made_found_again_and_ended_on_a_real_icinga() {
    const MARKER: &str = "01jd-orders/1";
    if is_skipped("icinga2::downtimes_are_made_found_again_and_ended_on_a_real_icinga") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["icinga2"]);
    let mut system = system(&services, "warroom");
    let mute = system.mute(&["web1"], &[]);
    assert_eq!(system.find(MARKER, &mute), Ok(None));
    let (reference, proof) = system.done(MARKER, &mute);
    assert_eq!(reference, "[01jd-orders/1]", "of the host and its service");
    assert!(proof.starts_with("read back as 2 downtimes of "), "{proof}");
    let (_, silences) = system.read();
    let mut mutes: Vec<&str> = silences.iter().map(|s| s.mutes[0].as_str()).collect();
    mutes.sort_unstable();
    assert_eq!(mutes, ["web1", "web1/http"]);
    for silence in &silences {
        assert_eq!(silence.state, SilenceState::Active);
        assert_eq!(
            silence.comment,
            "failover; of db-1 DEL_HOST_DOWNTIME [01jd-orders/1]"
        );
    }
    let alert = wait_for("the service to break", || {
        // Icinga checks by itself too, and finds all well.
        report(&services, 2, "no answer on port 80");
        system
            .read()
            .0
            .into_iter()
            .find(|alert| alert.name == "http")
    });
    assert_eq!(
        (alert.name.as_str(), alert.severity.as_str()),
        ("http", "critical")
    );
    assert_eq!(alert.state, AlertState::Firing);
    assert_eq!(alert.silenced_by, ["downtime"]);
    assert!(alert.since.is_some(), "{alert:?}");

    let again = system.done(MARKER, &mute);
    assert_eq!(again.0, reference, "a second try finds the first");
    assert_eq!(system.read().1.len(), 2);
    let found = system.find(MARKER, &mute);
    assert!(matches!(found, Ok(Some(Outcome::Done { .. }))), "{found:?}");

    let one = system.mute(&[], &[("host", "web1"), ("service", "http")]);
    let (name, proof) = system.done("01jd-orders/2", &one);
    assert!(
        proof.starts_with("read back as 1 downtime of web1/http"),
        "{proof}"
    );
    assert!(name.starts_with("web1!http!"), "{name}");

    let end = unmute(&reference);
    assert_eq!(system.find("01jd-orders/3", &end), Ok(None));
    system.done("01jd-orders/3", &end);
    let left: Vec<String> = system.read().1.into_iter().map(|s| s.id).collect();
    assert_eq!(left, std::slice::from_ref(&name));
    system.done("01jd-orders/3", &end);
    system.done("01jd-orders/4", &unmute(&name));
    assert!(system.read().1.is_empty());
    refuses_what_is_not_there(&mut system);
}

/// Nothing of it is sent.
fn refuses_what_is_not_there(system: &mut System) {
    for (deed, part) in [
        (system.mute(&["web9"], &[]), "no host is called `web9`"),
        (
            system.mute(&["web1\" || true || \""], &[]),
            "no host is called",
        ),
        (
            system.mute(&["web1"], &[("service", "ftp")]),
            "has no service `ftp`",
        ),
        (unmute("7"), "is not the name of a downtime"),
    ] {
        let error = system.write("01jd-orders/5", &deed).expect_err(part);
        assert!(error.what.contains(part) && !error.unclear, "{error:?}");
    }
}

#[test]
fn a_real_icinga_is_examined_with_its_permissions() {
    if is_skipped("icinga2::a_real_icinga_is_examined_with_its_permissions") {
        return;
    }
    let place = Place::new();
    let mut services = Services::start(&place, &["icinga2"]);
    let checks = system(&services, "warroom").doctor();
    assert!(
        checks.iter().all(|check| check.health == Health::Good),
        "{checks:?}"
    );
    assert!(
        checks[0].said.starts_with("r2.") && checks[0].said.ends_with(", as warroom"),
        "{checks:?}"
    );
    let found = checks.last().map(|check| check.said.as_str());
    assert_eq!(found, Some("1 hosts, 0 alerts, 0 downtimes"));
    let checks = system(&services, "nobody").doctor();
    assert!(
        checks[0]
            .said
            .ends_with("HTTP 401; check the token or password, and what it may read"),
        "{checks:?}"
    );

    let conf = place.join("svc/icinga2/conf/icinga2.conf");
    let text = fs::read_to_string(&conf).expect("readable");
    let guest = r#"object ApiUser "guest" { password = "guest", permissions = [ "objects/query/Host", "objects/query/Downtime" ] }"#;
    fs::write(&conf, format!("{text}\n{guest}\n")).expect("writable");
    services.kill("icinga2");
    services.up(&["icinga2"]);
    let mut guest = system(&services, "guest");
    wait_until("the guest to be known", || {
        guest
            .doctor()
            .iter()
            .any(|check| check.said.ends_with(", as guest"))
    });
    let bad: Vec<String> = guest
        .doctor()
        .into_iter()
        .filter(|check| check.health == Health::Bad)
        .map(|check| check.what)
        .collect();
    let wanted = [
        "permission objects/query/Service",
        "permission actions/schedule-downtime",
        "permission actions/remove-downtime",
        "found",
    ];
    assert_eq!(bad, wanted);
    let mute = guest.mute(&["web1"], &[]);
    let error = guest.write("01jd-orders/1", &mute).expect_err("may not");
    assert!(
        error.what.contains("permission") && !error.unclear,
        "{error:?}"
    );
}
