//! Who answers for a component, by which rule that is known, and which hand-overs fall into the window.
//!
//! CMDB and pager are different systems kept by different people. What joins them is a name that both use; where they
//! share none, nobody is known, and that is said rather than guessed.

use crate::domain::reading::{Component, OnCall};
use crate::domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// What is said where no rule finds anybody.
pub const NOBODY: &str = "nobody known";

/// A hand-over is announced this long ahead: time to brief who comes, and not so early that it is forgotten.
pub const AHEAD: Duration = Duration::from_secs(30 * 60);

/// Tag or field by which a component names its rota: tag `pager:database`, field `pager` = `database`.
const PAGER: &str = "pager";

/// Why somebody answers for a component, the most explicit rule first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// The component's tag `pager:ROTA` names the rota, or something that the rota covers.
    Tag {
        /// The tag.
        tag: String,
    },
    /// The component's field `pager` names the rota, or something that the rota covers.
    Field {
        /// The field's name, as the CMDB writes it.
        field: String,
    },
    /// The rota covers the component by its name.
    CoversComponent,
    /// The rota covers the component's owner.
    CoversOwner {
        /// The owner.
        owner: String,
    },
    /// The rota is called as the component's owner.
    OwnersRota {
        /// The owner.
        owner: String,
    },
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { tag } => write!(f, "tag `{tag}`"),
            Self::Field { field } => write!(f, "field `{field}`"),
            Self::CoversComponent => f.write_str("covers it"),
            Self::CoversOwner { owner } => write!(f, "covers its owner `{owner}`"),
            Self::OwnersRota { owner } => write!(f, "rota of its owner `{owner}`"),
        }
    }
}

/// Somebody who answers for a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering<'a> {
    /// Who, until when, and who follows.
    pub on_call: &'a OnCall,
    /// The most explicit rule by which that is known.
    pub because: Because,
}

/// Who answers for `component`; empty means [`NOBODY`].
///
/// Shape: each on-call once, by level, then by rota and person. Names are compared without regard to case and to spaces
/// around them, since people type them into two systems. A name is compared whole: `db` is not `db-1`.
pub fn for_component<'a>(component: &Component, on_calls: &[&'a OnCall]) -> Vec<Answering<'a>> {
    let mut all: Vec<Answering<'a>> = on_calls
        .iter()
        .filter_map(|on_call| {
            let because = rule(component, on_call)?;
            Some(Answering { on_call, because })
        })
        .collect();
    all.sort_by(|a, b| order(a.on_call).cmp(&order(b.on_call)));
    all.dedup_by(|a, b| a.on_call == b.on_call);
    all
}

fn order(on_call: &OnCall) -> (u8, &str, &str) {
    (on_call.level, &on_call.rota, &on_call.person)
}

/// The most explicit rule that holds.
fn rule(component: &Component, on_call: &OnCall) -> Option<Because> {
    let covers = |name: &str| on_call.covers.iter().any(|covered| same(covered, name));
    let names = |name: &str| same(name, &on_call.rota) || covers(name);
    let is_pager = |word: &str| same(word, PAGER);
    let mut tags = component.tags.iter();
    let tag = tags.find(|tag| {
        let pair = tag.split_once(':');
        pair.is_some_and(|(key, name)| is_pager(key) && names(name))
    });
    if let Some(tag) = tag {
        return Some(Because::Tag { tag: tag.clone() });
    }
    let mut fields = component.fields.iter();
    if let Some((field, _)) = fields.find(|(field, value)| is_pager(field) && names(value)) {
        let field = field.clone();
        return Some(Because::Field { field });
    }
    if covers(&component.name) {
        return Some(Because::CoversComponent);
    }
    let owner = component.owner.clone();
    if covers(&owner) {
        return Some(Because::CoversOwner { owner });
    }
    same(&owner, &on_call.rota).then_some(Because::OwnersRota { owner })
}

/// Equal but for case and spaces around; an empty name equals nothing, or everything without an owner would match.
fn same(a: &str, b: &str) -> bool {
    let folded = |text: &'_ str| text.trim().to_lowercase();
    let (a, b) = (folded(a), folded(b));
    !a.is_empty() && a == b
}

/// How a component comes into a maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The runbook touches it.
    Touched,
    /// It needs this touched component, directly or through others.
    Needs(&'a str),
}

