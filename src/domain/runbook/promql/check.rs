//! Whether Prometheus would evaluate an expression at all: syntax, functions, arguments, types.
//!
//! Source: Prometheus documentation 3.x, "Querying basics" and "Operators". A type is what the server checks before it
//! looks at any data, so a mistake found here would be an error at every poll of the night.

use super::super::suggest::did_you_mean;
use super::functions::{Function, Type, aggregation, function, names};
use super::lex::{Token, Word, next};
use super::types::{Flaw, Matching, Part, Read, binds, fits, flaw, is_comparison, is_set, join};
use std::ops::Range;

/// Brackets and operators inside each other; more is no expression that a person reads.
const DEPTH_MAX: usize = 64;

/// Checks the expression of a value: it must give series or a number.
///
/// # Errors
/// The first [`Flaw`].
pub(in super::super) fn check(text: &str) -> Result<(), Flaw> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let found = parser.binary(1)?;
    let rest = parser.peek()?;
    if rest.token != Token::End {
        let hint = match rest.text {
            ")" | "]" | "}" => "this bracket was never opened",
            "=" => "a comparison is `==`",
            "!=" | "==" | "<" | ">" | "<=" | ">=" => "",
            _ => "an operator is missing before it, or something too many is there",
        };
        return Err(flaw(
            &rest.span,
            format!("`{}` is not expected here", rest.text),
            hint,
        ));
    }
    match found.kind {
        Type::Scalar | Type::Vector => Ok(()),
        Type::Matrix => Err(flaw(
            &found.span,
            "this gives a range of samples, not values".to_owned(),
            "take `rate(...)`, `avg_over_time(...)` or the like of it, or leave the `[...]` out",
        )),
        Type::Text => Err(flaw(
            &found.span,
            "this gives a text, not values".to_owned(),
            "name a metric, without quotes",
        )),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn word(&self, in_range: bool) -> Read<Word<'a>> {
        next(self.text, self.at, in_range).map_err(|(span, what)| {
            let hint = match self.text.get(span.clone()).unwrap_or_default() {
                "$" => {
                    "variables of dashboards are not known here: write the span or the value itself"
                }
                "!" => "`!=`, or `unless` between series",
                "&" | "|" => "`and` and `or` are words",
                _ => "",
            };
            flaw(&span, what, hint)
        })
    }

    fn peek(&self) -> Read<Word<'a>> {
        self.word(false)
    }

    fn take(&mut self) -> Read<Word<'a>> {
        let word = self.peek()?;
        self.at = word.span.end;
        Ok(word)
    }

    /// Takes the next word if it is this sign.
    fn takes(&mut self, sign: &str) -> Read<Option<Range<usize>>> {
        let word = self.peek()?;
        let is_it = word.token == Token::Sign && word.text == sign;
        if is_it {
            self.at = word.span.end;
        }
        Ok(is_it.then_some(word.span))
    }

    /// Takes the next word if it is one of these names, in any case.
    fn takes_name(&mut self, names: &[&str]) -> Read<Option<Word<'a>>> {
        let word = self.peek()?;
        let is_it = names
            .iter()
            .any(|name| word.text.eq_ignore_ascii_case(name));
        let found = (word.token == Token::Name && is_it).then_some(word);
        if let Some(word) = &found {
            self.at = word.span.end;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &str, opened: &Range<usize>) -> Read<Range<usize>> {
        if let Some(span) = self.takes(sign)? {
            return Ok(span);
        }
        let word = self.peek()?;
        Err(match word.token {
            Token::End => flaw(
                opened,
                "this bracket is never closed".to_owned(),
                format!("close it with `{sign}`"),
            ),
            _ => flaw(
                &word.span,
                format!("`{sign}` is expected before `{}`", word.text),
                "",
            ),
        })
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_MAX {
            let span = self.at..self.text.len();
            return Err(flaw(
                &span,
                format!("more than {DEPTH_MAX} parts inside each other"),
                "",
            ));
        }
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    /// An expression of operators that bind at least as tight.
    fn binary(&mut self, least: u8) -> Read<Part> {
        self.deeper(|parser| {
            let mut left = parser.unary()?;
            loop {
                let op = parser.peek()?;
                let Some(tight) = binds(&op).filter(|tight| *tight >= least) else {
                    return Ok(left);
                };
                parser.at = op.span.end;
                let matching = parser.matching(&op, tight)?;
                // Powers are read from the right, all others from the left.
                let right = parser.binary(if tight == 6 {
                    6
                } else {
                    tight.saturating_add(1)
                })?;
                left = join(&left, &op, tight, &matching, &right)?;
            }
        })
    }

    fn unary(&mut self) -> Read<Part> {
        let sign = self.peek()?;
        if sign.token == Token::Sign && matches!(sign.text, "+" | "-") {
            self.at = sign.span.end;
            let part = self.binary(6)?;
            if !matches!(part.kind, Type::Scalar | Type::Vector) {
                let what = format!("`{}` stands before {}", sign.text, part.kind.as_str());
                return Err(flaw(
                    &part.span,
                    what,
                    "only series and numbers have a sign",
                ));
            }
            return Ok(Part::of(part.kind, sign.span.start..part.span.end));
        }
        let part = self.primary()?;
        self.postfix(part)
    }

    /// `bool`, `on (...)`, `group_left (...)`.
    fn matching(&mut self, op: &Word<'_>, tight: u8) -> Read<Matching> {
        let mut matching = Matching::default();
        if let Some(word) = self.takes_name(&["bool"])? {
            if !is_comparison(tight) {
                let what = format!("`bool` behind `{}`", op.text);
                return Err(flaw(&word.span, what, "only comparisons have it"));
            }
            matching.has_bool = true;
        }
        if let Some(word) = self.takes_name(&["on", "ignoring"])? {
            self.labels()?;
            matching.on = Some(word.span);
            if let Some(word) = self.takes_name(&["group_left", "group_right"])? {
                if self.peek()?.text == "(" {
                    self.labels()?;
                }
                if is_set(tight) {
                    let what = format!("`{}` behind `{}`", word.text, op.text);
                    return Err(flaw(&word.span, what, "sets of series are not grouped"));
                }
                matching.group = Some(word.span);
            }
        }
        Ok(matching)
    }

    /// `(job, instance)`.
    fn labels(&mut self) -> Read<()> {
        let open = self.take()?;
        if open.text != "(" {
            let hint = "write the labels in brackets: `by (job)`";
            return Err(flaw(
                &open.span,
                "a list of labels is expected here".to_owned(),
                hint,
            ));
        }
        loop {
            if self.takes(")")?.is_some() {
                return Ok(());
            }
            let label = self.take()?;
            if !matches!(label.token, Token::Name | Token::Text) || label.text.contains(':') {
                return Err(match label.token {
                    Token::End => flaw(&open.span, "this bracket is never closed".to_owned(), ""),
                    _ => flaw(&label.span, format!("`{}` is not a label", label.text), ""),
                });
            }
            if self.takes(",")?.is_none() {
                self.expect(")", &open.span)?;
                return Ok(());
            }
        }
    }

    fn primary(&mut self) -> Read<Part> {
        let word = self.take()?;
        match word.token {
            Token::Number | Token::Span => Ok(Part::of(Type::Scalar, word.span)),
            Token::Text => Ok(Part::of(Type::Text, word.span)),
            Token::End => {
                let end = word.span.start;
                let last = self
                    .text
                    .get(..end)
                    .and_then(|text| text.chars().next_back());
                let span = end.saturating_sub(last.map_or(0, char::len_utf8))..end;
                Err(flaw(
                    &span,
                    "the expression ends where a value is expected".to_owned(),
                    "",
                ))
            }
            Token::Sign if word.text == "(" => {
                let inner = self.binary(1)?;
                let end = self.expect(")", &word.span)?;
                Ok(Part::of(inner.kind, word.span.start..end.end))
            }
            Token::Sign if word.text == "{" => self.selector(word.span.clone(), &word.span, false),
            Token::Sign => Err(flaw(
                &word.span,
                format!("a value is expected before `{}`", word.text),
                "",
            )),
            Token::Name => self.named(&word),
        }
    }

    /// A function, an aggregation or a metric.
    fn named(&mut self, name: &Word<'a>) -> Read<Part> {
        if binds(name).is_some() {
            let what = format!("a value is expected before `{}`", name.text);
            return Err(flaw(&name.span, what, ""));
        }
        let follows = self.peek()?;
        if let Some((known, first)) = aggregation(name.text) {
            let is_by = ["by", "without"]
                .iter()
                .any(|by| follows.text.eq_ignore_ascii_case(by));
            if is_by || follows.text == "(" {
                return self.aggregate(name, known, first);
            }
        }
        if follows.text == "(" {
            return self.call(name);
        }
        if follows.text == "{" {
            self.at = follows.span.end;
            return self.selector(name.span.clone(), &follows.span, true);
        }
        Ok(Part {
            is_selector: true,
            takes_time: true,
            ..Part::of(Type::Vector, name.span.clone())
        })
    }

    /// The matchers behind an opening brace.
    fn selector(
        &mut self,
        begin: Range<usize>,
        open: &Range<usize>,
        mut is_named: bool,
    ) -> Read<Part> {
        loop {
            if let Some(end) = self.takes("}")? {
                let span = begin.start..end.end;
                if !is_named {
                    let what = "this selects every series there is".to_owned();
                    return Err(flaw(&span, what, "name a metric or a label"));
                }
                return Ok(Part {
                    is_selector: true,
                    takes_time: true,
                    ..Part::of(Type::Vector, span)
                });
            }
            let label = self.take()?;
            if !matches!(label.token, Token::Name | Token::Text) {
                return Err(match label.token {
                    Token::End => flaw(
                        open,
                        "this bracket is never closed".to_owned(),
                        "close it with `}`",
                    ),
                    _ => flaw(&label.span, format!("`{}` is not a label", label.text), ""),
                });
            }
            is_named = true;
            let op = self.peek()?;
            let is_op = op.token == Token::Sign && matches!(op.text, "=" | "!=" | "=~" | "!~");
            // Quoted alone it is the name of the metric.
            if is_op {
                self.at = op.span.end;
                let value = self.take()?;
                if value.token != Token::Text {
                    let what = format!("the value of `{}` is not quoted", label.text);
                    let hint = format!("write `{}{}\"...\"`", label.text, op.text);
                    return Err(flaw(&value.span, what, hint));
                }
            } else if label.token == Token::Name {
                let what = format!("`{}` is compared with nothing", label.text);
                let hint = format!("write `{}=\"...\"`", label.text);
                return Err(flaw(&label.span, what, hint));
            }
            if self.takes(",")?.is_none() && self.peek()?.text != "}" {
                self.expect("}", open)?;
            }
        }
    }

    /// The arguments in brackets, with the place of the closing one.
    fn arguments(&mut self) -> Read<(Vec<Part>, usize)> {
        let open = self.take()?;
        if open.text != "(" {
            let what = "the series to join are expected here, in brackets".to_owned();
            return Err(flaw(&open.span, what, ""));
        }
        let mut args = Vec::new();
        if let Some(end) = self.takes(")")? {
            return Ok((args, end.end));
        }
        loop {
            args.push(self.binary(1)?);
            if self.takes(",")?.is_none() {
                let end = self.expect(")", &open.span)?;
                return Ok((args, end.end));
            }
        }
    }

    fn aggregate(&mut self, name: &Word<'a>, known: &str, first: Option<Type>) -> Read<Part> {
        let by = ["by", "without"];
        let is_before = self.takes_name(&by)?.is_some();
        if is_before {
            self.labels()?;
        }
        let (args, mut end) = self.arguments()?;
        if !is_before && self.takes_name(&by)?.is_some() {
            self.labels()?;
            end = self.at;
        }
        let wanted: Vec<Type> = first.into_iter().chain([Type::Vector]).collect();
        let span = name.span.start..end;
        if args.len() != wanted.len() {
            let takes = match first {
                None => "the series",
                Some(Type::Text) => "the name of a label, then the series",
                Some(_) => "a number, then the series",
            };
            let what = format!("`{known}` takes {takes}, not {} arguments", args.len());
            let hint = match first {
                Some(_) => format!("such as `{known}(3, up)`"),
                None => format!("such as `{known} by (job) (up)`"),
            };
            return Err(flaw(&span, what, hint));
        }
        for (arg, wanted) in args.iter().zip(wanted) {
            fits(known, arg, wanted)?;
        }
        Ok(Part::of(Type::Vector, span))
    }

    fn call(&mut self, name: &Word<'a>) -> Read<Part> {
        let Some(known) = function(name.text) else {
            let what = format!("there is no function `{}`", name.text);
            let lower = name.text.to_ascii_lowercase();
            let near = did_you_mean(&lower, names());
            let other = "what only another system computes can be kept by a recording rule there";
            return Err(flaw(
                &name.span,
                what,
                near.unwrap_or_else(|| other.to_owned()),
            ));
        };
        let (args, end) = self.arguments()?;
        let span = name.span.start..end;
        let Function {
            optional, repeats, ..
        } = known;
        let most = known.args.len();
        let least = most.saturating_sub(if repeats { 1 } else { optional });
        let count = args.len();
        if count < least || (count > most && !repeats) {
            let takes: Vec<&str> = known.args.iter().map(|kind| kind.as_str()).collect();
            let takes = match (takes.is_empty(), repeats) {
                (true, _) => "nothing".to_owned(),
                (false, true) => format!("{} and more", takes.join(", ")),
                (false, false) => takes.join(", "),
            };
            let what = format!("`{}` takes {takes}; {count} given", known.name);
            return Err(flaw(&span, what, ""));
        }
        let repeated = known.args.last().copied();
        for (place, arg) in args.iter().enumerate() {
            if let Some(wanted) = known.args.get(place).copied().or(repeated) {
                fits(known.name, arg, wanted)?;
            }
        }
        Ok(Part::of(known.gives, span))
    }

    /// `[5m]`, `[1h:5m]`, `offset 5m`, `@ end()`.
    fn postfix(&mut self, mut part: Part) -> Read<Part> {
        loop {
            if let Some(open) = self.takes("[")? {
                part = self.range(&part, &open)?;
                continue;
            }
            let is_offset = self.takes_name(&["offset"])?;
            let is_at = match &is_offset {
                Some(_) => None,
                None => self.takes("@")?,
            };
            let Some(place) = is_offset.map(|word| word.span).or(is_at.clone()) else {
                return Ok(part);
            };
            if !part.takes_time {
                let what = "only a selector is asked of another time".to_owned();
                let hint = "write it inside: `rate(up[5m] offset 1h)`";
                return Err(flaw(&place, what, hint));
            }
            if is_at.is_some() {
                self.moment()?;
            } else {
                self.span_of_time()?;
            }
            part.is_selector = false;
            part.span.end = self.at;
        }
    }

    fn range(&mut self, part: &Part, open: &Range<usize>) -> Read<Part> {
        self.span_of_time()?;
        let colon = self.word(true)?;
        let is_subquery = colon.text == ":";
        if is_subquery {
            self.at = colon.span.end;
            if self.word(true)?.text != "]" {
                self.span_of_time()?;
            }
        }
        let end = self.expect("]", open)?;
        let span = part.span.start..end.end;
        if part.kind != Type::Vector {
            let what = format!("a range of {}", part.kind.as_str());
            return Err(flaw(&span, what, "only series have one"));
        }
        if !is_subquery && !part.is_selector {
            let what = "a range stands behind something that is no selector".to_owned();
            let hint =
                "write it behind the metric, as in `sum(rate(up[5m]))`, or ask for steps: `[5m:]`";
            return Err(flaw(&(open.start..end.end), what, hint));
        }
        Ok(Part {
            takes_time: true,
            ..Part::of(Type::Matrix, span)
        })
    }

    fn span_of_time(&mut self) -> Read<()> {
        let mut word = self.word(true)?;
        if matches!(word.text, "-" | "+") {
            self.at = word.span.end;
            word = self.word(true)?;
        }
        if matches!(word.token, Token::Number | Token::Span) {
            self.at = word.span.end;
            return Ok(());
        }
        let what = match word.token {
            Token::End => "a span of time is expected here".to_owned(),
            _ => format!("`{}` is not a span of time", word.text),
        };
        Err(flaw(&word.span, what, "such as `5m`"))
    }

    /// What stands behind `@`.
    fn moment(&mut self) -> Read<()> {
        if self.takes_name(&["start", "end"])?.is_some() {
            let open = self.take()?;
            if open.text == "(" {
                return self.expect(")", &open.span).map(|_| ());
            }
            return Err(flaw(&open.span, "`()` is expected here".to_owned(), ""));
        }
        self.span_of_time()
    }
}

#[cfg(test)]
mod tests;
