//! The confirm ritual (`TWO_PERSON` 6.1): what must be read, how long, and what must be typed. No cells, no clock.
//!
//! It reads a key only as printable ASCII, Backspace, Enter, Esc or ctrl-r, which rejects. It is made for one proposal and one person, and
//! is thrown away with everything typed as soon as either changes.

mod back;
mod content;
mod who;

pub(crate) use content::{Line, Mark, PlanRow, lines as content_of, rows as rows_of};
pub(crate) use who::{Claim, claimant, is_nobody, me, open_for, reviewer, words_for};

use crate::domain::command::Command;
use crate::domain::confirm::policy::ClassRule;
use crate::domain::confirm::words::confirm_words;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact};
use crate::domain::id::{AttemptNo, Nonce, PersonId, StepId};
use crate::domain::runbook::plan::Risk;
use crate::domain::state::Proposal;
use crate::domain::time::Moment;
use crate::ui::room::{Room, Seen};
use crate::ui::unseen;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;
use who::statement_of;

/// Smallest screen a plan is reviewed on: two screens of this size hold a usual plan (`TWO_PERSON` 6.1 rule 2).
pub(crate) const SCREEN_MIN: (u16, u16) = (80, 24);
/// Rows of the screen above the plan: title, what now in one row or two.
pub(crate) const ROWS_ABOVE: u16 = 3;
/// Rows of the screen below the plan: a rule, guards, words, input, keys.
pub(crate) const ROWS_BELOW: u16 = 5;
/// Cells at the left of a plan row that hold its mark.
pub(crate) const MARGIN: u16 = 2;

/// Keys of somebody who was typing when the screen came are not meant for it (rule 3).
const QUIET: Duration = Duration::from_millis(750);
/// A paste or too many wrong tries close the input for so long (rule 4).
const CLOSED: Duration = Duration::from_secs(10);
/// Wrong tries that close the input (rule 4).
const TRIES: u8 = 3;
/// Dwell: 5 s, 1 s more for each 10 plan lines, at most 30 s (rule 3).
const DWELL_BASE: u64 = 5;
const DWELL_LINES: usize = 10;
const DWELL_MAX: u64 = 30;
/// One person confirms at most this often (rule 8).
const BETWEEN: Duration = Duration::from_secs(30);
/// After so many confirms of one person in [`OFTEN_SPAN`] the dwell doubles (rule 8).
const OFTEN: usize = 5;
const OFTEN_SPAN: Duration = Duration::from_secs(30 * 60);
/// Longest line that is taken: a target name; anything longer is no word of ours.
const INPUT_MAX: usize = 256;

/// What a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Taken or thrown away.
    Nothing,
    /// The person leaves without an answer.
    Leave,
    /// The person rejects; the reason is asked next.
    Reject(StepId),
    /// The person confirms: the exact statement.
    Confirm(String),
    /// The person said what they expect to be touched.
    Check(Command),
}

/// Why no words can be typed yet, or that they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// A proposal that asks first; nobody has pressed the key to answer it yet.
    Offered,
    /// Before the target is shown: what does this person expect to be touched?
    Component,
    /// And how many others of its group stay in service?
    Remaining,
    /// Something is wrong with the plan; it cannot be confirmed.
    Fault(&'static str),
    /// The screen is too small.
    TooSmall,
    /// Closed after a paste or wrong tries, for so many seconds more.
    Closed(u64),
    /// The end has not been reached.
    NotRead,
    /// To be looked at for so many seconds more.
    Dwell(u64),
    /// The words are shown; Enter starts the typing.
    Shown,
    /// The words are being typed.
    Words,
    /// The target's name is being typed.
    Target,
    /// The statement was sent.
    Sent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offered,
    Component,
    Remaining,
    Reading,
    Words,
    Target,
    Sent,
}

