use super::*;
use proptest::prelude::*;

#[test]
fn what_prometheus_evaluates_is_taken() {
    for text in [
        "up",
        "up{job=\"a\"}",
        "{__name__=\"up\"}",
        "{\"metric.with.dots\", job='a'}",
        "job:errors:rate5m",
        "sum(up)",
        "sum by (job) (up)",
        "sum(up) by (job, instance,)",
        "SUM WITHOUT (job) (up)",
        "topk(3, rate(a[5m]))",
        "count_values(\"v\", up)",
        "quantile(0.9, up)",
        "rate(http_requests_total{code=~\"5..\"}[5m]) / rate(http_requests_total[5m])",
        "sum(rate(e[5m])) / on (job) group_left (x) sum by (job) (rate(t[5m]))",
        "max_over_time(rate(a[5m])[1h:1m])",
        "max_over_time((a + b)[1h:])",
        "rate(a[5m] offset 1h)",
        "a offset -5m",
        "rate(a[5m] @ end())",
        "a @ 1609746000",
        "histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m])))",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")",
        "label_join(up, \"a\", \",\", \"b\", \"c\")",
        "time() - t < 5m",
        "time()",
        "5",
        "-up ^ 2",
        "2 ^ 3 ^ 2",
        "1 > bool 2",
        "a > bool 5",
        "a and b or c unless d",
        "a and on (x) b",
        "a atan2 b",
        "vector(1)",
        "scalar(up) * 2",
        "hour()",
        "hour(up)",
        "round(up, 0.5)",
        "absent(up)",
        "1e3 + 0x1F + .5 + Inf + NaN",
        "# first\nsum( # why\n  up\n)",
        "sum",
        "a:b
  > 3",
        "clamp(up, 0, 1)",
        "changes(a[1d12h])",
        "info(up, {job=\"a\"})",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

/// An expression, at which text of it something is wrong, what that is, and a word of the hint.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const MISTAKES: &[Mistake] = &[
    ("", "", "the expression ends", ""),
    (
        "rate(up)",
        "up",
        "`rate` takes a range of samples here",
        "up[5m]",
    ),
    (
        "rate(sum(up))",
        "sum(up)",
        "takes a range of samples",
        "[5m:]",
    ),
    ("up[5m]", "up[5m]", "a range of samples, not values", "rate"),
    ("\"up\"", "\"up\"", "a text", "without quotes"),
    ("sum(up[5m])", "up[5m]", "`sum` takes series here", "rate"),
    ("sum(5)", "5", "`sum` takes series here", "vector"),
    ("abs(5)", "5", "takes series here", "vector"),
    (
        "topk(up)",
        "topk(up)",
        "a number, then the series",
        "topk(3, up)",
    ),
    ("topk(up, up)", "up", "takes a number here", "scalar"),
    ("count_values(v, up)", "v", "takes a text here", "quotes"),
    ("rtae(up[5m])", "rtae", "no function `rtae`", "rate"),
    ("Rate(up[5m])", "Rate", "no function `Rate`", "rate"),
    ("round(up, 1, 2)", "round(up, 1, 2)", "3 given", ""),
    ("time(1)", "time(1)", "takes nothing", ""),
    (
        "label_join(up, \"a\")",
        "label_join(up, \"a\")",
        "and more; 2 given",
        "",
    ),
    ("up and 5", "5", "joins sets of series", "vector"),
    ("1 > 2", ">", "two numbers are compared", "> bool"),
    ("up + \"a\"", "\"a\"", "this is a text", ""),
    ("up[5m] + up", "up[5m]", "this is a range of samples", ""),
    ("(up", "(", "never closed", ")"),
    ("up)", ")", "not expected", "never opened"),
    ("up{job=a}", "a", "is not quoted", "job="),
    ("up{job}", "job", "compared with nothing", "job="),
    ("up{job=\"a\"", "{", "never closed", "}"),
    ("{}", "{}", "selects every series", ""),
    ("sum(up)[5m]", "[5m]", "no selector", "[5m:]"),
    ("rate(up[abc])", "abc", "not a span of time", "5m"),
    ("rate(up[5x])", "5x", "neither a number nor a span", ""),
    ("rate(up[$__interval])", "$", "means nothing", "dashboards"),
    ("sum(up) offset 5m", "offset", "only a selector", "inside"),
    ("up up", "up", "not expected", "operator"),
    ("up = 5", "=", "not expected", "=="),
    ("a && b", "&", "means nothing", "words"),
    ("and up", "and", "a value is expected", ""),
    ("up +", " +", "ends where", ""),
    ("a + on (x) 5", "on", "one side is a number", ""),
    ("a and group_left b", "group_left", "", ""),
    ("sum by job (up)", "job", "a list of labels", "by (job)"),
    ("a + bool b", "bool", "behind `+`", "comparisons"),
    ("-\"a\"", "\"a\"", "stands before a text", ""),
    ("a{b=\"x}", "\"x}", "never closed", ""),
];

#[test]
fn each_mistake_is_named_where_it_is() {
    for (text, place, what, hint) in MISTAKES.iter().copied() {
        let flaw = check(text).expect_err(text);
        let at = text.get(flaw.span.clone()).unwrap_or_default();
        let is_place = at == place
            || (place.len() == 2 && place.starts_with(' ') && at.trim() == place.trim());
        assert!(flaw.what.contains(what), "{text}: {}", flaw.what);
        assert!(flaw.hint.contains(hint), "{text}: {}", flaw.hint);
        let is_any = what.is_empty() || place.is_empty();
        assert!(is_place || is_any, "{text}: at `{at}`, not `{place}`");
    }
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let text = format!("{}up{}", "(".repeat(5000), ")".repeat(5000));
    let flaw = check(&text).expect_err("too deep");
    assert!(flaw.what.contains("inside each other"), "{}", flaw.what);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic_and_every_place_lies_in_the_text(text in "[a-c0-9(){}\\[\\],:\"'`=~!<>+*/^@#$ .eé-]{0,40}") {
        if let Err(flaw) = check(&text) {
            prop_assert!(text.get(flaw.span.clone()).is_some(), "{:?}", flaw);
        }
    }
}
