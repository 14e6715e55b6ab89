//! Messages between a session server and its clients.
