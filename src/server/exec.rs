//! Commands of steps: from a journaled intent to a job of the runner, and back.

use super::enforced::{self, Begin, Errand, Guard};
use crate::config::runner::RunnerLink;
use crate::domain::board::{OutputTail, TAIL_MAX};
use crate::domain::confirm::plan_doc::PlanExe;
use crate::domain::digest::Digest;
use crate::domain::fact::{ExecKey, Outcome, OutputRef};
use crate::domain::runbook::plan::{ExecRole, Unit};
use crate::domain::state::State;
use crate::enforce::frame::Facts;
use crate::engine::ExecUpdate;
use crate::journal::Log;
use crate::runner::{self, Exe, Handle, Job, JobKey, Limits, TerminalSize, Update};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use tokio::sync::mpsc;

/// Terminal that commands see: wide enough for tables, narrow enough for the output pane.
const JOB_SIZE: TerminalSize = TerminalSize {
    cols: 120,
    rows: 40,
};
/// Names that begin like this are the server's own.
const OWN_PREFIX: &str = "WARROOM_";
/// Tails of ended commands kept for newly attached terminals.
const TAILS_MAX: usize = 8;

/// What a command runs in, beside its own step.
#[derive(Debug, Clone)]
pub struct Workplace {
    /// Directory of the session; outputs go below it.
    pub session_dir: PathBuf,
    /// Working directory: that of the runbook.
    pub cwd: PathBuf,
    /// Account that commands run in, by name.
    pub account: String,
    /// Variables every command gets before those of the runbook, such as `PATH`.
    pub base_env: BTreeMap<String, String>,
    /// Bytes of output kept per command.
    pub output_bytes_max: u64,
    /// The runner that destructive commands go to; absent where they run here.
    pub guard: Option<Guard>,
}

impl Workplace {
    /// Makes the directories for outputs and values.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make_dirs(&self) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        for dir in [self.outputs(), self.values()] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o750)
                .create(dir)?;
        }
        Ok(())
    }

    /// The runner that a command goes to, in an enforced session: one that needs a second person, and the way back
    /// that was reviewed with what the runner has run.
    fn guard_of(&self, state: &State, key: &ExecKey) -> Option<&Guard> {
        let guard = self.guard.as_ref();
        guard.filter(|_| needs_second(state, key) || is_reviewed_back(state, key))
    }

    /// Account that what needs a second person runs in.
    pub(crate) fn account_of_reviewed(&self) -> &str {
        let guard = self.guard.as_ref();
        guard.map_or(self.account.as_str(), |guard| {
            guard.account().unwrap_or_default()
        })
    }

    fn outputs(&self) -> PathBuf {
        self.session_dir.join("output")
    }

    fn values(&self) -> PathBuf {
        self.session_dir.join("values")
    }

    /// File with the output of one execution.
    pub(crate) fn output_file(&self, key: &ExecKey) -> PathBuf {
        self.outputs().join(format!("{key}.log"))
    }

    /// Variables of one execution: those of every command, the runbook's, the values of earlier steps, our own.
    fn env(&self, state: &State, key: &ExecKey) -> BTreeMap<String, String> {
        let mut env = self.base_env.clone();
        env.extend(state.plan().environment.clone());
        env.extend(state.values.clone());
        // After the values of steps: none of them says which unit a command is for.
        env.extend(unit_variables(state, key));
        env.insert("WARROOM_SESSION".to_owned(), state.genesis.name.to_string());
        env.insert("WARROOM_STEP".to_owned(), key.step.to_string());
        env.insert("WARROOM_ATTEMPT".to_owned(), key.attempt.to_string());
        env
    }

    /// Gathers one execution. The disk is not looked at: that is for a task that may block.
    ///
    /// # Errors
    /// One line that says what is missing.
    pub(crate) fn prepare(
        &self,
        state: &State,
        key: &ExecKey,
        number: JobKey,
    ) -> Result<Job, String> {
        let block = state.exec_block(key).ok_or("the plan has no such block")?;
        let env = self.env(state, key);
        runner::check_env(&env).map_err(|error| error.to_string())?;
        let guard = self.guard_of(state, key);
        let at_runner = guard.and_then(|guard| guard.values_file(state, key));
        let values_file = at_runner.unwrap_or_else(|| self.values().join(key.to_string()));
        Ok(Job {
            key: number,
            argv: block.argv.clone(),
            exe: Exe::Named,
            env,
            cwd: self.cwd.clone(),
            timeout: block.timeout,
            output_file: self.output_file(key),
            values_file,
            size: JOB_SIZE,
            limits: Limits {
                output_bytes: self.output_bytes_max,
                ..Limits::default()
            },
        })
    }
}

