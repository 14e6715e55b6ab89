//! What one person ran alone, judged from the records of a journal: what they stated, what it was worth, and whether
//! a second person has reviewed it (`TWO_PERSON` 4.8). Signatures themselves are judged beside this.

use crate::domain::confirm::breakglass::COUNTDOWN;
use crate::domain::confirm::policy::{BREAKGLASS_REASON_MIN, PAGE_DOWN_DELAY, breaks_glass};
use crate::domain::confirm::statement::Kind;
use crate::domain::digest::Digest;
use crate::domain::doc::Doc;
use crate::domain::fact::{Actor, Breakglass, Fact, GlassEvent, Mode, Page, Stamped, Via};
use crate::domain::id::{AttemptNo, PersonId, Seq, StepId};
use std::time::Duration;

/// What became of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Alone {
    /// One line for each attempt that somebody ran alone.
    pub(super) notes: Vec<String>,
    /// One line for each review that is owed.
    pub(super) owed: Vec<String>,
    /// What is wrong, one line each.
    pub(super) faults: Vec<String>,
}

/// The break-glass that is open.
#[derive(Debug)]
struct Glass {
    step: StepId,
    attempt: AttemptNo,
    person: Option<PersonId>,
    reason: String,
    page: Option<Page>,
    begun: Option<Stamped>,
    witnessed: Option<Seq>,
    is_armed: bool,
}

/// An attempt that was run alone.
#[derive(Debug)]
struct Ran {
    step: StepId,
    attempt: AttemptNo,
    person: Option<PersonId>,
    seq: Seq,
    reviewer: Option<PersonId>,
}

/// Follows the records.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Which mode holds, once the first record said so.
    mode: Option<Mode>,
    open: Option<Glass>,
    ran: Vec<Ran>,
    /// The statement in the record before.
    stated: Option<String>,
    faults: Vec<String>,
}

impl Watch {
    /// Takes the next record.
    pub(super) fn take(&mut self, stamped: &Stamped) {
        match &stamped.fact {
            Fact::SessionOpened(genesis) => self.mode = Some(genesis.mode),
            Fact::Breakglass(fact) => self.event(stamped, fact),
            // A second person came in time, or it ended.
            Fact::StepArmed { .. } | Fact::ProposalClosed { .. } => self.open = None,
            Fact::ExecIntent { key, .. } => {
                if let Some(glass) = self.open.take_if(|g| g.is_armed && g.step == key.step) {
                    self.ran.push(Ran {
                        step: glass.step,
                        attempt: glass.attempt,
                        person: glass.person,
                        seq: stamped.seq,
                        reviewer: None,
                    });
                }
            }
            _ => {}
        }
        self.stated = match &stamped.fact {
            Fact::StatementSigned(signed) => Some(signed.statement.clone()),
            _ => None,
        };
    }

    fn event(&mut self, stamped: &Stamped, fact: &Breakglass) {
        let found = match &fact.event {
            GlassEvent::Asked { reason, .. } => {
                self.open = Some(Glass {
                    step: fact.step.clone(),
                    attempt: fact.attempt,
                    person: stamped.actor.person().cloned(),
                    reason: reason.clone(),
                    page: None,
                    begun: None,
                    witnessed: None,
                    is_armed: false,
                });
                let is_short = reason.chars().count() < BREAKGLASS_REASON_MIN;
                is_short.then(|| "its reason is too short".to_owned())
            }
            GlassEvent::Paged { page } => {
                self.with(|glass| glass.page = Some(page.clone()));
                None
            }
            GlassEvent::Begun { .. } => {
                let why = self.begun(stamped, &fact.event);
                self.with(|glass| glass.begun = Some(stamped.clone()));
                why
            }
            GlassEvent::Witnessed { seq, .. } => {
                self.with(|glass| glass.witnessed = Some(*seq));
                None
            }
            GlassEvent::Armed => {
                let why = self.open.as_ref().and_then(|glass| early(glass, stamped));
                self.with(|glass| glass.is_armed = true);
                why
            }
            GlassEvent::Vetoed | GlassEvent::Ended { .. } => {
                self.open = None;
                None
            }
            GlassEvent::Reviewed { note } => self.reviewed(stamped, fact, note),
        };
        let seq = stamped.seq;
        self.faults
            .extend(found.map(|why| format!("record {seq}: break-glass: {why}")));
    }

