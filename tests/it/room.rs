//! A real session server in this process, and people without terminals: they speak the messages a terminal speaks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warroom::client::link::{self, Connection, Introduction, Target};
use warroom::client::query;
use warroom::clock::Clock;
use warroom::domain::apply::apply;
use warroom::domain::command::{Command, Refusal};
use warroom::domain::confirm::statement::confirm_statement;
use warroom::domain::digest::Digest;
use warroom::domain::fact::{Genesis, Mode};
use warroom::domain::id::{PersonId, SessionName, StepId};
use warroom::domain::runbook::{parse, resolve};
use warroom::domain::state::{Stage, State, StepStatus};
use warroom::server::pin::{self, Seed};
use warroom::server::policy::{PeopleSource, Policy};
use warroom::server::start::{Options, Server};
use warroom::wire::message::{ToClient, ToServer};

/// Longer than any answer takes on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A demo session, in which people are who they say they are, in a directory of its own.
pub(crate) struct Room {
    dir: tempfile::TempDir,
    clock: Arc<dyn Clock>,
    running: Option<(CancellationToken, JoinHandle<String>)>,
}

impl Room {
    /// Opens a session on a runbook. Its commands find the directory for marks in `$MARKS`.
    pub(crate) async fn open(runbook: &str, clock: Arc<dyn Clock>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("marks")).expect("mkdir");
        let file = dir.path().join("runbook.md");
        std::fs::write(&file, runbook).expect("writable");
        let mut room = Self {
            dir,
            clock,
            running: None,
        };
        let genesis = room.genesis(file, runbook);
        room.start(Some(Box::new(genesis))).await;
        room
    }

    fn genesis(&self, file: PathBuf, text: &str) -> Genesis {
        let (runbook, problems) = parse(text, "runbook.md");
        assert!(problems.is_empty(), "{problems:?}");
        let (plan, problems) = resolve(&runbook);
        assert!(problems.is_empty(), "{problems:?}");
        let seed = Seed {
            name: name(),
            mode: Mode::Demo,
            plan,
            panels: Vec::new(),
            runbook: file,
            runbook_digest: Digest::of(text.as_bytes()),
            policy: Policy::read(&PeopleSource::Demo).expect("readable").digest,
        };
        pin::genesis(seed, &*self.clock).expect("random numbers")
    }

    async fn start(&mut self, genesis: Option<Box<Genesis>>) {
        let options = Options {
            name: name(),
            session_dir: self.dir.path().join("session"),
            runtime_dir: self.dir.path().join("run"),
            group: None,
            genesis,
            people: PeopleSource::Demo,
            connectors: Vec::new(),
            base_env: BTreeMap::from([
                ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
                ("MARKS".to_owned(), self.mark("").display().to_string()),
            ]),
            output_bytes_max: 64 * 1024,
            clock: Arc::clone(&self.clock),
        };
        let server = Box::pin(Server::start(options)).await.expect("it starts");
        let shutdown = server.shutdown();
        self.running = Some((shutdown, tokio::spawn(Box::pin(server.run()))));
    }

    /// Ends the server and takes the session up again from its journal.
    pub(crate) async fn restart(&mut self) {
        if let Some((shutdown, running)) = self.running.take() {
            shutdown.cancel();
            running.await.expect("it ended in order");
        }
        self.start(None).await;
    }

    /// A file that commands can write and wait for.
    pub(crate) fn mark(&self, name: &str) -> PathBuf {
        self.dir.path().join("marks").join(name)
    }

    /// How often commands have left a line in a mark.
    pub(crate) fn lines(&self, mark: &str) -> usize {
        std::fs::read_to_string(self.mark(mark)).map_or(0, |text| text.lines().count())
    }

    fn target(&self) -> Target {
        Target::Local {
            name: name(),
            runtime_dirs: vec![self.dir.path().join("run")],
        }
    }

    /// Attaches a person.
    pub(crate) async fn person(&self, id: &str) -> Person {
        self.attach(id, false).await
    }

    /// Attaches a person who only looks.
    pub(crate) async fn onlooker(&self, id: &str) -> Person {
        self.attach(id, true).await
    }

    async fn attach(&self, id: &str, read_only: bool) -> Person {
        let id = PersonId::new(id).expect("valid");
        let introduction = Introduction {
            read_only,
            demo_person: Some(id.clone()),
            is_terminal: true,
        };
        let mut connection = link::connect(&self.target(), &introduction)
            .await
            .expect("greeted");
        let snapshot = link::read_snapshot(&mut connection.reader)
            .await
            .expect("a snapshot");
        Person {
            id,
            connection,
            state: snapshot.state,
            last_number: 0,
        }
    }

    /// The state as the server tells it to somebody who comes now.
    pub(crate) async fn state(&self) -> State {
        let seen = query::snapshot(&self.target(), &Introduction::default()).await;
        seen.expect("a snapshot").snapshot.state
    }
}

