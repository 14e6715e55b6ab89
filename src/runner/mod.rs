//! Executes the commands of steps in a pseudo-terminal.
