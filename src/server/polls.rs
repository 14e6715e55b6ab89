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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::connect::http::HttpSetupError;
    use crate::connect::poll::{Pace, PollError, Source};
    use crate::domain::id::{ConnectorName, RuleId};
    use crate::domain::reading::QueryAnswer;
    use crate::domain::time::Moment;
    use futures_util::future::BoxFuture;
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// Longest wait: far beyond what a busy machine needs, so that only a defect reaches it.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Answers whatever it is asked.
    #[derive(Debug)]
    struct Meter(ConnectorName);

    struct Needle(ConnectorName, Vec<QuerySpec>);

    impl Connector for Meter {
        fn name(&self) -> &ConnectorName {
            &self.0
        }

        fn system(&self) -> &'static str {
            "meter"
        }

        fn is_metrics(&self) -> bool {
            true
        }

        fn source(
            &self,
            specs: &[QuerySpec],
            _clock: &Arc<dyn Clock>,
        ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
            Ok(Some(Box::new(Needle(self.0.clone(), specs.to_vec()))))
        }
    }

    impl Source for Needle {
        fn name(&self) -> &ConnectorName {
            &self.0
        }

        fn system(&self) -> &'static str {
            "meter"
        }

        fn every(&self) -> Duration {
            Duration::from_millis(5)
        }

        fn pace(&self) -> Pace {
            Pace::Jittered
        }

        fn deadline(&self) -> Duration {
            Duration::from_secs(5)
        }

        fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
            let answers = self.1.iter().map(|spec| QueryAnswer {
                rule: spec.rule.clone(),
                result: Ok(Vec::new()),
                dropped: 0,
                warnings: Vec::new(),
                received: now,
            });
            let (source, answers) = (self.0.clone(), answers.collect());
            Box::pin(async move { Ok(vec![Reading::Queries { source, answers }]) })
        }
    }

    fn specs(names: &[&str]) -> Vec<QuerySpec> {
        let of = names.iter().map(|name| QuerySpec {
            rule: RuleId::new(name).expect("an id"),
            expr: (*name).to_owned(),
            source: None,
        });
        of.collect()
    }

    /// Rules that the next answer is for.
    async fn answered(readings: &mut mpsc::Receiver<Reading>) -> BTreeSet<String> {
        loop {
            let reading = tokio::time::timeout(PATIENCE, readings.recv()).await;
            let reading = reading.expect("in time").expect("it is polled");
            if let Reading::Queries { answers, .. } = reading {
                return answers.iter().map(|one| one.rule.to_string()).collect();
            }
        }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn new_questions_are_asked_only_after_the_last_answer_to_the_old_ones() {
        let name = ConnectorName::new("main").expect("a name");
        let configs: Vec<Arc<dyn Connector>> = vec![Arc::new(Meter(name))];
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Moment::default()));
        let (readings_in, mut readings) = mpsc::channel(4);
        let (inputs_in, mut inputs) = mpsc::channel(4);
        let (words, heard) = mpsc::channel(WORDS_MAX);
        let shutdown = CancellationToken::new();
        let old = specs(&["kept", "gone"]);
        let built = registry::build(&configs, &old, &clock).expect("built");
        let keeper = Keeper {
            configs,
            readings: readings_in,
            clock,
            shutdown: shutdown.clone(),
            inputs: inputs_in,
        };
        let kept = tokio::spawn(keeper.keep(built, heard));
        assert_eq!(answered(&mut readings).await, set(&["kept", "gone"]));
        tell(&words, Word::Stop);
        // Whatever they still have to say comes before they say that they have ended.
        let stopped = async {
            loop {
                tokio::select! {
                    biased;
                    stopped = inputs.recv() => return stopped,
                    _ = readings.recv() => {}
                }
            }
        };
        let stopped = tokio::time::timeout(PATIENCE, stopped).await;
        assert!(matches!(stopped, Ok(Some(Incoming::PollsStopped))));
        while readings.try_recv().is_ok() {}
        tell(&words, Word::Start(specs(&["kept", "new"])));
        for _ in 0..3 {
            assert_eq!(answered(&mut readings).await, set(&["kept", "new"]));
        }
        shutdown.cancel();
        let ended = async {
            while readings.recv().await.is_some() {}
            kept.await
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        ended.expect("in time").expect("joins");
    }
}
