//! A report as Markdown, for a change ticket or a wiki.
//!
//! Every text that came from outside is cleaned and escaped: it can begin no heading, link, table, quote or HTML of its
//! own, and a control sequence in it reaches no terminal.

mod amended;

use super::{
    Alone, Check, Confirm, End, GlassStep, Happening, Note, Offer, Present, Quiet, Refusal, Report,
    Step, Written,
};
use crate::display::one_line;
use crate::domain::git::GitState;
use crate::domain::time::{Timestamp, short_span};
use std::fmt::Write as _;
use std::time::Duration;

/// What a section says that has nothing: its absence is a fact too.
const NONE: &str = "None.\n";

/// The whole report.
pub fn render(report: &Report) -> String {
    let mut text = format!("# Maintenance report: {}\n\n", escape(&report.title));
    for notice in &report.notices {
        line(&mut text, &format!("> **{}**\n>", escape(notice)));
    }
    if !report.notices.is_empty() {
        // The last quote needs no further line.
        text.truncate(text.trim_end_matches("\n>\n").len());
        text.push_str("\n\n");
    }
    table(&mut text, ["", ""], facts(report).into_iter());
    let (people, steps) = (&report.people, &report.steps);
    section(&mut text, "One person alone");
    if report.alone.is_empty() {
        text.push_str(NONE);
    }
    report
        .alone
        .iter()
        .for_each(|alone| gone_alone(&mut text, alone));
    amended::amendments(&mut text, report);
    section(&mut text, "People");
    rows(
        &mut text,
        ["who", "known by", "from", "until", "records"],
        people.iter().map(person),
    );
    section(&mut text, "Steps");
    rows(
        &mut text,
        [
            "step",
            "what became of it",
            "risk",
            "attempts",
            "worked",
            "waited",
            "by",
            "note",
        ],
        steps.iter().map(step),
    );
    section(&mut text, "Two people");
    if report.offers.is_empty() {
        text.push_str("Nothing was put before a second person.\n");
    }
    for offer in &report.offers {
        offered(&mut text, offer);
    }
    section(&mut text, "Refused");
    list(&mut text, report.refusals.iter().map(refusal));
    section(&mut text, "Holds, stops and the way back");
    list(&mut text, report.happenings.iter().map(happening));
    if !report.silences.is_empty() {
        section(&mut text, "Silences");
        rows(
            &mut text,
            ["for", "by", "muted", "alerts then", "from", "until", "end"],
            report.silences.iter().map(quiet),
        );
    }
    section(&mut text, "Written to other systems");
    list(&mut text, report.writes.iter().map(written));
    section(&mut text, "Notes");
    list(&mut text, report.notes.iter().map(note));
    text
}

/// Makes a text plain in Markdown and on terminals, on one line.
pub fn escape(text: &str) -> String {
    let clean = one_line(text);
    let mut escaped = String::with_capacity(clean.len());
    for c in clean.chars() {
        // Any of them can begin or end something; a backslash before one that cannot changes nothing.
        if "\\`*_[]<>|~&#!$^{}".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// As code, where a reader compares character by character. What holds a back quote is escaped instead.
fn code(text: &str) -> String {
    let clean = one_line(text);
    if clean.is_empty() || clean.contains(['`', '|']) {
        return escape(text);
    }
    format!("`{clean}`")
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").ok();
}

fn section(text: &mut String, title: &str) {
    line(text, &format!("\n## {title}\n"));
}

fn table<const N: usize>(
    text: &mut String,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    line(text, &format!("| {} |", heads.join(" | ")));
    line(text, &format!("|{}", "---|".repeat(N)));
    for row in rows {
        line(text, &format!("| {} |", row.join(" | ")));
    }
}

/// A table, or a word where it would be empty.
fn rows<const N: usize>(
    text: &mut String,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        text.push_str(NONE);
    } else {
        table(text, heads, rows);
    }
}

fn list(text: &mut String, entries: impl Iterator<Item = String>) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        text.push_str(NONE);
    }
    entries.for_each(|entry| line(text, &format!("- {entry}")));
}

