//! Attaching over ssh: terminals of several sizes, detach and return, what only looks, what is not to be trusted, and
//! terminals that are left as they were found.

use crate::bastion::{Bastion, PROMPT, step_state};
use crate::harness::{is_skipped, run, said, set_mode, wait_for, wait_until};
use crate::services::{ALICE, BOB};
use crate::tmux::Terminal;
use rustix::process::Signal;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// A bastion on which alice has started `tests/data/e2e/small.md` as `small`, without attaching.
fn small() -> Bastion {
    let bastion = Bastion::new(&[]);
    let runbook = bastion.runbook("small.md");
    let started = bastion.warroom_as(ALICE, &format!("run -d -t small {}", runbook.display()));
    assert_eq!(started.status.code(), Some(0), "{}", said(&started));
    bastion
}

fn attached(bastion: &Bastion) -> u64 {
    bastion.status("small").1["attached"]
        .as_u64()
        .unwrap_or_default()
}

#[test]
fn terminals_of_three_sizes_show_the_same_step() {
    if is_skipped("attach::terminals_of_three_sizes_show_the_same_step") {
        return;
    }
    let bastion = small();
    let open = |name: &str, user: &str, size: (u16, u16)| {
        let terminal = bastion.shell(name, user, size);
        terminal.type_line("warroom attach -t small");
        terminal.wait("BRIEFING");
        terminal
    };
    let terminals = [
        open("alice", ALICE, (80, 24)),
        open("bob", BOB, (120, 40)),
        open("wall", BOB, (200, 50)),
    ];
    terminals[0].press(&["B"]);
    terminals[0].wait("begin");
    terminals[0].press(&["y"]);
    terminals[0].wait("RUNNING");
    terminals[0].press(&["s"]);
    for terminal in &terminals {
        terminal.wait_that("the step to be done", |screen| {
            screen
                .lines()
                .any(|row| row.contains("Say hello") && row.contains("done"))
        });
    }
    // Commands run in the account that started the session, and everybody can read what they said.
    terminals[2].press(&["g", "g"]);
    terminals[2].wait("hello from wr-alice");
    assert_eq!(step_state(&bastion.status("small").1, "hello"), "done");
}

#[test]
fn a_session_on_another_host_is_attached_left_and_found_again() {
    if is_skipped("attach::a_session_on_another_host_is_attached_left_and_found_again") {
        return;
    }
    let bastion = small();
    // Terminals of this host, which has nothing of the other's but ssh: drawn here, known there as bob.
    let attach = format!(
        "warroom attach ssh://{BOB}/small --ssh-config {} --remote-program {}",
        bastion.services.get("SSH_CONFIG"),
        bastion.remote_program().display()
    );
    let first = bastion.local_shell("remote", (100, 30));
    first.type_line(&attach);
    first.wait("BRIEFING");
    assert_eq!(attached(&bastion), 1);
    first.press(&["C-b", "d"]);
    first.wait("[detached (from session small)]");
    wait_until("nobody to be attached", || attached(&bastion) == 0);
    let again = bastion.local_shell("again", (80, 24));
    again.type_line(&attach);
    again.wait("BRIEFING");
    again.press(&["B"]);
    again.wait("begin");
    again.press(&["y"]);
    again.wait("RUNNING");
    again.press(&["h"]);
    again.wait("HOLDING");
    let text = String::from_utf8_lossy(&bastion.journal("small")).into_owned();
    assert!(text.contains("actor: bob\n"), "it was bob who held");
    again.press(&["C-b", "d"]);
    again.wait("[detached (from session small)]");
}

#[test]
fn what_only_looks_can_do_nothing() {
    if is_skipped("attach::what_only_looks_can_do_nothing") {
        return;
    }
    let bastion = small();
    let bob = bastion.shell("bob", BOB, (100, 30));
    bob.type_line("warroom attach -r -t small");
    bob.wait("BRIEFING");
    bob.press(&["h"]);
    bob.wait("only looks");
    bob.press(&["B"]);
    bob.press(&["y"]);
    bob.wait("only looks");
    let (code, status) = bastion.status("small");
    assert_eq!((code, &status["held"]), (4, &false.into()), "{status}");
}

