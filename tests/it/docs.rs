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
        "verify",
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
