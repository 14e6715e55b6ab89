//! One line of a list of signers: name, options, key.

use super::{PERSONAL_NAMESPACES, SignersFault, Whose};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::key::{Key, Listed};
use std::collections::BTreeSet;

/// Longest line, in bytes: an RSA key of 8192 bits, every namespace, and a comment.
const LINE_MAX: usize = 8192;

/// Beginning of all namespaces of this program.
const OURS: &str = "warroom-";
/// Beginning of the namespaces in which only servers sign.
const CHECKPOINT: &str = "warroom-checkpoint";

pub(super) fn fault(
    line: usize,
    column: usize,
    what: impl Into<String>,
    hint: impl Into<String>,
) -> SignersFault {
    SignersFault {
        line,
        column,
        what: what.into(),
        hint: hint.into(),
    }
}

/// A part of a line that is still to be read.
#[derive(Clone, Copy)]
struct Rest<'l> {
    line: usize,
    column: usize,
    text: &'l str,
}

impl Rest<'_> {
    fn fault(self, what: impl Into<String>, hint: impl Into<String>) -> SignersFault {
        fault(self.line, self.column, what, hint)
    }

    /// The first `bytes` bytes, and what follows.
    fn split(self, bytes: usize) -> (Self, Self) {
        let (head, tail) = self.text.split_at_checked(bytes).unwrap_or((self.text, ""));
        let column = self.column.saturating_add(head.chars().count());
        let after = Self {
            column,
            text: tail,
            ..self
        };
        (Self { text: head, ..self }, after)
    }

    /// The text up to the first character that `ends` accepts, and what follows.
    fn until(self, ends: impl Fn(char) -> bool) -> (Self, Self) {
        self.split(self.text.find(ends).unwrap_or(self.text.len()))
    }

    fn skip_blanks(self) -> Self {
        self.until(|c| !is_blank(c)).1
    }
}

/// What was typed, cut so that an error line stays a line.
fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 48;
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// What comes before the key, as typed.
#[derive(Default)]
struct Options {
    namespaces: BTreeSet<String>,
    has_namespaces: bool,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

/// Reads a line; `None` for a comment, a blank one, and one with faults. The column is that of the key.
pub(super) fn read(
    number: usize,
    content: &str,
    whose: Whose<'_>,
    faults: &mut Vec<SignersFault>,
) -> Option<(Listed, usize)> {
    let line = Rest {
        line: number,
        column: 1,
        text: content,
    };
    if content.starts_with('#') || content.chars().all(is_blank) {
        return None;
    }
    if let Some(refused) = shape_fault(line) {
        faults.push(refused);
        return None;
    }
    let known = faults.len();
    let (name, rest) = line.until(is_blank);
    let person = name_of(name, whose).map_err(|refused| faults.push(refused));
    let rest = rest.skip_blanks();
    let (options, rest) = options(rest, whose, faults);
    // What follows a quote without an end was taken for its value: there is nothing more to say of the line.
    if rest.text.is_empty() && faults.len() > known {
        return None;
    }
    if !options.has_namespaces {
        faults.push(rest.fault(
            "there is no `namespaces=`: the key would be good for every purpose",
            format!("write `namespaces=\"{}\"`", example(whose)),
        ));
    }
    let at = rest.column;
    let key = key(rest).map_err(|refused| faults.push(refused));
    if faults.len() > known {
        return None;
    }
    let listed = Listed {
        person: person.ok()?,
        namespaces: options.namespaces,
        valid_after: options.valid_after,
        valid_before: options.valid_before,
        key: key.ok()?,
        line: number,
    };
    Some((listed, at))
}

/// What keeps a line from being read at all.
fn shape_fault(line: Rest<'_>) -> Option<SignersFault> {
    let wrong = |c: char| c.is_control() && c != '\t';
    let (before, bad) = line.until(wrong);
    if let Some(found) = bad.text.chars().next() {
        let code = u32::from(found);
        let hint = if found == '\r' {
            "save the file with line ends as on Unix"
        } else {
            ""
        };
        return Some(bad.fault(format!("has the control character U+{code:04X}"), hint));
    }
    if line.text.len() > LINE_MAX {
        return Some(line.fault(format!("is longer than {LINE_MAX} bytes"), ""));
    }
    before.text.starts_with(is_blank).then(|| {
        line.fault(
            "begins with a blank",
            "a line begins with the name of a person",
        )
    })
}

/// Rule 1: exactly one known name.
fn name_of(name: Rest<'_>, whose: Whose<'_>) -> Result<PersonId, SignersFault> {
    let text = name.text;
    let kinds = [
        ('"', "quotes around the name"),
        (',', "several names"),
        ('!', "a negation"),
        ('*', "a pattern"),
        ('?', "a pattern"),
    ];
    // As in the order above: `alice,*` is told as a list of names.
    if let Some((_, what)) = kinds.iter().find(|(sign, _)| text.contains(*sign)) {
        let hint = "one line is one key of one person: begin it with a person id, such as `alice`";
        return Err(name.fault(format!("`{}` has {what}", shown(text)), hint));
    }
    let id = PersonId::new(text);
    match (whose, id) {
        (Whose::Servers, Ok(id)) => Ok(id),
        (Whose::People(people), Ok(id)) if people.contains(&id) => Ok(id),
        (Whose::People(people), id) => {
            let lower = PersonId::new(&text.to_ascii_lowercase()).ok();
            match (id, lower.filter(|lower| people.contains(lower))) {
                (Err(_), Some(lower)) => {
                    let what = format!("`{text}` is not `{lower}`: case counts");
                    Err(name.fault(what, format!("write `{lower}`")))
                }
                (Err(error), None) => Err(name.fault(error.to_string(), "")),
                (Ok(id), _) => Err(name.fault(
                    format!("`{id}` is nobody of the people file"),
                    "correct the name, or add the person to `people.toml`",
                )),
            }
        }
        (Whose::Servers, Err(error)) => Err(name.fault(
            error.to_string(),
            "a line begins with the name of a server, such as `bastion-1`",
        )),
    }
}

/// True when a word is the type of a key, not an option.
fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-", "rsa-", "webauthn-"]
        .iter()
        .any(|start| word.starts_with(start))
}

