//! What a connector reads its settings with: `[connect.KIND.NAME]`, key by key.
//!
//! Every method takes the key out and notes by itself, with its place in the file, what is wrong with its value; `None`
//! then means the same as a key that is not there. Keys nobody took are reported as unknown afterwards.

use crate::connect::http::{Auth, HttpConfig};
use secrecy::SecretString;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Interval of everything but metrics: more often than each second a CMDB or a pager has nothing new.
pub const EVERY: Range<Duration> = SECOND..Duration::from_secs(24 * 3600);

/// Interval of metrics: as often as the clock on the screen ticks, and at least once in an hour.
pub const EVERY_METRICS: Range<Duration> = SECOND..Duration::from_secs(3600);

/// One table of settings.
pub trait Keys {
    /// True when the key is there and was not taken yet.
    fn has(&self, key: &'static str) -> bool;
    /// A text.
    fn text(&mut self, key: &'static str) -> Option<String>;
    /// A text that must be there and not be blank; `hint` says what to write.
    fn required(&mut self, key: &'static str, hint: &str) -> Option<String>;
    /// A span of time: a text such as `"5s"`, or whole seconds.
    fn span(&mut self, key: &'static str, within: Range<Duration>) -> Option<Duration>;
    /// A whole number.
    fn whole(&mut self, key: &'static str, within: Range<u64>) -> Option<u64>;
    /// True or false.
    fn flag(&mut self, key: &'static str) -> Option<bool>;
    /// One of these words.
    fn word(&mut self, key: &'static str, words: &[&'static str]) -> Option<&'static str>;
    /// A list of texts; empty when there is none.
    fn texts(&mut self, key: &'static str) -> Vec<String>;
    /// A list of ids or slugs, fit to be put into an address; empty when there is none.
    fn ids(&mut self, key: &'static str) -> Vec<String>;
    /// Texts by name: a table whose keys are free.
    fn pairs(&mut self, key: &'static str) -> Vec<(String, String)>;
    /// A path; a relative one starts beside the file.
    fn path(&mut self, key: &'static str) -> Option<PathBuf>;
    /// A path that must be there.
    fn required_path(&mut self, key: &'static str, hint: &str) -> Option<PathBuf>;
    /// A base URL without credentials, query and fragment.
    fn url(&mut self, key: &'static str) -> Option<String>;
    /// A list of such URLs, with one entry at least where the key is there.
    fn urls(&mut self, key: &'static str) -> Vec<String>;
    /// A secret by reference.
    fn secret(&mut self, key: &'static str) -> Option<SecretString>;
    /// A secret by reference that must be there.
    fn required_secret(&mut self, key: &'static str) -> Option<SecretString>;
    /// `auth.bearer`, `auth.basic` or `auth.headers`: one of them, or none.
    fn auth(&mut self) -> Auth;
    /// `headers`: those that are no secret.
    fn headers(&mut self) -> Vec<(String, String)>;
    /// Limits and certificates of a connection: `timeout`, `connect_timeout`, `ca_file`, `ca_only`, `body_bytes_max`.
    /// URL and credentials stay empty.
    fn limits(&mut self) -> HttpConfig;
    /// [`Self::limits`] and `url`, which must be there when there is no default.
    fn http(&mut self, default: Option<&str>) -> Option<HttpConfig>;
    /// A table below this one; false when there is none.
    fn inside(&mut self, key: &'static str, read: &mut dyn FnMut(&mut dyn Keys)) -> bool;
    /// A list of tables below this one (`[[key]]`).
    fn each(&mut self, key: &'static str, read: &mut dyn FnMut(&mut dyn Keys));
    /// Notes what is wrong, at a key that was taken; at the whole table when the key was not there.
    fn fault(&mut self, key: &'static str, what: String, hint: &str);
}
