//! A statement on its way to another machine, and the signature on its way back, as text that people copy.
//!
//! What is copied by hand gets spaces before its lines, the marks of a quotation, the line ends of another system, and
//! lines cut to a window. All of that is put right on reading; what was said must then be whole by its digest, so that
//! nothing else can have changed. The three words are never part of the text: each side makes its own and people compare.
//!
//! ```text
//! -----BEGIN WARROOM REQUEST-----
//! warroom-confirm@v1
//! session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
//! proposal: 41 sha256:bb249fdb81076716fdf8ef64e2dc2a889064022e8f02
//! +68f5ebc2ba8c94484a4b
//! ...
//! warroom-plan@v1
//! step: drain-broker-3
//! ...
//! ~SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE
//! =e6b7b0b0...
//! -----END WARROOM REQUEST-----
//! ```

#[cfg(test)]
mod tests;

use super::sshsig::{ARMOUR_MAX, SigFault, Signature};
use crate::domain::confirm::words::confirm_words;
use crate::domain::digest::Digest;
use crate::domain::doc::{ARMOUR_BEGIN, ARMOUR_END, DOC_BYTES_MAX, Doc, STATEMENT_BYTES_MAX};

/// First line of a request.
const REQUEST_BEGIN: &str = "-----BEGIN WARROOM REQUEST-----";
/// Last line of a request.
const REQUEST_END: &str = "-----END WARROOM REQUEST-----";
/// How the line of a key begins; no line of a document does.
const KEY: char = '~';
/// Keys of one person that a request names: more than anybody has at hand.
const KEYS_MAX: usize = 16;
/// Longest line of a request: fits a window of 80 columns behind the mark of a quotation.
const LINE_MAX: usize = 72;
/// Longest text that is read: a plan and a statement, every line folded and quoted, and what was copied along.
pub const TEXT_MAX: usize = 4 * (DOC_BYTES_MAX + STATEMENT_BYTES_MAX);

/// What somebody on another machine is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    statement: String,
    plan: Option<String>,
    keys: Vec<String>,
}

/// Why a pasted text is no request or no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DetachedFault {
    /// Longer than any.
    #[error("the text is too long")]
    TooLong,
    /// Its first line is missing.
    #[error("the text has no line `{begin}`")]
    NoBegin {
        /// The line.
        begin: &'static str,
    },
    /// Its last line is missing.
    #[error("the text has no line `{end}`")]
    NoEnd {
        /// The line.
        end: &'static str,
    },
    /// More than one.
    #[error("the text holds more than one `{begin}`")]
    Several {
        /// The line.
        begin: &'static str,
    },
    /// The digest at its end does not fit.
    #[error("the request was changed on its way: its digest does not fit")]
    Changed,
    /// Whole, but not a statement.
    #[error("the request holds no statement to sign: {why}")]
    NoStatement {
        /// What the grammar says.
        why: String,
    },
    /// The plan is not the one the statement names.
    #[error("the request's plan is not the one its statement names")]
    OtherPlan,
    /// The signature is not in its one form.
    #[error("the answer holds no signature that can be read")]
    Signature(#[source] SigFault),
}

impl DetachedFault {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLong | Self::NoBegin { .. } | Self::NoEnd { .. } | Self::Several { .. } => {
                "copy one request or answer, from its BEGIN line to its END line"
            }
            Self::Changed => "copy it again, or bring it over as a file",
            Self::NoStatement { .. } | Self::OtherPlan => {
                "do not sign it: ask the proposer on a call where it came from"
            }
            Self::Signature(fault) => fault.hint(),
        }
    }
}

impl Request {
    /// A request for a statement's bytes, with the plan that the signer is to read.
    ///
    /// # Errors
    /// [`DetachedFault::NoStatement`] for text that is no statement, [`DetachedFault::OtherPlan`] when the statement names
    /// another plan or none.
    pub fn new(statement: &str, plan: Option<&str>) -> Result<Self, DetachedFault> {
        let no_statement = |error: &dyn std::fmt::Display| DetachedFault::NoStatement {
            why: error.to_string(),
        };
        let doc = Doc::parse_statement(statement.as_bytes()).map_err(|e| no_statement(&e))?;
        if let Some(plan) = plan {
            Doc::parse(plan.as_bytes()).map_err(|e| no_statement(&e))?;
            let named = doc.get("plan").map(<[u8]>::to_vec);
            if named != Some(Digest::of(plan.as_bytes()).to_string().into_bytes()) {
                return Err(DetachedFault::OtherPlan);
            }
        }
        Ok(Self {
            statement: statement.to_owned(),
            plan: plan.map(str::to_owned),
            keys: Vec::new(),
        })
    }

    /// Names the keys whose signature would count, by fingerprint; at most [`KEYS_MAX`] of them.
    #[must_use]
    pub fn with_keys(mut self, keys: Vec<String>) -> Self {
        self.keys = keys;
        self.keys.truncate(KEYS_MAX);
        self
    }

    /// Fingerprints of the keys whose signature would count, as whoever made the request knew them; may be empty. A help
    /// for choosing: what counts is judged where the signature comes in.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// What is signed, byte for byte.
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// What the signer is to read first; its digest is in the statement.
    pub fn plan(&self) -> Option<&str> {
        self.plan.as_deref()
    }

    /// Namespace of the signature: the statement's first line.
    pub fn namespace(&self) -> &str {
        self.statement.lines().next().unwrap_or_default()
    }

    /// The words to compare with those on the other screen.
    pub fn words(&self) -> [&'static str; 3] {
        confirm_words(Digest::of(self.statement.as_bytes()))
    }