fn options<'l>(
    rest: Rest<'l>,
    whose: Whose<'_>,
    faults: &mut Vec<SignersFault>,
) -> (Options, Rest<'l>) {
    let mut options = Options::default();
    let (word, _) = rest.until(is_blank);
    if word.text.is_empty() || is_key_type(word.text) {
        return (options, rest);
    }
    let mut rest = rest;
    let mut seen = BTreeSet::new();
    loop {
        let (name, after) = rest.until(|c| matches!(c, '=' | ',') || is_blank(c));
        let known = faults.len();
        let (value, after) = value(after, faults);
        if !seen.insert(name.text) {
            faults.push(name.fault(format!("option `{}` is there twice", shown(name.text)), ""));
        }
        if faults.len() == known {
            option(&mut options, name, value, whose, faults);
        }
        options.has_namespaces |= name.text == "namespaces";
        match after.text.strip_prefix(',') {
            Some(_) => rest = after.split(1).1,
            None => return (options, after.skip_blanks()),
        }
    }
}

/// `="..."` or nothing. There are no quotes within the quotes: no value that makes sense has one.
fn value<'l>(rest: Rest<'l>, faults: &mut Vec<SignersFault>) -> (Option<Rest<'l>>, Rest<'l>) {
    if !rest.text.starts_with('=') {
        return (None, rest);
    }
    let (_, quoted) = rest.split(1);
    if !quoted.text.starts_with('"') {
        let (bare, after) = quoted.until(|c| c == ',' || is_blank(c));
        faults.push(bare.fault("the value has no quotes", "write `\"` around it"));
        return (Some(bare), after);
    }
    let (_, inner) = quoted.split(1);
    let (inner, end) = inner.until(|c| c == '"');
    if end.text.is_empty() {
        faults.push(quoted.fault("the quote does not end", ""));
    }
    let (_, after) = end.split(1);
    if !after.text.is_empty() && !after.text.starts_with(|c| c == ',' || is_blank(c)) {
        faults.push(after.fault(
            "text directly behind a quote",
            "put a blank or a comma there",
        ));
        return (Some(inner), after.until(is_blank).1);
    }
    (Some(inner), after)
}

