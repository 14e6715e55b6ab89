//! A radius in lines: for the briefing, the map, the command line.

use super::group::Standing;
use super::live::Wellness;
use super::post::Place;
use super::{Group, Member, Overlap, Posted, Radius};
use std::fmt::Write as _;

/// How a line is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It stops the heart.
    Danger,
    /// Worth a look.
    Warn,
    /// Nobody knows.
    Unknown,
    /// As it should be.
    Plain,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Dependants in short.
    Reach,
    /// Redundancy.
    Left,
    /// What people need.
    Inside,
    /// Other sessions.
    Others,
    /// What is not known.
    Unknown,
}

impl Word {
    /// The word in front of the line, at most seven characters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "radius",
            Self::Left => "left",
            Self::Inside => "inside",
            Self::Others => "others",
            Self::Unknown => "unknown",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub word: Word,
    /// What it says.
    pub text: String,
    /// How it is to be read.
    pub tone: Tone,
}

impl Line {
    /// True for what has to be seen before anything begins.
    pub const fn is_urgent(&self) -> bool {
        matches!(self.tone, Tone::Danger | Tone::Warn)
    }
}

/// Names of one line; the rest is counted.
const NAMES_SHOWN: usize = 12;

/// `db-1, db-2, and 312 more`.
fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

fn line(word: Word, tone: Tone, text: impl Into<String>) -> Line {
    Line {
        word,
        text: text.into(),
        tone,
    }
}

impl Radius {
    /// The few lines of a briefing: how far it reaches, what is one failure from dark, what of people's own is inside, who
    /// else is at it.
    pub fn summary(&self) -> Vec<Line> {
        let mut lines = vec![self.reach_line()];
        lines.extend(
            self.groups
                .iter()
                .filter(|g| g.standing != Standing::Enough)
                .map(Group::line),
        );
        lines.extend(self.inside().map(Posted::line));
        let unknown = self
            .posts
            .iter()
            .filter(|p| matches!(p.place, Place::NotKnown { .. }));
        let unknown: Vec<&str> = unknown.map(|post| post.what.as_str()).collect();
        if !unknown.is_empty() {
            let text = format!("whether inside is not known of: {}", unknown.join(", "));
            lines.push(line(Word::Inside, Tone::Unknown, text));
        }
        lines.extend(self.overlaps.iter().map(Overlap::line));
        lines.extend(self.doubt_lines());
        lines
    }

    /// `and 312 more that need it, farther away`: how many members have no row of their own; nothing where all have one.
    pub fn more(&self) -> Option<String> {
        let left_out = self.left_out;
        (left_out > 0).then(|| format!("and {left_out} more, as far away or farther"))
    }

    /// Why all of this may be less than there is.
    pub fn doubt_lines(&self) -> impl Iterator<Item = Line> {
        let no_role = self.alone.iter().map(|name| {
            format!("{name} has no role in the CMDB: what could stand in for it is not known")
        });
        let doubts = self.doubts.iter().cloned().chain(no_role);
        doubts.map(|why| line(Word::Unknown, Tone::Unknown, why))
    }

    fn reach_line(&self) -> Line {
        let touched = self.members.iter().filter(|m| m.distance == 0).count();
        let dependants = self.dependants().count();
        let bad = |m: &&Member| matches!(m.live.wellness, Wellness::Impaired | Wellness::Out);
        let bad = self.members.iter().filter(bad).count();
        let mut text = format!(
            "{touched} touched, {} need them to depth {}",
            dependants.saturating_add(self.left_out),
            self.depth
        );
        if self.beyond > 0 {
            write!(text, ", at least {} beyond", self.beyond).ok();
        }
        if bad > 0 {
            write!(text, "; {bad} not well now").ok();
        }
        let tone = if bad > 0 { Tone::Warn } else { Tone::Plain };
        line(Word::Reach, tone, text)
    }
}

impl Group {
    /// `orders-db (prod): 1 of 3 left: ONE FAILURE FROM DARK (orders-db-2 touched)`.
    pub fn line(&self) -> Line {
        let (name, left, total) = (self.name(), self.left, self.total);
        let when = match (self.touched.is_empty(), self.is_one_at_a_time) {
            (true, _) => "now, none of it touched",
            (false, true) => "with one of them out at a time",
            (false, false) => "while the touched ones are out",
        };
        let (word, tone) = match self.standing {
            Standing::Dark => (": DARK", Tone::Danger),
            Standing::OneLeft => (": ONE FAILURE FROM DARK", Tone::Danger),
            Standing::NotKnown => (": how many serve is not known", Tone::Unknown),
            Standing::Enough => ("", Tone::Plain),
        };
        line(
            Word::Left,
            tone,
            format!("{name}: {left} of {total} left {when}{word}"),
        )
    }
}

impl Posted {
    /// `this terminal's bastion (bastion-1): INSIDE: it needs sw-1, which is touched`.
    pub fn line(&self) -> Line {
        let host = if self.host.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.host)
        };
        let (said, tone) = match &self.place {
            Place::Touched { component } => (
                format!("INSIDE: it is {component}, which is touched"),
                Tone::Danger,
            ),
            Place::Inside {
                component,
                because,
                distance: 1,
            } => (
                format!("INSIDE: {component} needs {because}, which is touched"),
                Tone::Danger,
            ),
            Place::Inside {
                component,
                because,
                distance,
            } => (
                format!(
                    "INSIDE: {component} needs {because}, which is touched, in {distance} steps"
                ),
                Tone::Danger,
            ),
            Place::Outside { component } => (
                format!("outside: {component} needs nothing touched"),
                Tone::Plain,
            ),
            Place::NotKnown { why } => (format!("not known: {why}"), Tone::Unknown),
        };
        line(Word::Inside, tone, format!("{}{host}: {said}", self.what))
    }
}

impl Overlap {
    /// `session other touches db-1 too: runs 2.1 drain (ann)`.
    pub fn line(&self) -> Line {
        let mut parts = Vec::new();
        if !self.same.is_empty() {
            parts.push(format!("touches {} TOO", some(&self.same)));
        }
        if !self.they_need.is_empty() {
            parts.push(format!(
                "touches {}, which need what is touched here",
                some(&self.they_need)
            ));
        }
        if !self.we_need.is_empty() {
            parts.push(format!("touches what {} here need", some(&self.we_need)));
        }
        if let Some(why) = &self.unknown {
            parts.push(format!("may touch anything: {why}"));
        }
        let doing = if self.doing.is_empty() {
            String::new()
        } else {
            format!("; it {}", self.doing)
        };
        let tone = if self.same.is_empty() {
            Tone::Warn
        } else {
            Tone::Danger
        };
        let text = format!("session {} {}{doing}", self.session, parts.join("; "));
        line(Word::Others, tone, text)
    }
}

impl Member {
    /// What there is to say of its state in a few words: `IMPAIRED LagHigh firing`.
    pub fn state_words(&self) -> String {
        let live = &self.live;
        let mut words = vec![live.wellness.as_str().to_owned()];
        if !self.is_known {
            words.push("not in the CMDB".to_owned());
        }
        if live.wellness == Wellness::Out
            || (live.wellness == Wellness::Unknown && !live.is_in_service())
        {
            words.push(format!("CMDB says {}", live.status));
        }
        let (up, all) = live.targets;
        if all > 0 && up < all {
            words.push(format!("{up} of {all} targets up"));
        }
        words.extend(live.firing.iter().map(|name| format!("{name} firing")));
        words.extend(live.rules.iter().cloned());
        words.join(", ")
    }
}
