use super::action::{Action, Progress, Refusal};
use super::*;

const START: i64 = 1_795_321_924_000;

fn sim() -> Sim {
    Sim::new(START, 42)
}

fn run(sim: &mut Sim, seconds: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
    let span = (seconds * 1000.0) as i64;
    let to = sim.now_ms() + span;
    sim.step(to);
}

fn act(sim: &mut Sim, action: Action, node: &str) {
    sim.act(action, Some(node))
        .unwrap_or_else(|refusal| panic!("{action} {node}: {refusal}"));
}

/// Runs until the action is done, and says how many seconds that took.
fn finish(sim: &mut Sim, action: Action, node: &str) -> f64 {
    act(sim, action, node);
    let start = sim.elapsed_s;
    for _ in 0..600 {
        match sim.progress(action, Some(node)) {
            Progress::Done(_) => return sim.elapsed_s - start,
            Progress::Going(_) => run(sim, 0.1),
            Progress::Stopped(why) => panic!("{action} {node}: {why}"),
        }
    }
    panic!("{action} {node} does not end");
}

fn db<'a>(sim: &'a Sim, name: &str) -> &'a Db {
    sim.db(name).expect("a database")
}

fn assert_conserved(sim: &Sim) {
    let queries: f64 = sim.dbs.iter().map(|db| db.queries).sum();
    let asked = sim.traffic.requests * (READS + WRITES);
    assert!((queries - asked).abs() < 1e-6, "{queries} of {asked}");
}

#[test]
fn a_quiet_cluster_stays_quiet_for_half_an_hour() {
    let mut sim = sim();
    for _ in 0..1800 {
        run(&mut sim, 1.0);
        assert_conserved(&sim);
        let traffic = sim.traffic;
        assert!((340.0..500.0).contains(&traffic.requests), "{traffic:?}");
        assert!(traffic.error_ratio < 0.005, "{traffic:?}");
        assert!((0.08..0.25).contains(&traffic.p99_s), "{traffic:?}");
        assert!(traffic.queue < 150.0, "{traffic:?}");
        assert!(sim.dbs.iter().all(|db| db.lag_s < 0.5));
    }
}

#[test]
fn the_same_seed_gives_the_same_past() {
    let (mut a, mut b) = (sim(), sim());
    run(&mut a, 60.0);
    for _ in 0..600 {
        run(&mut b, 0.1);
    }
    assert!((a.traffic.requests - b.traffic.requests).abs() < 1e-9);
    assert!((a.traffic.p99_s - b.traffic.p99_s).abs() < 1e-9);
}

#[test]
fn a_drained_node_hands_its_traffic_to_the_others() {
    let mut sim = sim();
    let before = sim.traffic.p99_s;
    let others = db(&sim, "orders-db-3").connections;
    assert!((150.0..220.0).contains(&db(&sim, "orders-db-2").connections));
    act(&mut sim, Action::Drain, "orders-db-2");
    run(&mut sim, 2.0);
    assert!(
        db(&sim, "orders-db-2").connections < 150.0,
        "reacts at once"
    );
    assert_conserved(&sim);
    run(&mut sim, 10.0);
    assert!(db(&sim, "orders-db-2").connections.abs() < f64::EPSILON);
    assert!(db(&sim, "orders-db-3").connections > others * 1.3);
    assert_conserved(&sim);
    run(&mut sim, 5.0);
    let p99 = sim.traffic.p99_s;
    assert!(p99 > before * 1.08 && p99 < 0.3, "{before} {p99}");
    // A forgotten undrain keeps capacity low.
    run(&mut sim, 600.0);
    assert_eq!(sim.serving(), 2);
    let took = finish(&mut sim, Action::Undrain, "orders-db-2");
    assert!(took < 10.0, "{took}");
    assert_eq!(sim.serving(), 3);
}

