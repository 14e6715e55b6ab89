//! What answers of metrics systems cost to read: `cargo bench --bench connect`.
//!
//! Pages are compared with the bare `prometheus-parse`, which checks nothing and loses what it does not expect.

use divan::Bencher;
use divan::counter::BytesCount;
use warroom::connect::prometheus::{SERIES_MAX, parse_vector};
use warroom::connect::scrape::parse;
use warroom::domain::time::Timestamp;

fn main() {
    divan::main();
}

const SERIES: usize = 10_000;

fn vector() -> String {
    let series: Vec<_> = (0..SERIES)
        .map(|n| {
            let labels = format!(
                r#""__name__":"http_requests_total","code":"200","handler":"/api/v1/{n}","instance":"host-{n:05}:9100","job":"node""#
            );
            format!(r#"{{"metric":{{{labels}}},"value":[1795321924.068,"{}"]}}"#, n * 17)
        })
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
        series.join(",")
    )
}

fn page() -> String {
    let lines: Vec<_> = (0..SERIES)
        .map(|n| {
            format!(
                "http_requests_total{{code=\"200\",handler=\"/api/v1/{n}\",method=\"get\"}} {}\n",
                n * 17
            )
        })
        .collect();
    let lines = lines.concat();
    format!("# TYPE http_requests_total counter\n{lines}# TYPE lag gauge\nlag{{db=\"a\"}} 1\n")
}

#[divan::bench]
fn vector_of_10_000_series(bencher: Bencher<'_, '_>) {
    let body = vector();
    bencher
        .counter(BytesCount::of_str(&body))
        .bench(|| parse_vector(body.as_bytes(), SERIES_MAX));
}

#[divan::bench]
fn page_bare_prometheus_parse(bencher: Bencher<'_, '_>) {
    let text = page();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))));
}

/// As in a session: every line is checked, those of one wanted metric are read.
#[divan::bench]
fn page_shielded_one_metric(bencher: Bencher<'_, '_>) {
    let text = page();
    let now = Timestamp::from_millis(0);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| parse(&text, now, |name| name == "lag"));
}

/// The price of the shield where all lines pass it.
#[divan::bench]
fn page_shielded_all(bencher: Bencher<'_, '_>) {
    let text = page();
    let now = Timestamp::from_millis(0);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| parse(&text, now, |_| true));
}
