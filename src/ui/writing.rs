//! From a key to a write: which connector can, what will be done, and the words for it.

mod record;

use crate::domain::alert_match;
use crate::domain::catalog;
use crate::domain::command::Command;
use crate::domain::decide::MUTE_SPAN_MAX;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{ConnectorHealth, Liveness, SilenceState};
use crate::domain::time::short_span;
use crate::domain::touched;
use crate::domain::write::{Ability, Deed, Matcher, Outcome as End};
use crate::ui::action::Action;
use crate::ui::layers::{Choice, Details, Draft, Field, Form, Layer, Line, Outcome};
use crate::ui::room::Room;
use crate::ui::update::Work;
use std::time::Duration;

/// Minutes a mute takes when nobody says more: one long step.
const MINUTES: &str = "60";
/// People on call that a page names: those of a few rotas.
const ON_CALL_SHOWN: usize = 6;
/// Labels that say where, the usual one first.
const PLACES: [&str; 6] = [
    "instance", "node", "host", "hostname", "nodename", "service",
];

/// Why there is no component to choose.
const NO_COMPONENTS: &str = "the runbook touches no components";

/// Does an action that ends in a write, or in a look at what a write may be about.
pub(super) fn act(work: &mut Work<'_>, action: Action) {
    let Some(room) = work.room else { return };
    let opened = match action {
        Action::Page => page(room, work.model.step),
        Action::Mute => mute(room),
        Action::Unmute => unmute(room),
        Action::Acknowledge => acknowledge(room),
        Action::IncidentNote => note(room),
        Action::ResolveIncident => resolve(room),
        Action::Record => record::entry(room, work.model.step),
        Action::SetStatus => record::status(room, work.model.step),
        Action::Annotate => record::annotation(room),
        _ => details(room),
    };
    match opened {
        Ok(Outcome::Open(layer)) => work.layers.open(*layer),
        Ok(Outcome::Details(name)) => open_details(work, &name),
        Ok(_) => {}
        Err(why) => work.say(&why),
    }
}

/// A popup to open, or why there is none.
type Opened = Result<Outcome, String>;

fn open(layer: Layer) -> Outcome {
    Outcome::Open(Box::new(layer))
}

fn send_it(connector: &ConnectorName, deed: Deed) -> Outcome {
    Outcome::Send(by(connector, deed))
}

fn by(connector: &ConnectorName, deed: Deed) -> Command {
    let connector = connector.clone();
    Command::Write { connector, deed }
}

/// Opens what the only item comes to, or lets a person choose.
fn choose(question: &'static str, mut items: Vec<(String, Outcome)>) -> Outcome {
    let is_step = |outcome: &Outcome| matches!(outcome, Outcome::Open(_) | Outcome::Details(_));
    match items.as_slice() {
        [(_, outcome)] if is_step(outcome) => items.remove(0).1,
        _ => open(Layer::Choice(Choice::new(question, items))),
    }
}

/// Connectors that can do something.
fn able(room: &Room, ability: Ability) -> impl Iterator<Item = &ConnectorHealth> {
    let all = room.board.health.values();
    all.filter(move |health| health.can.contains(&ability))
}

/// `` `pd` (pagerduty) ``
fn label(health: &ConnectorHealth) -> String {
    format!("`{}` ({})", health.connector, health.system)
}

/// Kinds of systems that can do something, as the configuration calls them.
const fn kinds(ability: Ability) -> &'static [&'static str] {
    match ability {
        Ability::Mute => &[
            "alertmanager",
            "nagios",
            "icinga2",
            "grafana",
            "datadog",
            "pagerduty",
        ],
        Ability::Page => &["pagerduty", "jsm", "opsgenie", "webhook", "email"],
        Ability::Acknowledge | Ability::Resolve | Ability::Note => {
            &["pagerduty", "jsm", "opsgenie"]
        }
        Ability::Annotate => &["grafana"],
        Ability::Record | Ability::SetStatus => &["netbox", "nautobot", "servicenow"],
    }
}

