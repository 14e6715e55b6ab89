//! A real ssh-agent on a person's own machine.

use super::stage::Stage;
use crate::harness::{run, said, set_mode, stdout_of, wait_until};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An agent with keys; ends when dropped.
#[derive(Debug)]
pub(crate) struct Agent {
    dir: PathBuf,
    child: Child,
}

impl Agent {
    /// Starts an agent that asks its owner through `askpass`, the text of a shell script.
    pub(crate) fn start(stage: &Stage, name: &str, askpass: &str) -> Self {
        let dir = stage.place.join(&format!("agents/{name}"));
        std::fs::create_dir(&dir).expect("mkdir");
        let script = dir.join("askpass");
        std::fs::write(
            &script,
            format!("#!/bin/sh\ncd \"{}\"\n{askpass}\n", dir.display()),
        )
        .expect("written");
        set_mode(&script, 0o755);
        let socket = dir.join("sock");
        let child = Command::new("ssh-agent")
            .args(["-D", "-P", "/tmp/wr-*", "-a"])
            .arg(&socket)
            .env("SSH_ASKPASS", &script)
            .env("DISPLAY", ":0")
            .env_remove("SSH_ASKPASS_REQUIRE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        // The file is there before anybody listens behind it.
        wait_until("the agent", || UnixStream::connect(&socket).is_ok());
        Self { dir, child }
    }

    /// An agent with one key, that asks nobody.
    pub(crate) fn with_key(stage: &Stage, name: &str, key: &str) -> Self {
        let agent = Self::start(stage, name, "exit 1");
        agent.add(&[], &stage.key_file(key));
        agent
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("sock")
    }

    /// A file beside it, such as what its askpass program has left.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Gives it a key.
    pub(crate) fn add(&self, options: &[&str], key: &Path) {
        stdout_of(self.ssh_add().arg("-q").args(options).arg(key));
    }

    /// Locks or unlocks it with the word of its askpass program.
    pub(crate) fn lock(&self, lock: bool) {
        let output = run(self.ssh_add().arg(if lock { "-x" } else { "-X" }));
        assert!(output.status.success(), "{}", said(&output));
    }

    fn ssh_add(&self) -> Command {
        let mut command = Command::new("ssh-add");
        command
            .env("SSH_AUTH_SOCK", self.socket())
            .env("SSH_ASKPASS", self.file("askpass"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("DISPLAY", ":0")
            .stdin(Stdio::null());
        command
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}
