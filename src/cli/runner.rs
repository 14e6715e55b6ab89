//! The command line of `warroom-runner`: few words, none of them needed in daily work.

use crate::config::Env;
use crate::config::runner::{RUNNER_FILE, load};
use crate::enforce::law::Law;
use crate::enforce::{serve, stage};
use crate::exit::{Code, Failure};
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The runner's own program, as the kernel knows it: an upgrade on the disk does not change what is started.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Runs destructive commands of warroom sessions, after judging by itself whether two people agreed.
#[derive(Debug, Parser)]
#[command(name = "warroom-runner", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Settings; default `/etc/warroom/runner.toml`.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Listen for tickets (default).
    Serve,
    /// Read settings and policy, and say what is wrong with them.
    Check,
    /// The child that becomes a command; started by the runner alone.
    #[command(hide = true)]
    Stage,
}

/// Does what the command line says.
pub fn run(cli: &Cli, env: Env) -> ExitCode {
    let config = cli.config.as_deref().unwrap_or(Path::new(RUNNER_FILE));
    let done = match cli.verb {
        Some(Verb::Stage) => return stage::run(),
        Some(Verb::Check) => check(config),
        Some(Verb::Serve) | None => start(config, env),
    };
    match done {
        Ok(()) => Code::Done.into(),
        Err(failure) => {
            failure.print(&mut std::io::stderr().lock());
            failure.code.into()
        }
    }
}

fn check(config: &Path) -> Result<(), Failure> {
    let settings = load(config).map_err(Failure::new)?;
    let law = Law::read(&settings.people).map_err(Failure::new)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "policy {}: {} people, {} keys",
        law.digest,
        law.people.iter().count(),
        law.signers.iter().count()
    )
    .map_err(Failure::new)
}

fn start(config: &Path, env: Env) -> Result<(), Failure> {
    let settings = load(config).map_err(Failure::new)?;
    // The service manager keeps the log.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry().with(lines).try_init().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::new)?;
    runtime.block_on(async {
        let ending = CancellationToken::new();
        let mut term = signal(SignalKind::terminate()).map_err(Failure::new)?;
        let told = ending.clone();
        tokio::spawn(async move {
            term.recv().await;
            tracing::info!("no new tickets; running commands are awaited");
            told.cancel();
        });
        let program = PathBuf::from(OWN_PROGRAM);
        serve::serve(settings, program, env, ending)
            .await
            .map_err(|error| {
                let hint = error.hint().to_owned();
                Failure::new(error).hint(hint)
            })
    })
}
