//! The runner itself: takes tickets and stop requests, streams output and outcomes, and goes on when nobody listens.

mod begin;
mod connection;
mod kept;
mod scope;

use super::back::BackTicket;
use super::frame::{Answer, Facts};
use super::group::Cgroups;
use super::judge::{self, Here, Passed};
use super::law::Law;
use super::name::RunName;
use super::parts::PartsFault;
use super::run::{self, Ground, blocking};
use super::secret::Provider;
use super::spend::{Spent, own_directory};
use super::stage;
use super::ticket::Ticket;
use crate::clock::{Clock, SystemClock};
use crate::config::runner::RunnerSettings;
use crate::config::{Env, accounts};
use crate::domain::confirm::breakglass::Uses;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::store::Store;
use crate::runner::Limits;
use rustix::process::{DumpableBehavior, Pid, getsid};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at a time: one for each command of each session of a busy night, and some that only ask.
const CONNECTIONS_MAX: usize = 64;
/// Name of the book of who went alone when, in the directory of this runner.
const USES: &str = "breakglass-uses";

/// Why the runner does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A directory or file of its own.
    #[error("cannot use `{}`: {source}", .path.display())]
    Own {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another runner has the directory.
    #[error("another runner uses `{}`", .0.display())]
    Twice(PathBuf),
    /// No such account.
    #[error("account `{0}` of `servers` is not known on this host")]
    Account(String),
    /// The runner has no name to compare plans with.
    #[error("the runner's own account has no name")]
    Nameless,
    /// Commands would inherit something of whoever started the runner.
    #[error(
        "descriptor {0} was left open by whoever started the runner, and commands would get it"
    )]
    Inherited(RawFd),
    /// Commands would get a terminal that can type for them.
    #[error("the runner has a controlling terminal, and commands would get it")]
    Terminal,
}

impl ServeError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Own { .. } => "systemd makes it: see `docs/enforced.md`",
            Self::Twice(_) => "one runner for one `state_dir`",
            Self::Account(_) => "make the account, or correct `servers`",
            Self::Nameless => "give the account a name in `/etc/passwd`",
            Self::Inherited(_) => "start it by systemd, which leaves nothing open",
            Self::Terminal => "start it by systemd, or with `setsid --fork`",
        }
    }
}

/// One attempt that runs, or has ended since this runner started.
#[derive(Debug, Clone)]
struct Run {
    stop: CancellationToken,
    progress: watch::Receiver<run::Progress>,
}

/// A running runner.
struct Runner {
    settings: RunnerSettings,
    account: String,
    host: String,
    boot: String,
    values: PathBuf,
    servers: BTreeSet<u32>,
    reach: String,
    ground: Arc<Ground>,
    spent: Spent,
    /// Held while a nonce goes from unspent to running, so that nobody sees it in between.
    taking: tokio::sync::Mutex<()>,
    runs: Mutex<BTreeMap<RunName, Run>>,
    tasks: TaskTracker,
    /// Set when no new ticket is taken any more.
    ending: CancellationToken,
    /// Only one runner for one directory.
    _lock: File,
}

/// Serves until `ending` is cancelled and every running command has ended.
///
/// `program` is the runner's own, `/proc/self/exe` outside tests; `env` its environment, for secrets.
///
/// # Errors
/// [`ServeError`] when it cannot start; afterwards nothing ends it but `ending`.
pub async fn serve(
    settings: RunnerSettings,
    program: PathBuf,
    env: Env,
    ending: CancellationToken,
) -> Result<(), ServeError> {
    leave_terminal()?;
    let left_open = stage::inherited(None).map_err(|source| ServeError::Own {
        path: PathBuf::from("/proc/self/fd"),
        source,
    })?;
    if let Some(number) = left_open {
        return Err(ServeError::Inherited(number));
    }
    // Statements and secrets are in this memory; a refusal by the kernel is worth a line and no more.
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other programs of this account can read the runner's memory");
    }
    let runner = Arc::new(Runner::new(settings, program, env, ending)?);
    let listener = runner.listen()?;
    tracing::info!(socket = %runner.settings.socket.display(), reach = %runner.reach, "listening");
    runner.accept_all(&listener).await;
    drop(std::fs::remove_file(&runner.settings.socket));
    runner.tasks.close();
    runner.tasks.wait().await;
    Ok(())
}

