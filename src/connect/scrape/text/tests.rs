use super::*;
use crate::connect::contracts;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_321_924_000);

fn read(text: &str) -> Page {
    parse(text, NOW, |_| true).expect("nothing is lost")
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
    assert_eq!(read("a 1 1.5\n# EOF\n").samples[0].at.as_millis(), 1500);
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
            is_sample: why != LineError::Type,
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
    assert_eq!(read("a 1\n# EOF\nb 2").refused[0].why, LineError::AfterEof);
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
        })
}

fn write(sample: &TextSample, blank: &str) -> String {
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
    let time = if sample.at == NOW {
        String::new()
    } else {
        format!(" {}", sample.at.as_millis())
    };
    format!(
        "{blank}{}{blank}{{{}}}{blank}{:?}{time}{blank}\n",
        sample.name,
        labels.join(","),
        sample.value
    )
}

proptest! {
    #[test]
    fn every_written_page_is_read_back(samples in prop::collection::vec(sample(), 0..8), blank in "[ \t]{0,2}") {
        let text: String = samples.iter().map(|sample| write(sample, &blank)).collect();
        let page = read(&text);
        prop_assert_eq!(&page.refused, &[]);
        let mut expected = samples;
        expected.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        prop_assert_eq!(page.samples, expected);
    }

    #[test]
    fn any_text_is_read_without_a_hole(text in "[a-z0-9{}=,\" #\\\\\n:.\u{2d0}\u{e000}-]{0,80}") {
        parse(&text, NOW, |_| true).expect("nothing is lost");
    }
}

/// Pages that their authors refuse and this form reads, since OpenMetrics alone asks for it: which values a type may have and
/// which of its samples go together; how exemplars look (they are left out unread); how metadata, samples and groups are
/// ordered and that nothing comes twice; and that there is exactly one blank. The samples of each are read as they stand.
const MILDER_THAN_OPENMETRICS: &str = "
    bad_blank_line bad_clashing_names_2 bad_counter_values_1 bad_counter_values_10 bad_counter_values_11
    bad_counter_values_12 bad_counter_values_13 bad_counter_values_14 bad_counter_values_15 bad_counter_values_17
    bad_counter_values_18 bad_counter_values_19 bad_counter_values_2 bad_counter_values_5 bad_counter_values_6
    bad_counter_values_7 bad_counter_values_8 bad_counter_values_9 bad_exemplar_complex_chars bad_exemplar_timestamp_0
    bad_exemplar_timestamp_1 bad_exemplar_timestamp_2 bad_exemplars_0 bad_exemplars_10 bad_exemplars_11 bad_exemplars_3
    bad_exemplars_4 bad_exemplars_5 bad_exemplars_6 bad_exemplars_7 bad_exemplars_8 bad_exemplars_9
    bad_exemplars_on_unallowed_metric_types_0 bad_exemplars_on_unallowed_metric_types_1
    bad_exemplars_on_unallowed_metric_types_2 bad_exemplars_on_unallowed_samples_0 bad_exemplars_on_unallowed_samples_2
    bad_exemplars_on_unallowed_samples_3 bad_grouping_or_ordering_0 bad_grouping_or_ordering_10
    bad_grouping_or_ordering_5 bad_grouping_or_ordering_7 bad_grouping_or_ordering_8 bad_grouping_or_ordering_9 bad_help_0
    bad_help_1 bad_help_2 bad_help_3 bad_help_4 bad_histograms_0 bad_histograms_10 bad_histograms_13 bad_histograms_14
    bad_histograms_3 bad_histograms_4 bad_histograms_5 bad_histograms_6 bad_histograms_7 bad_histograms_9 bad_metadata
    bad_metadata_in_wrong_place_0 bad_metadata_in_wrong_place_1 bad_metadata_in_wrong_place_2
    bad_missing_or_invalid_labels_for_a_type_0 bad_missing_or_invalid_labels_for_a_type_1
    bad_missing_or_invalid_labels_for_a_type_2 bad_missing_or_invalid_labels_for_a_type_5
    bad_missing_or_invalid_labels_for_a_type_6 bad_repeated_metadata_0 bad_repeated_metadata_1 bad_repeated_metadata_2
    bad_repeated_metadata_3 bad_stateset_info_values_1 bad_stateset_info_values_2 bad_stateset_info_values_3
    bad_text_after_eof_1 bad_type_6 bad_type_7 bad_unit_1 bad_unit_3 bad_unit_6 bad_unit_7 bad_value_1 bad_value_2
    bad_value_3";
/// Pages of the text form's own parser tests that are refused there for what their lines say of each other: help twice, a
/// type after its sample, buckets and quantiles that are no numbers.
const MILDER_THAN_TEXT: &str = "from_test_parse_error_12 from_test_parse_error_14 from_test_parse_error_19 from_test_parse_error_7";

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
fn openmetrics_pages_are_judged_as_their_authors_say_but_for_the_listed_ones() {
    let Some(folders) = folders("openmetrics") else {
        return;
    };
    assert!(folders.len() > 100, "{}", folders.len());
    let (mut milder, mut stricter) = (Vec::new(), Vec::new());
    for (name, folder) in &folders {
        let text = std::fs::read_to_string(folder.join("metrics")).expect("metrics");
        let stated = std::fs::read_to_string(folder.join("test.json")).expect("test.json");
        let stated: serde_json::Value = serde_json::from_str(&stated).expect("json");
        let is_read = read(&text).refused.is_empty();
        match (stated["shouldParse"].as_bool().expect("bool"), is_read) {
            (true, false) => stricter.push(name.as_str()),
            (false, true) => milder.push(name.as_str()),
            _ => {}
        }
    }
    assert_eq!(stricter, [""; 0], "every page that is good is read");
    assert_eq!(
        milder,
        MILDER_THAN_OPENMETRICS
            .split_whitespace()
            .collect::<Vec<_>>()
    );
}

#[test]
fn text_pages_are_judged_as_their_authors_say_but_for_the_listed_ones() {
    let Some(files) = folders("parser-corpus") else {
        return;
    };
    let mut milder = Vec::new();
    for (name, path) in &files {
        let page = read(&std::fs::read_to_string(path).expect("text"));
        if !name.contains("error") {
            assert_eq!(page.refused, [], "{name}");
        } else if page.refused.is_empty() {
            milder.push(name.as_str());
        }
    }
    assert_eq!(
        milder,
        MILDER_THAN_TEXT.split_whitespace().collect::<Vec<_>>()
    );
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
