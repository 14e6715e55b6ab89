//! The whole thing, with nothing simulated: two people over ssh, a PostgreSQL pair that is switched over, a Prometheus
//! that watches it, and a server that is killed in the middle.

use crate::bastion::{Bastion, PROMPT};
use crate::harness::{is_skipped, run, said, stdout_of, wait_until};
use crate::services::{ALICE, BOB};
use crate::tmux::Terminal;
use std::fs;
use std::process::Command;
use warroom::client::link::{self, Introduction, Target};
use warroom::domain::command::Command as Wish;
use warroom::domain::confirm::statement::unsigned_statement;
use warroom::domain::fact::Actor;
use warroom::domain::id::SessionName;
use warroom::wire::message::{ToClient, ToServer};

const SERVICES: [&str; 5] = [
    "prometheus",
    "node-exporter",
    "alertmanager",
    "postgres-pair",
    "pg-metrics",
];

/// A maintenance of the database pair with its two people at their terminals.
pub(crate) struct Switchover {
    pub(crate) bastion: Bastion,
    pub(crate) alice: Terminal,
    pub(crate) bob: Terminal,
}

impl Switchover {
    /// Alice starts it in a tmux on the bastion, bob attaches, alice begins.
    pub(crate) fn begin(runbook: &str) -> Self {
        let bastion = Bastion::new(&SERVICES);
        let runbook = bastion.runbook(runbook);
        let alice = bastion.shell_in_tmux("alice", ALICE, (120, 40));
        alice.type_line(&format!("warroom run -t orders {}", runbook.display()));
        alice.wait("BRIEFING");
        let bob = bastion.shell("bob", BOB, (80, 24));
        bob.type_line("warroom attach -t orders");
        bob.wait("BRIEFING");
        let (code, status) = bastion.status("orders");
        assert_eq!(
            (code, &status["attached"]),
            (4, &2.into()),
            "not begun, two terminals: {status}"
        );
        alice.press(&["B"]);
        alice.wait("begin");
        alice.press(&["y"]);
        alice.wait("RUNNING");
        bob.wait("RUNNING");
        Self {
            bastion,
            alice,
            bob,
        }
    }

    /// Alice starts a step that needs nobody else, and it ends well.
    pub(crate) fn do_step(&self, step: &str) {
        self.alice.press(&["f", "s"]);
        self.bastion.wait_step("orders", step, "done");
    }

    /// Alice takes the maintenance to the proposal of the switchover, which nothing may run before bob's confirm.
    pub(crate) fn propose_switch(&self, before: &[&str]) {
        for step in before {
            self.do_step(step);
        }
        self.alice.press(&["f", "s"]);
        self.bastion.wait_step("orders", "switch", "needs-proposal");
        self.alice.press(&["P"]);
        self.alice.wait("propose");
        self.alice.press(&["y"]);
        self.bastion
            .wait_step("orders", "switch", "awaiting-second");
        assert_eq!(
            self.bastion.status("orders").0,
            7,
            "waiting for the second person"
        );
    }

    /// Bob reads the plan to its end and types the words from his screen.
    pub(crate) fn confirm_by_bob(&self) {
        self.bob.wait("press c to review");
        self.bob.press(&["c"]);
        self.bob.wait("CONFIRM");
        let screen = self.bob.wait_that("the words", |screen| {
            self.bob.press(&["G"]);
            words_on(screen).is_some()
        });
        let words = words_on(&screen).expect("they are there");
        self.bob.press(&["Enter"]);
        self.bob.wait("TYPE THE WORDS");
        self.bob.type_line(&words);
        self.bastion.wait_step("orders", "switch", "armed");
        self.bob.press(&["Escape"]);
        self.bob.wait("ARMED");
    }

    /// Runs SQL on one of the servers and gives the answer.
    pub(crate) fn sql(&self, port: &str, query: &str) -> String {
        let psql = format!("{}/psql", self.bastion.services.get("PG_BINDIR"));
        let mut command = Command::new(psql);
        command.args([
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-p",
            self.bastion.services.get(port),
            "-Atc",
            query,
        ]);
        stdout_of(&mut command).trim().to_owned()
    }

    fn runs(&self) -> usize {
        let marks = self.bastion.place.join("marks/switch-runs");
        fs::read_to_string(marks)
            .unwrap_or_default()
            .lines()
            .count()
    }
}

