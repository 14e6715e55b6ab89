//! Any bytes: decoding, parsing, resolving and rendering neither panic nor point outside of the text.

use warroom::domain::runbook::{decode, parse, resolve};
use warroom::report::diagnostics::{Look, Source, render, to_json};

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = decode(bytes) else { return };
    let (runbook, mut problems) = parse(text, "fuzz.md");
    let (plan, further) = resolve(&runbook);
    problems.extend(further);
    for problem in &problems {
        assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
    }
    let source = Source {
        name: "fuzz.md",
        text,
    };
    render(source, &problems, Look::Plain);
    to_json(source, &problems);
    plan.digest();
}
