//! One attempt, from a ticket that was found right to a result on the disk.

pub(super) use super::follow::Progress;
use super::follow::{self, Sink};
use super::group::{Cgroup, Cgroups};
use super::judge::Passed;
use super::launch::{self, LaunchError};
use super::name::RunName;
use super::order::Order;
use super::result::{Attempted, Reserved};
use super::scrub::Scrubber;
use super::secret::{self, Fetched, Provider};
use crate::clock::{Clock, SystemClock};
use crate::config::Env;
use crate::domain::digest::Digest;
use crate::domain::time::Timestamp;
use crate::runner::{Limits, OUTPUT_VARIABLE, Outcome, OutputFile, create_values, read_values};
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What every attempt of a runner shares.
#[derive(Debug)]
pub(super) struct Ground {
    /// The runner's own program: its child is started from it.
    pub(super) program: PathBuf,
    /// Directory of all attempts.
    pub(super) attempts: PathBuf,
    /// Where cgroups can be made; absent where they cannot.
    pub(super) cgroups: Option<Cgroups>,
    /// Where secrets come from.
    pub(super) providers: BTreeMap<String, Provider>,
    /// The runner's environment, for `env:` and `command:` secrets.
    pub(super) env: Env,
    /// Limits of every command.
    pub(super) limits: Limits,
}

/// The directory of one attempt.
pub(super) fn directory(attempts: &Path, run: &RunName) -> PathBuf {
    attempts.join(run.to_string())
}

/// Name of the ticket in the directory of its attempt.
pub(super) const TICKET: &str = "ticket";
/// Name of the output in the directory of its attempt.
pub(super) const OUTPUT: &str = "output";
/// Name of the file that tells a later runner which processes an attempt has.
const GROUP: &str = "group";

/// What is made durable before anything runs.
pub(super) struct Prepared {
    passed: Passed,
    directory: PathBuf,
    reserved: Reserved,
    output: OutputFile,
    values: Option<PathBuf>,
    started: Timestamp,
}

/// Makes the directory of an attempt with its ticket, its output and room for its result. Blocks.
///
/// # Errors
/// What the file system says; nothing may run then.
pub(super) fn prepare(ground: &Ground, passed: Passed, ticket: &[u8]) -> io::Result<Prepared> {
    use std::os::unix::fs::DirBuilderExt as _;
    let directory = directory(&ground.attempts, passed.name());
    std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
    let mut copy = create_values(&directory.join(TICKET))?;
    io::Write::write_all(&mut copy, ticket)?;
    copy.sync_all()?;
    let reserved = Reserved::new(&directory)?;
    let output = OutputFile::create(&directory.join(OUTPUT), ground.limits.output_bytes)?;
    let env = &passed.plan().inputs.env;
    let values = env.iter().find(|(name, _)| name == OUTPUT_VARIABLE);
    let values = values.map(|(_, path)| PathBuf::from(path));
    if let Some(path) = &values {
        create_values(path)?;
    }
    std::fs::File::open(&directory)?.sync_all()?;
    std::fs::File::open(&ground.attempts)?.sync_all()?;
    Ok(Prepared {
        passed,
        directory,
        reserved,
        output,
        values,
        started: SystemClock.now().wall,
    })
}

/// Runs an attempt whose nonce is spent, and writes its result. Says on `progress` when it is over, whatever happens.
pub(super) async fn run(
    ground: &Ground,
    prepared: Prepared,
    stop: CancellationToken,
    progress: &watch::Sender<Progress>,
) {
    let name = prepared.passed.name().clone();
    let directory = prepared.directory.clone();
    if let Err(error) = attempt(ground, prepared, stop, progress).await {
        // Nobody will know how it ended: that is what a missing result says.
        tracing::error!(run = %name, %error, "the result of a command could not be written");
    }
    drop(std::fs::remove_file(directory.join(GROUP)));
    progress.send_modify(|progress| progress.is_over = true);
}

async fn attempt(
    ground: &Ground,
    prepared: Prepared,
    stop: CancellationToken,
    progress: &watch::Sender<Progress>,
) -> io::Result<()> {
    let Prepared {
        passed,
        directory,
        reserved,
        output,
        values,
        started,
    } = prepared;
    let time = Duration::from_secs(passed.plan().inputs.timeout_s);
    let mut draft = draft(&passed, started);
    let (launched, scrubber) = launch(ground, &passed, &directory, &mut draft).await;
    let (outcome, output, scrubber) = match launched {
        Err(outcome) => (outcome, output, scrubber),
        Ok(running) => {
            let pid = running.pid;
            progress.send_modify(|progress| progress.pid = Some(pid));
            let sink = Sink {
                scrubber,
                output,
                progress,
            };
            let ended = follow::follow(running, time, ground.limits, stop, sink).await;
            draft.left_behind = ended.left_behind;
            (ended.outcome, ended.output, ended.scrubber)
        }
    };
    let written = output.finish();
    draft.outcome = outcome;
    draft.output_bytes = written.bytes;
    draft.output_truncated = written.truncated;
    draft.output_digest = written.digest;
    draft.output_error = written.error.unwrap_or_default();
    if let Some(path) = values {
        let read = read_values(&path);
        draft.values = read
            .values
            .into_iter()
            .map(|(name, value)| (name, scrubber.whole(&value)))
            .collect();
        draft.values_error = scrubber.whole(&read.error.unwrap_or_default());
        drop(std::fs::remove_file(&path));
    }
    draft.ended = SystemClock.now().wall;
    reserved.write(&draft)
}

