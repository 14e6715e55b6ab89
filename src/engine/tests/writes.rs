//! Writes to other systems: sent after their fact, found after a crash.

use super::*;
use crate::domain::write::{self, Deed, Urgency};

fn page(summary: &str) -> Command {
    Command::Write {
        connector: ConnectorName::new("pager").expect("valid"),
        deed: Deed::Page {
            summary: summary.to_owned(),
            details: String::new(),
            component: String::new(),
            urgency: Urgency::High,
        },
    }
}

#[test]
fn a_write_is_sent_once_its_fact_is_durable_and_told_once() {
    let mut desk = Desk::new();
    let ask = Input::Ask {
        actor: actor("ann"),
        terminal: TerminalId(99),
        number: 1,
        command: page("wake up"),
    };
    let facts = desk.engine.propose(&ask, desk.now, &desk.world).facts;
    desk.stage(facts);
    assert_eq!(desk.effects, [], "not before it is written");
    desk.commit();
    assert_eq!(desk.effects, [Effect::Write(WriteNo(1))]);
    let told = |no, what: &str| Input::Written {
        no: WriteNo(no),
        outcome: write::Outcome::Failed {
            what: what.to_owned(),
        },
    };
    for news in [told(1, "no"), told(1, "twice"), told(7, "of nothing")] {
        desk.input(&news).expect("taken");
    }
    let ended = |r: &&Stamped| matches!(r.fact, Fact::WriteEnded { .. });
    assert_eq!(desk.records.iter().filter(ended).count(), 1);
    desk.check_fold();
}

#[test]
fn after_a_crash_writes_are_looked_for_and_none_is_sent() {
    let mut desk = Desk::new();
    let accepted = write::Outcome::Accepted {
        reference: "Q1".to_owned(),
        what: "on its way".to_owned(),
    };
    let failed = write::Outcome::Failed {
        what: "no".to_owned(),
    };
    for (no, outcome) in [(1, Some(accepted)), (2, Some(failed)), (3, None)] {
        desk.must("ann", page(&format!("page {no}")));
        if let Some(outcome) = outcome {
            let no = WriteNo(no);
            desk.input(&Input::Written { no, outcome }).expect("taken");
        }
    }
    let mut restart = |wait| {
        desk.wait(Duration::from_secs(wait));
        desk.engine = Engine::new(fold(desk.records.clone()).expect("folds"));
        desk.effects.clear();
        let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
        desk.input(&Input::Restarted { program, host })
            .expect("restarted");
        desk.effects.clone()
    };
    let find = |no| Effect::FindWrite(WriteNo(no));
    assert_eq!(restart(60), [find(3), find(1)]);
    assert_eq!(
        restart(300),
        [find(3)],
        "nobody waits for the page any more"
    );
}
