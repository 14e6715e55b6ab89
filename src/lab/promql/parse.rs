//! Texts to expressions.

use super::{Aggregation, Expr, Matcher, Operator, Test};

/// Longest expression read: ten times the longest that the demo sends.
const EXPR_BYTES_MAX: usize = 4096;
/// Deepest nesting read, so that no expression uses up the stack.
const DEPTH_MAX: u8 = 32;
/// Most operators in one expression: a long chain is a deep tree.
const OPERATORS_MAX: u8 = 100;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("1:{column}: parse error: {what}")]
pub(in crate::lab) struct ParseError {
    column: usize,
    what: String,
}

/// Reads an expression.
///
/// # Errors
/// [`ParseError`] for everything that the lab does not understand.
pub(in crate::lab) fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        operators: 0,
    };
    if text.len() > EXPR_BYTES_MAX {
        return Err(parser.error(format!("longer than {EXPR_BYTES_MAX} bytes")));
    }
    let expr = parser.comparison()?;
    parser.end()?;
    Ok(expr)
}

/// Reads one matcher, `label="value"`.
///
/// # Errors
/// As [`parse`].
pub(in crate::lab) fn parse_matcher(text: &str) -> Result<Matcher, ParseError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        operators: 0,
    };
    let matcher = parser.matcher()?;
    parser.end()?;
    Ok(matcher)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: u8,
    operators: u8,
}

const COMPARISONS: [(&str, Operator); 6] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
];
const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCTS: [(&str, Operator); 2] = [("*", Operator::Multiply), ("/", Operator::Divide)];

