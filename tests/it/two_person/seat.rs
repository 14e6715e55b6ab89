//! A person at a terminal: keys as they press them, counted, and what they wait for in between.

use super::stage::{COMPONENT, Stage};
use crate::harness::wait_for;
use crate::tmux::Terminal;
use std::cell::Cell;

/// A terminal with somebody at it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) terminal: Terminal,
    keys: Cell<usize>,
}

impl Seat {
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            keys: Cell::new(0),
        }
    }

    /// Keys pressed since [`Seat::forget_keys`].
    pub(crate) fn keys(&self) -> usize {
        self.keys.get()
    }

    /// Counts from here.
    pub(crate) fn forget_keys(&self) {
        self.keys.set(0);
    }

    /// Presses keys, by tmux's names.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.keys.set(self.keys.get() + keys.len());
        self.terminal.press(keys);
    }

    /// Presses a key until it was heard: what comes in the first moment of a review is thrown away. Somebody who reads
    /// first presses it once, so it counts once.
    pub(crate) fn insist(&self, key: &str, heard: impl Fn(&str) -> bool) -> String {
        self.keys.set(self.keys.get() + 1);
        self.terminal.wait_that(key, |screen| {
            let is_heard = heard(screen);
            if !is_heard {
                self.terminal.press(&[key]);
            }
            is_heard
        })
    }

    /// Types a line and Enter.
    pub(crate) fn type_line(&self, text: &str) {
        self.keys.set(self.keys.get() + text.chars().count() + 1);
        self.terminal.type_line(text);
    }

    /// Waits for a text; returns the screen.
    pub(crate) fn wait(&self, text: &str) -> String {
        self.terminal.wait(text)
    }

    /// Waits until the screen says this, over however many rows it is broken; returns it as one line.
    pub(crate) fn wait_said(&self, text: &str) -> String {
        one_line(&self.terminal.wait_that(&format!("`{text}`"), |screen| {
            one_line(screen).contains(text)
        }))
    }

    /// Attaches to a session.
    pub(crate) fn attach(&self, session: &str) {
        self.attach_with(session, "");
    }

    /// Attaches with more arguments.
    pub(crate) fn attach_with(&self, session: &str, more: &str) {
        self.type_line(&format!("warroom attach -t {session} {more}"));
        self.terminal.wait_that("the session", |screen| {
            ["BRIEFING", "RUNNING", "HOLDING", "CONFIRM"]
                .iter()
                .any(|word| screen.contains(word))
        });
    }

    /// Begins the maintenance and takes its step to where it waits to be proposed.
    pub(crate) fn begin(&self, stage: &Stage, session: &str) {
        self.press(&["B"]);
        self.wait("begin");
        self.press(&["y"]);
        self.wait("RUNNING");
        self.press(&["f", "s"]);
        stage.wait_step(session, "needs-proposal");
    }

    /// Presses Escape and waits until it was heard: with a key right behind it, it would be another key.
    pub(crate) fn escape(&self) {
        let still = |screen: &str| screen.replace(|c: char| c.is_ascii_digit(), "");
        let before = still(&self.terminal.screen());
        self.press(&["Escape"]);
        self.terminal
            .wait_that("another screen", |screen| still(screen) != before);
    }

    /// Says by a key of the agent who is here, on an account that is nobody's.
    pub(crate) fn sign_in(&self, stage: &Stage, session: &str, person: &str) {
        self.press(&["K"]);
        stage.wait_record(session, "statement.signed", &format!("signer: {person}"));
    }

    /// Proposes the step.
    pub(crate) fn propose(&self, stage: &Stage, session: &str) {
        self.press(&["P"]);
        self.wait("propose");
        self.press(&["y"]);
        stage.wait_step(session, "awaiting-second");
    }

    /// Opens the review of what is proposed.
    pub(crate) fn review(&self) {
        self.wait("press c to review");
        self.press(&["c"]);
        self.wait("CONFIRM");
    }

    /// Types an answer once the screen listens.
    fn answer(&self, text: &str) {
        let first = text.get(..1).expect("not empty");
        let typed = |screen: &str| {
            let row = screen.split("ANSWER > ").nth(1)?;
            row.split('_').next().map(str::len)
        };
        self.insist(first, |screen| {
            typed(screen).is_some_and(|length| length > 0)
        });
        self.terminal.wait_that("one letter", |screen| {
            let length = typed(screen).unwrap_or(0);
            if length > 1 {
                self.terminal.press(&["BSpace"]);
            }
            length == 1
        });
        self.type_line(text.get(1..).unwrap_or_default());
    }

    /// Says, before the target is shown, what is about to be touched and how many others stay.
    pub(crate) fn say_component(&self, component: &str) {
        self.wait("which component is about to be touched?");
        self.answer(component);
        self.wait("how many others of its group");
        self.press(&["Enter"]);
    }

    /// As [`Seat::say_component`], as it is proposed.
    pub(crate) fn check(&self) {
        self.say_component(COMPONENT);
    }

    /// Reads the plan to its end and waits for the words.
    pub(crate) fn read(&self) -> String {
        self.terminal.wait_that("the plan", |screen| {
            screen.contains("read to the end first") || is_read(screen)
        });
        self.insist("G", is_read);
        let screen = self
            .terminal
            .wait_that("the words", |screen| words_on(screen).is_some());
        words_on(&screen).expect("they are there")
    }

    /// Types the words of the screen.
    pub(crate) fn type_words(&self, words: &str) {
        self.press(&["Enter"]);
        self.wait("TYPE THE WORDS");
        self.type_line(words);
    }

    /// Reviews, reads and types the words; gives them. What proves who did so comes after it.
    pub(crate) fn confirm(&self) -> String {
        self.review();
        let words = self.read();
        self.type_words(&words);
        words
    }

    /// Says go.
    pub(crate) fn go(&self) {
        self.wait("ARMED");
        self.press(&["C-g"]);
    }
}

/// Whether the end of the plan has been seen.
fn is_read(screen: &str) -> bool {
    screen.contains("take your time") || words_on(screen).is_some()
}

/// The three words in the row `words: one two three`, once they may be seen.
fn words_on(screen: &str) -> Option<String> {
    let row = screen
        .lines()
        .find_map(|row| row.trim_start().strip_prefix("words: "))?;
    let words: Vec<&str> = row.split_whitespace().collect();
    (words.len() == 3).then(|| words.join(" "))
}

/// A screen as one line, without the frames of panes and popups.
pub(crate) fn one_line(screen: &str) -> String {
    let is_frame = |c: char| ('\u{2500}'..='\u{257f}').contains(&c);
    let text = screen.replace(is_frame, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is on the clipboard of the terminals once something is.
pub(crate) fn clipboard(seat: &Seat) -> String {
    wait_for("the clipboard", || {
        let text = seat.terminal.clipboard();
        (!text.is_empty()).then_some(text)
    })
}
