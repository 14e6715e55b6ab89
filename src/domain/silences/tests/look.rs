//! What a silence would mute, told before it is made.

use super::*;

fn of(plan: &Plan, board: &Board) -> Result<Preview, String> {
    let writers: BTreeMap<_, _> = [(am(), vec![Ability::Mute])].into();
    preview(plan, &Lifetime::Session, &[], board, &writers)
}

fn target(instance: &str, node: &str) -> TargetHealth {
    let labels = [("instance", instance), ("job", "node"), ("node", node)];
    TargetHealth {
        job: "node".to_owned(),
        instance: instance.to_owned(),
        labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        is_up: Some(true),
        error: String::new(),
        scraped: None,
    }
}

#[test]
fn a_preview_tells_inside_from_outside_and_says_what_it_cannot_tell() {
    let plan = session_only();
    let pending = Alert {
        state: AlertState::Pending,
        ..alert("Lag", &[("instance", "db-1:9187")])
    };
    let mut told = board(vec![
        down(),
        alert("Down", &[("instance", "db-10:9100")]),
        alert("Down", &[("instance", "db-1.lab.example:9100")]),
        alert("Down", &[("instance", "db-1"), ("env", "staging")]),
        alert("Disk", &[("node", "db-1")]),
    ]);
    told.absorb(Reading::Health(health(
        "prom",
        "prometheus",
        Liveness::Live,
    )));
    let source = ConnectorName::new("prom").expect("a name");
    let alerts = vec![pending, down()];
    told.absorb(Reading::Alerts {
        source: source.clone(),
        alerts,
    });
    let targets = vec![
        target("db-1:9100", ""),
        target("db-1:9115", "web-7"),
        target("web-7:9100", ""),
    ];
    told.absorb(Reading::Targets { source, targets });
    let found = of(&plan, &told).expect("known");
    let one = &found.each[0];
    assert_eq!(
        one.inside,
        [
            "Down instance=db-1.lab.example:9100 (firing)",
            "InstanceDown instance=db-1:9100 (firing)",
            "Lag instance=db-1:9187 (pending)"
        ]
    );
    assert_eq!(
        one.outside,
        [
            "Down instance=db-1 env=staging (firing)",
            "all of job node at db-1:9115"
        ]
    );
    assert_eq!(one.missed, ["Disk node=db-1 (firing)"]);
    assert_eq!(one.monitored, 1);
    assert_eq!(found.muted(), 4);
    assert!(matches!(
        found.withheld(),
        Some(Withheld::Outside {
            muted: 4,
            outside: 2,
            ..
        })
    ));

    // A component that is called like another one with a domain is another one.
    let source = ConnectorName::new("cmdb").expect("a name");
    let components = vec![component("db-1", "prod"), component("db-1.lab.example", "")];
    told.absorb(Reading::Components { source, components });
    let outside = &of(&plan, &told).expect("known").each[0].outside;
    assert!(outside.iter().any(|name| name.contains("db-1.lab.example")));
}

#[test]
fn what_is_not_known_never_passes() {
    let plan = session_only();
    let unknown = |board: &Board| {
        let found = of(&plan, board).expect("a preview").withheld();
        assert!(matches!(found, Some(Withheld::Unknown { .. })), "{found:?}");
    };
    unknown(&Board::default());
    for (liveness, error) in [
        (Liveness::Never, ""),
        (Liveness::Stale, "refused"),
        (Liveness::Live, "1 of 2 members"),
    ] {
        let mut told = board(Vec::new());
        told.absorb(Reading::Health(ConnectorHealth {
            last_error: error.to_owned(),
            ..health("am", "alertmanager", liveness)
        }));
        unknown(&told);
    }
    let mut told = board(Vec::new());
    told.alerts.clear();
    unknown(&told);
    let mut told = board(Vec::new());
    told.absorb(Reading::Health(ConnectorHealth {
        can: vec![Ability::Mute, Ability::MuteUnseen],
        ..health("am", "alertmanager", Liveness::Live)
    }));
    unknown(&told);
    // Whole components are muted there: narrowing it to an alert would be passed over.
    let mut narrow = plan.clone();
    let silence = narrow.silence.as_mut().expect("set");
    silence.alerts = vec!["Down".to_owned()];
    let mut told = board(Vec::new());
    told.absorb(Reading::Health(health("am", "nagios", Liveness::Live)));
    let found = of(&narrow, &told).expect("a preview").withheld();
    assert!(matches!(found, Some(Withheld::Unknown { .. })), "{found:?}");
    // Selectors that fit nothing, no components, too many, and nobody who can.
    let mut other = plan.clone();
    other.components = vec!["role=none".to_owned()];
    of(&other, &board(Vec::new())).expect_err("unknown");
    other.components.clear();
    of(&other, &board(Vec::new())).expect_err("nothing");
    other.components = (0..65).map(|n| format!("db-{n}")).collect();
    of(&other, &board(Vec::new())).expect_err("too many");
    let none = BTreeMap::new();
    preview(&plan, &Lifetime::Session, &[], &board(Vec::new()), &none).expect_err("nobody");
    let mut other = plan;
    other.silence.as_mut().expect("set").by = vec![ConnectorName::new("gone").expect("a name")];
    of(&other, &board(Vec::new())).expect_err("not configured");
}