fn option(
    options: &mut Options,
    name: Rest<'_>,
    value: Option<Rest<'_>>,
    whose: Whose<'_>,
    faults: &mut Vec<SignersFault>,
) {
    let mut refuse = |refused: SignersFault| faults.push(refused);
    match (name.text, value) {
        ("namespaces", Some(value)) => {
            options.namespaces = namespaces(value, whose, faults);
        }
        ("valid-after", Some(value)) => match time(value) {
            Ok(time) => options.valid_after = Some(time),
            Err(refused) => refuse(refused),
        },
        ("valid-before", Some(value)) => match time(value) {
            Ok(time) => options.valid_before = Some(time),
            Err(refused) => refuse(refused),
        },
        ("namespaces" | "valid-after" | "valid-before", None) => {
            refuse(name.fault(format!("`{}` has no value", name.text), ""));
        }
        (other, _) if other.eq_ignore_ascii_case("cert-authority") => refuse(name.fault(
            "`cert-authority` is not taken: it would speak for whoever it certifies",
            "list each person's own key",
        )),
        (other, _) => refuse(name.fault(
            format!("`{}` is not an option", shown(other)),
            "known here: `namespaces`, `valid-after`, `valid-before`, in lower case",
        )),
    }
}

/// Rule 3: each namespace written out, and the right ones for whose key it is.
fn namespaces(
    value: Rest<'_>,
    whose: Whose<'_>,
    faults: &mut Vec<SignersFault>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = value;
    loop {
        let (name, after) = rest.until(|c| c == ',');
        match namespace_fault(name, whose) {
            Some(refused) => faults.push(refused),
            None => drop(names.insert(name.text.to_owned())),
        }
        if after.text.is_empty() {
            return names;
        }
        rest = after.split(1).1;
    }
}

fn namespace_fault(name: Rest<'_>, whose: Whose<'_>) -> Option<SignersFault> {
    let text = name.text;
    if text.is_empty() {
        return Some(name.fault("a namespace is empty", ""));
    }
    if text.contains(['*', '?', '!']) {
        let hint = format!("write each one out: `{}`", example(whose));
        return Some(name.fault(format!("namespace `{}` is a pattern", shown(text)), hint));
    }
    if text.contains(is_blank) {
        return Some(name.fault(format!("namespace `{}` has a blank in it", shown(text)), ""));
    }
    let is_personal = PERSONAL_NAMESPACES.contains(&text);
    match whose {
        Whose::People(_) if text.starts_with(CHECKPOINT) => Some(name.fault(
            format!("namespace `{}` is for servers", shown(text)),
            "keys that sign checkpoints stand in `server_signers`, and in no person's hands",
        )),
        Whose::People(_) if text.starts_with(OURS) && !is_personal => Some(name.fault(
            format!("nobody signs in namespace `{}`", shown(text)),
            format!("known here: `{}`", PERSONAL_NAMESPACES.join("`, `")),
        )),
        Whose::Servers if is_personal => Some(name.fault(
            format!("namespace `{}` is for people", shown(text)),
            "keys of people stand in `allowed_signers`",
        )),
        Whose::People(_) | Whose::Servers => None,
    }
}

fn example(whose: Whose<'_>) -> String {
    match whose {
        Whose::People(_) => PERSONAL_NAMESPACES.join(","),
        Whose::Servers => format!("{CHECKPOINT}@v1"),
    }
}

/// `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`.
fn time(value: Rest<'_>) -> Result<Timestamp, SignersFault> {
    let text = value.text;
    let hint = "write `20271231Z` or `20271231235959Z`";
    let Some(digits) = text.strip_suffix('Z') else {
        let what = format!(
            "`{}` does not end with `Z`: it would mean another time on each host",
            shown(text)
        );
        return Err(value.fault(what, hint));
    };
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("00");
    let is_time = matches!(digits.len(), 8 | 12 | 14) && digits.bytes().all(|b| b.is_ascii_digit());
    let iso = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    Timestamp::parse(&iso)
        .ok()
        .filter(|_| is_time)
        .ok_or_else(|| value.fault(format!("`{}` is not a time", shown(text)), hint))
}

/// Type, key, and a comment that nobody reads.
fn key(rest: Rest<'_>) -> Result<Key, SignersFault> {
    let (name, after) = rest.until(is_blank);
    let (base64, _) = after.skip_blanks().until(is_blank);
    if name.text.is_empty() || base64.text.is_empty() {
        return Err(rest.fault(
            "there is no key",
            "after the options come the type and the key, as in a `.pub` file",
        ));
    }
    Key::parse(name.text, base64.text).map_err(|error| rest.fault(error.to_string(), error.hint()))
}