/// That nobody can, and what to set so that somebody can.
fn nobody(room: &Room, ability: Ability, verb: &str) -> String {
    let kinds = kinds(ability);
    let readers = room.board.health.values().filter(|health| {
        let is_kind = kinds.contains(&health.system.as_str());
        is_kind && health.can.is_empty()
    });
    let readers: Vec<String> = readers.map(|h| format!("`{}`", h.connector)).collect();
    let what = if readers.is_empty() {
        format!("configure one of {}", kinds.join(", "))
    } else {
        format!("for {}", readers.join(" or "))
    };
    format!("no configured connector can {verb}: {what}, set `writes = true` in `config.toml`")
}

/// Why there is no incident to choose.
fn no_incident(room: &Room, ability: Ability, verb: &str) -> String {
    if able(room, ability).next().is_none() {
        return nobody(room, ability, &format!("{verb} incidents"));
    }
    format!("no incident is open to {verb} from here")
}

/// Words for a connector that does not answer: the write may not get through.
fn doubt(health: &ConnectorHealth) -> Option<String> {
    match health.liveness {
        Liveness::Live => None,
        Liveness::Stale => Some(format!("`{}` does not answer now", health.connector)),
        Liveness::Never => Some(format!("`{}` has never answered yet", health.connector)),
    }
}

fn page(room: &Room, step: usize) -> Opened {
    let forms = able(room, Ability::Page).map(|health| {
        let form = page_form(room, health, step);
        (label(health), open(Layer::Form(form)))
    });
    let forms: Vec<_> = forms.collect();
    if forms.is_empty() {
        return Err(nobody(room, Ability::Page, "page"));
    }
    Ok(choose("page by which connector?", forms))
}

fn page_form(room: &Room, health: &ConnectorHealth, step: usize) -> Form {
    let touched = touched::names(room.state.plan(), &room.board.components);
    let of_step = room.state.view(step).and_then(|v| v.plan.component.clone());
    let only = match touched.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let component = of_step.or(only).unwrap_or_default();
    let on_calls = room.board.on_calls.get(&health.connector);
    let on_calls = on_calls.into_iter().flatten().filter(|o| o.level <= 1);
    let mut about: Vec<String> = on_calls
        .map(|o| {
            format!(
                "on call there: {} ({}, level {})",
                o.person, o.rota, o.level
            )
        })
        .take(ON_CALL_SHOWN)
        .collect();
    if about.is_empty() {
        about.push("who is on call there is not known".to_owned());
    }
    about.extend(doubt(health));
    let fields = vec![
        Field::needed("text"),
        Field::line("details"),
        Field::line("component").with(&component),
        Field::one_of("urgency", &["high", "low"]),
    ];
    let title = format!("page by {}: what must they know first?", label(health));
    Form::new(Draft::Page(health.connector.clone()), title, about, fields)
}

fn mute(room: &Room) -> Opened {
    let components = touched::names(room.state.plan(), &room.board.components);
    if components.is_empty() {
        return Err(NO_COMPONENTS.to_owned());
    }
    let all: Vec<&ConnectorHealth> = able(room, Ability::Mute).collect();
    let form =
        |chosen: &[&ConnectorHealth]| open(Layer::Form(mute_form(room, chosen, &components)));
    let mut items: Vec<_> = all.iter().map(|one| (label(one), form(&[one]))).collect();
    if items.is_empty() {
        return Err(nobody(room, Ability::Mute, "mute"));
    }
    if items.len() > 1 {
        items.insert(0, ("all of them".to_owned(), form(&all)));
    }
    Ok(choose("mute by which connector?", items))
}

fn mute_form(room: &Room, chosen: &[&ConnectorHealth], components: &[String]) -> Form {
    let names = components.join(", ");
    let mut about: Vec<String> = Vec::new();
    for health in chosen {
        about.push(format!("{}: {names}", label(health)));
        about.extend(doubt(health));
    }
    if let Some(matcher) = matcher(room, components) {
        about.push(format!("where labels count: {matcher}"));
    }
    let alerts = alert_match::touched(
        &room.board.alerts,
        &room.board.components,
        components,
        &room.expected_alerts(room.state.head_at.wall),
    );
    let unexpected = alerts.iter().filter(|m| !m.expected).count();
    let now = alerts.len();
    about.push(format!(
        "alerts about them now: {now}, {unexpected} not expected"
    ));
    let fields = vec![
        Field::needed("minutes").with(MINUTES),
        Field::line("comment"),
    ];
    let draft = Draft::Mute {
        connectors: chosen.iter().map(|h| h.connector.clone()).collect(),
        components: components.to_vec(),
    };
    Form::new(draft, "mute the touched components", about, fields)
}

