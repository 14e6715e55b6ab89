//! Rooms for tests, told as stories: facts in order, folded as in a session.

mod proposals;
mod rollout;
mod runbook;
mod writes;

use crate::domain::apply::check_apply;
use crate::domain::board::{Board, GateProgress, OutputTail};
use crate::domain::confirm::certificate::Certified;
use crate::domain::digest::Digest;
use crate::domain::fact::{
    Actor, ExecKey, Fact, Genesis, HoldCause, Mode, Outcome, OutputRef, Quote, RunbookRef, Stamped,
    Via,
};
use crate::domain::id::{
    AttemptNo, ConnectorName, Nonce, PersonId, RuleId, Seq, SessionId, SessionName, StepId,
    TerminalId,
};
use crate::domain::reading::{
    Alert, AlertState, Component, ConnectorHealth, Incident, Liveness, OnCall, QueryAnswer,
    ReadFailure, Reading, Sample, Series,
};
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::State;
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::{Moment, Timestamp};
use crate::ui::room::{Link, Room, Seen};
use crate::wire::around::Around;
use crate::wire::message::Welcome;
use runbook::plan;
use std::collections::VecDeque;
use std::time::Duration;
pub(crate) use writes::connector;

/// A story that is being told.
pub(crate) struct Story {
    /// The room so far.
    pub(crate) room: Room,
    /// The moment of the next fact.
    pub(crate) now: Moment,
    /// Who does it.
    pub(crate) actor: Actor,
}

fn start() -> Moment {
    Moment {
        wall: Timestamp::parse("2026-11-22T02:00:00Z").expect("a time"),
        mono_ms: 1_000_000,
    }
}

pub(crate) fn id(text: &str) -> StepId {
    StepId::new(text).expect("a step id")
}

fn person(text: &str) -> PersonId {
    PersonId::new(text).expect("a person id")
}

fn rule_id(text: &str) -> RuleId {
    RuleId::new(text).expect("a rule id")
}

pub(crate) fn actor(name: &str) -> Actor {
    let uid = 1000 + u32::try_from(name.len()).expect("short");
    Actor::Person {
        id: person(name),
        via: Via::Uid(uid),
    }
}

fn genesis(mode: Mode) -> Genesis {
    Genesis {
        session: SessionId::from_parts(1_795_312_800_000, 7),
        name: SessionName::new("move-orders").expect("a name"),
        program: "warroom 0.1.0".to_owned(),
        host: "bastion-1".to_owned(),
        server_uid: 990,
        mode,
        policy: Digest::of(b"policy"),
        runbook: RunbookRef {
            path: "/srv/runbooks/move-orders.md".to_owned(),
            digest: Digest::of(b"runbook"),
            commit: "sha1:9fceb02d0ae598e95dc970b74767f19372d61af8".to_owned(),
            git: None,
        },
        plan_digest: Digest::of(b"plan"),
        plan: plan(),
        panels: Vec::new(),
        session_key: None,
        certificate: None,
        allow_uid: false,
        rehearsal: None,
        rehearsed: Vec::new(),
        freezes: Vec::new(),
        learned: crate::domain::history::Learned::default(),
        first_plan: None,
    }
}

impl Story {
    /// A session that has just been opened, seen by `you`; alice and bob are attached.
    pub(crate) fn opened(you: &str) -> Self {
        Self::opened_in(you, Mode::Advisory)
    }

    pub(crate) fn opened_in(you: &str, mode: Mode) -> Self {
        Self::opened_with(you, genesis(mode))
    }

