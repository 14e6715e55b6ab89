//! The keys of hosts as this machine has them, to judge a session's certificate. What the session itself says of them
//! would prove nothing.

use crate::domain::confirm::certificate::Certified;
use crate::domain::fact::Genesis;
use crate::evidence::host_key::certified;
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::Signers;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where they stand.
#[derive(Debug, Clone)]
pub struct HostKeys {
    /// The people file; the lists stand beside it.
    pub people: PathBuf,
    /// Reads the lists; or says in one line what is wrong with them.
    pub read: fn(&Path) -> Result<(Signers, Revoked), String>,
}

impl HostKeys {
    /// Says who stands for a session's key. The files are read by another thread, and only when there is a certificate.
    pub(super) fn judge(
        &self,
        genesis: &Arc<Genesis>,
    ) -> impl Future<Output = Certified> + 'static {
        let genesis = genesis.certificate.is_some().then(|| Arc::clone(genesis));
        let Self { people, read } = self.clone();
        async move {
            let Some(genesis) = genesis else {
                return Certified::no("no host key signed it");
            };
            let judging = tokio::task::spawn_blocking(move || match read(&people) {
                Ok((servers, revoked)) => certified(&genesis, &servers, &revoked),
                Err(why) => Certified::no(why),
            });
            judging.await.unwrap_or_else(|_| {
                Certified::no("the look at the lists of this machine broke off")
            })
        }
    }
}