#[test]
fn an_upgraded_node_lags_and_catches_up() {
    let mut sim = sim();
    finish(&mut sim, Action::Drain, "orders-db-2");
    let took = finish(&mut sim, Action::Upgrade, "orders-db-2");
    assert!((7.0..10.0).contains(&took), "{took}");
    let node = db(&sim, "orders-db-2");
    assert_eq!(node.version, 16);
    assert!(
        (40e6..60e6).contains(&node.lag_bytes()),
        "{}",
        node.lag_bytes()
    );
    run(&mut sim, 10.0);
    assert!(db(&sim, "orders-db-2").lag_s < 1.0);
    assert!(sim.traffic.error_ratio < 0.005, "nobody noticed");
}

#[test]
fn a_switchover_is_a_short_blip_and_moves_the_writes() {
    let mut sim = sim();
    let took = finish(&mut sim, Action::Switchover, "orders-db-2");
    assert!(took < 5.0, "{took}");
    let peak = sim.traffic.error_ratio;
    assert!((0.02..0.05).contains(&peak), "{peak}");
    assert_eq!(db(&sim, "orders-db-2").role, Role::Primary);
    assert_eq!(db(&sim, "orders-db-1").role, Role::Replica);
    run(&mut sim, 10.0);
    assert!(sim.traffic.error_ratio < 0.005);
    assert!(db(&sim, "orders-db-2").connections > db(&sim, "orders-db-1").connections);
    // Once more changes nothing.
    assert!(finish(&mut sim, Action::Switchover, "orders-db-2") < 0.1);
}

#[test]
fn a_bad_change_breaches_within_ten_seconds_and_heals() {
    for node in ["orders-api", "orders-lb", "orders-db-3"] {
        let mut sim = sim();
        act(&mut sim, Action::Break, node);
        run(&mut sim, 2.0);
        assert!(sim.traffic.error_ratio > 0.005, "{node} reacts");
        run(&mut sim, 8.0);
        assert!(sim.traffic.error_ratio > 0.05, "{node}");
        assert!(sim.traffic.p99_s > 0.6, "{node}");
        run(&mut sim, 300.0);
        assert!(
            sim.traffic.error_ratio > 0.05,
            "{node} does not heal by itself"
        );
        finish(&mut sim, Action::Heal, node);
        run(&mut sim, 8.0);
        assert!(sim.traffic.error_ratio < 0.005, "{node}");
        assert!(sim.traffic.p99_s < 0.3, "{node}");
    }
}

#[test]
fn a_lonely_node_is_overloaded() {
    let mut sim = sim();
    finish(&mut sim, Action::Drain, "orders-db-2");
    finish(&mut sim, Action::Drain, "orders-db-3");
    run(&mut sim, 15.0);
    assert!(sim.traffic.p99_s > 0.5, "{}", sim.traffic.p99_s);
    assert_conserved(&sim);
}

#[test]
fn a_restart_of_the_primary_hurts_and_ends() {
    let mut sim = sim();
    act(&mut sim, Action::Restart, "orders-db-1");
    run(&mut sim, 3.0);
    assert!(sim.traffic.error_ratio > 0.1);
    run(&mut sim, 15.0);
    assert!(sim.traffic.error_ratio < 0.01);
}

#[test]
fn what_would_hurt_is_refused_and_changes_nothing() {
    let mut sim = sim();
    let refusal =
        |sim: &mut Sim, action, node| sim.act(action, Some(node)).expect_err("must be refused");
    let text = |refusal: Refusal| refusal.to_string();
    assert_eq!(
        text(refusal(&mut sim, Action::Drain, "orders-db-1")),
        "cannot drain `orders-db-1`: it is the primary"
    );
    let in_use = refusal(&mut sim, Action::Upgrade, "orders-db-2");
    assert!(matches!(in_use, Refusal::InUse { .. }), "{in_use}");
    assert_eq!(in_use.hint(), "drain `orders-db-2` first");
    assert!(
        refusal(&mut sim, Action::Drain, "orders-api")
            .hint()
            .contains("orders-db-3")
    );
    assert!(
        refusal(&mut sim, Action::Drain, "orders-db-9")
            .hint()
            .contains("orders-worker")
    );
    assert_eq!(
        sim.act(Action::Drain, None),
        Err(Refusal::NoNode(Action::Drain))
    );
    finish(&mut sim, Action::Drain, "orders-db-2");
    assert_eq!(
        refusal(&mut sim, Action::Switchover, "orders-db-2"),
        Refusal::Drained("orders-db-2")
    );
    act(&mut sim, Action::Upgrade, "orders-db-2");
    run(&mut sim, 1.0);
    let down = refusal(&mut sim, Action::Restart, "orders-db-2");
    assert!(matches!(down, Refusal::Down { .. }), "{down}");
    run(&mut sim, 8.0);
    act(&mut sim, Action::Undrain, "orders-db-2");
    let lagging = refusal(&mut sim, Action::Switchover, "orders-db-2");
    assert!(lagging.to_string().contains("replica lags "), "{lagging}");
    assert_eq!(
        sim.dbs.iter().filter(|db| db.role == Role::Primary).count(),
        1
    );
}

