//! The host: accounts, keys, agents, an installed policy, and sessions under an account that is nobody's.

use super::seat::Seat;
use crate::bastion::{PROMPT, step_state, uid_of};
use crate::harness::{Place, is_skipped, run, said, set_mode, stdout_of, try_wait, wait_until};
use crate::services::{ALICE, BOB, Services};
use crate::tmux::Tmux;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use warroom::client::link::Target;
use warroom::domain::confirm::statement::Kind;
use warroom::domain::id::SessionName;

/// The account that everybody of a team may use, and that proves nobody's identity.
pub(crate) const SHARED: &str = "wr-shared";
/// The account that sessions run in, which is no person's.
pub(crate) const ROOM: &str = "wr-room";
/// The step of every runbook here.
pub(crate) const STEP: &str = "touch";
/// What that step touches.
pub(crate) const COMPONENT: &str = "db-1";

/// Rules of most tests: a screen that has no more wait than it needs.
pub(crate) const BRISK: &str = "[class.destructive]\nindependent_check = false\ndwell = \"1s\"\n\
                                dwell_per_10_lines = \"0s\"\n";

/// True when this machine cannot play the host; says so in a line that `tests/run` counts.
pub(crate) fn cannot(test: &str) -> bool {
    if is_skipped(test) {
        return true;
    }
    for program in [
        "tmux",
        "sshd",
        "ssh-agent",
        "ssh-add",
        "ssh-keygen",
        "setpriv",
    ] {
        let found = Command::new("sh")
            .args([
                "-c",
                "command -v \"$0\" || test -x \"/usr/sbin/$0\"",
                program,
            ])
            .output();
        if !found.is_ok_and(|output| output.status.success()) {
            eprintln!("\nSKIP {test}: `{program}` is not installed");
            return true;
        }
    }
    false
}

/// Secret of alice's one-time codes, where people have some.
pub(crate) const ALICE_SECRET: &str = "MFWGSY3FMFWGSY3FMFWGSY3FMFWGSY3F";
/// Name of the host's own key.
pub(crate) const HOST: &str = "bastion-1";
/// Secret of bob's.
pub(crate) const BOB_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// How the host is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// The account of the sessions' servers.
    pub(crate) owner: &'static str,
    /// `rules.toml`.
    pub(crate) rules: &'static str,
    /// People have one-time codes.
    pub(crate) codes: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            owner: ROOM,
            rules: BRISK,
            codes: false,
        }
    }
}

/// The host and what runs on it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) services: Services,
    pub(crate) tmux: Tmux,
    layout: Layout,
    /// Keys by their names: whose each is, and its public line.
    keys: BTreeMap<String, (String, String)>,
    /// Files; last, because everything above runs from it.
    pub(crate) place: Place,
}

impl Stage {
    /// Lays out the host: alice has the keys `alice` and `alice-2`, bob has `bob`.
    pub(crate) fn new(layout: Layout) -> Self {
        let place = Place::new();
        let services = Services::start_for(&place, &["sshd"], &[ALICE, BOB, SHARED, ROOM]);
        let tmux = Tmux::new(&place);
        let mut stage = Self {
            services,
            tmux,
            layout,
            keys: BTreeMap::new(),
            place,
        };
        stage.lay_out();
        for (key, person) in [("alice", "alice"), ("alice-2", "alice"), ("bob", "bob")] {
            stage.make_key(key, person, &["-t", "ed25519"]);
        }
        stage.install();
        stage
    }