/// What a command of a rollout is told of its unit.
fn unit_variables<'a>(
    state: &'a State,
    key: &ExecKey,
) -> impl Iterator<Item = (String, String)> + use<'a> {
    let unit = state
        .find(&key.step)
        .and_then(|view| view.plan.unit.as_ref());
    unit.into_iter().flat_map(Unit::variables)
}

/// What a running command has to say, in the session's words.
#[derive(Debug)]
pub(crate) enum ExecNews {
    /// New output.
    Output(OutputTail),
    /// It runs, or it ended.
    Update(ExecUpdate),
}

/// Running commands and the tails of their output.
#[derive(Debug)]
pub(crate) struct Executor {
    workplace: Workplace,
    updates: mpsc::Sender<Update>,
    jobs: BTreeMap<JobKey, (ExecKey, Handle)>,
    tails: VecDeque<OutputTail>,
    /// Variables of every command, of the runbook and of the unit: no step replaces what people have reviewed.
    fixed: BTreeSet<String>,
    last: u64,
}

impl Executor {
    /// An executor whose jobs report to `updates`.
    pub(crate) fn new(workplace: Workplace, updates: mpsc::Sender<Update>) -> Self {
        Self {
            workplace,
            updates,
            jobs: BTreeMap::new(),
            tails: VecDeque::new(),
            fixed: BTreeSet::new(),
            last: 0,
        }
    }

    /// Takes up the ends of outputs that an earlier server has kept: after a crash, what a command said last is what
    /// people look at first.
    pub(crate) fn recall(&mut self, state: &State) {
        let ended = state.steps.iter().flat_map(|step| &step.finished);
        let cut_off = state.steps.iter().filter_map(|step| step.running.as_ref());
        let mut keys: Vec<_> = ended.map(|f| (f.started.wall, &f.key)).collect();
        keys.extend(cut_off.map(|r| (r.since.wall, &r.key)));
        keys.sort();
        let older = keys.len().saturating_sub(TAILS_MAX);
        for (_, key) in keys.into_iter().skip(older) {
            match self.read_end(key) {
                Ok(tail) => self.tails.push_back(tail),
                Err(error) => tracing::warn!(%key, %error, "an old output cannot be read"),
            }
        }
    }

    /// The last bytes of an output's file.
    fn read_end(&self, key: &ExecKey) -> std::io::Result<OutputTail> {
        let length =
            std::fs::metadata(self.workplace.output_file(key)).map_or(0, |meta| meta.len());
        let kept = u64::try_from(TAIL_MAX).unwrap_or(u64::MAX);
        self.read_output(key, length.saturating_sub(kept))
    }

    /// Where commands run.
    pub(crate) fn workplace(&self) -> &Workplace {
        &self.workplace
    }

    /// Starts a command whose intent is in the journal. When it cannot be started, its outcome at once.
    /// `reviewed`: the file that people have seen, for what needs a second person. `log`: the journal, for tickets.
    pub(crate) fn spawn(
        &mut self,
        state: &State,
        key: &ExecKey,
        reviewed: Option<PlanExe>,
        log: &Log,
    ) -> Option<ExecUpdate> {
        let guard = self.workplace.guard_of(state, key).cloned();
        let number = self.next_number();
        let job = self.workplace.prepare(state, key, number);
        let started = job
            .and_then(|job| with_reviewed(state, key, job, reviewed))
            .and_then(|job| match guard {
                None => Ok(runner::start(job, self.updates.clone())),
                Some(guard) => {
                    let begin = Begin::Run(Box::new(Errand::of(state, key)?), log.clone());
                    let (output, updates) = (job.output_file, self.updates.clone());
                    let link = guard.link()?.clone();
                    Ok(enforced::start(link, begin, number, output, updates))
                }
            });
        match started {
            Ok(handle) => {
                self.follow(state, key, number, handle);
                None
            }
            Err(why) => Some(ExecUpdate::Ended {
                key: key.clone(),
                outcome: Outcome::NotStarted { why },
                output: no_output(),
            }),
        }
    }

    fn next_number(&mut self) -> JobKey {
        self.last += 1;
        JobKey(self.last)
    }

