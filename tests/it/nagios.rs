//! Against a real Nagios: what is not well is read, downtimes are made both ways, found again, and ended.

use crate::alerting::{System, unmute};
use crate::harness::{Place, is_skipped, wait_for, wait_until};
use crate::services::Services;
use std::fs;
use warroom::connect::connector::Health;
use warroom::domain::reading::{AlertState, SilenceState};
use warroom::domain::write::Outcome;

fn system(services: &Services, user: &str, further: &str) -> System {
    let text = format!(
        "[connect.nagios.infra]\nurl = \"{}/cgi-bin\"\nauth.basic = {{ user = \"{user}\", password = \"env:SECRET\" }}\nwrites = true\n{further}\n",
        services.get("NAGIOS_URL")
    );
    System::new(&text, user)
}

/// Made, seen, found by a second try, ended, and ended again.
fn life_of_a_downtime(mut system: System) {
    const MARKER: &str = "01jd-orders/1";
    let mute = system.mute(&["web1"], &[]);
    assert_eq!(system.find(MARKER, &mute), Ok(None));
    let (reference, proof) = system.done(MARKER, &mute);
    assert_eq!(reference, "[01jd-orders/1]", "of the host and its service");
    assert!(
        proof.starts_with("read back as 2 downtimes of web1, web1/http"),
        "{proof}"
    );
    let silences = wait_for("both in effect", || {
        let (_, silences) = system.read();
        let all = silences.iter().all(|s| s.state == SilenceState::Active);
        Some(silences).filter(|list| list.len() == 2 && all)
    });
    for silence in &silences {
        // One line, one field: nothing of the comment became a command.
        assert_eq!(
            silence.comment,
            "failover, of db-1 DEL_HOST_DOWNTIME [01jd-orders/1]"
        );
    }
    wait_until("the alert to be quiet", || {
        let (alerts, _) = system.read();
        alerts
            .iter()
            .any(|a| a.name == "http" && a.silenced_by.iter().any(|by| by == "downtime"))
    });
    let again = system.done(MARKER, &mute);
    assert_eq!(again.0, reference, "a second try finds the first");
    assert_eq!(system.read().1.len(), 2);
    let found = system.find(MARKER, &mute);
    assert!(matches!(found, Ok(Some(Outcome::Done { .. }))), "{found:?}");

    let one = system.mute(&[], &[("host", "web1"), ("service", "http")]);
    let (id, proof) = system.done("01jd-orders/2", &one);
    assert!(
        proof.starts_with("read back as 1 downtime of web1/http"),
        "{proof}"
    );
    assert!(id.parse::<u64>().is_ok(), "{id}");

    let end = unmute(&reference);
    assert_eq!(system.find("01jd-orders/3", &end), Ok(None));
    system.done("01jd-orders/3", &end);
    let left: Vec<String> = system.read().1.into_iter().map(|s| s.id).collect();
    assert_eq!(left, std::slice::from_ref(&id));
    system.done("01jd-orders/3", &end);
    system.done("01jd-orders/4", &unmute(&id));
    assert!(system.read().1.is_empty());
    for (deed, part) in [
        (system.mute(&["web9"], &[]), "no host is called `web9`"),
        (
            system.mute(&["web1"], &[("service", "ftp")]),
            "has no service `ftp`",
        ),
        (
            unmute("1;DEL_HOST_DOWNTIME"),
            "is not the number of a downtime",
        ),
    ] {
        let error = system.write("01jd-orders/5", &deed).expect_err(part);
        assert!(error.what.contains(part) && !error.unclear, "{error:?}");
    }
}

#[test]
fn downtimes_are_made_and_ended_through_both_ways_of_a_real_nagios() {
    if is_skipped("nagios::downtimes_are_made_and_ended_through_both_ways_of_a_real_nagios") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["nagios4"]);
    let mut by_cgi = system(&services, "nagiosadmin", "");
    assert!(by_cgi.read().0.is_empty(), "all is well");
    fs::write(services.get("NAGIOS_BREAK_HTTP"), "no answer on port 80\n").expect("writable");
    let alert = wait_for("the service to break", || {
        by_cgi.read().0.into_iter().next()
    });
    assert_eq!(
        (alert.name.as_str(), alert.severity.as_str()),
        ("http", "critical")
    );
    assert_eq!(alert.state, AlertState::Firing);
    assert!(
        alert.since.is_some() && alert.silenced_by.is_empty(),
        "{alert:?}"
    );
    life_of_a_downtime(by_cgi);
    let command_file = format!("command_file = \"{}\"", services.get("NAGIOS_CMD"));
    life_of_a_downtime(system(&services, "nagiosadmin", &command_file));
}

#[test]
fn a_real_nagios_is_examined_and_a_dead_one_noticed() {
    if is_skipped("nagios::a_real_nagios_is_examined_and_a_dead_one_noticed") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["nagios4"]);
    let users = place.join("svc/nagios4/users");
    let known = fs::read_to_string(&users).expect("readable");
    fs::write(&users, format!("{known}guest:guest\n")).expect("writable");
    let checks = system(&services, "nagiosadmin", "").doctor();
    let health: Vec<Health> = checks.iter().map(|check| check.health).collect();
    assert_eq!(health, [Health::Good; 3], "{checks:?}");
    assert!(checks[0].said.starts_with("4."), "{checks:?}");
    assert_eq!(checks[1].said, "1 hosts, 0 alerts, 0 downtimes");
    let command_file = format!("command_file = \"{}\"", services.get("NAGIOS_CMD"));
    let checks = system(&services, "nagiosadmin", &command_file).doctor();
    assert_eq!(checks[2].health, Health::Good, "{checks:?}");
    // A user who is no contact sees nothing, which must not look like a good day.
    let checks = system(&services, "guest", "").doctor();
    assert_eq!(checks[1].health, Health::Bad, "{checks:?}");
    let checks = system(&services, "nobody", "").doctor();
    assert_eq!(checks[0].said, "HTTP 401", "{checks:?}");

    let mut by_pipe = system(&services, "nagiosadmin", &command_file);
    let mute = by_pipe.mute(&["web1"], &[]);
    services.kill("nagios4");
    let error = wait_for("the pipe to have no reader", || {
        // While it dies it may take the first of two commands: that is unclear, and asked again.
        let refused = by_pipe.write("01jd-orders/1", &mute).err();
        refused.filter(|error| !error.unclear)
    });
    assert!(error.what.contains("nobody reads it"), "{error:?}");
}
