//! Two plans held against each other, line by line. Whoever seconds an amendment reads this, and it is made from the two
//! plans in the journal alone.

use super::text::{Section, sections};
use crate::domain::runbook::plan::Plan;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};
use std::collections::BTreeMap;

/// Lines of a diff; who has more to read has another plan before them, and is told so.
pub const DIFF_LINES_MAX: usize = 20_000;
/// Lines around a change.
const CONTEXT: usize = 3;
/// Lines before times lines after, above which a section is shown as gone and new: to look for what is alike in texts of
/// this length takes longer than anybody waits, and nobody would read it.
const PAIRS_MAX: usize = 4_000_000;

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// What the lines below are about.
    Section,
    /// Lines are left out here, because they are the same in both.
    Gap,
    /// In both.
    Same,
    /// In the old plan alone.
    Gone,
    /// In the new plan alone.
    New,
}

impl Mark {
    /// As diffs are written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Section => "@@ ",
            Self::Gap => "...",
            Self::Same => "  ",
            Self::Gone => "- ",
            Self::New => "+ ",
        }
    }
}

/// A line of a diff. Its text comes from runbooks and is not safe to draw as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is.
    pub mark: Mark,
    /// The text.
    pub text: String,
}

impl Line {
    fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
        }
    }
}

/// What becomes another between two plans: nothing for two that say the same. At most [`DIFF_LINES_MAX`] lines and one that
/// says how many are left out.
pub fn diff(old: &Plan, new: &Plan) -> Vec<Line> {
    let (old, new) = (sections(old), sections(new));
    let before: BTreeMap<&str, &Section> = old.iter().map(|s| (s.name.as_str(), s)).collect();
    let after: BTreeMap<&str, &Section> = new.iter().map(|s| (s.name.as_str(), s)).collect();
    let mut lines = Vec::new();
    for section in &new {
        let was = before.get(section.name.as_str());
        let was = was.map_or(&[][..], |was| &was.lines);
        let word = if was.is_empty() { ": new" } else { "" };
        compare((&section.name, word), was, &section.lines, &mut lines);
    }
    for section in &old {
        if !after.contains_key(section.name.as_str()) {
            compare((&section.name, ": gone"), &section.lines, &[], &mut lines);
        }
    }
    let more = lines.len().saturating_sub(DIFF_LINES_MAX);
    if more > 0 {
        lines.truncate(DIFF_LINES_MAX);
        let text = format!(
            "{more} further lines are another; `warroom journal export` has both plans whole"
        );
        lines.push(Line::new(Mark::Section, text));
    }
    lines
}

fn compare((name, word): (&str, &str), old: &[String], new: &[String], lines: &mut Vec<Line>) {
    if old == new {
        return;
    }
    lines.push(Line::new(Mark::Section, format!("{name}{word}")));
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        all(Mark::Gone, old, lines);
        all(Mark::New, new, lines);
        return;
    }
    let hunks = group_diff_ops(capture_diff_slices(Algorithm::Myers, old, new), CONTEXT);
    for (place, hunk) in hunks.iter().enumerate() {
        if place > 0 {
            lines.push(Line::new(Mark::Gap, ""));
        }
        for op in hunk {
            tell(op, old, new, lines);
        }
    }
}

fn tell(op: &DiffOp, old: &[String], new: &[String], lines: &mut Vec<Line>) {
    let (tag, before, after) = op.as_tag_tuple();
    let before = old.get(before).unwrap_or_default();
    let after = new.get(after).unwrap_or_default();
    match tag {
        DiffTag::Equal => all(Mark::Same, after, lines),
        DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
            all(Mark::Gone, before, lines);
            all(Mark::New, after, lines);
        }
    }
}

fn all(mark: Mark, texts: &[String], lines: &mut Vec<Line>) {
    lines.extend(texts.iter().map(|text| Line::new(mark, text.clone())));
}
