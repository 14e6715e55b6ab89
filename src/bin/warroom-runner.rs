//! The `warroom-runner` program: the small process that holds what can do damage.

use clap::Parser as _;
use std::process::ExitCode;
use warroom::cli::runner::{Cli, run};
use warroom::config::Env;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    run(&cli, Env::new(variables))
}