/// What fits the label that alerts name these components by.
fn matcher(room: &Room, components: &[String]) -> Option<Matcher> {
    let board = &room.board;
    let alerts = alert_match::touched(&board.alerts, &board.components, components, &[]);
    let labels: Vec<&(String, String)> = alerts.iter().flat_map(|m| &m.alert.labels).collect();
    let has = |place: &&&str| labels.iter().any(|(name, _)| name == **place);
    let place = PLACES.iter().find(has).copied().unwrap_or("instance");
    touched::matcher(place, components, &board.components)
}

fn unmute(room: &Room) -> Opened {
    let mut items = Vec::new();
    let mut known = Vec::new();
    for silence in able(room, Ability::Mute).flat_map(|health| {
        let silences = room.board.silences.get(&health.connector);
        let silences = silences.into_iter().flatten();
        silences.map(|silence| (&health.connector, silence))
    }) {
        let (connector, silence) = silence;
        known.push((connector, silence.id.as_str()));
        if silence.state == SilenceState::Expired {
            continue;
        }
        let until = silence
            .until
            .map(|at| format!(" until {}Z", at.to_clock_text()));
        let line = format!(
            "`{connector}` {}{} by {}: {}",
            silence.mutes.join(" "),
            until.unwrap_or_default(),
            silence.by,
            silence.comment
        );
        let reference = silence.id.clone();
        items.push((line, send_it(connector, Deed::Unmute { reference })));
    }
    // What was muted from here and is not listed there: systems that do not tell of their downtimes.
    for write in &room.state.writes {
        let (connector, deed) = (&write.write.connector, &write.write.deed);
        let reference = write.outcome.as_ref().map_or("", End::reference);
        let Deed::Mute { components, .. } = deed else {
            continue;
        };
        if reference.is_empty() || known.contains(&(connector, reference)) {
            continue;
        }
        let names = components.join(", ");
        let line = format!(
            "`{connector}` {names} by {} (write {})",
            write.by, write.write.no
        );
        let reference = reference.to_owned();
        items.push((line, send_it(connector, Deed::Unmute { reference })));
    }
    if items.is_empty() {
        return Err("nothing is muted that could be unmuted from here".to_owned());
    }
    Ok(choose("unmute which?", items))
}

/// Incidents that a connector can do something about: those it tells of, and what was paged from here.
fn incidents(room: &Room, ability: Ability) -> Vec<(&ConnectorName, String, String)> {
    let mut all: Vec<(&ConnectorName, String, String)> = Vec::new();
    for health in able(room, ability) {
        let connector = &health.connector;
        let told = room.board.incidents.get(connector).into_iter().flatten();
        all.extend(told.map(|incident| {
            let (id, status, title) = (&incident.id, &incident.status, &incident.title);
            (connector, id.clone(), format!("{id} {status} {title}"))
        }));
        for write in &room.state.writes {
            let reference = write.outcome.as_ref().map_or("", End::reference);
            let is_known = all.iter().any(|(_, id, _)| id == reference);
            if let Deed::Page { summary, .. } = &write.write.deed
                && write.write.connector == *connector
                && !reference.is_empty()
                && !is_known
            {
                let line = format!("{reference} {summary} (write {})", write.write.no);
                all.push((connector, reference.to_owned(), line));
            }
        }
    }
    all
}

fn acknowledge(room: &Room) -> Opened {
    let items: Vec<_> = incidents(room, Ability::Acknowledge)
        .into_iter()
        .map(|(connector, reference, line)| {
            (line, send_it(connector, Deed::Acknowledge { reference }))
        })
        .collect();
    if items.is_empty() {
        return Err(no_incident(room, Ability::Acknowledge, "acknowledge"));
    }
    Ok(choose("acknowledge which incident?", items))
}

/// Asks again before an incident is closed for everybody; enter alone leaves it open.
fn resolve(room: &Room) -> Opened {
    let items: Vec<_> = incidents(room, Ability::Resolve)
        .into_iter()
        .filter(|(connector, reference, _)| !is_resolved(room, connector, reference))
        .map(|(connector, reference, line)| {
            let question = format!(
                "`{connector}` will resolve {line}: it is closed for everybody, and pages nobody any more"
            );
            let answers = vec![
                ("leave it open".to_owned(), Outcome::Nothing),
                (
                    format!("resolve {reference}"),
                    send_it(connector, Deed::Resolve { reference }),
                ),
            ];
            (line, open(Layer::Choice(Choice::new(question, answers))))
        })
        .collect();
    if items.is_empty() {
        return Err(no_incident(room, Ability::Resolve, "resolve"));
    }
    Ok(choose("resolve which incident?", items))
}