    fn with(&mut self, change: impl FnOnce(&mut Glass)) {
        if let Some(glass) = &mut self.open {
            change(glass);
        }
    }

    /// The statement in the record before says what was asked and paged, and its evidence is strong enough.
    fn begun(&self, stamped: &Stamped, event: &GlassEvent) -> Option<String> {
        let GlassEvent::Begun {
            code, statement, ..
        } = event
        else {
            return None;
        };
        let said = |why: &str| Some(why.to_owned());
        let Some(glass) = &self.open else {
            return said("nobody had asked for it");
        };
        let Some(text) = self.stated.as_ref() else {
            return said("the record before it holds no statement");
        };
        if Digest::of(text.as_bytes()) != *statement || Kind::of(text) != Some(Kind::Breakglass) {
            return said("the statement before it is another one");
        }
        let page = glass.page.as_ref().map_or("", Page::as_str);
        let reason = Digest::of(glass.reason.as_bytes()).to_string();
        if !says(text, "reason", &reason) || !says(text, "page", page) {
            return said("its statement names another reason, or another end of the page");
        }
        let Actor::Person { id, via } = &stamped.actor else {
            return said("nobody signed it");
        };
        if Some(id) != glass.person.as_ref() {
            return said("another person had asked for it");
        }
        // The runner of an enforced session cannot check a code: there none stands in for a touch.
        let is_code_good = self.mode.is_some_and(|mode| mode != Mode::Enforced);
        let code = code.filter(|_| is_code_good);
        let code = code.map(|step| Via::Totp { step });
        let is_strong = breaks_glass([via].into_iter().chain(&code));
        (!is_strong).then(|| format!("its evidence is too weak: {}", via.to_text()))
    }

    /// A second person signed the review, and signed this one.
    fn reviewed(&mut self, stamped: &Stamped, fact: &Breakglass, note: &str) -> Option<String> {
        let said = |why: &str| Some(why.to_owned());
        let text = self.stated.take();
        let mut ran = self.ran.iter_mut();
        let Some(ran) = ran.find(|r| r.step == fact.step && r.attempt == fact.attempt) else {
            return said("a review of something that nobody ran alone");
        };
        let reviewer = stamped.actor.person().cloned();
        if reviewer.is_none() || reviewer == ran.person {
            return said("who ran it alone, or nobody, reviewed it");
        }
        let digest = Digest::of(note.as_bytes()).to_string();
        let is_its = text.is_some_and(|text| {
            Kind::of(&text) == Some(Kind::Resolve)
                && says(&text, "finding", "reviewed")
                && says(&text, "reason", &digest)
                && says(&text, "step", fact.step.as_str())
                && says(&text, "attempt", &fact.attempt.to_string())
        });
        if !is_its {
            return said("the record before the review holds no statement of it");
        }
        ran.reviewer = reviewer;
        None
    }

    /// What came of it, after the last record.
    pub(super) fn finish(self) -> Alone {
        let mut alone = Alone {
            faults: self.faults,
            ..Alone::default()
        };
        for ran in self.ran {
            let who = ran
                .person
                .map_or_else(|| "nobody".to_owned(), |id| id.to_string());
            let what = format!(
                "record {}: `{who}` ran `{}` (attempt {}) alone",
                ran.seq, ran.step, ran.attempt
            );
            match ran.reviewer {
                Some(reviewer) => alone
                    .notes
                    .push(format!("{what}; reviewed by `{reviewer}`")),
                None => alone
                    .owed
                    .push(format!("{what}; a review by somebody else is owed")),
            }
        }
        alone
    }
}

