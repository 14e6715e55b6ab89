//! What is written into CMDBs and onto dashboards: journal entries, states, marks.

use super::{NO_COMPONENTS, Opened, able, choose, components, doubt, label, nobody, open};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Component, ConnectorHealth};
use crate::domain::write::Ability;
use crate::ui::layers::{Draft, Field, Form, Layer};
use crate::ui::room::Room;

/// A component as one CMDB has it, where it has said anything yet.
struct Place<'a> {
    health: &'a ConnectorHealth,
    name: String,
    said: Option<&'a Component>,
}

impl Place<'_> {
    /// ``db-orders in `netbox` (netbox): database, active``
    fn line(&self) -> String {
        let words = self.said.map_or_else(
            || "not told of yet".to_owned(),
            |component| {
                let words = [component.kind.as_str(), component.status.as_str()];
                let words = words.into_iter().filter(|word| !word.is_empty());
                words.collect::<Vec<_>>().join(", ")
            },
        );
        format!("{} in {}: {words}", self.name, label(self.health))
    }
}

/// Components that a CMDB may be written about: that of the selected step first. One that has told of components is
/// offered for those alone: of others it has nothing to write under.
fn places(room: &Room, ability: Ability, step: usize) -> Vec<Place<'_>> {
    let mut names = components(room);
    let of_step = room.state.view(step).and_then(|v| v.plan.component.clone());
    names.sort_by_key(|name| Some(name) != of_step.as_ref());
    let mut places = Vec::new();
    for health in able(room, ability) {
        let connector = &health.connector;
        let catalog = &room.board.components;
        let is_silent = catalog.told_by(connector).is_none();
        for name in &names {
            let said = said_by(room, connector, name);
            if said.is_some() || is_silent {
                let name = name.clone();
                places.push(Place { health, name, said });
            }
        }
    }
    places
}

/// What one CMDB says of a component.
fn said_by<'a>(room: &'a Room, connector: &ConnectorName, name: &str) -> Option<&'a Component> {
    let said = room.board.components.told_by(connector)?;
    said.get(name)
}

/// A journal entry under a component.
pub(super) fn entry(room: &Room, step: usize) -> Opened {
    let form = |place: &Place<'_>| {
        let mut about = vec![
            place.line(),
            "below your text stand your name and the mark of this write".to_owned(),
        ];
        about.extend(doubt(place.health));
        let draft = Draft::Record(place.health.connector.clone(), place.name.clone());
        let title = format!("journal entry under {}", place.name);
        Form::new(draft, title, about, vec![Field::needed("entry")])
    };
    let question = "journal entry under which component?";
    of_component(
        room,
        step,
        (Ability::Record, "write journal entries"),
        (question, &form),
    )
}

/// Another status of a component.
pub(super) fn status(room: &Room, step: usize) -> Opened {
    let form = |place: &Place<'_>| {
        let mut about = vec![place.line()];
        if let Some(told) = place.health.last_good {
            let at = told.wall.to_clock_text();
            about.push(format!("that is what it said last, at {at}Z"));
        }
        about.push("a word that it does not have is refused, with those that it has".to_owned());
        about.extend(doubt(place.health));
        let draft = Draft::SetStatus(place.health.connector.clone(), place.name.clone());
        let title = format!("status of {}", place.name);
        Form::new(draft, title, about, vec![Field::needed("status")])
    };
    let question = "status of which component?";
    of_component(
        room,
        step,
        (Ability::SetStatus, "set a status in the CMDB"),
        (question, &form),
    )
}

fn of_component(
    room: &Room,
    step: usize,
    (ability, verb): (Ability, &str),
    (question, form): (&'static str, &dyn Fn(&Place<'_>) -> Form),
) -> Opened {
    if able(room, ability).next().is_none() {
        return Err(nobody(room, ability, verb));
    }
    if components(room).is_empty() {
        return Err(NO_COMPONENTS.to_owned());
    }
    let places = places(room, ability, step);
    if places.is_empty() {
        let names: Vec<String> = able(room, ability).map(label).collect();
        let names = names.join(" and ");
        return Err(format!("{names} knows none of the touched components"));
    }
    let items = places.iter();
    let items = items.map(|place| (place.line(), open(Layer::Form(form(place)))));
    Ok(choose(question, items.collect()))
}

/// A mark on dashboards.
pub(super) fn annotation(room: &Room) -> Opened {
    let name = &room.state.genesis.name;
    let forms = able(room, Ability::Annotate).map(|health| {
        let mut about = vec![
            format!("on the dashboards of {}", label(health)),
            "at the time it is sent, on panels that show annotations with these tags".to_owned(),
        ];
        about.extend(doubt(health));
        let tags = format!("maintenance, {name}");
        let fields = vec![Field::needed("text"), Field::line("tags").with(&tags)];
        let draft = Draft::Annotate(health.connector.clone());
        let form = Form::new(draft, "a mark on dashboards", about, fields);
        (label(health), open(Layer::Form(form)))
    });
    let forms: Vec<_> = forms.collect();
    if forms.is_empty() {
        let verb = "write marks on dashboards";
        return Err(nobody(room, Ability::Annotate, verb));
    }
    Ok(choose("a mark on the dashboards of which system?", forms))
}
