//! When an engine has to be asked again although nothing came in.

use super::*;

#[test]
fn an_engine_waits_for_time_while_something_has_a_limit_and_no_longer() {
    // The fixture's guard is watched until the maintenance is over.
    let mut desk = Desk::new();
    assert!(desk.engine.waits_for_time(desk.now.wall));
    desk.must("ann", abort());
    assert!(!desk.engine.waits_for_time(desk.now.wall));

    let mut plan = plan();
    plan.rules.clear();
    let mut desk = Desk::with(plan);
    desk.must("ann", Command::Begin);
    assert!(!desk.engine.waits_for_time(desk.now.wall));
    desk.must("ann", mark_done("look"));
    desk.must("ann", start("backup"));
    assert!(desk.engine.waits_for_time(desk.now.wall), "a command runs");
    desk.exit(0);
    desk.exit(1);
    assert!(
        desk.engine.waits_for_time(desk.now.wall),
        "a verify is tried again"
    );
    desk.wait(Duration::from_secs(60));
    desk.exit(0);
    assert!(!desk.engine.waits_for_time(desk.now.wall));
    desk.must("ann", start("drain"));
    desk.exit(0);
    assert!(desk.engine.waits_for_time(desk.now.wall), "a gate runs out");
    for _ in 0..6 {
        desk.read("lag", 0.1);
        desk.wait(Duration::from_secs(1));
    }
    desk.must("ann", propose("drain"));
    assert!(
        desk.engine.waits_for_time(desk.now.wall),
        "a proposal expires"
    );
    desk.confirm("bob").expect("confirmed");
    assert!(
        desk.engine.waits_for_time(desk.now.wall),
        "an armed one sooner"
    );
}
