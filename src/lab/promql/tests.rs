use super::*;

fn element(labels: &[(&str, &str)], value: f64) -> Element {
    Element {
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        value,
    }
}

fn select(matchers: &[Matcher]) -> Vec<Element> {
    let all = [
        element(
            &[("__name__", "lag"), ("instance", "db-1"), ("site", "a")],
            1.0,
        ),
        element(
            &[("__name__", "lag"), ("instance", "db-2"), ("site", "a")],
            2.0,
        ),
        element(
            &[("__name__", "lag"), ("instance", "db-3"), ("site", "b")],
            6.0,
        ),
        element(
            &[("__name__", "size"), ("instance", "db-2"), ("site", "a")],
            4.0,
        ),
        element(&[("__name__", "rps"), ("code", "2xx")], 90.0),
        element(&[("__name__", "rps"), ("code", "5xx")], 10.0),
    ];
    let value_of = |element: &Element, label: &str| {
        let found = element.labels.iter().find(|(name, _)| name == label);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let fits = |element: &Element| {
        let mut tests = matchers.iter();
        tests.all(|matcher| matcher.fits(&value_of(element, &matcher.label)))
    };
    all.into_iter().filter(fits).collect()
}

/// The value as text: `{a=b} 1; {a=c} 2`, or a bare number.
fn ask(expr: &str) -> String {
    let parsed = match parse(expr) {
        Ok(parsed) => parsed,
        Err(error) => return format!("parse: {error}"),
    };
    match evaluate(&parsed, 1_500, &select) {
        Ok(Value::Scalar(number)) => number.to_string(),
        Ok(Value::Vector(elements)) => {
            let lines = elements.iter().map(|element| {
                let pairs = element.labels.iter();
                let pairs: Vec<String> = pairs.map(|(n, v)| format!("{n}={v}")).collect();
                format!("{{{}}} {}", pairs.join(","), element.value)
            });
            lines.collect::<Vec<_>>().join("; ")
        }
        Err(error) => format!("eval: {error}"),
    }
}

#[test]
fn what_the_lab_understands_means_what_it_means_in_promql() {
    for (expr, answer) in [
        ("1 + 2 * 3", "7"),
        ("-(2 - 4) / 4", "0.5"),
        ("1e3", "1000"),
        ("time()", "1.5"),
        ("vector(2.5)", "{} 2.5"),
        (
            "lag{instance='db-3'}",
            "{__name__=lag,instance=db-3,site=b} 6",
        ),
        (
            r#"lag{instance!="db-3", site=~"a|c"} * 10"#,
            "{instance=db-1,site=a} 10; {instance=db-2,site=a} 20",
        ),
        (
            r#"{__name__=~"si.*"}"#,
            "{__name__=size,instance=db-2,site=a} 4",
        ),
        (
            r#"size{instance=~"db-.+"} "#,
            "{__name__=size,instance=db-2,site=a} 4",
        ),
        (r#"size{instance=~"db-2.+"}"#, ""),
        ("size{nothing=''}", "{__name__=size,instance=db-2,site=a} 4"),
        ("sum(lag)", "{} 9"),
        ("max(lag)", "{} 6"),
        ("min by (site) (lag)", "{site=a} 1; {site=b} 6"),
        ("avg(lag) by (site)", "{site=a} 1.5; {site=b} 6"),
        ("sum by (site, instance) (size)", "{instance=db-2,site=a} 4"),
        ("sum(nothing)", ""),
        ("sum(rps{code=\"5xx\"}) / sum(rps)", "{} 0.1"),
        ("lag / size", "{instance=db-2,site=a} 0.5"),
        (
            "lag > 1.5",
            "{__name__=lag,instance=db-2,site=a} 2; {__name__=lag,instance=db-3,site=b} 6",
        ),
        ("max(lag) < 6", ""),
        ("6 <= max(lag)", "{} 6"),
        ("lag == 6", "{__name__=lag,instance=db-3,site=b} 6"),
        ("lag != 6 > 1", "{__name__=lag,instance=db-2,site=a} 2"),
        ("-size", "{instance=db-2,site=a} -4"),
        ("100 * sum(rps{code=~\"5xx\"}) / sum(rps) > 5", "{} 10"),
        ("sum", ""),
        ("size / 0", "{instance=db-2,site=a} inf"),
    ] {
        assert_eq!(ask(expr), answer, "{expr}");
    }
}

#[test]
fn everything_else_is_refused_by_name() {
    for (expr, part) in [
        ("", "1:1: parse error: unexpected end of input"),
        (
            "rate(rps[5m])",
            "1:1: parse error: unknown function with name \"rate\"",
        ),
        ("lag[5m]", "no range selectors"),
        ("lag offset 5m", "does not know `offset` here"),
        ("lag{", "expected a label"),
        ("lag{}}", "unexpected character '}'"),
        ("{}", "at least one non-empty matcher"),
        ("{instance=''}", "at least one non-empty matcher"),
        ("lag{instance=db}", "expected a text in quotes"),
        ("lag{instance=\"db}", "unterminated quoted string"),
        ("lag{instance=~\"db-[12]\"}", "no regular expression but"),
        ("lag{instance!~\"db\"}", "expected `=`"),
        ("1 > 0", "BOOL modifier"),
        ("lag > size", "numbers only"),
        ("lag > bool 1", "does not know `bool`"),
        ("sum(1)", "takes a vector"),
        ("vector(lag)", "takes a number"),
        ("sum without (site) (lag)", "does not know `without`"),
        ("stddev(lag)", "unknown function with name \"stddev\""),
        ("lag and size", "does not know `and` here"),
        ("lag +", "unexpected end of input"),
        ("1x", "bad number \"1x\""),
        ("lag) ", "unexpected character ')'"),
    ] {
        let answer = ask(expr);
        assert!(
            answer.starts_with("parse: ") && answer.contains(part),
            "{expr}: {answer}"
        );
    }
    assert!(ask("sum by (code) (rps) / rps").starts_with("{code=2xx}"));
    assert!(ask("{__name__=~\"lag|size\"} / lag").starts_with("eval: found duplicate series"));
}

#[test]
fn no_expression_uses_up_the_stack() {
    assert!(ask(&"(".repeat(4000)).contains("nested deeper"));
    assert!(ask(&"-".repeat(4000)).contains("unexpected end"));
    assert!(ask(&format!("lag{{x=\"{}\"}}", "y".repeat(5000))).contains("longer than"));
    assert_eq!(ask(&vec!["1"; 101].join("+")), "101");
    assert!(ask(&vec!["1"; 1000].join("+")).contains("more than 100 operators"));
}
