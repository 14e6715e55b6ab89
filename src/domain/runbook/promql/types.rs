//! Parts of an expression, what may stand beside what, and what is said where it may not.

use super::functions::Type;
use super::lex::{Token, Word};
use std::ops::Range;

/// What is wrong with an expression, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Flaw {
    pub(in super::super) span: Range<usize>,
    pub(in super::super) what: String,
    /// What to do about it, or empty.
    pub(in super::super) hint: String,
}

pub(super) fn flaw(span: &Range<usize>, what: String, hint: impl Into<String>) -> Flaw {
    Flaw {
        span: span.clone(),
        what,
        hint: hint.into(),
    }
}

/// A part of the expression that was read.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) kind: Type,
    /// A selector as it stands: only such a one takes `[5m]`.
    pub(super) is_selector: bool,
    /// A selector, a range of one or a subquery: only those take `offset` and `@`.
    pub(super) takes_time: bool,
    pub(super) span: Range<usize>,
}

impl Part {
    pub(super) fn of(kind: Type, span: Range<usize>) -> Self {
        Self {
            kind,
            is_selector: false,
            takes_time: false,
            span,
        }
    }
}

pub(super) type Read<T> = Result<T, Flaw>;

/// How tight an operator binds; more is tighter.
pub(super) fn binds(word: &Word<'_>) -> Option<u8> {
    let is = |known: &str| word.text.eq_ignore_ascii_case(known);
    match word.token {
        Token::Name if is("or") => Some(1),
        Token::Name if is("and") || is("unless") => Some(2),
        Token::Name if is("atan2") => Some(5),
        Token::Sign => match word.text {
            "==" | "!=" | "<" | "<=" | ">" | ">=" => Some(3),
            "+" | "-" => Some(4),
            "*" | "/" | "%" => Some(5),
            "^" => Some(6),
            _ => None,
        },
        _ => None,
    }
}

pub(super) const fn is_set(binds: u8) -> bool {
    binds <= 2
}

pub(super) const fn is_comparison(binds: u8) -> bool {
    binds == 3
}

/// What stands between an operator and its right side.
#[derive(Default)]
pub(super) struct Matching {
    pub(super) has_bool: bool,
    pub(super) on: Option<Range<usize>>,
    pub(super) group: Option<Range<usize>>,
}

/// Whether an argument has the type that is wanted.
pub(super) fn fits(name: &str, arg: &Part, wanted: Type) -> Read<()> {
    if arg.kind == wanted {
        return Ok(());
    }
    let hint = match (wanted, arg.kind) {
        (Type::Matrix, Type::Vector) if arg.is_selector => "write the span behind it: `up[5m]`",
        (Type::Matrix, Type::Vector) => "ask for steps over a span: `(...)[5m:]`",
        (Type::Vector, Type::Matrix) => "take `rate(...)`, `avg_over_time(...)` or the like of it",
        (Type::Vector, Type::Scalar) => "`vector(...)` makes series of a number",
        (Type::Scalar, Type::Vector) => "`scalar(...)` makes a number of one series",
        (Type::Text, _) => "write it in quotes",
        _ => "",
    };
    let (is, wanted) = (arg.kind.as_str(), wanted.as_str());
    Err(flaw(
        &arg.span,
        format!("`{name}` takes {wanted} here, and this is {is}"),
        hint,
    ))
}

/// The type of two sides with an operator between them.
pub(super) fn join(
    left: &Part,
    op: &Word<'_>,
    tight: u8,
    matching: &Matching,
    right: &Part,
) -> Read<Part> {
    let span = left.span.start..right.span.end;
    for side in [left, right] {
        if !matches!(side.kind, Type::Scalar | Type::Vector) {
            let what = format!(
                "`{}` between series or numbers, and this is {}",
                op.text,
                side.kind.as_str()
            );
            return Err(flaw(&side.span, what, ""));
        }
        if is_set(tight) && side.kind == Type::Scalar {
            let what = format!("`{}` joins sets of series, and this is a number", op.text);
            return Err(flaw(
                &side.span,
                what,
                "`vector(...)` makes series of a number",
            ));
        }
        if let Some(place) = matching.on.as_ref().or(matching.group.as_ref())
            && side.kind == Type::Scalar
        {
            let what = "labels are matched between series, and one side is a number".to_owned();
            return Err(flaw(place, what, "leave the matching out"));
        }
    }
    let scalars = left.kind == Type::Scalar && right.kind == Type::Scalar;
    if is_comparison(tight) && scalars && !matching.has_bool {
        let what = format!("two numbers are compared by `{}`", op.text);
        let hint = format!("write `{} bool`, which gives 1 or 0", op.text);
        return Err(flaw(&op.span, what, hint));
    }
    let kind = if scalars { Type::Scalar } else { Type::Vector };
    Ok(Part::of(kind, span))
}
