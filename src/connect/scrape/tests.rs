use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::connect::connector::{Connector as _, Health};
use crate::domain::reading::Series;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn serving(text: &str) -> MockServer {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(200).set_body_string(text);
    Mock::given(wiremock::matchers::path("/metrics"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn scraper(urls: &[String], exprs: &[&str]) -> Scraper {
    scraper_at(urls, exprs, Arc::new(SystemClock))
}

fn scraper_at(urls: &[String], exprs: &[&str], clock: Arc<dyn Clock>) -> Scraper {
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let specs: Vec<_> = (0..)
        .zip(exprs)
        .map(|(n, expr)| QuerySpec {
            rule: RuleId::new(&format!("r{n}")).unwrap(),
            expr: (*expr).to_owned(),
            source: None,
        })
        .collect();
    let config = ScrapeConfig::new(ConnectorName::new("nodes").unwrap(), &urls);
    Scraper::new(config, &specs, clock).unwrap()
}

fn page(server: &MockServer) -> String {
    format!("{}/metrics", server.uri())
}

fn answers(readings: &[Reading]) -> Vec<Result<Vec<f64>, (String, bool)>> {
    let [Reading::Queries { answers, .. }] = readings else {
        panic!("{readings:?}")
    };
    let values = |series: &Vec<Series>| series.iter().map(|series| series.sample.value).collect();
    answers
        .iter()
        .map(|answer| {
            answer
                .result
                .as_ref()
                .map(values)
                .map_err(|failure| (failure.what.clone(), failure.partial))
        })
        .collect()
}

#[tokio::test]
async fn plain_selectors_are_answered_from_all_endpoints_and_others_refused() {
    let one = serving("lag{db=\"a\"} 1\nlag{db=\"b\"} 2\nother 9\n").await;
    let two = serving("# TYPE lag gauge\nlag{db=\"a\",instance=\"x\"} 3 1700000000000\n").await;
    let instance = one.uri().replace("http://", "");
    let exprs = [
        "lag{db=\"a\"}",
        "sum(lag)",
        "up",
        &format!("lag{{instance=\"{instance}\"}}"),
        "gone",
    ];
    let mut scraper = scraper(&[page(&one), page(&two)], &exprs);
    let readings = scraper.poll(SystemClock.now()).await.unwrap();
    let answers = answers(&readings);
    let mut lag = answers[0].clone().unwrap();
    lag.sort_by(f64::total_cmp);
    assert_eq!(lag, [1.0, 3.0]);
    assert!(
        answers[1]
            .as_ref()
            .unwrap_err()
            .0
            .starts_with("neither a selector")
    );
    assert_eq!(answers[2], Ok(vec![1.0, 1.0]));
    assert_eq!(answers[3], Ok(vec![1.0, 2.0]));
    assert_eq!(answers[4], Ok(vec![]));
    assert_eq!(scraper.trouble(), None);
}

#[tokio::test]
async fn with_an_endpoint_silent_only_up_is_known() {
    let one = serving("lag 1\n").await;
    let broken = MockServer::start().await;
    let mut scraper = scraper(&[page(&one), page(&broken)], &["lag", "up"]);
    let readings = scraper.poll(SystemClock.now()).await.unwrap();
    let answers = answers(&readings);
    assert!(answers[0].as_ref().unwrap_err().1, "partial");
    let mut up = answers[1].clone().unwrap();
    up.sort_by(f64::total_cmp);
    assert_eq!(up, [0.0, 1.0]);
    assert!(
        scraper
            .trouble()
            .is_some_and(|text| text.starts_with("1 of 2 endpoints failed"))
    );
}

#[tokio::test]
async fn a_poll_fails_when_no_endpoint_answers() {
    let broken = MockServer::start().await;
    let error = scraper(&[page(&broken)], &["lag"])
        .poll(SystemClock.now())
        .await
        .unwrap_err();
    assert!(
        error.what.contains("HTTP 404; check the path"),
        "{}",
        error.what
    );
    assert!(answers(&error.readings)[0].is_err());
}

#[tokio::test]
async fn a_refused_line_spoils_its_own_metric_and_is_reported() {
    let server = serving("lag{db=\"a\"} 1\nlag{db=\"b} 2\nother 9\n").await;
    let mut scraper = scraper(&[page(&server)], &["lag", "other"]);
    let readings = scraper.poll(SystemClock.now()).await.unwrap();
    let answers = answers(&readings);
    let (what, partial) = answers[0].clone().unwrap_err();
    assert!(
        partial && what.ends_with("line 2: malformed labels"),
        "{what}"
    );
    assert_eq!(answers[1], Ok(vec![9.0]));
    assert!(
        scraper
            .trouble()
            .is_some_and(|text| text.ends_with("line 2: malformed labels (1 refused)"))
    );
}

#[tokio::test]
async fn a_page_that_is_not_utf_8_names_its_line() {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(200).set_body_bytes(b"a 1\nb{c=\"\xff\"} 1\n".to_vec());
    Mock::given(wiremock::matchers::any())
        .respond_with(response)
        .mount(&server)
        .await;
    let error = scraper(&[page(&server)], &["a"])
        .poll(SystemClock.now())
        .await
        .unwrap_err();
    assert!(
        error.what.ends_with("line 2 is not UTF-8"),
        "{}",
        error.what
    );
}

/// Serves these pages one after another, as a counter would that is read again and again.
async fn serving_in_turn(pages: Vec<String>, content_type: &'static str) -> MockServer {
    let server = MockServer::start().await;
    let forms: Vec<&str> = ACCEPT.split(',').collect();
    for page in pages {
        Mock::given(wiremock::matchers::path("/metrics"))
            .and(wiremock::matchers::headers("accept", forms.clone()))
            .respond_with(ResponseTemplate::new(200).set_body_raw(page, content_type))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    server
}

/// Polls with `seconds` between scrapes; gives the answers of each poll.
async fn polled(
    scraper: &mut Scraper,
    clock: &ManualClock,
    polls: usize,
    seconds: u64,
) -> Vec<Vec<Result<Vec<f64>, (String, bool)>>> {
    let mut all = Vec::new();
    for _ in 0..polls {
        let readings = scraper.poll(clock.now()).await.expect("good");
        all.push(answers(&readings));
        clock.advance(Duration::from_secs(seconds));
    }
    all
}

#[tokio::test]
async fn counters_become_rates_from_the_scrapes_themselves() {
    let pages = [0, 300, 600, 100, 400].map(|n| {
        format!("# TYPE req counter\nreq_total{{code=\"200\"}} {n}\nreq_created{{code=\"200\"}} 1700000000.{n}\n# TYPE temp gauge\ntemp {n}\n# EOF\n")
    });
    let server = serving_in_turn(
        pages.to_vec(),
        "application/openmetrics-text; version=1.0.0",
    )
    .await;
    let clock = Arc::new(ManualClock::default());
    let exprs = [
        "rate(req_total[1m])",
        "increase(req_total{code=\"200\"}[1m])",
        "rate(temp[1m])",
        "rate(gone[1m])",
        "req_total",
    ];
    let mut scraper = scraper_at(&[page(&server)], &exprs, clock.clone());
    let found = polled(&mut scraper, &clock, 5, 30).await;
    let unknown = |what: &str| Err((what.to_owned(), true));
    assert_eq!(found[0][0], unknown("a rate needs a second scrape"));
    assert_eq!(found[1][0], Ok(vec![10.0]));
    assert_eq!(
        found[1][1],
        unknown("there is a past of 30s only, and 60s are asked for")
    );
    assert_eq!(
        (&found[2][0], &found[2][1]),
        (&Ok(vec![10.0]), &Ok(vec![600.0]))
    );
    // The counter began anew at zero: 300, then 100.
    assert_eq!(found[3][1], Ok(vec![400.0]));
    assert_eq!(found[4][1], Ok(vec![400.0]));
    let (what, partial) = found[1][2].clone().unwrap_err();
    assert!(what.contains("`temp` is a gauge") && !partial, "{what}");
    assert_eq!(found[1][3], Ok(vec![]));
    assert_eq!(found[1][4], Ok(vec![300.0]));
}

#[tokio::test]
async fn a_rate_of_less_than_its_window_says_so_and_has_no_metric_name() {
    let pages = ["req_total{a=\"b\"} 0\n", "req_total{a=\"b\"} 60\n"];
    let server = serving_in_turn(pages.map(str::to_owned).to_vec(), "text/plain").await;
    let clock = Arc::new(ManualClock::default());
    let mut scraper = scraper_at(&[page(&server)], &["rate(req_total[5m])"], clock.clone());
    scraper.poll(clock.now()).await.unwrap();
    clock.advance(Duration::from_secs(30));
    let readings = scraper.poll(clock.now()).await.unwrap();
    let [Reading::Queries { answers, .. }] = &readings[..] else {
        panic!("{readings:?}")
    };
    assert_eq!(
        answers[0].warnings,
        ["the rate is that of 30s: there is no past of 5m00s yet"]
    );
    let series = &answers[0].result.as_ref().unwrap()[0];
    let names: Vec<_> = series
        .labels
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["a", "instance"]);
}

#[tokio::test]
async fn quantiles_come_from_buckets_and_from_their_rates() {
    let page_of = |fast: u32, all: u32| {
        format!(
            "# TYPE t histogram\nt_bucket{{le=\"0.5\"}} {fast}\nt_bucket{{le=\"1\"}} {all}\nt_bucket{{le=\"+Inf\"}} {all}\nt_sum 1\nt_count {all}\n"
        )
    };
    let pages = vec![page_of(100, 100), page_of(100, 200)];
    let server = serving_in_turn(pages, "text/plain; version=0.0.4").await;
    let clock = Arc::new(ManualClock::default());
    let exprs = [
        "histogram_quantile(0.5, t_bucket)",
        "histogram_quantile(0.5, rate(t_bucket[1m]))",
    ];
    let mut scraper = scraper_at(&[page(&server)], &exprs, clock.clone());
    let found = polled(&mut scraper, &clock, 2, 30).await;
    assert_eq!(found[0][0], Ok(vec![0.25]));
    assert!(found[0][1].is_err());
    assert_eq!(found[1], [Ok(vec![0.5]), Ok(vec![0.75])]);
}

#[tokio::test]
async fn openmetrics_that_is_cut_is_unknown() {
    let pages = vec!["# TYPE a gauge\na 1\n".to_owned()];
    let server = serving_in_turn(pages, "application/openmetrics-text").await;
    let mut scraper = scraper(&[page(&server)], &["a"]);
    let readings = scraper.poll(SystemClock.now()).await.unwrap();
    let (what, partial) = answers(&readings)[0].clone().unwrap_err();
    assert!(
        partial && what.ends_with("the text ends without `# EOF`"),
        "{what}"
    );
}

#[tokio::test]
async fn the_probe_reads_each_page_and_says_what_is_wrong() {
    let good = serving("a 1\nb 2\n").await;
    let torn = serving("a 1\nb{ 2\n").await;
    let empty = serving("").await;
    let gone = MockServer::start().await;
    let urls = [&good, &torn, &empty, &gone].map(page);
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let config = ScrapeConfig::new(ConnectorName::new("nodes").unwrap(), &urls);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let checks = config.probe(&clock).unwrap().check(SystemClock.now()).await;
    let found: Vec<_> = checks
        .iter()
        .map(|check| (check.health, check.said.as_str()))
        .collect();
    let torn_said = "1 samples, text 0.0.4; 1 lines refused, first line 2: malformed labels";
    assert_eq!(
        found,
        [
            (Health::Good, "2 samples, text 0.0.4"),
            (Health::Warn, torn_said),
            (Health::Bad, "0 samples, text 0.0.4"),
            (Health::Bad, "HTTP 404"),
        ]
    );
    assert_eq!(checks[2].hint, "check the path in `urls`");
}
