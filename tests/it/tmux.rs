//! Terminals of people: panes of a tmux server of our own, driven by keys and read as text.

use crate::harness::{Place, run, said, stdout_of, try_wait};
use std::path::PathBuf;
use std::process::Command;

/// A pane is the whole terminal, keeps its last screen when its program ends, keys arrive as they are sent, and programs
/// may set the clipboard.
const SETTINGS: &str = "\
set -g status off
set -g remain-on-exit on
set -g default-terminal tmux-256color
set -s escape-time 0
set -s exit-empty off
set -s set-clipboard on
";

/// A tmux server.
#[derive(Debug)]
pub(crate) struct Tmux {
    socket: PathBuf,
    settings: PathBuf,
}

impl Tmux {
    /// A server with its socket in `place`; it starts with the first terminal and ends with the place.
    pub(crate) fn new(place: &Place) -> Self {
        Self {
            socket: place.join("tmux.sock"),
            settings: place.write("tmux.conf", SETTINGS),
        }
    }

    /// Opens a terminal of `columns` x `rows` with a program in it.
    pub(crate) fn open(
        &self,
        name: &str,
        (columns, rows): (u16, u16),
        program: &Command,
    ) -> Terminal {
        let terminal = Terminal {
            socket: self.socket.clone(),
            name: name.to_owned(),
        };
        let mut tmux = terminal.tmux();
        tmux.arg("-f").arg(&self.settings);
        tmux.args(["new-session", "-d", "-s", name]);
        tmux.args(["-x", &columns.to_string(), "-y", &rows.to_string(), "--"]);
        tmux.arg(program.get_program()).args(program.get_args());
        stdout_of(&mut tmux);
        terminal
    }
}

/// One terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    socket: PathBuf,
    name: String,
}

impl Terminal {
    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").arg("-S").arg(&self.socket);
        command
    }

    fn target(&self) -> String {
        format!("={}:", self.name)
    }

    /// Presses keys, by tmux's names: `C-g`, `Enter`, `q`.
    pub(crate) fn press(&self, keys: &[&str]) {
        stdout_of(
            self.tmux()
                .args(["send-keys", "-t", &self.target(), "--"])
                .args(keys),
        );
    }

    /// Types a line as it is, and Enter.
    pub(crate) fn type_line(&self, text: &str) {
        stdout_of(
            self.tmux()
                .args(["send-keys", "-l", "-t", &self.target(), "--", text]),
        );
        self.press(&["Enter"]);
    }

    /// What is on the screen, row by row.
    pub(crate) fn screen(&self) -> String {
        stdout_of(
            self.tmux()
                .args(["capture-pane", "-p", "-t", &self.target()]),
        )
    }

    /// Waits for a text on the screen; returns the screen.
    pub(crate) fn wait(&self, text: &str) -> String {
        self.wait_that(&format!("`{text}`"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as wanted; returns it.
    ///
    /// # Panics
    /// With the last screen, when it does not become so.
    pub(crate) fn wait_that(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut screen = String::new();
        let found = try_wait(|| {
            screen = self.screen();
            wanted(&screen).then_some(())
        });
        assert!(
            found.is_some(),
            "{what} did not come on `{}`:\n{screen}",
            self.name
        );
        screen
    }

    /// What a program has put on the clipboard last; empty when nothing was.
    pub(crate) fn clipboard(&self) -> String {
        let output = run(self.tmux().arg("show-buffer"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Pastes a text, with the marks of a paste for programs that ask for them.
    pub(crate) fn paste(&self, text: &str) {
        stdout_of(self.tmux().args(["set-buffer", "-b", "paste", "--", text]));
        stdout_of(self.tmux().args([
            "paste-buffer",
            "-p",
            "-d",
            "-b",
            "paste",
            "-t",
            &self.target(),
        ]));
    }

    /// A format of tmux, such as `#{alternate_on}`.
    pub(crate) fn ask(&self, format: &str) -> String {
        let mut command = self.tmux();
        command.args(["display-message", "-p", "-t", &self.target(), format]);
        stdout_of(&mut command).trim().to_owned()
    }

    /// Closes the terminal, as when its window is closed: the program in it is hung up.
    pub(crate) fn close(&self) {
        let output = run(self
            .tmux()
            .args(["kill-session", "-t", &format!("={}", self.name)]));
        assert!(output.status.success(), "{}", said(&output));
    }
}
