//! Words of a `PromQL` expression.

use super::quoted_len;
use std::ops::Range;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// `up`, `job:errors:rate5m`, and words that mean something.
    Name,
    /// `5`, `1e3`, `0x1f`, `Inf`.
    Number,
    /// `5m`, `1h30m`; also a number of seconds.
    Span,
    /// Quoted text.
    Text,
    /// A bracket, a comma or an operator.
    Sign,
    /// Nothing follows.
    End,
}

/// A word and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) token: Token,
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

/// Longest first, so that `>=` is not read as `>`.
const SIGNS: [&str; 22] = [
    ">=", "<=", "==", "!=", "=~", "!~", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-", "*", "/",
    "%", "^", ">", "<",
];

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

fn is_in_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit()
}

/// The word that begins at or behind `from`. `in_range`: between square brackets a colon stands by itself.
///
/// # Errors
/// Place and words, where no word begins.
pub(super) fn next(
    text: &str,
    from: usize,
    in_range: bool,
) -> Result<Word<'_>, (Range<usize>, String)> {
    let mut at = from;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blank = rest.len().saturating_sub(rest.trim_start().len());
        at = at.saturating_add(blank);
        let rest = rest.trim_start();
        if !rest.starts_with('#') {
            break;
        }
        at = at.saturating_add(rest.find('\n').unwrap_or(rest.len()));
    }
    let rest = text.get(at..).unwrap_or_default();
    let word = |token, len: usize| {
        let span = at..at.saturating_add(len);
        let text = text.get(span.clone()).unwrap_or_default();
        Ok(Word { token, text, span })
    };
    let Some(first) = rest.chars().next() else {
        return word(Token::End, 0);
    };
    if matches!(first, '"' | '\'' | '`') {
        return match quoted_len(rest) {
            Ok(len) => word(Token::Text, len),
            Err(why) => Err((at..text.len(), why.to_owned())),
        };
    }
    let second = rest.chars().nth(1);
    if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
        let len = number_len(rest);
        let found = rest.get(..len).unwrap_or_default();
        return match number_token(found) {
            Some(token) => word(token, len),
            None => Err((
                at..at.saturating_add(len),
                format!("`{found}` is neither a number nor a span of time"),
            )),
        };
    }
    if begins_name(first) && !(in_range && first == ':') {
        let len = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
        let found = rest.get(..len).unwrap_or_default();
        let is_number = ["inf", "nan"].iter().any(|n| found.eq_ignore_ascii_case(n));
        return word(
            if is_number {
                Token::Number
            } else {
                Token::Name
            },
            len,
        );
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return word(Token::Sign, sign.len());
    }
    match first {
        '=' | '@' => word(Token::Sign, 1),
        _ => Err((
            at..at.saturating_add(first.len_utf8()),
            format!("`{first}` means nothing in PromQL"),
        )),
    }
}

/// Digits and letters, and the sign of an exponent.
fn number_len(rest: &str) -> usize {
    let mut before = ' ';
    let is_hex = rest.starts_with("0x") || rest.starts_with("0X");
    for (at, c) in rest.char_indices() {
        let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !is_hex;
        if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || is_sign) {
            return at;
        }
        before = c;
    }
    rest.len()
}

fn number_token(text: &str) -> Option<Token> {
    let digits = text.replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16)
            .is_ok()
            .then_some(Token::Number);
    }
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if digits.chars().all(is_plain) && digits.parse::<f64>().is_ok() {
        return Some(Token::Number);
    }
    is_span(text).then_some(Token::Span)
}

/// `1d12h`, `90s`, `1y`, `5ms`: units from long to short, each once.
fn is_span(text: &str) -> bool {
    const UNITS: [&str; 7] = ["y", "w", "d", "h", "m", "s", "ms"];
    let (mut rest, mut after) = (text, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let tail = rest.get(digits..).unwrap_or_default();
        let len = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let unit = tail.get(..len).unwrap_or_default();
        let place = UNITS.iter().position(|known| *known == unit);
        match place {
            Some(place) if digits > 0 && place >= after => after = place.saturating_add(1),
            _ => return false,
        }
        rest = tail.get(len..).unwrap_or_default();
    }
    after > 0
}
