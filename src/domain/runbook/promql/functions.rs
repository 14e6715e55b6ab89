//! What Prometheus can be asked: functions with the types of their arguments, and aggregations.
//!
//! Source: Prometheus documentation 3.x, "Query functions" and "Query operators", experimental ones included: whether a server
//! has them switched on is its own to say (`warroom doctor --runbook`).

/// Type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// One number.
    Scalar,
    /// Series with one value each.
    Vector,
    /// Series with a span of values each: `up[5m]`.
    Matrix,
    /// Quoted text.
    Text,
}

impl Type {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "a number",
            Self::Vector => "series",
            Self::Matrix => "a range of samples",
            Self::Text => "a text",
        }
    }
}

/// How one function is called.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Types of its arguments.
    pub(super) args: &'static [Type],
    /// How many of them may be left out, at the end.
    pub(super) optional: usize,
    /// The last one may come again and again, or not at all.
    pub(super) repeats: bool,
    pub(super) gives: Type,
}

use Type::{Matrix, Scalar, Text, Vector};

/// Series in, series out.
const OF_VECTOR: &[&str] = &[
    "abs",
    "absent",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "deg",
    "exp",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "ln",
    "log10",
    "log2",
    "rad",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_desc",
    "sqrt",
    "tan",
    "tanh",
    "timestamp",
];

/// A range of samples in, series out.
const OF_MATRIX: &[&str] = &[
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "first_over_time",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "rate",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// Parts of the date of a value, or of now.
const OF_DATE: &[&str] = &[
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
];

const fn plain(name: &'static str, args: &'static [Type], gives: Type) -> Function {
    Function {
        name,
        args,
        optional: 0,
        repeats: false,
        gives,
    }
}

const fn repeating(name: &'static str, args: &'static [Type]) -> Function {
    Function {
        repeats: true,
        ..plain(name, args, Vector)
    }
}

const fn shorter(name: &'static str, args: &'static [Type]) -> Function {
    Function {
        optional: 1,
        ..plain(name, args, Vector)
    }
}

const OTHERS: &[Function] = &[
    plain("clamp", &[Vector, Scalar, Scalar], Vector),
    plain("clamp_max", &[Vector, Scalar], Vector),
    plain("clamp_min", &[Vector, Scalar], Vector),
    plain(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
    ),
    plain("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    plain("histogram_quantile", &[Scalar, Vector], Vector),
    repeating("histogram_quantiles", &[Vector, Text, Scalar, Scalar]),
    plain("holt_winters", &[Matrix, Scalar, Scalar], Vector),
    shorter("info", &[Vector, Vector]),
    repeating("label_join", &[Vector, Text, Text, Text]),
    plain("label_replace", &[Vector, Text, Text, Text, Text], Vector),
    plain("pi", &[], Scalar),
    plain("predict_linear", &[Matrix, Scalar], Vector),
    plain("quantile_over_time", &[Scalar, Matrix], Vector),
    shorter("round", &[Vector, Scalar]),
    plain("scalar", &[Vector], Scalar),
    repeating("sort_by_label", &[Vector, Text]),
    repeating("sort_by_label_desc", &[Vector, Text]),
    plain("time", &[], Scalar),
    plain("vector", &[Scalar], Vector),
];

/// The function of that name.
pub(super) fn function(name: &str) -> Option<Function> {
    let find = |names: &'static [&'static str]| names.iter().copied().find(|known| *known == name);
    if let Some(name) = find(OF_VECTOR) {
        return Some(plain(name, &[Vector], Vector));
    }
    if let Some(name) = find(OF_MATRIX) {
        return Some(plain(name, &[Matrix], Vector));
    }
    if let Some(name) = find(OF_DATE) {
        return Some(shorter(name, &[Vector]));
    }
    let found = OTHERS.iter().find(|known| known.name == name)?;
    Some(Function { ..*found })
}

/// Aggregations, with the type of what comes before the series.
const AGGREGATIONS: &[(&str, Option<Type>)] = &[
    ("avg", None),
    ("bottomk", Some(Scalar)),
    ("count", None),
    ("count_values", Some(Text)),
    ("group", None),
    ("limit_ratio", Some(Scalar)),
    ("limitk", Some(Scalar)),
    ("max", None),
    ("min", None),
    ("quantile", Some(Scalar)),
    ("stddev", None),
    ("stdvar", None),
    ("sum", None),
    ("topk", Some(Scalar)),
];

/// The aggregation of that name, whatever its letters' case; with the type of what it takes before the series.
pub(super) fn aggregation(name: &str) -> Option<(&'static str, Option<Type>)> {
    let found = AGGREGATIONS.iter();
    found
        .copied()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// Every name that can be called, for a hint.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let lists = [OF_VECTOR, OF_MATRIX, OF_DATE]
        .into_iter()
        .flatten()
        .copied();
    lists
        .chain(OTHERS.iter().map(|known| known.name))
        .chain(AGGREGATIONS.iter().map(|(name, _)| *name))
}
