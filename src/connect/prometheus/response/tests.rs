use super::*;
use crate::connect::contracts;
use crate::domain::reading::AlertState;

fn recorded(name: &str) -> Option<Vec<u8>> {
    contracts::read(&format!("prometheus/examples/recorded-2.42/{name}"))
}

fn published(name: &str) -> Option<Vec<u8>> {
    contracts::read(&format!("prometheus/examples/openapi/{name}"))
}

#[test]
fn recorded_vectors_and_scalars_decode() {
    let Some(body) = recorded("query-vector.json") else {
        return;
    };
    let vector = parse_vector(&body, 200).unwrap();
    assert_eq!((vector.series.len(), vector.dropped), (3, 0));
    let first = &vector.series[0];
    assert_eq!(first.labels[1], ("env".to_owned(), "prod".to_owned()));
    assert_eq!(first.sample.at.as_millis(), 1_795_321_924_068);
    assert!(first.sample.value.abs() < f64::EPSILON);
    let scalar = parse_vector(&recorded("query-scalar.json").unwrap(), 200).unwrap();
    assert!(scalar.series[0].labels.is_empty());
    assert!((scalar.series[0].sample.value - 2.0).abs() < f64::EPSILON);
    assert!(
        parse_vector(&recorded("query-empty.json").unwrap(), 200)
            .unwrap()
            .series
            .is_empty()
    );
}

#[test]
fn recorded_nan_and_infinities_decode() {
    let Some(body) = recorded("query-nan-inf-2.json") else {
        return;
    };
    let values: Vec<f64> = parse_vector(&body, 9)
        .unwrap()
        .series
        .iter()
        .map(|s| s.sample.value)
        .collect();
    assert!(
        values[0] == f64::INFINITY && values[1].is_nan() && values[2] == f64::NEG_INFINITY,
        "{values:?}"
    );
}

#[test]
fn other_result_types_are_errors_with_their_name() {
    let Some(body) = recorded("query-matrix.json") else {
        return;
    };
    let error = parse_vector(&body, 9).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the expression gives a matrix, not a vector or scalar"
    );
    let text = br#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#;
    assert!(matches!(
        parse_vector(text, 9),
        Err(ResponseError::ResultType { .. })
    ));
    let histogram = published("query.200.histogramResult.json").unwrap();
    assert_eq!(parse_vector(&histogram, 9), Err(ResponseError::Histogram));
}

#[test]
fn published_examples_decode() {
    let Some(body) = published("query.200.vectorResult.json") else {
        return;
    };
    assert_eq!(parse_vector(&body, 9).unwrap().series.len(), 2);
    let scalar = parse_vector(&published("query.200.scalarResult.json").unwrap(), 9).unwrap();
    assert!((scalar.series[0].sample.value - 42.0).abs() < f64::EPSILON);
    let build = published("get-status-buildinfo.200.buildInfo.json").unwrap();
    let build = parse_build(&build).unwrap();
    assert_eq!(
        (build.flavour, build.text().as_str()),
        (Flavour::Prometheus, "3.7.3")
    );
    let rules = parse_rules(&published("rules.200.ruleGroups.json").unwrap()).unwrap();
    assert_eq!(
        (rules.alerting, rules.recording, rules.trouble()),
        (1, 0, None)
    );
    let targets = parse_targets(&published("get-targets.200.targetsList.json").unwrap()).unwrap();
    let [target] = &targets.targets[..] else {
        panic!("{targets:?}")
    };
    assert_eq!(
        (target.job.as_str(), target.instance.as_str(), target.is_up),
        ("alertmanager", "demo.prometheus.io:9093", Some(true))
    );
}

#[test]
fn the_servers_error_comes_out_in_its_words() {
    let Some(body) = recorded("query_range-bad-step.json") else {
        return;
    };
    let error = parse_matrix(&body, 9).unwrap_err().to_string();
    assert!(
        error.starts_with("bad_data: invalid parameter \"step\""),
        "{error}"
    );
    let starting = published("query.default.tsdbNotReady.json").unwrap();
    assert_eq!(
        parse_vector(&starting, 9).unwrap_err().to_string(),
        "internal: TSDB not ready"
    );
    assert!(parse_refusal(std::str::from_utf8(&starting).unwrap()).is_some());
    assert!(parse_refusal("<html>").is_none());
}