/// The three words in the row `words: one two three`, once they may be seen.
fn words_on(screen: &str) -> Option<String> {
    let row = screen
        .lines()
        .find_map(|row| row.trim_start().strip_prefix("words: "))?;
    let words: Vec<&str> = row.split_whitespace().collect();
    (words.len() == 3).then(|| words.join(" "))
}

/// What a program of alice's own would do that leaves her screen aside: it confirms alice's proposal as alice.
/// Gives the refusal.
fn confirm_by_alices_own_program(bastion: &Bastion) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let target = Target::Ssh {
            host: ALICE.to_owned(),
            name: SessionName::new("orders").expect("valid"),
            program: bastion.remote_program().display().to_string(),
            options: vec![
                "-F".to_owned(),
                bastion.services.get("SSH_CONFIG").to_owned(),
            ],
        };
        let mut connection = link::connect(&target, &Introduction::default())
            .await
            .expect("alice may attach");
        let snapshot = link::read_snapshot(&mut connection.reader)
            .await
            .expect("a snapshot");
        let proposal = snapshot
            .state
            .proposal
            .as_ref()
            .expect("a proposal is open");
        let head = proposal.proposed.expect("it is on the table");
        let Actor::Person { id, via } = &connection.welcome.you else {
            panic!("alice is a person");
        };
        assert_eq!(id.as_str(), "alice");
        let statement = unsigned_statement(&snapshot.state, proposal, id, via, head)
            .expect("open")
            .expect("short");
        let wish = ToServer::Ask {
            number: 1,
            command: Wish::confirm(statement),
        };
        connection.writer.send(&wish).await.expect("sent");
        loop {
            if let Some(ToClient::Reply { refused, .. }) =
                connection.reader.next().await.expect("an answer")
            {
                return refused.expect("refused").to_string();
            }
        }
    })
}

#[test]
fn two_people_switch_a_database_over() {
    if is_skipped("e2e::two_people_switch_a_database_over") {
        return;
    }
    let run = Switchover::begin("switchover.md");
    let (bastion, alice, bob) = (&run.bastion, &run.alice, &run.bob);
    run.propose_switch(&["both-answer", "keeps-up", "freeze"]);

    // Alice at a second terminal is alice: her screen does not offer it, and the server refuses what goes round it.
    let second = bastion.shell("alice-2", ALICE, (200, 50));
    second.type_line("warroom attach -t orders");
    second.wait("RUNNING");
    second.press(&["c"]);
    second.wait("you proposed it, so somebody else has to confirm");
    let refusal = confirm_by_alices_own_program(bastion);
    assert!(refusal.contains("needs a second person"), "{refusal}");
    bastion.wait_step("orders", "switch", "awaiting-second");
    assert_eq!(run.runs(), 0, "nothing ran");

    run.confirm_by_bob();
    for terminal in [alice, &second] {
        terminal.wait("ARMED");
    }
    assert_eq!(run.runs(), 0, "armed is not go");
    alice.press(&["C-g"]);
    bastion.wait_step("orders", "switch", "done");
    assert_eq!(run.runs(), 1);

    run.do_step("streams");
    run.do_step("open");
    alice.press(&["f", "m"]);
    alice.wait("done?");
    alice.type_line("told in the channel");
    alice.press(&["E"]);
    alice.wait("complete the maintenance?");
    alice.press(&["y"]);
    for terminal in [alice, &second, bob] {
        terminal.wait("COMPLETED");
    }
    assert_eq!(bastion.status("orders").0, 0, "complete");
    check_database(&run);
    check_journal(bastion);
}

fn check_database(run: &Switchover) {
    assert_eq!(
        run.sql("PG_B_PORT", "select pg_is_in_recovery()"),
        "f",
        "b is the primary"
    );
    assert_eq!(
        run.sql("PG_A_PORT", "select pg_is_in_recovery()"),
        "t",
        "a is its standby"
    );
    let streams = "select count(*) from pg_stat_replication where application_name = 'a' and state = 'streaming'";
    assert_eq!(run.sql("PG_B_PORT", streams), "1");
    assert_eq!(
        run.sql("PG_B_PORT", "show default_transaction_read_only"),
        "off"
    );
    run.sql("PG_B_PORT", "create table after_switch (x int)");
    wait_until("the write on b to arrive on a", || {
        run.sql(
            "PG_A_PORT",
            "select count(*) from pg_tables where tablename = 'after_switch'",
        ) == "1"
    });
}

