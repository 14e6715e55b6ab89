use super::*;
use crate::connect::contracts;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_321_924_000);

fn read(text: &str) -> Page {
    parse(text, Form::Text, NOW, |_| true).expect("nothing is lost")
}

fn read_open(text: &str) -> Page {
    parse(text, Form::OpenMetrics, NOW, |_| true).expect("nothing is lost")
}

fn pairs(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn what_the_crate_loses_passes_the_shield() {
    let check = |line: &str, name: &str, labels: &[(&str, &str)], value: f64| {
        let page = read(&format!("{line}\n"));
        assert_eq!(page.refused, [], "{line}");
        let expected = TextSample {
            name: name.to_owned(),
            labels: pairs(labels),
            value,
            at: NOW,
            is_stamped: false,
        };
        assert_eq!(page.samples, [expected], "{line}");
    };
    check("a:b:c 1", "a:b:c", &[], 1.0);
    check("f{} 1", "f", &[], 1.0);
    check("f{a=\"1\"}2", "f", &[("a", "1")], 2.0);
    check("f{a=\"x,y\"} 1", "f", &[("a", "x,y")], 1.0);
    check("f{a=\"{x}=}\"} 1", "f", &[("a", "{x}=}")], 1.0);
    check(
        "f{ b = \"2\" ,\ta=\"\\\"\\\\\\n\", } 1e3",
        "f",
        &[("a", "\"\\\n"), ("b", "2")],
        1000.0,
    );
    check("f{a=\"\"} +Inf", "f", &[("a", "")], f64::INFINITY);
    check(
        "f{a=\" \u{e000} # \"} -Inf",
        "f",
        &[("a", " \u{e000} # ")],
        f64::NEG_INFINITY,
    );
    check("  # f 1\nf 1 # {a=\"b\"} 0.5", "f", &[], 1.0);
    assert!(read("f NaN\n").samples[0].value.is_nan());
}

#[test]
fn histograms_stay_series_and_time_stamps_are_kept() {
    let text = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3 1000\nh_bucket{le=\"1\"} 2\nh_sum 9\nh_count 3\n";
    let names: Vec<_> = read(text)
        .samples
        .into_iter()
        .map(|s| (s.name, s.value, s.at.as_millis()))
        .collect();
    let now = NOW.as_millis();
    let expected = [
        ("h_bucket", 3.0, 1000),
        ("h_bucket", 2.0, now),
        ("h_count", 3.0, now),
        ("h_sum", 9.0, now),
    ];
    assert_eq!(
        names,
        expected.map(|(name, value, at)| (name.to_owned(), value, at))
    );
    // OpenMetrics counts seconds.
    assert_eq!(
        read_open("a 1 1.5\n# EOF\n").samples[0].at.as_millis(),
        1500
    );
}

#[test]
fn malformed_lines_are_refused_by_number_and_name() {
    let check = |line: &str, why: LineError, name: Option<&str>| {
        let page = read(&format!("ok 1\n{line}\n"));
        assert_eq!(page.samples.len(), 1, "{line}");
        let refused = Refused {
            line: 2,
            why,
            name: name.map(str::to_owned),
        };
        assert_eq!(page.refused, [refused], "{line}");
    };
    check("1a 1", LineError::Name, None);
    check("a.b 1", LineError::Name, None);
    check("{\"a\"} 1", LineError::Name, None);
    check("a", LineError::Name, None);
    check("a{b=c} 1", LineError::Labels, Some("a"));
    check("a{b=\"c\"", LineError::Labels, Some("a"));
    check("a{b=\"c", LineError::Labels, Some("a"));
    check("a{,} 1", LineError::Labels, Some("a"));
    check("a{b=\"c\",b=\"d\"} 1", LineError::LabelTwice, Some("a"));
    check("a{__name__=\"c\"} 1", LineError::LabelTwice, Some("a"));
    check("a{b=\"\\t\"} 1", LineError::Escape, Some("a"));
    check("a x", LineError::Value, Some("a"));
    check("a 0x1p-3", LineError::Value, Some("a"));
    check("a{} ", LineError::Value, Some("a"));
    check("a 1 1.5", LineError::Time, Some("a"));
    check("a 1 99999999999999999", LineError::Time, Some("a"));
    check("a 1 2 3", LineError::Rest, Some("a"));
    check("# TYPE a thing", LineError::Type, Some("a"));
    check("# TYPE a-b gauge", LineError::Type, None);
    assert_eq!(read("a 1\nb 2").refused[0].why, LineError::Cut);
    let open = |text: &str| {
        let page = read_open(text);
        page.refused.iter().map(|r| r.why).collect::<Vec<_>>()
    };
    assert_eq!(open("a 1\n# EOF\nb 2"), [LineError::AfterEof]);
    assert_eq!(open("a 1\n"), [LineError::NoEof]);
    assert_eq!(open(""), [LineError::NoEof]);
    assert_eq!(
        read("a 1\n# EOF\nb 2\n").samples.len(),
        2,
        "a comment in text"
    );
}

#[test]
fn refused_lines_spoil_what_they_may_have_been() {
    let page = read("a{ 1\nb 1\n");
    assert!(page.refused_of("a").is_some() && page.refused_of("b").is_none());
    assert!(read("?? 1\nb 1\n").refused_of("b").is_some());
    assert!(read("# TYPE b thing\nb 1\n").refused_of("b").is_none());
    let many = read(&"a{ 1\n".repeat(REFUSED_MAX + 5));
    assert_eq!((many.refused.len(), many.refused_more), (REFUSED_MAX, 5));
    assert!(many.refused_of("b").is_some());
}

/// Label values from whatever makes trouble somewhere.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(','),
        Just('='),
        Just('{'),
        Just('}'),
        Just('"'),
        Just('\\'),
        Just('\n'),
        Just(' '),
        Just('#'),
        Just('\t'),
        Just('\u{2d0}'),
        Just('\u{e000}'),
        Just('\r'),
        Just('c'),
        Just('\u{2028}'),
        any::<char>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn sample() -> impl Strategy<Value = TextSample> {
    let labels = prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,6}", hostile(), 0..4);
    let value = prop_oneof![
        any::<f64>().prop_filter("own case", |v| !v.is_nan()),
        Just(f64::INFINITY),
        Just(0.0)
    ];
    let at = prop_oneof![
        Just(NOW),
        (0..4_000_000_000_000_i64).prop_map(Timestamp::from_millis)
    ];
    ("[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", labels, value, at)
        .prop_filter("reserved", |(_, labels, ..)| {
            !labels.contains_key("__name__")
        })
        .prop_map(|(name, labels, value, at)| TextSample {
            name,
            labels: labels.into_iter().collect(),
            value,
            at,
            is_stamped: at != NOW,
        })
}

/// Pages without a series that comes twice, in the order in which they are read back.
fn samples() -> impl Strategy<Value = Vec<TextSample>> {
    prop::collection::vec(sample(), 0..8).prop_map(|mut samples| {
        samples.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        samples.dedup_by(|a, b| (&a.name, &a.labels) == (&b.name, &b.labels));
        samples
    })
}

fn write(sample: &TextSample, blank: &str, form: Form) -> String {
    let escape = |value: &str| {
        value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let labels: Vec<_> = sample
        .labels
        .iter()
        .map(|(name, value)| format!("{blank}{name}{blank}={blank}\"{}\"{blank}", escape(value)))
        .collect();
    let ms = sample.at.as_millis();
    let time = match form {
        _ if !sample.is_stamped => String::new(),
        Form::Text => format!(" {ms}"),
        Form::OpenMetrics => format!(" {}.{:03}", ms / 1000, ms % 1000),
    };
    // OpenMetrics wants one blank, text any or none.
    let gap = if form == Form::OpenMetrics {
        " "
    } else {
        blank
    };
    format!(
        "{blank}{}{blank}{{{}}}{gap}{:?}{time}{blank}\n",
        sample.name,
        labels.join(","),
        sample.value
    )
}

/// One gauge family for each name, as OpenMetrics wants it.
fn write_open(samples: &[TextSample]) -> String {
    let mut text = String::new();
    let mut last = "";
    for sample in samples {
        let name = sample.name.as_str();
        if name != last {
            text.extend(["# TYPE ", name, " gauge\n# HELP ", name, " \"x\"\n"]);
            last = name;
        }
        text.push_str(&write(sample, "", Form::OpenMetrics));
    }
    text + "# EOF\n"
}

proptest! {
    #[test]
    fn every_written_page_is_read_back(samples in samples(), blank in "[ \t]{0,2}") {
        let text: String = samples.iter().map(|sample| write(sample, &blank, Form::Text)).collect();
        let page = read(&text);
        prop_assert_eq!(&page.refused, &[]);
        prop_assert_eq!(page.samples, samples);
    }

    #[test]
    fn every_written_openmetrics_page_is_read_back(samples in samples()) {
        let page = read_open(&write_open(&samples));
        prop_assert_eq!(&page.refused, &[]);
        prop_assert_eq!(page.samples, samples);
    }

    /// A page that is cut anywhere says so, or lacks nothing that it gives.
    #[test]
    fn a_cut_page_gives_no_wrong_value(samples in samples(), part in 0.0..1.0_f64) {
        let text = write_open(&samples);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let mut at = (text.len() as f64 * part) as usize;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let page = read_open(text.get(..at).expect("a boundary"));
        if at < text.len() - 1 {
            prop_assert!(page.refused_of("anything").is_some());
        }
        for sample in &page.samples {
            prop_assert!(samples.contains(sample), "{:?}", sample);
        }
    }

    #[test]
    fn any_text_is_read_without_a_hole(text in "[a-z0-9{}=,\" #\\\\\n:.\u{2d0}\u{e000}-]{0,80}") {
        parse(&text, Form::Text, NOW, |_| true).expect("nothing is lost");
        parse(&text, Form::OpenMetrics, NOW, |_| true).expect("nothing is lost");
    }

    /// Words of the forms in any order.
    #[test]
    fn any_lines_are_read_without_a_hole(words in prop::collection::vec(
        prop::sample::select(vec![
            "# TYPE a ", "# HELP a ", "# UNIT a ", "# EOF\n", "counter\n", "histogram\n", "summary\n", "gauge\n", "info\n",
            "stateset\n", "gaugehistogram\n", "a", "a_total", "a_bucket", "a_sum", "a_count", "a_info", "a_created", "b",
            "{le=\"1\"}", "{le=\"+Inf\"}", "{a=\"x\"}", "{quantile=\"0.5\"}", " 1", " -1", " NaN", " +Inf", " 1.5", "\n",
            " # {b=\"c\"} 1", " # ", " ",
        ]), 0..40,
    )) {
        let text = words.concat();
        parse(&text, Form::Text, NOW, |_| true).expect("nothing is lost");
        parse(&text, Form::OpenMetrics, NOW, |_| true).expect("nothing is lost");
    }
}

fn folders(path: &str) -> Option<Vec<(String, std::path::PathBuf)>> {
    let folder = contracts::folder()?
        .join("prometheus-text/examples")
        .join(path);
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("entry"))
        .map(|entry| (entry.file_name().into_string().expect("name"), entry.path()))
        .collect();
    found.sort();
    Some(found)
}

#[test]
fn openmetrics_pages_are_judged_as_their_authors_say() {
    let Some(folders) = folders("openmetrics") else {
        return;
    };
    assert!(folders.len() > 100, "{}", folders.len());
    let (mut milder, mut stricter) = (Vec::new(), Vec::new());
    for (name, folder) in &folders {
        let text = std::fs::read_to_string(folder.join("metrics")).expect("metrics");
        let stated = std::fs::read_to_string(folder.join("test.json")).expect("test.json");
        let stated: serde_json::Value = serde_json::from_str(&stated).expect("json");
        let refused = read_open(&text).refused;
        match (
            stated["shouldParse"].as_bool().expect("bool"),
            refused.is_empty(),
        ) {
            (true, false) => stricter.push((name.as_str(), refused)),
            (false, true) => milder.push(name.as_str()),
            _ => {}
        }
    }
    assert_eq!(stricter, [], "every page that is good is read");
    assert_eq!(milder, [""; 0], "every page that is bad is refused");
}

#[test]
fn text_pages_are_judged_as_their_authors_say() {
    let Some(files) = folders("parser-corpus") else {
        return;
    };
    for (name, path) in &files {
        let page = read(&std::fs::read_to_string(path).expect("text"));
        let is_bad = name.contains("error");
        assert_eq!(
            !page.refused.is_empty(),
            is_bad,
            "{name}: {:?}",
            page.refused
        );
    }
}

/// What breaks a rule of the form without touching a measured value is told, and costs no metric.
#[test]
fn a_rule_of_openmetrics_that_is_broken_costs_only_what_it_touches() {
    let page = read_open("# TYPE a counter\na_total 1\n# HELP a late\n\nb  2\n# EOF\n");
    let why: Vec<_> = page.refused.iter().map(|r| (r.line, r.why)).collect();
    let expected = [
        (3, LineError::MetadataLate),
        (4, LineError::Blanks),
        (5, LineError::Blanks),
    ];
    assert_eq!(why, expected);
    assert!(page.refused_of("a_total").is_none() && page.refused_of("b").is_none());
    assert_eq!(page.samples.len(), 2);
    let page = read_open("# TYPE a counter\na_total -1\n# TYPE b gauge\nb -1\n# EOF\n");
    assert!(page.refused_of("a_total").is_some() && page.refused_of("b").is_none());
    let buckets = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# EOF\n";
    assert!(read_open(buckets).refused_of("h_bucket").is_some());
}

#[test]
fn of_a_series_that_comes_twice_the_newest_is_kept_and_a_contradiction_refused() {
    let page = read("a{b=\"c\"} 1 1000\na{b=\"c\"} 2 2000\nd 1\nd 1\n");
    assert_eq!(page.refused, []);
    let values: Vec<_> = page.samples.iter().map(|s| s.value).collect();
    assert_eq!(values, [2.0, 1.0]);
    let page = read("d 1\ne 1\nd 2\n");
    assert_eq!(
        (page.refused[0].line, page.refused[0].why),
        (3, LineError::Twice)
    );
    assert!(page.refused_of("d").is_some() && page.refused_of("e").is_none());
}

#[test]
fn gauges_are_known_by_their_type_line() {
    let page = read("# TYPE a gauge\na 1\n# TYPE b counter\nb 1\n");
    assert_eq!(page.gauges.iter().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn the_form_is_what_the_content_type_says() {
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(Form::of(open), Form::OpenMetrics);
    assert_eq!(Form::of("text/plain; version=0.0.4"), Form::Text);
    assert_eq!(Form::of(""), Form::Text);
}

#[test]
fn recorded_pages_are_read_without_loss() {
    for path in ["common-text", "recorded/self-metrics.txt"] {
        let Some(bytes) = contracts::read(&format!("prometheus-text/examples/{path}")) else {
            return;
        };
        let text = String::from_utf8(bytes).expect("UTF-8");
        let page = read(&text);
        assert_eq!(page.refused, [], "{path}");
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .count();
        assert_eq!(page.samples.len(), lines, "{path}");
    }
}
