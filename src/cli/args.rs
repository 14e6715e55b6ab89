//! The command line as clap sees it. Secrets are never arguments.

use super::late::Late;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// A terminal war room for live maintenance of distributed systems.
///
/// Two people, two terminals, one runbook: everyone attached sees the same truth, and nothing destructive runs until
/// a second person has checked this exact command against this exact state.
#[derive(Debug, Parser)]
#[command(name = "warroom", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Configuration file [default: $XDG_CONFIG_HOME/warroom/config.toml, then /etc/warroom/config.toml].
    #[arg(long, global = true, value_name = "FILE", env = "WARROOM_CONFIG", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

const AFTER: &str = "\
Try it:     warroom demo
Real work:  warroom check RUNBOOK.md && warroom run RUNBOOK.md
Second person, on the same host:  warroom attach -t NAME
";

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start a maintenance from a runbook and attach to it; resumes one that was cut off.
    Run(Late<RunArgs>),
    /// Rehearse a runbook against another environment: the same steps, rules and people, other values and connectors.
    Rehearse(Late<RehearseArgs>),
    /// Attach this terminal to a running session.
    Attach(Late<AttachArgs>),
    /// List sessions on this host.
    #[command(visible_alias = "list-sessions")]
    Ls(Late<JsonArgs>),
    /// Print where a session stands; the exit code says it too.
    ///
    /// First who is waited for, since when and how long still (the open proposal, the open motion), then the window: how
    /// long to the point of no return and to its end, or by how much they are past, and what must not start now. Then what
    /// else there is: rules, silences, writes, connectors. `--json` has it as `proposal`, `motion`, `window` and `barred`.
    Status(Late<StatusArgs>),
    /// Take a changed runbook over into the running session, together with a second person.
    ///
    /// The server reads its own runbook again and says what becomes another; what was done stays done. Who seconds it
    /// reads the same on the screen, made from the journal.
    Amend(Late<AmendArgs>),
    /// Sign on this machine what a session elsewhere asks for: a confirm, a go, a proposal.
    ///
    /// Reads the request as it was copied from the other screen, shows the plan and three words to compare with those
    /// on the other screen, has the ssh-agent sign, and prints what to paste there.
    Sign(Late<SignArgs>),
    /// Bring the signature of another machine into a session, as a confirm of its open proposal.
    Confirm(Late<ConfirmArgs>),
    /// End a session's server. A maintenance that is not over can be resumed with `warroom run`.
    KillSession(Late<TargetArgs>),
    /// Run a session server in the foreground, for systemd and containers.
    Serve(Late<ServeArgs>),
    /// Show everything with a simulated cluster; needs no network and no configuration.
    Demo(Late<DemoArgs>),
    /// Run the simulated cluster alone, for developing against it.
    Lab(Late<LabArgs>),
    /// Check runbooks like a compiler: file, line, column, what is wrong, a hint.
    Check(Late<CheckArgs>),
    /// Print the resolved plan of a runbook and its SHA-256.
    Plan(Late<PlanArgs>),
    /// Show what stands and falls with what a runbook touches: dependants, redundancy, your own way in.
    Radius(Late<RadiusArgs>),
    /// Replay gates, guards and thresholds of a runbook over the recorded past: would they have fired, and when?
    ///
    /// Asks the configured Prometheus; needs no session. Exit code 0: done, and every `--bad` interval was caught;
    /// 1: one was missed, or the server did not answer; 2: wrong usage, configuration or runbook.
    Backtest(Late<BacktestArgs>),
    /// Prove this host and every configured integration: name, TLS, credentials, permissions, clock, what is found.
    Doctor(Late<DoctorArgs>),
    /// Check who is who and what is asked of them, and make the lines that add a person or a key.
    People(Late<PeopleArgs>),
    /// Check a session's journal: hash chain, facts that can have happened, checkpoints, and the signatures of people.
    Verify(Late<VerifyArgs>),
    /// Print what a maintenance was: who went alone, steps, confirms, refusals, the way back, notes.
    ///
    /// From the journal alone, as Markdown for the change ticket. Whether the journal is what it was is `verify`'s to say.
    Report(Late<ReportArgs>),
    /// Export records of a session's journal.
    Journal(Late<JournalArgs>),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), for `man -l`.
    Man,
}

/// How the screen looks, and which keys answer behind it.
#[derive(Debug, Clone, Default, Args)]
pub struct LookArgs {
    /// Socket of the ssh-agent that signs for you [default: $SSH_AUTH_SOCK].
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub agent: Option<PathBuf>,
    /// Theme: dark, light, high-contrast, colour-blind, or a file.
    #[arg(long, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
    /// Show local time beside UTC from the start, as `t` does; the zone is `local_time` in `[ui]`.
    #[arg(long)]
    pub local: bool,
    /// Colours of the terminal [default: auto; NO_COLOR means mono].
    #[arg(long, value_enum, value_name = "WHEN")]
    pub colors: Option<ColorsArg>,
}

