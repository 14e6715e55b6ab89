//! The loop of an attached terminal: keys and messages in, frames out.

use super::frames::Frames;
use super::keys::Keys;
use super::link::{self, Introduction, LinkEvent, Target};
use super::signing;
use super::witness::{Store, Witness};
use crate::clock::{Clock, Seconds};
use crate::display;
use crate::domain::command::Refusal;
use crate::domain::confirm::statement::Hello;
use crate::domain::id::PersonId;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use crate::evidence::agent::{Agent, AgentFault};
use crate::evidence::detached;
use crate::ui::proof::{Then, Wish};
use crate::ui::room::{Link, Room};
use crate::ui::terminal::Tty;
use crate::ui::{Request, Screen, Settings, Ui};
use crate::wire::message::{ToClient, ToServer};
use crossterm::event::Event;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Messages from the link that may wait for the screen.
const EVENTS_MAX: usize = 1024;
/// Requests that may wait for the link: more keys than a person presses in a second.
const REQUESTS_MAX: usize = 64;
/// Messages taken in one go before a frame may be drawn, so that a flood cannot starve the keys.
const BATCH_MAX: usize = 256;

/// Answers of the agent that may wait: one question is open at a time.
const ANSWERS_MAX: usize = 4;
/// Turns of the runtime in which a local session is connected to and greeted.
const TURNS_TO_GREET: usize = 3;

/// How an attached terminal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The person detached; the session goes on.
    Detached,
    /// The session ended.
    SessionEnded {
        /// Why.
        reason: String,
    },
    /// There was no way to the session.
    Failed {
        /// Why.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The terminal went away; the session goes on.
    TerminalGone,
}

/// One attached terminal.
struct Attached {
    ui: Ui,
    screen: Screen,
    clock: Arc<dyn Clock>,
    requests: mpsc::Sender<ToServer>,
    witness: Witness,
    /// The agent of this person's own machine.
    agent: Option<Agent>,
    /// The question to it that is open, if any: there is one at a time.
    signing: Option<JoinHandle<()>>,
    /// Where its answers go.
    answers: mpsc::Sender<Answer>,
    last_number: u64,
    end: Option<End>,
}

/// What came of a question to the agent.
enum Answer {
    /// A signature, or why there is none.
    Signed(Box<Wish>, Result<String, Refusal>),
    /// Whose keys it holds.
    Whose(Hello, Result<PersonId, Refusal>),
}

/// What is this person's own on this machine.
#[derive(Debug, Default)]
pub struct Own {
    /// Where they keep what was seen of sessions; without it nothing outlives the terminal.
    pub store: Option<Store>,
    /// The agent that signs for them.
    pub agent: Option<Agent>,
}

/// Attaches this terminal until the person detaches, the session ends or the terminal goes away.
///
/// # Errors
/// When the terminal cannot be set up or the signals cannot be heard.
pub async fn attach(
    target: Target,
    introduction: Introduction,
    settings: Settings,
    own: Own,
    clock: Arc<dyn Clock>,
) -> std::io::Result<End> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut terminal = Tty::open(settings.mouse)?;
    let (requests, to_link) = mpsc::channel(REQUESTS_MAX);
    let (to_screen, mut events) = mpsc::channel(EVENTS_MAX);
    let (answers, mut signed) = mpsc::channel(ANSWERS_MAX);
    let what = display::line(&format!("attaching to {}", name_of(&target)));
    let mut attached = Attached {
        ui: Ui::new(settings),
        screen: Screen::Connecting { what },
        clock,
        requests,
        witness: Witness::new(own.store),
        agent: own.agent,
        signing: None,
        answers,
        last_number: 0,
        end: None,
    };
    // The first frame comes before any socket work, so that a slow way is a slow way and not a dead program.
    if attached.draw(&mut terminal).is_err() {
        return Ok(End::TerminalGone);
    }
    let link = tokio::spawn(link::run(target, introduction, to_link, to_screen));
    // The screen's buffers are made while the session answers.
    for _ in 0..TURNS_TO_GREET {
        tokio::task::yield_now().await;
    }
    if terminal.take_screen().is_err() {
        return Ok(End::TerminalGone);
    }
    let sources = Sources {
        events: &mut events,
        signed: &mut signed,
        hangup: &mut hangup,
        terminate: &mut terminate,
    };
    let end = attached.run(&mut terminal, sources).await;
    attached.stop_signing();
    link.abort();
    drop(terminal);
    Ok(end)
}

