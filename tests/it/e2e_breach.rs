//! A switchover that goes back by itself, with nothing simulated: clients write to a PostgreSQL pair all the time, the new
//! standby stops replaying, and the lag that Prometheus sees undoes what two people had done.

use crate::bastion::Bastion;
use crate::e2e::Switchover;
use crate::harness::{is_skipped, said, wait_until};
use crate::services::ALICE;
use crate::session_host::fold_of;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use warroom::domain::fact::{Actor, Fact};
use warroom::domain::threshold::Verdict;

/// One write of about half a megabyte, and a breath: many times what a test needs in lag, and little for a standby.
const INSERT: &str = "insert into orders (number, body) select $N, repeat(md5(random()::text), 16) from generate_series(1, 800)";

/// Clients that write to whichever server is the primary, and count what it said it had kept.
struct Load {
    stop: Arc<AtomicBool>,
    kept: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    fn start(run: &Switchover) -> Self {
        run.sql(
            "PG_A_PORT",
            "create table orders (number bigint, body text)",
        );
        let (stop, kept) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let psql = format!("{}/psql", run.bastion.services.get("PG_BINDIR"));
        // What a client's driver does with several hosts in its address.
        let ports = ["PG_A_PORT", "PG_B_PORT"].map(|key| run.bastion.services.get(key).to_owned());
        let address = format!(
            "host=127.0.0.1,127.0.0.1 port={} user=postgres dbname=postgres target_session_attrs=read-write connect_timeout=2",
            ports.join(",")
        );
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&kept));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let number = counted.load(Ordering::Relaxed).saturating_add(1);
                let insert = INSERT.replace("$N", &number.to_string());
                let mut client = Command::new(&psql);
                client.args([&address, "-qAtc", &insert, "-c", "select pg_sleep(0.02)"]);
                if crate::harness::run(&mut client).status.success() {
                    counted.store(number, Ordering::Relaxed);
                }
            }
        });
        Self {
            stop,
            kept,
            thread: Some(thread),
        }
    }

    fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Ends the writing; the number of the last write that was kept.
    fn end(&mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the clients end");
        }
        self.kept()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_lag_that_breaches_under_load_takes_the_switchover_back() {
    if is_skipped("e2e_breach::a_lag_that_breaches_under_load_takes_the_switchover_back") {
        return;
    }
    let run = Switchover::begin("load.md");
    let mut load = Load::start(&run);
    wait_until("the clients to write", || load.kept() > 3);
    run.propose_switch(&["both-answer"]);
    run.confirm_by_bob();
    run.alice.press(&["C-g"]);
    run.bastion.wait_step("orders", "switch", "done");
    run.do_step("streams");
    let before = load.kept();
    wait_until("the clients to find the new primary", || {
        load.kept() > before
    });

    // The cause is as real as the load: a session on the standby holds replay up, and what arrives piles up.
    run.sql("PG_A_PORT", "select pg_wal_replay_pause()");
    // From here on nobody presses anything.
    run.bastion.wait_step("orders", "switch", "undone");
    for terminal in [&run.alice, &run.bob] {
        terminal.wait("ROLLED BACK");
    }
    check_pair(&run, &mut load);
    check_record(&run.bastion);
}

fn check_pair(run: &Switchover, load: &mut Load) {
    let before = load.kept();
    wait_until("the clients to be back on a", || load.kept() > before);
    let last = load.end();
    assert_eq!(
        run.sql("PG_A_PORT", "select pg_is_in_recovery()"),
        "f",
        "a is the primary again"
    );
    wait_until("b to be its standby", || {
        run.sql("PG_A_PORT", "select count(*) from pg_stat_replication where application_name = 'b' and state = 'streaming'") == "1"
    });
    let missing = format!(
        "select count(*) from generate_series(1, {last}) n where not exists (select from orders where number = n)"
    );
    assert_eq!(
        run.sql("PG_A_PORT", &missing),
        "0",
        "no write that was acknowledged is lost on the way there or back"
    );
}

/// The journal says what decided, and nobody's key is in it.
fn check_record(bastion: &Bastion) {
    let verified = bastion.warroom_as(ALICE, "verify orders");
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    let report = bastion.warroom_as(ALICE, "report orders");
    let report = said(&report);
    assert!(report.contains("replication lag"), "{report}");
    let (records, _) = fold_of(&bastion.place.join("state/orders/journal"));
    let place = |what: &str, is: &dyn Fn(&Fact) -> bool| {
        let found = records.iter().position(|record| is(&record.fact));
        found.unwrap_or_else(|| panic!("no {what} in the journal"))
    };
    let breach = place("breach", &|fact| {
        let Fact::RuleChanged {
            verdict: Verdict::Fail,
            quote: Some(quote),
            ..
        } = fact
        else {
            return false;
        };
        assert!(quote.sample.value > 1.6e7, "what decided: {quote:?}");
        true
    });
    let held = place("hold", &|fact| matches!(fact, Fact::Held(_)));
    let start = place("rollback", &|fact| {
        matches!(fact, Fact::RollbackStarted { .. })
    });
    let undone = place("undo", &|fact| matches!(fact, Fact::StepUndone { .. }));
    assert!(
        breach < held && held < start && start < undone,
        "{breach} {held} {start} {undone}"
    );
    for record in &records[breach..] {
        assert!(
            !matches!(record.actor, Actor::Person { .. } | Actor::Account { .. }),
            "nobody pressed anything: {record:?}"
        );
    }
    let undone = std::fs::read_to_string(bastion.place.join("marks/switch-undone"));
    assert_eq!(
        undone.expect("it was undone").trim(),
        "undone",
        "its way back ran once"
    );
}