fn check_journal(bastion: &Bastion) {
    let verified = bastion.warroom_as(ALICE, "verify orders");
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    let journal = bastion.place.join("state/orders/journal");
    let by_hand = run(Command::new("sh")
        .arg(crate::harness::checkout().join("assets/verify-journal.sh"))
        .arg(journal));
    assert!(
        by_hand.status.success(),
        "without the program: {}",
        said(&by_hand)
    );
    let text = String::from_utf8_lossy(&bastion.journal("orders")).into_owned();
    let (_, statement) = text
        .split_once("warroom-confirm-uid@v1\n")
        .expect("a statement is kept");
    let statement: Vec<&str> = statement.lines().take(24).collect();
    assert!(statement.contains(&"signer: bob"), "{statement:?}");
    assert!(statement.contains(&"proposer: alice"), "{statement:?}");
    assert_eq!(
        text.matches("warroom-confirm-uid@v1\n").count(),
        1,
        "no confirm of alice's is kept as one"
    );
    assert!(text.contains("kind: step.refused"), "her try is");
}

#[test]
fn a_server_killed_in_a_switchover_comes_back_to_unknown() {
    if is_skipped("e2e::a_server_killed_in_a_switchover_comes_back_to_unknown") {
        return;
    }
    let run = Switchover::begin("switchover.md");
    let (bastion, alice, bob) = (&run.bastion, &run.alice, &run.bob);
    run.propose_switch(&["both-answer", "keeps-up", "freeze"]);
    run.confirm_by_bob();
    let wait = bastion.place.join("marks/wait");
    fs::write(&wait, "").expect("writable");
    alice.press(&["C-g"]);
    wait_until("the switchover to begin", || run.runs() == 1);

    let server = bastion.server_pid("orders");
    rustix::process::kill_process(server, rustix::process::Signal::KILL).expect("it was alive");
    bob.wait("DISCONNECTED");
    alice.wait("DISCONNECTED");
    let dead = bastion.warroom_as(BOB, "status -t orders");
    assert_eq!(dead.status.code(), Some(3), "{}", said(&dead));
    assert!(
        said(&dead).contains("its server has died: `warroom run -t orders`"),
        "{}",
        said(&dead)
    );

    // Alice takes it up again; bob's terminal finds its way back by itself.
    let second = bastion.shell("alice-2", ALICE, (100, 30));
    second.type_line("warroom run -t orders");
    second.wait("UNKNOWN");
    bob.wait_that("bob to be back", |screen| {
        screen.contains("UNKNOWN") && !screen.contains("DISCONNECTED")
    });
    bastion.wait_step("orders", "switch", "unknown");
    assert_eq!(bastion.status("orders").0, 11, "nobody knows how it ended");

    // Nothing runs again by itself, and nobody can make it run: neither start, nor go, nor a new proposal.
    fs::remove_file(&wait).expect("it was there");
    second.press(&["f", "s"]);
    second.wait("refused");
    second.press(&["C-g"]);
    second.wait("no proposal is open");
    bastion.wait_step("orders", "switch", "unknown");

    // It takes two people who say what they found.
    let found_nothing = |terminal: &Terminal, step_after: &str| {
        terminal.press(&["f", "o"]);
        terminal.wait("it did not run");
        terminal.press(&["n"]);
        terminal.wait("how do you know?");
        terminal.type_line("a is still the primary, and its log shows no stop");
        bastion.wait_step("orders", "switch", step_after);
    };
    found_nothing(&second, "unknown");
    found_nothing(bob, "failed");
    assert_eq!(run.runs(), 1, "it ran once");
    assert_eq!(
        run.sql("PG_A_PORT", "select pg_is_in_recovery()"),
        "f",
        "a is the primary, as they said"
    );
    let verified = bastion.warroom_as(ALICE, "verify orders");
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));

    let ended = bastion.warroom_as(BOB, "kill-session -t orders");
    assert_eq!(ended.status.code(), Some(0), "{}", said(&ended));
    second.wait(PROMPT);
}