/// As [`finish`], then waits as the gates of the demo do, and keeps the worst error ratio and latency of the way.
fn walk(sim: &mut Sim, action: Action, node: &str, worst: &mut (f64, f64)) {
    act(sim, action, node);
    let mut settling = 60;
    while settling > 0 {
        run(sim, 0.1);
        worst.0 = worst.0.max(sim.traffic.error_ratio);
        worst.1 = worst.1.max(sim.traffic.p99_s);
        if matches!(sim.progress(action, Some(node)), Progress::Done(_)) {
            settling -= 1;
        }
    }
}

#[test]
fn the_whole_maintenance_and_its_way_back_stay_within_the_critical_limits() {
    for seed in 1..=10 {
        let mut sim = Sim::new(START, seed);
        let worst = &mut (0.0, 0.0);
        let forward = [Action::Drain, Action::Upgrade, Action::Undrain];
        for node in ["orders-db-2", "orders-db-3"] {
            for action in forward {
                walk(&mut sim, action, node, worst);
            }
        }
        walk(&mut sim, Action::Switchover, "orders-db-2", worst);
        for action in forward {
            walk(&mut sim, action, "orders-db-1", worst);
        }
        assert!(sim.dbs.iter().all(|db| db.version == 16));
        assert!(sim.elapsed_s < 240.0, "{}", sim.elapsed_s);
        for action in [Action::Drain, Action::Downgrade, Action::Undrain] {
            walk(&mut sim, action, "orders-db-1", worst);
        }
        walk(&mut sim, Action::Switchover, "orders-db-1", worst);
        for node in ["orders-db-3", "orders-db-2"] {
            for action in [Action::Drain, Action::Downgrade, Action::Undrain] {
                finish(&mut sim, action, node);
            }
        }
        let is_back = |db: &Db| db.version == 15 && db.is_up() && !db.drained;
        assert!(sim.dbs.iter().all(is_back));
        assert_eq!(db(&sim, "orders-db-1").role, Role::Primary);
        assert!(worst.0 < 0.045 && worst.1 < 0.3, "seed {seed}: {worst:?}");
    }
}

#[test]
fn status_can_be_searched() {
    let sim = sim();
    let Progress::Done(all) = sim.progress(Action::Status, None) else {
        panic!("status is done at once");
    };
    assert_eq!(all.lines().count(), 6);
    assert!(all.contains("orders-db-1 role=primary version=15 state=serving connections="));
    let one = sim.progress(Action::Status, Some("orders-api"));
    assert!(matches!(one, Progress::Done(line) if line.starts_with("orders-api state=serving")));
}

#[test]
fn a_clock_that_steps_back_or_far_ahead_breaks_nothing() {
    let mut sim = sim();
    sim.step(0);
    assert_eq!(sim.now_ms(), START);
    sim.step(i64::MAX);
    assert!(sim.traffic.requests.is_finite());
}

#[test]
fn speed_makes_waiting_short() {
    let mut sim = sim();
    sim.set_speed(20.0);
    act(&mut sim, Action::Drain, "orders-db-2");
    sim.step(START + 500);
    assert!(matches!(
        sim.progress(Action::Drain, Some("orders-db-2")),
        Progress::Done(_)
    ));
}
