//! The recorded past of an expression, in as many questions as its server needs.
//!
//! A session asks for newest values and lets them go; a backtest asks for days. So nothing here polls, and nothing is
//! shared with the poll loop but the requests: one question after the other, each bounded, a gap for each that stays
//! without an answer.

use crate::domain::backtest::{Recorded, Stretch};
use crate::domain::reading::ReadFailure;
use futures_util::future::BoxFuture;

/// Points asked for at once of each series. Prometheus refuses more than 11 000; half of that keeps an answer of a
/// hundred series within the usual limit on bodies.
///
/// Source: Prometheus `web/api/v1`, "exceeded maximum resolution of 11,000 points per timeseries" (read for 2.42 and 3.x).
pub const POINTS_AT_ONCE: u64 = 5_500;
/// A part that is still too much for the server is halved down to this many points, and then is a gap: a server that
/// cannot answer for a few minutes will not answer for days of them.
const POINTS_LEAST: u64 = 32;
/// Tries of one question that nobody answers: a server that is restarted is back for the third.
const TRIES: u32 = 3;

/// Why a question about the past has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// Too much at once: a shorter stretch may be answered.
    #[error("{0}")]
    TooMuch(String),
    /// The expression is refused, whatever the stretch.
    #[error("{0}")]
    Refused(String),
    /// The answer was only a part of what there is.
    #[error("{0}")]
    Partial(String),
    /// Nobody answered.
    #[error("{0}")]
    Unreached(String),
}

/// Something that keeps the past.
pub trait PastSource: Send + Sync {
    /// The values of one expression at each moment of a stretch.
    ///
    /// # Errors
    /// [`PastError`]; an answer that is only a part is one.
    fn ask<'a>(
        &'a self,
        expr: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Recorded, PastError>>;
}

/// One part of the past, in its order; or why it is a gap.
#[derive(Debug)]
pub struct Part {
    /// Which moments.
    pub stretch: Stretch,
    /// What was recorded.
    pub recorded: Result<Recorded, ReadFailure>,
}

/// Hands out the past of one expression part by part, so that only one part is in memory.
pub struct Reader<'a> {
    source: &'a dyn PastSource,
    expr: &'a str,
    /// What is still to be asked, the next one last.
    open: Vec<Stretch>,
    /// The expression was refused; the rest is a gap.
    refused: Option<String>,
    questions: u64,
}

impl<'a> Reader<'a> {
    /// Asks nothing yet.
    pub fn new(source: &'a dyn PastSource, expr: &'a str, stretch: Stretch) -> Self {
        let mut open: Vec<Stretch> = stretch.parts(POINTS_AT_ONCE).collect();
        open.reverse();
        Self {
            source,
            expr,
            open,
            refused: None,
            questions: 0,
        }
    }

    /// Questions asked so far.
    pub const fn questions(&self) -> u64 {
        self.questions
    }

