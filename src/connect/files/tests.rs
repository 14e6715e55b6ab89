//! Files as people write them, good and bad.

use super::*;
use std::fs;
use std::path::PathBuf;

fn source<'t>(file: &'t str, text: &'t str) -> text::Source<'t> {
    text::Source {
        file: Path::new(file),
        text,
    }
}

const CMDB: &str = r#"
[[component]]
name = "db-1"
kind = "database"
owner = "payments"
tier = "1"
role = "orders-db"
address = "10.0.0.7"
tags = ["pci", "env-prod"]
links = [{ title = "Runbook", url = "https://wiki.example/db-1" }]
fields = { rack = "r7" }
depends_on = ["net-1"]

[[component]]
name = "net-1"
status = "planned"
"#;

#[test]
fn toml_and_json_give_the_same_components() {
    let from_toml = cmdb::parse(source("c.toml", CMDB)).expect("valid");
    let json = r#"{"component": [
        {"name": "db-1", "kind": "database", "owner": "payments", "tier": "1", "depends_on": ["net-1"],
         "role": "orders-db", "address": "10.0.0.7", "tags": ["env-prod", "pci"],
         "links": [{"title": "Runbook", "url": "https://wiki.example/db-1"}], "fields": {"rack": "r7"}},
        {"name": "net-1", "status": "planned"}]}"#;
    assert_eq!(
        from_toml,
        cmdb::parse(source("c.JSON", json)).expect("valid")
    );
    assert_eq!(from_toml[0].status, "", "nobody said that it is active");
    assert_eq!(from_toml[0].tags, ["env-prod", "pci"]);
    assert_eq!(from_toml[0].depends_on, ["net-1"]);
    assert!(
        cmdb::parse(source("c.toml", ""))
            .expect("an empty file is empty")
            .is_empty()
    );
}

#[test]
fn a_table_gives_the_same_components() {
    let table = "\u{feff}name,kind,owner,tier,role,address,tags,links,depends_on,rack,status\r\n\
        db-1,database,payments,1,orders-db,10.0.0.7,pci env-prod,https://wiki.example/db-1,net-1,r7,\r\n\
        \r\n\
        net-1,,,,,,,,,,planned\r\n\
        \"lb, \"\"old\"\"\",,,,,,,,net-1 ; db-1;,\"r\n8\",\r\n";
    let components = cmdb::parse(source("c.CSV", table)).expect("valid");
    let mut expected = cmdb::parse(source("c.toml", CMDB)).expect("valid");
    // A cell has no room for a title.
    expected[0].links[0].title = String::new();
    assert_eq!(components[..2], expected);
    assert_eq!(components[2].name, "lb, \"old\"");
    assert_eq!(components[2].depends_on, ["net-1", "db-1"]);
    assert_eq!(
        components[2].fields,
        [("rack".to_owned(), "r\n8".to_owned())]
    );
    for empty in ["", "name\n", "\n\nname,kind"] {
        let parsed = cmdb::parse(source("c.csv", empty)).expect(empty);
        assert!(parsed.is_empty());
    }
}

#[test]
fn faults_of_a_table_name_line_and_column() {
    let many = format!("name\n{}", "a\n".repeat(6000));
    let wide: Vec<String> = (0..70).map(|n| format!("c{n}")).collect();
    let wide = format!("{},name\n", wide.join(","));
    let cases = [
        (
            "name,kind\na,b,c\n",
            "c.csv:2:5: 3 cells, where there are 2 columns",
        ),
        (
            "name,kind\r\n\r\na\r\n",
            "c.csv:3:1: 1 cells, where there are 2 columns",
        ),
        ("kind\na\n", "c.csv:1:1: there is no column `name`"),
        (
            "name,kind,name\n",
            "c.csv:1:11: column `name` is there twice",
        ),
        ("name,,kind\n", "c.csv:1:6: the column has no name"),
        (
            "name;kind\na;b\n",
            "c.csv:1:1: columns are separated by commas",
        ),
        (
            "name,kind\nü,\"x\n\nb,c\n",
            "c.csv:2:3: the quote has no end",
        ),
        (
            "name,depends_on\r\n\"a,\nb\",\r\nc,a d\r\n",
            "c.csv:4:3: no component is called `a`",
        ),
        (
            "name,depends_on\n\"a\",\n\"b\", c\n",
            "c.csv:3:5: no component is called `c`",
        ),
        (
            "kind,name\nx,a\ny,a\n",
            "c.csv:3:3: component `a` is there twice",
        ),
        ("kind,name\nx, \n", "c.csv:2:3: must not be empty"),
        (many.as_str(), "component `a` is there twice"),
        (wide.as_str(), "more than 64 columns"),
    ];
    for (text, expected) in cases {
        let fault = cmdb::parse(source("c.csv", text))
            .expect_err(text)
            .to_string();
        assert!(fault.contains(expected), "{text}\n{fault}");
    }
}

