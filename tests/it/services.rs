//! Real servers on loopback, by the scripts in `tests/services`.

use crate::harness::{Place, checkout, run, said, stdout_of};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// The person who administers the databases and runs the maintenance.
pub(crate) const ALICE: &str = "wr-alice";
/// The second person.
pub(crate) const BOB: &str = "wr-bob";

/// Servers with their data below a place.
#[derive(Debug)]
pub(crate) struct Services {
    dir: PathBuf,
    lines: BTreeMap<String, String>,
}

impl Services {
    /// Starts servers and waits until each answers.
    ///
    /// # Panics
    /// With the scripts' last lines, when one does not.
    pub(crate) fn start(place: &Place, names: &[&str]) -> Self {
        let mut services = Self {
            dir: place.join("svc"),
            lines: BTreeMap::new(),
        };
        services.up(names);
        services
    }

    /// As [`Services::start`], with these accounts in place of [`ALICE`] and [`BOB`].
    pub(crate) fn start_for(place: &Place, names: &[&str], users: &[&str]) -> Self {
        let mut services = Self {
            dir: place.join("svc"),
            lines: BTreeMap::new(),
        };
        let mut command = script("up.sh");
        command.args(names).arg(&services.dir);
        services.take(command.env("WARROOM_USERS", users.join(" ")));
        services
    }

    /// Starts what has died, on the same ports.
    pub(crate) fn up(&mut self, names: &[&str]) {
        let mut command = script("up.sh");
        // One account owns databases and maintenance: commands of steps run in the account of who started the session.
        command
            .args(names)
            .arg(&self.dir)
            .env("WARROOM_PG_USER", ALICE);
        self.take(&mut command);
    }

    fn take(&mut self, command: &mut Command) {
        let lines = stdout_of(command);
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        self.lines
            .extend(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    /// Kills one server without a chance to say goodbye.
    pub(crate) fn kill(&self, name: &str) {
        let mut command = script("down.sh");
        let output = run(command.arg("--kill").arg(&self.dir).arg(name));
        assert!(output.status.success(), "{}", said(&output));
    }

    /// What a service said of itself, such as `PROMETHEUS_URL`.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.find(key)
            .unwrap_or_else(|| panic!("no service said `{key}`"))
    }

    /// As [`Services::get`]; `None` when its service was not started.
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.lines.get(key).map(String::as_str)
    }

    /// A text with each `@KEY@` replaced by what services said.
    pub(crate) fn fill(&self, text: &str) -> String {
        let fill = |text: String, (key, value): (&String, &String)| {
            text.replace(&format!("@{key}@"), value)
        };
        self.lines.iter().fold(text.to_owned(), fill)
    }

    /// `ssh` to a person's account on this host.
    pub(crate) fn ssh(&self, user: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-F", self.get("SSH_CONFIG"), user]);
        command
    }
}

fn script(name: &str) -> Command {
    Command::new(checkout().join("tests/services").join(name))
}
