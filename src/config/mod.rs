//! Configuration: as typed, then validated, with file and line for every problem.