    fn lay_out(&self) {
        let place = &self.place;
        for dir in [
            "run",
            "state",
            "marks",
            "home",
            "keys",
            "agents",
            "books",
            "etc",
            "etc/warroom",
        ] {
            fs::create_dir(place.join(dir)).expect("mkdir");
            set_mode(&place.join(dir), 0o755);
        }
        let group = self.services.get("PEOPLE_GROUP");
        stdout_of(Command::new("chgrp").arg(group).arg(place.join("run")));
        set_mode(&place.join("run"), 0o3770);
        for dir in ["state", "marks"] {
            own(&place.join(dir), self.layout.owner);
        }
        for user in [ALICE, BOB, SHARED, ROOM] {
            let home = place.join(&format!("home/{user}"));
            fs::create_dir(&home).expect("mkdir");
            own(&home, user);
        }
        let config = format!(
            "[server]\nruntime_dir = \"{0}/run\"\nstate_dir = \"{0}/state\"\ngroup = \"{group}\"\n\
             [people]\nfile = \"{0}/etc/warroom/people.toml\"\nhost_key = \"{0}/etc/warroom/host_key\"\n",
            place.path().display()
        );
        place.write("config.toml", &config);
        let host_key = place.join("etc/warroom/host_key");
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-C", HOST, "-f"]);
        stdout_of(make.arg(&host_key));
        own(&host_key, self.layout.owner);
        let here = format!(
            "#!/bin/sh\nexec \"{}\" --config \"{}\" \"$@\"\n",
            place.program().display(),
            self.config().display()
        );
        set_mode(&place.write("bin/warroom-here", &here), 0o755);
    }

    /// Makes a key of a person, by the words behind `ssh-keygen`. It counts after [`Stage::install`].
    pub(crate) fn make_key(&mut self, name: &str, person: &str, kind: &[&str]) {
        let file = self.key_file(name);
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-N", "", "-C", name, "-f"])
            .arg(&file)
            .args(kind);
        stdout_of(&mut command);
        let line = fs::read_to_string(file.with_extension("pub")).expect("a public key");
        self.keys.insert(name.to_owned(), (person.to_owned(), line));
    }

    /// Leaves a key off the list of signers from the next [`Stage::install`] on.
    pub(crate) fn forget_key(&mut self, name: &str) {
        self.keys.remove(name);
    }

    /// Fingerprint of a key, as `ssh-keygen` prints it.
    pub(crate) fn fingerprint(&self, name: &str) -> String {
        let listed = stdout_of(
            Command::new("ssh-keygen")
                .arg("-lf")
                .arg(self.key_file(name)),
        );
        listed.split(' ').nth(1).expect("a fingerprint").to_owned()
    }

    /// File of a secret key.
    pub(crate) fn key_file(&self, name: &str) -> PathBuf {
        self.place.join(&format!("keys/{name}"))
    }

    /// A file of the installed policy.
    pub(crate) fn policy(&self, file: &str) -> PathBuf {
        self.place.join(&format!("etc/warroom/{file}"))
    }

    /// Installs people, keys and rules, as `docs/people.md` says: owned by root and written by nobody else.
    pub(crate) fn install(&self) {
        let codes = if self.layout.codes {
            "totp = true\n"
        } else {
            ""
        };
        let people = format!(
            "[[person]]\nid = \"alice\"\nuids = [{}]\nroles = [\"operator\", \"approver\"]\n{codes}\
             [[person]]\nid = \"bob\"\nuids = [{}]\nroles = [\"operator\", \"approver\"]\n{codes}\
             [shared]\nuids = [{}]\n",
            uid_of(ALICE),
            uid_of(BOB),
            uid_of(SHARED)
        );
        self.place.write("etc/warroom/people.toml", &people);
        self.place
            .write("etc/warroom/rules.toml", self.layout.rules);
        let purposes: Vec<&str> = Kind::ALL.iter().map(|kind| kind.namespace()).collect();
        let mut lines = String::new();
        for (person, public) in self.keys.values() {
            writeln!(
                lines,
                "{person} namespaces=\"{}\" {}",
                purposes.join(","),
                public.trim()
            )
            .expect("memory");
        }
        self.place.write("etc/warroom/allowed_signers", &lines);
        let public = fs::read_to_string(self.policy("host_key.pub")).expect("a public key");
        let line = format!(
            "{HOST} namespaces=\"warroom-session@v1\" {}\n",
            public.trim()
        );
        self.place.write("etc/warroom/server_signers", &line);
        if self.layout.codes {
            let dir = self.policy("totp.d");
            fs::create_dir_all(&dir).expect("mkdir");
            for (person, secret) in [("alice", ALICE_SECRET), ("bob", BOB_SECRET)] {
                let below = format!("etc/warroom/totp.d/{person}");
                set_mode(&self.place.write(&below, &format!("{secret}\n")), 0o600);
            }
            set_mode(&dir, 0o700);
            own(&dir, self.layout.owner);
        }
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.place.join("config.toml")
    }