proptest::proptest! {
    #[test]
    fn no_table_makes_the_reader_panic(text in "[a-c,;\"\r\n üname]{0,80}") {
        drop(cmdb::parse(source("c.csv", &text)));
        drop(cmdb::parse(source("c.csv", &format!("name,kind\n{text}"))));
    }
}

#[test]
fn faults_of_a_cmdb_name_their_place() {
    let cases = [
        ("c.toml", "[[component]\n", "c.toml:1:"),
        (
            "c.toml",
            "[[component]]\nname = \"a\"\ncolour = 1",
            "c.toml:3:1: unknown field `colour`",
        ),
        (
            "c.toml",
            "[[component]]\nname = 1",
            "c.toml:2:8: invalid type",
        ),
        (
            "c.toml",
            "[[component]]\nname = \" \"",
            "c.toml:2:8: must not be empty",
        ),
        (
            "c.toml",
            "[[component]]\nkind = \"a\"",
            "missing field `name`",
        ),
        (
            "c.toml",
            "[[component]]\nname = \"a\"\n[[component]]\nname = \"a\"",
            "c.toml:4:8: component `a` is there twice",
        ),
        (
            "c.toml",
            "[[component]]\nname = \"a\"\ndepends_on = [\"a\", \"b\"]",
            "c.toml:3:20: no component is called `b`",
        ),
        (
            "c.json",
            "{\"component\": [{\"name\": 1}]}",
            "c.json:1:25: invalid type: integer `1`",
        ),
        (
            "c.json",
            "{\"component\": [",
            "c.json:1:15: EOF while parsing",
        ),
        (
            "c.json",
            "{\"component\": [{\"name\": \"a\", \"depends_on\": [\"b\"]}]}",
            "c.json: `component[0].depends_on[0]`: no component is called `b`",
        ),
    ];
    for (file, text, expected) in cases {
        let fault = cmdb::parse(source(file, text)).expect_err(text).to_string();
        assert!(fault.contains(expected), "{text}\n{fault}");
    }
}

const ROTA: &str = r#"
[[rota]]
name = "database"
[[rota.shift]]
person = "Jon"
from = "2026-11-22T08:00:00Z"
until = "2026-11-22T20:00:00Z"
[[rota.shift]]
person = "Mira"
contact = "+49 69 1234"
from = "2026-11-21T21:00:00+01:00"
until = "2026-11-22T08:00:00Z"

[[rota]]
name = "network"
level = 2
"#;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

#[test]
fn a_rota_says_who_now_until_when_and_who_next() {
    let rotas = rota::parse(source("r.toml", ROTA)).expect("valid");
    let now = rota::on_calls(&rotas, at("2026-11-22T03:00:00Z"));
    assert_eq!(now.len(), 1);
    assert_eq!(
        (now[0].person.as_str(), now[0].next.as_str()),
        ("Mira", "Jon")
    );
    assert_eq!(now[0].until, Some(at("2026-11-22T08:00:00Z")));
    assert_eq!(
        rota::unmanned(&rotas, at("2026-11-22T03:00:00Z")),
        ["network"]
    );
    let later = rota::on_calls(&rotas, at("2026-11-22T08:00:00Z"));
    assert_eq!(
        (later[0].person.as_str(), later[0].next.as_str()),
        ("Jon", "")
    );
    let nobody = rota::on_calls(&rotas, at("2026-11-22T20:00:00Z"));
    assert!(nobody.is_empty());
}

#[test]
fn a_rota_has_levels_covers_names_and_hands_over_when_the_person_changes() {
    let text = r#"
[[rota]]
name = "database"
covers = ["db-1", "payments"]
[[rota.shift]]
person = "Mira"
from = "2026-11-22T00:00:00Z"
until = "2026-11-22T04:00:00Z"
[[rota.shift]]
person = "Mira"
from = "2026-11-22T04:00:00Z"
until = "2026-11-22T08:00:00Z"
[[rota.shift]]
person = "Jon"
from = "2026-11-22T09:00:00Z"
until = "2026-11-22T12:00:00Z"

[[rota]]
name = "database"
level = 2
[[rota.shift]]
person = "Ada"
from = "2026-11-22T00:00:00Z"
until = "2026-11-23T00:00:00Z"
"#;
    let rotas = rota::parse(source("r.toml", text)).expect("valid");
    let now = rota::on_calls(&rotas, at("2026-11-22T05:00:00Z"));
    let said: Vec<_> = now.iter().map(|o| (o.level, o.person.as_str())).collect();
    assert_eq!(said, [(1, "Mira"), (2, "Ada")]);
    assert_eq!(now[0].covers, ["db-1", "payments"]);
    assert_eq!(now[0].from, Some(at("2026-11-22T00:00:00Z")));
    assert_eq!(now[0].until, Some(at("2026-11-22T08:00:00Z")));
    assert_eq!(now[0].next, "", "Jon begins an hour later");
    let twice = text.replace("level = 2", "level = 1");
    let fault = rota::parse(source("r.toml", &twice)).expect_err("twice");
    assert!(
        fault
            .to_string()
            .contains("r.toml:19:8: rota `database` is there twice on level 1"),
        "{fault}"
    );
    for (from, to, expected) in [
        ("level = 2", "level = 0", "`level` begins with 1"),
        ("\"payments\"]", "\" \"]", "r.toml:4:19: must not be empty"),
    ] {
        let fault = rota::parse(source("r.toml", &text.replace(from, to))).expect_err(to);
        assert!(fault.to_string().contains(expected), "{fault}");
    }
}

