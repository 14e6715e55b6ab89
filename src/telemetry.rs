//! Log files of the program itself: non-blocking, beside the session, redacted.
