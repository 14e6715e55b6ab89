//! Owns the state of a session: proposes facts, and applies them once they are in the journal.