    /// Starts the session `name` with the runbook of [`book`].
    pub(crate) fn start(&self, name: &str) {
        self.start_with(name, &self.book(name, ""));
    }

    /// Starts the session `name` with a runbook.
    pub(crate) fn start_with(&self, name: &str, text: &str) {
        let file = self.place.write(&format!("books/{name}.md"), text);
        let mut command = self.warroom_in(self.layout.owner);
        command.args(["run", "-d", "-t", name]).arg(file);
        stdout_of(&mut command);
    }

    /// A runbook of one destructive step, which counts its runs and goes on once `marks/NAME-wait` is gone.
    pub(crate) fn book(&self, name: &str, more: &str) -> String {
        let marks = self.place.join("marks");
        format!(
            "# Work on {name}\n\n```toml maintenance\ncomponents = [\"{COMPONENT}\"]\n\n[environment]\nmarks = \"{marks}\"\n```\n\n\
             ## Work\n\n- [ ] Touch it once\n  ```sh run destructive id={STEP} component={COMPONENT} timeout=1m{more}\n  \
             echo run >>\"$marks/{name}-runs\"\n  while [ -e \"$marks/{name}-wait\" ]; do sleep 0.1; done\n  echo touched\n  ```\n",
            marks = marks.display()
        )
    }

    /// Times the command of a session ran, by its own count.
    pub(crate) fn runs(&self, name: &str) -> usize {
        let marks = self.place.join(&format!("marks/{name}-runs"));
        fs::read_to_string(marks)
            .unwrap_or_default()
            .lines()
            .count()
    }

    /// Makes the command of a session wait, or lets it go on.
    pub(crate) fn hold_command(&self, name: &str, hold: bool) {
        let file = self.place.join(&format!("marks/{name}-wait"));
        if hold {
            fs::write(&file, "").expect("writable");
        } else {
            fs::remove_file(&file).expect("it was there");
        }
    }

