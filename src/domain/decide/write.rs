//! Do something in another system: page, mute, note, and what else its connector can.

use super::ask::Ask;
use super::{Decision, NOTE_BYTES_MAX, REASON_BYTES_MAX, Refused};
use crate::domain::fact::Fact;
use crate::domain::id::ConnectorName;
use crate::domain::state::State;
use crate::domain::time::{Timestamp, short_span};
use crate::domain::write::{Deed, Matcher, WRITES_MAX, Write, WriteNo, WriteState};
use std::time::Duration;

/// Longest mute: a night and the day after it. What is to be quiet for longer is not a maintenance.
pub const MUTE_SPAN_MAX: Duration = Duration::from_secs(24 * 3600);
/// Writes of one connector that may wait for their end: more than two people ask for at once, few enough that the last
/// one is still wanted when its turn comes.
const WAITING_MAX: usize = 16;
/// Longest name or id: of a component, a label, an incident.
const NAME_BYTES_MAX: usize = 256;
/// Longest line for a screen that wakes somebody: what a text message and a lock screen show.
const SUMMARY_BYTES_MAX: usize = 200;
/// Components, labels or tags named at once: a rack full of hosts.
const NAMES_MAX: usize = 64;
/// All of a deed as JSON: with as many writes as a session has, the state still fits a snapshot.
const DEED_BYTES_MAX: usize = 8 * 1024;

pub(super) fn decide(ask: &Ask<'_>, connector: &ConnectorName, deed: &Deed) -> Decision {
    ask.operator()?;
    is_able(ask, connector, deed)?;
    let deed = checked(ask, deed)?;
    is_new(ask, connector, &deed)?;
    let count = u32::try_from(ask.state.writes.len()).unwrap_or(u32::MAX);
    let write = Write {
        no: WriteNo(count.saturating_add(1)),
        connector: connector.clone(),
        deed,
        cause: None,
    };
    Ok(vec![Fact::WriteAsked { write }])
}

fn is_able(ask: &Ask<'_>, connector: &ConnectorName, deed: &Deed) -> Result<(), Refused> {
    let Some(abilities) = ask.world.writers.get(connector) else {
        let why = format!("there is no connector `{connector}`");
        return Err(ask.no(why, "connectors are named in `config.toml`"));
    };
    if abilities.contains(&deed.ability()) {
        return Ok(());
    }
    let (why, hint) = if abilities.is_empty() {
        (
            "may only read",
            "its system may be able to: set `writes = true` for it in `config.toml`",
        )
    } else {
        ("cannot do that", "another connector may be able to")
    };
    Err(ask.no(format!("connector `{connector}` {why}"), hint))
}

/// The session has room for it, and the same is not on its way already: a key pressed twice wakes nobody twice.
fn is_new(ask: &Ask<'_>, connector: &ConnectorName, deed: &Deed) -> Result<(), Refused> {
    let writes = &ask.state.writes;
    let by_people = writes.iter().filter(|w| w.write.cause.is_none());
    if by_people.count() >= WRITES_MAX {
        let why = format!("the session has written {WRITES_MAX} times already");
        return Err(ask.no(why, "do it in the other system, and note it here"));
    }
    let is_waiting = |w: &&WriteState| w.outcome.is_none() && &w.write.connector == connector;
    let waiting = || writes.iter().filter(is_waiting);
    if let Some(same) = waiting().find(|w| &w.write.deed == deed) {
        let why = format!("write {} says the same and is on its way", same.write.no);
        return Err(ask.no(why, "wait for what comes of it"));
    }
    if waiting().count() >= WAITING_MAX {
        let why = format!("{WAITING_MAX} writes wait for `{connector}` already");
        return Err(ask.no(why, "wait until some have ended"));
    }
    Ok(())
}

/// The deed with its texts trimmed and in their bounds.
fn checked(ask: &Ask<'_>, deed: &Deed) -> Result<Deed, Refused> {
    let deed = match deed {
        Deed::Mute {
            components,
            matchers,
            until,
            comment,
        } => mute(ask, components, matchers, *until, comment)?,
        Deed::Page {
            summary,
            details,
            component,
            urgency,
        } => Deed::Page {
            summary: needed(ask, "the line for who is paged", summary, SUMMARY_BYTES_MAX)?,
            details: text(ask, "the details", details, NOTE_BYTES_MAX)?,
            component: text(ask, "the component", component, NAME_BYTES_MAX)?,
            urgency: *urgency,
        },
        Deed::Extend { .. } => {
            let why = "only the program makes its own silences longer";
            return Err(ask.no(why, "mute anew, until when it is to be quiet"));
        }
        Deed::Unmute { reference } => Deed::Unmute {
            reference: needed(ask, "what keeps it quiet", reference, NAME_BYTES_MAX)?,
        },
        Deed::Acknowledge { reference } => Deed::Acknowledge {
            reference: incident(ask, reference)?,
        },
        Deed::Resolve { reference } => Deed::Resolve {
            reference: incident(ask, reference)?,
        },
        Deed::Note { reference, text } => Deed::Note {
            reference: incident(ask, reference)?,
            text: needed(ask, "the note", text, NOTE_BYTES_MAX)?,
        },
        Deed::Annotate { text, tags } => Deed::Annotate {
            text: needed(ask, "the annotation", text, NOTE_BYTES_MAX)?,
            tags: names(ask, "a tag", tags)?,
        },
        Deed::Record { component, text } => Deed::Record {
            component: needed(ask, "the component", component, NAME_BYTES_MAX)?,
            text: needed(ask, "the entry", text, NOTE_BYTES_MAX)?,
        },
        Deed::SetStatus { component, status } => Deed::SetStatus {
            component: needed(ask, "the component", component, NAME_BYTES_MAX)?,
            status: needed(ask, "the status", status, NAME_BYTES_MAX)?,
        },
    };
    let bytes = serde_json::to_vec(&deed).map_or(usize::MAX, |json| json.len());
    if bytes > DEED_BYTES_MAX {
        let why = format!("it has more than {DEED_BYTES_MAX} bytes in all");
        return Err(ask.no(why, "say it shorter, or name fewer things"));
    }
    Ok(deed)
}

