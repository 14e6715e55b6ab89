//! Bounds of foreign texts: what a session keeps, journals and sends is small whatever an answer holds.
//!
//! A system may put megabytes into one label. Such a text would be quoted in the journal, and would no longer fit a
//! message to the attached terminals. Texts are cut here, once for all connectors, and end in `…` then.
//!
//! Lengths count as JSON writes them, since that is how they travel. Characters are left as they are: what may be drawn
//! is decided by whoever draws.

use crate::domain::reading::{
    Alert, Component, Incident, OnCall, QueryAnswer, Reading, Series, Silence, TargetHealth,
};

/// Longest single text: a summary or a warning of some lines; the words of a failure are cut to less where they are made.
const TEXT_BYTES_MAX: usize = 1024;
/// Longest name: of a person, a service, a version, or a component, which others may depend on.
const NAME_BYTES_MAX: usize = 256;
/// All labels of one series together: forty usual ones. Sixty rules of eight series each stay below two megabytes.
const LABELS_BYTES_MAX: usize = 4 * 1024;
/// All texts of one component: a hundred dependencies; five thousand components stay within one snapshot.
const COMPONENT_BYTES_MAX: usize = 2 * 1024;
/// Ids of what keeps one alert quiet: a dozen.
const SILENCED_BY_BYTES_MAX: usize = 1024;
/// Conditions of one silence: all that a person writes.
const MUTES_BYTES_MAX: usize = 4 * 1024;
/// Names that one person on call answers for: a hundred services.
const COVERS_BYTES_MAX: usize = 4 * 1024;
/// Ends a text that was cut.
const MARK: char = '…';
/// Most bytes of JSON that one byte of text can become: `\u0001`.
const ESCAPED_BYTES_MAX: usize = 6;

/// Cuts every text of a reading that is longer than a session keeps.
pub(super) fn bound(reading: &mut Reading) {
    match reading {
        Reading::Queries { answers, .. } => answers.iter_mut().for_each(answer),
        Reading::Ranges { answers, .. } => {
            for answer in answers {
                match &mut answer.result {
                    Ok(histories) => histories.iter_mut().for_each(|h| labels(&mut h.labels)),
                    Err(failure) => cut(&mut failure.what, TEXT_BYTES_MAX),
                }
            }
        }
        Reading::Alerts { alerts, .. } => alerts.iter_mut().for_each(alert),
        Reading::Silences { silences, .. } => silences.iter_mut().for_each(silence),
        Reading::Targets { targets, .. } => targets.iter_mut().for_each(target),
        Reading::AlertRules { known, .. } => {
            cut(&mut known.unknown, TEXT_BYTES_MAX);
            for rule in &mut known.rules {
                cut(&mut rule.name, NAME_BYTES_MAX);
                labels(&mut rule.labels);
            }
        }
        Reading::Info { info, .. } => cut(&mut info.version, NAME_BYTES_MAX),
        Reading::Components { components, .. } => components.iter_mut().for_each(component),
        Reading::OnCalls { on_calls, .. } => on_calls.iter_mut().for_each(on_call),
        Reading::Incidents { incidents, .. } => incidents.iter_mut().for_each(incident),
        Reading::Health(health) => cut(&mut health.last_error, TEXT_BYTES_MAX),
    }
}

fn answer(answer: &mut QueryAnswer) {
    for warning in &mut answer.warnings {
        cut(warning, TEXT_BYTES_MAX);
    }
    match &mut answer.result {
        Ok(series) => series
            .iter_mut()
            .for_each(|series: &mut Series| labels(&mut series.labels)),
        Err(failure) => cut(&mut failure.what, TEXT_BYTES_MAX),
    }
}

fn alert(alert: &mut Alert) {
    for text in [&mut alert.name, &mut alert.severity] {
        cut(text, NAME_BYTES_MAX);
    }
    cut(&mut alert.summary, TEXT_BYTES_MAX);
    labels(&mut alert.labels);
    names(&mut alert.silenced_by, SILENCED_BY_BYTES_MAX);
}

fn silence(silence: &mut Silence) {
    for text in [&mut silence.id, &mut silence.by] {
        cut(text, NAME_BYTES_MAX);
    }
    cut(&mut silence.comment, TEXT_BYTES_MAX);
    names(&mut silence.mutes, MUTES_BYTES_MAX);
}

fn target(target: &mut TargetHealth) {
    for text in [&mut target.job, &mut target.instance] {
        cut(text, NAME_BYTES_MAX);
    }
    cut(&mut target.error, TEXT_BYTES_MAX);
    labels(&mut target.labels);
}

fn on_call(on_call: &mut OnCall) {
    let OnCall {
        rota,
        person,
        contact,
        next,
        level: _,
        from: _,
        until: _,
        covers,
    } = on_call;
    for text in [rota, person, contact, next] {
        cut(text, NAME_BYTES_MAX);
    }
    names(covers, COVERS_BYTES_MAX);
}

fn incident(incident: &mut Incident) {
    let Incident {
        id,
        title,
        status,
        service,
        urgency,
        since: _,
        url,
    } = incident;
    for text in [title, url] {
        cut(text, TEXT_BYTES_MAX);
    }
    for text in [id, status, service, urgency] {
        cut(text, NAME_BYTES_MAX);
    }
}