fn name_of(target: &Target) -> String {
    match target {
        Target::Local { name, .. } => name.to_string(),
        Target::Ssh { host, name, .. } => format!("{name} on {host}"),
    }
}

impl Attached {
    async fn run(&mut self, terminal: &mut Tty, sources: Sources<'_>) -> End {
        let Sources {
            events,
            signed,
            hangup,
            terminate,
        } = sources;
        let mut frames = Frames::default();
        frames.drawn(Instant::now());
        let mut keys = Keys::soon();
        let seconds = Seconds::start();
        loop {
            if let Some(end) = self.end.take() {
                return end;
            }
            let due = frames.due();
            tokio::select! {
                biased;
                key = keys.next() => match key {
                    Some(Ok(event)) => {
                        if self.on_terminal(&event, terminal).is_err() {
                            return End::TerminalGone;
                        }
                        frames.key(Instant::now());
                    }
                    Some(Err(_)) | None => return End::TerminalGone,
                },
                _ = hangup.recv() => return End::TerminalGone,
                _ = terminate.recv() => return End::Detached,
                () = wait_until(due) => {
                    if self.draw(terminal).is_err() || keys.listen().is_err() {
                        return End::TerminalGone;
                    }
                    frames.drawn(Instant::now());
                }
                Some(answer) = signed.recv() => {
                    self.on_answer(answer);
                    frames.changed(Instant::now());
                }
                event = events.recv() => match event {
                    Some(event) => {
                        let is_first = matches!(event, LinkEvent::Up(..));
                        let mut news = self.on_link(event);
                        for _ in 0..BATCH_MAX {
                            match events.try_recv() {
                                Ok(event) => news = news.max(self.on_link(event)),
                                Err(_) => break,
                            }
                        }
                        let now = Instant::now();
                        match news {
                            _ if is_first => frames.at_once(now),
                            News::Beside => frames.beside(now),
                            News::Session => frames.changed(now),
                            News::Values => frames.read(now),
                        }
                    }
                    None => return End::TerminalGone,
                },
                () = next_second(&seconds, self.clock.now(), self.ui.needs_clock(&self.screen)) => frames.tick(Instant::now()),
            }
        }
    }

    fn draw(&mut self, terminal: &mut Tty) -> std::io::Result<()> {
        let now = self.clock.now();
        let (ui, screen) = (&mut self.ui, &self.screen);
        terminal.draw(|cells| ui.paint(screen, now, cells))
    }

    fn on_terminal(&mut self, event: &Event, terminal: &mut Tty) -> std::io::Result<()> {
        let now = self.clock.now();
        for request in self.ui.on_event(&self.screen, event, now) {
            match request {
                Request::Copy(text) => terminal.copy(&text)?,
                Request::CopyRequest { statement, plan } => {
                    // A statement that names another plan, such as a draft's, goes without.
                    let request = detached::Request::new(&statement, plan.as_deref())
                        .or_else(|_| detached::Request::new(&statement, None));
                    if let Ok(request) = request {
                        terminal.copy(&request.print())?;
                    }
                }
                Request::Redraw => terminal.forget()?,
                request => self.ask(request),
            }
        }
        Ok(())
    }

    fn ask(&mut self, request: Request) {
        let message = match request {
            Request::Ask(command) => {
                self.last_number += 1;
                ToServer::Ask {
                    number: self.last_number,
                    command,
                }
            }
            Request::Records { from, count } => ToServer::Records { from, count },
            Request::Output { key, offset } => ToServer::Output { key, offset },
            Request::ShutdownSession => ToServer::Shutdown {
                reason: "ended from an attached terminal".to_owned(),
            },
            Request::Detach => {
                self.end = Some(End::Detached);
                return;
            }
            Request::Sign(wish) => return self.sign(wish),
            Request::StopSigning => return self.stop_signing(),
            Request::Signed {
                wish,
                armour,
                detached,
            } => return self.on_pasted(&wish, &armour, detached),
            Request::AskChallenge => {
                self.last_number += 1;
                ToServer::SignIn {
                    number: self.last_number,
                    signed: None,
                }
            }
            // These are between the screen and its terminal.
            Request::Copy(_) | Request::CopyRequest { .. } | Request::Redraw => return,
        };
        self.send(message);
    }

