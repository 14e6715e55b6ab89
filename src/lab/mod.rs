//! A simulated cluster that answers the HTTP APIs of the real systems.
