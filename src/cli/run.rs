//! `warroom run`: start a server for a runbook, or take one up that was cut off, and attach to it.

use super::Outcome;
use super::args::{LookArgs, RunArgs};
use super::attach;
use super::beginning::{self, NO_PEOPLE};
use super::environment::{self, Environment, session_dir};
use super::look;
use super::pinned::{self, Checked};
use super::rehearse::{self, There};
use super::serve::Announcement;
use crate::client::link::{Introduction, Target};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config, Secrets};
use crate::domain::id::SessionName;
use crate::exit::{Code, Failure};
use crate::journal::SessionDir;
use crate::server::peek::{self, Peek};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

/// Longest wait for a server to start: every secret it fetches by a command has 10 s.
const START_MAX: Duration = Duration::from_secs(90);
/// What to do about a server that says nothing.
const FOREGROUND: &str = "`warroom serve` with the same arguments runs it in the foreground";
/// Longest announcement read from a server: one line with a path or an error.
const ANNOUNCEMENT_MAX: u64 = 64 * 1024;

/// A session that somebody wants started, and attached to.
pub(super) struct Wish<'a> {
    /// The runbook; absent: take the session up.
    pub(super) file: Option<&'a Path>,
    /// Its name.
    pub(super) name: SessionName,
    /// It is a rehearsal with this environment file.
    pub(super) env_file: Option<&'a Path>,
    /// Nobody attaches.
    pub(super) detached: bool,
    /// How the screen looks.
    pub(super) look: &'a LookArgs,
}

/// `warroom run`.
pub(super) fn run(environment: &Environment, args: &RunArgs) -> Outcome {
    let name = match (&args.target, &args.file) {
        (Some(name), _) => environment::session_name(name)?,
        (None, Some(file)) => environment::name_from_file(file)?,
        (None, None) => {
            return Err(Failure::new("neither a runbook nor a session is named").code(Code::Usage));
        }
    };
    let wish = Wish {
        file: args.file.as_deref(),
        name,
        env_file: None,
        detached: args.detached,
        look: &args.look,
    };
    start(environment, &wish)
}

/// Starts a session, or takes it up, and attaches to it.
pub(super) fn start(environment: &Environment, wish: &Wish<'_>) -> Outcome {
    let config = environment.config(Secrets::Skip)?;
    let name = wish.name.clone();
    let there = wish.env_file;
    let there = there
        .map(|file| rehearse::read(environment, file))
        .transpose()?;
    // Checked here, where the person sees the report, and again by the server, which reads it anew.
    let check = |file| pinned::check_in(file, there.as_ref());
    let runbook = wish.file.map(check).transpose()?;
    if let Some(runbook) = &runbook {
        runbook.refuse_stepless()?;
    }
    refuse_if_live(environment, &config, &name)?;
    if !wish.detached {
        attach::settings(environment, &config, wish.look)?;
    } else if wish.look.theme.is_some() {
        // Nobody looks, and a typing mistake is one all the same.
        look::settings(environment, &config, wish.look)?;
    }
    let (file, taken_up) = choose(
        &config,
        &name,
        runbook.as_ref().map(|r| (r.path.as_path(), r.digest)),
        there.is_some(),
    )?;
    let notes = notes(
        environment,
        &config,
        (runbook.as_ref(), taken_up.as_ref()),
        there.as_ref(),
    );
    let mut extra = vec!["-t".to_owned(), name.to_string()];
    if let (Some(there), true) = (&there, file.is_some()) {
        extra.extend(["--env-file".to_owned(), there.path.display().to_string()]);
    }
    extra.extend(file.map(|path| path.display().to_string()));
    start_server(environment, &config, &extra)?;
    if wish.detached {
        writeln!(
            std::io::stdout(),
            "session {name} is running; attach with `warroom attach -t {name}`"
        )
        .ok();
        for note in notes {
            writeln!(std::io::stdout(), "{note}").ok();
        }
        return Ok(Code::Done);
    }
    for note in notes {
        writeln!(std::io::stderr(), "{note}").ok();
    }
    let target = Target::Local {
        name,
        runtime_dirs: environment.runtime_dirs(&config),
    };
    let introduction = Introduction {
        is_terminal: true,
        ..Introduction::default()
    };
    attach::terminal(environment, &config, target, introduction, wish.look)
}

