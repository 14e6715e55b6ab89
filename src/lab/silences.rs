//! What keeps the lab's alerts quiet: silences with matchers, as an Alertmanager keeps them.

use super::http::Ask;
use crate::domain::time::Timestamp;
use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

/// Silences remembered: more than a demo makes, and none of them is large.
const SILENCES_MAX: usize = 50;
/// Bytes of a compiled regular expression: the names of a rack full of hosts.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// One label of a silence.
#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    value: String,
    /// The value compiled, where it is a regular expression.
    regex: Option<Regex>,
    is_equal: bool,
}

impl Matcher {
    fn read(from: &Value) -> Result<Self, String> {
        let text = |name: &str| from.get(name).and_then(Value::as_str);
        let flag = |name: &str| from.get(name).and_then(Value::as_bool);
        let (Some(label), Some(value), Some(is_regex)) =
            (text("name"), text("value"), flag("isRegex"))
        else {
            return Err("a matcher needs name, value and isRegex".to_owned());
        };
        let regex = if is_regex {
            let anchored = format!("^(?:{value})$");
            let built = RegexBuilder::new(&anchored)
                .size_limit(REGEX_BYTES_MAX)
                .build();
            Some(built.map_err(|error| format!("bad matcher {label}: {error}"))?)
        } else {
            None
        };
        Ok(Self {
            label: label.to_owned(),
            value: value.to_owned(),
            regex,
            is_equal: flag("isEqual").unwrap_or(true),
        })
    }

    fn fits(&self, labels: &[(String, String)]) -> bool {
        let found = labels.iter().find(|(name, _)| *name == self.label);
        // An absent label is an empty one.
        let value = found.map_or("", |(_, value)| value.as_str());
        let is_it = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        is_it == self.is_equal
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.label, "value": self.value, "isRegex": self.regex.is_some(), "isEqual": self.is_equal,
        })
    }
}

/// One silence.
#[derive(Debug, Clone)]
struct Silence {
    id: String,
    matchers: Vec<Matcher>,
    starts_ms: i64,
    ends_ms: i64,
    updated_ms: i64,
    by: String,
    comment: String,
}

impl Silence {
    const fn holds(&self, ms: i64) -> bool {
        self.starts_ms <= ms && ms < self.ends_ms
    }

    fn to_json(&self, now_ms: i64) -> Value {
        let time = |ms: i64| Timestamp::from_millis(ms).to_string();
        let state = if self.ends_ms <= now_ms {
            "expired"
        } else if self.holds(now_ms) {
            "active"
        } else {
            "pending"
        };
        let matchers: Vec<Value> = self.matchers.iter().map(Matcher::to_json).collect();
        json!({
            "id": self.id, "status": {"state": state}, "updatedAt": time(self.updated_ms), "comment": self.comment,
            "createdBy": self.by, "startsAt": time(self.starts_ms), "endsAt": time(self.ends_ms), "matchers": matchers,
        })
    }
}

/// All silences, ended ones too.
#[derive(Debug, Default)]
pub(super) struct Silences {
    all: Vec<Silence>,
    made: u64,
}

impl Silences {
    /// Makes the silence that a request describes, or moves the end of the one that it names; gives its id.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub(super) fn make(&mut self, ask: &Ask, now_ms: i64) -> Result<String, String> {
        let time = |place: &str| {
            let time = Timestamp::parse(ask.text(place));
            time.map_err(|_| format!("`{}` is not a time", place.trim_start_matches('/')))
        };
        let (starts, ends) = (time("/startsAt")?, time("/endsAt")?);
        let (by, comment) = (ask.text("/createdBy"), ask.text("/comment"));
        if by.is_empty() || comment.is_empty() {
            return Err("createdBy and comment must say something".to_owned());
        }
        // What Alertmanager does too: a silence begins when it is made, at the earliest.
        let starts_ms = starts.as_millis().max(now_ms);
        let ends_ms = ends.as_millis();
        if ends_ms <= starts_ms {
            return Err("end time can't be in the past".to_owned());
        }
        let matchers = ask.body.get("matchers").and_then(Value::as_array);
        let matchers = matchers.into_iter().flatten().map(Matcher::read);
        let matchers = matchers.collect::<Result<Vec<_>, _>>()?;
        if matchers.is_empty() {
            return Err("at least one matcher required".to_owned());
        }
        let named = self.all.iter_mut().find(|one| one.id == ask.text("/id"));
        if let Some(known) = named.filter(|one| one.ends_ms > now_ms) {
            (known.ends_ms, known.updated_ms) = (ends_ms, now_ms);
            return Ok(known.id.clone());
        }
        if self.all.len() >= SILENCES_MAX {
            let ended = self.all.iter().position(|one| one.ends_ms <= now_ms);
            self.all.remove(ended.unwrap_or(0));
        }
        self.made = self.made.saturating_add(1);
        let id = format!("00000000-0000-4000-8000-{:012x}", self.made);
        self.all.push(Silence {
            id: id.clone(),
            matchers,
            starts_ms,
            ends_ms,
            updated_ms: now_ms,
            by: by.to_owned(),
            comment: comment.to_owned(),
        });
        Ok(id)
    }

    /// Ends a silence; false when there is none, or it has ended.
    pub(super) fn end(&mut self, id: &str, now_ms: i64) -> bool {
        let found = self.all.iter_mut().find(|one| one.id == id);
        let Some(silence) = found.filter(|one| one.ends_ms > now_ms) else {
            return false;
        };
        silence.starts_ms = silence.starts_ms.min(now_ms);
        silence.ends_ms = now_ms;
        silence.updated_ms = now_ms;
        true
    }

    /// One silence.
    pub(super) fn one(&self, id: &str, now_ms: i64) -> Option<Value> {
        let found = self.all.iter().find(|one| one.id == id);
        found.map(|one| one.to_json(now_ms))
    }

    /// All of them.
    pub(super) fn list(&self, now_ms: i64) -> Value {
        self.all.iter().map(|one| one.to_json(now_ms)).collect()
    }

    /// Ids of those that keep an alert with these labels quiet.
    pub(super) fn of(&self, labels: &[(String, String)], ms: i64) -> Vec<&str> {
        let fit = |one: &&Silence| one.holds(ms) && one.matchers.iter().all(|m| m.fits(labels));
        let found = self.all.iter().filter(fit);
        found.map(|one| one.id.as_str()).collect()
    }
}