/// One person's review of one proposal.
#[derive(Debug)]
pub(crate) struct Ritual {
    step: StepId,
    nonce: Nonce,
    signer: PersonId,
    statement: String,
    words: [&'static str; 3],
    /// Value of the plan's `target` line, for an irreversible step.
    target: Option<String>,
    fault: Option<&'static str>,
    content: Vec<Line>,
    rows: Vec<PlanRow>,
    size: (u16, u16),
    top: usize,
    end_reached: bool,
    quiet_since: Moment,
    opened: Moment,
    dwell: Duration,
    often: bool,
    last_confirm: Option<Moment>,
    closed_since: Option<Moment>,
    wrong: u8,
    phase: Phase,
    input: String,
    attempt: AttemptNo,
    /// The account is nobody's: the signer is who somebody here says they are.
    is_claimed: bool,
    /// What the person expects to be touched, once they have said it.
    expected: String,
}

/// Makes, keeps or throws away the ritual, as the room and the screen want it.
pub(crate) fn sync(
    slot: &mut Option<Ritual>,
    room: &Room,
    (showing, claim, called): (bool, Option<&Claim>, Option<&Nonce>),
    size: (u16, u16),
    now: Moment,
) {
    let wanted = reviewer(room).or_else(|| claimant(room, claim?));
    let Some((proposal, signer)) = wanted.filter(|_| showing) else {
        *slot = None;
        return;
    };
    let same = slot.as_ref().is_some_and(|r| {
        r.nonce == proposal.terms.nonce && r.signer == *signer && r.is_claimed == is_nobody(room)
    });
    if !same {
        // Who said their name did it for this proposal.
        let is_called = is_nobody(room) || called == Some(&proposal.terms.nonce);
        *slot = Ritual::open(room, (proposal, is_called), signer, size, now);
    } else if let Some(ritual) = slot
        && ritual.has_said(proposal)
    {
        ritual.on_checked(now);
    }
    if let Some(ritual) = slot {
        ritual.fault = fault_of(room, proposal);
    }
}

/// Why nobody should confirm this plan on this screen, whatever they read.
fn fault_of(room: &Room, proposal: &Proposal) -> Option<&'static str> {
    if Digest::of(proposal.plan.as_bytes()) != proposal.terms.plan {
        return Some("the plan is not the one its digest names: do not confirm, call the proposer");
    }
    let (seq, _) = proposal.proposed?;
    match room.seen {
        Seen::Fault(_) => {
            Some("the journal is not as you saw it before: do not confirm, call the others")
        }
        Seen::Since(checked) if checked >= seq => None,
        // Headers are on their way; on a slow line it takes a moment.
        Seen::Since(_) | Seen::Unchecked => {
            Some("the chain of records up to this proposal is being checked")
        }
    }
}

pub(super) fn rule<'a>(room: &'a Room, proposal: &Proposal) -> Option<&'a ClassRule> {
    let step = room.state.find(&proposal.terms.step)?;
    room.welcome.policy.rule(step.plan.risk)
}

/// Seconds of a span, rounded up.
fn seconds_left(span: Duration) -> u64 {
    span.as_secs()
        .saturating_add(u64::from(span.subsec_nanos() > 0))
}

fn left(since: Moment, span: Duration, now: Moment) -> Option<u64> {
    // The boot clock alone: a wall clock that is set forward must not shorten a dwell.
    let passed = Duration::from_millis(now.mono_since(since));
    span.checked_sub(passed)
        .filter(|s| !s.is_zero())
        .map(seconds_left)
}