#[test]
fn recorded_ranges_alerts_and_version_decode() {
    let Some(body) = recorded("query_range-matrix.json") else {
        return;
    };
    let past = parse_matrix(&body, 2).unwrap();
    assert_eq!((past.len(), past[0].samples.len()), (2, 4));
    assert!(past[0].samples.is_sorted_by_key(|sample| sample.at));
    let alerts = parse_alerts(&recorded("alerts.json").unwrap())
        .unwrap()
        .alerts;
    assert_eq!(
        (alerts[0].name.as_str(), alerts[0].state),
        ("InstanceDown", AlertState::Firing)
    );
    assert_eq!(alerts[0].severity, "page");
    assert_eq!(alerts[0].summary, "127.0.0.1:4299 of checkout is down");
    assert_eq!(
        alerts[0].since,
        Timestamp::parse("2026-11-22T04:31:57.704Z").ok()
    );
    assert_eq!(alerts[1].state, AlertState::Pending);
    assert_eq!(
        parse_build(&recorded("status-buildinfo.json").unwrap())
            .unwrap()
            .text(),
        "2.42.0+ds"
    );
}

#[test]
fn recorded_targets_come_with_those_that_are_down_first() {
    let Some(body) = recorded("targets-active.json") else {
        return;
    };
    let found = parse_targets(&body).unwrap();
    assert_eq!((found.dropped, found.partial), (0, None));
    let down = &found.targets[0];
    assert_eq!((down.job.as_str(), down.is_up), ("checkout", Some(false)));
    assert!(down.error.ends_with("connection refused"), "{}", down.error);
    assert!(down.scraped.is_some());
    assert!(down.labels.is_sorted());
    assert!(found.targets[1..].iter().all(|t| t.is_up == Some(true)));
}

#[test]
fn of_thousands_of_targets_the_bad_ones_are_kept() {
    let targets: Vec<String> = (0..2000)
        .map(|n| {
            let health = match n {
                1998 => "down",
                1999 => "unknown",
                _ => "up",
            };
            format!(
                r#"{{"labels":{{"job":"node","instance":"host-{n:04}"}},"discoveredLabels":{{"__meta_x":"y"}},"scrapePool":"node","lastError":"","lastScrape":"0001-01-01T00:00:00Z","health":"{health}","new":1}}"#
            )
        })
        .collect();
    let body = format!(
        r#"{{"status":"success","data":{{"activeTargets":[{}],"droppedTargets":[]}},"warnings":["ruler-1: gone"]}}"#,
        targets.join(",")
    );
    let found = parse_targets(body.as_bytes()).unwrap();
    assert_eq!((found.targets.len(), found.dropped), (500, 1500));
    assert_eq!(found.targets[0].is_up, Some(false));
    assert_eq!(found.targets[1].is_up, None);
    assert_eq!(found.targets[0].scraped, None);
    assert_eq!(found.partial.as_deref(), Some("ruler-1: gone"));
}

#[test]
fn rules_that_cannot_be_evaluated_are_named_and_counted() {
    let rule = |name: &str, kind: &str, health: &str| {
        format!(
            r#"{{"name":"{name}","type":"{kind}","health":"{health}","lastError":"many-to-many","query":"x","state":"inactive"}}"#
        )
    };
    let mut rules: Vec<String> = (0..20)
        .map(|n| rule(&format!("r{n}"), "alerting", "err"))
        .collect();
    rules.push(rule("fine", "recording", "ok"));
    let body = format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","file":"f","rules":[{}]}}]}}}}"#,
        rules.join(",")
    );
    let rules = parse_rules(body.as_bytes()).unwrap();
    assert_eq!((rules.alerting, rules.recording), (20, 1));
    assert_eq!((rules.failing.len(), rules.failing_total), (10, 20));
    assert_eq!(
        rules.trouble().as_deref(),
        Some("20 of 21 rules fail; `r0`: many-to-many")
    );
    let wrong = body.replace("\"recording\"", "\"other\"");
    let error = parse_rules(wrong.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("data.groups[0].rules[20].type"), "{error}");
}