/// One component of a maintenance, with who answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty<'a> {
    /// Its CMDB name.
    pub component: &'a str,
    /// How it comes into the maintenance.
    pub part: Part<'a>,
    /// False when no CMDB knows it: nobody can be found for it then.
    pub is_in_cmdb: bool,
    /// Who answers; empty means [`NOBODY`].
    pub answering: Vec<Answering<'a>>,
}

/// Who answers for each touched component and for everything that needs one of them.
///
/// Shape: touched components in the order given, each followed by those that need it, nearest first and then by name;
/// each component once. Dependencies may be circular.
pub fn for_touched<'a>(
    touched: &'a [String],
    components: &[&'a Component],
    on_calls: &[&'a OnCall],
) -> Vec<Duty<'a>> {
    let mut seen: BTreeSet<&str> = touched.iter().map(String::as_str).collect();
    let mut out = Vec::new();
    let mut known: BTreeMap<&str, &'a Component> = BTreeMap::new();
    let mut needed_by: BTreeMap<&str, Vec<&'a Component>> = BTreeMap::new();
    for component in components {
        known.entry(&component.name).or_insert(component);
        for needed in &component.depends_on {
            needed_by.entry(needed).or_default().push(component);
        }
    }
    let find = |name: &str| known.get(name).copied();
    let answering = |component: Option<&Component>| {
        component.map_or_else(Vec::new, |component| for_component(component, on_calls))
    };
    for (index, name) in touched.iter().enumerate() {
        if touched.iter().take(index).any(|before| before == name) {
            continue;
        }
        let component = find(name);
        out.push(Duty {
            component: name,
            part: Part::Touched,
            is_in_cmdb: component.is_some(),
            answering: answering(component),
        });
        let dependants = dependants(name, &needed_by, &mut seen);
        out.extend(dependants.into_iter().map(|component| Duty {
            component: &component.name,
            part: Part::Needs(name),
            is_in_cmdb: true,
            answering: answering(Some(component)),
        }));
    }
    out
}

/// Components that need `name` and were not seen yet, nearest first, then by name.
fn dependants<'a>(
    name: &'a str,
    needed_by: &BTreeMap<&str, Vec<&'a Component>>,
    seen: &mut BTreeSet<&'a str>,
) -> Vec<&'a Component> {
    let mut found: Vec<&'a Component> = Vec::new();
    let mut ring = vec![name];
    while !ring.is_empty() {
        let all = ring.iter().filter_map(|name| needed_by.get(name)).flatten();
        let mut next: Vec<&'a Component> = all
            .copied()
            .filter(|c| !seen.contains(c.name.as_str()))
            .collect();
        next.sort_by(|a, b| a.name.cmp(&b.name));
        next.dedup_by(|a, b| a.name == b.name);
        seen.extend(next.iter().map(|c| c.name.as_str()));
        ring = next.iter().map(|c| c.name.as_str()).collect();
        found.extend(next);
    }
    found
}

/// The pager goes from one person to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Schedule, rota or escalation policy.
    pub rota: String,
    /// Escalation level, 1 first.
    pub level: u8,
    /// Who goes; empty when that is not known.
    pub from_person: String,
    /// Who comes; empty means [`NOBODY`].
    pub to_person: String,
    /// When.
    pub at: Timestamp,
    /// Time from now until it; zero once it has come.
    pub until_it: Duration,
}

impl fmt::Display for Handover {
    /// `database: mira hands over to jon at 08:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &'_ str| if name.is_empty() { NOBODY } else { name }.to_owned();
        write!(
            f,
            "{}: {} hands over to {} at {}Z",
            self.rota,
            name(&self.from_person),
            name(&self.to_person),
            self.at.to_clock_text()
        )
    }
}

/// Hand-overs after `now` and not after the end of the window.
///
/// Shape: by time, then by rota and level; one that several sources tell alike is there once. A shift that the same
/// person takes up again is none.
pub fn handovers(on_calls: &[&OnCall], window_end: Timestamp, now: Timestamp) -> Vec<Handover> {
    let ahead = on_calls.iter().filter_map(|on_call| {
        let at = on_call.until?;
        let falls_in = now < at && at <= window_end;
        falls_in.then(|| going(on_call, at, now))
    });
    tidy(ahead.collect())
}

/// What is to be said of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The hand-over.
    pub handover: Handover,
    /// True when it has come; false when it is said ahead.
    pub is_now: bool,
}

