//! Runbook parsing. Budget: one MiB parsed in under 50 ms in release, so that `check` feels like nothing at all.

use warroom::domain::runbook::{parse, resolve};

fn main() {
    divan::main();
}

/// About one MiB, with as many steps and phases as a runbook may have.
fn text() -> String {
    let mut text = String::from(
        "# Big\n\n```toml maintenance\n[environment]\nhost = \"db-1\"\n```\n\nBriefing.\n\n",
    );
    for phase in 0..190 {
        text.push_str(
            &[
                "## Phase ",
                &phase.to_string(),
                "\n\nProse of the phase.\n\n",
            ]
            .concat(),
        );
        for step in 0..10 {
            text.push_str(&[
                "- [ ] Step ",
                &step.to_string(),
                " of phase ",
                &phase.to_string(),
                " on {{host}}\n\n  ",
                &"Some *prose* with `code`, a [link](https://example.net) and {{host}}.\n  ".repeat(4),
                "\n  ```sh run timeout=5m\n  systemctl restart \"api@$host\"\n  journalctl -u api -n 20\n  ```\n  ```sh verify retry=3\n  curl -fsS \"http://$host/health\"\n  ```\n  ```text\n  expected: ok\n  ```\n\n",
            ].concat());
        }
    }
    text
}

#[divan::bench]
fn parse_one_mib(bencher: divan::Bencher<'_, '_>) {
    let text = text();
    bencher
        .counter(divan::counter::BytesCount::of_str(&text))
        .bench(|| parse(divan::black_box(&text), "big.md"));
}

#[divan::bench]
fn resolve_one_mib(bencher: divan::Bencher<'_, '_>) {
    let text = text();
    let (runbook, problems) = parse(&text, "big.md");
    assert!(problems.is_empty(), "{:?}", problems.first());
    bencher.bench(|| resolve(divan::black_box(&runbook)));
}
