//! `warroom serve`: the session server, in the foreground or on its own for `run`.

use super::Outcome;
use super::amended::Reader;
use super::args::ServeArgs;
use super::environment::{self, Environment, session_dir};
use super::pinned::{self, Pinned};
use super::rehearse::{self, There, Whose};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::fact::Mode;
use crate::domain::id::SessionName;
use crate::exit::{Code, Failure};
use crate::server::checkpoints::Away;
use crate::server::git::Surroundings;
use crate::server::history;
use crate::server::pin::{self, Seed};
use crate::server::policy::{PeopleSource, Policy};
use crate::server::rehearsals::{self, Found};
use crate::server::start::{Options, Server, StartError};
use crate::telemetry;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Worker threads of a server: the session task, and everything else.
const WORKERS: usize = 2;

/// `warroom serve`.
pub(super) fn serve(environment: &Environment, args: &ServeArgs) -> Outcome {
    super::harden::harden();
    if args.background {
        // Fails only for a process group leader, which a server started by `run` is not; then it has its own already.
        rustix::process::setsid().ok();
    }
    let served = prepare_and_serve(environment, args);
    if let (true, Err(failure)) = (args.background, &served) {
        announce(&Announcement::failed(failure));
    }
    served
}

fn prepare_and_serve(environment: &Environment, args: &ServeArgs) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(Failure::new)?;
    let served = runtime.block_on(serve_until_told(environment, args));
    // A blocked file operation must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    served
}

async fn serve_until_told(environment: &Environment, args: &ServeArgs) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let demo = if args.demo {
        let name = environment::session_name(args.target.as_deref().unwrap_or("demo"))?;
        Some(super::demo::Prepared::start(environment, &name, &clock).await?)
    } else {
        None
    };
    let there = args.env_file.as_deref();
    let there = there
        .map(|file| rehearse::read(environment, file))
        .transpose()?;
    let config = match &demo {
        Some(demo) => demo.config(environment)?,
        None => configured(environment, args, there.as_ref())?,
    };
    let loaded = match (&args.file, &demo) {
        (_, Some(demo)) => Some(pin(demo.runbook(), None, &config, &clock).await?),
        (Some(file), None) => Some(pin(file, there.as_ref(), &config, &clock).await?),
        (None, None) => None,
    };
    let (name, options) = options(
        environment,
        &config,
        args,
        (demo.as_ref(), there.as_ref(), loaded),
        Arc::clone(&clock),
    )?;
    let dir = options.session_dir.clone();
    let runtime_dir = options.runtime_dir.clone();
    let server = Server::start(options).await.map_err(failure)?;
    let guard = telemetry::start(&dir, environment.env.get("WARROOM_LOG")).ok();
    tracing::info!(session = %name, program = crate::PROGRAM, "serving");
    if args.background {
        announce(&Announcement::Ready {
            socket: server.socket_path(),
        });
    } else {
        let socket = server.socket_path();
        writeln!(
            std::io::stderr(),
            "session {name} answers on {}; attach with `warroom attach -t {name}`",
            socket.display()
        )
        .ok();
    }
    super::harden::warn_of_tiocsti();
    let shutdown = server.shutdown();
    let partner = (args.partner && args.demo).then(|| {
        tokio::spawn(crate::client::partner::play(
            name.clone(),
            vec![runtime_dir],
        ))
    });
    tokio::spawn(end_on_signal(shutdown));
    // On a worker, where its timer and sockets are heard: from here every input would have to wake a second thread.
    let reason = tokio::spawn(server.run()).await.map_err(Failure::new)?;
    if let Some(partner) = partner {
        partner.abort();
    }
    if let Some(demo) = demo {
        demo.stop().await;
    }
    tracing::info!(%reason, "ended");
    drop(guard);
    Ok(Code::Done)
}

/// SIGTERM and SIGINT end the server in an orderly way; a hang-up does not concern it.
async fn end_on_signal(shutdown: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {}
        }
    }
    shutdown.cancel();
}

/// The configuration; of a rehearsal that is taken up the one it was started with.
fn configured(
    environment: &Environment,
    args: &ServeArgs,
    there: Option<&There>,
) -> Result<Config, Failure> {
    rehearse::configuration(environment, there, |usual| {
        let name = environment::session_name(args.target.as_deref()?).ok()?;
        let is_taken_up = args.file.is_none();
        let dir = is_taken_up.then(|| session_dir(usual, &name))?;
        rehearsals::of_session(&dir).as_ref().map(Whose::of)
    })
}