/// Colours a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorsArg {
    /// Ask the environment.
    Auto,
    /// 24 bits.
    True,
    /// 256.
    #[value(name = "256")]
    C256,
    /// 16.
    #[value(name = "16")]
    C16,
    /// None: bold, underline, reverse.
    Mono,
}

/// `warroom run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The runbook. Absent with `-t`: resume that session.
    #[arg(required_unless_present = "target", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Name of the session [default: from the file's name].
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// Start the session without attaching to it.
    #[arg(short, long)]
    pub detached: bool,
    /// How the screen looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `warroom rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// The runbook.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Values of the other environment, its components, and the configuration whose connectors are asked there.
    #[arg(long, value_name = "ENV.toml", value_hint = ValueHint::FilePath)]
    pub env_file: PathBuf,
    /// Name of the session [default: rehearse- and the file's name].
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// Start the session without attaching to it.
    #[arg(short, long)]
    pub detached: bool,
    /// How the screen looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `warroom attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// Session name, or ssh://HOST/NAME.
    #[arg(value_name = "NAME|URL", conflicts_with = "target")]
    pub session: Option<String>,
    /// Session name.
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// Only look: this terminal can ask for nothing.
    #[arg(short, long)]
    pub read_only: bool,
    /// Speak the session's messages over standard input and output, for ssh.
    #[arg(long, hide = true)]
    pub stdio: bool,
    /// Simulated person to be; in a demo session only.
    #[arg(long = "as", value_name = "PERSON")]
    pub as_person: Option<String>,
    /// Program to run on the other host with ssh://.
    #[arg(long, value_name = "PATH", default_value = "warroom")]
    pub remote_program: String,
    /// Configuration file for ssh with ssh://.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ssh_config: Option<PathBuf>,
    /// How the screen looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// Commands that only choose between text and JSON.
#[derive(Debug, Args)]
pub struct JsonArgs {
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Session name [default: the only session there is].
    #[arg(value_name = "NAME", conflicts_with = "target")]
    pub session: Option<String>,
    /// Session name.
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom amend`.
#[derive(Debug, Args)]
pub struct AmendArgs {
    /// Session name [default: the only session there is].
    #[arg(value_name = "NAME", conflicts_with = "target")]
    pub session: Option<String>,
    /// Session name.
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// Why: whoever seconds it reads it.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub reason: Option<String>,
    /// Show what would become another, and what is in the way, and move nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Commands that name a session.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Session name [default: the only session there is].
    #[arg(value_name = "NAME", conflicts_with = "target")]
    pub session: Option<String>,
    /// Session name.
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
}

/// `warroom serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The runbook. Absent with `-t`: resume that session.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Name of the session [default: from the file's name].
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// Leave the terminal's session and say on standard output when clients can attach.
    #[arg(long, hide = true)]
    pub background: bool,
    /// A new session is a rehearsal with this environment file.
    #[arg(long, value_name = "ENV.toml", requires = "file", value_hint = ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,
    /// A demo session with the embedded lab.
    #[arg(long, hide = true)]
    pub demo: bool,
    /// With `--demo`: play the second person.
    #[arg(long, hide = true)]
    pub partner: bool,
}

/// `warroom sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The request, as the other screen copied it; `-` reads it from standard input.
    #[arg(value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The three words of the other screen, for where there is no terminal to type them.
    #[arg(long, value_name = "WORDS")]
    pub words: Option<String>,
    /// Fingerprint of the key that signs, when the agent holds several.
    #[arg(long, value_name = "SHA256:...")]
    pub key: Option<String>,
    /// Socket of the ssh-agent [default: $SSH_AUTH_SOCK].
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub agent: Option<PathBuf>,
}

/// `warroom confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// Session name [default: the only session there is].
    #[arg(short, long = "target", value_name = "NAME")]
    pub target: Option<String>,
    /// The signature that `warroom sign` has printed; `-` reads it from standard input.
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    pub signature: PathBuf,
    /// Who signed [default: whoever is attached].
    #[arg(long, value_name = "PERSON")]
    pub signer: Option<String>,
}

/// `warroom demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Play the second person, so that you see a confirm alone.
    #[arg(long)]
    pub partner: bool,
    /// Name of the session.
    #[arg(short, long = "target", value_name = "NAME", default_value = "demo")]
    pub target: String,
    /// Start the session without attaching to it.
    #[arg(short, long)]
    pub detached: bool,
    /// How the screen looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `warroom lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// What to do; absent: run the lab until interrupted.
    #[command(subcommand)]
    pub verb: Option<LabVerb>,
}

