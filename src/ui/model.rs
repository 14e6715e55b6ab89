//! What this terminal remembers: focus, selection and scroll. Never any truth about the maintenance.

use crate::domain::id::{AttemptNo, Nonce, Seq, StepId};
use crate::ui::action::{Motion, Pane, View};
use crate::ui::proof::Offer;
use crate::ui::ritual::Claim;
use std::collections::BTreeMap;

/// How far a pane is scrolled. A pane that grows at its end counts from there, so that it stays when records come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    /// Rows above the first visible one, for panes that are read from the top.
    pub(crate) top: usize,
    /// Rows below the last visible one, for panes that grow; 0 follows the end.
    pub(crate) back: usize,
    /// Rows at the last draw.
    pub(crate) len: usize,
    /// Visible rows at the last draw.
    pub(crate) height: usize,
    /// Rows ever seen at the end, to stay in place while the end grows.
    pub(crate) end_mark: u64,
}

impl Scroll {
    /// First visible row of a pane that is read from the top.
    pub(crate) fn window(&mut self, len: usize, height: usize) -> usize {
        self.len = len;
        self.height = height;
        self.top = self.top.min(len.saturating_sub(height));
        self.top
    }

    /// First visible row of a pane that grows. `end_mark` rises by one with each row added at the end.
    pub(crate) fn tail_window(&mut self, len: usize, height: usize, end_mark: u64) -> usize {
        let grown = end_mark.saturating_sub(self.end_mark);
        self.end_mark = end_mark;
        if self.back > 0 {
            self.back = self
                .back
                .saturating_add(usize::try_from(grown).unwrap_or(usize::MAX));
        }
        self.len = len;
        self.height = height;
        self.back = self.back.min(len.saturating_sub(height));
        len.saturating_sub(height).saturating_sub(self.back)
    }

    /// Scrolls so that rows `from..to` are visible, the first one before all.
    pub(crate) fn reveal(&mut self, from: usize, to: usize, len: usize, height: usize) {
        if to > self.top.saturating_add(height) {
            self.top = to.saturating_sub(height);
        }
        self.top = self.top.min(from);
        self.window(len, height);
    }

    fn step(&self, motion: Motion) -> (bool, usize) {
        let page = self.height.saturating_sub(1).max(1);
        match motion {
            Motion::Up => (false, 1),
            Motion::Down => (true, 1),
            Motion::HalfUp => (false, (page / 2).max(1)),
            Motion::HalfDown => (true, (page / 2).max(1)),
            Motion::PageUp => (false, page),
            Motion::PageDown => (true, page),
            Motion::First => (false, usize::MAX),
            Motion::Last => (true, usize::MAX),
        }
    }

    /// Moves a pane that is read from the top.
    pub(crate) fn go(&mut self, motion: Motion) {
        let (down, rows) = self.step(motion);
        let most = self.len.saturating_sub(self.height);
        self.top = moved(self.top, down, rows).min(most);
    }

    /// Moves a pane that grows.
    pub(crate) fn go_tail(&mut self, motion: Motion) {
        let (down, rows) = self.step(motion);
        let most = self.len.saturating_sub(self.height);
        self.back = moved(self.back, !down, rows).min(most);
    }
}

/// `at` moved by `rows`, without running over.
pub(crate) fn moved(at: usize, down: bool, rows: usize) -> usize {
    if down {
        at.saturating_add(rows)
    } else {
        at.saturating_sub(rows)
    }
}

