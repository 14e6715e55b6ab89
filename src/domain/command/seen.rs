//! What somebody had before their eyes when they ended holds: an alert that came meanwhile is not released unseen.

use crate::domain::fact::HoldCause;
use crate::domain::state::{AlertState, Hold, State};
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};

/// The holds for alerts that were on the screen. Holds only come one behind the other, and end all at once: how many there
/// are and since when the newest is there says which.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsSeen {
    /// How many.
    pub holds: usize,
    /// Since when the newest holds; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Moment>,
}

impl AlertsSeen {
    /// Those that are in force.
    pub fn of(state: &State) -> Self {
        let newest = held(state).next_back();
        Self {
            holds: held(state).count(),
            newest: newest.map(|hold| hold.since),
        }
    }
}

fn held(state: &State) -> impl DoubleEndedIterator<Item = &Hold> {
    let is_alert = |hold: &&Hold| matches!(hold.cause, HoldCause::Alert { .. });
    state.holds.iter().filter(is_alert)
}

/// Alerts named at once: what a person reads before they go on. The rest is counted, and stands on the board.
const TOLD_MAX: usize = 8;

/// What whoever ends holds is told of alerts: those that hold, and those that nobody expected, were released before, and
/// fire still. Empty when there are none. Names are as alerting systems wrote them: whoever draws them cleans them.
pub fn alerts_told(state: &State) -> String {
    let mut told: Vec<String> = held(state).filter_map(|h| words(state, &h.cause)).collect();
    let is_past = |alert: &&AlertState| {
        let is_same = |hold: &Hold| {
            matches!(&hold.cause, HoldCause::Alert { name, component: Some(component) }
                if *name == alert.key.name && *component == alert.key.component)
        };
        let counts = state.plan().alerts.holds(&alert.severity);
        let mut held = held(state);
        alert.is_firing && !alert.expected && counts && !held.any(is_same)
    };
    let fires_still = state.alerts.iter().filter(is_past).map(|alert| {
        let key = &alert.key;
        format!("alert {key} was released before and fires still")
    });
    told.extend(fires_still);
    let more = told.len().saturating_sub(TOLD_MAX);
    told.truncate(TOLD_MAX);
    let told = told.join("; ");
    match more {
        0 => told,
        1 => format!("{told}; and 1 more alert"),
        more => format!("{told}; and {more} more alerts"),
    }
}

fn words(state: &State, cause: &HoldCause) -> Option<String> {
    let HoldCause::Alert { name, component } = cause else {
        return None;
    };
    let Some(component) = component else {
        return Some(format!("alert `{name}` must come and has not"));
    };
    let of_it = |alert: &&AlertState| alert.key.name == *name && alert.key.component == *component;
    let known: Vec<&AlertState> = state.alerts.iter().filter(of_it).collect();
    // One that there was no place for is not known to be over.
    let is_over = !known.is_empty() && known.iter().all(|alert| !alert.is_firing);
    let over = if is_over { " and is over" } else { "" };
    Some(format!(
        "alert `{name}` on {component} was not expected{over}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::AlertKey;
    use crate::domain::fixture::Room;
    use crate::domain::id::ConnectorName;

    fn fired(room: &mut Room, name: &str, is_firing: bool) {
        room.state.alerts.push(AlertState {
            key: AlertKey {
                source: ConnectorName::new("am").expect("a name"),
                name: name.to_owned(),
                component: "db-1".to_owned(),
            },
            severity: "critical".to_owned(),
            expected: false,
            at: room.now,
            is_firing,
        });
    }

    fn held_for(room: &mut Room, name: &str) {
        room.state.holds.push(Hold {
            cause: HoldCause::Alert {
                name: name.to_owned(),
                component: Some("db-1".to_owned()),
            },
            by: "engine".to_owned(),
            since: room.now,
        });
    }

    #[test]
    fn every_alert_is_told_and_what_is_too_many_is_counted() {
        let mut room = Room::new();
        assert_eq!(alerts_told(&room.state), "");
        fired(&mut room, "Old", true);
        fired(&mut room, "Gone", false);
        fired(&mut room, "Full", true);
        held_for(&mut room, "Full");
        fired(&mut room, "Blip", false);
        held_for(&mut room, "Blip");
        // There was no place for this one.
        held_for(&mut room, "More");
        assert_eq!(
            alerts_told(&room.state),
            "alert `Full` on db-1 was not expected; \
             alert `Blip` on db-1 was not expected and is over; \
             alert `More` on db-1 was not expected; \
             alert `Old` on db-1 was released before and fires still"
        );
        for n in 0..6 {
            held_for(&mut room, &format!("Storm{n}"));
        }
        assert!(alerts_told(&room.state).ends_with("; and 2 more alerts"));
    }

    #[test]
    fn another_hold_is_another_sight() {
        let mut room = Room::new();
        assert_eq!(AlertsSeen::of(&room.state), AlertsSeen::default());
        held_for(&mut room, "Full");
        let seen = AlertsSeen::of(&room.state);
        held_for(&mut room, "Blip");
        assert_ne!(AlertsSeen::of(&room.state), seen, "in the same moment");
    }
}
