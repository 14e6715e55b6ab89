//! Enforced mode: the small program that holds the credentials and believes nobody (`TWO_PERSON` 4.6).
//!
//! Must not know the session server: it judges a ticket by itself, from the files of root alone.