/// What a person should know before the session begins: of the runbook, or of the session that is taken up.
fn notes(
    environment: &Environment,
    config: &Config,
    (runbook, taken_up): (Option<&Checked>, Option<&Peek>),
    there: Option<&There>,
) -> Vec<String> {
    // What is wrong with the other configuration is the server's to say, which reads it with its secrets.
    let other = there.and_then(|there| there.file.config.as_ref());
    let other = other.and_then(|file| {
        let read = config::load(Some(file), &environment.env, Secrets::Skip);
        read.ok()
    });
    let connectors = &other.as_ref().unwrap_or(config).connectors;
    let plan = match taken_up {
        Some(peeked) => Some(&peeked.plan),
        None => runbook.and_then(Checked::plan),
    };
    let window = match taken_up {
        Some(peeked) => peeked.window,
        // Nothing is touched yet: there is no way back to count.
        None => plan
            .and_then(|plan| plan.window)
            .map(|window| (window, window.end.minus(window.buffer))),
    };
    let late =
        window.and_then(|(window, limit)| beginning::late(window, limit, SystemClock.now().wall));
    // Whom a rehearsal asks that is taken up is in its environment file, which its server finds.
    let asked = plan.filter(|_| there.is_some() || !taken_up.is_some_and(|p| p.is_rehearsal));
    let unanswered =
        asked.and_then(|plan| beginning::unanswered(plan, &beginning::metrics(connectors)));
    let warnings = late.into_iter().chain(unanswered);
    let people = config.people.is_none().then(|| NO_PEOPLE.to_owned());
    warnings
        .map(|what| format!("warning: {what}"))
        .chain(people)
        .collect()
}

/// A rehearsal is never taken up as the real thing, nor the other way round.
fn refuse_other_kind(name: &SessionName, peeked: &Peek, is_rehearsal: bool) -> Result<(), Failure> {
    if peeked.is_over || peeked.is_rehearsal == is_rehearsal {
        return Ok(());
    }
    let (what, hint) = if peeked.is_rehearsal {
        (
            format!("session `{name}` is a rehearsal that is not over"),
            format!("give another name with `-t`, or take it up: `warroom run -t {name}`"),
        )
    } else {
        (
            format!("session `{name}` is no rehearsal, and it is not over"),
            "give the rehearsal another name with `-t`".to_owned(),
        )
    };
    Err(Failure::new(what).hint(hint).code(Code::Usage))
}

/// A name that is taken by a live server is attached to, not started again.
pub(super) fn refuse_if_live(
    environment: &Environment,
    config: &Config,
    name: &SessionName,
) -> Result<(), Failure> {
    let runtime = environment::client_runtime()?;
    let dirs = environment.runtime_dirs(config);
    match runtime.block_on(crate::client::link::open_local(name, &dirs)) {
        Ok(_) => Err(Failure::new(format!("session `{name}` is running already"))
            .hint(format!("attach to it: `warroom attach -t {name}`"))
            .code(Code::Usage)),
        Err(_) => Ok(()),
    }
}

/// New or taken up? The runbook for the server when the session is new; what its journal says when it is taken up.
fn choose(
    config: &Config,
    name: &SessionName,
    runbook: Option<(&Path, crate::domain::digest::Digest)>,
    is_rehearsal: bool,
) -> Result<(Option<PathBuf>, Option<Peek>), Failure> {
    let dir = session_dir(config, name);
    let found = peek::peek(&dir).map_err(|error| {
        let hint = error.hint();
        Failure::new(error).hint(hint)
    })?;
    if let (Some(peeked), true) = (&found, runbook.is_some()) {
        refuse_other_kind(name, peeked, is_rehearsal)?;
    }
    match (found, runbook) {
        (None, Some((file, _))) => Ok((Some(file.to_owned()), None)),
        (None, None) => Err(Failure::new(format!(
            "session `{name}` has no journal in `{}`",
            dir.display()
        ))
        .hint("name a runbook to start it: `warroom run RUNBOOK.md`".to_owned())
        .code(Code::NoSession)),
        (Some(peeked), Some((file, _))) if peeked.is_over => {
            set_aside(&dir, &peeked)?;
            Ok((Some(file.to_owned()), None))
        }
        (Some(peeked), None) if peeked.is_over => Err(Failure::new(format!(
            "the maintenance `{name}` is over ({})",
            peeked.phase
        ))
        .hint(format!(
            "`warroom verify {name}` checks its journal; name a runbook to start a new one"
        ))
        .code(Code::Usage)),
        (Some(peeked), runbook) => {
            tell_taken_up(name, &peeked, runbook.map(|(_, digest)| digest));
            Ok((None, Some(peeked)))
        }
    }
}

