//! What answers of metrics systems cost to read: `cargo bench --bench connect`.
//!
//! Pages are compared with the bare `prometheus-parse`, which checks nothing and loses what it does not expect.

#![expect(
    clippy::expect_used,
    reason = "a benchmark whose set-up fails has nothing to measure"
)]

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use warroom::clock::{Clock, SystemClock};
use warroom::connect::connector::Connector;
use warroom::connect::poll::Source;
use warroom::connect::prometheus::{PrometheusConfig, SERIES_MAX, parse_targets, parse_vector};
use warroom::connect::query::QuerySpec;
use warroom::connect::scrape::{Form, ScrapeConfig, parse};
use warroom::domain::id::{ConnectorName, RuleId};
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
        .bench(|| parse(&text, Form::Text, now, |name| name == "lag"));
}

/// The price of the shield where all lines pass it.
#[divan::bench]
fn page_shielded_all(bencher: Bencher<'_, '_>) {
    let text = page();
    let now = Timestamp::from_millis(0);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| parse(&text, Form::Text, now, |_| true));
}

/// As above, with the rules of OpenMetrics that lines have among each other.
#[divan::bench]
fn page_openmetrics_one_metric(bencher: Bencher<'_, '_>) {
    let text = page().replace("TYPE http_requests_total", "TYPE http_requests") + "# EOF\n";
    let now = Timestamp::from_millis(0);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| parse(&text, Form::OpenMetrics, now, |name| name == "lag"));
}

#[divan::bench]
fn targets_5000(bencher: Bencher<'_, '_>) {
    let one = |n: usize| {
        let meta: Vec<_> = (0..30)
            .map(|n| format!(r#""__meta_kubernetes_{n}":"value-{n}""#))
            .collect();
        format!(
            r#"{{"discoveredLabels":{{{}}},"labels":{{"job":"node","instance":"host-{n:05}:9100"}},"scrapePool":"node","lastError":"","lastScrape":"2026-11-22T04:32:03.76520133Z","health":"up"}}"#,
            meta.join(",")
        )
    };
    let all: Vec<_> = (0..5000).map(one).collect();
    let body = format!(
        r#"{{"status":"success","data":{{"activeTargets":[{}]}}}}"#,
        all.join(",")
    );
    bencher
        .counter(BytesCount::of_str(&body))
        .bench(|| parse_targets(body.as_bytes()));
}

/// A server that answers every request with the same body, on connections that are kept. Nothing else to spend time on.
fn serve(runtime: &Runtime, body: &str) -> String {
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer: Arc<[u8]> = (head + body).into_bytes().into();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_all(stream, Arc::clone(&answer)));
        }
    });
    url
}

async fn answer_all(mut stream: TcpStream, answer: Arc<[u8]>) {
    let mut request = Vec::new();
    let mut chunk = [0; 8192];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        request.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        request.clear();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn specs(exprs: impl Iterator<Item = String>) -> Vec<QuerySpec> {
    let specs = exprs.enumerate().map(|(n, expr)| QuerySpec {
        rule: RuleId::new(&format!("r{n}")).expect("valid"),
        expr,
        source: None,
    });
    specs.collect()
}

fn source(config: &dyn Connector, specs: &[QuerySpec]) -> Box<dyn Source> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let source = config.source(specs, &clock).expect("can be set up");
    source.expect("it is polled")
}

fn prometheus(url: &str, queries: usize) -> Box<dyn Source> {
    let mut config = PrometheusConfig::new(ConnectorName::new("main").expect("valid"), url);
    (config.alerts, config.rules, config.targets) = (false, false, false);
    config.history = std::time::Duration::ZERO;
    source(&config, &specs((0..queries).map(|n| format!("m{n}"))))
}

fn tick(runtime: &Runtime, source: &mut dyn Source) -> usize {
    let readings = runtime.block_on(source.poll(SystemClock.now()));
    readings.expect("answered").len()
}

/// What 60 guards cost where each is asked every second, both ends of the connections included.
#[divan::bench]
fn tick_of_60_queries(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"db-1:9100","job":"node"},"value":[1795321924.068,"1"]}]}}"#;
    let url = serve(&runtime, body);
    let mut source = prometheus(&url, 60);
    bencher
        .counter(ItemsCount::new(60_usize))
        .bench_local(|| tick(&runtime, source.as_mut()));
}

/// A query that lost its selector, over the wire and apart from the tasks that answer keys.
#[divan::bench]
fn tick_of_10_000_series(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let body = vector();
    let bytes = BytesCount::of_str(&body);
    let url = serve(&runtime, &body);
    let mut source = prometheus(&url, 1);
    bencher
        .counter(bytes)
        .bench_local(|| tick(&runtime, source.as_mut()));
}

/// A scrape of a page of 10,000 series, with rates of 1,000 of them.
#[divan::bench]
fn scrape_with_1000_rates(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let counters: Vec<_> = (0..1000)
        .map(|n| format!("jobs_total{{queue=\"{n}\"}} {n}\n"))
        .collect();
    let body = page() + &counters.concat();
    let bytes = BytesCount::of_str(&body);
    let url = serve(&runtime, &body);
    let mut config = ScrapeConfig::new(ConnectorName::new("nodes").expect("valid"), &[&url]);
    config.series_max = 1000;
    let mut source = source(
        &config,
        &specs(["rate(jobs_total[5m])".to_owned()].into_iter()),
    );
    bencher
        .counter(bytes)
        .bench_local(|| tick(&runtime, source.as_mut()));
}
