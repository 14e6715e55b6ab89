//! Subcommands: reads the environment, wires values together, prints, and returns an exit code.

mod alone;
mod amend;
mod amended;
pub mod args;
mod attach;
mod backtest;
mod beginning;
pub mod check;
mod checkpoints;
mod cmdb;
mod demo;
mod docs;
mod doctor;
mod environment;
mod freezes;
mod harden;
mod journal;
pub mod lab;
mod late;
mod look;
mod ls;
mod people;
mod pinned;
pub mod plan;
mod radius;
mod rehearse;
mod report;
mod run;
mod runbook_file;
pub mod runner;
mod serve;
mod sign;
mod signatures;
mod silences;
mod status;
mod verify;

use crate::exit::{Code, Failure};
use args::{Cli, Verb};
use environment::Environment;
use late::Late;
use std::io::{IsTerminal as _, Write as _};

/// What a subcommand comes to.
pub type Outcome = Result<Code, Failure>;

/// Writes text to standard output, cleaned when that is a terminal.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = if out.is_terminal() {
        out.write_all(crate::display::for_terminal(text).as_bytes())
    } else {
        out.write_all(text.as_bytes())
    };
    written.and_then(|()| out.flush()).map_err(Failure::new)
}

/// Does what the command line says.
///
/// # Errors
/// [`Failure`], to be printed by the caller.
pub fn run(cli: Cli) -> Outcome {
    let environment = Environment::read(cli.config);
    match cli.verb {
        Verb::Run(Late(args)) => run::run(&environment, &args),
        Verb::Rehearse(Late(args)) => rehearse::rehearse(&environment, &args),
        Verb::Attach(Late(args)) => attach::attach(&environment, &args),
        Verb::Ls(Late(args)) => ls::ls(&environment, args.json),
        Verb::Status(Late(args)) => status::status(&environment, &args),
        Verb::Amend(Late(args)) => amend::amend(&environment, &args),
        Verb::Sign(Late(args)) => sign::sign(&environment, &args),
        Verb::Confirm(Late(args)) => sign::confirm(&environment, &args),
        Verb::KillSession(Late(args)) => status::kill(&environment, &args),
        Verb::Serve(Late(args)) => serve::serve(&environment, &args),
        Verb::Demo(Late(args)) => demo::demo(&environment, &args),
        Verb::Lab(Late(args)) => demo::lab(&environment, args),
        Verb::Check(Late(args)) => docs::check(&environment, &args),
        Verb::Plan(Late(args)) if args.silences => silences::preview_of(&environment, &args.file),
        Verb::Plan(Late(args)) => docs::plan(&environment, &args),
        Verb::Radius(Late(args)) => radius::radius(&environment, &args),
        Verb::Backtest(Late(args)) => backtest::backtest(&environment, &args),
        Verb::Doctor(Late(args)) => doctor::doctor(&environment, &args),
        Verb::People(Late(args)) => people::people(&environment, args),
        Verb::Verify(Late(args)) => verify::verify(&environment, &args),
        Verb::Report(Late(args)) => report::report(&environment, &args),
        Verb::Journal(Late(args)) => journal::journal(&environment, &args),
        Verb::Completions { shell } => Ok(docs::completions(shell)),
        Verb::Man => docs::man(),
    }
}
