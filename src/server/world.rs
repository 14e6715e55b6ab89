//! Reading the people file and the runbook anew (`TWO_PERSON` 4.4): one look at a time, off the session task, and
//! never waited for longer than a person would.

use super::amend::{Ready, Wanted};
use super::connection::Joining;
use super::enforced;
use super::input::Incoming;
use super::policy::Policy;
use super::reads::Wish;
use super::scope::Taken;
use super::session::{Session, Turn};
use crate::domain::command::{Command, Evidence, Refusal, Signed};
use crate::domain::decide::REASON_BYTES_MAX;
use crate::domain::digest::Digest;
use crate::domain::fact::Actor;
use crate::domain::id::TerminalId;
use crate::domain::motion::Motion;
use crate::domain::runbook::limits::FILE_BYTES_MAX;
use crate::domain::state::State;
use crate::domain::world::Look;
use crate::enforce::frame::Facts;
use crate::engine::Input;
use rustix::fs::{Mode, OFlags};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// How often the files are read again while a proposal is open (`TWO_PERSON` 4.4), or a rollout goes by itself.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest look: a local file answers in a millisecond, a network file system that is still alive within a second.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Those who may wait for one look: every terminal there can be, twice.
const WAITING_MAX: usize = 128;

/// Somebody who waits for a look.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A command that needs fresh people.
    Ask {
        /// Where.
        terminal: TerminalId,
        /// The client's number for the reply.
        number: u64,
        /// What.
        command: Command,
    },
    /// Somebody who says with a key who is at a terminal.
    SignIn {
        /// Where.
        terminal: TerminalId,
        /// The client's number for the reply.
        number: u64,
        /// What they signed.
        signed: Signed,
    },
    /// A motion to take over the runbook, which was read for it.
    Amend(Box<Ready>),
    /// A client that wants to attach.
    Join(Box<Joining>),
}

impl Waiting {
    /// Who is told when it cannot be served; nobody for a client that is not let in yet.
    fn asker(&self) -> Option<(TerminalId, u64)> {
        match self {
            Self::Ask {
                terminal, number, ..
            }
            | Self::SignIn {
                terminal, number, ..
            } => Some((*terminal, *number)),
            Self::Amend(ready) => Some((ready.terminal, ready.number)),
            Self::Join(_) => None,
        }
    }
}

/// What a look found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The people, or what is wrong with their file.
    policy: Result<Policy, String>,
    /// Digest of the runbook's bytes; absent when it is gone or no file.
    runbook: Option<Digest>,
}

/// A look that has come to an end, or to its time limit.
#[derive(Debug)]
pub(crate) struct Looked {
    /// What was found; or why nothing was.
    found: Result<Found, String>,
    /// What the other sessions of the host say. Another disk, and other people write there: whatever becomes of that look,
    /// the list of people is what it is.
    scope: Taken,
    /// What the runner says of itself, where nothing went forward there.
    runner: Option<Result<Facts, String>>,
    /// Who waited for it.
    served: Vec<Waiting>,
    /// The disk has not answered yet.
    is_stuck: bool,
}

/// Where looking stands.
#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is being read.
    #[default]
    Idle,
    /// A look is on its way.
    Reading,
    /// A look went beyond its time and still occupies its thread; no other is begun before it returns.
    Stuck,
}

/// Looks at the files, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    stage: Stage,
    waiting: Vec<Waiting>,
    last: Option<Instant>,
    /// Why the newest look found nothing to go by.
    trouble: Option<String>,
}

impl Session {
    /// Serves somebody after a look that begins after now.
    pub(crate) fn after_a_look(&mut self, waiting: Waiting, turn: &mut Turn) {
        if self.looks.stage == Stage::Stuck {
            self.serve(waiting, turn);
        } else if self.looks.waiting.len() < WAITING_MAX {
            self.looks.waiting.push(waiting);
            self.begin_look();
        } else if let Some((terminal, number)) = waiting.asker() {
            // A client that wants to attach is dropped instead, and tries again.
            let refusal = Refusal {
                reason: format!("{WAITING_MAX} others wait for the people file already"),
                hint: "ask again".to_owned(),
            };
            turn.refuse(terminal, number, refusal);
        }
    }

    /// Looks again while something goes on by who people are.
    pub(crate) fn look_now_and_then(&mut self) {
        let is_due = |last: Instant| last.elapsed() >= LOOK_EVERY;
        if asks_for_people(self.engine.state()) && self.looks.last.is_none_or(is_due) {
            self.begin_look();
        }
    }

