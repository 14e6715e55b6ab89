use super::*;
use crate::clock::SystemClock;
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
    Scraper::new(config, &specs, Arc::new(SystemClock)).unwrap()
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
        "rate(lag[5m])",
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
            .starts_with("not a plain selector")
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