/// The result of a command that has not run yet.
fn draft(passed: &Passed, started: Timestamp) -> Attempted {
    let said = passed.said();
    Attempted {
        run: passed.name().clone(),
        session: said.session.clone(),
        step: said.step.clone(),
        attempt: said.attempt,
        plan: said.plan,
        started,
        ended: started,
        outcome: Outcome::NotStarted("it was not tried".to_owned()),
        output_bytes: 0,
        output_truncated: 0,
        output_digest: Digest::of(b""),
        output_error: String::new(),
        left_behind: Some(0),
        secrets: Vec::new(),
        values: Vec::new(),
        values_error: String::new(),
    }
}

/// Fetches secrets and starts the command; and what takes the secrets out again.
async fn launch(
    ground: &Ground,
    passed: &Passed,
    directory: &Path,
    draft: &mut Attempted,
) -> (Result<launch::Running, Outcome>, Scrubber) {
    let env = passed.plan().inputs.env.clone();
    let (providers, own) = (ground.providers.clone(), ground.env.clone());
    let named = env.clone();
    let fetched = blocking(move || secret::fetch(&named, &providers, &own)).await;
    let fetched = match fetched {
        Some(Ok(fetched)) => fetched,
        Some(Err(fault)) => {
            let none = Scrubber::new([]);
            return (Err(Outcome::NotStarted(fault.to_string())), none);
        }
        None => {
            let why = "fetching its secrets broke off".to_owned();
            return (Err(Outcome::NotStarted(why)), Scrubber::new([]));
        }
    };
    draft.secrets = fetched.iter().map(|f| f.used.clone()).collect();
    let scrubber = scrubber(&fetched);
    let cgroup = ground.cgroups.as_ref().and_then(|cgroups| {
        let made = cgroups.make(passed.name());
        made.inspect_err(|error| tracing::warn!(%error, "no cgroup for this command"))
            .ok()
    });
    let order = order(passed, &env, &fetched, cgroup.as_ref());
    let (program, noted) = (ground.program.clone(), directory.join(GROUP));
    let started = blocking(move || {
        // For a runner that comes after this one: without it the scope could be taken while this still runs.
        let place = cgroup.as_ref().map(|c| c.directory().to_path_buf());
        launch::launch(&program, &order, cgroup, |pid| {
            note_group(&noted, pid, place.as_deref())
        })
    })
    .await;
    let outcome = match started {
        Some(Ok(running)) => return (Ok(running), scrubber),
        Some(Err(LaunchError::NotStarted(why))) => Outcome::NotStarted(scrubber.whole(&why)),
        Some(Err(LaunchError::Lost(why))) => Outcome::Unknown(scrubber.whole(&why)),
        None => Outcome::Unknown("starting it broke off".to_owned()),
    };
    (Err(outcome), scrubber)
}

fn scrubber(fetched: &[Fetched]) -> Scrubber {
    let secrets = fetched
        .iter()
        .map(|f| (f.variable.as_str(), f.value.expose_secret()));
    Scrubber::new(secrets)
}

fn order(
    passed: &Passed,
    env: &[(String, String)],
    fetched: &[Fetched],
    cgroup: Option<&Cgroup>,
) -> Order {
    let plan = passed.plan();
    Order {
        exe: PathBuf::from(&plan.exe),
        exe_digest: plan.exe_digest,
        argv: plan.inputs.argv.clone(),
        env: secret::filled(env, fetched),
        cwd: PathBuf::from(&plan.inputs.cwd),
        stdin: passed.stdin().map(<[u8]>::to_vec),
        cgroup: cgroup.map(|cgroup| cgroup.directory().to_path_buf()),
    }
}

/// Writes down which processes an attempt has: `boot`, process group, cgroup or `none`.
fn note_group(path: &Path, group: u32, cgroup: Option<&Path>) -> io::Result<()> {
    let cgroup = cgroup.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    let text = format!("{}\n{group}\n{cgroup}\n", boot());
    let mut file = create_values(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()
}

/// Which boot of the host this is.
pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

/// How many processes an attempt of an earlier runner still has: that runner has died, and they have not.
pub(super) fn still_alive(directory: &Path) -> io::Result<u32> {
    let text = match std::fs::read_to_string(directory.join(GROUP)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut lines = text.lines();
    let (of_boot, group, cgroup) = (lines.next(), lines.next(), lines.next());
    if of_boot != Some(&boot()) {
        return Ok(0);
    }
    match cgroup {
        Some("none") => {}
        Some(path) => return Cgroup::of(PathBuf::from(path)).count(),
        // Cut off in the middle of writing: the runner died there, and nobody knows of what.
        None => return Err(io::ErrorKind::InvalidData.into()),
    }
    let group = group.and_then(|group| group.parse().ok());
    let group = group.and_then(rustix::process::Pid::from_raw);
    let group = group.ok_or(io::ErrorKind::InvalidData)?;
    super::group::count_group(group)
}

/// Does something that blocks; none when it panicked.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
