//! Range queries of a backtest.

use super::config::PrometheusConfig;
use super::request::{self, Span};
use super::response::{ResponseError, parse_recorded};
use super::wire::{Failure, Wire};
use crate::connect::http::{HttpError, HttpSetupError, snippet};
use crate::connect::past::{PastError, PastSource};
use crate::domain::backtest::{Recorded, Stretch};
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time that a question about hours may take; a server gives up after two minutes by itself, by default.
const ANSWER_LEAST: Duration = Duration::from_secs(60);

/// Asks one Prometheus for its past.
pub(super) struct PrometheusPast {
    wire: Wire,
    series_max: usize,
}

impl PrometheusPast {
    /// Prepares the connection; opens none.
    ///
    /// # Errors
    /// As [`super::Prometheus::new`].
    pub(super) fn new(config: &PrometheusConfig) -> Result<Self, HttpSetupError> {
        let mut config = config.clone();
        config.http.timeout = config.http.timeout.max(ANSWER_LEAST);
        Ok(Self {
            wire: Wire::new(&config)?,
            series_max: config.series_max,
        })
    }

    async fn recorded(&self, expr: &str, stretch: Stretch) -> Result<Recorded, PastError> {
        let span = Span {
            start: stretch.from,
            end: stretch.to,
            step: stretch.step,
        };
        let series_max = self.series_max;
        let request = request::whole_range(expr, span, self.wire.timeout());
        let deadline = Instant::now() + self.wire.timeout();
        let parse = move |body: &[u8]| parse_recorded(body, series_max);
        let found = self.wire.fetch(request, deadline, parse).await;
        let (found, _) = found.map_err(|failure| why(&failure))?;
        match found.partial {
            Some(what) => Err(PastError::Partial(what)),
            None => Ok(Recorded {
                series: found.series,
                dropped: found.dropped,
            }),
        }
    }
}

impl PastSource for PrometheusPast {
    fn ask<'a>(
        &'a self,
        expr: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Recorded, PastError>> {
        Box::pin(self.recorded(expr, stretch))
    }
}

/// What a failure says of the next question. The server names what it does not like; only `bad_data` is about the
/// expression, and everything else that it says itself is about how much was asked for.
///
/// Source: Prometheus HTTP API, "Format overview": 400 `bad_data`, 422 `execution`, 503 `timeout`.
fn why(failure: &Failure) -> PastError {
    let said = snippet(failure.to_string().as_bytes());
    match failure {
        Failure::Answer(ResponseError::Server { error_type, error }) => {
            if error_type == "bad_data" && !error.contains("maximum resolution") {
                PastError::Refused(said)
            } else {
                PastError::TooMuch(said)
            }
        }
        Failure::Answer(_) => PastError::Refused(said),
        Failure::Transport {
            error: HttpError::TooLarge { .. },
            ..
        }
        | Failure::Late(_)
        | Failure::Decoder => PastError::TooMuch(said),
        Failure::Transport { words, .. } => match words.as_deref() {
            Some(ResponseError::Server { error_type, .. })
                if matches!(error_type.as_str(), "timeout" | "canceled") =>
            {
                PastError::TooMuch(said)
            }
            _ => PastError::Unreached(said),
        },
    }
}