/// Without words of a person, only what the maintenance touches is muted: all else hides other people's trouble.
fn mute(
    ask: &Ask<'_>,
    components: &[String],
    matchers: &[Matcher],
    until: Timestamp,
    comment: &str,
) -> Result<Deed, Refused> {
    let components = names(ask, "a component", components)?;
    if components.is_empty() && matchers.is_empty() {
        return Err(ask.no("it names nothing", "name components or labels"));
    }
    let now = ask.now.wall;
    if until <= now || until.since(now) > MUTE_SPAN_MAX {
        let why = format!("it must end within {}", short_span(MUTE_SPAN_MAX));
        return Err(ask.no(why, "mute again when the work takes longer"));
    }
    let comment = text(ask, "the comment", comment, REASON_BYTES_MAX)?;
    if comment.is_empty() {
        let other = components.iter().find(|name| !is_touched(ask, name));
        let why = match other {
            Some(name) => format!("the maintenance does not touch `{name}`"),
            None if components.is_empty() => "labels may mute what is not touched".to_owned(),
            None => String::new(),
        };
        if !why.is_empty() {
            return Err(ask.no(why, "say in the comment why it is to be quiet all the same"));
        }
    }
    Ok(Deed::Mute {
        components,
        matchers: labels(ask, matchers)?,
        until,
        comment: if comment.is_empty() {
            default_comment(ask.state)
        } else {
            comment
        },
    })
}

/// What a mute says when nobody says more: which maintenance it belongs to.
fn default_comment(state: &State) -> String {
    let title: String = state.plan().title.chars().take(100).collect();
    format!("maintenance `{}`: {title}", state.genesis.name)
}

/// The runbook names the component, for the whole or for a step, or one of its selectors fits it.
fn is_touched(ask: &Ask<'_>, name: &str) -> bool {
    let plan = ask.state.plan();
    let of_steps = plan.steps.iter().filter_map(|s| s.component.as_ref());
    let named = plan.components.iter().chain(of_steps);
    named.chain(&ask.world.touched).any(|c| c == name)
}

fn labels(ask: &Ask<'_>, matchers: &[Matcher]) -> Result<Vec<Matcher>, Refused> {
    if matchers.len() > NAMES_MAX {
        return Err(ask.no(format!("it names more than {NAMES_MAX} labels"), ""));
    }
    let checked = matchers.iter().map(|matcher| {
        Ok(Matcher {
            label: needed(ask, "a label", &matcher.label, NAME_BYTES_MAX)?,
            value: text(
                ask,
                "the value of a label",
                &matcher.value,
                2 * NAME_BYTES_MAX,
            )?,
            ..*matcher
        })
    });
    checked.collect()
}

fn incident(ask: &Ask<'_>, reference: &str) -> Result<String, Refused> {
    needed(ask, "the incident", reference, NAME_BYTES_MAX)
}

fn names(ask: &Ask<'_>, what: &str, names: &[String]) -> Result<Vec<String>, Refused> {
    if names.len() > NAMES_MAX {
        return Err(ask.no(format!("it names more than {NAMES_MAX} things"), ""));
    }
    let checked = names
        .iter()
        .map(|name| needed(ask, what, name, NAME_BYTES_MAX));
    checked.collect()
}

fn needed(ask: &Ask<'_>, what: &str, given: &str, max: usize) -> Result<String, Refused> {
    let given = text(ask, what, given, max)?;
    if given.is_empty() {
        return Err(ask.no(format!("{what} is empty"), "say it in a few words"));
    }
    Ok(given)
}

/// Trimmed; no control characters but line ends, since other systems draw it without asking.
fn text(ask: &Ask<'_>, what: &str, given: &str, max: usize) -> Result<String, Refused> {
    let given = given.trim();
    if given.len() > max {
        return Err(ask.no(
            format!("{what} is longer than {max} bytes"),
            "say it shorter",
        ));
    }
    if given.chars().any(|c| c.is_control() && c != '\n') {
        return Err(ask.no(format!("{what} has control characters"), "type it anew"));
    }
    Ok(given.to_owned())
}