impl Ritual {
    fn open(
        room: &Room,
        (proposal, is_called): (&Proposal, bool),
        signer: &PersonId,
        size: (u16, u16),
        now: Moment,
    ) -> Option<Self> {
        let via = match &room.welcome.you {
            Actor::Person { via, .. } => Some(via),
            Actor::Account { .. } | Actor::Engine => None,
        };
        let statement = statement_of(room, proposal, signer, via)?;
        let irreversible = room
            .state
            .find(&proposal.terms.step)
            .is_none_or(|step| step.plan.risk == Risk::Irreversible);
        let (often, last_confirm) = habits(room, signer, now);
        let lines = proposal.plan.lines().count();
        let targets = room
            .state
            .find(&proposal.terms.step)
            .filter(|step| step.plan.component.is_none())
            .map_or(1, |_| room.state.plan().components.len());
        let dwell = dwell_of(rule(room, proposal), lines, targets, often);
        let phase = match (unseen::asks(room, proposal, signer), is_called) {
            (true, true) => Phase::Component,
            (true, false) => Phase::Offered,
            (false, _) => Phase::Reading,
        };
        let mut ritual = Self {
            step: proposal.terms.step.clone(),
            nonce: proposal.terms.nonce.clone(),
            signer: signer.clone(),
            words: confirm_words(Digest::of(statement.as_bytes())),
            statement,
            target: irreversible.then(|| content::value_of(&proposal.plan, "target").to_owned()),
            fault: fault_of(room, proposal),
            content: content::lines(room, proposal),
            rows: Vec::new(),
            size: (0, 0),
            top: 0,
            end_reached: false,
            quiet_since: now,
            opened: now,
            dwell,
            often,
            last_confirm,
            closed_since: None,
            wrong: 0,
            phase,
            input: String::new(),
            attempt: proposal.terms.attempt,
            is_claimed: is_nobody(room),
            expected: String::new(),
        };
        ritual.on_resize(size, now);
        Some(ritual)
    }

    /// Takes a new size: everything typed is forgotten and the end has to be reached again.
    pub(crate) fn on_resize(&mut self, size: (u16, u16), now: Moment) {
        if size == self.size {
            return;
        }
        self.size = size;
        self.quiet_since = now;
        self.input.clear();
        match self.phase {
            Phase::Offered | Phase::Component | Phase::Sent => {}
            Phase::Remaining => self.phase = Phase::Component,
            Phase::Reading | Phase::Words | Phase::Target => self.phase = Phase::Reading,
        }
        let width = usize::from(size.0.saturating_sub(MARGIN));
        self.rows = rows_of(&self.content, width);
        self.top = 0;
        self.end_reached = false;
        self.look();
    }

    /// Rows of the plan that fit the screen.
    pub(crate) fn height(&self) -> usize {
        usize::from(self.size.1.saturating_sub(ROWS_ABOVE + ROWS_BELOW))
    }

    /// All rows at the present width, and the first visible one.
    pub(crate) fn rows(&self) -> (&[PlanRow], usize) {
        (&self.rows, self.top)
    }

    /// What has been typed.
    pub(crate) fn input(&self) -> &str {
        &self.input
    }

    /// Wrong tries so far, of [`TRIES`].
    pub(crate) const fn wrong(&self) -> (u8, u8) {
        (self.wrong, TRIES)
    }

    /// True when this person confirms so often that the dwell is doubled.
    pub(crate) const fn is_often(&self) -> bool {
        self.often
    }

    /// The words, once they may be seen.
    pub(crate) fn words(&self, now: Moment) -> Option<[&'static str; 3]> {
        matches!(self.gate(now), Gate::Shown | Gate::Words).then_some(self.words)
    }

    /// Where the ritual stands.
    pub(crate) fn gate(&self, now: Moment) -> Gate {
        if let Some(fault) = self.fault {
            return Gate::Fault(fault);
        }
        if self.phase == Phase::Sent {
            return Gate::Sent;
        }
        if self.size.0 < SCREEN_MIN.0 || self.size.1 < SCREEN_MIN.1 {
            return Gate::TooSmall;
        }
        if let Some(seconds) = self.closed_since.and_then(|since| left(since, CLOSED, now)) {
            return Gate::Closed(seconds);
        }
        match self.phase {
            Phase::Offered => return Gate::Offered,
            Phase::Component => return Gate::Component,
            Phase::Remaining => return Gate::Remaining,
            Phase::Reading | Phase::Words | Phase::Target | Phase::Sent => {}
        }
        if !self.end_reached {
            return Gate::NotRead;
        }
        let dwell = left(self.opened, self.dwell, now);
        let between = self.last_confirm.and_then(|at| left(at, BETWEEN, now));
        if let Some(seconds) = dwell.max(between) {
            return Gate::Dwell(seconds);
        }
        match self.phase {
            Phase::Words => Gate::Words,
            Phase::Target => Gate::Target,
            Phase::Sent => Gate::Sent,
            Phase::Offered | Phase::Component | Phase::Remaining | Phase::Reading => Gate::Shown,
        }
    }

