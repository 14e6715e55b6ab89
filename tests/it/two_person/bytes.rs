//! Every byte that reaches a terminal while hostile text flows through a session: only what the screen itself emits.

use super::agent::Agent;
use super::program::{Program, step};
use super::seat::Seat;
use super::stage::{Layout, STEP, Stage, cannot};
use crate::harness::{run, said, wait_until};
use crate::services::{ALICE, BOB};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use warroom::domain::command::Command;

/// What an attacker writes: a title, a clipboard, a cleared screen, a device report, C1 controls, an application command,
/// a mode that never ends, text that runs backwards, text that nobody sees, and a tower of marks.
const HOSTILE: &str = "\u{1b}]0;PWNED\u{7}\u{1b}]52;c;UFdORUQ=\u{7}\u{1b}[2J\u{1b}[6n\u{1b}[?1049l\u{1b}[>4;2m\u{1b}c\u{9b}31m\
                       \u{9d}0;PWNED\u{9c}\u{90}q\u{9c}\u{1b}P+q544e\u{1b}\\\u{1b}_Gx\u{1b}\\\u{1b}(0\u{e}\u{8}\u{8}\u{5}\
                       \u{202e}sdrawkcab\u{2066}\u{200b}\u{2060}\u{feff}\u{e0041}\u{2028}e\u{301}\u{301}\u{301}\u{301}HOSTILE";

/// Private modes that the screen sets and takes back: `src/ui/terminal.rs`.
const MODES: [&str; 10] = [
    "2026", "1049", "2004", "25", "1000", "1002", "1003", "1004", "1006", "1015",
];

/// What in these bytes is not on the list: text, moves to a cell, colours, a cleared screen, the modes of the screen.
fn strangers(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return vec![format!("no UTF-8: {error}")],
    };
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let (plain, sequence) = rest.split_at(at);
        found.extend(
            plain
                .chars()
                .filter(|c| is_strange(*c))
                .map(|c| format!("{c:?}")),
        );
        let parameters = sequence.strip_prefix("\u{1b}[").unwrap_or_default();
        let end = parameters
            .find(|c: char| !(c.is_ascii_digit() || ";:?".contains(c)))
            .unwrap_or(0);
        let (numbers, last) = parameters.split_at(end);
        let last = last.chars().next().unwrap_or('\0');
        let is_known = match (last, numbers.strip_prefix('?')) {
            ('h' | 'l', Some(mode)) => MODES.contains(&mode),
            ('m' | 'H', None) => true,
            ('J', None) => numbers == "2",
            _ => false,
        };
        if !is_known {
            let shown: String = sequence.chars().take(16).collect();
            found.push(format!("{shown:?}"));
        }
        // Behind a stranger nothing is taken for a part of it.
        let length = if is_known { 2 + end + 1 } else { 1 };
        rest = sequence.get(length..).unwrap_or_default();
    }
    found.extend(
        rest.chars()
            .filter(|c| is_strange(*c))
            .map(|c| format!("{c:?}")),
    );
    found
}

/// Control characters, what turns text round, and what nobody sees.
fn is_strange(c: char) -> bool {
    let is_hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    is_hidden || (c.is_control() && c != '\n' && c != '\r')
}

#[test]
fn the_list_knows_what_is_not_on_it() {
    assert!(strangers("\u{1b}[?2026h\u{1b}[2J\u{1b}[1;1Hplain \u{1b}[38;2;1;2;3mcaf\u{e9}\u{1b}[m\u{1b}[?2026l\r\n".as_bytes()).is_empty());
    for strange in [
        "\u{1b}]0;x\u{7}",
        "\u{1b}[6n",
        "\u{1b}[?1047h",
        "\u{1b}[3J",
        "\u{1b}c",
        "\u{9b}m",
        "\u{202e}",
        "\u{1b}[>1m",
        "\t",
        "\u{1b}",
        "\u{1b}[1;1",
    ] {
        assert!(!strangers(strange.as_bytes()).is_empty(), "{strange:?}");
    }
    assert!(!strangers(b"\xff").is_empty() && strangers(HOSTILE.as_bytes()).len() > 10);
}

/// A terminal whose every byte is kept.
fn recorded(
    stage: &Stage,
    name: &str,
    user: &str,
    agent: Option<&Path>,
    session: &str,
) -> (Seat, PathBuf) {
    let log = stage.place.join(&format!("home/{name}.pty"));
    let forward = agent.map_or_else(String::new, |agent| {
        format!("SSH_AUTH_SOCK={} ", agent.display())
    });
    let ssh = format!(
        "{forward}ssh -F {} {} -tt {user} 'env HOME={} {} attach -t {session}'",
        stage.services.get("SSH_CONFIG"),
        if agent.is_some() { "-A" } else { "-a" },
        stage.place.join(&format!("home/{user}")).display(),
        stage.place.join("bin/warroom-here").display()
    );
    let mut script = Process::new("script");
    script.args(["-q", "-f", "-e", "-c", &ssh]).arg(&log);
    let terminal = stage.tmux.open(name, (100, 30), &script);
    terminal.wait("BRIEFING");
    (Seat::new(terminal), log)
}

/// A subcommand on a terminal; gives its bytes.
fn printed(stage: &Stage, name: &str, arguments: &str) -> Vec<u8> {
    let log = stage.place.join(&format!("home/{name}.pty"));
    let command = format!(
        "{} {arguments}",
        stage.place.join("bin/warroom-here").display()
    );
    let mut script = Process::new("script");
    script.args(["-q", "-f", "-c", &command]).arg(&log);
    script
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let output = run(&mut script);
    assert!(output.status.success(), "{}", said(&output));
    fs::read(&log).expect("recorded")
}

