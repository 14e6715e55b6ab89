//! Plain selectors, the one kind of expression that can be answered without a Prometheus: `name{label="x"}`.

use super::text::{is_label_name, is_metric_name};

/// A metric name and labels that must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Metric name.
    pub name: String,
    /// Labels and their values; an empty value also matches a label that is not there.
    pub labels: Vec<(String, String)>,
}

/// An expression that only a Prometheus can answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a plain selector such as `name{{label=\"x\"}}`; functions, operators and other matchers need a Prometheus"
)]
pub struct SelectorError;

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// [`SelectorError`] for every other expression.
    pub fn parse(expr: &str) -> Result<Self, SelectorError> {
        let expr = expr.trim();
        let (name, rest) = match expr.split_once('{') {
            Some((name, rest)) => (name.trim_end(), Some(rest)),
            None => (expr, None),
        };
        if !is_metric_name(name) {
            return Err(SelectorError);
        }
        let labels = rest.map_or(Ok(Vec::new()), parse_labels)?;
        Ok(Self {
            name: name.to_owned(),
            labels,
        })
    }

    /// Whether a series is selected. `labels` are its pairs.
    pub fn matches(&self, name: &str, labels: &[(String, String)]) -> bool {
        name == self.name
            && self.labels.iter().all(|(key, wanted)| {
                let value = labels
                    .iter()
                    .find(|(name, _)| name == key)
                    .map_or("", |(_, value)| value);
                value == wanted
            })
    }
}

fn parse_labels(mut rest: &str) -> Result<Vec<(String, String)>, SelectorError> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(end) = rest.strip_prefix('}') {
            return if end.trim().is_empty() {
                Ok(labels)
            } else {
                Err(SelectorError)
            };
        }
        let (name, value) = rest.split_once('=').ok_or(SelectorError)?;
        let name = name.trim();
        let (value, after) = parse_quoted(value.trim_start())?;
        if !is_label_name(name) {
            return Err(SelectorError);
        }
        labels.push((name.to_owned(), value));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.starts_with('}') => {}
            None => return Err(SelectorError),
        }
    }
}

/// Reads a string in `"` or `'` with the escapes that are sure to mean the same everywhere.
fn parse_quoted(text: &str) -> Result<(String, &str), SelectorError> {
    let mut chars = text.chars();
    let quote = chars
        .next()
        .filter(|c| matches!(c, '"' | '\''))
        .ok_or(SelectorError)?;
    let mut value = String::new();
    loop {
        match chars.next().ok_or(SelectorError)? {
            c if c == quote => return Ok((value, chars.as_str())),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"' | '\'')) => c,
                _ => return Err(SelectorError),
            }),
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_selectors_are_read() {
        let check = |expr: &str, name: &str, labels: &[(&str, &str)]| {
            let selector = Selector::parse(expr).unwrap_or_else(|_| panic!("{expr}"));
            let pairs: Vec<_> = selector
                .labels
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            assert_eq!(
                (selector.name.as_str(), &pairs[..]),
                (name, labels),
                "{expr}"
            );
        };
        check("up", "up", &[]);
        check(" job:up:sum { } ", "job:up:sum", &[]);
        check("a{b=\"c\"}", "a", &[("b", "c")]);
        check(
            "a{ b = 'c,}=' , d=\"\\\"\\n\", }",
            "a",
            &[("b", "c,}="), ("d", "\"\n")],
        );
    }

    #[test]
    fn everything_else_is_refused() {
        for expr in [
            "",
            "rate(a[5m])",
            "a[5m]",
            "a offset 5m",
            "a + b",
            "a > 1",
            "1",
            "a{b=~\"c\"}",
            "a{b!=\"c\"}",
            "a{b=\"c\"",
            "a{b=c}",
            "a{b=\"c\"} > 1",
            "{__name__=\"a\"}",
            "a{b=\"c\" d=\"e\"}",
            "a{1=\"c\"}",
            "a{b=\"\\t\"}",
            "sum(a)",
            "a}{",
        ] {
            assert_eq!(Selector::parse(expr), Err(SelectorError), "{expr}");
        }
    }

    #[test]
    fn an_empty_value_matches_a_missing_label() {
        let labels = [("a".to_owned(), "1".to_owned())];
        assert!(Selector::parse("m{b=\"\"}").unwrap().matches("m", &labels));
        assert!(!Selector::parse("m{a=\"\"}").unwrap().matches("m", &labels));
        assert!(Selector::parse("m{a=\"1\"}").unwrap().matches("m", &labels));
        assert!(!Selector::parse("m{a=\"1\"}").unwrap().matches("n", &labels));
    }
}
