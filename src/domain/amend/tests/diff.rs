//! What two plans held against each other show.

use super::*;

#[test]
fn a_diff_says_everything_that_is_another_and_nothing_else() {
    let (old, mut new) = (plan(), plan());
    assert!(diff(&old, &new).is_empty());
    new.steps.iter_mut().for_each(|step| step.line += 7);
    assert!(
        diff(&old, &new).is_empty(),
        "lines of the file are nothing to agree on"
    );
    run(step_of(&mut new, "backup"), "a\n\tb ");
    without(&mut new, "wipe");
    let lines: Vec<String> = diff(&old, &new)
        .iter()
        .map(|line| format!("{}{}", line.mark.as_str(), line.text))
        .collect();
    let text = lines.join("\n");
    for part in [
        "@@ the order of steps",
        "- - wipe: wipe",
        "@@ step `backup`",
        "-       - backup",
        "+         | \tb ",
        "@@ step `wipe`: gone",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Whatever part of a plan is another, some line says so.
    let mut limit = plan();
    limit.rules[0].no_data = crate::domain::threshold::OnNoData::Hold;
    assert!(!diff(&old, &limit).is_empty());
}

#[test]
fn a_diff_of_texts_that_have_nothing_in_common_ends() {
    let (mut old, mut new) = (plan(), plan());
    let long = |word: &str| {
        let lines = (0..3000).map(|n| format!("{word}{n}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    old.briefing = long("a");
    new.briefing = long("b");
    let lines = diff(&old, &new);
    assert!(lines.len() > 6000 && lines.len() <= DIFF_LINES_MAX + 1);
    new.briefing = long("a").repeat(10);
    assert_eq!(diff(&old, &new).len(), DIFF_LINES_MAX + 1);
}