/// Reads a runbook, and the CMDB where its units are known there alone.
async fn pin(
    file: &Path,
    there: Option<&There>,
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Pinned, Failure> {
    let checked = pinned::check_in(file, there)?;
    checked.refuse_stepless()?;
    let catalog = if checked.needs_cmdb() {
        Some(super::cmdb::read(config, clock).await?)
    } else {
        None
    };
    checked.pin(catalog.as_ref())
}

fn options(
    environment: &Environment,
    config: &Config,
    args: &ServeArgs,
    (demo, there, loaded): (
        Option<&super::demo::Prepared>,
        Option<&There>,
        Option<Pinned>,
    ),
    clock: Arc<dyn Clock>,
) -> Result<(SessionName, Options), Failure> {
    let people = match (&config.people, demo) {
        (_, Some(_)) => PeopleSource::Demo,
        (Some(file), None) => PeopleSource::File(file.clone()),
        (None, None) => PeopleSource::Accounts {
            rules: config.rules.clone(),
        },
    };
    let name = match (&args.target, &args.file) {
        (Some(name), _) => environment::session_name(name)?,
        (None, Some(file)) => environment::name_from_file(file)?,
        (None, None) => {
            return Err(Failure::new("neither a runbook nor a session is named")
                .hint(
                    "`warroom serve RUNBOOK.md`, or `warroom serve -t NAME` to take one up"
                        .to_owned(),
                )
                .code(Code::Usage));
        }
    };
    let mut base_env = environment.command_env();
    if let Some(demo) = demo {
        base_env.extend(demo.command_env());
    }
    let dir = session_dir(config, &name);
    let mode = if demo.is_some() {
        Mode::Demo
    } else if config.runner.is_some() {
        Mode::Enforced
    } else {
        Mode::Advisory
    };
    let genesis = loaded
        .map(|loaded| {
            let seeded = (name.clone(), mode);
            let loaded = (loaded, there);
            genesis(environment, loaded, seeded, config, &people, &*clock)
        })
        .transpose()?;
    let scope_dir = match demo {
        // Nothing real is touched in a demo: it is in nobody's way, and nobody in its.
        Some(_) => dir.join("scope"),
        None => config.server.scope_dir.clone(),
    };
    let options = Options {
        name: name.clone(),
        scope_dir,
        session_dir: dir,
        runtime_dir: environment.runtime_dir(config),
        group: config.server.group.clone(),
        genesis: genesis.map(Box::new),
        people,
        connectors: config.connectors.clone(),
        reader: Some(Arc::new(Reader {
            connectors: config.connectors.clone(),
            clock: Arc::clone(&clock),
            git_env: environment.git_env(),
        })),
        base_env,
        host_key: config.host_key.clone(),
        away: Away {
            files: config.server.checkpoint_file.iter().cloned().collect(),
            command: config.server.checkpoint_command.clone(),
            ..Away::default()
        },
        radius_depth: config.server.radius_depth,
        output_bytes_max: u64::try_from(config.server.output_bytes_max).unwrap_or(u64::MAX),
        runner: config.runner.clone(),
        clock,
    };
    Ok((name, options))
}

fn genesis(
    environment: &Environment,
    (loaded, there): (Pinned, Option<&There>),
    (name, mode): (SessionName, Mode),
    config: &Config,
    people: &PeopleSource,
    clock: &dyn Clock,
) -> Result<crate::domain::fact::Genesis, Failure> {
    let policy = Policy::read(people).map_err(|error| Failure::new(error).code(Code::Usage))?;
    let rehearsal = there.map(|there| there.pinned(&loaded));
    let is_real = rehearsal.is_none() && mode != Mode::Demo;
    let found = if is_real {
        rehearse::found(config, &loaded)
    } else {
        Found::default()
    };
    let is_rehearsal = rehearsal.is_some();
    let kind = (mode, is_rehearsal);
    let learned = history::learn(&config.server.state_dir, &loaded.plan, kind, clock);
    let seed = Seed {
        name,
        mode,
        plan: loaded.plan,
        panels: config.panels.clone(),
        runbook: loaded.path,
        runbook_digest: loaded.digest,
        policy: policy.digest,
        allow_uid: policy.rules.allow_uid,
        git: Surroundings {
            env: environment.git_env(),
            signers: policy.rules.runbook_signers.clone(),
        },
        rehearsal,
        rehearsed: found.rehearsed,
        // What a rehearsal does is done elsewhere.
        freezes: if is_rehearsal {
            Vec::new()
        } else {
            config.freezes.clone()
        },
        learned,
    };
    pin::genesis(seed, clock).map_err(|error| {
        let hint = error.hint().map(str::to_owned);
        Failure::new(error).hint(hint).code(Code::Usage)
    })
}

fn failure(error: StartError) -> Failure {
    let hint = error.hint();
    Failure::new(error).hint(hint)
}

/// What a background server tells the process that started it, as one line of JSON on standard output.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "server", rename_all = "kebab-case")]
pub(super) enum Announcement {
    /// Clients can attach.
    Ready {
        /// Where.
        socket: PathBuf,
    },
    /// It did not start.
    Failed {
        /// Why.
        error: String,
        /// What to do.
        hint: Option<String>,
        /// It is a matter of usage or configuration; decides the exit code.
        is_usage: bool,
    },
}

impl Announcement {
    fn failed(failure: &Failure) -> Self {
        Self::Failed {
            error: failure.chain(),
            hint: failure.hint.clone(),
            is_usage: failure.code == Code::Usage,
        }
    }
}

fn announce(announcement: &Announcement) {
    let Ok(line) = serde_json::to_string(announcement) else {
        return;
    };
    let mut out = std::io::stdout();
    // Whoever started us may have gone; the session goes on without.
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}