    /// A paste is not typing: the input closes.
    pub(crate) fn on_paste(&mut self, now: Moment) {
        self.close(now);
    }

    /// The server refused what was sent: it can be tried again.
    pub(crate) fn on_refused(&mut self) {
        if self.phase == Phase::Sent {
            self.phase = if self.is_asked() {
                Phase::Component
            } else {
                Phase::Reading
            };
        }
    }

    /// What this person expects has been found to be what is proposed.
    fn has_said(&self, proposal: &Proposal) -> bool {
        if self.is_claimed {
            let is_sent = self.phase == Phase::Sent && !self.expected.is_empty();
            return is_sent && proposal.claimed.contains(&self.signer);
        }
        proposal.checked.contains(&self.signer)
    }

    /// What was expected is what is proposed: now it is shown, and its time begins.
    fn on_checked(&mut self, now: Moment) {
        if self.is_asked() {
            self.expected.clear();
            self.phase = Phase::Reading;
            self.opened = now;
            self.quiet_since = now;
            self.input.clear();
        }
    }

    /// True from the first question to the server's answer.
    pub(crate) fn is_asked(&self) -> bool {
        let is_asking = matches!(
            self.phase,
            Phase::Offered | Phase::Component | Phase::Remaining
        );
        is_asking || (self.phase == Phase::Sent && !self.expected.is_empty())
    }

    /// What the person said they expect to be touched.
    pub(crate) fn expected(&self) -> &str {
        &self.expected
    }

    /// True while keys are read only to move in the plan: nothing is being typed, and nobody may still be typing. Then the
    /// keys that go back mean what they mean on every screen.
    pub(crate) fn is_read(&self, now: Moment) -> bool {
        self.phase == Phase::Reading && !matches!(self.gate(now), Gate::Closed(_))
    }

    /// True while keys may still be those of somebody who was typing when the screen came.
    pub(crate) fn is_quiet(&self, now: Moment) -> bool {
        left(self.quiet_since, QUIET, now).is_some()
    }

    /// Takes one key.
    pub(crate) fn on_key(&mut self, key: &KeyEvent, now: Moment) -> Heard {
        if self.is_quiet(now) {
            return Heard::Nothing;
        }
        // No answer and no word has a control key in it: a no is one key, whatever is being typed.
        if key.modifiers == KeyModifiers::CONTROL && key.code == KeyCode::Char('r') {
            return Heard::Reject(self.step.clone());
        }
        if key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
        {
            return Heard::Nothing;
        }
        let gate = self.gate(now);
        let asking = matches!(gate, Gate::Component | Gate::Remaining);
        let typing = asking || matches!(gate, Gate::Words | Gate::Target);
        // Somebody may still be typing words when their input is taken or closed: an `r` in them is no answer.
        let is_over = matches!(gate, Gate::Closed(_) | Gate::Sent);
        match key.code {
            KeyCode::Esc if asking => return Heard::Leave,
            KeyCode::Esc if typing => self.stop_typing(),
            KeyCode::Esc => return Heard::Leave,
            KeyCode::Enter if typing => return self.on_line(now),
            KeyCode::Enter if gate == Gate::Shown => self.phase = Phase::Words,
            KeyCode::Backspace if typing => drop(self.input.pop()),
            KeyCode::Char(c) if typing => self.on_char(c),
            KeyCode::Char('r') if !is_over => return Heard::Reject(self.step.clone()),
            KeyCode::Char('c') if gate == Gate::Offered => self.ask(now),
            // What is not shown yet is not read.
            KeyCode::Char(c) if !self.is_asked() => self.scroll(c),
            _ => {}
        }
        Heard::Nothing
    }

    /// The person is ready to answer: what they typed before that was meant for something else.
    fn ask(&mut self, now: Moment) {
        self.phase = Phase::Component;
        self.opened = now;
        self.quiet_since = now;
        self.input.clear();
    }

    fn on_char(&mut self, c: char) {
        if (' '..='~').contains(&c) && self.input.len() < INPUT_MAX {
            self.input.push(c);
        }
    }