fn name() -> SessionName {
    SessionName::new("room").expect("valid")
}

/// The id of a step.
pub(crate) fn step(id: &str) -> StepId {
    StepId::new(id).expect("valid")
}

/// One attached person, who folds what the server says as every terminal does.
pub(crate) struct Person {
    id: PersonId,
    connection: Connection,
    /// What this person knows.
    pub(crate) state: State,
    last_number: u64,
}

impl Person {
    /// Asks for something; `None` when it was done.
    pub(crate) async fn ask(&mut self, command: Command) -> Option<Refusal> {
        self.last_number += 1;
        let number = self.last_number;
        let wish = ToServer::Ask { number, command };
        self.connection.writer.send(&wish).await.expect("sent");
        loop {
            if let ToClient::Reply {
                number: of,
                refused,
            } = self.hear().await
                && of == number
            {
                return refused;
            }
        }
    }

    /// Asks for something that must be done.
    pub(crate) async fn does(&mut self, command: Command) {
        let said = format!("{command:?}");
        assert_eq!(self.ask(command).await, None, "{said}");
    }

    /// Asks for something that must be refused; gives the reason.
    pub(crate) async fn is_refused(&mut self, command: Command) -> String {
        let said = format!("{command:?}");
        let refused = self.ask(command).await;
        refused
            .unwrap_or_else(|| panic!("not refused: {said}"))
            .reason
    }

    /// The confirm of the open proposal in this person's own name.
    pub(crate) fn confirm(&self) -> Command {
        let proposal = self.state.proposal.as_ref().expect("a proposal is open");
        let head = proposal.proposed.expect("it is on the table");
        let statement = confirm_statement(&self.state, proposal, &self.id, head);
        Command::Confirm {
            statement: statement.expect("open").expect("short enough"),
        }
    }

    /// Waits until what this person knows is as wanted.
    pub(crate) async fn wait(&mut self, what: &str, wanted: impl Fn(&State) -> bool) {
        let heard = tokio::time::timeout(ANSWER_MAX, async {
            while !wanted(&self.state) {
                self.hear().await;
            }
        });
        assert!(heard.await.is_ok(), "{what} did not come");
    }

    /// Waits until a step is at a stage.
    pub(crate) async fn wait_stage(&mut self, id: &str, stage: Stage) {
        self.wait(&format!("{stage:?}"), |state| {
            status(state, id) == &StepStatus::Active { stage }
        })
        .await;
    }

    /// Waits until a step is done without a warning.
    pub(crate) async fn wait_done(&mut self, id: &str) {
        self.wait(
            "done",
            |state| matches!(status(state, id), StepStatus::Done { warning } if warning.is_empty()),
        )
        .await;
    }

    /// Takes one message in.
    async fn hear(&mut self) -> ToClient {
        let next =
            tokio::time::timeout(ANSWER_MAX, self.connection.reader.next::<ToClient>()).await;
        let message = next
            .expect("in time")
            .expect("readable")
            .expect("the server is there");
        if let ToClient::Facts(facts) = &message {
            for fact in facts {
                apply(&mut self.state, fact);
            }
        }
        message
    }
}

/// Where a step stands.
pub(crate) fn status<'a>(state: &'a State, id: &str) -> &'a StepStatus {
    let view = state.find(&step(id)).expect("the plan has it");
    &view.now.status
}
