//! What a program of a person's own would do that leaves every screen aside: it speaks the session's messages.

use super::stage::{COMPONENT, STEP, Stage};
use crate::bastion::uid_of;
use crate::harness::{run, said};
use std::fs;
use std::process::Command as Process;
use std::sync::atomic::{AtomicUsize, Ordering};
use warroom::client::link::{self, Connection, Introduction};
use warroom::domain::command::{Command, Evidence};
use warroom::domain::confirm::statement::{Kind, confirm_statement, unsigned_statement};
use warroom::domain::fact::Via;
use warroom::domain::id::{PersonId, StepId};
use warroom::domain::state::State;
use warroom::wire::message::{ToClient, ToServer};

/// A connection through ssh into an account.
pub(super) struct Program {
    runtime: tokio::runtime::Runtime,
    connection: Connection,
    pub(super) state: State,
    number: u64,
}

impl Program {
    pub(super) fn attach(stage: &Stage, user: &str, session: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let target = stage.target(user, session);
        let introduction = Introduction {
            is_terminal: true,
            ..Introduction::default()
        };
        let (connection, snapshot) = runtime.block_on(async {
            let mut connection = link::connect(&target, &introduction)
                .await
                .expect("attached");
            let snapshot = link::read_snapshot(&mut connection.reader)
                .await
                .expect("a snapshot");
            (connection, snapshot)
        });
        Self {
            runtime,
            connection,
            state: snapshot.state,
            number: 0,
        }
    }

    /// Sends a command and waits for the answer: why it was refused, or nothing. `None` too when the server dies.
    pub(super) fn ask(&mut self, command: Command) -> Option<String> {
        self.number += 1;
        let wish = ToServer::Ask {
            number: self.number,
            command,
        };
        self.runtime.block_on(async {
            self.connection.writer.send(&wish).await.ok()?;
            loop {
                match self.connection.reader.next().await {
                    Ok(Some(ToClient::Reply { refused, .. })) => {
                        return refused.map(|refused| refused.to_string());
                    }
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return None,
                }
            }
        })
    }

    /// The confirm of the open proposal that this person would sign.
    pub(super) fn statement(&self, signer: &str) -> String {
        let open = self.state.proposal.as_ref().expect("a proposal is open");
        let head = open.proposed.expect("it is on the table");
        let signer = PersonId::new(signer).expect("valid");
        confirm_statement(&self.state, open, &signer, head)
            .expect("open")
            .expect("short")
    }

    /// The confirm that counts by the account of this person alone.
    pub(super) fn statement_by_account(&self, signer: &str, user: &str) -> String {
        let uid = uid_of(user);
        let open = self.state.proposal.as_ref().expect("a proposal is open");
        let head = open.proposed.expect("it is on the table");
        let signer = PersonId::new(signer).expect("valid");
        unsigned_statement(&self.state, open, &signer, &Via::Uid(uid), head)
            .expect("open")
            .expect("short")
    }

    /// Confirms as `signer` with a key of the stage.
    pub(super) fn confirm_with(
        &mut self,
        stage: &Stage,
        signer: &str,
        key: &str,
        detached: bool,
    ) -> Option<String> {
        let statement = self.statement(signer);
        let armour = sign(stage, key, &statement);
        self.ask(Command::Confirm {
            statement,
            evidence: Evidence::Signature { armour, detached },
        })
    }

    /// Says as somebody, from an account that is nobody's, what is about to be touched.
    pub(super) fn says_as(&mut self, person: &str) -> Option<String> {
        let open = self.state.proposal.as_ref().expect("a proposal is open");
        let check = Command::Check {
            step: step(),
            attempt: open.terms.attempt,
            component: COMPONENT.to_owned(),
            remaining: None,
            dwell_ms: 5000,
            claimed: Some(PersonId::new(person).expect("valid")),
        };
        self.ask(check)
    }

    /// Confirms as `signer` with a one-time code.
    pub(super) fn confirm_by_code(&mut self, signer: &str, code: &str) -> Option<String> {
        let statement = self.statement(signer);
        let code = code.to_owned();
        self.ask(Command::Confirm {
            statement,
            evidence: Evidence::Code { code },
        })
    }

    /// Goes away without a word.
    pub(super) fn dies(self) {
        drop(self.connection);
    }
}

/// The step of every runbook here.
pub(super) fn step() -> StepId {
    StepId::new(STEP).expect("valid")
}

/// A signature of `ssh-keygen` over a statement.
pub(super) fn sign(stage: &Stage, key: &str, statement: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let file = stage.place.join(&format!(
        "home/statement-{}",
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    fs::write(&file, statement).expect("writable");
    let namespace = Kind::of(statement).expect("a statement").namespace();
    let mut command = Process::new("ssh-keygen");
    command
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(stage.key_file(key))
        .arg(&file);
    let output = run(&mut command);
    assert!(output.status.success(), "{}", said(&output));
    fs::read_to_string(file.with_extension("sig")).expect("a signature")
}