impl<'t> Parser<'t> {
    fn error(&self, what: impl Into<String>) -> ParseError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        ParseError {
            column: before.chars().count().saturating_add(1),
            what: what.into(),
        }
    }

    fn rest(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at = self.text.len().saturating_sub(trimmed.len());
        trimmed
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at = self.at.saturating_add(token.len());
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), ParseError> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("expected `{token}`")))
        }
    }

    fn unexpected(&mut self, wanted: &str) -> ParseError {
        let rest = self.rest();
        match rest.chars().next() {
            None => self.error(format!("unexpected end of input, {wanted}")),
            Some('[') => self.error("the lab knows no range selectors"),
            Some(found) => self.error(format!("unexpected character {found:?}, {wanted}")),
        }
    }

    fn end(&mut self) -> Result<(), ParseError> {
        if self.rest().is_empty() {
            return Ok(());
        }
        match self.word() {
            Some(word) => Err(self.error(format!("the lab does not know `{word}` here"))),
            None => Err(self.unexpected("expected the end")),
        }
    }

    fn pick(&mut self, table: &[(&str, Operator)]) -> Option<Operator> {
        let found = table.iter().find(|(token, _)| self.take(token));
        found.map(|(_, op)| *op)
    }

    fn comparison(&mut self) -> Result<Expr, ParseError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX}")));
        }
        self.depth = self.depth.saturating_add(1);
        let mut left = self.chain(&SUMS, Self::product)?;
        while let Some(op) = self.pick(&COMPARISONS) {
            if self.is_next("bool") {
                return Err(self.error("the lab does not know `bool`"));
            }
            let right = self.chain(&SUMS, Self::product)?;
            match (left.is_scalar(), right.is_scalar()) {
                (true, true) => {
                    return Err(
                        self.error("comparisons between scalars must use BOOL modifier, which the lab does not know")
                    );
                }
                (false, false) => {
                    return Err(self.error("the lab compares with numbers only"));
                }
                _ => left = self.binary(op, left, right)?,
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(left)
    }

    fn binary(&mut self, op: Operator, left: Expr, right: Expr) -> Result<Expr, ParseError> {
        if self.operators >= OPERATORS_MAX {
            return Err(self.error(format!("more than {OPERATORS_MAX} operators")));
        }
        self.operators = self.operators.saturating_add(1);
        Ok(Expr::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        })
    }

    fn product(&mut self) -> Result<Expr, ParseError> {
        self.chain(&PRODUCTS, Self::unary)
    }

    fn chain(
        &mut self,
        table: &[(&str, Operator)],
        next: fn(&mut Self) -> Result<Expr, ParseError>,
    ) -> Result<Expr, ParseError> {
        let mut left = next(self)?;
        while let Some(op) = self.pick(table) {
            let right = next(self)?;
            left = self.binary(op, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        let mut negative = false;
        loop {
            if self.take("-") {
                negative = !negative;
            } else if !self.take("+") {
                break;
            }
        }
        let expr = self.primary()?;
        Ok(match expr {
            Expr::Number(number) if negative => Expr::Number(-number),
            expr if negative => Expr::Negate(Box::new(expr)),
            expr => expr,
        })
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        if self.take("(") {
            let inner = self.comparison()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number();
        }
        if rest.starts_with('{') {
            return self.selector(None);
        }
        let start = self.at;
        let Some(word) = self.word() else {
            return Err(self.unexpected("expected an expression"));
        };
        if let Some(how) = Aggregation::from_word(word)
            && (self.rest().starts_with('(') || self.is_next("by") || self.is_next("without"))
        {
            return self.aggregate(how);
        }
        if !self.rest().starts_with('(') {
            return self.selector(Some(word));
        }
        match word {
            "time" => {
                self.expect("(")?;
                self.expect(")")?;
                Ok(Expr::Time)
            }
            "vector" => {
                self.expect("(")?;
                let of = self.comparison()?;
                if !of.is_scalar() {
                    return Err(self.error("`vector` takes a number"));
                }
                self.expect(")")?;
                Ok(Expr::Vector(Box::new(of)))
            }
            _ => {
                self.at = start;
                Err(self.error(format!("unknown function with name {word:?}")))
            }
        }
    }

    fn number(&mut self) -> Result<Expr, ParseError> {
        let rest = self.rest();
        let mut len = 0;
        let mut previous = ' ';
        for c in rest.chars() {
            let sign = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
            if !(c.is_ascii_alphanumeric() || c == '.' || sign) {
                break;
            }
            previous = c;
            len += c.len_utf8();
        }
        let text = rest.get(..len).unwrap_or_default();
        let number = text.parse::<f64>();
        let number = number.map_err(|_| self.error(format!("bad number {text:?}")))?;
        self.at = self.at.saturating_add(len);
        Ok(Expr::Number(number))
    }

    /// A name of a metric, a function or a label.
    fn word(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let starts = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let len = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let word = rest.get(..len).filter(|_| starts)?;
        self.at = self.at.saturating_add(len);
        Some(word)
    }

    fn is_next(&mut self, keyword: &str) -> bool {
        let at = self.at;
        let found = self.word() == Some(keyword);
        self.at = at;
        found
    }

    fn aggregate(&mut self, how: Aggregation) -> Result<Expr, ParseError> {
        let mut by = self.by()?;
        self.expect("(")?;
        let of = self.comparison()?;
        if of.is_scalar() {
            return Err(self.error("an aggregation takes a vector"));
        }
        self.expect(")")?;
        if by.is_none() {
            by = self.by()?;
        }
        Ok(Expr::Aggregate {
            how,
            by: by.unwrap_or_default(),
            of: Box::new(of),
        })
    }

    fn by(&mut self) -> Result<Option<Vec<String>>, ParseError> {
        if self.is_next("without") {
            return Err(self.error("the lab does not know `without`"));
        }
        if !self.is_next("by") {
            return Ok(None);
        }
        self.word();
        self.expect("(")?;
        let mut labels = Vec::new();
        while let Some(label) = self.word() {
            labels.push(label.to_owned());
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(Some(labels))
    }

    fn selector(&mut self, name: Option<&str>) -> Result<Expr, ParseError> {
        let mut matchers = Vec::new();
        matchers.extend(name.map(|name| Matcher::equal("__name__", name)));
        if self.take("{") {
            while !self.rest().starts_with('}') {
                matchers.push(self.matcher()?);
                if !self.take(",") {
                    break;
                }
            }
            self.expect("}")?;
        }
        if matchers.iter().all(|matcher| matcher.fits("")) {
            return Err(self.error("vector selector must contain at least one non-empty matcher"));
        }
        Ok(Expr::Select(matchers))
    }

    fn matcher(&mut self) -> Result<Matcher, ParseError> {
        let Some(label) = self.word().map(str::to_owned) else {
            return Err(self.unexpected("expected a label"));
        };
        if self.take("=~") {
            let pattern = self.text()?;
            return Matcher::one_of(label, &pattern).map_err(|what| self.error(what));
        }
        if self.take("!=") {
            let test = Test::NotEqual(self.text()?);
            return Ok(Matcher { label, test });
        }
        self.expect("=")?;
        let test = Test::Equal(self.text()?);
        Ok(Matcher { label, test })
    }

    /// A text in quotes of either kind.
    fn text(&mut self) -> Result<String, ParseError> {
        let rest = self.rest();
        let Some(quote @ ('"' | '\'')) = rest.chars().next() else {
            return Err(self.unexpected("expected a text in quotes"));
        };
        let mut out = String::new();
        let mut chars = rest.char_indices().skip(1);
        while let Some((index, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = self.at.saturating_add(index).saturating_add(1);
                    return Ok(out);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('\\' | '"' | '\''))) => out.push(c),
                    _ => return Err(self.error("the lab does not know this escape sequence")),
                },
                c => out.push(c),
            }
        }
        Err(self.error("unterminated quoted string"))
    }
}