    /// Asks the agent, off this loop: it may ask its owner first.
    fn sign(&mut self, wish: Box<Wish>) {
        self.stop_signing();
        let Screen::Room(room) = &self.screen else {
            return;
        };
        let signer =
            statement_signer(&wish.statement).or_else(|| room.welcome.you.person().cloned());
        let Some(person) = signer else {
            let (reason, hint) = ("nobody is known to be at this terminal", "sign in first");
            let now = self.clock.now();
            self.ui.on_unsigned(&self.screen, reason, hint, now);
            return;
        };
        let keys = room.welcome.policy.keys.clone();
        let agent = self.agent.clone().ok_or(AgentFault::Unset);
        let (answers, now) = (self.answers.clone(), self.clock.now().wall);
        self.signing = Some(tokio::spawn(async move {
            let answer = signing::sign(agent, &keys, &person, &wish.statement, now).await;
            answers.send(Answer::Signed(wish, answer)).await.ok();
        }));
    }

    fn stop_signing(&mut self) {
        if let Some(task) = self.signing.take() {
            task.abort();
        }
    }

    fn on_answer(&mut self, answer: Answer) {
        let now = self.clock.now();
        match answer {
            Answer::Signed(wish, Ok(armour)) => self.send_signed(&wish, armour, false),
            Answer::Whose(hello, Ok(person)) => {
                for request in self.ui.on_challenge(&self.screen, &hello, &person, now) {
                    self.ask(request);
                }
            }
            Answer::Signed(_, Err(refused)) | Answer::Whose(_, Err(refused)) => {
                self.ui
                    .on_unsigned(&self.screen, &refused.reason, &refused.hint, now);
            }
        }
    }

    fn send_signed(&mut self, wish: &Wish, armour: String, detached: bool) {
        self.ui.on_signed();
        self.last_number += 1;
        let number = self.last_number;
        let message = match wish.then.clone() {
            Then::Ask(command) => ToServer::Ask {
                number,
                command: command.with_signature(&wish.statement, armour, detached),
            },
            Then::SignIn => ToServer::SignIn {
                number,
                signed: Some(wish.signed(armour, detached)),
            },
        };
        self.send(message);
    }

    /// Takes a signature that was pasted, in whatever shape copying has left it.
    fn on_pasted(&mut self, wish: &Wish, text: &str, detached: bool) {
        match detached::parse_answer(text) {
            Ok(armour) => self.send_signed(wish, armour, detached),
            Err(fault) => {
                let (reason, hint) = (fault.to_string(), fault.hint());
                let now = self.clock.now();
                self.ui.on_unsigned(&self.screen, &reason, hint, now);
            }
        }
    }

    /// Asks the agent whose keys it holds, to say who is here.
    fn whose(&mut self, hello: Hello) {
        self.stop_signing();
        let Screen::Room(room) = &self.screen else {
            return;
        };
        let keys = room.welcome.policy.keys.clone();
        let agent = self.agent.clone().ok_or(AgentFault::Unset);
        let answers = self.answers.clone();
        self.signing = Some(tokio::spawn(async move {
            let person = signing::whose(agent, &keys).await;
            answers.send(Answer::Whose(hello, person)).await.ok();
        }));
    }

    fn send(&mut self, message: ToServer) {
        // A link that is down refuses what it gets; this is for one that does not even take it.
        if self.requests.try_send(message).is_err() {
            let refusal = Refusal {
                reason: "not sent: there is no connection to the session".to_owned(),
                hint: "the screen says when it is back".to_owned(),
            };
            self.ui
                .on_reply(self.last_number, Some(refusal), self.clock.now());
        }
    }

    /// Sends what the witness wants to know. A link that takes nothing now is one that starts over.
    fn witness(&self, wanted: Option<ToServer>) {
        if let Some(message) = wanted {
            self.requests.try_send(message).ok();
        }
    }

