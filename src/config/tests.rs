//! Files on disk are the cases: `config.example.toml`, and `tests/data/invalid/config/`.

use super::*;
use crate::connect::registry::KINDS;
use crate::domain::id::ConnectorName;
use std::fmt::Write as _;
use std::fs;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every variable that the example refers to is set.
fn env() -> Env {
    let example = fs::read_to_string(root("config.example.toml")).expect("there");
    let names = example.split("env:").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_'));
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        (name.to_owned(), "s3cret".to_owned())
    });
    let host = [
        ("HOME", "/home/mira"),
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
    ];
    let host = host.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Env::new(names.chain(host))
}

fn parsed(text: &str) -> Config {
    parse(Path::new("config.toml"), text, &env(), Secrets::Fetch)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// The example with those settings switched on that `is_on` picks by their mark.
fn example(is_on: impl Fn(&str) -> bool) -> String {
    let text = fs::read_to_string(root("config.example.toml")).expect("the example is there");
    let mut out = String::new();
    for line in text.lines() {
        let setting = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['));
        let mark = setting.and_then(|rest| rest.rsplit("# ").next());
        let on = setting.is_some_and(|rest| {
            rest.starts_with('[') || is_on(mark.expect("every setting has a mark"))
        });
        out.push_str(if on {
            setting.unwrap_or_default()
        } else {
            line
        });
        out.push('\n');
    }
    out
}

#[test]
fn the_example_as_it_is_changes_nothing() {
    let as_is = parsed(&fs::read_to_string(root("config.example.toml")).expect("there"));
    assert_eq!(format!("{as_is:?}"), format!("{:?}", parsed("")));
}

#[test]
fn what_the_example_calls_a_default_is_one() {
    let required = parsed(&example(|mark| mark == "required"));
    let with_defaults = parsed(&example(|mark| matches!(mark, "required" | "default")));
    assert_eq!(required.connectors.len(), KINDS.len(), "one of each kind");
    assert_eq!(format!("{required:#?}"), format!("{with_defaults:#?}"));
}

#[test]
fn all_of_the_example_can_be_switched_on_and_has_an_effect() {
    let all = parsed(&example(|mark| {
        matches!(mark, "required" | "default" | "example")
    }));
    let main = format!("{:?}", all.connectors[0]);
    assert!(main.contains("step: Some(15s)"), "{main}");
    let headers = r#"headers: [("X-Team", "payments")]"#;
    assert!(main.contains(headers), "{main}");
    assert_eq!(all.server.group.as_deref(), Some("oncall"));
    assert_eq!(all.ui.local_time.as_deref(), Some("Europe/Berlin"));
    assert_eq!(all.people, Some(PathBuf::from("/etc/warroom/people.toml")));
    let panel = &all.panels[0];
    assert_eq!(panel.clear.map(|c| c.to_string()).as_deref(), Some("> 0.4"));
    assert_eq!(
        panel.source.as_ref().map(ConnectorName::as_str),
        Some("main")
    );
    assert!(
        !format!("{all:?}").contains("s3cret"),
        "secrets are not printed"
    );
}

#[test]
fn every_key_is_in_the_example() {
    // A key that the example does not switch on would be missing from the manual too.
    let all = example(|mark| matches!(mark, "required" | "default" | "example"));
    let mut hints =
        "[server]\nx=1\n[ui]\nx=1\n[people]\nx=1\n[runner]\nx=1\n[[panel]]\nx=1\n[[freeze]]\nx=1\n"
            .to_owned();
    for kind in KINDS {
        let word = kind.word;
        writeln!(hints, "[connect.{word}.{word}]\nx=1\nauth.x=1\nfilter.x=1").expect("a text");
    }
    let problems = parse(Path::new("x"), &hints, &env(), Secrets::Skip).expect_err("unknown keys");
    let mut known = 0;
    for problem in problems.as_slice() {
        let Some(keys) = problem.hint.strip_prefix("known here: ") else {
            continue;
        };
        for key in keys.split(", ") {
            let key = key.trim_matches('`');
            let is_there = all.lines().any(|line| {
                let line = line.trim_start_matches(['#', ' ']);
                line.starts_with(key)
                    || line.contains(&format!(".{key} "))
                    || line.contains(&format!(".{key}."))
            });
            assert!(is_there, "`{key}` of {} is not in the example", problem.key);
            known += 1;
        }
    }
    assert!(known > 50, "only {known} keys were listed");
}

#[test]
fn each_invalid_configuration_gives_exactly_its_expected_message() {
    check_invalid("tests/data/invalid/config", |name, text| {
        parse(name, text, &env(), Secrets::Fetch).map(drop)
    });
}

#[test]
fn each_invalid_people_file_gives_exactly_its_expected_message() {
    check_invalid("tests/data/invalid/people", |name, text| {
        people::parse(name, text).map(drop)
    });
}

/// Every `NAME.toml` of the folder must give what `NAME.expected` says. Adding a case needs no code.
fn check_invalid(folder: &str, check: impl Fn(&Path, &str) -> Result<(), Problems>) {
    let mut cases: Vec<PathBuf> = fs::read_dir(root(folder))
        .expect("the cases are there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = String::new();
    for case in cases {
        let text = fs::read_to_string(&case).expect("readable");
        let name = PathBuf::from(case.file_name().expect("a file"));
        let said = match check(&name, &text) {
            Ok(()) => "no problem\n".to_owned(),
            Err(problems) => format!("{problems}\n"),
        };
        let expected = case.with_extension("expected");
        if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong = format!("{wrong}--- {}\n{said}", expected.display());
        }
    }
    assert!(wrong.is_empty(), "these say something else now:\n{wrong}");
}

#[test]
fn the_first_file_in_the_order_counts() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let user = dir.path().join("warroom/config.toml");
    fs::create_dir_all(user.parent().expect("a parent")).expect("mkdir");
    fs::write(&user, "").expect("write");
    let with =
        |name: &str, value: &Path| Env::new([(name.to_owned(), value.display().to_string())]);
    let xdg = with("XDG_CONFIG_HOME", dir.path());
    assert_eq!(find(None, &xdg), Some(user));
    let named = with("WARROOM_CONFIG", Path::new("/x.toml"));
    assert_eq!(find(None, &named), Some(PathBuf::from("/x.toml")));
    let explicit = Path::new("y.toml");
    assert_eq!(find(Some(explicit), &named), Some(explicit.to_owned()));
    let relative = with("XDG_CONFIG_HOME", Path::new("relative"));
    assert_eq!(find(None, &relative), find(None, &Env::default()));
}

#[test]
fn a_named_file_that_is_not_there_is_an_error() {
    let path = Path::new("/no/such/config.toml");
    let error = load(Some(path), &env(), Secrets::Skip).expect_err("not there");
    assert!(
        error
            .to_string()
            .starts_with("/no/such/config.toml: cannot read the file: No such file")
    );
}

#[test]
fn directories_follow_the_environment() {
    let server = parsed("").server;
    assert_eq!(server.runtime_dir, Path::new("/run/user/1000/warroom"));
    assert_eq!(
        server.state_dir,
        Path::new("/home/mira/.local/state/warroom")
    );
    let error = parse(Path::new("c"), "", &Env::default(), Secrets::Skip).expect_err("no home");
    assert!(error.to_string().contains("XDG_STATE_HOME"));
    let error = parse(Path::new(""), "", &Env::default(), Secrets::Skip).expect_err("no home");
    assert!(
        error.to_string().starts_with("cannot tell where"),
        "{error}"
    );
    let text = "[server]\nstate_dir = \"~/rooms\"\nruntime_dir = \"run\"";
    let server = parse(
        Path::new("/etc/warroom/config.toml"),
        text,
        &env(),
        Secrets::Skip,
    );
    let server = server.expect("valid").server;
    assert_eq!(server.state_dir, Path::new("/home/mira/rooms"));
    assert_eq!(server.runtime_dir, Path::new("/etc/warroom/run"));
    assert_eq!(server.scope_dir, Path::new("/home/mira/rooms/.scope"));
}

#[test]
fn a_client_checks_references_but_fetches_no_secret() {
    let text = "[connect.pagerduty.main]\ntoken = \"command:/no/such/program\"";
    let config = parse(Path::new("c"), text, &env(), Secrets::Skip).expect("valid");
    assert!(config.connectors.is_empty());
    let plain = text.replace("command:", "");
    assert!(parse(Path::new("c"), &plain, &env(), Secrets::Skip).is_err());
}