fn says(statement: &str, key: &str, value: &str) -> bool {
    Doc::parse_statement(statement.as_bytes())
        .is_ok_and(|doc| doc.get(key) == Some(value.as_bytes()))
}

/// Why it could not be armed yet.
fn early(glass: &Glass, stamped: &Stamped) -> Option<String> {
    let Some(begun) = &glass.begun else {
        return Some("it was armed before it was signed".to_owned());
    };
    let wait = match glass.page {
        Some(Page::Sent) => COUNTDOWN,
        Some(Page::Down { .. }) | None => PAGE_DOWN_DELAY,
    };
    let boot = Duration::from_millis(stamped.at.mono_since(begun.at));
    if boot.min(stamped.at.wall.since(begun.at.wall)) < wait {
        return Some("it was armed before everybody could veto it for long enough".to_owned());
    }
    let is_covered = glass.witnessed.is_some_and(|seq| seq >= begun.seq);
    (!is_covered).then(|| "it was armed before a checkpoint of it had left the host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::{Signed, Touch};
    use crate::domain::fixture;
    use crate::domain::runbook::plan::ExecRole;
    use crate::domain::time::{Moment, Timestamp};

    const REASON: &str = "the primary loses writes and nobody answers";

    fn by(name: &str, touch: Touch) -> Actor {
        Actor::Person {
            id: PersonId::new(name).expect("valid"),
            via: Via::Sshsig {
                key: format!("SHA256:{name}"),
                touch,
                detached: false,
            },
        }
    }

    fn step() -> StepId {
        StepId::new("drain").expect("valid")
    }

    fn glass(event: GlassEvent) -> Fact {
        Fact::Breakglass(Breakglass {
            step: step(),
            attempt: AttemptNo(1),
            event,
        })
    }

    fn said(statement: &str) -> Fact {
        Fact::StatementSigned(Signed {
            statement: statement.to_owned(),
            signature: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
        })
    }

    fn statement(page: &str) -> String {
        let reason = Digest::of(REASON.as_bytes());
        format!("warroom-breakglass@v1\nreason: {reason}\npage: {page}\n")
    }

    fn review(note: &str) -> String {
        let reason = Digest::of(note.as_bytes());
        format!(
            "warroom-resolve@v1\nstep: drain\nattempt: 1\nfinding: reviewed\nreason: {reason}\n"
        )
    }

    /// The usual way: asked, paged, signed, known outside, armed after a minute, run, reviewed.
    fn records() -> Vec<(u64, Actor, Fact)> {
        let (ann, bob) = (by("ann", Touch::Present), by("bob", Touch::None));
        let word = statement("sent");
        let intent = Fact::ExecIntent {
            key: crate::domain::fact::ExecKey {
                step: step(),
                attempt: AttemptNo(1),
                block: 0,
                try_no: 1,
            },
            role: ExecRole::Run,
            nonce: None,
        };
        let guards = Vec::new;
        let asked = GlassEvent::Asked {
            reason: REASON.to_owned(),
            guards: guards(),
        };
        let begun = GlassEvent::Begun {
            wait_s: 60,
            code: None,
            guards: guards(),
            statement: Digest::of(word.as_bytes()),
        };
        let witnessed = GlassEvent::Witnessed {
            seq: Seq(3),
            by: "bob".to_owned(),
        };
        let reviewed = GlassEvent::Reviewed {
            note: "looked".to_owned(),
        };
        vec![
            (0, ann.clone(), glass(asked)),
            (
                1,
                Actor::Engine,
                glass(GlassEvent::Paged { page: Page::Sent }),
            ),
            (2, ann.clone(), said(&word)),
            (2, ann.clone(), glass(begun)),
            (3, Actor::Engine, glass(witnessed)),
            (62, Actor::Engine, glass(GlassEvent::Armed)),
            (63, ann, intent),
            (90, bob.clone(), said(&review("looked"))),
            (90, bob, glass(reviewed)),
        ]
    }

    /// A key without a touch, and a code beside it, in a session of this mode.
    fn with_code(mode: Option<Mode>) -> Alone {
        let mut records = records();
        let weak = by("ann", Touch::None);
        let (_, actor, fact) = &mut records[3];
        if let Fact::Breakglass(Breakglass {
            event: GlassEvent::Begun { code, .. },
            ..
        }) = fact
        {
            *code = Some(59_000_000);
        }
        *actor = weak;
        if let Some(mode) = mode {
            let mut genesis = fixture::genesis(fixture::plan());
            genesis.mode = mode;
            let opened = Fact::SessionOpened(Box::new(genesis));
            // What is known outside the host is named by its number, and there is one more now.
            records.insert(0, (0, Actor::Engine, opened));
            if let Fact::Breakglass(Breakglass {
                event: GlassEvent::Witnessed { seq, .. },
                ..
            }) = &mut records[5].2
            {
                *seq = Seq(4);
            }
        }
        judged(records)
    }

    #[test]
    fn a_code_beside_the_signature_counts_where_nobody_has_to_check_it_again() {
        assert_eq!(with_code(Some(Mode::Advisory)).faults, &[""; 0]);
        for mode in [Some(Mode::Enforced), None] {
            let faults = with_code(mode).faults;
            let expected = "break-glass: its evidence is too weak: sshsig:SHA256:ann";
            assert!(
                matches!(&*faults, [fault] if fault.ends_with(expected)),
                "{mode:?}: {faults:?}"
            );
        }
    }

    fn judged(records: Vec<(u64, Actor, Fact)>) -> Alone {
        let mut watch = Watch::default();
        let start = Moment {
            wall: Timestamp::from_millis(1_700_000_000_000),
            mono_ms: 5_000,
        };
        for (seq, (second, actor, fact)) in (0..).zip(records) {
            watch.take(&Stamped {
                seq: Seq(seq),
                hash: Digest::of(b"x"),
                at: start.plus(Duration::from_secs(second)),
                actor,
                fact,
            });
        }
        watch.finish()
    }

    #[test]
    fn a_reviewed_one_is_a_note_and_one_without_review_is_owed() {
        let found = judged(records());
        assert_eq!((found.owed.len(), found.faults.as_slice()), (0, &[][..]));
        assert!(found.notes[0].contains("`ann` ran `drain`"), "{found:?}");
        assert!(found.notes[0].ends_with("reviewed by `bob`"), "{found:?}");
        let mut records = records();
        records.truncate(7);
        let found = judged(records);
        assert_eq!((found.owed.len(), found.notes.len()), (1, 0), "{found:?}");
    }

    /// A change of the records, with its name.
    type Change = (&'static str, fn(&mut Vec<(u64, Actor, Fact)>));

    #[test]
    fn whatever_is_not_as_it_has_to_be_is_a_fault() {
        let changes: [Change; 8] = [
            ("too early", |r| r[5].0 = 61),
            ("too weak", |r| r[3].1 = by("ann", Touch::None)),
            ("somebody else signed", |r| {
                r[3].1 = by("bob", Touch::Present);
            }),
            ("another page", |r| r[2].2 = said(&statement("down"))),
            ("no statement", |r| drop(r.remove(2))),
            ("unknown outside", |r| drop(r.remove(4))),
            ("her own review", |r| r[8].1 = by("ann", Touch::Present)),
            ("another review", |r| r[7].2 = said(&review("not looked"))),
        ];
        for (name, change) in changes {
            let mut records = records();
            change(&mut records);
            let found = judged(records);
            assert!(!found.faults.is_empty(), "{name}: {found:?}");
        }
    }
}