    fn scroll(&mut self, c: char) {
        let height = self.height();
        let page = height.saturating_sub(1).max(1);
        self.top = match c {
            'j' => self.top.saturating_add(1),
            'k' => self.top.saturating_sub(1),
            ' ' => self.top.saturating_add(page),
            'b' => self.top.saturating_sub(page),
            'g' => 0,
            'G' => usize::MAX,
            _ => self.top,
        };
        self.look();
    }

    /// Keeps the window within the rows and notes whether its end was seen.
    fn look(&mut self) {
        let height = self.height();
        self.top = self.top.min(self.rows.len().saturating_sub(height));
        let at_end = self.top.saturating_add(height) >= self.rows.len();
        self.end_reached |= height > 0 && at_end;
    }

    fn stop_typing(&mut self) {
        self.input.clear();
        if !self.is_asked() {
            self.phase = Phase::Reading;
        }
    }

    fn close(&mut self, now: Moment) {
        self.stop_typing();
        self.wrong = 0;
        self.closed_since = Some(now);
    }

    fn on_line(&mut self, now: Moment) -> Heard {
        let typed = std::mem::take(&mut self.input);
        if self.is_asked() {
            return self.on_answer(typed.trim(), now);
        }
        let right = if self.phase == Phase::Words {
            typed.split_ascii_whitespace().eq(self.words)
        } else {
            self.target.as_deref() == Some(typed.trim())
        };
        if !right {
            self.wrong = self.wrong.saturating_add(1);
            if self.wrong >= TRIES {
                self.close(now);
            }
            return Heard::Nothing;
        }
        if self.phase == Phase::Words && self.target.is_some() {
            self.phase = Phase::Target;
            return Heard::Nothing;
        }
        self.phase = Phase::Sent;
        Heard::Confirm(self.statement.clone())
    }

    /// Takes an answer to one of the two questions; after the second both are sent.
    fn on_answer(&mut self, typed: &str, now: Moment) -> Heard {
        if self.phase == Phase::Component {
            if !typed.is_empty() {
                typed.clone_into(&mut self.expected);
                self.phase = Phase::Remaining;
            }
            return Heard::Nothing;
        }
        // Nothing typed: this person's CMDB knows no group.
        let remaining = match typed {
            "" => None,
            number => match number.parse() {
                Ok(number) => Some(number),
                Err(_) => return Heard::Nothing,
            },
        };
        self.phase = Phase::Sent;
        Heard::Check(Command::Check {
            step: self.step.clone(),
            attempt: self.attempt,
            component: self.expected.clone(),
            remaining,
            dwell_ms: now.mono_since(self.opened),
            claimed: self.is_claimed.then(|| self.signer.clone()),
        })
    }
}

fn dwell_of(rule: Option<&ClassRule>, lines: usize, targets: usize, often: bool) -> Duration {
    if let Some(rule) = rule {
        let dwell = rule.dwell.of(lines, targets);
        return if often {
            dwell.saturating_mul(2)
        } else {
            dwell
        };
    }
    let more = u64::try_from(lines / DWELL_LINES).unwrap_or(u64::MAX);
    let seconds = DWELL_BASE.saturating_add(more).min(DWELL_MAX);
    Duration::from_secs(if often {
        seconds.saturating_mul(2)
    } else {
        seconds
    })
}

/// Whether this person confirms often, and when they did last.
fn habits(room: &Room, signer: &PersonId, now: Moment) -> (bool, Option<Moment>) {
    let mine = || {
        room.recent
            .iter()
            .rev()
            .filter(|record| matches!(&record.fact, Fact::StepConfirmed(c) if c.signer == *signer))
    };
    let lately = mine()
        .filter(|r| now.wall.since(r.at.wall) < OFTEN_SPAN)
        .count();
    // Boot clocks of two hosts do not compare: the age is taken from the wall clock and laid on our boot clock.
    let last = mine().next().map(|r| {
        let age = u64::try_from(now.wall.since(r.at.wall).as_millis()).unwrap_or(u64::MAX);
        Moment {
            wall: r.at.wall,
            mono_ms: now.mono_ms.saturating_sub(age),
        }
    });
    (lately >= OFTEN, last)
}

#[cfg(test)]
mod tests;