    /// The program in an account, without ssh: what `sudo -u ACCOUNT warroom` is.
    pub(crate) fn warroom_in(&self, user: &str) -> Command {
        let mut command = Command::new("setpriv");
        let group = stdout_of(Command::new("id").args(["-g", user]));
        command
            .args(["--reuid", user, "--regid", group.trim(), "--init-groups"])
            .arg(self.place.program())
            .arg("--config")
            .arg(self.config())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.place.join(&format!("home/{user}")))
            .current_dir(self.place.path());
        command
    }

    /// The program as root, for looking at journals.
    pub(crate) fn warroom(&self, arguments: &[&str]) -> Output {
        run(Command::new(self.place.join("bin/warroom-here")).args(arguments))
    }

    /// A way to a session for a program of a person's own, by ssh into an account.
    pub(crate) fn target(&self, user: &str, session: &str) -> Target {
        Target::Ssh {
            host: user.to_owned(),
            name: SessionName::new(session).expect("valid"),
            program: self.place.join("bin/warroom-here").display().to_string(),
            options: vec!["-F".to_owned(), self.services.get("SSH_CONFIG").to_owned()],
        }
    }

    /// Opens a terminal: ssh into an account, with an agent forwarded where one is given, and a shell that finds the program.
    pub(crate) fn seat(&self, name: &str, user: &str, agent: Option<&Path>) -> Seat {
        let shell = self.shell(user);
        let mut command = Command::new("env");
        command.args(["-u", "SSH_AUTH_SOCK"]);
        if let Some(agent) = agent {
            command.arg(format!("SSH_AUTH_SOCK={}", agent.display()));
        }
        command.args(["ssh", "-F", self.services.get("SSH_CONFIG")]);
        command.args([
            if agent.is_some() { "-A" } else { "-a" },
            "-tt",
            user,
            &shell,
        ]);
        let terminal = self.tmux.open(name, (100, 30), &command);
        terminal.wait(PROMPT);
        Seat::new(terminal)
    }

    /// As [`Stage::seat`], by what `sudo -u ACCOUNT` does: no ssh, and no agent.
    pub(crate) fn seat_by_sudo(&self, name: &str, user: &str) -> Seat {
        let group = stdout_of(Command::new("id").args(["-g", user]));
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", group.trim(), "--init-groups"]);
        command.args([
            "sh",
            "-c",
            &format!("unset SSH_AUTH_SOCK; {}", self.shell(user)),
        ]);
        let terminal = self.tmux.open(name, (100, 30), &command);
        terminal.wait(PROMPT);
        Seat::new(terminal)
    }

    fn shell(&self, user: &str) -> String {
        format!(
            "env HOME={} PS1=\"{PROMPT} \" PATH={}:$PATH WARROOM_CONFIG={} bash --norc --noprofile",
            self.place.join(&format!("home/{user}")).display(),
            self.place.join("bin").display(),
            self.config().display()
        )
    }

    /// `warroom status --json`, as root.
    pub(crate) fn status(&self, session: &str) -> serde_json::Value {
        let output = self.warroom(&["status", "--json", "-t", session]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
    }

    /// Waits until the step is in a state.
    pub(crate) fn wait_step(&self, session: &str, wanted: &str) {
        let mut last = String::new();
        let found = try_wait(|| {
            last = step_state(&self.status(session), STEP);
            (last == wanted).then_some(())
        });
        assert!(
            found.is_some(),
            "the step of `{session}` is {last}, not {wanted}"
        );
    }

    /// All records of a session, one JSON value each.
    pub(crate) fn records(&self, session: &str) -> Vec<serde_json::Value> {
        let output = self.warroom(&["journal", "export", session]);
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// Records of a kind, such as `step.confirmed`.
    pub(crate) fn records_of(&self, session: &str, kind: &str) -> Vec<serde_json::Value> {
        let mut records = self.records(session);
        records.retain(|record| record["kind"] == kind);
        records
    }

    /// Waits until the journal has a record of a kind whose text holds `words`.
    pub(crate) fn wait_record(&self, session: &str, kind: &str, words: &str) {
        wait_until(&format!("a record `{kind}` with `{words}`"), || {
            self.records_of(session, kind)
                .iter()
                .any(|record| record.to_string().contains(words))
        });
    }

    /// Pid of the session's server.
    pub(crate) fn server_pid(&self, session: &str) -> rustix::process::Pid {
        crate::harness::wait_for("the session's server", || {
            self.place.processes().into_iter().find(|pid| {
                let arguments =
                    fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
                let arguments: Vec<&[u8]> = arguments.split(|b| *b == 0).collect();
                arguments.contains(&&b"serve"[..]) && arguments.contains(&session.as_bytes())
            })
        })
    }

    /// Journal of a session.
    pub(crate) fn journal(&self, session: &str) -> PathBuf {
        self.place.join(&format!("state/{session}/journal"))
    }

    /// `warroom verify` finds nothing wrong, and this many good signatures of a person.
    pub(crate) fn verifies(&self, session: &str) -> serde_json::Value {
        let output = self.warroom(&["verify", session, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

/// Gives a file or directory to an account.
pub(crate) fn own(path: &Path, user: &str) {
    stdout_of(
        Command::new("chown")
            .args(["-R", &format!("{user}:")])
            .arg(path),
    );
}
