//! The JSON body of a record, read in one go.
//!
//! A fact says what it is in its first member. The derived reading of such a text first copies all of it into a tree,
//! because that member might come last; here it comes first or the derived reading takes over, so nothing is lost. It
//! halves the time a long journal takes to be read.

use crate::domain::fact::{ExecKey, Fact, Finding, Outcome, OutputRef, Quote};
use crate::domain::id::{AttemptNo, Nonce, RuleId, StepId, TerminalId};
use crate::domain::runbook::plan::ExecRole;
use crate::domain::threshold::Verdict;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, VariantAccess, Visitor,
};
use std::borrow::Cow;
use std::fmt;

/// Name of the member that says what a fact is.
const TAG: &str = "fact";

/// Reads a fact as [`Fact`] itself would.
pub(super) fn read(body: &[u8]) -> serde_json::Result<Fact> {
    let mut json = serde_json::Deserializer::from_slice(body);
    if let Ok(fact) = (&mut json).deserialize_map(Tagged)
        && json.end().is_ok()
    {
        return Ok(fact);
    }
    // Another order of members, a rarer fact, or a flaw: the derived reading decides, and has the words for it.
    serde_json::from_slice(body)
}

/// The facts that make a journal long. The compiler holds every line against [`Fact`]; a fact that is not here is read
/// by the derived reading.
#[derive(Deserialize)]
#[serde(remote = "Fact", rename_all = "kebab-case")]
enum Usual {
    Attached {
        terminal: TerminalId,
        read_only: bool,
    },
    Detached {
        terminal: TerminalId,
    },
    Released {
        reason: String,
    },
    RuleChanged {
        rule: RuleId,
        verdict: Verdict,
        quote: Option<Quote>,
    },
    StepStarted {
        step: StepId,
        attempt: AttemptNo,
    },
    ExecIntent {
        key: ExecKey,
        role: ExecRole,
        nonce: Option<Nonce>,
    },
    ExecSpawned {
        key: ExecKey,
        pid: u32,
    },
    ExecOutcome {
        key: ExecKey,
        outcome: Outcome,
        output: OutputRef,
    },
    ResolveVoted {
        step: StepId,
        finding: Finding,
        reason: String,
    },
    GateOpened {
        step: StepId,
        block: u16,
        quote: Option<Quote>,
    },
    StepDone {
        step: StepId,
        warning: String,
        note: String,
    },
    StepFailed {
        step: StepId,
        why: String,
    },
    StepRetried {
        step: StepId,
    },
    StepUndone {
        step: StepId,
    },
    StepArmed {
        step: StepId,
    },
    Refused {
        asked: String,
        step: StepId,
        reason: String,
    },
    NoteAdded {
        step: Option<StepId>,
        text: String,
    },
}

/// A text that is borrowed from the body when nothing in it is escaped.
#[derive(Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

/// Takes the first member as the name of a variant, and the others as its fields.
struct Tagged;

impl<'de> Visitor<'de> for Tagged {
    type Value = Fact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fact that names itself first")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fact, A::Error> {
        let key: Option<Word<'de>> = map.next_key()?;
        if key.is_none_or(|key| key.0 != TAG) {
            return Err(A::Error::custom("it does not name itself first"));
        }
        let Word(name) = map.next_value()?;
        Usual::deserialize(Named { name, map })
    }
}

/// A variant by name whose fields are what is left of a map.
struct Named<'de, A> {
    name: Cow<'de, str>,
    map: A,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Named<'de, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Named<'de, A> {
    type Error = A::Error;
    type Variant = Fields<A>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Fields<A>), A::Error> {
        let name: StrDeserializer<'_, A::Error> = StrDeserializer::new(&self.name);
        Ok((seed.deserialize(name)?, Fields(self.map)))
    }
}

/// The fields of a variant.
struct Fields<A>(A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn unit_variant(mut self) -> Result<(), A::Error> {
        match self.0.next_key::<Word<'de>>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::custom("it has no fields")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (Option<Fact>, Option<Fact>) {
        let derived = serde_json::from_str(text).ok();
        (read(text.as_bytes()).ok(), derived)
    }

    #[test]
    fn both_readings_agree_whatever_the_order_and_the_flaw() {
        let quote = r#"{"series":"{a=\"\u00fc\"}","sample":{"at":"2026-11-22T02:00:00.000Z","value":"NaN"},"age_ms":9}"#;
        let texts = [
            r#"{"fact":"step-armed","step":"drain"}"#.to_owned(),
            r#"{"step":"drain","fact":"step-armed"}"#.to_owned(),
            r#"{"fact":"step-armed","step":"drain","more":1}"#.to_owned(),
            r#"{"fact":"step-armed"}"#.to_owned(),
            r#"{"fact":"step-armed","step":"drain"}x"#.to_owned(),
            r#"{"fact":"step-armed","step":"drain","step":"drain"}"#.to_owned(),
            r#"{"fact":"begun"}"#.to_owned(),
            r#"{"fact":"teleported"}"#.to_owned(),
            r#"{"fact":"note-added","step":null,"text":"caf\u00e9"}"#.to_owned(),
            r#"{"fact":"note-added","text":"no step"}"#.to_owned(),
            r#"{"\u0066act":"detached","terminal":3}"#.to_owned(),
            format!(
                r#"{{"fact":"rule-changed","rule":"lag","verdict":{{"is":"pass"}},"quote":{quote}}}"#
            ),
            r#"{"fact":"rule-changed","rule":"LAG","verdict":{"is":"pass"},"quote":null}"#
                .to_owned(),
            "[]".to_owned(),
            String::new(),
        ];
        for text in texts {
            let (fast, derived) = both(&text);
            match (&fast, &derived) {
                // Not-a-number equals nothing, not even itself.
                (Some(_), Some(_)) => assert_eq!(format!("{fast:?}"), format!("{derived:?}")),
                _ => assert_eq!(fast, derived, "{text}"),
            }
        }
    }

    #[test]
    fn the_usual_facts_take_the_short_way() {
        let text = r#"{"fact":"detached","terminal":3}"#;
        let mut json = serde_json::Deserializer::from_str(text);
        let fact = (&mut json).deserialize_map(Tagged).expect("short");
        assert_eq!(
            fact,
            Fact::Detached {
                terminal: TerminalId(3)
            }
        );
    }
}