/// Commands inherit the session: it must not have a terminal.
fn leave_terminal() -> Result<(), ServeError> {
    if rustix::process::setsid().is_ok() {
        return Ok(());
    }
    // Leads a group, as everything that a shell or a service manager starts.
    let own = rustix::process::getpid();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if has_terminal(&stat) || (getsid(None) != Ok(own) && has_terminal_elsewhere(own)) {
        return Err(ServeError::Terminal);
    }
    Ok(())
}

/// A session without a number here, in another PID namespace, says nothing; the own record decides then.
fn has_terminal_elsewhere(own: Pid) -> bool {
    let path = format!("/proc/{}/stat", own.as_raw_nonzero());
    std::fs::read_to_string(path).is_ok_and(|stat| has_terminal(&stat))
}

/// Field 7 of a process's record, `tty_nr`, is 0 without a controlling terminal. Source: proc_pid_stat(5).
fn has_terminal(stat: &str) -> bool {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace().nth(4) != Some("0")
}

impl Runner {
    fn new(
        settings: RunnerSettings,
        program: PathBuf,
        env: Env,
        ending: CancellationToken,
    ) -> Result<Self, ServeError> {
        let own = |path: &Path| {
            let path = path.to_path_buf();
            move |source| ServeError::Own { path, source }
        };
        let state = settings.state_dir.clone();
        let lock = own_directory(&state).map_err(own(&state))?;
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(ServeError::Twice(state));
        }
        let (attempts, values) = (state.join("attempts"), state.join("values"));
        for directory in [&attempts, &values] {
            drop(own_directory(directory).map_err(own(directory))?);
        }
        let spent = Spent::open(&state).map_err(own(&state))?;
        let servers = settings
            .servers
            .iter()
            .map(|name| accounts::uid_of(name).ok_or_else(|| ServeError::Account(name.clone())))
            .collect::<Result<_, _>>()?;
        let uid = rustix::process::geteuid().as_raw();
        let cgroups = Cgroups::find();
        let reach = match &cgroups {
            Ok(_) => "cgroup".to_owned(),
            Err(why) => format!("process group ({why})"),
        };
        let providers = settings.secrets.iter().map(|(name, template)| {
            let template = template.clone();
            (name.clone(), Provider { template })
        });
        let limits = Limits {
            output_bytes: settings.output_bytes_max,
            ..Limits::default()
        };
        Ok(Self {
            account: accounts::name_of_uid(uid).ok_or(ServeError::Nameless)?,
            host: host_name(),
            boot: run::boot(),
            values,
            servers,
            reach,
            ground: Arc::new(Ground {
                program,
                attempts,
                cgroups: cgroups.ok(),
                providers: providers.collect(),
                env,
                limits,
            }),
            spent,
            taking: tokio::sync::Mutex::new(()),
            runs: Mutex::default(),
            tasks: TaskTracker::new(),
            ending,
            settings,
            _lock: lock,
        })
    }

    /// Makes the socket under another name first, so that nobody finds it before it has its mode. Who connects is
    /// told by the kernel, so everybody may try.
    fn listen(&self) -> Result<UnixListener, ServeError> {
        let path = &self.settings.socket;
        let fresh = path.with_extension("new");
        let failed = |source| ServeError::Own {
            path: path.clone(),
            source,
        };
        // The lock on the state directory says that these are nobody's.
        drop(std::fs::remove_file(&fresh));
        let listener = UnixListener::bind(&fresh).map_err(failed)?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o666))
            .and_then(|()| std::fs::rename(&fresh, path))
            .map_err(failed)?;
        Ok(listener)
    }

    async fn accept_all(self: &Arc<Self>, listener: &UnixListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let accepted = tokio::select! {
                () = self.ending.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((socket, _)) = accepted else {
                // Out of descriptors, most often: those of ended connections come back.
                tokio::task::yield_now().await;
                continue;
            };
            let uid = socket.peer_cred().map(|peer| peer.uid());
            if !uid.as_ref().is_ok_and(|uid| self.servers.contains(uid)) {
                tracing::warn!(?uid, "hung up on an account that is no session server's");
                continue;
            }
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!("hung up: too many connections");
                continue;
            };
            let runner = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = connection::serve(&runner, socket).await {
                    tracing::info!(%error, "a connection ended");
                }
                drop(place);
            });
        }
    }

    async fn facts(&self) -> Facts {
        let people = self.settings.people.clone();
        let read = blocking(move || Law::read(&people).map_err(|problems| problems.to_string()));
        let read = read.await;
        let (policy, policy_error) = match read {
            Some(Ok(law)) => (Some(law.digest), String::new()),
            Some(Err(problems)) => (None, problems),
            None => (None, "reading the policy broke off".to_owned()),
        };
        Facts {
            program: format!("warroom-runner {}", env!("CARGO_PKG_VERSION")),
            account: self.account.clone(),
            host: self.host.clone(),
            values: self.values.display().to_string(),
            policy,
            policy_error,
            reach: self.reach.clone(),
            scope: self.settings.scope.display().to_string(),
            undo_hours: self.settings.undo_within.as_secs() / 3600,
        }
    }

    fn run_of(&self, name: &RunName) -> Option<Run> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(name).cloned()
    }

    /// Looks into this runner's own book of who went alone when, and maybe changes it: two in an hour lock them here
    /// too. Blocks.
    fn with_uses(
        &self,
        person: &PersonId,
        change: impl FnOnce(&mut Uses, Timestamp) -> Result<(), Timestamp>,
    ) -> Result<(), Answer> {
        let now = SystemClock.now().wall;
        let store = Store::new(&self.settings.state_dir, USES);
        let allowed = store.update(|uses: &mut Uses| change(uses, now));
        let hint = "another person can confirm it";
        match allowed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => {
                let until = until.to_seconds_text();
                let why =
                    format!("`{person}` ran two alone within an hour and is locked until {until}");
                Err(refused("locked", &why, hint))
            }
            Err(fault) => {
                let why = format!("the book of who went alone cannot be kept: {fault}");
                Err(refused("disk", &why, hint))
            }
        }
    }

    /// Judges a ticket and, if it is right, spends its name and starts it.
    ///
    /// # Errors
    /// The answer that says why not.
    async fn take(self: &Arc<Self>, bytes: Vec<u8>) -> Result<RunName, Answer> {
        if self.ending.is_cancelled() {
            return Err(refused("ending", "the runner is being stopped", ""));
        }
        let runner = Arc::clone(self);
        let judged = blocking(move || runner.judge_any(&bytes).map(|passed| (passed, bytes)));
        let (passed, bytes) = judged.await.unwrap_or_else(broke_off)?;
        let name = passed.name().clone();
        let _taking = self.taking.lock().await;
        let runner = Arc::clone(self);
        let prepared = blocking(move || {
            let scope = scope::take(&runner.settings.scope, &runner.ground.attempts)?;
            let prepared = runner.begin(passed, &bytes)?;
            Ok((prepared, scope))
        });
        let (prepared, scope) = prepared.await.unwrap_or_else(broke_off)?;
        let stop = CancellationToken::new();
        let (progress, receiver) = watch::channel(run::Progress::default());
        let run = Run {
            stop: stop.clone(),
            progress: receiver,
        };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|_, run| !run.progress.borrow().is_over);
        runs.insert(name.clone(), run);
        drop(runs);
        let ground = Arc::clone(&self.ground);
        self.tasks.spawn(async move {
            run::run(&ground, prepared, stop, &progress).await;
            // Only now may another command touch what this one touched.
            drop(scope);
        });
        Ok(name)
    }

    /// Blocks.
    fn judge_any(&self, bytes: &[u8]) -> Result<Passed, Answer> {
        let unread = |fault: PartsFault| refused("ticket", &fault.to_string(), "");
        if BackTicket::is_one(bytes) {
            self.judge_back(&BackTicket::parse(bytes).map_err(unread)?)
        } else {
            self.judge(&Ticket::parse(bytes).map_err(unread)?)
        }
    }

    /// Blocks: reads the policy as it is now.
    fn judge(&self, ticket: &Ticket) -> Result<Passed, Answer> {
        judge::judge(ticket, &self.law()?, &self.here())
            .map_err(|refusal| not_right(refusal.word(), &refusal, refusal.hint()))
    }

    /// Blocks: a way back is held against what this runner has run itself, and not against the policy.
    fn judge_back(&self, back: &BackTicket) -> Result<Passed, Answer> {
        let kept = kept::find(&self.spent, &self.ground.attempts, back)
            .map_err(|refusal| not_right(refusal.word(), &refusal, refusal.hint()))?;
        let within = self.settings.undo_within;
        judge::back::judge(back, &kept, &self.here(), within)
            .map_err(|refusal| not_right(refusal.word(), &refusal, refusal.hint()))
    }

    fn law(&self) -> Result<Law, Answer> {
        Law::read(&self.settings.people)
            .map_err(|problems| refused("policy-unread", &problems.to_string(), ""))
    }

    fn here(&self) -> Here<'_> {
        Here {
            now: SystemClock.now(),
            boot: &self.boot,
            host: &self.host,
            account: &self.account,
            values: &self.values,
            allow_env: &self.settings.allow_env,
            believe_detached: self.settings.believe_detached,
        }
    }

    /// What became of an attempt of an earlier runner or a ticket that never came. A nonce that was not spent is spent
    /// here: whoever is told that it did not run can rely on its never running.
    async fn past(self: &Arc<Self>, name: &RunName) -> Answer {
        let _taking = self.taking.lock().await;
        if self.run_of(name).is_some() {
            return Answer::Done;
        }
        let (runner, name) = (Arc::clone(self), name.clone());
        let looked = blocking(move || {
            let directory = run::directory(&runner.ground.attempts, &name);
            match super::result::read(&directory) {
                Ok(Some(attempted)) => Answer::Ended(Box::new(attempted)),
                Ok(None) => match runner.spent.spend(&name, "not taken") {
                    Ok(()) => refused("not-taken", "the runner has had no ticket for it", ""),
                    Err(_) => Answer::Unknown,
                },
                Err(error) => {
                    tracing::error!(run = %name, %error, "a result cannot be read");
                    Answer::Unknown
                }
            }
        });
        looked.await.unwrap_or(Answer::Unknown)
    }
}

fn not_right(word: &str, why: &impl ToString, hint: &str) -> Answer {
    let why = why.to_string();
    tracing::warn!(word, why, "a ticket was refused");
    refused(word, &why, hint)
}

fn refused(word: &str, why: &str, hint: &str) -> Answer {
    Answer::Refused {
        word: word.to_owned(),
        why: why.to_owned(),
        hint: hint.to_owned(),
    }
}

fn broke_off<T>() -> Result<T, Answer> {
    Err(refused("defect", "judging the ticket broke off", ""))
}

fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controlling_terminal_is_seen_in_the_record_of_a_process() {
        assert!(!has_terminal("1 (warroom (x) y) S 1 1 1 0 -1 4194560"));
        assert!(has_terminal("1 (warroom) S 1 1 1 34816 1 4194560"));
        assert!(
            has_terminal(""),
            "what cannot be read is not taken for none"
        );
    }
}