    /// The text to copy: short lines, and a digest at its end.
    pub fn print(&self) -> String {
        let mut body = format!("{}{}", self.statement, self.plan().unwrap_or_default());
        for key in &self.keys {
            body.push(KEY);
            body.push_str(key);
            body.push('\n');
        }
        let mut out = format!("{REQUEST_BEGIN}\n");
        for line in body.lines() {
            fold(line, &mut out);
        }
        out.push('=');
        out.push_str(&Digest::of(body.as_bytes()).to_hex());
        out.push('\n');
        out.push_str(REQUEST_END);
        out.push('\n');
        out
    }

    /// Reads a copy of [`Request::print`], put right where copying has changed it.
    ///
    /// # Errors
    /// [`DetachedFault`]; nothing is given that differs from what was printed.
    pub fn parse(text: &str) -> Result<Self, DetachedFault> {
        let mut body = String::new();
        let mut digest = None;
        for line in block(text, REQUEST_BEGIN, REQUEST_END)? {
            if let Some(rest) = line.strip_prefix('+') {
                // The line end of the line that goes on.
                body.pop();
                body.push_str(rest);
                body.push('\n');
            } else if let Some(rest) = line.strip_prefix('=') {
                if digest.replace(rest).is_some() {
                    return Err(DetachedFault::Changed);
                }
            } else {
                body.push_str(line);
                body.push('\n');
            }
        }
        if digest != Some(Digest::of(body.as_bytes()).to_hex().as_str()) {
            return Err(DetachedFault::Changed);
        }
        let (keys, body): (Vec<&str>, Vec<&str>) = body
            .split_inclusive('\n')
            .partition(|line| line.starts_with(KEY));
        let keys = keys.iter().map(|line| line.trim_matches([KEY, '\n']));
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        if !keys.iter().all(|key| is_fingerprint(key)) {
            return Err(DetachedFault::Changed);
        }
        let body = body.concat();
        // A title has no colon, every other line has one.
        let mut starts = body
            .match_indices('\n')
            .filter_map(|(at, _)| at.checked_add(1))
            .filter(|at| {
                let rest = body.split_at_checked(*at).map_or("", |(_, rest)| rest);
                rest.lines().next().is_some_and(|line| !line.contains(':'))
            });
        match starts.next().and_then(|at| body.split_at_checked(at)) {
            Some((statement, plan)) => Self::new(statement, Some(plan)),
            None => Self::new(&body, None),
        }
        .map(|request| request.with_keys(keys))
    }
}

/// True for what names a key and can be shown as it is.
fn is_fingerprint(text: &str) -> bool {
    text.strip_prefix("SHA256:").is_some_and(|hash| {
        hash.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    })
}

/// Reads a pasted answer: a signature in any shape that copying leaves it in, and text before or behind it.
///
/// Gives it in the one form that is accepted. Whether it is over the right statement is for
/// [`Signature::check`](super::sshsig::Signature::check) to say.
///
/// # Errors
/// [`DetachedFault`].
pub fn parse_answer(text: &str) -> Result<String, DetachedFault> {
    let base64: String = block(text, ARMOUR_BEGIN, ARMOUR_END)?
        .into_iter()
        .flat_map(str::chars)
        .filter(|letter| !letter.is_whitespace())
        .take(ARMOUR_MAX)
        .collect();
    let blob = data_encoding::BASE64
        .decode(base64.as_bytes())
        .map_err(|_| DetachedFault::Signature(SigFault::Base64))?;
    let armour = super::sshsig::wrap(&blob);
    Signature::parse(&armour).map_err(DetachedFault::Signature)?;
    Ok(armour)
}

/// The lines between two marks, without what copying puts around them.
fn block<'a>(
    text: &'a str,
    begin: &'static str,
    end: &'static str,
) -> Result<Vec<&'a str>, DetachedFault> {
    if text.len() > TEXT_MAX {
        return Err(DetachedFault::TooLong);
    }
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .map(bare)
        .filter(|line| !line.is_empty())
        .collect();
    let mut begins = lines.iter().enumerate().filter(|(_, line)| **line == begin);
    let (first, _) = begins.next().ok_or(DetachedFault::NoBegin { begin })?;
    if begins.next().is_some() {
        return Err(DetachedFault::Several { begin });
    }
    let behind = lines.into_iter().skip(first.saturating_add(1));
    let mut inside = Vec::new();
    for line in behind {
        if line == end {
            return Ok(inside);
        }
        inside.push(line);
    }
    Err(DetachedFault::NoEnd { end })
}

/// A line without spaces around it and without marks of a quotation before it. No line of ours begins with such a mark.
fn bare(line: &str) -> &str {
    line.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '>' | '|' | '\u{2502}' | '\u{feff}')
    })
    .trim_end()
}

/// Writes a line in pieces of at most [`LINE_MAX`], each further one behind a `+`.
fn fold(line: &str, out: &mut String) {
    let mut rest = line;
    let mut room = LINE_MAX;
    while let Some((piece, further)) = cut(rest, room) {
        out.push_str(piece);
        out.push_str("\n+");
        rest = further;
        room = LINE_MAX - 1;
    }
    out.push_str(rest);
    out.push('\n');
}

/// Cuts off at most `room` bytes, never beside a space, which copying might take for one at a line's edge.
fn cut(line: &str, room: usize) -> Option<(&str, &str)> {
    if line.len() <= room {
        return None;
    }
    (1..=room)
        .rev()
        .filter_map(|at| line.split_at_checked(at))
        .find(|(piece, rest)| !piece.ends_with(' ') && !rest.starts_with(' '))
}
