//! A bastion: one host, two people with accounts of their own, a shared runtime directory, and ssh between them.

use crate::harness::{Place, checkout, run, said, set_mode, stdout_of, wait_for};
use crate::services::{ALICE, BOB, Services};
use crate::tmux::{Terminal, Tmux};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What a new shell shows when it waits for a command.
pub(crate) const PROMPT: &str = "READY>";

/// The host and what runs on it.
#[derive(Debug)]
pub(crate) struct Bastion {
    /// Servers.
    pub(crate) services: Services,
    /// Terminals.
    pub(crate) tmux: Tmux,
    /// Files; last, because everything above runs from it.
    pub(crate) place: Place,
}

impl Bastion {
    /// Starts `services` besides sshd and lays out directories, people and configuration.
    pub(crate) fn new(services: &[&str]) -> Self {
        let place = Place::new();
        let mut names = vec!["sshd"];
        names.extend(services);
        let services = Services::start(&place, &names);
        let tmux = Tmux::new(&place);
        let bastion = Self {
            services,
            tmux,
            place,
        };
        bastion.lay_out();
        bastion
    }

    fn lay_out(&self) {
        let place = &self.place;
        for dir in ["run", "state", "marks", "home"] {
            fs::create_dir(place.join(dir)).expect("mkdir");
        }
        // People of the group may make sessions here, and nobody may touch another's.
        let group = self.services.get("PEOPLE_GROUP");
        stdout_of(Command::new("chgrp").arg(group).arg(place.join("run")));
        set_mode(&place.join("run"), 0o3770);
        for dir in ["state", "marks"] {
            stdout_of(
                Command::new("chown")
                    .arg(format!("{ALICE}:"))
                    .arg(place.join(dir)),
            );
        }
        let person = |id: &str, user: &str| {
            let uid = uid_of(user);
            format!(
                "[[person]]\nid = \"{id}\"\nuids = [{uid}]\nroles = [\"operator\", \"approver\"]\n"
            )
        };
        place.write(
            "people.toml",
            &format!("{}{}", person("alice", ALICE), person("bob", BOB)),
        );
        // Their accounts are told apart by sshd; nobody here has a key.
        place.write(
            "rules.toml",
            "allow_uid = true\n[class.destructive]\nindependent_check = false\n",
        );
        let prometheus = self
            .services
            .find("PROMETHEUS_URL")
            .map_or_else(String::new, |url| {
                format!(
                    "[connect.prometheus.main]\nurl = \"{url}\"\nevery = \"1s\"\nhistory = \"1m\"\n"
                )
            });
        let config = format!(
            "[server]\nruntime_dir = \"{0}/run\"\nstate_dir = \"{0}/state\"\ngroup = \"{group}\"\n\
             [people]\nfile = \"{0}/people.toml\"\n{prometheus}",
            place.path().display()
        );
        place.write("config.toml", &config);
        // What `warroom attach ssh://…` starts on the other host, where nobody gives it a configuration.
        let remote = format!(
            "#!/bin/sh\nexec \"{}\" --config \"{}\" \"$@\"\n",
            place.program().display(),
            self.config().display()
        );
        let remote = place.write("bin/warroom-here", &remote);
        set_mode(&remote, 0o755);
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.place.join("config.toml")
    }

    /// The program with its configuration, for accounts and hosts that have none.
    pub(crate) fn remote_program(&self) -> PathBuf {
        self.place.join("bin/warroom-here")
    }

    /// Writes a runbook of `tests/data/e2e`, with each `@KEY@` replaced by what services said or by a directory.
    pub(crate) fn runbook(&self, name: &str) -> PathBuf {
        let text = fs::read_to_string(checkout().join("tests/data/e2e").join(name))
            .expect("the runbook is there");
        let marks = self.place.join("marks");
        let text = self
            .services
            .fill(&text)
            .replace("@MARKS@", &marks.to_string_lossy());
        self.place.write(name, &text)
    }

    /// Opens a person's terminal: ssh to the bastion, and a shell that finds the program.
    pub(crate) fn shell(&self, name: &str, user: &str, size: (u16, u16)) -> Terminal {
        let shell = self.shell_command();
        self.open(name, user, size, &shell)
    }

