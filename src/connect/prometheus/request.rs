//! Requests of the Prometheus HTTP API, made without I/O.
//!
//! Source: Prometheus HTTP API, "Expression queries", "Alerts", "Build information" (read for 2.42 and 3.x).

use crate::domain::time::Timestamp;
use std::time::Duration;

/// Longest expression sent in a URL: proxies begin to refuse URLs at 4 KiB, and escaping may double it.
const EXPR_IN_URL_MAX: usize = 2 * 1024;
/// Points of history for one series: as many cells as the widest chart has.
pub(super) const POINTS_MAX: u32 = 240;

/// One request below the base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// True: the parameters are sent as a form.
    pub(super) post: bool,
    /// Path below the base URL.
    pub(super) path: &'static str,
    /// Query or form parameters.
    pub(super) params: Vec<(&'static str, String)>,
}

impl Request {
    fn new(path: &'static str, params: Vec<(&'static str, String)>, expr: &str) -> Self {
        Self {
            post: expr.len() > EXPR_IN_URL_MAX,
            path,
            params,
        }
    }
}

/// The newest values of an expression. `timeout` tells the server when nobody waits any more.
pub(super) fn instant(expr: &str, timeout: Duration) -> Request {
    let params = vec![("query", expr.to_owned()), ("timeout", span_text(timeout))];
    Request::new("/api/v1/query", params, expr)
}

/// The past of an expression, at most `series_max` series where the server knows that parameter.
pub(super) fn range(expr: &str, span: Span, series_max: usize, timeout: Duration) -> Request {
    let mut request = whole_range(expr, span, timeout);
    request.params.push(("limit", series_max.to_string()));
    request
}

/// The past of an expression with all its series: a server that cuts them by itself cannot be told from one that lacks
/// some.
pub(super) fn whole_range(expr: &str, span: Span, timeout: Duration) -> Request {
    let params = vec![
        ("query", expr.to_owned()),
        ("start", seconds_text(span.start)),
        ("end", seconds_text(span.end)),
        ("step", format!("{}", span.step.as_secs())),
        ("timeout", span_text(timeout)),
    ];
    Request::new("/api/v1/query_range", params, expr)
}

/// Pending and firing alerts.
pub(super) fn alerts() -> Request {
    Request::new("/api/v1/alerts", Vec::new(), "")
}

/// Rules with their health, without the alerts of each where the server knows that parameter (Prometheus 2.52).
pub(super) fn rules() -> Request {
    let params = vec![("exclude_alerts", "true".to_owned())];
    Request::new("/api/v1/rules", params, "")
}

/// What is scraped, without what was dropped before scraping.
pub(super) fn targets() -> Request {
    let params = vec![("state", "active".to_owned())];
    Request::new("/api/v1/targets", params, "")
}

/// Version of the server.
pub(super) fn build_info() -> Request {
    Request::new("/api/v1/status/buildinfo", Vec::new(), "")
}

/// A stretch of time in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// First point.
    pub(super) start: Timestamp,
    /// Last point.
    pub(super) end: Timestamp,
    /// Distance of the points, whole seconds, one at least.
    pub(super) step: Duration,
}

impl Span {
    /// The `history` before `now` in at most [`POINTS_MAX`] points. Points lie on multiples of the step, so that asking
    /// twice gives the same ones.
    pub(super) fn before(now: Timestamp, history: Duration, wanted: Option<Duration>) -> Self {
        let fitted = history.as_secs().div_ceil(u64::from(POINTS_MAX - 1));
        let step = wanted
            .map_or(0, |wanted| wanted.as_secs())
            .max(fitted)
            .max(1);
        let step_ms = i64::try_from(step.saturating_mul(1000)).unwrap_or(i64::MAX);
        let end =
            Timestamp::from_millis(now.as_millis().div_euclid(step_ms).saturating_mul(step_ms));
        let steps = history.as_secs() / step;
        Self {
            start: end.minus(Duration::from_secs(steps.saturating_mul(step))),
            end,
            step: Duration::from_secs(step),
        }
    }
}

/// Seconds: all servers read them, where some read only some of the units.
fn span_text(span: Duration) -> String {
    format!("{}.{:03}", span.as_secs(), span.subsec_millis())
}

fn seconds_text(at: Timestamp) -> String {
    let ms = at.as_millis();
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_expression_travels_as_a_form() {
        let short = instant("up", Duration::from_secs(5));
        assert!(!short.post);
        assert_eq!(
            short.params,
            [("query", "up".to_owned()), ("timeout", "5.000".to_owned())]
        );
        assert!(!instant(&"x".repeat(2048), Duration::ZERO).post);
        assert!(instant(&"x".repeat(2049), Duration::ZERO).post);
    }

    #[test]
    fn history_never_asks_for_more_points_than_a_chart_has() {
        let now = Timestamp::from_millis(1_795_321_924_314);
        for seconds in [1, 59, 239, 240, 1800, 86_400, 2_592_000] {
            for wanted in [None, Some(1), Some(15), Some(600)] {
                let span = Span::before(
                    now,
                    Duration::from_secs(seconds),
                    wanted.map(Duration::from_secs),
                );
                let points = span.end.since(span.start).as_secs() / span.step.as_secs() + 1;
                assert!(
                    points <= u64::from(POINTS_MAX),
                    "{seconds} {wanted:?}: {points}"
                );
                assert!(span.end <= now && now.since(span.end) < span.step);
            }
        }
        let half_hour = Span::before(now, Duration::from_secs(1800), None);
        assert_eq!(half_hour.step, Duration::from_secs(8));
        let request = range("up", half_hour, 20, Duration::from_secs(5));
        assert_eq!(request.params[1].1, "1795320120.000");
        assert_eq!(request.params[2].1, "1795321920.000");
    }
}
