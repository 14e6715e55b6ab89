//! `check`, `plan`, `completions`, `man`.

use super::Outcome;
use super::args::{CheckArgs, Cli, PlanArgs};
use super::environment::Environment;
use super::freezes;
use crate::display::one_line;
use crate::domain::digest::Digest;
use crate::domain::git::GitState;
use crate::domain::runbook::limits::FILE_BYTES_MAX;
use crate::exit::{Code, Failure};
use crate::server::git::{self, Surroundings};
use clap::CommandFactory as _;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

/// `warroom check`.
pub(super) fn check(environment: &Environment, args: &CheckArgs) -> Outcome {
    let colour = std::io::stdout().is_terminal();
    let outcome = if args.json {
        let mut out = Vec::new();
        let outcome =
            super::check::check(&args.files, true, &mut out, colour).map_err(Failure::new)?;
        super::say(&String::from_utf8_lossy(&out))?;
        outcome
    } else {
        // Colours are our own; the text between them is clean.
        let mut out = anstream::stdout().lock();
        let outcome =
            super::check::check(&args.files, false, &mut out, colour).map_err(Failure::new)?;
        out.flush().map_err(Failure::new)?;
        outcome
    };
    for file in &args.files {
        freezes::tell(environment, file);
    }
    Ok(if outcome.has_passed() {
        Code::Done
    } else {
        Code::Usage
    })
}

/// `warroom plan`.
pub(super) fn plan(environment: &Environment, args: &PlanArgs) -> Outcome {
    let mut out = Vec::new();
    let colour = std::io::stderr().is_terminal();
    let mut problems = anstream::stderr().lock();
    let ask = || super::cmdb::read_alone(environment);
    let outcome = super::plan::plan(
        &args.file,
        args.json,
        ask,
        (&mut out, &mut problems),
        colour,
    )?;
    let mut out = String::from_utf8_lossy(&out).into_owned();
    if !args.json && outcome.has_passed() {
        super::say(&git_lines(environment, &args.file))?;
        // The digest stays the last line.
        let at = out.trim_end().rfind('\n').map_or(0, |at| at + 1);
        out.insert_str(at, &super::rehearse::beside_plan(environment, &args.file));
    }
    super::say(&out)?;
    drop(problems);
    freezes::tell(environment, &args.file);
    Ok(if outcome.has_passed() {
        Code::Done
    } else {
        Code::Usage
    })
}

/// What Git says of a runbook, a line each; as a session opened now would be pinned to it, but for signers that only the
/// policy names.
fn git_lines(environment: &Environment, file: &Path) -> String {
    let bytes = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
        std::fs::File::open(file)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let read = || Some((std::fs::canonicalize(file).ok()?, bytes().ok()?));
    let state = match read() {
        Some((path, bytes)) => {
            let around = Surroundings {
                env: environment.git_env(),
                signers: None,
            };
            git::look(&path, Digest::of(&bytes), &around)
        }
        None => GitState::Unknown {
            why: "the file cannot be read again".to_owned(),
        },
    };
    let commit = std::iter::once(format!("commit      {}\n", state.commit()));
    let lines = state.lines().into_iter();
    let lines = lines.map(|(word, said, _)| format!("{word:<12}{}\n", one_line(&said)));
    commit.chain(lines).collect()
}

/// `warroom completions`.
pub(super) fn completions(shell: clap_complete::Shell) -> Code {
    let mut out = std::io::stdout();
    clap_complete::generate(shell, &mut Cli::command(), "warroom", &mut out);
    Code::Done
}

/// `warroom man`.
pub(super) fn man() -> Outcome {
    let page = page().map_err(Failure::new)?;
    std::io::stdout().write_all(&page).map_err(Failure::new)?;
    Ok(Code::Done)
}

/// The manual page: what clap knows, then keys and exit codes from their own tables.
pub(super) fn page() -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(Cli::command());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    // Kept line by line, which the crate's own section for it does not.
    writeln!(page, ".SH EXAMPLES\n.nf")?;
    let examples = Cli::command().get_after_help().map(ToString::to_string);
    for line in examples.unwrap_or_default().lines() {
        writeln!(page, "{}", roff(line))?;
    }
    writeln!(page, ".fi")?;
    man.render_options_section(&mut page)?;
    // All commands are described in this page; there are no others to refer to.
    writeln!(page, ".SH COMMANDS")?;
    for verb in Cli::command()
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
    {
        let about = verb.get_about().map(ToString::to_string);
        writeln!(
            page,
            ".TP\n\\fBwarroom {}\\fR\n{}",
            roff(verb.get_name()),
            roff(&about.unwrap_or_default())
        )?;
    }
    let mut whole = Cli::command();
    whole.build();
    for verb in whole
        .get_subcommands_mut()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        let name = verb.get_name().to_owned();
        let help = verb
            .clone()
            // Named once, with the options of all commands.
            .mut_args(|arg| {
                let is_hidden = arg.is_global_set() || arg.is_hide_set();
                arg.hide(is_hidden)
            })
            .bin_name(format!("warroom {name}"))
            .render_long_help()
            .to_string();
        writeln!(page, ".SH WARROOM {}\n.nf", name.to_uppercase())?;
        for line in help.lines() {
            writeln!(page, "{}", roff(line))?;
        }
        writeln!(page, ".fi")?;
    }
    writeln!(page, ".SH KEYS")?;
    for binding in crate::ui::keymap::key_table() {
        writeln!(
            page,
            ".TP\n\\fB{}\\fR\n{}",
            roff(binding.keys),
            roff(binding.what)
        )?;
    }
    writeln!(page, ".SH EXIT STATUS")?;
    for (code, meaning) in Code::ALL {
        writeln!(page, ".TP\n{}\n{}", code as u8, roff(meaning))?;
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Escapes text for roff: backslashes and hyphens, and a full stop or quote at the start of a line.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}
