//! Poll loops of a session, and others in their place once another plan asks something else.
//!
//! Answers know the name of their question and not its text. So the old loops have ended before the new ones begin, and
//! in between the session takes no answer at all: what nobody has asked is unknown.

use super::input::Incoming;
use crate::clock::Clock;
use crate::connect::connector::Connector;
use crate::connect::query::QuerySpec;
use crate::connect::registry::{self, Built};
use crate::connect::supervise::Connectors;
use crate::domain::reading::Reading;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Words that may wait: one to stop and one to start.
pub(crate) const WORDS_MAX: usize = 4;

/// What the session tells its poll loops.
#[derive(Debug)]
pub(crate) enum Word {
    /// End.
    Stop,
    /// Begin, with these questions.
    Start(Vec<QuerySpec>),
}

/// Says it; a keeper that is gone has ended with the server.
pub(crate) fn tell(words: &mpsc::Sender<Word>, word: Word) {
    if words.try_send(word).is_err() {
        tracing::error!(
            "the poll loops could not be told of the plan in force; their answers are not taken"
        );
    }
}

/// Keeps the poll loops.
pub(crate) struct Keeper {
    pub(crate) configs: Vec<Arc<dyn Connector>>,
    pub(crate) readings: mpsc::Sender<Reading>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: CancellationToken,
    /// To the session.
    pub(crate) inputs: mpsc::Sender<Incoming>,
}

impl Keeper {
    /// Runs them until the server ends.
    pub(crate) async fn keep(self, built: Vec<Built>, mut words: mpsc::Receiver<Word>) {
        let mut stop = self.shutdown.child_token();
        let mut running = Connectors::start(built, &self.readings, &self.clock, &stop);
        loop {
            let word = tokio::select! {
                () = self.shutdown.cancelled() => None,
                word = words.recv() => word,
            };
            match word {
                None => break,
                Some(Word::Stop) => {
                    stop.cancel();
                    running.stopped().await;
                    self.inputs.send(Incoming::PollsStopped).await.ok();
                }
                Some(Word::Start(specs)) => {
                    stop = self.shutdown.child_token();
                    let built = self.build(&specs).await;
                    running = Connectors::start(built, &self.readings, &self.clock, &stop);
                }
            }
        }
        // Also when the session has let go of the words: nobody takes the readings any more.
        stop.cancel();
        running.stopped().await;
    }

    /// What could be made once cannot always be made again: then nothing is asked, everybody is told, and all is unknown.
    async fn build(&self, specs: &[QuerySpec]) -> Vec<Built> {
        match registry::build(&self.configs, specs, &self.clock) {
            Ok(built) => built,
            Err(errors) => {
                let first = errors.first().map(|e| format!("{e}: {}", e.source));
                let text = format!(
                    "no system can be asked by the amended plan, all it watches is unknown until the server is started again: {}",
                    first.unwrap_or_default()
                );
                self.inputs.send(Incoming::Noticed { text }).await.ok();
                Vec::new()
            }
        }
    }
}
