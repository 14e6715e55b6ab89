//! A page of text exposition: the shield before the parser has no hole, and what comes out is in order.

use warroom::connect::scrape::{Form, Selector, parse};
use warroom::domain::time::Timestamp;

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for form in [Form::Text, Form::OpenMetrics] {
        judge(text, form);
    }
}

fn judge(text: &str, form: Form) {
    let now = Timestamp::from_millis(1_795_312_800_000);
    let page = parse(text, form, now, |_| true).expect("the shield has no hole");
    // A line can break several rules of the form and still be kept: no line gives two samples, and all that is said is
    // said of a line that is there. A page without its end is told at its last line, an empty one at its first.
    let lines = text.lines().count();
    assert!(page.samples.len() <= lines);
    let mut told = page.refused.iter().map(|refused| refused.line);
    assert!(told.all(|line| (1..=lines.max(1)).contains(&line)));
    for sample in &page.samples {
        assert!(sample.labels.is_sorted_by(|a, b| a.0 < b.0), "{sample:?}");
        assert!(!sample.name.is_empty());
    }
    let keys = page.samples.iter().map(|s| (&s.name, &s.labels));
    assert!(keys.is_sorted());
    // The first line as a selector, too: both grammars share names and labels.
    if let Some(Ok(selector)) = text.lines().next().map(Selector::parse) {
        for sample in &page.samples {
            selector.matches(&sample.name, &sample.labels);
        }
    }
}
