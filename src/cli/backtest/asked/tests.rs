use super::*;

fn args() -> BacktestArgs {
    BacktestArgs {
        file: "r.md".into(),
        days: 7,
        step: None,
        from: None,
        to: None,
        bad: Vec::new(),
        window: None,
        json: false,
    }
}

fn plan(text: &str) -> Plan {
    let (runbook, _) = crate::domain::runbook::parse(text, "r.md");
    crate::domain::runbook::resolve(&runbook).0
}

fn guarded(words: &str) -> Plan {
    plan(&format!(
        "# T\n\n```promql guard id=g crit=\"> 5\" {words}\nx\n```\n\n## W\n\n- [ ] y\n"
    ))
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T18:00:07Z").expect("a time")
}

fn said<T>(result: Result<T, Failure>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(failure) => {
            assert_eq!(failure.code, Code::Usage);
            failure.chain()
        }
    }
}

#[test]
fn a_bad_interval_is_two_times_and_perhaps_a_name() {
    let read = |text: &str| bad(&[text.to_owned()]);
    let named = read("2026-11-20T02:10:00Z..2026-11-20T03:40:00+01:00=deploy 412").expect("reads");
    assert_eq!(named[0].name, "deploy 412");
    assert_eq!(named[0].to.since(named[0].from), Duration::from_secs(1800));
    let plain = read("2026-11-20T02:10Z..2026-11-20T02:40Z").expect("reads");
    assert_eq!(plain[0].name, "bad-1");
    for (text, words) in [
        ("2026-11-20T02:10:00Z", "has no `..`"),
        (
            "yesterday..2026-11-20T02:10:00Z",
            "`yesterday` is not a UTC time",
        ),
        ("2026-11-20T02:40:00Z..2026-11-20T02:10:00Z", "ends before"),
        ("2026-11-20T02:10:00Z..2026-11-20T02:40:00Z=", "a name has"),
    ] {
        assert!(
            said(read(text)).contains(words),
            "{text}: {}",
            said(read(text))
        );
    }
    let twice = vec!["2026-11-20T02:10Z..2026-11-20T02:40Z=x".to_owned(); 2];
    assert!(said(bad(&twice)).contains("are called `x`"));
}

#[test]
fn the_usual_stretch_is_a_week_at_the_step_that_nothing_takes_for_a_gap() {
    let week = stretch(&args(), &guarded(""), &[], now()).expect("a week");
    assert_eq!(week.step, Duration::from_secs(15));
    assert_eq!(week.to.to_seconds_text(), "2026-11-22T18:00:00Z");
    assert_eq!(week.points(), 7 * 24 * 240);
    let quick = stretch(&args(), &guarded("stale_after=5s"), &[], now()).expect("a week");
    assert_eq!(quick.step, Duration::from_secs(5));
    let slow = BacktestArgs {
        step: Some(Duration::from_secs(60)),
        ..args()
    };
    let why = said(stretch(&slow, &guarded(""), &[], now()));
    assert!(
        why.contains("`--step 60s` is longer than `g` believes a value (30s)"),
        "{why}"
    );
}

#[test]
fn what_cannot_be_looked_at_is_said_before_anything_is_asked() {
    let check = |change: fn(&mut BacktestArgs), words: &str| {
        let mut args = args();
        change(&mut args);
        let why = said(stretch(&args, &guarded(""), &[], now()));
        assert!(why.contains(words), "{why}");
    };
    check(|a| a.days = 0, "`--days` is 1 to 366");
    check(|a| a.days = 400, "`--days` is 1 to 366");
    check(
        |a| a.to = Some("2027-01-01T00:00:00Z".to_owned()),
        "in the future",
    );
    check(
        |a| a.from = Some("soon".to_owned()),
        "`--from soon` is not a UTC time",
    );
    check(
        |a| a.from = Some("2020-01-01T00:00:00Z".to_owned()),
        "more than 366 days",
    );
    check(
        |a| a.from = Some("2026-11-22T18:00:01Z".to_owned()),
        "no sample",
    );
    check(
        |a| a.step = Some(Duration::from_millis(1500)),
        "whole seconds",
    );
    let before = bad(&["2026-11-01T02:10Z..2026-11-01T02:40Z=x".to_owned()]).expect("reads");
    let why = said(stretch(&args(), &guarded(""), &before, now()));
    assert!(why.contains("`x` is not within"), "{why}");
    let short = bad(&["2026-11-20T02:10:01Z..2026-11-20T02:10:09Z=x".to_owned()]).expect("reads");
    let why = said(stretch(&args(), &guarded(""), &short, now()));
    assert!(why.contains("no sample is within"), "{why}");
}

#[test]
fn one_expression_of_one_server_is_asked_once() {
    let several = plan(
        "# T\n\n```promql guard id=a crit=\"> 5\"\nx\n```\n\n```promql guard id=b crit=\"> 9\"\nx\n```\n\n\
         ```promql guard id=c crit=\"> 5\" source=scraped\nx\n```\n\n\
         ## W\n\n- [ ] y\n  ```promql gate id=g\n  x < 1\n  ```\n",
    );
    let env = crate::config::Env::new([("HOME".to_owned(), "/tmp".to_owned())]);
    let config = |more: &str| {
        let text = format!("[connect.prometheus.main]\nurl = \"http://127.0.0.1:1\"\n{more}");
        crate::config::parse(
            "c.toml".as_ref(),
            &text,
            &env,
            crate::config::Secrets::Fetch,
        )
        .expect("a configuration")
        .connectors
    };
    let stretch = stretch(&args(), &several, &[], now()).expect("a week");
    let why = said(questions(&several, &config(""), stretch));
    assert!(
        why.contains("no metrics connector is called `scraped`"),
        "{why}"
    );
    let other = "[connect.prometheus.scraped]\nurl = \"http://127.0.0.1:2\"\n";
    let asked = questions(&several, &config(other), stretch).expect("questions");
    let ids = |q: &Question| {
        q.subjects
            .iter()
            .map(|s| s.id().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        asked.iter().map(ids).collect::<Vec<_>>(),
        [vec!["a", "b", "g"], vec!["c"]]
    );
    assert!(said(questions(&several, &[], stretch)).contains("no metrics connector"));
    let empty = plan("# T\n\n## W\n\n- [ ] y\n");
    assert!(said(questions(&empty, &config(""), stretch)).contains("neither a gate nor a rule"));
}