#[test]
fn states_and_ends_have_exit_codes_and_messages_of_their_own() {
    if is_skipped("attach::states_and_ends_have_exit_codes_and_messages_of_their_own") {
        return;
    }
    let bastion = small();
    let none = bastion.warroom_as(BOB, "status -t other");
    assert_eq!(none.status.code(), Some(3), "{}", said(&none));
    assert!(
        said(&none).contains("no session `other` found"),
        "{}",
        said(&none)
    );
    assert_eq!(bastion.status("small").0, 4, "not begun");
    let bob = bastion.shell("bob", BOB, (100, 30));
    bob.type_line("warroom attach -t small");
    bob.wait("BRIEFING");
    bob.press(&["B"]);
    bob.wait("begin");
    bob.press(&["y"]);
    bob.wait("RUNNING");
    assert_eq!(bastion.status("small").0, 5, "running");
    bob.press(&["h"]);
    bob.wait("HOLDING");
    assert_eq!(bastion.status("small").0, 6, "held");

    let killed = bastion.warroom_as(ALICE, "kill-session -t small");
    assert_eq!(killed.status.code(), Some(0), "{}", said(&killed));
    bob.wait(PROMPT);
    let gone = bastion.warroom_as(BOB, "status -t small");
    assert_eq!(gone.status.code(), Some(3), "{}", said(&gone));

    let taken_up = bastion.warroom_as(ALICE, "run -d -t small");
    assert_eq!(taken_up.status.code(), Some(0), "{}", said(&taken_up));
    assert_eq!(bastion.status("small").0, 6, "still held");
    let pid = bastion.server_pid("small");
    rustix::process::kill_process(pid, Signal::KILL).expect("it was alive");
    let dead = wait_for("the server to be gone", || {
        let dead = bastion.warroom_as(BOB, "status -t small");
        (dead.status.code() == Some(3)).then_some(dead)
    });
    assert!(said(&dead).contains("does not answer"), "{}", said(&dead));
    assert!(
        said(&dead).contains("hint: its server has died: `warroom run -t small`"),
        "{}",
        said(&dead)
    );
}

#[test]
fn a_server_in_anothers_place_is_not_spoken_to() {
    if is_skipped("attach::a_server_in_anothers_place_is_not_spoken_to") {
        return;
    }
    let bastion = Bastion::new(&[]);
    let dir = bastion.place.join("run/fake");
    fs::create_dir(&dir).expect("mkdir");
    set_mode(&dir, 0o755);
    let socket = dir.join("sock");
    // Listened on by root, laid out as if it were alice's.
    let listener = UnixListener::bind(&socket).expect("bind");
    set_mode(&socket, 0o666);
    for path in [&socket, &dir] {
        std::os::unix::fs::chown(path, Some(crate::bastion::uid_of(ALICE)), None).expect("chown");
    }
    let refused = bastion.warroom_as(BOB, "status -t fake");
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(
        said(&refused).contains("but uid 0 answers on it"),
        "{}",
        said(&refused)
    );
    listener.set_nonblocking(true).expect("set");
    let (mut stream, _) = listener.accept().expect("bob's client looked who answers");
    let mut heard = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut heard).expect("it hung up");
    assert!(
        heard.is_empty(),
        "and said nothing: {}",
        String::from_utf8_lossy(&heard)
    );

    set_mode(&dir, 0o775);
    let refused = bastion.warroom_as(BOB, "status -t fake");
    assert!(
        said(&refused).contains("others than its owner can write it"),
        "{}",
        said(&refused)
    );
    assert!(listener.accept().is_err(), "nobody even connected");
}

/// Process id of the client that runs in the place with these arguments.
fn client(bastion: &Bastion) -> rustix::process::Pid {
    wait_for("the client", || {
        bastion.place.processes().into_iter().find(|pid| {
            let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
            let is_ours =
                fs::read_link(proc.join("exe")).is_ok_and(|exe| exe == bastion.place.program());
            let arguments = fs::read(proc.join("cmdline")).unwrap_or_default();
            is_ours
                && arguments
                    .split(|b| *b == 0)
                    .any(|argument| argument == b"attach")
        })
    })
}

fn stty(bastion: &Bastion, terminal: &Terminal, file: &str) -> String {
    let path = bastion.place.join(&format!("marks/{file}"));
    terminal.type_line(&format!("stty -a >{0}.new; mv {0}.new {0}", path.display()));
    wait_for("stty", || fs::read_to_string(&path).ok())
}

#[test]
fn a_terminal_is_left_as_it_was_found() {
    if is_skipped("attach::a_terminal_is_left_as_it_was_found") {
        return;
    }
    let bastion = small();
    // Alice, because her account owns the directory for marks.
    let terminal = bastion.shell("alice", ALICE, (100, 30));
    let before = stty(&bastion, &terminal, "before");
    let flags = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag}";
    let looks_before = terminal.ask(flags);
    let ends: [(&str, &dyn Fn()); 3] = [
        ("detach", &|| terminal.press(&["C-b", "d"])),
        ("TERM", &|| {
            rustix::process::kill_process(client(&bastion), Signal::TERM).expect("alive");
        }),
        ("HUP", &|| {
            rustix::process::kill_process(client(&bastion), Signal::HUP).expect("alive");
        }),
    ];
    for (name, end) in ends {
        terminal.type_line("clear; warroom attach -t small");
        terminal.wait("BRIEFING");
        assert_eq!(terminal.ask("#{alternate_on}"), "1");
        end();
        terminal.wait(PROMPT);
        assert_eq!(stty(&bastion, &terminal, name), before, "after {name}");
        assert_eq!(terminal.ask(flags), looks_before, "after {name}");
    }
    // A window that is closed takes its client with it, and nothing else.
    terminal.type_line("clear; warroom attach -t small");
    terminal.wait("BRIEFING");
    terminal.close();
    wait_until("the client to be gone", || attached(&bastion) == 0);
    let listed = run(bastion
        .services
        .ssh(BOB)
        .arg(format!("{} ls", bastion.remote_program().display())));
    assert!(
        said(&listed).contains("small: not begun"),
        "{}",
        said(&listed)
    );
}