    fn begin_look(&mut self) {
        if self.looks.stage != Stage::Idle {
            return;
        }
        self.looks.stage = Stage::Reading;
        self.looks.last = Some(Instant::now());
        let served = std::mem::take(&mut self.looks.waiting);
        let (people, runbook) = (self.people.clone(), self.runbook_file.clone());
        let (inputs, desk) = (self.own_inputs.clone(), self.said.desk());
        let runner = self.executor.runner_in_trouble();
        tokio::spawn(async move {
            let mut look = tokio::task::spawn_blocking(move || Found {
                policy: Policy::read(&people),
                runbook: digest_of(&runbook),
            });
            let others = tokio::task::spawn_blocking(move || desk.others());
            let asked = async {
                match runner {
                    Some(link) => Some(enforced::ask(link).await),
                    None => None,
                }
            };
            let (files, scope, runner) = tokio::join!(
                tokio::time::timeout(LOOK_MAX, &mut look),
                tokio::time::timeout(LOOK_MAX, others),
                asked,
            );
            let is_stuck = files.is_err();
            let scope = in_time(scope).and_then(|scope| scope);
            let looked = Looked {
                found: in_time(files),
                scope,
                runner,
                served,
                is_stuck,
            };
            inputs.send(Incoming::Looked(Box::new(looked))).await.ok();
            if is_stuck {
                look.await.ok();
                inputs.send(Incoming::DiskBack).await.ok();
            }
        });
    }

    /// Takes what a look found, and serves who waited for it.
    pub(crate) fn on_looked(&mut self, looked: Looked, turn: &mut Turn) {
        let Looked {
            found,
            scope,
            runner,
            served,
            is_stuck,
        } = looked;
        self.looks.stage = if is_stuck { Stage::Stuck } else { Stage::Idle };
        let (policy, runbook) = match found {
            Ok(found) => (found.policy, found.runbook),
            Err(why) => (Err(why), None),
        };
        self.world.runbook = runbook;
        self.take_scope(scope);
        let trouble = policy.as_ref().err().cloned();
        if let Some(error) = trouble.as_ref().filter(|_| self.looks.trouble.is_none()) {
            tracing::error!(%error, "the people file cannot be read; nothing can be confirmed");
        }
        self.looks.trouble = trouble;
        if let Ok(policy) = policy {
            self.world.policy = Some(policy.digest);
            self.policy = policy;
        } else {
            self.world.policy = None;
        }
        self.world.look = Look::NotLooked;
        self.take_policy();
        let trouble = self.looks.trouble.as_deref();
        self.world.unread = trouble.map(in_short).unwrap_or_default();
        if let Some(found) = runner {
            self.on_runner(found, turn);
        }
        for waiting in served {
            self.serve(waiting, turn);
        }
        if !self.looks.waiting.is_empty() {
            if is_stuck {
                for waiting in std::mem::take(&mut self.looks.waiting) {
                    self.serve(waiting, turn);
                }
            } else {
                self.begin_look();
            }
        }
    }

    /// Takes what a runner says of itself at which nothing went forward, and tells when something does again.
    fn on_runner(&mut self, found: Result<Facts, String>, turn: &mut Turn) {
        let news = self.executor.hear_runner(found, self.world.policy);
        if let Some(why) = news {
            let text = match why.as_str() {
                "" => "its runner answers and decides by the same policy: steps that need a second person can be proposed again".to_owned(),
                why => format!("nothing that needs a second person goes forward: {why}"),
            };
            self.take_news(Input::Notice { text }, turn);
        }
    }

    /// The people file could not be read when the session was taken up.
    pub(crate) fn unread(&mut self, why: String) {
        self.world.policy = None;
        self.world.unread = in_short(&why);
        self.looks.trouble = Some(why);
    }

    /// The look that took too long has returned; what it found is old, so the next one is begun when needed.
    pub(crate) fn on_disk_back(&mut self) {
        self.looks.stage = Stage::Idle;
        self.looks.last = None;
    }

    fn serve(&mut self, waiting: Waiting, turn: &mut Turn) {
        match waiting {
            Waiting::Join(joining) => self.join(*joining, turn),
            Waiting::SignIn {
                terminal,
                number,
                signed,
            } => self.sign_in(terminal, number, &signed, turn),
            Waiting::Ask {
                terminal,
                number,
                command,
            } => self.ask_with_fresh_people(terminal, number, command, turn),
            Waiting::Amend(ready) => self.move_amendment(*ready, turn),
        }
    }