/// What this terminal remembers.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four switches of the person, each on its own; no state machine hides in them"
)]
pub(crate) struct Model {
    /// The view on screen.
    pub(crate) view: View,
    /// The view to come back to from the confirm screen.
    pub(crate) back_to: View,
    /// The focused pane of each view; the first one when absent.
    focus: BTreeMap<Pane, Pane>,
    /// The focused pane has the whole screen.
    pub(crate) zoom: bool,
    /// Place of the selected step in the plan.
    pub(crate) step: usize,
    /// The selection follows what matters now.
    pub(crate) follow: bool,
    /// Selected step changed: panes that show it scroll to it at the next draw.
    pub(crate) reveal: bool,
    /// Local time is shown beside UTC.
    pub(crate) local_time: bool,
    /// Text searched for; or empty.
    pub(crate) search: String,
    /// Filter of the timeline; or empty.
    pub(crate) filter: String,
    /// First record that older ones were asked for, so that they are asked for once.
    pub(crate) asked_before: Option<Seq>,
    /// Who somebody here says they are, at a terminal of an account that is nobody's.
    pub(crate) claim: Option<Claim>,
    /// The proposal that somebody here asked to review by a key of their own.
    pub(crate) called: Option<Nonce>,
    /// What this terminal gave go for, until it runs or comes to nothing.
    pub(crate) went: Option<(StepId, AttemptNo)>,
    /// The key the person chose to sign with, of several; not asked again at this terminal.
    pub(crate) signing_key: Option<Offer>,
    scrolls: BTreeMap<Pane, Scroll>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            view: View::WarRoom,
            back_to: View::WarRoom,
            focus: BTreeMap::new(),
            zoom: false,
            step: 0,
            follow: true,
            reveal: true,
            local_time: false,
            search: String::new(),
            filter: String::new(),
            asked_before: None,
            claim: None,
            called: None,
            went: None,
            signing_key: None,
            scrolls: BTreeMap::new(),
        }
    }
}

impl Model {
    /// As it is at the start, with or without local time.
    pub(crate) fn with_local_time(local_time: bool) -> Self {
        Self {
            local_time,
            ..Self::default()
        }
    }

    fn home(view: View) -> Pane {
        Pane::of(view).first().copied().unwrap_or_default()
    }

    /// The focused pane of the view on screen.
    pub(crate) fn focus(&self) -> Pane {
        let home = Self::home(self.view);
        self.focus.get(&home).copied().unwrap_or(home)
    }

    /// Focuses a pane of the view on screen; panes of others are left alone.
    pub(crate) fn set_focus(&mut self, pane: Pane) {
        if Pane::of(self.view).contains(&pane) {
            self.focus.insert(Self::home(self.view), pane);
        }
    }

    /// Focuses the pane `by` places further in the cycle.
    pub(crate) fn cycle_focus(&mut self, forward: bool) {
        let panes = Pane::of(self.view);
        let at = panes.iter().position(|p| *p == self.focus()).unwrap_or(0);
        let by = if forward {
            1
        } else {
            panes.len().saturating_sub(1)
        };
        let next = at.saturating_add(by).checked_rem(panes.len()).unwrap_or(0);
        if let Some(pane) = panes.get(next) {
            self.set_focus(*pane);
        }
    }

    /// Shows a view.
    pub(crate) fn show(&mut self, view: View) {
        if view == View::Confirm && self.view != View::Confirm {
            self.back_to = self.view;
        }
        if view != self.view {
            self.zoom = false;
            self.reveal = true;
        }
        self.view = view;
    }

    /// Selects a step by its place.
    pub(crate) fn select(&mut self, step: usize) {
        self.reveal |= step != self.step;
        self.step = step;
    }

    /// How far a pane is scrolled.
    pub(crate) fn scroll(&mut self, pane: Pane) -> &mut Scroll {
        self.scrolls.entry(pane).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_pane_follows_its_end_or_stays() {
        let mut scroll = Scroll::default();
        assert_eq!(scroll.tail_window(100, 10, 100), 90);
        assert_eq!(scroll.tail_window(103, 10, 103), 93);
        scroll.go_tail(Motion::Up);
        assert_eq!(scroll.tail_window(103, 10, 103), 92);
        assert_eq!(
            scroll.tail_window(105, 10, 105),
            92,
            "rows added below do not move what is read"
        );
        assert_eq!(
            scroll.tail_window(155, 10, 105),
            142,
            "rows added above keep what is read"
        );
    }

    #[test]
    fn scrolling_stays_within_the_rows() {
        let mut scroll = Scroll::default();
        scroll.window(5, 10);
        scroll.go(Motion::Last);
        assert_eq!(scroll.top, 0);
        scroll.window(50, 10);
        scroll.go(Motion::Last);
        assert_eq!(scroll.top, 40);
        scroll.reveal(3, 4, 50, 10);
        assert_eq!(scroll.top, 3);
    }

    #[test]
    fn focus_goes_round_the_panes_of_a_view() {
        let mut model = Model::default();
        let panes = Pane::of(View::WarRoom);
        for pane in panes.iter().skip(1).chain([&panes[0]]) {
            model.cycle_focus(true);
            assert_eq!(model.focus(), *pane);
        }
        model.cycle_focus(false);
        assert_eq!(model.focus(), panes[panes.len() - 1]);
    }
}
