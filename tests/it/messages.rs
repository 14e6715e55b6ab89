//! What the program says to bad input: each kind has a message of its own, with what to do, and nothing is lost.

use crate::cli_session::Home;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Runs the program and compares its exit code and what it says on standard error.
fn check(home: &Home, arguments: &[&str], code: i32, expected: &str) {
    let (got, out, err) = home.said(arguments);
    assert_eq!(err, expected, "{arguments:?} {out}");
    assert_eq!(got, code, "{arguments:?}: {err}");
    assert_eq!(out, "", "{arguments:?}: standard output is for data");
}

/// A session with some records, ended in an orderly way.
fn ended() -> Home {
    let home = Home::new();
    assert_eq!(home.said(&["run", "-d", "slow.md"]).0, 0);
    assert_eq!(home.said(&["kill-session", "slow"]).0, 0);
    home
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

#[test]
fn a_wrong_key_in_the_configuration() {
    let home = Home::new();
    home.write("config.toml", "[server]\nstate_dri = \"x\"\n");
    let expected = "\
error: HOME/config.toml:2:1: `server.state_dri`: unknown key
hint: did you mean `state_dir`?
";
    for arguments in [&["ls"][..], &["status"], &["run", "slow.md"], &["attach"]] {
        check(&home, arguments, 2, expected);
    }
}

#[test]
fn a_configuration_that_is_not_there() {
    let home = Home::new();
    check(
        &home,
        &["--config", "nowhere.toml", "ls"],
        2,
        "error: nowhere.toml: cannot read the file: No such file or directory (os error 2)\nhint: check the spelling and the directory you are in\n",
    );
}

#[test]
fn a_theme_that_does_not_exist() {
    let home = Home::new();
    let (code, out, err) = home.said(&["attach", "-t", "slow", "--theme", "drak"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.starts_with("error: "), "{err}");
    assert!(
        err.contains("`drak`") && err.contains("dark"),
        "names it and what there is: {err}"
    );
}

#[test]
fn a_broken_theme_file() {
    let home = Home::new();
    home.write(
        "night.toml",
        "[styles]\nheader = { fg = \"no such colour\" }\n",
    );
    let (code, out, err) = home.said(&["attach", "-t", "slow", "--theme", "./night.toml"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.starts_with("error: "), "{err}");
    assert!(err.contains("night.toml"), "{err}");
}

#[test]
fn a_broken_runbook_starts_nothing() {
    let home = Home::new();
    home.write(
        "broken.md",
        "# Broken\n\n## Work\n\n- [ ] Look\n  ```sh rnu\n  true\n  ```\n",
    );
    check(
        &home,
        &["run", "-d", "broken.md"],
        2,
        "\
error[WR010]: unknown role `rnu`
 --> broken.md:6:9
  |
6 |   ```sh rnu
  |         ^^^ without a role the block would never be executed
  |
  = hint: did you mean `run`?

error: `broken.md` cannot be run: 1 error
hint: `warroom check broken.md` shows them again
",
    );
    assert!(!home.path("state/broken").exists(), "no session was made");
}

#[test]
fn a_runbook_that_is_not_there() {
    let home = Home::new();
    let (code, out, err) = home.said(&["run", "-d", "nowhere.md"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("cannot read `nowhere.md`: there is no such file"),
        "{err}"
    );
    assert!(err.contains("hint: "), "{err}");
}

#[test]
fn a_runbook_that_may_not_be_read() {
    let home = Home::new();
    home.write("secret.md", "# Secret\n");
    // A directory is refused to root as well, a mode is not.
    std::fs::remove_file(home.path("secret.md")).expect("there");
    std::fs::create_dir(home.path("secret.md")).expect("mkdir");
    let (code, _, err) = home.said(&["run", "-d", "secret.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`secret.md`"), "{err}");
    assert!(err.contains("hint: "), "{err}");
}

#[test]
fn a_session_that_is_not_there() {
    let home = Home::new();
    check(
        &home,
        &["status", "nobody"],
        3,
        "\
error: no session `nobody` found in `HOME/run`, `/run/warroom`
hint: `warroom ls` lists the sessions you can reach
",
    );
    check(
        &home,
        &["status", "NotAName"],
        2,
        "error: `NotAName` is not a valid session name: a lower-case letter or digit, then up to 47 of a-z 0-9 . _ -\nhint: `warroom ls` lists the sessions there are\n",
    );
}

#[test]
fn a_socket_that_nobody_answers_on() {
    let home = ended();
    let dir = home.path("run/slow");
    std::fs::create_dir(&dir).expect("mkdir");
    mode(&dir, 0o700);
    drop(UnixListener::bind(dir.join("sock")).expect("bind"));
    check(
        &home,
        &["status", "slow"],
        3,
        "\
error: session `slow` does not answer on `HOME/run/slow/sock`: Connection refused (os error 111)
hint: its server has died: `warroom run -t slow` takes it up where it stands
",
    );
    let (code, _, err) = home.said(&["run", "-d", "-t", "slow"]);
    assert_eq!(code, 0, "the socket is replaced: {err}");
    assert_eq!(home.said(&["status", "slow"]).0, 4);
}

#[test]
fn a_place_that_cannot_be_trusted() {
    let home = ended();
    let dir = home.path("run/slow");
    std::fs::create_dir(&dir).expect("mkdir");
    let _listener = UnixListener::bind(dir.join("sock")).expect("bind");
    mode(&dir, 0o777);
    check(
        &home,
        &["status", "slow"],
        3,
        "\
error: `HOME/run/slow` is not safe: others than its owner can write it
hint: its owner must be root, you or the session's account, and nobody else may write it: `ls -ld HOME/run/slow`
",
    );
    mode(&dir, 0o700);
    mode(&home.path("run"), 0o777);
    let (code, _, err) = home.said(&["serve", "-t", "slow"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("`HOME/run` is not safe: everybody can write it"),
        "{err}"
    );
    mode(&home.path("run"), 0o700);
}

#[test]
fn a_journal_that_was_damaged_is_named_by_byte_and_record_and_left_alone() {
    let home = ended();
    let mut bytes = std::fs::read(home.journal("slow")).expect("readable");
    let at = bytes
        .windows(5)
        .position(|w| w == b"Sleep")
        .expect("the plan");
    bytes[at] = b'5';
    std::fs::write(home.journal("slow"), &bytes).expect("writable");
    for arguments in [
        &["verify", "slow"][..],
        &["run", "-d", "slow.md"],
        &["serve", "-t", "slow"],
    ] {
        let (code, out, err) = home.said(arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
        assert!(
            err.contains("byte 0 (record 0)") || err.contains("record 0"),
            "{arguments:?}: {err}"
        );
        assert!(err.contains("damaged"), "{arguments:?}: {err}");
        assert!(err.contains("hint: "), "{arguments:?}: {err}");
    }
    assert_eq!(
        std::fs::read(home.journal("slow")).expect("readable"),
        bytes
    );
}

#[test]
fn a_session_directory_that_others_can_write() {
    let home = ended();
    mode(&home.path("state/slow"), 0o777);
    let (code, _, err) = home.said(&["run", "-d", "slow.md"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("`HOME/state/slow`") && err.contains("others may write there"),
        "{err}"
    );
}

#[test]
fn a_people_file_that_others_can_write() {
    let home = Home::new();
    home.write(
        "people.toml",
        "[[person]]\nid = \"alice\"\nuids = [1001]\nroles = [\"operator\"]\n",
    );
    mode(&home.path("people.toml"), 0o666);
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    let file = home.path("people.toml");
    home.write(
        "config.toml",
        &format!("{config}[people]\nfile = \"{}\"\n", file.display()),
    );
    let (code, _, err) = home.said(&["run", "-d", "slow.md"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("has mode 0666: others than its owner may write it"),
        "{err}"
    );
    assert!(
        err.contains("hint: run `chmod go-w HOME/people.toml`"),
        "{err}"
    );
    assert!(!home.path("state/slow").exists());
}

#[tokio::test]
async fn a_prometheus_that_does_not_answer_is_told_and_delays_nothing() {
    let home = Home::new();
    // A port that was free a moment ago: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("one")
        .port();
    let config = std::fs::read_to_string(home.path("config.toml")).expect("there");
    home.write(
        "config.toml",
        &format!(
            "{config}[connect.prometheus.main]\nurl = \"http://127.0.0.1:{port}\"\nevery = \"1s\"\n"
        ),
    );
    let runbook = std::fs::read_to_string(home.path("slow.md")).expect("there");
    home.write(
        "slow.md",
        &runbook.replace(
            "## Work",
            "```promql guard id=errors crit=\"> 1\" for=10s\nup\n```\n\n## Work",
        ),
    );
    let (code, _, err) = home.said(&["run", "-d", "slow.md"]);
    assert_eq!(code, 0, "{err}");
    crate::session_host::wait_until("the trouble is told", || {
        let (_, out, _) = home.said(&["status", "slow"]);
        out.contains("`main`") && out.contains("refused")
    })
    .await;
    let (code, out, _) = home.said(&["status", "slow"]);
    assert_eq!(code, 4);
    assert!(
        !out.contains("errors: pass"),
        "no answer is not a good one: {out}"
    );
}

#[test]
fn a_terminal_is_needed_to_attach() {
    let home = Home::new();
    check(
        &home,
        &["attach", "-t", "slow"],
        2,
        "\
error: a terminal is needed to attach
hint: `-d` starts a session without one; `warroom status --json` is for scripts
",
    );
}

#[test]
fn a_mistake_about_the_screen_starts_no_session() {
    let home = Home::new();
    for arguments in [
        ["demo", "--theme", "sepia"].as_slice(),
        &["run", "slow.md", "--theme", "sepia"],
        &["demo"],
        &["run", "slow.md"],
    ] {
        let (code, _, err) = home.said(arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        let (_, out, _) = home.said(&["ls"]);
        assert!(!out.contains("slow:") && !out.contains("demo:"), "{out}");
    }
}

#[test]
fn a_mistake_in_a_theme_is_named_by_its_place_and_with_what_is_meant() {
    let home = Home::new();
    home.write(
        "night.toml",
        "name = \"night\"\nbase = \"dark\"\n[roles]\ngoood = { fg = \"red\" }\n",
    );
    let (code, _, err) = home.said(&["attach", "-t", "slow", "--theme", "./night.toml"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with(
            "error: ./night.toml:4:1: `goood` is not a role\nhint: the roles are text,"
        ),
        "{err}"
    );
}

#[test]
fn a_session_on_another_host_that_is_not_written_as_one() {
    let home = Home::new();
    for url in [
        "ssh://",
        "ssh://host",
        "ssh://-oProxyCommand=x/db",
        "ssh:///db",
    ] {
        let expected = format!(
            "error: `{url}` is not a session on another host\nhint: write `ssh://HOST/NAME` or `ssh://USER@HOST/NAME`\n"
        );
        check(&home, &["attach", url], 2, &expected);
    }
}
