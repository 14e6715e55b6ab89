//! What a server that takes a session up does before it serves anybody.

use super::session::{Session, Turn};
use crate::engine::Input;
use crate::journal::{self, AppendError};

impl Session {
    /// Takes a session up after its server had ended: what ran then is unknown now, and a torn tail is told. Durable
    /// before anybody is served, so that nobody sees the terminals and commands of the dead server as living.
    pub(crate) async fn on_restart(
        &mut self,
        tail: Option<journal::TornTail>,
    ) -> Result<(), AppendError> {
        let mut turn = Turn::default();
        if let Some(tail) = tail {
            let input = Input::Recovered {
                bytes: tail.bytes,
                digest: tail.digest,
            };
            self.take(&input, &mut turn, None);
        }
        let input = Input::Restarted {
            program: crate::PROGRAM.to_owned(),
            host: super::pin::host_name(),
        };
        self.take(&input, &mut turn, None);
        self.write().await?;
        let lost = self.executor.adopt(self.engine.state());
        self.failed_starts.extend(lost.map(Input::Exec));
        Ok(())
    }

    /// Says what closes the way forward in a session that was taken up all the same: a policy that cannot be read, or a
    /// runner that is not there or decides by another one. Both are looked at again with whatever needs them.
    pub(crate) fn without(&mut self, unread: Option<String>) {
        let runner = self.executor.trouble();
        let people = unread.map(|why| {
            self.unread(why);
            format!("the people file cannot be read: {}", self.world.unread)
        });
        let why = people.or(runner);
        let closed = why.map(|why| {
            format!("nothing that needs a second person goes forward: {why}; the way back is open")
        });
        self.notices.extend(closed);
    }
}