/// What can be done with a lab.
#[derive(Debug, Subcommand)]
pub enum LabVerb {
    /// Act on a running lab, as the steps of the demo runbook do.
    Ctl {
        /// drain, undrain, upgrade, downgrade, switchover, restart, break, heal or status.
        action: String,
        /// Name of a component.
        node: Option<String>,
    },
}

/// `warroom check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Runbooks.
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The runbook.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Exactly the bytes the digest is made of.
    #[arg(long)]
    pub json: bool,
    /// What the silences of the runbook would mute now: asks the configured connectors, and makes nothing.
    #[arg(long, conflicts_with = "json")]
    pub silences: bool,
}

/// `warroom radius`.
#[derive(Debug, Args)]
pub struct RadiusArgs {
    /// The runbook.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Steps of dependency to follow, where the runbook names no number [default: that of the configuration, else 2].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub depth: Option<u8>,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// The runbook.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Days before `--to` that are looked at.
    #[arg(long, value_name = "N", default_value_t = 7, conflicts_with = "from")]
    pub days: u32,
    /// Distance of two samples [default: 15s, or what the shortest `stale_after` of the runbook allows].
    #[arg(long, value_name = "SPAN", value_parser = super::backtest::span)]
    pub step: Option<Duration>,
    /// First moment, such as 2026-11-15T18:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Last moment [default: now].
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// A stretch in which something was wrong and an alarm was due; may be repeated. All other alarms are false ones.
    #[arg(long, value_name = "TIME..TIME[=NAME]")]
    pub bad: Vec<String>,
    /// Begin every rule anew this often, with a new baseline, as maintenances of that length would.
    #[arg(long, value_name = "SPAN", value_parser = super::backtest::span)]
    pub window: Option<Duration>,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Names of connectors [default: all that are configured].
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Send one test page through everything that can page, and close it again.
    #[arg(long)]
    pub page: bool,
    /// Ask each guard, gate and panel of this runbook once: series, value now, verdict.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub runbook: Option<PathBuf>,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom people`.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: PeopleVerb,
}

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub enum PeopleVerb {
    /// Check people, keys, rules and who may write them: file, line, column, what is wrong, a hint.
    Check(PeopleCheckArgs),
    /// Print the lines that add a person or a key, to be reviewed and committed. Changes no file.
    Enroll(EnrollArgs),
}

/// `warroom people check`.
#[derive(Debug, Args)]
pub struct PeopleCheckArgs {
    /// Directory, or people file [default: the configured one, else /etc/warroom].
    #[arg(value_name = "DIR|FILE", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,
    /// Leave out who may write the files: for files in a repository, before they are installed.
    #[arg(long)]
    pub draft: bool,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom people enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// Person id: a lower-case letter, then a-z 0-9 . _ -
    pub name: String,
    /// Public key: a .pub file, or the SHA256:... fingerprint of a key of the agent [default: the agent's only key].
    #[arg(long, value_name = "FILE.pub|FINGERPRINT", value_hint = ValueHint::FilePath)]
    pub key: Option<String>,
    /// Unix account that is this person's alone; may be repeated [default: yours, when it has that name].
    #[arg(long = "uid", value_name = "N")]
    pub uids: Vec<u32>,
    /// Role; may be repeated [default: operator and approver].
    #[arg(long = "role", value_name = "ROLE", value_parser = ["observer", "operator", "approver", "breakglass"])]
    pub roles: Vec<String>,
    /// Directory, or people file, that the lines are for [default: the configured one, else /etc/warroom].
    #[arg(long = "in", value_name = "DIR|FILE", value_hint = ValueHint::AnyPath)]
    pub place: Option<PathBuf>,
    /// Socket of the agent [default: $SSH_AUTH_SOCK].
    #[arg(long, value_name = "SOCKET", value_hint = ValueHint::FilePath)]
    pub agent: Option<PathBuf>,
}

/// `warroom verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Session name, its directory, or a journal file.
    #[arg(value_name = "SESSION|PATH")]
    pub session: String,
    /// People file with `allowed_signers` beside it, to judge signatures by [default: that of the configuration].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub people: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere; those beside the journal are looked at too.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub checkpoints: Vec<PathBuf>,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Session name, its directory, or a journal file.
    #[arg(value_name = "SESSION|PATH")]
    pub session: String,
    /// JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `warroom journal`.
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: JournalVerb,
}

/// What can be done with a journal.
#[derive(Debug, Subcommand)]
pub enum JournalVerb {
    /// Print records as JSON lines, or write one of them with all that an offline check needs.
    Export(ExportArgs),
}

/// `warroom journal export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Session name, its directory, or a journal file.
    #[arg(value_name = "SESSION|PATH")]
    pub session: String,
    /// This record only.
    #[arg(long, value_name = "N")]
    pub seq: Option<u64>,
    /// Write header, body, plan and signers of the record as they are into this directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub raw: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
