//! Which readings a kept radius survives.

use super::*;

/// A radius that was kept although it had become another one would show a component that is down as up.
#[test]
fn a_reading_that_moves_nothing_moves_nothing() {
    let mut scene = Scene::new(&SHOP, &["db-1"]);
    let targets = |is_up, scraped| Reading::Targets {
        source: source("prom"),
        targets: vec![TargetHealth {
            job: "node".to_owned(),
            instance: "db-1:9100".to_owned(),
            labels: vec![("instance".to_owned(), "db-1:9100".to_owned())],
            is_up: Some(is_up),
            error: String::new(),
            scraped: Some(Timestamp::from_millis(scraped)),
        }],
    };
    let health = |liveness, failures| {
        Reading::Health(ConnectorHealth {
            connector: source("prom"),
            system: "prometheus".to_owned(),
            liveness,
            last_good: None,
            last_error: String::new(),
            failures,
            next_try: None,
            latency: Duration::ZERO,
            can: Vec::new(),
        })
    };
    let shop: Vec<&str> = SHOP.into_iter().take(7).collect();
    let told = |lines: &[&str]| Reading::Components {
        source: source("cmdb"),
        components: lines.iter().map(|line| component(line)).collect(),
    };
    let alerts = |board: &mut Board| {
        alert(board, "LagHigh", "db-1");
        let alerts = board.alerts.remove(&source("am")).unwrap_or_default();
        let source = source("am");
        Reading::Alerts { source, alerts }
    };
    let firing = alerts(&mut scene.board);
    let story = [
        (targets(true, 1), true),
        (targets(true, 2), false),
        (health(Liveness::Live, 0), true),
        (health(Liveness::Live, 1), false),
        (targets(false, 3), true),
        (health(Liveness::Stale, 2), true),
        (told(&SHOP), false),
        (told(&shop), true),
        (firing.clone(), true),
        (firing, false),
    ];
    for (n, (reading, moves)) in story.into_iter().enumerate() {
        let before = scene.radius(2);
        assert_eq!(is_moved_by(&scene.board, &reading), moves, "reading {n}");
        scene.board.absorb(reading);
        let is_same = before == scene.radius(2);
        assert!(moves || is_same, "reading {n} was said to move nothing");
    }
}
