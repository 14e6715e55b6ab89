//! Expressions that can be answered without a Prometheus: selectors, and a few functions of one.

use super::selector::{Selector, SelectorError};
use crate::domain::time::parse_span;
use std::time::Duration;

/// Longest window of a rate: more of the past is not kept.
pub const WINDOW_MAX: Duration = Duration::from_secs(3600);
/// What names of classic histogram buckets end in.
const BUCKET: &str = "_bucket";

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `name{label="x"}`: the newest values.
    Plain(Selector),
    /// `rate(name[5m])`: growth of a counter by second.
    Rate(Selector, Duration),
    /// `increase(name[5m])`: growth of a counter in the window.
    Increase(Selector, Duration),
    /// `histogram_quantile(0.99, rate(name_bucket[5m]))`, or of the buckets themselves.
    Quantile(f64, Box<Self>),
}

/// An expression that only a Prometheus can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// Other functions, operators or matchers.
    #[error(
        "neither a selector such as `name{{label=\"x\"}}` nor `rate`, `increase` or `histogram_quantile` of one; all else needs a Prometheus"
    )]
    Unknown,
    /// Not a span, or too long.
    #[error("the window is not a span of time from 1 s to 1 h, such as `[5m]`")]
    Window,
    /// Not from 0 to 1.
    #[error("the quantile is not a number from 0 to 1")]
    Quantile,
    /// A quantile of something else than buckets.
    #[error("`histogram_quantile` needs the buckets of a histogram: a name that ends in `_bucket`")]
    Buckets,
}

impl From<SelectorError> for ExprError {
    fn from(_: SelectorError) -> Self {
        Self::Unknown
    }
}

impl Expr {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExprError`].
    pub fn parse(expr: &str) -> Result<Self, ExprError> {
        let expr = expr.trim();
        if let Some(inner) = inside(expr, "rate") {
            return ranged(inner).map(|(selector, window)| Self::Rate(selector, window));
        }
        if let Some(inner) = inside(expr, "increase") {
            return ranged(inner).map(|(selector, window)| Self::Increase(selector, window));
        }
        if let Some(inner) = inside(expr, "histogram_quantile") {
            let (quantile, of) = inner.split_once(',').ok_or(ExprError::Unknown)?;
            let quantile = quantile.trim().parse::<f64>().ok();
            let quantile = quantile
                .filter(|q| (0.0..=1.0).contains(q))
                .ok_or(ExprError::Quantile)?;
            let of = Self::parse(of)?;
            if matches!(of, Self::Quantile(..)) || !of.selector().name.ends_with(BUCKET) {
                return Err(ExprError::Buckets);
            }
            return Ok(Self::Quantile(quantile, Box::new(of)));
        }
        Ok(Self::Plain(Selector::parse(expr)?))
    }

    /// What it selects.
    pub fn selector(&self) -> &Selector {
        match self {
            Self::Plain(selector) | Self::Rate(selector, _) | Self::Increase(selector, _) => {
                selector
            }
            Self::Quantile(_, of) => of.selector(),
        }
    }

    /// How much of the past it needs, if any.
    pub fn window(&self) -> Option<Duration> {
        match self {
            Self::Plain(_) => None,
            Self::Rate(_, window) | Self::Increase(_, window) => Some(*window),
            Self::Quantile(_, of) => of.window(),
        }
    }
}

/// What stands in the brackets of a function.
fn inside<'e>(expr: &'e str, function: &str) -> Option<&'e str> {
    expr.strip_prefix(function)?
        .trim_start()
        .strip_prefix('(')?
        .strip_suffix(')')
}

/// A selector with its window.
fn ranged(expr: &str) -> Result<(Selector, Duration), ExprError> {
    let expr = expr.trim().strip_suffix(']').ok_or(ExprError::Unknown)?;
    let (selector, window) = expr.rsplit_once('[').ok_or(ExprError::Unknown)?;
    let selector = Selector::parse(selector)?;
    let window = window.trim();
    // A bare number is not a span in PromQL.
    let is_span = window.ends_with(|c: char| c.is_ascii_alphabetic());
    let span = parse_span(window).ok().filter(|_| is_span);
    let span = span
        .filter(|span| (Duration::from_secs(1)..=WINDOW_MAX).contains(span))
        .ok_or(ExprError::Window)?;
    Ok((selector, span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Selector {
        Selector::parse(text).unwrap()
    }

    #[test]
    fn selectors_and_functions_of_one_are_read() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let check =
            |text: &str, expected: Expr| assert_eq!(Expr::parse(text), Ok(expected), "{text}");
        check("up", Expr::Plain(selector("up")));
        check(
            " rate( a{b=\"[5m])\"} [ 5m ] ) ",
            Expr::Rate(selector("a{b=\"[5m])\"}"), minutes(5)),
        );
        check(
            "increase(a[1h])",
            Expr::Increase(selector("a"), minutes(60)),
        );
        check(
            "rate(a[1m30s])",
            Expr::Rate(selector("a"), Duration::from_secs(90)),
        );
        let rate = Expr::Rate(selector("a_bucket{b=\"c,d\"}"), minutes(5));
        check(
            "histogram_quantile(0.99, rate(a_bucket{b=\"c,d\"}[5m]))",
            Expr::Quantile(0.99, Box::new(rate)),
        );
        check(
            "histogram_quantile(1, a_bucket)",
            Expr::Quantile(1.0, Box::new(Expr::Plain(selector("a_bucket")))),
        );
        // A metric may have the name of a function.
        check("rate", Expr::Plain(selector("rate")));
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let check = |text: &str, error| assert_eq!(Expr::parse(text), Err(error), "{text}");
        check("sum(rate(a[5m]))", ExprError::Unknown);
        check("rate(a[5m]) > 1", ExprError::Unknown);
        check("rate(a[5m]) + rate(b[5m])", ExprError::Unknown);
        check("rate(a)", ExprError::Unknown);
        check("rate(a[5m] offset 5m)", ExprError::Unknown);
        check("rate(rate(a[5m])[5m])", ExprError::Unknown);
        check("irate(a[5m])", ExprError::Unknown);
        check("rate(a[5m]", ExprError::Unknown);
        check("rate(a[5m:1m])", ExprError::Window);
        check("rate(a[2h])", ExprError::Window);
        check("rate(a[0s])", ExprError::Window);
        check("rate(a[300])", ExprError::Window);
        check("rate(a[])", ExprError::Window);
        check("histogram_quantile(99, a_bucket)", ExprError::Quantile);
        check("histogram_quantile(NaN, a_bucket)", ExprError::Quantile);
        check("histogram_quantile(0.9, a)", ExprError::Buckets);
        check("histogram_quantile(0.9, sum(a_bucket))", ExprError::Unknown);
        check(
            "histogram_quantile(0.9, histogram_quantile(0.9, a_bucket))",
            ExprError::Buckets,
        );
    }
}
