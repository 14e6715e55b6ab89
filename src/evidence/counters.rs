//! What a host remembers of the counters of security keys: one that goes back hints at a copied key (`TWO_PERSON` 5.4).
//! FROZEN: test `the_form_of_the_file_is_frozen`.
//!
//! ```text
//! warroom-counters@v1
//! SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE 42 sha256:91a30b53539d39a7a14547baeeb83211c1c418b7dded22bc64c8826dd304d17d
//! ```
//!
//! A line per key, sorted: the newest counter, and the digest of what was signed with it, since one signature may come
//! twice. Nothing is refused because of it: some keys are reset, and a copied one is for people to judge.

use super::store::{Kept, LineFault};
use crate::domain::digest::Digest;
use crate::domain::doc::parse_number;
use std::collections::BTreeMap;

/// First line of the file.
const TITLE: &str = "warroom-counters@v1";
/// Keys that are remembered: the file stays below its limit. Beyond it new keys are not watched.
const KEYS_MAX: usize = 800;

/// The newest counter of each security key, by fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    keys: BTreeMap<String, (u32, Digest)>,
}

impl Counters {
    /// Takes the counter of a good signature over `message`. Gives the one before when it went back; the lower one is
    /// what is remembered then, so that each step back is told once.
    ///
    /// Keys that always say 0 have no counter.
    pub fn see(&mut self, key: &str, counter: u32, message: Digest) -> Option<u32> {
        let is_new = !self.keys.contains_key(key);
        if counter == 0 || (is_new && self.keys.len() >= KEYS_MAX) {
            return None;
        }
        let (before, signed) = self.keys.insert(key.to_owned(), (counter, message))?;
        let is_back = counter < before || (counter == before && message != signed);
        is_back.then_some(before)
    }
}

impl Kept for Counters {
    fn parse(text: &str) -> Result<Self, LineFault> {
        let mut rows = text.split_inclusive('\n').enumerate();
        if rows.next().map(|(_, row)| row) != Some("warroom-counters@v1\n") {
            let what = "expected `warroom-counters@v1`";
            return Err(LineFault { line: 1, what });
        }
        let mut keys = BTreeMap::new();
        for (index, row) in rows {
            let what = "expected a fingerprint, a counter and a digest";
            let line = index.saturating_add(1);
            let (key, seen) = parse_row(row).ok_or(LineFault { line, what })?;
            let is_sorted = keys.last_key_value().is_none_or(|(last, _)| *last < key);
            if !is_sorted {
                let what = "expected keys in order, each once";
                return Err(LineFault { line, what });
            }
            keys.insert(key, seen);
        }
        Ok(Self { keys })
    }

    fn print(&self) -> String {
        let rows = self.keys.iter();
        let rows = rows.map(|(key, (counter, message))| format!("{key} {counter} {message}\n"));
        format!("{TITLE}\n{}", rows.collect::<String>())
    }
}

fn parse_row(row: &str) -> Option<(String, (u32, Digest))> {
    let mut words = row.strip_suffix('\n')?.split(' ');
    let key = words.next().filter(|key| key.starts_with("SHA256:"))?;
    let counter = u32::try_from(parse_number(words.next()?.as_bytes())?).ok()?;
    let message = Digest::parse(words.next()?).ok()?;
    words
        .next()
        .is_none()
        .then(|| (key.to_owned(), (counter, message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::store::Store;
    use std::os::unix::fs::PermissionsExt as _;

    const KEY: &str = "SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE";

    #[test]
    fn a_counter_that_goes_back_is_told_once_and_one_signature_may_come_twice() {
        let mut counters = Counters::default();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(counters.see(KEY, 41, one), None);
        assert_eq!(counters.see(KEY, 42, one), None);
        assert_eq!(counters.see(KEY, 42, one), None, "the same signature");
        assert_eq!(
            counters.see(KEY, 42, other),
            Some(42),
            "two with one number"
        );
        assert_eq!(counters.see(KEY, 7, other), Some(42));
        assert_eq!(counters.see(KEY, 8, one), None);
        assert_eq!(counters.see("SHA256:other", 1, one), None);
        assert_eq!(counters.see(KEY, 0, one), None, "it has no counter");
    }

    #[test]
    fn the_form_of_the_file_is_frozen() {
        let mut counters = Counters::default();
        counters.see(KEY, 42, Digest::of(b"one"));
        let digest = Digest::of(b"one");
        let text = format!("warroom-counters@v1\n{KEY} 42 {digest}\n");
        assert_eq!(counters.print(), text);
        assert_eq!(Counters::parse(&text), Ok(counters));
        for bad in [
            String::new(),
            "warroom-totp@v1\n".to_owned(),
            text.replace("42", "042"),
            text.trim_end().to_owned(),
            format!("{text}{KEY} 43 {digest}\n"),
            text.replace(" 42 ", " 42  "),
        ] {
            assert!(Counters::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn it_outlives_the_session() {
        let dir = tempfile::tempdir().expect("a directory");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir.path(), mode).expect("its mode");
        let see = |counter: u32, message: &[u8]| {
            let store = Store::new(dir.path(), "key-counters");
            let digest = Digest::of(message);
            store
                .update(|counters: &mut Counters| counters.see(KEY, counter, digest))
                .expect("kept")
        };
        assert_eq!(see(42, b"one"), None);
        assert_eq!(see(41, b"two"), Some(42));
    }
}
