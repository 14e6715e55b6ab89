//! Draws state it is given; owns looks only.
//!
//! Keys become [`action::Action`]s by one table ([`keymap`]), actions change what this terminal remembers
//! ([`model`]) or become [`Request`]s that the client sends. Views draw a [`room::Room`] and never change it. This
//! module knows neither sockets nor files; [`terminal`] alone touches the terminal. Text from outside reaches a
//! cell through [`text`] only.
//!
//! Main types: [`Ui`], [`Screen`], [`Request`], [`Settings`], [`room::Room`].

pub mod action;
mod breakglass;
mod cache;
mod canvas;
pub mod keymap;
mod layers;
mod model;
mod motions;
pub mod proof;
mod ritual;
pub mod room;
mod signing;
pub mod terminal;
mod text;
pub mod theme;
mod unseen;
mod update;
mod view;
mod widgets;
mod words;
mod writing;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use crate::display::Clean;
use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::statement::Hello;
use crate::domain::fact::{Actor, ExecKey, Fact, Stamped};
use crate::domain::id::{PersonId, Seq, StepId};
use crate::domain::time::Moment;
use crate::wire::amendment::Preview;
use crate::wire::message::Draft;
use action::View;
use cache::Cache;
use canvas::{Canvas, Targets};
use crossterm::event::{Event, KeyEvent, KeyEventKind};
use keymap::{Chord, Keymap};
use layers::{Layers, Notice};
use model::Model;
use proof::{Offer, Wish};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ritual::Ritual;
use room::{Link, Room};
use std::collections::BTreeSet;
use theme::{Colors, Look, Role, Theme};

/// What there is to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Screen {
    /// Nothing is known yet; drawn before any socket work.
    Connecting {
        /// What is being done, one line.
        what: Clean,
    },
    /// A session.
    Room(Box<Room>),
    /// There is no session to show.
    Failed {
        /// What happened, one line.
        what: Clean,
        /// What to do; or empty.
        hint: Clean,
    },
}

impl Screen {
    /// The session, when there is one.
    pub fn room(&self) -> Option<&Room> {
        match self {
            Self::Room(room) => Some(room),
            Self::Connecting { .. } | Self::Failed { .. } => None,
        }
    }
}

/// How this terminal wants it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Colours of roles.
    pub theme: Theme,
    /// What the terminal can show.
    pub colors: Colors,
    /// Keep lines and marks within ASCII.
    pub ascii: bool,
    /// The prefix key.
    pub prefix: Chord,
    /// The person's time zone, for local time beside UTC.
    pub local_zone: jiff::tz::TimeZone,
    /// Show it from the start.
    pub local_time: bool,
    /// Take the mouse; the terminal's own selection then needs Shift.
    pub mouse: bool,
}

/// What the client is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Send a command.
    Ask(Command),
    /// Leave; the session goes on.
    Detach,
    /// Ask what has changed in the runbook.
    ReadRunbook,
    /// Ask for older records.
    Records {
        /// First one.
        from: Seq,
        /// How many.
        count: u32,
    },
    /// Ask for the output of one execution.
    Output {
        /// Which.
        key: ExecKey,
        /// First byte.
        offset: u64,
    },
    /// Put text on the clipboard (OSC 52).
    Copy(String),
    /// Put what another machine needs to sign this on the clipboard: the statement, and the plan it names.
    CopyRequest {
        /// The statement.
        statement: String,
        /// The plan, when one is on the table.
        plan: Option<String>,
    },
    /// Draw every cell anew.
    Redraw,
    /// End the session server.
    ShutdownSession,
    /// Have a statement signed by the agent; answered by [`Ui::on_unsigned`], [`Ui::on_which_key`] or by sending it.
    Sign {
        /// What is to be signed.
        wish: Box<Wish>,
        /// Fingerprint of the key the person chose before, of several.
        key: Option<String>,
    },
    /// Wait for no signature any longer.
    StopSigning,
    /// Send what was signed elsewhere.
    Signed {
        /// What was to be signed.
        wish: Box<Wish>,
        /// The armoured signature.
        armour: String,
        /// It was made off this host.
        detached: bool,
    },
    /// Ask the server what to sign, to say who is at this terminal.
    AskChallenge,
}

