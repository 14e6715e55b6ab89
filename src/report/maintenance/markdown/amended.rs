//! Amendments, each with both plans held against each other.

use super::super::{Amendment, Report};
use super::{escape, line, section, time};
use crate::display::one_line;
use std::iter;

/// Back quotes of the shortest fence there is.
const FENCE_MIN: usize = 3;

/// Nothing where there was none: most nights go by the plan they began with.
pub(super) fn amendments(text: &mut String, report: &Report) {
    if report.amendments.is_empty() {
        return;
    }
    section(text, "Amendments");
    for one in &report.amendments {
        let (by, second) = (escape(one.by.as_str()), escape(one.second.as_str()));
        let (at, reason) = (time(one.at), escape(&one.reason));
        line(
            text,
            &format!("### {at}: moved by {by}, seconded by {second}\n"),
        );
        line(text, &format!("- why: {reason}"));
        line(
            text,
            &format!("- plan `{}`, before it `{}`", one.plan, one.before),
        );
        line(text, &format!("- runbook `{}`", one.runbook));
        for change in &one.changes {
            line(text, &format!("- {}", escape(change)));
        }
        if one.more > 0 {
            line(text, &format!("- {} more", one.more));
        }
        fenced(text, one);
        text.push('\n');
    }
}

/// The diff as a block of code. Its fence is longer than any run of back quotes in it, so that no line of a runbook ends it.
fn fenced(text: &mut String, one: &Amendment) {
    if one.diff.is_empty() {
        line(
            text,
            "- the plans are the same, and only its text is another",
        );
        return;
    }
    let lines = one.diff.iter();
    let shown = lines.map(|line| format!("{}{}", line.mark.as_str(), one_line(&line.text)));
    let shown: Vec<String> = shown.collect();
    let longest = shown.iter().map(|line| longest_run(line)).max();
    let length = longest.unwrap_or_default().saturating_add(1).max(FENCE_MIN);
    let fence: String = iter::repeat_n('`', length).collect();
    line(text, &format!("\n{fence}diff"));
    for row in &shown {
        line(text, row);
    }
    line(text, &fence);
    if one.diff_more > 0 {
        line(
            text,
            &format!(
                "\n{} further lines are another; `warroom journal export` has both plans whole.",
                one.diff_more
            ),
        );
    }
}

/// Length of the longest run of back quotes.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