/// Hand-overs to be announced at this tick: [`AHEAD`] of their time, and at it. Each is announced once, when
/// `last < mark <= now`, where `last` is the tick before; give the start of the session for the first.
///
/// A hand-over less than [`AHEAD`] away at the first tick is announced then. At its time it is seen whether the newest
/// reading still shows who went or already who came; in that case who went is not known.
pub fn announcements(
    on_calls: &[&OnCall],
    window_end: Timestamp,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Announcement> {
    let crosses = |mark: Timestamp| mark <= now && last.is_none_or(|last| last < mark);
    let ahead = handovers(on_calls, window_end, now)
        .into_iter()
        .filter(|handover| crosses(handover.at.minus(AHEAD)));
    let ahead = ahead.map(|handover| Announcement {
        handover,
        is_now: false,
    });
    let come = |at: Timestamp| last.is_some() && crosses(at) && at <= window_end;
    let went = on_calls.iter().filter_map(|on_call| {
        let at = on_call.until.filter(|at| come(*at))?;
        Some(going(on_call, at, now))
    });
    let mut due = tidy(went.collect());
    let arrived = on_calls.iter().filter_map(|on_call| {
        let at = on_call.from.filter(|at| come(*at))?;
        let is_told = due
            .iter()
            .any(|told| (&told.rota, told.level, told.at) == (&on_call.rota, on_call.level, at));
        (!is_told).then(|| Handover {
            rota: on_call.rota.clone(),
            level: on_call.level,
            from_person: String::new(),
            to_person: on_call.person.clone(),
            at,
            until_it: Duration::ZERO,
        })
    });
    let arrived = tidy(arrived.collect());
    due.extend(arrived);
    let due = due.into_iter().map(|handover| Announcement {
        handover,
        is_now: true,
    });
    due.chain(ahead).collect()
}

fn going(on_call: &OnCall, at: Timestamp, now: Timestamp) -> Handover {
    Handover {
        rota: on_call.rota.clone(),
        level: on_call.level,
        from_person: on_call.person.clone(),
        to_person: on_call.next.clone(),
        at,
        until_it: at.since(now),
    }
}

fn tidy(mut all: Vec<Handover>) -> Vec<Handover> {
    all.retain(|handover| handover.from_person != handover.to_person);
    all.sort_by(|a, b| {
        let key = |h: &Handover| (h.at, h.level);
        (key(a), &a.rota, &a.from_person).cmp(&(key(b), &b.rota, &b.from_person))
    });
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-11-22T{text}Z")).unwrap()
    }

    fn on_call(rota: &str, level: u8, person: &str, covers: &[&str]) -> OnCall {
        OnCall {
            rota: rota.to_owned(),
            level,
            person: person.to_owned(),
            contact: String::new(),
            from: Some(at("00:00:00")),
            until: Some(at("08:00:00")),
            next: "jon".to_owned(),
            covers: covers.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn component(name: &str, owner: &str, needs: &[&str]) -> Component {
        Component {
            name: name.to_owned(),
            owner: owner.to_owned(),
            depends_on: needs.iter().map(|name| (*name).to_owned()).collect(),
            ..Component::default()
        }
    }

    /// `LEVEL PERSON: RULE` of everybody who answers.
    fn said(component: &Component, on_calls: &[OnCall]) -> Vec<String> {
        let on_calls: Vec<&OnCall> = on_calls.iter().collect();
        for_component(component, &on_calls)
            .iter()
            .map(|a| format!("{} {}: {}", a.on_call.level, a.on_call.person, a.because))
            .collect()
    }

    #[test]
    fn who_answers_is_said_with_the_most_explicit_rule() {
        let on_calls = [
            on_call("escalation", 2, "ada", &["DB-1", "payments"]),
            on_call("primary", 1, "mira", &["payments"]),
            on_call("Payments ", 1, "eve", &[]),
            on_call("network", 1, "bob", &["net-1"]),
        ];
        let mut db = component("db-1", "payments", &[]);
        assert_eq!(
            said(&db, &on_calls),
            [
                "1 eve: rota of its owner `payments`",
                "1 mira: covers its owner `payments`",
                "2 ada: covers it",
            ]
        );
        db.tags = vec!["tier-1".to_owned(), "pager:Network".to_owned()];
        db.fields = vec![("Pager".to_owned(), "primary".to_owned())];
        assert_eq!(
            said(&db, &on_calls),
            [
                "1 eve: rota of its owner `payments`",
                "1 bob: tag `pager:Network`",
                "1 mira: field `Pager`",
                "2 ada: covers it",
            ]
        );
    }

    #[test]
    fn without_a_shared_name_nobody_is_known() {
        let on_calls = [
            on_call("", 1, "mira", &["", " "]),
            on_call("db", 1, "jon", &["db", "pager:db"]),
        ];
        for component in [
            component("db-1", "", &[]),
            component("", "", &[]),
            Component {
                tags: vec!["pager:".to_owned(), "pager".to_owned(), "db".to_owned()],
                fields: vec![("pager".to_owned(), String::new())],
                ..component("db-2", "databases", &[])
            },
        ] {
            assert!(said(&component, &on_calls).is_empty(), "{component:?}");
        }
    }

    #[test]
    fn dependants_follow_what_they_need_and_circles_end() {
        let all = [
            component("db-1", "a", &["app"]),
            component("api", "b", &["db-1"]),
            component("app", "c", &["api", "db-1"]),
            component("web", "d", &["app"]),
            component("other", "e", &["net"]),
        ];
        let components: Vec<&Component> = all.iter().collect();
        let on_calls = [on_call("b", 1, "mira", &[])];
        let on_calls: Vec<&OnCall> = on_calls.iter().collect();
        let touched = ["db-1", "gone", "db-1"].map(str::to_owned);
        let duties = for_touched(&touched, &components, &on_calls);
        let said: Vec<_> = duties
            .iter()
            .map(|d| (d.component, d.part, d.is_in_cmdb, d.answering.len()))
            .collect();
        let needs = Part::Needs("db-1");
        assert_eq!(
            said,
            [
                ("db-1", Part::Touched, true, 0),
                ("api", needs, true, 1),
                ("app", needs, true, 0),
                ("web", needs, true, 0),
                ("gone", Part::Touched, false, 0),
            ]
        );
    }

    #[test]
    fn only_hand_overs_within_the_window_count_and_each_once() {
        let mut stays = on_call("stays", 1, "jon", &[]);
        stays.next = "jon".to_owned();
        let mut ends = on_call("ends", 2, "ada", &[]);
        (ends.until, ends.next) = (Some(at("07:00:00")), String::new());
        let mut never = on_call("never", 1, "eve", &[]);
        never.until = None;
        let mira = on_call("primary", 1, "mira", &[]);
        let mut late = on_call("late", 1, "bob", &[]);
        late.until = Some(at("08:00:01"));
        let all = [&mira, &stays, &never, &ends, &late, &mira];
        let found = handovers(&all, at("08:00:00"), at("06:00:00"));
        let said: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "ends: ada hands over to nobody known at 07:00:00Z",
                "primary: mira hands over to jon at 08:00:00Z",
            ]
        );
        assert_eq!(found[1].until_it, Duration::from_secs(2 * 3600));
        assert!(handovers(&all, at("08:00:00"), at("08:00:00")).is_empty());
    }

    #[test]
    fn a_hand_over_is_announced_half_an_hour_ahead_and_at_its_time_once_each() {
        let before = [on_call("primary", 1, "mira", &[])];
        let mut after = [on_call("primary", 1, "jon", &[])];
        (after[0].from, after[0].until) = (Some(at("08:00:00")), None);
        let check = |on_calls: &[OnCall], last: Option<&str>, now: &str| {
            let on_calls: Vec<&OnCall> = on_calls.iter().collect();
            let all = announcements(&on_calls, at("09:00:00"), last.map(at), at(now));
            all.iter()
                .map(|a| (a.handover.from_person.clone(), a.is_now))
                .collect::<Vec<_>>()
        };
        let mira = |is_now| vec![("mira".to_owned(), is_now)];
        assert_eq!(check(&before, Some("07:29:58"), "07:29:59"), []);
        assert_eq!(check(&before, Some("07:29:59"), "07:30:00"), mira(false));
        assert_eq!(check(&before, Some("07:30:00"), "07:30:01"), []);
        assert_eq!(check(&before, None, "07:45:00"), mira(false));
        assert_eq!(check(&before, Some("07:59:59"), "08:00:00"), mira(true));
        assert_eq!(check(&before, Some("08:00:00"), "08:00:01"), []);
        // The next reading came before the tick did.
        let came = vec![(String::new(), true)];
        assert_eq!(check(&after, Some("07:59:59"), "08:00:00"), came);
        assert_eq!(check(&after, None, "08:00:00"), []);
    }
}
