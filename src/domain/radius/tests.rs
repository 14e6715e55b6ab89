mod moved;

use super::*;
use crate::domain::board::Metric;
use crate::domain::fact::Quote;
use crate::domain::fixture;
use crate::domain::id::{ConnectorName, SessionId, SessionName};
use crate::domain::reading::{
    Alert, AlertState, ConnectorHealth, OnCall, Reading, Sample, Series, TargetHealth,
};
use crate::domain::scope::{Deed, Doing, Scope, Words};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::{Moment, Timestamp};
use std::time::Duration;

fn source(name: &str) -> ConnectorName {
    ConnectorName::new(name).expect("a name")
}

/// `name role needs,needs`; `-` for no role.
fn component(text: &str) -> Component {
    let mut words = text.split(' ');
    let name = words.next().unwrap_or_default().to_owned();
    let role = words.next().filter(|role| *role != "-").unwrap_or_default();
    let needs = words.next().unwrap_or_default().split(',');
    Component {
        name,
        role: role.to_owned(),
        environment: "prod".to_owned(),
        status: "active".to_owned(),
        depends_on: needs.filter(|n| !n.is_empty()).map(str::to_owned).collect(),
        ..Component::default()
    }
}

fn board(lines: &[&str]) -> Board {
    let mut board = Board::default();
    let components = lines.iter().map(|line| component(line)).collect();
    board.absorb(Reading::Components {
        source: source("cmdb"),
        components,
    });
    board
}

fn target(board: &mut Board, name: &str, is_up: Option<bool>) {
    let target = TargetHealth {
        job: "node".to_owned(),
        instance: format!("{name}:9100"),
        labels: vec![("instance".to_owned(), format!("{name}:9100"))],
        is_up,
        error: String::new(),
        scraped: None,
    };
    board
        .targets
        .entry(source("prom"))
        .or_default()
        .push(target);
}

fn alert(board: &mut Board, name: &str, host: &str) {
    let alert = Alert {
        name: name.to_owned(),
        state: AlertState::Firing,
        severity: String::new(),
        summary: String::new(),
        labels: vec![("instance".to_owned(), host.to_owned())],
        since: None,
        silenced_by: Vec::new(),
    };
    board.alerts.entry(source("am")).or_default().push(alert);
}

fn post(what: &str, host: &str) -> Post {
    Post {
        what: what.to_owned(),
        hosts: vec![host.to_owned()],
    }
}

struct Scene {
    board: Board,
    plan: Plan,
    rules: BTreeMap<RuleId, RuleState>,
    posts: Vec<Post>,
    others: Result<Vec<Claim>, String>,
}

impl Scene {
    fn new(lines: &[&str], touched: &[&str]) -> Self {
        let mut plan = fixture::plan();
        plan.components = touched.iter().map(|name| (*name).to_owned()).collect();
        Self {
            board: board(lines),
            plan,
            rules: BTreeMap::new(),
            posts: Vec::new(),
            others: Ok(Vec::new()),
        }
    }

    fn radius(&self, depth: u8) -> Radius {
        of(&Given {
            plan: &self.plan,
            board: &self.board,
            rules: &self.rules,
            depth,
            posts: &self.posts,
            others: &self.others,
        })
    }

    fn names(&self, depth: u8) -> String {
        let radius = self.radius(depth);
        let names = radius
            .members
            .iter()
            .map(|m| format!("{}{}", m.name, m.distance));
        names.collect::<Vec<_>>().join(" ")
    }

    fn wellness(&self, name: &str) -> Wellness {
        let radius = self.radius(2);
        let member = radius.members.iter().find(|member| member.name == name);
        member.expect("in it").live.wellness
    }

    fn group(&self) -> (String, Standing) {
        let radius = self.radius(2);
        let group = radius.groups.first().expect("a group");
        (format!("{} of {}", group.left, group.total), group.standing)
    }
}

const SHOP: [&str; 8] = [
    "db-1 db san-1",
    "db-2 db san-1",
    "db-3 db san-1",
    "shop web db-1,db-2",
    "cart web db-1",
    "portal - shop,cart",
    "mail - portal",
    "san-1 -",
];