fn hostile_book(stage: &Stage) -> String {
    let marks = stage.place.join("marks");
    fs::write(
        stage.place.join("marks/evil"),
        format!("{HOSTILE}\nleft\rover\n").as_bytes(),
    )
    .expect("writable");
    let raw: Vec<u8> = (0..=255).chain(*b"\nRAW BYTES\n").collect();
    fs::write(stage.place.join("marks/raw"), raw).expect("writable");
    // In one line of Markdown: a line separator would be one more character, which it is.
    format!(
        "# Work {HOSTILE}\n\nRead this first: {HOSTILE}\n\n```toml maintenance\n[environment]\nmarks = \"{}\"\n```\n\n## Phase {HOSTILE}\n\n\
         - [ ] Say it {HOSTILE}\n  ```sh run id=say\n  cat \"$marks/evil\" \"$marks/raw\" \"$marks/evil\" >&2; cat \"$marks/evil\"\n  ```\n\
         - [ ] Touch it {HOSTILE}\n\n  More of it {HOSTILE}\n\n  ```sh run destructive id={STEP}\n  echo '{HOSTILE}'\n  ```\n",
        marks.display()
    )
}

/// Looks at everything there is to see before the proposal.
fn look_around(seats: [&Seat; 2]) {
    for seat in seats {
        for view in ["1", "2", "3", "4"] {
            seat.press(&[view]);
            seat.terminal
                .wait_that("a view", |screen| screen.contains("HOSTILE") || view == "3");
        }
        // The step in full, and the output of the one that has said it.
        seat.press(&["1", "g", "g", "j", "Enter"]);
        seat.terminal.wait_that("the step in full", |screen| {
            screen.contains("▶ step") && screen.contains("HOSTILE")
        });
    }
}

/// Notes of somebody who leaves every screen aside. The last looks like a signature where none belongs.
fn write_notes(stage: &Stage) {
    let mut program = Program::attach(stage, ALICE, "evil");
    let notes = [
        HOSTILE,
        "\u{1b}]0;PWNED\u{7} HOSTILE",
        "-----BEGIN SSH SIGNATURE----- HOSTILE",
    ];
    for text in notes {
        let (step, text) = (None, text.to_owned());
        drop(program.ask(Command::Note { step, text }));
    }
}

/// Help, everything drawn anew, and away.
fn leave(seat: &Seat) {
    seat.press(&["5"]);
    seat.wait("rejected by bob: not this");
    seat.press(&["C-l", "?"]);
    seat.wait("keys (");
    seat.escape();
    seat.press(&["C-b", "d"]);
    wait_until("the client to leave", || {
        seat.terminal.ask("#{pane_dead}") == "1"
    });
}

/// Everything a subcommand says of such a session on a terminal.
fn check_subcommands(stage: &Stage) {
    let book = stage.place.join("books/evil.md");
    let book = book.display();
    for (name, arguments) in [
        ("status", "status -t evil".to_owned()),
        ("plan", format!("plan {book}")),
        ("check", format!("check {book}")),
        ("ls", "ls".to_owned()),
        ("verify", "verify evil".to_owned()),
        ("report", "report evil".to_owned()),
        ("export", "journal export evil".to_owned()),
    ] {
        let strange = strangers(&printed(stage, name, &arguments));
        assert!(strange.is_empty(), "{name}: {strange:?}");
    }
}

#[test]
fn hostile_text_reaches_every_terminal_as_text() {
    let test = "two_person::bytes::hostile_text_reaches_every_terminal_as_text";
    if cannot(test) {
        return;
    }
    let script = Process::new("script").arg("--version").output();
    if !script.is_ok_and(|output| output.status.success()) {
        eprintln!("\nSKIP {test}: `script` is not installed");
        return;
    }
    let stage = Stage::new(Layout::default());
    stage.start_with("evil", &hostile_book(&stage));
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let (alice, of_alice) = recorded(&stage, "alice", ALICE, None, "evil");
    let (bob, of_bob) = recorded(&stage, "bob", BOB, Some(&laptop.socket()), "evil");
    alice.press(&["B"]);
    alice.wait("begin");
    alice.press(&["y"]);
    alice.wait("RUNNING");
    alice.press(&["f", "s"]);
    wait_until("the step to have said it", || {
        crate::bastion::step_state(&stage.status("evil"), "say") == "done"
    });
    write_notes(&stage);
    alice.press(&["f", "s"]);
    stage.wait_step("evil", "needs-proposal");
    look_around([&alice, &bob]);
    alice.press(&["1", "f"]);
    alice.propose(&stage, "evil");
    bob.press(&["1"]);
    bob.review();
    bob.read();
    let reason = format!("not this: {HOSTILE}");
    let refused = Program::attach(&stage, BOB, "evil").ask(Command::reject(step(), reason));
    assert_eq!(refused, None);
    stage.wait_step("evil", "needs-proposal");
    for seat in [&alice, &bob] {
        leave(seat);
    }
    for (who, log) in [("alice", of_alice), ("bob", of_bob)] {
        let bytes = fs::read(&log).expect("recorded");
        assert!(bytes.len() > 10_000, "{who}: {} bytes", bytes.len());
        let strange = strangers(&bytes);
        assert!(strange.is_empty(), "{who}: {strange:?}");
    }
    check_subcommands(&stage);
    stage.verifies("evil");
}