/// The face of one terminal.
#[derive(Debug)]
pub struct Ui {
    look: Look,
    local_zone: jiff::tz::TimeZone,
    keymap: Keymap,
    model: Model,
    layers: Layers,
    ritual: Option<Ritual>,
    cache: Cache,
    targets: Targets,
    size: (u16, u16),
    asked_outputs: BTreeSet<ExecKey>,
}

impl Ui {
    /// A face that shows nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            look: Look::new(&settings.theme, settings.colors, settings.ascii),
            local_zone: settings.local_zone,
            keymap: Keymap::new(settings.prefix),
            model: Model::with_local_time(settings.local_time),
            layers: Layers::default(),
            ritual: None,
            cache: Cache::default(),
            targets: Targets::new(),
            size: (0, 0),
            asked_outputs: BTreeSet::new(),
        }
    }

    /// Takes one event of the terminal; gives what the client is to do.
    pub fn on_event(&mut self, screen: &Screen, event: &Event, now: Moment) -> Vec<Request> {
        self.sync(screen, now);
        let mut requests = self.on_input(screen, event, now);
        if let Some(room) = screen.room() {
            requests.extend(update::missing_output(
                &self.model,
                room,
                &mut self.asked_outputs,
            ));
        }
        requests
    }

    fn on_input(&mut self, screen: &Screen, event: &Event, now: Moment) -> Vec<Request> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.on_key(screen, key, now),
            Event::Paste(text) => {
                if let Some(outcome) = self.layers.on_paste_signature(text) {
                    let mut work = self.work(screen, now);
                    update::on_outcome(&mut work, outcome);
                    return work.requests;
                }
                let taken = self.layers.on_paste(text) || !self.layers.is_empty();
                if !taken && let Some(ritual) = self.open_ritual() {
                    ritual.on_paste(now);
                }
                Vec::new()
            }
            Event::Mouse(mouse) => {
                // On the confirm screen the mouse is discarded (TWO_PERSON 6.1 rule 4).
                if let (true, None, Some(room)) =
                    (self.layers.is_empty(), self.open_ritual(), screen.room())
                {
                    update::on_mouse(&mut self.model, room, &self.targets, mouse)
                } else {
                    Vec::new()
                }
            }
            Event::Resize(width, height) => {
                self.on_size((*width, *height), now);
                Vec::new()
            }
            Event::Key(_) | Event::FocusGained | Event::FocusLost => Vec::new(),
        }
    }

    /// Takes the answer to a request; a refusal is shown until it is closed, a while has passed, or the session has moved on
    /// and it could be read.
    pub fn on_reply(&mut self, _number: u64, refused: Option<Refusal>, now: Moment) {
        if let Some(refusal) = refused {
            if let Some(ritual) = &mut self.ritual {
                ritual.on_refused();
            }
            self.layers.notice = Some(Notice::refusal(&refusal, now));
        }
    }

    /// The agent has signed, and what it is for was sent.
    pub fn on_signed(&mut self) {
        self.layers.close_sign();
    }

    /// Facts came in: what the server itself has to say is told on whatever screen is open, and a refusal that speaks of
    /// what has changed by them goes once it could be read.
    pub fn on_facts(&mut self, facts: &[Stamped], now: Moment) {
        if facts.iter().any(|told| layers::moves_on(&told.fact)) {
            self.layers.outdate();
        }
        for told in facts {
            if let (Actor::Engine, Fact::NoteAdded { text, .. }) = (&told.actor, &told.fact) {
                self.layers.tell(text, now);
            }
        }
    }

    /// The selected step: what keys of steps mean.
    pub fn selected(&self, room: &Room) -> Option<StepId> {
        let view = room.state.view(self.model.step)?;
        Some(view.plan.id.clone())
    }

    /// Keeps that step selected: by an amendment another one may stand in its place, and a key never means that.
    pub fn keep_selected(&mut self, room: &Room, step: Option<&StepId>) {
        if let Some(place) = step.and_then(|step| room.state.index_of(step)) {
            self.model.select(place);
        }
    }

    /// The state has changed. What asks about a motion that has ended, or waits for a signature on a proposal that has, is
    /// closed, and one line says what ended it, and who.
    /// True when a signature was waited for that nobody wants any more.
    pub fn on_state(&mut self, room: &Room, now: Moment) -> bool {
        let is_left = motions::close_ended(&mut self.layers, room, now);
        let is_unsigned = signing::close_ended(&mut self.layers, room, now);
        if is_left.is_some() || is_unsigned {
            self.keymap.reset();
        }
        is_unsigned || is_left.is_some_and(|closed| closed.was_signing)
    }

    /// Another plan is in force. What was open is about the plan before, and a key that is pressed into it now may mean
    /// something that its reader has not seen: it is closed.
    pub fn on_amended(&mut self, now: Moment) {
        self.keymap.reset();
        if self.layers.close_but_help(now) {
            let text = "the runbook was amended; press the key again";
            self.layers.tell(text, now);
        }
    }

    /// The agent holds several keys that can sign: asks which.
    pub fn on_which_key(&mut self, screen: &Screen, offers: Vec<Offer>, now: Moment) {
        signing::ask_which(&mut self.work(screen, now), offers);
    }

    /// There is no signature: says why, and what to do.
    pub fn on_unsigned(&mut self, screen: &Screen, reason: &str, hint: &str, now: Moment) {
        signing::failed(&mut self.work(screen, now), reason, hint);
    }

    /// A proposal was drafted that its proposer has to sign.
    pub fn on_draft(&mut self, screen: &Screen, draft: &Draft, now: Moment) -> Vec<Request> {
        let mut work = self.work(screen, now);
        match work.room.and_then(|room| proof::propose(room, draft)) {
            Some(wish) => signing::begin(&mut work, wish),
            None => {
                work.say("the draft is not the plan its terms name: call the owner of the host");
            }
        }
        work.requests
    }

    /// The runbook was read, for somebody at this terminal who wanted that.
    pub fn on_amendment(&mut self, screen: &Screen, preview: &Preview, now: Moment) {
        motions::preview(&mut self.work(screen, now), preview);
    }

    /// The server asks who is at this terminal; `signer` is the person of a key the agent holds.
    pub fn on_challenge(
        &mut self,
        screen: &Screen,
        hello: &Hello,
        signer: &PersonId,
        now: Moment,
    ) -> Vec<Request> {
        let mut work = self.work(screen, now);
        if let Some(wish) = work
            .room
            .and_then(|room| proof::sign_in(room, hello, signer))
        {
            signing::begin(&mut work, wish);
        }
        work.requests
    }

    fn work<'a>(&'a mut self, screen: &'a Screen, now: Moment) -> update::Work<'a> {
        update::Work {
            room: screen.room(),
            model: &mut self.model,
            layers: &mut self.layers,
            now,
            requests: Vec::new(),
        }
    }

    /// Draws the screen, as [`Self::paint`].
    pub fn draw(&mut self, screen: &Screen, now: Moment, frame: &mut Frame<'_>) {
        self.paint(screen, now, frame.buffer_mut());
    }

    /// Draws the screen into blank cells.
    pub fn paint(&mut self, screen: &Screen, now: Moment, cells: &mut Buffer) {
        let area = cells.area;
        self.on_size((area.width, area.height), now);
        self.sync(screen, now);
        self.targets.clear();
        let mut canvas = Canvas::new(cells, &self.look, &mut self.targets);
        let text = canvas.of(Role::Text);
        // Without a ground of its own a theme leaves cells that nothing is written in as the terminal has them: to send
        // each of them would be half of what an attach costs.
        if text.bg.is_some() {
            canvas.shade(area, text);
        }
        match screen {
            Screen::Connecting { what } => view::plain::connecting(&mut canvas, area, what),
            Screen::Failed { what, hint } => view::plain::failed(&mut canvas, area, what, hint),
            Screen::Room(room) => {
                let cx = view::Cx {
                    room,
                    now,
                    zone: &self.local_zone,
                    prefix: self.keymap.prefix_text(),
                    ritual: self.ritual.as_ref(),
                };
                let reveal = self.model.reveal;
                self.cache.refresh(&cx, &self.model, &self.look);
                view::draw(&cx, &mut self.model, &self.cache, &mut canvas, area);
                if !self.cache.fits(&self.model) {
                    // Drawing tells how wide text must be broken; the first frame at a new size is drawn again.
                    self.model.reveal = reveal;
                    self.cache.refresh(&cx, &self.model, &self.look);
                    canvas.clear(area);
                    view::draw(&cx, &mut self.model, &self.cache, &mut canvas, area);
                }
            }
        }
        let prefix = self.keymap.prefix_text();
        self.layers
            .draw(&mut canvas, view::free(area), (prefix, now));
        if let (Screen::Room(room), Some(keys)) = (screen, self.layers.keys()) {
            let vetoes = room.state.glass().is_some();
            view::hints::over(&mut canvas, area, &keys, vetoes);
        }
    }

    /// True when the screen shows something that changes with time alone, so that it must be drawn each second.
    pub fn needs_clock(&self, screen: &Screen) -> bool {
        match screen.room().map(|room| &room.link) {
            Some(Link::Up | Link::Lost { .. }) => true,
            Some(Link::Ended { .. }) | None => self.layers.notice.is_some(),
        }
    }

    /// The ritual, while the confirm screen is what keys go to.
    fn open_ritual(&mut self) -> Option<&mut Ritual> {
        if self.model.view == View::Confirm {
            self.ritual.as_mut()
        } else {
            None
        }
    }

    fn on_size(&mut self, size: (u16, u16), now: Moment) {
        if self.size != size {
            self.size = size;
            if let Some(ritual) = &mut self.ritual {
                ritual.on_resize(size, now);
            }
        }
    }

    /// Brings what this terminal remembers in line with the room.
    fn sync(&mut self, screen: &Screen, now: Moment) {
        self.layers.expire(now);
        let Some(room) = screen.room() else {
            self.ritual = None;
            return;
        };
        update::follow(&mut self.model, room);
        update::going::arrive(&mut self.model, &mut self.layers, room, now);
        let showing = self.model.view == View::Confirm;
        let claim = self.model.claim.as_ref();
        let shown = (showing, claim, self.model.called.as_ref());
        ritual::sync(&mut self.ritual, room, shown, self.size, now);
    }

    fn on_key(&mut self, screen: &Screen, key: &KeyEvent, now: Moment) -> Vec<Request> {
        let mut work = update::Work {
            room: screen.room(),
            model: &mut self.model,
            layers: &mut self.layers,
            now,
            requests: Vec::new(),
        };
        // One key, wherever its reader is: in a popup and between the words of a confirm too.
        let is_veto = self.keymap.is_key_of(key, action::Action::Veto);
        if is_veto && work.room.is_some_and(|room| room.state.glass().is_some()) {
            self.keymap.reset();
            update::act(&mut work, action::Action::Veto);
            return work.requests;
        }
        // Nor is a way back kept from anybody because something closed under their hands.
        let back = self.keymap.way_back(key);
        if let Some(action) = back.filter(|_| work.layers.is_only_quiet()) {
            self.keymap.reset();
            update::act(&mut work, action);
            return work.requests;
        }
        if let Some(outcome) = work.layers.on_key(key) {
            self.keymap.reset();
            if matches!(&outcome, layers::Outcome::Sign(act) if matches!(**act, layers::SignAct::Stop))
                && let Some(ritual) = &mut self.ritual
            {
                ritual.on_refused();
            }
            update::on_outcome(&mut work, outcome);
            return work.requests;
        }
        let on_confirm = work.model.view == View::Confirm && work.room.is_some();
        if on_confirm && let Some(ritual) = &mut self.ritual {
            self.keymap.reset();
            if ritual.is_read(now)
                && !ritual.is_quiet(now)
                && let Some(action) = self.keymap.beside_a_plan(key)
            {
                update::act(&mut work, action);
                return work.requests;
            }
            let heard = ritual.on_key(key, now);
            signing::on_heard(&mut work, heard);
            return work.requests;
        }
        if let Some(action) = self.keymap.on_key(key, on_confirm) {
            update::act(&mut work, action);
        }
        work.requests
    }
}

/// The frame of a popup within `area`: at most `width` by `height`, centred.
fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    Rect {
        x: area.x.saturating_add(area.width.saturating_sub(width) / 2),
        y: area
            .y
            .saturating_add(area.height.saturating_sub(height) / 2),
        width,
        height,
    }
}
