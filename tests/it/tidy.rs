//! Rules of the house that the compiler does not know: arrows between modules, sizes, places of dangerous things.

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use of this crate, beside itself. `cli` and `main` may use everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("display", &[]),
    ("domain", &[]),
    ("clock", &["domain"]),
    ("evidence", &["domain"]),
    ("engine", &["domain"]),
    (
        "enforce",
        &["domain", "evidence", "config", "runner", "clock"],
    ),
    ("journal", &["domain"]),
    ("wire", &["domain"]),
    ("runner", &["domain"]),
    ("lab", &["domain", "clock"]),
    ("telemetry", &[]),
    ("exit", &["display"]),
    ("connect", &["domain", "clock", "display"]),
    ("config", &["domain", "connect", "display", "evidence"]),
    ("report", &["domain", "wire", "display"]),
    ("ui", &["domain", "wire", "display"]),
    (
        "client",
        &["domain", "wire", "display", "ui", "clock", "evidence"],
    ),
    (
        "server",
        &[
            "domain", "wire", "display", "engine", "journal", "connect", "runner", "config",
            "clock", "evidence", "enforce",
        ],
    ),
];

/// A file beyond this is two things in one.
const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, with their text.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(dir) = folders.pop() {
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("readable");
                found.push((path.strip_prefix(root()).expect("below").to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// Top-level module of a file below `src`: `domain` for `src/domain/id.rs` and `clock` for `src/clock.rs`.
fn module_of(path: &Path) -> String {
    let part = path
        .components()
        .nth(1)
        .expect("below src")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    part.trim_end_matches(".rs").to_owned()
}

/// Names of the crate's modules that a line of code uses.
fn used_in(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut parts = code.split("crate::");
    let mut before = parts.next().unwrap_or_default();
    let mut used = Vec::new();
    for part in parts {
        // `$crate::` and `other_crate::` are not ours.
        if !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            used.push(
                part.chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect::<String>(),
            );
        }
        before = part;
    }
    used.retain(|name| !name.is_empty());
    used
}

#[test]
fn modules_use_only_what_their_arrows_allow() {
    let modules: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let module = module_of(&path);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for used in used_in(line) {
                let is_module = modules.contains(&used.as_str()) || used == "cli";
                if is_module && used != module && !allowed.contains(&used.as_str()) {
                    wrong.push(format!(
                        "{}:{}: `{module}` must not use `{used}`",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_arrows_written_down() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("readable");
    let declared: Vec<&str> = lib
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod "))
        .map(|l| l.trim_end_matches(';'))
        .collect();
    for module in declared.iter().filter(|m| **m != "cli") {
        assert!(
            ARROWS.iter().any(|(name, _)| name == module),
            "`{module}` has no row in ARROWS"
        );
    }
    for (module, _) in ARROWS {
        assert!(
            declared.contains(module),
            "ARROWS names `{module}`, which is not declared in lib.rs"
        );
    }
}

#[test]
fn the_core_does_no_input_output() {
    let banned = [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "tokio::",
        "reqwest::",
        "ratatui::",
        "tracing::",
    ];
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src/domain") {
        if path.ends_with("tests.rs") {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in product.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            wrong.extend(
                banned
                    .iter()
                    .filter(|word| code.contains(**word))
                    .map(|word| {
                        format!(
                            "{}:{}: `{word}` in the pure core",
                            path.display(),
                            number + 1
                        )
                    }),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_module_speaks_http() {
    for (path, text) in rust_files("src") {
        let is_home =
            path.starts_with("src/connect/http") || path == Path::new("src/connect/http.rs");
        let uses = text.lines().any(|l| {
            l.split("//")
                .next()
                .unwrap_or_default()
                .contains("reqwest::")
        });
        assert!(
            is_home || !uses,
            "{} uses `reqwest` outside `connect::http`",
            path.display()
        );
    }
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = rust_files("src")
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(
        long.is_empty(),
        "over {LINES_MAX} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn no_module_is_a_drawer_for_odd_things() {
    for (path, _) in rust_files("src") {
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            !["util", "utils", "helper", "helpers", "common", "misc"].contains(&stem.as_str()),
            "{stem}"
        );
    }
}

#[test]
fn tests_wait_on_conditions_and_none_is_ignored() {
    let sleeping = ["thread::sle", "ep("].concat();
    let ignored = ["#[ign", "ore"].concat();
    for (path, text) in rust_files("tests").into_iter().chain(rust_files("src")) {
        assert!(
            !text.contains(&ignored),
            "{} ignores a test",
            path.display()
        );
        assert!(!text.contains(&sleeping), "{} sleeps", path.display());
    }
}

#[test]
fn paths_named_in_documents_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap_or_default();
        for word in text.split(['`', '(', ')', ' ', '\n']) {
            let is_path = ["src/", "tests/", "themes/", "assets/", "benches/", "fuzz/"]
                .iter()
                .any(|p| word.starts_with(p));
            let is_plain = word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && is_plain {
                let path = word.trim_end_matches(['.', ',', ':']);
                assert!(
                    root().join(path).exists(),
                    "{document} names `{path}`, which does not exist"
                );
            }
        }
    }
}
