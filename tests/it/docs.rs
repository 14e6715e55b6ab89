//! What the documents say is true: examples run through the program, tables equal the code's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn warroom(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_warroom"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The text between a line that is `begin` and the next line that is `end`, without their indentation.
fn block(text: &str, begin: &str, end: &str) -> String {
    let mut lines = text.lines().skip_while(|line| line.trim() != begin);
    let indent = lines
        .next()
        .map_or(0, |line| line.len() - line.trim_start().len());
    lines
        .take_while(|line| line.trim() != end)
        .flat_map(|line| [line.get(indent..).unwrap_or(""), "\n"])
        .collect()
}

#[test]
fn the_runbook_in_the_readme_passes_its_own_check() {
    let readme = fs::read_to_string(root().join("README.md")).expect("readable");
    let runbook = block(&readme, "````markdown", "````");
    assert!(runbook.starts_with("# Upgrade orders-db"), "{runbook}");
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("upgrade.md");
    fs::write(&file, &runbook).expect("writes");
    let checked = warroom(&["check", file.to_str().expect("UTF-8")]);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("no problems"), "{said}");
}

#[test]
fn the_runbook_in_the_page_about_guards_passes_its_own_check() {
    let page = fs::read_to_string(root().join("docs/guards.md")).expect("readable");
    let runbook = block(&page, "````markdown", "````");
    assert!(runbook.starts_with("# Move orders-db"), "{runbook}");
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("guards.md");
    fs::write(&file, &runbook).expect("writes");
    let file = file.to_str().expect("UTF-8");
    let checked = warroom(&["check", file]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
    assert!(said.contains("no problems"), "{said}");
    let planned = warroom(&["plan", file]);
    let said = String::from_utf8_lossy(&planned.stdout).into_owned();
    for word in [
        "2/3 samples",
        "> 2x baseline",
        "> baseline + 500",
        "(dry run)",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn the_manual_page_is_the_one_the_program_prints() {
    let printed = warroom(&["man"]);
    assert!(printed.status.success());
    let kept = fs::read(root().join("assets/warroom.1")).expect("readable");
    assert!(
        printed.stdout == kept,
        "assets/warroom.1 is not what `warroom man` prints; make it anew: cargo run -- man > assets/warroom.1"
    );
}

#[test]
fn every_subcommand_explains_itself() {
    let help = warroom(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for verb in [
        "run",
        "attach",
        "ls",
        "status",
        "kill-session",
        "serve",
        "demo",
        "lab",
        "check",
        "plan",
        "people",
        "verify",
        "report",
        "backtest",
        "doctor",
        "completions",
        "man",
    ] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(verb)),
            "`{verb}` is not in --help"
        );
        assert!(
            warroom(&[verb, "--help"]).status.success(),
            "`{verb} --help`"
        );
    }
}

#[test]
fn commands_of_the_readme_exist() {
    let readme = fs::read_to_string(root().join("README.md")).expect("readable");
    let help = String::from_utf8_lossy(&warroom(&["--help"]).stdout).into_owned();
    // A command begins a line or a code span; everything else that begins with the name is prose.
    let starts = ["`warroom ", "\nwarroom ", "   warroom "];
    for start in starts {
        for rest in readme.split(start).skip(1) {
            let verb: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                .collect();
            assert!(
                help.contains(&format!("\n  {verb} ")),
                "README names `warroom {verb}`"
            );
        }
    }
}

#[test]
fn files_that_scripts_of_the_readme_name_can_be_executed() {
    use std::os::unix::fs::PermissionsExt as _;
    for script in [
        "tests/run",
        ".ci/run",
        "tests/measure/run",
        "tests/picture/make",
    ] {
        let path = root().join(script);
        assert!(path.exists(), "{script}");
        let mode = fs::metadata(Path::new(&path))
            .expect("metadata")
            .permissions()
            .mode();
        assert!(mode & 0o111 != 0, "{script} is not executable");
    }
}

#[test]
fn every_connector_has_a_page_whose_settings_are_understood() {
    use warroom::config::{self, Env, Secrets};
    use warroom::connect::registry::KINDS;
    let env = Env::new([("HOME".to_owned(), "/tmp".to_owned())]);
    for kind in KINDS {
        let page = format!("docs/connect/{}.md", kind.word);
        let text = fs::read_to_string(root().join(&page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        let fences = text.split("```toml\n").skip(1);
        let fences = fences.filter_map(|rest| rest.split("```").next());
        let head = format!("[connect.{}.", kind.word);
        let mut settings = fences.filter(|fence| fence.contains(&head)).peekable();
        assert!(settings.peek().is_some(), "{page} shows no {head}");
        for fence in settings {
            let parsed = config::parse(Path::new(&page), fence, &env, Secrets::Skip);
            parsed.unwrap_or_else(|problems| panic!("{problems}\n{fence}"));
        }
        // Whoever may read a file needs no more.
        let is_file = kind.word.ends_with("-file");
        let text = text.to_lowercase();
        assert!(
            is_file || text.contains("privilege"),
            "{page} names no privileges"
        );
    }
}

/// The text between a fence with these words and its end.
fn fence<'a>(text: &'a str, words: &str) -> &'a str {
    let after = text.split_once(&format!("```{words}\n"));
    let inner = after.and_then(|(_, rest)| rest.split_once("```"));
    inner.map_or_else(|| panic!("no fence `{words}`"), |(inner, _)| inner)
}

#[test]
fn the_policy_files_of_the_page_about_people_pass_the_check() {
    let page = fs::read_to_string(root().join("docs/people.md")).expect("readable");
    let dir = tempfile::tempdir().expect("temp dir");
    for (words, name) in [
        ("toml people", "people.toml"),
        ("text signers", "allowed_signers"),
        ("toml rules", "rules.toml"),
        ("text revoked", "revoked"),
    ] {
        fs::write(dir.path().join(name), fence(&page, words)).expect("writes");
    }
    let place = dir.path().to_str().expect("UTF-8");
    let checked = warroom(&["people", "check", "--draft", place]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
    assert!(said.ends_with("2 people, 2 keys: no problems\n"), "{said}");
    // Somebody else can be enrolled into them with a key of their own.
    let key = dir.path().join("carol");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "carol@laptop", "-f"])
        .arg(&key)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no ssh-keygen");
        return;
    }
    let key = format!("{}.pub", key.display());
    let enrolled = warroom(&[
        "people", "enroll", "carol", "--uid", "1003", "--key", &key, "--in", place,
    ]);
    let lines = String::from_utf8_lossy(&enrolled.stdout).into_owned();
    assert!(enrolled.status.success(), "{lines}");
    assert!(lines.contains("id = \"carol\"\nuids = [1003]\n"), "{lines}");
    let line = lines.lines().last().expect("the key's line").to_owned();
    assert!(
        line.starts_with("carol namespaces=\"warroom-hello@v1,"),
        "{line}"
    );
    assert!(line.ends_with(" carol@laptop"), "{line}");
    // And the same again is refused, with the reason in exit code and words.
    let signers = dir.path().join("allowed_signers");
    let before = fs::read_to_string(&signers).expect("there");
    fs::write(
        &signers,
        format!("{before}{}\n", line.replacen("carol", "bob", 1)),
    )
    .expect("writes");
    let again = warroom(&[
        "people", "enroll", "carol", "--uid", "1003", "--key", &key, "--in", place,
    ]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(2), "{said}");
    assert!(said.contains("already, for `bob`"), "{said}");
}

