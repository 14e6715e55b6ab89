//! The one way for text from outside to reach a terminal.
