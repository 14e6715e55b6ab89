//! The part of PromQL that the lab understands; everything else is refused by name, never answered wrongly.
//!
//! Selectors with `=`, `!=` and `=~` (alternatives of literals, each with `.*` or `.+` at its end if wanted);
//! `sum`, `max`, `min`, `avg` with `by`; `+ - * /` between numbers, vectors and both; comparison of a vector with a
//! number; `vector(number)`, `time()`.

mod eval;
mod parse;
#[cfg(test)]
mod tests;

pub(super) use eval::{Element, Value, evaluate};
pub(super) use parse::{parse, parse_matcher};

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A number.
    Number(f64),
    /// `time()`
    Time,
    /// `vector(number)`
    Vector(Box<Expr>),
    /// A selector.
    Select(Vec<Matcher>),
    /// An aggregation.
    Aggregate {
        how: Aggregation,
        by: Vec<String>,
        of: Box<Expr>,
    },
    /// `-x`
    Negate(Box<Expr>),
    /// Arithmetic or comparison.
    Binary {
        op: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
}

impl Expr {
    /// True for what has one value and no labels.
    pub(super) fn is_scalar(&self) -> bool {
        match self {
            Self::Number(_) | Self::Time => true,
            Self::Vector(_) | Self::Select(_) | Self::Aggregate { .. } => false,
            Self::Negate(of) => of.is_scalar(),
            Self::Binary { left, right, .. } => left.is_scalar() && right.is_scalar(),
        }
    }
}

/// How a vector becomes a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregation {
    Sum,
    Max,
    Min,
    Avg,
    Count,
}

impl Aggregation {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "sum" => Some(Self::Sum),
            "max" => Some(Self::Max),
            "min" => Some(Self::Min),
            "avg" => Some(Self::Avg),
            "count" => Some(Self::Count),
            _ => None,
        }
    }
}

/// Between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

impl Operator {
    /// True for those that filter.
    pub(super) const fn compares(self) -> bool {
        !matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide
        )
    }
}

/// A condition on one label; an absent label is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matcher {
    /// Name of the label.
    pub(super) label: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Equal(String),
    NotEqual(String),
    OneOf(Vec<Alternative>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Alternative {
    Literal(String),
    /// The text, then at least that many more bytes.
    Prefix(String, usize),
}

impl Matcher {
    /// `label="value"`
    pub(super) fn equal(label: &str, value: &str) -> Self {
        Self {
            label: label.to_owned(),
            test: Test::Equal(value.to_owned()),
        }
    }

    /// Whether a value of the label fits.
    pub(super) fn fits(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(wanted) => value == wanted,
            Test::NotEqual(unwanted) => value != unwanted,
            Test::OneOf(alternatives) => alternatives.iter().any(|alternative| match alternative {
                Alternative::Literal(wanted) => value == wanted,
                Alternative::Prefix(wanted, more) => value
                    .strip_prefix(wanted.as_str())
                    .is_some_and(|rest| rest.len() >= *more),
            }),
        }
    }

    fn one_of(label: String, pattern: &str) -> Result<Self, String> {
        let alternatives = pattern.split('|').map(|text| {
            let ends = [(".*", 0), (".+", 1)];
            let end = ends
                .iter()
                .find_map(|(end, more)| Some((text.strip_suffix(end)?, *more)));
            let literal = end.map_or(text, |(prefix, _)| prefix);
            if literal.contains(|c: char| r".^$*+?()[]{}\".contains(c)) {
                return Err(format!(
                    "the lab knows no regular expression but `a|b` and `prefix.*`: {pattern:?}"
                ));
            }
            Ok(match end {
                Some((prefix, more)) => Alternative::Prefix(prefix.to_owned(), more),
                None => Alternative::Literal(text.to_owned()),
            })
        });
        Ok(Self {
            label,
            test: Test::OneOf(alternatives.collect::<Result<_, _>>()?),
        })
    }
}