#[test]
fn programs_that_speak_the_same_api_are_told_apart() {
    let check = |data: &str, expected: &str| {
        let body = format!(r#"{{"status":"success","data":{data}}}"#);
        assert_eq!(parse_build(body.as_bytes()).unwrap().text(), expected);
    };
    check(
        r#"{"version":"0.34.1","revision":"a","branch":"HEAD","goVersion":"go1.21"}"#,
        "Thanos 0.34.1",
    );
    check(
        r#"{"application":"Grafana Mimir","version":"2.11.0","revision":"a","goVersion":"go1.21","features":{}}"#,
        "Mimir 2.11.0",
    );
    check(r#"{"version":"2.24.0"}"#, "VictoriaMetrics 2.24.0");
    check(
        r#"{"version":"3.1.0","revision":"a","goVersion":"go1.23"}"#,
        "3.1.0",
    );
}

#[test]
fn the_first_series_by_labels_are_kept_and_the_rest_counted() {
    let items: Vec<String> = (0..1000)
        .map(|n| {
            let n = (n * 7919) % 1000;
            format!(r#"{{"metric":{{"z":"x","a\u0062":"{n:04}"}},"value":[1,"{n}"]}}"#)
        })
        .collect();
    let body = format!(
        r#"{{"status":"success","data":{{"result":[{}],"resultType":"vector"}}}}"#,
        items.join(",")
    );
    let vector = parse_vector(body.as_bytes(), 3).unwrap();
    assert_eq!(vector.dropped, 997);
    let first: Vec<_> = vector.series.iter().map(|s| s.labels[0].clone()).collect();
    assert_eq!(
        first,
        [0, 1, 2].map(|n| ("ab".to_owned(), format!("{n:04}")))
    );
}

#[test]
fn an_answer_reads_the_same_in_whatever_order_and_nothing_counts_twice() {
    let list = r#"[{"metric":{"a":"1"},"value":[1,"2"]},{"value":[1.5,"NaN"],"metric":{}}]"#;
    let usual = format!(
        r#"{{"status":"success","infos":["x"],"data":{{"resultType":"vector","result":{list},"stats":{{}}}}}}"#
    );
    let turned = format!(
        r#"{{"data":{{"result":{list},"stats":{{}},"resultType":"vector"}},"infos":["x"],"status":"success"}}"#
    );
    let read = |body: &str| format!("{:?}", parse_vector(body.as_bytes(), 9));
    assert_eq!(read(&usual), read(&turned));
    assert!(read(&usual).contains("NaN"), "{}", read(&usual));
    for twice in [
        r#"{"status":"error","status":"success","data":{"resultType":"vector","result":[]}}"#,
        r#"{"status":"success","data":{"resultType":"vector","result":[]},"data":null}"#,
        r#"{"status":"success","data":{"resultType":"vector","result":[],"result":[]}}"#,
    ] {
        assert!(read(twice).contains("duplicate field"), "{}", read(twice));
    }
}

#[test]
fn missing_stores_make_an_answer_partial_but_hints_on_the_expression_do_not() {
    let check = |extra: &str, expected: Option<&str>| {
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[]}}{extra}}}"#
        );
        let vector = parse_vector(body.as_bytes(), 9).unwrap();
        assert_eq!(vector.partial.as_deref(), expected, "{extra}");
        let shown = extra.contains("PromQL info");
        let is_info = |text: &String| text.starts_with("PromQL info");
        assert_eq!(vector.warnings.iter().any(is_info), shown, "{extra}");
    };
    check("", None);
    check(
        r#","infos":["PromQL info: metric might not be a counter"]"#,
        None,
    );
    check(
        r#","warnings":["PromQL warning: quantile value should be between 0 and 1"]"#,
        None,
    );
    check(
        r#","warnings":["PromQL info: x","fetch store store-2: unavailable"]"#,
        Some("fetch store store-2: unavailable"),
    );
    check(
        r#","isPartial":true"#,
        Some("the server marks its answer as partial"),
    );
    check(r#","isPartial":false,"warnings":null"#, None);
}

#[test]
fn a_wrong_shape_is_named_by_its_place() {
    let check = |body: &str, place: &str| {
        let error = parse_vector(body.as_bytes(), 9).unwrap_err().to_string();
        assert!(error.contains(place), "{body}: {error}");
    };
    check("", "EOF");
    check("{}", "missing field `status`");
    check(r#"{"status":"success"}"#, "at `data`");
    check(
        r#"{"status":"success","data":{"resultType":"vector","result":7}}"#,
        "at `data.result`: invalid type: integer `7`",
    );
    let bad = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]},{"metric":{},"value":[1,"x1"]}]}}"#;
    check(bad, "at `data.result[1].value`: `x1` is not a number");
    check(bad.strip_suffix("\"]}]}}").unwrap(), "EOF");
    let none = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}"#;
    check(none, "has no value");
}
