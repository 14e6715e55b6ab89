//! Arguments of a subcommand that are set up when it is the one that was typed.
//!
//! There are some two hundred arguments in all; to set up every one of them takes longer than to attach.

use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// As `T`, set up late.
#[derive(Debug)]
pub struct Late<T>(pub T);

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(set_up::<T>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(set_up::<T>)
    }
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

/// What the subcommand is about stands at its name; `T` is about itself.
fn set_up<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned();
    let long = command.get_long_about().cloned();
    let command = T::augment_args(command)
        .about(about.unwrap_or_default())
        .long_about(None);
    match long {
        Some(long) => command.long_about(long),
        None => command,
    }
}