fn facts(report: &Report) -> Vec<[String; 2]> {
    let row = |name: &str, value: String| [name.to_owned(), value];
    let mut rows = vec![
        row(
            "session",
            format!("{} ({})", code(report.name.as_str()), report.session),
        ),
        row("mode", format!("**{}**", report.mode)),
        row(
            "change",
            report
                .change
                .as_deref()
                .map_or_else(|| "none named".to_owned(), escape),
        ),
        row(
            "host",
            format!("{}, account {}", code(&report.host), report.server_uid),
        ),
        row("program", escape(&report.program)),
    ];
    rows.push(row("session's key", session_key(report)));
    let window = report.window.as_ref().map_or_else(
        || "none named".to_owned(),
        |window| {
            let (start, end) = (time(window.start), time(window.end));
            let buffer = short_span(window.buffer);
            format!("{start} to {end}, the last {buffer} of it for going back")
        },
    );
    rows.push(row("times", "UTC".to_owned()));
    rows.push(row("window", window));
    rows.push(row("opened", time(report.opened)));
    rows.push(row(
        "begun",
        report.begun.map_or_else(|| "not begun".to_owned(), time),
    ));
    rows.push(row("ended", ended(report)));
    let runbook = &report.runbook;
    rows.push(row("runbook", code(&runbook.path)));
    rows.push(row("its digest", format!("`{}`", runbook.digest)));
    rows.push(row("its commit", code(&runbook.commit)));
    for (word, said, _) in runbook.git.iter().flat_map(GitState::lines) {
        let word = if word == "git" { "in git" } else { word };
        rows.push(row(word, code(&said)));
    }
    rows.push(row("plan", format!("`{}`", report.plan)));
    let (seq, hash) = report.head;
    rows.push(row("journal up to", format!("record {seq}, `{hash}`")));
    rows
}

fn session_key(report: &Report) -> String {
    let Some(key) = &report.session_key else {
        return "none: nothing signed this journal".to_owned();
    };
    let said = match report.certificate.as_ref().map(|c| c.issued) {
        None => "not certified, first sight is believed".to_owned(),
        Some(None) => "**its certificate is about something else**".to_owned(),
        Some(Some(issued)) => format!(
            "certified at {}; `warroom verify` judges by which host key",
            time(issued)
        ),
    };
    format!("{}, {said}", code(key))
}

fn gone_alone(text: &mut String, alone: &Alone) {
    let (label, who) = (escape(&alone.label), escape(&alone.who));
    line(
        text,
        &format!("### {label}, attempt {}: {who}\n", alone.attempt),
    );
    let verdict = match (&alone.run, &alone.reviewer) {
        (None, _) => "it was not run alone".to_owned(),
        (Some(_), Some(reviewer)) => format!("run alone, and reviewed by {}", escape(reviewer)),
        (Some(_), None) => {
            format!("**REVIEW OWED**: run alone; another person than {who} has to look and to sign")
        }
    };
    line(text, &format!("- {verdict}"));
    alone
        .way
        .iter()
        .for_each(|word| line(text, &on_the_way(word)));
    text.push('\n');
}

fn on_the_way(word: &GlassStep) -> String {
    let via = match word.via.as_str() {
        "engine" => String::new(),
        via => format!(" ({})", code(via)),
    };
    let (at, who) = (time(word.at), escape(&word.who));
    format!("- {at}: {who}{via}: {}", escape(&word.what))
}

fn ended(report: &Report) -> String {
    use crate::domain::state::Phase;
    let word = match report.phase {
        Phase::Briefing => "not begun",
        Phase::Running => "going forward",
        Phase::RollingBack => "going back",
        Phase::Completed => "completed",
        Phase::RolledBack => "rolled back",
        Phase::Aborted => "aborted",
    };
    let reason = match report.end_reason.as_str() {
        "" => String::new(),
        reason => format!(": {}", escape(reason)),
    };
    match report.ended {
        Some(at) => format!("{}, **{word}**{reason}", time(at)),
        None => format!("**{word}**{reason}"),
    }
}

fn person(present: &Present) -> [String; 5] {
    let known: Vec<String> = present.known_by.iter().map(|via| code(via)).collect();
    [
        escape(&present.who),
        known.join(", "),
        time(present.from),
        time(present.until),
        present.records.to_string(),
    ]
}

fn step(step: &Step) -> [String; 8] {
    let worked = step.took_ms.zip(step.waited_ms);
    let worked = worked.map(|(took, waited)| took.saturating_sub(waited));
    [
        format!("{} {}", escape(&step.number), escape(&step.title)),
        escape(&step.outcome),
        step.risk.as_str().to_owned(),
        step.attempts.to_string(),
        worked.map_or_else(String::new, span),
        step.waited_ms.map_or_else(String::new, span),
        escape(&step.by),
        escape(&step.note),
    ]
}

/// `2026-11-22 04:10:31`: a night has two days. In UTC, as the table on top says.
fn time(at: Timestamp) -> String {
    at.to_seconds_text().replace('T', " ").replace('Z', "")
}

fn span(ms: u64) -> String {
    short_span(Duration::from_millis(ms))
}