    /// Why nothing can be decided that hangs on who people are.
    pub(crate) fn unread_for(&self, command: &Command) -> Option<Refusal> {
        let trouble = self.looks.trouble.as_ref()?;
        Some(Refusal {
            reason: format!("`{}` needs the people file: {trouble}", command.verb()),
            hint: "nothing can be confirmed until it can be read again".to_owned(),
        })
    }

    fn ask_with_fresh_people(
        &mut self,
        terminal: TerminalId,
        number: u64,
        command: Command,
        turn: &mut Turn,
    ) {
        let Some(client) = self.registry.get(terminal) else {
            return;
        };
        if let Some(refusal) = self.unread_for(&command) {
            return turn.refuse(terminal, number, refusal);
        }
        let connection = client.actor.clone();
        if matches!(command, Command::Go { .. }) {
            return self.go((terminal, number), &connection, command, turn);
        }
        if let Command::Propose {
            step,
            signed: Some(signed),
        } = &command
        {
            return self.propose_signed((terminal, number), step, signed, turn);
        }
        if let Command::Confirm {
            statement,
            evidence: Evidence::Code { code },
        } = command
        {
            return self.try_code((terminal, number), &connection, (statement, code), turn);
        }
        if let Command::Move {
            what: Motion::Amend { .. },
            ..
        } = command
        {
            let wish = Wish {
                terminal,
                number,
                wanted: Wanted::Motion(command),
            };
            return self.read_runbook(wish, turn);
        }
        if matches!(
            command,
            Command::Breakglass { .. } | Command::BreakglassSigned { .. }
        ) {
            return self.break_glass((terminal, number), &connection, command, turn);
        }
        self.ask_as_speaker((terminal, number), &connection, command, turn);
    }

    /// Puts a command before the engine in the name of whoever gave it.
    pub(crate) fn ask_as_speaker(
        &mut self,
        (terminal, number): (TerminalId, u64),
        connection: &Actor,
        command: Command,
        turn: &mut Turn,
    ) {
        // What was said is judged on the newest records, those of this turn too.
        match self.speaker(connection, &command) {
            Ok(actor) => {
                let input = Input::Ask {
                    actor,
                    terminal,
                    number,
                    command,
                };
                self.take(&input, turn, Some((terminal, number)));
            }
            Err(refused) => {
                let record = self.record_of(&command, &refused);
                let input = Input::Rejected {
                    actor: connection.clone(),
                    refused: refused.clone(),
                    record: record.map(Box::new),
                };
                self.take(&input, turn, Some((terminal, number)));
            }
        }
    }
}

/// What goes on hangs on the roles of people who are not asked anew: a proposal is open, or a rollout goes by itself.
fn asks_for_people(state: &State) -> bool {
    state.proposal.is_some() || state.runs_on().is_some()
}

/// What a thread that looks at a disk came back with; an error when it broke off, or has not come back.
fn in_time<T, E>(looked: Result<Result<T, E>, Elapsed>) -> Result<T, String> {
    let looked = looked.map_err(|_| {
        let seconds = LOOK_MAX.as_secs();
        format!("the disk has not answered for {seconds} s")
    })?;
    looked.map_err(|_| "the look at the disk broke off".to_owned())
}

/// The first line of what is wrong, cut to what a status line and a record hold.
fn in_short(trouble: &str) -> String {
    let line = trouble.lines().next().unwrap_or_default();
    let mut end = line.len().min(REASON_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    line.get(..end).unwrap_or_default().to_owned()
}

/// Digest of a plain file of a runbook's size. Neither a pipe nor an endless device is read.
fn digest_of(path: &Path) -> Option<Digest> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() <= FILE_BYTES_MAX).then(|| Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::Room;
    use crate::domain::runbook::{parse, resolve};

    #[test]
    fn people_are_looked_up_while_a_proposal_is_open_or_a_rollout_goes_by_itself() {
        assert!(!asks_for_people(&Room::at_proposal().state));
        assert!(asks_for_people(&Room::proposed().state));
        let text = "# T\n\n## Roll\n\n```toml phase\nfor_each = [\"a\", \"b\"]\n```\n\n- [ ] Restart\n  ```sh run id=restart\n  true\n  ```\n";
        let (runbook, _) = parse(text, "x.md");
        let (plan, problems) = resolve(&runbook);
        assert_eq!(problems, []);
        let mut room = Room::with(plan);
        room.must("ann", Command::Begin);
        assert!(!asks_for_people(&room.state));
        let word = |on| Command::RunOn { phase: 0, on };
        room.must("ann", word(true));
        assert!(asks_for_people(&room.state));
        room.must("bob", word(false));
        assert!(!asks_for_people(&room.state));
    }
}
