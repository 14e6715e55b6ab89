//! Counters of security keys, watched across all sessions of this host: one that goes back is recorded and shown.

use super::input::Incoming;
use super::session::Session;
use crate::domain::digest::Digest;
use crate::domain::fact::COUNTER_NOTICE;
use crate::evidence::counters::Counters;
use crate::evidence::sshsig::Proof;
use crate::evidence::store::Store;
use std::path::{Path, PathBuf};

/// Name of the file in the directory of all sessions: a key is one key for the host.
const FILE: &str = "key-counters";

impl Session {
    /// Remembers the counter of a good signature, off this task. Should it have gone back, that comes back as
    /// [`Incoming::Noticed`], right behind what was signed.
    pub(super) fn watch_counter(&self, proof: &Proof, message: &[u8]) {
        let Some(counter) = proof.counter.filter(|counter| *counter > 0) else {
            return;
        };
        let dir = self.executor.workplace().session_dir.parent();
        let dir = dir.map_or_else(PathBuf::new, Path::to_path_buf);
        let (proof, message) = (proof.clone(), Digest::of(message));
        let inputs = self.own_inputs.clone();
        tokio::spawn(async move {
            let text = match see(&dir, &proof.key, counter, message).await {
                Ok(None) => return,
                Ok(Some(before)) => gone_back(&proof, before, counter),
                Err(why) => {
                    tracing::warn!(%why, "the counter of a security key is not remembered");
                    format!(
                        "the counter of the security key {} is not watched: {why}",
                        proof.key
                    )
                }
            };
            inputs.send(Incoming::Noticed { text }).await.ok();
        });
    }
}

/// What everybody is told.
fn gone_back(proof: &Proof, before: u32, counter: u32) -> String {
    let (person, key) = (&proof.person, &proof.key);
    format!(
        "{COUNTER_NOTICE}, {before} before and {counter} now: {key} of `{person}` may have been copied; \
         ask its owner, and add it to `revoked` unless they can explain"
    )
}

/// Remembers a counter; gives the one before when it did not rise.
async fn see(dir: &Path, key: &str, counter: u32, message: Digest) -> Result<Option<u32>, String> {
    let (store, key) = (Store::new(dir, FILE), key.to_owned());
    let seeing = tokio::task::spawn_blocking(move || {
        store.update_in_turn(|counters: &mut Counters| counters.see(&key, counter, message))
    });
    match seeing.await {
        Ok(seen) => seen.map_err(|fault| fault.to_string()),
        Err(_) => Err("the look at the disk broke off".to_owned()),
    }
}
