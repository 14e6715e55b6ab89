//! Values of expressions.

use super::{Aggregation, Expr, Matcher, Operator};

/// Label pairs, sorted by name; the metric's name is `__name__`.
pub(in crate::lab) type Labels = Vec<(String, String)>;

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::lab) struct Element {
    /// Which series it belongs to.
    pub(in crate::lab) labels: Labels,
    /// Its value.
    pub(in crate::lab) value: f64,
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::lab) enum Value {
    /// One number.
    Scalar(f64),
    /// Sorted by labels.
    Vector(Vec<Element>),
}

/// An expression that is well formed and has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::lab) enum EvalError {
    /// Two elements of one side have the same labels.
    #[error("found duplicate series for the match group: many-to-many matching not allowed")]
    ManyToMany,
}

/// Gives the value at `at_ms` (UTC milliseconds); `select` finds series.
///
/// # Errors
/// [`EvalError`].
pub(in crate::lab) fn evaluate(
    expr: &Expr,
    at_ms: i64,
    select: &dyn Fn(&[Matcher]) -> Vec<Element>,
) -> Result<Value, EvalError> {
    let value = match expr {
        Expr::Number(number) => Value::Scalar(*number),
        Expr::Time => Value::Scalar(seconds(at_ms)),
        Expr::Vector(of) => {
            let value = evaluate(of, at_ms, select)?.scalar();
            Value::Vector(vec![Element {
                labels: Vec::new(),
                value,
            }])
        }
        Expr::Select(matchers) => Value::Vector(select(matchers)),
        Expr::Aggregate { how, by, of } => {
            Value::Vector(aggregate(*how, by, evaluate(of, at_ms, select)?.vector()))
        }
        Expr::Negate(of) => match evaluate(of, at_ms, select)? {
            Value::Scalar(number) => Value::Scalar(-number),
            Value::Vector(elements) => Value::Vector(map(elements, |value| -value)),
        },
        Expr::Binary { op, left, right } => {
            let left = evaluate(left, at_ms, select)?;
            let right = evaluate(right, at_ms, select)?;
            combine(*op, left, right)?
        }
    };
    Ok(match value {
        Value::Vector(mut elements) => {
            elements.sort_by(|a, b| a.labels.cmp(&b.labels));
            Value::Vector(elements)
        }
        scalar @ Value::Scalar(_) => scalar,
    })
}

/// Milliseconds as the seconds that Prometheus counts in.
pub(in crate::lab) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

impl Value {
    /// The number; NaN for a vector, as PromQL's `scalar` has it.
    fn scalar(&self) -> f64 {
        match self {
            Self::Scalar(number) => *number,
            Self::Vector(_) => f64::NAN,
        }
    }

    fn vector(self) -> Vec<Element> {
        match self {
            Self::Vector(elements) => elements,
            Self::Scalar(_) => Vec::new(),
        }
    }
}

fn without_name(labels: &[(String, String)]) -> Labels {
    let kept = labels.iter().filter(|(name, _)| name != "__name__");
    kept.cloned().collect()
}

/// A new value is no longer the metric it was made from, so it loses the name.
fn map(elements: Vec<Element>, change: impl Fn(f64) -> f64) -> Vec<Element> {
    elements
        .into_iter()
        .map(|element| Element {
            labels: without_name(&element.labels),
            value: change(element.value),
        })
        .collect()
}

fn aggregate(how: Aggregation, by: &[String], elements: Vec<Element>) -> Vec<Element> {
    let mut groups: Vec<(Labels, Vec<f64>)> = Vec::new();
    for element in elements {
        let kept = element.labels.into_iter();
        let labels: Vec<_> = kept.filter(|(name, _)| by.contains(name)).collect();
        match groups.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, values)) => values.push(element.value),
            None => groups.push((labels, vec![element.value])),
        }
    }
    groups
        .into_iter()
        .map(|(labels, values)| {
            let sum: f64 = values.iter().sum();
            let value = match how {
                Aggregation::Sum => sum,
                Aggregation::Avg => sum / values.len() as f64,
                Aggregation::Count => values.len() as f64,
                Aggregation::Max => values.into_iter().fold(f64::NAN, f64::max),
                Aggregation::Min => values.into_iter().fold(f64::NAN, f64::min),
            };
            Element { labels, value }
        })
        .collect()
}

fn combine(op: Operator, left: Value, right: Value) -> Result<Value, EvalError> {
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(calculate(op, left, right)),
        (Value::Vector(left), Value::Scalar(right)) if op.compares() => {
            Value::Vector(keep(left, |value| holds(op, value, right)))
        }
        (Value::Scalar(left), Value::Vector(right)) if op.compares() => {
            Value::Vector(keep(right, |value| holds(op, left, value)))
        }
        (Value::Vector(left), Value::Scalar(right)) => {
            Value::Vector(map(left, |value| calculate(op, value, right)))
        }
        (Value::Scalar(left), Value::Vector(right)) => {
            Value::Vector(map(right, |value| calculate(op, left, value)))
        }
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(join(op, &left, &right)?),
    })
}

fn keep(elements: Vec<Element>, fits: impl Fn(f64) -> bool) -> Vec<Element> {
    elements
        .into_iter()
        .filter(|element| fits(element.value))
        .collect()
}

/// Pairs elements with the same labels; what has no partner is left out.
fn join(op: Operator, left: &[Element], right: &[Element]) -> Result<Vec<Element>, EvalError> {
    let group = |elements: &[Element]| {
        let mut groups: Vec<(Labels, f64)> = Vec::new();
        for element in elements {
            let labels = without_name(&element.labels);
            if groups.iter().any(|(known, _)| *known == labels) {
                return Err(EvalError::ManyToMany);
            }
            groups.push((labels, element.value));
        }
        Ok(groups)
    };
    let partners = group(right)?;
    let pairs = group(left)?.into_iter().filter_map(|(labels, left)| {
        let (_, right) = partners.iter().find(|(known, _)| *known == labels)?;
        let value = calculate(op, left, *right);
        Some(Element { labels, value })
    });
    Ok(pairs.collect())
}

/// Comparisons filter and calculate nothing; the parser lets none come here.
fn calculate(op: Operator, left: f64, right: f64) -> f64 {
    match op {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Equal
        | Operator::NotEqual => f64::NAN,
    }
}

#[expect(clippy::float_cmp, reason = "`==` means here what it means in PromQL")]
fn holds(op: Operator, left: f64, right: f64) -> bool {
    match op {
        Operator::Greater => left > right,
        Operator::GreaterOrEqual => left >= right,
        Operator::Less => left < right,
        Operator::LessOrEqual => left <= right,
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => false,
    }
}