    fn opened_with(you: &str, genesis: Genesis) -> Self {
        let mode = genesis.mode;
        let hash = Digest::of(b"genesis");
        let opened = Stamped {
            seq: Seq(0),
            hash,
            at: start(),
            actor: Actor::Engine,
            fact: Fact::SessionOpened(Box::new(genesis.clone())),
        };
        let state = State::new(genesis, hash, start());
        let welcome = Welcome {
            contract: crate::wire::CONTRACT,
            program: "warroom 0.1.0".to_owned(),
            name: state.genesis.name.clone(),
            mode,
            terminal: TerminalId(1),
            you: actor(you),
            read_only: false,
            policy: crate::wire::policy::PolicyView::default(),
        };
        let room = Room {
            welcome,
            state,
            board: Board::default(),
            outputs: Vec::new(),
            recent: VecDeque::from([opened]),
            // All that is told here is believed.
            seen: Seen::Since(Seq(u64::MAX)),
            certified: Certified::no("no host key signed it"),
            link: Link::Up,
            around: Around {
                others: Ok(Vec::new()),
                ..Around::default()
            },
            posts: Vec::new(),
            reach: crate::ui::room::Reach::default(),
            answerers: crate::ui::room::Answerers::default(),
        };
        let story = Self {
            room,
            now: start(),
            actor: Actor::Engine,
        };
        let attached = |n| Fact::Attached {
            terminal: TerminalId(n),
            read_only: false,
        };
        story
            .by("alice")
            .did(attached(1))
            .by("bob")
            .did(attached(2))
            .watched(8)
    }

    /// The next facts are by this person.
    pub(crate) fn by(mut self, name: &str) -> Self {
        self.actor = if name == "warroom" {
            Actor::Engine
        } else {
            actor(name)
        };
        self
    }