fn offered(text: &mut String, offer: &Offer) {
    let label = escape(&offer.label);
    line(text, &format!("### {label}, attempt {}\n", offer.attempt));
    let signed = if offer.is_signed { ", signed" } else { "" };
    let people = match offer.quorum {
        1 => "1 other person".to_owned(),
        n => format!("{n} other people"),
    };
    line(
        text,
        &format!(
            "- {}: proposed by {} ({}{signed}), to be started by {}; {people} had to confirm `{}`",
            time(offer.at),
            escape(offer.proposer.as_str()),
            code(&offer.via),
            escape(offer.executor.as_str()),
            offer.plan,
        ),
    );
    offer
        .checks
        .iter()
        .for_each(|check| line(text, &checked(check)));
    offer
        .confirms
        .iter()
        .for_each(|confirm| line(text, &confirmed(confirm)));
    if offer.confirms.is_empty() {
        line(text, "- nobody confirmed");
    }
    if let Some((who, at)) = &offer.go {
        let signed = if offer.is_go_signed { ", signed" } else { "" };
        let alone = if offer.is_alone {
            ", **alone** (break-glass)"
        } else {
            ""
        };
        let (at, who) = (time(*at), escape(who));
        line(text, &format!("- {at}: go by {who}{signed}{alone}"));
    }
    let at = offer
        .ended
        .map_or_else(String::new, |at| format!("{}: ", time(at)));
    line(text, &format!("- {at}{}\n", end(&offer.end)));
}

fn checked(check: &Check) -> String {
    let others = match check.remaining {
        None => String::new(),
        Some(n) => format!(" and {n} others of its group to stay"),
    };
    let fits = if check.matches {
        "as proposed"
    } else {
        "**MISMATCH**"
    };
    let who = check.claimed.as_ref().map_or_else(
        || escape(&check.who),
        |id| {
            let (id, account) = (escape(id.as_str()), code(&check.who));
            format!("somebody in {account}, as {id} (not proved yet),")
        },
    );
    format!(
        "- {}: {who} expected {} to be touched{others}, after {} of looking: {fits}",
        time(check.at),
        code(&check.component),
        span(check.dwell_ms),
    )
}

fn confirmed(confirm: &Confirm) -> String {
    let evidence = code(&confirm.evidence);
    let evidence = if confirm.is_signed {
        format!("signed, {evidence}")
    } else if confirm.is_account {
        format!("**by an account alone, which proves no second person**, {evidence}")
    } else {
        evidence
    };
    format!(
        "- {}: **confirmed** by {} ({evidence}), {} after the proposal, {} after the target was shown",
        time(confirm.at),
        escape(confirm.who.as_str()),
        span(confirm.after_ms),
        span(confirm.dwell_ms),
    )
}

fn end(end: &End) -> String {
    match end {
        End::Open => "still open".to_owned(),
        End::Running => "started; its end is not in the journal".to_owned(),
        End::Ran { outcome } => format!("it ran: {}", escape(outcome)),
        End::Unknown { found: None } => "**UNKNOWN**: nobody has said how it ended".to_owned(),
        End::Unknown { found: Some(found) } => {
            format!("**UNKNOWN**, and then found by people: {}", escape(found))
        }
        End::Closed {
            cause,
            why,
            by,
            is_signed,
            explained,
        } => {
            let scope = if *cause == "scope" {
                "by the lock scope: "
            } else {
                ""
            };
            let signed = if *is_signed { ", signed" } else { "" };
            let later = explained.map_or_else(String::new, |at| {
                format!(" (the reason came at {})", time(at))
            });
            let (by, why) = (escape(by), escape(why));
            format!("**closed** by {by}{signed}: {scope}{why}{later}")
        }
    }
}

fn refusal(refusal: &Refusal) -> String {
    format!(
        "{}: {} ({}) asked to {} {} and was refused: {}",
        time(refusal.at),
        escape(&refusal.who),
        code(&refusal.via),
        escape(&refusal.asked),
        code(refusal.step.as_str()),
        escape(&refusal.reason),
    )
}

fn happening(happening: &Happening) -> String {
    let at = time(happening.at);
    format!(
        "{at}: {}: {}",
        escape(&happening.who),
        escape(&happening.what)
    )
}

fn quiet(quiet: &Quiet) -> [String; 7] {
    [
        escape(&quiet.label),
        code(quiet.connector.as_str()),
        escape(&quiet.what),
        quiet.muted.to_string(),
        time(quiet.from),
        quiet.until.map_or_else(|| "not known".to_owned(), time),
        escape(&quiet.end),
    ]
}

fn written(written: &Written) -> String {
    format!(
        "{}: {} asked to {}: {}",
        time(written.at),
        escape(&written.who),
        escape(&written.what),
        escape(&written.outcome),
    )
}

fn note(note: &Note) -> String {
    let about = note
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" on {}", code(step.as_str())));
    let at = time(note.at);
    format!("{at}: {}{about}: {}", escape(&note.who), escape(&note.text))
}
