//! Proves that each page is there and can be read.

use super::{Failure, Form, Page, ScrapeConfig, clients, read_page};
use crate::clock::Clock;
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Http, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::{BoxFuture, join_all};
use std::sync::Arc;
use std::time::Duration;

/// Reads each page once, whole.
pub(super) struct ScrapeProbe {
    endpoints: Vec<Http>,
    clock: Arc<dyn Clock>,
}

impl ScrapeProbe {
    pub(super) fn new(
        config: &ScrapeConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            endpoints: clients(config)?,
            clock,
        })
    }

    async fn look(&self, http: &Http) -> Check {
        let from = self.clock.now();
        let what = format!("page of `{}`", http.host());
        let mut check = match page(http, from).await {
            Ok((form, page)) => said(what, form, &page),
            Err(Failure::Http(error)) => {
                let hint = error.hint().unwrap_or_default();
                Check::new(what, Health::Bad, error.to_string()).hint(hint)
            }
            Err(failure) => Check::new(what, Health::Bad, failure.to_string())
                .hint("is it a page of metrics, in text or OpenMetrics?"),
        };
        check.took = Duration::from_millis(self.clock.now().mono_since(from));
        check
    }
}

async fn page(http: &Http, now: Moment) -> Result<(Form, Page), Failure> {
    let answer = http.get("", &[]).await?;
    let form = Form::of(&answer.content_type);
    let read = move || read_page(&answer.body, form, now.wall, |_| true);
    let page = tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| Failure::Decoder)??;
    Ok((form, page))
}

fn said(what: String, form: Form, page: &Page) -> Check {
    let form = match form {
        Form::Text => "text 0.0.4",
        Form::OpenMetrics => "OpenMetrics 1.0",
    };
    let said = format!("{} samples, {form}", page.samples.len());
    let refused = page.refused.len().saturating_add(page.refused_more);
    if let Some(first) = page.refused.first() {
        return Check::new(
            what,
            Health::Warn,
            format!(
                "{said}; {refused} lines refused, first line {}: {}",
                first.line, first.why
            ),
        )
        .hint("what such a line may have said is unknown");
    }
    if page.samples.is_empty() {
        return Check::new(what, Health::Bad, said).hint("check the path in `urls`");
    }
    Check::new(what, Health::Good, said)
}

impl Probe for ScrapeProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move { join_all(self.endpoints.iter().map(|http| self.look(http))).await })
    }
}