    /// Takes what came.
    fn on_link(&mut self, event: LinkEvent) -> News {
        let news = News::of(&event);
        match event {
            LinkEvent::Up(welcome, snapshot) => {
                match &mut self.screen {
                    Screen::Room(room) => room.on_snapshot(*welcome, *snapshot),
                    screen => {
                        *screen = Screen::Room(Box::new(Room::from_snapshot(*welcome, *snapshot)));
                    }
                }
                if let Screen::Room(room) = &mut self.screen {
                    let wanted = self.witness.on_up(room);
                    self.witness(wanted);
                }
            }
            LinkEvent::Message(message) => self.on_message(*message),
            LinkEvent::Lost { why } => {
                if let Screen::Room(room) = &mut self.screen {
                    // Further tries do not make it shorter.
                    let since = match room.link {
                        Link::Lost { since, .. } => since,
                        Link::Up | Link::Ended { .. } => self.clock.now(),
                    };
                    room.link = Link::Lost { since, why };
                }
            }
            LinkEvent::Ended { why, hint } => {
                self.end = Some(match &self.screen {
                    Screen::Room(_) => End::SessionEnded { reason: why },
                    Screen::Connecting { .. } | Screen::Failed { .. } => End::Failed { why, hint },
                });
            }
        }
        news
    }

    fn on_message(&mut self, message: ToClient) {
        let now = self.clock.now();
        let message = match message {
            ToClient::Draft(draft) => {
                for request in self.ui.on_draft(&self.screen, &draft, now) {
                    self.ask(request);
                }
                return;
            }
            ToClient::Challenge(hello) => return self.whose(hello),
            message => message,
        };
        let Screen::Room(room) = &mut self.screen else {
            return;
        };
        match message {
            ToClient::Policy {
                you,
                read_only,
                policy,
            } => {
                room.welcome.you = you;
                room.welcome.read_only = read_only;
                room.welcome.policy = policy;
            }
            ToClient::Facts(facts) => {
                room.on_facts(facts);
                let wanted = self.witness.on_facts(room);
                self.witness(wanted);
            }
            ToClient::Readings(readings) => room.on_readings(readings),
            ToClient::Gate(gate) => room.on_gate(gate),
            ToClient::Output(chunk) => room.on_output(chunk),
            ToClient::Records(records) => room.on_records(records),
            ToClient::Reply { number, refused } => {
                self.ui.on_reply(number, refused, self.clock.now());
            }
            ToClient::Checkpoint(signed) => {
                let wanted = self.witness.on_checkpoint(signed, room);
                self.witness(wanted);
                let kept = self.witness.take_kept();
                self.witness(kept);
            }
            ToClient::Headers { from, headers } => {
                let wanted = self.witness.on_headers(from, &headers, room);
                self.witness(wanted);
                let kept = self.witness.take_kept();
                self.witness(kept);
            }
            // A lag is made good by the snapshot that follows; the others are handled by the link.
            ToClient::Lagged
            | ToClient::Draft(_)
            | ToClient::Challenge(_)
            | ToClient::Welcome(_)
            | ToClient::TurnedAway { .. }
            | ToClient::SnapshotPart { .. }
            | ToClient::Bye { .. } => {}
        }
    }
}

/// What came, the more pressing later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// Readings without values, such as alerts and the health of a connector.
    Beside,
    /// Anything that is no reading.
    Session,
    /// Values of queries.
    Values,
}

impl News {
    fn of(event: &LinkEvent) -> Self {
        let LinkEvent::Message(message) = event else {
            return Self::Session;
        };
        let ToClient::Readings(readings) = message.as_ref() else {
            return Self::Session;
        };
        let is_value = |reading: &Reading| matches!(reading, Reading::Queries { .. });
        if readings.iter().any(is_value) {
            Self::Values
        } else {
            Self::Beside
        }
    }
}

/// What the loop hears beside keys and time.
struct Sources<'a> {
    events: &'a mut mpsc::Receiver<LinkEvent>,
    signed: &'a mut mpsc::Receiver<Answer>,
    hangup: &'a mut Signal,
    terminate: &'a mut Signal,
}

/// Whose statement it is, by its own line.
fn statement_signer(statement: &str) -> Option<PersonId> {
    let line = statement
        .lines()
        .find_map(|line| line.strip_prefix("signer: "))?;
    PersonId::new(line).ok()
}

async fn wait_until(due: Option<Instant>) {
    match due {
        // A timer of the runtime would round up to the next millisecond and wake once more.
        Some(due) if due <= Instant::now() => {}
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Wakes on the next full second of the wall clock, so that every clock on every screen ticks together.
async fn next_second(seconds: &Seconds, now: Moment, wanted: bool) {
    if wanted {
        seconds.next(now).await;
    } else {
        std::future::pending::<()>().await;
    }
}