fn tell_taken_up(name: &SessionName, peeked: &Peek, digest: Option<crate::domain::digest::Digest>) {
    let mut err = std::io::stderr();
    writeln!(
        err,
        "taking up session {name} where its journal ends (record {})",
        peeked.head.0
    )
    .ok();
    if digest.is_some_and(|digest| digest != peeked.runbook) {
        writeln!(
            err,
            "warning: the runbook has changed since; the session keeps the plan it was started with"
        )
        .ok();
    }
}

/// Makes room for a new session of the same name: the finished one keeps its journal under its own id.
fn set_aside(dir: &Path, peeked: &Peek) -> Result<(), Failure> {
    // A server may still hold it, on a socket somewhere else.
    let _held = SessionDir::open(dir).map_err(|error| {
        let hint = error.hint();
        Failure::new(error).hint(hint)
    })?;
    let mut name = dir
        .file_name()
        .map(std::ffi::OsStr::to_os_string)
        .unwrap_or_default();
    name.push(format!(".{}", peeked.session.as_str().to_lowercase()));
    std::fs::rename(dir, dir.with_file_name(name)).map_err(Failure::new)
}

/// Starts a server in a session of its own and waits until clients can attach.
///
/// # Errors
/// What the server says, or that it said nothing.
pub(super) fn start_server(
    environment: &Environment,
    config: &Config,
    extra: &[String],
) -> Result<(), Failure> {
    make_state_dir(&config.server.state_dir)?;
    let program = std::env::current_exe().map_err(Failure::new)?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--background").args(extra);
    if let Some(file) = environment.explicit_config() {
        command.arg("--config").arg(file);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(Failure::new)?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        if !speaks_in_time(&out) {
            child.kill().and_then(|()| child.wait()).ok();
            let seconds = START_MAX.as_secs();
            let what = format!("the session server has said nothing for {seconds} s");
            return Err(Failure::new(what).hint(FOREGROUND.to_owned()));
        }
        BufReader::new(out.take(ANNOUNCEMENT_MAX))
            .read_line(&mut line)
            .map_err(Failure::new)?;
    }
    match serde_json::from_str(&line) {
        Ok(Announcement::Ready { .. }) => Ok(()),
        Ok(Announcement::Failed {
            error,
            hint,
            is_usage,
        }) => {
            let code = if is_usage { Code::Usage } else { Code::Failure };
            Err(Failure::new(error).hint(hint).code(code))
        }
        Err(_) => {
            let status = child.wait().map(|s| s.to_string()).unwrap_or_default();
            Err(Failure::new(format!(
                "the session server ended before it could say anything ({status})"
            ))
            .hint(FOREGROUND.to_owned()))
        }
    }
}

/// Waits for the first byte, or the end, of what a server says.
fn speaks_in_time(out: &ChildStdout) -> bool {
    let limit = Timespec {
        tv_sec: i64::try_from(START_MAX.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    let mut fds = [PollFd::new(out, PollFlags::IN)];
    // An interrupted wait is taken as an answer: the read that follows then waits itself.
    !matches!(rustix::event::poll(&mut fds, Some(&limit)), Ok(0))
}

fn make_state_dir(dir: &Path) -> Result<(), Failure> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| {
            Failure::new(format!("cannot make `{}`: {error}", dir.display())).hint(
                "`server.state_dir` in `config.toml` names the directory of sessions".to_owned(),
            )
        })
}
