//! Carries checkpoints away: off the session task, one at a time, none waited for longer than it is worth.

use super::input::Incoming;
use super::ledger::Ledger;
use crate::clock::Clock;
use crate::domain::confirm::checkpoint::Checkpoint;
use crate::domain::reading::Reading;
use crate::engine::Witness;
use crate::wire::message::SignedCheckpoint;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

/// Checkpoints that may wait. Each covers those before it, so a lost one costs nothing once a later one has left.
const WAITING_MAX: usize = 64;
/// Time a program or a disk has for one checkpoint.
const OUTLET_MAX: Duration = Duration::from_secs(10);
/// Socket of the system log.
const SYSTEM_LOG: &str = "/dev/log";
/// Facility `authpriv`, severity `info` (RFC 3164, section 4.1.1: 10 times 8 plus 6).
const PRIORITY: &str = "<86>";

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outlet {
    /// Appended to a file, document and signature.
    File(PathBuf),
    /// One line to the system log, where there is one.
    SystemLog,
    /// Given to a program on its standard input.
    Command(Vec<String>),
}

impl Outlet {
    /// Where it leads, in a few words.
    fn to_place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::SystemLog => "system log".to_owned(),
            Self::Command(argv) => argv.first().cloned().unwrap_or_default(),
        }
    }
}

/// What waits to be carried away.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Each with whether what it takes is outside this host then.
    outlets: Vec<(Outlet, bool)>,
    sender: mpsc::Sender<SignedCheckpoint>,
    receiver: Option<mpsc::Receiver<SignedCheckpoint>>,
}

impl Outbox {
    pub(crate) fn new(outlets: Vec<(Outlet, bool)>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self {
            outlets,
            sender,
            receiver: Some(receiver),
        }
    }

    /// Puts one in. When too many wait it is dropped: the next one covers what it covers.
    pub(crate) fn put(&self, signed: &SignedCheckpoint) {
        if self.sender.try_send(signed.clone()).is_err() {
            tracing::warn!("a checkpoint was not carried away: {WAITING_MAX} wait already");
        }
    }

    /// What carries them away, until the outbox is dropped. Trouble is told as the health of `checkpoints`.
    pub(crate) fn carry(
        &mut self,
        readings: mpsc::Sender<Reading>,
        inputs: mpsc::Sender<Incoming>,
        clock: Arc<dyn Clock>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (receiver, outlets) = (self.receiver.take(), self.outlets.clone());
        async move {
            let Some(mut receiver) = receiver else { return };
            let mut was_bad = false;
            while let Some(signed) = receiver.recv().await {
                let mut trouble = Vec::new();
                let mut away = None;
                for (outlet, is_away) in &outlets {
                    match send(outlet, &signed).await {
                        Ok(()) if *is_away => away = Some(outlet.to_place()),
                        Ok(()) => {}
                        Err(error) => trouble.push(error),
                    }
                }
                if let Some(place) = away
                    && let Ok(checkpoint) = Checkpoint::parse(&signed.document)
                {
                    let left = Incoming::Witnessed(checkpoint.head.0, Witness::Place(place));
                    inputs.send(left).await.ok();
                }
                let trouble = trouble.join("; ");
                let is_bad = !trouble.is_empty();
                if is_bad || was_bad {
                    tracing::warn!(%trouble, "checkpoints");
                    if let Ok(health) = Ledger::health("checkpoints", &trouble, clock.now()) {
                        readings.send(Reading::Health(health)).await.ok();
                    }
                }
                was_bad = is_bad;
            }
        }
    }
}

async fn send(outlet: &Outlet, signed: &SignedCheckpoint) -> Result<(), String> {
    let text = format!("{}{}", signed.document, signed.signature);
    match outlet {
        Outlet::File(path) => {
            let file = path.clone();
            let writing = tokio::task::spawn_blocking(move || append(&file, &text));
            let failed = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
            match tokio::time::timeout(OUTLET_MAX, writing).await {
                Ok(Ok(Ok(()))) => Ok(()),
                Ok(Ok(Err(error))) => Err(failed(&error)),
                Ok(Err(error)) => Err(failed(&error)),
                Err(_) => Err(failed(&"the disk does not answer")),
            }
        }
        Outlet::SystemLog => {
            log(signed);
            Ok(())
        }
        Outlet::Command(argv) => run(argv, &text).await,
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    let mut file = File::from(rustix::fs::open(path, flags, mode)?);
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// One line: whoever reads the log later needs the head alone. A host without a system log loses nothing by it.
fn log(signed: &SignedCheckpoint) {
    let line = |key: &str| {
        let lines = signed.document.lines();
        lines
            .filter_map(|line| line.strip_prefix(key))
            .find_map(|rest| rest.strip_prefix(": "))
            .unwrap_or_default()
            .to_owned()
    };
    let text = format!(
        "{PRIORITY}warroom[{}]: checkpoint session={} head={} time={}",
        std::process::id(),
        line("session"),
        line("head"),
        line("time")
    );
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(text.as_bytes(), SYSTEM_LOG)
    });
    if let Err(error) = sent {
        tracing::debug!(%error, "no system log takes checkpoints");
    }
}

async fn run(argv: &[String], text: &str) -> Result<(), String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Ok(());
    };
    let failed = |what: &dyn std::fmt::Display| format!("`{program}`: {what}");
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let input = child.stdin.take();
    let running = async {
        if let Some(mut input) = input {
            // A program that does not read its input says by its exit status what it thinks of it.
            input.write_all(text.as_bytes()).await.ok();
        }
        child.wait().await
    };
    match tokio::time::timeout(OUTLET_MAX, running).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(&status)),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&format!("no end within {} s", OUTLET_MAX.as_secs()))),
    }
}