    fn follow(&mut self, state: &State, key: &ExecKey, number: JobKey, handle: Handle) {
        self.remember_tail(key);
        let declared = state.plan().environment.keys();
        let base = self.workplace.base_env.keys();
        self.fixed = base.chain(declared).cloned().collect();
        self.fixed
            .extend(unit_variables(state, key).map(|(name, _)| name));
        self.jobs.insert(number, (key.clone(), handle));
    }

    /// Takes up what an earlier server had given to the runner: it goes on there, or its result waits. Where nothing says
    /// any more which runner that is, nobody knows how it ended.
    pub(crate) fn adopt(&mut self, state: &State) -> Option<ExecUpdate> {
        let running = state.running()?;
        let key = running.key.clone();
        let agreed = state.agreed(running);
        let name = agreed.and_then(|ran| enforced::name_of(ran, running.role, &key).ok());
        let (name, guard) = (name?, self.workplace.guard_of(state, &key)?);
        let Ok(link) = guard.link().cloned() else {
            return Some(ExecUpdate::Lost { key });
        };
        let begin = Begin::Adopt {
            name,
            has_run: running.pid.is_some(),
        };
        let (output, updates) = (self.workplace.output_file(&key), self.updates.clone());
        let number = self.next_number();
        let handle = enforced::start(link, begin, number, output, updates);
        self.follow(state, &key, number, handle);
        None
    }

    /// Why nothing goes forward at the runner; nothing when it does, or when there is none.
    pub(crate) fn trouble(&self) -> Option<String> {
        let guard = self.workplace.guard.as_ref()?;
        guard.trouble().map(str::to_owned)
    }

    /// The runner to ask anew, while nothing goes forward there.
    pub(crate) fn runner_in_trouble(&self) -> Option<RunnerLink> {
        let guard = self.workplace.guard.as_ref()?;
        guard.trouble()?;
        guard.link().ok().cloned()
    }

    /// Takes what the runner says of itself. What is to be told of it, when that changes whether anything goes forward:
    /// why not, or nothing.
    pub(crate) fn hear_runner(
        &mut self,
        found: Result<Facts, String>,
        policy: Option<Digest>,
    ) -> Option<String> {
        let guard = self.workplace.guard.as_mut()?;
        let is_news = guard.hear(found, policy);
        is_news.then(|| guard.trouble().unwrap_or_default().to_owned())
    }

    /// Asks a running command to end.
    pub(crate) fn stop(&self, key: &ExecKey) {
        for (_, handle) in self.jobs.values().filter(|(running, _)| running == key) {
            handle.stop();
        }
    }

    /// Asks every running command to end.
    pub(crate) fn stop_all(&self) {
        for (_, handle) in self.jobs.values() {
            handle.stop();
        }
    }

    /// True while a command runs.
    pub(crate) fn is_busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Translates an update of the runner.
    pub(crate) fn news(&mut self, update: Update) -> Option<ExecNews> {
        match update {
            Update::Spawned { key, pid } => {
                let (key, _) = self.jobs.get(&key)?;
                let key = key.clone();
                Some(ExecNews::Update(ExecUpdate::Spawned { key, pid }))
            }
            Update::Output { key, offset, bytes } => {
                let (key, _) = self.jobs.get(&key)?;
                let key = key.clone();
                if let Some(tail) = self.tails.iter_mut().find(|tail| tail.key == key) {
                    tail.push(offset, &bytes);
                }
                Some(ExecNews::Output(OutputTail {
                    key,
                    offset,
                    bytes: bytes.to_vec(),
                }))
            }
            Update::Ended { key, end } => {
                let (key, _) = self.jobs.remove(&key)?;
                let mut update = ended(key, end);
                if let ExecUpdate::Ended { output, .. } = &mut update {
                    refuse_fixed(output, &self.fixed);
                }
                Some(ExecNews::Update(update))
            }
        }
    }

    /// Tails for a snapshot, oldest first.
    pub(crate) fn tails(&self) -> Vec<OutputTail> {
        self.tails.iter().cloned().collect()
    }

    /// Reads output of an execution from its file; nothing for one that has not written any.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn read_output(&self, key: &ExecKey, offset: u64) -> std::io::Result<OutputTail> {
        use std::os::unix::fs::FileExt as _;
        let mut bytes = vec![0; TAIL_MAX];
        let read = match std::fs::File::open(self.workplace.output_file(key)) {
            Ok(file) => file.read_at(&mut bytes, offset)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        bytes.truncate(read);
        Ok(OutputTail {
            key: key.clone(),
            offset,
            bytes,
        })
    }

