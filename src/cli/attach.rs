//! `warroom attach`: this terminal, or a pipe for another host's, joined to a session.

use super::Outcome;
use super::args::{AttachArgs, LookArgs};
use super::environment::{self, Environment};
use super::look;
use super::status::refuse_unserved;
use crate::client::attach::{self, End, Own};
use crate::client::host_keys::HostKeys;
use crate::client::link::{self, Introduction, LinkError, Target};
use crate::client::witness::Store;
use crate::clock::SystemClock;
use crate::config::policy;
use crate::config::{Config, Guard, Secrets};
use crate::domain::id::PersonId;
use crate::evidence::agent::Agent;
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::Signers;
use crate::exit::{Code, Failure};
use crate::ui::Settings;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `warroom attach`.
pub(super) fn attach(environment: &Environment, args: &AttachArgs) -> Outcome {
    let config = environment.config(Secrets::Skip)?;
    let named = args.session.as_deref().or(args.target.as_deref());
    if let Some(url) = named.filter(|name| name.starts_with("ssh://")) {
        let target = ssh_target(url, args)?;
        return terminal(
            environment,
            &config,
            target,
            introduction(args)?,
            &args.look,
        );
    }
    let name = environment::target(named, environment, &config)?;
    let runtime_dirs = environment.runtime_dirs(&config);
    refuse_unserved(&config, &name, &runtime_dirs)?;
    if args.stdio {
        return stdio(&name, &runtime_dirs);
    }
    let target = Target::Local { name, runtime_dirs };
    terminal(
        environment,
        &config,
        target,
        introduction(args)?,
        &args.look,
    )
}

fn introduction(args: &AttachArgs) -> Result<Introduction, Failure> {
    let demo_person = args
        .as_person
        .as_deref()
        .map(PersonId::new)
        .transpose()
        .map_err(|error| Failure::new(error).code(Code::Usage))?;
    Ok(Introduction {
        read_only: args.read_only,
        demo_person,
        is_terminal: true,
    })
}

/// Reads `ssh://HOST/NAME`. A host that looks like an option would be one to `ssh`.
fn ssh_target(url: &str, args: &AttachArgs) -> Result<Target, Failure> {
    let wrong = || {
        Failure::new(format!("`{url}` is not a session on another host"))
            .hint("write `ssh://HOST/NAME` or `ssh://USER@HOST/NAME`".to_owned())
            .code(Code::Usage)
    };
    let (host, name) = url
        .strip_prefix("ssh://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(wrong)?;
    let is_host =
        !host.is_empty() && !host.starts_with('-') && host.bytes().all(|b| b.is_ascii_graphic());
    if !is_host {
        return Err(wrong());
    }
    let mut options = Vec::new();
    if let Some(file) = &args.ssh_config {
        options.push("-F".to_owned());
        options.push(file.display().to_string());
    }
    Ok(Target::Ssh {
        host: host.to_owned(),
        name: environment::session_name(name)?,
        program: args.remote_program.clone(),
        options,
    })
}

/// How the screen is to look, where there is one. Asked before a session is started for this terminal, too: a typing
/// mistake must not leave a session behind that nobody looks at.
///
/// # Errors
/// When there is no terminal, or the theme or another setting of the screen is not what it should be.
pub(super) fn settings(
    environment: &Environment,
    config: &Config,
    look: &LookArgs,
) -> Result<Settings, Failure> {
    let settings = look::settings(environment, config, look)?;
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::new("a terminal is needed to attach")
            .hint(
                "`-d` starts a session without one; `warroom status --json` is for scripts"
                    .to_owned(),
            )
            .code(Code::Usage));
    }
    Ok(settings)
}

/// The lists by which a session's certificate is judged, as this machine has them.
fn host_lists(people: &Path) -> Result<(Signers, Revoked), String> {
    let files = policy::load(people, Guard::Installed)
        .map_err(|_| "the policy files of this machine cannot be used: `warroom people check`")?;
    Ok((files.server_signers, files.revoked))
}

/// Attaches this terminal and says afterwards how it ended.
pub(super) fn terminal(
    environment: &Environment,
    config: &Config,
    target: Target,
    introduction: Introduction,
    look: &LookArgs,
) -> Outcome {
    super::harden::harden();
    let settings = settings(environment, config, look)?;
    let (name, through) = match &target {
        Target::Local { name, .. } => (name.clone(), None),
        Target::Ssh { name, host, .. } => (name.clone(), Some(host.as_str())),
    };
    let posts = super::radius::own_posts(&environment.env, through);
    let clock = Arc::new(SystemClock);
    let store = environment.seen_dir().map(Store::new);
    let runtime = environment::client_runtime()?;
    let variable = environment
        .env
        .get("SSH_AUTH_SOCK")
        .map(std::ffi::OsStr::new);
    let agent = Agent::of_settings(look.agent.as_deref(), variable).ok();
    let host_keys = config.people.clone().map(|people| HostKeys {
        people,
        read: host_lists,
    });
    let end = runtime
        .block_on(attach::attach(
            target,
            introduction,
            settings,
            Own {
                store,
                agent,
                host_keys,
                posts,
            },
            clock,
        ))
        .map_err(Failure::new)?;
    runtime.shutdown_background();
    let mut out = std::io::stdout();
    match end {
        End::Detached => {
            writeln!(out, "[detached (from session {name})]").ok();
            Ok(Code::Done)
        }
        End::SessionEnded { reason } => {
            writeln!(out, "[{}]", crate::display::for_terminal(&reason)).ok();
            Ok(Code::Done)
        }
        End::TerminalGone => Ok(Code::Done),
        End::Failed { why, hint } => Err(Failure::new(why).hint(hint).code(Code::NoSession)),
    }
}

/// Joins standard input and output to the session's socket, after the same checks a terminal makes.
fn stdio(name: &crate::domain::id::SessionName, runtime_dirs: &[PathBuf]) -> Outcome {
    let runtime = environment::client_runtime()?;
    let copied = runtime.block_on(async {
        let stream = link::open_local(name, runtime_dirs).await?;
        let (mut from, mut to) = stream.into_split();
        let (mut stdin, mut stdout) = (tokio::io::stdin(), tokio::io::stdout());
        // Whichever side ends first ends the connection.
        tokio::select! {
            copied = tokio::io::copy(&mut stdin, &mut to) => copied,
            copied = copy_flushing(&mut from, &mut stdout) => copied,
        }
        .map_err(|error| LinkError::Wire(error.into()))
    });
    // Standard input is read by a thread that cannot be woken.
    runtime.shutdown_background();
    match copied {
        Ok(_) => Ok(Code::Done),
        Err(error) => {
            let hint = error.hint();
            Err(Failure::new(error).hint(hint).code(Code::NoSession))
        }
    }
}

/// Copies to a buffered writer without keeping a message back.
async fn copy_flushing<R, W>(from: &mut R, to: &mut W) -> std::io::Result<u64>
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0_u64;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(total);
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
        to.flush().await?;
        total = total.saturating_add(u64::try_from(read).unwrap_or(0));
    }
}