#[test]
fn dependants_are_followed_to_the_depth_and_no_further() {
    let scene = Scene::new(&SHOP, &["db-1"]);
    assert_eq!(scene.names(1), "db-10 cart1 shop1");
    assert_eq!(scene.names(2), "db-10 cart1 shop1 portal2");
    assert_eq!(scene.names(9), "db-10 cart1 shop1 portal2 mail3");
    assert_eq!(scene.radius(2).beyond, 1);
    let portal = scene.radius(2).members.pop().expect("the last");
    assert_eq!(portal.needs, ["shop", "cart"]);
    let mut named = Scene::new(&SHOP, &["db-1"]);
    named.plan.radius_depth = Some(1);
    assert_eq!(named.names(5), "db-10 cart1 shop1", "the runbook's word");
    assert_eq!(named.radius(5).depth, 1);
}

#[test]
fn circles_end_and_the_nearest_way_counts() {
    let scene = Scene::new(&["a - c", "b - a", "c - b,a", "d - d"], &["a", "b", "a"]);
    assert_eq!(scene.names(8), "a0 b0 c1");
    let alone = Scene::new(&["d - d"], &["d"]);
    assert_eq!(alone.names(8), "d0");
}

#[test]
fn a_list_without_an_end_is_cut_and_says_so() {
    let lines: Vec<String> = (0..DEPENDANTS_MAX + 5)
        .map(|n| format!("n{n} - hub"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain(["hub -"]).collect();
    let scene = Scene::new(&lines, &["hub"]);
    let radius = scene.radius(2);
    assert!(radius.is_cut);
    assert_eq!(radius.dependants().count(), DEPENDANTS_MAX);
    assert!(
        radius.summary()[0]
            .text
            .contains("1 touched, 505 need them")
    );
    assert_eq!(radius.left_out, 5);
    assert_eq!(
        radius.more().as_deref(),
        Some("and 5 more, as far away or farther")
    );
}

/// What was left out of a list that is too long was outside for whoever else was at work there.
#[test]
fn who_touches_what_there_is_no_row_for_is_told_of() {
    let lines: Vec<String> = (0..DEPENDANTS_MAX + 5)
        .map(|n| format!("n{n:04} - hub"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain(["hub -"]).collect();
    let mut scene = Scene::new(&lines, &["hub"]);
    let last = format!("n{:04}", DEPENDANTS_MAX + 4);
    assert!(!scene.names(2).contains(&last), "it has no row");
    scene.others = Ok(vec![claim("other", &[&last], None)]);
    assert_eq!(scene.radius(2).overlaps[0].they_need, [last]);
}

#[test]
fn a_component_is_up_only_when_something_says_so() {
    let mut scene = Scene::new(&SHOP, &["db-1"]);
    assert_eq!(
        scene.wellness("db-1"),
        Wellness::Unknown,
        "nobody says anything"
    );
    scene.board.alerts.insert(source("am"), Vec::new());
    assert_eq!(scene.wellness("db-1"), Wellness::Quiet);
    target(&mut scene.board, "db-1", Some(true));
    assert_eq!(scene.wellness("db-1"), Wellness::Serving);
    target(&mut scene.board, "shop", None);
    assert_eq!(
        scene.wellness("shop"),
        Wellness::Quiet,
        "not known to be up"
    );
    alert(&mut scene.board, "LagHigh", "db-1.prod.example:9187");
    assert_eq!(scene.wellness("db-1"), Wellness::Impaired);
    target(&mut scene.board, "cart", Some(false));
    assert_eq!(scene.wellness("cart"), Wellness::Impaired);
    let words = scene.radius(2).members[0].state_words();
    assert_eq!(words, "IMPAIRED, LagHigh firing");
}

#[test]
fn an_alerting_system_that_is_gone_makes_nothing_quiet() {
    let mut scene = Scene::new(&SHOP, &["db-1"]);
    scene.board.alerts.insert(source("am"), Vec::new());
    target(&mut scene.board, "db-1", Some(true));
    for name in ["am", "prom"] {
        scene.board.absorb(Reading::Health(ConnectorHealth {
            connector: source(name),
            system: name.to_owned(),
            liveness: Liveness::Stale,
            last_good: None,
            last_error: String::new(),
            failures: 3,
            next_try: None,
            latency: Duration::ZERO,
            can: Vec::new(),
        }));
    }
    assert_eq!(scene.wellness("db-1"), Wellness::Unknown);
    let doubts = scene.radius(2).doubts;
    assert!(
        doubts
            .iter()
            .any(|why| why.contains("`am` has not answered lately")),
        "{doubts:?}"
    );
}

#[test]
fn the_status_of_the_cmdb_takes_out_and_a_strange_word_is_no_comfort() {
    let mut scene = Scene::new(&["db-1 db", "db-2 db", "db-3 db"], &["db-1"]);
    let mut all: Vec<Component> = scene.board.components.values().cloned().collect();
    all[1].status = "Decommissioning".to_owned();
    all[2].status = "wobbly".to_owned();
    all[2].depends_on = vec!["db-1".to_owned()];
    all[1].depends_on = vec!["db-1".to_owned()];
    scene.board.absorb(Reading::Components {
        source: source("cmdb"),
        components: all,
    });
    for name in ["db-1", "db-2", "db-3"] {
        target(&mut scene.board, name, Some(true));
    }
    assert_eq!(scene.wellness("db-1"), Wellness::Serving);
    assert_eq!(scene.wellness("db-2"), Wellness::Out);
    assert_eq!(scene.wellness("db-3"), Wellness::Unknown);
}

#[test]
fn a_rule_speaks_for_the_component_its_series_is_about() {
    let mut scene = Scene::new(&SHOP, &["db-1", "db-2"]);
    let series = |name: &str| Series {
        labels: vec![("instance".to_owned(), name.to_owned())],
        sample: Sample {
            at: Timestamp::from_millis(1),
            value: 9.0,
        },
    };
    let rule = fixture::rule("lag");
    scene.board.absorb(Reading::Queries {
        source: source("prom"),
        answers: vec![crate::domain::reading::QueryAnswer {
            rule: rule.clone(),
            result: Ok(vec![series("db-1:9187"), series("db-2:9187")]),
            dropped: 0,
            warnings: Vec::new(),
            received: Moment::default(),
        }],
    });
    assert!(
        scene
            .board
            .metrics
            .get(&rule)
            .is_some_and(|m: &Metric| m.tracks.len() == 2)
    );
    let mut say = |verdict, quoted: &str| {
        let state = RuleState {
            verdict,
            quote: Some(Quote {
                series: format!("{{instance=\"{quoted}\"}}"),
                sample: series("x").sample,
                age_ms: 0,
            }),
            since: Moment::default(),
        };
        scene.rules.insert(rule.clone(), state);
        (scene.wellness("db-1"), scene.wellness("db-2"))
    };
    let (up, bad, unknown) = (Wellness::Serving, Wellness::Impaired, Wellness::Unknown);
    assert_eq!(say(Verdict::Pass, "db-1:9187"), (up, up));
    assert_eq!(say(Verdict::Fail, "db-2:9187"), (unknown, bad));
    assert_eq!(
        say(Verdict::Unknown(Unknown::Stale), "db-1:9187"),
        (unknown, unknown)
    );
}

#[test]
fn redundancy_counts_what_is_left_while_the_touched_are_out() {
    let mut scene = Scene::new(&SHOP, &["db-1"]);
    assert_eq!(
        scene.group(),
        ("0 to 2 of 3".to_owned(), Standing::NotKnown)
    );
    for name in ["db-1", "db-2", "db-3"] {
        target(&mut scene.board, name, Some(true));
    }
    let enough = |scene: &Scene| {
        let radius = scene.radius(2);
        let db = radius
            .groups
            .iter()
            .find(|g| g.role == "db")
            .expect("there")
            .clone();
        (db.left.to_string(), db.standing)
    };
    assert_eq!(enough(&scene), ("2".to_owned(), Standing::Enough));
    alert(&mut scene.board, "LagHigh", "db-3");
    assert_eq!(enough(&scene), ("1 to 2".to_owned(), Standing::NotKnown));
    scene.plan.components.push("db-2".to_owned());
    assert_eq!(enough(&scene), ("0 to 1".to_owned(), Standing::OneLeft));
    assert!(scene.radius(2).summary().iter().any(|line| {
        line.tone == Tone::Danger
            && line.text.contains(
                "db (prod): 0 to 1 of 3 left while the touched ones are out: ONE FAILURE FROM DARK",
            )
    }));
    scene.plan.components.push("db-3".to_owned());
    let group = scene
        .radius(2)
        .groups
        .into_iter()
        .find(|g| g.role == "db")
        .expect("there");
    assert!(group.is_one_at_a_time);
    assert_eq!(group.left.to_string(), "1 to 2");
}

#[test]
fn a_group_of_one_is_dark_while_it_is_out_and_one_without_a_role_is_not_known() {
    let scene = Scene::new(&["lb-1 lb", "odd -"], &["lb-1", "odd"]);
    assert_eq!(scene.group(), ("0 of 1".to_owned(), Standing::Dark));
    let radius = scene.radius(2);
    assert_eq!(radius.alone, ["odd"]);
    assert!(
        radius
            .doubt_lines()
            .any(|line| line.text.contains("odd has no role"))
    );
}

#[test]
fn an_untouched_group_that_hangs_on_one_is_named_too() {
    let mut scene = Scene::new(&["db-1 db", "db-2 db", "shop web db-1"], &["db-1"]);
    target(&mut scene.board, "shop", Some(true));
    let radius = scene.radius(2);
    let web = radius
        .groups
        .iter()
        .find(|group| group.role == "web")
        .expect("there");
    assert_eq!(web.standing, Standing::OneLeft);
    assert!(web.line().text.contains("none of it touched"));
}

#[test]
fn what_people_stand_on_is_found_by_name_address_and_field() {
    let mut scene = Scene::new(&SHOP, &["san-1"]);
    let mut all: Vec<Component> = scene.board.components.values().cloned().collect();
    let at =
        |all: &[Component], name: &str| all.iter().position(|c| c.name == name).expect("there");
    let (shop, san) = (at(&all, "shop"), at(&all, "san-1"));
    all[shop].address = "10.0.0.7/24".to_owned();
    all[san].fields = vec![
        ("mgmt_fqdn".to_owned(), "Storage.example".to_owned()),
        ("system".to_owned(), "git".to_owned()),
    ];
    all.push(component("bastion-1 - db-2"));
    all.push(component("git -"));
    scene.board.absorb(Reading::Components {
        source: source("cmdb"),
        components: all,
    });
    scene.posts = vec![
        post("your bastion", "Bastion-1.mgmt.example"),
        post("prometheus main", "10.0.0.7"),
        post("pager", "storage.example"),
        post("git", "git"),
        post("netbox", "netbox.elsewhere"),
        Post {
            what: "terminal".to_owned(),
            hosts: Vec::new(),
        },
        post("near", "10.0.0.70"),
    ];
    let radius = scene.radius(1);
    let said: Vec<String> = radius.posts.iter().map(|post| post.line().text).collect();
    assert_eq!(
        said,
        [
            "your bastion (Bastion-1.mgmt.example): INSIDE: bastion-1 needs san-1, which is touched, in 2 steps",
            "prometheus main (10.0.0.7): INSIDE: shop needs san-1, which is touched, in 2 steps",
            "pager (storage.example): INSIDE: it is san-1, which is touched",
            "git (git): outside: git needs nothing touched",
            "netbox (netbox.elsewhere): not known: no CMDB names its host",
            "terminal: not known: its host is not known",
            "near (10.0.0.70): not known: no CMDB names its host",
        ]
    );
    assert_eq!(radius.inside().count(), 3, "whatever the depth is");
    let summary = radius.summary();
    assert!(summary.iter().any(
        |l| l.tone == Tone::Unknown && l.text.ends_with("not known of: netbox, terminal, near")
    ));
}

#[test]
fn a_file_of_hosts_adds_names_and_a_loopback_address_is_the_host_itself() {
    let file = "127.0.0.1 localhost bastion-1\n10.0.0.7 prom prom.example # old-prom\n";
    let known = |typed: &str| known_by(file, "Bastion-1", &[typed.to_owned()]).join(" ");
    assert_eq!(known("PROM.example"), "prom.example 10.0.0.7 prom");
    assert_eq!(known("localhost"), "bastion-1 localhost");
    assert_eq!(known("127.0.0.1"), "bastion-1 127.0.0.1");
    assert_eq!(known("::1"), "bastion-1 ::1");
    assert_eq!(known("bastion-1"), "bastion-1");
    assert_eq!(known("old-prom"), "old-prom");
}

fn claim(session: &str, names: &[&str], doing: Option<Doing>) -> Claim {
    Claim {
        id: SessionId::from_parts(1, 9),
        session: SessionName::new(session).expect("a name"),
        scope: Scope {
            names: names
                .iter()
                .map(|name| Words::new(&format!("component {name}")))
                .collect(),
            unknown: None,
        },
        now: doing.map(|doing| Deed {
            doing,
            step: Words::new("2.1 drain"),
            person: Some(fixture::person("ann")),
            since: Timestamp::from_millis(5),
        }),
        last: None,
        begun: Some(Timestamp::from_millis(1)),
    }
}

#[test]
fn other_sessions_are_named_by_what_they_share_and_by_what_hangs_together() {
    let mut scene = Scene::new(&SHOP, &["db-1"]);
    scene.others = Ok(vec![
        claim("far", &["mail"], None),
        claim("above", &["portal"], None),
        claim("below", &["san-1"], None),
        claim("same", &["db-1", "db-3"], Some(Doing::Running)),
        claim("else", &["printer"], Some(Doing::Running)),
    ]);
    let radius = scene.radius(2);
    let said: Vec<String> = radius.overlaps.iter().map(|o| o.line().text).collect();
    assert_eq!(
        said,
        [
            "session same touches db-1 TOO; it runs 2.1 drain (`ann`)",
            "session above touches portal, which need what is touched here",
            "session below touches what db-1 here need",
        ]
    );
    let mut vague = claim("vague", &[], None);
    vague.scope.unknown = Some(Words::new("`role=x` fits no known component"));
    scene.others = Ok(vec![vague]);
    assert!(
        scene.radius(2).overlaps[0]
            .line()
            .text
            .contains("may touch anything")
    );
    scene.others = Err("no such directory".to_owned());
    assert!(
        scene
            .radius(2)
            .doubts
            .iter()
            .any(|why| why.contains("no such directory"))
    );
}

#[test]
fn what_travels_to_terminals_is_bounded_and_loses_no_overlap() {
    let scene = Scene::new(&SHOP, &["db-1"]);
    let told = |claims: &[Claim]| concerning(&scene.plan, &scene.board.components, 2, claims);
    let many: Vec<String> = (0..=NAMES_MAX).map(|n| format!("host-{n}")).collect();
    let mut long: Vec<&str> = many.iter().map(String::as_str).collect();
    long.extend(["db-1", "portal"]);
    let mut locked = claim("locked", &long, None);
    locked.scope.names.insert(Words::new("lock storage"));
    let found = told(&[claim("else", &["printer"], None), locked]);
    assert_eq!(found.len(), 1);
    let names: Vec<&str> = found[0].scope.names.iter().map(Words::as_str).collect();
    assert_eq!(names, ["component db-1", "component portal"]);
    let same = vec![claim("same", &["db-1"], None); CLAIMS_MAX + 3];
    assert_eq!(told(&same).len(), CLAIMS_MAX);
}

#[test]
fn what_is_not_known_is_said() {
    let empty = Scene::new(&[], &["db-1", "role=x"]);
    let doubts = Scene::radius(
        &Scene {
            board: Board::default(),
            ..empty
        },
        2,
    )
    .doubts;
    let has = |words: &str| doubts.iter().any(|why| why.contains(words));
    assert!(has("no CMDB has said anything"), "{doubts:?}");
    assert!(
        has("no CMDB knows `db-1`") && has("`role=x` fits no known component"),
        "{doubts:?}"
    );
    assert!(Scene::new(&SHOP, &[]).radius(2).doubts[0].contains("what it touches is not known"));
}

#[test]
fn owners_tiers_and_who_is_on_call_come_along() {
    let mut scene = Scene::new(&SHOP, &["db-1"]);
    let mut shop = component("shop web db-1");
    shop.owner = "payments".to_owned();
    shop.tier = "1".to_owned();
    scene.board.absorb(Reading::Components {
        source: source("a-first"),
        components: vec![shop],
    });
    let mira = OnCall {
        rota: "payments".to_owned(),
        level: 1,
        person: "Mira".to_owned(),
        contact: String::new(),
        from: None,
        until: None,
        next: String::new(),
        covers: Vec::new(),
    };
    scene.board.absorb(Reading::OnCalls {
        source: source("pager"),
        on_calls: vec![mira],
    });
    let radius = scene.radius(1);
    let shop = radius
        .members
        .iter()
        .find(|m| m.name == "shop")
        .expect("there");
    assert_eq!((shop.tier.as_str(), shop.owner.as_str()), ("1", "payments"));
    assert_eq!(shop.on_call, ["Mira (payments)"]);
    assert!(radius.members[0].on_call.is_empty(), "nobody is known");
}
