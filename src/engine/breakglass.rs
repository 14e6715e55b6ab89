//! News about somebody who goes alone: what came of the page, and who outside this host knows of it.

use super::input::{Input, Witness};
use crate::domain::fact::{Breakglass, Fact, GlassEvent};
use crate::domain::state::State;

/// What is recorded of it; what comes late or twice is nothing.
pub(super) fn facts(state: &State, input: &Input) -> Vec<Fact> {
    let Some((open, glass)) = state
        .proposal
        .as_ref()
        .and_then(|open| Some((open, open.glass.as_deref()?)))
    else {
        return Vec::new();
    };
    let (terms, begun) = (&open.terms, glass.countdown.as_ref());
    let event = match input {
        Input::Paged {
            step,
            attempt,
            page,
        } if glass.page.is_none() && *step == terms.step && *attempt == terms.attempt => {
            GlassEvent::Paged { page: page.clone() }
        }
        // What the person who goes alone keeps themselves is no witness.
        Input::Witnessed {
            by: Witness::Person(person),
            ..
        } if *person == glass.person => return Vec::new(),
        Input::Witnessed { seq, by }
            if begun.is_some_and(|begun| *seq >= begun.seq) && !glass.is_witnessed() =>
        {
            let by = match by {
                Witness::Person(person) => person.to_string(),
                Witness::Place(place) => place.clone(),
            };
            GlassEvent::Witnessed { seq: *seq, by }
        }
        _ => return Vec::new(),
    };
    vec![Fact::Breakglass(Breakglass {
        step: terms.step.clone(),
        attempt: terms.attempt,
        event,
    })]
}
