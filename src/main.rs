//! The `warroom` program: arguments in, exit code out.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = warroom::cli::args::Cli::parse();
    match warroom::cli::run(cli) {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.print(&mut std::io::stderr().lock());
            failure.code.into()
        }
    }
}