    /// Time passes.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self
    }

    /// Something happens, five seconds after what was before.
    pub(crate) fn did(mut self, fact: Fact) -> Self {
        self = self.after(5);
        let seq = self.room.state.head.0.next();
        let stamped = Stamped {
            seq,
            hash: Digest::of(format!("record {seq}").as_bytes()),
            at: self.now,
            actor: self.actor.clone(),
            fact,
        };
        let mut probe = self.room.state.clone();
        check_apply(&mut probe, &stamped).expect("the story holds together");
        self.room.on_facts(vec![stamped]);
        self
    }

    /// Sources answer: good values for the last `minutes`, and everything around them.
    pub(crate) fn watched(mut self, minutes: u64) -> Self {
        let first = self.now.wall.minus(Duration::from_secs(minutes * 60));
        for n in 0..minutes * 6 {
            let at = first.plus(Duration::from_secs((n + 1) * 10));
            let wave = f64::from(u32::try_from(n % 7).expect("small"));
            self.answer("errors", at, 0.002 + wave * 0.0005);
            self.answer("lag", at, 20_000.0 + wave * 9_000.0);
            self.answer("p99", at, 0.12 + wave * 0.01);
        }
        self.around();
        let rules = [("errors", 0.002), ("lag", 20_000.0), ("p99", 0.12)];
        let engine = self.by("warroom");
        rules.into_iter().fold(engine, |story, (name, value)| {
            let known = story.room.state.verdict(&rule_id(name)).is_pass();
            if known {
                story
            } else {
                story.said(name, Verdict::Pass, value)
            }
        })
    }

    /// One answer of the metrics source.
    pub(crate) fn answer(&mut self, rule: &str, at: Timestamp, value: f64) {
        let series = |instance: &str, value| Series {
            labels: vec![("instance".to_owned(), instance.to_owned())],
            sample: Sample { at, value },
        };
        let reading = Reading::Queries {
            source: ConnectorName::new("main").expect("a name"),
            answers: vec![QueryAnswer {
                rule: rule_id(rule),
                result: Ok(vec![series("db-1", value), series("db-2", value * 0.8)]),
                dropped: 0,
                warnings: Vec::new(),
                received: self.now,
            }],
        };
        self.room.on_readings(vec![reading]);
    }

    /// The metrics source does not answer any more.
    pub(crate) fn silent(mut self) -> Self {
        let main = ConnectorName::new("main").expect("a name");
        let answers = ["errors", "lag", "p99"].map(|rule| QueryAnswer {
            rule: rule_id(rule),
            result: Err(ReadFailure {
                what: "connection refused".to_owned(),
                partial: false,
            }),
            dropped: 0,
            warnings: Vec::new(),
            received: self.now,
        });
        let health = self.health("main", "prometheus", Liveness::Stale, "connection refused");
        self.room.on_readings(vec![
            Reading::Queries {
                source: main,
                answers: answers.to_vec(),
            },
            health,
        ]);
        ["errors", "lag", "p99"]
            .into_iter()
            .fold(self.after(40).by("warroom"), |story, name| {
                story.said(name, Verdict::Unknown(Unknown::Stale), 0.002)
            })
    }

    pub(crate) fn health(
        &self,
        name: &str,
        system: &str,
        liveness: Liveness,
        error: &str,
    ) -> Reading {
        Reading::Health(ConnectorHealth {
            connector: ConnectorName::new(name).expect("a name"),
            system: system.to_owned(),
            liveness,
            last_good: Some(self.now),
            last_error: error.to_owned(),
            failures: u32::from(!error.is_empty()),
            next_try: None,
            latency: Duration::from_millis(12),
            can: Vec::new(),
        })
    }

    fn around(&mut self) {
        let netbox = ConnectorName::new("netbox").expect("a name");
        let pager = ConnectorName::new("pager").expect("a name");
        let component = |name: &str, tier: &str, owner: &str, needs: &[&str]| Component {
            name: name.to_owned(),
            kind: "database".to_owned(),
            owner: owner.to_owned(),
            tier: tier.to_owned(),
            status: "active".to_owned(),
            depends_on: needs.iter().map(|n| (*n).to_owned()).collect(),
            ..Component::default()
        };
        let hour = Duration::from_secs(3600);
        let readings = vec![
            Reading::Components {
                source: netbox,
                components: vec![
                    component("db-orders", "tier-1", "team-data", &["san-2", "dns"]),
                    component("san-2", "tier-1", "team-storage", &[]),
                ],
            },
            Reading::OnCalls {
                source: pager.clone(),
                on_calls: vec![OnCall {
                    rota: "data".to_owned(),
                    level: 1,
                    person: "Chidi Okafor".to_owned(),
                    contact: "+49 30 555".to_owned(),
                    from: None,
                    until: Some(start().wall.plus(hour * 5)),
                    next: "Mira".to_owned(),
                    covers: Vec::new(),
                }],
            },
            Reading::Incidents {
                source: pager,
                incidents: vec![Incident {
                    id: "P7".to_owned(),
                    title: "slow checkout".to_owned(),
                    status: "acknowledged".to_owned(),
                    service: "checkout".to_owned(),
                    urgency: "low".to_owned(),
                    since: Some(start().wall.minus(hour)),
                    url: String::new(),
                }],
            },
            Reading::Alerts {
                source: ConnectorName::new("am").expect("a name"),
                alerts: vec![Alert {
                    name: "DiskFilling".to_owned(),
                    state: AlertState::Pending,
                    severity: "warning".to_owned(),
                    summary: "/backup is 81% full".to_owned(),
                    labels: Vec::new(),
                    since: Some(start().wall),
                    silenced_by: Vec::new(),
                }],
            },
            self.health("main", "prometheus", Liveness::Live, ""),
        ];
        self.room.on_readings(readings);
    }

    /// A guard says something.
    pub(crate) fn said(self, rule: &str, verdict: Verdict, value: f64) -> Self {
        let quote = Quote {
            series: "{instance=\"db-1\"}".to_owned(),
            sample: Sample {
                at: self.now.wall,
                value,
            },
            age_ms: 900,
        };
        self.did(Fact::RuleChanged {
            rule: rule_id(rule),
            verdict,
            quote: Some(quote),
        })
    }

    /// A command of a step begins.
    pub(crate) fn runs(self, step: &str, block: u16, role: ExecRole, nonce: Option<Nonce>) -> Self {
        let key = self.key(step, block);
        let spawned = Fact::ExecSpawned {
            key: key.clone(),
            pid: 4711,
        };
        // What is confirmed starts with its executor's go, all else by itself.
        let starter = if nonce.is_some() { "alice" } else { "warroom" };
        self.by(starter)
            .did(Fact::ExecIntent { key, role, nonce })
            .by("warroom")
            .did(spawned)
    }

    fn key(&self, step: &str, block: u16) -> ExecKey {
        let attempt = self
            .room
            .state
            .find(&id(step))
            .map_or(AttemptNo(1), |v| v.now.attempt);
        ExecKey {
            step: id(step),
            attempt,
            block,
            try_no: 1,
        }
    }

    /// A running command prints.
    pub(crate) fn printed(mut self, step: &str, block: u16, text: &str) -> Self {
        let key = self.key(step, block);
        let offset = self.room.output(&key).map_or(0, |t| {
            t.offset + u64::try_from(t.bytes.len()).expect("fits")
        });
        self.room.on_output(OutputTail {
            key,
            offset,
            bytes: text.as_bytes().to_vec(),
        });
        self
    }

    /// A running command ends.
    pub(crate) fn ended(self, step: &str, block: u16, code: i32) -> Self {
        let key = self.key(step, block);
        self.by("warroom").after(20).did(Fact::ExecOutcome {
            key,
            outcome: Outcome::Exited { code },
            output: OutputRef {
                bytes: 120,
                dropped: 0,
                digest: Digest::of(b"output"),
                values: Vec::new(),
                values_error: String::new(),
                left_behind: 0,
            },
        })
    }

    pub(crate) fn started(self, who: &str, step: &str) -> Self {
        self.by(who).did(Fact::StepStarted {
            step: id(step),
            attempt: AttemptNo(1),
        })
    }

    pub(crate) fn done(self, step: &str) -> Self {
        self.did(Fact::StepDone {
            step: id(step),
            warning: String::new(),
            note: String::new(),
        })
    }

    /// Begun, and the first step's command runs.
    pub(crate) fn running(you: &str) -> Self {
        Self::opened(you)
            .by("alice")
            .did(Fact::Begun)
            .started("alice", "backup")
            .runs("backup", 0, ExecRole::Check, None)
            .printed("backup", 0, "Filesystem  Size  Used Avail\n/backup     500G  405G   95G\n")
            .ended("backup", 0, 0)
            .runs("backup", 1, ExecRole::Run, None)
            .printed("backup", 1, "backing up orders\n\x1b[32mok\x1b[0m 1/3 tables 表\r 2/3 tables\nnaïve ﬁle e\u{301}\u{202e}x\n 3/3")
            .watched(1)
    }

    /// All of phase 1 is done.
    pub(crate) fn prepared(you: &str) -> Self {
        Self::running(you)
            .ended("backup", 1, 0)
            .runs("backup", 2, ExecRole::Verify, None)
            .ended("backup", 2, 0)
            .done("backup")
            .started("alice", "lag")
            .by("warroom")
            .did(Fact::GateOpened {
                step: id("lag"),
                block: 0,
                quote: None,
            })
            .done("lag")
            .by("bob")
            .done("call")
    }

    /// A gate waits.
    pub(crate) fn gated(you: &str) -> Self {
        let mut story = Self::running(you)
            .ended("backup", 1, 0)
            .runs("backup", 2, ExecRole::Verify, None)
            .ended("backup", 2, 0)
            .done("backup")
            .started("alice", "lag");
        let since = story.now;
        story.room.on_gate(Some(GateProgress {
            rule: rule_id("gate.lag"),
            verdict: Verdict::Pass,
            holding_since: Some(since),
        }));
        story.after(12)
    }

    /// The destructive step waits to be proposed.
    pub(crate) fn checked(you: &str) -> Self {
        Self::prepared(you)
            .started("alice", "drain")
            .runs("drain", 0, ExecRole::Check, None)
            .ended("drain", 0, 0)
            .watched(1)
    }

    /// A guard fires while a step runs, and the session is held.
    pub(crate) fn firing(you: &str) -> Self {
        let mut story = Self::running(you).after(10);
        let at = story.now.wall;
        story.answer("errors", at, 0.083);
        story
            .by("warroom")
            .said("errors", Verdict::Fail, 0.083)
            .did(Fact::Held(HoldCause::Guard {
                rule: rule_id("errors"),
            }))
    }

    /// Everything was undone.
    pub(crate) fn rolled_back(you: &str) -> Self {
        let story = Self::draining(you)
            .printed("drain", 1, "draining\n")
            .ended("drain", 1, 3);
        let story = story.did(Fact::StepFailed {
            step: id("drain"),
            why: "run: exit 3".to_owned(),
        });
        let story = story.by("bob").did(Fact::RollbackStarted {
            reason: "leaders did not move".to_owned(),
        });
        story
            .runs("drain", ExecKey::UNDO, ExecRole::Undo, None)
            .ended("drain", ExecKey::UNDO, 0)
            .did(Fact::StepUndone { step: id("drain") })
            .by("bob")
            .done("back")
            .by("warroom")
            .did(Fact::RolledBack)
            .watched(1)
    }

    /// The server is gone for a while.
    pub(crate) fn lost(mut self) -> Self {
        self.room.link = Link::Lost {
            since: self.now,
            why: "connection closed".to_owned(),
        };
        self.after(14)
    }
}
