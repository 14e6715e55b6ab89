//! Something else in the place of a session's server: clients go away before they have said a word.

use super::stage::{Layout, ROOM, Stage, cannot, own};
use crate::harness::{run, said, set_mode};
use crate::services::{ALICE, BOB};
use std::fs;
use std::io::Read as _;
use std::os::unix::net::UnixListener;

#[test]
fn nothing_is_sent_to_a_server_that_is_not_the_sessions() {
    if cannot("two_person::fakes::nothing_is_sent_to_a_server_that_is_not_the_sessions") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let dir = stage.place.join("run/fake");
    fs::create_dir(&dir).expect("mkdir");
    own(&dir, ROOM);
    // Root listens here, in a directory that is another account's: the kernel tells who answers.
    let socket = dir.join("sock");
    let listener = UnixListener::bind(&socket).expect("bind");
    own(&socket, ROOM);
    set_mode(&socket, 0o666);
    set_mode(&dir, 0o755);
    let signature = stage.place.write(
        "home/armour",
        "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
    );
    let seat = stage.seat("bob", BOB, None);
    seat.type_line("warroom attach -t fake");
    seat.wait_said("uid 0 answers on it");
    for user in [ALICE, BOB] {
        let mut status = stage.warroom_in(user);
        let output = run(status.args(["status", "-t", "fake"]));
        assert!(said(&output).contains("answers on it"), "{}", said(&output));
        let mut kill = stage.warroom_in(user);
        let output = run(kill.args(["kill-session", "-t", "fake"]));
        assert!(!output.status.success(), "{}", said(&output));
    }
    listener.set_nonblocking(true).expect("set");
    let mut heard = 0;
    while let Ok((mut stream, _)) = listener.accept() {
        let mut bytes = Vec::new();
        stream.set_nonblocking(false).expect("set");
        stream.read_to_end(&mut bytes).expect("they are gone");
        assert!(bytes.is_empty(), "a client said {}", bytes.escape_ascii());
        heard += 1;
    }
    assert!(heard >= 5, "they connected, and that was all: {heard}");

    // A directory that others can write: not even a connection. Nor one that the session's directory stands in.
    for (dir, mode, good) in [
        (&dir, 0o775, 0o755),
        (&dir, 0o757, 0o755),
        (&stage.place.join("run"), 0o777, 0o3770),
    ] {
        set_mode(dir, mode);
        for (user, arguments) in [
            (ALICE, vec!["status", "-t", "fake"]),
            (BOB, vec!["kill-session", "-t", "fake"]),
        ] {
            let mut command = stage.warroom_in(user);
            let output = run(command.args(&arguments));
            assert!(
                !output.status.success() && said(&output).contains("not safe"),
                "{mode:o}: {}",
                said(&output)
            );
        }
        let mut confirm = stage.warroom_in(BOB);
        let output = run(confirm
            .args(["confirm", "-t", "fake", "--signature"])
            .arg(&signature));
        assert!(!output.status.success(), "{}", said(&output));
        seat.type_line("clear; warroom attach -t fake");
        seat.wait_said("is not safe");
        set_mode(dir, good);
        assert!(
            listener.accept().is_err(),
            "{mode:o}: nobody even connected"
        );
    }
}
