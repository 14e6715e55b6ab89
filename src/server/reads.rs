//! Whose look at the runbook comes next. One takes a disk, a CMDB and Git: few are on their way at a time, and one of a terminal.
//!
//! Who only wants to see what has changed stands in another line than who moves to take it over: the second never waits for
//! the first, however often those ask.

use super::amend::Wanted;
use crate::domain::command::Refusal;
use crate::domain::id::TerminalId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Looks on their way at a time, in each line: a disk that does not answer keeps a thread for each.
const GOING_MAX: usize = 4;
/// Shortest time between two questions of one terminal what has changed: nobody reads an answer faster, and a held-down
/// key asks thirty times a second.
const GAP: Duration = Duration::from_secs(1);

/// Somebody who wants the runbook read.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Where.
    pub(crate) terminal: TerminalId,
    /// The client's number for the reply.
    pub(crate) number: u64,
    /// What for.
    pub(crate) wanted: Wanted,
}

/// Looks that go on or wait. Each line holds one wish of a terminal, so it is no longer than there are terminals.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    previews: Line,
    motions: Line,
    /// When each terminal last asked what has changed.
    asked: BTreeMap<TerminalId, Instant>,
}

#[derive(Debug, Default)]
struct Line {
    /// Terminals a look is on its way for, and whether it went beyond its time: such a one keeps its place until it returns.
    going: BTreeMap<TerminalId, bool>,
    waiting: VecDeque<Wish>,
}

impl Reads {
    /// Takes a wish in. Gives back the one in whose place it comes: of what one terminal wants to see the newest counts.
    ///
    /// # Errors
    /// Why it is not read for this wish.
    pub(crate) fn ask(&mut self, wish: Wish, now: Instant) -> Result<Option<Wish>, Refusal> {
        let terminal = wish.terminal;
        if self.line(&wish.wanted).is_stuck_for(terminal) {
            return Err(stuck());
        }
        if matches!(wish.wanted, Wanted::Motion(_)) {
            if self.motions.has(terminal) {
                let reason = "the runbook is being read already for what you moved";
                return Err(no(reason, "wait for the answer to that"));
            }
            self.motions.waiting.push_back(wish);
            return Ok(None);
        }
        let last = self.asked.get(&terminal);
        if last.is_some_and(|last| now.saturating_duration_since(*last) < GAP) {
            let reason = "you asked what has changed in the runbook a moment ago";
            return Err(no(reason, "ask again in a second"));
        }
        self.asked.insert(terminal, now);
        let older = self.previews.take_waiting(terminal);
        self.previews.waiting.push_back(wish);
        Ok(older)
    }

    /// A look that may begin now, and is taken for begun.
    pub(crate) fn next(&mut self) -> Option<Wish> {
        self.motions.next().or_else(|| self.previews.next())
    }

    /// A look has ended, or has gone beyond its time. True when its terminal has asked for a newer one meanwhile.
    pub(crate) fn ended(&mut self, terminal: TerminalId, wanted: &Wanted, is_late: bool) -> bool {
        let line = self.line(wanted);
        if is_late {
            line.going.insert(terminal, true);
        } else {
            line.going.remove(&terminal);
        }
        line.waiting.iter().any(|wish| wish.terminal == terminal)
    }

    /// Those in line who would wait for looks that do not return.
    pub(crate) fn stranded(&mut self) -> Vec<Wish> {
        let mut all = self.previews.stranded();
        all.extend(self.motions.stranded());
        all
    }

    /// A terminal went: nothing is begun for it any more. What is on its way keeps its place until it ends.
    pub(crate) fn left(&mut self, terminal: TerminalId) {
        self.asked.remove(&terminal);
        self.previews.take_waiting(terminal);
        self.motions.take_waiting(terminal);
    }

    const fn line(&mut self, wanted: &Wanted) -> &mut Line {
        match wanted {
            Wanted::Preview => &mut self.previews,
            Wanted::Motion(_) => &mut self.motions,
        }
    }
}

/// The answer while looks are on their way that do not return.
pub(crate) fn stuck() -> Refusal {
    no(
        "earlier looks at the runbook have not come back",
        "look at the disk and the CMDB, then ask again",
    )
}