/// It was resolved from here, and that has been seen.
fn is_resolved(room: &Room, connector: &ConnectorName, incident: &str) -> bool {
    room.state.writes.iter().any(|write| {
        let is_it =
            matches!(&write.write.deed, Deed::Resolve { reference } if reference == incident);
        let is_done = matches!(write.outcome, Some(End::Done { .. }));
        is_it && is_done && write.write.connector == *connector
    })
}

fn note(room: &Room) -> Opened {
    let items: Vec<_> = incidents(room, Ability::Note)
        .into_iter()
        .map(|(connector, reference, line)| {
            let draft = Draft::Note(connector.clone(), reference);
            let title = format!("note under {line}");
            let form = Form::new(draft, title, Vec::new(), vec![Field::needed("note")]);
            (line, open(Layer::Form(form)))
        })
        .collect();
    if items.is_empty() {
        return Err(no_incident(room, Ability::Note, "write under"));
    }
    Ok(choose("write under which incident?", items))
}

/// Touched components, and those that they need.
fn components(room: &Room) -> Vec<String> {
    let known = &room.board.components;
    let mut names = touched::names(room.state.plan(), known);
    let needed: Vec<String> = names
        .iter()
        .filter_map(|name| known.get(name))
        .flat_map(|component| component.depends_on.clone())
        .collect();
    for name in needed {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn details(room: &Room) -> Opened {
    let (known, names) = (&room.board.components, components(room));
    if names.is_empty() {
        return Err(NO_COMPONENTS.to_owned());
    }
    let items = names.into_iter().map(|name| {
        let kind = known.get(&name).map(|c| c.kind.as_str());
        let line = format!("{name} {}", kind.unwrap_or("(not known to any CMDB)"));
        (line, Outcome::Details(name))
    });
    Ok(choose("details of which component?", items.collect()))
}

/// Opens what the CMDB says of a component, as of now.
pub(super) fn open_details(work: &mut Work<'_>, name: &str) {
    let Some(room) = work.room else { return };
    let now = work.now.wall;
    let lines = catalog::facts(&room.board, name).into_iter().map(|fact| {
        let age = match fact.told {
            Some(told) => format!("{} ago", short_span(now.since(told.wall))),
            None => "age unknown".to_owned(),
        };
        Line {
            name: fact.field,
            value: fact.value,
            source: format!("{}, {age}", fact.source),
            differs: fact.differs,
        }
    });
    let title = format!("{name} at {}Z", now.to_clock_text());
    let details = Details::new(title, lines.collect());
    work.layers.open(Layer::Details(details));
}

/// Sends what a form was filled in with.
pub(super) fn send(work: &mut Work<'_>, draft: &Draft, texts: &[String]) {
    if let Some((connector, deed)) = draft.deed(texts) {
        return work.ask(by(connector, deed));
    }
    let text = |at: usize| texts.get(at).cloned().unwrap_or_default();
    if let Draft::Mute {
        connectors,
        components,
    } = draft
    {
        send_mute(work, connectors, components, &text(0), text(1));
    }
}

fn send_mute(
    work: &mut Work<'_>,
    connectors: &[ConnectorName],
    components: &[String],
    minutes: &str,
    comment: String,
) {
    let Some(room) = work.room else { return };
    let span = minutes.parse::<u32>().ok();
    let span = span.map(|m| Duration::from_secs(u64::from(m).saturating_mul(60)));
    let Some(span) = span.filter(|span| !span.is_zero() && *span <= MUTE_SPAN_MAX) else {
        let most = MUTE_SPAN_MAX.as_secs() / 60;
        return work.say(&format!(
            "not sent: minutes must be a whole number from 1 to {most}"
        ));
    };
    let deed = Deed::Mute {
        components: components.to_vec(),
        matchers: matcher(room, components).into_iter().collect(),
        until: work.now.wall.plus(span),
        comment,
    };
    for connector in connectors {
        work.ask(by(connector, deed.clone()));
    }
}