    /// As [`Bastion::shell`], in a tmux of the person's own on the bastion.
    pub(crate) fn shell_in_tmux(&self, name: &str, user: &str, size: (u16, u16)) -> Terminal {
        let dir = self.place.join(&format!("home/{name}"));
        fs::create_dir(&dir).expect("mkdir");
        stdout_of(Command::new("chown").arg(format!("{user}:")).arg(&dir));
        let shell = self.shell_command();
        let tmux = format!(
            "tmux -S {}/tmux -f /dev/null new-session '{shell}'",
            dir.display()
        );
        self.open(name, user, size, &tmux)
    }

    /// Opens a terminal with a shell of this host, outside the bastion.
    pub(crate) fn local_shell(&self, name: &str, size: (u16, u16)) -> Terminal {
        let mut sh = Command::new("sh");
        sh.args(["-c", &self.shell_command()]);
        let terminal = self.tmux.open(name, size, &sh);
        terminal.wait(PROMPT);
        terminal
    }

    fn shell_command(&self) -> String {
        format!(
            "env PS1=\"{PROMPT} \" PATH={}:$PATH WARROOM_CONFIG={} bash --norc --noprofile",
            self.place.join("bin").display(),
            self.config().display()
        )
    }

    fn open(&self, name: &str, user: &str, size: (u16, u16), command: &str) -> Terminal {
        let mut ssh = self.services.ssh(user);
        ssh.args(["-tt", command]);
        let terminal = self.tmux.open(name, size, &ssh);
        terminal.wait(PROMPT);
        terminal
    }

    /// Runs the program as a person, over ssh, without a terminal.
    pub(crate) fn warroom_as(&self, user: &str, arguments: &str) -> std::process::Output {
        let program = self.remote_program();
        run(self
            .services
            .ssh(user)
            .arg(format!("{} {arguments}", program.display())))
    }

    /// Exit code of `warroom status --json` and what it printed.
    ///
    /// # Panics
    /// When it prints no JSON.
    pub(crate) fn status(&self, session: &str) -> (i32, serde_json::Value) {
        let mut command = Command::new(self.remote_program());
        let output = run(command.args(["status", "--json", "-t", session]));
        let code = output.status.code().unwrap_or(-1);
        let value = serde_json::from_slice(&output.stdout);
        (
            code,
            value.unwrap_or_else(|error| panic!("{error}: {}", said(&output))),
        )
    }

    /// Waits until a step is in a state: `done`, `unknown`, or for one under way its stage, such as `armed`.
    pub(crate) fn wait_step(&self, session: &str, step: &str, wanted: &str) {
        let mut last = String::new();
        let found = crate::harness::try_wait(|| {
            last = step_state(&self.status(session).1, step);
            (last == wanted).then_some(())
        });
        assert!(
            found.is_some(),
            "step `{step}` of `{session}` is {last}, not {wanted}"
        );
    }

    /// Process id of the session's server: the one that has the program and `serve` in its arguments.
    pub(crate) fn server_pid(&self, session: &str) -> rustix::process::Pid {
        wait_for("the session's server", || {
            self.place.processes().into_iter().find(|pid| {
                let arguments =
                    fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
                let arguments: Vec<&[u8]> = arguments.split(|b| *b == 0).collect();
                arguments.contains(&&b"serve"[..]) && arguments.contains(&session.as_bytes())
            })
        })
    }

    /// The journal of a session.
    pub(crate) fn journal(&self, session: &str) -> Vec<u8> {
        fs::read(self.place.join(&format!("state/{session}/journal")))
            .expect("the journal is there")
    }
}

/// State of a step in the answer of `warroom status --json`, as one word.
pub(crate) fn step_state(status: &serde_json::Value, step: &str) -> String {
    let steps = status["steps"].as_array().cloned().unwrap_or_default();
    let state = steps
        .iter()
        .find(|s| s["id"] == step)
        .map_or(serde_json::Value::Null, |s| s["state"].clone());
    let word = state["stage"].as_str().or_else(|| state["status"].as_str());
    word.map_or_else(|| state.to_string(), str::to_owned)
}

/// Uid of an account.
pub(crate) fn uid_of(user: &str) -> u32 {
    let uid = stdout_of(Command::new("id").args(["-u", user]));
    uid.trim().parse().expect("a number")
}