fn no(reason: &str, hint: &str) -> Refusal {
    Refusal {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    }
}

impl Line {
    fn has(&self, terminal: TerminalId) -> bool {
        let mut waiting = self.waiting.iter();
        self.going.contains_key(&terminal) || waiting.any(|wish| wish.terminal == terminal)
    }

    /// Nothing that this terminal asks for would be read.
    fn is_stuck_for(&self, terminal: TerminalId) -> bool {
        let late = self.going.values().filter(|is_late| **is_late).count();
        late >= GOING_MAX || self.going.get(&terminal) == Some(&true)
    }

    fn stranded(&mut self) -> Vec<Wish> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (stranded, waiting): (Vec<Wish>, Vec<Wish>) =
            waiting.partition(|wish| self.is_stuck_for(wish.terminal));
        self.waiting = waiting.into();
        stranded
    }

    fn take_waiting(&mut self, terminal: TerminalId) -> Option<Wish> {
        let mut all = self.waiting.iter();
        let place = all.position(|wish| wish.terminal == terminal)?;
        self.waiting.remove(place)
    }

    fn next(&mut self) -> Option<Wish> {
        if self.going.len() >= GOING_MAX {
            return None;
        }
        let mut all = self.waiting.iter();
        let place = all.position(|wish| !self.going.contains_key(&wish.terminal))?;
        let wish = self.waiting.remove(place)?;
        self.going.insert(wish.terminal, false);
        Some(wish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::domain::digest::Digest;
    use crate::domain::motion::Motion;

    fn motion() -> Wanted {
        let digest = Digest::of(b"");
        Wanted::Motion(Command::Move {
            what: Motion::Amend {
                from: digest,
                to: digest,
            },
            reason: "it was wrong".to_owned(),
            signed: None,
        })
    }

    fn wish(terminal: u64, number: u64, wanted: Wanted) -> Wish {
        Wish {
            terminal: TerminalId(terminal),
            number,
            wanted,
        }
    }

    fn begun(reads: &mut Reads) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| reads.next())
            .map(|wish| (wish.terminal.0, wish.number))
            .collect()
    }

    #[test]
    fn of_one_terminal_one_is_read_at_a_time_and_the_newest_wins() {
        let (mut reads, mut now) = (Reads::default(), Instant::now());
        let mut ask = |reads: &mut Reads, number| {
            now += GAP;
            let asked = reads.ask(wish(1, number, Wanted::Preview), now);
            asked.map(|older| older.map(|older| older.number))
        };
        assert_eq!(ask(&mut reads, 1), Ok(None));
        assert_eq!(begun(&mut reads), [(1, 1)]);
        assert_eq!(ask(&mut reads, 2), Ok(None));
        assert_eq!(
            ask(&mut reads, 3),
            Ok(Some(2)),
            "it waited, and is not read"
        );
        assert_eq!(begun(&mut reads), []);
        assert!(
            reads.ended(TerminalId(1), &Wanted::Preview, false),
            "there is a newer one"
        );
        assert_eq!(begun(&mut reads), [(1, 3)]);
        assert!(!reads.ended(TerminalId(1), &Wanted::Preview, false));
        assert_eq!(begun(&mut reads), []);
    }

    #[test]
    fn between_two_of_one_terminal_is_a_gap_that_others_do_not_have() {
        let (mut reads, now) = (Reads::default(), Instant::now());
        let late = now + GAP;
        let early = late.checked_sub(Duration::from_millis(1)).expect("a time");
        let mut ask = |terminal, at| {
            let asked = reads.ask(wish(terminal, 0, Wanted::Preview), at);
            asked.map(|_| ()).map_err(|refusal| refusal.reason)
        };
        assert_eq!(ask(1, now), Ok(()));
        let why = ask(1, early).expect_err("too soon");
        assert!(why.contains("a moment ago"), "{why}");
        assert_eq!(ask(2, early), Ok(()));
        assert_eq!(
            ask(1, late),
            Ok(()),
            "who was refused waits no longer for it"
        );
        reads.left(TerminalId(1));
        assert!(reads.asked.len() == 1, "who has gone is forgotten");
    }

    #[test]
    fn who_keeps_asking_comes_behind_the_others() {
        let (mut reads, now) = (Reads::default(), Instant::now());
        for terminal in 1..=6 {
            let wish = wish(terminal, 1, Wanted::Preview);
            assert!(reads.ask(wish, now).is_ok());
        }
        assert_eq!(begun(&mut reads), [(1, 1), (2, 1), (3, 1), (4, 1)]);
        let again = wish(1, 2, Wanted::Preview);
        assert!(reads.ask(again, now + GAP).is_ok());
        for ended in 1..=3 {
            reads.ended(TerminalId(ended), &Wanted::Preview, false);
        }
        assert_eq!(begun(&mut reads), [(5, 1), (6, 1), (1, 2)]);
        // Who goes is not read for.
        let gone = wish(2, 2, Wanted::Preview);
        assert!(reads.ask(gone, now + GAP).is_ok());
        reads.left(TerminalId(2));
        reads.ended(TerminalId(4), &Wanted::Preview, false);
        assert_eq!(begun(&mut reads), []);
    }

    #[test]
    fn who_moves_never_waits_for_those_who_look() {
        let (mut reads, now) = (Reads::default(), Instant::now());
        for terminal in 1..=9 {
            let wish = wish(terminal, 1, Wanted::Preview);
            assert!(reads.ask(wish, now).is_ok());
        }
        assert_eq!(begun(&mut reads).len(), GOING_MAX);
        for terminal in [1, 9, 20] {
            assert!(reads.ask(wish(terminal, 7, motion()), now).is_ok());
        }
        assert_eq!(begun(&mut reads), [(1, 7), (9, 7), (20, 7)]);
        let refused = reads
            .ask(wish(9, 8, motion()), now)
            .expect_err("one at a time");
        assert!(refused.reason.contains("already"), "{refused}");
        reads.ended(TerminalId(9), &motion(), false);
        assert!(reads.ask(wish(9, 9, motion()), now).is_ok());
        assert_eq!(begun(&mut reads), [(9, 9)]);
        // Nor do they open the way for those who look.
        reads.ended(TerminalId(20), &motion(), false);
        assert_eq!(begun(&mut reads), []);
    }

    #[test]
    fn a_look_that_does_not_return_keeps_its_place_and_nobody_waits_for_it() {
        let (mut reads, now) = (Reads::default(), Instant::now());
        let later = now + GAP;
        for terminal in 1..=6 {
            let wish = wish(terminal, 1, Wanted::Preview);
            assert!(reads.ask(wish, now).is_ok());
        }
        assert_eq!(begun(&mut reads).len(), GOING_MAX);
        assert!(reads.ask(wish(1, 2, Wanted::Preview), later).is_ok());
        reads.ended(TerminalId(1), &Wanted::Preview, true);
        let stranded = |reads: &mut Reads| -> Vec<u64> {
            let all = reads.stranded().into_iter();
            all.map(|wish| wish.terminal.0).collect()
        };
        assert_eq!(stranded(&mut reads), [1], "the others go on");
        assert_eq!(begun(&mut reads), []);
        for terminal in 2..=4 {
            reads.ended(TerminalId(terminal), &Wanted::Preview, true);
        }
        assert_eq!(stranded(&mut reads), [5, 6]);
        let refused = reads.ask(wish(7, 1, Wanted::Preview), now);
        let refused = refused.expect_err("four do not return").reason;
        assert!(refused.contains("have not come back"), "{refused}");
        assert!(reads.ask(wish(7, 1, motion()), now).is_ok());
        assert_eq!(begun(&mut reads), [(7, 1)], "who moves goes on");
        reads.ended(TerminalId(3), &Wanted::Preview, false);
        assert!(reads.ask(wish(7, 2, Wanted::Preview), later).is_ok());
        assert_eq!(begun(&mut reads), [(7, 2)]);
        assert!(reads.ask(wish(1, 3, Wanted::Preview), later + GAP).is_err());
    }
}