/// Its own texts first, then dependencies, since they decide; what finds no room any more is left out.
fn component(component: &mut Component) {
    let Component {
        name,
        kind,
        role,
        owner,
        tier,
        environment,
        site,
        status,
        address,
        tags,
        links,
        fields,
        depends_on,
    } = component;
    let mut room = COMPONENT_BYTES_MAX;
    let own = [
        name,
        kind,
        role,
        owner,
        tier,
        environment,
        site,
        status,
        address,
    ];
    for text in own {
        cut(text, NAME_BYTES_MAX);
        room = room.saturating_sub(text.len());
    }
    room = names(depends_on, room);
    room = names(tags, room);
    links.retain_mut(|link| {
        cut(&mut link.title, NAME_BYTES_MAX);
        cut(&mut link.url, TEXT_BYTES_MAX);
        take(&mut room, link.title.len().saturating_add(link.url.len()))
    });
    fields.retain_mut(|(name, value)| {
        cut(name, NAME_BYTES_MAX);
        cut(value, NAME_BYTES_MAX);
        take(&mut room, name.len().saturating_add(value.len()))
    });
}

/// Cuts each name, and leaves out those that find no room; gives the room that is left.
fn names(texts: &mut Vec<String>, mut room: usize) -> usize {
    texts.retain_mut(|text| {
        cut(text, NAME_BYTES_MAX);
        take(&mut room, text.len())
    });
    room
}

/// Takes room for some bytes; once something did not fit, nothing does any more.
fn take(room: &mut usize, bytes: usize) -> bool {
    let left = room.checked_sub(bytes.saturating_add(ESCAPED_BYTES_MAX));
    *room = left.unwrap_or(0);
    left.is_some()
}

/// Cuts the values of a set of labels, and leaves out labels that find no room at all.
fn labels(labels: &mut Vec<(String, String)>) {
    let size = |(name, value): &(String, String)| name.len().saturating_add(value.len());
    let total: usize = labels.iter().map(size).sum();
    if total.saturating_mul(ESCAPED_BYTES_MAX) <= LABELS_BYTES_MAX {
        return;
    }
    let mut room = LABELS_BYTES_MAX;
    labels.retain_mut(|(name, value)| {
        cut(name, NAME_BYTES_MAX);
        cut(value, TEXT_BYTES_MAX);
        let size = written(name).saturating_add(written(value));
        let fits = size <= room;
        room = if fits { room.saturating_sub(size) } else { 0 };
        fits
    });
}

/// Cuts a text to what fits `max` bytes of JSON, and marks the cut.
fn cut(text: &mut String, max: usize) {
    if text.len().saturating_mul(ESCAPED_BYTES_MAX) <= max {
        return;
    }
    let mut room = max;
    let keep = text
        .char_indices()
        .find_map(|(at, c)| match room.checked_sub(width(c)) {
            Some(left) => {
                room = left;
                None
            }
            None => Some(at),
        });
    if let Some(at) = keep {
        text.truncate(at);
        text.push(MARK);
        text.shrink_to_fit();
    }
}

fn written(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Bytes of a character in JSON.
const fn width(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\u{1f}' => ESCAPED_BYTES_MAX,
        _ => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{ConnectorName, RuleId};
    use crate::domain::reading::{AlertState, Sample};
    use crate::domain::time::Moment;

    fn name() -> ConnectorName {
        ConnectorName::new("main").unwrap()
    }

    fn bounded(mut reading: Reading) -> usize {
        bound(&mut reading);
        serde_json::to_vec(&reading).unwrap().len()
    }

    fn pairs(count: usize, value: &str) -> Vec<(String, String)> {
        (0..count)
            .map(|n| (format!("l{n}"), value.to_owned()))
            .collect()
    }

    fn queries(labels: Vec<(String, String)>) -> Reading {
        Reading::Queries {
            source: name(),
            answers: vec![QueryAnswer {
                rule: RuleId::new("r").unwrap(),
                result: Ok(vec![Series {
                    labels,
                    sample: Sample {
                        at: crate::domain::time::Timestamp::from_millis(0),
                        value: 1.0,
                    },
                }]),
                dropped: 0,
                warnings: vec!["w".repeat(100_000)],
                received: Moment::default(),
            }],
        }
    }

    /// One label of three megabytes went into the journal and sent every attached terminal away.
    #[test]
    fn a_label_of_megabytes_stays_small_in_every_reading() {
        for text in [
            "Z".repeat(3_000_000),
            "\u{1}".repeat(100_000),
            "ü\"".repeat(100_000),
        ] {
            let components = vec![Component {
                name: text.clone(),
                depends_on: vec![text.clone(); 1000],
                ..Component::default()
            }];
            let alerts = vec![Alert {
                name: text.clone(),
                state: AlertState::Firing,
                severity: text.clone(),
                summary: text.clone(),
                labels: pairs(3, &text),
                since: None,
                silenced_by: Vec::new(),
            }];
            let source = name();
            let all = [
                queries(pairs(1, &text)),
                queries(pairs(10_000, "value")),
                queries(vec![(text.clone(), String::new())]),
                Reading::Components {
                    source: source.clone(),
                    components,
                },
                Reading::Alerts { source, alerts },
            ];
            for reading in all {
                let size = bounded(reading);
                assert!(size < 16 * 1024, "{size}");
            }
        }
    }

    #[test]
    fn usual_texts_are_left_alone() {
        for labels in [
            pairs(12, "10.0.0.1:9100"),
            pairs(2, &"é".repeat(400)),
            Vec::new(),
        ] {
            let mut reading = queries(labels.clone());
            bound(&mut reading);
            let Reading::Queries { answers, .. } = reading else {
                panic!("of another kind");
            };
            let series = answers[0].result.as_ref().unwrap();
            assert_eq!(series[0].labels, labels);
        }
        let mut text = "a".repeat(2000);
        cut(&mut text, TEXT_BYTES_MAX);
        assert_eq!(text, format!("{}{MARK}", "a".repeat(TEXT_BYTES_MAX)));
    }
}