    /// The next part; nothing at the end.
    ///
    /// # Errors
    /// [`PastError::Unreached`] when nobody answers any more: what follows would only be one gap, after a long wait.
    pub async fn next(&mut self) -> Result<Option<Part>, PastError> {
        while let Some(stretch) = self.open.pop() {
            let gap = |what: String, partial| Part {
                stretch,
                recorded: Err(ReadFailure { what, partial }),
            };
            if let Some(why) = &self.refused {
                return Ok(Some(gap(why.clone(), false)));
            }
            match self.ask(stretch).await {
                Ok(recorded) => {
                    return Ok(Some(Part {
                        stretch,
                        recorded: Ok(recorded),
                    }));
                }
                Err(PastError::TooMuch(why)) => {
                    let halves = stretch.halves().filter(|_| stretch.points() > POINTS_LEAST);
                    let Some([first, second]) = halves else {
                        return Ok(Some(gap(why, false)));
                    };
                    self.open.extend([second, first]);
                }
                Err(PastError::Refused(why)) => {
                    self.refused = Some(why.clone());
                    return Ok(Some(gap(why, false)));
                }
                Err(PastError::Partial(why)) => return Ok(Some(gap(why, true))),
                Err(error @ PastError::Unreached(_)) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn ask(&mut self, stretch: Stretch) -> Result<Recorded, PastError> {
        let mut tries = 1;
        loop {
            self.questions = self.questions.saturating_add(1);
            let answer = self.source.ask(self.expr, stretch).await;
            if tries < TRIES && matches!(answer, Err(PastError::Unreached(_))) {
                tries += 1;
                continue;
            }
            return answer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use std::sync::Mutex;
    use std::time::Duration;

    /// Answers as told, and remembers the points of each question.
    struct Told<F>(F, Mutex<Vec<u64>>);

    impl<F: Fn(Stretch, usize) -> Result<(), PastError> + Send + Sync> PastSource for Told<F> {
        fn ask<'a>(
            &'a self,
            _: &'a str,
            stretch: Stretch,
        ) -> BoxFuture<'a, Result<Recorded, PastError>> {
            let mut asked = self.1.lock().expect("one test");
            asked.push(stretch.points());
            let answer = (self.0)(stretch, asked.len()).map(|()| Recorded {
                series: Vec::new(),
                dropped: 0,
            });
            Box::pin(async move { answer })
        }
    }

    fn stretch(points: u64) -> Stretch {
        let from = Timestamp::from_millis(0);
        Stretch {
            from,
            to: from.plus(Duration::from_secs((points - 1) * 15)),
            step: Duration::from_secs(15),
        }
    }

    /// Points of each part with whether it is a gap.
    type Parts = Result<Vec<(u64, bool)>, PastError>;

    /// Parts, and the points of each question.
    fn read(
        points: u64,
        answer: impl Fn(Stretch, usize) -> Result<(), PastError> + Send + Sync,
    ) -> (Parts, Vec<u64>) {
        let source = Told(answer, Mutex::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let parts = runtime.block_on(async {
            let mut reader = Reader::new(&source, "up", stretch(points));
            let mut parts = Vec::new();
            let mut next = Timestamp::from_millis(0);
            while let Some(part) = reader.next().await? {
                assert_eq!(part.stretch.from, next, "without a hole, in order");
                next = part.stretch.to.plus(Duration::from_secs(15));
                parts.push((part.stretch.points(), part.recorded.is_err()));
            }
            assert_eq!(next, stretch(points).to.plus(Duration::from_secs(15)));
            Ok(parts)
        });
        (parts, source.1.into_inner().expect("one test"))
    }

    #[test]
    fn no_question_is_for_more_points_than_the_server_takes() {
        let (parts, asked) = read(12_000, |_, _| Ok(()));
        assert_eq!(
            parts,
            Ok(vec![(5_500, false), (5_500, false), (1_000, false)])
        );
        assert_eq!(asked, [5_500, 5_500, 1_000]);
        assert_eq!(read(1, |_, _| Ok(())).1, [1]);
    }

    #[test]
    fn what_is_too_much_is_halved_and_what_never_fits_is_a_gap() {
        let fits = |most: u64| {
            move |stretch: Stretch, _| {
                if stretch.points() <= most {
                    Ok(())
                } else {
                    Err(PastError::TooMuch("too much".to_owned()))
                }
            }
        };
        assert_eq!(
            read(101, fits(50)).0,
            Ok(vec![(26, false), (25, false), (50, false)])
        );
        let (parts, asked) = read(64, fits(0));
        assert_eq!(parts, Ok(vec![(32, true), (32, true)]));
        assert_eq!(asked, [64, 32, 32], "bounded");
    }

    #[test]
    fn a_refused_expression_is_asked_once_and_all_of_it_is_a_gap() {
        let (parts, asked) = read(6_000, |_, _| Err(PastError::Refused("parse".to_owned())));
        assert_eq!(parts, Ok(vec![(5_500, true), (500, true)]));
        assert_eq!(asked.len(), 1);
    }

    #[test]
    fn silence_is_tried_again_and_then_ends_it() {
        let silent = || Err(PastError::Unreached("refused".to_owned()));
        let (parts, asked) = read(6_000, |_, n| if n == 1 { silent() } else { Ok(()) });
        assert_eq!(parts.map(|p| p.len()), Ok(2));
        assert_eq!(asked.len(), 3);
        let (parts, asked) = read(6_000, |_, n| if n > 1 { silent() } else { Ok(()) });
        assert!(parts.is_err());
        assert_eq!(asked.len(), 4);
    }
}
