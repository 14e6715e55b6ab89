//! What somebody can do about a floor that keeps a unit from beginning.

use super::*;

#[test]
fn who_asks_for_a_floor_that_nobody_knows_is_told_how_to_find_out_why() {
    let phase = "for_each = [\"a\", \"b\", \"c\"]\nfloor = \"sum(up) >= 2\"";
    let mut room = room(phase, ONE_STEP);
    let rule = RuleId::new("floor-roll").expect("a name");
    let never = "none has answered this query yet: `warroom doctor --runbook FILE` asks it once";
    let wrong = "`warroom doctor --runbook FILE` asks it once, and says what is wrong";
    let low = "bring another unit back into service, or leave this one out with a reason";
    let table = [
        (None, "is not known (no data yet)", never),
        (
            Some(Err(Unknown::Never)),
            "is not known (no data yet)",
            never,
        ),
        (Some(Err(Unknown::Error)), "is not known", wrong),
        (Some(Err(Unknown::Stale)), "is not known", wrong),
        (Some(Err(Unknown::Empty)), "is not known", wrong),
        (Some(Ok(seen(2.0))), "1 without this unit", low),
    ];
    for (now, why, hint) in table {
        room.world.floors.clear();
        let shown = format!("{now:?}");
        if let Some(now) = now {
            room.world.floors.insert(rule.clone(), now);
        }
        let refused = room.ask("ann", start("restart.a")).expect_err("refused");
        assert!(refused.reason.contains(why), "{shown}: {refused}");
        assert!(refused.hint.ends_with(hint), "{shown}: {refused}");
        assert!(!is_begun(&room), "{shown}");
    }
    room.world.floors.insert(rule, Ok(seen(3.0)));
    room.must("ann", start("restart.a"));
    assert!(is_begun(&room));
}

fn is_begun(room: &Room) -> bool {
    !room.state.rollout(0).begun.is_empty()
}
