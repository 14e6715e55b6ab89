//! Words for declared effects and for alerts.

use crate::domain::effect::seen_words;
use crate::domain::fact::{AlertEvent, Effect, EffectEvent, Read};
use crate::ui::theme::Role;

/// Why an alert holds.
pub(super) fn hold(name: &str, component: Option<&str>) -> String {
    match component {
        Some(component) => format!("alert `{name}` on {component} was not expected"),
        None => format!("alert `{name}` must come and has not"),
    }
}

/// What an alert's fact weighs on the eye.
pub(super) const fn role(event: &AlertEvent) -> Role {
    match event {
        AlertEvent::Fired {
            expected: false, ..
        } => Role::Bad,
        AlertEvent::Absent { .. } => Role::Warn,
        AlertEvent::Fired { .. } | AlertEvent::Cleared { .. } => Role::Text,
    }
}

/// What the fact of an effect weighs on the eye.
pub(super) const fn effect_role(effect: &Effect) -> Role {
    match effect.event {
        EffectEvent::Before { .. } => Role::Text,
        EffectEvent::Met { .. } => Role::Good,
        EffectEvent::Missing { .. } => Role::Bad,
    }
}

/// An alert's fact in one sentence.
pub(super) fn fact(event: &AlertEvent) -> String {
    match event {
        AlertEvent::Fired {
            key,
            severity,
            expected,
            ..
        } => {
            let severity = match severity.as_str() {
                "" => String::new(),
                severity => format!(" ({severity})"),
            };
            let word = if *expected {
                "expected alert"
            } else {
                "UNEXPECTED alert"
            };
            let place = match key.component.as_str() {
                "" => String::new(),
                component => format!(" on {component}"),
            };
            format!("{word} `{}`{place} fires{severity}", key.name)
        }
        AlertEvent::Cleared { key } => format!("alert `{}` is over", key.name),
        AlertEvent::Absent {
            name,
            must_fire,
            unknown,
        } => {
            let word = if *must_fire {
                "must come"
            } else {
                "is expected"
            };
            match unknown.as_str() {
                "" => format!("alert `{name}` {word} and has NOT fired"),
                why => format!("alert `{name}` {word}; nobody knows whether it fired: {why}"),
            }
        }
    }
}

/// The fact of an effect in one sentence.
pub(super) fn effect(effect: &Effect, step: &str) -> String {
    let seen = |reads: &[Read]| {
        let one = |read: &Read| format!("{} {}", read.rule, seen_words(read, None));
        reads.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    match &effect.event {
        EffectEvent::Before { reads } => format!("read before {step}: {}", seen(reads)),
        EffectEvent::Met { reads } => format!("{step} had its effect: {}", seen(reads)),
        EffectEvent::Missing { reads } => {
            format!("the effect of {step} is MISSING: {}", seen(reads))
        }
    }
}
