//! One request and its answer, and why there is none.

use super::config::PrometheusConfig;
use super::request::Request;
use super::response::{self, ResponseError};
use crate::connect::http::{Answer, Http, HttpError, HttpSetupError, RetryAfter, snippet};
use crate::domain::reading::ReadFailure;
use crate::domain::time::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Larger bodies are decoded away from the tasks that answer keys: 100 kB take about a millisecond.
pub(super) const DECODE_APART_BYTES: usize = 100 * 1024;

/// Why one request gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server was not reached, or did not get to it.
    #[error("{}", reach_text(error, words.as_deref()))]
    Transport {
        error: HttpError,
        /// What it said itself, such as that it is still starting.
        words: Option<Box<ResponseError>>,
    },
    /// The server answered that it cannot.
    #[error(transparent)]
    Answer(ResponseError),
    /// The poll's time ran out.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The decoder ended without a result.
    #[error("the answer could not be decoded")]
    Decoder,
}

/// The server's own words say more than a hint about its status.
fn reach_text(error: &HttpError, words: Option<&ResponseError>) -> String {
    words.map_or_else(|| error.with_hint(), |words| format!("{error}: {words}"))
}

impl Failure {
    pub(super) fn to_read_failure(&self) -> ReadFailure {
        ReadFailure {
            // The server's words may hold the whole expression.
            what: snippet(self.to_string().as_bytes()),
            partial: false,
        }
    }

    pub(super) const fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Transport { error, .. } => error.retry_after(),
            _ => None,
        }
    }

    /// The status of an answer that says that the server knows no such question, as those do that only store metrics.
    pub(super) const fn absence(&self) -> Option<u16> {
        match self {
            Self::Transport {
                error:
                    HttpError::Status {
                        code: code @ (400 | 404 | 405 | 501),
                        ..
                    },
                ..
            } => Some(*code),
            _ => None,
        }
    }
}

impl From<HttpError> for Failure {
    /// An error status with the server's own words is an answer when it blames the query, and not the server.
    fn from(error: HttpError) -> Self {
        let words = match &error {
            HttpError::Status { body, .. } => response::parse_refusal(body),
            _ => None,
        };
        match (&error, words) {
            (
                HttpError::Status {
                    code: 400 | 422, ..
                },
                Some(words),
            ) => Self::Answer(words),
            (_, words) => Self::Transport {
                words: words.map(Box::new),
                error,
            },
        }
    }
}

/// The connection to one server, with what every request carries.
#[derive(Debug)]
pub(super) struct Wire {
    http: Http,
    params: Vec<(String, String)>,
}

impl Wire {
    /// Prepares the connection; opens none.
    ///
    /// # Errors
    /// [`HttpSetupError`].
    pub(super) fn new(config: &PrometheusConfig) -> Result<Self, HttpSetupError> {
        let mut http = config.http.clone();
        if let Some(tenant) = &config.tenant {
            http.headers
                .push(("X-Scope-OrgID".to_owned(), tenant.clone()));
        }
        Ok(Self {
            http: Http::new(&http)?,
            params: config.params.clone(),
        })
    }

    /// Longest wait for a whole answer, and for a whole poll.
    pub(super) const fn timeout(&self) -> Duration {
        self.http.timeout()
    }

    /// Sends one request and decodes its answer, apart when it is large. Gives the answer's `Date` too.
    pub(super) async fn fetch<T, F>(
        &self,
        request: Request,
        deadline: Instant,
        parse: F,
    ) -> Result<(T, Option<Timestamp>), Failure>
    where
        T: Send + 'static,
        F: FnOnce(&[u8]) -> Result<T, ResponseError> + Send + 'static,
    {
        let exchange = async {
            let answer = self.send(&request).await?;
            let date = answer.date;
            let parsed = if answer.body.len() <= DECODE_APART_BYTES {
                parse(&answer.body)
            } else {
                let apart = tokio::task::spawn_blocking(move || parse(&answer.body));
                // A decoder that panics loses this answer, and nothing else.
                apart.await.map_err(|_| Failure::Decoder)?
            };
            Ok((parsed.map_err(Failure::Answer)?, date))
        };
        timeout_at(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::Late(self.timeout())))
    }

    async fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        let own = request.params.iter().map(|(k, v)| (*k, v.as_str()));
        let set = self.params.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let params: Vec<(&str, &str)> = own.chain(set).collect();
        if request.post {
            self.http.post_form(request.path, &params).await
        } else {
            self.http.get(request.path, &params).await
        }
    }
}