    fn remember_tail(&mut self, key: &ExecKey) {
        while self.tails.len() >= TAILS_MAX {
            self.tails.pop_front();
        }
        self.tails.push_back(OutputTail {
            key: key.clone(),
            offset: 0,
            bytes: Vec::new(),
        });
    }
}

/// A command that needs a second person runs the file that was reviewed, or nothing.
fn with_reviewed(
    state: &State,
    key: &ExecKey,
    mut job: Job,
    reviewed: Option<PlanExe>,
) -> Result<Job, String> {
    match reviewed {
        Some(PlanExe { path, digest }) => {
            let path = PathBuf::from(path);
            job.exe = Exe::Reviewed { path, digest };
            Ok(job)
        }
        None if needs_second(state, key) => {
            Err("the reviewed plan does not say which file runs".to_owned())
        }
        None => Ok(job),
    }
}

/// True for a command that nobody starts alone.
fn needs_second(state: &State, key: &ExecKey) -> bool {
    let block = state.exec_block(key);
    let is_run = block.is_some_and(|block| block.role == ExecRole::Run);
    let view = state.find(&key.step);
    is_run && view.is_none_or(|view| view.plan.risk.needs_second_person())
}

/// True for the way back from a command that people had agreed on.
fn is_reviewed_back(state: &State, key: &ExecKey) -> bool {
    let view = state.find(&key.step);
    key.block == ExecKey::UNDO && view.is_some_and(|view| view.now.back.is_some())
}

fn ended(key: ExecKey, end: runner::End) -> ExecUpdate {
    let output = output_ref(&end);
    let outcome = match end.outcome {
        runner::Outcome::Unknown(why) => {
            tracing::error!(%key, %why, "nobody knows how a command ended");
            return ExecUpdate::Lost { key };
        }
        runner::Outcome::Exited(code) => Outcome::Exited { code },
        runner::Outcome::Signalled(signal) => Outcome::Signalled { signal },
        runner::Outcome::TimedOut => Outcome::TimedOut,
        runner::Outcome::Stopped => Outcome::Stopped,
        runner::Outcome::NotStarted(why) => Outcome::NotStarted { why },
    };
    ExecUpdate::Ended {
        key,
        outcome,
        output,
    }
}

fn output_ref(end: &runner::End) -> OutputRef {
    let mut trouble: Vec<&str> = Vec::new();
    trouble.extend(end.values_error.as_deref());
    trouble.extend(end.output_error.as_deref());
    OutputRef {
        bytes: end.output_bytes,
        dropped: end.output_truncated,
        digest: end.output_digest,
        values: end.values.clone(),
        values_error: trouble.join("; "),
        left_behind: end.left_behind.unwrap_or(0),
    }
}

/// Takes out values that would replace a variable of the server or of the runbook, and says so.
fn refuse_fixed(output: &mut OutputRef, fixed: &BTreeSet<String>) {
    let (kept, refused): (Vec<_>, Vec<_>) = std::mem::take(&mut output.values)
        .into_iter()
        .partition(|(name, _)| !fixed.contains(name) && !name.starts_with(OWN_PREFIX));
    output.values = kept;
    if refused.is_empty() {
        return;
    }
    let names: Vec<String> = refused
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let why = format!(
        "not taken, because the runbook or the server sets it: {}",
        names.join(", ")
    );
    if !output.values_error.is_empty() {
        output.values_error.push_str("; ");
    }
    output.values_error.push_str(&why);
}

fn no_output() -> OutputRef {
    OutputRef {
        bytes: 0,
        dropped: 0,
        digest: Digest::of(b""),
        values: Vec::new(),
        values_error: String::new(),
        left_behind: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_cannot_replace_a_variable_of_the_server_or_the_runbook() {
        let pair = |name: &str| (name.to_owned(), "x".to_owned());
        let mut output = no_output();
        output.values = vec![
            pair("HOME"),
            pair("TARGET"),
            pair("WARROOM_LAB"),
            pair("LEADER"),
        ];
        output.values_error = "line 9: no `=`".to_owned();
        let fixed = ["HOME", "TARGET"].map(str::to_owned).into();
        refuse_fixed(&mut output, &fixed);
        assert_eq!(output.values, [pair("LEADER")]);
        assert_eq!(
            output.values_error,
            "line 9: no `=`; not taken, because the runbook or the server sets it: `HOME`, `TARGET`, `WARROOM_LAB`"
        );
    }
}
