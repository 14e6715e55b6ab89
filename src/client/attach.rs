//! The loop of an attached terminal: keys and messages in, frames out.

mod agent;

use super::frames::Frames;
use super::host_keys::HostKeys;
use super::keys::Keys;
use super::link::{self, Introduction, LinkEvent, Target};
use super::signing;
use super::witness::{Store, Witness};
use crate::clock::{Clock, Seconds};
use crate::display;
use crate::domain::command::Refusal;
use crate::domain::radius::Post;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use crate::evidence::agent::Agent;
use crate::ui::room::{Link, Room};
use crate::ui::terminal::Tty;
use crate::ui::{Request, Screen, Settings, Ui};
use crate::wire::message::{ToClient, ToServer};
use agent::{Answer, Signing};
use crossterm::event::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
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
/// How long this program rests behind the first frame of a session: whoever shows the frame may be waiting for this very
/// processor, and what is left to do can wait for a moment that nobody notices.
const REST: Duration = Duration::from_millis(1);

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
    /// A session has come up and its past has not been looked at: that comes behind its first frame, which is drawn
    /// as unchecked, and before everything else.
    is_unwitnessed: bool,
    /// The agent of this person's own machine.
    agent: Option<Agent>,
    host_keys: Option<HostKeys>,
    posts: Vec<Post>,
    /// The question to it that is open, if any: there is one at a time.
    signing: Option<Signing>,
    /// Where its answers go.
    answers: mpsc::Sender<Answer>,
    last_number: u64,
    end: Option<End>,
}

/// What is this person's own on this machine.
#[derive(Debug, Default)]
pub struct Own {
    /// Where they keep what was seen of sessions; without it nothing outlives the terminal.
    pub store: Option<Store>,
    /// The agent that signs for them.
    pub agent: Option<Agent>,
    /// Where this machine has the keys of hosts; without it no session's key is certified here.
    pub host_keys: Option<HostKeys>,
    /// What they stand on: this terminal, its bastion.
    pub posts: Vec<Post>,
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
        is_unwitnessed: false,
        agent: own.agent,
        host_keys: own.host_keys,
        posts: own.posts,
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
        let mut rested: Option<Instant> = None;
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
                    if self.draw(terminal).is_err() {
                        return End::TerminalGone;
                    }
                    let now = Instant::now();
                    frames.drawn(now);
                    if self.is_unwitnessed {
                        rested.get_or_insert(now + REST);
                    }
                }
                () = wait_until(rested), if rested.is_some() => {
                    rested = None;
                    if keys.listen().is_err() {
                        return End::TerminalGone;
                    }
                    if self.look_back() {
                        frames.changed(Instant::now());
                    }
                }
                Some(answer) = signed.recv() => {
                    self.on_answer(answer);
                    frames.changed(Instant::now());
                }
                // What came meanwhile would begin the work that waits.
                event = events.recv(), if rested.is_none() => match event {
                    Some(event) => self.on_news(event, events, &mut frames),
                    None => return End::TerminalGone,
                },
                () = next_second(&seconds, self.clock.now(), self.ui.needs_clock(&self.screen)) => frames.tick(Instant::now()),
            }
        }
    }

    /// Takes what came and what else is waiting. A session that has come up is drawn before anything more is read.
    fn on_news(
        &mut self,
        event: LinkEvent,
        events: &mut mpsc::Receiver<LinkEvent>,
        frames: &mut Frames,
    ) {
        let is_first = matches!(event, LinkEvent::Up(..));
        let mut news = self.on_link(event);
        let more = if is_first { 0 } else { BATCH_MAX };
        for _ in 0..more {
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

    fn draw(&mut self, terminal: &mut Tty) -> std::io::Result<()> {
        let now = self.clock.now();
        let (ui, screen) = (&mut self.ui, &self.screen);
        terminal.draw(|cells| ui.paint(screen, now, cells))
    }

    /// Compares a session that has come up with what was seen of it before. True if it had not been done.
    fn look_back(&mut self) -> bool {
        let is_due = std::mem::take(&mut self.is_unwitnessed);
        if let Screen::Room(room) = &mut self.screen
            && is_due
        {
            let wanted = self.witness.on_up(room);
            if let Some(keys) = &self.host_keys {
                let (judging, answers) = (keys.judge(&room.state.genesis), self.answers.clone());
                tokio::spawn(async move {
                    let answer = Answer::Certified(judging.await);
                    answers.send(answer).await.ok();
                });
            }
            self.witness(wanted);
        }
        is_due
    }

    fn on_terminal(&mut self, event: &Event, terminal: &mut Tty) -> std::io::Result<()> {
        self.look_back();
        let now = self.clock.now();
        for request in self.ui.on_event(&self.screen, event, now) {
            match request {
                Request::Copy(text) => terminal.copy(&text)?,
                Request::CopyRequest { statement, plan } => {
                    let keys = self.screen.room().map(|room| &*room.welcome.policy.keys);
                    let (keys, plan) = (keys.unwrap_or_default(), plan.as_deref());
                    if let Some(text) = signing::request(&statement, plan, keys, now.wall) {
                        terminal.copy(&text)?;
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
            Request::Sign { wish, key } => return self.sign(wish, key),
            Request::StopSigning => return self.stop_signing(),
            Request::Signed {
                wish,
                armour,
                detached,
            } => return self.on_pasted(&wish, &armour, detached),
            Request::ReadRunbook => {
                self.last_number += 1;
                ToServer::ReadRunbook {
                    number: self.last_number,
                }
            }
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
        self.look_back();
        let news = News::of(&event);
        match event {
            LinkEvent::Up(welcome, snapshot) => {
                let mut is_amended = false;
                match &mut self.screen {
                    Screen::Room(room) => {
                        let selected = self.ui.selected(room);
                        let plan = room.state.genesis.plan_digest;
                        room.on_snapshot(*welcome, *snapshot);
                        self.ui.keep_selected(room, selected.as_ref());
                        is_amended = room.state.genesis.plan_digest != plan;
                    }
                    screen => {
                        *screen = Screen::Room(Box::new(Room::from_snapshot(*welcome, *snapshot)));
                    }
                }
                self.on_state(is_amended);
                if let Screen::Room(room) = &mut self.screen {
                    room.posts.clone_from(&self.posts);
                }
                self.is_unwitnessed = true;
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

    /// The state has changed. What waits for a signature may be about what is over, and after an amendment it is about the
    /// plan before, like everything else that is open.
    fn on_state(&mut self, is_amended: bool) {
        let now = self.clock.now();
        if let Screen::Room(room) = &self.screen
            && self.ui.on_state(room, now)
        {
            self.stop_signing();
        }
        if is_amended {
            self.stop_signing();
            self.ui.on_amended(now);
        }
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
            ToClient::Amendment(preview) => {
                return self.ui.on_amendment(&self.screen, &preview, now);
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
            ToClient::Around(around) => room.around = *around,
            ToClient::Facts(facts) => {
                self.ui.on_facts(&facts, now);
                let selected = self.ui.selected(room);
                let plan = room.state.genesis.plan_digest;
                room.on_facts(facts);
                self.ui.keep_selected(room, selected.as_ref());
                let is_amended = room.state.genesis.plan_digest != plan;
                let wanted = self.witness.on_facts(room);
                self.witness(wanted);
                self.on_state(is_amended);
            }
            ToClient::Readings(readings) => room.on_readings(readings),
            ToClient::Gate(gate) => room.on_gate(gate),
            ToClient::Effects(effects) => room.on_effects(effects),
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
            | ToClient::Amendment(_)
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