#[test]
fn faults_of_a_rota_name_their_place() {
    let shift = |from: &str, until: &str| {
        format!("[[rota.shift]]\nperson = \"a\"\nfrom = \"{from}\"\nuntil = \"{until}\"\n")
    };
    let (one, two, three) = (
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
        "2026-01-03T00:00:00Z",
    );
    let head = "[[rota]]\nname = \"r\"\n";
    let cases = [
        (
            shift(two, one),
            "r.toml:6:9: the shift ends before it begins",
        ),
        (shift("monday", one), "r.toml:5:8: not a UTC time"),
        (
            shift(one, three) + &shift(two, three),
            "r.toml:9:8: overlaps the shift of `a`",
        ),
        (
            shift(one, two).replace("\"a\"", "\"\""),
            "`person` must not be empty",
        ),
        (
            shift(one, two).replace("person", "who"),
            "unknown field `who`",
        ),
    ];
    for (text, expected) in cases {
        let text = format!("{head}{text}");
        let fault = rota::parse(source("r.toml", &text))
            .expect_err(&text)
            .to_string();
        assert!(fault.contains(expected), "{text}\n{fault}");
    }
}

fn file(path: PathBuf, kind: Kind) -> File {
    File::new(FileConfig {
        name: ConnectorName::new("files").expect("valid"),
        kind,
        path,
        every: EVERY,
    })
}

fn moment(text: &str) -> Moment {
    Moment {
        wall: at(text),
        mono_ms: 0,
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_not_before() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("c.toml");
    let mut source = file(path.clone(), Kind::Cmdb);
    let now = moment("2026-11-22T03:00:00Z");
    let missing = source.poll(now).await.expect_err("not there yet");
    assert!(missing.what.contains("cannot read the file"), "{missing}");
    fs::write(&path, CMDB).expect("write");
    assert_eq!(source.poll(now).await.expect("valid").len(), 1);
    assert!(source.poll(now).await.expect("unchanged").is_empty());
    fs::write(&path, "[[component]]\n").expect("write");
    for _ in 0..2 {
        let broken = source.poll(now).await.expect_err("a fault stays a fault");
        assert!(
            broken.what.contains("c.toml:1:1: missing field `name`"),
            "{broken}"
        );
    }
    fs::write(&path, CMDB.replace("net-1", "net-2")).expect("write");
    let readings = source.poll(now).await.expect("valid again");
    let [Reading::Components { components, .. }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    assert_eq!(components[0].depends_on, ["net-2"]);
}

#[tokio::test]
async fn a_hand_over_is_told_without_a_change_of_the_file() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("r.toml");
    fs::write(&path, ROTA).expect("write");
    let mut source = file(path, Kind::Rota);
    let people = |readings: Vec<Reading>| -> Vec<String> {
        let on_calls = readings.into_iter().map(|reading| match reading {
            Reading::OnCalls { on_calls, .. } => on_calls,
            other => panic!("{other:?}"),
        });
        on_calls.flatten().map(|on_call| on_call.person).collect()
    };
    let night = moment("2026-11-22T03:00:00Z");
    assert_eq!(people(source.poll(night).await.expect("valid")), ["Mira"]);
    assert!(
        source.poll(night).await.expect("valid").is_empty(),
        "told already"
    );
    assert_eq!(
        source.trouble().as_deref(),
        Some("nobody is on call for `network`")
    );
    let day = moment("2026-11-22T08:00:00Z");
    assert_eq!(people(source.poll(day).await.expect("valid")), ["Jon"]);
    let evening = moment("2026-11-22T21:00:00Z");
    let readings = source.poll(evening).await.expect("valid");
    assert_eq!(readings.len(), 1, "that nobody is on call is news too");
    assert!(people(readings).is_empty());
}

#[tokio::test]
async fn what_is_no_plain_file_or_no_text_is_refused() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let now = moment("2026-11-22T03:00:00Z");
    let folder = file(dir.path().to_owned(), Kind::Cmdb)
        .poll(now)
        .await
        .expect_err("a folder");
    assert!(folder.what.ends_with("is not a plain file"), "{folder}");
    let path = dir.path().join("binary.toml");
    fs::write(&path, [0xff, 0xfe]).expect("write");
    let binary = file(path.clone(), Kind::Cmdb)
        .poll(now)
        .await
        .expect_err("not text");
    assert!(binary.what.ends_with("is not UTF-8 text"), "{binary}");
    let big = fs::File::create(&path).expect("create");
    big.set_len(FILE_BYTES_MAX + 1).expect("grow");
    let big = file(path, Kind::Rota)
        .poll(now)
        .await
        .expect_err("too large");
    assert!(big.what.contains("is larger than"), "{big}");
}
