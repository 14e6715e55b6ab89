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

fn rules(rules: &[(&str, &[(&str, &str)])], unknown: &str) -> Reading {
    let rule = |(name, labels): &(&str, &[(&str, &str)])| AlertRule {
        name: (*name).to_owned(),
        labels: labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
    };
    Reading::AlertRules {
        source: ConnectorName::new("prom").expect("a name"),
        known: AlertRules {
            rules: rules.iter().map(rule).collect(),
            unknown: unknown.to_owned(),
        },
    }
}

#[test]
fn rules_that_do_not_fire_are_named_with_what_is_known_of_their_labels() {
    let plan = session_only();
    let mut told = board(vec![down()]);
    let found = of(&plan, &told).expect("known").rules();
    assert_eq!(found.unknown, "no metrics server tells of alerting rules");
    let prom = health("prom", "prometheus", Liveness::Live);
    told.absorb(Reading::Health(prom));
    let found = of(&plan, &told).expect("known").rules();
    assert_eq!(found.unknown, "`prom` has told of no alerting rules");
    assert_eq!(
        found.in_short().as_deref(),
        Some("which rules it mutes too is not known")
    );
    told.absorb(rules(
        &[
            ("InstanceDown", &[]),
            ("Lag", &[("severity", "page")]),
            ("BackupOld", &[("instance", "db-1:9100")]),
            ("WebSlow", &[("instance", "web-7")]),
            (
                "Templated",
                &[
                    ("instance", "{{ $labels.host }}"),
                    ("env", "{{ $labels.e }}"),
                ],
            ),
        ],
        "",
    ));
    let found = of(&plan, &told).expect("known");
    let known = found.rules();
    assert_eq!(known.surely, ["BackupOld"]);
    assert_eq!(known.perhaps, ["Lag", "Templated"]);
    assert_eq!(known.unknown, "");
    assert_eq!(
        known.in_short().as_deref(),
        Some("3 rules too, once they fire")
    );
    assert_eq!(found.withheld(), None, "what may fire is no reason");
    assert_eq!(found.muted(), 1, "none of them fires");
    // By name: no other rule is muted, whatever labels its alerts will have.
    let named = preview(
        &plan,
        &Lifetime::Session,
        &["Lag".to_owned()],
        &told,
        &[(am(), vec![Ability::Mute])].into(),
    );
    assert_eq!(named.expect("known").rules().perhaps, ["Lag"]);
    told.absorb(rules(&[], "12 more are left out"));
    let found = of(&plan, &told).expect("known").rules();
    assert_eq!(found.unknown, "`prom`: 12 more are left out");
}

/// A rule that sets the label by which the silence is made, and is about another environment, would be muted unseen.
#[test]
fn a_rule_that_is_surely_muted_and_about_something_else_is_outside() {
    let plan = session_only();
    let mut told = board(vec![down()]);
    told.absorb(rules(
        &[
            ("StagingDown", &[("env", "staging"), ("instance", "db-1")]),
            ("Pair", &[("instance", "db-1"), ("node", "web-7")]),
        ],
        "",
    ));
    let found = of(&plan, &told).expect("known");
    assert_eq!(
        found.each[0].outside,
        [
            "Pair (rule, not firing)",
            "StagingDown env=staging (rule, not firing)"
        ]
    );
    assert!(matches!(found.withheld(), Some(Withheld::Outside { .. })));
    assert_eq!(found.muted(), 1);
}