#[test]
fn what_the_page_about_people_calls_a_default_is_one() {
    use warroom::domain::confirm::policy::Rules;
    use warroom::domain::fact::Mode;
    use warroom::domain::runbook::plan::Risk;
    let page = fs::read_to_string(root().join("docs/people.md")).expect("readable");
    let risks = [
        Risk::Read,
        Risk::Change,
        Risk::Destructive,
        Risk::Irreversible,
    ];
    for risk in risks {
        let start = format!("| `{}` | ", risk.as_str());
        let row = page
            .lines()
            .find(|line| line.starts_with(&start))
            .expect("a row");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let rule = Rules::default().rule_for(risk, Mode::Enforced, false);
        assert!(cells[2].starts_with(&rule.confirmers.to_string()), "{row}");
        assert_eq!(cells[2].contains("two roles"), rule.distinct_roles, "{row}");
        if rule.confirmers > 0 {
            assert!(
                cells[3].starts_with(&format!("`{}`", rule.confirmer.as_str())),
                "{row}"
            );
            let presence = rule.presence.as_str().replace('-', " ");
            assert!(
                presence.contains(cells[6]) || cells[6].contains(&presence),
                "{row}"
            );
        }
        assert!(
            cells[4].starts_with(&format!("`{}`", rule.proposer.as_str())),
            "{row}"
        );
        assert!(
            cells[5].starts_with(&format!("`{}`", rule.go.as_str())),
            "{row}"
        );
    }
}
